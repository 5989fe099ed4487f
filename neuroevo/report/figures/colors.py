"""Colours of priors: one a prior, the same in every figure of every run, told apart by who sees few colours.

A prior has a place: a colour, and a line style for curves, which tells priors of one colour apart. Known
priors have fixed places; any other has one by a hash of its name, among places that no known prior has. A
second label of a prior in one report, such as the same null with another option, has a shade of its colour.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

from neuroevo.errors import OptionError
from neuroevo.plugins import Spec

LineStyle = str | tuple[float, tuple[float, ...]]  # of matplotlib: a name, or an offset and lengths

# The first six are Okabe and Ito's, https://jfly.uni-koeln.de/color/, without black and pale yellow. The
# others lie as far from all before them as could be, for eyes with and without red, green or blue cones
# (tests/report/test_colors.py measures it), and stand out from light and from dark paper.
COLORS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#6e7680", "#8c25f4", "#8f4724", "#a7b464", "#a277f8", "#aa098f"),
)
DASHES: tuple[LineStyle, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (5, 1.5, 1, 1.5)))
HATCHES = ("", "////", "....", "xxxx")
SHADES = (0.0, 0.45, -0.35, 0.65)  # share of white in a colour, or of black where it is negative

PLACES = {  # of priors: a colour's number, plus the number of colours for each line style
    **{"connectome": 0, "random": 1, "degree": 2, "stats-prior": 3, "classes": 4, "strength": 5},
    **{"adapter-only": 6, "frozen": 7, "boundary": 8, "lengths": 9, "degree-mutual": 10, "clock": 11},
    **{
        "partial": 12,
        "counts": 13,
        "weights-shuffled": 14,
        "small-world": 15,
        "signs-shuffled": 16,
        "count-jitter": 17,
    },
    **{"sbm": 19, "hub-cap": 20, "connected": 21, "sign-errors": 22, "scale-free": 25, "dense": 24},
    **{"dense-matched": 23, "sparse-mlp": 26, "mlp-matched": 27, "mlp": 28},
}
FREE = range(3 * len(COLORS), 4 * len(COLORS))  # places of priors that are not known


def style(place: int) -> tuple[str, LineStyle]:
    """Returns the colour and the line style at a place.

    Args:
        place: Place of a genome, as `places` gives it.
    """
    shade = place // (len(COLORS) * len(DASHES)) % len(SHADES)
    dash = place // len(COLORS) + shade
    return shaded(COLORS[place % len(COLORS)], SHADES[shade]), DASHES[dash % len(DASHES)]


def hatch(place: int) -> str:
    """Returns the hatch of areas at a place, as matplotlib writes it.

    Args:
        place: Place of a genome, as `places` gives it.
    """
    shade = place // (len(COLORS) * len(DASHES)) % len(SHADES)
    return HATCHES[(place // len(COLORS) + shade) % len(HATCHES)]


def places(priors: Mapping[str, str | None]) -> dict[str, int]:
    """Returns the place of each genome.

    Args:
        priors: Name of the prior of each genome, by label, in the order of the request; None where it is not
            known, and then the label is read as the command line writes a genome.
    """
    of_labels: dict[str, int] = {}
    of_priors: dict[str, int] = {}
    labels: Counter[str] = Counter()
    for label, prior in priors.items():
        name = _name(label) if prior is None else prior
        of_priors.setdefault(name, PLACES[name] if name in PLACES else _free(name, of_priors))
        shade = labels[name] % len(SHADES)
        labels[name] += 1
        of_labels[label] = of_priors[name] + len(COLORS) * len(DASHES) * shade
    return of_labels


def shaded(color: str, share: float) -> str:
    """Returns a colour with some white, or some black, in it.

    Args:
        color: The colour, as #rrggbb.
        share: Share of white, in [0, 1]; of black where it is negative.
    """
    end = 255 if share > 0 else 0
    parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(part + abs(share) * (end - part)):02x}" for part in parts)


def _free(name: str, taken: Mapping[str, int]) -> int:
    """Returns the place of a prior that is not known: by its name, or the next that no other has taken."""
    first = int.from_bytes(hashlib.sha256(name.encode(errors="replace")).digest()[:4], "big")
    order = [FREE[(first + k) % len(FREE)] for k in range(len(FREE))]
    return next((place for place in order if place not in taken.values()), order[0])


def _name(label: str) -> str:
    """Returns the name of the prior that a label begins with."""
    try:
        return Spec.parse(label).name
    except OptionError:
        return label
