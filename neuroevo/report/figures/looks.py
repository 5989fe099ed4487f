"""The figure of looks: how the interval of each difference shrinks until it is decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuroevo.report.figures.canvas import INK, PALETTE, SOFT, look, new_figure, write_title
from neuroevo.text import wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from neuroevo.report.planned import PairAtLook, PairLooks

MAX_PAIRS = 21  # of seven genomes; more make a figure that nobody reads
LANE = 0.13  # inches between the intervals of a pair
ROOM = 1.25  # of the largest of what is to be seen, to either side


def looks_figure(task: str, pairs: Sequence[PairLooks], margin: float | None, unit: str) -> Figure:
    """Returns the differences of pairs at each look, the first on top, with what is too small to matter.

    Args:
        task: Label of the task.
        pairs: The pairs, in the order of the rows.
        margin: Smallest difference that matters; None where none was named.
        unit: Unit of the score; may be empty.
    """
    number = max(len(pair.looks) for pair in pairs)
    names = [wrap(f"{pair.a} – {pair.b}", 30) for pair in pairs]
    row_height = max(0.45, LANE * (number + 2))
    with look():
        figure = new_figure(1.5 + row_height * len(pairs))
        axes = figure.subplots()
        reach = ROOM * _reach(pairs, margin)
        axes.set_xlim(-reach, reach)
        if margin is not None:
            axes.axvspan(-margin, margin, color=SOFT, alpha=0.15, lw=0)
        axes.axvline(0, color=SOFT, lw=1)
        for row, pair in enumerate(pairs):
            for lane, point in enumerate(pair.looks):
                height = row + (lane - (number - 1) / 2) * LANE / row_height
                _draw(axes, height, point, pair)
        axes.set_yticks(range(len(names)), names)
        for text in axes.get_yticklabels():
            text.set_parse_math(False)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0, pad=9)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        detail = "interval at each look's level, first look on top; diamond: decided"
        write_title(axes, f"Looks: {task}", detail + ("; grey: too small to matter" * (margin is not None)))
        axes.set_xlabel(f"difference of mean scores ({unit})" if unit else "difference of mean scores")
        axes.xaxis.get_label().set_parse_math(False)
        axes.locator_params(axis="x", nbins=6)
    return figure


def _reach(pairs: Sequence[PairLooks], margin: float | None) -> float:
    """Returns the largest of what is to be seen: ends of last intervals, all differences, the margin."""
    sizes = [abs(point.difference) for pair in pairs for point in pair.looks]
    sizes += [abs(x) for pair in pairs for x in pair.looks[-1].interval or ()]
    return max([*sizes, margin or 0.0]) or 1.0


def _draw(axes: Axes, height: float, point: PairAtLook, pair: PairLooks) -> None:
    """Draws what a look found; after the pair was decided, faintly."""
    is_late = pair.look is not None and point.look > pair.look
    color = INK if pair.look is None else PALETTE[0] if pair.verdict == "equivalent" else PALETTE[1]
    alpha = 0.3 if is_late else 0.9
    if point.interval is not None:
        axes.plot(point.interval, [height, height], color=color, lw=1.8, alpha=alpha)
    marker, size = ("D", 6) if point.look == pair.look else ("o", 3)
    axes.plot(point.difference, height, marker, color=color, ms=size, alpha=alpha)
