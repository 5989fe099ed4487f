"""The genetic algorithm of Schmidgall et al. (2022): truncation and Gaussian mutation, no crossover.

A state is two named tensors: `elites` [E, n], best first, and `stdev` [n], of a mutation of each parameter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from neuroevo.search.methods import ADAPTERS, Ga
from neuroevo.search.settings import Phase

State = dict[str, Tensor]


def start(method: Ga, points: Tensor, fitness: Tensor, parts: np.ndarray) -> State:
    """Returns a search whose first parents are the best of some points.

    Args:
        method: Options.
        points: Where the search may start, float32 [K, n].
        fitness: Fitness of the points, float [K]; not finite where a genome failed.
        parts: The part of a genome that each coordinate belongs to, str [n].
    """
    stdev = torch.full(points.shape[1:], method.stdev)
    stdev[torch.from_numpy(np.isin(parts, ADAPTERS))] = method.adapter_stdev
    return {"elites": _best(points, fitness, method.elite), "stdev": stdev}


def ask(method: Ga, state: State, rows: range, seed: int) -> Tensor:
    """Returns some rows of a population, float32 [rows, n]: the elite, then mutants of parents drawn from it.

    Args:
        method: Options; not used.
        state: State of the search.
        rows: Which rows of the population are drawn.
        seed: Seed of these rows.
    """
    rng = torch.Generator().manual_seed(seed)
    elites = state["elites"]
    unchanged = elites[rows.start : rows.stop]
    parents = torch.randint(len(elites), (len(rows) - len(unchanged),), generator=rng)
    noise = torch.randn(len(parents), elites.shape[1], generator=rng)
    return torch.cat([unchanged, elites[parents] + state["stdev"] * noise])


def tell(
    method: Ga,
    states: Sequence[State],
    points: Sequence[Tensor],
    fitness: Sequence[Tensor],
    phase: Phase,
    generation: int,
) -> list[State]:
    """Returns searches after a generation, of which the elite had a part; one whose genomes all failed stays.

    Args:
        method: Options.
        states: R searches.
        points: What `ask` gave each of them, float32 [P, n_r].
        fitness: Fitness of each population, float [P]; not finite where a genome failed.
        phase: Not used, as decay is in the state.
        generation: Not used, for the same reason.
    """
    return [
        {"elites": _best(p, f, method.elite), "stdev": s["stdev"] * method.decay}
        if torch.isfinite(f).any()
        else s
        for s, p, f in zip(states, points, fitness, strict=True)
    ]


def _best(points: Tensor, fitness: Tensor, count: int) -> Tensor:
    """Returns the best points, best first, of equal ones the earlier first, and none that failed."""
    finite = torch.isfinite(fitness)
    order = fitness.masked_fill(~finite, -torch.inf).argsort(descending=True, stable=True)
    return points[order[: min(count, max(1, int(finite.sum())))]].clone()
