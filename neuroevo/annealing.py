"""The chain that matches triads, compiled: swaps under simulated annealing on an incremental triad census.

Importing this module imports numba; `rewiring` does so on first use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from neuroevo.swaps import (
    Wiring,
    below,
    cycle_fits,
    mutual_fits,
    one_way_fits,
    swap_mutual,
    swap_one_way,
    turn_cycle,
)
from neuroevo.triads import TRIADS, triad_census

CONNECTED = tuple(label for label in TRIADS if label not in ("003", "012", "102"))  # degrees fix the others
OUT, IN, BOTH = 1, 2, 3  # the tie of a cell to another, seen from it; 0 for none
TURNS = 0.1  # share of three-cycles among the proposals for one-way edges


class Census(NamedTuple):
    """The connected triads of a wiring, kept up to date.

    Attributes:
        ties: uint64 [N, 3, words], for each cell bit sets of the cells it has an out, in or mutual tie to.
        degree: int64 [N, 3], the number of bits in each.
        triads: int64 [14], the triads of each class of `CONNECTED`; the last holds what is not connected.
        target: int64 [14], the count wanted.
        saved: int64 [14], room for the count before a proposal.
        label: int64 [4, 4, 4], the class of a triad {a, b, x} by the ties a to b, a to x and b to x.
    """

    ties: np.ndarray
    degree: np.ndarray
    triads: np.ndarray
    target: np.ndarray
    saved: np.ndarray
    label: np.ndarray


def census_of(matrix: np.ndarray) -> Census:
    """Returns the census of a wiring, with itself as the target.

    Args:
        matrix: bool [N, N].
    """
    num_cells = len(matrix)
    words = -(-num_cells // 64)
    kinds = np.stack([matrix & ~matrix.T, matrix.T & ~matrix, matrix & matrix.T], 1)  # [N, 3, N]
    padded = np.zeros((num_cells, 3, 64 * words), np.uint8)
    padded[:, :, :num_cells] = kinds
    ties = np.packbits(padded, axis=2, bitorder="little").view("<u8").astype(np.uint64)
    census = triad_census(matrix)
    count = np.array([*(census[label] for label in CONNECTED), 0])
    return Census(ties, kinds.sum(2), count, count.copy(), count.copy(), _labels())


@cache
def _labels() -> np.ndarray:
    """Returns the class of each of the 64 labelled triads."""
    labels = np.full((4, 4, 4), len(CONNECTED))
    for ties in np.ndindex(4, 4, 4):
        matrix = np.zeros((3, 3), bool)
        for tie, (i, j) in zip(ties, ((0, 1), (0, 2), (1, 2)), strict=True):
            matrix[i, j], matrix[j, i] = bool(tie & OUT), bool(tie & IN)
        found = next(label for label, number in triad_census(matrix).items() if number)
        if found in CONNECTED:
            labels[ties] = CONNECTED.index(found)
    return labels


def _num_ones(typing_context: Any, word: Any) -> tuple[Any, Callable[..., Any]]:
    """Counts the ones of a uint64 in one machine instruction."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), code


num_ones: Any = intrinsic(_num_ones)


@njit(cache=True)
def retie(c: Census, a: int, b: int, old: int, new: int) -> None:
    """Gives cells a and b the tie `new` for the tie `old`, as seen from a, and updates the census."""
    ties, degree, triads, label = c.ties, c.degree, c.triads, c.label
    if old:
        mark(c, a, b, old, -1)
    rest0, rest1, rest2 = degree[b, 0], degree[b, 1], degree[b, 2]
    for k in range(3):
        n0, n1, n2 = 0, 0, 0
        for word in range(ties.shape[2]):
            row = ties[a, k, word]
            n0 += int(num_ones(row & ties[b, 0, word]))
            n1 += int(num_ones(row & ties[b, 1, word]))
            n2 += int(num_ones(row & ties[b, 2, word]))
        for m, n in ((1, n0), (2, n1), (3, n2), (0, degree[a, k] - n0 - n1 - n2)):
            triads[label[old, k + 1, m]] -= n
            triads[label[new, k + 1, m]] += n
        rest0, rest1, rest2 = rest0 - n0, rest1 - n1, rest2 - n2
    for m, n in ((1, rest0), (2, rest1), (3, rest2)):
        triads[label[old, 0, m]] -= n
        triads[label[new, 0, m]] += n
    if new:
        mark(c, a, b, new, 1)


@njit(cache=True, inline="always")
def mark(c: Census, a: int, b: int, tie: int, change: int) -> None:
    """Flips the bits of a tie of a to b; `change` of the numbers of ties is 1 if it comes, -1 if it goes."""
    here, there = tie - 1, (BOTH - tie if tie != BOTH else tie) - 1
    c.ties[a, here, b >> 6] ^= np.uint64(1) << np.uint64(b & 63)
    c.ties[b, there, a >> 6] ^= np.uint64(1) << np.uint64(a & 63)
    c.degree[a, here] += change
    c.degree[b, there] += change


@njit(cache=True)
def distance(c: Census) -> float:
    """Returns the sum over connected classes of |count - target| / (count + target); 0 is a match."""
    total = 0.0
    for k in range(13):
        off = abs(c.triads[k] - c.target[k])
        if off:
            total += off / (c.triads[k] + c.target[k])
    return total


@njit(cache=True)
def anneal(
    w: Wiring,
    c: Census,
    proposals: int,
    hot: float,
    cold: float,
    until: float,
    enough: int,
    rng: np.random.Generator,
) -> int:
    """Proposes moves while the temperature falls from hot to cold; returns the number proposed.

    Stops early once the distance is `until` or less, or `enough` edges are not the source's.
    """
    here = distance(c)
    cooling = (cold / hot) ** (1.0 / max(proposals, 1))
    temperature = hot
    for used in range(proposals):
        if here <= until or w.tally[1] >= enough:
            return used
        temperature *= cooling
        slot = below(rng, w.num_one_way + w.num_mutual)
        other = w.low[slot] + below(rng, w.size[slot])
        limit = here - temperature * np.log(1.0 - rng.random())
        if slot >= w.num_one_way:
            flip = rng.random() < 0.5
            if mutual_fits(w, slot, other, flip):
                here = try_swap(w, c, slot, other, flip, BOTH, here, limit)
        elif rng.random() < TURNS:
            third = below(rng, len(w.first))
            if cycle_fits(w, slot, third):
                here = try_turn(w, c, slot, third, here, limit)
        elif one_way_fits(w, slot, other):
            here = try_swap(w, c, slot, other, False, OUT, here, limit)
    return proposals


@njit(cache=True)
def try_swap(w: Wiring, c: Census, i: int, j: int, flip: bool, tie: int, here: float, limit: float) -> float:
    """Swaps one-way edges or mutual pairs if the distance stays within the limit; returns the distance."""
    a, b, x, y = w.pre[i], w.post[i], w.pre[j], w.post[j]
    if flip:
        x, y = y, x
    c.saved[:] = c.triads
    retie(c, a, b, tie, 0)
    retie(c, x, y, tie, 0)
    retie(c, a, y, 0, tie)
    retie(c, x, b, 0, tie)
    there = distance(c)
    if there <= limit:
        if tie == BOTH:
            swap_mutual(w, i, j, flip)
        else:
            swap_one_way(w, i, j)
        return there
    mark(c, a, y, tie, -1)
    mark(c, x, b, tie, -1)
    mark(c, a, b, tie, 1)
    mark(c, x, y, tie, 1)
    c.triads[:] = c.saved
    return here


@njit(cache=True)
def try_turn(w: Wiring, c: Census, i: int, third: int, here: float, limit: float) -> float:
    """Turns a three-cycle if the distance stays within the limit; returns the distance."""
    a, b = w.pre[i], w.post[i]
    c.saved[:] = c.triads
    retie(c, a, b, OUT, IN)
    retie(c, b, third, OUT, IN)
    retie(c, third, a, OUT, IN)
    there = distance(c)
    if there <= limit:
        turn_cycle(w, i, third)
        return there
    flip_back(c, a, b)
    flip_back(c, b, third)
    flip_back(c, third, a)
    c.triads[:] = c.saved
    return here


@njit(cache=True)
def flip_back(c: Census, a: int, b: int) -> None:
    """Makes the tie a <- b a tie a -> b, without a look at triads."""
    mark(c, a, b, IN, -1)
    mark(c, a, b, OUT, 1)
