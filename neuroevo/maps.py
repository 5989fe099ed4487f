"""Adapters at work: the encoders and decoders of a batch of genomes as batched products."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from neuroevo.blocks import ROW, TENSOR, Device, whole

WIDE = 16  # columns from which a small product is fast as it stands


class Outputs:
    """Where O output cells of each of g genomes lie in the flat state.

    Genomes of equal size with the same outputs, as most are, are read as one regular array, several times as
    fast as by a list of rows.

    Args:
        rows: int64 [g, O].
        device: Of the state.
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
        self._offsets, self._rows = (torch.from_numpy(x).to(device) for x in (offsets, rows.ravel()))

    def read(self, state: Tensor) -> Tensor:
        """Returns activities [g, O, B] from the state [cells, B]; may be a view."""
        columns = state.shape[1]
        if not self._is_regular:
            return state.index_select(0, self._rows).view(*self._shape, columns)
        shape, strides = (self._shape[0], self._span, columns), (self._spacing * columns, columns, 1)
        array = state.as_strided(shape, strides, state.storage_offset() + self._first * columns)
        return array if self._is_consecutive else array.index_select(1, self._offsets)


class Map:
    """A chain of linear layers with tanh between them, of g genomes at once.

    Args:
        num_genomes: g.
        widths: Of the layers: what goes in, any hidden ones, what comes out.
        device: Of the weights.

    Attributes:
        width: Of what comes out, a multiple of ROW.
    """

    def __init__(self, num_genomes: int, widths: Sequence[int], device: Device = "cpu") -> None:
        padded = [widths[0], *(whole(n, ROW) for n in widths[1:])]
        self.width = padded[-1]
        self._widths = list(widths)
        self._weights = [torch.zeros(num_genomes, n, m, device=device) for n, m in pairwise(padded)]
        self._biases = [torch.zeros(num_genomes, m, 1, device=device) for m in padded[1:]]
        self._has_bias = False  # of the last layer
        self._hidden: list[Tensor] = []

    def load(self, genomes: slice, layers: Sequence[tuple[Tensor, Tensor | None]]) -> None:
        """Writes weights [p, n, m] and biases [p, m] of some genomes."""
        for k, (weight, bias) in enumerate(layers):
            n, m = self._widths[k : k + 2]
            self._weights[k][genomes, :n, :m] = weight
            if bias is not None:
                self._biases[k][genomes, :m, 0] = bias
        self._has_bias |= layers[-1][1] is not None

    def reset(self, num_columns: int) -> None:
        """Makes room for B columns."""
        self._hidden = []
        for weight in self._weights[:-1]:
            shape = len(weight), weight.shape[2], num_columns
            size = int(np.prod(shape))
            flat = weight.new_zeros(whole(size, TENSOR))
            self._hidden += [flat[:size].view(shape), flat]

    def apply(self, values: Tensor, *, out: Tensor) -> None:
        """Writes outputs [g, width, B] for values [g, n, B]."""
        for k, weight in enumerate(self._weights):
            target = out if k == len(self._weights) - 1 else self._hidden[2 * k]
            _apply(weight, values, out=target)
            values = self._bend(k, target)

    def show(self, images: Tensor, which: Tensor, *, out: Tensor) -> None:
        """Writes outputs [g, width, B] for images [U, B, n] of which each genome sees batch `which`, [g]."""
        target = out if len(self._weights) == 1 else self._hidden[0]
        _show(self._weights[0], images, which, out=target)
        values = self._bend(0, target)
        for k, weight in enumerate(self._weights[1:], 1):
            target = out if k == len(self._weights) - 1 else self._hidden[2 * k]
            _apply(weight, values, out=target)
            values = self._bend(k, target)

    def _bend(self, k: int, target: Tensor) -> Tensor:
        """Adds a layer's bias and, where it is hidden, takes tanh; returns the result, in place."""
        if k < len(self._weights) - 1:
            target.add_(self._biases[k])
            self._hidden[2 * k + 1].tanh_()  # of the whole buffer: see TENSOR
        elif self._has_bias:
            target.add_(self._biases[k])
        return target


def _apply(weight: Tensor, values: Tensor, *, out: Tensor) -> None:
    """Writes the product [g, m, B] of the transpose of `weight`, [g, n, m], and `values`, [g, n, B].

    Small products are fast where the last axis of the result is long: for few columns that axis is m.
    """
    columns = values.shape[2]
    if columns >= min(weight.shape[2], WIDE):
        torch.bmm(weight.transpose(1, 2), values, out=out)
    elif columns == 1:
        torch.bmm(values.transpose(1, 2), weight, out=out.transpose(1, 2))  # of one column: the same memory
    else:
        out.copy_(torch.bmm(values.transpose(1, 2), weight).transpose(1, 2))


def _show(weight: Tensor, images: Tensor, which: Tensor, *, out: Tensor) -> None:
    """Writes products [g, m, B], one batched product for each run of genomes that share images."""
    batches, runs = torch.unique_consecutive(which, return_counts=True)
    parts, results = (torch.split(x, runs.tolist()) for x in (weight, out))
    for batch, part, result in zip(batches.tolist(), parts, results, strict=True):
        shown = images[batch].T.expand(len(part), -1, -1)
        torch.bmm(part.transpose(1, 2), shown, out=result)
