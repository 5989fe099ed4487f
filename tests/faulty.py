"""The toy task with faults that are ordered from outside, one by one, through files in a folder."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from neuroevo.network.phenotype import Phenotype
from neuroevo.workers.requests import Key, Request, TaskKey
from neuroevo.workers.worker import Worker
from tests.toy import Echo


class Faulty(Echo):
    """Fail once for each file in a folder, as its name says, and else follow the sensors.

    Args:
        folder: Where the files are; a worker that meets one takes it away. Beside it, `.calls` has a byte for
            each evaluation.
        poison: Seed of episodes that makes everything raise that it is part of.
        seconds: That every evaluation takes.
        wild: Share of genomes whose fitness is infinite or not a number; which, their outputs tell.
    """

    def __init__(self, folder: str = "", poison: int = -1, seconds: float = 0.0, wild: float = 0.0) -> None:
        super().__init__()
        self.folder = folder
        self.poison = poison
        self.seconds = seconds
        self.wild = wild

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        time.sleep(self.seconds)
        if self.folder:
            with open(f"{self.folder}.calls", "ab", buffering=0) as calls:
                calls.write(b".")
        for path in sorted(Path(self.folder).glob("*")) if self.folder else ():
            try:
                path.unlink()
            except FileNotFoundError:  # another worker took it
                continue
            {"raise": _raise, "die": _die, "stop": _stop, "infinite": _infinite}[path.name.split("-")[0]]()
        if self.poison in seeds:
            raise ZeroDivisionError("a body fell apart")
        fitness = super().evaluate(phenotype, seeds=seeds)
        if self.wild:
            lot = fitness.sum(1, keepdim=True).mul(1e3).frac().abs() / self.wild  # in [0, 1 / wild)
            for k, value in enumerate((torch.inf, -torch.inf, torch.nan)):
                fitness = torch.where((lot >= k / 3) & (lot < (k + 1) / 3), value, fitness)
        return fitness


NOTHING = TaskKey(-1, "x")


@dataclass(frozen=True, eq=False)
class Impossible(Request[None]):
    """A request that fails wherever it is computed."""

    key: Key = NOTHING
    about: str = "Nothing at all"

    def run(self, worker: Worker) -> None:
        raise AttributeError("no such thing")

    @property
    def cached(self) -> Mapping[str, Key]:
        return {}


def _raise() -> None:
    raise FloatingPointError("the disk of a node was full")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _infinite() -> None:
    while True:
        time.sleep(1)


def order(folder: Path, *faults: str) -> None:
    """Orders faults: `raise`, `die`, `stop` or `infinite`."""
    folder.mkdir(exist_ok=True)
    for k, fault in enumerate(faults):
        (folder / f"{fault}-{k}").touch()
