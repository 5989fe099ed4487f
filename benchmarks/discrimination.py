"""Which tasks tell priors apart: effect sizes between priors, by task, adapter and budget.

    python -m benchmarks.discrimination OUT [--task SPEC ...] [--budget N ...] [--adapter SPEC ...]

Every combination is a run of its own in OUT, made unless it is there already, so that a long table can be
made in pieces. A budget is in evaluations of a lineage. The effect between two priors is the difference of
their mean scores over the pooled standard deviation of lineages (Hedges' g); `*` marks a comparison that the
referee calls significant within its run, after Holm's correction.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np

import run as cli
from neuroevo.folders import safe_name
from neuroevo.run_folder import RunFolder

PRIORS = ("connectome", "stats-prior", "random", "frozen", "adapter-only", "clock")
PAIRS = (
    ("connectome", "stats-prior"),
    ("connectome", "random"),
    ("connectome", "frozen"),
    ("connectome", "adapter-only"),
    ("connectome", "clock"),
    ("frozen", "adapter-only"),
)
BUDGETS = (650, 1_950)
SEEDS, GRAPHS = 5, 3


def effect(a: list[float], b: list[float]) -> float:
    """Returns Hedges' g of two samples; 0 if neither varies and both are equal, else infinite."""
    n, m = len(a), len(b)
    pooled = ((n - 1) * np.var(a, ddof=1) + (m - 1) * np.var(b, ddof=1)) / (n + m - 2)
    difference = float(np.mean(a) - np.mean(b))
    if pooled == 0:
        return 0.0 if difference == 0 else float(np.copysign(np.inf, difference))
    return float(difference / pooled**0.5 * (1 - 3 / (4 * (n + m) - 9)))


def run_of(out: Path, task: str, budget: int, adapter: str, options: list[str]) -> RunFolder | None:
    """Returns the run of a combination, made if need be; None if it cannot be."""
    path = out / safe_name(f"{task} {adapter} {budget}")
    if not path.exists():
        still = ("frozen", "adapter-only") if adapter.startswith("none") else ()  # nothing of them evolves
        priors = [prior for prior in PRIORS if prior not in still]
        arguments = ["--genome", *priors, "--task", task, "--adapter", adapter]
        arguments += ["--evaluations", str(budget), "--seeds", str(SEEDS), "--graphs", str(GRAPHS)]
        if cli.main([*arguments, "--quiet", "--out", str(path), *options]):
            return None
    return RunFolder.open(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--task", nargs="+", default=["swimmer", "digits"])
    parser.add_argument("--budget", nargs="+", type=int, default=list(BUDGETS))
    parser.add_argument("--adapter", nargs="+", default=["linear"])
    options, others = parser.parse_known_args()
    print(f"{'task':28} {'adapter':8} {'budget':>7}  " + " ".join(f"{p:>13}" for p in PRIORS))
    effects = []
    for task, adapter, budget in itertools.product(options.task, options.adapter, options.budget):
        folder = run_of(options.out, task, budget, adapter, others)
        if folder is None:
            continue
        scores: dict[str, list[float]] = {prior: [] for prior in PRIORS}
        for row in folder.results():
            if row["score"] is not None:
                scores[row["genome"]].append(row["score"])
        head = f"{task:28} {adapter:8} {budget:7}  "
        print(
            head + " ".join(f"{np.mean(s):13.4g}" if s else f"{'-':>13}" for s in scores.values()), flush=True
        )
        report = json.loads((folder.path / "report.json").read_text())
        (section,) = report["tasks"].values()
        significant = {
            frozenset((c["a"], c["b"])) for c in section["comparisons"] if c["verdict"] in ("better", "worse")
        }
        cells = [
            f"{effect(scores[a], scores[b]):+.1f}{'*' if frozenset((a, b)) in significant else ' '}"
            if scores[a] and scores[b]
            else "- "
            for a, b in PAIRS
        ]
        effects.append(head + " ".join(f"{cell:>25}" for cell in cells))
    print(
        "\n"
        + f"{'effects':28} {'adapter':8} {'budget':>7}  "
        + " ".join(f"{f'{a} - {b}':>25}" for a, b in PAIRS)
    )
    print("\n".join(effects))


if __name__ == "__main__":
    main()
