"""The table of edges against a dictionary, over long random walks of what chains do with it."""

import numpy as np
import pytest

from neuroevo.wiring.edge_table import EMPTY, NOWHERE, edge_table, put, remove, slot_of


@pytest.mark.parametrize("seed", range(8))
def test_table_holds_what_a_dictionary_holds(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 30))
    pairs = [(int(i), int(j)) for i, j in np.argwhere(rng.random((size, size)) < 0.4)]
    table = edge_table(size, *np.array(pairs or np.zeros((0, 2)), np.int32).reshape(-1, 2).T)
    source, held = set(pairs), {pair: k for k, pair in enumerate(pairs)}
    for slot in range(4_000):
        pair = tuple(int(x) for x in rng.integers(0, size, 2))
        if pair in held:
            assert remove(table, size, *pair) == (pair in source)
            del held[pair]
        elif len(held) < 2 * len(pairs):
            assert put(table, size, *pair, slot) == (pair in source)
            held[pair] = slot
        assert slot_of(table, size, *pair) == held.get(pair, NOWHERE)
    for pair in np.ndindex(size, size):
        assert slot_of(table, size, *pair) == held.get(pair, NOWHERE)
    known = table[table[:, 0] != EMPTY, 0].tolist()
    assert sorted(known) == sorted(i * size + j for i, j in source | held.keys())  # nothing is left behind


def test_table_takes_the_space_of_edges_not_of_pairs():
    ends = np.arange(1_000, dtype=np.int32)
    table = edge_table(200_000, ends, ends + 100_000)
    assert table.nbytes < 70_000
    assert [slot_of(table, 200_000, k, k + 100_000) for k in (0, 500, 999)] == [0, 500, 999]
    assert slot_of(table, 200_000, 199_999, 199_998) == NOWHERE


def test_changing_a_slot_keeps_the_edge():
    table = edge_table(3, np.array([0, 1], np.int32), np.array([1, 2], np.int32))
    assert put(table, 3, 0, 1, 7) == 1
    assert [slot_of(table, 3, k, k + 1) for k in (0, 1)] == [7, 1]
