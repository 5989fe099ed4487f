"""Pictures: the figures of a task with their captions, their figures in words and as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroevo.report.figures.picture import Cell, Picture, Table
from neuroevo.report.formatting import ranked
from neuroevo.report.html.parts import named, number_cell
from neuroevo.text import interval, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neuroevo.referee.learning_curves import Curve


Drawn = tuple["Picture", "Figure"]


def pictures(
    task: str,
    section: Mapping[str, Any],
    curves: Mapping[str, Curve],
    scores: Mapping[str, Sequence[float]],
    styles: Mapping[str, int],
) -> list[Drawn]:
    """Returns the figures of a task in the order of the page; one that would be empty is left out.

    Args:
        task: Label of the task.
        section: Its part of report.json.
        curves: Learning curves by genome label.
        scores: Scores of the lineages by genome label.
        styles: Which colour a genome has in all figures of a report.

    Returns:
        Each as what the page shows and as a figure of matplotlib, which becomes files.
    """
    found = []
    if any(scores.values()):
        found.append(_scores(task, section, scores, styles))
    if curves:
        found.append(_learning(task, section, curves, styles))
    doses = [d for d in section.get("doses") or () if any(p["iqm"] is not None for p in d["points"])]
    if doses:
        found.append(_doses(task, section, doses, styles))
    selection = section.get("selection") or {}
    if selection.get("kind") == "mixed" and selection.get("epochs") and selection.get("shares"):
        found.append(_shares(task, selection, styles))
    return found


def _scores(
    task: str, section: Mapping[str, Any], scores: Mapping[str, Sequence[float]], styles: Mapping[str, int]
) -> Drawn:
    """Returns the figure of held-out scores; its table has the lineages, the ranking has the rest."""
    from neuroevo.report.figures.scores import MAX_MARKS, drawn_scores, scores_figure

    order = ranked(section)
    said = "; ".join(f"{e['genome']} {_measure(e)}" for e in order)
    most = max(map(len, scores.values()))
    caption = f"Of up to {most:,} lineages a genome, {MAX_MARKS} evenly spaced in rank are drawn."
    rows = []
    for entry in order:
        values = scores.get(entry["genome"]) or []
        quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist() if values else [None] * 5
        drawn = f'<span class="list">{" ".join(number(x) for x in drawn_scores(values))}</span>'
        cells = [Cell(f"{len(values):,}", len(values)), *map(number_cell, quartiles)]
        rows.append((named(entry["genome"], styles), [*cells, Cell(drawn, is_text=True)]))
    heads = ("genome", "lineages", "lowest", "lower quartile", "median", "upper quartile", "highest", "drawn")
    picture = Picture(
        "scores",
        f"Held-out scores on {task}",
        f"Interquartile mean and 95 % interval, highest first: {said}.",
        b"",
        caption if most > MAX_MARKS else "",
        Table(f"Scores of lineages on {task}", heads, rows),
    )
    return picture, scores_figure(task, order, scores, section.get("unit") or "", styles)


def _learning(
    task: str, section: Mapping[str, Any], curves: Mapping[str, Curve], styles: Mapping[str, int]
) -> Drawn:
    """Returns the figure of learning curves."""
    from neuroevo.report.figures.canvas import MAX_POINTS
    from neuroevo.report.figures.scores import learning_figure, thinned

    what = "population" if section.get("learning_from") == "fitness_mean" else "search centre"
    unit = section.get("fitness_unit")
    areas = {e["genome"]: e.get("auc") or {} for e in section["genomes"]}
    said = "; ".join(
        f"{label} ends at {number(curve.mean[-1])}, mean over generations {_measure(areas.get(label, {}))}"
        for label, curve in curves.items()
    )
    rows = []
    for genome, curve in curves.items():
        kept = thinned(curve)
        for points in zip(kept.evaluations, kept.mean, kept.low, kept.high, strict=True):
            at, *fitness = map(float, points)
            rows.append((escape(genome), [Cell(f"{at:,.0f}", at), *map(number_cell, fitness)]))
    longest = max(len(curve.mean) for curve in curves.values())
    picture = Picture(
        "learning",
        f"Learning curves on {task}",
        f"Fitness of the {what}, mean over lineages: {said}.",
        b"",
        f"{MAX_POINTS} of {longest:,} generations are drawn." if longest > MAX_POINTS else "",
        Table(f"Learning curves on {task}", ("genome", "evaluations", "mean", "lowest", "highest"), rows),
    )
    label = f"fitness of the {what}" + (f" ({unit})" if unit else "")
    return picture, learning_figure(task, curves, label, styles)


def _doses(
    task: str, section: Mapping[str, Any], doses: Sequence[Mapping[str, Any]], styles: Mapping[str, int]
) -> Drawn:
    """Returns the figure of scores by dose."""
    from neuroevo.report.figures.scores import dose_figure

    said, rows = [], []
    for dose in doses:
        points = dose["points"]
        steps = ", ".join(f"{p['rewired']:g}: {_measure(p)}" for p in points)
        said.append(f"{dose['prior']}, by share of connections rewired: {steps}")
        for point in points:
            low, high = point["ci95"] or (None, None)
            cells = [
                Cell(escape(dose["prior"]), is_text=True),
                Cell(f"{point['rewired']:g}", point["rewired"]),
            ]
            cells += map(number_cell, (point["iqm"], low, high))
            rows.append((named(point["genome"], styles), cells))
    heads = ("genome", "prior", "rewired", "score (IQM)", "interval from", "to")
    picture = Picture(
        "doses",
        f"Dose-response on {task}",
        f"{'; '.join(said)}.",
        b"",
        "Genomes of one prior that differ in how much is rewired, and in nothing else.",
        Table(f"Scores by dose on {task}", heads, rows),
    )
    return picture, dose_figure(task, doses, section.get("unit") or "", styles)


def _shares(task: str, selection: Mapping[str, Any], styles: Mapping[str, int]) -> Drawn:
    """Returns the figure of shares in mixed populations."""
    from neuroevo.report.figures.canvas import MAX_POINTS
    from neuroevo.report.figures.selection import MAX_POPULATIONS, mean_shares, muller_figure, share_table

    epochs, shares = share_table(selection)
    mean = mean_shares(shares)
    num_populations = max(map(len, shares.values()))
    said = "; ".join(f"{label} from {track[0]:.1%} to {track[-1]:.1%}" for label, track in mean.items())
    groups = [("mean", mean)] if num_populations > 1 else []
    for k in range(min(num_populations, MAX_POPULATIONS)):
        groups.append((str(k + 1), {label: table[k] for label, table in shares.items()}))
    rows = []
    for name, tracks in groups:
        for t, epoch in enumerate(epochs.tolist()):
            values = [float(track[t]) for track in tracks.values()]
            cells = [number_cell(None if np.isnan(x) else x, 3) for x in values]
            rows.append((name, [Cell(f"{epoch:g}", epoch), *cells]))
    notes = []
    if num_populations > MAX_POPULATIONS:
        notes.append(f"{MAX_POPULATIONS} of {num_populations} populations are drawn one by one.")
    if len(selection["epochs"]) > MAX_POINTS:
        notes.append(f"{MAX_POINTS} of {len(selection['epochs']):,} epochs are drawn.")
    picture = Picture(
        "shares",
        f"Shares of mixed populations on {task}",
        f"Mean share of members, first to last epoch: {said}.",
        b"",
        " ".join(["Every prior competes with every other in each population.", *notes]),
        Table(f"Shares of members on {task}", ("population", "epoch", *mean), rows),
    )
    return picture, muller_figure(task, selection, styles)


def _measure(summary: Mapping[str, Any]) -> str:
    """Returns an interquartile mean with its interval, for a sentence."""
    bounds = summary.get("ci95")
    return number(summary.get("iqm"), missing="none") + (f" {interval(bounds)}" if bounds else "")
