"""Gymnasium's bodies on batched worlds against Gymnasium's own environments, one at a time."""

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from neuroevo.errors import OptionError
from neuroevo.network.phenotype import Phenotype
from neuroevo.physics.worlds import Worlds
from neuroevo.seeds import generator
from tasks.locomotion import Locomotion, model
from tasks.locomotion_bodies import AntV5, HalfCheetahV5, HopperV5, SwimmerV5, Walker2dV5

BODIES: list[type[Any]] = [SwimmerV5, HalfCheetahV5, HopperV5, Walker2dV5, AntV5]
FALLING: list[type[Any]] = [HopperV5, Walker2dV5, AntV5]
NUM_WORLDS = 6
TOLERANCE = 1e-9  # states are equal to the bit; what a reward adds up may be added in another order


class Reflexes:
    """G controllers with the interface of a phenotype: each output is one observed velocity times a gain.

    Args:
        gains: float32 [G].
        task: What they control.
    """

    def __init__(self, gains: Tensor, task: Locomotion) -> None:
        first = model(task.file).nq - task.hidden
        self.gains = gains
        self.num_genomes = len(gains)
        self.read = slice(first, first + task.num_actuators)
        self.seen: list[Tensor] = []

    def reset(self, num_episodes: int) -> None:
        self.seen = []

    def step(self, observations: Tensor) -> Tensor:
        self.seen.append(observations.clone())
        return self.act(observations)

    def act(self, observations: Tensor) -> Tensor:
        """Outputs [..., G, B, A] for observations [..., G, B, S]."""
        return self.gains[:, None, None] * observations[..., self.read]


def environment(task: Locomotion) -> Any:
    """Gymnasium's own, without its solver's warm start."""
    env = gymnasium.make(task.environment).unwrapped
    env.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_WARMSTART
    return env


def put(env: Any, qpos: np.ndarray, qvel: np.ndarray) -> None:
    """Resets an environment to a state."""
    env.reset(seed=0)
    mujoco.mj_resetData(env.model, env.data)
    env.set_state(qpos, qvel)


def start_alike(task: Locomotion) -> tuple[Worlds, list[Any]]:
    """Worlds and environments in the states that Gymnasium's own resets lead to."""
    envs = [environment(task) for _ in range(NUM_WORLDS)]
    observed = [one.reset(seed=k)[0] for k, one in enumerate(envs)]
    worlds = task.batch(NUM_WORLDS)
    worlds.reset(*(np.stack([getattr(one.data, part) for one in envs]) for part in ("qpos", "qvel")))
    assert np.array_equal(task.observe(worlds), observed)
    return worlds, envs


def random_control(task: Locomotion, num_steps: int) -> np.ndarray:
    """Controls [T, W, A]: hardly any in the first world, as much as there is in the last."""
    size = np.linspace(0.01, 1, NUM_WORLDS)[:, None]
    shape = (num_steps, NUM_WORLDS, task.num_actuators)
    return size * np.random.default_rng(0).uniform(-1, 1, shape)


def plain_episode(env: Any, start: tuple[np.ndarray, np.ndarray], actions: Tensor) -> tuple[float, bool]:
    """The return of one episode under actions [T, A], in Gymnasium's environment, and whether it ended."""
    put(env, *start)
    earned = 0.0
    for action in actions.double().numpy().clip(-1, 1):
        _, reward, terminated, _, _ = env.step(action)
        earned += reward
        if terminated:
            return earned, True
    return earned, False


@pytest.mark.parametrize("body", BODIES)
def test_body_steps_as_gymnasiums_does(body: type[Any]) -> None:
    """200 steps of six worlds under actions of their own; a world that ends stays as it is."""
    task = body()
    worlds, envs = start_alike(task)
    going, ends = np.ones(NUM_WORLDS, bool), []
    for t, control in enumerate(random_control(task, 200)):
        rewards, healthy = task.step(worlds, control, going)
        observed = task.observe(worlds)
        for k in np.flatnonzero(going):
            wanted, reward, terminated, _, _ = envs[k].step(control[k])
            assert np.array_equal(worlds.qpos[k], envs[k].data.qpos)
            assert np.array_equal(worlds.qvel[k], envs[k].data.qvel)
            np.testing.assert_allclose(observed[k], wanted, rtol=0, atol=TOLERANCE)
            np.testing.assert_allclose(rewards[k], reward, rtol=0, atol=TOLERANCE)
            assert healthy[k] == (not terminated)
            ends += [t] * terminated
        going &= healthy
    for k, one in enumerate(envs):
        assert np.array_equal(worlds.qpos[k], one.data.qpos)
    assert (len(ends) > 0) == (body in FALLING)
    assert len(set(ends)) == len(ends)
    assert not worlds.failed.any()


@pytest.mark.parametrize("body", BODIES)
def test_evaluate_is_the_return_of_gymnasium(body: type[Any]) -> None:
    """Every episode of the batch, early termination included, in a loop over Gymnasium's environment."""
    task = body(steps=100, episodes=2, held_out=3)
    reflexes = Reflexes(torch.tensor([0.05, 3.0]), task)
    env, ends = environment(task), []
    for run, purpose, episodes in ((task.evaluate, "training", 2), (task.score, "held-out", 3)):
        returns = run(reflexes, seeds=[3, 4])
        assert returns.shape == (2, episodes) and returns.dtype == torch.float64
        actions = reflexes.act(torch.stack(reflexes.seen))  # [T, G, B, A]
        for genome, seed in enumerate([3, 4]):
            qpos, qvel = task.starts(seed, purpose, episodes)
            for k in range(episodes):
                wanted, ended = plain_episode(env, (qpos[k], qvel[k]), actions[:, genome, k])
                assert returns[genome, k].item() == pytest.approx(wanted, abs=TOLERANCE)
                ends.append(ended)
    assert any(ends) == (body in FALLING)


@pytest.mark.parametrize("body", BODIES)
def test_starts_are_drawn_as_gymnasium_draws_them(body: type[Any]) -> None:
    """Given our random numbers, Gymnasium's own reset leads to our start."""
    task = body()
    env = environment(task)
    for seed in range(3):
        env.reset(seed=0)
        env.np_random = generator(seed, task.environment, "training")
        env.reset_model()
        qpos, qvel = task.starts(seed, "training", 1)
        assert np.array_equal(qpos[0], env.data.qpos)
        assert np.array_equal(qvel[0], env.data.qvel)


@pytest.mark.parametrize("body", BODIES)
def test_starts_never_share_a_number(body: type[Any]) -> None:
    """Not two episodes, not two seeds, not training and held-out starts."""
    task = body()
    drawn = [
        part.ravel()
        for seed in range(10)
        for purpose in ("training", "held-out")
        for part in task.starts(seed, purpose, 4)
    ]
    numbers = np.concatenate(drawn)
    assert len(np.unique(numbers)) == len(numbers)


@pytest.mark.parametrize("body", BODIES)
def test_spaces_are_gymnasiums(body: type[Any]) -> None:
    task, env = body(), environment(body())
    assert (task.num_sensors,) == env.observation_space.shape
    assert (task.num_actuators,) == env.action_space.shape
    assert (env.action_space.low == -1).all() and (env.action_space.high == 1).all()
    assert model(task.file).actuator_ctrllimited.all()


@pytest.mark.parametrize("body", BODIES)
def test_network_sees_velocities_in_units_of_the_body(body: type[Any]) -> None:
    task = body(steps=3, episodes=2)
    reflexes = Reflexes(torch.tensor([0.5]), task)
    task.evaluate(reflexes, seeds=[1])
    worlds = task.batch(2)
    worlds.reset(*task.starts(1, "training", 2))
    wanted = task.observe(worlds)
    first = model(task.file).nq - task.hidden
    wanted[:, first : first + model(task.file).nv] /= task.typical_speed
    np.testing.assert_allclose(reflexes.seen[0][0], wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("body", BODIES)
def test_returns_do_not_depend_on_the_batch(body: type[Any]) -> None:
    """To the bit, though some bodies fall and are left behind."""
    task = body(steps=80, episodes=2)
    gains, seeds = torch.tensor([0.05, 3.0, -1.0, 0.5]), [4, 5, 4, 6]
    together = task.evaluate(Reflexes(gains, task), seeds=seeds)
    flipped = task.evaluate(Reflexes(gains.flip(0), task), seeds=seeds[::-1])
    assert torch.equal(flipped.flip(0), together)
    for genome, seed in enumerate(seeds):
        alone = Reflexes(gains[genome : genome + 1], task)
        assert torch.equal(task.evaluate(alone, seeds=[seed])[0], together[genome])
    assert len(together.unique()) == together.numel()


@pytest.mark.parametrize("body", BODIES)
def test_recording_shows_the_episode_that_is_scored(body: type[Any]) -> None:
    """Up to where it ends: a body that has fallen is not filmed on."""
    task, shown = body(steps=100, held_out=3), []
    for gain in (0.05, 3.0):
        reflexes = Reflexes(torch.tensor([gain]), task)
        scores = task.score(reflexes, seeds=[7])
        ends = task.batch(3).qpos.copy()
        for episode in range(3):
            recording = task.record(reflexes, seed=7, episode=episode)
            assert recording.score == scores[0, episode].item()
            assert np.array_equal(recording.qpos[0], task.starts(7, "held-out", 3)[0][episode])
            assert np.array_equal(recording.qpos[-1], ends[episode])
            assert not np.array_equal(recording.qpos[-2], ends[episode])
            shown.append(len(recording.qpos))
    assert (len(set(shown)) > 1) if body in FALLING else (set(shown) == {101})
    assert recording.time_step == pytest.approx(environment(task).dt)
    with pytest.raises(OptionError, match="Option 'episode' is 3"):
        task.record(reflexes, seed=7, episode=3)


def test_evaluation_stops_when_all_have_fallen() -> None:
    task = HopperV5(steps=1000, episodes=2)
    reflexes = Reflexes(torch.tensor([3.0, -3.0]), task)
    returns = task.evaluate(reflexes, seeds=[0, 1])  # type: ignore[arg-type]
    assert 1 < len(reflexes.seen) < 1000
    longer = HopperV5(steps=2000, episodes=2)
    assert torch.equal(longer.evaluate(reflexes, seeds=[0, 1]), returns)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [HalfCheetahV5, HopperV5, AntV5])
def test_genome_that_is_not_a_number_fails_alone(body: type[Any]) -> None:
    task = body(steps=20)
    healthy = task.evaluate(Reflexes(torch.tensor([0.1, 0.2, 0.3]), task), seeds=[0, 1, 2])
    broken = Reflexes(torch.tensor([0.1, torch.nan, 0.3]), task)
    fitness = task.evaluate(broken, seeds=[0, 1, 2])
    assert fitness.isnan().any(1).tolist() == [False, True, False]
    assert torch.equal(fitness[[0, 2]], healthy[[0, 2]])


def test_output_after_the_end_of_an_episode_does_not_matter() -> None:
    class Ending(Reflexes):
        """Gives no number from some step on, long after the body has fallen."""

        def step(self, observations: Tensor) -> Tensor:
            outputs = super().step(observations)
            return outputs if len(self.seen) < 50 else outputs * torch.nan

    task = HopperV5(steps=200)
    gains = torch.tensor([3.0, -0.3])
    wanted = task.evaluate(Reflexes(gains, task), seeds=[0, 0])  # type: ignore[arg-type]
    reflexes = Ending(gains, task)
    fitness = task.evaluate(reflexes, seeds=[0, 0])  # type: ignore[arg-type]
    assert len(reflexes.seen) >= 50
    assert torch.equal(fitness[0], wanted[0])
    assert fitness[1].isnan().all()


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(("option", "value"), [("steps", 0), ("episodes", 10_001), ("held_out", 0)])
def test_options_out_of_range_are_refused(body: type[Any], option: str, value: int) -> None:
    with pytest.raises(OptionError, match=f"Option '{option}' is"):
        body(**{option: value})


def test_phenotype_runs_a_body() -> None:
    """The bodies are stepped by networks too, not by reflexes alone."""
    from neuroevo.network.blueprint import Blueprint
    from tests.reference import random_architecture

    task = AntV5(steps=10, episodes=2)
    blueprint = Blueprint(random_architecture(0, 12, 5), task.num_sensors, task.num_actuators)
    phenotype = Phenotype([blueprint], [3])
    phenotype.load([blueprint.draw(3, np.random.default_rng(0))])
    returns = task.evaluate(phenotype, seeds=[1, 1, 2])
    assert returns.shape == (3, 2)
    assert returns.isfinite().all()
