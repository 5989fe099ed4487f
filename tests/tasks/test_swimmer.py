"""The swimmer's formulas against MuJoCo's own kinematics, its fairness, and the step its physics takes."""

from __future__ import annotations

from collections.abc import Iterator

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.swimmer_step import ORDER, TOLERANCE, Varied, compare, returns
from benchmarks.travelling_sine import TravellingSines
from neuroevo.errors import OptionError
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.physics.worlds import Worlds
from neuroevo.plugins import tasks
from tasks import swimmer
from tasks.swimmer import CONTROL_STEP, Swimmer
from tests.reference import random_architecture

HEAD = 1  # MuJoCo's body 0 is the world


class Reflexes:
    """G controllers with the interface of a phenotype: `u = gain * joint velocities`; remembers what it saw.

    Every torque is one product, so that it is the same to the bit wherever in a batch its genome stands.

    Args:
        gains: float32 [G, A].
    """

    def __init__(self, gains: Tensor) -> None:
        self.gains = gains
        self.num_genomes = len(gains)
        self.seen: list[Tensor] = []

    def reset(self, num_episodes: int) -> None:
        self.seen = []

    def step(self, observations: Tensor) -> Tensor:
        self.seen.append(observations.clone())
        joints = self.gains.shape[1]
        return self.gains[:, None] * observations[..., 2 + joints : 2 + 2 * joints]


class Constant:
    """G controllers of constant torque [G, A]."""

    def __init__(self, torque: Tensor) -> None:
        self.torque = torque
        self.num_genomes = len(torque)

    def reset(self, num_episodes: int) -> None:
        self.num_episodes = num_episodes

    def step(self, observations: Tensor) -> Tensor:
        return self.torque[:, None].expand(-1, self.num_episodes, -1)


def random_reflexes(num_genomes: int, num_actuators: int) -> Reflexes:
    gains = np.random.default_rng(0).normal(0, 2, (num_genomes, num_actuators))
    return Reflexes(torch.from_numpy(gains.astype(np.float32)))


def random_states(links: int) -> Iterator[mujoco.MjData]:
    """Bodies in random poses, anywhere and far from straight, moving at random."""
    model, rng = swimmer.model(links), np.random.default_rng(links)
    for _ in range(20):
        data = mujoco.MjData(model)
        data.qpos[:] = rng.uniform(-1.5, 1.5, model.nq)
        data.qpos[2] = rng.uniform(-10, 10)
        data.qvel[:] = rng.normal(0, 2, model.nv)
        mujoco.mj_forward(model, data)
        yield data


def heading(data: mujoco.MjData, body: int) -> complex:
    """Direction of a body's x axis in the plane, of length one."""
    return complex(data.xmat[body, 0], data.xmat[body, 3])


def velocity(data: mujoco.MjData, links: int, body: int) -> np.ndarray:
    """MuJoCo's velocity of a body at its origin, in its own frame: angular x, y, z, then linear x, y, z."""
    out = np.zeros(6)
    mujoco.mj_objectVelocity(swimmer.model(links), data, mujoco.mjtObj.mjOBJ_XBODY, body, out, 1)
    return out


def lineages(task: Swimmer) -> tuple[list[Blueprint], list[Tensor], list[int]]:
    """Two random wirings, three and four genomes of them, and a seed for each genome, some equal."""
    blueprints = [
        Blueprint(random_architecture(0, 12, 5), task.num_sensors, task.num_actuators),
        Blueprint(random_architecture(1, 15, 6), task.num_sensors, task.num_actuators),
    ]
    rng = np.random.default_rng(2)
    parameters = [
        torch.from_numpy(rng.normal(0, 0.7, (count, b.layout.length)).astype(np.float32))
        for count, b in zip((3, 4), blueprints, strict=True)
    ]
    return blueprints, parameters, [1, 2, 3, 1, 5, 6, 5]


def phenotype(blueprints: list[Blueprint], parameters: list[Tensor]) -> Phenotype:
    network = Phenotype(blueprints, [len(p) for p in parameters])
    network.load(parameters)
    return network


@pytest.mark.parametrize("links", [3, 6, 12])
def test_centre_of_mass_is_mujocos(links: int) -> None:
    for data in random_states(links):
        centre = swimmer.centre_of_mass(data.qpos[None])
        np.testing.assert_allclose(centre, data.subtree_com[HEAD, :1], atol=1e-12)


@pytest.mark.parametrize("links", [3, 6, 12])
def test_observations_are_mujocos_kinematics(links: int) -> None:
    """Angles from the orientations of bodies, velocities from their motion, not from qpos and qvel."""
    for data in random_states(links):
        observed = np.zeros((1, Swimmer(links).num_sensors), np.float32)
        swimmer.observe(data.qpos[None], data.qvel[None], out=observed)
        headings = [heading(data, HEAD + i) for i in range(links)]
        moving = [velocity(data, links, HEAD + i) for i in range(links)]
        wanted = [
            [headings[0].imag, headings[0].real],
            np.angle(np.divide(headings[1:], headings[:-1])),
            np.diff([v[2] for v in moving]) / 5.0,  # rad / s
            moving[0][3:5] / 0.2,  # m / s; along and across the head, at the nose
            [moving[0][2] / 5.0],
        ]
        np.testing.assert_allclose(observed[0], np.concatenate(wanted), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("links", [3, 6, 12])
def test_body_is_a_chain_of_links_in_fluid(links: int) -> None:
    model, joints = swimmer.model(links), links - 1
    assert model.nbody - 1 == links
    assert model.body_parentid.tolist() == [0, *range(links)]
    assert (model.nq, model.nv, model.nu) == (3 + joints, 3 + joints, joints)
    assert (model.jnt_stiffness > 0).tolist() == [False] * 3 + [True] * joints
    assert model.opt.density == 1000
    assert model.opt.viscosity > 0
    assert model.actuator_trnid[:, 0].tolist() == list(range(3, 3 + joints))


def test_default_body_has_six_links() -> None:
    task = Swimmer()
    assert (task.links, task.num_actuators, task.num_sensors) == (6, 5, 15)
    assert swimmer.model(task.links).nbody - 1 == 6


def test_fluid_slows_a_gliding_body() -> None:
    worlds = Worlds(swimmer.model(), 2)
    qvel = np.zeros((2, 8))
    qvel[0, 0] = qvel[1, 1] = 0.1  # m/s, along the body and across it
    worlds.reset(None, qvel)
    worlds.step(np.zeros((2, 5)), 10)
    along, across = worlds.qvel[0, 0], worlds.qvel[1, 1]
    assert 0 < across < 0.5 * along < 0.5 * 0.1


@pytest.mark.parametrize("control", [1.0, 1.5, 1e6])
def test_joint_torque_has_a_limit(control: float) -> None:
    model = swimmer.model()
    data = mujoco.MjData(model)
    data.ctrl[:] = [control, -control, control, 0.5, 0.0]
    mujoco.mj_forward(model, data)
    limit = 1e-3  # N m
    wanted = [0, 0, 0, limit, -limit, limit, limit / 2, 0]
    np.testing.assert_allclose(data.qfrc_actuator, wanted, atol=1e-15)


def test_torque_is_clipped() -> None:
    task = Swimmer(steps=20)
    sizes = torch.tensor([0.5, 1.0, 1.5, 1e6, 1e30, torch.inf])
    directions = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0])
    fitness = task.evaluate(Constant(sizes[:, None] * directions), seeds=[0] * 6)  # type: ignore[arg-type]
    assert torch.equal(fitness[1:], fitness[1:2].expand(5, -1))
    assert not torch.equal(fitness[0], fitness[1])


def test_equal_seeds_have_equal_starts() -> None:
    for first, again in zip(
        Swimmer().starts(3, "training", 4), Swimmer().starts(3, "training", 4), strict=True
    ):
        assert np.array_equal(first, again)


def test_starts_never_share_a_number() -> None:
    """Not two episodes, not two seeds, not training and held-out starts."""
    task, drawn = Swimmer(), []
    for seed in range(20):
        for purpose in ("training", "held-out"):
            qpos, qvel = task.starts(seed, purpose, 8)
            assert (
                not qpos[:, :2].any() and not qvel[:, :3].any()
            )  # all begin with the nose at rest, in the origin
            drawn += [qpos[:, 2:].ravel(), qvel[:, 3:].ravel()]
    numbers = np.concatenate(drawn)
    assert len(numbers) == 20 * 2 * 8 * 11
    assert len(np.unique(numbers)) == len(numbers)


def test_starts_are_within_bounds() -> None:
    qpos, qvel = Swimmer().starts(0, "training", 1000)
    reached = [np.abs(qpos[:, 2]).max(), np.abs(qpos[:, 3:]).max(), np.abs(qvel[:, 3:]).max()]
    bounds = [swimmer.START_HEADING, swimmer.START_ANGLE, swimmer.START_SPEED]
    assert np.less_equal(reached, bounds).all()
    assert np.greater(reached, 0.95 * np.array(bounds)).all()


def test_genomes_of_a_seed_meet_the_same_starts() -> None:
    """Training starts in `evaluate`, held-out ones in `score`."""
    task = Swimmer(steps=1, episodes=2, held_out=3)
    reflexes = random_reflexes(3, task.num_actuators)
    for run, purpose, episodes in ((task.evaluate, "training", 2), (task.score, "held-out", 3)):
        run(reflexes, seeds=[7, 8, 7])  # type: ignore[arg-type]
        for genome, seed in enumerate([7, 8, 7]):
            wanted = np.zeros((episodes, task.num_sensors), np.float32)
            swimmer.observe(*task.starts(seed, purpose, episodes), out=wanted)
            assert np.array_equal(reflexes.seen[0][genome], wanted)


def test_evaluate_is_the_displacement_of_mujocos_centre_of_mass() -> None:
    """One episode after another in a plain loop, the torques given by the reflexes of the batch."""
    task = Swimmer(steps=50, episodes=2)
    reflexes = random_reflexes(3, task.num_actuators)
    fitness = task.evaluate(reflexes, seeds=[1, 2, 1])  # type: ignore[arg-type]
    assert fitness.shape == (3, 2) and fitness.dtype == torch.float64
    model = swimmer.model()
    for genome, seed in enumerate([1, 2, 1]):
        qpos, qvel = task.starts(seed, "training", 2)
        for episode in range(2):
            data = mujoco.MjData(model)
            data.qpos[:], data.qvel[:] = qpos[episode], qvel[episode]
            mujoco.mj_forward(model, data)
            begin = data.subtree_com[HEAD, 0]
            for sensed in reflexes.seen:
                torque = reflexes.gains[genome] * sensed[genome, episode, 7:12]
                data.ctrl[:] = torque.clip(-1, 1)
                mujoco.mj_step(model, data)
            mujoco.mj_forward(model, data)
            moved = data.subtree_com[HEAD, 0] - begin
            assert data.time == pytest.approx(50 * 0.03)  # seconds
            assert fitness[genome, episode].item() == pytest.approx(moved / data.time, abs=1e-12)


def test_bodies_do_not_depend_on_the_batch() -> None:
    """To the bit: the rest of the batch and the place of a genome in it change nothing."""
    task = Swimmer(steps=60, episodes=3)
    reflexes, seeds = random_reflexes(5, task.num_actuators), [4, 5, 4, 6, 7]
    together = task.evaluate(reflexes, seeds=seeds)  # type: ignore[arg-type]
    flipped = task.evaluate(Reflexes(reflexes.gains.flip(0)), seeds=seeds[::-1])  # type: ignore[arg-type]
    assert torch.equal(flipped.flip(0), together)
    for genome, seed in enumerate(seeds):
        alone = Reflexes(reflexes.gains[genome : genome + 1])
        assert torch.equal(task.evaluate(alone, seeds=[seed])[0], together[genome])  # type: ignore[arg-type]
    assert len(together.unique()) == together.numel()


@pytest.mark.parametrize("episodes", [1, 2])
def test_evaluate_is_a_function_of_genome_and_seed(episodes: int) -> None:
    """Networks round differently, in the last bit of float32, at another place in a batch."""
    task = Swimmer(steps=60, episodes=episodes)
    blueprints, parameters, seeds = lineages(task)
    together = task.evaluate(phenotype(blueprints, parameters), seeds=seeds)
    assert together.std(0).min() > 1e-4  # m/s; genomes differ by far more than the tolerance
    flipped = phenotype(blueprints[::-1], [p.flip(0) for p in parameters[::-1]])
    there_and_back = task.evaluate(flipped, seeds=seeds[::-1]).flip(0)
    torch.testing.assert_close(there_and_back, together, rtol=0, atol=1e-7)
    rows = [(b, row) for b, block in zip(blueprints, parameters, strict=True) for row in block.split(1)]
    for genome, (blueprint, row) in enumerate(rows):
        alone = task.evaluate(phenotype([blueprint], [row]), seeds=seeds[genome : genome + 1])
        torch.testing.assert_close(alone[0], together[genome], rtol=0, atol=1e-7)


def test_evaluate_forgets_what_it_evaluated_before() -> None:
    task = Swimmer(steps=30)
    blueprints, parameters, seeds = lineages(task)
    network = phenotype(blueprints, parameters)
    first = task.evaluate(network, seeds=seeds)
    other = task.evaluate(network, seeds=[s + 100 for s in seeds])
    assert torch.equal(task.evaluate(network, seeds=seeds), first)
    assert not torch.equal(other, first)


def test_genome_that_is_not_a_number_fails_alone() -> None:
    task = Swimmer(steps=30)
    blueprints, parameters, seeds = lineages(task)
    healthy = task.evaluate(phenotype(blueprints, parameters), seeds=seeds)
    broken = [p.clone() for p in parameters]
    broken[0][1] = torch.nan
    for values in (
        task.evaluate(phenotype(blueprints, broken), seeds=seeds),
        task.score(phenotype(blueprints, broken), seeds=seeds),
    ):
        assert values[1].isnan().all()
        assert values[[0, 2, 3, 4, 5, 6]].isfinite().all()
    fitness = task.evaluate(phenotype(blueprints, broken), seeds=seeds)
    assert torch.equal(fitness[[0, 2, 3, 4, 5, 6]], healthy[[0, 2, 3, 4, 5, 6]])
    # The bodies that failed are as good as new.
    assert torch.equal(task.evaluate(phenotype(blueprints, parameters), seeds=seeds), healthy)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("links", 2),
        ("links", 13),
        ("links", float("nan")),
        ("steps", 0),
        ("steps", 10_001),
        ("episodes", 0),
        ("episodes", 10_001),
        ("held_out", 0),
        ("held_out", 10_001),
    ],
)
def test_options_out_of_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(OptionError, match=f"Option '{option}' is"):
        Swimmer(**{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"links": "six"}, {"joints": "5"}])
def test_options_of_another_kind_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        tasks.get("swimmer").bind(options)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("links", [4, 6, 8])
def test_wave_from_head_to_tail_swims_forward(links: int, seed: int) -> None:
    """And one from tail to head backward, from every start."""
    task = Swimmer(links, steps=200, held_out=4)
    waves = TravellingSines(np.array([[0.7, 1.0, 1.0], [0.7, 1.0, -1.0]]), task.num_actuators)
    forward, backward = task.score(waves, seeds=[seed, seed])  # type: ignore[arg-type]
    assert forward.min() > 0.02  # m/s
    assert backward.max() < -0.02


def test_physics_step_is_fine_enough() -> None:
    """A tenth of it changes no return by ten percent, nor the order: `benchmarks.swimmer_step` in small."""
    task = Swimmer(steps=150)
    controllers, starts = Varied(task, seed=0), task.starts(0, "held-out", 2)
    fitness, _ = returns(task, controllers, starts, swimmer.INTEGRATOR, swimmer.SUBSTEPS)
    reference, _ = returns(task, controllers, starts, "RK4", 10 * swimmer.SUBSTEPS)
    error, order = compare(fitness, reference)
    assert CONTROL_STEP == swimmer.PHYSICS_STEP * swimmer.SUBSTEPS
    assert np.ptp(reference) > 0.05  # m/s: the controllers are varied
    assert 0 < error < TOLERANCE
    assert order > ORDER
