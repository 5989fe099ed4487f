"""Shards on their way through a pool, generation by generation.

The make-up of a shard depends on its lineages alone; the pool only decides where and when it is computed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from neuroevo.errors import EvaluationError
from neuroevo.files import Row
from neuroevo.search import lineage as lineages_
from neuroevo.search.lineage import Evaluation, Lineage, Shard, State
from neuroevo.workers.pool import Pool
from neuroevo.workers.worker import Failed, Request

if TYPE_CHECKING:
    from torch import Tensor


GENOMES_PER_SHARD = 256  # enough bodies for the batched physics, few enough for the last-level cache
MIN_REQUESTS = 8  # fewer lineages than this are split by population, so that several workers share them,
GENOMES_PER_GPU = 8_192  # at most, so that several GPUs share the lineages; not measured
GENOMES_PER_PART = 16  # but not into smaller parts: a step of a small batch is mostly overhead

Pair = tuple[Lineage, State]


@dataclass
class Group:
    """A shard on its way: its states, its requests and the results that are in.

    Attributes:
        key: The run in this process, and the shard in the run.
        shard: What is advanced; of lineages that were lost it is rid.
        requests: The shard, or parts of it.
        states: Of its lineages.
        evaluated: Fitness by part.
        proposals: Of the generation under way, where it is evaluated in parts.
        probes: Of a shard that failed, by number of a lineage: why that fails alone; "": it does not.
        started: When its generation was submitted.
        revision: How often it lost lineages: its network is then another one.
        lost: Lineages that it lost; their states say why.
    """

    key: tuple[int, int]
    shard: Shard
    requests: list[Shard]
    states: list[State]
    evaluated: dict[int, Evaluation] = field(default_factory=dict)
    proposals: list[Tensor] = field(default_factory=list)
    probes: dict[int, str] = field(default_factory=dict)
    started: float = 0.0
    revision: int = 0
    lost: list[Pair] = field(default_factory=list)

    def pairs(self) -> list[Pair]:
        """Returns the lineages with their states."""
        return list(zip(self.shard.lineages, self.states, strict=True))

    def everyone(self) -> list[Pair]:
        """Returns the lineages with their states, then those that were lost."""
        return [*self.pairs(), *self.lost]

    def lose(self, reasons: Mapping[int, str]) -> list[Pair]:
        """Takes lineages out, by number, for reasons; returns them with their states."""
        pairs = self.pairs()
        lost = [(pairs[r][0], replace(pairs[r][1], error=reason)) for r, reason in reasons.items()]
        kept = [pair for r, pair in enumerate(pairs) if r not in reasons]
        self.shard = replace(self.shard, lineages=tuple(x for x, _ in kept))
        self.requests = lineages_.parts(self.shard, len(self.requests))
        self.states = [state for _, state in kept]
        self.revision += 1
        self.lost += lost
        return lost


def shard_size(
    num_lineages: int, population: int, smallest: int | None = None, room: int | None = None
) -> tuple[int, int]:
    """Returns how many of a task's lineages make a shard, and in how many parts a population is sent.

    A population larger than a shard is split however many lineages there are: a part regenerates its genomes
    from seeds, so that messages stay as long as a genome.

    Args:
        num_lineages: Of the task.
        population: The largest of a phase.
        smallest: The smallest of a phase; None: all are equal.
        room: Genomes that fit on a GPU at once, which is filled; None: the shard is for a core.
    """
    least = population if smallest is None else smallest
    if room is not None:
        wanted = population + 1  # and the centre
        return max(1, room // wanted), min(math.ceil(wanted / room), least)
    blocks = math.ceil(population / GENOMES_PER_SHARD)
    if num_lineages >= MIN_REQUESTS:
        return max(1, GENOMES_PER_SHARD // population), min(blocks, least)
    wanted, possible = math.ceil(MIN_REQUESTS / num_lineages), least // GENOMES_PER_PART
    return 1, max(1, min(max(wanted, blocks), possible))


def advance(
    pool: Pool,
    groups: Sequence[Group],
    until: int | None = None,
    stopping: Callable[[], bool] = lambda: False,
    lose: Callable[[Pair], None] | None = None,
) -> Iterator[list[Row]]:
    """Yields the metrics of each generation of each shard as they are completed.

    A shard that failed as often as it may is searched for the lineages that fail alone; it goes on without
    them. If none does, it is lost as a whole.

    Args:
        pool: Where they are computed.
        groups: Changed in place.
        until: The generation to stop at; None: the last of its settings.
        stopping: Asked before each generation; where true, those under way are the last.
        lose: Told of each lineage that is lost, with its state, which says why; None: that is an error.

    Raises:
        EvaluationError: If a lineage is lost and nobody is told.
    """
    by_key = {group.key: group for group in groups}
    probes: dict[Request, int] = {}

    def go_on(group: Group) -> int:
        last = group.shard.settings.generations
        end = last if until is None else min(until, last)
        is_over = not group.states or group.states[0].generation >= end or stopping()
        return 0 if is_over else _submit(pool, group)

    running = sum(map(go_on, groups))
    while running:
        request, result = pool.completed()
        running -= 1
        run, i, revision, part = request.key
        group = by_key[run, i]
        if revision != group.revision:  # a part of a lineage that another part has lost
            continue
        if request in probes:
            group.probes[probes.pop(request)] = result.reason if isinstance(result, Failed) else ""
            if len(group.probes) == len(group.states):
                _lose(group, request.about, lose)
                running += go_on(group)
        elif isinstance(result, Failed):
            group.probes = {}
            if len(group.states) == 1:
                group.probes[0] = result.reason
                _lose(group, request.about, lose)
            else:
                new = _probe(pool, group)
                probes |= new
                running += len(new)
        elif (rows := _taken(group, part, result)) is not None:
            yield rows
            running += go_on(group)


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
    half = -(-len(group.requests) // 2)
    # Neighbours share a block of genomes. Of two workers each takes a half, and keeps to what it had before.
    for k in (k for first in range(half) for k in range(first, len(group.requests), half)):
        key, part = (*group.key, group.revision, k), group.requests[k]
        if len(group.requests) == 1:
            pool.submit(Request(key, "advance", (part,), (group.states, 1), concerned))
        else:
            pool.submit(Request(key, "evaluate", (part,), (group.states,), concerned))
    if len(group.requests) > 1:  # while workers evaluate them
        settings = group.shard.settings
        group.proposals = [lineages_.propose(lineage, state, settings) for lineage, state in group.pairs()]
    return len(group.requests)


def _taken(group: Group, part: int, result: Any) -> list[Row] | None:
    """Takes what a request gave; returns the rows of the generation, if that is now whole."""
    if len(group.requests) == 1:
        group.states, rows = result
        return rows
    group.evaluated[part] = result
    if len(group.evaluated) < len(group.requests):
        return None
    group.states, rows = _join_parts(group)
    return rows


def _probe(pool: Pool, group: Group) -> dict[Request, int]:
    """Submits each lineage of a shard alone; returns the requests with the lineages' numbers."""
    found = {}
    for r, (lineage, state) in enumerate(group.pairs()):
        alone = replace(group.shard, lineages=(lineage,))
        concerned = about(alone, f"generation {state.generation}")
        key = (*group.key, group.revision, f"probe {r}")
        request = Request(key, "advance", (alone,), ([state], 1), concerned)
        pool.submit(request)
        found[request] = r
    return found


def _lose(group: Group, concerned: str, lose: Callable[[Pair], None] | None) -> None:
    """Takes out the lineages of which a shard's probes say that they fail; all, if none does."""
    reasons = {r: reason for r, reason in sorted(group.probes.items()) if reason}
    if not reasons:
        line = f"{concerned} failed together, although none of the lineages failed alone."
        reasons = dict.fromkeys(group.probes, line)
    for pair in group.lose(reasons):
        if lose is None:
            raise EvaluationError(pair[1].error)
        lose(pair)


def _join_parts(group: Group) -> tuple[list[State], list[Row]]:
    """Returns states and metrics of a generation whose population was evaluated in parts."""
    evaluation = Evaluation.join([group.evaluated[k] for k in range(len(group.requests))])
    seconds = time.perf_counter() - group.started
    return lineages_.update(group.shard, group.states, group.proposals, evaluation, seconds)
