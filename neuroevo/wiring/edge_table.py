"""A table of edges that a walking wiring looks up, compiled: which slot has the edge from a cell to another.

Open addressing with linear probing: memory grows with the edges, not with the square of the cells. An entry
is 16 bytes that lie together, since in a large table each look costs a way to main memory. The edges that the
walk set out from stay in the table while they are away, so that it also tells how many of them the wiring has
left. Importing this module imports numba.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NOWHERE, EMPTY = -1, -1  # slot of an edge that the wiring does not have; number of a free entry
ROOM = 3  # entries an edge of the source, at least: as many edges may come as the source has
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2 ** 64 over the golden ratio: neighbouring numbers end far apart


def edge_table(num_cells: int, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """Returns the table of some edges, the source's, each in the slot of its number.

    Args:
        num_cells: N.
        pre: int32 [E].
        post: int32 [E].

    Returns:
        int64 [T, 2], T a power of 2: the number pre * N + post of an edge, or EMPTY; and twice its slot, or
        NOWHERE, and one more if it is the source's.
    """
    table = np.full((1 << max(4, (ROOM * len(pre) - 1).bit_length()), 2), EMPTY, np.int64)
    _fill(table, num_cells, pre, post)
    return table


@njit(cache=True)
def _fill(table: np.ndarray, size: int, pre: np.ndarray, post: np.ndarray) -> None:
    """Enters edges as the source's."""
    for k in range(len(pre)):
        number = number_of(size, pre[k], post[k])
        entry = find(table, number)
        table[entry, 0], table[entry, 1] = number, 2 * k + 1


@njit(cache=True)
def number_of(size: int, pre: int, post: int) -> int:
    """Returns the number of an edge.

    Args:
        size: N.
        pre: Its presynaptic cell.
        post: Its postsynaptic cell.
    """
    return int(np.int64(pre) * size + post)


@njit(cache=True)
def home(table: np.ndarray, number: int) -> int:
    """Returns where the search for an edge begins.

    Args:
        table: As `edge_table` returns it.
        number: The edge's number.
    """
    mixed = np.uint64(number) * _MIX
    return int(np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(len(table) - 1)))


@njit(cache=True)
def find(table: np.ndarray, number: int) -> int:
    """Returns the entry of an edge, or the free one where it would be entered.

    Args:
        table: As `edge_table` returns it.
        number: The edge's number.
    """
    entry, last = home(table, number), len(table) - 1
    while table[entry, 0] != number and table[entry, 0] != EMPTY:
        entry = (entry + 1) & last
    return entry


@njit(cache=True)
def slot_of(table: np.ndarray, size: int, pre: int, post: int) -> int:
    """Returns the slot of an edge, or NOWHERE.

    Args:
        table: As `edge_table` returns it.
        size: N.
        pre: Its presynaptic cell.
        post: Its postsynaptic cell.
    """
    entry = find(table, number_of(size, pre, post))
    return int(table[entry, 1] >> 1)


@njit(cache=True)
def put(table: np.ndarray, size: int, pre: int, post: int, slot: int) -> int:
    """Notes the slot of an edge.

    Args:
        table: As `edge_table` returns it; it is changed in place.
        size: N.
        pre: Its presynaptic cell.
        post: Its postsynaptic cell.
        slot: The slot.

    Returns:
        1 if the edge is the source's, else 0.
    """
    number = number_of(size, pre, post)
    entry = find(table, number)
    is_source = table[entry, 1] & 1 if table[entry, 0] == number else 0
    table[entry, 0], table[entry, 1] = number, 2 * slot + is_source
    return is_source


@njit(cache=True)
def remove(table: np.ndarray, size: int, pre: int, post: int) -> int:
    """Takes an edge out that is there.

    Args:
        table: As `edge_table` returns it; it is changed in place.
        size: N.
        pre: Its presynaptic cell.
        post: Its postsynaptic cell.

    Returns:
        1 if the edge is the source's, which stays known, else 0.
    """
    gap = find(table, number_of(size, pre, post))
    if table[gap, 1] & 1:
        table[gap, 1] = 2 * NOWHERE + 1
        return 1
    last, entry = len(table) - 1, gap
    while True:  # entries that were pushed on by this one move up
        entry = (entry + 1) & last
        number = table[entry, 0]
        if number == EMPTY:
            break
        if ((entry - home(table, number)) & last) >= ((entry - gap) & last):
            table[gap, 0], table[gap, 1] = number, table[entry, 1]
            gap = entry
    table[gap, 0], table[gap, 1] = EMPTY, EMPTY
    return 0
