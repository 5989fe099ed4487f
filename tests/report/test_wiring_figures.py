"""What `stats` shows: tables that fit the terminal, and pictures."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from rich.console import Console

from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.report.figures import canvas
from neuroevo.report.figures import wiring as wiring_figures
from neuroevo.report.figures.wiring import write_pictures
from neuroevo.report.wiring_table import figure_text, mean_text, print_comparison, print_notes
from neuroevo.wiring.comparison import Comparison, compare
from neuroevo.wiring.graph import Graph
from neuroevo.wiring.triads import CONNECTED, triad_census
from tests.odd_priors import ODD, entrants
from tests.small import CIRCUIT


@pytest.fixture(scope="module")
def wiring() -> Connectome:
    return load(CIRCUIT)


@pytest.fixture(scope="module")
def comparison(wiring: Connectome) -> Comparison:
    """Five priors, three of them odd, four samples each, with a null model."""
    return compare(wiring, entrants("connectome", "random", *ODD), 4, 7, entrants("null=random:gap=drop")[0])


def printed(figures: dict[str, Any], width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_comparison(figures, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


# --- tables -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 80, 200])
def test_table_fits_the_terminal_and_cuts_nothing(comparison: Comparison, width: int) -> None:
    figures = comparison.figures
    out = printed(figures, width)
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out.replace("… above degree", "").replace("… on muscles", "").replace("… over null", "")
    for label in figures["genomes"]:
        assert out.count(f" {label} ") or f" {label}\n" in out
    assert "STRUCTURE" in out and "Z-SCORES" in out and "path length" in out


def test_table_tells_notes_once(comparison: Comparison) -> None:
    out = printed(comparison.figures)
    assert out.count("without: It has no core.") == out.count("other: Their number is drawn.") == 1


def test_notes_that_differ_in_numbers_are_one() -> None:
    console = Console(file=io.StringIO(), width=80)
    sentences = ["VB1 {kept} 61% in 2 moves.", "VB1 {kept} 9.5% in 2 moves.", "VB2 {kept} 61% in 2 moves."]
    print_notes({"a": sentences, "b": []}, console)
    expected = "a: VB1 {kept} 9.5–61% in 2 moves.\na: VB2 {kept} 61% in 2 moves.\n"
    assert console.file.getvalue() == expected  # type: ignore[attr-defined]


def test_table_breaks_long_heads(wiring: Connectome) -> None:
    labels = [f"a-rather-long-label-{i}" for i in range(5)]
    figures = compare(wiring, entrants(*(f"{label}=random" for label in labels)), 2, 0).figures
    out = printed(figures)
    assert max(map(len, out.splitlines())) <= 80
    heads = "".join(out[: out.index("cells")].split())
    assert "a-rather-" in heads and "label-0" in heads


def test_table_of_a_connectome_alone_leaves_out_what_needs_a_prior(wiring: Connectome) -> None:
    out = printed(compare(wiring, [], 1, 0).figures)
    assert "OVERLAP" not in out and "error" not in out and "±" not in out
    assert "reciprocity" in out and "188" in out and "Z-SCORES" not in out


def test_table_shows_what_is_unknown_as_a_dash(comparison: Comparison) -> None:
    out = printed(comparison.figures, 200)
    line = next(line for line in out.splitlines() if line.strip().startswith("with source"))
    columns = line.split()[2:]
    assert columns[:2] == ["1", "1"] and columns[3] == "±" and columns[5:] == ["0", "-", "-"]


@pytest.mark.parametrize(
    ("value", "deviation", "text"),
    [
        (69, 1.4142, "69.0 ± 1.4"),
        (10026, 143.2, "10,026 ± 143"),
        (0.36447, 0.00123, "0.3645 ± 0.0012"),
        (0.36447, 0.0, "0.3645"),
        (-0.00001, 0.5, "0.00 ± 0.50"),
        (0.1, 0.000001, "0.1000 ± 0.0000"),
        (3671, 0.0, "3,671"),
        (3671, None, "3,671"),
        (None, None, "-"),
    ],
)
def test_mean_has_as_many_decimals_as_its_deviation(
    value: float | None, deviation: float | None, text: str
) -> None:
    assert mean_text({"mean": value, "std": deviation, "count": 3}) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1.0, "1"),
        (397, "397"),
        (3719257, "3,719,257"),
        (0.364478, "0.3645"),
        (0.0403841, "0.0404"),
        (3.08558, "3.086"),
        (132.195, "132.2"),
        (-38.3412, "-38.34"),
        (12345.6, "12,346"),
        (-0.00000001, "0.0000"),
        (None, "-"),
    ],
)
def test_number_has_four_digits(value: float | None, text: str) -> None:
    assert figure_text(value) == text


# --- pictures -----------------------------------------------------------------------------------------


def test_arrows_draw_the_triads_they_are_named_after() -> None:
    assert list(wiring_figures.ARROWS) == CONNECTED
    for label, arrows in wiring_figures.ARROWS.items():
        pre, post = zip(*(map("abc".index, arrow) for arrow in arrows.split()), strict=True)
        assert triad_census(Graph.of(3, np.array(pre), np.array(post)))[label] == 1


def test_pictures_show_every_prior(comparison: Comparison, tmp_path: Path) -> None:
    written = write_pictures(comparison, tmp_path / "pictures")
    assert sorted(written) == sorted((tmp_path / "pictures").iterdir())
    assert json.loads((tmp_path / "pictures" / "stats.json").read_text("utf-8")) == comparison.figures
    for label in comparison.examples:
        image = imread(tmp_path / "pictures" / f"{label}.png")
        colors = np.unique(np.round(255 * image[..., :3]).astype(int) @ [65536, 256, 1])
        assert image.shape[0] > 1000 and len(colors) > 50
        root = ElementTree.parse(tmp_path / "pictures" / f"{label}.svg").getroot()
        texts = {(element.text or "").strip() for element in root.iter("{http://www.w3.org/2000/svg}text")}
        assert {label, CIRCUIT, "In-degree", "Triads", "030T", "z-score", "muscle"} <= texts


def test_pictures_do_not_differ_from_call_to_call(comparison: Comparison, tmp_path: Path) -> None:
    one = replace(comparison, examples={"random": comparison.examples["random"]})
    files = [write_pictures(one, tmp_path / name) for name in ("a", "b")]
    assert [p.read_bytes() for p in files[0]] == [p.read_bytes() for p in files[1]]


@pytest.mark.parametrize("null", [None, "random"])
def test_picture_of_a_connectome_alone(wiring: Connectome, tmp_path: Path, null: str | None) -> None:
    comparison = compare(wiring, [], 2, 0, entrants(null)[0] if null else None)
    write_pictures(comparison, tmp_path / "x")
    assert {p.name for p in (tmp_path / "x").iterdir()} == {"stats.json", f"{CIRCUIT}.png", f"{CIRCUIT}.svg"}
    text = (tmp_path / "x" / f"{CIRCUIT}.svg").read_text("utf-8")
    assert ("z-score" in text) is bool(null) and (">number<" in text) is not bool(null)


def test_matrix_image_shows_each_connection_at_its_place(wiring: Connectome) -> None:
    order, roles = wiring_figures.ordered(wiring, wiring)
    assert sorted(order.tolist()) == list(range(138)) and roles == ["motor"] * 66 + ["muscle"] * 72
    classes = [wiring.cell_class[i] for i in order[:66]]
    assert classes == sorted(classes)
    image = wiring_figures.matrix_image(wiring, order)
    place = np.argsort(order)
    colored = np.zeros((138, 138), bool)
    for edges in (wiring.chemical, wiring.neuromuscular):
        for pre, post in zip(edges.pre, edges.post, strict=True):
            color = wiring_figures.EXCITES if wiring.sign[pre] > 0 else wiring_figures.INHIBITS
            assert image[place[pre], place[post]] == pytest.approx(to_rgb(color))
            colored[place[pre], place[post]] = True
    for a, b in zip(wiring.electrical.pre, wiring.electrical.post, strict=True):
        colored[place[a], place[b]] = colored[place[b], place[a]] = True
    assert (image[~colored] == to_rgb(canvas.PAPER)).all()


def test_matrix_image_of_many_cells_keeps_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring_figures, "PIXELS", 50)
    source = load("celegans")
    image = wiring_figures.matrix_image(source, wiring_figures.ordered(source, source)[0])
    assert image.shape == (50, 50, 3) and 0 <= image.min() < image.max() <= 1
