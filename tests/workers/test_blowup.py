"""Networks whose state leaves the finite numbers: a failure, with cell, step and lineage."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.network.neurons import Neuron
from neuroevo.network.phenotype import Phenotype
from neuroevo.report.write import write_report
from neuroevo.seeds import derive
from neuroevo.workers.causes import explain
from tests.reference import random_architecture
from tests.small import run
from tests.toy import Echo

WILD = {"relu": 60.0, "alif": 95.0, "izhikevich": 95.0}  # of a synapse: e^60 in a loop, or beyond all numbers


def blueprint(neuron: str) -> Blueprint:
    """A wiring without inhibition, so that wild synapses meet no counterweight."""
    a = random_architecture(0)
    return Blueprint(replace(a, sign=np.abs(a.sign)), 2, 2, Gains(), Neuron.parse(neuron))


def genomes(built: Blueprint) -> torch.Tensor:
    """An untrained genome, a wild one and another untrained one."""
    drawn = built.draw(3, np.random.default_rng(0))
    drawn[1, built.layout.parts["synapses"]] = WILD.get(built.neuron.name, 60.0)
    return drawn


@pytest.mark.parametrize("neuron", WILD)
def test_blow_up_is_told_of_the_genome_that_has_it(neuron: str) -> None:
    built = blueprint(neuron)
    phenotype = Phenotype([built], [3])
    assert phenotype.has_blown_up().tolist() == [False] * 3  # nothing has run
    phenotype.load([genomes(built)])
    phenotype.reset(2)
    for _ in range(30):
        phenotype.step(torch.ones(3, 2, 2))
    assert phenotype.has_blown_up().tolist() == [False, True, False]
    phenotype.release()
    assert not phenotype.has_blown_up().any()


@pytest.mark.parametrize("neuron", ["leaky", "graded"])
def test_bounded_models_do_not_blow_up(neuron: str) -> None:
    built = blueprint(neuron)
    phenotype = Phenotype([built], [3])
    phenotype.load([genomes(built)])
    phenotype.reset(2)
    for _ in range(30):
        phenotype.step(torch.ones(3, 2, 2))
    assert not phenotype.has_blown_up().any()


def test_explanation_names_the_first_cell_and_step() -> None:
    built = blueprint("relu")
    wild, task, seed = genomes(built)[1], Echo(steps=30), derive(0, "blow-up")
    phrase = explain(built, wild, task, seeds=[seed])
    phenotype = Phenotype([built], [1])
    phenotype.load([wild[None]])
    phenotype.reset(task.episodes)
    sensed = np.random.default_rng(seed).normal(0, 1, (task.episodes, 2)).astype(np.float32)
    finite, step = torch.tensor([True]), 0
    while finite.all():
        phenotype.step(torch.from_numpy(sensed)[None])
        finite, step = torch.isfinite(phenotype.state).all(1), step + 1
    cell = built.architecture.cells[int((~finite).nonzero()[0, 0])]
    assert 1 < step < 30 and phrase == f"cell {cell} at network step {step}"
    assert explain(built, genomes(built)[0], task, seeds=[seed]) == ""


def test_run_counts_blow_ups_as_failures_and_says_where(tmp_path: Path) -> None:
    wild = {"neuron": "relu:slope=1e30", "task": ("echo=tests.toy:Echo:steps=8",)}
    whole = run(tmp_path / "whole", **wild)
    rows = whole.results()
    assert rows
    for row in rows:
        assert row["status"] == "failed" and row["score"] is None
        assert row["failures"] > 0
        assert row["blowup"].startswith("cell ") and row["blowup"].endswith(", generation 0")
    (note,) = [n for n in write_report(whole).tasks["echo"].notes if "not finite" in n]
    assert f"connectome 1 of 1 (first: {rows[0]['blowup']})" in note
    for row in whole.metrics():
        assert all(v is None or not isinstance(v, float) or math.isfinite(v) for v in row.values())
    tame = run(tmp_path / "tame")
    assert all(row["blowup"] is None for row in tame.results())
