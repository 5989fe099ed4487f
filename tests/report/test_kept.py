"""What nulls keep, in a report: multiples worked by hand, wirings of champions, damaged ones left out."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from neuroevo.connectome.catalog import load
from neuroevo.experiment import selection
from neuroevo.experiment.manifest import manifest
from neuroevo.experiment.writer import RunWriter
from neuroevo.report.evidence import gather
from neuroevo.report.figures import canvas, kept
from neuroevo.report.figures.colors import PLACES, style
from neuroevo.report.model import GraphStatistics, Spread
from neuroevo.report.wirings import read_wirings
from neuroevo.report.write import write_report
from neuroevo.run_folder import RunFolder
from neuroevo.workers.pool import LocalPool
from tests import small


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A small run of the connectome, two nulls and a control on two tasks, with its statistics of graphs."""
    planned = small.plan(
        genome=("degree", "connectome", "null=random", "adapter-only"),
        task=(small.ECHO, "two=tests.toy:Echo"),
    )
    path = tmp_path_factory.mktemp("kept") / "run"
    folder = RunFolder.create(path, planned.config.to_dict(), manifest(planned, ()))
    with small.few_draws():
        selection.run(planned, LocalPool(), RunWriter(folder))
    return folder


def statistics(genome: str, **means: float | None) -> GraphStatistics:
    spreads: dict[str, Spread | None] = {name: Spread(x, 0.0) for name, x in means.items()}
    return GraphStatistics(genome, 2, spreads | {"rich_club": None})


def test_ratios_are_those_worked_by_hand():
    graphs = [
        statistics("worm", clustering=0.4, overlap=1.0, shortcut_ratio=1.0, modularity=0.0, path_length=2.0),
        statistics("x", clustering=0.1, overlap=0.25, shortcut_ratio=3.0, modularity=0.5, path_length=None),
    ]
    beside = {"overlap": 0.25, "shortcut_ratio": 3.0}
    assert kept.ratios(graphs, "worm") == {"x": {**beside, "clustering": 0.25}}
    assert kept.ratios(graphs[1:], None) == {"x": beside}
    assert kept.ratios([], "worm") == {}


def test_wirings_are_those_of_the_champions_the_connectome_s_first(folder):
    (task, _) = gather([folder]).tasks.values()
    wirings = read_wirings([folder], task)
    assert list(wirings) == ["connectome", "degree", "null"]  # a control has no wiring
    source = load(small.CIRCUIT)
    assert set(wirings["connectome"].cells) <= set(source.cells)
    assert len(wirings["connectome"].synapses) == len(wirings["degree"].synapses)


def test_cells_stand_by_class_and_number_with_muscles_last(folder):
    wiring = read_wirings([folder], next(iter(gather([folder]).tasks.values())))["connectome"]
    order = kept.in_order(wiring)
    assert sorted(order) == list(range(wiring.num_cells))
    assert (np.diff(wiring.is_muscle[order].astype(int)) >= 0).all()
    names = [wiring.cells[i] for i in order if wiring.cell_class[i] == "VA"]
    assert names == sorted(names, key=lambda x: int(x[2:])) and len(names) > 2


def test_report_shows_the_figure_once_with_points_where_the_statistics_are(folder):
    report = write_report(folder)
    assert [path.name for path in sorted((folder.path / "figures").glob("kept*"))] == [
        "kept_echo.png",
        "kept_echo.svg",
    ]
    page = (folder.path / "report.html").read_text()
    assert page.count("<h3>What each null keeps of the connectome</h3>") == 1
    shares = kept.ratios(report.tasks["echo"].graphs, "connectome")
    del shares["adapter-only"]
    wirings = read_wirings([folder], next(iter(gather([folder]).tasks.values())))
    places = {"connectome": PLACES["connectome"], "degree": PLACES["degree"], "null": PLACES["random"]}
    figure = kept.kept_figure(wirings, shares, "connectome", places)
    axes = figure.axes[-1]
    lines = {line.get_label(): line for line in axes.get_lines() if not line.get_label().startswith("_")}
    assert list(lines) == ["degree", "null"]
    for genome, line in lines.items():
        assert line.get_color() == style(places[genome])[0]
        values = [min(x, kept.REACH) for x in shares[genome].values()]
        np.testing.assert_allclose(line.get_xdata(), values)
    assert lines["degree"].get_xdata()[0] == 1  # as many synapses
    assert Image.open(io.BytesIO(canvas.png(figure))).width > 1000


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"architecture": {"cells": 3}}'])
def test_a_wiring_that_is_damaged_is_left_out_and_the_report_is_made(folder, tmp_path, text):
    copy = RunFolder(shutil.copytree(folder.path, tmp_path / "run"))
    for row in copy.results():
        if row["genome"] == "degree":
            key = (row["task"], row["genome"], row["graph"], row["seed"])
            (copy.champion_path(key) / "architecture.json").write_text(text)
    (task, _) = gather([copy]).tasks.values()
    assert list(read_wirings([copy], task)) == ["connectome", "null"]
    write_report(copy)
    assert "What each null keeps" in (copy.path / "report.html").read_text()


def test_edges_of_cells_that_are_not_there_are_damage(folder, tmp_path):
    copy = RunFolder(shutil.copytree(folder.path, tmp_path / "run"))
    row = next(row for row in copy.results() if row["genome"] == "degree")
    path = copy.champion_path((row["task"], "degree", row["graph"], row["seed"])) / "architecture.json"
    description = json.loads(path.read_text())
    description["architecture"]["synapses"]["pre"][0] = 10_000
    path.write_text(json.dumps(description))
    task = gather([copy]).tasks[row["task"]]
    assert "degree" not in read_wirings([copy], task)
