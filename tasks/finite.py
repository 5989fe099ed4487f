"""Environments that give what is no finite number: told as theirs, before a network meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuroevo.text import count

if TYPE_CHECKING:
    from neuroevo.network.phenotype import Phenotype


def withheld(phenotype: Phenotype, sensed: np.ndarray, going: np.ndarray, steps: int) -> np.ndarray:
    """Replaces observations that no network must meet by zeros; returns the episodes that fail of them.

    NaN fails an episode. What an environment shows after the end of one does no harm.

    Args:
        phenotype: The network, which is told that the fault is not its own.
        sensed: What it is about to be given, float32 [W, S]; changed.
        going: Episodes that go on, bool [W].
        steps: Steps of the environments so far.

    Returns:
        bool [W].
    """
    missing = np.isnan(sensed)
    failed = going & missing.any(axis=1)
    for number in failed.nonzero()[0]:
        sensor = int(missing[number].argmax())
        blame(phenotype, int(number), len(going), f"observation {sensor} is nan", steps)
    sensed[missing | (~np.isfinite(sensed) & ~going[:, None])] = 0
    return failed


def blame(phenotype: Phenotype, number: int, num_episodes: int, what: str, steps: int) -> None:
    """Tells a network that an environment gave what is not a finite number.

    Args:
        phenotype: The network of G genomes.
        number: Number of the episode among those of all genomes.
        num_episodes: W, how many these are.
        what: What the environment gave.
        steps: Steps of the environments so far.
    """
    genome, episode = divmod(number, num_episodes // phenotype.num_genomes)
    phenotype.faults.setdefault(
        genome, f"the environment's {what} after {count(steps, 'step')} of episode {episode}"
    )
