"""Shards on their way through a pool, generation by generation.

The make-up of a shard depends on its lineages alone; the pool only decides where and when it is computed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from neuroevo import lineage as lineages_
from neuroevo.evaluator import Pool, Request
from neuroevo.lineage import Evaluation, Lineage, Shard, State
from neuroevo.records import Row

GENOMES_PER_SHARD = 256  # enough bodies for the batched physics, few enough for the last-level cache
MIN_REQUESTS = 8  # fewer lineages than this are split by population, so that several workers share them,
GENOMES_PER_PART = 16  # but not into smaller parts: a step of a small batch is mostly overhead

Pair = tuple[Lineage, State]


@dataclass
class Group:
    """A shard on its way: its states, its requests and the results that are in."""

    key: tuple[int, int]  # the run in this process, and the group in the run
    shard: Shard
    requests: list[Shard]
    states: list[State]
    evaluated: dict[int, Evaluation] = field(default_factory=dict)
    started: float = 0.0

    def pairs(self) -> list[Pair]:
        """Returns the lineages with their states."""
        return list(zip(self.shard.lineages, self.states, strict=True))


def shard_size(num_lineages: int, population: int, smallest: int | None = None) -> tuple[int, int]:
    """Returns how many of a task's lineages make a shard, and in how many parts a population is sent.

    Args:
        num_lineages: Of the task.
        population: The largest of a phase.
        smallest: The smallest of a phase; None: all are equal.
    """
    if num_lineages >= MIN_REQUESTS:
        return max(1, GENOMES_PER_SHARD // population), 1
    least = population if smallest is None else smallest
    wanted, possible = math.ceil(MIN_REQUESTS / num_lineages), least // GENOMES_PER_PART
    return 1, max(1, min(wanted, possible))


def advance(
    pool: Pool,
    groups: Sequence[Group],
    until: int | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[list[Row]]:
    """Yields the metrics of each generation of each shard as they are completed.

    Args:
        pool: Where they are computed.
        groups: Changed in place.
        until: The generation to stop at; None: the last of its settings.
        stopping: Asked before each generation; where true, those under way are the last.
    """
    by_key = {group.key: group for group in groups}

    def has_more(group: Group) -> bool:
        last = group.shard.settings.generations
        return group.states[0].generation < (last if until is None else min(until, last)) and not stopping()

    running = sum(_submit(pool, group) for group in groups if has_more(group))
    while running:
        request, result = pool.completed()
        running -= 1
        run, i, part = request.key
        group = by_key[run, i]
        if len(group.requests) == 1:
            group.states, rows = result
        else:
            group.evaluated[part] = result
            if len(group.evaluated) < len(group.requests):
                continue
            group.states, rows = _join_parts(group)
        yield rows
        if has_more(group):
            running += _submit(pool, group)


def about(shard: Shard, what: str) -> str:
    """Names the lineages of a shard in one phrase."""
    first = shard.lineages[0]
    rest = others(len(shard.lineages))
    return f"{first.genome} on {first.task}, graph {first.graph}, seed {first.seed}{rest}, {what}"


def others(count: int) -> str:
    """Says how many there are beside the first."""
    return f" and {count - 1} more" if count > 1 else ""


def _submit(pool: Pool, group: Group) -> int:
    """Submits one generation of a shard; returns the number of requests."""
    group.started = time.perf_counter()
    group.evaluated = {}
    concerned = about(group.shard, f"generation {group.states[0].generation}")
    for k, part in enumerate(group.requests):
        key = (*group.key, k)
        if len(group.requests) == 1:
            pool.submit(Request(key, "advance", (part,), (group.states, 1), concerned))
        else:
            pool.submit(Request(key, "evaluate", (part,), (group.states,), concerned))
    return len(group.requests)


def _join_parts(group: Group) -> tuple[list[State], list[Row]]:
    """Returns states and metrics of a generation whose population was evaluated in parts."""
    evaluation = Evaluation.join([group.evaluated[k] for k in range(len(group.requests))])
    proposals = [lineages_.propose(x, s, group.shard.settings) for x, s in group.pairs()]
    seconds = time.perf_counter() - group.started
    return lineages_.update(group.shard, group.states, proposals, evaluation, seconds)
