"""The figure of what each null keeps: its wiring as a matrix, and its statistics beside the connectome's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.report.figures.canvas import GRID, INK, PAPER, SOFT, look, new_figure, write_title
from neuroevo.report.figures.colors import style
from neuroevo.report.figures.wiring import COUPLES, EXCITES, INHIBITS, matrix_image
from neuroevo.text import wrap
from neuroevo.wiring.architecture import Architecture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from neuroevo.report.model import GraphStatistics

FIGURES = {  # of graphs, that are drawn as multiples of the connectome's
    "synapses": "synapses",
    "overlap": "same synapses",
    "shortcut_ratio": "shortcuts",
    "reciprocity": "reciprocity",
    "clustering": "clustering",
    "path_length": "path length",
    "rich_club": "rich club",
    "modularity": "modularity",
    "wiring_length": "wiring length",
    "excitatory": "excitatory share",
}
MOST = 8  # wirings whose matrices are drawn; the rest have their points alone
A_ROW = 4  # matrices
PIXELS = 160  # sides of a matrix's image
REACH = 2.0  # multiples up to which points are drawn where they are; farther ones lie at the edge
MARKERS = ("o", "s", "^", "v", "P", "X", "<", ">")

Ratios = Mapping[str, Mapping[str, float]]  # multiples of the connectome's figures, by genome and figure


def ratios(graphs: Sequence[GraphStatistics], exact: str | None) -> dict[str, dict[str, float]]:
    """Returns each genome's statistics as multiples of the connectome's, means over graphs.

    Args:
        graphs: Statistics of the graphs of each genome.
        exact: Label of the genome that is the connectome; None where it was not run.

    Returns:
        By genome and figure, those of the connectome left out, as are figures that either lacks or that are 0
        of the connectome. Shares and ratios that compare with the connectome already are as they are, also
        where it was not run.
    """
    means: dict[str, dict[str, float]] = {}
    for row in graphs:
        spreads = {name: x for name, x in row.statistics.items() if x is not None}
        means[row.genome] = {name: x.mean for name, x in spreads.items() if x.mean is not None}
    of_exact = dict(means.get(exact or "", {})) | {"overlap": 1.0, "shortcut_ratio": 1.0}
    return {
        genome: {
            name: of_genome[name] / whole
            for name in FIGURES
            if name in of_genome and (whole := of_exact.get(name))
        }
        for genome, of_genome in means.items()
        if genome != exact
    }


def kept_figure(
    wirings: Mapping[str, Architecture], shares: Ratios, exact: str | None, styles: Mapping[str, int]
) -> Figure:
    """Returns matrices of wirings, and below them points: each null's statistics over the connectome's.

    Args:
        wirings: A wiring of each genome, by label; those of the first `MOST` are drawn.
        shares: What `ratios` returned, of the genomes whose points are drawn.
        exact: Label of the genome that is the connectome; None where it was not run.
        styles: Which colour a genome has in all figures of a report.
    """
    drawn = dict(list(wirings.items())[:MOST])
    num_rows = -(-len(drawn) // A_ROW)
    names = [name for name in FIGURES if any(name in of_genome for of_genome in shares.values())]
    heights = [1.75 * num_rows, 0.95 + 0.29 * len(names)]
    with look():
        figure = new_figure(0.35 + sum(heights))
        top, bottom = figure.subfigures(2, 1, height_ratios=heights, squeeze=False).ravel()
        panels = top.subplots(num_rows, A_ROW, squeeze=False).ravel()
        for axes, (label, wiring) in zip(panels, drawn.items(), strict=False):
            _matrix(axes, label, wiring, exact, shares.get(label, {}), styles)
        for axes in panels[len(drawn) :]:
            axes.set_visible(False)
        _points(bottom.subplots(), names, shares, styles)
        _legend(figure)
    return figure


def in_order(wiring: Architecture) -> np.ndarray:
    """Returns the cells of a wiring by class and name, muscles last, int [N]; numbers count as numbers.

    Args:
        wiring: The wiring.
    """
    classes = wiring.cell_class
    keys = [
        (bool(wiring.is_muscle[i]), _natural(str(classes[i])), _natural(name))
        for i, name in enumerate(wiring.cells)
    ]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), int)


def _matrix(
    axes: Axes,
    label: str,
    wiring: Architecture,
    exact: str | None,
    of_genome: Mapping[str, float],
    styles: Mapping[str, int],
) -> None:
    """Draws who synapses onto whom, under the genome's name and colour."""
    from matplotlib.colors import to_rgb

    image = matrix_image(wiring, in_order(wiring), PIXELS)
    is_drawn = (image != to_rgb(PAPER)).any(2)  # the rest is the page's, which may be dark
    axes.imshow(np.dstack([image, is_drawn]), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set(visible=True, color=style(styles[label])[0] if label in styles else GRID, linewidth=1.6)
    axes.set_title(wrap(label, 18).split("\n")[0], fontsize=9, loc="left", pad=3, parse_math=False)
    same = f"{100 * of_genome['overlap']:.0f} % the same" if "overlap" in of_genome else ""
    same = "measured" if label == exact else same
    axes.set_xlabel(same, fontsize=8, labelpad=3)


def _points(axes: Axes, names: Sequence[str], shares: Ratios, styles: Mapping[str, int]) -> None:
    """Draws each figure as a row of points, a genome's all in its colour and with its marker."""
    axes.axvline(1, color=INK, lw=1, zorder=1)
    lanes = np.linspace(-0.24, 0.24, max(2, len(shares)))
    for k, (genome, of_genome) in enumerate(shares.items()):
        rows = [row for row, name in enumerate(names) if name in of_genome]
        values = np.array([of_genome[names[row]] for row in rows])
        axes.plot(
            values.clip(0, REACH),
            np.array(rows) + lanes[k],
            MARKERS[k % len(MARKERS)],
            color=style(styles[genome])[0] if genome in styles else SOFT,
            ms=6,
            mec=PAPER,
            mew=0.6,
            clip_on=False,
            zorder=3,
            label=wrap(genome, 24),
        )
    axes.set_yticks(range(len(names)), [FIGURES[name] for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, REACH)
    ticks = [0.0, 0.5, 1.0, 1.5, REACH]
    axes.set_xticks(ticks, ["0", "half", "as measured", "1.5 ×", "2 × or more"])
    axes.spines["left"].set_visible(False)
    write_title(axes, "What each null keeps", "mean over graphs, as a multiple of the connectome's")
    legend = axes.legend(loc="upper left", bbox_to_anchor=(0, -0.12), ncols=3, frameon=False, fontsize=8.5)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _legend(figure: Figure) -> None:
    """Explains the colours of the matrices."""
    from matplotlib.lines import Line2D

    kinds = {"excitatory": EXCITES, "inhibitory": INHIBITS, "gap junction": COUPLES}
    marks = [Line2D([], [], marker="s", ls="", ms=6, mec="none", color=c, label=x) for x, c in kinds.items()]
    figure.legend(handles=marks, loc="outside upper left", ncols=3, frameon=False, fontsize=8.5)


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Returns a key that sorts VA2 before VA10."""
    parts = re.findall(r"\d+|\D+", text)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
