"""Figures of selection: shares of a mixed population over epochs, as a Muller plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from neuroevo.report.figures.colors import hatch, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from neuroevo.report.model import MixedPopulations


MAX_POPULATIONS = 12  # drawn one by one; all enter the mean
PANELS_A_ROW = 4


def share_table(selection: MixedPopulations) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Returns what a Muller plot draws.

    Args:
        selection: What mixed populations of the task did.

    Returns:
        The epochs, float64 [T], thinned to `MAX_POINTS`, and by genome label its share of each population,
        float64 [populations, T]; NaN where a population has no record.
    """
    moments = evenly(len(selection.epochs), MAX_POINTS)
    epochs = np.asarray(selection.epochs, float)[moments]
    shares = {}
    for label, tracks in selection.shares.items():
        shares[label] = np.array(tracks, float).reshape(-1, len(selection.epochs))[:, moments]
    return epochs, shares


def mean_shares(shares: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the mean share over populations by genome label, float64 [T].

    Args:
        shares: Share of each population by genome label, [populations, T]; populations without a record,
            which are NaN, do not count.
    """
    means = {}
    for label, table in shares.items():
        known = ~np.isnan(table)
        means[label] = np.where(known, table, 0.0).sum(0) / np.maximum(1, known.sum(0))
    return means


def muller_figure(task: str, selection: MixedPopulations, styles: Mapping[str, int]) -> Figure:
    """Returns the shares of the genomes over epochs, on average and population by population.

    After Muller (1932), https://doi.org/10.1086/280418. Areas lie on each other in the order of the request.

    Args:
        task: Label of the task.
        selection: What mixed populations of the task did.
        styles: Place of each genome, which decides its colour and hatch.
    """
    epochs, shares = share_table(selection)
    num_populations = max((len(table) for table in shares.values()), default=0)
    num_panels = min(num_populations, MAX_POPULATIONS) if num_populations > 1 else 0
    num_rows = -(-num_panels // PANELS_A_ROW)
    with look():
        height = max(2.3, sum(label_heights(shares).values()))
        heights = [height + 1.1, 0.5 + 0.95 * num_rows][: 1 + bool(num_rows)]
        figure = new_figure(sum(heights))
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).ravel()
        axes = parts[0].subplots()
        mean = mean_shares(shares)
        _stack(axes, epochs, mean, styles)
        top, ends = 0.0, {}
        for label, share in mean.items():
            ends[label] = (epochs[-1], top + share[-1] / 2)
            top += share[-1]
        label_ends(axes, ends, styles, height)
        many = f"mean over {num_populations} populations" if num_populations > 1 else "one population"
        write_title(axes, f"Shares of the population: {task}", many)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_ylabel("share of members")
        if num_panels:
            _populations(parts[1], num_rows, num_panels, epochs, shares, styles)
    return figure


def _populations(
    figure: SubFigure,
    num_rows: int,
    num_panels: int,
    epochs: np.ndarray,
    shares: Mapping[str, np.ndarray],
    styles: Mapping[str, int],
) -> None:
    """Draws the first populations one by one."""
    panels = figure.subplots(num_rows, PANELS_A_ROW, sharex=True, sharey=True, squeeze=False).ravel()
    for population, axes in enumerate(panels):
        if population >= num_panels:
            axes.set_visible(False)
            continue
        _stack(axes, epochs, {label: table[population] for label, table in shares.items()}, styles)
        axes.set_title(f"population {population + 1}", fontsize=8.5, loc="left", pad=3, color=SOFT)
        axes.set_xticks([])
        axes.set_yticks([])


def _stack(
    axes: Axes,
    epochs: np.ndarray,
    shares: Mapping[str, Sequence[float] | np.ndarray],
    styles: Mapping[str, int],
) -> None:
    """Draws areas on each other, the first at the bottom."""
    low = np.zeros(len(epochs))
    for label, share in shares.items():
        high = low + np.nan_to_num(np.asarray(share, float))
        axes.fill_between(
            epochs,
            low,
            high,
            facecolor=style(styles[label])[0],
            hatch=hatch(styles[label]),
            edgecolor=PAPER,
            linewidth=0.8,
        )
        low = high
    axes.grid(visible=False)
    axes.set_ylim(0, 1)
    axes.set_xlim(epochs[0], epochs[-1] if len(epochs) > 1 else epochs[0] + 1)
