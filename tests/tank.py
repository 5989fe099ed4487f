"""A task that fails in a way that is chosen; workers import this module, and no more than they have."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

import torch

from neuroevo.errors import TaskError
from neuroevo.network.phenotype import Phenotype
from tests.toy import Echo


class Unpicklable(Exception):
    """An exception that takes two strings, and so does not survive being sent."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class Tank(Echo):
    """Fail in the way that is named, or not at all."""

    def __init__(self, how: str = "") -> None:
        super().__init__()
        self.how = how

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        if self.how == "raises":
            raise ZeroDivisionError("the body\nfell apart")
        if self.how == "refuses":
            raise TaskError("No water in the tank; fill it.")
        if self.how == "unpicklable":
            raise Unpicklable("never", "mind")
        if self.how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "exits":
            sys.exit("no licence")
        if self.how == "leaves":
            os._exit(7)
        if self.how == "interrupts":
            raise KeyboardInterrupt
        if self.how == "crashes":
            ctypes.string_at(0)
        return super().evaluate(phenotype, seeds=seeds)
