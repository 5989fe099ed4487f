"""What tasks with a body share: episodes from random starts in batched worlds; training and scores apart."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.errors import require_range
from neuroevo.physics import engine
from neuroevo.physics.arrays import Array
from neuroevo.physics.recording import Film, Recording
from neuroevo.task import Task

if TYPE_CHECKING:
    import mujoco
    from torch import Tensor

    from neuroevo.network.phenotype import Phenotype
    from neuroevo.physics.engine import Engine


class Embodied(Task):
    """Base of the tasks with a body; a subclass says which body, where it starts and what it earns.

    Args:
        steps: Control steps of an episode, 1 to 10,000.
        episodes: Starts on which a genome is evaluated in a generation, 1 to 10,000.
        held_out: Fresh starts on which a lineage is scored, 1 to 10,000.

    Attributes:
        forces: Whether forces from outside are observed.
        is_chain: Whether the body is a chain of links.
    """

    on_device = True
    forces = False
    is_chain = True
    steps: int
    episodes: int
    held_out: int

    def __init__(self, steps: int, episodes: int, held_out: int) -> None:
        for name, value in (("steps", steps), ("episodes", episodes), ("held_out", held_out)):
            require_range(name, value, 1, 10_000)
        self.steps = steps
        self.episodes = episodes
        self.held_out = held_out
        self._worlds: Engine | None = None

    @abstractmethod
    def body(self) -> mujoco.MjModel:
        """Returns the compiled body."""

    def picture(self) -> mujoco.MjModel:
        """Returns the body as it is drawn, with as many positions."""
        return self.body()

    @abstractmethod
    def seconds(self) -> float:
        """Returns how long a control step is."""

    @abstractmethod
    def starts(self, seed: int, purpose: str, num_episodes: int) -> tuple[np.ndarray, ...]:
        """Returns where episodes start.

        Args:
            seed: Equal seeds give equal starts.
            purpose: "training" or "held-out", branches of the seed tree that have no number in common.
            num_episodes: B.

        Returns:
            Positions, float64 [B, nq], and velocities, float64 [B, nv]; a body without the latter is at rest.
        """

    @abstractmethod
    def run(
        self, phenotype: Phenotype, worlds: Engine, starts: Sequence[np.ndarray], film: Film | None
    ) -> Array:
        """Returns what each world earned in an episode, [W]; NaN where it failed.

        Args:
            phenotype: G genomes.
            worlds: W bodies, B of each genome in turn: world g * B + b is episode b of genome g.
            starts: Positions, float64 [W, nq], and perhaps velocities, float64 [W, nv].
            film: Keeps where one of the bodies is, step by step; None: nothing is filmed.
        """

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns what episodes earned, float64 [G, B], in the task's unit; NaN where one failed.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G]; equal seeds give equal starts.
        """
        return self._earned(phenotype, seeds, "training", self.episodes)

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns what episodes from held-out starts earned, float64 [G, held_out]; NaN where one failed.

        Args:
            phenotype: G genomes.
            seeds: One a genome, [G]; equal seeds give equal starts, and no training start is among them.
        """
        return self._earned(phenotype, seeds, "held-out", self.held_out)

    def record(self, phenotype: Phenotype, *, seed: int, episode: int) -> Recording:
        """Returns how the body moves in one of the held-out episodes.

        Args:
            phenotype: One genome.
            seed: The seed whose held-out episodes `score` runs.
            episode: Which of them, 0 to `held_out` - 1.
        """
        require_range("episode", episode, 0, self.held_out - 1)
        film = Film(episode)
        earned = self._earned(phenotype, [seed], "held-out", self.held_out, film)
        score = float(earned[0, episode])
        return film.recording(self.picture(), self.seconds(), score, is_chain=self.is_chain)

    def batch(self, num_worlds: int, device: object = "cpu") -> Engine:
        """Returns worlds for a batch, which are reused from one generation to the next.

        Args:
            num_worlds: W, the size of the batch.
            device: Torch's device, or its name.
        """
        self._worlds = engine.worlds(self.body(), num_worlds, device, self.forces, before=self._worlds)
        return self._worlds

    def _earned(
        self,
        phenotype: Phenotype,
        seeds: Sequence[int],
        purpose: str,
        num_episodes: int,
        film: Film | None = None,
    ) -> Tensor:
        """Returns what every genome earned in B episodes, [G, B]."""
        import torch

        worlds = self.batch(phenotype.num_genomes * num_episodes, engine.place(phenotype))
        of_seed = {seed: self.starts(seed, purpose, num_episodes) for seed in dict.fromkeys(seeds)}
        starts = [np.concatenate(parts) for parts in zip(*(of_seed[seed] for seed in seeds), strict=True)]
        earned = self.run(phenotype, worlds, starts, film)
        return torch.as_tensor(earned).view(phenotype.num_genomes, num_episodes)
