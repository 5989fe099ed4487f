"""Any environment of Gymnasium's against a plain loop over it, and those that are refused."""

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from neuroevo.errors import OptionError, TaskError
from neuroevo.plugins import tasks
from tasks.gymnasium_env import Bounded, Choices, GymnasiumTask, make

NUMBERS = spaces.Box(-np.inf, np.inf, (3,))
TOLD = 1000.0  # reward of a step that must not be counted


class Clock(gymnasium.Env):
    """Ends by itself after as many steps as its seed says, 3 to 9, or never; a step earns 1.

    The first step of an episode that was begun without a seed earns much: nobody shall count it.
    """

    def __init__(self, observed: Any = NUMBERS, acted: Any = None, ends: bool = True) -> None:
        self.observation_space = observed
        self.action_space = acted or spaces.Discrete(2)
        self.ends = ends
        self.actions = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.is_seeded = seed is not None
        self.age = 0
        self.life = int(self.np_random.integers(3, 10))
        return self.look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        assert self.action_space.contains(action)
        self.age += 1
        reward = 1.0 if self.is_seeded else TOLD
        return self.look(), reward, self.ends and self.age >= self.life, False, {}

    def look(self) -> Any:
        return np.full(self.observation_space.shape, self.age, self.observation_space.dtype)


class Broken(Clock):
    """Needs a package that is not there."""

    def __init__(self) -> None:
        raise gymnasium.error.DependencyNotInstalled('No module,\nrun `pip install "gymnasium[nowhere]"`')


def register(name: str, limit: int | None = None, entry: type = Clock, **options: Any) -> str:
    """Registers an environment and returns its id."""
    gymnasium.register(f"neuroevo/{name}-v0", entry_point=entry, max_episode_steps=limit, kwargs=options)
    return f"neuroevo/{name}-v0"


CLOCK = register("Clock")
ENDLESS = register("Endless", ends=False)
CUT = register("Cut", limit=7, ends=False)
IMAGE = register("Image", observed=spaces.Box(0, 255, (4, 3, 2), np.uint8))
NEGATIVE = register("Negative", acted=spaces.Discrete(3, start=-1))
SKEWED = register("Skewed", acted=spaces.Box(*np.array([[[0, -0.4]], [[10, 0.4]]], np.float32)))
MISSING = register("Missing", entry=Broken)
REFUSED = {
    "Nowhere-v0": "cannot make 'Nowhere-v0': .*doesn't exist",
    "CartPole-v99": "cannot make 'CartPole-v99': ",
    "CartPole v1": "cannot make 'CartPole v1': ",
    "": "cannot make '': ",
    "CartPole": "takes 'CartPole' for 'CartPole-v.*; wanted the id with its version",
    "no_such_module:Some-v0": "cannot make 'no_such_module:Some-v0': .*no_such_module",
    MISSING: 'cannot make .*: No module, run `pip install "gymnasium.nowhere.*; wanted the id',
    "FrozenLake-v1": r"'FrozenLake-v1' observes Discrete\(16\); wanted numbers, a Box",
    "Blackjack-v1": "'Blackjack-v1' observes Tuple.*; wanted numbers, a Box",
    register("Keys", observed=spaces.Dict(a=NUMBERS)): "observes Dict.*; wanted numbers, a Box",
    register("Blind", observed=spaces.Box(0, 1, (0,))): "observes Box.*; wanted numbers, a Box",
    register("Many", acted=spaces.MultiDiscrete([2, 3])): "takes actions MultiDiscrete.*; wanted a Discrete",
    register("Hands", acted=spaces.Dict(a=spaces.Discrete(2))): "takes actions Dict.*; wanted a Discrete",
    register("Switches", acted=spaces.MultiBinary(3)): "takes actions MultiBinary.*; wanted a Discrete",
    register("Unbounded", acted=NUMBERS): "takes actions Box.*; wanted a Box of floats with finite bounds",
    register("Half", acted=spaces.Box(0, np.inf, (2,))): "takes actions Box.*with finite bounds",
    register("Whole", acted=spaces.Box(0, 9, (2,), np.int64)): "takes actions Box.*; wanted a Box of floats",
}


class Reflexes:
    """G controllers with the interface of a phenotype: outputs are a genome's own map of what it observes.

    Sums are added in a fixed order, so that they are the same to the bit wherever in a batch a genome stands.

    Args:
        weights: float32 [G, S, A].
    """

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights
        self.num_genomes = len(weights)

    def reset(self, num_episodes: int) -> None:
        self.seen: list[Tensor] = []

    def step(self, observations: Tensor) -> Tensor:
        self.seen.append(observations.clone())
        terms = observations[..., None] * self.weights[:, None]  # [G, B, S, A]
        outputs = terms[:, :, 0].clone()
        for k in range(1, terms.shape[2]):
            outputs += terms[:, :, k]
        return outputs


def reflexes(task: GymnasiumTask, num_genomes: int = 3) -> Reflexes:
    shape = (num_genomes, task.num_sensors, task.num_actuators)
    return Reflexes(torch.from_numpy(np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)))


def plain_return(task: GymnasiumTask, weights: Tensor, seed: int) -> float:
    """The return of one genome's episode, in one environment."""
    environment = gymnasium.make(task.id)
    space, network = environment.action_space, Reflexes(weights[None])
    network.reset(1)
    observation, _ = environment.reset(seed=seed)
    earned = 0.0
    for _ in range(task.steps):
        observed = torch.from_numpy(np.asarray(observation, np.float32).reshape(1, 1, -1))
        outputs = network.step(observed)[0, 0].double().numpy()
        if isinstance(space, spaces.Discrete):
            action: Any = np.int64(space.start + outputs.argmax())
        else:
            assert isinstance(space, spaces.Box)
            share = (outputs.clip(-1, 1).reshape(space.shape) + 1) / 2
            action = (space.low + share * (space.high.astype(float) - space.low)).astype(space.dtype)
        observation, reward, terminated, truncated, _ = environment.step(action)
        earned += float(reward)
        if terminated or truncated:
            break
    return earned


@pytest.mark.parametrize(
    ("id", "steps"),
    [
        ("CartPole-v1", 600),  # terminates, or is cut after 500
        ("Acrobot-v1", 30),
        ("Pendulum-v1", 300),  # torque in [-2, 2]; cut after 200
        ("MountainCarContinuous-v0", 100),
        (CLOCK, 20),
        (CUT, 20),
        (IMAGE, 20),
        (NEGATIVE, 20),
        (SKEWED, 20),
    ],
)
def test_returns_are_those_of_a_plain_loop(id: str, steps: int) -> None:
    task = GymnasiumTask(id, steps=steps, episodes=2, held_out=3)
    network = reflexes(task)
    for run, purpose, episodes in ((task.evaluate, "training", 2), (task.score, "held-out", 3)):
        returns = run(network, seeds=[5, 6, 5])  # type: ignore[arg-type]
        assert returns.shape == (3, episodes) and returns.dtype == torch.float64
        for genome, seed in enumerate([5, 6, 5]):
            for k, start in enumerate(task.starts(seed, purpose, episodes)):
                wanted = plain_return(task, network.weights[genome], start)
                assert returns[genome, k].item() == pytest.approx(wanted, rel=1e-5)


def test_bodies_of_mujoco_are_not_timed() -> None:
    """Which takes a quarter of a step, see `stopwatch`."""
    mujoco.set_mjcb_time(None)
    body: Any = make("Swimmer-v5").unwrapped
    body.reset(seed=0)
    body.step(np.ones(2))
    timer = body.data.timer[mujoco.mjtTimer.mjTIMER_STEP]
    assert timer.number > 0 and timer.duration == 0


def test_episode_that_ended_earns_no_more() -> None:
    """Each lives as long as its seed says; another may not begin."""
    task = GymnasiumTask(CLOCK, episodes=30)
    network = reflexes(task, 1)
    returns = task.evaluate(network, seeds=[0])[0]  # type: ignore[arg-type]
    assert sorted(set(returns.tolist())) == [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    assert len(network.seen) == 9  # nobody waits for episodes that are over


@pytest.mark.parametrize(("id", "steps", "wanted"), [(CUT, 20, 7.0), (CUT, 5, 5.0), (ENDLESS, 12, 12.0)])
def test_episode_is_cut_by_the_environment_or_by_steps(id: str, steps: int, wanted: float) -> None:
    task = GymnasiumTask(id, steps=steps)
    assert task.evaluate(reflexes(task), seeds=[0, 1, 2]).unique().tolist() == [wanted]  # type: ignore[arg-type]


@pytest.mark.parametrize("id", ["CartPole-v1", "Pendulum-v1", CLOCK])
def test_returns_do_not_depend_on_the_batch(id: str) -> None:
    task = GymnasiumTask(id, steps=60, episodes=2)
    network, seeds = reflexes(task, 4), [4, 5, 4, 6]
    together = task.evaluate(network, seeds=seeds)  # type: ignore[arg-type]
    flipped = task.evaluate(Reflexes(network.weights.flip(0)), seeds=seeds[::-1])  # type: ignore[arg-type]
    assert torch.equal(flipped.flip(0), together)
    for genome, seed in enumerate(seeds):
        alone = Reflexes(network.weights[genome : genome + 1])
        assert torch.equal(task.evaluate(alone, seeds=[seed])[0], together[genome])  # type: ignore[arg-type]
    assert torch.equal(task.evaluate(network, seeds=seeds), together)  # type: ignore[arg-type]
    assert len(together.unique()) > 1


def test_no_held_out_episode_starts_as_one_of_training() -> None:
    task, drawn = GymnasiumTask(CLOCK), []
    for purpose in ("training", "held-out"):
        starts = [start for seed in range(50) for start in task.starts(seed, purpose, 20)]
        assert {start % 2 for start in starts} == {int(purpose == "held-out")}
        assert 0 <= min(starts) <= max(starts) < 2**31
        drawn += starts
    assert len(set(drawn)) == len(drawn)
    assert task.starts(3, "training", 4) == task.starts(3, "training", 4)


@pytest.mark.parametrize("id", ["CartPole-v1", "Pendulum-v1"])
def test_genome_that_is_not_a_number_fails_alone(id: str) -> None:
    task = GymnasiumTask(id, steps=40)
    network = reflexes(task)
    healthy = task.evaluate(network, seeds=[1, 2, 3])  # type: ignore[arg-type]
    network.weights[1, 0] = torch.nan
    returns = task.evaluate(network, seeds=[1, 2, 3])  # type: ignore[arg-type]
    assert returns.isnan().any(1).tolist() == [False, True, False]
    assert torch.equal(returns[[0, 2]], healthy[[0, 2]])


def test_choice_falls_on_the_largest_output() -> None:
    actions = Choices(spaces.Discrete(3, start=-1)).of(
        np.array([[0.1, 0.2, 0.3], [9, 1, 1], [-3, -2, -np.inf]])
    )
    assert actions.tolist() == [1, -1, 0]


def test_outputs_fill_the_range_between_the_bounds() -> None:
    actions = Bounded(spaces.Box(*np.array([[0, -0.4], [10, 0.4]], np.float32)))
    outputs = np.array([[-1, -1], [0, 0.5], [1, 1], [7, -np.inf], [np.nan, 0]], np.float32)
    wanted = np.array([[0, -0.4], [5, 0.2], [10, 0.4], [10, -0.4], [5, 0]], np.float32)
    assert np.array_equal(actions.of(outputs), wanted)


@pytest.mark.parametrize("id", REFUSED)
def test_environment_that_cannot_be_run_is_refused_in_one_line(id: str) -> None:
    """When the task is made, before any worker starts."""
    with pytest.raises(TaskError, match=f"Gymnasium.*{REFUSED[id]}") as caught:
        GymnasiumTask(id)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("option", "value"), [("steps", 0), ("episodes", 10_001), ("held_out", 0)])
def test_options_out_of_range_are_refused(option: str, value: int) -> None:
    with pytest.raises(OptionError, match=f"Option '{option}' is"):
        GymnasiumTask(**{option: value})  # type: ignore[arg-type]


def test_environment_has_a_name_of_its_own_on_the_command_line() -> None:
    plugin = tasks.get("gym")
    assert plugin.target is GymnasiumTask
    assert GymnasiumTask.bare_option in plugin.defaults
