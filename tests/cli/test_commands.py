"""The command line: what its commands print and leave behind."""

from __future__ import annotations

import io
import json
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.numpy import load_file

import run as cli
from neuroevo.connectome import catalog
from neuroevo.connectome.model import Connectome
from neuroevo.experiment.display import Display
from neuroevo.experiment.watcher import Progress
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.plugins import priors
from neuroevo.run_folder import RunFolder
from neuroevo.task import Task
from neuroevo.wiring import sampling
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.comparison import graph_statistics
from tests.small import CIRCUIT, without_seconds
from tests.toy import Echo

SMALL = ["--connectome", CIRCUIT, "--workers", "0"]
ECHO = "tests.toy:Echo"


class Plain(Task):
    """A task with what is required and no more."""

    unit = "error"
    defaults = {"generations": 2, "population": 4}  # noqa: RUF012
    num_sensors = num_actuators = 2

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        return Echo().evaluate(phenotype, seeds=seeds)

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        return Echo().score(phenotype, seeds=seeds)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in an empty folder and in a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run of two priors."""
    path = tmp_path_factory.mktemp("runs") / "run"
    genomes = ["connectome", "null=random:gap=keep"]
    arguments = ["--genome", *genomes, "--task", ECHO, "--seeds", "2", "--graphs", "2", "--out", str(path)]
    assert cli.main([*arguments, *SMALL, "--generations", "2"]) == 0
    return path


def words(text: str) -> str:
    """A text with every white space as one blank."""
    return " ".join(text.split())


# --- a run --------------------------------------------------------------------------------------------

LINEAGES = [("connectome", 0, 0), ("connectome", 0, 1), *(("null", g, s) for g in (0, 1) for s in (0, 1))]


def test_run_folder_holds_the_request_and_its_origin(folder: Path) -> None:
    config = tomllib.loads((folder / "config.toml").read_text())
    null = "null=random:chemical=random,gap=keep,neuromuscular=random,dale=true"
    assert config["genome"] == ["connectome=connectome:dale=true", null]
    assert config["budgets"] == {ECHO: {"generations": 2, "population": 8}}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["status"] == "done" and manifest["wall_seconds"] > 0
    assert manifest["device"] == "cpu" and {"torch", "neuroevo", "python"} <= manifest["versions"].keys()
    assert len(manifest["graphs"]) == 3 and len(manifest["connectome"]["sha256"]) == 64
    assert "commit" in manifest and "data" in manifest
    planned = [(x["task"], x["genome"], x["graph"], x["seed"]) for x in manifest["lineages"]]
    assert planned == [(ECHO, *x) for x in LINEAGES]


def test_search_and_evaluations_are_resolved_and_run_again(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    search = "paper:elite=2,share=0.25,es-optimizer=adam,es-learning-rate=0.05"
    arguments = ["--genome", "connectome", "--task", ECHO, "--search", search, "--evaluations", "80"]
    assert cli.main([*arguments, *SMALL, "--out", str(first)]) == 0
    config = tomllib.loads((first / "config.toml").read_text())
    assert config["budgets"] == {ECHO: {"generations": 8, "population": 8, "pretraining": 2}}
    assert "es_learning_rate=0.05" in config["searches"][ECHO] and "decay=0.997" in config["searches"][ECHO]
    assert not {"search", "evaluations", "generations"} & config.keys()
    assert cli.main(["--config", str(first / "config.toml"), "--out", str(second), "--quiet"]) == 0
    assert (first / "results.jsonl").read_bytes() == (second / "results.jsonl").read_bytes()
    (row,) = (json.loads(line) for line in (first / "results.jsonl").read_text().splitlines())
    assert row["evaluations"] == 72 and row["tuning_evaluations"] == 200


def test_manifest_says_what_priors_are(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["priors"] == {
        "connectome": {
            "name": "connectome",
            "options": {"dale": True},
            "one_point": True,
            "core": "evolves",
        },
        "null": {
            "name": "random",
            "options": {"chemical": "random", "gap": "keep", "neuromuscular": "random", "dale": True},
            "one_point": False,
            "core": "evolves",
        },
    }
    assert manifest["tasks"] == {ECHO: {"unit": "error", "fitness_unit": "error", "margin": None}}


def test_manifest_holds_statistics_of_graphs_where_they_can_be_compared(folder: Path, tmp_path: Path) -> None:
    genomes = ["--genome", "connectome", "stats-prior", "adapter-only", "mlp", "clock", "frozen"]
    arguments = [*genomes, "--task", ECHO, *SMALL, "--margin", "0.5", "--out", str(tmp_path / "run")]
    assert cli.main([*arguments, "--quiet"]) == 0
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    rows = {row["genome"]: row["statistics"] for row in manifest["graphs"]}
    names = "cells synapses density reciprocity clustering path_length triad_error rich_club assortativity"
    names += " modularity wiring_length excitatory overlap shortcut_ratio route_length unreached"
    assert all(set(row) == set(names.split()) for row in rows.values())
    exact, null = rows["connectome"], rows["stats-prior"]
    assert (exact["triad_error"], exact["overlap"]) == (0, 1) and exact["modularity"] > 0
    assert null["triad_error"] == 0 and 0 < null["overlap"] < 1
    assert null["density"] == exact["density"] and null["clustering"] != exact["clustering"]
    assert rows["mlp"]["overlap"] is rows["mlp"]["triad_error"] is rows["mlp"]["wiring_length"] is None
    assert {label: (p["one_point"], p["core"]) for label, p in manifest["priors"].items()} == {
        "connectome": (True, "evolves"),
        "stats-prior": (False, "evolves"),
        "adapter-only": (True, "none"),
        "mlp": (False, "evolves"),
        "clock": (True, "clock"),
        "frozen": (True, "frozen"),
    }
    assert manifest["tasks"][ECHO]["margin"] == 0.5


def test_run_folder_holds_a_row_for_every_lineage(folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert [(r["genome"], r["graph"], r["seed"]) for r in rows] == LINEAGES
    for row in rows:
        assert row["task"] == ECHO and row["status"] == "done" and row["evaluations"] == 2 * 9
        assert row["score"] == pytest.approx(sum(row["episode_scores"]) / len(row["episode_scores"]))
        assert isinstance(row["untrained_score"], float) and len(row["graph_hash"]) == 64
        assert row["parameters"].keys() == {"core", "adapters"}
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert len(metrics) == 2 * len(rows)
    columns = {"fitness_mean", "fitness_best", "fitness_centre", "evaluations", "seconds", "failures"}
    assert all(columns <= row.keys() for row in metrics)


def test_run_folder_holds_checkpoint_and_champions(folder: Path) -> None:
    run = RunFolder.open(folder)
    arrays, state = run.read_checkpoint()
    assert [tuple(x["lineage"]) for x in state["lineages"]] == [(ECHO, *x) for x in LINEAGES]
    for k, key in enumerate(LINEAGES):
        champion = run.champion_path((ECHO, *key))
        architecture = Architecture.from_dict(
            json.loads((champion / "architecture.json").read_text())["architecture"]
        )
        parameters = load_file(champion / "parameters.safetensors")["parameters"]
        assert (parameters == arrays[f"{k}/centre"]).all()
        assert len(parameters) == Blueprint(architecture, 2, 2).layout.length


def test_run_folder_holds_the_report(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    assert report["schema"] == 2
    genomes = report["tasks"][ECHO]["genomes"]
    assert [(g["genome"], g["num_graphs"], g["num_seeds"]) for g in genomes] == [
        ("connectome", 1, 2),
        ("null", 2, 2),
    ]
    parser = HTMLParser()
    parser.feed((folder / "report.html").read_text())
    parser.close()
    figures = sorted((folder / "figures").iterdir())
    assert {p.suffix for p in figures} == {".svg", ".png"}
    for path in figures:
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag.endswith("svg")
        else:
            assert path.read_bytes().startswith(b"\x89PNG")


def test_run_folder_holds_nothing_else(folder: Path) -> None:
    files = "config.toml manifest.json metrics.jsonl results.jsonl champions figures"
    states = "checkpoint.safetensors checkpoint.previous.safetensors"
    reports = "report.json report.html report.csv comparisons.csv sphinx.csv report.tex card.png run.log"
    assert {p.name for p in folder.iterdir()} == set(f"{files} {states} {reports}".split())


def test_configuration_of_a_run_gives_its_results_again(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert cli.main(["--config", str(folder / "config.toml"), "--out", str(again), "--quiet"]) == 0
    assert (again / "results.jsonl").read_bytes() == (folder / "results.jsonl").read_bytes()
    assert without_seconds(RunFolder.open(again).metrics()) == without_seconds(
        RunFolder.open(folder).metrics()
    )
    assert (again / "config.toml").read_bytes() == (folder / "config.toml").read_bytes()
    other = tmp_path / "other"
    assert (
        cli.main(["--config", str(folder / "config.toml"), "--seed", "1", "--out", str(other), "--quiet"])
        == 0
    )
    assert (other / "results.jsonl").read_bytes() != (folder / "results.jsonl").read_bytes()


def test_run_prints_what_it_does_and_where_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", "--genome", "random", "--genome", "dense", "--task", f"e={ECHO}", *SMALL]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    for part in (
        "setting the gains of 2 architectures",
        "e generation 3: ",
        "scoring on held-out data",
    ):
        assert part in out
    (made,) = (tmp_path / "runs").iterdir()
    assert f"Written to runs/{made.name}" in out


def test_quiet_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--genome", "random", "--task", ECHO, *SMALL, "--out", "x", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_task_with_no_more_than_required_can_be_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        cli.main(
            ["--genome", "random", "--task", "plain=tests.cli.test_commands:Plain", *SMALL, "--out", "x"]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "plain generation 2: random -" in out


@pytest.mark.parametrize("work", [{"t": 8}, {"t": None}, {}])
@pytest.mark.parametrize("terminal", [True, False])
def test_display_shows_standings_with_and_without_known_steps(
    work: dict[str, int | None], terminal: bool
) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    with Display(console) as display:
        display.work = work
        for generation in range(2):
            row = {"task": "t", "genome": "g", "graph": 0, "seed": 0, "generation": generation}
            row |= {"evaluations": 9 * (generation + 1), "fitness_centre": 0.25 if generation else None}
            display.update(Progress([row], generation + 1, 2))
        speed = display._speed() + display._steps_speed()
    assert "0.25" in console.file.getvalue()  # type: ignore[attr-defined]
    assert ("steps/s" in speed) == bool(work.get("t"))


@pytest.mark.parametrize("selection", ["race", "mixed"])
def test_selection_can_be_run_again_and_reported(
    selection: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    genomes = ["--genome", "connectome", "random", "--seeds", "2", "--graphs", "2", "--task", ECHO]
    arguments = [*genomes, *SMALL, "--generations", "4", "--selection", selection, "--out", "run"]
    assert cli.main(arguments) == 0
    out, err = capsys.readouterr()
    assert "Written to run" in out
    few = "will rest on 1 fresh seed; a verdict takes 5" if selection == "race" else "no winner can come of"
    assert few in err and err.count("\n") == 1
    assert ("confirmed on 1 fresh seed" in out) == (selection == "race")
    manifest = RunFolder.open("run").manifest()
    assert manifest["status"] == "done" and ("selection_record" in manifest) == (selection == "mixed")
    assert len(manifest["lineages"]) == len(RunFolder.open("run").results())
    assert tomllib.loads((tmp_path / "run/config.toml").read_text())["selection"] == selection
    assert cli.main(["--config", "run/config.toml", "--out", "again", "--quiet"]) == 0
    for name in ("results.jsonl", "selection.jsonl", "config.toml"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_trackers_are_told_of_everything_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from neuroevo.experiment import trackers

    tracked = mock.MagicMock(views=["see it with x"])
    tracked.__enter__.return_value = tracked
    opened = mock.Mock(return_value=tracked)
    monkeypatch.setattr(trackers, "check", lambda names: None)
    monkeypatch.setattr(trackers, "open_trackers", opened)
    genomes = ["--genome", "connectome", "random", "--seeds", "2", "--task", ECHO, "--generations", "4"]
    arguments = [*genomes, *SMALL, "--selection", "race", "--track", "wandb", "mlflow", "--out", "run"]
    assert cli.main(arguments) == 0
    folder = RunFolder.open("run")
    names, path, config, lineages = opened.call_args.args[:4]
    assert (names, path, config["track"]) == (("wandb", "mlflow"), Path("run"), ["wandb", "mlflow"])
    assert lineages == folder.manifest()["lineages"][: len(lineages)] and len(lineages) == 4
    told = [row for call in tracked.metrics.call_args_list for row in call.args[0]]
    assert without_seconds(told) == without_seconds(folder.metrics())
    ((confirmed, stage),) = [call.args for call in tracked.plan.call_args_list]
    assert stage == "confirmation" and confirmed == folder.manifest()["lineages"][4:]
    report = json.loads((tmp_path / "run/report.json").read_text())
    assert tracked.finish.call_args.args[0].tasks.keys() == report["tasks"].keys()
    assert tracked.__exit__.called and "see it with x" in capsys.readouterr().out


def test_nothing_is_tracked_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from neuroevo.experiment import trackers

    monkeypatch.setattr(trackers, "TRACKERS", {})  # to look one up fails
    assert cli.main(["--genome", "random", "--task", ECHO, *SMALL, "--out", "x", "--quiet"]) == 0


# --- the other commands -------------------------------------------------------------------------------


def test_report_is_made_again_from_the_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "report.json").read_bytes()
    (folder / "report.json").unlink()
    assert cli.main(["report", str(folder)]) == 0
    assert (folder / "report.json").read_bytes() == before
    out, err = capsys.readouterr()
    assert err == "" and "connectome" in out and "null" in out
    assert max(map(len, out.splitlines())) <= 80


def test_export_writes_a_champion_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = max(RunFolder.open(folder).results(), key=lambda row: row["score"] or -1e9)
    out = ["--out", "champion.safetensors"]
    assert cli.main(["export", str(folder), *out]) == 0
    name = f"{ECHO}/{best['genome']}/{best['graph']}/{best['seed']}"
    assert capsys.readouterr().out == f"champion.safetensors: {name}\n"
    key = (ECHO, best["genome"], best["graph"], best["seed"])
    theirs = load_file(RunFolder.open(folder).champion_path(key) / "parameters.safetensors")["parameters"]
    assert (load_file("champion.safetensors")["parameters"] == theirs).all()
    before = Path("champion.safetensors").read_bytes()
    assert cli.main(["export", str(folder), *out]) == 2
    assert "champion.safetensors exists; nothing is written over" in capsys.readouterr().err
    assert Path("champion.safetensors").read_bytes() == before
    assert cli.main(["export", str(folder), "--lineage", f"{ECHO}/nul", "--out", "other"]) == 2
    assert "Did you mean" in capsys.readouterr().err
    assert cli.main(["export", str(folder)]) == 2
    assert "--out" in capsys.readouterr().err and not Path("other").exists()


def test_stats_compares_priors_with_their_connectome(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["stats", "--connectome", CIRCUIT, "--genome", "random", "stats-prior", "--samples", "2"]
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    assert "reciprocity" in out and max(map(len, out.splitlines())) <= 80
    assert cli.main([*arguments, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["genomes"].keys() == {"random", "stats-prior"}
    assert figures["genomes"]["stats-prior"]["reciprocity"]["mean"] == figures["source"]["reciprocity"]


def edges(wiring: Connectome | Architecture) -> set[tuple]:
    """Edges by the names of their cells; a gap junction has no direction and no sign."""
    found = set()
    for kind in ("chemical", "neuromuscular", "electrical"):
        part = getattr(wiring, kind)
        for pre, post, weight in zip(part.pre, part.post, part.weight, strict=True):
            ends = (wiring.cells[pre], wiring.cells[post])
            if kind == "electrical":
                found.add((kind, *sorted(ends), float(weight), 0))
            else:
                found.add((kind, *ends, float(weight), int(wiring.sign[pre])))
    return found


def test_samples_read_back_as_the_wirings_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    genomes = ["stats-prior", "far=random:gap=drop"]
    arguments = ["--connectome", CIRCUIT, "--genome", *genomes, "--samples", "2", "--seed", "3"]
    assert cli.main(["sample", *arguments, "--out", "null"]) == 0
    names = [f"{genome}-{k}.csv" for genome in ("stats-prior", "far") for k in range(2)]
    assert capsys.readouterr().out.split() == [f"null/{name}" for name in names]
    both = [*names, *(name.replace(".csv", "_cells.csv") for name in names)]
    assert sorted(p.name for p in (tmp_path / "null").iterdir()) == sorted(both)
    source = catalog.load(CIRCUIT)
    sampled = [a for e in priors.calls(genomes) for a in sampling.draw(source, e, 2, 3)]
    for name, architecture in zip(names, sampled, strict=True):
        assert edges(catalog.load(f"null/{name}")) == edges(architecture)
        assert Architecture.of(catalog.load(f"null/{name}")).content_hash == architecture.content_hash
    assert len({frozenset(edges(a)) for a in sampled}) == 4


@pytest.mark.parametrize("form", ["parquet", "graphml"])
def test_null_read_back_is_the_null(tmp_path: Path, form: str) -> None:
    """A null as a file scores what the prior scores, and has its statistics."""
    common = ["--task", ECHO, "--workers", "0", "--quiet", "--tuning", "off"]
    arguments = ["--connectome", "celegans-motor", "--genome", "degree", "--seed", "5"]
    assert cli.main(["sample", *arguments, "--out", "null", "--format", form]) == 0
    source, again = catalog.load("celegans-motor"), catalog.load(f"null/degree-0.{form}")
    (drawn,) = sampling.draw(source, priors.calls(["degree"])[0], 1, 5)
    assert Architecture.of(again).content_hash == drawn.content_hash
    assert (again.role, again.cell_class, again.transmitter) == (
        source.role,
        source.cell_class,
        source.transmitter,
    )
    assert np.array_equal(again.position, source.position, equal_nan=True)
    statistics = [graph_statistics(source, [x], 0) for x in (drawn, Architecture.of(again))]
    assert statistics[0] == statistics[1]
    assert cli.main([*arguments, *common, "--out", "drawn"]) == 0
    file = ["--connectome", f"null/degree-0.{form}", "--genome", "degree=connectome", "--seed", "5"]
    assert cli.main([*file, *common, "--out", "read"]) == 0
    scores = [RunFolder.open(name).results()[0]["score"] for name in ("drawn", "read")]
    assert scores[0] == scores[1]


def test_samples_can_be_run(tmp_path: Path) -> None:
    assert cli.main(["sample", "--connectome", CIRCUIT, "--genome", "random", "--out", "null"]) == 0
    arguments = [
        "--genome",
        "connectome",
        "--task",
        ECHO,
        "--connectome",
        "null/random-0.csv",
        "--workers",
        "0",
    ]
    assert cli.main([*arguments, "--out", "run", "--quiet"]) == 0
    assert RunFolder.open("run").results()[0]["status"] == "done"


OF_THE_USER = """
from neuroevo.wiring.architecture import Architecture

def same(connectome, *, seed):
    return Architecture.of(connectome)
"""


def test_plug_ins_are_found_where_the_user_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lies_here.py").write_text(OF_THE_USER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    assert cli.main(["sample", "--genome", "lies_here:same", "--out", "sampled"]) == 0
    assert capsys.readouterr().out.split() == ["sampled/lies_here%3Asame-0.csv"]
