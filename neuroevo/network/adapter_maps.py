"""Adapters at work: the encoders and decoders of a batch of genomes as batched products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.alignment import ROW, TENSOR, Device, round_up
from neuroevo.network.matrix import SparsityPattern
from neuroevo.network.products import LaneProduct


class CellPlaces(NamedTuple):
    """Where the same cells of genomes of equal size lie in the flat state.

    Attributes:
        first: Where the first genome's cells start.
        size: Cells of each genome.
        cells: The cells within a genome, int64 [n].
    """

    first: int
    size: int
    cells: np.ndarray


class OutputCells:
    """Where O output cells of each of g genomes lie in the flat state.

    Genomes of equal size with the same outputs, as most are, are read as one regular array, several times as
    fast as by a list of rows.

    Args:
        rows: int64 [g, O].
        device: Where the state is.

    Attributes:
        rows: int64 [g * O], genome by genome.
    """

    def __init__(self, rows: np.ndarray, device: Device = "cpu") -> None:
        self._shape = rows.shape
        self._first = int(rows[0].min())
        self._spacing = int(rows[-1, 0] - rows[0, 0]) // max(1, len(rows) - 1)
        offsets = rows[0] - self._first
        regular = self._first + self._spacing * np.arange(len(rows))[:, None] + offsets
        self._is_regular = np.array_equal(rows, regular)
        self._is_consecutive = np.array_equal(offsets, np.arange(len(offsets)))
        self._span = int(offsets.max()) + 1
        self.rows = rows.ravel()
        self._offsets = torch.from_numpy(offsets).to(device)
        self._row_numbers = torch.from_numpy(self.rows).to(device)

    def read(self, state: Tensor) -> Tensor:
        """Returns activities [g, O, B], which may be a view of the state.

        Args:
            state: float32 [cells, B].
        """
        columns = state.shape[1]
        if not self._is_regular:
            return state.index_select(0, self._row_numbers).view(*self._shape, columns)
        shape, strides = (self._shape[0], self._span, columns), (self._spacing * columns, columns, 1)
        array = state.as_strided(shape, strides, state.storage_offset() + self._first * columns)
        return array if self._is_consecutive else array.index_select(1, self._offsets)


class AdapterMap:
    """A chain of linear layers with tanh between them, of g genomes at once.

    Args:
        num_genomes: g.
        widths: Widths of the layers: what goes in, any hidden ones, what comes out.
        device: Where the weights are.
        grid: What goes into each place at which the first layer has the same filters, int64 [places, fan-in];
            None where it is a layer like the others.

    Attributes:
        num_in: Width of what goes in.
        width: Width of what comes out, a multiple of ROW.
    """

    def __init__(
        self,
        num_genomes: int,
        widths: Sequence[int],
        device: Device = "cpu",
        grid: np.ndarray | None = None,
    ) -> None:
        padded = [widths[0], *(round_up(n, ROW) for n in widths[1:])]
        shapes, biases = list(pairwise(padded)), padded[1:]
        self._grid = None if grid is None else _Grid(grid, device)
        if grid is not None:  # filters are filled up, and have answers, filter by filter
            filters = round_up(widths[1] // len(grid), ROW)
            shapes[0], shapes[1] = (grid.shape[1], filters), (filters * len(grid), padded[2])
            biases[0] = filters
        self.num_in = widths[0]
        self.width = padded[-1]
        self._widths = list(widths)
        self._weights = [torch.zeros(num_genomes, n, m, device=device) for n, m in shapes]
        self._biases = [torch.zeros(num_genomes, m, 1, device=device) for m in biases]
        self._has_bias = False  # of the last layer
        self._hidden: list[Tensor] = []
        self._lane_products: list[LaneProduct] = []  # copies of the layers, once there are few columns

    def load(self, genomes: slice, layers: Sequence[tuple[Tensor, Tensor | None]]) -> None:
        """Writes the layers of some genomes.

        Args:
            genomes: Which p of the g genomes.
            layers: Weights [p, n, m] and biases [p, m] of each; None where a layer has no bias.
        """
        for k, (weight, bias) in enumerate(layers):
            n, m = weight.shape[1:]
            self._weights[k][genomes, :n, :m] = weight
            if bias is not None:
                self._biases[k][genomes, :m, 0] = bias
        self._has_bias |= layers[-1][1] is not None
        self._fill(genomes)

    def reset(self, num_columns: int) -> None:
        """Makes room for hidden units.

        Args:
            num_columns: B, episodes or images of every genome.
        """
        self._hidden = []
        for weight in self._weights[1:]:
            shape = len(weight), weight.shape[1], num_columns
            size = int(np.prod(shape))
            flat = weight.new_zeros(round_up(size, TENSOR))
            self._hidden += [flat[:size].view(shape), flat]

    def release(self) -> None:
        """Gives back the copies that `bind` made."""
        self._lane_products = []

    def bind(self, source: Tensor, out: Tensor, places: CellPlaces | None = None) -> Callable[[], None]:
        """Returns a call that writes outputs into `out`, fast for few columns; on a CPU, after `reset`.

        Args:
            source: What goes in, float32 [g * n, B], contiguous, or the state of all cells.
            out: float32 [g * width, B], contiguous.
            places: Where in a state the cells are that go in; None where `source` is no state.
        """
        first, size, cells = places or CellPlaces(0, self._widths[0], np.arange(self._widths[0]))
        self._lane_products = []
        calls = []
        for k, weight in enumerate(self._weights):
            num_in, num_out = weight.shape[1:]
            if k == 0 and self._grid is not None:
                columns = np.tile(self._grid.cells.ravel(), num_out)
                num_out *= len(self._grid.cells)
            else:
                columns = np.tile(cells if k == 0 else np.arange(num_in), num_out)
            pattern = SparsityPattern.of_one_part(np.full(num_out, num_in), columns)
            product = LaneProduct([pattern], [[size]], [len(weight)])
            self._lane_products.append(product)
            target = out if k == len(self._weights) - 1 else self._hidden[2 * k].view(-1, out.shape[1])
            calls.append(product.bind(source, [[(first, size)]], target, [0]))
            source, first, size = target, 0, num_out
        self._fill(slice(0, len(self._weights[0])))

        def write() -> None:
            for k, call in enumerate(calls):
                call()
                if k < len(calls) - 1:
                    self._hidden[2 * k + 1].tanh_()  # of the whole buffer: see TENSOR

        return write

    def _fill(self, genomes: slice) -> None:
        """Copies the layers of some genomes to where `bind` has them."""
        for product, weight, bias in zip(self._lane_products, self._weights, self._biases, strict=False):
            rows, biases = weight[genomes].transpose(1, 2), bias[genomes, :, 0]
            if product is self._lane_products[0] and self._grid is not None:
                rows, biases = (x.repeat_interleave(len(self._grid.cells), 1) for x in (rows, biases))
            product.load(0, rows.flatten(1), biases, genomes)

    def apply(self, values: Tensor, *, out: Tensor) -> None:
        """Writes outputs for values of every genome.

        Args:
            values: float32 [g, n, B].
            out: float32 [g, width, B].
        """
        for k, weight in enumerate(self._weights):
            target = out if k == len(self._weights) - 1 else self._hidden[2 * k]
            if k == 0 and self._grid is not None:
                torch.bmm(weight.transpose(1, 2), self._grid.gather(values), out=self._answers())
            else:
                torch.bmm(weight.transpose(1, 2), values, out=target)
            values = self._activate(k, target)

    def _answers(self) -> Tensor:
        """Returns the filters' answers, a view [g, filters, places * B] of the first hidden units."""
        return self._hidden[0].view(len(self._hidden[0]), self._weights[0].shape[2], -1)

    def show(self, images: Tensor, which: Tensor, *, out: Tensor) -> None:
        """Writes outputs for batches of images that genomes share.

        Args:
            images: float32 [U, B, n].
            which: Which of the U batches each genome sees, int64 [g].
            out: float32 [g, width, B].
        """
        target = out if len(self._weights) == 1 else self._hidden[0]
        if self._grid is None:
            _multiply_shared(self._weights[0], images.transpose(1, 2), which, out=target)
        else:
            shown = self._grid.gather(images.transpose(1, 2))
            _multiply_shared(self._weights[0], shown, which, out=self._answers())
        values = self._activate(0, target)
        for k, weight in enumerate(self._weights[1:], 1):
            target = out if k == len(self._weights) - 1 else self._hidden[2 * k]
            torch.bmm(weight.transpose(1, 2), values, out=target)
            values = self._activate(k, target)

    def _activate(self, k: int, target: Tensor) -> Tensor:
        """Adds a layer's bias and, where it is hidden, takes tanh; returns the result, in place."""
        if k < len(self._weights) - 1:
            if k == 0 and self._grid is not None:
                self._answers().add_(self._biases[0])
            else:
                target.add_(self._biases[k])
            self._hidden[2 * k + 1].tanh_()  # of the whole buffer: see TENSOR
        elif self._has_bias:
            target.add_(self._biases[k])
        return target


class _Grid:
    """Places of an image at which filters are the same.

    Args:
        cells: What goes into each place, int64 [places, fan-in].
        device: Where images are.

    Attributes:
        cells: The same.
    """

    def __init__(self, cells: np.ndarray, device: Device) -> None:
        self.cells = cells
        self._order = torch.from_numpy(cells.T.ravel()).to(device)

    def gather(self, values: Tensor) -> Tensor:
        """Returns what filters see, [g, fan-in, places * B], of values [g, n, B]."""
        seen_by = values.index_select(1, self._order)
        return seen_by.view(len(values), self.cells.shape[1], -1)


def _multiply_shared(weight: Tensor, images: Tensor, which: Tensor, *, out: Tensor) -> None:
    """Writes products [g, m, B] with images [U, n, B], one for each run of genomes that share images."""
    batches, runs = torch.unique_consecutive(which, return_counts=True)
    parts, results = (torch.split(x, runs.tolist()) for x in (weight, out))
    for batch, part, result in zip(batches.tolist(), parts, results, strict=True):
        shown = images[batch].expand(len(part), -1, -1)
        torch.bmm(part.transpose(1, 2), shown, out=result)
