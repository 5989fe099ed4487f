"""The writer of a run: the only one that changes a run folder between its creation and its report.

Rows that a run that is resumed wrote before are not written again.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from neuroevo.experiment.resume import CheckpointState, EpochEntry, LineageEntry, Past
from neuroevo.experiment.row_record import RowRecord
from neuroevo.experiment.shards import Assessed, Pair
from neuroevo.files import to_json
from neuroevo.network.blueprint import Blueprint
from neuroevo.rows import LineageRow, MetricsRow, Origin, ResultColumns, ResultRow, Scores, SelectionRow
from neuroevo.run_folder import Key, RunFolder, key_of
from neuroevo.search import coordinates
from neuroevo.search import lineage as lineages_
from neuroevo.search.lineage import Lineage, State

logger = logging.getLogger(__name__)

CHECKPOINT_SHARE = 0.02  # of the time: a checkpoint is written once it costs no more than this
NO_SCORE: Scores = {  # of a lineage that is not assessed
    "score": None,
    "episode_scores": None,
    "untrained_score": None,
    "tuned_score": None,
    "tuned_factors": None,
    "tuning_evaluations": 0,
    "activity": None,
    "scoring_evaluations": 0,
}


class RunWriter:
    """Writes what happens in a run into its folder.

    Args:
        folder: The folder.
        past: What the run has behind it if it is resumed, or None for a new run.

    Attributes:
        folder: The folder, to read from.
        past: What the run had behind it when it was begun or resumed.
        unscored: Why lineages at the end of their search have no score, by lineage; "" where they are to be
            scored later.
    """

    def __init__(self, folder: RunFolder, past: Past | None = None) -> None:
        self.folder = folder
        self.past = past or Past()
        self.unscored: dict[Key, str] = {}
        self._gains: dict[str, list[dict[str, float]]] = dict(self.past.gains)
        self._members: dict[str, EpochEntry] = dict(self.past.members)
        self._champions: set[Key] = set()  # lineages whose champions are as they are to stay
        self._best: dict[tuple[str, str], float] | None = (
            None  # scores by task and genome, where none evolves
        )
        self._latest: tuple[Blueprint, bytes] | None = None  # described last
        self._order: dict[Key, None] = {}  # lineages in the order of their results
        self._rows = RowRecord(folder, self.past)
        self._saved = time.monotonic()  # when the last checkpoint was written
        self._cost = 0.0  # seconds that it took

    # --- manifest ---------------------------------------------------------------------------------------

    def note_resumed(self, workers: int | None, origin: Origin, drift: str) -> None:
        """Notes that the run is resumed.

        Args:
            workers: How many workers it has now; None stands for as many as a cluster has room for.
            origin: Which program goes on with it.
            drift: In which versions that differs from the program it was begun with; "" if in none.
        """
        here = {
            "workers": workers,
            "versions": origin["versions"],
            "commit": origin["commit"],
            "drift": drift,
        }
        resumed = [*self.folder.manifest().get("resumed", ()), here]
        self.folder.write_manifest(status="running", resumed=resumed, rows={})

    def note_end(self, status: str, seconds: float) -> None:
        """Notes how the run ended, and how long its files of rows are then.

        Args:
            status: "done", "unscored", "interrupted" or "failed".
            seconds: Time that it took since it was begun or resumed; what it took before is added.
        """
        before: float = self.folder.manifest().get("wall_seconds", 0.0)
        rows = self._rows.extents()
        self.folder.sync_rows()
        self.folder.write_manifest(status=status, wall_seconds=round(before + seconds, 2), rows=rows)

    def note_tracker_failures(self, lines: Sequence[str]) -> None:
        """Notes what trackers did not take.

        Args:
            lines: A sentence for each failure.
        """
        self.folder.write_manifest(tracker_failures=list(lines))

    def add_lineages(self, rows: Sequence[LineageRow]) -> None:
        """Adds lineages to those that are planned.

        Args:
            rows: Their identities; those that are planned already are passed over.
        """
        known = self.folder.manifest().get("lineages", [])
        self.folder.write_manifest(lineages=[*known, *(row for row in rows if row not in known)])

    def replace_lineages(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Replaces the lineages that are planned.

        Args:
            rows: Their identities.
        """
        self.folder.write_manifest(lineages=list(rows))

    def note_selection_record(self, record: Mapping[str, Mapping[str, object]]) -> None:
        """Writes how mixed populations ended.

        Args:
            record: By task, what `drift.fixation` found.
        """
        self.folder.write_manifest(selection_record=record)

    # --- rows -------------------------------------------------------------------------------------------

    def write_metrics(self, rows: Iterable[MetricsRow]) -> None:
        """Appends metrics.

        Args:
            rows: A row a lineage a generation, none of which the past holds.
        """
        self._rows.write_metrics(rows)

    def write_selection(self, rows: Iterable[SelectionRow]) -> None:
        """Appends what a race decided, or how mixed populations stand.

        Args:
            rows: Rows of selection.jsonl; those that the past holds are passed over.
        """
        self._rows.write_selection([row for row in rows if to_json(row) not in self.past.selection])

    def write_unscored(self, lineage: Lineage, state: State, status: str, columns: ResultColumns) -> None:
        """Appends the results of a lineage that is not assessed, unless the past holds them.

        Args:
            lineage: The lineage.
            state: Its last state.
            status: The column `status`, unless the lineage has failed.
            columns: Further columns.
        """
        self._write_result(lineage, state, NO_SCORE, "failed" if has_failed(state) else status, columns)

    def write_champions(self, pairs: Iterable[Pair]) -> None:
        """Writes the champions of lineages that evolve, unless the past holds their results.

        Of those that do not, whose genomes follow from their seeds, `write_assessed` writes the best alone.

        Args:
            pairs: Lineages at the end of their search, or where they are to be scored, with their states.
        """
        for lineage, state in pairs:
            if lineages_.does_evolve(state):
                self._write_champion(lineage, state)

    def _write_champion(self, lineage: Lineage, state: State) -> None:
        """Writes the champion of a lineage, once."""
        if lineage.key in self.past.results or lineage.key in self._champions or state.error:
            return
        parameters = {"parameters": lineages_.centre(lineage, state).numpy()}
        self.folder.write_champion(lineage.key, self._described(lineage, state), parameters)
        self._champions.add(lineage.key)

    def _write_if_best(self, lineage: Lineage, state: State, score: float) -> None:
        """Writes the champion of a lineage that does not evolve, if none of its genome had a higher score."""
        if self._best is None:
            self._best = self._best_before()
        which = lineage.task, lineage.genome
        if score >= self._best.get(which, -math.inf):  # of equal ones each, whichever comes first
            self._best[which] = score
            self._write_champion(lineage, state)

    def _best_before(self) -> dict[tuple[str, str], float]:
        """Returns the highest score of each genome on each task that the past holds."""
        best: dict[tuple[str, str], float] = {}
        for row in self.folder.results() if self.past.results else ():
            which, score = (row["task"], row["genome"]), row["score"]
            if key_of(row) in self.past.results and score is not None:
                best[which] = max(best.get(which, -math.inf), score)
        return best

    def _described(self, lineage: Lineage, state: State) -> bytes:
        """Returns a lineage's blueprint as JSON; that of the last is kept, for seeds of a graph share it."""
        blueprint = lineages_.as_scored(lineage, state)
        if self._latest is None or self._latest[0] is not blueprint:
            self._latest = blueprint, to_json(blueprint.describe()).encode()
        return self._latest[1]

    def write_assessed(self, assessed: Assessed, columns: ResultColumns, status: str = "done") -> None:
        """Appends the results of a lineage that was to be scored, unless the past holds them.

        Args:
            assessed: The lineage, with what came of it.
            columns: Further columns of the results.
            status: The column `status` of a lineage that has a score.
        """
        state, scores = assessed.state, assessed.scores
        if scores is None and not state.error and assessed.lineage.key not in self.past.results:
            self.unscored[assessed.lineage.key] = assessed.error
            state = replace(state, error=assessed.error)
            self._write_result(assessed.lineage, state, NO_SCORE, "unscored", columns)
            return
        row = scores or NO_SCORE
        is_scored = row["score"] is not None and math.isfinite(row["score"]) and not has_failed(state)
        if status == "early":  # even if all has failed so far: it is scored again at its end
            row = row if is_scored else NO_SCORE
        elif not is_scored:
            status = "failed"
        elif not lineages_.does_evolve(state):
            self._write_if_best(assessed.lineage, state, float(row["score"] or 0.0))
        self._write_result(assessed.lineage, state, row, status, columns)

    def _write_result(
        self, lineage: Lineage, state: State, scores: Scores, status: str, columns: ResultColumns
    ) -> None:
        """Appends a row of results.jsonl, unless the past holds it; it replaces what was provisional."""
        self._order[lineage.key] = None
        if lineage.key not in self.past.results:
            self._rows.write_results([_result(lineage, state, scores, status, columns)])

    def order_metrics(self, lineages: Sequence[Key]) -> None:
        """Puts metrics into the order of generations, and of lineages in each, if they are not.

        Args:
            lineages: All lineages of the run, in order.
        """
        self._rows.order_metrics(lineages)

    def settle_results(self, lineages: Sequence[Key] = ()) -> None:
        """Leaves the last result of every lineage, in order.

        Args:
            lineages: All lineages of the run, in order; by default they are in the order in which an
                undisturbed run writes them.
        """
        self._rows.order_results([*lineages, *self._order])

    # --- checkpoints ------------------------------------------------------------------------------------

    def hold_gains(self, task: str, gains: list[dict[str, float]]) -> None:
        """Notes gains for all checkpoints to come.

        Args:
            task: Label of the task.
            gains: Those of each of its samples.
        """
        self._gains[task] = gains

    def hold_members(self, task: str, members: EpochEntry) -> None:
        """Notes, for all checkpoints to come, who lives in mixed populations.

        Args:
            task: Label of the task.
            members: The epoch that is under way, and its members.
        """
        self._members[task] = members

    @property
    def is_checkpoint_due(self) -> bool:
        """Whether so much time has passed that a checkpoint costs little of it."""
        return time.monotonic() - self._saved >= self._cost / CHECKPOINT_SHARE

    def write_checkpoint(self, pairs: Iterable[Pair]) -> None:
        """Writes a checkpoint.

        Args:
            pairs: All lineages of the run that have begun, with their states.
        """
        started = time.monotonic()
        arrays: dict[str, np.ndarray] = {}
        entries: list[LineageEntry] = []
        for lineage, state in pairs:
            arrays |= {f"{len(entries)}/{k}": v for k, v in lineages_.to_arrays(state).items()}
            entries.append(
                {
                    "lineage": lineage.key,
                    "generation": state.generation,
                    "evaluations": state.evaluations,
                    "failures": state.failures,
                    "blowup": state.blowup,
                    "error": state.error,
                    "is_at_target": state.is_at_target,
                    "gains": lineage.blueprint.gains.to_dict(),
                }
            )
        holds: CheckpointState = {
            "lineages": entries,
            "gains": self._gains,
            "members": self._members,
            "rows": {
                "files": self._rows.extents(),
                "lineages": [self._rows.hash_of(entry["lineage"]) for entry in entries],
            },
        }
        self.folder.sync_rows()  # what the checkpoint vouches for is to be there when it is
        self.folder.write_checkpoint(arrays, holds)
        self._saved = time.monotonic()
        self._cost = self._saved - started
        logger.info("checkpoint of %d lineages, %.3f s", len(entries), self._cost)


def has_failed(state: State) -> bool:
    """Says whether a lineage was lost, or no genome of it ever had a finite fitness.

    Args:
        state: Its last state.
    """
    return bool(state.error) or 0 < state.evaluations <= state.failures


def _result(lineage: Lineage, state: State, scores: Scores, status: str, columns: ResultColumns) -> ResultRow:
    """Returns a row of results.jsonl."""
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
        **columns,
    }
