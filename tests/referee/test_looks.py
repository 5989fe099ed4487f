"""Looks: what they may spend, how they are planned, and that a decision stays."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from benchmarks import calibration_looks as simulation
from neuroevo.referee import looks
from neuroevo.referee.coincidence import one_wiring
from neuroevo.referee.estimators import LEVEL
from neuroevo.referee.looks import COINCIDENCE, Contest, Decided, Look
from neuroevo.seeds import generator

BUDGETS = (60, 200, 333, 2_000, 50_000, 1_000_000)
CONTESTS = [Contest(w, f, t) for w, f, t in itertools.product((0, 1, 3), (0, 1, 2, 9), (1, 2)) if w + f > 1]


@pytest.mark.parametrize("contest", CONTESTS, ids=str)
@pytest.mark.parametrize("budget", [*BUDGETS, None])
def test_looks_spend_the_level_and_keep_to_the_budget(contest: Contest, budget: int | None) -> None:
    planned = looks.plan(contest, (5, 7 if contest.families else 1), 10, budget)
    if budget is not None and contest.lineages(5, 7 if contest.families else 1) > budget:
        assert planned == ()
        return
    assert sum(look.level for look in planned) == pytest.approx(LEVEL, rel=1e-12)
    assert all(look.level > 0 for look in planned) and looks.are_spent(planned)
    assert [look.lineages for look in planned] == [contest.lineages(x.seeds, x.graphs) for x in planned]
    assert all(a.seeds <= b.seeds and a.graphs <= b.graphs for a, b in itertools.pairwise(planned))
    if budget is None:
        assert len(planned) == looks.MOST_LOOKS and len({look.level for look in planned}) == 1
        return
    last = planned[-1]
    assert last.lineages <= budget
    more = (
        contest.lineages(last.seeds, last.graphs + 1)
        if contest.families
        else contest.lineages(last.seeds + 1, 1)
    )
    assert more > budget, "the last look takes all that the budget holds"
    assert last.level > 0.4 * LEVEL, "the last look has most to spend"


def test_graphs_grow_by_half_to_twofold_where_the_budget_is_large() -> None:
    planned = looks.plan(Contest(1, 2), (5, 16), 10, 20_000)
    assert [(x.seeds, x.graphs) for x in planned[:2]] == [(5, 16), (10, 16)]
    ratios = [b.graphs / a.graphs for a, b in itertools.pairwise(planned[1:])]
    assert len(ratios) > 3 and all(1.5 < ratio < 2 for ratio in ratios)


def test_levels_follow_the_square_of_the_share_of_lineages() -> None:
    assert looks.levels([25, 50, 100]) == pytest.approx([LEVEL / 16, 3 * LEVEL / 16, 12 * LEVEL / 16])
    assert looks.levels([7]) == [LEVEL]


@pytest.mark.parametrize(
    ("planned", "what"),
    [
        ([Look(5, 7, 40, 0.03), Look(10, 7, 80, 0.03)], "more than there is"),
        ([Look(5, 7, 40, 0.0), Look(10, 7, 80, 0.05)], "nothing at a look"),
        ([Look(10, 7, 80, 0.02), Look(5, 7, 40, 0.03)], "not growing"),
    ],
)
def test_what_is_no_plan_is_told(planned: Sequence[Look], what: str) -> None:
    assert not looks.are_spent(planned), what


def test_the_first_decision_stays() -> None:
    assert looks.first_decided({1: "inconclusive", 2: "better", 3: "equivalent"}) == Decided("better", 2)
    assert (
        looks.first_decided({1: "inconclusive"}) == looks.first_decided({}) == Decided("inconclusive", None)
    )


def test_first_look_has_the_graphs_that_a_wiring_can_be_told_with() -> None:
    for families in (1, 2, 6, 10):
        least = looks.least_graphs(families)
        others = [[n] * (families - 1) for n in (least, least - 1)]
        assert one_wiring(np.inf, 0.0, least, 0, others[0]) < COINCIDENCE
        assert one_wiring(np.inf, 0.0, least - 1, 0, others[1]) >= COINCIDENCE
    assert looks.least_graphs(0) == looks.LEAST_GRAPHS


@pytest.mark.parametrize("kind", ["normal, between 1", "skewed", "7% of graphs solve", "12% solve, noise"])
def test_all_looks_together_err_in_five_per_cent_of_tables_at_most(kind: str) -> None:
    """Simulated tables of one wiring and the family that it is drawn from, where looks err the most."""
    shape, number = simulation.SHAPES["2, wiring"], 1_500
    planned = simulation.plan(shape)
    graphs, seeds = [1, planned[-1].graphs], planned[-1].seeds
    tables = simulation.NULLS[kind].tables(generator(0, "looks", kind), number, graphs, seeds)
    judged = simulation.judge(tables, planned, None)
    simulation.check(tables, planned, None, judged, 1)  # the referee's own functions say the same
    wrong = int((judged.relations != 0).any(1).sum())
    assert stats.binomtest(wrong, number, LEVEL, alternative="greater").pvalue > 0.001


def test_a_simulation_that_says_something_else_than_the_referee_is_caught() -> None:
    shape = simulation.SHAPES["2, families"]
    planned = simulation.plan(shape)
    tables = simulation.NULLS["skewed"].tables(
        generator(0, "looks"), 2, [planned[-1].graphs] * 2, planned[-1].seeds
    )
    judged = simulation.judge(tables, planned, 1.0)
    judged.relations[1] = 1 + judged.relations[1] % 2
    with pytest.raises(SystemExit, match="table 1: the referee says"):
        simulation.check(tables, planned, 1.0, judged, 2)
