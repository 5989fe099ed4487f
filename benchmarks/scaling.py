"""What limits a run on many workers: a model, its constants as measured here, and how well it predicts.

    python -m benchmarks.scaling

A request is a shard's generation. W workers complete `W / (c + o)` requests a second, `c` the time a worker
computes and `o` what sending and waiting adds, but no more than the driver can handle, `1 / d`. Constants are
fitted with 1 worker, and with more than the driver can feed; the rates of 2, 4 and 8 are predictions. The
task of these runs mostly sleeps, so that more workers than cores tell about the driver and not about cores.
"""

from __future__ import annotations

import pickle
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import ray

import tasks  # noqa: F401 - registers the tasks
from neuroevo.experiment.watcher import Progress
from neuroevo.workers import ray_cluster
from neuroevo.workers.ray_cluster import Workers
from neuroevo.workers.ray_pool import RayPool
from tests.small import Listener, plan, run

SECONDS = 0.25  # that an evaluation sleeps
LINEAGES, GENERATIONS, POPULATION = 32, 6, 256  # a lineage a shard
CHECKED = (1, 2, 4, 8)
PREDICTED = (2, 8, 32, 128, 512, 2_048, 10_000)


def rate(workers: int, seconds: float, folder: Path) -> float:
    """Returns requests completed a second, after the first generation, in which networks are built."""
    times: list[float] = []

    def update(progress: Progress) -> None:
        times.append(time.monotonic())

    pool = RayPool(Workers(workers))
    task = f"sleep=tests.faulty:Faulty:seconds={seconds}"
    request: dict[str, Any] = {
        "genome": ("connectome",),
        "task": (task,),
        "seeds": LINEAGES,
        "generations": GENERATIONS,
        "population": POPULATION,
    }
    run(folder / f"{workers}-{seconds}", pool, Listener(update=update), **request)
    for slot in pool._slots:
        ray.kill(slot.actor)
    return (len(times) - LINEAGES) / (times[-1] - times[LINEAGES - 1])


def message_bytes() -> tuple[int, int]:
    """Returns parameters of a lineage of this kind, and the bytes of its state, which go both ways."""
    from neuroevo.search.lineage import Lineage, begin

    planned = plan(genome=("connectome",), task=("swimmer",), connectome="celegans")
    (blueprint,) = planned.blueprints["swimmer"]
    lineage = Lineage("swimmer", "connectome", 0, 0, 0, blueprint)
    state = begin(lineage, planned.settings["swimmer"])
    return blueprint.layout.length, len(pickle.dumps(state))


def main() -> None:
    ray_cluster.start(Workers(max(CHECKED) + 1))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fastest = statistics.median(rate(8, 0.0, folder / str(k)) for k in range(3))
        rates = {w: statistics.median(rate(w, SECONDS, folder / f"{k}") for k in range(3)) for w in CHECKED}
    ray.shutdown()
    driver, each = 1 / fastest, 1 / rates[1]
    length, size = message_bytes()
    print(f"driver {1e3 * driver:.2f} ms a request; worker {1e3 * each:.0f} ms, {1e3 * SECONDS:.0f} asleep")
    print(f"{length:,} parameters: {size / 1e3:.0f} kB each way, {size / length:.1f} bytes a parameter")
    print(f"\n{'workers':>8} {'measured':>10} {'predicted':>10}  requests/s")
    for w, measured in rates.items():
        print(f"{w:>8} {measured:>10.2f} {min(w / each, fastest):>10.2f}")
    print(f"\n{'workers':>8} {'requests/s':>11} {'driver busy':>12} {'MB/s each way':>14}   of 1 s requests")
    for w in PREDICTED:
        requests = min(w / (1 + each - SECONDS), fastest)
        print(f"{w:>8,} {requests:>11.1f} {requests * driver:>12.0%} {requests * size / 1e6:>14.1f}")


if __name__ == "__main__":
    main()
