"""The toy task with a score that fails as long as a file is there, and that notes how much it is given."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from neuroevo.errors import TaskError
from neuroevo.network.phenotype import Phenotype
from tests.toy import Echo


class Unscorable(Echo):
    """Follow the sensors; scoring does what a file says while there is one.

    Args:
        fault: The file. It says "raise", "shape", "refuse", "sleep" or "die".
        where: Share of the seeds, by their last digit, that are concerned.
    """

    batches: list[tuple[str, int]]

    def __init__(self, fault: str = "", episodes: int = 2) -> None:
        super().__init__(episodes=episodes)
        self.fault = fault
        self.batches = []

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        self.batches.append(("evaluate", len(seeds)))
        return super().evaluate(phenotype, seeds=seeds)

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        fault = Path(self.fault).read_text() if self.fault and Path(self.fault).exists() else ""
        if fault == "raise":
            raise ZeroDivisionError("the held-out set was gone")
        if fault == "refuse":
            raise TaskError("there are no held-out data")
        if fault == "sleep":
            time.sleep(600)
        if fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "shape":
            return torch.zeros(3)
        return super().score(phenotype, seeds=seeds)
