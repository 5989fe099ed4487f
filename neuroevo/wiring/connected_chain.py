"""The swap chain among wirings that hang together, compiled: a stretch of moves, and back if it cut them.

Importing this module imports numba; `null_models` does so on first use.

References:
    Viger & Latapy (2016), https://doi.org/10.1093/comnet/cnv013
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neuroevo.wiring.edge_table import put, remove
from neuroevo.wiring.swap_chain import Wiring, walk


@njit(cache=True)
def num_pieces(pre: np.ndarray, post: np.ndarray, num_cells: int) -> int:
    """Returns the number of weakly connected components, cells without an edge included.

    Args:
        pre: int32 [E], one end of each edge.
        post: int32 [E], the other.
        num_cells: N.
    """
    root = np.arange(num_cells)
    pieces = num_cells
    for k in range(len(pre)):
        a, b = pre[k], post[k]
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]
        while root[b] != b:
            root[b] = root[root[b]]
            b = root[b]
        if a != b:
            root[a] = b
            pieces -= 1
    return pieces


@njit(cache=True)
def walk_connected(
    w: Wiring, proposals: int, enough: int, most: int, stride: int, adapt: bool, rng: np.random.Generator
) -> int:
    """Proposes moves in stretches, and takes a stretch back if it leaves the wiring in too many pieces.

    A stretch and its reverse are as likely, and so is a stretch that is taken back, which leaves the wiring
    as it was: with stretches of one length the chain is uniform on the wirings of few enough pieces.

    Args:
        w: The wiring, in `most` pieces or fewer; it is changed in place.
        proposals: The number of moves to propose.
        enough: The number of edges that are not the source's at which to stop.
        most: The number of pieces allowed.
        stride: The number of proposals in a stretch.
        adapt: True halves the stride where a stretch was taken back and lengthens it by a tenth where not:
            the chain is not uniform meanwhile.
        rng: Source of the proposals.

    Returns:
        The stride at the end.
    """
    longest, left = max(stride, len(w.pre)), proposals
    while left > 0 and w.tally[1] < enough:
        pre, post, owner, tally = w.pre.copy(), w.post.copy(), w.owner.copy(), w.tally.copy()
        walk(w, min(stride, left), enough, rng)
        left -= stride
        fits = num_pieces(w.pre, w.post, len(w.first)) <= most
        if not fits:
            _put_back(w, pre, post, owner, tally)
        if adapt:
            stride = min(longest, stride + 1 + stride // 10) if fits else max(1, stride // 2)
    return stride


@njit(cache=True)
def _put_back(w: Wiring, pre: np.ndarray, post: np.ndarray, owner: np.ndarray, tally: np.ndarray) -> None:
    """Returns the wiring to what it was."""
    for k in range(len(pre)):
        remove(w.table, len(w.first), w.pre[k], w.post[k])
    for k in range(len(pre)):
        put(w.table, len(w.first), pre[k], post[k], k)
    w.pre[:] = pre
    w.post[:] = post
    w.owner[:] = owner
    w.tally[:] = tally
