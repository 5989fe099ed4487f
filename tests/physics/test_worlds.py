"""Batched worlds against plain loops over MuJoCo's own step, and what happens to worlds that diverge."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path

import mujoco
import numpy as np
import pytest

from neuroevo.physics.model import read_model
from neuroevo.physics.worlds import Worlds
from tasks import swimmer

SUBSTEPS = {"own swimmer": 1, "swimmer": 4, "half_cheetah": 5}  # a control step; Gymnasium's own frame skips
BODIES = list(SUBSTEPS)
TOUCHING = ["half_cheetah", "ant"]  # the floor

# A push that MuJoCo warns of, an acceleration beyond 1e10, though the speed it leaves, 1e8, is within bounds.
SLIDER = """<mujoco>
  <option timestep="0.001" gravity="0 0 0"/>
  <worldbody><body><joint name="slide" type="slide"/><geom size="0.1" mass="1"/></body></worldbody>
  <actuator><motor joint="slide" gear="100"/></actuator>
</mujoco>"""
HARD_PUSH = 1e9


def body(name: str) -> mujoco.MjModel:
    """The task's swimmer, or a body of Gymnasium's Swimmer-v5 or HalfCheetah-v5.

    The XML is Gymnasium's. `step_plainly` does what its environments do: set the controls, then `mj_step` as
    often as the frame skip says.
    """
    if name == "own swimmer":
        return swimmer.model()
    package = importlib.util.find_spec("gymnasium")
    assert package is not None and package.origin is not None
    assets = Path(package.origin).parent / "envs" / "mujoco" / "assets"
    return read_model(assets / f"{name}.xml")


def starts(model: mujoco.MjModel, num_worlds: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions [W, nq] and velocities [W, nv] near the rest, different in every world."""
    rng = np.random.default_rng(1)
    at = model.qpos0 + rng.uniform(-0.1, 0.1, (num_worlds, model.nq))
    return at, rng.normal(0, 0.1, (num_worlds, model.nv))


def controls(model: mujoco.MjModel, num_worlds: int, num_steps: int) -> np.ndarray:
    """Controls [T, W, nu], some beyond the limits of the actuators."""
    return np.random.default_rng(2).uniform(-1.2, 1.2, (num_steps, num_worlds, model.nu))


def step_plainly(
    model: mujoco.MjModel, at: np.ndarray, speed: np.ndarray, control: np.ndarray, substeps: int
) -> tuple[np.ndarray, int]:
    """Moves one body; returns (time, qpos, qvel) after each control step and how often something touched.

    Args:
        model: The body; not modified.
        at: Positions at the start [nq].
        speed: Velocities at the start [nv].
        control: [T, nu].
        substeps: Physics steps a control step.
    """
    model = copy.copy(model)
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_WARMSTART
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = at, speed
    mujoco.mj_forward(model, data)
    states, contacts = [], 0
    for u in control:
        data.ctrl[:] = u
        for _ in range(substeps):
            mujoco.mj_step(model, data)
            contacts += data.ncon
        states.append(np.concatenate([[data.time], data.qpos, data.qvel]))
    return np.array(states), contacts


def now(worlds: Worlds) -> np.ndarray:
    """Clock, positions and velocities, [W, 1 + nq + nv], copied."""
    return np.concatenate([worlds.time[:, None], worlds.qpos, worlds.qvel], axis=1)


def roll(worlds: Worlds, control: np.ndarray, substeps: int) -> np.ndarray:
    """Steps through controls [T, W, nu]; returns all states [T, W, 1 + nq + nv]."""
    states = []
    for u in control:
        worlds.step(u, substeps)
        states.append(now(worlds))
    return np.array(states)


@pytest.mark.parametrize("name", BODIES)
def test_worlds_agree_to_the_bit_with_a_plain_loop(name: str) -> None:
    """Gymnasium's bodies included, the half cheetah with its contacts."""
    model, substeps = body(name), SUBSTEPS[name]
    at, speed = starts(model, 4)
    control = controls(model, 4, 120)
    worlds = Worlds(model, 4)
    worlds.reset(at, speed)
    states = roll(worlds, control, substeps)
    for world in range(4):
        wanted, contacts = step_plainly(model, at[world], speed[world], control[:, world], substeps)
        assert (contacts > 0) == (name == "half_cheetah")
        assert np.array_equal(states[:, world], wanted)
    assert not worlds.failed.any()
    assert np.ptp(states[-1], axis=0)[1:].min() > 0  # no two worlds alike


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("num_threads", [2, 3])
def test_number_of_threads_does_not_matter(name: str, num_threads: int) -> None:
    model = body(name)
    control = controls(model, 7, 30)
    states = []
    for threads in (1, num_threads):
        worlds = Worlds(model, 7, num_threads=threads)
        worlds.reset(*starts(model, 7))
        states.append(roll(worlds, control, 3))
    assert np.array_equal(states[0], states[1])


@pytest.mark.parametrize("name", BODIES)
def test_how_steps_are_cut_into_calls_does_not_matter(name: str) -> None:
    model = body(name)
    control = controls(model, 3, 40)
    states = []
    for cuts in ([6], [1] * 6, [4, 2]):
        worlds = Worlds(model, 3)
        worlds.reset(*starts(model, 3))
        for u in control:
            for substeps in cuts:
                worlds.step(u, substeps)
        states.append(now(worlds))
    assert np.array_equal(states[0], states[1])
    assert np.array_equal(states[0], states[2])


def test_model_is_not_modified() -> None:
    model = body("half_cheetah")
    before = np.zeros(mujoco.mj_sizeModel(model), np.uint8)
    after = np.zeros_like(before)
    mujoco.mj_saveModel(model, None, before)
    worlds = Worlds(model, 2)
    worlds.reset(*starts(model, 2))
    roll(worlds, controls(model, 2, 5), 2)
    mujoco.mj_saveModel(model, None, after)
    assert np.array_equal(before, after)


def test_reset_without_a_state_is_the_rest() -> None:
    model = body("half_cheetah")
    worlds = Worlds(model, 2)
    worlds.reset(*starts(model, 2))
    roll(worlds, controls(model, 2, 5), 2)
    worlds.reset()
    assert np.array_equal(worlds.qpos, np.tile(model.qpos0, (2, 1)))
    assert not worlds.qvel.any()
    assert not worlds.time.any()


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e11])
def test_bad_control_fails_its_world_alone(name: str, num_threads: int, bad: float) -> None:
    model = body(name)
    control = controls(model, 3, 12)
    worlds = Worlds(model, 3, num_threads=num_threads)
    worlds.reset(*starts(model, 3))
    healthy = roll(worlds, control, 2)
    control[4, 1, -1] = bad
    worlds.reset(*starts(model, 3))
    states = roll(worlds, control, 2)
    assert worlds.failed.tolist() == [False, True, False]
    assert np.array_equal(states[:, [0, 2]], healthy[:, [0, 2]])
    assert np.array_equal(states[:4, 1], healthy[:4, 1])
    rest = np.concatenate([[0.0], model.qpos0, np.zeros(model.nv)])
    assert (states[4:, 1] == rest).all()


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("huge", [1e7, 1e9])
@pytest.mark.parametrize("substeps", [1, 4])
def test_divergence_fails_its_world_alone(name: str, num_threads: int, huge: float, substeps: int) -> None:
    model = body(name)
    control = controls(model, 3, 20)
    at, speed = starts(model, 3)
    worlds = Worlds(model, 3, num_threads=num_threads)
    worlds.reset(at, speed)
    healthy = roll(worlds, control, substeps)
    speed[1, 2:] = huge
    worlds.reset(at, speed)
    assert not worlds.failed.any()
    states = roll(worlds, control, substeps)
    assert worlds.failed.tolist() == [False, True, False]
    assert np.array_equal(states[:, [0, 2]], healthy[:, [0, 2]])
    rest = np.concatenate([[0.0], model.qpos0, np.zeros(model.nv)])
    assert (states[-5:, 1] == rest).all()


@pytest.mark.parametrize("num_threads", [1, 2])
def test_state_beyond_the_bound_fails_its_world_at_once(num_threads: int) -> None:
    """Within one step and without a warning, so that no such state is ever read."""
    worlds = Worlds(body("own swimmer"), 3, num_threads=num_threads)
    speed = np.zeros((3, 8))
    speed[1, 3] = 1000.0  # rad / s
    worlds.reset(None, speed)
    worlds.step(np.zeros((3, 5)), 1)
    assert worlds.failed.tolist() == [False, True, False]
    assert not worlds.qvel.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e11])
def test_bad_start_fails_its_world(bad: float) -> None:
    model = body("own swimmer")
    at, speed = starts(model, 3)
    at[2, 0] = speed[0, 1] = bad
    worlds = Worlds(model, 3)
    worlds.reset(at, speed)
    assert worlds.failed.tolist() == [True, False, True]
    assert np.isfinite(now(worlds)).all()


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("cuts", [[2], [1, 1]])
def test_warning_fails_its_world_in_whatever_step_it_comes(num_threads: int, cuts: list[int]) -> None:
    worlds = Worlds(mujoco.MjModel.from_xml_string(SLIDER), 3, num_threads=num_threads)
    worlds.reset()
    for substeps in cuts:
        worlds.step(np.array([[0.0], [HARD_PUSH], [1.0]]), substeps)
    assert worlds.failed.tolist() == [False, True, False]
    assert worlds.qvel[:, 0].tolist() == [0.0, 0.0, pytest.approx(0.2)]
    assert worlds.time.tolist() == [0.002, 0.0, 0.002]


def test_reset_clears_failures_and_leaves_no_trace() -> None:
    model = body("half_cheetah")
    control = controls(model, 3, 10)
    fresh, used = Worlds(model, 3), Worlds(model, 3)
    at, speed = starts(model, 3)
    used.reset(at, np.full_like(speed, 1e9))
    roll(used, control, 2)
    assert used.failed.all()
    for worlds in (fresh, used):
        worlds.reset(at, speed)
    assert not used.failed.any()
    assert np.array_equal(roll(used, control, 2), roll(fresh, control, 2))
    assert not used.failed.any()


def test_divergence_writes_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    model = body("half_cheetah")
    worlds = Worlds(model, 2)
    worlds.reset(None, np.full((2, model.nv), 1e9))
    worlds.step(np.zeros((2, model.nu)), 3)
    assert worlds.failed.all()
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", BODIES)
def test_world_that_does_not_move_stays_as_it_is(name: str) -> None:
    """Whatever its control; the others do not notice."""
    model = body(name)
    control = controls(model, 4, 20)
    worlds = Worlds(model, 4)
    worlds.reset(*starts(model, 4))
    wanted = roll(worlds, control, 3)
    worlds.reset(*starts(model, 4))
    roll(worlds, control[:10], 3)
    control[10:, 1] = np.nan
    moving = np.array([True, False, True, True])
    for t in range(10, 20):
        worlds.step(control[t], 3, moving)
        assert np.array_equal(now(worlds)[moving], wanted[t, moving])
        assert np.array_equal(now(worlds)[1], wanted[9, 1])
    assert not worlds.failed.any()


def test_no_world_need_move() -> None:
    worlds = Worlds(body("own swimmer"), 3)
    worlds.reset(*starts(body("own swimmer"), 3))
    before = now(worlds)
    worlds.step(np.ones((3, 5)), 2, np.zeros(3, bool))
    assert np.array_equal(now(worlds), before)


@pytest.mark.parametrize("name", TOUCHING)
@pytest.mark.parametrize("substeps", [1, 5])
def test_forces_are_those_of_a_plain_loop(name: str, substeps: int) -> None:
    """Places and forces as MuJoCo leaves them after a control step; states to the bit as without them."""
    model = body(name)
    at, speed = starts(model, 3)
    control = controls(model, 3, 300 // substeps)
    worlds, bare = Worlds(model, 3, forces=True), Worlds(model, 3)
    for some in (worlds, bare):
        some.reset(at, speed)
    plain = copy.copy(model)
    plain.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_WARMSTART
    data = [mujoco.MjData(plain) for _ in range(3)]
    for world, one in enumerate(data):
        one.qpos[:], one.qvel[:] = at[world], speed[world]
        mujoco.mj_forward(plain, one)
        assert np.array_equal(worlds.xpos[world], one.xpos)
    assert not worlds.cfrc_ext.any()
    largest = 0.0
    for u in control:
        worlds.step(u, substeps)
        bare.step(u, substeps)
        for world, one in enumerate(data):
            one.ctrl[:] = u[world]
            mujoco.mj_step(plain, one, nstep=substeps)
            mujoco.mj_rnePostConstraint(plain, one)
            assert np.array_equal(worlds.xpos[world], one.xpos)
            assert np.array_equal(worlds.cfrc_ext[world], one.cfrc_ext)
        largest = max(largest, np.abs(worlds.cfrc_ext).max())
    assert np.array_equal(now(worlds), now(bare))
    assert largest > 1.0  # newtons: the floor was touched


@pytest.mark.parametrize("bad", ["control", "speed"])
def test_failure_leaves_other_forces_alone(bad: str) -> None:
    model = body("ant")
    at, speed = starts(model, 3)
    control = controls(model, 3, 60)
    worlds = Worlds(model, 3, forces=True)
    worlds.reset(at, speed)
    roll(worlds, control, 5)
    wanted = worlds.xpos.copy(), worlds.cfrc_ext.copy()
    if bad == "control":
        control[4, 1] = np.nan
    else:
        speed[1] = 1e9
    worlds.reset(at, speed)
    roll(worlds, control, 5)
    assert worlds.failed.tolist() == [False, True, False]
    for values, healthy in zip((worlds.xpos, worlds.cfrc_ext), wanted, strict=True):
        assert np.array_equal(values[[0, 2]], healthy[[0, 2]])
    assert worlds.xpos[1, 1].tolist() == model.qpos0[:3].tolist()
    assert not worlds.cfrc_ext[1].any()


@pytest.mark.parametrize("cuts", [[2], [1, 1]])
def test_warning_fails_its_world_where_forces_are_kept(cuts: list[int]) -> None:
    """More than once, for MuJoCo tells of the first warning of a kind alone."""
    worlds = Worlds(mujoco.MjModel.from_xml_string(SLIDER), 4, forces=True)
    for _ in range(2):
        worlds.reset()
        for substeps in cuts:
            worlds.step(np.array([[0.0], [HARD_PUSH], [1.0], [HARD_PUSH]]), substeps)
        assert worlds.failed.tolist() == [False, True, False, True]
        assert worlds.qvel[:, 0].tolist() == [0.0, 0.0, pytest.approx(0.2), 0.0]


def test_reading_a_body_writes_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """MuJoCo has a remark on the half cheetah's file."""
    monkeypatch.chdir(tmp_path)
    mujoco.set_mju_user_warning(None)
    body("half_cheetah")
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")
