"""Places that random edges may take, counted and numbered without a list of them all.

Of 140,000 cells there are 20 billion ordered pairs. A prior that puts edges on some of them at random draws
numbers of pairs, in the order of (pre, post), and asks here which pairs these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuroevo.connectome.model import Edges


@dataclass(frozen=True, eq=False)
class Places:
    """Pairs of cells: those of each row with the cells of one list, from a place of the list on.

    Attributes:
        rows: int64 [R], presynaptic cells in order.
        lists: Lists of postsynaptic cells, each in order.
        of_row: int64 [R], the list of each row.
        start: int64 [R], where in its list a row begins.
        skip: int64 [R], a place of the list that the row leaves out; -1 for none.
    """

    rows: np.ndarray
    lists: Sequence[np.ndarray]
    of_row: np.ndarray
    start: np.ndarray
    skip: np.ndarray

    @classmethod
    def between(cls, sources: np.ndarray, targets: np.ndarray) -> Places:
        """Returns all pairs of a source and another cell that is a target.

        Args:
            sources: bool [N].
            targets: bool [N].
        """
        rows, columns = np.flatnonzero(sources), np.flatnonzero(targets)
        itself = np.searchsorted(columns, rows)
        zero = np.zeros(len(rows), np.int64)
        return cls(rows, [columns], zero, zero, np.where(targets[rows], itself, -1))

    @classmethod
    def above(cls, one: np.ndarray, other: np.ndarray) -> Places:
        """Returns all pairs of a cell of the one and a cell of the other group, each once, pre < post.

        Args:
            one: bool [N].
            other: bool [N]; the same group, or one that has no cell in common.
        """
        rows = np.flatnonzero(one | other)
        lists = [np.flatnonzero(other), np.flatnonzero(one)]
        of_row = np.where(one[rows], 0, 1)
        start = np.where(of_row == 0, *(np.searchsorted(columns, rows, side="right") for columns in lists))
        return cls(rows, lists, of_row, start, np.full(len(rows), -1))

    @property
    def ends(self) -> np.ndarray:
        """The number of pairs up to the end of each row, int64 [R]."""
        length = np.array([len(columns) for columns in self.lists], np.int64)[self.of_row]
        return np.cumsum(length - self.start - (self.skip >= 0))

    def fill(self, weight: np.ndarray, rng: np.random.Generator) -> Edges:
        """Returns edges at random places, whose weights are in random order.

        Args:
            weight: [E], the weights; as many edges are placed.
            rng: Source of the places and of the order.

        Raises:
            ValueError: If there are fewer places than weights.
        """
        ends = self.ends
        chosen = rng.choice(int(ends[-1]) if len(ends) else 0, len(weight), replace=False)
        row = np.searchsorted(ends, chosen, side="right")
        column = chosen - np.concatenate([[0], ends])[row] + self.start[row]
        column += (self.skip[row] >= 0) & (column >= self.skip[row])
        post = np.empty(len(chosen), np.int32)
        for k, columns in enumerate(self.lists):
            here = self.of_row[row] == k
            post[here] = columns[column[here]]
        return Edges(self.rows[row].astype(np.int32), post, rng.permutation(weight))
