"""Random wirings of given degrees by trades between cells, compiled: for wirings too large for single swaps.

In a round every cell trades once. Two cells put the partners that only one of them has together, and deal
them out again at random, each as many as it had; that moves a great part of their edges at once, where a swap
moves two. Three-cycles are turned too, without which some wirings cannot be reached. Every trade and its
reverse, and every cycle and its reverse, are as likely, so that the chain is uniform on all wirings of the
degrees. Importing this module imports numba; `null_models` does so on first use.

References:
    Strona et al. (2014), https://doi.org/10.1038/ncomms5114 (trades); Carstens, Berger & Strona (2018), A
    unifying framework for fast randomization of ecological networks with fixed (node) degrees, MethodsX 5,
    773-780, and Carstens et al. (2018), Parallel and I/O-efficient randomisation of massive networks using
    global Curveball trades, ESA 2018 (rounds of trades).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neuroevo.wiring.swap_chain import below


@njit(cache=True)
def trade_rounds(first: np.ndarray, post: np.ndarray, rounds: int, rng: np.random.Generator) -> int:
    """Lets all cells trade partners, some rounds; an edge stays in the row of its presynaptic cell.

    Args:
        first: int64 [N + 1], where the edges from each cell begin.
        post: int32 [E], postsynaptic cells; changed in place, and no longer sorted.
        rounds: The number of rounds.
        rng: Source of pairs and deals.

    Returns:
        The number of edges that were dealt out, over all rounds.
    """
    size = len(first) - 1
    mark = np.zeros(size, np.int8)
    longest = 0
    for cell in range(size):
        longest = max(longest, first[cell + 1] - first[cell])
    pool, slots = np.empty(2 * longest, np.int32), np.empty(2 * longest, np.int64)
    dealt = 0
    for turn in range(rounds):
        cells = _paired(first, turn, rng)
        for k in range(0, size - 1, 2):
            dealt += _trade(first, post, cells[k], cells[k + 1], mark, pool, slots, rng)
        for _ in range(size):
            _turn(first, post, below(rng, size), rng)
    return dealt


@njit(cache=True)
def _paired(first: np.ndarray, turn: int, rng: np.random.Generator) -> np.ndarray:
    """Returns the cells in an order in which each trades with its neighbour.

    Every other round it is random. In between it is nearly that of their degrees, which no trade changes: a
    hub that trades with cells of few partners keeps most of its own for dozens of rounds.
    """
    size = len(first) - 1
    place = np.empty(size)
    for cell in range(size):
        place[cell] = rng.random()
        if turn % 2:
            place[cell] += np.log(1.0 + first[cell + 1] - first[cell])
    return np.argsort(place)


@njit(cache=True)
def _trade(
    first: np.ndarray,
    post: np.ndarray,
    a: int,
    b: int,
    mark: np.ndarray,
    pool: np.ndarray,
    slots: np.ndarray,
    rng: np.random.Generator,
) -> int:
    """Deals out the partners that one of two cells has alone; returns their number."""
    for k in range(first[a], first[a + 1]):
        mark[post[k]] = 1
    num_b = 0
    for k in range(first[b], first[b + 1]):
        x = post[k]
        if mark[x]:
            mark[x] = 2  # a common one
        elif x != a:
            pool[num_b], slots[num_b] = x, k
            num_b += 1
    number = num_b
    for k in range(first[a], first[a + 1]):
        x = post[k]
        if mark[x] == 1 and x != b:
            pool[number], slots[number] = x, k
            number += 1
        mark[x] = 0
    if num_b == 0 or num_b == number:
        return 0
    for k in range(number - 1, 0, -1):
        other = below(rng, k + 1)
        pool[k], pool[other] = pool[other], pool[k]
    for k in range(number):
        post[slots[k]] = pool[k]
    return number


@njit(cache=True)
def _turn(first: np.ndarray, post: np.ndarray, a: int, rng: np.random.Generator) -> None:
    """Turns a three-cycle from a cell over two edges that are drawn, if it is one and no pair is mutual.

    Half of the times it does not, lest a wiring that knows no other move be turned an even number of times.
    """
    if first[a] == first[a + 1] or rng.random() < 0.5:
        return
    i = first[a] + below(rng, first[a + 1] - first[a])
    b = post[i]
    if first[b] == first[b + 1]:
        return
    j = first[b] + below(rng, first[b + 1] - first[b])
    c = post[j]
    if c == a:
        return
    k = _place(first, post, c, a)
    if k < 0 or _place(first, post, b, a) >= 0 or _place(first, post, c, b) >= 0:
        return
    if _place(first, post, a, c) >= 0:
        return
    post[i], post[j], post[k] = c, a, b


@njit(cache=True)
def _place(first: np.ndarray, post: np.ndarray, pre: int, wanted: int) -> int:
    """Returns where an edge stands, or -1."""
    for k in range(first[pre], first[pre + 1]):
        if post[k] == wanted:
            return k
    return -1
