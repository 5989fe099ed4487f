"""The worm's body against MuJoCo's kinematics and a plain solver of its balance of forces."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from benchmarks.swimmer_step import ORDER, TOLERANCE, compare
from benchmarks.worm_step import REFERENCE, Sines, Varied, returns
from neuroevo.physics.worlds import Worlds
from tasks import worm_body
from tasks.worm import Worm, crawl
from tasks.worm_body import JOINTS, LINK, LINKS, MIDDLE, NUM_CONTROLS
from tests.crawling import Reflexes, from_head, poses, random_positions, random_reflexes, still

ROOT = 1  # MuJoCo's body 0 is the world
MODEL = worm_body.model(0.4, 40.0)


def controls(torques: np.ndarray) -> np.ndarray:
    """The control of torques [W, 24]."""
    return np.pad(torques, ((0, 0), (0, NUM_CONTROLS - JOINTS)))


def test_body_is_25_links_and_24_elastic_hinges() -> None:
    assert (MODEL.nbody - 1, MODEL.nv, MODEL.nu) == (LINKS, 3 + JOINTS, NUM_CONTROLS)
    assert (MODEL.jnt_stiffness > 0).sum() == JOINTS
    assert MODEL.body_mass.sum() == pytest.approx(5e-6)  # grams
    names = [MODEL.joint(f"joint{i}").qposadr[0] for i in range(1, LINKS)]
    assert np.array_equal(worm_body.bends(np.arange(27.0)[None])[0], names)
    assert MODEL.actuator_trnid[:JOINTS, 0].tolist() == [MODEL.joint(f"joint{i}").id for i in range(1, LINKS)]


def test_kinematics_are_mujocos() -> None:
    for qpos, data in poses(10):
        middles, headings = from_head(qpos, data)
        pointing = worm_body.directions(qpos)
        np.testing.assert_allclose(pointing[0], headings, atol=1e-12)
        np.testing.assert_allclose(worm_body.centre(qpos, pointing)[0], middles.mean(), atol=1e-12)
        np.testing.assert_allclose(worm_body.centre(qpos, pointing)[0], complex(*data.subtree_com[ROOT, :2]))
        np.testing.assert_allclose(worm_body.bends(qpos)[0], np.angle(headings[1:] / headings[:-1]))
        half = LINK / 2 * headings
        np.testing.assert_allclose((middles - half)[:-1], (middles + half)[1:], atol=1e-12)  # joined


def test_bodies_point_ahead_on_the_whole() -> None:
    angles = np.random.default_rng(0).uniform(-0.2, 0.2, (5, JOINTS))
    qpos = worm_body.bent(angles)
    assert np.array_equal(worm_body.bends(qpos), angles)
    whole = worm_body.directions(qpos).sum(1)
    np.testing.assert_allclose(whole.imag, 0, atol=1e-12)
    assert (whole.real > 0).all()


def test_dorsal_bend_brings_head_and_tail_to_the_dorsal_side() -> None:
    """Dorsal is -y where the head points along +x."""
    qpos = worm_body.bent(np.full((1, JOINTS), 0.05))
    data = mujoco.MjData(MODEL)
    data.qpos[:] = qpos
    mujoco.mj_forward(MODEL, data)
    middles, _ = from_head(qpos, data)
    assert middles[0].real > 0.4 and middles[-1].real < -0.4
    assert middles[0].imag < -0.05 and middles[-1].imag < -0.05 and abs(middles[MIDDLE]) < 1e-12


def velocities(qpos: np.ndarray, torques: np.ndarray, drag: float) -> np.ndarray:
    """Velocities, float64 [27], at which drag, elasticity and muscles balance, solved by themselves.

    Coordinates are those of MuJoCo. Motions of links per coordinate are differences of MuJoCo's kinematics.
    """
    data, step = mujoco.MjData(MODEL), 1e-6

    def place(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        data.qpos[:] = q
        mujoco.mj_kinematics(MODEL, data)
        return from_head(q[None], data)

    _, headings = place(qpos)
    moved = [(place(qpos + e)[0] - place(qpos - e)[0]) / (2 * step) for e in step * np.eye(27)]
    local = np.array(moved).T * headings.conj()[:, None]  # [25, 27]; real: along a link, imaginary: across
    across = 128.0 * LINK
    resistance = across / drag * local.real.T @ local.real + across * local.imag.T @ local.imag
    stiffness, force = 0.095 / LINK, np.zeros(27)
    for joint in range(JOINTS):
        place_of = int(worm_body.bends(np.arange(27.0)[None])[0, joint])
        resistance[place_of, place_of] += 0.1 * stiffness
        force[place_of] = stiffness * (0.4 * torques[joint] - qpos[place_of])
    return np.linalg.solve(resistance, force)


@pytest.mark.parametrize("drag", [1.0, 40.0])
def test_velocities_balance_drag_elasticity_and_muscles(drag: float) -> None:
    rng = np.random.default_rng(1)
    qpos, torques = random_positions(3), rng.uniform(-1, 1, (3, JOINTS))
    worlds = still(qpos, drag)
    worlds.step(controls(torques), 1)
    for velocity, *given in zip(worlds.qvel, qpos, torques, strict=True):
        wanted = velocities(*given, drag)
        np.testing.assert_allclose(velocity, wanted, atol=2e-4 * np.abs(wanted).max())


def test_nothing_coasts() -> None:
    """How fast the body was does not matter to where it goes."""
    qpos = random_positions(4)
    moving = Worlds(MODEL, 4)
    moving.reset(qpos, np.random.default_rng(0).normal(0, 2, qpos.shape))
    resting = still(qpos)
    for worlds in (moving, resting):
        worm_body.advance(worlds, controls(np.zeros((4, JOINTS))))
    np.testing.assert_allclose(moving.qpos, resting.qpos, atol=1e-4)
    assert np.abs(resting.qpos - qpos).max() > 0.05


def test_straight_body_without_torque_stays() -> None:
    qpos = np.zeros((1, 27))
    qpos[0, :3] = 1.5, -2.0, 0.7
    worlds = still(qpos)
    for _ in range(20):
        worm_body.advance(worlds, controls(np.zeros((1, JOINTS))))
    np.testing.assert_allclose(worlds.qpos, qpos, atol=1e-12)


def test_bends_relax_without_swinging() -> None:
    """Elastic energy falls all the time, and what all joints share of one bend never changes its sign."""
    angles = np.concatenate([np.full((1, JOINTS), 0.1), np.random.default_rng(0).normal(0, 0.2, (3, JOINTS))])
    worlds = still(worm_body.bent(angles))
    energy, mean = [], []
    for _ in range(200):
        bends = worm_body.bends(worlds.qpos)
        energy.append((bends**2).sum(1))
        mean.append(bends[0].mean())
        worm_body.advance(worlds, controls(np.zeros((4, JOINTS))))
    assert (np.diff(energy, axis=0) < 0).all()
    assert (np.array(mean) > 0).all() and energy[-1][0] < 0.05 * energy[0][0]


def test_equal_drag_both_ways_gets_nowhere() -> None:
    """Nothing coasts, so drag sums to zero over the links; where it is equal both ways, velocities do too."""
    sines = Sines(np.array([[1.0, 0.8, 0.3], [1.0, 0.5, -0.2]]))
    (qpos,) = Worm().starts(0, "training", 2)
    equal = crawl(sines, still(np.tile(qpos, (2, 1)), 1.0), 80, "start")  # type: ignore[arg-type]
    agar = crawl(sines, still(np.tile(qpos, (2, 1))), 80, "start")  # type: ignore[arg-type]
    assert np.abs(equal).max() < 1e-4 < 0.1 < np.abs(agar).min()
    assert (agar[:2] > 0).all() and (agar[2:] < 0).all()  # a wave to the tail drives ahead, and back


def test_mirrored_body_moves_as_its_mirror_image() -> None:
    angles = np.random.default_rng(3).uniform(-0.2, 0.2, (4, JOINTS))
    reflexes = Reflexes(0.5 * random_reflexes(4).gains)
    worlds, mirrored = still(worm_body.bent(angles)), still(worm_body.bent(-angles))
    for along in ("body", "start"):
        worlds.reset(worm_body.bent(angles))
        mirrored.reset(worm_body.bent(-angles))
        velocities = [crawl(reflexes, w, 60, along) for w in (worlds, mirrored)]  # type: ignore[arg-type]
        np.testing.assert_allclose(velocities[0], velocities[1], atol=1e-9)
    flip = np.ones(27)
    flip[1:] = -1
    np.testing.assert_allclose(mirrored.qpos, worlds.qpos * flip, atol=1e-7)


def test_strongest_and_longest_bend_does_not_break_the_body() -> None:
    worlds = Worlds(worm_body.model(0.6, 200.0), 2)
    worlds.reset()
    torques = np.stack([np.ones(JOINTS), np.where(np.arange(JOINTS) % 2, 1.0, -1.0)])
    for step in range(100):
        worm_body.advance(worlds, controls(torques * (1 if step < 50 else -1)))
    assert not worlds.failed.any() and np.isfinite(worlds.qpos).all()


def test_chosen_rule_agrees_with_a_fine_step() -> None:
    """`python -m benchmarks.worm_step` compares rules on more starts, and on circuits beside these."""
    task = Worm(steps=100)
    controllers = Varied(0)
    (starts,) = task.starts(0, "held-out", 2)
    reference, _ = returns(task, controllers, starts, *REFERENCE)
    error, order = compare(returns(task, controllers, starts, "Kutta", 1)[0], reference)
    assert error < TOLERANCE / 2 and order > ORDER
    coarse, _ = compare(returns(task, controllers, starts, "MuJoCo", 1)[0], reference)
    assert coarse > TOLERANCE
