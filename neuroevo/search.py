"""Ask and tell over lineages: EvoTorch's functional PGPE. The only file that imports EvoTorch.

PGPE (Sehnke et al. 2010, https://doi.org/10.1016/j.neunet.2009.12.004) estimates from the ranks of mirrored
pairs in which direction fitness rises; ClipUp (Toklu et al. 2020, https://doi.org/10.1007/978-3-030-58115-2_36)
moves the centre that way with momentum, no faster than a given speed. Spread and speed are per parameter, so
that priors with more parameters do not search in other steps.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

with warnings.catch_warnings():
    # EvoTorch compiles helpers that are not used here with torch.jit.script, which PyTorch deprecates.
    warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=DeprecationWarning)
    from evotorch.algorithms.functional import pgpe, pgpe_ask, pgpe_tell
    from evotorch.algorithms.functional.funcpgpe import PGPEState

MOMENTUM = 0.9
RATE = 0.5  # step along a unit gradient, in units of the greatest speed: ClipUp's own rule

logging.getLogger("evotorch").setLevel(logging.WARNING)  # it logs every optimiser it makes


@dataclass(frozen=True)
class Settings:
    """How a lineage searches.

    Attributes:
        population: P, even: directions are sampled in mirrored pairs.
        generations: Length of the search; the speed decays over it.
        stdev: Search spread of every parameter at the start.
        speed: Most that the centre moves in a generation at the start: root mean square over parameters.
        final_speed: Share of `speed` that is left at the last generation (cosine decay).
        stdev_learning_rate: Step of the spread.
    """

    population: int = 64
    generations: int = 50
    stdev: float = 0.2
    speed: float = 0.025
    final_speed: float = 0.03
    stdev_learning_rate: float = 0.1


def start(centre: Tensor, settings: Settings) -> PGPEState:
    """Returns a search that starts at `centre`, float32 [L]."""
    rate, fastest = _rates(settings, 0, len(centre))
    return pgpe(
        center_init=centre,
        center_learning_rate=rate,
        stdev_learning_rate=settings.stdev_learning_rate,
        stdev_init=settings.stdev,
        objective_sense="max",
        ranking_method="centered",
        optimizer="clipup",
        optimizer_config={"max_speed": fastest, "momentum": MOMENTUM},
    )


def centre(state: PGPEState) -> Tensor:
    """Returns the centre of the search, float32 [L]: the lineage's answer so far."""
    return state.optimizer_state.center


def ask(state: PGPEState, population: int, seed: int) -> Tensor:
    """Returns a population, float32 [P, L], that depends on the state and the seed alone."""
    with torch.random.fork_rng(devices=[]):  # EvoTorch draws from the global generator
        torch.manual_seed(seed)
        return pgpe_ask(state, popsize=population).as_subclass(Tensor)


def tell(
    states: Sequence[PGPEState],
    populations: Sequence[Tensor],
    fitness: Sequence[Tensor],
    settings: Settings,
    generation: int,
) -> list[PGPEState]:
    """Returns the searches after one generation.

    Searches with equally many parameters are batched into one tensor program.

    Args:
        states: R searches.
        populations: What `ask` gave them, float32 [P, L_r].
        fitness: float [P] each, higher is better; all finite (see `rankable`).
        settings: Shared by all.
        generation: Counted from zero, for the decay of the speed.
    """
    told: list[PGPEState | None] = [None] * len(states)
    lengths = [p.shape[1] for p in populations]
    for length in sorted(set(lengths)):
        members = [r for r, n in enumerate(lengths) if n == length]
        batch = _stack([_paced(states[r], settings, generation) for r in members])
        batch = pgpe_tell(
            batch,
            torch.stack([populations[r] for r in members]),
            torch.stack([fitness[r].to(torch.float32) for r in members]),
        )
        for r, state in zip(members, _unstack(batch, len(members)), strict=True):
            told[r] = state
    return [state for state in told if state is not None]


def rankable(fitness: Tensor) -> tuple[Tensor, int]:
    """Returns fitness with failures ranked last, and their number.

    A fitness that is not finite is a failure; it gets a value below every finite one, so that the search,
    which looks at ranks alone, never meets NaN. If all failed, all are equal.

    Args:
        fitness: float [P].
    """
    finite = torch.isfinite(fitness)
    if not finite.any():
        return torch.zeros_like(fitness), len(fitness)
    worst = fitness[finite].min()
    return torch.where(finite, fitness, worst - 1 - worst.abs()), int((~finite).sum())


def to_arrays(state: PGPEState) -> dict[str, np.ndarray]:
    """Returns the tensors that make up a search; with the settings, `from_arrays` restores it."""
    optimizer = state.optimizer_state
    return {
        "centre": optimizer.center.numpy(),
        "velocity": optimizer.velocity.numpy(),
        "stdev": state.stdev.numpy(),
    }


def from_arrays(arrays: dict[str, np.ndarray], settings: Settings) -> PGPEState:
    """Reads what `to_arrays` wrote."""
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    state = start(tensors["centre"], settings)
    moving = state.optimizer_state._replace(velocity=tensors["velocity"])
    return state._replace(optimizer_state=moving, stdev=tensors["stdev"])


def _rates(settings: Settings, generation: int, length: int) -> tuple[float, float]:
    """Returns ClipUp's learning rate and greatest speed, both Euclidean, at a generation."""
    share = generation / max(1, settings.generations - 1)
    decay = settings.final_speed + (1 - settings.final_speed) * 0.5 * (1 + math.cos(math.pi * share))
    fastest = settings.speed * decay * math.sqrt(length)
    return RATE * fastest, fastest


def _paced(state: PGPEState, settings: Settings, generation: int) -> PGPEState:
    """Returns the state with the speed of a generation."""
    optimizer = state.optimizer_state
    rate, fastest = _rates(settings, generation, len(optimizer.center))
    paced = optimizer._replace(
        center_learning_rate=torch.full_like(optimizer.center_learning_rate, rate),
        max_speed=torch.full_like(optimizer.max_speed, fastest),
    )
    return state._replace(optimizer_state=paced)


def _stack(states: list[PGPEState]) -> PGPEState:
    """Returns searches of equal length as one batch: every tensor gains a leading dimension."""

    def joined(parts: list) -> object:
        return torch.stack(parts) if isinstance(parts[0], Tensor) else parts[0]

    optimizer = type(states[0].optimizer_state)(
        *(joined(list(p)) for p in zip(*(s.optimizer_state for s in states), strict=True))
    )
    fields = {n: joined([getattr(s, n) for s in states]) for n in PGPEState._fields if n != "optimizer_state"}
    return PGPEState(optimizer_state=optimizer, **fields)


def _unstack(batch: PGPEState, size: int) -> list[PGPEState]:
    """Undoes `_stack`."""

    def part(value: object, r: int) -> object:
        return value[r].clone() if isinstance(value, Tensor) else value

    states = []
    for r in range(size):
        optimizer = type(batch.optimizer_state)(*(part(v, r) for v in batch.optimizer_state))
        states.append(
            PGPEState(
                **{**{n: part(getattr(batch, n), r) for n in PGPEState._fields}, "optimizer_state": optimizer}
            )
        )
    return states
