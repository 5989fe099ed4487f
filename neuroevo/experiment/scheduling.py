"""Scheduling: the requests of a run on their way to a pool, and their results on the way back.

Nothing is written here, and nobody is told: functions return or yield what happens. The pool alone decides
where and when a request is computed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from neuroevo.errors import EvaluationError
from neuroevo.experiment.shards import Pair, ShardRun, Stage, Step, and_others, describe
from neuroevo.network.blueprint import Blueprint
from neuroevo.rows import Scores
from neuroevo.run_folder import Key
from neuroevo.search.lineage import Lineage, State
from neuroevo.task import TaskRequest
from neuroevo.wiring.sampling import Sample
from neuroevo.workers.pool import Pool
from neuroevo.workers.requests import Assess, Failed, Request, Room, SetGains, TaskKey

logger = logging.getLogger(__name__)

BLUEPRINTS_PER_REQUEST = 8

Result = TypeVar("Result")


@dataclass(frozen=True)
class Assessed:
    """A lineage that has been assessed.

    Attributes:
        lineage: The lineage.
        state: Its last state.
        scores: What `assessment.assess` found; None where it was not assessed, or that failed.
        error: Why it failed; "" where it did not.
    """

    lineage: Lineage
    state: State
    scores: Scores | None = None
    error: str = ""


def set_gains(
    pool: Pool,
    run: int,
    task: TaskRequest,
    samples: Sequence[Sample],
    blueprints: Sequence[Blueprint],
    seed: int,
) -> list[Blueprint]:
    """Returns blueprints in their operating range.

    Args:
        pool: Where they are computed.
        run: Number of the run.
        task: The task that they are fitted to.
        samples: The wirings that they are of.
        blueprints: One for each sample.
        seed: Of the genomes and the episodes that the range is measured on.

    Raises:
        EvaluationError: If it fails.
    """
    requests = []
    for first in range(0, len(blueprints), BLUEPRINTS_PER_REQUEST):
        chunk = tuple(blueprints[first : first + BLUEPRINTS_PER_REQUEST])
        head = f"{samples[first].genome} on {task.label}, graph {samples[first].graph}"
        about = f"{head}{and_others(len(chunk))}, setting gains before generation 0"
        requests.append(SetGains(TaskKey(run, task.label, first), about, task, chunk, seed))
    return [blueprint for chunk in _computed(pool, requests) for blueprint in chunk]


def room(pool: Pool, run: int, task: TaskRequest, blueprints: Sequence[Blueprint], share: float) -> int:
    """Returns how many genomes of a task fit on a worker's GPU, which a worker is asked for.

    Args:
        pool: Whose workers have GPUs.
        run: Number of the run.
        task: The task.
        blueprints: All of the task's.
        share: Of a GPU's free memory that a worker may use, in (0, 1].

    Raises:
        EvaluationError: If no worker can say.
    """
    about = f"Asking a GPU how many genomes of {task.label} it takes"
    (number,) = _computed(pool, [Room(TaskKey(run, task.label), about, task, tuple(blueprints), share)])
    return number


def _computed(pool: Pool, requests: Sequence[Request[Result]]) -> list[Result]:
    """Returns the results of requests, in their order; raises EvaluationError for the first that failed."""
    for request in requests:
        pool.submit(request)
    results = dict(pool.completed() for _ in requests)
    for result in results.values():
        if isinstance(result, Failed):
            raise EvaluationError(result.reason)
    return [cast(Result, results[request]) for request in requests]


def advance(
    pool: Pool,
    shards: Sequence[ShardRun],
    until: int | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[ShardRun, Step]]:
    """Yields shards with each step that completed a generation, or that lost lineages.

    A shard whose request failed as often as it may is searched for the lineages that fail alone; it goes on
    without them.

    Args:
        pool: Where they are computed.
        shards: The shards, which change with every step.
        until: The generation to stop at, or None for the last of each shard's settings.
        stopping: Asked before each generation; where true, those under way are the last.
    """
    waiting: dict[Request[object], ShardRun] = {}

    def submit(shard: ShardRun, requests: Sequence[Request[object]]) -> None:
        for request in requests:
            waiting[request] = shard
            pool.submit(request)

    def go_on(shard: ShardRun) -> None:
        if not (shard.is_over(until) or stopping()):
            submit(shard, shard.begin())
            shard.propose()

    for shard in shards:
        go_on(shard)
    while waiting:
        request, result = pool.completed()
        shard = waiting.pop(request)
        if not shard.awaits(request):
            continue
        step = shard.take(request, result)
        submit(shard, step.requests)
        if step.rows or step.lost:
            yield shard, step
        if shard.stage is Stage.RESTING:
            go_on(shard)


def assess(pool: Pool, shards: Sequence[ShardRun], known: Collection[Key]) -> Iterator[Assessed | None]:
    """Yields every lineage when it is assessed, in the order of the shards, and None while nothing is ready.

    Where the lineages of a shard cannot be assessed together, each is assessed alone.

    Args:
        pool: Where they are computed.
        shards: The shards; lineages that they have lost are not assessed.
        known: Lineages that are not assessed, for their results are known.
    """
    ready: dict[Key, Assessed] = {}
    for lineage, state in (pair for shard in shards for pair in shard.everyone()):
        if state.error or lineage.key in known:
            ready[lineage.key] = Assessed(lineage, state)
    waiting: dict[Request[object], Assess] = {}

    def submit(request: Assess) -> None:
        waiting[request] = request
        pool.submit(request)

    for shard in shards:
        if not all(lineage.key in ready for lineage in shard.shard.lineages):
            submit(shard.assess())
    for lineage, _ in [pair for shard in shards for pair in shard.everyone()]:
        while lineage.key not in ready:
            yield None
            completed, result = pool.completed()
            request = waiting.pop(completed)
            if isinstance(result, Failed) and len(request.states) > 1:
                for alone in _one_by_one(request):
                    submit(alone)
            else:
                ready |= {x.lineage.key: x for x in _assessed(request, result)}
        yield ready[lineage.key]
    yield None


def _one_by_one(request: Assess) -> list[Assess]:
    """Returns the requests for each of several lineages alone."""
    requests = []
    for r, (lineage, state) in enumerate(zip(request.shard.lineages, request.states, strict=True)):
        alone = replace(request.shard, lineages=(lineage,))
        key = replace(request.key, probe=r)
        requests.append(Assess(key, describe(alone, "held-out data"), alone, [state]))
    return requests


def _assessed(request: Assess, result: object) -> list[Assessed]:
    """Returns the lineages of a request, with what came of it."""
    pairs: list[Pair] = list(zip(request.shard.lineages, request.states, strict=True))
    if isinstance(result, Failed):
        return [Assessed(*pair, error=result.reason) for pair in pairs]
    rows = cast(Sequence[Scores], result)
    return [Assessed(*pair, row) for pair, row in zip(pairs, rows, strict=True)]
