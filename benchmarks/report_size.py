"""How long does a report of a large run take, and how much memory? A made-up run folder of 10,000 lineages.

The folder is written to a temporary place: genomes x graphs x seeds lineages of one task, each with metrics
of every generation and eight episode scores, with effects of the graph, of the seed and noise. Then
`python run.py report` reads it in a process of its own, whose wall time and peak resident memory are printed.

    python -m benchmarks.report_size [--genomes 10] [--graphs 20] [--seeds 50] [--generations 50] [--keep DIR]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neuroevo.run_folder import RunFolder

ROOT = Path(__file__).parent.parent
SECONDS, MEGABYTES = 10.0, 500.0  # what a report of the default size should stay below
TASK, UNIT, EVALUATIONS = "swimmer", "m/s", 65  # a lineage a generation
SPREAD = {"graph": 0.010, "seed": 0.004, "noise": 0.008}  # standard deviations of scores, m/s


def write_run(
    path: Path, num_genomes: int, num_graphs: int, num_seeds: int, num_generations: int, seed: int
) -> RunFolder:
    """Writes a run folder whose genomes differ by 0.002 m/s, from one to the next."""
    rng = np.random.default_rng(seed)
    lineages = [
        {"task": TASK, "genome": f"prior-{g}", "graph": k, "seed": s}
        for g in range(num_genomes)
        for k in range(num_graphs)
        for s in range(num_seeds)
    ]
    graph = rng.normal(0, SPREAD["graph"], (num_genomes, num_graphs, 1))
    shared = rng.normal(0, SPREAD["seed"], num_seeds)
    noise = rng.normal(0, SPREAD["noise"], (num_genomes, num_graphs, num_seeds))
    score = (0.12 + 0.002 * np.arange(num_genomes)[:, None, None] + graph + shared + noise).ravel()
    run = RunFolder.create(path, {"seed": seed}, _manifest(lineages, num_genomes, num_graphs))
    for generation in range(num_generations):
        learned = 1 - np.exp(-6 * (generation + 1) / num_generations)
        fitness = score * learned + rng.normal(0, 0.002, len(score))
        run.append_metrics(
            _metrics(row, generation, x) for row, x in zip(lineages, fitness.tolist(), strict=True)
        )
    episodes = score[:, None] + rng.normal(0, 0.01, (len(score), 8))
    run.append_results(
        _result(row, num_generations, x.tolist()) for row, x in zip(lineages, episodes, strict=True)
    )
    return run


def _manifest(lineages: Sequence[dict[str, Any]], num_genomes: int, num_graphs: int) -> dict[str, Any]:
    figures = {"cells": 192, "synapses": 2000, "density": 0.05, "reciprocity": 0.2, "clustering": 0.15}
    return {
        "status": "done",
        "command": ["run", "--genome", *(f"prior-{g}" for g in range(num_genomes)), "--task", TASK],
        "tasks": {TASK: {"unit": UNIT, "fitness_unit": UNIT, "margin": None}},
        "priors": {
            f"prior-{g}": {"name": f"prior-{g}", "options": {}, "one_point": False, "core": "evolves"}
            for g in range(num_genomes)
        },
        "graphs": [
            {"genome": f"prior-{g}", "graph": k, "sha256": f"{g:032x}{k:032x}", "statistics": figures}
            for g in range(num_genomes)
            for k in range(num_graphs)
        ],
        "lineages": list(lineages),
        "versions": {"numpy": np.__version__},
    }


def _metrics(row: dict[str, Any], generation: int, fitness: float) -> dict[str, Any]:
    return {
        **row,
        "generation": generation,
        "fitness_mean": fitness - 0.01,
        "fitness_best": fitness + 0.01,
        "fitness_centre": fitness,
        "evaluations": EVALUATIONS * (generation + 1),
        "seconds": 0.0123,
        "failures": 0,
    }


def _result(row: dict[str, Any], num_generations: int, episodes: Sequence[float]) -> dict[str, Any]:
    return {
        **row,
        "graph_hash": f"{row['genome']}-{row['graph']}".ljust(64, "0"),
        "score": float(np.mean(episodes)),
        "episode_scores": list(episodes),
        "untrained_score": 0.01 * float(np.mean(episodes)),
        "activity": {"mean_abs": 0.3, "saturated": False, "silent": False},
        "parameters": {"core": 2192, "adapters": 1200 + row["graph"]},
        "evaluations": EVALUATIONS * num_generations,
        "status": "done",
        "failures": 0,
    }


def measure(path: Path) -> tuple[float, float]:
    """Returns the wall seconds and the peak resident megabytes of `run.py report`, in its own process.

    Raises:
        SystemExit: If the report fails.
    """
    started = time.perf_counter()
    child = os.posix_spawn(
        sys.executable, [sys.executable, str(ROOT / "run.py"), "report", str(path)], os.environ
    )
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"the report of {path} failed with status {os.waitstatus_to_exitcode(status)}")
    unit = 1e6 if sys.platform == "darwin" else 1e6 / 1024  # bytes there, KiB here
    return seconds, usage.ru_maxrss / unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, size in (("genomes", 10), ("graphs", 20), ("seeds", 50), ("generations", 50), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--keep", metavar="DIR", help="where to leave the folder; by default it is deleted")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(options.keep or Path(temporary) / "run")
        sizes = (options.genomes, options.graphs, options.seeds, options.generations)
        write_run(path, *sizes, options.seed)
        seconds, megabytes = measure(path)
        files = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6
        page = (path / "report.html").stat().st_size / 1e6
    num_lineages = options.genomes * options.graphs * options.seeds
    print(f"{num_lineages:,} lineages x {options.generations} generations, {files:.0f} MB in the folder")
    print(f"wall {seconds:.1f} s (should be below {SECONDS:.0f})")
    print(f"peak memory {megabytes:.0f} MB (should be below {MEGABYTES:.0f})")
    print(f"report.html {page:.1f} MB")


if __name__ == "__main__":
    main()
