"""Reports of bodies that muscles drive say what each null kept of the map onto them, whoever made it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import run
from neuroevo.connectome.model import Connectome
from neuroevo.wiring.architecture import Architecture, join
from populations.statistical import degree
from tests.small import REGISTERED, no_figures

assert REGISTERED
WORDS = "--generations 0 --seeds 5 --graphs 3 --tuning off --workers 0 --connectome celegans-motor"


def own_null(connectome: Connectome, *, seed: int) -> Architecture:
    """A null of one's own that keeps the map onto the body and says so nowhere.

    Keeps exactly: synapses on muscles. Destroys: all others.

    Args:
        connectome: Source wiring.
        seed: Seed of the rewiring.
    """
    drawn = degree(connectome, seed=seed)
    whole = Architecture.of(connectome)
    return Architecture.of(connectome, synapses=join(drawn.chemical, whole.neuromuscular))


def reported(path: Path, genomes: str, task: str, capsys: pytest.CaptureFixture[str], more: str = "") -> str:
    """Runs a request into a folder, and returns what was printed."""
    words = f"--genome {genomes} --task {task} {WORDS} {more}"
    with no_figures():
        assert run.main([*words.split(), "--out", str(path)]) == 0
    out, err = capsys.readouterr()
    return " ".join((out + err).split())


def test_report_says_what_each_null_kept_and_what_the_map_is_worth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    genomes = f"connectome degree kept=degree:neuromuscular=keep own={__name__}:own_null"
    task = "worm:steps=5,held_out=2"
    printed = reported(tmp_path / "run", genomes, task, capsys, "--adapter none")
    assert "Map onto the body (neuromuscular synapses): connectome kept, degree 8" in printed
    assert "kept kept, own kept." in printed and "degree: map rewired " in printed
    assert "no null keeps it" not in printed
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    (told,) = (task["body_map"] for task in report["tasks"].values())
    assert {row["genome"]: row["text"] for row in told["genomes"] if row["strengths"] == 1} == {
        "connectome": "kept",
        "kept": "kept",
        "own": "kept",
    }
    (twins,) = told["twins"]
    assert (twins["prior"], twins["rewired"], twins["keeping"]) == ("degree", "degree", "kept")
    means = {}
    for row in map(json.loads, (tmp_path / "run" / "results.jsonl").read_text().splitlines()):
        means.setdefault(row["genome"], []).append(row["score"])
    mean = {genome: sum(scores) / len(scores) for genome, scores in means.items()}
    assert twins["map"]["difference"] == pytest.approx(mean["kept"] - mean["degree"], abs=1e-9)
    assert twins["circuit"]["difference"] == pytest.approx(mean["connectome"] - mean["kept"], abs=1e-9)
    rows = list(csv.DictReader((tmp_path / "run" / "report.csv").read_text().splitlines()))
    assert [row["body_map"] for row in rows][::2] == ["kept", "kept"] and rows[3]["body_map"] == "kept"
    assert "map onto the body" in (tmp_path / "run" / "report.tex").read_text()
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<h3>The map onto the body</h3>" in page and "what the map is worth" in page


def test_a_run_whose_nulls_all_have_the_map_rewired_says_so_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = "swimmer:steps=5,held_out=2"
    printed = reported(tmp_path / "run", "connectome degree random", task, capsys, "--adapter none")
    assert (
        f"{task}: degree and random have the map onto the body rewired, and no null keeps it; a lead of "
        "connectome may be the map's. To tell the circuit from its map, add degree:neuromuscular=keep."
    ) in printed


def test_nothing_is_said_of_maps_where_no_muscles_drive_a_body(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = reported(tmp_path / "run", "connectome degree", "worm:steps=5,held_out=2", capsys)
    assert "onto the body" not in printed
    for name in ("report.json", "report.csv", "report.tex", "manifest.json"):
        assert "body_map" not in (tmp_path / "run" / name).read_text()
        assert "onto the body" not in (tmp_path / "run" / name).read_text()
