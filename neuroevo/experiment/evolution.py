"""Evolution: the lineages of a plan on their way. What tournaments, races and mixed populations share.

`shards` takes their requests to the pool and says what happens, `RunWriter` writes it, and a
`Watcher` is told.
"""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar, cast

from neuroevo.errors import EvaluationError
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.resume import Past, require_equal_generations
from neuroevo.experiment.shards import (
    GENOMES_PER_GPU,
    Assessed,
    Pair,
    ShardRun,
    advance,
    and_others,
    assess,
    describe,
    genomes_at_once,
    shard_size,
    untrained_at_once,
)
from neuroevo.experiment.watcher import Progress, Watcher
from neuroevo.experiment.writer import RunWriter
from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.network.gains import NUM_GENOMES
from neuroevo.network.solving import genomes_at_once as genomes_solved_at_once
from neuroevo.readout import SolvedTask
from neuroevo.rows import LineageRow, MetricsRow, ResultColumns
from neuroevo.run_folder import key_of
from neuroevo.search import lineage as lineages_
from neuroevo.search.lineage import Lineage, Shard, State
from neuroevo.seeds import derive
from neuroevo.task import TaskRequest
from neuroevo.workers.network_memory import genomes_on_core
from neuroevo.workers.pool import Pool
from neuroevo.workers.requests import Failed, Request, Room, SetGains, TaskKey

logger = logging.getLogger(__name__)

BLUEPRINTS_PER_REQUEST = 8  # whose gains a worker sets, at most

Result = TypeVar("Result")

_RUNS = itertools.count()  # tells the runs of one process apart, so that they can share a pool


class Stopped(Exception):
    """The run ended because its watcher wanted it; its checkpoint holds all that was completed."""


class Evolution:
    """A run on its way.

    Args:
        plan: What is to be done.
        pool: Where it is computed.
        writer: Writes what happens, and knows what the run has behind it.
        watcher: The one who is told of what goes on and may end it.

    Attributes:
        plan: What is to be done.
        writer: Writes what happens.
        watcher: The one who is told.
    """

    def __init__(self, plan: Plan, pool: Pool, writer: RunWriter, watcher: Watcher) -> None:
        self.plan = plan
        self.writer = writer
        self.watcher = watcher
        self._pool = pool
        self._run = next(_RUNS)
        self._numbers = itertools.count()  # of shards
        self._rooms: dict[str, int] = {}  # genomes that fit on a GPU, by task
        self._resting: list[ShardRun] = []  # shards that have ended
        self._done = 0
        self._total = 0

    @property
    def past(self) -> Past:
        """What the run had behind it when it was begun or resumed."""
        return self.writer.past

    @property
    def done(self) -> int:
        """Lineage generations completed."""
        return self._done

    def expect(self, generations: int) -> None:
        """Adds to the length of the run that the watcher is told of.

        Args:
            generations: Lineage generations; negative where some are saved.
        """
        self._total += generations

    def pass_over(self, generations: int) -> None:
        """Counts generations as done of which the past holds no rows.

        Args:
            generations: Lineage generations.
        """
        self._done += generations

    def add_lineages(self, rows: Sequence[LineageRow], stage: str) -> None:
        """Adds lineages that were not planned from the start, and tells of them.

        Args:
            rows: Their identities.
            stage: The name of their stage.
        """
        self.writer.add_lineages(rows)
        self.watcher.plan(rows, stage)

    # --- before the first generation --------------------------------------------------------------------

    def set_gains(self, request: TaskRequest) -> list[Blueprint]:
        """Returns the task's blueprints, one for each sample, in their operating range.

        Args:
            request: The task.

        Raises:
            EvaluationError: If the task fails.
        """
        label, blueprints = request.label, self.plan.blueprints[request.label]
        if len(self.past.gains.get(label, ())) == len(blueprints):  # fewer of a run that was extended
            pairs = zip(blueprints, self.past.gains[label], strict=True)
            return [replace(blueprint, gains=Gains(**gains)) for blueprint, gains in pairs]
        samples, seed = self.plan.samples, derive(self.plan.config.seed, "gains", label)
        requests, size = [], self._blueprints_per_request(request)
        for first in range(0, len(blueprints), size):
            chunk = tuple(blueprints[first : first + size])
            head = f"{samples[first].genome} on {label}, graph {samples[first].graph}"
            about = f"{head}{and_others(len(chunk))}, setting gains before generation 0"
            requests.append(SetGains(TaskKey(self._run, label, first), about, request, chunk, seed))
        ready = [blueprint for chunk in _computed(self._pool, requests) for blueprint in chunk]
        self.writer.hold_gains(label, [blueprint.gains.to_dict() for blueprint in ready])
        if not self.past.states:  # else a checkpoint would be without them, until all have begun
            self.checkpoint()
        return ready

    def _blueprints_per_request(self, request: TaskRequest) -> int:
        """Returns of how many blueprints gains are set at once: in the memory that the search will take."""
        if self.plan.config.device != "cpu":
            return BLUEPRINTS_PER_REQUEST
        num_lineages = len(self.plan.samples) * self.plan.config.seeds
        genomes = genomes_at_once(*self.shard_size(request, num_lineages), self.plan.settings[request.label])
        return min(max(1, genomes // NUM_GENOMES), BLUEPRINTS_PER_REQUEST)

    def begin(
        self, request: TaskRequest, blueprints: Sequence[Blueprint], seeds: Sequence[int]
    ) -> list[Pair]:
        """Returns a task's lineages, every sample with every seed, before their first generation.

        Those of a run that is resumed are where they were.

        Args:
            request: The task.
            blueprints: One for each sample.
            seeds: Which replicates.
        """
        lineages = [
            Lineage(request.label, s.genome, s.graph, seed, self.plan.config.seed, blueprint, s.graph_hash)
            for s, blueprint in zip(self.plan.samples, blueprints, strict=True)
            for seed in seeds
        ]
        settings = self.plan.settings[request.label]
        return [(x, self.past.state(x, settings) or lineages_.begin(x, settings)) for x in lineages]

    def shards(self, request: TaskRequest, pairs: Sequence[Pair]) -> list[ShardRun]:
        """Returns lineages in shards.

        Args:
            request: Their task.
            pairs: The lineages with their states.
        """
        if not pairs:
            return []
        size, num_parts = self.shard_size(request, len(pairs))
        return [
            self.shard(request, part, num_parts)
            for first in range(0, len(pairs), size)
            for part in _of_equal_generation(pairs[first : first + size])
        ]

    def shard_size(self, request: TaskRequest, num_lineages: int) -> tuple[int, int]:
        """Returns how many of a task's lineages make a shard, and in how many parts a population is sent.

        Args:
            request: The task.
            num_lineages: How many lineages it has.
        """
        label = request.label
        populations = self.plan.settings[label].populations
        if self.plan.settings[label].generations == 0 and self.plan.config.device == "cpu":
            return untrained_at_once(self.plan.config.seeds), 1
        if self.plan.config.device == "cpu":
            return shard_size(num_lineages, *populations, most=self._most(label))
        if label not in self._rooms:
            self._rooms[label] = min(self._room(request), GENOMES_PER_GPU)
        return shard_size(num_lineages, *populations, room=self._rooms[label])

    def _most(self, label: str) -> int:
        """Returns how many genomes of a task a core evaluates at once, at most, for the memory they need."""
        task, blueprints = self.plan.tasks[label], self.plan.blueprints[label]
        largest = max(blueprints, key=lambda blueprint: blueprint.layout.length)
        most = genomes_on_core(largest, task.episodes)
        if isinstance(task, SolvedTask):
            most = min(most, genomes_solved_at_once(task.size(b.ports) for b in blueprints))
        return most

    def _room(self, request: TaskRequest) -> int:
        """Returns how many genomes of a task fit on a worker's GPU, which a worker is asked for."""
        label, share = request.label, min(1.0, self.plan.experiment.workers.gpus)
        about = f"Asking a GPU how many genomes of {label} it takes"
        blueprints = tuple(self.plan.blueprints[label])
        room = Room(TaskKey(self._run, label), about, request, blueprints, share)
        (number,) = _computed(self._pool, [room])
        return number

    def shard(self, request: TaskRequest, pairs: Sequence[Pair], num_parts: int) -> ShardRun:
        """Returns one shard; it has a number of its own, so that its network is built anew.

        Args:
            request: The task.
            pairs: The lineages with their states. Those that were lost are not advanced.
            num_parts: In how many parts each population is evaluated.
        """
        lost = [pair for pair in pairs if pair[1].error]
        ended = [pair for pair in pairs if pair[1].is_at_target and not pair[1].error]
        alive = [pair for pair in pairs if not (pair[1].is_at_target or pair[1].error)]
        settings, device = self.plan.settings[request.label], self.plan.config.device
        shard = Shard(request, tuple(lineage for lineage, _ in alive), settings, device=device)
        states = [state for _, state in alive]
        order = [lineage.key for lineage, _ in pairs]
        return ShardRun(self._run, next(self._numbers), shard, states, num_parts, lost, ended, order)

    # --- generations ------------------------------------------------------------------------------------

    def evolve(
        self, shards: Sequence[ShardRun], until: int | None = None, epoch: int | None = None
    ) -> Iterator[MetricsRow]:
        """Evolves shards.

        Args:
            shards: Shards of any task.
            until: The generation to stop at, or None for each task's last.
            epoch: The epoch of mixed populations, a column of the rows, or None where there is none.

        Yields:
            Rows of metrics as they are completed and written; before them, those of the past.

        Raises:
            EvaluationError: If all lineages are lost.
            Stopped: If the watcher wants the run to end.
        """
        end = sys.maxsize if until is None else until
        self._crown(shards)
        for shard in (x for x in shards if x.sound()):
            if shard.states:
                require_equal_generations(shard.states, end, describe(shard.shard, "the checkpoint"))
            for lineage, _ in shard.sound():
                past = list(self.past.take(lineage.key, end, epoch))
                self._done += len(past)
                yield from past
        for shard, step in advance(self._pool, shards, until, self.watcher.is_stopping):
            for pair in step.lost:
                self._report_loss(pair)
            if step.rows:
                rows = list(step.rows) if epoch is None else [_at_epoch(row, epoch) for row in step.rows]
                self._total -= sum(_generations_saved(shard, row) for row in rows)
                self._report_generation(shard, rows)
                self._crown([shard])
                if self.writer.is_checkpoint_due:
                    self.checkpoint(shards)
                yield from rows
        lost = [state for shard in shards for _, state in shard.lost]
        if lost and not any(shard.sound() for shard in shards):
            raise EvaluationError(lost[0].error)
        if self.watcher.is_stopping():
            self.checkpoint(shards)
            raise Stopped

    def _report_generation(self, shard: ShardRun, rows: list[MetricsRow]) -> None:
        """Writes and tells of a generation of a shard."""
        logger.debug("shard %d: generation %d of %d", shard.number, rows[0]["generation"], len(rows))
        self._done += len(rows)
        self.writer.write_metrics(rows)
        self.watcher.update(Progress(rows, self._done, self._total))

    def _crown(self, shards: Sequence[ShardRun]) -> None:
        """Writes the champions of lineages whose search is at its end, whatever becomes of their scoring."""
        self.writer.write_champions(pair for x in shards for pair in (x.sound() if x.is_over() else x.ended))

    def _report_loss(self, pair: Pair) -> None:
        """Tells of a lineage that cannot be computed, and without which the run goes on."""
        lineage, state = pair
        line = state.error.splitlines()[0]
        self.watcher.event(f"{lineage.task} goes on without a lineage of {lineage.genome}: {line}")

    def checkpoint(self, shards: Sequence[ShardRun] = ()) -> None:
        """Writes the states of all lineages.

        Args:
            shards: The shards that are under way; those that rest are written too.
        """
        self.writer.write_checkpoint(pair for x in (*self._resting, *shards) for pair in x.everyone())

    def rest(self, shards: Sequence[ShardRun]) -> None:
        """Notes shards that have ended; all checkpoints to come hold them.

        Args:
            shards: The shards.
        """
        self._resting += shards

    def forget(self, shard: ShardRun) -> None:
        """Gives back the memory of a shard that is not evolved any more.

        Args:
            shard: The shard.
        """
        self._pool.forget(shard.run, shard.number)

    # --- after the last generation ----------------------------------------------------------------------

    def assess(
        self,
        shards: Sequence[ShardRun],
        columns: Callable[[Lineage, State], ResultColumns] = lambda *_: ResultColumns(),
    ) -> None:
        """Scores every lineage on held-out data, as it is, and writes results and champions.

        A lineage that cannot be scored has a result that says why, and the others are scored. Where the
        request puts scoring off, none is.

        Args:
            shards: Shards of any task.
            columns: Gives further columns of a lineage's results.

        Raises:
            Stopped: If the watcher wants the run to end.
        """
        self.writer.write_champions(pair for shard in shards for pair in shard.sound())
        if self.plan.config.scoring == "later":
            for lineage, state in (pair for shard in shards for pair in shard.everyone()):
                self._write_assessed(Assessed(lineage, state), columns(lineage, state))
            return
        tunes = self.plan.config.tuning == "on"
        for assessed in assess(self._pool, shards, self.past.results, tunes):
            if assessed is not None:
                self._write_assessed(assessed, columns(assessed.lineage, assessed.state))
            elif self.watcher.is_stopping():
                raise Stopped

    def _write_assessed(self, assessed: Assessed, columns: ResultColumns) -> None:
        """Writes and tells of a lineage that was to be scored, perhaps before the end of its search."""
        lineage, state = assessed.lineage, assessed.state
        if assessed.error:
            line = assessed.error.splitlines()[0]
            self.watcher.event(f"{lineage.task} goes on without a score of {lineage.genome}: {line}")
        settings = self.plan.settings[lineage.task]
        if settings.target is not None:
            columns = {**columns, "reached": _reached(state)}
        is_at_end = state.is_at_target or state.generation >= settings.generations
        if not is_at_end and not state.error:
            self.writer.write_assessed(assessed, {**columns, "generations": state.generation}, "early")
        else:
            self.writer.write_assessed(assessed, columns)


def _computed(pool: Pool, requests: Sequence[Request[Result]]) -> list[Result]:
    """Returns the results of requests, in their order; raises EvaluationError for the first that failed."""
    for request in requests:
        pool.submit(request)
    results = dict(pool.completed() for _ in requests)
    for result in results.values():
        if isinstance(result, Failed):
            raise EvaluationError(result.reason)
    return [cast(Result, results[request]) for request in requests]


def _generations_saved(shard: ShardRun, row: MetricsRow) -> int:
    """Returns how many generations a lineage will not have, which ended at its target with a generation."""
    keys = {lineage.key for lineage, _ in shard.ended}
    return shard.shard.settings.generations - row["generation"] - 1 if key_of(row) in keys else 0


def _reached(state: State) -> dict[str, int] | None:
    """Returns in which generation a lineage reached its target, and with how many evaluations; else None."""
    if not state.is_at_target:
        return None
    return {"generation": state.generation - 1, "evaluations": state.evaluations}


def _of_equal_generation(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Returns lineages by how far they are: those that begin later than others cannot share a network yet.

    That is so in a run that was extended, or where some lineages began again since their rows were lost.
    Lineages that were lost or that are at their target stay with those that go on.
    """
    resting = [pair for pair in pairs if pair[1].error or pair[1].is_at_target]
    going = [pair for pair in pairs if not (pair[1].error or pair[1].is_at_target)]
    generations = sorted({state.generation for _, state in going})
    if len(generations) < 2:
        return [list(pairs)]
    parts = [[pair for pair in going if pair[1].generation == g] for g in generations]
    return [[*parts[0], *resting], *parts[1:]]


def _at_epoch(row: MetricsRow, epoch: int) -> MetricsRow:
    """Returns a row of metrics with the epoch of mixed populations."""
    return {**row, "epoch": epoch}
