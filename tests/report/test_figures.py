"""Figures: every genome is told apart and looks the same in all of them; many are thinned; names are text."""

import itertools
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from neuroevo.report.figures import canvas
from neuroevo.report.figures.canvas import MAX_POINTS, evenly, within
from neuroevo.report.figures.captions import pictures
from neuroevo.report.figures.colors import hatch, style
from neuroevo.report.figures.scores import (
    MAX_MARKS,
    dose_figure,
    drawn_scores,
    learning_figure,
    scores_figure,
    thinned,
)
from neuroevo.report.figures.selection import MAX_POPULATIONS, mean_shares, muller_figure, share_table
from neuroevo.report.model import GenomeReport, Measure, MixedPopulations, Report
from neuroevo.text import wrap
from tests import verdicts
from tests.verdicts import AMPERSAND, FORMULA, GENOMES, LONG, MNIST, SCRIPT, SWIMMER

TWENTY = [f"prior-{i}" for i in range(17)] + [SCRIPT, LONG, AMPERSAND]


@pytest.fixture(scope="module")
def report() -> Report:
    return verdicts.report()


def texts(figure) -> list[str]:
    """Returns all texts of a figure, as SVG holds them."""
    root = ElementTree.fromstring(canvas.svg(figure))
    return ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]


def entries(labels) -> list[GenomeReport]:
    """Returns genomes with these labels and made-up scores."""
    (genome,) = verdicts.least().tasks["t"].genomes
    return [
        replace(genome, label=label, score=Measure(float(np.mean(x)), (min(x), max(x))))
        for label, x in verdicts.scores(SWIMMER, labels).items()
    ]


def mixed(epochs, shares) -> MixedPopulations:
    """Returns mixed populations that have not come to their end."""
    return MixedPopulations("mixed", len(next(iter(shares.values()), ())), epochs, shares, None, None)


def make(kind: str, report: Report):
    """Returns one of the figures of the made-up report."""
    look, section = verdicts.styles(), report.tasks[SWIMMER]
    return {
        "scores": lambda: scores_figure(
            SWIMMER, section.genomes, verdicts.scores(SWIMMER), section.unit, look
        ),
        "learning": lambda: learning_figure(SWIMMER, verdicts.curves(SWIMMER), "fitness (m/s)", look),
        "doses": lambda: dose_figure(SWIMMER, section.doses, section.unit, look),
        "shares": lambda: muller_figure(MNIST, report.tasks[MNIST].selection, look),
        "twenty scores": lambda: scores_figure(
            SWIMMER,
            entries(TWENTY),
            verdicts.scores(SWIMMER, TWENTY),
            "m/s",
            {g: i for i, g in enumerate(TWENTY)},
        ),
        "twenty curves": lambda: learning_figure(
            SWIMMER, verdicts.curves(SWIMMER, TWENTY), "fitness", {g: i for i, g in enumerate(TWENTY)}
        ),
    }[kind]()


@pytest.mark.parametrize("kind", ["scores", "learning", "doses", "shares", "twenty scores", "twenty curves"])
def test_equal_figures_are_equal_to_the_byte(report, kind):
    first, second = make(kind, report), make(kind, report)
    assert canvas.svg(first) == canvas.svg(second)
    assert canvas.png(first) == canvas.png(second)


@pytest.mark.parametrize(
    ("kind", "labels"),
    [("scores", GENOMES), ("learning", GENOMES), ("shares", GENOMES[:7]), ("twenty scores", TWENTY)],
)
def test_figures_name_every_genome(report, kind, labels):
    written = "".join("".join(texts(make(kind, report))).split())
    assert [name for name in labels if "".join(name.split()) not in written] == []


def test_twenty_genomes_get_a_panel_each(report):
    figure = make("twenty curves", report)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left").replace("\n", "") for axes in panels] == TWENTY
    assert len({axes.get_ylim() for axes in panels}) == 1
    colors = [[line.get_color() for line in axes.get_lines()][-1] for axes in panels]
    assert colors == [style(i)[0] for i in range(20)]


def test_a_genome_has_one_colour_in_all_figures(report):
    rank, place = GENOMES.index(FORMULA), verdicts.styles()[FORMULA]  # a prior that nobody knows
    color, dashes = style(place)
    (curve,) = [line for line in make("learning", report).axes[0].get_lines()[rank : rank + 1]]
    assert curve.get_color() == color and not curve.is_dashed() == (dashes == "-")
    marks = [
        line.get_color() for line in make("doses", report).axes[0].get_lines() if line.get_marker() == "s"
    ]
    assert color in marks
    areas = make("shares", report).axes[0].collections
    assert areas[rank].get_hatch() == hatch(place) == "xxxx"


def test_long_curves_are_thinned_between_their_ends():
    (curve,) = verdicts.curves(SWIMMER, ["a"], num_points=5_000).values()
    short = thinned(curve)
    assert len(short.mean) == len(short.evaluations) == MAX_POINTS
    assert (short.mean[0], short.mean[-1]) == (curve.mean[0], curve.mean[-1])
    assert np.ptp(np.diff(short.evaluations)) <= 65
    short = verdicts.curves(SWIMMER, ["a"])["a"]
    assert np.array_equal(thinned(short).high, short.high)


def test_many_lineages_are_thinned_evenly_in_rank():
    values = np.random.default_rng(0).permutation(1_000).astype(float).tolist()
    marks = drawn_scores(values)
    assert len(marks) == MAX_MARKS and marks == sorted(marks) and marks[0] == 0 and marks[-1] == 999
    assert np.diff(marks) == pytest.approx(999 / (MAX_MARKS - 1), abs=1)
    assert drawn_scores([3.0, 1.0]) == [1.0, 3.0] and drawn_scores([]) == []


@pytest.mark.parametrize("count", [0, 1, 59, 60, 61, 1_000])
def test_places_are_distinct_and_keep_both_ends(count):
    places = evenly(count, 60)
    assert len(places) == min(count, 60) == len(set(places))
    assert places[:1] == [0][:count] and places[-1:] == [count - 1][:count]


def test_captions_say_what_was_thinned(report):
    section = report.tasks[SWIMMER]
    scores = {label: values * 40 for label, values in verdicts.scores(SWIMMER).items()}
    curves = verdicts.curves(SWIMMER, num_points=300)
    captions = {p.kind: p.caption for p, _ in pictures(section, curves, scores, verdicts.styles())}
    assert captions["scores"] == "Of up to 800 lineages a genome, 60 evenly spaced in rank are drawn."
    assert captions["learning"] == "100 of 300 generations are drawn."
    few = pictures(section, verdicts.curves(SWIMMER), verdicts.scores(SWIMMER), verdicts.styles())
    assert {p.kind: p.caption for p, _ in few}["scores"] == ""


def test_figures_that_would_be_empty_are_left_out(report):
    section = replace(report.tasks[verdicts.EMPTY], selection=mixed((), {}))
    assert pictures(section, {}, {"a": []}, {"a": 0}) == []


def test_figure_of_scores_has_a_row_for_a_genome_without_any(report):
    section = report.tasks[MNIST]
    figure = scores_figure(MNIST, section.genomes, verdicts.scores(MNIST), "%", verdicts.styles())
    rows = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert rows[-1] == "adapter-only"
    heights = [y for line in figure.axes[0].get_lines() for y in line.get_ydata()]
    assert 6 < max(heights) < 6.5


def test_shares_are_averaged_over_the_populations_that_have_them():
    selection = mixed((0, 5), {"a": ((0.5, 1.0), (0.5, None)), "b": ((0.5, 0.0), (0.5, None))})
    epochs, shares = share_table(selection)
    assert epochs.tolist() == [0, 5]
    assert np.isnan(shares["a"][1, 1])
    mean = {label: track.tolist() for label, track in mean_shares(shares).items()}
    assert mean == {"a": [0.5, 1.0], "b": [0.5, 0.0]}
    figure = muller_figure("t", selection, {"a": 0, "b": 1})
    assert len(figure.axes) == 1 + 4  # the mean, and a row of panels


def test_areas_of_shares_fill_the_axes(report):
    selection = report.tasks[MNIST].selection
    _, shares = share_table(selection)
    assert sum(mean_shares(shares).values()) == pytest.approx(np.ones(len(selection.epochs)))
    areas = make("shares", report).axes[0].collections
    tops = [area.get_paths()[0].vertices[:, 1].max() for area in areas]
    assert max(tops) == pytest.approx(1)


def test_only_the_first_populations_are_drawn_one_by_one():
    selection = mixed((0, 1), {"a": ((0.5, 0.2),) * 30, "b": ((0.5, 0.8),) * 30})
    figure = muller_figure("t", selection, {"a": 0, "b": 1})
    assert sum(axes.get_visible() for axes in figure.axes) == 1 + MAX_POPULATIONS
    section = replace(verdicts.least().tasks["t"], genomes=(), selection=selection)
    ((picture, _),) = pictures(section, {}, {}, {"a": 0, "b": 1})
    assert "12 of 30 populations are drawn one by one." in picture.caption


def test_doses_leave_out_what_has_no_score(report):
    (axes,) = make("doses", report).axes
    lines = [line for line in axes.get_lines() if line.get_linestyle() == "-" and line.get_marker() == "None"]
    drawn = [line.get_xdata() for line in lines if line.get_linewidth() == 1.2]
    assert [list(x) for x in drawn] == [[0.0, 0.25, 0.5, 1.0], [0.1, 0.9]]


def test_labels_that_fit_stay_within_the_axes():
    places = within([0.95, 1.05, 1.15], [0.2, 0.2, 0.2])
    assert places == pytest.approx([0.5, 0.7, 0.9])
    assert within([-0.4, 0.5], [0.2, 0.2]) == pytest.approx([0.1, 0.5])
    assert within([0.3, 0.6], [0.1, 0.1]) == [0.3, 0.6]


@pytest.mark.parametrize("label", [*GENOMES, "x" * 50, "a b c " * 9, "=", "a,", "", "µ:ß"])
@pytest.mark.parametrize("width", [8, 20])
def test_wrapped_labels_keep_their_characters_and_the_width(label, width):
    lines = wrap(label, width).split("\n")
    assert "".join("".join(lines).split()) == "".join(label.split())
    assert max(map(len, lines)) <= width
    for left, right in itertools.pairwise(lines):
        assert left and right


def test_figures_on_a_page_are_told_apart_by_their_ids(report):
    image = canvas.svg(make("doses", report))
    elements = [canvas.inline_svg(image, SCRIPT, "a < b", prefix) for prefix in ("t0", "t1")]
    ids = [
        {e.attrib["id"] for e in ElementTree.fromstring(svg).iter() if "id" in e.attrib} for svg in elements
    ]
    assert len(ids[0]) > 10 and not ids[0] & ids[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in elements[0]
    assert canvas.INK not in elements[0] and "var(--ink)" in elements[0]
