"""Figures of behaviour: how a body bends, how its joints move, and what the cells of its network do.

Cells stand in the order of their role, class and name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from neuroevo.connectome.model import Connectome
from neuroevo.report.figures.canvas import GRID, INK, SOFT, look, new_figure, spread, within, write_title
from neuroevo.report.replay.film import limb_color
from neuroevo.report.replay.scene import Joints
from neuroevo.text import wrap
from neuroevo.wiring.architecture import Architecture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


ROLES = ("sensory", "interneuron", "motor", "neuron", "muscle")

# Blue is below zero, orange above. The middle is not the page's background, which may be dark.
BELOW = ("#06304f", "#0072b2", "#8fc3e2")
MIDDLE = "#f6f6f3"
ABOVE = ("#f3b78c", "#d55e00", "#6b2c00")
MAX_COLUMNS = 500  # of an image; more moments than that share columns, by their mean
MAX_ROWS = 600  # of an image; more cells than that share rows, by their mean
MAX_LINES = 12  # joints drawn as lines; more become an image
CELLS_HEIGHT = 3.9  # inches of the axes of the cells
NEAR = 0.75  # heights of a name that classes must be apart for both to be named
CLASS_HEIGHT = 8.6  # points that the name of a class takes
CROWDING = 0.6  # power of its number of cells that the height of a role goes with: small ones are seen too


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The cells of a network in the order in which figures show them.

    Attributes:
        order: int [N], numbers of the cells, from top to bottom.
        roles: Role of each cell in that order: one of ROLES, or another that the wiring names.
        classes: Class of each cell in that order; "" where none is known.
    """

    order: np.ndarray
    roles: tuple[str, ...]
    classes: tuple[str, ...]


def arrange(architecture: Architecture, connectome: Connectome | None) -> Arrangement:
    """Returns the cells of an architecture by role, then class, then name; numbers count as numbers.

    Args:
        architecture: The wiring.
        connectome: The connectome that the wiring was derived from, which knows the roles of its cells; None
            if it cannot be read. Cells that it does not have are muscles or neurons.
    """
    known = {} if connectome is None else dict(zip(connectome.cells, _about(connectome), strict=True))
    about = [
        known.get(cell, ("muscle" if is_muscle else "neuron", ""))
        for cell, is_muscle in zip(architecture.cells, architecture.is_muscle, strict=True)
    ]
    if architecture.classes:
        about = [(role, name) for (role, _), name in zip(about, architecture.classes, strict=True)]
    rank = {role: k for k, role in enumerate(ROLES)}
    order = sorted(
        range(len(about)),
        key=lambda i: (
            rank.get(about[i][0], len(rank)),
            about[i][0],
            _natural(about[i][1]),
            _natural(architecture.cells[i]),
        ),
    )
    roles, classes = zip(*(about[i] for i in order), strict=True) if order else ((), ())
    return Arrangement(np.array(order, int), roles, classes)


def runs(labels: Sequence[str]) -> list[tuple[str, int, int]]:
    """Returns stretches of equal labels: the label, its first place, and the place after its last.

    Args:
        labels: A label a place; equal ones that do not follow each other make several stretches.
    """
    stretches, start = [], 0
    for label, group in itertools.groupby(labels):
        end = start + len(list(group))
        stretches.append((label, start, end))
        start = end
    return stretches


def _about(connectome: Connectome) -> list[tuple[str, str]]:
    """Returns the role and the class of every cell of a connectome."""
    return list(zip(connectome.role, connectome.cell_class, strict=True))


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Returns a key that sorts VA2 before VA10."""
    parts = re.findall(r"\d+|\D+", text)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def curvature_figure(joints: Joints, time_step: float, detail: str) -> Figure:
    """Returns a kymograph: angles of the joints of a chain, head at the top, over time.

    Args:
        joints: Joints of the chain, from head to tail.
        time_step: Seconds between two positions.
        detail: Line below the title: whose joints they are.
    """
    number = joints.angles.shape[1]
    names = [str(k + 1) for k in range(number)]
    every = -(-number // 12)
    shown = [name if k % every == 0 else "" for k, name in enumerate(names)]
    figure = _angles_image(joints.angles, shown, time_step, "Body curvature", detail, 2.9)
    with look():
        figure.axes[0].set_ylabel("joint, from head to tail")
    return figure


def angles_figure(joints: Joints, time_step: float, detail: str) -> Figure:
    """Returns the angles of the joints of any body over time, a row a joint.

    Args:
        joints: Joints of the body; more than MAX_LINES of them become an image.
        time_step: Seconds between two positions.
        detail: Line below the title: whose joints they are.
    """
    number = len(joints.names)
    if number > MAX_LINES:
        height = 1.6 + 0.2 * number
        return _angles_image(joints.angles, joints.names, time_step, "Joint angles", detail, height)
    limit = _limit(joints.angles)
    with look():
        figure = new_figure(1.25 + 0.46 * number)
        rows = figure.subplots(number, 1, sharex=True, squeeze=False)[:, 0]
        figure.set_layout_engine("constrained", hspace=0, h_pad=0.01)
        seconds = np.arange(len(joints.angles)) * time_step
        for k, axes in enumerate(rows):
            axes.axhline(0, color=GRID, lw=0.8)
            axes.plot(seconds, joints.angles[:, k], color=limb_color(joints.limbs[k]), lw=1.3)
            axes.set(ylim=(-limit, limit), xlim=(0, max(seconds[-1], time_step)))
            axes.grid(visible=False)
            axes.tick_params(axis="y", labelsize=8)
            axes.set_yticks([-limit, limit] if k == number - 1 else [])
            axes.spines[["left", "bottom"]].set_visible(False)
            axes.tick_params(axis="x", length=0 if k < number - 1 else 3)
            axes.set_ylabel(wrap(joints.names[k], 12), rotation=0, ha="right", va="center", color=INK)
            axes.yaxis.label.set_parse_math(False)
        rows[-1].yaxis.set_major_formatter(lambda y, _: f"{y:+.2g} rad".replace("-", "−"))
        rows[-1].yaxis.tick_right()
        rows[-1].set_xlabel("time (s)")
        write_title(rows[0], "Joint angles", detail)
    return figure


def activity_figure(
    activity: np.ndarray, arrangement: Arrangement, columns: Sequence[str] | float, what: str, detail: str
) -> Figure:
    """Returns an image of the activity of cells, a row a cell, by role and class.

    Args:
        activity: float [N, X], a row a cell, as the wiring numbers them.
        arrangement: Order in which the cells are shown.
        columns: Names of the X columns; or, where they are moments, the seconds between two.
        what: Label of the horizontal axis.
        detail: Line below the title: whose cells they are.
    """
    values, roles = activity[arrangement.order], runs(arrangement.roles)
    sizes = [(end - start) ** CROWDING for _, start, end in roles]
    width = float(len(columns)) if isinstance(columns, Sequence) else activity.shape[1] * columns
    colors = _colors(values)
    with look():
        figure = new_figure(CELLS_HEIGHT + 1.7)
        panels = figure.subplots(len(roles), 1, sharex=True, squeeze=False, height_ratios=sizes)[:, 0]
        figure.set_layout_engine("constrained", hspace=0, h_pad=0.02)
        for axes, (role, start, end), size in zip(panels, roles, sizes, strict=True):
            rows = shrunk(values[start:end])
            extent = (0, width, end - start, 0)
            image = axes.imshow(rows, extent=extent, aspect="auto", interpolation="nearest", **colors)
            axes.grid(visible=False)
            axes.spines[["left", "bottom"]].set_visible(False)
            axes.set_yticks([])
            axes.tick_params(axis="x", length=0)
            axes.annotate(role, (1.015, 0.5), xycoords="axes fraction", va="center", fontsize=9)
            _name_classes(axes, role, arrangement.classes[start:end], CELLS_HEIGHT * size / sum(sizes))
        if isinstance(columns, Sequence):
            is_long = max(map(len, columns)) > 3
            axes.set_xticks(np.arange(len(columns)) + 0.5, [wrap(c, 14) for c in columns])
            axes.tick_params(axis="x", rotation=60 if is_long else 0)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=columns == 1))
            axes.tick_params(axis="x", length=3)
        axes.set_xlabel(what)
        bar = figure.colorbar(image, ax=panels, orientation="horizontal", pad=0.02, aspect=40, shrink=0.7)
        bar.set_label("activity of a cell", labelpad=2)
        bar.outline.set_visible(False)
        write_title(panels[0], "Activity by class of cell", detail)
    return figure


def shrunk(values: np.ndarray) -> np.ndarray:
    """Returns an image of MAX_ROWS x MAX_COLUMNS at most, each value a mean of neighbours.

    Args:
        values: float [rows, columns].
    """
    for axis, most in ((0, MAX_ROWS), (1, MAX_COLUMNS)):
        length = values.shape[axis]
        if length > most:
            starts = np.arange(most) * length // most
            counts = np.diff([*starts, length])
            shape = (-1, 1) if axis == 0 else (1, -1)
            values = np.add.reduceat(values, starts, axis=axis, dtype=float) / counts.reshape(shape)
    return values


def diverging() -> LinearSegmentedColormap:
    """Returns the colours of values on both sides of zero."""
    return LinearSegmentedColormap.from_list("diverging", [*BELOW, MIDDLE, *ABOVE])


def rising() -> LinearSegmentedColormap:
    """Returns the colours of values from zero up."""
    return LinearSegmentedColormap.from_list("rising", [MIDDLE, *BELOW[::-1]])


def _angles_image(
    angles: np.ndarray, names: Sequence[str], time_step: float, title: str, detail: str, height: float
) -> Figure:
    """Returns joint angles [T, joints] as an image over time."""
    values, limit = shrunk(angles.T), _limit(angles)
    with look():
        figure = new_figure(height)
        axes = figure.add_subplot()
        image = axes.imshow(
            values,
            extent=(0, max(1, len(angles) - 1) * time_step, len(names) + 0.5, 0.5),
            aspect="auto",
            interpolation="nearest",
            cmap=diverging(),
            vmin=-limit,
            vmax=limit,
        )
        axes.grid(visible=False)
        axes.spines[["left", "bottom"]].set_visible(False)
        places = [k + 1 for k, name in enumerate(names) if name]
        axes.set_yticks(places, [name for name in names if name], parse_math=False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("time (s)")
        bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=18)
        bar.set_label("joint angle (rad)")
        bar.outline.set_visible(False)
        write_title(axes, title, detail)
    return figure


def _name_classes(axes: Axes, role: str, classes: Sequence[str], inches: float) -> None:
    """Writes classes beside their cells, moved apart where these are few; the largest, if not all have room.

    Args:
        axes: Axes of the cells of a role.
        role: Name of the role, which is not repeated.
        classes: Class of each cell, from top to bottom.
        inches: Height of the axes.
    """
    height = CLASS_HEIGHT / 72 / inches  # of a name, as a share of the axes
    groups = [group for group in runs(classes) if group[0] not in ("", role)]
    named: list[tuple[float, str]] = []  # middle of the class, as a share of the axes, and its name
    for name, start, end in sorted(groups, key=lambda group: group[1] - group[2]):  # the largest first
        middle = 1 - (start + end) / 2 / len(classes)
        if all(abs(middle - other) > NEAR * height for other, _ in named) and len(named) < int(1 / height):
            named.append((middle, name))
    named.sort()
    middles = [middle for middle, _ in named]
    places = within(spread(middles, [height] * len(named)), [height] * len(named))
    line = {"arrowstyle": "-", "color": SOFT, "lw": 0.5, "relpos": (1, 0.5), "shrinkA": 1, "shrinkB": 0.5}
    for (middle, name), place in zip(named, places, strict=True):
        axes.annotate(
            name,
            (0, middle),
            (-0.03, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            ha="right",
            va="center",
            fontsize=7.5,
            parse_math=False,
            annotation_clip=False,
            arrowprops=line,
        )


class _Colors(TypedDict):
    """Colour map of an image and the values at its two ends, as matplotlib names them."""

    cmap: LinearSegmentedColormap
    vmin: float
    vmax: float


def _colors(values: np.ndarray) -> _Colors:
    """Returns the colours of an image: on both sides of zero where values lie there, else from zero up."""
    limit = _limit(values, digits=1)
    if np.nanmin(values, initial=0.0) < 0:
        return {"cmap": diverging(), "vmin": -limit, "vmax": limit}
    return {"cmap": rising(), "vmin": 0.0, "vmax": limit}


def _limit(values: np.ndarray, digits: int = 2) -> float:
    """Returns the largest size among values, rounded up to some digits; 1 if all are zero."""
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return 1.0
    unit = 10.0 ** (np.floor(np.log10(largest)) + 1 - digits)
    return float(np.ceil(largest / unit * (1 - 1e-9)) * unit)
