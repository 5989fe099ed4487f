"""The seed tree: every random number of a run descends from the run's one seed.

A node is named by its path, for instance `("search", task, seed, generation)`. What two lineages
share is decided by what their paths leave out: episodes and search noise do not name the genome, so
rival priors meet the same episodes; they do name the seed, so replicates are independent.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *path: str | int) -> int:
    """Returns the seed of one node, in [0, 2**63).

    Args:
        seed: The run's seed.
        path: Names of the branches from the root to the node; `1` and `"1"` are different branches.
    """
    text = repr((int(seed), *path)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little") >> 1


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Returns a NumPy generator for one node of the seed tree.

    Args:
        seed: The run's seed.
        path: Names of the branches from the root to the node, see `derive`.
    """
    return np.random.default_rng(derive(seed, *path))
