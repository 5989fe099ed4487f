"""How fast is a GPU? The closed loop against MuJoCo Warp's own rate, and images a second.

Closed loop: networks move bodies, each a body of its own, as a worker with a GPU runs them. The rival is the
same bodies on the same engine under a control that stays as it is: no network, nothing observed. Images: the
same networks are shown digits.

Every line names the device and the date. On a machine without a GPU `--device cpu` runs the C engine, and
`--device warp` MuJoCo Warp's kernels one after another on a core: that they run, not how fast a GPU is.

    python -m benchmarks.gpu [--device cuda] [--worlds 1024 4096 16384 65536] [--steps 100] [--repeats 3]
"""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch

import tasks as bodies  # noqa: F401 - registers them
from benchmarks.networks import SPREAD
from neuroevo.connectome import catalog
from neuroevo.errors import NeuroevoError
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.physics import engine
from neuroevo.plugins import tasks
from neuroevo.seeds import generator
from neuroevo.wiring.architecture import Architecture
from neuroevo.workers import devices

TASKS = ("swimmer", "halfcheetah-v5")
PER_WIRING = 64  # networks, as a lineage has them
IMAGES = 256  # that a genome is shown, as in a generation


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu", "warp"))
    parser.add_argument("--worlds", type=int, nargs="+", default=[1024, 4096, 16384, 65536])
    parser.add_argument("--genomes", type=int, default=1024, help="that are shown images")
    parser.add_argument("--steps", type=int, default=100, help="control steps an episode")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)
    device = "cpu" if options.device == "warp" else devices.place(options.device)
    name = torch.cuda.get_device_name(0) if options.device == "cuda" else f"a CPU ({options.device})"
    where = f"{name}, {datetime.date.today().isoformat()}"
    for label in TASKS:
        for number in options.worlds:
            task: Any = tasks.get(label).target(steps=options.steps)
            if options.device == "warp":
                from neuroevo.physics.warp import WarpWorlds

                task._worlds = WarpWorlds(task.body(), number)
            closed, raw = loops(task, number, device, options.repeats)
            print(
                f"{label}, {number} worlds: {closed:,.0f} control steps/s with networks, {raw:,.0f} without; "
                f"share {closed / raw:.2f} ({where})",
                flush=True,
            )
    rate = images(options.genomes, device, options.repeats)
    print(f"digits, {options.genomes} genomes: {rate:,.0f} genome-images/s ({where})")


def networks(task: Any, number: int, device: str) -> Phenotype:
    """Returns networks of the worm's motor circuit, all of them different."""
    exact = Architecture.of(catalog.load("celegans-motor")).without_dead_ends()
    blueprint = Blueprint(exact, task.num_sensors, task.num_actuators)
    counts = [min(PER_WIRING, number - first) for first in range(0, number, PER_WIRING)]
    phenotype = Phenotype([blueprint] * len(counts), counts, device)
    rng = torch.Generator().manual_seed(0)
    drawn = [
        blueprint.draw(n, generator(k)) + SPREAD * torch.randn(n, blueprint.layout.length, generator=rng)
        for k, n in enumerate(counts)
    ]
    phenotype.load(drawn)
    return phenotype


def loops(task: Any, number: int, device: str, repeats: int) -> tuple[float, float]:
    """Returns control steps a second of all worlds, with networks and without."""
    phenotype = networks(task, number, device)
    worlds = task.batch(number, device)
    seeds = [0] * number
    _, (_, control) = engine.between(worlds, 1, task.body().nu, number)
    substeps = getattr(task, "frame_skip", 1)

    def without() -> None:
        for _ in range(task.steps):
            worlds.step(control, substeps)

    turns = [(lambda: task.evaluate(phenotype, seeds=seeds)), without]
    times = [[seconds(turn, device) for turn in turns] for _ in range(repeats + 1)][1:]  # the first compiles
    closed, raw = (number * task.steps / median(column) for column in zip(*times, strict=True))
    return closed, raw


def images(genomes: int, device: str, repeats: int) -> float:
    """Returns how many images a second are shown to genomes, each image to each genome counted."""
    task: Any = tasks.get("digits").target(episodes=IMAGES)
    phenotype = networks(task, genomes, device)
    turn = [
        seconds(lambda: task.evaluate(phenotype, seeds=[0] * genomes), device) for _ in range(repeats + 1)
    ]
    return genomes * IMAGES / median(turn[1:])


def seconds(act: Callable[[], object], device: str) -> float:
    """Returns how long something takes, all that a device has to do for it included."""
    begin = time.perf_counter()
    act()
    if device != "cpu":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begin


if __name__ == "__main__":
    try:
        main()
    except NeuroevoError as error:
        raise SystemExit(f"benchmarks.gpu: {error}") from None
