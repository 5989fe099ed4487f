"""Directed edges among cells, in the space that edges take: what statistics of a wiring are computed on.

A brain of 140,000 cells has 15 million edges, and a matrix of them 20 billion entries. Nothing here is the
square of the number of cells but `Graph.matrix`, which is for small wirings.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Graph:
    """Edges among N cells, each once, without autapses, sorted by (pre, post): compressed sparse rows.

    Attributes:
        first: int64 [N + 1], where the edges from each cell begin in `post`; the last is E.
        post: int32 [E], postsynaptic cells.
    """

    first: np.ndarray
    post: np.ndarray

    @classmethod
    def of(cls, num_cells: int, pre: np.ndarray, post: np.ndarray) -> Graph:
        """Returns the graph of some edges, in any order; autapses and repeated edges are left out.

        Args:
            num_cells: N.
            pre: int [E], presynaptic cells.
            post: int [E], postsynaptic cells.
        """
        key = np.asarray(pre, np.int64) * num_cells + post
        if len(key) and not (key[1:] > key[:-1]).all():
            key = np.unique(key)
        pre, post = np.divmod(key, max(1, num_cells))
        stays = pre != post
        if not stays.all():
            pre, post = pre[stays], post[stays]
        return cls(_starts(pre, num_cells), post.astype(np.int32))

    @classmethod
    def of_matrix(cls, matrix: np.ndarray) -> Graph:
        """Returns the graph of a matrix.

        Args:
            matrix: bool [N, N], presynaptic cells in rows; its diagonal is left out.
        """
        return cls.of(len(matrix), *np.nonzero(matrix))

    @property
    def num_cells(self) -> int:
        """The number of cells, N."""
        return len(self.first) - 1

    @property
    def num_edges(self) -> int:
        """The number of edges, E."""
        return len(self.post)

    @cached_property
    def pre(self) -> np.ndarray:
        """Presynaptic cells, int32 [E]."""
        return np.repeat(np.arange(self.num_cells, dtype=np.int32), np.diff(self.first))

    @cached_property
    def reversed(self) -> Graph:
        """The graph with every edge turned round."""
        order = np.argsort(self.post, kind="stable")
        return Graph(_starts(self.post[order], self.num_cells), self.pre[order])

    def matrix(self) -> np.ndarray:
        """Returns the matrix of the edges, bool [N, N], presynaptic cells in rows."""
        matrix = np.zeros((self.num_cells, self.num_cells), bool)
        matrix[self.pre, self.post] = True
        return matrix

    def digest(self) -> bytes:
        """Returns the SHA-256 of the edges and the number of cells."""
        return hashlib.sha256(self.first.tobytes() + self.post.tobytes()).digest()


def _starts(cells: np.ndarray, num_cells: int) -> np.ndarray:
    """Returns where the entries of each cell begin in a sorted column, int64 [N + 1]."""
    starts = np.zeros(num_cells + 1, np.int64)
    np.cumsum(np.bincount(cells, minlength=num_cells), out=starts[1:])
    return starts
