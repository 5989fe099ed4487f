"""Colours of priors: fixed, the same in every run and figure, and told apart by who sees few of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import populations
from neuroevo.report.figures.colors import COLORS, DASHES, FREE, PLACES, SHADES, hatch, places, style
from neuroevo.report.table import Heading
from neuroevo.report.write import write_report
from tests.report.test_write import build

# What is seen without red, green or blue cones: Machado, Oliveira & Fernandes (2009), severity 1, on linear
# RGB, https://doi.org/10.1109/TVCG.2009.113
EYES = {
    "all cones": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
]
WHITE = (0.95047, 1.0, 1.08883)
PAPERS = "#ffffff", "#14171a"


def linear(color: str) -> np.ndarray:
    parts = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Returns CIELAB of linear RGB."""
    xyz = np.array(TO_XYZ) @ rgb.clip(0, 1) / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", EYES)
def test_colours_differ_for_every_kind_of_eye(eyes):
    """A distance of 2.3 in CIELAB is just noticed; these are five times as far apart."""
    seen = [lab(np.array(EYES[eyes]) @ linear(color)) for color in COLORS]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 5 * 2.3


@pytest.mark.parametrize("color", COLORS)
def test_colours_stand_out_from_light_and_from_dark_paper(color):
    light = [float(np.dot(TO_XYZ[1], linear(x))) for x in (color, *PAPERS)]
    ratios = [(max(light[0], x) + 0.05) / (min(light[0], x) + 0.05) for x in light[1:]]
    assert min(ratios) > 2.2


def test_every_registered_prior_has_a_place_of_its_own():
    assert set(PLACES) == set(populations.LADDER)
    assert len(set(PLACES.values())) == len(PLACES) and not set(PLACES.values()) & set(FREE)
    assert len({style(place) for place in PLACES.values()}) == len(PLACES)
    most_used = ("connectome", "classes", "boundary", "lengths", "stats-prior", "degree-mutual", "degree")
    most_used += ("strength", "random", "adapter-only", "frozen", "clock")
    assert len({style(PLACES[name])[0] for name in most_used}) == len(COLORS)


def test_a_prior_has_its_colour_whatever_the_others_and_their_order():
    one = places({"connectome": "connectome", "random": "random"})
    other = places({"mine": "package.module:Mine", "random": "random", "worm": "connectome"})
    assert one["random"] == other["random"] and one["connectome"] == other["worm"]
    assert places({"x=degree": None}) == places({"x=degree": "degree"})


def test_labels_of_a_prior_are_shades_of_its_colour_and_lines_of_their_own():
    labels = {"degree": "degree", "degree:rewired=0.5": "degree", "half": "degree"}
    looks = [style(place) for place in places(labels).values()]
    assert len({color for color, _ in looks}) == len({str(dashes) for _, dashes in looks}) == 3
    assert looks[0] == style(PLACES["degree"])
    assert len({hatch(place) for place in places(labels).values()}) == 3


def test_plug_ins_have_colours_by_their_names_and_differ_in_one_report():
    names = [f"package.module:Prior{k}" for k in range(8)]
    together = places({name: name for name in names})
    assert len(set(together.values())) == 8 and set(together.values()) <= set(FREE)
    alone = {name: places({name: name})[name] for name in names}
    assert alone[names[0]] == together[names[0]] and len(set(alone.values())) > 1
    assert places({f"{k}": f"m:P{k}" for k in range(40)})  # more than there are places


def test_places_repeat_only_after_all_shades():
    size = len(COLORS) * len(DASHES) * len(SHADES)
    assert len({style(place) for place in range(size)}) == size
    assert style(size) == style(0)


def test_two_runs_show_a_prior_in_one_colour(tmp_path):
    pages = []
    for name, genomes in (("one", ["connectome", "random"]), ("two", ["degree", "random", "mlp"])):
        run = build(tmp_path / name, genomes=genomes, generations=1, tasks={"mnist": ("", "")})
        write_report(run)
        pages.append((run.path / "report.html").read_text())
    color = Heading.of("random", places({"random": "random"})).color
    assert color == COLORS[PLACES["random"]]
    assert all(f'style="background:{color}"' in page for page in pages)
