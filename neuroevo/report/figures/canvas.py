"""What all figures share: their look, their colours, how they are saved and put into a page."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.report.figures.colors import COLORS, style
from neuroevo.text import fill, visible, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


PALETTE = COLORS[:6]  # of limbs, of kinds of connections: of what is no prior
INK, SOFT, GRID, PAPER = "#1d2329", "#66707a", "#dfe3e8", "#fffffe"  # text, secondary text, grid, background
WIDTH = 5.6  # inches; text of 10 points stays readable when a phone shrinks the figure to its width
LINE_HEIGHT = 12.5  # points

MAX_POINTS = 100  # of a curve; more lie closer than a line is wide


def png(figure: Figure) -> bytes:
    """Returns a figure as a PNG file.

    Args:
        figure: A figure that `new_figure` made.
    """
    return _saved(figure, "png", {"Software": None}, dpi=200)


def svg(figure: Figure) -> bytes:
    """Returns a figure as an SVG file with live text; equal figures give equal bytes.

    Args:
        figure: A figure that `new_figure` made.
    """
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    return _saved(figure, "svg", nothing)


def inline_svg(image: bytes, title: str, description: str, prefix: str) -> str:
    """Returns an SVG as an element of a page that follows the page's width and colours.

    Args:
        image: An SVG file, such as `svg` returns.
        title: Title of the figure, for those who cannot see it.
        description: What the figure shows, in words and numbers.
        prefix: Beginning of all ids in the element, which differs from figure to figure of a page.
    """
    text = image.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r"<style.*?</style>", "", text, count=1, flags=re.DOTALL)  # it would style the page
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{prefix}-", text)
    for color, variable in ((INK, "--ink"), (SOFT, "--soft"), (GRID, "--line"), (PAPER, "--paper")):
        text = text.replace(color, f"var({variable})")
    start, rest = text.split(">", 1)
    start = start.replace("<svg", f'<svg role="img" aria-labelledby="{prefix}-title {prefix}-desc"', 1)
    words = f'<title id="{prefix}-title">{escape(visible(title))}</title>'
    return f'{start}>{words}<desc id="{prefix}-desc">{escape(visible(description))}</desc>{rest}'


def _saved(
    figure: Figure, kind: str, metadata: Mapping[str, str | None], dpi: float | str = "figure"
) -> bytes:
    """Returns a figure as a file of some kind, in the look of all figures."""
    from matplotlib.text import Text

    buffer = io.BytesIO()
    for text in figure.findobj(Text):
        if isinstance(text, Text) and (shown := visible(text.get_text())) != text.get_text():
            text.set_text(shown)
    # Labels may be of any length and script: what has no room or no glyph is drawn as far as it goes.
    with look(), warnings.catch_warnings(action="ignore", category=UserWarning):
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


@contextlib.contextmanager
def look() -> Iterator[None]:
    """Gives the figures drawn inside the `with` block the look of all figures.

    The user's own settings of matplotlib are as before afterwards.

    Yields:
        Nothing.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
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
        )
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Returns an empty figure, made without pyplot's global state.

    Args:
        height: Height in inches.
        width: Width in inches; by default that of all figures of a report.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def write_title(axes: Axes, title: str, detail: str = "") -> None:
    """Writes a title above the left end of axes and below it, smaller, what is drawn.

    Args:
        axes: Axes with nothing above them.
        title: The title; a long one takes several lines.
        detail: What is drawn; empty if the title says it.
    """
    title, detail = fill(title, 44), fill(detail, 62)
    lift = 8 + 12 * (detail.count("\n") + 1) if detail else 8
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
            parse_math=False,
        )


def label_heights(labels: Iterable[str]) -> dict[str, float]:
    """Returns the height that each label takes at the end of a curve, in inches.

    Args:
        labels: Labels of genomes.
    """
    return {label: ((wrap(label).count("\n") + 1) * LINE_HEIGHT + 4) / 72 for label in labels}


def label_ends(
    axes: Axes, ends: Mapping[str, tuple[float, float]], styles: Mapping[str, int], height: float
) -> None:
    """Writes each label beside the end of its curve, moved apart where curves end alike.

    Args:
        axes: Axes of the curves; their vertical limits stay as they are from here on.
        ends: Last point of each curve, by label, in data coordinates.
        styles: Place of each genome, which decides its colour, see `colors`.
        height: Height of the axes in inches.
    """
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    order = sorted(ends, key=lambda label: ends[label][1])
    heights = label_heights(order)
    wanted = [(ends[label][1] - low) / (high - low) for label in order]
    sizes = [heights[label] / height for label in order]
    places = within(spread(wanted, sizes), sizes)
    for label, place in zip(order, places, strict=True):
        axes.annotate(
            wrap(label),
            ends[label],
            (1.06, place),
            textcoords="axes fraction",
            va="center",
            parse_math=False,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                **dict(zip(("color", "ls"), style(styles[label]), strict=True)),
                "lw": 1.2,
                "relpos": (0, 0.5),
                "shrinkA": 2,
                "shrinkB": 1,
            },
        )


def spread(centres: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Returns ascending centres moved as little as need be for boxes of these heights not to overlap.

    Boxes that touch form a group, which is centred on the mean of the places its members asked for.

    Args:
        centres: Centres that the boxes ask for, ascending.
        heights: Height of each box, in the same unit.
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


def within(centres: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Returns ascending centres of boxes moved into [0, 1].

    Args:
        centres: Centres of boxes that do not overlap, ascending.
        heights: Height of each box; together they are at most 1.
    """
    places, top = list(centres), 1.0
    for i in reversed(range(len(places))):
        places[i] = min(places[i], top - heights[i] / 2)
        top = places[i] - heights[i] / 2
    bottom = 0.0
    for i, height in enumerate(heights):
        places[i] = max(places[i], bottom + height / 2)
        bottom = places[i] + height / 2
    return places


def _bottom(group: tuple[list[float], list[float]]) -> float:
    """Returns the lower edge of a group of boxes."""
    return sum(group[0]) / len(group[0]) - sum(group[1]) / 2


def _top(group: tuple[list[float], list[float]]) -> float:
    """Returns the upper edge of a group of boxes."""
    return _bottom(group) + sum(group[1])


def evenly(count: int, most: int) -> list[int]:
    """Returns some of the places 0 to count - 1, evenly spaced, both ends among them.

    Args:
        count: Number of places.
        most: Number of places to return at most, from 2 on.
    """
    if count <= most:
        return list(range(count))
    return [int(i) for i in np.linspace(0, count - 1, most).round()]
