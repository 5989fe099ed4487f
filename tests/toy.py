"""A task small enough for tests: the outputs should follow the sensors. Also shows what a task must have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from neuroevo.network.phenotype import Phenotype
from neuroevo.task import Task


class Echo(Task):
    """Follow the sensors: fitness is minus the squared error.

    Args:
        episodes: Episodes a generation.
        steps: Network steps an episode.
        broken: Share of genomes, the first of each population, whose fitness is not a number.
        raises: Fail with an exception.
    """

    unit = "error"
    defaults = {"generations": 3, "population": 8}  # noqa: RUF012
    num_sensors = 2
    num_actuators = 2

    def __init__(self, episodes: int = 2, steps: int = 4, broken: float = 0.0, raises: bool = False) -> None:
        self.episodes = episodes
        self.steps = steps
        self.broken = broken
        self.raises = raises

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        if self.raises:
            raise ZeroDivisionError("the body fell apart")
        batches = {s: np.random.default_rng(s).normal(0, 1, (self.episodes, 2)) for s in set(seeds)}
        sensed = torch.from_numpy(np.stack([batches[s] for s in seeds]).astype(np.float32))
        phenotype.reset(self.episodes)
        for _ in range(self.steps):
            outputs = phenotype.step(sensed)
        fitness = -(outputs - sensed).square().mean(2)
        fitness[: round(self.broken * len(fitness))] = torch.nan
        return fitness

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        return self.evaluate(phenotype, seeds=[s ^ 1 for s in seeds])
