"""Coincidence: figures against outcomes counted one by one, and error rates where graphs solve or fail."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from neuroevo.referee import coincidence
from neuroevo.referee.comparison import compare
from neuroevo.referee.entry import Entry


def chance(event, num_graphs: int, share: float) -> float:
    """Returns the probability of an event of the wiring's outcome and the graphs', each 0 or 1."""
    return sum(
        math.prod(share if x else 1 - share for x in outcome)
        for outcome in itertools.product((0, 1), repeat=num_graphs + 1)
        if event(outcome[0], np.array(outcome[1:]))
    )


@pytest.mark.parametrize("num_graphs", [2, 3, 5, 7, 9])
def test_a_wiring_apart_from_graphs_that_are_all_alike_is_counted_exactly(num_graphs):
    shares = np.linspace(0.001, 0.999, 999)
    worst = max(
        chance(lambda one, graphs: (graphs != one).all(), num_graphs, share) for share in shares[::10]
    )
    assert coincidence.one_wiring(math.inf, 0.0, num_graphs, 0) == pytest.approx(worst, rel=2e-3)


def test_patterns_have_the_t_that_the_referee_computes():
    for num_graphs, solvers in ((5, 1), (10, 3), (20, 2)):
        graphs = np.array([1.0] * solvers + [0.0] * (num_graphs - solvers))
        t = (1 - graphs.mean()) / (graphs.std(ddof=1) * math.sqrt(1 + 1 / num_graphs))
        assert coincidence._patterns(num_graphs)[solvers] == pytest.approx(t)


@pytest.mark.parametrize(("num_families", "graphs"), [(1, 7), (2, 12), (4, 19), (10, 30)])
def test_more_families_take_more_graphs(num_families, graphs):
    assert coincidence.fewest_graphs(num_families) == graphs
    for number, is_enough in ((graphs, True), (graphs - 1, False)):
        p = coincidence.one_wiring(math.inf, 0.0, number, 0, (number,) * (num_families - 1))
        assert (p < 0.05) is is_enough


def test_families_differ_as_a_whole_as_often_as_counted():
    for sizes in ((3, 3), (3, 3, 3), (4, 5, 6)):

        def is_apart(outcome, sizes=sizes):
            parts = np.split(np.array(outcome), np.cumsum(sizes)[:-1])
            return any(part.all() for part in parts) and any(not part.any() for part in parts)

        total = sum(sizes)
        apart = [o for o in itertools.product((0, 1), repeat=total) if is_apart(o)]
        counts = np.bincount([sum(o) for o in apart], minlength=total + 1)
        shares = np.linspace(0.3, 0.7, 401)
        worst = max(
            (counts * s ** np.arange(total + 1) * (1 - s) ** np.arange(total, -1, -1)).sum() for s in shares
        )
        assert coincidence.families(sizes) == pytest.approx(worst, rel=1e-3)


def test_more_graphs_beyond_than_a_rank_test_allows_is_no_evidence():
    assert coincidence.one_wiring(10.0, 1e-6, 20, 1) == 2 * 2 / 21
    assert coincidence.one_wiring(10.0, 1e-6, 100, 1) < 0.05
    assert coincidence.one_wiring(10.0, 1e-6, 100, 2) == 2 * 3 / 101
    assert coincidence.one_wiring(0.1, 0.9, 20, 11) == 1.0


def test_p_grows_with_what_the_t_test_says_and_falls_with_t():
    values = [coincidence.one_wiring(t, 2 * stats.t.sf(t, 9), 10, 0) for t in (1.0, 2.0, 3.0, 5.0, math.inf)]
    assert values == sorted(values, reverse=True)


def solved(rng: np.random.Generator, num_graphs: int, share: float, rest: float) -> dict:
    """Returns scores of graphs that solve or fail, all five seeds alike but for a rest."""
    table = (rng.random((num_graphs, 1)) < share) + rest * rng.normal(size=(num_graphs, 5))
    return {(g, s): float(x) for (g, s), x in np.ndenumerate(table)}


@pytest.mark.parametrize("rest", [0.02, 0.3])
@pytest.mark.parametrize("num_graphs", [3, 5, 8, 12, 20])
def test_one_wiring_of_graphs_that_solve_or_fail_is_rarely_told_apart(num_graphs, rest):
    """At the worst share of solvers; by the t test alone it is in 7 to 13 %."""
    rng, alone, told, number = np.random.default_rng(num_graphs), 0, 0, 400
    for k in range(number):
        one, family = (solved(rng, n, 1 / (num_graphs + 1), rest) for n in (1, num_graphs))
        row = compare({"t": [Entry("a", one, one_point=True), Entry("b", family)]}, {}, k)["t"][0]
        alone += row.p < 0.05
        told += row.p_pair < 0.05
    most = 0.05 + 3 * math.sqrt(0.05 * 0.95 / number)
    assert told / number <= most
    if rest == 0.02 and num_graphs <= 5:
        assert alone / number > 0.05
