"""The picture of a prior beside its connectome: matrices by class, degree distributions, triads."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.connectome.model import Connectome
from neuroevo.files import to_json
from neuroevo.folders import file_names, new_folder
from neuroevo.report.figures import canvas, colors
from neuroevo.report.figures.canvas import GRID, INK, PALETTE, PAPER, SOFT, look, new_figure, write_title
from neuroevo.text import compact, wrap
from neuroevo.wiring.comparison import Comparison, ComparisonFigures
from neuroevo.wiring.statistics import Wiring, is_comparable
from neuroevo.wiring.triads import CONNECTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


WIDTH = 7.6  # inches
PIXELS = 400  # sides of a matrix's image; more cells than that share pixels
ROLES = ("sensory", "interneuron", "motor", "muscle")
ROLE_NAMES = {"interneuron": "inter"}  # short ones
MIN_SPAN = 0.07  # share of the cells below which a role's name has no room
EXCITES, INHIBITS, COUPLES = PALETTE[0], PALETTE[1], "#b4bcc5"
SOURCE = "#9aa4ae"  # the connectome's colour
CHANCE = 2.0  # z-scores up to this are expected by chance
ARROWS = {  # one drawing of every connected triad: cells a at the left, b on top, c at the right
    "021D": "ba bc",
    "021U": "ab cb",
    "021C": "ab bc",
    "111D": "ac ca bc",
    "111U": "ac ca cb",
    "030T": "ab bc ac",
    "030C": "ab bc ca",
    "201": "ab ba bc cb",
    "120D": "ba bc ac ca",
    "120U": "ab cb ac ca",
    "120C": "ab bc ac ca",
    "210": "ab bc cb ac ca",
    "300": "ab ba bc cb ac ca",
}


def write_pictures(comparison: Comparison, folder: Path) -> list[Path]:
    """Writes `stats.json` and a picture of every prior, PNG and SVG, into a new folder.

    Without priors there is one picture, of the connectome.

    Args:
        comparison: Priors beside their connectome.
        folder: Path of the folder, at which nothing may exist yet.

    Returns:
        Paths of all files.

    Raises:
        OptionError: If two labels give one file name.
        RunError: If the folder exists or cannot be written.
    """
    names = file_names(comparison.examples or [comparison.connectome.name])
    written = [folder / "stats.json"]
    styles = colors.places(comparison.priors)
    with new_folder(folder) as new:
        (new / "stats.json").write_text(to_json(comparison.figures, indent=2), "utf-8")
        for label, name in names.items():
            figure = wiring_figure(comparison, label if comparison.examples else None, styles.get(label, 0))
            for ending, image in (("png", canvas.png(figure)), ("svg", canvas.svg(figure))):
                (new / f"{name}.{ending}").write_bytes(image)
                written.append(folder / f"{name}.{ending}")
    return written


def wiring_figure(comparison: Comparison, label: str | None, place: int = 0) -> Figure:
    """Returns the picture of a prior, or of the connectome alone.

    Args:
        comparison: Priors beside their connectome.
        label: Label of the prior; None draws the connectome.
        place: Place of the prior, which decides its colour, see `colors`.
    """
    figures, source = comparison.figures, comparison.connectome
    color = colors.style(place)[0]
    with look():
        figure = new_figure(9.6 if label else 7.0, WIDTH)
        figure.set_layout_engine("constrained", h_pad=0.09, w_pad=0.09)
        if label is None:
            panels = figure.subplot_mosaic("mi;mo;tt", height_ratios=[1, 1, 1.45], width_ratios=[1.5, 1])
            _matrix(panels["m"], source, source, source.name, _size(source))
        else:
            panels = figure.subplot_mosaic("sm;io;tt", height_ratios=[1.6, 0.95, 1.15])
            example = comparison.examples[label]
            _matrix(panels["s"], source, source, source.name, _size(source))
            _matrix(panels["m"], example, source, label, f"{_size(example)}; first sample")
        for panel, key, name in (("i", "in_degree", "In-degree"), ("o", "out_degree", "Out-degree")):
            curves = [figures["curves"]["source"][key]]
            curves += [figures["curves"]["genomes"][label][key]] if label else []
            _degrees(panels[panel], curves, name, color)
        _triads(panels["t"], figures, label, color)
        _legend(figure, source.name, label, color)
    return figure


def ordered(wiring: Wiring, connectome: Connectome) -> tuple[np.ndarray, list[str]]:
    """Returns the cells by role, class and name, int [N], and the role of each in that order.

    A wiring of other cells than the connectome's keeps their order within neurons and muscles.

    Args:
        wiring: The wiring whose cells are put in order.
        connectome: The connectome, which knows the roles and classes of its cells.
    """
    if is_comparable(connectome, wiring):
        rank = {role: i for i, role in enumerate(ROLES)}
        keys = zip(connectome.role, connectome.cell_class, connectome.cells, strict=True)
        sort = sorted(enumerate(keys), key=lambda x: (rank.get(x[1][0], len(rank)), *x[1]))
        return np.array([i for i, _ in sort], int), [key[0] for _, key in sort]
    cells = np.argsort(wiring.is_muscle, kind="stable")
    return cells, ["muscle" if wiring.is_muscle[i] else "neuron" for i in cells]


def matrix_image(wiring: Wiring, order: np.ndarray, pixels: int | None = None) -> np.ndarray:
    """Returns the wiring as an image, float [H, H, 3], rows presynaptic; H is N, or `pixels` if that is less.

    Synapses lie over gap junctions. Where cells share a pixel, its colour deepens with their connections.

    Args:
        wiring: The wiring of N cells.
        order: int [N], the cells from top to bottom and from left to right.
        pixels: Side of the image at most; None is `PIXELS`.
    """
    from matplotlib.colors import to_rgb

    num_cells = len(order)
    side = max(1, min(num_cells, PIXELS if pixels is None else pixels))
    place = np.empty(num_cells, int)
    place[order] = np.arange(num_cells) * side // max(1, num_cells)
    image = np.ones((side, side, 3)) * to_rgb(PAPER)
    gap, signs = wiring.electrical, wiring.sign
    both = np.concatenate([[gap.pre, gap.post], [gap.post, gap.pre]], axis=1)
    layers = [(both[0], both[1], COUPLES)]
    for color, sign in ((EXCITES, 1), (INHIBITS, -1)):
        pre = np.concatenate([wiring.chemical.pre, wiring.neuromuscular.pre])
        post = np.concatenate([wiring.chemical.post, wiring.neuromuscular.post])
        chosen = signs[pre] == sign
        layers.append((pre[chosen], post[chosen], color))
    for pre, post, color in layers:
        count = np.zeros((side, side))
        np.add.at(count, (place[pre], place[post]), 1)
        depth = np.minimum(1, count / max(1.0, np.quantile(count[count > 0], 0.9)) if count.any() else count)
        depth = np.where(count > 0, 0.25 + 0.75 * depth, 0)[..., None]
        image = (1 - depth) * image + depth * to_rgb(color)
    return image


def _size(wiring: Wiring) -> str:
    """Returns the numbers of cells and synapses in words."""
    return f"{wiring.num_cells:,} cells, {len(wiring.chemical) + len(wiring.neuromuscular):,} synapses"


def _matrix(axes: Axes, wiring: Wiring, connectome: Connectome, title: str, detail: str) -> None:
    """Draws who synapses onto whom."""
    order, roles = ordered(wiring, connectome)
    num_cells = max(1, len(order))
    axes.imshow(matrix_image(wiring, order), extent=(0, num_cells, num_cells, 0), interpolation="nearest")
    starts = [i for i, role in enumerate(roles) if i == 0 or role != roles[i - 1]]
    spans = list(itertools.pairwise([*starts, len(roles)]))
    for start in starts[1:]:
        axes.axhline(start, color=SOFT, lw=0.6)
        axes.axvline(start, color=SOFT, lw=0.6)
    named = [(a, b) for a, b in spans if b - a > MIN_SPAN * num_cells]
    names = [ROLE_NAMES.get(roles[a], roles[a]) for a, _ in named]
    middles = [(a + b) / 2 for a, b in named]
    axes.set_xticks(middles, names, fontsize=8.5)
    axes.set_yticks(middles, names, fontsize=8.5, rotation=90, va="center")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set(visible=True, color=GRID)
    axes.set_xlabel("postsynaptic", labelpad=4, fontsize=9)
    axes.set_ylabel("presynaptic", labelpad=6, fontsize=9)
    write_title(axes, wrap(title, 34).split("\n")[0], detail)


def _degrees(axes: Axes, curves: Sequence[Sequence[float | None]], title: str, color: str) -> None:
    """Draws the share of cells with at least so many partners: the connectome's, then the prior's."""
    least = 100.0
    for k, curve in enumerate(curves):
        cells = np.array(curve or [0.0], float)
        share = 100 * cells[::-1].cumsum()[::-1] / max(cells.sum(), 1e-9)
        axes.step(
            np.arange(len(share)),
            share,
            where="post",
            color=color if k else SOURCE,
            lw=1.8 if k else 4.5 if len(curves) > 1 else 2.5,
            alpha=1 if k else 0.75,
        )
        least = min([least, *share[share > 0]])
    axes.set_yscale("log")
    axes.set_ylim(least / 1.5, 150)
    axes.set_yticks([y for y in (0.1, 1, 10, 100) if y > least / 1.5])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:g} %")
    axes.set_xlim(left=0)
    axes.set_xlabel("partners, at least")
    axes.set_ylabel("cells")
    write_title(axes, title)


def _triads(axes: Axes, figures: ComparisonFigures, label: str | None, color: str) -> None:
    """Draws z-scores of the connected triads, or their numbers where there is no null model."""
    null = figures["null"]
    kind = "z" if null else "triads"
    values = [figures["source"][f"{kind}_{triad}"] for triad in CONNECTED]
    x, shift = np.arange(len(CONNECTED)), 0.0 if label is None else 0.13
    shown = _points(axes, x - shift, values, None, SOURCE, "D", 7)
    if label is not None:
        genome = [figures["genomes"][label][f"{kind}_{triad}"] for triad in CONNECTED]
        means, deviations = [g["mean"] for g in genome], [g["std"] or 0.0 for g in genome]
        shown += _points(axes, x + shift, means, deviations, color, "o", 6)
    axes.set_xlim(-0.6, len(CONNECTED) - 0.4)
    axes.set_xticks(x, CONNECTED, fontsize=8.5)
    axes.tick_params(axis="x", length=0, pad=34)
    axes.grid(visible=False, axis="x")
    for place, triad in enumerate(CONNECTED):
        _glyph(axes, place, triad)
    if null:
        _z_axis(axes, shown)
        write_title(
            axes, "Triads", f"against {null['samples']} random wirings with the same in- and out-degrees"
        )
    else:
        axes.set_yscale("symlog", linthresh=1, linscale=0.4)
        axes.set_ylim(0, 2 * max([1.0, *shown]))
        axes.yaxis.set_major_formatter(lambda y, _: compact(y))
        axes.set_ylabel("number")
        write_title(axes, "Triads", "sets of three cells")
    axes.minorticks_off()


def _z_axis(axes: Axes, shown: Sequence[float]) -> None:
    """Scales the axis of z-scores: linear within what chance explains, logarithmic beyond."""
    low, high = 1.8 * min([-CHANCE, *shown]), 1.8 * max([CHANCE, *shown])
    step = 10 if max(-low, high) < 10_000 else 100
    reach = [10.0 * step**k for k in range(8)]
    ticks = [-t for t in reversed(reach)] + [-CHANCE, 0, CHANCE] * (step == 10) + [0] * (step > 10) + reach
    axes.set_yscale("symlog", linthresh=CHANCE, linscale=0.6)
    axes.set_ylim(low, high)
    axes.set_yticks([t for t in ticks if low <= t <= high])
    axes.yaxis.set_major_formatter(lambda y, _: f"{'−' if y < 0 else '+' if y > 0 else ''}{compact(abs(y))}")
    axes.axhspan(-CHANCE, CHANCE, color=GRID, alpha=0.5, lw=0)
    axes.axhline(0, color=SOFT, lw=0.8)
    axes.set_ylabel("z-score")


def _points(
    axes: Axes,
    x: np.ndarray,
    values: Sequence[float | None],
    deviations: Sequence[float] | None,
    color: str,
    marker: str,
    size: float,
) -> list[float]:
    """Draws the values that exist, with bars of their deviation; returns the ends of what is drawn."""
    known = [i for i, value in enumerate(values) if value is not None]
    heights = np.array([values[i] for i in known], float)
    bars = np.zeros(len(known)) if deviations is None else np.array([deviations[i] for i in known], float)
    axes.errorbar(
        x[known],
        heights,
        bars,
        ls="",
        color=color,
        marker=marker,
        ms=size,
        mec=PAPER,
        mew=0.8,
        elinewidth=1.6,
        zorder=3,
    )
    return [*(heights - bars), *(heights + bars)]


def _glyph(axes: Axes, place: float, triad: str) -> None:
    """Draws a triad below the axis: three cells and their arrows."""
    from matplotlib.offsetbox import AnnotationBbox, DrawingArea
    from matplotlib.patches import Circle, FancyArrowPatch

    cells = {"a": (3.0, 4.0), "b": (14.0, 23.0), "c": (25.0, 4.0)}  # points
    area = DrawingArea(28, 27, 0, 0)
    arrows = ARROWS[triad].split()
    for arrow in arrows:
        pre, post = arrow[0], arrow[1]
        is_mutual = post + pre in arrows
        if is_mutual and pre > post:
            continue  # one double-headed arrow serves both
        area.add_artist(
            FancyArrowPatch(
                cells[pre],
                cells[post],
                arrowstyle="<|-|>" if is_mutual else "-|>",
                mutation_scale=6,
                shrinkA=3,
                shrinkB=3,
                lw=1,
                color=INK,
            )
        )
    for centre in cells.values():
        area.add_artist(Circle(centre, 2.2, color=SOFT, lw=0))
    box = AnnotationBbox(
        area,
        (place, 0),
        xycoords=axes.get_xaxis_transform(),
        xybox=(0, -5),
        boxcoords="offset points",
        box_alignment=(0.5, 1),
        frameon=False,
        pad=0,
    )
    axes.add_artist(box)


def _legend(figure: Figure, source: str, label: str | None, color: str) -> None:
    """Explains the colours below all panels."""
    from matplotlib.lines import Line2D

    square = {"marker": "s", "ls": "", "ms": 6.5, "mec": "none"}
    marks = [
        Line2D([], [], color=EXCITES, label="excitatory", **square),  # type: ignore[arg-type]
        Line2D([], [], color=INHIBITS, label="inhibitory", **square),  # type: ignore[arg-type]
        Line2D([], [], color=COUPLES, label="gap junction", **square),  # type: ignore[arg-type]
        Line2D([], [], color=SOURCE, lw=4.5, alpha=0.75, marker="D", ms=6, mec=PAPER, label=wrap(source)),
    ]
    if label is not None:
        marks.append(Line2D([], [], color=color, marker="o", ms=5.5, mec=PAPER, label=wrap(label)))
    legend = figure.legend(
        handles=marks, loc="outside lower left", ncols=len(marks), frameon=False, fontsize=9, handlelength=1.4
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
