"""The figures of a task with their captions, their figures in words and as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.report import sphinx
from neuroevo.report.figures.attribution import attribution_picture
from neuroevo.report.figures.canvas import MAX_POINTS
from neuroevo.report.figures.looks import MAX_PAIRS, looks_figure
from neuroevo.report.figures.picture import Picture
from neuroevo.report.figures.scores import (
    MAX_MARKS,
    dose_figure,
    drawn_scores,
    learning_figure,
    scores_figure,
    thinned,
)
from neuroevo.report.figures.selection import MAX_POPULATIONS, mean_shares, muller_figure, share_table
from neuroevo.report.figures.sphinx import sphinx_figure
from neuroevo.report.formatting import measure_text, ranked
from neuroevo.report.model import Dose, DosePoint, Measure, MixedPopulations, TaskReport
from neuroevo.report.planned import PairLooks
from neuroevo.report.table import Cell, Heading, Table
from neuroevo.text import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neuroevo.referee.learning_curves import Curve
    from neuroevo.referee.sphinx import Sphinx

Drawn = tuple[Picture, "Figure"]


def pictures(
    task: TaskReport,
    curves: Mapping[str, Curve],
    scores: Mapping[str, Sequence[float]],
    styles: Mapping[str, int],
) -> list[Drawn]:
    """Returns the figures of a task in the order of the page; one that would be empty is left out.

    Args:
        task: The task.
        curves: Learning curves by genome label.
        scores: Scores of the lineages by genome label.
        styles: Which colour a genome has in all figures of a report.

    Returns:
        Each figure as what the page shows, still without an image, and as a figure of matplotlib.
    """
    figures = []
    if task.attribution and not task.attribution[0].hindrance:
        figures.append(attribution_picture(task.label, task.attribution[0]))
    if any(scores.values()):
        figures.append(_scores(task, scores, styles))
    if task.sphinx and task.sphinx.shares:
        figures.append(_sphinx(task, task.sphinx, styles))
    if curves:
        figures.append(_learning(task, curves, styles))
    if task.looks:
        figures.append(_looks(task))
    doses = [dose for dose in task.doses if any(point.iqm is not None for point in dose.points)]
    if doses:
        figures.append(_doses(task, doses, styles))
    selection = task.selection
    if isinstance(selection, MixedPopulations) and selection.epochs and selection.shares:
        figures.append(_shares(task.label, selection, styles))
    return figures


def _scores(task: TaskReport, scores: Mapping[str, Sequence[float]], styles: Mapping[str, int]) -> Drawn:
    """Returns the figure of held-out scores; its table has the lineages, the ranking has the rest."""
    order = ranked(task)
    words = "; ".join(f"{genome.label} {measure_text(genome.score)}" for genome in order)
    most = max(map(len, scores.values()))
    caption = f"Of up to {most:,} lineages a genome, {MAX_MARKS} evenly spaced in rank are drawn."
    rows = []
    for genome in order:
        values = scores.get(genome.label) or []
        quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist() if values else [None] * 5
        drawn = " ".join(number(x) for x in drawn_scores(values))
        cells = [Cell.count(len(values)), *map(Cell.figure, quartiles)]
        rows.append((Heading.of(genome.label, styles), [*cells, Cell(drawn, is_text=True, is_list=True)]))
    within = " and 95 % interval" if any(x.score.ci95 for x in task.genomes) else ""
    heads = ("genome", "lineages", "lowest", "lower quartile", "median", "upper quartile", "highest", "drawn")
    picture = Picture(
        "scores",
        f"Held-out scores on {task.label}",
        f"Interquartile mean{within}, highest first: {words}.",
        b"",
        caption if most > MAX_MARKS else "",
        Table(f"Scores of lineages on {task.label}", heads, rows),
    )
    return picture, scores_figure(task.label, order, scores, task.unit, styles)


def _sphinx(task: TaskReport, explained: Sphinx, styles: Mapping[str, int]) -> Drawn:
    """Returns the figure of what explains the leader's score; its table stands above."""
    words = "; ".join(f"{x.genome} {sphinx.percent(x.share)}" for x in explained.shares)
    picture = Picture(
        "sphinx",
        f"What explains the score on {task.label}",
        f"Share of what {explained.leader} scores above the floor: {words}.",
        b"",
        "Lines are 95 % intervals." if any(x.ci95 for x in explained.shares) else "",
    )
    floor = sphinx.floor_text(explained, task.unit)
    return picture, sphinx_figure(task.label, explained, floor, styles)


def _learning(task: TaskReport, curves: Mapping[str, Curve], styles: Mapping[str, int]) -> Drawn:
    """Returns the figure of learning curves."""
    what = "population" if task.learning_from == "fitness_mean" else "search centre"
    areas = {genome.label: genome.auc for genome in task.genomes}
    words = "; ".join(
        f"{label} ends at {number(curve.mean[-1])}, mean over generations "
        f"{measure_text(areas.get(label, Measure(None, None)))}"
        for label, curve in curves.items()
    )
    rows = []
    for genome, curve in curves.items():
        points = thinned(curve)
        for values in zip(points.evaluations, points.mean, points.low, points.high, strict=True):
            at, *fitness = map(float, values)
            rows.append((Heading(genome), [Cell.count(at), *map(Cell.figure, fitness)]))
    longest = max(len(curve.mean) for curve in curves.values())
    title = f"Learning curves on {task.label}"
    picture = Picture(
        "learning",
        title,
        f"Fitness of the {what}, mean over lineages: {words}.",
        b"",
        f"{MAX_POINTS} of {longest:,} generations are drawn." if longest > MAX_POINTS else "",
        Table(title, ("genome", "evaluations", "mean", "lowest", "highest"), rows),
    )
    axis_label = f"fitness of the {what}" + (f" ({task.fitness_unit})" if task.fitness_unit else "")
    return picture, learning_figure(task.label, curves, axis_label, styles)


def _looks(task: TaskReport) -> Drawn:
    """Returns the figure of the looks at a run that goes on until it is decided."""
    pairs = sorted(task.looks, key=lambda pair: pair.look is not None)[:MAX_PAIRS]  # what is open first
    words = "; ".join(
        f"{pair.a} and {pair.b}: {pair.verdict}{f' at look {pair.look}' if pair.look else ''}"
        for pair in task.looks
    )
    rows = []
    for pair in task.looks:
        for point in pair.looks:
            low, high = point.interval or (None, None)
            figures = point.difference, low, high, point.p_holm, point.p_equivalence_holm
            cells = [Cell.words(pair.b), Cell.count(point.look), *map(Cell.figure, figures)]
            rows.append((Heading(pair.a), [*cells, Cell.words(_decided(pair, point.look))]))
    heads = ("genome", "against", "look", "mean difference", "interval from", "to", "p, corrected")
    caption = (
        "Each interval has the level of its look, so that all together hold the difference in 95 of 100 runs."
    )
    if len(task.looks) > len(pairs):
        caption += f" {len(pairs)} of {len(task.looks)} pairs are drawn."
    picture = Picture(
        "looks",
        f"Looks at {task.label}",
        f"What the looks decided: {words}.",
        b"",
        caption,
        Table(
            f"Looks at {task.label}, pair by pair", (*heads, "p of equivalence, corrected", "decided"), rows
        ),
    )
    return picture, looks_figure(task.label, pairs, task.margin, task.unit)


def _decided(pair: PairLooks, look: int) -> str:
    """Returns what is decided of a pair by a look, "open" before it."""
    return pair.verdict if pair.look is not None and pair.look <= look else "open"


def _doses(task: TaskReport, doses: Sequence[Dose], styles: Mapping[str, int]) -> Drawn:
    """Returns the figure of scores by dose."""
    words = "; ".join(
        f"{dose.prior}, by share of connections rewired: {', '.join(map(_dose_text, dose.points))}"
        for dose in doses
    )
    rows = []
    for dose in doses:
        for point in dose.points:
            low, high = point.ci95 or (None, None)
            cells = [Cell.words(dose.prior), Cell(f"{point.rewired:g}", point.rewired)]
            cells += map(Cell.figure, (point.iqm, low, high))
            rows.append((Heading.of(point.genome, styles), cells))
    heads = ("genome", "prior", "rewired", "score (IQM)", "interval from", "to")
    picture = Picture(
        "doses",
        f"Dose-response on {task.label}",
        f"{words}.",
        b"",
        "Genomes of one prior that differ in how much is rewired, and in nothing else.",
        Table(f"Scores by dose on {task.label}", heads, rows),
    )
    return picture, dose_figure(task.label, doses, task.unit, styles)


def _dose_text(point: DosePoint) -> str:
    """Returns a dose and the score at it, for a sentence."""
    return f"{point.rewired:g}: {measure_text(Measure(point.iqm, point.ci95))}"


def _shares(task: str, selection: MixedPopulations, styles: Mapping[str, int]) -> Drawn:
    """Returns the figure of shares in mixed populations."""
    epochs, shares = share_table(selection)
    mean = mean_shares(shares)
    num_populations = max(map(len, shares.values()))
    words = "; ".join(f"{label} from {track[0]:.1%} to {track[-1]:.1%}" for label, track in mean.items())
    groups = [("mean", mean)] if num_populations > 1 else []
    for k in range(min(num_populations, MAX_POPULATIONS)):
        groups.append((str(k + 1), {label: table[k] for label, table in shares.items()}))
    rows = []
    for name, tracks in groups:
        for t, epoch in enumerate(epochs.tolist()):
            values = [float(track[t]) for track in tracks.values()]
            cells = [Cell.figure(None if np.isnan(x) else x, 3) for x in values]
            rows.append((Heading(name), [Cell(f"{epoch:g}", epoch), *cells]))
    notes = ["Every prior competes with every other in each population."]
    if num_populations > MAX_POPULATIONS:
        notes.append(f"{MAX_POPULATIONS} of {num_populations} populations are drawn one by one.")
    if len(selection.epochs) > MAX_POINTS:
        notes.append(f"{MAX_POINTS} of {len(selection.epochs):,} epochs are drawn.")
    picture = Picture(
        "shares",
        f"Shares of mixed populations on {task}",
        f"Mean share of members, first to last epoch: {words}.",
        b"",
        " ".join(notes),
        Table(f"Shares of members on {task}", ("population", "epoch", *mean), rows),
    )
    return picture, muller_figure(task, selection, styles)
