"""A table of edges that a walking wiring looks up, compiled: which slot has the edge from a cell to another.

Open addressing with linear probing: memory grows with the edges, not with the square of the cells. The edges
that the walk set out from stay in the table while they are away, so that it also tells how many of them the
wiring has left. Importing this module imports numba.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

NOWHERE, EMPTY = -1, -1  # slot of an edge that the wiring does not have; key of a free entry
ROOM = 3  # entries an edge of the source, at least: as many edges may come as the source has
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2 ** 64 over the golden ratio: neighbouring keys end far apart


class EdgeTable(NamedTuple):
    """Edges by the number pre * N + post.

    Attributes:
        key: int64 [T], numbers of edges; EMPTY of a free entry. T is a power of 2.
        slot: int32 [T], the slot of each edge, or NOWHERE.
        is_source: bool [T], whether the edge is one of those that the walk set out from.
        num_cells: N.
    """

    key: np.ndarray
    slot: np.ndarray
    is_source: np.ndarray
    num_cells: int


def edge_table(num_cells: int, pre: np.ndarray, post: np.ndarray) -> EdgeTable:
    """Returns the table of some edges, the source's, each in the slot of its number.

    Args:
        num_cells: N.
        pre: int32 [E].
        post: int32 [E].
    """
    size = 1 << max(4, (ROOM * len(pre) - 1).bit_length())
    key, slot = np.full(size, EMPTY, np.int64), np.full(size, NOWHERE, np.int32)
    table = EdgeTable(key, slot, np.zeros(size, np.bool_), num_cells)
    _fill(table, pre, post)
    return table


@njit(cache=True)
def _fill(table: EdgeTable, pre: np.ndarray, post: np.ndarray) -> None:
    """Enters edges as the source's."""
    for k in range(len(pre)):
        entry = find(table.key, pre[k] * table.num_cells + post[k])
        table.key[entry] = pre[k] * table.num_cells + post[k]
        table.slot[entry] = k
        table.is_source[entry] = True


@njit(cache=True, inline="always")
def home(key: np.ndarray, number: int) -> int:
    """Returns where the search for an edge begins.

    Args:
        key: As in `EdgeTable`.
        number: The edge's number.
    """
    mixed = np.uint64(number) * _MIX
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(len(key) - 1))


@njit(cache=True, inline="always")
def find(key: np.ndarray, number: int) -> int:
    """Returns the entry of an edge, or the free one where it would be entered.

    Args:
        key: As in `EdgeTable`.
        number: The edge's number.
    """
    entry, last = home(key, number), len(key) - 1
    while key[entry] != number and key[entry] != EMPTY:
        entry = (entry + 1) & last
    return entry


@njit(cache=True, inline="always")
def slot_of(table: EdgeTable, pre: int, post: int) -> int:
    """Returns the slot of an edge, or NOWHERE.

    Args:
        table: The table.
        pre: Its presynaptic cell.
        post: Its postsynaptic cell.
    """
    return table.slot[find(table.key, np.int64(pre) * table.num_cells + post)]


@njit(cache=True, inline="always")
def put(table: EdgeTable, pre: int, post: int, slot: int) -> bool:
    """Notes the slot of an edge; says whether it is the source's.

    Args:
        table: The table; it is changed in place.
        pre: Its presynaptic cell.
        post: Its postsynaptic cell.
        slot: The slot.
    """
    number = np.int64(pre) * table.num_cells + post
    entry = find(table.key, number)
    table.key[entry] = number
    table.slot[entry] = slot
    return table.is_source[entry]


@njit(cache=True)
def remove(table: EdgeTable, pre: int, post: int) -> bool:
    """Takes an edge out that is there; says whether it is the source's, which stays known.

    Args:
        table: The table; it is changed in place.
        pre: Its presynaptic cell.
        post: Its postsynaptic cell.
    """
    key, slot, is_source = table.key, table.slot, table.is_source
    gap = find(key, np.int64(pre) * table.num_cells + post)
    slot[gap] = NOWHERE
    if is_source[gap]:
        return True
    last, entry = len(key) - 1, gap
    while True:  # entries that were pushed on by this one move up
        entry = (entry + 1) & last
        if key[entry] == EMPTY:
            break
        if ((entry - home(key, key[entry])) & last) >= ((entry - gap) & last):
            key[gap], slot[gap], is_source[gap] = key[entry], slot[entry], is_source[entry]
            gap = entry
    key[gap], slot[gap], is_source[gap] = EMPTY, NOWHERE, False
    return False
