"""A task of luck alone, in which every genome draws a lot of its own: no prior is better than another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from neuroevo.network.phenotype import Phenotype
from neuroevo.seeds import generator
from tests.toy import Echo


class Lots(Echo):
    """A lot for each genome, drawn by what it answers: fitness is spread evenly over [0, 1]."""

    unit = "luck"

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        phenotype.reset(1)
        for _ in range(self.steps):
            answers = phenotype.step(torch.ones(phenotype.num_genomes, 1, self.num_sensors))
        lots = [
            generator(seed, "lots", np.round(answer, 4).tobytes().hex()).random(self.episodes)
            for answer, seed in zip(answers.double().numpy(), seeds, strict=True)
        ]
        return torch.from_numpy(np.stack(lots))
