"""Where the time of an evaluation goes: shares of a worker's time, task by task.

    python -m benchmarks.profile [--networks 512] [--task swimmer-v5 swimmer mnist ...]

One process with one thread evaluates half of the networks of `closed-loop` and `vision`, as a worker of two
does. Parameters: written into the network. Adapters: from sensors to cells and from cells to actuators.
Cells: products along synapses, and membranes. Bodies: physics. Rest: observing and earning, or drawing images
and finding how likely the true classes are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch

import populations
import tasks
from benchmarks.networks import batches
from neuroevo.errors import unknown
from neuroevo.network.cells import Cells
from neuroevo.network.phenotype import Phenotype
from neuroevo.physics.worlds import Worlds
from neuroevo.plugins import tasks as registered
from neuroevo.task import HasBody

REGISTERED = populations.__name__, tasks.__name__  # importing them registers priors and tasks
TASKS = ["swimmer-v5", "halfcheetah-v5", "swimmer", "worm", "digits", "mnist"]
SHORT = {"steps": 100}  # of bodies' episodes
TURNS = 5
PARTS = {
    "parameters": [(Phenotype, "load")],
    "network": [(Phenotype, "step"), (Phenotype, "settle")],
    "cells": [(Cells, "advance"), (Cells, "settle")],
    "bodies": [(Worlds, "step")],
}


class Clocks:
    """Seconds that methods take, part by part, while they are watched; calls inside a part count once."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self._running: set[str] = set()
        for part, methods in PARTS.items():
            for owner, name in methods:
                setattr(owner, name, self._timed(part, getattr(owner, name)))

    def _timed(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the method, timed."""

        def timed(*given: Any, **named: Any) -> Any:
            if part in self._running:
                return method(*given, **named)
            self._running.add(part)
            begin = time.perf_counter()
            try:
                return method(*given, **named)
            finally:
                self.seconds[part] += time.perf_counter() - begin
                self._running.discard(part)

        return timed


def shares(name: str, networks: int, clocks: Clocks) -> tuple[float, dict[str, float]]:
    """Returns genomes evaluated a second and the share of each part.

    Args:
        name: Name of the task.
        networks: Networks of two processes, of which this one evaluates half.
        clocks: Watches of the methods.
    """
    kind = registered.get(name).target
    task = kind(**SHORT) if issubclass(kind, HasBody) else kind()
    task.prepare()
    loaded = batches(networks, (task.num_sensors, task.num_actuators), 0, (0, 2))

    def turn() -> None:
        for phenotype, parameters in loaded:
            phenotype.load(parameters)
            task.evaluate(phenotype, seeds=[0] * phenotype.num_genomes)
            if phenotype.has_copies:
                phenotype.release()  # as a worker does, which keeps many networks

    turn()
    clocks.seconds = dict.fromkeys(PARTS, 0.0)
    begin = time.perf_counter()
    for _ in range(TURNS):
        turn()
    whole, watched = time.perf_counter() - begin, clocks.seconds
    parts = {
        "parameters": watched["parameters"],
        "adapters": watched["network"] - watched["cells"],
        "cells": watched["cells"],
        "bodies": watched["bodies"],
        "rest": whole - watched["parameters"] - watched["network"] - watched["bodies"],
    }
    number = sum(phenotype.num_genomes for phenotype, _ in loaded)
    return TURNS * number / whole, {part: seconds / whole for part, seconds in parts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--networks", type=int, default=512)
    parser.add_argument("--task", nargs="+", default=TASKS)
    options = parser.parse_args()
    for name in options.task:
        if name not in registered.names():
            parser.error(unknown("task", name, registered.names()))
    if options.networks < 2:
        parser.error(f"--networks is {options.networks}; use at least 2.")
    torch.set_num_threads(1)
    clocks = Clocks()
    print(f"{options.networks} networks, of which one thread evaluates half; per cent of its time")
    heads = ("genomes a second", "parameters", "adapters", "cells", "bodies", "rest")
    print(f"{'':<16}" + "".join(f"{head:>{len(head) + 2}}" for head in heads))
    for name in options.task:
        rate, parts = shares(name, options.networks, clocks)
        row = [f"{rate:,.0f}", *(f"{100 * parts[head]:.1f}" for head in heads[1:])]
        values = "".join(f"{x:>{len(head) + 2}}" for head, x in zip(heads, row, strict=True))
        print(f"{name:<16}{values}", flush=True)


if __name__ == "__main__":
    main()
