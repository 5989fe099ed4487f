"""The figure of the sphinx table: a bar a genome, from the floor to what it reaches of the leader's score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from neuroevo.report.figures.canvas import INK, PAPER, SOFT, look, new_figure, write_title
from neuroevo.report.figures.colors import style
from neuroevo.report.sphinx import percent
from neuroevo.text import typeset, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from neuroevo.referee.sphinx import Sphinx

GROUPS = {  # of bars, from top to bottom: parts, and what their genomes have
    "the leader": (),
    "other wirings": ("wiring", "frozen"),
    "no wiring": ("maps", "body"),
}
GAP = 0.55  # rows between groups
RANGE = (-0.5, 2.0)  # shares beyond which a bar is cut, and its figure written at its end


def sphinx_figure(task: str, sphinx: Sphinx, floor: str, styles: Mapping[str, int]) -> Figure:
    """Returns bars of the shares of the leader's score, controls below the wirings.

    Args:
        task: Label of the task.
        sphinx: What explains the leader's score; with shares.
        floor: What shares are counted from, in words.
        styles: Which colour a genome has in all figures of a report.
    """
    rows = _rows(sphinx)
    names = [wrap(name) for name, *_ in rows]
    height = sum(max(1.5, name.count("\n") + 1.0) for name in names) * 0.21 + 0.1 * len(GROUPS)
    with look():
        figure = new_figure(1.6 + height)
        axes = figure.subplots()
        for name, place, share, bounds in rows:
            color = style(styles[name])[0] if name in styles else SOFT
            _bar(axes, place, share, bounds, color)
        shown = [0.0, 1.0, *(share for *_, share, _ in rows)]
        shown += [end for *_, bounds in rows for end in bounds or ()]
        low, high = max(RANGE[0], min(shown)), min(RANGE[1], max(shown))
        margin = 0.06 * (high - low)
        axes.set_xlim(low - margin * (low < 0), high + 3 * margin)
        axes.set_yticks([place for _, place, *_ in rows], names)
        for text in axes.get_yticklabels():
            text.set_parse_math(False)
        axes.set_ylim(rows[-1][1] + 0.6, -0.6)
        axes.tick_params(axis="y", length=0, pad=9)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.axvline(0, color=SOFT, lw=1)
        axes.axvline(1, color=INK, lw=1, ls=(0, (4, 3)), zorder=0)
        axes.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %".replace("-", "−"))
        axes.set_xlabel("share of what the leader scores above the floor")
        write_title(axes, f"What explains the score: {task}", f"0 % is the floor, {floor}")
    return figure


def _rows(sphinx: Sphinx) -> list[tuple[str, float, float, tuple[float, float] | None]]:
    """Returns name, place, share and interval of each bar, from top to bottom."""
    rows: list[tuple[str, float, float, tuple[float, float] | None]] = []
    place = 0.0
    for parts in GROUPS.values():
        group = [(x.genome, x.share, x.ci95) for x in sphinx.shares if x.part in parts]
        group = group if parts else [(sphinx.leader, 1.0, None)]
        for name, share, bounds in group:
            rows.append((name, place, share, bounds))
            place += 1
        place += GAP * bool(group)
    return rows


def _bar(axes: Axes, place: float, share: float, bounds: tuple[float, float] | None, color: str) -> None:
    """Draws a bar, its interval and its figure."""
    cut = min(max(share, RANGE[0]), RANGE[1])
    axes.barh(place, cut, height=0.62, color=color, alpha=0.85, lw=0)
    end = max(cut, 0.0)
    if bounds is not None:
        low, high = (min(max(x, RANGE[0]), RANGE[1]) for x in bounds)
        axes.plot([low, high], [place, place], color=PAPER, lw=3.2, solid_capstyle="butt")
        axes.plot([low, high], [place, place], color=INK, lw=1.4, solid_capstyle="butt")
        end = max(end, high)
    axes.annotate(
        typeset(percent(share)),
        (end, place),
        (5, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
    )
