"""Where a synapse's weight is multiplied: sparse matrices times the state of a whole batch, plus biases.

`GenomeProduct` multiplies genomes of one wiring one by one, for many columns, as images are. `LaneProduct`
multiplies up to sixteen of them at once, for few columns, as bodies have. Both are for a CPU and call a
compiled loop, `kernels.multiply_weights` and `kernels.multiply_weights_in_lanes`. Every sum is taken in the
same order, so that what a genome computes depends neither on its company nor on which loop computes it.
`DeviceProduct` is torch's product with the whole matrix.

numba is imported when the first product is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.alignment import LANES, round_up
from neuroevo.network.matrix import SparsityPattern, csr_matrix

Parts = Sequence[tuple[int, int]]  # of what a genome is multiplied with: the first row, and how many


class DeviceProduct:
    """Some rows of `matrix @ source + bias`; the tensors stay where they are, and their values may change.

    Args:
        matrix: CSR, float32 [rows, M].
        source: The state, float32 [M, B].
        bias: float32 [rows, 1].
        out: float32 [rows, B], overwritten.
        rows: Rows to compute.
    """

    def __init__(self, matrix: Tensor, source: Tensor, bias: Tensor, out: Tensor, rows: slice) -> None:
        starts = matrix.crow_indices()[rows.start : rows.stop + 1]
        first, last = int(starts[0]), int(starts[-1])
        shape = rows.stop - rows.start, len(source)
        columns, values = (x[first:last] for x in (matrix.col_indices(), matrix.values()))
        is_whole = shape == matrix.shape
        self._matrix = matrix if is_whole else csr_matrix(starts - first, columns, values, shape)
        self._source = source
        self._bias = bias[rows]
        self._out = out[rows]

    def __call__(self) -> None:
        """Writes the rows."""
        if self._out.shape[1] == 1:
            torch.addmv(self._bias[:, 0], self._matrix, self._source[:, 0], out=self._out[:, 0])
        else:
            # `mm` would first make a matrix of zeros.
            torch.addmm(self._out, self._matrix, self._source, beta=0, out=self._out)
            self._out.add_(self._bias)


@dataclass(frozen=True)
class Run:
    """Consecutive genomes of one pattern.

    Attributes:
        pattern: Where each genome's entries are.
        values: Their weights, float32 [P, E], a view of what all runs have theirs in; [1, E] where they have
            the same.
        parts: Of what the first of the P genomes is multiplied with; those of the others follow.
        first: The first of the P genomes' first row; their rows lie one behind the other.
        genomes: Which of the P genomes.
        rows: Which of a genome's rows to compute, int64; None computes all of them.
    """

    pattern: SparsityPattern
    values: Tensor
    parts: Parts
    first: int
    genomes: range
    rows: np.ndarray | None = None

    def places(self) -> np.ndarray:
        """Returns where each genome's entries, rows and parts begin, int64 [g, 2 + parts]."""
        stride = self.values.shape[1] if len(self.values) > 1 else 0
        firsts = [int(self.values.storage_offset()), self.first, *(row for row, _ in self.parts)]
        steps = [stride, len(self.pattern.row_lengths), *(size for _, size in self.parts)]
        return np.array(firsts) + np.array(steps) * np.array(self.genomes)[:, None]


class GenomeProduct:
    """Genomes times the state, one by one; the tensors stay where they are, and their values may change.

    Args:
        runs: The genomes.
        bias: float32 [rows, 1].
        source: The state, float32 [M, B], contiguous.
        out: float32 [rows, B], contiguous, overwritten.
    """

    def __init__(self, runs: Sequence[Run], bias: Tensor, source: Tensor, out: Tensor) -> None:
        from neuroevo.network.kernels import multiply_weights

        bounds = [run.pattern.bounds(len(run.parts)) for run in runs]
        columns = [run.pattern.columns for run in runs]
        rows = [np.arange(len(run.pattern.row_lengths)) if run.rows is None else run.rows for run in runs]
        begins = [_begins([len(x) for x in part]) for part in (bounds, columns, rows)]
        genomes = [
            np.insert(run.places(), [2] * 4, [*(begin[k] for begin in begins), len(rows[k])], axis=1)
            for k, run in enumerate(runs)
        ]
        indices = (np.concatenate(part) for part in (genomes, rows, bounds, columns))
        values = runs[0].values
        flat = values.as_strided([values.untyped_storage().nbytes() // values.element_size()], [1], 0)
        arrays = (x.reshape(-1).numpy() for x in (flat, bias, source, out))
        kernel: Callable[..., None] = multiply_weights
        self._multiply = partial(kernel, *indices, *arrays, out.shape[1])

    def __call__(self) -> None:
        """Writes the rows."""
        self._multiply()


class LaneProduct:
    """Matrices and biases of genomes side by side in vectors, up to sixteen of one pattern; on a CPU.

    Args:
        patterns: Pattern of each run of genomes.
        widths: Columns of each part of what genomes of each run are multiplied with.
        counts: Genomes of each run.
        sources: Which of a genome's values each entry of a pattern takes, int32 [E] each; None where values
            are given entry by entry.
    """

    def __init__(
        self,
        patterns: Sequence[SparsityPattern],
        widths: Sequence[Sequence[int]],
        counts: Sequence[int],
        sources: Sequence[Tensor] | None = None,
    ) -> None:
        self._counts = list(counts)
        rows, entries = zip(*(pattern.order() for pattern in patterns), strict=True)
        self._rows: Sequence[np.ndarray] = rows
        self._places = [torch.from_numpy(x) for x in entries]
        if sources is not None:
            self._places = [source[x] for source, x in zip(sources, self._places, strict=True)]
        starts, columns = [], []
        for k, (pattern, width) in enumerate(zip(patterns, widths, strict=True)):
            starts.append(np.concatenate([[0], np.cumsum(pattern.row_lengths[rows[k]])]))
            columns.append(pattern.behind_one_another(width)[entries[k]])
        self._indices = [np.concatenate(part).astype(np.int32) for part in (rows, starts, columns)]
        self._begins = [_begins([len(x) for x in part]) for part in (rows, starts, columns)]
        self._weights = _LaneVectors(counts, [len(x) for x in columns])
        self._biases = _LaneVectors(counts, [len(x) for x in rows])

    def load(self, run: int, values: Tensor, bias: Tensor, genomes: slice = slice(None)) -> None:
        """Copies weights and biases of some genomes of a run into their lanes.

        Args:
            run: Number of the run.
            values: Weights, float32 [g, E]; with `sources` the genomes' values, [g, V].
            bias: float32 [g, n].
            genomes: Which genomes of the run these g are; by default all.
        """
        lanes = range(self._counts[run])[genomes]
        for vectors, numbers, places in (
            (self._weights, values, self._places[run]),
            (self._biases, bias, None),
        ):
            k = 0
            while k < len(lanes):
                tile, lane = divmod(lanes[k], LANES)
                width = vectors.of_run[run][tile].shape[1]
                count = min(width - lane, len(lanes) - k)
                part = numbers[k : k + count]
                part = part if places is None else part.index_select(1, places)
                vectors.of_run[run][tile][:, lane : lane + count] = part.T
                k += count

    def bind(
        self, source: Tensor, parts: Sequence[Parts], out: Tensor, firsts: Sequence[int]
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
        total = torch.zeros(max(len(order) for order in self._rows) * LANES)
        from_, to, tile_, total_ = (x.view(-1).numpy() for x in (source, out, tile, total))
        kernel: Callable[..., None] = multiply_weights_in_lanes
        arrays = *self._indices, self._weights.flat, self._biases.flat, from_, to
        tiles: dict[int, list[list[int]]] = {}
        for width, numbers in self._tiles(parts, firsts):
            tiles.setdefault(width, []).append(numbers)
        calls = [
            partial(kernel, (0,) * width, np.array(rows), *arrays, source.shape[1], tile_, total_)
            for width, rows in tiles.items()
        ]

        def write() -> None:
            for call in calls:
                call()

        return calls[0] if len(calls) == 1 else write

    def _tiles(self, parts: Sequence[Parts], firsts: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """Yields the genomes of each tile, and what `multiply_weights_in_lanes` is to know of it."""
        for run, (count, first) in enumerate(zip(self._counts, firsts, strict=True)):
            num_rows = len(self._rows[run])
            where = [begins[run] for begins in self._begins]
            for tile, genome in enumerate(range(0, count, LANES)):
                vectors = [int(x.of_run[run][tile].storage_offset()) for x in (self._weights, self._biases)]
                shifted = [x for start, size in parts[run] for x in (start + genome * size, size)]
                place = first + genome * num_rows
                yield min(LANES, count - genome), [num_rows, *where, *vectors, place, *shifted]


class _LaneVectors:
    """Room for vectors of up to LANES numbers, one behind the other.

    Args:
        counts: Genomes of each run.
        lengths: Vectors of each tile of a run.

    Attributes:
        flat: All numbers. torch's memory begins where a vector may; numpy's need not.
        of_run: A view of each tile of each run, float32 [length, lanes].
    """

    def __init__(self, counts: Sequence[int], lengths: Sequence[int]) -> None:
        firsts = np.cumsum(
            [0, *(round_up(c * n, LANES) for c, n in zip(counts, lengths, strict=True))]
        ).tolist()
        numbers = torch.zeros(firsts[-1])
        self.flat: np.ndarray = numbers.numpy()
        self.of_run = []
        for first, count, length in zip(firsts, counts, lengths, strict=False):
            widths = [min(LANES, count - k) for k in range(0, count, LANES)]
            tiles = torch.split(numbers[first : first + count * length], [w * length for w in widths])
            self.of_run.append([t.view(length, w) for t, w in zip(tiles, widths, strict=True)])


def _begins(lengths: Sequence[int]) -> list[int]:
    """Returns where each of some things that lie one behind the other begins."""
    return [0, *np.cumsum(lengths)[:-1].tolist()]
