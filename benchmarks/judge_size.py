"""How long does judging a large file of scores take, and how much memory? A made-up CSV file.

It has genomes x graphs x seeds lineages of one task, with effects of the graph, of the seed and noise, and is
written to a temporary place. `python run.py judge` reads it in a process of its own, whose wall time,
processor time and peak resident memory are printed; 10,000 lineages should stay below 10 s and 500 MB.

    python -m benchmarks.judge_size [--genomes 10] [--graphs 20] [--seeds 50]
    python -m benchmarks.judge_size --genomes 10 --graphs 1000 --seeds 100
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.report_size import MEGABYTES, ROOT, SECONDS, SPREAD


def write(path: Path, num_genomes: int, num_graphs: int, num_seeds: int) -> None:
    """Writes a file of scores whose genomes differ by 0.002, from one to the next."""
    rng = np.random.default_rng(0)
    shared = rng.normal(0, SPREAD["seed"], num_seeds)
    with path.open("w") as file:
        file.write("task,genome,graph,seed,score,untrained\n")
        for genome in range(num_genomes):
            for graph in range(num_graphs):
                base = 0.12 + 0.002 * genome + rng.normal(0, SPREAD["graph"])
                scores = base + shared + rng.normal(0, SPREAD["noise"], num_seeds)
                file.writelines(
                    f"swimmer,prior-{genome},{graph},{seed},{score!r},0.01\n"
                    for seed, score in enumerate(scores.tolist())
                )


def measure(path: Path, out: Path) -> tuple[float, float, float]:
    """Returns wall and processor seconds and peak resident megabytes of `run.py judge`, in its own process.

    Raises:
        SystemExit: If it fails.
    """
    command = [sys.executable, str(ROOT / "run.py"), "judge", str(path), "--out", str(out)]
    started = time.perf_counter()
    child = os.posix_spawn(sys.executable, command, os.environ)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"judging {path} failed with status {os.waitstatus_to_exitcode(status)}")
    unit = 1e6 if sys.platform == "darwin" else 1e6 / 1024  # bytes there, KiB here
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, size in (("genomes", 10), ("graphs", 20), ("seeds", 50)):
        parser.add_argument(f"--{name}", type=int, default=size)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "scores.csv"
        write(path, options.genomes, options.graphs, options.seeds)
        size = path.stat().st_size / 1e6
        wall, processor, megabytes = measure(path, Path(temporary) / "out")
    number = options.genomes * options.graphs * options.seeds
    print(f"{number:,} lineages, {size:.1f} MB of CSV")
    print(
        f"wall {wall:.1f} s, processor {processor:.1f} s (10,000 lineages should stay below {SECONDS:.0f} s)"
    )
    print(f"peak memory {megabytes:.0f} MB (10,000 lineages should stay below {MEGABYTES:.0f} MB)")


if __name__ == "__main__":
    main()
