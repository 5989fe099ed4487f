"""The chain that matches strengths, compiled: moves of edges and of weights under simulated annealing.

A cell's strength is the sum of the weights of its edges. Importing this module imports numba; `null_models`
does so on first use.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from neuroevo.wiring.edge_table import put
from neuroevo.wiring.swap_chain import (
    Wiring,
    below,
    cycle_fits,
    edge_slot,
    mutual_fits,
    one_way_fits,
    swap_mutual,
    swap_one_way,
    turn_cycle,
)

EXCHANGES = 0.5  # share that exchange two weights and leave the edges in place, with three-cycles
SLACK = 0.01  # of the coldest temperature: what a strength may be off by rounding alone
TURNS = 0.05  # share that turn a three-cycle, where edges go one way


class Strengths(NamedTuple):
    """The weights of a wiring and how far its cells' strengths are from those wanted.

    A slot keeps its weight: where two weights change places the two edges change slots. F of the slots are
    free to move.

    Attributes:
        load: float64 [E], the weight of each slot.
        excess: float64 [N], the strength of each cell less the one wanted: of the edges that end on it or,
            where edges are mutual pairs of one weight, of all its pairs. It is kept up to date.
        is_free: bool [E], the slots that are free.
        slot: int32 [F], these in the order of their labels and then of their weights.
        low: int32 [F], where in `slot` those of the same labels begin.
        size: int32 [F], how many they are.
        peer: int32 [F], free slots by their presynaptic cell.
        first_peer: int32 [F], for each of `slot`, where in `peer` those of its presynaptic cell begin.
        num_peers: int32 [F], how many they are.
    """

    load: np.ndarray
    excess: np.ndarray
    is_free: np.ndarray
    slot: np.ndarray
    low: np.ndarray
    size: np.ndarray
    peer: np.ndarray
    first_peer: np.ndarray
    num_peers: np.ndarray


def strengths_of(w: Wiring, load: np.ndarray, wanted: np.ndarray, is_free: np.ndarray) -> Strengths:
    """Returns the weights of a wiring and what its cells lack of the strengths wanted.

    Args:
        w: The wiring, all of one-way edges or all of mutual pairs.
        load: float64 [E], the weight of each slot, of a mutual pair the forward one.
        wanted: float64 [N], the strengths.
        is_free: bool [E], the slots that are free to move; at least one.
    """
    num_slots = w.num_one_way + w.num_mutual
    pre, post, load, is_free = w.pre[:num_slots], w.post[:num_slots], load[:num_slots], is_free[:num_slots]
    strength = np.bincount(post, load, len(wanted))
    if w.num_mutual:
        strength += np.bincount(pre, load, len(wanted))
    free = np.flatnonzero(is_free)
    slot = free[np.lexsort((load[free], w.low[free]))].astype(np.int32)
    peer = free[np.argsort(pre[free], kind="stable")].astype(np.int32)
    return Strengths(
        *(load, strength - wanted, is_free, slot),
        *_runs(w.low[slot], w.low[slot]),
        peer,
        *_runs(pre[peer], pre[slot]),
    )


def _runs(values: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns where in sorted values each of those wanted begins, and how often it is there."""
    first = np.searchsorted(values, wanted)
    return first.astype(np.int32), (np.searchsorted(values, wanted, "right") - first).astype(np.int32)


@njit(cache=True)
def energy(excess: np.ndarray) -> float:
    """Returns the sum over cells of |strength - the one wanted|.

    Args:
        excess: float64 [N], as in `Strengths`.
    """
    return float(np.abs(excess).sum())


@njit(cache=True)
def anneal(
    w: Wiring,
    s: Strengths,
    proposals: int,
    hot: float,
    cold: float,
    until: float,
    enough: int,
    mend: bool,
    rng: np.random.Generator,
) -> int:
    """Proposes moves while the temperature falls; stops early once strengths match and enough edges moved.

    Args:
        w: The wiring, all of one-way edges or all of mutual pairs; it is changed in place.
        s: Its weights; `excess` is changed in place.
        proposals: The number of moves to propose.
        hot: The temperature at the first proposal, in units of the weights.
        cold: The temperature at the last.
        until: The energy at which to stop; one below 0 is never reached.
        enough: The number of edges that are not the source's at which to stop.
        mend: True leaves alone what ends on cells whose strength is the one wanted: for the last few, which
            hardly any proposal concerns.
        rng: Source of the proposals.

    Returns:
        The number of moves that were proposed.
    """
    # What is asked of every proposal gets arrays: taking them out of a tuple each time costs more.
    pre, post, load, excess, slots = w.pre, w.post, s.load, s.excess, s.slot
    low, size, peer, first, number = s.low, s.size, s.peer, s.first_peer, s.num_peers
    pairs, slack = w.num_mutual > 0, SLACK * cold
    here, temperature = energy(excess), hot
    cooling = 1.0 if cold == hot else (cold / hot) ** (1.0 / max(proposals, 1))
    for used in range(proposals):
        if here <= until and w.tally[1] >= enough:
            return used
        temperature *= cooling
        place = below(rng, len(slots))
        slot = slots[place]
        if mend and abs(excess[post[slot]]) <= slack and not (pairs and abs(excess[pre[slot]]) > slack):
            continue
        kind = rng.random()
        if kind < TURNS and not pairs:
            here += _try_turn(w, s, slot, below(rng, len(w.first)), temperature, rng)
            continue
        exchange, flip = kind < EXCHANGES, False
        if exchange and not pairs:
            other = peer[first[place] + below(rng, number[place])]
        else:
            near = _neighbour(place, low[place], size[place], rng)
            if near < 0:
                continue
            other = slots[near]
            flip = pairs and not exchange and rng.random() < 0.5
        more = load[other] - load[slot]
        if exchange and pairs:
            change = _growth_of_pairs(excess, pre[slot], post[slot], pre[other], post[other], more)
        else:
            change = _growth(excess, post[slot], pre[other] if flip else post[other], more)
        if change > 0.0 and rng.random() >= np.exp(-change / temperature):
            continue
        if _exchange(w, s, slot, other) if exchange else _swap(w, s, slot, other, flip):
            here += change
    return proposals


@njit(cache=True, inline="always")
def _growth(excess: np.ndarray, b: int, d: int, more: float) -> float:
    """Returns by how much the energy grows if cell b gets strength from cell d."""
    x, y = excess[b], excess[d]
    return abs(x + more) - abs(x) + abs(y - more) - abs(y) if b != d else 0.0


@njit(cache=True)
def _growth_of_pairs(excess: np.ndarray, a: int, b: int, c: int, d: int, more: float) -> float:
    """Returns by how much the energy grows if the pair {a, b} gets strength from the pair {c, d}."""
    if a == c:
        return _growth(excess, b, d, more)
    if a == d:
        return _growth(excess, b, c, more)
    if b == c:
        return _growth(excess, a, d, more)
    if b == d:
        return _growth(excess, a, c, more)
    return _growth(excess, a, c, more) + _growth(excess, b, d, more)


@njit(cache=True)
def _exchange(w: Wiring, s: Strengths, i: int, j: int) -> bool:
    """Lets two edges change slots, and so weights, which always fits."""
    more = s.load[j] - s.load[i]
    a, b, c, d = w.pre[i], w.post[i], w.pre[j], w.post[j]
    s.excess[b] += more
    s.excess[d] -= more
    _put(w, i, c, d)
    _put(w, j, a, b)
    if w.num_mutual > 0:  # the weight of a pair counts for both of its cells
        s.excess[a] += more
        s.excess[c] -= more
        _put(w, i + w.num_mutual, d, c)
        _put(w, j + w.num_mutual, b, a)
    return True


@njit(cache=True, inline="always")
def _put(w: Wiring, slot: int, pre: int, post: int) -> None:
    """Puts an edge that the wiring has into a slot."""
    w.pre[slot], w.post[slot] = pre, post
    put(w.table, len(w.first), pre, post, slot)


@njit(cache=True, inline="always")
def _neighbour(place: int, low: int, size: int, rng: np.random.Generator) -> int:
    """Returns the place of another slot of the same labels, near or far and so alike in weight, or -1."""
    far = int(np.exp(rng.random() * np.log(size)))  # 1 to size - 1, as likely one way as the other
    other = place + far if rng.random() < 0.5 else place - far
    return other if low <= other < low + size else -1


@njit(cache=True)
def _swap(w: Wiring, s: Strengths, i: int, j: int, flip: bool) -> bool:
    """Swaps the targets of two edges, which take their weights along, if they fit; says whether they do."""
    b, d, more = w.post[i], w.pre[j] if flip else w.post[j], s.load[j] - s.load[i]
    if w.num_mutual > 0:
        if not mutual_fits(w, i, j, flip):
            return False
        swap_mutual(w, i, j, flip)
    else:
        if not one_way_fits(w, i, j):
            return False
        swap_one_way(w, i, j)
    s.excess[b] += more
    s.excess[d] -= more
    return True


@njit(cache=True)
def _try_turn(w: Wiring, s: Strengths, i: int, c: int, temperature: float, rng: np.random.Generator) -> float:
    """Turns a three-cycle, whose edges take their weights along, or not; returns the change of energy."""
    if not cycle_fits(w, i, c):
        return 0.0
    a, b = w.pre[i], w.post[i]
    j, k = edge_slot(w, b, c), edge_slot(w, c, a)
    if not (s.is_free[j] and s.is_free[k]):
        return 0.0
    excess, load = s.excess, s.load
    to_a, to_b, to_c = load[j] - load[k], load[k] - load[i], load[i] - load[j]
    change = abs(excess[a] + to_a) - abs(excess[a])
    change += abs(excess[b] + to_b) - abs(excess[b])
    change += abs(excess[c] + to_c) - abs(excess[c])
    if change > 0.0 and rng.random() >= np.exp(-change / temperature):
        return 0.0
    excess[a] += to_a
    excess[b] += to_b
    excess[c] += to_c
    turn_cycle(w, i, c)
    return change
