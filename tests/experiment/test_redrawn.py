"""Nulls that no path crosses end no run: they are drawn again or score as a constant, and reports say so."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

import neuroevo as ne
from neuroevo.errors import ConnectomeError
from neuroevo.experiment import execute, selection, writer
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.evolution import Stopped
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.request import resolve
from neuroevo.experiment.resume import Past
from neuroevo.experiment.writer import RunWriter
from neuroevo.network.phenotype import Phenotype
from neuroevo.report.exports import ROUTES
from neuroevo.report.terminal import print_report
from neuroevo.report.write import write_report
from neuroevo.run_folder import RunFolder
from neuroevo.text import number
from neuroevo.wiring.architecture import Architecture
from neuroevo.workers.pool import LocalPool
from tests.small import Listener
from tests.wiring.test_sampling import SPARSE, wiring, written

ECHO = "echo=tests.toy:Echo"
CUT = "cut=degree:chemical=drop,gap=keep"  # nothing leads from its inputs to its outputs


def request(folder: Path, rows: str = SPARSE, **changes: object) -> Configuration:
    usual = {
        "genome": ("connectome", "random", CUT),
        "connectome": written(folder, rows),
        "inputs": "a",
        "outputs": "c",
        "task": (ECHO,),
        "workers": 0,
        "seeds": 2,
        "graphs": 4,
        "generations": 3,
    }
    return Configuration(**{**usual, **changes})  # type: ignore[arg-type]


def carried_out(folder: Path, **changes: object) -> RunFolder:
    return execute.run(resolve(request(folder, **changes)), folder / "run").folder


@pytest.mark.parametrize("mode", ["tournament", "race", "mixed"])
def test_a_run_with_such_nulls_comes_to_its_end_and_tells_of_them(tmp_path: Path, mode: str) -> None:
    folder = carried_out(tmp_path, selection=mode)
    assert folder.manifest()["status"] == "done"
    assert all(row["error"] is None for row in folder.results())
    graphs = {(g["genome"], g["graph"]): g["notes"] for g in folder.manifest()["graphs"]}
    assert graphs["connectome", 0] == []
    assert graphs["cut", 0][-1].startswith("drawn 20 times, and none of its inputs reached an output")
    assert any(
        "until one of its inputs reached" in n for (g, _), ns in graphs.items() if g == "random" for n in ns
    )
    report = json.loads((folder.path / "report.json").read_text())
    lines = [note for note in report["run"]["notes"] if "none of its inputs reached an output" in note]
    assert lines == [f"cut: {graphs['cut', 0][-1]}"]
    assert "none of its inputs reached an output" in (folder.path / "report.html").read_text()


def test_the_way_from_inputs_to_outputs_stands_in_every_form_of_a_report(tmp_path: Path) -> None:
    """In report.json, report.csv, the page with what the figures mean, and the terminal, for every prior."""
    folder = carried_out(tmp_path, genome=("connectome", "random"), rows=f"{SPARSE} a,c,chemical")
    graphs = json.loads((folder.path / "report.json").read_text())["tasks"]["echo"]["graphs"]
    rows = list(csv.DictReader((folder.path / "report.csv").read_text().splitlines()))
    of_run = folder.manifest()["graphs"]
    assert [g["genome"] for g in graphs] == [r["genome"] for r in rows] == ["connectome", "random"]
    for graph, row in zip(graphs, rows, strict=True):
        for name in ("shortcut_ratio", "route_length", "unreached"):
            values = [g["statistics"][name] for g in of_run if g["genome"] == graph["genome"]]
            assert graph[name]["mean"] == pytest.approx(np.mean(values)) == float(row[f"{name}_mean"])
            assert float(row[f"{name}_std"]) == graph[name]["std"]
    assert (graphs[0]["shortcut_ratio"]["mean"], graphs[0]["route_length"]["mean"]) == (1.0, 1.0)
    page = (folder.path / "report.html").read_text()
    assert all(f"<em>{name}" in page for name in ("shortcut ratio", "inputs to outputs", "cells"))
    text = StringIO()
    print_report(write_report(folder), Console(file=text, width=1_000))
    means = [", ".join(number(g[name]["mean"], 2) for name in ROUTES) for g in graphs]
    assert f"means over graphs): connectome {means[0]}; random {means[1]}." in text.getvalue()


def test_a_null_that_is_never_crossed_answers_the_same_whatever_it_senses(tmp_path: Path) -> None:
    plan = Plan(resolve(request(tmp_path)))
    (k,) = [k for k, s in enumerate(plan.samples) if s.genome == "cut"]
    blueprint = plan.blueprints["echo"][k]
    genomes = blueprint.draw(4, np.random.default_rng(0)) + 0.5  # biases too
    answers = []
    for scale in (0.0, 1.0, -7.0):
        phenotype = Phenotype([blueprint], [4])
        phenotype.load([genomes])
        phenotype.reset(3)
        sensed = scale * torch.ones(4, 3, 2)
        answers.append(torch.stack([phenotype.step(sensed) for _ in range(5)]))
    assert torch.equal(answers[0], answers[1]) and torch.equal(answers[0], answers[2])
    assert answers[0].abs().max() > 0.01


@pytest.mark.parametrize("generations", [0, 2])
def test_a_readout_of_a_constant_explains_nothing(tmp_path: Path, generations: int) -> None:
    changes = {"task": ("memory",), "adapter": "ridge", "generations": generations, "graphs": 1, "seeds": 1}
    rows = carried_out(tmp_path, **changes).results()
    score = {row["genome"]: row["score"] for row in rows}
    assert score["cut"] == pytest.approx(0, abs=0.05) and score["connectome"] > 0.5


def test_wirings_are_drawn_for_the_ports_of_a_body_of_its_own(tmp_path: Path) -> None:
    """Six lines of one cell, of which a random wiring may connect none; the task feeds and reads all six."""
    rows = " ".join(f"in{k},out{k},chemical out{k},x{k},chemical x{k},y{k},chemical" for k in range(1, 7))
    changes = {"genome": ("connectome", "random"), "inputs": "in1", "outputs": "out1", "generations": 1}
    config = request(tmp_path, rows, task=("lines",), adapter="none", graphs=30, **changes)
    plan = Plan(resolve(config))
    notes = [s.architecture.notes for s in plan.samples]
    assert any("until one of its inputs reached" in n for ns in notes for n in ns)
    for sample, blueprint in zip(plan.samples, plan.blueprints["lines"], strict=True):
        assert blueprint.architecture.is_crossed()
        assert not sample.architecture.notes or sample.genome == "random"
    assert any(not s.architecture.is_crossed() for s in plan.samples)  # from in1 to out1, its own ports


def test_a_connectome_of_which_no_input_reaches_an_output_is_refused(tmp_path: Path) -> None:
    for genome in ("connectome", "random", CUT):
        with pytest.raises(
            ConnectomeError, match=r"graph 0, on echo: None of the 1 input cells reaches one of"
        ):
            Plan(resolve(request(tmp_path, genome=(genome,), inputs="f", outputs="a")))


def test_resume_and_sample_give_the_same_wirings(tmp_path: Path) -> None:
    folder = carried_out(tmp_path)
    graphs = {(g["genome"], g["graph"]): g["sha256"] for g in folder.manifest()["graphs"]}
    sparse = wiring(tmp_path)
    for (genome, graph), sha in graphs.items():
        named = CUT.partition("=")[2] if genome == "cut" else genome
        assert ne.sample(named, sparse, seed=0, graph=graph).content_hash == sha
    assert execute.resume(folder.path, {"graphs": 6}, trust=("tests",)) is not None
    (tmp_path / "other").mkdir()
    others = carried_out(tmp_path / "other", graphs=6)
    scores = [
        {(r["genome"], r["graph"], r["seed"]): (r["graph_hash"], r["score"]) for r in f.results()}
        for f in (RunFolder.open(folder.path), others)
    ]
    assert scores[0] == scores[1] and len(scores[0]) > 2 * len(graphs)


def test_a_mixed_population_with_constants_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_SHARE", float("inf"))
    plan = Plan(resolve(request(tmp_path, selection="mixed", generations=6)))
    whole, half = (RunFolder.create(tmp_path / name, plan.config.to_dict(), {}) for name in ("whole", "half"))
    selection.run(plan, LocalPool(), RunWriter(whole))
    done: list[int] = []
    listener = Listener(update=lambda p: done.append(p.done), is_stopping=lambda: len(done) >= 2)
    with pytest.raises(Stopped):
        selection.run(plan, LocalPool(), RunWriter(half), listener)
    members = Past.read(half).members["echo"]["members"]
    constants = [m for m in members if not Architecture.from_dict(m["architecture"]).is_crossed()]
    assert {m["lineage"][1] for m in constants} == {"cut"}
    selection.run(plan, LocalPool(), RunWriter(half, Past.read(half)))
    rows = [(folder.path / "results.jsonl").read_bytes() for folder in (whole, half)]
    assert rows[0] == rows[1] != b""
