"""The product that a network step is: a sparse matrix with the flat state of a whole batch, plus biases.

On a CPU MKL's matrix-vector product is taken with one column, with a few its product of matrices, and with
many the loop of `product_loop`, which is the faster the more of what it reads stays in a core's own cache.
numba is imported when that is first needed: bodies do without. On a device the product is always torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from neuroevo.blocks import sparse

WIDE = 16  # columns from which MKL adds no bias
MANY = 48  # columns from which the loop is the faster one


class Product:
    """Some rows of `matrix @ source + bias`; the tensors stay where they are, and their values may change.

    Args:
        matrix: CSR, float32 [rows, M].
        source: float32 [M, B].
        bias: float32 [rows, 1]; for fewer than `WIDE` columns also the same for all columns, [rows, B].
        out: float32 [rows, B], overwritten.
        rows: Which; all if not given.
    """

    def __init__(
        self, matrix: Tensor, source: Tensor, bias: Tensor, out: Tensor, rows: slice | None = None
    ) -> None:
        rows = rows or slice(0, len(out))
        starts = matrix.crow_indices()[rows.start : rows.stop + 1]
        first, last = int(starts[0]), int(starts[-1])
        columns, values = matrix.col_indices()[first:last], matrix.values()[first:last]
        self._source, self._bias, self._out = source, bias[rows], out[rows]
        self._starts = starts - first
        shape = len(self._out), len(source)
        self._matrix = matrix if shape == matrix.shape else sparse(self._starts, columns, values, shape)
        arrays = self._starts, columns, values, source, self._bias, self._out
        self._loop = _loop(arrays) if out.shape[1] >= MANY and not out.is_cuda else None

    def __call__(self) -> None:
        """Writes the rows."""
        if self._loop is not None:
            self._loop()
        elif self._out.shape[1] == 1:  # 1.7 times as fast as a product with a matrix of one column
            torch.addmv(self._bias[:, 0], self._matrix, self._source[:, 0], out=self._out[:, 0])
        elif self._bias.shape == self._out.shape:
            torch.addmm(self._bias, self._matrix, self._source, out=self._out)
        else:
            # `mm` would first make a matrix of zeros.
            torch.addmm(self._out, self._matrix, self._source, beta=0, out=self._out)
            self._out.add_(self._bias)


def _loop(arrays: Sequence[Tensor]) -> Callable[[], None]:
    """Returns a call of the loop over these tensors."""
    from neuroevo.product_loop import multiply

    return partial(multiply, *(array.numpy() for array in arrays))
