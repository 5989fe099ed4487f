"""Where a synapse's weight is multiplied: sparse matrices times the state of a whole batch, plus biases.

`SparseProduct` multiplies rows of the batch's matrix, genome by genome; it is for many columns, as images
are, and for devices. `LaneProduct` multiplies sixteen genomes whose matrices have entries at the same places
at once; it is for few columns, as bodies have. On a CPU both call a compiled loop, `kernels.multiply_weights`
and `kernels.multiply_weights_in_lanes`; on a device the product is torch's. Every sum is taken in the same
order, so that what a genome computes depends neither on its company nor on which loop computes it.

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
from neuroevo.network.matrix import csr_matrix


class SparseProduct:
    """Some rows of `matrix @ source + bias`; the tensors stay where they are, and their values may change.

    Args:
        matrix: CSR, float32 [rows, M].
        source: The state, float32 [M, B].
        bias: float32 [rows, 1].
        out: float32 [rows, B], overwritten.
        rows: Rows to compute; None computes all of them.
        subset: Which of `rows` alone to compute, on a CPU, counted from the first of them, int64; None
            computes all of them.
    """

    def __init__(
        self,
        matrix: Tensor,
        source: Tensor,
        bias: Tensor,
        out: Tensor,
        rows: slice | None = None,
        subset: np.ndarray | None = None,
    ) -> None:
        rows = rows or slice(0, len(out))
        starts = matrix.crow_indices()[rows.start : rows.stop + 1]
        first, last = int(starts[0]), int(starts[-1])
        starts = starts - first
        columns = matrix.col_indices()[first:last]
        values = matrix.values()[first:last]
        self._source = source
        self._bias = bias[rows]
        self._out = out[rows]
        self._multiply: Callable[[], None] | None = None
        if out.device.type == "cpu":
            from neuroevo.network.kernels import multiply_weights

            arrays = starts, columns, values, source, self._bias, self._out
            which = np.arange(len(self._out)) if subset is None else subset
            kernel: Callable[..., None] = multiply_weights
            self._multiply = partial(kernel, *(array.numpy() for array in arrays), which)
            return
        shape = len(self._out), len(source)
        self._matrix = matrix if shape == matrix.shape else csr_matrix(starts, columns, values, shape)

    def __call__(self) -> None:
        """Writes the rows."""
        if self._multiply is not None:
            self._multiply()
        elif self._out.shape[1] == 1:
            torch.addmv(self._bias[:, 0], self._matrix, self._source[:, 0], out=self._out[:, 0])
        else:
            # `mm` would first make a matrix of zeros.
            torch.addmm(self._out, self._matrix, self._source, beta=0, out=self._out)
            self._out.add_(self._bias)


@dataclass(frozen=True)
class SparsityPattern:
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


class LaneProduct:
    """Matrices and biases of genomes side by side in vectors, sixteen of one pattern together; on a CPU.

    Args:
        patterns: Pattern of each run of genomes.
        counts: Genomes of each run.
    """

    def __init__(self, patterns: Sequence[SparsityPattern], counts: Sequence[int]) -> None:
        self._counts = list(counts)
        self._orders = [pattern.ordered() for pattern in patterns]
        rows = [order for order, _ in self._orders]
        pairs = list(zip(patterns, self._orders, strict=True))
        starts = [np.concatenate([[0], np.cumsum(p.row_lengths[order])]) for p, (order, _) in pairs]
        columns = [p.columns[entries] for p, (_, entries) in pairs]
        self._indices = [np.concatenate(part).astype(np.int32) for part in (rows, starts, columns)]
        self._begins = [_begins([len(x) for x in part]) for part in (rows, starts, columns)]
        num_tiles = [-(-count // LANES) for count in counts]
        self._weights = _LaneVectors(num_tiles, [len(x) for x in columns])
        self._biases = _LaneVectors(num_tiles, [len(x) for x in rows])

    def load(self, run: int, values: Tensor, bias: Tensor, genomes: slice = slice(None)) -> None:
        """Copies weights and biases of some genomes of a run into their lanes.

        Args:
            run: Number of the run.
            values: Weights, float32 [g, E].
            bias: float32 [g, n].
            genomes: Which genomes of the run these g are; by default all.
        """
        lanes, entries = range(self._counts[run])[genomes], torch.from_numpy(self._orders[run][1])
        for vectors, new in ((self._weights, values[:, entries]), (self._biases, bias)):
            k = 0
            while k < len(lanes):
                tile, lane = divmod(lanes[k], LANES)
                count = min(LANES - lane, len(lanes) - k)
                vectors.of_run[run][tile, :, lane : lane + count] = new[k : k + count].T
                k += count

    def bind(
        self, source: Tensor, parts: Sequence[Sequence[tuple[int, int]]], out: Tensor, firsts: Sequence[int]
    ) -> Callable[[], None]:
        """Returns a call that writes `matrix @ source + bias` of each genome.

        Args:
            source: The state, float32 [M, B], contiguous.
            parts: Of what the genomes of each run are multiplied with, equally many for each run: the first
                genome's first row, and how many rows each genome has, one genome behind the other.
            out: float32 [rows, B], contiguous; genomes have n rows each, one genome behind the other.
            firsts: The first row in `out` of each run's first genome.
        """
        from neuroevo.network.kernels import multiply_weights_in_lanes

        widest = max(sum(width for _, width in part) for part in parts)
        tile = torch.zeros(widest * LANES)
        total = torch.zeros(max(len(order) for order, _ in self._orders) * LANES)
        from_, to, tile_, total_ = (x.view(-1).numpy() for x in (source, out, tile, total))
        tiles = np.array(list(self._tiles(parts, firsts)), np.int64)
        weights = self._weights.flat, self._biases.flat
        kernel: Callable[..., None] = multiply_weights_in_lanes
        room = source.shape[1], tile_, total_, LANES
        return partial(kernel, tiles, *self._indices, *weights, from_, to, *room)

    def _tiles(
        self, parts: Sequence[Sequence[tuple[int, int]]], firsts: Sequence[int]
    ) -> Iterator[list[int]]:
        """Yields what `multiply_weights_in_lanes` is to know of each tile."""
        for run, (count, first) in enumerate(zip(self._counts, firsts, strict=True)):
            num_rows = len(self._orders[run][0])
            where = [begins[run] for begins in self._begins]
            for tile, genome in enumerate(range(0, count, LANES)):
                vectors = [int(x.of_run[run][tile].storage_offset()) for x in (self._weights, self._biases)]
                shifted = [x for start, width in parts[run] for x in (start + genome * width, width)]
                size, place = min(LANES, count - genome), first + genome * num_rows
                yield [size, num_rows, *where, *vectors, place, *shifted]


class _LaneVectors:
    """Room for vectors of LANES numbers, one behind the other.

    Args:
        num_tiles: Tiles of each run.
        lengths: Vectors of each tile of a run.

    Attributes:
        flat: All numbers. torch's memory begins where a vector may; numpy's need not.
        of_run: Views of each run's, float32 [tiles, length, LANES].
    """

    def __init__(self, num_tiles: Sequence[int], lengths: Sequence[int]) -> None:
        shapes = [(t, n, LANES) for t, n in zip(num_tiles, lengths, strict=True)]
        sizes = [t * n * LANES for t, n, _ in shapes]
        numbers = torch.zeros(sum(sizes))
        self.flat: np.ndarray = numbers.numpy()
        self.of_run = [
            part.view(shape) for part, shape in zip(torch.split(numbers, sizes), shapes, strict=True)
        ]


def _begins(lengths: Sequence[int]) -> list[int]:
    """Returns where each of some things that lie one behind the other begins."""
    return [0, *np.cumsum(lengths)[:-1].tolist()]
