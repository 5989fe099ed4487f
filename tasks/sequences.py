"""What sequence tasks share: a network hears a sequence step by step and says something about it.

A task of this kind needs memory and nonlinearity of the network itself, since its sensors carry one moment
alone. With `--adapter ridge` the readout is solved, so that the score tells what the cells hold of the past.
Each seed stands for a sequence of its own; genomes of a lineage, and lineages of equal seeds, share it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.errors import OptionError, require_range
from neuroevo.seeds import generator
from neuroevo.task import Samples, Split, Task

if TYPE_CHECKING:
    from torch import Tensor

    from neuroevo.network.phenotype import Phenotype

LONGEST = 100_000  # steps of a sequence
KEPT = 1 << 25  # bytes of sequences that a task keeps
MOST_EPISODES = 10_000


class SequenceTask(Task):
    """Base of the sequence tasks; a subclass draws inputs and targets, and says how answers are scored.

    Args:
        length: Steps of a training sequence.
        test_length: Steps of a held-out sequence.
        washout: Steps at the beginning that are not judged, since the network comes from rest.
        episodes: B, sequences that run side by side.

    Attributes:
        num_actuators: K, numbers that are to be said at every step.
    """

    unit = "R2"
    maximum = 1.0
    defaults = {"generations": 30, "population": 32}  # noqa: RUF012 - as in `Task`, nobody writes to it
    num_sensors = 1
    num_actuators = 1
    steps: int
    episodes: int
    held_out: int

    def __init__(self, length: int, test_length: int, washout: int, episodes: int = 1) -> None:
        require_range("length", length, 2, LONGEST)
        require_range("test_length", test_length, 2, LONGEST)
        require_range("episodes", episodes, 1, MOST_EPISODES)
        shortest = min(length, test_length)
        if not 0 <= washout < shortest:
            raise OptionError(
                f"Option 'washout' is {washout}, and sequences have {shortest} steps; wanted 0 to "
                f"{shortest - 1}."
            )
        self.length = length
        self.test_length = test_length
        self.washout = washout
        self.episodes = episodes
        self.held_out = episodes
        self.steps = length
        self._latest: OrderedDict[tuple[int, Split], tuple[np.ndarray, np.ndarray]] = OrderedDict()

    @cached_property
    def floor(self) -> tuple[float, str]:
        """Nothing: what a constant explains of a sequence."""
        return 0.0, "saying the mean always"

    @property
    def num_minibatch(self) -> int:
        """Steps of a training sequence that count, of all episodes."""
        return (self.length - self.washout) * self.episodes

    @property
    def num_training(self) -> int:
        """Steps of the sequence that a readout is fitted to in the end, counted in the same way."""
        return self.num_minibatch

    @abstractmethod
    def draw(self, rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns sequences and what is to be said of each step.

        Args:
            rng: Source of the random numbers.
            length: T, steps of a sequence.

        Returns:
            Inputs, float [T, B, S], and targets, float [T, B, K].
        """

    def judge(self, said: Tensor, targets: Tensor) -> Tensor:
        """Returns the share of the targets' variance that is explained, a mean over targets, float64 [G, B].

        Args:
            said: float64 [G, T, B, K].
            targets: Of the same shape.
        """
        return explained(said, targets).mean(2)

    def samples(self, split: Split, *, seeds: Sequence[int]) -> Samples:
        """Returns sequences, one a seed.

        Args:
            split: "minibatch" and "training" are of `length` steps, "held-out" of `test_length`.
            seeds: One a genome, [G]; each stands for a sequence of its own in every split.
        """
        import torch

        row = {seed: u for u, seed in enumerate(dict.fromkeys(seeds))}
        length = self.test_length if split == "held-out" else self.length
        drawn = [self._drawn(seed, split, length) for seed in row]
        inputs, targets = (torch.from_numpy(np.stack(x)) for x in zip(*drawn, strict=True))
        return Samples(inputs, targets, torch.tensor([row[seed] for seed in seeds]))

    def _drawn(self, seed: int, split: Split, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the sequences of a seed, float32; the last are kept, for wirings share them."""
        key = seed, split
        if key not in self._latest:
            inputs, targets = self.draw(generator(seed, split), length)
            self._latest[key] = inputs.astype(np.float32), targets.astype(np.float32)
            size = sum(x.nbytes for x in self._latest[key])
            while len(self._latest) > max(1, KEPT // size):
                self._latest.popitem(last=False)
        self._latest.move_to_end(key)
        return self._latest[key]

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns the score of the network's own outputs on training sequences.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G].

        Returns:
            float64 [G, B].
        """
        return self._judged(phenotype, self.samples("training", seeds=seeds))

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns the score of the network's own outputs on held-out sequences.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G].

        Returns:
            float64 [G, B].
        """
        return self._judged(phenotype, self.samples("held-out", seeds=seeds))

    def _judged(self, phenotype: Phenotype, samples: Samples) -> Tensor:
        """Returns the scores of a network's outputs, NaN where one is not finite."""
        import torch

        phenotype.reset(self.episodes)
        said = [
            phenotype.step(samples.inputs[samples.which, t]).clone() for t in range(samples.inputs.shape[1])
        ]
        outputs = torch.stack(said[self.washout :], 1).double()
        lost = ~outputs.isfinite().all(3).all(1)  # [G, B]
        targets = samples.targets[samples.which][:, self.washout :].double()
        return self.judge(outputs.nan_to_num(0, 0, 0), targets).masked_fill(lost, torch.nan)


def explained(said: Tensor, targets: Tensor) -> Tensor:
    """Returns 1 minus the squared error over the variance of each target, float64 [G, B, K].

    Args:
        said: float64 [G, T, B, K].
        targets: Of the same shape.
    """
    variance = (targets - targets.mean(1, keepdim=True)).square().sum(1)
    return 1 - (said - targets).square().sum(1) / variance


def squared_correlation(said: Tensor, targets: Tensor) -> Tensor:
    """Returns the squared correlation of targets and what is said of them, [G, B, K]; 0 of a constant.

    Args:
        said: float64 [G, T, B, K].
        targets: Of the same shape.
    """
    a, b = (x - x.mean(1, keepdim=True) for x in (said, targets))
    scale = a.square().sum(1) * b.square().sum(1)
    return ((a * b).sum(1).square() / scale).where(scale > 1e-30, 0.0)


def lagged(values: np.ndarray, lag: int) -> np.ndarray:
    """Returns a sequence some steps later, with zeros before its beginning.

    Args:
        values: [T, ...].
        lag: Steps, at least 0.
    """
    late = np.zeros_like(values)
    late[lag:] = values[: len(values) - lag]
    return late
