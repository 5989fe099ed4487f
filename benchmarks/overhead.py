"""What it costs not to lose work: checkpoints, supervision, memory; and what a second worker adds.

    python -m benchmarks.overhead [--generations 10000]

A run of the swimmer, ten lineages, by one worker and by two; and bare physics of the same body by one process
and by two, which share nothing but the machine. Time of checkpoints is that of all their parts,
synchronisation with the disk included; that of supervision is all that the pool does but wait and compute.
The driver's memory is read while a tiny task is evolved for many generations.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tasks  # noqa: F401 - registers the tasks
from neuroevo.experiment.watcher import Progress
from neuroevo.experiment.writer import RunWriter
from neuroevo.workers.pool import pool
from neuroevo.workers.ray_cluster import Workers
from neuroevo.workers.ray_pool import RayPool
from tasks.swimmer import Swimmer
from tests.small import ECHO, Listener, run

REQUEST: dict[str, Any] = {
    "genome": ("connectome",),
    "task": ("swimmer:held_out=4",),
    "seeds": 10,
    "generations": 15,
    "population": 64,
}
SUPERVISED = ("_dispatch", "_collect", "_end_late", "_look_around")
BODIES, BARE_STEPS, BARE_TURNS, BARE_REPEATS = 256, 200, 5, 5
READINGS = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the generations


class Stopwatch:
    """Adds up the time that methods take.

    Args:
        owner: The class whose methods are wrapped.
        names: Of its methods.
    """

    def __init__(self, owner: type, *names: str) -> None:
        self.seconds = 0.0
        for name in names:
            setattr(owner, name, self._timed(getattr(owner, name)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return method(*arguments, **options)
            finally:
                self.seconds += time.perf_counter() - started

        return timed


def resident() -> float:
    """Returns the memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def evolve_seconds(workers: int, folder: Path) -> float:
    """Returns how long a run takes from its first completed generation to its last."""
    times: list[float] = []

    def update(progress: Progress) -> None:
        times.append(time.perf_counter())

    with pool(Workers(workers)) as where:
        run(folder, where, Listener(update=update), **REQUEST)
    return times[-1] - times[0]


def bare_steps(ready: Any, rates: Any) -> None:
    """Steps bodies that nothing controls, once all processes are ready; puts steps a second."""
    worlds = Swimmer().batch(BODIES)
    control = np.zeros((BODIES, Swimmer().num_actuators))
    worlds.step(control, BARE_STEPS)
    ready.wait()
    begin = time.perf_counter()
    for _ in range(BARE_TURNS):
        worlds.step(control, BARE_STEPS)
    rates.put(BODIES * BARE_STEPS * BARE_TURNS / (time.perf_counter() - begin))


def bare_rate(processes: int) -> float:
    """Returns physics steps a second of some processes together."""
    context = multiprocessing.get_context("spawn")
    ready, rates = context.Barrier(processes), context.Queue()
    started = [context.Process(target=bare_steps, args=(ready, rates)) for _ in range(processes)]
    for process in started:
        process.start()
    total = sum(rates.get() for _ in started)
    for process in started:
        process.join()
    return float(total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--generations", type=int, default=10_000, help="of the tiny task")
    options = parser.parse_args()
    checkpoints, supervision = Stopwatch(RunWriter, "write_checkpoint"), Stopwatch(RayPool, *SUPERVISED)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = {}
        for k, workers in enumerate((1, 2, 1, 2)):
            before = checkpoints.seconds, supervision.seconds
            took = evolve_seconds(workers, folder / str(k))
            seconds.setdefault(workers, []).append(took)
            shares = (checkpoints.seconds - before[0]) / took, (supervision.seconds - before[1]) / took
            print(
                f"{workers} workers {took:6.1f} s, checkpoints {shares[0]:.2%}, supervision {shares[1]:.2%}"
            )
        print(f"two workers over one: {min(seconds[1]) / min(seconds[2]):.2f}")
        bare = [bare_rate(2) / bare_rate(1) for _ in range(BARE_REPEATS)]
        print("two processes of bare physics over one: " + ", ".join(f"{x:.2f}" for x in bare), flush=True)
        done = 0

        def update(progress: Progress) -> None:
            nonlocal done
            done += 1
            if done in {int(share * options.generations) for share in READINGS}:
                print(f"generation {done:>7,}: driver {resident():,.0f} MB", flush=True)

        small = {"genome": ("random",), "task": (ECHO,), "generations": options.generations, "population": 2}
        run(folder / "long", None, Listener(update=update), **small)


if __name__ == "__main__":
    main()
