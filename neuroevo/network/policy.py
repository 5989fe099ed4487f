"""A genome as a policy: observations go in and actions come out, one control step at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype

if TYPE_CHECKING:
    import pandas as pd


class Policy:
    """One genome that answers observations with actions and keeps its cells' state between them.

    A policy plays an environment whose observations and actions are those of the task it evolved on:

        observation, _ = environment.reset(seed=0)
        policy.reset()
        for _ in range(1000):
            observation, reward, terminated, truncated, _ = environment.step(policy.step(observation))

    Args:
        blueprint: Architecture, neurons and adapters of the genome.
        parameters: Its parameter vector, float32 [L].
        sense: Turns an environment's observation into the S sensors of the network. By default an observation
            is S numbers of any shape, which the network senses as they are.
        act: Turns the network's A outputs, float32 [A], into an action of the environment. By default the
            outputs are the action.
        about: What is known of where the genome comes from, plain JSON types, for what `save` writes.

    Attributes:
        blueprint: Architecture, neurons and adapters of the genome.
        parameters: Its parameter vector, float32 [L].
        phenotype: The genome as a running network, such as `Task.score` takes it.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        parameters: Tensor,
        *,
        sense: Callable[[Any], np.ndarray] | None = None,
        act: Callable[[np.ndarray], object] | None = None,
        about: Mapping[str, object] | None = None,
    ) -> None:
        self.blueprint = blueprint
        self.parameters = parameters
        self.phenotype = Phenotype([blueprint], [1])
        self.phenotype.load([parameters[None]])
        self._sense = sense
        self._act = act
        self._about = dict(about or {})
        self.reset()

    def reset(self) -> None:
        """Sets all cells to rest, as at the start of an episode."""
        self.phenotype.reset(1)

    def step(self, observation: object) -> Any:
        """Runs the network for one step and returns the action.

        Args:
            observation: What the environment shows: numbers, a dict or a tuple, S numbers once `sense` has
                turned it into sensors.

        Returns:
            The environment's action; without `act` the outputs, float32 [A].

        Raises:
            ValueError: If the observation does not hold S numbers.
        """
        sensed = np.asarray(observation) if self._sense is None else self._sense(observation)
        if sensed.size != self.blueprint.num_sensors:
            raise ValueError(
                f"An observation has {sensed.size} numbers; wanted {self.blueprint.num_sensors}, as the task "
                "has on which the policy evolved."
            )
        if self.phenotype.normaliser is not None:
            sensed = self.phenotype.normaliser.apply(sensed.reshape(1, -1))
        with torch.inference_mode():
            sensors = torch.from_numpy(np.ascontiguousarray(sensed, np.float32).reshape(1, 1, -1))
            outputs = self.phenotype.step(sensors)[0, 0].numpy().copy()
        return outputs if self._act is None else self._act(outputs)

    __call__ = step

    def synapses(self) -> pd.DataFrame:
        """Returns a row for each connection: pre, post, kind, sign, measured strength and evolved weight.

        See `neuroevo.network.weights.synapse_table` for what the columns hold.
        """
        from neuroevo.network.weights import synapse_table  # here, for it is seldom wanted

        return synapse_table(self.blueprint, self.parameters)

    def save(self, path: str | Path) -> None:
        """Writes the policy into one safetensors file that can be read without neuroevo.

        Args:
            path: The file, which must not exist; `neuroevo.network.weights` says what it holds, and so does
                the file itself.

        Raises:
            RunError: If there is such a file, or it cannot be written.
        """
        from neuroevo.network import weights

        weights.write(Path(path), self.blueprint, self.parameters, self._about)
