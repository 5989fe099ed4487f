"""Resuming: what a run that ended early left behind, so that nothing of it is computed again.

The program of a run is carried out from its start again; what the folder holds is taken from there. States
are those of the checkpoint, and rows of metrics stand for the generations that these have behind them. Rows
of generations that came after the checkpoint are dropped, for they are computed again, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, cast

import numpy as np

from neuroevo import checkpoint
from neuroevo.errors import RunError
from neuroevo.files import to_json
from neuroevo.rows import PROVISIONAL, MetricsRow, ResultRow
from neuroevo.run_folder import Key, RunFolder, key_of
from neuroevo.search import lineage as lineages_
from neuroevo.search.lineage import Lineage, State
from neuroevo.search.settings import Settings
from neuroevo.wiring.architecture import ArchitectureJson


class LineageEntry(TypedDict):
    """What a checkpoint says of a lineage beside the arrays of its state.

    Attributes:
        lineage: (task, genome label, graph, seed), a list in JSON.
        generation: The next generation, from 0.
        evaluations: Genomes evaluated so far.
        failures: Genomes of these whose fitness was not finite.
        blowup: Where the first genome that failed left the finite numbers; "" where none did.
        error: Why the lineage was lost; "" where it goes on.
        gains: Gains of its operating range, by kind of current.
    """

    lineage: Key
    generation: int
    evaluations: int
    failures: int
    blowup: str
    error: str
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


class CheckpointState(TypedDict):
    """What a checkpoint holds beside arrays, whose names are the number of a lineage and their own.

    Attributes:
        lineages: All lineages that have begun.
        gains: Gains of all samples of a task, by kind of current, by task.
        members: Mixed populations by task.
    """

    lineages: list[LineageEntry]
    gains: dict[str, list[dict[str, float]]]
    members: dict[str, EpochEntry]


@dataclass
class Past:
    """What a run has behind it; a new run has nothing.

    Attributes:
        states: Entries of the checkpoint, and arrays by name, by lineage.
        gains: Gains of all samples of a task, by task.
        members: Of mixed populations, the epoch that was under way and its members, by task.
        rows: Metrics by lineage, in order; those that were taken are gone.
        results: Lineages whose results are written and final.
        selection: Rows of selection.jsonl, as JSON.
        note: A sentence about the checkpoint, or "" if there is nothing to say.
    """

    states: dict[Key, tuple[LineageEntry, dict[str, np.ndarray]]] = field(default_factory=dict)
    gains: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    members: dict[str, EpochEntry] = field(default_factory=dict)
    rows: dict[Key, list[MetricsRow]] = field(default_factory=dict)
    results: set[Key] = field(default_factory=set)
    selection: set[str] = field(default_factory=set)
    note: str = ""

    @classmethod
    def read(cls, folder: RunFolder) -> Past:
        """Returns a run's past; metrics of generations that no checkpoint holds are dropped from the folder.

        Args:
            folder: The run's folder.

        Raises:
            RunError: If the checkpoint or another file is damaged.
        """
        past = cls()
        if checkpoint.exists(folder.path):
            past._read_checkpoint(folder.path)
        reached = {past._place(key): entry["generation"] for key, (entry, _) in past.states.items()}

        def is_past(row: MetricsRow) -> bool:
            return row["generation"] < reached.get(past._place(key_of(row)), 0)

        for row in folder.keep_metrics(is_past):
            past.rows.setdefault(key_of(row), []).append(row)
        past.results = {key_of(row) for row in folder.results() if past._is_final(row)}
        past.selection = {to_json(row) for row in folder.selection()}
        return past

    def _read_checkpoint(self, path: Path) -> None:
        """Takes in the newest checkpoint that can be used."""
        arrays, holds, note = checkpoint.load(path)
        state = cast(CheckpointState, holds)
        self.note = note
        self.gains = state["gains"]
        self.members = state["members"]
        for k, entry in enumerate(state["lineages"]):
            its = {name.split("/", 1)[1]: a for name, a in arrays.items() if name.startswith(f"{k}/")}
            task, genome, graph, seed = entry["lineage"]
            self.states[task, genome, graph, seed] = entry, its

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
        is_lost = entry is None or entry["error"] or row["error"] is None
        return row["status"] not in PROVISIONAL and (row["status"] != "failed" or bool(is_lost))

    def _place(self, key: Key) -> tuple[str | int, ...]:
        """Returns what a lineage shares with those whose place it took in a mixed population."""
        task, genome, graph, seed = key
        return (task, graph, seed) if task in self.members else (task, genome, graph, seed)


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
