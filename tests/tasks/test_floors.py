"""Floors are what tasks say: constant answers score them, and bodies without torque stay where they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroevo.connectome.catalog import load
from neuroevo.network import adapters
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.plugins import tasks as registry
from neuroevo.readout import SolvedTask
from neuroevo.seeds import generator
from neuroevo.task import floor_of
from populations.controls import adapter_only
from tasks.images import Digits
from tasks.sequences import SequenceTask
from tasks.swimmer import Swimmer
from tasks.worm import Worm
from tests import small


@pytest.mark.parametrize(
    "name", ["memory", "capacity", "narma", "mackey-glass", "lorenz", "decision", "match"]
)
def test_constant_answers_score_the_floor(name: str) -> None:
    task = registry.get(name).target()
    assert isinstance(task, SequenceTask)
    floor = floor_of(name, task)
    assert floor is not None
    rng = generator(0, "floor")
    targets = torch.from_numpy(np.stack([task.draw(rng, 400)[1][task.washout :] for _ in range(3)])).double()
    said = targets.mean((1, 2), keepdim=True).expand_as(targets)
    assert float(task.judge(said, targets).mean()) == pytest.approx(floor[0], abs=0.05)


def test_the_floor_of_images_is_one_class_always() -> None:
    task = Digits()
    floor = floor_of("digits", task)
    classes, counts = np.unique(task.images().train_labels, return_counts=True)
    assert floor == (float((task.labels() == classes[counts.argmax()]).mean()), "naming one class always")
    assert 0.09 < floor[0] < 0.11
    solved = SolvedTask(task, adapters.parse("ridge"))  # type: ignore[arg-type]
    assert floor_of("digits", solved) == floor


@pytest.mark.parametrize("task", [Swimmer(steps=200, held_out=8), Worm(steps=100, held_out=8)])
def test_a_body_without_torque_hardly_moves(task: Swimmer | Worm) -> None:
    wiring = adapter_only(load(small.CIRCUIT), seed=0)
    blueprint = Blueprint(wiring, task.num_sensors, task.num_actuators)
    phenotype = Phenotype([blueprint], [1])
    phenotype.load([torch.zeros(1, blueprint.layout.length)])
    floor = floor_of("body", task)
    assert floor is not None and floor[0] == 0
    typical = 0.1  # of a champion, m/s of the swimmer and mm/s of the worm
    assert abs(float(task.score(phenotype, seeds=[0]).mean())) < 0.1 * typical
