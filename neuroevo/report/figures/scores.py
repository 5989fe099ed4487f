"""Figures of scores: held-out scores, learning curves, and scores by dose; legible without colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.report.figures.canvas import (
    MAX_POINTS,
    PAPER,
    SOFT,
    evenly,
    label_ends,
    label_heights,
    look,
    new_figure,
    write_title,
)
from neuroevo.report.figures.colors import style
from neuroevo.text import compact, fill, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from neuroevo.referee.learning_curves import Curve
    from neuroevo.report.model import Dose, GenomeReport


MAX_MARKS = 60  # lineages drawn of a genome; more hide each other
MAX_TOGETHER = 8  # curves in one pair of axes; more get a panel each
MARKERS = ("o", "s", "^", "D", "v", "P")  # of priors, in a figure of doses
ROOMY = 10  # genomes up to which rows of scores stand far apart


def thinned(curve: Curve) -> Curve:
    """Returns a curve of `MAX_POINTS` points at most, evenly spaced, the first and the last among them.

    Args:
        curve: A learning curve with a point a generation.
    """
    moments = evenly(len(curve.mean), MAX_POINTS)
    parts = {name: getattr(curve, name)[moments] for name in ("evaluations", "mean", "low", "high")}
    return replace(curve, **parts)


def drawn_scores(scores: Sequence[float]) -> list[float]:
    """Returns the scores that are drawn, ascending: all, or `MAX_MARKS` that are evenly spaced in rank.

    Args:
        scores: Held-out scores of a genome's lineages.
    """
    ordered = sorted(scores)
    return [ordered[i] for i in evenly(len(ordered), MAX_MARKS)]


def learning_figure(
    task: str, curves: Mapping[str, Curve], axis_label: str, styles: Mapping[str, int]
) -> Figure:
    """Returns learning curves: together and labelled at their ends, or a panel each if they are many.

    Args:
        task: Label of the task.
        curves: Learning curve of each genome, by label.
        axis_label: What fitness means here, with its unit.
        styles: Place of each genome, which decides its colour and line style.
    """
    curves = {label: thinned(curve) for label, curve in curves.items()}
    several = any(curve.num_lineages > 1 for curve in curves.values())
    detail = "mean over lineages; band from the lowest to the highest" if several else "one lineage each"
    axis_label = fill(axis_label, 36)
    with look():
        if len(curves) > MAX_TOGETHER:
            return _learning_panels(task, curves, axis_label, styles, detail)
        height = max(2.3, sum(label_heights(curves).values()))  # labels need not leave the axes
        figure = new_figure(height + 1.2)
        axes = figure.subplots()
        for label, curve in curves.items():
            _draw_curve(axes, curve, styles[label])
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(lambda x, _: compact(x))
        ends = {label: (curve.evaluations[-1], curve.mean[-1]) for label, curve in curves.items()}
        label_ends(axes, ends, styles, height)
        write_title(axes, f"Learning: {task}", detail)
        axes.set_xlabel("evaluations of a lineage")
        axes.set_ylabel(axis_label, parse_math=False)
    return figure


def _learning_panels(
    task: str, curves: Mapping[str, Curve], axis_label: str, styles: Mapping[str, int], detail: str
) -> Figure:
    """Returns a panel a genome, with the mean of the one that ends highest in grey behind the others."""
    num_rows = (len(curves) + 1) // 2
    best = max(curves, key=lambda label: curves[label].mean[-1])
    figure = new_figure(1.1 + 1.25 * num_rows)
    panels = figure.subplots(num_rows, 2, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (label, curve) in zip(panels, curves.items(), strict=False):
        if label != best:
            axes.plot(curves[best].evaluations, curves[best].mean, color=SOFT, lw=1.2)
        _draw_curve(axes, curve, styles[label])
        axes.set_title(wrap(label, 36), fontsize=9, loc="left", pad=3, parse_math=False)
        axes.locator_params(nbins=4)
        axes.xaxis.set_major_formatter(lambda x, _: compact(x))
    panels[0].set_xlim(left=0)
    for axes in panels[len(curves) :]:
        axes.set_visible(False)
    for axes in panels[len(curves) - 2 : len(curves)]:  # the lowest panel of each column
        axes.tick_params(labelbottom=True)
    title = fill(f"Learning: {task}", 44)
    heading = figure.suptitle(title, x=0.02, ha="left", fontsize=12, fontweight="bold")
    below = figure.supxlabel(
        fill(f"evaluations of a lineage; {detail}; grey: {best}", 76), fontsize=9, color=SOFT
    )
    for text in (heading, below):
        text.set_parse_math(False)
    figure.supylabel(axis_label, fontsize=10, color=SOFT).set_parse_math(False)
    return figure


def _draw_curve(axes: Axes, curve: Curve, rank: int) -> None:
    """Draws a mean and, of several lineages, the band around it."""
    color, dashes = style(rank)
    if curve.num_lineages > 1:
        axes.fill_between(curve.evaluations, curve.low, curve.high, color=color, alpha=0.14, lw=0)
    axes.plot(curve.evaluations, curve.mean, color=color, ls=dashes, marker="o" * (len(curve.mean) == 1))


def scores_figure(
    task: str,
    genomes: Sequence[GenomeReport],
    scores: Mapping[str, Sequence[float]],
    unit: str,
    styles: Mapping[str, int],
) -> Figure:
    """Returns held-out scores, a row a genome: lineages, interquartile mean, interval, untrained.

    Args:
        task: Label of the task.
        genomes: The task's genomes, in the order of the rows.
        scores: Scores of the lineages by genome label.
        unit: Unit of the score; may be empty.
        styles: Place of each genome, which decides its colour.
    """
    names = [wrap(genome.label) for genome in genomes]
    with look():
        lines = sum(max(2, name.count("\n") + 1) for name in names)
        figure = new_figure(1.55 + (0.26 if len(names) <= ROOMY else 0.21) * lines)
        axes = figure.subplots()
        axes.set_xlim(*_score_range(genomes, scores))
        for row, genome in enumerate(genomes):
            drawn = drawn_scores(scores.get(genome.label, ()))
            _score_row(axes, row, genome, drawn, style(styles[genome.label])[0])
        _name_rows(axes, names)
        write_title(axes, f"Held-out score: {task}")
        axes.set_xlabel(f"score ({unit})" if unit else "score", parse_math=False)
        axes.locator_params(axis="x", nbins=6)  # more labels than that touch each other
        low, high = axes.get_xlim()
        untrained = [x for genome in genomes if (x := genome.untrained.iqm) is not None]
        within = any(low <= value <= high for value in untrained)
        _score_legend(
            figure,
            intervals=any(genome.score.ci95 for genome in genomes),
            untrained="untrained" if within else "untrained, off the scale" if untrained else "",
        )
    return figure


def dose_figure(task: str, doses: Sequence[Dose], unit: str, styles: Mapping[str, int]) -> Figure:
    """Returns scores by dose of rewiring: a line a prior through its genomes, which keep their colours.

    Args:
        task: Label of the task.
        doses: The task's series of doses.
        unit: Unit of the score; may be empty.
        styles: Place of each genome, which decides its colour.
    """
    lines = {
        f"{dose.prior} ({i + 1})" if [d.prior for d in doses].count(dose.prior) > 1 else dose.prior: [
            (point, point.iqm) for point in dose.points if point.iqm is not None
        ]
        for i, dose in enumerate(doses)
    }
    lines = {prior: points for prior, points in lines.items() if points}
    with look():
        figure = new_figure(3.5)
        axes = figure.subplots()
        for marker, (prior, points) in zip(MARKERS * len(lines), lines.items(), strict=False):
            doses_of, means = [point.rewired for point, _ in points], [mean for _, mean in points]
            axes.plot(doses_of, means, color=SOFT, lw=1.2, zorder=1)
            for point, mean in points:
                color = style(styles[point.genome])[0]
                if point.ci95:
                    axes.plot([point.rewired] * 2, point.ci95, color=color, lw=3.5, alpha=0.6)
                axes.plot(point.rewired, mean, marker, color=color, ms=8, mec=PAPER, mew=1)
            axes.plot([], [], marker, color=SOFT, ls="-", lw=1.2, ms=6, label=wrap(prior, 40))
        axes.margins(x=0.06, y=0.12)
        write_title(axes, f"Dose-response: {task}", "interquartile mean and 95 % interval of each genome")
        axes.set_xlabel("rewired, share of the connections")
        axes.set_ylabel(f"score ({unit})" if unit else "score", parse_math=False)
        legend = figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=9)
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Writes a name beside each row, the first on top."""
    axes.set_yticks(range(len(names)), names)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, pad=9)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _score_range(
    genomes: Sequence[GenomeReport], scores: Mapping[str, Sequence[float]]
) -> tuple[float, float]:
    """Returns the range of scores to show.

    Untrained scores far from the others would squeeze them together, and are left out of the range.
    """
    shown = [x for values in scores.values() for x in values]
    shown += [x for genome in genomes for x in genome.score.ci95 or ()]
    low, high = min(shown), max(shown)
    spread = high - low
    untrained = [x for genome in genomes if (x := genome.untrained.iqm) is not None]
    for value in untrained:
        if spread == 0 or low - spread <= value <= high + spread:
            low, high = min(low, value), max(high, value)
    margin = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    beyond = any(value < low for value in untrained)
    return low - margin * (4 if beyond else 1), high + margin  # room to write what lies beyond


def _score_row(axes: Axes, row: int, genome: GenomeReport, scores: Sequence[float], color: str) -> None:
    """Draws one genome's scores: lineages above its line, the interquartile mean and interval on it.

    Args:
        axes: Axes of all rows.
        row: Height of the genome's line.
        genome: The genome.
        scores: Scores to draw, ascending.
        color: The genome's colour.
    """
    lanes = np.array([0.0, -0.07, 0.07] if len(scores) <= MAX_MARKS // 2 else [0, -0.08, 0.04, -0.04, 0.08])
    heights = row - 0.2 + lanes[np.arange(len(scores)) % len(lanes)]  # lanes keep equal scores apart
    axes.plot(scores, heights, "o", color=color, ms=5, alpha=0.55, mec="none")
    if genome.score.ci95:
        axes.plot(genome.score.ci95, [row + 0.12, row + 0.12], color=color, lw=3.5, alpha=0.6)
    _draw_untrained(axes, row + 0.12, genome.untrained.iqm)
    if genome.score.iqm is not None:
        axes.plot(genome.score.iqm, row + 0.12, "D", color=color, ms=8, mec=PAPER, mew=1)


def _draw_untrained(axes: Axes, height: float, value: float | None) -> None:
    """Marks an untrained score; one outside the range is written at the edge it lies beyond."""
    if value is None:
        return
    low, high = axes.get_xlim()
    ring = partial(axes.plot, mfc="none", mec=SOFT, mew=1.4, clip_on=False)
    if low <= value <= high:
        ring(value, height, "o", ms=7)
        return
    left = value < low
    edge, side = (low, 1) if left else (high, -1)
    ring(edge, height, "<" if left else ">", ms=6.5)
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
        marks.append(
            Line2D([], [], marker=marker, ls="", ms=6.5, mfc="none", mec=SOFT, mew=1.4, label=untrained)
        )
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
