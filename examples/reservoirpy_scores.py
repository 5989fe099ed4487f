"""Writes scores.csv: how many steps the worm's wiring remembers as a reservoir of reservoirpy, and its nulls.

No part of neuroevo computes these scores: its wirings are read as tables of edges, and reservoirpy
(https://github.com/reservoirpy/reservoirpy) runs the networks and fits the readouts. Then neuroevo judges.

    python run.py sample --connectome celegans --genome connectome degree random --samples 12 --out wirings
    python examples/reservoirpy_scores.py wirings > scores.csv
    python run.py judge scores.csv --controls no-wiring --margin 0.5 --unit steps

A score is memory capacity: the sum, over lags of 1 to 20 steps, of R2 of the input that many steps ago, as a
ridge readout of all cells has it on held-out steps. A seed draws input, input weights and biases, the same
for all wirings; `no-wiring` has cells that hear the input and not each other.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from reservoirpy.nodes import Reservoir, Ridge

SEEDS, LAGS = 10, 20
WASHOUT, TRAINING, TEST = 100, 1000, 500  # steps
RADIUS, LEAK, BIAS, PENALTY = 0.9, 0.5, 0.2, 1e-3


def matrix(path: Path) -> np.ndarray:
    """Returns the weights of a wiring, [cells, cells], row i what cell i hears."""
    rows = list(csv.DictReader(path.read_text().splitlines()))
    cells = sorted({row[end] for row in rows for end in ("pre", "post")})
    place = {cell: k for k, cell in enumerate(cells)}
    weights = np.zeros((len(cells), len(cells)))
    for row in rows:
        pre, post, weight = place[row["pre"]], place[row["post"]], float(row["weight"])
        weights[post, pre] += weight * (float(row["sign"]) or 1.0)
        if row["kind"] == "electrical":
            weights[pre, post] += weight
    return weights * RADIUS / np.abs(np.linalg.eigvals(weights)).max()


def capacity(weights: np.ndarray, seed: int) -> float:
    """Returns the memory capacity of a reservoir, in steps."""
    rng = np.random.default_rng(seed)
    signal = rng.uniform(-1, 1, WASHOUT + TRAINING + TEST)
    size = len(weights)
    inward, bias = rng.uniform(-0.5, 0.5, (1000, 1))[:size], rng.normal(0, BIAS, 1000)[:size]
    reservoir = Reservoir(W=weights, Win=inward, bias=bias, lr=LEAK, activation="tanh")
    states = reservoir.run(signal[:, None])
    targets = np.column_stack([np.roll(signal, lag) for lag in range(1, LAGS + 1)])
    train, test = slice(WASHOUT, WASHOUT + TRAINING), slice(WASHOUT + TRAINING, None)
    answers = Ridge(ridge=PENALTY).fit(states[train], targets[train]).run(states[test])
    error = ((answers - targets[test]) ** 2).mean(0) / targets[test].var(0)
    return float(np.maximum(0, 1 - error).sum())


def main() -> None:
    """Prints the table."""
    wirings = {}
    for path in sorted(Path(sys.argv[1]).glob("*.csv")):
        genome, _, graph = path.stem.rpartition("-")
        if genome != "connectome" or graph == "0":  # its samples are one wiring
            wirings[genome, graph] = matrix(path)
    wirings["no-wiring", "0"] = np.zeros_like(wirings["connectome", "0"])
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["task", "genome", "graph", "seed", "score"])
    for (genome, graph), weights in wirings.items():
        for seed in range(SEEDS):
            table.writerow(["memory", genome, graph, seed, f"{capacity(weights, seed):.4f}"])


if __name__ == "__main__":
    main()
