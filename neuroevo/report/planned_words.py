"""What was planned and sealed before a run, in sentences: its request, its margins, the looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from neuroevo.report.model import Report, TaskReport
from neuroevo.report.planned import LooksReport, PairLooks, SealReport
from neuroevo.seal import DIGITS
from neuroevo.text import conjoined, count, number, p_statement, signed

if TYPE_CHECKING:  # renderers need no SciPy, which the referee does
    from neuroevo.referee.outcome import Power

WORDS = {"better": "is better than", "worse": "is worse than", "equivalent": "is equivalent to"}
MAX_MORE = 1_000  # seeds or graphs that are thought of
MAX_NAMED = 8  # pairs named one by one; the rest are counted


def seal_lines(report: Report, digits: int = DIGITS) -> list[str]:
    """Returns a sentence a folder on what was sealed of it before its first evaluation; none without a seal.

    Args:
        report: The report.
        digits: Digits of a SHA-256 that are written.
    """
    margins = [
        f"{f'{task.margin:g} {task.unit}'.rstrip()} on {label}"
        for label, task in report.tasks.items()
        if task.margin is not None
    ]
    margin = f"smallest difference that matters {conjoined(margins)}" if margins else "without a margin"
    several = len(report.run.sealed) > 1
    return [
        _seal_line(replace(seal, sha256=seal.sha256[:digits]), margin, report.run.looks, several)
        for seal in report.run.sealed
    ]


def _seal_line(seal: SealReport, margin: str, looks: LooksReport | None, is_named: bool) -> str:
    """Returns the sentence on one folder."""
    what = "Request" if looks is None else f"Request and {count(len(looks.planned), 'look')}"
    when = "before the first evaluation" if seal.time is None else f"before the first evaluation, {seal.time}"
    name = f"{seal.name}: " if is_named else ""
    after = ""
    if seal.extended:
        after = (
            f" More was asked for {count(seal.extended, 'time')} since: p holds if its size did not depend "
            "on what had been seen."
        )
    mark = f"SHA-256 {seal.sha256}, {margin}; rows bear {seal.request}"
    return f"{name}{what} sealed {when}: {mark}.{after}"


def looks_line(looks: LooksReport) -> str:
    """Returns a sentence on how far a run has come in its looks, and what its p-values are held against.

    Args:
        looks: The looks.
    """
    ends = {
        "decided": "all comparisons are decided",
        "budget": f"the budget ({looks.budget}) is spent, and {count(looks.open, 'comparison')} open",
        None: f"{count(looks.open, 'comparison')} open, and it is to go on",
    }
    level = looks.planned[max(0, looks.taken - 1)].level
    tested = f" p of the last look is held against {number(level)}." if looks.taken else ""
    return (
        f"Looks taken: {looks.taken} of {len(looks.planned)} that were planned, all together at 5 %; "
        f"{ends[looks.ended]}.{tested} What a look decided stays decided."
    )


def decision_lines(task: TaskReport) -> list[str]:
    """Returns sentences on what each look decided of a task's pairs, and on the pairs that are open.

    Args:
        task: The task.
    """
    by_look: dict[int, list[PairLooks]] = {}
    for pair in task.looks:
        if pair.look is not None:
            by_look.setdefault(pair.look, []).append(pair)
    lines = [
        f"Look {look} decided: {_some([f'{x.a} {WORDS[x.verdict]} {x.b}{_why(x)}' for x in pairs])}."
        for look, pairs in sorted(by_look.items())
    ]
    left = [_open(pair) for pair in task.looks if pair.look is None]
    return [*lines, *([f"Open: {_some(left)}."] if left else [])]


def _why(pair: PairLooks) -> str:
    """Returns the difference, and the p by which a pair was decided."""
    at = next(x for x in pair.looks if x.look == pair.look)
    p = at.p_equivalence_holm if pair.verdict == "equivalent" else at.p_holm
    return f" ({signed(number(at.difference))}, {p_statement(p)})"


def _open(pair: PairLooks) -> str:
    """Returns a pair that is open, and what it would take to decide it, with 80 % power."""
    ends = {
        "to be told apart": _needed(pair.power),
        "to be shown equivalent": _needed(pair.power_equivalence) if pair.power_equivalence else "",
    }
    ways = [f"{ways} {end}" for end, ways in ends.items() if ways]
    needs = ", or ".join(ways) or f"more than {MAX_MORE:,} seeds and graphs"
    return f"{pair.a} and {pair.b} ({signed(number(pair.looks[-1].difference))}; would take {needs})"


def _needed(power: Power | None) -> str:
    """Returns how many more seeds or graphs would do; "" where no such number would."""
    if power is None:
        return ""
    numbers = (power.more_seeds, "more seed"), (power.more_graphs, "more graph")
    ways = [count(n, what) for n, what in numbers if n]
    if not ways and power.both_seeds and power.both_graphs:
        ways = [f"{count(power.both_seeds, 'more seed')} and {count(power.both_graphs, 'more graph')}"]
    return " or ".join(ways)


def _some(items: Sequence[str]) -> str:
    """Returns the first few items, and how many more there are."""
    more = len(items) - MAX_NAMED
    return "; ".join(items[:MAX_NAMED]) + (f"; and {more} more" if more > 0 else "")
