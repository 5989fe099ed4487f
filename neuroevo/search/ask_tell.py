"""Ask and tell over lineages, whatever the method: what a lineage searches with.

The state of a search is tensors by name, so that a checkpoint is these, and an offspring inherits them
parameter by parameter. What a method computes are pure functions of such states; what a request may say of a
method is in `methods`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neuroevo.search import gaussian, genetic
from neuroevo.search.methods import Cem, Es, Ga, Method, Pgpe
from neuroevo.search.settings import Settings
from neuroevo.seeds import derive

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

State = dict[str, Tensor]
BLOCK = 64  # genomes that are drawn together; even, for mirrored pairs
CACHED_BLOCKS = 4  # of a generation
_TOGETHER = gaussian.together


@dataclass(frozen=True)
class Algorithm:
    """What a method computes.

    Attributes:
        start: (options, points [K, n], fitness [K], parts [n]) -> state.
        ask: (options, state, rows, seed) -> points [rows, n], of a range of rows of the population.
        tell: (options, states, points, fitness, phase, generation) -> states, lists over lineages.
        ranks_failures: Whether failures are ranked last before `tell` gets them; where not, it gets them as
            they are.
    """

    start: Callable[..., State]
    ask: Callable[..., Tensor]
    tell: Callable[..., list[State]]
    ranks_failures: bool = True


class Blocks:
    """A cache of the blocks of one generation of one lineage that were drawn last: parts share blocks."""

    def __init__(self) -> None:
        self._drawn: dict[int, Tensor] = {}  # the oldest first

    def get(self, block: int, draw: Callable[[], Tensor]) -> Tensor:
        """Returns a block, float32 [rows, n], which is drawn unless it is in the cache.

        Args:
            block: Its number.
            draw: Draws it.
        """
        if block not in self._drawn:
            self._drawn[block] = draw()
            if len(self._drawn) > CACHED_BLOCKS:
                del self._drawn[next(iter(self._drawn))]
        return self._drawn[block]


_START = gaussian.start
ALGORITHMS: Mapping[type[Method], Algorithm] = {
    Pgpe: Algorithm(_START, gaussian.ask_mirrored, _TOGETHER(gaussian.tell_pgpe)),
    Es: Algorithm(_START, gaussian.ask_mirrored, _TOGETHER(gaussian.tell_es)),
    Cem: Algorithm(_START, gaussian.ask_cem, _TOGETHER(gaussian.tell_cem)),
    Ga: Algorithm(genetic.start, genetic.ask, genetic.tell, ranks_failures=False),
}


def start(
    points: Tensor,
    fitness: Tensor | None = None,
    settings: Settings | None = None,
    generation: int = 0,
    parts: np.ndarray | None = None,
) -> State:
    """Returns a search that starts from points that were evaluated: at the best of them, or with an elite.

    Args:
        points: The points, float32 [K, n].
        fitness: Their fitness, float [K], not finite where an evaluation failed; None stands for equal ones.
        settings: Search settings; None stands for the defaults.
        generation: The first generation that the search asks for, counted from zero.
        parts: The part of a genome that each coordinate belongs to, str [n]; None makes all of them synapses.
    """
    method = (settings or Settings()).phase(generation).method
    values = torch.zeros(len(points)) if fitness is None else fitness
    algorithm = ALGORITHMS[type(method)]
    if algorithm.ranks_failures:
        values = rankable(values)[0]
    named = np.repeat("synapses", points.shape[1]) if parts is None else parts
    return algorithm.start(method, points, values, named)


def centre(state: State) -> Tensor:
    """Returns the point that a search answers with so far, float32 [n].

    Args:
        state: The search, whose answer is the centre of its distribution, or the best of its elite.
    """
    return state["centre"] if "centre" in state else state["elites"][0]


def ask(
    state: State,
    settings: Settings,
    generation: int,
    seed: int,
    rows: range | None = None,
    blocks: Blocks | None = None,
) -> Tensor:
    """Returns the population of a generation, float32 [P, n], that depends on state and seed alone.

    It is drawn in blocks, each from a seed of its own, so that whoever needs a part draws little more.

    Args:
        state: State of the search.
        settings: Search settings.
        generation: The generation, counted from zero.
        seed: Seed of this generation.
        rows: Which genomes are wanted; None stands for all of them.
        blocks: Cache of this generation's blocks, to which those drawn here are added; None: nothing is
            cached.
    """
    cache = Blocks() if blocks is None else blocks
    phase = settings.phase(generation)
    wanted = range(phase.population) if rows is None else rows
    draw = ALGORITHMS[type(phase.method)].ask
    numbers = range(wanted.start // BLOCK, -(-wanted.stop // BLOCK))

    def drawn(k: int) -> Tensor:
        rows = block_rows(k, phase.population)
        whole = cache.get(k, lambda: draw(phase.method, state, rows, block_seed(seed, k)))
        return whole[max(0, wanted.start - rows.start) : wanted.stop - rows.start]

    return torch.cat([drawn(k) for k in numbers])


def block_rows(block: int, population: int) -> range:
    """Returns the rows of a block of a population.

    Args:
        block: Its number, from 0.
        population: Genomes of the population.
    """
    return range(block * BLOCK, min((block + 1) * BLOCK, population))


def block_seed(seed: int, block: int) -> int:
    """Returns the seed of a block; the first has that of the population.

    Args:
        seed: Seed of the population.
        block: Number of the block, from 0.
    """
    return seed if block == 0 else derive(seed, "block", block)


def tell(
    states: Sequence[State],
    populations: Sequence[Tensor],
    fitness: Sequence[Tensor],
    settings: Settings,
    generation: int,
) -> list[State]:
    """Returns the searches after one generation; they are computed where the populations are.

    Args:
        states: R searches.
        populations: What `ask` gave each of them, float32 [P, n_r].
        fitness: Fitness of each population, float [P], higher is better; not finite where an evaluation
            failed.
        settings: Search settings, shared by all.
        generation: The generation, counted from zero.
    """
    phase = settings.phase(generation)
    algorithm = ALGORITHMS[type(phase.method)]
    values = [rankable(f)[0] for f in fitness] if algorithm.ranks_failures else fitness
    device = populations[0].device
    if device.type == "cpu":
        return algorithm.tell(phase.method, states, populations, values, phase, generation)
    there = [moved(state, device) for state in states]
    values = [value.to(device, torch.float32) for value in values]
    searches = algorithm.tell(phase.method, there, populations, values, phase, generation)
    return [moved(state, "cpu") for state in searches]


def moved(state: State, device: torch.device | str) -> State:
    """Returns a search on another device.

    Args:
        state: The search.
        device: Torch's device, or its name.
    """
    return {name: tensor.to(device) for name, tensor in state.items()}


def rankable(fitness: Tensor) -> tuple[Tensor, int]:
    """Returns fitness with failures ranked last, and their number.

    A fitness that is not finite is a failure; it gets a value below every finite one, so that a search that
    looks at ranks alone never meets NaN. If all failed, all are equal.

    Args:
        fitness: Fitness, float [P]; not finite where an evaluation failed.
    """
    finite = torch.isfinite(fitness)
    if not finite.any():
        return torch.zeros_like(fitness), len(fitness)
    worst = fitness[finite].min()
    return torch.where(finite, fitness, worst - 1 - worst.abs()), int((~finite).sum())


def to_arrays(state: State) -> dict[str, np.ndarray]:
    """Returns the arrays by name that make up a search; `from_arrays` restores it.

    Args:
        state: The search, on the CPU.
    """
    return {name: tensor.numpy() for name, tensor in state.items()}


def from_arrays(arrays: Mapping[str, ArrayLike]) -> State:
    """Returns the search that `to_arrays` was given.

    Args:
        arrays: What it returned, or anything that NumPy takes for the same arrays.
    """
    return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
