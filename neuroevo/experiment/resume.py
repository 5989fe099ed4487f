"""Resuming: what a run that ended early left behind, so that nothing of it is computed again.

The program of a run is carried out from its start again; what the folder holds is taken from there. States
are those of the checkpoint, and rows of metrics stand for the generations that these have behind them. Rows
of generations that came after the checkpoint are dropped, for they are computed again, with the same result.

A checkpoint vouches for the rows before it. Where the folder does not hold them any more, lineages whose rows
are not whole begin again: nothing that is gone or changed is taken for a result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict, cast

import numpy as np

from neuroevo import checkpoint
from neuroevo.errors import RunError
from neuroevo.extent import Extent, shortfall
from neuroevo.files import to_json
from neuroevo.forms import Form
from neuroevo.rows import PROVISIONAL, MetricsRow, ResultRow
from neuroevo.run_folder import METRICS, RESULTS, SELECTION, Key, RunFolder, key_of
from neuroevo.search import lineage as lineages_
from neuroevo.search.lineage import Lineage, State
from neuroevo.search.settings import Settings
from neuroevo.text import count
from neuroevo.wiring.architecture import ArchitectureJson

DIGITS = 16  # of the hash of a lineage's rows


class LineageEntry(TypedDict):
    """What a checkpoint says of a lineage beside the arrays of its state.

    Attributes:
        lineage: (task, genome label, graph, seed), a list in JSON.
        generation: The next generation, from 0.
        evaluations: Genomes evaluated so far.
        failures: Genomes of these whose fitness was not finite.
        blowup: Where the first genome that failed left the finite numbers; "" where none did.
        error: Why the lineage was lost; "" where it goes on.
        is_at_target: Whether it has ended with the fitness that was wanted; an earlier version wrote none.
        gains: Gains of its operating range, by kind of current.
    """

    lineage: Key
    generation: int
    evaluations: int
    failures: int
    blowup: str
    error: str
    is_at_target: NotRequired[bool]
    gains: dict[str, float]


class MemberEntry(TypedDict):
    """What a checkpoint says of a member of a mixed population beside its lineage.

    Attributes:
        lineage: (task, genome label, place, population), a list in JSON.
        founder: The place of the founder that it descends from.
        architecture: Its wiring, dead ends included, see `Architecture.to_dict`.
        gains: Gains of its operating range, by kind of current.
    """

    lineage: Key
    founder: int
    architecture: ArchitectureJson
    gains: dict[str, float]


class EpochEntry(TypedDict):
    """What a checkpoint says of a task's mixed populations.

    Attributes:
        epoch: The epoch that is under way, from 0.
        members: The members of all populations.
    """

    epoch: int
    members: list[MemberEntry]


class RowsEntry(TypedDict):
    """What a checkpoint vouches for: rows that were written and synced before it.

    Attributes:
        files: Length and SHA-256 of the files of rows, by name.
        lineages: Hash of the rows of metrics of each lineage, in the order of the checkpoint's lineages.
    """

    files: dict[str, Extent]
    lineages: list[str]


class CheckpointState(TypedDict):
    """What a checkpoint holds beside arrays, whose names are the number of a lineage and their own.

    Attributes:
        lineages: All lineages that have begun.
        gains: Gains of all samples of a task, by kind of current, by task.
        members: Mixed populations by task.
        rows: The rows that it vouches for; missing where a version wrote it that had no seals.
    """

    lineages: list[LineageEntry]
    gains: dict[str, list[dict[str, float]]]
    members: dict[str, EpochEntry]
    rows: NotRequired[RowsEntry]


CHECKPOINT_FORM = Form((CheckpointState,), is_complete=True)


@dataclass
class Past:
    """What a run has behind it; a new run has nothing.

    Attributes:
        states: Entries of the checkpoint, and arrays by name, by lineage.
        gains: Gains of all samples of a task, by task.
        members: Of mixed populations, the epoch that was under way and its members, by task.
        rows: Metrics by lineage, in order; those that were taken are gone.
        written: The same rows in the order of the file; empty once a writer has taken them over.
        results: Lineages whose results are written and final.
        selection: Rows of selection.jsonl, as JSON.
        notes: A sentence about each thing that was not as the run had left it.
    """

    states: dict[Key, tuple[LineageEntry, dict[str, np.ndarray]]] = field(default_factory=dict)
    gains: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    members: dict[str, EpochEntry] = field(default_factory=dict)
    rows: dict[Key, list[MetricsRow]] = field(default_factory=dict)
    written: list[MetricsRow] = field(default_factory=list)
    results: set[Key] = field(default_factory=set)
    selection: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, folder: RunFolder) -> Past:
        """Returns a run's past; metrics of generations that no checkpoint holds are dropped from the folder.

        Rows that are not those that a checkpoint, or the end of the run, vouches for are dropped too, with
        what hangs on them, so that they are computed again.

        Args:
            folder: The run's folder.

        Raises:
            RunError: If the checkpoint or another file is damaged.
        """
        past = cls()
        rows = past._read_checkpoint(folder) if checkpoint.exists(folder.path) else None
        ended = folder.torn()
        past._read_selection(folder, ended, rows)
        past._read_metrics(folder, rows)
        past._read_results(folder, ended, rows)
        return past

    def _read_checkpoint(self, folder: RunFolder) -> RowsEntry | None:
        """Takes in the newest checkpoint that can be used; returns what it vouches for."""
        arrays, holds, note = checkpoint.load(folder.path, folder.check_checkpoint)
        if what := CHECKPOINT_FORM.fault(holds):
            raise RunError(f"{folder.path / checkpoint.NEWEST} is damaged ({what}); start the run again.")
        state = cast(CheckpointState, holds)
        self.notes += [note] if note else []
        self.gains = state["gains"]
        self.members = state["members"]
        for k, entry in enumerate(state["lineages"]):
            its = {name.split("/", 1)[1]: a for name, a in arrays.items() if name.startswith(f"{k}/")}
            task, genome, graph, seed = entry["lineage"]
            self.states[task, genome, graph, seed] = entry, its
        rows, number = state.get("rows"), len(state["lineages"])
        if len(self.states) != number or (rows and len(rows["lineages"]) != number):
            what = "it vouches for other lineages than it has"
            raise RunError(f"{folder.path / checkpoint.NEWEST} is damaged ({what}); start the run again.")
        return rows

    def _read_metrics(self, folder: RunFolder, vouched: RowsEntry | None) -> None:
        """Takes in the rows of generations that states have behind them, and drops all others."""
        path = folder.path / METRICS
        what = ""
        if vouched:
            extent = vouched["files"][METRICS]
            what = shortfall(path, extent, is_whole=False)
            folder.cut(METRICS, None if what else extent["bytes"])
        reached = {self._place(key): entry["generation"] for key, (entry, _) in self.states.items()}
        rows, num_rows = [], 0
        for row in folder.stream_metrics(is_lenient=bool(what)):
            num_rows += 1
            if row["generation"] < reached.get(self._place(key_of(row)), 0):
                rows.append(row)
                self.rows.setdefault(key_of(row), []).append(row)
        hashes = vouched["lineages"] if vouched and self.states else [None] * len(self.states)
        wrong = [x for x, wanted in zip(self.states, hashes, strict=True) if not self._is_whole(x, wanted)]
        if self.members and not what:
            wrong = []  # rows of a place are those of several lineages
        if wrong:
            self._begin_again(folder, wrong, f"{path} {what or 'lacks rows'}")
        self.written = [row for row in rows if key_of(row) in self.rows]
        if path.exists() and (what or num_rows > len(self.written) or not vouched):
            folder.replace_metrics(self.written)

    def _is_whole(self, lineage: Key, wanted: str | None) -> bool:
        """Says whether the rows of a lineage are those of all generations that it has behind it.

        Args:
            lineage: The lineage.
            wanted: Hash of its rows; None where the checkpoint holds none.
        """
        rows, (entry, _) = self.rows.get(lineage, []), self.states[lineage]
        if wanted is None:
            return {row["generation"] for row in rows} == set(range(entry["generation"]))
        return hash_of(rows) == wanted

    def _begin_again(self, folder: RunFolder, lineages: Sequence[Key], why: str) -> None:
        """Drops the states of lineages, and of all where these have an effect on each other."""
        lost = list(lineages)
        if folder.config().get("selection", "tournament") != "tournament":
            lost = list(self.states)
            self.members.clear()
        for lineage in lost:
            del self.states[lineage]
            self.rows.pop(lineage, None)
        if not self.states:
            self.rows.clear()
        number = count(len(lost), "lineage")
        self.notes.append(f"{why}: {number} of {len(lost) + len(self.states)} begin again at generation 0.")

    def _read_results(self, folder: RunFolder, ended: Mapping[str, str], vouched: RowsEntry | None) -> None:
        """Takes in which lineages have results; drops all where they are not those that were written."""
        what = _wrong(folder, RESULTS, ended, vouched)
        if what:
            self.notes.append(f"{folder.path / RESULTS} {what}: all lineages are scored again.")
        folder.cut(RESULTS, 0 if what else None)
        self.results = {key_of(row) for row in folder.results() if self._is_final(row)}

    def _read_selection(self, folder: RunFolder, ended: Mapping[str, str], vouched: RowsEntry | None) -> None:
        """Takes in what was decided; drops it where it is not what was written, for all follows again."""
        what = _wrong(folder, SELECTION, ended, vouched)
        folder.cut(SELECTION, 0 if what else None)
        if what and self.members:  # who made room for whom cannot be told from the states
            self._begin_again(folder, list(self.states), f"{folder.path / SELECTION} {what}")
        elif what:
            self.notes.append(f"{folder.path / SELECTION} {what}: its rows are written again.")
        self.selection = {to_json(row) for row in folder.selection()}

    def state(self, lineage: Lineage, settings: Settings) -> State | None:
        """Returns the state that a lineage had reached, or None if it had not begun.

        Args:
            lineage: The lineage.
            settings: Its search settings.
        """
        if lineage.key not in self.states:
            return None
        entry, arrays = self.states[lineage.key]
        return lineages_.restore(lineage, settings, arrays, entry)

    def take(self, key: Key, until: int, epoch: int | None) -> Iterator[MetricsRow]:
        """Yields rows of a lineage's generations, each of which can be taken once.

        Args:
            key: The lineage.
            until: The first generation that is not taken.
            epoch: The epoch that the rows must be of, or None for any.
        """
        rows = self.rows.get(key, [])
        self.rows[key] = [row for row in rows if row["generation"] >= until]
        for row in rows:
            if row["generation"] < until and (epoch is None or row.get("epoch") == epoch):
                yield row

    def _is_final(self, row: ResultRow) -> bool:
        """Says whether a result stays as it is.

        Earlier versions wrote "failed" where a search was at its end and could not be scored.
        """
        entry, _ = self.states.get(key_of(row), (None, None))
        is_lost = entry is None or entry["error"] or row.get("error") is None
        return row["status"] not in PROVISIONAL and (row["status"] != "failed" or bool(is_lost))

    def _place(self, key: Key) -> tuple[str | int, ...]:
        """Returns what a lineage shares with those whose place it took in a mixed population."""
        task, genome, graph, seed = key
        return (task, graph, seed) if task in self.members else (task, genome, graph, seed)


def _wrong(folder: RunFolder, name: str, ended: Mapping[str, str], vouched: RowsEntry | None) -> str:
    """Returns how a file is not what the end of the run, or else the checkpoint, vouches for; "" if it is."""
    if name in ended:
        return ended[name]
    extent = vouched["files"].get(name) if vouched else None
    return shortfall(folder.path / name, extent, is_whole=False) if extent else ""


def hash_of(rows: Iterable[Mapping[str, object]]) -> str:
    """Returns the hash of a lineage's rows of metrics.

    Args:
        rows: The rows, without marks, in order.
    """
    digest = hashlib.sha256()
    for row in rows:
        digest.update(hashed(row))
    return digest.hexdigest()[:DIGITS]


def hashed(row: Mapping[str, object]) -> bytes:
    """Returns what of a row of metrics is hashed: all but its mark and the brace that closes it.

    Args:
        row: The row, without a mark.
    """
    return to_json(row)[:-1].encode()


def require_equal_generations(states: Sequence[State], end: int, concerned: str) -> None:
    """Makes sure that the lineages of a shard that is to go on are equally far.

    Args:
        states: Their states.
        end: The generation that the shard is to go on to.
        concerned: Names lineages and checkpoint in the error.

    Raises:
        RunError: If they are not.
    """
    generations = sorted({state.generation for state in states})
    if len(generations) > 1 and generations[0] < end:
        reached = " and ".join(map(str, generations))
        raise RunError(f"{concerned} has them at generations {reached}; wanted one. Start the run again.")
