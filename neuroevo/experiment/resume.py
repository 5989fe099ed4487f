"""Resuming: what a run that ended early left behind, so that nothing of it is computed again.

The program of a run is carried out from its start again; what the folder holds is taken from there. States
are those of the checkpoint, and rows of metrics stand for the generations that these have behind them. Rows
of generations that came after the checkpoint are dropped, for they are computed again, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuroevo import checkpoint
from neuroevo.errors import RunError
from neuroevo.files import Row, to_json
from neuroevo.rows import MetricsRow
from neuroevo.run_folder import Key, RunFolder, key_of
from neuroevo.search import lineage as lineages_
from neuroevo.search.lineage import Lineage, State
from neuroevo.search.settings import Settings


@dataclass
class Past:
    """What a run has behind it; a new run has nothing.

    Attributes:
        states: Numbers of a state, and its arrays by name, by lineage.
        gains: Gains of all samples of a task, by task.
        members: Of mixed populations, the epoch that was under way and its members, by task.
        rows: Metrics by lineage, in order; those that were taken are gone.
        results: Lineages whose results are written.
        selection: Rows of selection.jsonl, as JSON.
        note: A sentence about the checkpoint, or "" if there is nothing to say.
    """

    states: dict[Key, tuple[Row, dict[str, np.ndarray]]] = field(default_factory=dict)
    gains: dict[str, list[Row]] = field(default_factory=dict)
    members: dict[str, Row] = field(default_factory=dict)
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
        nothing: tuple[Any, ...] = ({}, {"gains": {}, "members": {}, "lineages": []}, "")
        arrays, state, note = checkpoint.load(folder.path) if checkpoint.exists(folder.path) else nothing
        past = cls(gains=state["gains"], members=state["members"], note=note)
        for k, numbers in enumerate(state["lineages"]):
            its = {name.split("/", 1)[1]: a for name, a in arrays.items() if name.startswith(f"{k}/")}
            past.states[tuple(numbers["lineage"])] = (numbers, its)
        reached = {past._place(key): numbers["generation"] for key, (numbers, _) in past.states.items()}

        def is_past(row: MetricsRow) -> bool:
            return row["generation"] < reached.get(past._place(key_of(row)), 0)

        for row in folder.keep_metrics(is_past):
            past.rows.setdefault(key_of(row), []).append(row)
        past.results = {key_of(row) for row in folder.results()}
        past.selection = {to_json(row) for row in folder.selection()}
        return past

    def state(self, lineage: Lineage, settings: Settings) -> State | None:
        """Returns the state that a lineage had reached, or None if it had not begun.

        Args:
            lineage: The lineage.
            settings: Its search settings.
        """
        if lineage.key not in self.states:
            return None
        numbers, arrays = self.states[lineage.key]
        return lineages_.restore(lineage, settings, arrays, numbers)

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

    def _place(self, key: Key) -> tuple[Any, ...]:
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
