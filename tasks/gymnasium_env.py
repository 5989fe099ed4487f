"""Any environment of Gymnasium's, through its vector interface: `--task gym:CartPole-v1`.

Environments are stepped one after another in Python, so a body that `locomotion` has is several times as fast
there. Nothing is known about an environment but its spaces, which `spaces` makes sensors and actuators of.
"""

from __future__ import annotations

import ast
import inspect
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neuroevo import finder
from neuroevo.errors import FOREIGN, OptionError, TaskError, reason, require_range, unknown
from neuroevo.plugins import Scalar, tasks
from neuroevo.seeds import derive, generator
from neuroevo.task import Task
from neuroevo.text import count
from tasks import finite

if TYPE_CHECKING:
    import gymnasium
    from torch import Tensor

    from neuroevo.network.normalisation import Normaliser, Statistics
    from neuroevo.network.phenotype import Phenotype
    from tasks.spaces import Actuators, Sensors

PREFIX = "env."  # of options that are the environment's own arguments
MOST_NORMALISED = 10_000  # sensors; sums over the observations of every episode are held
RANDOM_EPISODES = 8  # by which observations are normalised in the first generation
REGISTERING = "Environment registration via importing a module failed"  # in Gymnasium's error of an id
PURPOSES = ("training", "held-out")
SEED_BITS = 30  # of what is drawn for an episode; with the purpose 31, which every environment takes


@tasks.register("gym")
class GymnasiumTask(Task):
    """Any Gymnasium environment, named by its id, such as gym:CartPole-v1; return of an episode.

    Observations may be `Box`, `Discrete`, `MultiDiscrete` or `MultiBinary` spaces, and a `Dict` or `Tuple` of
    these, one in another. They are flattened as Gymnasium does it: a number is a sensor, not scaled; a choice
    is a sensor a value, 1 at the one that is there. Pixels, bytes in 0..255, are floats in [0, 1].

    Actions may be of the same spaces. A choice falls on the largest of its outputs, each component of a
    `MultiDiscrete` has outputs of its own; a bit is on where its output is above 0; a `Box` has finite
    bounds, and outputs are clipped to [-1, 1], where -1 is the lower bound and 1 the upper. `run.py list
    gym:ID` says what an environment has.

    An episode ends when the environment terminates or truncates it; rewards count until then. Equal seeds
    give equal returns as far as the environment, once it is seeded, is deterministic.

    Environments that Gymnasium does not come with, or that need more than it does, are installed beside it.

    Args:
        id: Gymnasium's name of the environment; `module:Name-v0` imports a module first.
        steps: Most steps of an episode, 1 to 100,000; the environment's own limit holds too.
        episodes: Episodes on which a genome is evaluated in a generation, 1 to 10,000.
        held_out: Fresh episodes on which a lineage is scored, 1 to 10,000.
        normalise: Whether sensors are observations less their mean, over their deviation, in [-10, 10]. Both
            are a lineage's own, of all that its genomes have observed in earlier generations; in the first
            one they are those of a few episodes of random actions, the same for every lineage.
        env: Keyword arguments of the environment itself, `env.NAME=VALUE`: `gym:Pendulum-v1,env.g=3.7`.
            Values are read as Python's literals, `true`, `false` and `none` too; other text is text.
    """

    unit = "return"
    defaults = {"generations": 100, "population": 64}  # noqa: RUF012
    bare_option = "id"
    open_options = PREFIX
    steps: int
    episodes: int
    held_out: int

    def __init__(
        self,
        id: str = "CartPole-v1",
        steps: int = 1000,
        episodes: int = 5,
        held_out: int = 16,
        normalise: bool = False,
        **env: Scalar,
    ) -> None:
        from tasks import spaces  # here, for it imports Gymnasium

        require_range("steps", steps, 1, 100_000)
        require_range("episodes", episodes, 1, 10_000)
        require_range("held_out", held_out, 1, 10_000)
        self.id = id
        self.steps = steps
        self.episodes = episodes
        self.held_out = held_out
        self.normalises = normalise
        for module in self.imported_modules(id):
            finder.admit(module)
        self.arguments = arguments(id, env)
        environment = make(id, self.arguments)
        observed, acted = environment.observation_space, environment.action_space
        environment.close()
        whose = f"Gymnasium's {id!r}"
        self._sensors: Sensors = spaces.sensors(observed, whose)
        self._actions: Actuators = spaces.actuators(acted, whose)
        self.image_shape = spaces.image_shape(observed)
        self.num_sensors = self._sensors.width
        self.num_actuators = self._actions.width
        if normalise and self.num_sensors > MOST_NORMALISED:
            raise OptionError(
                f"Option 'normalise' was asked for on {count(self.num_sensors, 'sensor')}; wanted at most "
                f"{MOST_NORMALISED}. Leave it out; pixels are in [0, 1]."
            )
        self.ports = (
            f"Observations: {self._sensors.text} as {count(self.num_sensors, 'sensor')}"
            f"{', normalised' if normalise else ''}; "
            f"actions: {self._actions.text} as {count(self.num_actuators, 'actuator')}."
        )
        self._first: Statistics | None = None
        self._batches: dict[int, gymnasium.vector.SyncVectorEnv] = {}  # by number of environments

    @staticmethod
    def imported_modules(id: str = "", **options: object) -> list[str]:
        """Returns the modules that an environment's id has imported, for `trust`: of `module:Name-v0` one.

        Args:
            id: Gymnasium's name of the environment.
            options: The other options, which import nothing.
        """
        module, colon, _ = id.partition(":")
        return [module] if colon else []

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns returns of episodes, float64 [G, B]; NaN where the network or the environment gave NaN.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G]; equal seeds give equal episodes.
        """
        return self._run(phenotype, seeds, "training", self.episodes)

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns returns of held-out episodes, float64 [G, held_out]; NaN where NaN came in.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G]; equal seeds give equal episodes, and none starts as one of training.
        """
        return self._run(phenotype, seeds, "held-out", self.held_out)

    def sense(self, observation: object) -> np.ndarray:
        """Returns what the network senses of an observation, float32 [S].

        Args:
            observation: What the environment shows.
        """
        from tasks.spaces import stacked

        return self._sensors.of(stacked(observation))[0].astype(np.float32)

    def act(self, outputs: np.ndarray) -> object:
        """Returns the environment's action for what the network puts out.

        Args:
            outputs: float32 [A].
        """
        from tasks.spaces import first

        return first(self._actions.of(outputs[None]))

    def first_statistics(self) -> Statistics:
        """Returns statistics of what is observed in a few episodes of random actions, the same each time."""
        if self._first is None:
            from neuroevo.network.normalisation import Normaliser, Statistics

            normaliser = Normaliser([Statistics.none(self.num_sensors)], [1])
            batch, rng = self._batch(RANDOM_EPISODES), generator(0, "gym", self.id, "normalise")
            observed, _ = batch.reset(seed=[*self.starts(0, "training", RANDOM_EPISODES)])
            going = np.ones(RANDOM_EPISODES, bool)
            for _ in range(self.steps):
                normaliser.apply(self._sensors.of(observed), going)
                drawn = rng.standard_normal((RANDOM_EPISODES, self.num_actuators))
                observed, _, terminated, truncated, _ = batch.step(self._actions.of(drawn))
                going &= ~(terminated | truncated)
                if not going.any():
                    break
            self._first = Statistics.none(self.num_sensors).merged(normaliser.moments())
        return self._first

    def starts(self, seed: int, purpose: str, num_episodes: int) -> list[int]:
        """Returns the seeds that episodes are reset with, even for training, odd for held-out ones.

        Args:
            seed: Equal seeds give equal episodes.
            purpose: "training" or "held-out".
            num_episodes: B.
        """
        drawn = (derive(seed, "gym", self.id, purpose, k) for k in range(num_episodes))
        return [number % (1 << SEED_BITS) * 2 + PURPOSES.index(purpose) for number in drawn]

    def _run(self, phenotype: Phenotype, seeds: Sequence[int], purpose: str, num_episodes: int) -> Tensor:
        """Runs every genome for B episodes and returns their returns [G, B]."""
        import torch

        size = phenotype.num_genomes * num_episodes
        batch = self._batch(size)
        starts = {seed: self.starts(seed, purpose, num_episodes) for seed in set(seeds)}
        observed, _ = batch.reset(seed=[start for seed in seeds for start in starts[seed]])
        sensed = np.zeros((size, self.num_sensors), np.float32)
        observations = torch.from_numpy(sensed).view(phenotype.num_genomes, num_episodes, -1)
        returns, failed, going = np.zeros(size), np.zeros(size, bool), np.ones(size, bool)
        normaliser = self._normaliser(phenotype)
        phenotype.reset(num_episodes)
        for step in range(self.steps):
            shown = self._sensors.of(observed)
            sensed[:] = shown if normaliser is None else normaliser.apply(shown, going)
            if not np.isfinite(sensed).all():
                failed |= finite.withheld(phenotype, sensed, going, step)
                going &= ~failed
            outputs = phenotype.step(observations).reshape(size, -1).numpy()
            failed |= going & np.isnan(outputs).any(axis=1)
            going &= ~failed
            observed, rewards, terminated, truncated, _ = batch.step(self._actions.of(outputs))
            returns[going] += rewards[going]
            for number in (going & ~np.isfinite(rewards)).nonzero()[0]:
                finite.blame(phenotype, int(number), size, f"reward is {rewards[number]:g}", step + 1)
            going &= ~(terminated | truncated)
            if not going.any():
                break
        returns[failed] = np.nan
        return torch.from_numpy(returns).view(phenotype.num_genomes, num_episodes)

    def _normaliser(self, phenotype: Phenotype) -> Normaliser | None:
        """Returns what observations are normalised with: what the engine gave, or the first statistics."""
        if not self.normalises or phenotype.normaliser is not None:
            return phenotype.normaliser if self.normalises else None
        from neuroevo.network.normalisation import Normaliser

        return Normaliser([self.first_statistics()], [phenotype.num_genomes])

    def _batch(self, size: int) -> gymnasium.vector.SyncVectorEnv:
        """Returns environments for a batch of this size, which are reused from one generation to the next."""
        if size not in self._batches:
            from gymnasium.vector import SyncVectorEnv

            self._batches[size] = SyncVectorEnv([lambda: once(make(self.id, self.arguments))] * size)
        return self._batches[size]


def arguments(id: str, options: Mapping[str, Scalar]) -> dict[str, object]:
    """Returns the keyword arguments of an environment that options stand for.

    Args:
        id: Gymnasium's name of the environment.
        options: Values by `env.NAME`; a text is read as a literal.

    Raises:
        OptionError: If the environment takes no argument of such a name, and says which it takes.
    """
    if not options:
        return {}
    known, takes_any = names_of_arguments(id)
    values: dict[str, object] = {}
    for option, value in options.items():
        name = option.removeprefix(PREFIX)
        if name not in known and not (takes_any and name.isidentifier()):
            raise OptionError(unknown(f"argument of Gymnasium's {id!r}, {PREFIX}NAME,", name, known))
        values[name] = literal(value) if isinstance(value, str) else value
    return values


def names_of_arguments(id: str) -> tuple[list[str], bool]:
    """Returns the names of the keyword arguments of an environment, and whether it takes any others.

    Args:
        id: Gymnasium's name of the environment.

    Raises:
        TaskError: If there is no such environment, or it cannot be made here.
    """
    from gymnasium.envs.registration import load_env_creator

    spec = make(id, {}).spec
    entry = None if spec is None else spec.entry_point
    if entry is None:
        return [], False
    parameters = inspect.signature(load_env_creator(entry) if isinstance(entry, str) else entry).parameters
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    named = [name for name, parameter in parameters.items() if parameter.kind in kinds]
    return named, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def literal(text: str) -> object:
    """Returns the value that a text stands for: a literal of Python's, or the text itself.

    Args:
        text: Such as `3.7`, `true`, `none`, `[1, 2]` or `4x4`.
    """
    words = {"true": True, "false": False, "none": None}
    if text.strip().lower() in words:
        return words[text.strip().lower()]
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def make(id: str, arguments: Mapping[str, object]) -> gymnasium.Env:
    """Returns an environment.

    Args:
        id: Gymnasium's name of the environment.
        arguments: Its keyword arguments.

    Raises:
        TaskError: If there is no such environment, or it cannot be made here.
    """
    import gymnasium

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of newer versions, in every process
            environment = gymnasium.make(id, disable_env_checker=True, **arguments)  # type: ignore[arg-type]
    except FOREIGN as error:  # an environment's package may fail in any way
        given = "".join(f", {name}={value!r}" for name, value in arguments.items())
        wanted = _wanted(error, id, bool(arguments))
        raise TaskError(f"Gymnasium cannot make {id!r}{given}: {reason(error)}; wanted {wanted}.") from error
    spec = environment.spec
    if spec is not None and spec.id != id.rpartition(":")[2]:
        raise TaskError(f"Gymnasium takes {id!r} for {spec.id!r}; wanted the id with its version.")
    if "mujoco" in sys.modules:  # the environment is one of MuJoCo's
        from neuroevo.physics import clock  # here, for it imports MuJoCo and numba

        clock.stop()
    return environment


def _wanted(error: BaseException, id: str, has_arguments: bool) -> str:
    """Returns what was wanted in place of an environment that cannot be made for an error."""
    from gymnasium.error import DependencyNotInstalled, Error

    if isinstance(error, DependencyNotInstalled):
        return "what the environment needs, installed"
    if isinstance(error, Error):
        return "the id of an environment that is installed, such as CartPole-v1"
    if isinstance(error, ModuleNotFoundError) and REGISTERING in str(error):
        return f"a module that can be imported before the colon of {id!r}; options follow a comma"
    if has_arguments:
        return f"values that the environment takes for its arguments {PREFIX}NAME"
    return "an environment that can be made as it is: this error is its own"


def once(environment: gymnasium.Env) -> gymnasium.Wrapper:
    """Returns the environment such that it rests after an episode until it is reset with a seed.

    A vector of environments resets those whose episode is over, without a seed, and goes on with them: here
    that costs nothing, and nothing is earned.

    Args:
        environment: The environment, which is wrapped.
    """
    from gymnasium import Wrapper

    class Once(Wrapper):
        """Lives one episode a seed."""

        is_over = False
        last: object = None  # observation

        def reset(
            self, *, seed: int | None = None, options: dict[str, object] | None = None
        ) -> tuple[object, dict]:
            if seed is None:
                return self.last, {}
            observation, info = self.env.reset(seed=seed, options=options)
            self.last = observation
            self.is_over = False
            return observation, info

        def step(self, action: object) -> tuple[object, float, bool, bool, dict]:
            if self.is_over:
                return self.last, 0.0, False, False, {}
            observation, reward, terminated, truncated, info = self.env.step(action)
            self.last = observation
            self.is_over = terminated or truncated
            return observation, float(reward), terminated, truncated, info

    return Once(environment)
