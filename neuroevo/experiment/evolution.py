"""Evolution: a plan's lineages, evolved on a pool and written to the run folder.

What tournaments, races and mixed populations have in common.
"""

from __future__ import annotations

import itertools
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neuroevo.errors import EvaluationError
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.resume import Past, require_equal_generations
from neuroevo.experiment.shards import GENOMES_PER_GPU, Group, Pair, about, advance, others, shard_size
from neuroevo.files import Row, to_json
from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.run_folder import Key, RunFolder
from neuroevo.search import coordinates
from neuroevo.search import lineage as lineages_
from neuroevo.search.lineage import Lineage, Shard, State
from neuroevo.seeds import derive
from neuroevo.task import TaskRequest
from neuroevo.workers.pool import Pool
from neuroevo.workers.worker import Failed, Request

BLUEPRINTS_PER_REQUEST = 8
CHECKPOINT_SHARE = 0.02  # of the time: a checkpoint is written once it costs no more than this
NO_SCORE = {  # of a lineage that is not assessed, see `assessment`
    **dict.fromkeys(("score", "episode_scores", "untrained_score", "tuned_score", "tuned_factors")),
    "tuning_evaluations": 0,
    "activity": None,
}
_RUNS = itertools.count()  # tells the runs of one process apart, so that they can share a pool


@dataclass
class Progress:
    """What a display needs to know, after every generation of a shard.

    Attributes:
        rows: Metrics of the generation just completed, a row a lineage.
        done: Lineage generations completed.
        total: Lineage generations in the whole run; while a race goes on, at most.
    """

    rows: list[Row]
    done: int
    total: int


@dataclass(frozen=True)
class Listeners:
    """Who is told of a run while it goes on, and may end it.

    Attributes:
        update: Progress, after every generation of a shard.
        event: A line on something that was decided, and the task and genome that it puts out of the run.
        plan: Lineages that were not planned from the start, as rows, and the name of their stage.
        stopping: Whether to end once the generations under way are completed.
    """

    update: Callable[[Progress], None] = lambda _: None
    event: Callable[[str, tuple[str, str] | None], None] = lambda *_: None
    plan: Callable[[Sequence[Row], str], None] = lambda *_: None
    stopping: Callable[[], bool] = lambda: False


class Stopped(Exception):
    """The run ended because its listeners wanted it; its checkpoint holds all that was completed."""


class Evolution:
    """A run on its way.

    Args:
        plan: What is to be done.
        pool: Where it is computed.
        folder: Where it is written.
        listeners: Who is told.
        past: What the run has behind it, if it is resumed.

    Attributes:
        members: By task, what a checkpoint says of mixed populations, see `mixed`.
        resting: Groups that have ended; a checkpoint holds these too.
        done: Lineage generations completed.
        total: Lineage generations in the whole run, as far as is known.
    """

    def __init__(
        self,
        plan: Plan,
        pool: Pool,
        folder: RunFolder,
        listeners: Listeners,
        past: Past | None = None,
    ) -> None:
        self.plan, self.folder, self.listeners, self.past = plan, folder, listeners, past or Past()
        self._pool, self._run, self._numbers = pool, next(_RUNS), itertools.count()
        self._saved, self._cost = time.monotonic(), 0.0
        self._gains = dict(self.past.gains)
        self._rooms: dict[str, int] = {}
        self.members = dict(self.past.members)
        self.resting: list[Group] = []
        self.done = self.total = 0

    def set_gains(self, request: TaskRequest) -> list[Blueprint]:
        """Returns the task's blueprints, one for each sample, in their operating range."""
        blueprints, samples = self.plan.blueprints[request.label], self.plan.samples
        if request.label in self._gains:
            pairs = zip(blueprints, self._gains[request.label], strict=True)
            return [replace(blueprint, gains=Gains(**gains)) for blueprint, gains in pairs]
        seed = derive(self.plan.config.seed, "gains", request.label)
        starts = range(0, len(blueprints), BLUEPRINTS_PER_REQUEST)
        for first in starts:
            chunk = tuple(blueprints[first : first + BLUEPRINTS_PER_REQUEST])
            head = f"{samples[first].genome} on {request.label}, graph {samples[first].graph}"
            concerned = f"{head}{others(len(chunk))}, setting gains before generation 0"
            key = (self._run, "gains", request.label, first)
            self._pool.submit(Request(key, "set_gains", (request,), (chunk, seed), concerned))
        results = dict(self._pool.completed() for _ in starts)
        for failed in (x for x in results.values() if isinstance(x, Failed)):
            raise EvaluationError(failed.reason)
        found = [b for key in sorted(results, key=lambda r: r.key) for b in results[key]]
        self._gains[request.label] = [blueprint.gains.to_dict() for blueprint in found]
        self.checkpoint()
        return found

    def begin(
        self, request: TaskRequest, blueprints: Sequence[Blueprint], seeds: Sequence[int]
    ) -> list[Pair]:
        """Returns a task's lineages, every sample with every seed, before their first generation.

        Of a run that is resumed they are where they were.
        """
        lineages = [
            Lineage(request.label, s.genome, s.graph, seed, self.plan.config.seed, blueprint, s.graph_hash)
            for s, blueprint in zip(self.plan.samples, blueprints, strict=True)
            for seed in seeds
        ]
        settings = self.plan.settings[request.label]
        return [(x, self.past.state(x, settings) or lineages_.begin(x, settings)) for x in lineages]

    def groups(self, request: TaskRequest, pairs: Sequence[Pair]) -> list[Group]:
        """Returns lineages of a task, with their states, in shards."""
        size, num_parts = self.shard_size(request, len(pairs))
        return [
            self.group(request, pairs[first : first + size], num_parts)
            for first in range(0, len(pairs), size)
        ]

    def shard_size(self, request: TaskRequest, num_lineages: int) -> tuple[int, int]:
        """Returns how many of a task's lineages make a shard, and in how many parts a population is sent."""
        populations = self.plan.settings[request.label].populations
        if self.plan.config.device == "cpu":
            return shard_size(num_lineages, *populations)
        if request.label not in self._rooms:
            self._rooms[request.label] = min(self._room(request), GENOMES_PER_GPU)
        return shard_size(num_lineages, *populations, room=self._rooms[request.label])

    def _room(self, request: TaskRequest) -> int:
        """Returns how many genomes of a task fit on a worker's GPU, which a worker is asked for."""
        share = min(1.0, self.plan.experiment.workers.gpus)
        blueprints = tuple(self.plan.blueprints[request.label])
        concerned = f"Asking a GPU how many genomes of {request.label} it takes"
        key = (self._run, "room", request.label)
        self._pool.submit(Request(key, "room", (request,), (blueprints, share), concerned))
        _, found = self._pool.completed()
        if isinstance(found, Failed):
            raise EvaluationError(found.reason)
        return found

    def group(self, request: TaskRequest, pairs: Sequence[Pair], num_parts: int) -> Group:
        """Returns one shard; it has a number of its own, so that its network is built anew.

        Lineages that were lost are not part of it.
        """
        alive = [pair for pair in pairs if not pair[1].error]
        lost = [pair for pair in pairs if pair[1].error]
        settings, device = self.plan.settings[request.label], self.plan.config.device
        shard = Shard(request, tuple(x for x, _ in alive), settings, device=device)
        key = (self._run, next(self._numbers))
        states = [state for _, state in alive]
        return Group(key, shard, lineages_.parts(shard, num_parts), states, lost=lost)

    def forget(self, group: Group) -> None:
        """Gives back the memory of a shard that is not evolved any more."""
        self._pool.forget(group.key)

    def evolve(self, groups: Sequence[Group], until: int | None = None, **columns: Any) -> Iterator[Row]:
        """Evolves groups and yields their rows of metrics as they are completed and written.

        Args:
            groups: Of any task.
            until: The generation to stop at; None: each task's last.
            columns: Further columns of the rows.
        """
        end = sys.maxsize if until is None else until
        for group in groups:
            require_equal_generations(group.states, end, about(group.shard, "the checkpoint"))
            for lineage in group.shard.lineages:
                past = list(self.past.take(lineage.key, end, columns))
                self.done += len(past)
                yield from past
        for rows in advance(self._pool, groups, until, self.listeners.stopping, self._lose):
            rows = [{**row, **columns} for row in rows]
            self.done += len(rows)
            self.folder.append_metrics(rows)
            self.listeners.update(Progress(rows, self.done, self.total))
            if time.monotonic() - self._saved >= self._cost / CHECKPOINT_SHARE:
                self.checkpoint(groups)
            yield from rows
        lost = [state for group in groups for _, state in group.lost]
        if lost and not any(group.states for group in groups):
            raise EvaluationError(lost[0].error)
        self.stop_if_wanted(groups)

    def _lose(self, pair: Pair) -> None:
        """Tells of a lineage that cannot be computed, and without which the run goes on."""
        lineage, state = pair
        line = state.error.splitlines()[0]
        self.listeners.event(f"{lineage.task} goes on without a lineage of {lineage.genome}: {line}", None)

    def stop_if_wanted(self, groups: Sequence[Group]) -> None:
        """Raises Stopped, after a checkpoint, if the listeners want the run to end here."""
        if self.listeners.stopping():
            self.checkpoint(groups)
            raise Stopped

    def select(self, rows: Sequence[Row]) -> None:
        """Writes rows to selection.jsonl, except those that a run that is resumed wrote before."""
        self.folder.append_selection([row for row in rows if to_json(row) not in self.past.selection])

    def add_lineages(self, rows: Sequence[Row], stage: str) -> None:
        """Adds lineages to those that the manifest says are planned, and tells of them."""
        known = self.folder.manifest().get("lineages", [])
        new = [row for row in rows if row not in known]
        self.folder.write_manifest(lineages=[*known, *new])
        self.listeners.plan(rows, stage)

    def checkpoint(self, groups: Sequence[Group] = ()) -> None:
        """Writes the states of all lineages: of resting groups and of these."""
        started = time.monotonic()
        arrays: dict[str, np.ndarray] = {}
        states: list[Row] = []
        for lineage, state in (x for group in (*self.resting, *groups) for x in group.everyone()):
            arrays |= {f"{len(states)}/{k}": v for k, v in lineages_.to_arrays(state).items()}
            numbers = {name: getattr(state, name) for name in lineages_.NUMBERS}
            gains = lineage.blueprint.gains.to_dict()
            states.append({"lineage": list(lineage.key), **numbers, "gains": gains})
        whole = {"lineages": states, "gains": self._gains, "members": self.members}
        self.folder.write_checkpoint(arrays, whole)
        self._saved = time.monotonic()
        self._cost = self._saved - started

    def assess(self, groups: Sequence[Group], columns: Callable[[Lineage, State], Row] | None = None) -> None:
        """Scores every lineage on held-out data and writes results and champions.

        Args:
            groups: Of any task.
            columns: Gives further columns of a lineage's results.
        """
        order, running = [pair for group in groups for pair in group.everyone()], 0
        found: dict[Key, Row] = {x.key: NO_SCORE for x, state in order if state.error}
        found |= {key: NO_SCORE for key in self.past.results}  # they are written, and not written again
        for group in groups:
            if not all(lineage.key in found for lineage in group.shard.lineages):
                running += self._submit_assessment((*group.key, "assess"), group.shard, group.states)
        while order:
            while order and order[0][0].key in found:  # in order, whichever comes first
                lineage, state = order.pop(0)
                more = columns(lineage, state) if columns else {}
                self._write_assessed(lineage, state, found.pop(lineage.key), more)
            if self.listeners.stopping():
                raise Stopped
            if not running:
                break
            request, rows = self._pool.completed()
            running -= 1
            (shard,), (states,) = request.constant, request.arguments
            if isinstance(rows, Failed) and len(states) > 1:
                for r, (lineage, state) in enumerate(zip(shard.lineages, states, strict=True)):
                    alone = replace(shard, lineages=(lineage,))
                    running += self._submit_assessment((*request.key, r), alone, [state])
                continue
            failed = [{**NO_SCORE, "error": rows.reason}] if isinstance(rows, Failed) else rows
            found |= {x.key: row for x, row in zip(shard.lineages, failed, strict=True)}

    def _submit_assessment(self, key: tuple[Any, ...], shard: Shard, states: Sequence[State]) -> int:
        """Submits lineages to be scored; returns the number of requests."""
        self._pool.submit(Request(key, "assess", (shard,), (states,), about(shard, "held-out data")))
        return 1

    def _write_assessed(self, lineage: Lineage, state: State, row: Row, columns: Row) -> None:
        """Writes a lineage's results, after its champion."""
        state = replace(state, error=state.error or row.get("error", ""))
        if lineage.key not in self.past.results and not state.error:
            self._write_champion(lineage, state)
        is_scored = row["score"] is not None and math.isfinite(row["score"])
        status = "done" if is_scored and not has_failed(state) else "failed"
        scores = {name: value for name, value in row.items() if name != "error"}
        self.write_result(lineage, state, scores, status, columns)

    def write_result(
        self, lineage: Lineage, state: State, scores: Mapping[str, Any], status: str, columns: Row
    ) -> None:
        """Writes a lineage's results, unless a run that is resumed wrote them before.

        Args:
            lineage: Whose they are.
            state: Its last.
            scores: What `assessment.assess` found, or `NO_SCORE`.
            status: As in results.jsonl.
            columns: Further ones.
        """
        if lineage.key not in self.past.results:
            self.folder.append_results([result(lineage, state, scores, status) | columns])

    def _write_champion(self, lineage: Lineage, state: State) -> None:
        """Writes the genome that a lineage answers with and the network it belongs to."""
        parameters = {"parameters": lineages_.centre(lineage, state).numpy()}
        self.folder.write_champion(lineage.key, lineage.blueprint.describe(), parameters)


def has_failed(state: State) -> bool:
    """Says whether a lineage was lost, or no genome of it ever had a finite fitness."""
    return bool(state.error) or state.failures >= state.evaluations


def result(lineage: Lineage, state: State, scores: Mapping[str, Any], status: str) -> Row:
    """Returns a row of results.jsonl; `scores` are what `assessment.assess` found, or `NO_SCORE`."""
    return {
        "task": lineage.task,
        "genome": lineage.genome,
        "graph": lineage.graph,
        "graph_hash": lineage.graph_hash,
        "seed": lineage.seed,
        **scores,
        "parameters": coordinates.count(lineage.blueprint),
        "evaluations": state.evaluations,
        "status": status,
        "failures": state.failures,
        "blowup": state.blowup or None,
        "error": state.error or None,
        "gains": lineage.blueprint.gains.to_dict(),
    }
