"""Genome-images a second of networks that name digits.

Ours: networks of 32 wirings of the motor circuit on a minibatch of 256 images for four network steps, one
process a core with one thread. Rivals: the same networks as dense matrices, by `torch.bmm` and mapped by
`torch.vmap`, also one process a core; and, with a dense network of as many units, EvoTorch's SupervisedNE,
evosax's problem of vision and EvoJAX's simulation manager.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.crew import Crew, Here
from benchmarks.turns import OURS, Options, Row, compare, take_turns

SIZES = {"digits": (64, 512), "mnist": (64, 512)}  # networks
IMAGES, STEPS = 256, 4
FEW = 32  # networks of SupervisedNE, which evaluates them one by one
RIVALS = "benchmarks.vision_rivals"


def measure(options: Options) -> Iterator[Row]:
    """Yields a row a rival for every task and number of networks."""
    from benchmarks.networks import CIRCUIT
    from neuroevo.connectome.catalog import load

    units = load(CIRCUIT).num_cells
    cases = [(task, n) for task, numbers in SIZES.items() for n in numbers]
    for task, networks in [("digits", 2)] if options.smallest else cases:
        images, steps = (8, 2) if options.smallest else (IMAGES, STEPS)
        yield from _case(task, networks, images, steps, units, options)


def _case(task: str, networks: int, images: int, steps: int, units: int, options: Options) -> Iterator[Row]:
    """Yields the rows of one task and number of networks."""
    case = f"{task}, {networks:,} networks, {images} images, {steps} network steps"
    if not options.wants(case):
        return
    common = {"images": images, "steps": steps, "seed": options.seed}
    named = {"task": task, "networks": networks, **common}
    shares = [[k, options.cores] for k in range(options.cores)]
    few = min(networks, FEW)
    notes = {}
    with ExitStack() as stack:

        def start(maker: str, given: list[dict[str, Any]], python: str = "", threads: int = 1) -> Crew:
            whole = f"{RIVALS}:{maker}"
            return stack.enter_context(
                Here(whole, given) if options.here else Crew(whole, given, python, threads)
            )

        taking = {
            OURS: start("Ours", [{**named, "share": s} for s in shares]),
            "dense, torch.bmm": start("Dense", [{**named, "share": s} for s in shares]),
            "dense, torch.vmap": start("Dense", [{**named, "share": s, "is_mapped": True} for s in shares]),
        }
        if options.peers:
            for actors in sorted({1, options.cores}):
                where = "one process" if actors == 1 else f"{actors} Ray actors"
                given = {**named, "networks": few, "units": units, "actors": actors}
                taking[f"EvoTorch SupervisedNE, {where}"] = start("evotorch", [given])
                notes[f"EvoTorch SupervisedNE, {where}"] = f"{few} networks" if few < networks else ""
            arrays, classes = _arrays(task, images, steps, stack)
            given = {"arrays": arrays, "networks": networks, "units": units, "classes": classes, **common}
            for name, maker in (("evosax", "evosax"), ("EvoJAX", "evojax")):
                taking[name] = start(maker, [given], options.peers_python, options.cores)
        seconds = take_turns(taking, options.turns(5))
        values = {
            name: [] if crew.missing else [crew.work / x for x in seconds[name]]
            for name, crew in taking.items()
        }
        notes |= {name: crew.missing for name, crew in taking.items() if crew.missing}
    yield from compare(case, "genome-images a second", values, notes=notes)


def _arrays(task: str, images: int, steps: int, stack: ExitStack) -> tuple[str, int]:
    """Writes what sensors see of the training split to a file; returns its path and the number of classes."""
    import numpy as np

    from benchmarks.vision_rivals import task_of

    ours = task_of(task, images, steps)
    data = ours._data()
    path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "images.npz"
    np.savez(path, train=data.train.numpy(), train_labels=data.train_labels.numpy())
    return str(path), ours.num_actuators
