"""Figures of a report: learning curves and held-out scores, legible without colour and in the dark."""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from neuroevo.learning import Curve

# Okabe and Ito's palette, https://jfly.uni-koeln.de/color/, without black and without its pale yellow. Line
# styles change where it starts again, so that no two of 18 genomes look alike.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)))
INK, SOFT, GRID, PAPER = "#1d2329", "#66707a", "#dfe3e8", "#fffffe"  # text, secondary text, grid, background
WIDTH = 5.6  # inches; text of 10 points stays readable when a phone shrinks the figure to its width
LABEL_WIDTH = 20  # characters after which a label is broken
LINE_HEIGHT = 12.5  # points


def learning_figure(
    task: str, curves: Mapping[str, Curve], axis_label: str, styles: Mapping[str, int]
) -> Figure:
    """Returns learning curves, each labelled at its end.

    Args:
        task: Label of the task.
        curves: By genome label.
        axis_label: What fitness is, with its unit.
        styles: Which colour and line style a genome has in all figures of a report.
    """
    with look():
        heights = {label: (wrap(label).count("\n") + 1) * LINE_HEIGHT + 4 for label in curves}  # points
        inner = max(2.3, sum(heights.values()) / 72)  # inches; labels need not leave the axes
        figure, axes = _axes(height=inner + 1.2)
        for label, curve in curves.items():
            color, dashes = style(styles[label])
            if curve.num_lineages > 1:
                axes.fill_between(curve.evaluations, curve.low, curve.high, color=color, alpha=0.14, lw=0)
            marker = "o" if len(curve.mean) == 1 else None
            axes.plot(curve.evaluations, curve.mean, color=color, ls=dashes, marker=marker)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(lambda x, _: compact(x))
        _label_ends(axes, curves, styles, {label: h / 72 / inner for label, h in heights.items()})
        several = any(curve.num_lineages > 1 for curve in curves.values())
        detail = "mean over lineages; band from the lowest to the highest" if several else "one lineage each"
        write_title(axes, f"Learning: {task}", detail)
        axes.set_xlabel("evaluations of a lineage")
        axes.set_ylabel(textwrap.fill(axis_label, 36, break_on_hyphens=False), parse_math=False)
    return figure


def scores_figure(
    task: str,
    genomes: Sequence[Mapping[str, Any]],
    scores: Mapping[str, Sequence[float]],
    unit: str,
    styles: Mapping[str, int],
) -> Figure:
    """Returns held-out scores, a row a genome: lineages, interquartile mean, interval, untrained.

    Args:
        task: Label of the task.
        genomes: The task's entries of report.json.
        scores: Scores of the lineages by genome label.
        unit: Unit of the score; may be empty.
        styles: Which colour a genome has in all figures of a report.
    """
    names = [wrap(entry["genome"]) for entry in genomes]
    with look():
        lines = sum(max(2, name.count("\n") + 1) for name in names)
        figure, axes = _axes(height=1.55 + 0.26 * lines)
        axes.set_xlim(*_score_range(genomes, scores))
        for row, entry in enumerate(genomes):
            _score_row(axes, row, entry, scores[entry["genome"]], style(styles[entry["genome"]])[0])
        axes.set_yticks(range(len(names)), names)
        for text in axes.get_yticklabels():
            text.set_parse_math(False)
        axes.set_ylim(len(names) - 0.4, -0.6)  # the first genome on top
        axes.tick_params(axis="y", length=0, pad=9)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        write_title(axes, f"Held-out score: {task}")
        axes.set_xlabel(f"score ({unit})" if unit else "score", parse_math=False)
        axes.locator_params(axis="x", nbins=6)  # more labels than that touch each other
        low, high = axes.get_xlim()
        untrained = [e["untrained"]["iqm"] for e in genomes if e["untrained"]["iqm"] is not None]
        within = any(low <= value <= high for value in untrained)
        _score_legend(
            figure,
            intervals=any(entry["ci95"] for entry in genomes),
            untrained="untrained" if within else "untrained, off the scale" if untrained else "",
        )
    return figure


def style(index: int) -> tuple[str, Any]:
    """Returns the colour and the line style of the genome of this rank in the request."""
    return PALETTE[index % len(PALETTE)], DASHES[index // len(PALETTE) % len(DASHES)]


def compact(number: float) -> str:
    """Returns a count in few characters: 950, 65.5k, 1.2M."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{suffix}"
    return f"{number:.3g}"


def png(figure: Figure) -> bytes:
    """Returns the figure as PNG."""
    return _saved(figure, "png", dpi=200, metadata={"Software": None})


def svg(figure: Figure) -> bytes:
    """Returns the figure as SVG with live text; equal figures give equal bytes."""
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    return _saved(figure, "svg", metadata=nothing)


def inline_svg(image: bytes, alternative: str, prefix: str) -> str:
    """Returns an SVG as an element of a page that follows the page's width and colours.

    Args:
        image: What `svg` returned.
        alternative: Text for those who cannot see it, already escaped.
        prefix: Makes the ids of this figure differ from those of the others on the page.
    """
    text = image.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r"<style.*?</style>", "", text, count=1, flags=re.DOTALL)  # it would style the page
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{prefix}-", text)
    for color, variable in ((INK, "--ink"), (SOFT, "--soft"), (GRID, "--line"), (PAPER, "--paper")):
        text = text.replace(color, f"var({variable})")
    return text.replace("<svg ", f'<svg role="img" aria-label="{alternative}" ', 1)


def _saved(figure: Figure, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with look():
        figure.savefig(buffer, format=kind, **options)
    return buffer.getvalue()


@contextlib.contextmanager
def look() -> Iterator[None]:
    """Sets the look of figures and leaves the user's own settings as they were."""
    import matplotlib

    look: dict[Any, Any] = {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": SOFT,
        "axes.edgecolor": SOFT,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.labelpad": 6,
        "axes.unicode_minus": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "ytick.labelcolor": INK,
        "xtick.labelcolor": INK,
        "lines.linewidth": 2,
        "lines.solid_capstyle": "round",
        "figure.facecolor": PAPER,
        "axes.facecolor": PAPER,
        "svg.fonttype": "none",
        "svg.hashsalt": "neuroevo",
    }
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(look)
        yield


def _axes(height: float) -> tuple[Figure, Axes]:
    """Returns a figure of one pair of axes, made without pyplot's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def write_title(axes: Axes, title: str, detail: str = "") -> None:
    """Writes a title at the left and below it, smaller, what is drawn."""
    lift = 20 if detail else 8
    axes.annotate(
        title,
        (0, 1),
        (0, lift),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=12,
        fontweight="bold",
        parse_math=False,
    )
    if detail:
        axes.annotate(
            detail,
            (0, 1),
            (0, 7),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=9,
            color=SOFT,
        )


def _label_ends(
    axes: Axes, curves: Mapping[str, Curve], styles: Mapping[str, int], heights: Mapping[str, float]
) -> None:
    """Writes each label at the end of its curve, moved apart where curves end alike.

    `heights` are those of the labels, as shares of the axes.
    """
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    order = sorted(curves, key=lambda label: curves[label].mean[-1])
    ends = [(curves[label].mean[-1] - low) / (high - low) for label in order]
    places = spread(ends, [heights[label] for label in order])
    for label, place in zip(order, places, strict=True):
        color, _ = style(styles[label])
        axes.annotate(
            wrap(label),
            (curves[label].evaluations[-1], curves[label].mean[-1]),
            (1.06, place),
            textcoords="axes fraction",
            va="center",
            parse_math=False,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "lw": 1.2,
                "relpos": (0, 0.5),
                "shrinkA": 2,
                "shrinkB": 1,
            },
        )


def spread(centres: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Returns ascending centres moved as little as need be for boxes of these heights not to overlap.

    Boxes that touch form a group, which is centred on the mean of the places its members asked for.
    """
    groups: list[tuple[list[float], list[float]]] = []  # (asked centres, heights)
    for centre, height in zip(centres, heights, strict=True):
        groups.append(([centre], [height]))
        while len(groups) > 1 and _top(groups[-2]) > _bottom(groups[-1]):
            asked, sizes = groups.pop()
            groups[-1] = (groups[-1][0] + asked, groups[-1][1] + sizes)
    places = []
    for group in groups:
        edge = _bottom(group)
        for height in group[1]:
            places.append(edge + height / 2)
            edge += height
    return places


def _bottom(group: tuple[list[float], list[float]]) -> float:
    return sum(group[0]) / len(group[0]) - sum(group[1]) / 2


def _top(group: tuple[list[float], list[float]]) -> float:
    return _bottom(group) + sum(group[1])


def _score_range(
    genomes: Sequence[Mapping[str, Any]], scores: Mapping[str, Sequence[float]]
) -> tuple[float, float]:
    """Returns the range of scores to show.

    Untrained scores far from the others would squeeze them together, and are left out of the range.
    """
    shown = [x for values in scores.values() for x in values]
    shown += [x for entry in genomes for x in entry["ci95"] or ()]
    low, high = min(shown), max(shown)
    spread = high - low
    for entry in genomes:
        value = entry["untrained"]["iqm"]
        if value is not None and (spread == 0 or low - spread <= value <= high + spread):
            low, high = min(low, value), max(high, value)
    margin = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    beyond = any(e["untrained"]["iqm"] is not None and e["untrained"]["iqm"] < low for e in genomes)
    return low - margin * (4 if beyond else 1), high + margin  # room to write what lies beyond


def _score_row(axes: Axes, row: int, entry: Mapping[str, Any], scores: Sequence[float], color: str) -> None:
    """Draws one genome's scores: lineages above its line, the interquartile mean and interval on it."""
    lanes = np.array([0.0, -0.07, 0.07])  # three lanes keep equal scores apart
    heights = row - 0.2 + lanes[np.arange(len(scores)) % 3]
    axes.plot(sorted(scores), heights, "o", color=color, ms=5, alpha=0.55, mec="none")
    if entry["ci95"]:
        axes.plot(entry["ci95"], [row + 0.12, row + 0.12], color=color, lw=3.5, alpha=0.6)
    _draw_untrained(axes, row + 0.12, entry["untrained"]["iqm"])
    if entry["iqm"] is not None:
        axes.plot(entry["iqm"], row + 0.12, "D", color=color, ms=8, mec=PAPER, mew=1)


def _draw_untrained(axes: Axes, height: float, value: float | None) -> None:
    """Marks an untrained score; one outside the range is written at the edge it lies beyond."""
    if value is None:
        return
    low, high = axes.get_xlim()
    ring: dict[str, Any] = {"mfc": "none", "mec": SOFT, "mew": 1.4, "clip_on": False}
    if low <= value <= high:
        axes.plot(value, height, "o", ms=7, **ring)
        return
    left = value < low
    edge, side = (low, 1) if left else (high, -1)
    axes.plot(edge, height, "<" if left else ">", ms=6.5, **ring)
    axes.annotate(
        f"{value:.3g}",
        (edge, height),
        (8 * side, 0),
        textcoords="offset points",
        ha="left" if left else "right",
        va="center",
        fontsize=8.5,
        color=SOFT,
    )


def _score_legend(figure: Figure, intervals: bool, untrained: str) -> None:
    """Explains the marks below the axes."""
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], marker="o", ls="", color=SOFT, ms=4.5, alpha=0.7, mec="none", label="lineage"),
        Line2D([], [], marker="D", ls="", color=SOFT, ms=6.5, label="interquartile mean"),
    ]
    if intervals:
        marks.append(Line2D([], [], color=SOFT, lw=3.5, alpha=0.6, label="95 % interval"))
    if untrained:
        marker = "o" if untrained == "untrained" else "<"
        ring: dict[str, Any] = {"ms": 6.5, "mfc": "none", "mec": SOFT, "mew": 1.4}
        marks.append(Line2D([], [], marker=marker, ls="", label=untrained, **ring))
    figure.legend(
        handles=marks,
        loc="outside lower left",
        ncols=len(marks),
        frameon=False,
        fontsize=9,
        handlelength=1.2,
        handletextpad=0.5,
        columnspacing=1.3,
    )


def wrap(label: str, width: int = LABEL_WIDTH) -> str:
    """Returns a label in lines of `width`, broken before a comma or colon where there is one."""
    spaced = re.sub(r"([,:])", r" \1", label)
    lines = textwrap.wrap(spaced, width, break_on_hyphens=False) or [label]
    return "\n".join(line.replace(" ,", ",").replace(" :", ":") for line in lines)
