"""The sphinx table in words and rows: how much of a score is the body's, the maps', the wiring's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from neuroevo.report.formatting import decimals
from neuroevo.report.table import Cell, Heading, Table
from neuroevo.text import conjoined, typeset

if TYPE_CHECKING:
    from neuroevo.referee.sphinx import Share, Sphinx
    from neuroevo.report.model import TaskReport

QUESTION = "What explains the score?"
WHAT = {  # a genome of each part has, beside the leader's wiring
    "body": "body, three numbers, no senses",
    "maps": "maps alone, no wiring",
    "frozen": "wiring that does not evolve",
    "wiring": "other wiring",
}
SENSORS = "raw sensors"
OF_SENSORS = "readout of the sensors"


def percent(share: float) -> str:
    """Returns a share in percent, with a decimal near nothing and near all.

    Args:
        share: The share; 1 is all of it.
    """
    value = 100 * share
    is_near = 0.05 < abs(value) < 9.95 or 0.05 < abs(value - 100) < 9.95
    text = f"{value:.1f}" if is_near else f"{value:,.0f}"
    return f"{'0' if text == '-0' else text} %"


def what_of(share: Share) -> str:
    """Returns what a genome has, in a few words.

    Args:
        share: What it reaches.
    """
    return OF_SENSORS if share.genome == SENSORS else WHAT[share.part]


def floor_text(sphinx: Sphinx, unit: str) -> str:
    """Returns what shares are counted from, as the end of a sentence; "" where nothing is known of it.

    Args:
        sphinx: What explains the leader's score.
        unit: Unit of the score; may be empty.
    """
    if sphinx.floor is None:
        return ""
    how = "measured" if sphinx.floor.is_measured else "stated by the task"
    return f"{f'{sphinx.floor.score:.3g} {unit}'.rstrip()} ({sphinx.floor.what}; {how})"


def lines(task: TaskReport) -> list[str]:
    """Returns what explains the leader's score, in sentences; none where there is nothing to compare it with.

    Args:
        task: The task.
    """
    sphinx = task.sphinx
    if sphinx is None:
        return []
    if sphinx.parts is None:
        return [f"{QUESTION} {sphinx.refusal}"]
    parts = sphinx.parts
    said = []
    if parts.body is not None:
        said.append(f"the body alone reaches {percent(parts.body)}")
    if parts.maps is not None and parts.body is not None:
        said.append(f"maps without a wiring add {percent(parts.maps)}")
    elif parts.maps is not None:
        said.append(f"maps without a wiring reach {percent(parts.maps)}")
    if parts.any_wiring is not None:
        said.append(f"other wirings add {percent(parts.any_wiring)} (the best: {parts.best_other})")
    has_bare = parts.maps is not None or parts.body is not None
    verb = "adds" if said else "reaches"
    said.append(f"its own {verb} {percent(parts.own_wiring)}{_own_interval(sphinx)}")
    text = (
        f"{QUESTION} Of what {sphinx.leader} scores above {floor_text(sphinx, task.unit)}, {'; '.join(said)}."
    )
    lacks = [] if has_bare else ["no control without a wiring was run (adapter-only; of a body, clock)"]
    lacks += ["no other wiring was run"] if parts.any_wiring is None else []
    missing = f"Since {conjoined(lacks)}, what is theirs is counted as the wiring's." if lacks else ""
    return [text, *([missing] if missing else [])]


def table(task: TaskReport, styles: Mapping[str, int]) -> Table | None:
    """Returns what share of the leader's score each other genome reaches; None where there are no shares.

    Args:
        task: The task.
        styles: Which colour a genome has in all figures of a report.
    """
    sphinx = task.sphinx
    if sphinx is None or not sphinx.shares:
        return None
    places = decimals(task)
    leader = [Cell(percent(1.0), 1.0, is_bold=True), Cell.figure(sphinx.score, places), Cell.words("leads")]
    rows = [(Heading.of(sphinx.leader, styles), leader)]
    for share in sphinx.shares:
        bounds = share.ci95
        below = () if bounds is None else (typeset(f"[{percent(bounds[0])}, {percent(bounds[1])}]"),)
        shown = Cell(typeset(percent(share.share)), share.share, below=below, is_bold=True)
        cells = [shown, Cell.figure(share.score, places), Cell.words(what_of(share))]
        rows.append((Heading.of(share.genome, styles), cells))
    mean = f"mean score ({task.unit})" if task.unit else "mean score"
    heads = ("genome", "share of the leader's", mean, "what it has")
    return Table(f"Shares of the leader's score on {task.label}", heads, rows)


def _own_interval(sphinx: Sphinx) -> str:
    """Returns the interval of what no other genome reaches, in brackets; "" where there is none."""
    assert sphinx.parts is not None
    best = max(sphinx.shares, key=lambda x: -1.0 if x.part == "frozen" else x.share, default=None)
    if best is None or best.ci95 is None or best.part == "frozen":
        return ""
    ends = [1 - best.ci95[1], 1 - best.ci95[0]]
    low, high = map(percent, ends)
    nothing = ": not shown to add anything" if ends[0] <= 0 else ""
    return f" (95 % interval {low} to {high}, against {best.genome}{nothing})"
