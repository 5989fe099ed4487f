"""The swap chains, compiled: Markov chains on wirings with fixed degrees. `null_models` drives them.

Importing this module imports numba, so `null_models` does so on first use: `run.py list` must not wait for
it. Every move and its reverse are proposed with equal probability, so that the chain is uniform on the
wirings it reaches. The compiled code is cached beside this file.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from neuroevo.wiring.edge_table import put, remove, slot_of

TRADES = 0.05  # share of proposals that are trades: rarely needed, and several times as slow as a swap
CYCLES = 0.15  # trades and three-cycles together


class Wiring(NamedTuple):
    """A wiring that a chain walks through, in place. Slots: one-way edges, mutual forward, mutual back.

    Attributes:
        pre: int32 [E], presynaptic cell of each slot; cells are sorted by label.
        post: int32 [E].
        owner: int32 [E], the source's edge whose weight the slot carries; it stays with its presynaptic cell.
        table: int64 [T, 2], the slot of each edge, see `edge_table`.
        low: int32 [E], the first slot of the same labels; a slot keeps its labels.
        size: int32 [E], the number of slots of the same labels.
        first: int32 [N], the first cell of the same label.
        peers: int32 [N], the number of cells of the same label.
        position: float [N, 3], where cells lie, if lengths are kept; [0, 0] for none.
        bounds: float [B], between the bins of lengths.
        tally: int64 [2], accepted moves, and edges that are not the source's.
        scratch: int32 [8, 16], room for a trade.
        num_one_way: The number of one-way slots.
        num_mutual: The number of mutual pairs.
        dyads: True if mutual degrees are kept; False: all edges are one-way slots, whatever their reverse.
    """

    pre: np.ndarray
    post: np.ndarray
    owner: np.ndarray
    table: np.ndarray
    low: np.ndarray
    size: np.ndarray
    first: np.ndarray
    peers: np.ndarray
    position: np.ndarray
    bounds: np.ndarray
    tally: np.ndarray
    scratch: np.ndarray
    num_one_way: int
    num_mutual: int
    dyads: bool


@njit(cache=True)
def walk(w: Wiring, proposals: int, enough: int, rng: np.random.Generator) -> None:
    """Proposes moves, and stops early once enough edges are not the source's.

    Args:
        w: The wiring; it is changed in place.
        proposals: The number of moves to propose.
        enough: The number of edges that are not the source's at which to stop.
        rng: Source of the proposals.
    """
    # The commonest move gets arrays: taking them out of the tuple each time costs more than the move.
    pre, post, low, size = w.pre, w.post, w.low, w.size
    table, num_cells = w.table, len(w.first)
    position, bounds, tally, dyads = w.position, w.bounds, w.tally, w.dyads
    for _ in range(proposals):
        slot = below(rng, w.num_one_way + w.num_mutual)
        kind = rng.random()
        if kind < TRADES and w.dyads:
            _trade(w, rng)
        elif slot >= w.num_one_way:
            other = w.low[slot] + below(rng, w.size[slot])
            flip = rng.random() < 0.5
            if mutual_fits(w, slot, other, flip):
                swap_mutual(w, slot, other, flip)
        elif kind < CYCLES:
            third = below(rng, len(w.first))
            if cycle_fits(w, slot, third):
                turn_cycle(w, slot, third)
        else:
            other = low[slot] + below(rng, size[slot])
            if _fits(pre, post, table, num_cells, position, bounds, dyads, slot, other):
                _swap(pre, post, table, num_cells, tally, slot, other)
        if tally[1] >= enough:
            return


@njit(cache=True, inline="always")
def below(rng: np.random.Generator, bound: int) -> int:
    """Returns a whole number in [0, bound); faster than `rng.integers`, as even to 2 ** -53 a value.

    Args:
        rng: Source of the number.
        bound: 1 or more.
    """
    return int(rng.random() * bound)


@njit(cache=True, inline="always")
def _lift(w: Wiring, pre: int, post: int) -> None:
    """Takes an edge out."""
    w.tally[1] += remove(w.table, len(w.first), pre, post)


@njit(cache=True, inline="always")
def _lay(w: Wiring, slot: int, pre: int, post: int) -> None:
    """Puts an edge into a slot."""
    w.pre[slot], w.post[slot] = pre, post
    w.tally[1] -= put(w.table, len(w.first), pre, post, slot)


@njit(cache=True, inline="always")
def edge_slot(w: Wiring, pre: int, post: int) -> int:
    """Returns the slot of an edge, or -1.

    Args:
        w: The wiring.
        pre: The presynaptic cell.
        post: The postsynaptic cell.
    """
    return slot_of(w.table, len(w.first), pre, post)


@njit(cache=True, inline="always")
def has(w: Wiring, pre: int, post: int) -> bool:
    """Says whether the wiring has an edge.

    Args:
        w: The wiring.
        pre: The presynaptic cell.
        post: The postsynaptic cell.
    """
    return edge_slot(w, pre, post) >= 0


@njit(cache=True)
def length_code(position: np.ndarray, bounds: np.ndarray, a: int, b: int) -> int:
    """Returns 16 ** (bin of the length between two cells), so that sums compare sets of lengths.

    Args:
        position: [N, 3], NaN where unknown.
        bounds: Between the bins, at most 14, sorted.
        a: The one cell.
        b: The other.
    """
    x, y, z = (
        position[a, 0] - position[b, 0],
        position[a, 1] - position[b, 1],
        position[a, 2] - position[b, 2],
    )
    apart = np.float64(np.sqrt(x * x + y * y + z * z))
    if np.isnan(apart):
        return 1
    code = 16
    for bound in bounds:
        if bound < apart:
            code *= 16
    return code


@njit(cache=True)
def _lengths_fit(position: np.ndarray, bounds: np.ndarray, a: int, b: int, c: int, d: int) -> bool:
    """Says whether a -> d, c -> b have the lengths of a -> b, c -> d."""
    if len(position) == 0:
        return True
    before = length_code(position, bounds, a, b) + length_code(position, bounds, c, d)
    return before == length_code(position, bounds, a, d) + length_code(position, bounds, c, b)


@njit(cache=True)
def _fits(
    pre: np.ndarray,
    post: np.ndarray,
    table: np.ndarray,
    num_cells: int,
    position: np.ndarray,
    bounds: np.ndarray,
    dyads: bool,
    i: int,
    j: int,
) -> bool:
    """Says whether a -> b, c -> d may become a -> d, c -> b."""
    a, b, c, d = pre[i], post[i], pre[j], post[j]
    if (
        a == d
        or c == b
        or a == c
        or b == d
        or slot_of(table, num_cells, a, d) >= 0
        or slot_of(table, num_cells, c, b) >= 0
    ):
        return False
    if dyads and (slot_of(table, num_cells, d, a) >= 0 or slot_of(table, num_cells, b, c) >= 0):
        return False
    return _lengths_fit(position, bounds, a, b, c, d)


@njit(cache=True)
def _swap(
    pre: np.ndarray,
    post: np.ndarray,
    table: np.ndarray,
    num_cells: int,
    tally: np.ndarray,
    i: int,
    j: int,
) -> None:
    """Turns a -> b, c -> d into a -> d, c -> b."""
    a, b, c, d = pre[i], post[i], pre[j], post[j]
    tally[1] += remove(table, num_cells, a, b)
    tally[1] += remove(table, num_cells, c, d)
    tally[1] -= put(table, num_cells, a, d, i)
    tally[1] -= put(table, num_cells, c, b, j)
    post[i], post[j] = d, b
    tally[0] += 1


@njit(cache=True)
def one_way_fits(w: Wiring, i: int, j: int) -> bool:
    """Says whether two one-way edges may swap their targets.

    Args:
        w: The wiring.
        i: Slot of the one edge.
        j: Slot of the other.
    """
    return _fits(w.pre, w.post, w.table, len(w.first), w.position, w.bounds, w.dyads, i, j)


@njit(cache=True)
def swap_one_way(w: Wiring, i: int, j: int) -> None:
    """Swaps the targets of two one-way edges.

    Args:
        w: The wiring; it is changed in place.
        i: Slot of the one edge.
        j: Slot of the other.
    """
    _swap(w.pre, w.post, w.table, len(w.first), w.tally, i, j)


@njit(cache=True, inline="always")
def cycle_fits(w: Wiring, i: int, c: int) -> bool:
    """Says whether a -> b -> c -> a are three edges of one label, none of them mutual.

    Args:
        w: The wiring.
        i: Slot of a -> b.
        c: The third cell.
    """
    a, b = w.pre[i], w.post[i]
    if w.first[a] != w.first[b] or w.first[b] != w.first[c] or not (has(w, b, c) and has(w, c, a)):
        return False
    return not (has(w, b, a) or has(w, c, b) or has(w, a, c))


@njit(cache=True, inline="always")
def turn_cycle(w: Wiring, i: int, c: int) -> None:
    """Turns a -> b -> c -> a into a -> c -> b -> a.

    Args:
        w: The wiring; it is changed in place.
        i: Slot of a -> b.
        c: The third cell.
    """
    a, b = w.pre[i], w.post[i]
    j, k = edge_slot(w, b, c), edge_slot(w, c, a)
    _lift(w, a, b)
    _lift(w, b, c)
    _lift(w, c, a)
    _lay(w, i, a, c)
    _lay(w, j, b, a)
    _lay(w, k, c, b)
    w.tally[0] += 1


@njit(cache=True, inline="always")
def mutual_fits(w: Wiring, i: int, j: int, flip: bool) -> bool:
    """Says whether the pairs {a, b}, {c, d} may become {a, d}, {c, b}.

    Args:
        w: The wiring.
        i: Slot of a -> b.
        j: Slot of c -> d.
        flip: True reads the second pair as {d, c}.
    """
    a, b, c, d = w.pre[i], w.post[i], w.pre[j], w.post[j]
    if flip:
        c, d = d, c
        if w.first[a] != w.first[b]:
            return False
    if a == d or c == b or a == c or b == d:
        return False
    table, size = w.table, len(w.first)
    if slot_of(table, size, a, d) >= 0 or slot_of(table, size, c, b) >= 0:
        return False
    if w.dyads and (slot_of(table, size, d, a) >= 0 or slot_of(table, size, b, c) >= 0):
        return False
    return _lengths_fit(w.position, w.bounds, a, b, c, d)


@njit(cache=True, inline="always")
def swap_mutual(w: Wiring, i: int, j: int, flip: bool) -> None:
    """Turns the pairs {a, b}, {c, d} into {a, d}, {c, b}; slot i keeps a.

    Args:
        w: The wiring; it is changed in place.
        i: Slot of a -> b.
        j: Slot of c -> d.
        flip: True reads the second pair as {d, c}.
    """
    i_back, j_forth, j_back = i + w.num_mutual, j, j + w.num_mutual
    if flip:
        j_forth, j_back = j_back, j_forth
    a, b, c, d = w.pre[i], w.post[i], w.pre[j_forth], w.post[j_forth]
    table, size, tally = w.table, len(w.first), w.tally
    for pre, post in ((a, b), (b, a), (c, d), (d, c)):
        tally[1] += remove(table, size, pre, post)
    w.post[i], w.pre[i_back] = d, d  # slot i keeps a
    w.pre[j_forth], w.post[j_forth], w.pre[j_back], w.post[j_back] = c, b, b, c
    tally[1] -= put(table, size, a, d, i)
    tally[1] -= put(table, size, d, a, i_back)
    tally[1] -= put(table, size, c, b, j_forth)
    tally[1] -= put(table, size, b, c, j_back)
    w.owner[i_back], w.owner[j_back] = w.owner[j_back], w.owner[i_back]
    w.tally[0] += 1


@njit(cache=True)
def _trade(w: Wiring, rng: np.random.Generator) -> None:
    """Lets two cells exchange their ties to one to three others, and perhaps turns the tie between them.

    This reaches wirings that swaps and three-cycles cannot, for instance where a mutual pair stands in the
    way of a swap of one-way edges. A trade that would change a degree is dropped.
    """
    b = below(rng, len(w.first))
    c = w.first[b] + below(rng, w.peers[b])
    turn = rng.random() < 0.5
    pool = b if turn else below(rng, len(w.first))
    others = w.scratch[0]
    num_others = 1 + below(rng, 3)
    for m in range(num_others):
        x = w.first[pool] + below(rng, w.peers[pool])
        if x == b or x == c or (m > 0 and x == others[0]) or (m > 1 and x == others[1]):
            return
        others[m] = x
    turn = turn and has(w, b, c) != has(w, c, b)
    if b != c and _trade_fits(w, b, c, others[:num_others], turn):
        _exchange(w, b, c, others[:num_others], turn)


@njit(cache=True)
def _trade_fits(w: Wiring, b: int, c: int, others: np.ndarray, turn: bool) -> bool:
    """Says whether a trade moves something and keeps degrees, mutual degrees and lengths."""
    gives, takes, shares, length, moves = 0, 0, 0, 0, turn
    if turn:
        gives = 1 if has(w, c, b) else -1
        takes = -gives
    table, size = w.table, len(w.first)
    for x in others:
        b_out, b_in = slot_of(table, size, b, x) >= 0, slot_of(table, size, x, b) >= 0
        c_out, c_in = slot_of(table, size, c, x) >= 0, slot_of(table, size, x, c) >= 0
        moves = moves or b_out != c_out or b_in != c_in
        gives += int(c_out) - int(b_out)
        takes += int(c_in) - int(b_in)
        shares += int(c_out and c_in) - int(b_out and b_in)
        if len(w.position):
            more = int(c_out) + int(c_in) - int(b_out) - int(b_in)
            off = length_code(w.position, w.bounds, b, x) - length_code(w.position, w.bounds, c, x)
            length += more * off
    return moves and gives == 0 and takes == 0 and shares == 0 and length == 0


@njit(cache=True)
def _exchange(w: Wiring, b: int, c: int, others: np.ndarray, turn: bool) -> None:
    """Carries out a trade: takes the ties out, notes them crosswise, and lays them into the same slots."""
    slots, to_pre, to_post = w.scratch[1], w.scratch[2], w.scratch[3]
    cells, owners = w.scratch[4], w.scratch[5]
    num_slots, num_owners = 0, 0
    pairs, new_pairs = w.scratch[6], w.scratch[7]
    num_pairs = 0
    for x in others:
        if has(w, b, x) == has(w, c, x) and has(w, x, b) == has(w, x, c):
            continue
        for here, there in ((b, c), (c, b)):
            forth, back = edge_slot(w, here, x), edge_slot(w, x, here)
            if forth >= 0 and back >= 0:
                pairs[num_pairs] = min(forth, back)
                new_pairs[2 * num_pairs], new_pairs[2 * num_pairs + 1] = min(there, x), max(there, x)
                num_pairs += 1
                cells[num_owners], owners[num_owners] = here, w.owner[forth]
                cells[num_owners + 1], owners[num_owners + 1] = x, w.owner[back]
                num_owners += 2
            elif forth >= 0:
                slots[num_slots], to_pre[num_slots], to_post[num_slots] = forth, there, x
                num_slots += 1
            elif back >= 0:
                slots[num_slots], to_pre[num_slots], to_post[num_slots] = back, x, there
                num_slots += 1
    if turn:
        pre, post = (b, c) if has(w, b, c) else (c, b)
        slots[num_slots], to_pre[num_slots], to_post[num_slots] = edge_slot(w, pre, post), post, pre
        num_slots += 1
    for m in range(num_slots):
        _lift(w, w.pre[slots[m]], w.post[slots[m]])
    for m in range(num_pairs):
        _lift(w, w.pre[pairs[m]], w.post[pairs[m]])
        _lift(w, w.post[pairs[m]], w.pre[pairs[m]])
    for new in range(num_slots):
        for m in range(num_slots):
            if slots[m] >= 0 and w.pre[slots[m]] == to_pre[new]:
                _lay(w, slots[m], to_pre[new], to_post[new])
                slots[m] = -1
                break
    for m in range(num_pairs):
        slot, low, high = pairs[m], new_pairs[2 * m], new_pairs[2 * m + 1]
        _lay(w, slot, low, high)
        _lay(w, slot + w.num_mutual, high, low)
        w.owner[slot] = _claim(cells, owners, num_owners, low)
        w.owner[slot + w.num_mutual] = _claim(cells, owners, num_owners, high)
    w.tally[0] += 1


@njit(cache=True)
def _claim(cells: np.ndarray, owners: np.ndarray, num_owners: int, cell: int) -> int:
    """Returns an owner that a cell has put down, once."""
    for m in range(num_owners):
        if cells[m] == cell:
            cells[m] = -1
            return owners[m]
    return -1
