"""The products that a network step is made of: sparse matrices with the state of a whole batch, plus biases.

On a CPU they are compiled loops. With many columns, as images are, the columns of a genome go together, and
more so the more of what the loop reads stays in a core's own cache; with few, as bodies have, genomes whose
entries are at the same places do (`Lanes`). Every sum is taken in the same order, so that what a genome
computes depends neither on its company nor on which loop computes it. On a device the product is torch's.

numba is imported when the first product is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.alignment import LANES
from neuroevo.network.matrix import sparse


class Product:
    """Some rows of `matrix @ source + bias`; the tensors stay where they are, and their values may change.

    Args:
        matrix: CSR, float32 [rows, M].
        source: float32 [M, B].
        bias: float32 [rows, 1].
        out: float32 [rows, B], overwritten.
        rows: Which; all if not given.
        only: Which of those, counted from their first, int64; on a CPU. None: all of them.
    """

    def __init__(
        self,
        matrix: Tensor,
        source: Tensor,
        bias: Tensor,
        out: Tensor,
        rows: slice | None = None,
        only: np.ndarray | None = None,
    ) -> None:
        rows = rows or slice(0, len(out))
        starts = matrix.crow_indices()[rows.start : rows.stop + 1]
        first, last = int(starts[0]), int(starts[-1])
        columns, values = matrix.col_indices()[first:last], matrix.values()[first:last]
        self._source, self._bias, self._out = source, bias[rows], out[rows]
        starts = starts - first
        self._loop: Callable[[], None] | None = None
        if out.device.type == "cpu":
            from neuroevo.network.kernels import multiply

            arrays = starts, columns, values, source, self._bias, self._out
            which = np.arange(len(self._out)) if only is None else only
            kernel: Callable[..., None] = multiply
            self._loop = partial(kernel, *(array.numpy() for array in arrays), which)
            return
        shape = len(self._out), len(source)
        self._matrix = matrix if shape == matrix.shape else sparse(starts, columns, values, shape)

    def __call__(self) -> None:
        """Writes the rows."""
        if self._loop is not None:
            self._loop()
        elif self._out.shape[1] == 1:
            torch.addmv(self._bias[:, 0], self._matrix, self._source[:, 0], out=self._out[:, 0])
        else:
            # `mm` would first make a matrix of zeros.
            torch.addmm(self._out, self._matrix, self._source, beta=0, out=self._out)
            self._out.add_(self._bias)


@dataclass(frozen=True)
class Pattern:
    """Where the entries of a genome's matrix are.

    Attributes:
        row_lengths: Entries in each of n rows, int64 [n].
        columns: Of the entries, row by row, in what the genome is multiplied with, int64 [E].
    """

    row_lengths: np.ndarray
    columns: np.ndarray

    def ordered(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns rows in order of length, so that a core guesses where each ends, and their entries."""
        order = np.argsort(self.row_lengths, kind="stable")
        starts = np.cumsum(self.row_lengths) - self.row_lengths
        entries = [np.arange(starts[r], starts[r] + self.row_lengths[r]) for r in order]
        return order, np.concatenate([np.zeros(0, np.int64), *entries])


class Lanes:
    """Matrices and biases of genomes side by side in vectors, sixteen of one pattern together; on a CPU.

    Args:
        patterns: One for each run of genomes.
        counts: Genomes of each run.
    """

    def __init__(self, patterns: Sequence[Pattern], counts: Sequence[int]) -> None:
        self._counts, self._orders = list(counts), [pattern.ordered() for pattern in patterns]
        rows = [order for order, _ in self._orders]
        pairs = list(zip(patterns, self._orders, strict=True))
        starts = [np.concatenate([[0], np.cumsum(p.row_lengths[order])]) for p, (order, _) in pairs]
        columns = [p.columns[entries] for p, (_, entries) in pairs]
        self._indices = [np.concatenate(part).astype(np.int32) for part in (rows, starts, columns)]
        self._begins = [_begins([len(x) for x in part]) for part in (rows, starts, columns)]
        tiles = [-(-count // LANES) for count in counts]
        values, self._values = _vectors(tiles, [len(x) for x in columns])
        bias, self._bias = _vectors(tiles, [len(x) for x in rows])
        self._weights = values, bias

    def load(self, run: int, values: Tensor, bias: Tensor, genomes: slice = slice(None)) -> None:
        """Writes values [g, E] and biases [g, n] of some genomes of a run, of all if not given."""
        lanes, entries = range(self._counts[run])[genomes], torch.from_numpy(self._orders[run][1])
        for into, new in ((self._values[run], values[:, entries]), (self._bias[run], bias)):
            k = 0
            while k < len(lanes):
                tile, lane = divmod(lanes[k], LANES)
                count = min(LANES - lane, len(lanes) - k)
                into[tile, :, lane : lane + count] = new[k : k + count].T
                k += count

    def product(
        self, source: Tensor, parts: Sequence[Sequence[tuple[int, int]]], out: Tensor, firsts: Sequence[int]
    ) -> Callable[[], None]:
        """Returns a call that writes `matrix @ source + bias` of each genome.

        Args:
            source: float32 [M, B], contiguous.
            parts: Of what the genomes of each run are multiplied with, equally many for each run: the first
                genome's first row, and how many rows each genome has, one genome behind the other.
            out: float32 [rows, B], contiguous; genomes have n rows each, one genome behind the other.
            firsts: The first row of each run's first genome.
        """
        from neuroevo.network.kernels import multiply_lanes

        widest = max(sum(width for _, width in part) for part in parts)
        room = torch.zeros(widest * LANES), torch.zeros(max(len(order) for order, _ in self._orders) * LANES)
        flat = [x.view(-1).numpy() for x in (source, out, *room)]
        tiles = np.array(list(self._tiles(parts, firsts)), np.int64)
        arrays = *self._indices, *self._weights, *flat[:2]
        kernel: Callable[..., None] = multiply_lanes
        return partial(kernel, tiles, *arrays, source.shape[1], *flat[2:])

    def _tiles(
        self, parts: Sequence[Sequence[tuple[int, int]]], firsts: Sequence[int]
    ) -> Iterator[list[int]]:
        """Yields what `multiply_lanes` is to know of each tile."""
        for run, (count, first) in enumerate(zip(self._counts, firsts, strict=True)):
            num_rows = len(self._orders[run][0])
            where = [begins[run] for begins in self._begins]
            for tile, genome in enumerate(range(0, count, LANES)):
                vectors = [int(x[run][tile].storage_offset()) for x in (self._values, self._bias)]
                shifted = [x for start, width in parts[run] for x in (start + genome * width, width)]
                size, place = min(LANES, count - genome), first + genome * num_rows
                yield [size, num_rows, *where, *vectors, place, *shifted]


def _begins(lengths: Sequence[int]) -> list[int]:
    """Returns where each of some things that lie one behind the other begins."""
    return [0, *np.cumsum(lengths)[:-1].tolist()]


def _vectors(tiles: Sequence[int], lengths: Sequence[int]) -> tuple[np.ndarray, list[Tensor]]:
    """Returns room for vectors: all numbers, and views [tiles, length, LANES] of them.

    torch's memory begins where a vector may; numpy's need not.
    """
    shapes = [(t, n, LANES) for t, n in zip(tiles, lengths, strict=True)]
    sizes = [t * n * LANES for t, n, _ in shapes]
    flat = torch.zeros(sum(sizes))
    views = [part.view(shape) for part, shape in zip(torch.split(flat, sizes), shapes, strict=True)]
    return flat.numpy(), views
