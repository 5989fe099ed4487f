"""MuJoCo Warp against the C engine, on Warp's `cpu` device: the kernels of the GPU path, without a GPU.

Warp computes in float32. What the two agree to is measured here, body by body, twice: over a control step
from a shared state, a hundred of them; and, of bodies that touch nothing, after a hundred steps on their own.
What touches the ground parts for good at the first contact that one engine finds a step before the other.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
import torch

from neuroevo.physics import engine
from neuroevo.physics.engine import Engine
from neuroevo.physics.warp import WarpWorlds, bytes_per_world
from neuroevo.physics.worlds import Worlds
from neuroevo.plugins import tasks
from tasks import locomotion, swimmer, worm_body
from tasks.swimmer import Swimmer
from tasks.worm import Worm
from tests.physics.test_worlds import HARD_PUSH, SLIDER, controls, starts
from tests.small import run

pytest.importorskip("mujoco_warp", reason="needs the extra gpu")

pytestmark = pytest.mark.warp

STEPS, NUM_WORLDS = 100, 3
OF_GYMNASIUM = {"swimmer.xml": 4, "half_cheetah.xml": 5, "hopper.xml": 4, "walker2d_v5.xml": 4}  # frame skips
WORM = worm_body.model(0.4, 40.0)
# Greatest difference of a position (m or rad; the worm's in mm or rad) or a velocity, by what was measured,
# times three or more: over 100 control steps on their own, and in one control step.
ALONE = {"swimmer-3": 3e-5, "swimmer-6": 5e-4, "swimmer-12": 1e-2, "swimmer.xml": 2e-4}
IN_A_STEP = {
    **{"swimmer-3": 2e-5, "swimmer-6": 3e-4, "swimmer-12": 4e-3, "swimmer.xml": 3e-5},
    **{"half_cheetah.xml": 3e-3, "hopper.xml": 2e-5, "walker2d_v5.xml": 3e-4},
}


def body(name: str) -> tuple[mujoco.MjModel, int]:
    """A body and the physics steps of its control step."""
    if name in OF_GYMNASIUM:
        return locomotion.model(name), OF_GYMNASIUM[name]
    return swimmer.model(int(name.removeprefix("swimmer-"))), 1


def state(worlds: Engine) -> np.ndarray:
    """Positions and velocities, float64 [W, nq + nv]."""
    return np.concatenate([np.asarray(worlds.qpos), np.asarray(worlds.qvel)], axis=1, dtype=np.float64)


def pair(model: mujoco.MjModel, **options: Any) -> Iterator[Any]:
    """The two engines at the same starts."""
    begin = starts(model, NUM_WORLDS)
    for kind in (Worlds, WarpWorlds):
        worlds: Any = kind(model, NUM_WORLDS, **options)
        worlds.reset(*begin)
        yield worlds


def follow(one: Any, other: Any) -> None:
    """Puts the worlds of an engine where those of another are."""
    other.qpos[:], other.qvel[:] = torch.from_numpy(one.qpos), torch.from_numpy(one.qvel)


@pytest.mark.parametrize("name", list(ALONE))
def test_bodies_that_touch_nothing_stay_together(name: str) -> None:
    model, substeps = body(name)
    here, there = pair(model)
    for control in controls(model, NUM_WORLDS, STEPS):
        here.step(control, substeps)
        there.step(control, substeps)
    assert np.abs(state(there) - state(here)).max() < ALONE[name]
    assert np.abs(state(here) - np.concatenate(starts(model, NUM_WORLDS), axis=1)).max() > 0.5  # they moved
    np.testing.assert_allclose(there.time, here.time, rtol=1e-5)
    assert not here.failed.any() and not there.failed.any()


@pytest.mark.parametrize("name", list(IN_A_STEP))
def test_engines_agree_in_a_step_from_a_shared_state(name: str) -> None:
    """Contacts included."""
    model, substeps = body(name)
    here, there = pair(model)
    for control in controls(model, NUM_WORLDS, STEPS):
        follow(here, there)
        here.step(control, substeps)
        there.step(control, substeps)
        assert np.abs(state(there) - state(here)).max() < IN_A_STEP[name]


def test_ant_agrees_where_friction_has_no_direction() -> None:
    """A contact's friction is a pyramid, whose edges MuJoCo lays along a capsule.

    MuJoCo Warp does so too, but not of a capsule that stands steeper than 60 degrees, as an ant's shins do:
    there it takes a fixed direction, and the ant moves otherwise. With a cone in place of the pyramid, which
    has no edges, the two agree, and so do the forces from outside.
    """
    model = copy.copy(locomotion.model("ant.xml"))
    model.opt.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    here, there = pair(model, forces=True)
    forces = 0.0
    for control in controls(model, NUM_WORLDS, STEPS):
        follow(here, there)
        here.step(control, 1)
        there.step(control, 1)
        assert np.abs(state(there) - state(here)).max() < 3e-4
        assert np.abs(there.xpos.numpy() - here.xpos).max() < 2e-6
        assert np.abs(there.cfrc_ext.numpy() - here.cfrc_ext).max() < 0.05  # N and N m
        forces = max(forces, np.abs(here.cfrc_ext).max())
    assert forces > 10  # they touched the ground


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
@pytest.mark.parametrize("name", list(IN_A_STEP))
def test_engine_on_a_gpu_agrees_in_a_step_from_a_shared_state(name: str) -> None:
    """As above, and the steps are launched as a CUDA graph."""
    model, substeps = body(name)
    here, there = pair(model)
    there = WarpWorlds(model, NUM_WORLDS, device="cuda:0")
    for control in controls(model, NUM_WORLDS, STEPS):
        there.reset(here.qpos, here.qvel)
        here.step(control, substeps)
        there.step(control, substeps)
        moved = torch.cat([there.qpos, there.qvel], 1).cpu().numpy()
        assert np.abs(moved - state(here)).max() < IN_A_STEP[name]
    assert list(there._graphs) == [substeps]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
@pytest.mark.parametrize("task", ["swimmer:links=3,steps=20,held_out=2", "digits:steps=4,episodes=64"])
def test_run_on_a_gpu_gives_what_one_on_a_cpu_gives(task: str, tmp_path: Path) -> None:
    request = {"task": (task,), "generations": 2, "population": 8}
    on_cpu, on_gpu = (run(tmp_path / device, device=device, **request) for device in ("cpu", "cuda"))
    for one, other in zip(on_gpu.metrics(), on_cpu.metrics(), strict=True):
        assert one["fitness_best"] == pytest.approx(other["fitness_best"], abs=1e-2)


def test_worms_stay_together() -> None:
    """The worm weighs next to nothing; forces balance in float32 too."""
    begin = worm_body.bent(np.random.default_rng(0).uniform(-0.2, 0.2, (NUM_WORLDS, worm_body.JOINTS)))
    here, there = Worlds(WORM, NUM_WORLDS), WarpWorlds(WORM, NUM_WORLDS)
    for worlds in (here, there):
        worlds.reset(begin)
    phases = 0.4 * np.arange(worm_body.JOINTS)
    for step in range(STEPS):
        control = np.zeros((NUM_WORLDS, worm_body.NUM_CONTROLS))
        control[:, : worm_body.JOINTS] = np.sin(0.3 * step - phases)
        worm_body.advance(here, control)
        worm_body.advance(there, torch.from_numpy(control))
    assert np.abs(there.qpos.numpy() - here.qpos).max() < 1e-5  # mm and rad
    assert np.abs(here.qpos - begin)[:, :2].max() > 1.0


def test_captured_steps_are_the_same_to_the_bit() -> None:
    model = swimmer.model(3)
    ends = []
    for is_captured in (False, True):
        worlds = WarpWorlds(model, NUM_WORLDS, is_captured=is_captured)
        worlds.reset(*starts(model, NUM_WORLDS))
        for control in controls(model, NUM_WORLDS, 10):
            worlds.step(control, 2)
        ends.append(state(worlds))
    assert np.array_equal(*ends)


def test_states_are_shared_and_not_copied() -> None:
    worlds = WarpWorlds(swimmer.model(3), 2)
    for mine, warps in (("qpos", "qpos"), ("qvel", "qvel"), ("time", "time")):
        assert getattr(worlds, mine).data_ptr() == getattr(worlds._data, warps).ptr
    worlds.qpos[1, 0] = 5.0
    worlds.step(np.zeros((2, 2)), 1)
    assert worlds.qpos[1, 0] == pytest.approx(5.0, abs=1e-3) and worlds.qpos[0, 0] < 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e11])
def test_worlds_fail_where_the_other_engines_do(bad: float) -> None:
    model = swimmer.model(3)
    here, there = pair(model)
    control = np.zeros((NUM_WORLDS, 2))
    control[1, 0] = bad
    for worlds in (here, there):
        worlds.step(control, 2)
        worlds.step(np.ones((NUM_WORLDS, 2)), 1)
    assert there.failed.tolist() == here.failed.tolist() == [False, True, False]
    np.testing.assert_array_equal(state(there)[1], state(here)[1])  # at rest, from then on
    assert there.time.tolist()[1] == here.time[1] == 0.0
    begin, speed = starts(model, NUM_WORLDS)
    begin[0, 0] = bad
    for worlds in (here, there):
        worlds.reset(begin, speed)
    assert there.failed.tolist() == here.failed.tolist() == [True, False, False]
    assert np.isfinite(state(there)).all()


def test_push_that_mujoco_warns_of_is_a_failure() -> None:
    model = mujoco.MjModel.from_xml_string(SLIDER)
    here, there = Worlds(model, 2), WarpWorlds(model, 2)
    for worlds in (here, there):
        worlds.step(np.array([[HARD_PUSH], [1.0]]), 2)
    assert there.failed.tolist() == here.failed.tolist() == [True, False]
    np.testing.assert_allclose(state(there), state(here), rtol=1e-5)


def test_worlds_that_do_not_move_take_no_time() -> None:
    model = locomotion.model("ant.xml")
    here, there = pair(model, forces=True)
    moving = np.array([True, False, True])
    before = state(there)[1]
    for control in controls(model, NUM_WORLDS, 3):
        control[1] = np.nan  # whatever their control
        for worlds in (here, there):
            worlds.step(control, 2, moving)
    assert np.array_equal(state(there)[1], before) and there.time[1] == 0.0 and there.time[0] > 0
    assert not there.failed.any()
    np.testing.assert_allclose(there.xpos, here.xpos, atol=1e-5)
    assert not there.cfrc_ext[1].any()


def test_room_for_contacts_that_does_not_suffice_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from neuroevo.physics import warp

    monkeypatch.setattr(warp, "room", lambda _: {"nconmax": 33, "njmax": 6})
    worlds = WarpWorlds(locomotion.model("half_cheetah.xml"), 2)
    for _ in range(20):
        worlds.step(np.zeros((2, 6)), 5)
    assert worlds.failed.all()


def test_bytes_of_a_world_are_those_of_its_arrays() -> None:
    small, large = (bytes_per_world(swimmer.model(links)) for links in (3, 12))
    assert 1_000 < small < large < bytes_per_world(locomotion.model("ant.xml"))


class Sine:
    """In place of a network: the same sine, whatever it senses."""

    def __init__(self, num_genomes: int, num_actuators: int) -> None:
        self.num_genomes = num_genomes
        self._sizes = (num_genomes, -1, num_actuators)
        self._time = 0

    def reset(self, num_episodes: int) -> None:
        self._time = 0
        self._episodes = num_episodes

    def step(self, observations: torch.Tensor) -> torch.Tensor:
        self._time += 1
        genomes, _, joints = self._sizes
        phase = 0.2 * self._time - torch.arange(joints) + 0.5 * torch.arange(genomes)[:, None]
        felt = 0.05 * observations.mean(2, keepdim=True).clamp(-1, 1)
        return torch.sin(phase)[:, None] * 0.1 + felt


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("swimmer", {"links": 4, "steps": 30}, 1e-5),
        ("worm", {"steps": 20}, 1e-4),
        ("worm", {"steps": 20, "along": "start"}, 1e-4),
        ("swimmer-v5", {"steps": 20}, 1e-3),
        ("halfcheetah-v5", {"steps": 8}, 1e-2),
        ("hopper-v5", {"steps": 100}, 1e-2),
        ("walker2d-v5", {"steps": 20}, 1e-2),
        ("ant-v5", {"steps": 5}, 1e-2),
    ],
)
def test_tasks_score_the_same_on_either_engine(
    name: str, options: dict[str, Any], tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same text for both: numpy's arrays, and torch's. The ant's friction is a cone, see above."""
    task: Any = tasks.get(name).target(**options, episodes=2)
    if name == "ant-v5":
        cone = copy.copy(task.body())
        cone.opt.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        monkeypatch.setattr(task, "body", lambda: cone)
    driver: Any = Sine(2, task.num_actuators)
    wanted = task.evaluate(driver, seeds=[3, 4])
    forces = {"forces": True} if getattr(task, "forces", False) else {}
    task._worlds = WarpWorlds(task.body(), 4, **forces)
    fitness = task.evaluate(driver, seeds=[3, 4])
    assert isinstance(task._worlds, WarpWorlds)
    np.testing.assert_allclose(fitness, wanted, atol=tolerance)
    assert len(set(wanted.ravel().tolist())) == 4


def test_run_whose_bodies_are_on_warp_gives_what_one_in_c_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gains, search and scores, all on the engine of a GPU."""
    request = {"task": ("swimmer:links=3,steps=20,held_out=2",), "generations": 2, "population": 8}
    plain = run(tmp_path / "c", **request)
    monkeypatch.setattr(engine, "Worlds", lambda model, number, forces: WarpWorlds(model, number))
    on_warp = run(tmp_path / "warp", **request)
    for one, other in zip(on_warp.metrics(), plain.metrics(), strict=True):
        assert one["fitness_best"] == pytest.approx(other["fitness_best"], abs=1e-4)
    for one, other in zip(on_warp.results(), plain.results(), strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=1e-3)
        assert one["score"] != other["score"]  # in float32


def test_fitness_of_a_failed_world_is_nan_on_either_engine() -> None:
    for task in (Swimmer(links=3, steps=3), Worm(steps=3)):
        worlds = WarpWorlds(task.body(), 1)
        task._worlds = worlds
        driver: Any = Sine(1, task.num_actuators)
        driver.step = lambda observations, n=task.num_actuators: torch.full((1, 1, n), torch.nan)
        assert task.evaluate(driver, seeds=[0]).isnan().all() and task._worlds is worlds
