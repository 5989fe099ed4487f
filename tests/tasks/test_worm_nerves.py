"""The worm's own maps, by the names of cells: its muscles and its stretch receptors."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import run
from neuroevo.connectome.catalog import load
from neuroevo.errors import TaskError
from neuroevo.experiment.plan import Plan
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.gains import set_gains
from neuroevo.network.phenotype import Phenotype
from neuroevo.run_folder import RunFolder
from neuroevo.seeds import derive
from neuroevo.wiring.architecture import Architecture
from tasks import worm_body, worm_nerves
from tasks.worm import Worm, crawl
from tasks.worm_nerves import FIELD, Stretch
from tests import small
from tests.crawling import phenotype, still

WHOLE = Architecture.of(load("celegans-motor"))
UNITS = Architecture.of(load("celegans-perimotor"))


def natively(genome: str, task: str = "worm", circuit: str = "celegans-motor") -> tuple[Plan, Blueprint]:
    """The plan of a genome with the body's own maps, and its network in its working range."""
    plan = small.plan(genome=(genome,), task=(task,), adapter="none", connectome=circuit)
    (label,) = plan.tasks
    return plan, set_gains(plan.blueprints[label], plan.tasks[label], derive(0, "gains"))[0]


def untrained(genome: str) -> float:
    """The score of a wiring before evolution, in mm/s."""
    plan, blueprint = natively(genome, "worm:held_out=4")
    network = Phenotype([blueprint], [1])
    network.load([blueprint.draw(1, np.random.default_rng(0))])
    (task,) = plan.tasks.values()
    return float(task.score(network, seeds=[0]).mean())


def test_every_muscle_bends_its_own_segment() -> None:
    decoder = worm_nerves.muscles(WHOLE.cells)
    assert decoder.shape == (24, WHOLE.num_cells)
    for cell, name in enumerate(WHOLE.cells):
        wanted = np.zeros(24)
        if match := re.fullmatch(r"M([DV])([LR])(\d+)", name):
            wanted[int(match[3]) - 1] = 0.5 if match[1] == "D" else -0.5
        assert np.array_equal(decoder[:, cell], wanted), name
    assert (decoder != 0).sum(1).tolist() == [4] * 23 + [3]  # there is no MVL24


def test_perimotor_muscles_are_those_behind_the_head() -> None:
    decoder = worm_nerves.muscles(UNITS.cells)
    assert not decoder[:6].any()
    for segment in range(1, 19):
        (bent,) = decoder[:, UNITS.cells.index(f"MDR{segment:02d}")].nonzero()[0]
        assert bent + 1 == segment + 6


@pytest.mark.parametrize("stretch", ["posterior", "anterior"])
@pytest.mark.parametrize("circuit", [WHOLE, UNITS], ids=["whole", "units"])
def test_b_type_cells_feel_their_fields(circuit: Architecture, stretch: Stretch) -> None:
    encoder = worm_nerves.stretch_receptors(circuit.cells, stretch)
    cells = [i for i, name in enumerate(circuit.cells) if re.fullmatch(r"[DV]B\d+", name)]
    assert encoder.any(1).nonzero()[0].tolist() == cells
    for letter in "DV":
        side = sorted((int(circuit.cells[i][2:]), i) for i in cells if circuit.cells[i][0] == letter)
        excited = (1 if letter == "D" else -1) * (1 if stretch == "anterior" else -1)
        last = 0.0
        for rank, (_, cell) in enumerate(side):
            place = worm_nerves.place(rank, len(side))
            felt = encoder[cell].nonzero()[0] + 1
            assert np.array_equal(felt, np.arange(felt[0], felt[-1] + 1))
            ahead = felt <= place if stretch == "anterior" else felt >= place
            assert ahead.all() and np.abs(felt - place).max() < FIELD[stretch] and place > last
            assert len(felt) == min(
                FIELD[stretch], 24 - int(np.ceil(place)) + 1 if stretch == "posterior" else 24
            )
            np.testing.assert_allclose(encoder[cell, felt - 1], excited / len(felt), rtol=1e-6)
            last = place


@pytest.mark.parametrize("circuit", ["celegans", "celegans-motor", "celegans-perimotor"])
def test_b_type_cells_stand_near_what_they_drive(circuit: str) -> None:
    connectome = load(circuit)
    segment = np.arange(1, 25) @ (worm_nerves.muscles(connectome.cells) != 0)  # of each cell; 0: no muscle
    edges = connectome.neuromuscular
    for letter in "DV":
        numbers = sorted(int(n[2:]) for n in connectome.cells if re.fullmatch(rf"{letter}B\d+", n))
        for rank, number in enumerate(numbers):
            driven = edges.pre == connectome.cells.index(f"{letter}B{number}")
            middle = np.average(segment[edges.post[driven]], weights=edges.weight[driven])
            assert abs(middle - worm_nerves.place(rank, len(numbers))) < 2


@pytest.mark.parametrize("name", ["DB", "VB", "MD", "MV"])
def test_circuit_without_a_class_that_the_body_needs_is_one_line(name: str) -> None:
    stays = np.array([not cell.startswith(name) for cell in UNITS.cells])
    with pytest.raises(TaskError) as error:
        Worm().native(UNITS.keep(stays))
    line = str(error.value)
    side = "dorsal" if "D" in name else "ventral"
    what = (
        f"{side} motor neurons of type B, {name}1"
        if name.endswith("B")
        else f"{side} body-wall muscles, {name}L01"
    )
    assert (
        line.startswith(f"The wiring has no {what}")
        and "; wanted a circuit with" in line
        and "\n" not in line
    )


def test_muscle_beyond_the_body_is_one_line() -> None:
    with pytest.raises(TaskError, match=r"^The muscle 'MDL25' is in none of the worm's 24 segments; wanted"):
        worm_nerves.muscles([*WHOLE.cells, "MDL25"])


def test_prior_without_the_worms_cells_is_one_line() -> None:
    with pytest.raises(
        TaskError, match=r"^mlp, graph 0, on worm: The wiring has no dorsal body-wall muscles"
    ):
        small.plan(genome=("mlp",), task=("worm",), adapter="none")


def test_only_b_type_cells_take_input_and_only_muscles_give_output() -> None:
    _, blueprint = natively("connectome")
    a = blueprint.architecture
    assert {a.cells[i][:2] for i in a.inputs} == {"DB", "VB"} and len(a.inputs) == 18
    assert a.is_muscle[a.outputs].all() and len(a.outputs) == 95
    assert blueprint.layout.adapters == 0 and blueprint.layout.core > 1000


def swapped(name: str) -> str:
    """The name of a muscle or B-type cell on the other side; any other stays."""
    return re.sub(r"^(M?)([DV])(?=[LR]\d|B\d)", lambda m: m[1] + ("V" if m[2] == "D" else "D"), name)


def test_circuit_of_a_mirrored_body_moves_it_as_the_mirror_image() -> None:
    """Dorsal and ventral names exchanged, and every bend turned round."""
    _, blueprint = natively("connectome", circuit="celegans-perimotor")
    a = blueprint.architecture
    other = replace(a, cells=tuple(swapped(name) for name in a.cells))
    encoder, decoder = Worm().native(other)
    turned = replace(
        blueprint,
        architecture=other,
        native=(encoder[other.inputs].T.copy(), decoder[:, other.outputs].T.copy()),
    )
    assert not np.array_equal(turned.native[0], blueprint.native[0])  # type: ignore[index]
    parameters = torch.randn(1, a.core_layout.length, generator=torch.Generator().manual_seed(0)) * 0.05
    (starts,), velocities = Worm().starts(1, "training", 3), []
    for built, sign in ((blueprint, 1), (turned, -1)):
        worlds = still(worm_body.bent(sign * worm_body.bends(starts)))
        velocities.append(crawl(phenotype([built], [parameters]), worlds, 30))
    np.testing.assert_allclose(velocities[0], velocities[1], atol=1e-5)
    assert np.abs(velocities[0]).min() > 1e-3


def test_measured_circuit_crawls_before_it_has_learned() -> None:
    """Nothing but its wiring and the body: a null with the same degrees stays where it is."""
    assert untrained("connectome") > 0.25 > 0.05 > abs(untrained("degree"))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_worm_learns_without_adapters_in_few_evaluations(seed: int, tmp_path: Path) -> None:
    words = "--genome connectome --task worm:steps=80,held_out=4 --adapter none --tuning off --quiet"
    budget = f"--workers 0 --generations 8 --population 16 --seeds 1 --seed {seed} --out {tmp_path / 'run'}"
    assert run.main(f"{words} {budget}".split()) == 0
    (row,) = RunFolder.open(tmp_path / "run").results()
    assert row["score"] is not None and row["untrained_score"] is not None
    assert row["score"] > row["untrained_score"] > 0.1
