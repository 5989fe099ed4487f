"""The product of a sparse matrix and a dense one with many columns, compiled.

Importing this module imports numba, so `products` does so on first use.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(fastmath={"contract"}, nogil=True, cache=True)  # a product and its sum are one instruction
def multiply(
    starts: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    source: np.ndarray,
    bias: np.ndarray,
    out: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Writes rows of `matrix @ source + bias` into those of `out`.

    Four entries are taken at once, so that sums stay in registers.
    """
    num_columns = out.shape[1]
    for row in rows:
        total, first = out[row], bias[row, 0]
        for c in range(num_columns):
            total[c] = first
        k, end = starts[row], starts[row + 1]
        while k + 4 <= end:
            w0, w1, w2, w3 = values[k], values[k + 1], values[k + 2], values[k + 3]
            x0, x1 = source[columns[k]], source[columns[k + 1]]
            x2, x3 = source[columns[k + 2]], source[columns[k + 3]]
            for c in range(num_columns):
                total[c] = total[c] + w0 * x0[c] + w1 * x1[c] + w2 * x2[c] + w3 * x3[c]
            k += 4
        while k < end:
            w0, x0 = values[k], source[columns[k]]
            for c in range(num_columns):
                total[c] = total[c] + w0 * x0[c]
            k += 1
