"""The swimmer's own maps: muscles move its joints, and stretch receptors feel them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import run
from neuroevo.connectome.catalog import load
from neuroevo.errors import OptionError, TaskError
from neuroevo.run_folder import RunFolder
from neuroevo.wiring.architecture import Architecture
from tasks import worm_nerves
from tasks.swimmer import Swimmer, observe
from tasks.swimmer_nerves import share_of_joints

MOTOR = Architecture.of(load("celegans-motor"))


@pytest.mark.parametrize("links", [3, 6, 12])
def test_each_joint_has_a_share_of_the_segments_from_head_to_tail(links: int) -> None:
    shares = share_of_joints(links - 1)
    assert shares.sum() == 24 and (shares.sum(1) == 1).all()
    assert shares.sum(0).max() - shares.sum(0).min() <= 1
    assert (np.diff(shares.argmax(1)) >= 0).all()


def test_a_joint_is_moved_by_dorsal_minus_ventral_muscles_of_its_share() -> None:
    _, decoder = Swimmer().native(MOTOR)
    assert decoder.shape == (5, MOTOR.num_cells)
    for cell, name in enumerate(MOTOR.cells):
        if not MOTOR.is_muscle[cell]:
            assert not decoder[:, cell].any()
            continue
        joint = (int(name[3:]) - 1) * 5 // 24
        assert (np.sign(decoder[:, cell]) == np.eye(5)[joint] * (1 if name[1] == "D" else -1)).all()
    everyone_dorsal = np.array([name[1] == "D" for name in MOTOR.cells]) * MOTOR.is_muscle
    np.testing.assert_allclose(decoder @ everyone_dorsal, 1.0, atol=0.11)  # some segments lack a muscle


@pytest.mark.parametrize("rate", [0.0, 1.0, 2.5])
def test_cells_feel_angles_and_speeds_of_the_joints_in_their_field(rate: float) -> None:
    task = Swimmer(rate=rate)
    encoder, _ = task.native(MOTOR)
    qpos, qvel = np.zeros((2, 1, 8))
    qpos[0, 3:], qvel[0, 3:] = [0.1, -0.2, 0.3, 0.05, -0.4], [1.0, 2.0, -3.0, 0.5, 4.0]
    sensed = np.zeros((1, task.num_sensors), np.float32)
    observe(qpos, qvel, out=sensed)
    felt = encoder @ sensed[0]
    owner = np.arange(24) * 5 // 24
    worm = worm_nerves.stretch_receptors(MOTOR.cells, "posterior")
    wanted = worm @ (qpos[0, 3:] + rate * qvel[0, 3:] / 5)[owner]
    np.testing.assert_allclose(felt, wanted, atol=1e-6)
    assert (np.flatnonzero(felt) == np.flatnonzero(worm.any(1))).all()


def test_the_exact_circuit_swims_untrained_and_its_null_does_not(tmp_path: Path) -> None:
    words = "--genome connectome degree --task swimmer:steps=200,held-out=4 --adapter none --generations 0"
    more = "--seeds 2 --graphs 3 --workers 0 --tuning off --quiet --out"
    folder = tmp_path / "run"
    assert run.main([*words.split(), *more.split(), str(folder)]) == 0
    scores: dict[str, list[float]] = {"connectome": [], "degree": []}
    for row in RunFolder.open(folder).results():
        scores[row["genome"]].append(row["score"] or 0.0)
    assert min(scores["connectome"]) > 0.05 > max(scores["degree"])


def test_circuits_without_muscles_are_refused() -> None:
    worm = load("celegans")
    neurons = Architecture.of(worm.circuit("neurons", np.flatnonzero(~worm.is_muscle)))
    with pytest.raises(TaskError, match="no dorsal body-wall muscles"):
        Swimmer().native(neurons)
    with pytest.raises(OptionError, match="rate"):
        Swimmer(rate=-1)


@pytest.mark.parametrize("task", ["swimmer", "worm"])
@pytest.mark.parametrize(
    ("genome", "line"),
    [
        (
            "connectome",
            "error: connectome, graph 0, on {}: The wiring has no dorsal body-wall muscles, M",
        ),
        (
            "degree:neuromuscular=keep",
            "error: Option 'neuromuscular' is 'keep', but 'planted' has no ",
        ),
        (
            "random:neuromuscular=drop",
            "error: Option 'neuromuscular' is 'drop', but 'planted' has no ",
        ),
    ],
)
def test_a_circuit_without_muscles_is_refused_in_one_line_and_nothing_is_written(
    task: str, genome: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = f"--genome {genome} --task {task} --adapter none --connectome planted --workers 0 --quiet"
    assert run.main([*request.split(), "--out", str(tmp_path / "run")]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(line.format(task)) and printed.count("\n") == 1
    assert "wanted a circuit with muscles" in printed or "choose a connectome that has some" in printed
    assert not (tmp_path / "run").exists()
