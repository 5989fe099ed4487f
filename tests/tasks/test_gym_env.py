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
from tasks.gymnasium_env import GymnasiumTask, literal, make

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


class Random(Clock):
    """Shows anything of its space, drawn from its seed; what a step earns tells all parts of an action."""

    def look(self) -> Any:
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        return self.observation_space.sample()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        shown, _, over, cut, info = super().step(action)
        flat = spaces.flatten(self.action_space, action)
        return shown, float(flat @ np.arange(1, len(flat) + 1)), over, cut, info


class Broken(Clock):
    """Needs a package that is not there."""

    def __init__(self) -> None:
        raise gymnasium.error.DependencyNotInstalled('No module,\nrun `pip install "gymnasium[nowhere]"`')


class Falling(Clock):
    """Fails by itself when it is made."""

    def __init__(self) -> None:
        raise ValueError("no more bits")


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
NEST = spaces.Dict(
    position=spaces.Box(-1, 1, (3,), np.float32),
    target=spaces.Discrete(4, start=2),
    inner=spaces.Tuple(
        (
            spaces.MultiBinary(2),
            spaces.MultiDiscrete([2, 3], start=[1, 0]),
            spaces.Dict(z=spaces.Box(0, 9, (2, 2), np.int64)),
        )
    ),
)
MISSING = register("Missing", entry=Broken)
FALLING = register("Falling", entry=Falling)
NESTED = register("Nested", entry=Random, observed=NEST, acted=NEST)
MANY = register(
    "Several", entry=Random, observed=spaces.MultiBinary((2, 3)), acted=spaces.MultiDiscrete([2, 3])
)
WHOLE = register("Whole", acted=spaces.Box(0, 9, (2,), np.int64))
REFUSED = {
    "Nowhere-v0": "cannot make 'Nowhere-v0': .*doesn't exist",
    "CartPole-v99": "cannot make 'CartPole-v99': ",
    "CartPole v1": "cannot make 'CartPole v1': ",
    "": "cannot make '': ",
    "CartPole": "takes 'CartPole' for 'CartPole-v.*; wanted the id with its version",
    "no_such_module:Some-v0": "cannot make .*no_such_module.*; wanted a module that can be imported before",
    FALLING: "cannot make .*: no more bits; wanted an environment that can be made as it is",
    MISSING: 'cannot make .*: No module, run `pip install "gymnasium.nowhere.*; wanted what .* needs',
    register("Says", observed=spaces.Text(5)): "observes Text.*; wanted a Box, Discrete",
    register(
        "Keys", observed=spaces.Dict(a=spaces.Text(5))
    ): "observes a Dict with 'a', Text.*; wanted a Box",
    register("Net", observed=spaces.Graph(NUMBERS, None)): "observes Graph.*; wanted a Box, Discrete",
    register("List", observed=spaces.Sequence(NUMBERS)): "observes Sequence.*; wanted a Box, Discrete",
    register("Blind", observed=spaces.Box(0, 1, (0,))): "observes Box.*; wanted a Box, Discrete",
    register("Empty", observed=spaces.Dict({})): "observes Dict.*; wanted a Box, Discrete",
    register("Many", observed=spaces.Discrete(10**12)): "observes Discrete 1000000000000, .*at most 1000000",
    register(
        "Talks", acted=spaces.Tuple([spaces.Text(5)])
    ): "takes actions a Tuple with Text.*; wanted a bounded",
    register("Unbounded", acted=NUMBERS): "takes actions Box.*without finite bounds; wanted bounds",
    register("Half", acted=spaces.Box(0, np.inf, (2,))): "takes actions Box.*without finite bounds",
    register(
        "Hand", acted=spaces.Dict(a=NUMBERS)
    ): "takes actions a Dict with 'a', Box.*without finite bounds",
}


def of(spec: str) -> GymnasiumTask:
    """The task that a specification of the command line names."""
    (call,) = tasks.calls([spec])
    task = call.plugin.target(**call.options)
    assert isinstance(task, GymnasiumTask)
    return task


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


def plain_action(space: spaces.Space, outputs: np.ndarray) -> tuple[Any, np.ndarray]:
    """An action by its definition, and the outputs that are left for other parts."""
    if isinstance(space, spaces.Discrete):
        return np.int64(space.start + outputs[: space.n].argmax()), outputs[space.n :]
    if isinstance(space, spaces.MultiDiscrete):
        named = []
        for count, start in zip(space.nvec.ravel(), space.start.ravel(), strict=True):
            named.append(start + outputs[:count].argmax())
            outputs = outputs[count:]
        return np.array(named).reshape(space.shape), outputs
    if isinstance(space, spaces.Dict):
        parts = {}
        for key, part in space.spaces.items():
            parts[key], outputs = plain_action(part, outputs)
        return parts, outputs
    if isinstance(space, spaces.Tuple):
        several = []
        for part in space.spaces:
            action, outputs = plain_action(part, outputs)
            several.append(action)
        return tuple(several), outputs
    size = int(np.prod(space.shape or ()))
    mine, rest = outputs[:size].reshape(space.shape), outputs[size:]
    if isinstance(space, spaces.MultiBinary):
        return (mine > 0).astype(np.int8), rest
    assert isinstance(space, spaces.Box)
    value = space.low + (mine.clip(-1, 1) + 1) / 2 * (space.high.astype(float) - space.low)
    return (value.round() if space.dtype.kind == "i" else value).astype(space.dtype), rest


def plain_return(task: GymnasiumTask, weights: Tensor, seed: int) -> float:
    """The return of one genome's episode, in one environment."""
    environment = gymnasium.make(task.id, **task.arguments)  # type: ignore[arg-type]
    shown = environment.observation_space
    space, network = environment.action_space, Reflexes(weights[None])
    network.reset(1)
    observation, _ = environment.reset(seed=seed)
    earned = 0.0
    for _ in range(task.steps):
        flat = np.asarray(spaces.flatten(shown, observation), np.float32)
        if isinstance(shown, spaces.Box) and shown.dtype == np.uint8:
            flat = flat / 255
        observed = torch.from_numpy(flat.reshape(1, 1, -1))
        outputs = network.step(observed)[0, 0].double().numpy()
        action, rest = plain_action(space, outputs)
        assert not len(rest)
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
        (NESTED, 20),
        (MANY, 20),
        (WHOLE, 20),
        ("FrozenLake-v1,env.is_slippery=false", 30),
        ("Blackjack-v1", 20),
        ("Taxi-v4", 30),
    ],
)
def test_returns_are_those_of_a_plain_loop(id: str, steps: int) -> None:
    task = of(f"gym:{id},steps={steps},episodes=2,held_out=3")
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
    body: Any = make("Swimmer-v5", {}).unwrapped
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


ARGUMENTS = {
    "env.gg=1": "Unknown argument of Gymnasium's 'Pendulum-v1', env.NAME, 'gg'. Did you mean 'g'.",
    "env.=1": "Unknown argument of Gymnasium's 'Pendulum-v1'",
    "env.max_episode_steps=7": "Unknown argument of Gymnasium's 'Pendulum-v1'",
}


@pytest.mark.parametrize("given", ARGUMENTS)
def test_argument_that_an_environment_does_not_take_is_refused_with_those_it_takes(given: str) -> None:
    with pytest.raises(OptionError, match=ARGUMENTS[given]):
        of(f"gym:Pendulum-v1,{given}")


def test_value_that_an_environment_does_not_take_is_said_in_its_words() -> None:
    with pytest.raises(TaskError, match="map_name='9x9': '9x9'; wanted values that the environment takes"):
        of("gym:FrozenLake-v1,env.map_name=9x9")


def test_arguments_are_read_as_literals() -> None:
    texts = {
        "3.7": 3.7,
        "3": 3,
        "true": True,
        "False": False,
        "none": None,
        "4x4": "4x4",
        "'3'": "3",
        '["SF", "FG"]': ["SF", "FG"],
        "(" * 500: "(" * 500,
    }
    for text, value in texts.items():
        assert literal(text) == value and type(literal(text)) is type(value)


def test_arguments_change_the_environment_and_are_written_out_to_be_read_again() -> None:
    text = 'gym:FrozenLake-v1,env.desc="[\\"SF\\", \\"FG\\"]",env.is_slippery=false'
    (call,) = tasks.calls([text])
    task = of(text)
    assert task.arguments == {"desc": ["SF", "FG"], "is_slippery": False} and task.num_sensors == 4
    (again,) = tasks.calls([call.text])
    assert again == call
    heavy, light = (of(f"gym:Pendulum-v1,env.g={g}") for g in (20, 0))
    network = reflexes(heavy)
    assert not torch.equal(*(task.score(network, seeds=[0, 1, 2]) for task in (heavy, light)))  # type: ignore[arg-type]


def test_ports_are_said_in_one_line() -> None:
    assert of(f"gym:{NESTED}").ports == (
        "Observations: Dict(position Box 3, target Discrete 4, inner Tuple(MultiBinary 2, MultiDiscrete 2+3, "
        "Dict(z Box 2 x 2))) as 18 sensors; actions: Dict(position Box 3 (filled by [-1, 1]), target "
        "Discrete 4 (the largest), inner Tuple(MultiBinary 2 (on above 0), MultiDiscrete 2+3 (the largest of "
        "each), Dict(z Box 2 x 2 (filled by [-1, 1])))) as 18 actuators."
    )


def test_policy_senses_and_acts_as_the_task_does() -> None:
    task = of(f"gym:{NESTED}")
    environment = gymnasium.make(NESTED)
    outputs = np.random.default_rng(0).normal(size=(5, 18)).astype(np.float32)
    for k in range(5):
        observation, _ = environment.reset(seed=k)
        assert np.array_equal(task.sense(observation), spaces.flatten(NEST, observation).astype(np.float32))
        wanted, _ = plain_action(NEST, outputs[k])
        np.testing.assert_allclose(
            *(spaces.flatten(NEST, x) for x in (wanted, task.act(outputs[k]))), rtol=1e-6
        )
        assert NEST.contains(task.act(outputs[k]))


HINTED = {
    "Says": {"observed": spaces.Text(5)},
    "Net": {"observed": spaces.Graph(NUMBERS, None)},
    "Blind": {"observed": spaces.Box(0, 1, (0,))},
    "Endless": {"acted": spaces.Box(-np.inf, np.inf, (2,))},
    "HalfOpen": {"acted": spaces.Box(0, np.inf, (2,))},
    "Words": {"acted": spaces.Text(5)},
    "Rows": {"acted": spaces.Sequence(NUMBERS)},
}


@pytest.mark.parametrize("name", HINTED)
def test_hint_of_a_refusal_mends_what_it_is_printed_for(name: str) -> None:
    """An environment that is wrapped as the message says is played."""
    with pytest.raises(TaskError, match=r"Register it wrapped|register it wrapped") as caught:
        GymnasiumTask(register(f"Hinted{name}", **HINTED[name]))
    wrapper = str(caught.value).rpartition("gymnasium.wrappers.")[2].split()[0].rstrip(".")

    def wrapped() -> gymnasium.Env:
        environment = Clock(**HINTED[name])
        if wrapper == "TransformObservation":
            environment.look = lambda: environment.age  # type: ignore[method-assign]
            box = spaces.Box(0, 100, (1,), np.float32)
            return gymnasium.wrappers.TransformObservation(environment, lambda x: np.float32([x]), box)
        sample = environment.action_space.sample()
        box = spaces.Box(-1, 1, (2,), np.float32)
        return getattr(gymnasium.wrappers, wrapper)(environment, lambda _: sample, box)

    gymnasium.register(f"Mended{name}-v0", entry_point=wrapped)
    task = GymnasiumTask(f"Mended{name}-v0", episodes=2)
    returns = task.evaluate(reflexes(task, 1), seeds=[1])  # type: ignore[arg-type]
    assert returns.isfinite().all() and (returns >= 3).all()
