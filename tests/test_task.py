"""The contract of a task: its examples run, what has a default may be left out, and what lacks is named."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import mujoco
import numpy as np
import pytest
import torch

from neuroevo import task as contract
from neuroevo.checks import check_task, small
from neuroevo.errors import OptionError, TaskError, require_range
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.normalisation import Normaliser, Statistics
from neuroevo.network.phenotype import Phenotype
from neuroevo.physics.recording import Film, Recording
from neuroevo.seeds import derive, generator
from neuroevo.task import (
    Chooses,
    HasBody,
    HasImages,
    HasNativeMaps,
    Normalises,
    Playable,
    Recordable,
    Task,
    TaskRequest,
    fault_of,
    floor_of,
    make,
)
from neuroevo.wiring.architecture import Architecture
from neuroevo.workers.runner import evaluate
from tests import ROOT
from tests.toy import Echo

CONTRACTS = (Task, HasBody, Recordable, HasImages, HasNativeMaps, Chooses, Normalises, Playable)
LIBRARIES = {
    **{"np": np, "torch": torch, "mujoco": mujoco, "Film": Film, "Task": Task},
    **{"generator": generator, "require_range": require_range},
    **{"Statistics": Statistics, "Normaliser": Normaliser},
}


@pytest.fixture(scope="module")
def examples() -> dict[str, Any]:
    """Everything that the examples of the contract define, by name."""
    names: dict[str, Any] = dict(LIBRARIES)
    for kind in CONTRACTS:
        _, _, code = (kind.__doc__ or "").partition("Example:\n")
        exec(textwrap.dedent(code), names)
    return names


def network(task: Task, num_genomes: int = 2) -> Phenotype:
    blueprint = Blueprint(Architecture.of(small()), task.num_sensors, task.num_actuators)
    phenotype = Phenotype([blueprint], [num_genomes])
    phenotype.load([blueprint.draw(num_genomes, generator(0, "test"))])
    return phenotype


@pytest.mark.parametrize(
    "name", ["Copy", "Pendulum", "Filmed", "Dots", "Wired", "Hardest", "Loud", "Echoing"]
)
def test_examples_keep_the_rules(examples: dict[str, Any], name: str) -> None:
    check_task(examples[name])


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Copy", set()),
        ("Pendulum", {HasBody}),
        ("Filmed", {HasBody, Recordable}),
        ("Dots", {HasImages}),
        ("Wired", {HasNativeMaps}),
        ("Hardest", {Chooses}),
        ("Loud", {Normalises}),
        ("Echoing", {Playable}),
    ],
)
def test_examples_have_what_they_show(examples: dict[str, Any], name: str, wanted: set[type]) -> None:
    assert {kind for kind in CONTRACTS[1:] if isinstance(examples[name](), kind)} == wanted


def test_examples_do_what_they_say(examples: dict[str, Any]) -> None:
    filmed, dots, wired, hardest = (examples[x]() for x in ("Filmed", "Dots", "Wired", "Hardest"))
    recording = filmed.record(network(filmed, 1), seed=1, episode=2)
    assert isinstance(recording, Recording) and len(recording.qpos) == filmed.steps + 1
    assert recording.score == filmed.score(network(filmed, 1), seeds=[1])[0, 2]
    assert dots.predictions(network(dots)).shape == (2, len(dots.labels())) == (2, len(dots.test_images()))
    encoder, decoder = wired.native(Architecture.of(small()))
    assert encoder.shape == decoder.T.shape == (26, 1)
    seeds = [derive(0, "episodes", k) for k in range(2)]
    chosen = hardest.choose(network(hardest), seeds=seeds)
    fitness = evaluate(hardest, network(hardest), seeds, chosen)
    worst = evaluate(hardest, network(hardest), seeds).amin(1)
    torch.testing.assert_close(fitness, worst[:, None].expand_as(fitness))


def test_task_with_no_more_than_required_has_the_defaults() -> None:
    class Bare(Task):
        unit = "m"
        num_sensors = num_actuators = 1

        def evaluate(self, phenotype: Phenotype, *, seeds: object) -> torch.Tensor:
            return torch.zeros(1, 1)

        score = evaluate

    bare = Bare()
    bare.prepare()
    assert bare.data_hashes() == {} == bare.search and bare.fitness_unit == "m"
    assert (bare.shows, bare.bare_option, bare.on_device, bare.image_shape) == ({}, "", False, None)
    assert bare.network_steps is bare.steps is bare.episodes is None
    assert fault_of(bare).startswith("has no defaults['generations'], defaults['population']; wanted unit, ")


def test_unit_of_fitness_may_be_set_on_class_and_instance() -> None:
    class Other(Echo):
        fitness_unit = "nats"

    class Given(Echo):
        def __init__(self) -> None:
            self.fitness_unit = "hits"

    assert (Echo().fitness_unit, Other().fitness_unit, Given().fitness_unit) == ("error", "nats", "hits")


class Stranger:
    """Has all members and derives from nothing."""

    unit, num_sensors, num_actuators = "m", 1, 1
    defaults = {"generations": 1, "population": 2}  # noqa: RUF012
    evaluate = score = None


def refusing() -> Echo:
    raise OptionError("Not today.")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Stranger, "Task 'x' is no subclass of neuroevo.task.Task; wanted class Stranger(Task)."),
        (lambda: Stranger(), "Task 'x' is made as Stranger, no neuroevo.task.Task; wanted class Mine(Task)."),
        (lambda: None, "Task 'x' is made as NoneType, no neuroevo.task.Task; wanted class Mine(Task)."),
        (refusing, "Task 'x': Not today."),
    ],
)
def test_what_is_no_task_is_refused_in_one_line(target: Any, message: str) -> None:
    with pytest.raises((TaskError, OptionError)) as caught:
        make("x", target, {})
    assert str(caught.value) == message


def test_function_may_make_a_task() -> None:
    assert make("x", lambda: Echo(steps=2), {}).network_steps == 4


def test_worker_refuses_what_is_no_task() -> None:
    with pytest.raises(TaskError, match=r"^Task 'x' is no subclass of neuroevo.task.Task; wanted class"):
        TaskRequest("x", f"{__name__}:Stranger", {}).make()


def test_contract_needs_no_torch() -> None:
    code = f"import sys, {contract.__name__}; assert not {{'torch', 'mujoco', 'numba'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("floor", [0.1, (0.1,), ("0.1", "chance"), (float("nan"), "chance"), "chance"])
def test_a_floor_that_is_no_score_with_a_phrase_is_refused_in_one_line(floor):
    task = Echo()
    task.floor = floor
    with pytest.raises(TaskError, match=r"^Task 'echo' tells .* as its floor; wanted a finite score [^\n]*$"):
        floor_of("echo", task)


def test_a_floor_that_cannot_be_told_is_refused_in_one_line():
    class Broken(Echo):
        @property
        def floor(self):
            raise ZeroDivisionError("no data")

    with pytest.raises(TaskError, match=r"^Task 'echo' cannot tell its floor: .*no data[^\n]*$"):
        floor_of("echo", Broken())


def test_tasks_tell_the_floor_that_they_have():
    assert floor_of("echo", Echo()) is None
    task = Echo()
    task.floor = 0, "chance"
    assert floor_of("echo", task) == (0.0, "chance")
