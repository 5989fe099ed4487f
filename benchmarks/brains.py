"""Synthetic brains of any size, as tables of edges and cells such as those that are published of flies.

    python -m benchmarks.brains OUT [g3k g20k g140k g15m]

They have the sizes of the larva, of half a nerve cord, of FlyWire at five synapses a pair and of FlyWire
whole. Every cell has a log-normal propensity to make and to receive synapses, correlated between the two;
weights are heavy-tailed whole numbers; some synapses have their way back. Cells have transmitters,
positions, classes and, three in a hundred, the role of sensory cells, one in a hundred of motor cells. No
biology is claimed of them: they are for time and memory.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas

SIZES = {
    "g3k": (3_016, 110_000),
    "g20k": (20_000, 1_000_000),
    "g140k": (139_255, 2_700_000),
    "g15m": (139_255, 15_000_000),
}
FIRST_ID = 720_575_940_600_000_000  # identifiers of 18 digits, which no float holds
RETURNED = 0.07  # share of the pairs of which the way back is drawn too


def pairs_of(num_cells: int, num_pairs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns distinct ordered pairs of distinct cells, about as many as wanted, sorted.

    Args:
        num_cells: Cells to choose from.
        num_pairs: Pairs wanted.
        rng: What draws them.
    """
    common = rng.normal(size=num_cells)
    ends = []
    for _ in range(2):
        propensity = np.exp(0.8 * (0.6 * common + 0.8 * rng.normal(size=num_cells)))
        ends.append(np.cumsum(propensity) / propensity.sum())
    keys = np.zeros(0, np.int64)
    while len(keys) < num_pairs:
        wanted = num_pairs - len(keys)
        pre, post = (np.searchsorted(end, rng.random(wanted)).astype(np.int64) for end in ends)
        back = rng.random(wanted) < RETURNED
        pre, post = np.concatenate([pre, post[back]]), np.concatenate([post, pre[back]])
        differs = pre != post
        keys = np.unique(np.concatenate([keys, pre[differs] * num_cells + post[differs]]))
    keys = np.sort(rng.permutation(keys)[:num_pairs])
    return keys // num_cells, keys % num_cells


def write(folder: Path, name: str) -> None:
    """Writes `NAME.csv` (pre, post, weight) and `NAME_cells.csv`.

    Args:
        folder: Where; it exists.
        name: One of SIZES.
    """
    num_cells, num_pairs = SIZES[name]
    rng = np.random.default_rng(num_pairs)
    pre, post = pairs_of(num_cells, num_pairs, rng)
    ids = FIRST_ID + np.cumsum(rng.integers(1, 1_000, num_cells))
    weight = np.minimum(1 + rng.pareto(1.6, len(pre)) * 2, 2_000).astype(np.int64)
    edges = {"pre": ids[pre], "post": ids[post], "weight": weight}
    pandas.DataFrame(edges).to_csv(folder / f"{name}.csv", index=False)
    role = rng.choice(["sensory", "motor", "interneuron"], num_cells, p=[0.03, 0.01, 0.96])
    transmitter = rng.choice(["acetylcholine", "GABA", "glutamate"], num_cells, p=[0.6, 0.2, 0.2])
    x, y, z = rng.uniform(0, 500, (3, num_cells)).round(2)
    cells = {
        "name": ids,
        "role": role,
        "class": [f"class{k}" for k in rng.integers(0, max(20, num_cells // 40), num_cells)],
        "transmitter": transmitter,
        "sign": np.where(transmitter == "acetylcholine", 1, -1),
        "x": x,
        "y": y,
        "z": z,
    }
    pandas.DataFrame(cells).to_csv(folder / f"{name}_cells.csv", index=False)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for wanted in sys.argv[2:] or SIZES:
        write(out, wanted)
        print(out / f"{wanted}.csv")
