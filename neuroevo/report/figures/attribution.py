"""The figure of an attribution: the share that each part carries, lost without it and there with it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuroevo.report.figures.canvas import PALETTE, PAPER, SOFT, look, new_figure, write_title
from neuroevo.report.figures.picture import Picture
from neuroevo.report.formatting import share_text, shares_text
from neuroevo.text import wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from neuroevo.referee.attribution import Attribution, PartShares, Share

SHOWN = (-0.75, 1.75)  # shares that the axis reaches to at most; intervals beyond end in an arrow
WAYS = {  # how each is drawn: attribute, mark, colour, and height above the line of the part
    "lost without it (knock-out)": ("knockout", "o", PALETTE[0], -0.14),
    "there with it alone (transplant)": ("transplant", "D", PALETTE[1], 0.14),
}


def attribution_picture(task: str, attribution: Attribution) -> tuple[Picture, Figure]:
    """Returns the figure of an attribution that has shares, without an image yet, and as matplotlib has it.

    Args:
        task: Label of the task.
        attribution: What each part carries of its score.
    """
    words = "; ".join(
        f"{row.part}: lost without {_words(row.knockout)}, there alone {_words(row.transplant)}"
        for row in attribution.parts
    )
    picture = Picture(
        "attribution",
        f"What each part of the wiring carries on {task}",
        f"Shares of the difference between the exact wiring and its null, with 95 % intervals. {words}.",
        b"",
        "At 0 a part carries nothing of what lies between the exact wiring and its null, at 1 all of it.",
    )
    return picture, attribution_figure(task, attribution)


def attribution_figure(task: str, attribution: Attribution) -> Figure:
    """Returns the shares of each part, a row a part, both ways.

    Args:
        task: Label of the task.
        attribution: What each part carries of its score.
    """
    rows = attribution.parts
    names = [wrap(row.part) for row in rows]
    low, high = _extent(rows)
    with look():
        lines = sum(max(2, name.count("\n") + 1) for name in names)
        figure = new_figure(1.7 + 0.2 * lines)
        axes = figure.subplots()
        axes.set_xlim(low, high)
        for at in (0, 1):
            axes.axvline(at, color=SOFT, lw=1.2, zorder=1)
        for height, row in enumerate(rows):
            for attribute, mark, color, above in WAYS.values():
                _draw(axes, height + above, getattr(row, attribute), mark, color)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks(range(len(rows)), names, parse_math=False)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
        write_title(axes, f"What carries the score: {task}", "95 % intervals; open: not told apart from none")
        axes.set_xlabel("share of what the exact wiring has above its null")
        _explain(figure)
    return figure


def _extent(rows: tuple[PartShares, ...]) -> tuple[float, float]:
    """Returns the limits of the axis: 0 and 1, and what of shares and intervals lies within `SHOWN`."""
    shares = [share for row in rows for share in (row.knockout, row.transplant) if share is not None]
    values = [0.0, 1.0, *(share.share for share in shares if share.share is not None)]
    values += [end for share in shares for end in share.ci95 or ()]
    low, high = np.clip([min(values), max(values)], *SHOWN)
    margin = 0.05 * (high - low)
    return float(low - margin), float(high + margin)


def _draw(axes: Axes, height: float, share: Share | None, mark: str, color: str) -> None:
    """Draws a share with its interval; what lies beyond the axis ends in an arrow."""
    if share is None or share.share is None:
        return
    low, high = axes.get_xlim()
    ends = (low, high) if share.ci95 is None else share.ci95
    axes.plot(np.clip(ends, low, high), [height, height], color=color, lw=3.5, alpha=0.55, zorder=2)
    for end, edge, arrow in ((ends[0], low, "<"), (ends[1], high, ">")):
        if not low < end < high:
            axes.plot(edge, height, arrow, color=color, ms=7, mec="none", clip_on=False)
    fill = color if share.is_told else PAPER
    if low <= share.share <= high:
        axes.plot(share.share, height, mark, color=color, mfc=fill, mec=color, mew=1.6, ms=7, zorder=3)


def _explain(figure: Figure) -> None:
    """Explains the marks below the axes."""
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], marker=mark, color=color, lw=3.5, ms=7, label=words)
        for words, (_, mark, color, _) in WAYS.items()
    ]
    figure.legend(
        handles=marks, loc="outside lower left", ncols=2, frameon=False, fontsize=9, columnspacing=1.3
    )


def _words(share: Share | None) -> str:
    """Returns a share with its interval, for those who cannot see the figure."""
    if share is None or share.share is None:
        return "not known"
    return f"{share_text(share.share)} {shares_text(share.ci95, 'without an interval')}"
