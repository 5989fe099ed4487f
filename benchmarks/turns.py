"""Rivals take turns, so that other load on the machine falls on all alike; what they did, as rows.

A row is one rival in one case. Of several turns it tells the median and the quartiles, and how many times as
good ours was: a ratio for each turn, of our turn over the rival's own beside it, and the median of these.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

OURS = "neuroevo"

Call = Callable[[], object]


@dataclass(frozen=True)
class Options:
    """Options of all measurements.

    Attributes:
        repeats: Number of turns of each rival; None takes the measurement's own number.
        smallest: Whether sizes are the smallest at which anything runs: a check of the code, not a figure.
        peers: Whether other libraries take part.
        peers_python: Interpreter that runs those which are not dependencies of this project; empty for this
            one.
        cores: Number of processes or threads of every rival that can use several.
        seed: Seed of wirings, parameters, starts and images.
        here: Whether rivals share this process: quick to start, and then their times say nothing.
        only: Text that the title of a case must contain, where a measurement has several cases.
    """

    repeats: int | None = None
    smallest: bool = False
    peers: bool = True
    peers_python: str = ""
    cores: int = 1
    seed: int = 0
    here: bool = False
    only: str = ""

    def wants(self, case: str) -> bool:
        """Says whether a case is to be measured, by its title."""
        return self.only in case

    def turns(self, usual: int) -> int:
        """Returns the number of turns, of which `usual` is the measurement's own."""
        return self.repeats or (1 if self.smallest else usual)


@dataclass(frozen=True)
class Row:
    """One rival in one case.

    Attributes:
        case: What is measured; rows of one case follow one another.
        name: Name of the rival.
        unit: Unit of its values.
        values: A value a turn; none where the rival could not take part, and then the note says why.
        ratios: How many times as good ours was in each turn; none where there is nothing to compare.
        goal: What the median of the ratios should reach; None where no goal was set.
        note: What a reader has to know beside the numbers.
        facts: Further numbers, for `--json`.
    """

    case: str
    name: str
    unit: str
    values: Sequence[float] = ()
    ratios: Sequence[float] = ()
    goal: float | None = None
    note: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Returns the row as plain JSON types, with medians and quartiles."""
        return {
            "case": self.case,
            "name": self.name,
            "unit": self.unit,
            "turns": [float(x) for x in self.values],
            **{f"value_{k}": v for k, v in spread(self.values).items()},
            "ratios": [float(x) for x in self.ratios],
            **{f"ratio_{k}": v for k, v in spread(self.ratios).items()},
            "goal": self.goal,
            "note": self.note,
            "facts": dict(self.facts),
        }


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Returns the median and both quartiles; None where there are no values."""
    names = ("lower", "median", "upper")
    if not len(values):
        return dict.fromkeys(names)
    return dict(zip(names, map(float, np.quantile(values, (0.25, 0.5, 0.75))), strict=True))


def take_turns(rivals: Mapping[str, Call], repeats: int, calls: int = 1) -> dict[str, list[float]]:
    """Returns the seconds of each rival's turns, of some calls each, after a round that warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(repeats + 1):
        for name, call in rivals.items():
            begin = time.perf_counter()
            for _ in range(calls):
                call()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def compare(
    case: str,
    unit: str,
    values: Mapping[str, Sequence[float]],
    *,
    ours: str = OURS,
    less: bool = False,
    goals: Mapping[str, float] | None = None,
    notes: Mapping[str, str] | None = None,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[Row]:
    """Yields a row a rival.

    Args:
        case: What is measured.
        unit: Unit of the values.
        values: Values by rival, one a turn, the turns of all in the same order; none for a rival that could
            not take part.
        ours: The rival that the others are compared with.
        less: Whether less is better, as with seconds; then a ratio is theirs over ours.
        goals: What the ratio should reach, by rival.
        notes: What a reader has to know, by rival.
        facts: Further numbers, by rival.
    """
    ours_values = np.asarray(values[ours], float)
    for name, turns in values.items():
        theirs = np.asarray(turns, float)
        there = name != ours and len(ours_values) and len(theirs)
        pairs = min(len(ours_values), len(theirs))
        ratios = (
            (theirs[:pairs] / ours_values[:pairs] if less else ours_values[:pairs] / theirs[:pairs])
            if there
            else ()
        )
        yield Row(
            case,
            name,
            unit,
            theirs.tolist(),
            [float(x) for x in ratios],
            (goals or {}).get(name),
            (notes or {}).get(name, ""),
            (facts or {}).get(name, {}),
        )


HEADS = f"  {'':<38}{'median':>12}{'quartiles':>24}{'ours, times':>13}{'quartiles':>18}{'goal':>6}"


def print_row(row: Row, last: Row | None) -> None:
    """Prints a row, and before the first of a case what it is."""
    if last is None or (last.case, last.unit) != (row.case, row.unit):
        print(f"\n{row.case}; {row.unit}\n{HEADS}")
    value, ratio = spread(row.values), spread(row.ratios)
    line = f"  {row.name:<38}"
    if value["median"] is not None:
        line += f"{number(value['median']):>12}{between(value):>24}"
    if ratio["median"] is not None:
        line += f"{ratio['median']:>13.2f}{between(ratio):>18}"
    elif row.note and not len(row.values):
        line += "  " + row.note
    if row.goal is not None:
        line = f"{line:<107}{row.goal:>6g}"
    print(f"{line}  {row.note}" if row.note and len(row.values) else line, flush=True)


def between(quartiles: Mapping[str, float | None]) -> str:
    """Returns both quartiles as text."""
    lower, upper = quartiles["lower"], quartiles["upper"]
    return "" if lower is None or upper is None else f"{number(lower)} to {number(upper)}"


def number(value: float) -> str:
    """Returns a number with three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
