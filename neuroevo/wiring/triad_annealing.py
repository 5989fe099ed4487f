"""The chain that matches triads, compiled: swaps under simulated annealing on an incremental triad census.

Third cells that two cells have in common are counted in sets of bits, 64 at a time, or from lists of partners
where these are shorter than the sets. Both give the same numbers, and so the same chain.

Importing this module imports numba; `null_models` does so on first use.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from neuroevo.wiring.bits import num_ones
from neuroevo.wiring.graph import Graph
from neuroevo.wiring.swap_chain import (
    Wiring,
    below,
    cycle_fits,
    has,
    mutual_fits,
    one_way_fits,
    swap_mutual,
    swap_one_way,
    turn_cycle,
)
from neuroevo.wiring.triads import TRIADS, census, triad_class
from neuroevo.wiring.triangles import BOTH, IN, OUT, Ties, ties_of, triangles_of

CONNECTED = tuple(label for label in TRIADS if label not in ("003", "012", "102"))  # degrees fix the others
WORDS = 1.5  # words of a set of bits that take as long as a partner in a list
HOLE = -1  # in place of a partner that a move takes away
TURNS = 0.1  # share of three-cycles among the proposals for one-way edges


class Census(NamedTuple):
    """The connected triads of a wiring, kept up to date.

    Attributes:
        ties: uint64 [N, 3, words], for each cell bit sets of the cells it has an out, in or mutual tie to;
            without cells where there are lists.
        first: int64 [N + 1], where the partners of each cell begin; moves keep their number.
        partner: int32, partners of each cell.
        tie: int8, the tie of the cell to each.
        near: int8 [N], ties of the cell that is looked at; zero between proposals.
        degree: int64 [N, 3], the number of partners of each tie.
        triads: int64 [14], the triads of each class of `CONNECTED`; the last holds what is not connected.
        target: int64 [14], the count wanted.
        trial: int64 [14], the count after a proposal.
        net: int64 [16], how many more third cells the pairs that lose a tie have than those that gain one,
            at 4 * (tie of the first cell to the third) + (tie of the second); zero between proposals.
        label: int64 [4, 4, 4], the class of a triad {a, b, x} by the ties a to b, a to x and b to x.
    """

    ties: np.ndarray
    first: np.ndarray
    partner: np.ndarray
    tie: np.ndarray
    near: np.ndarray
    degree: np.ndarray
    triads: np.ndarray
    target: np.ndarray
    trial: np.ndarray
    net: np.ndarray
    label: np.ndarray


def census_of(graph: Graph) -> Census:
    """Returns the census of a wiring, with itself as the target.

    Args:
        graph: The wiring.
    """
    ties = ties_of(graph)
    counted = census(ties.degree, triangles_of(ties).by_ties)
    count = np.array([*(counted[label] for label in CONNECTED), 0])
    net, near = np.zeros(16, np.int64), np.zeros(graph.num_cells, np.int8)
    bits = np.zeros((0, 3, 0), np.uint64) if _lists_are_shorter(ties) else _bits(ties)
    lists = ties.first, ties.partner, ties.tie, near
    return Census(bits, *lists, ties.degree, count, count.copy(), count.copy(), net, _labels())


def _lists_are_shorter(ties: Ties) -> bool:
    """Says whether a list of partners, of a cell at the end of an edge, is shorter than a set of bits."""
    number = np.diff(ties.first).astype(float)
    return bool(WORDS * len(number) / 64 > (number**2).sum() / max(1.0, number.sum()))


def _bits(ties: Ties) -> np.ndarray:
    """Returns the cells that each cell has each tie to, as sets of bits, uint64 [N, 3, words]."""
    num_cells = len(ties.degree)
    bits = np.zeros((num_cells, 3, -(-num_cells // 64)), np.uint64)
    cell = np.repeat(np.arange(num_cells), np.diff(ties.first))
    bit = np.uint64(1) << (ties.partner % 64).astype(np.uint64)
    np.bitwise_or.at(bits, (cell, ties.tie - 1, ties.partner // 64), bit)
    return bits


@cache
def _labels() -> np.ndarray:
    """Returns the class of each of the 64 labelled triads."""
    labels = np.full((4, 4, 4), len(CONNECTED))
    for ties in np.ndindex(4, 4, 4):
        triad = triad_class(*ties)
        if triad in CONNECTED:
            labels[ties] = CONNECTED.index(triad)
    return labels


@njit(cache=True, inline="always")
def _reverse(tie: int) -> int:
    """Returns a tie as its other end sees it."""
    return (0, IN, OUT, BOTH)[tie]


@njit(cache=True, inline="always")
def _tie_of(w: Wiring, a: int, b: int) -> int:
    """Returns the tie of a to b."""
    return OUT * int(has(w, a, b)) + IN * int(has(w, b, a))


@njit(cache=True)
def _add_thirds(c: Census, a: int, b: int, tie: int, times: int) -> None:
    """Adds to `net` how many other cells x there are for each pair of ties a to x and b to x, some `times`.

    `tie` is the tie of a to b.
    """
    ties, degree, net = c.ties, c.degree, c.net
    if len(ties) == 0:
        _add_listed_thirds(c, a, b, times)
        net[4 * tie] -= times
        net[_reverse(tie)] -= times
        return
    rest0, rest1, rest2 = degree[b, 0], degree[b, 1], degree[b, 2]
    for k in range(3):
        n0, n1, n2 = 0, 0, 0
        for word in range(ties.shape[2]):
            row = ties[a, k, word]
            n0 += int(num_ones(row & ties[b, 0, word]))
            n1 += int(num_ones(row & ties[b, 1, word]))
            n2 += int(num_ones(row & ties[b, 2, word]))
        net[4 * k + 4] += times * (degree[a, k] - n0 - n1 - n2)
        net[4 * k + 5] += times * n0
        net[4 * k + 6] += times * n1
        net[4 * k + 7] += times * n2
        rest0, rest1, rest2 = rest0 - n0, rest1 - n1, rest2 - n2
    net[1] += times * rest0
    net[2] += times * rest1
    net[3] += times * rest2
    net[4 * tie] -= times  # b is no third cell, nor is a
    net[_reverse(tie)] -= times


@njit(cache=True)
def _add_listed_thirds(c: Census, a: int, b: int, times: int) -> None:
    """Does what `_add_thirds` does, from lists of partners; a and b count as third cells."""
    first, partner, tie, near, degree, net = c.first, c.partner, c.tie, c.near, c.degree, c.net
    for k in range(first[a], first[a + 1]):
        near[partner[k]] = tie[k]
    for k in range(3):
        net[4 * k + 4] += times * degree[a, k]
    for k in range(first[b], first[b + 1]):
        here = near[partner[k]]
        net[4 * here + tie[k]] += times
        net[4 * here] -= times * (here > 0)  # of those that only a is tied to
    for k in range(first[a], first[a + 1]):
        near[partner[k]] = 0


@njit(cache=True)
def _change(c: Census, old: int, new: int) -> None:
    """Sets `trial` to the triads after the pairs that `net` counts the third cells of go from tie to tie."""
    triads, trial, net, label = c.triads, c.trial, c.net, c.label
    for k in range(14):
        trial[k] = triads[k]
    for ties in range(1, 16):
        trial[label[old, ties >> 2, ties & 3]] -= net[ties]
        trial[label[new, ties >> 2, ties & 3]] += net[ties]
        net[ties] = 0
    net[0] = 0


@njit(cache=True, inline="always")
def _mark(c: Census, a: int, b: int, tie: int, change: int) -> None:
    """Flips the bits of a tie of a to b; `change` of the numbers of ties is 1 if it comes, -1 if it goes."""
    here, there = tie - 1, (BOTH - tie if tie != BOTH else tie) - 1
    if len(c.ties) == 0:
        _list(c, a, b if change < 0 else HOLE, HOLE if change < 0 else b, here + 1)
        _list(c, b, a if change < 0 else HOLE, HOLE if change < 0 else a, there + 1)
        return
    c.ties[a, here, b >> 6] ^= np.uint64(1) << np.uint64(b & 63)
    c.ties[b, there, a >> 6] ^= np.uint64(1) << np.uint64(a & 63)
    c.degree[a, here] += change
    c.degree[b, there] += change


@njit(cache=True)
def _list(c: Census, cell: int, old: int, new: int, tie: int) -> None:
    """Puts a partner in place of another in the list of a cell; numbers of partners stay."""
    k = c.first[cell]
    while c.partner[k] != old:
        k += 1
    c.partner[k], c.tie[k] = new, tie


@njit(cache=True)
def distance(triads: np.ndarray, target: np.ndarray) -> float:
    """Returns the sum over connected classes of |count - target| / (count + target); 0 is a match.

    Args:
        triads: int64 [14], as in `Census`.
        target: int64 [14], as in `Census`.
    """
    total = 0.0
    for k in range(13):
        off = abs(triads[k] - target[k])
        if off:
            total += off / (triads[k] + target[k])
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
    """Proposes moves while the temperature falls, and stops early once the triads match or enough moved.

    Args:
        w: The wiring; it is changed in place.
        c: Its census; it is kept up to date.
        proposals: The number of moves to propose.
        hot: The temperature at the first proposal, in units of the distance.
        cold: The temperature at the last.
        until: The distance at which to stop; one below 0 is never reached.
        enough: The number of edges that are not the source's at which to stop.
        rng: Source of the proposals.

    Returns:
        The number of moves that were proposed.
    """
    here = distance(c.triads, c.target)
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
                here = _try_swap(w, c, slot, other, flip, BOTH, here, limit)
        elif rng.random() < TURNS:
            third = below(rng, len(w.first))
            if cycle_fits(w, slot, third):
                here = _try_turn(w, c, slot, third, here, limit)
        elif one_way_fits(w, slot, other):
            here = _try_swap(w, c, slot, other, False, OUT, here, limit)
    return proposals


@njit(cache=True)
def _try_swap(w: Wiring, c: Census, i: int, j: int, flip: bool, tie: int, here: float, limit: float) -> float:
    """Swaps one-way edges or mutual pairs if the distance stays within the limit; returns the distance."""
    a, b, x, y = w.pre[i], w.post[i], w.pre[j], w.post[j]
    if flip:
        x, y = y, x
    _count_swap(w, c, a, b, x, y, tie)
    there = distance(c.trial, c.target)
    if there > limit:
        return here
    c.triads[:] = c.trial
    _mark(c, a, b, tie, -1)
    _mark(c, x, y, tie, -1)
    _mark(c, a, y, tie, 1)
    _mark(c, x, b, tie, 1)
    if tie == BOTH:
        swap_mutual(w, i, j, flip)
    else:
        swap_one_way(w, i, j)
    return there


@njit(cache=True)
def _count_swap(w: Wiring, c: Census, a: int, b: int, x: int, y: int, tie: int) -> None:
    """Sets `trial` to the triads after the ties of a to b and x to y go to a to y and x to b.

    Cells outside see the four pairs change as if each were alone, so that nothing need be marked and undone;
    the four triads among a, b, x and y are counted by hand.
    """
    net, trial, label = c.net, c.trial, c.label
    back, p, q = _reverse(tie), _tie_of(w, a, x), _tie_of(w, b, y)
    _add_thirds(c, a, b, tie, 1)
    _add_thirds(c, x, y, tie, 1)
    _add_thirds(c, a, y, 0, -1)
    _add_thirds(c, x, b, 0, -1)
    net[4 * p] -= 1  # x, then y, is no third cell of {a, b}
    net[q] -= 1
    net[4 * _reverse(p)] -= 1  # a and b of {x, y}
    net[_reverse(q)] -= 1
    net[4 * tie + _reverse(q)] += 1  # b and x of {a, y}
    net[4 * p + back] += 1
    net[4 * _reverse(p) + back] += 1  # a and y of {x, b}
    net[4 * tie + q] += 1
    _change(c, tie, 0)
    trial[label[tie, p, 0]] -= 1  # {a, b, x}
    trial[label[0, p, back]] += 1
    trial[label[tie, 0, q]] -= 1  # {a, b, y}
    trial[label[0, tie, q]] += 1
    trial[label[p, 0, tie]] -= 1  # {a, x, y}
    trial[label[p, tie, 0]] += 1
    trial[label[0, q, tie]] -= 1  # {b, x, y}
    trial[label[back, q, 0]] += 1


@njit(cache=True)
def _try_turn(w: Wiring, c: Census, i: int, third: int, here: float, limit: float) -> float:
    """Turns a three-cycle if the distance stays within the limit; returns the distance."""
    ring: tuple[Any, ...] = np.int64(w.pre[i]), np.int64(w.post[i]), np.int64(third)
    for k in range(3):
        _add_thirds(c, ring[k], ring[(k + 1) % 3], OUT, 1)
        c.net[4 * IN + OUT] -= 1  # the last of the three; their own triad is a cycle before and after
    _change(c, OUT, IN)
    there = distance(c.trial, c.target)
    if there > limit:
        return here
    c.triads[:] = c.trial
    for k in range(3):
        _mark(c, ring[k], ring[(k + 1) % 3], OUT, -1)
        _mark(c, ring[(k + 1) % 3], ring[k], OUT, 1)
    turn_cycle(w, i, third)
    return there
