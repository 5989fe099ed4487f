"""Any environment of Gymnasium's, through its vector interface: `--task gym:CartPole-v1`.

Environments are stepped one after another in Python, so a body that `locomotion` has is several times as fast
there. Nothing is known about an environment but its spaces: observations reach the network as they are.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.errors import TaskError, reason, require_range
from neuroevo.plugins import tasks
from neuroevo.seeds import derive
from neuroevo.task import Task

if TYPE_CHECKING:
    import gymnasium
    from torch import Tensor

    from neuroevo.network.phenotype import Phenotype

PURPOSES = ("training", "held-out")
SEED_BITS = 30  # of what is drawn for an episode; with the purpose 31, which every environment takes


@tasks.register("gym")
class GymnasiumTask(Task):
    """Any Gymnasium environment, named by its id, such as gym:CartPole-v1; return of an episode.

    Observations must be numbers, a `Box` of any shape; they are flattened and not scaled. Actions are a
    `Discrete` choice, which falls on the largest of n outputs, or a `Box` with finite bounds: then outputs
    are clipped to [-1, 1], where -1 is the lower bound and 1 the upper. An episode ends when the environment
    terminates or truncates it; rewards count until then. Equal seeds give equal returns as far as the
    environment, once it is seeded, is deterministic.

    Environments that Gymnasium does not come with, or that need more than it does, are installed beside it.

    Args:
        id: Gymnasium's name of the environment; `module:Name-v0` imports a module first.
        steps: Most steps of an episode, 1 to 100,000; the environment's own limit holds too.
        episodes: Episodes on which a genome is evaluated in a generation, 1 to 10,000.
        held_out: Fresh episodes on which a lineage is scored, 1 to 10,000.
    """

    unit = "return"
    defaults = {"generations": 100, "population": 64}  # noqa: RUF012
    bare_option = "id"
    steps: int
    episodes: int

    def __init__(
        self, id: str = "CartPole-v1", steps: int = 1000, episodes: int = 5, held_out: int = 16
    ) -> None:
        require_range("steps", steps, 1, 100_000)
        require_range("episodes", episodes, 1, 10_000)
        require_range("held_out", held_out, 1, 10_000)
        self.id = id
        self.steps = steps
        self.episodes = episodes
        self.held_out = held_out
        num_sensors, actions = spaces_of(id)
        self._actions = actions
        self.num_sensors = num_sensors
        self.num_actuators = actions.num_outputs
        self._batches: dict[int, gymnasium.vector.SyncVectorEnv] = {}  # by number of environments

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns returns of episodes, float64 [G, B]; NaN where the network gave NaN.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G]; equal seeds give equal episodes.
        """
        return self._run(phenotype, seeds, "training", self.episodes)

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns returns of held-out episodes, float64 [G, held_out]; NaN where the network gave NaN.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G]; equal seeds give equal episodes, and none starts as one of training.
        """
        return self._run(phenotype, seeds, "held-out", self.held_out)

    def sense(self, observation: np.ndarray) -> np.ndarray:
        """Returns what the network senses of an observation, float32 [S].

        Args:
            observation: What the environment shows, of any shape.
        """
        return observation.reshape(-1).astype(np.float32)

    def act(self, outputs: np.ndarray) -> np.ndarray | np.generic:
        """Returns the environment's action for what the network puts out.

        Args:
            outputs: float32 [A].
        """
        return self._actions.of(outputs[None])[0]

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
        phenotype.reset(num_episodes)
        for _ in range(self.steps):
            sensed[:] = observed.reshape(size, -1)
            outputs = phenotype.step(observations).reshape(size, -1).numpy()
            failed |= going & np.isnan(outputs).any(axis=1)
            going &= ~failed
            observed, rewards, terminated, truncated, _ = batch.step(self._actions.of(outputs))
            returns[going] += rewards[going]
            going &= ~(terminated | truncated)
            if not going.any():
                break
        returns[failed] = np.nan
        return torch.from_numpy(returns).view(phenotype.num_genomes, num_episodes)

    def _batch(self, size: int) -> gymnasium.vector.SyncVectorEnv:
        """Returns environments for a batch of this size, which are reused from one generation to the next."""
        if size not in self._batches:
            from gymnasium.vector import SyncVectorEnv

            self._batches[size] = SyncVectorEnv([lambda: once(make(self.id))] * size)
        return self._batches[size]


class Choices:
    """Discrete actions: the largest of n outputs names one.

    Attributes:
        num_outputs: n, the number of choices.
    """

    def __init__(self, space: gymnasium.spaces.Discrete) -> None:
        self.num_outputs = int(space.n)
        self._first = int(space.start)

    def of(self, outputs: np.ndarray) -> np.ndarray:
        """Returns actions, int64 [W].

        Args:
            outputs: What the network puts out, [W, n].
        """
        return outputs.argmax(axis=1) + self._first


class Bounded:
    """Continuous actions: outputs in [-1, 1] fill the range between the bounds.

    Attributes:
        num_outputs: A, numbers of an action.
    """

    def __init__(self, space: gymnasium.spaces.Box) -> None:
        self._space = space
        self.num_outputs = int(np.prod(space.shape))
        low, high = space.low.astype(np.float64), space.high.astype(np.float64)
        self._middle = (high + low) / 2
        self._half = (high - low) / 2

    def of(self, outputs: np.ndarray) -> np.ndarray:
        """Returns actions, [W, ...] as the space is shaped.

        Args:
            outputs: What the network puts out, [W, A]; for NaN the action is the middle of its range.
        """
        unit = np.nan_to_num(outputs.astype(np.float64)).clip(-1, 1).reshape(-1, *self._space.shape)
        actions = (self._middle + self._half * unit).astype(self._space.dtype)
        return actions.clip(self._space.low, self._space.high)  # rounding may lead beyond them


def spaces_of(id: str) -> tuple[int, Choices | Bounded]:
    """Returns how many numbers an environment observes, and its actions.

    Args:
        id: Gymnasium's name of the environment.

    Raises:
        TaskError: If there is no such environment, or its spaces are not for these networks.
    """
    from gymnasium.spaces import Box, Discrete

    environment = make(id)
    observed, acted = environment.observation_space, environment.action_space
    environment.close()
    if not isinstance(observed, Box) or not np.prod(observed.shape):
        raise TaskError(
            f"Gymnasium's {id!r} observes {reason(observed)}; wanted numbers, a Box: register it wrapped, "
            "for instance in gymnasium.wrappers.FlattenObservation."
        )
    sensors = int(np.prod(observed.shape))
    if isinstance(acted, Discrete):
        return sensors, Choices(acted)
    if not isinstance(acted, Box) or not np.prod(acted.shape):
        raise TaskError(
            f"Gymnasium's {id!r} takes actions {reason(acted)}; wanted a Discrete choice or a Box."
        )
    if not np.issubdtype(acted.dtype, np.floating) or not acted.is_bounded():
        raise TaskError(
            f"Gymnasium's {id!r} takes actions {reason(acted)}; wanted a Box of floats with finite bounds: "
            "register it wrapped, for instance in gymnasium.wrappers.RescaleAction."
        )
    return sensors, Bounded(acted)


def make(id: str) -> gymnasium.Env:
    """Returns an environment.

    Args:
        id: Gymnasium's name of the environment.

    Raises:
        TaskError: If there is no such environment, or it cannot be made here.
    """
    import gymnasium

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of newer versions, in every process
            environment = gymnasium.make(id, disable_env_checker=True)
    except Exception as error:  # an environment's package may fail in any way
        raise TaskError(
            f"Gymnasium cannot make {id!r}: {reason(error)}; wanted the id of an environment that is "
            "installed, such as CartPole-v1."
        ) from error
    spec = environment.spec
    if spec is not None and spec.id != id.rpartition(":")[2]:
        raise TaskError(f"Gymnasium takes {id!r} for {spec.id!r}; wanted the id with its version.")
    if "mujoco" in sys.modules:  # the environment is one of MuJoCo's
        from neuroevo.physics import clock  # here, for it imports MuJoCo and numba

        clock.stop()
    return environment


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
