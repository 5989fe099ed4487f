"""The sphinx table: shares worked by hand, Fieller's interval in closed form, and refusals in words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from neuroevo.referee.entry import Entry
from neuroevo.referee.estimators import Scores, contrast
from neuroevo.referee.sphinx import SENSORS, Floor, explain, share_of

CHANCE = (0.1, "naming one class always")


def scores(*rows: list[float]) -> dict[tuple[int, int], float]:
    """Returns scores, a list a graph, an item a seed."""
    return {(graph, seed): x for graph, row in enumerate(rows) for seed, x in enumerate(row)}


def entry(label: str, *rows: list[float], core: str = "evolves", untrained: Scores | None = None) -> Entry:
    return Entry(label, scores(*rows), untrained=untrained or {}, one_point=len(rows) == 1, core=core)


def test_shares_and_parts_are_those_worked_by_hand():
    """Of 0.8 above the floor: the clock has 0.2, maps 0.4, the sensors 0.5, the null 0.6, frozen 0.7."""
    entries = [
        entry("connectome", [0.8, 0.9, 1.0]),
        entry("degree", [0.6, 0.7, 0.8], [0.7, 0.7, 0.7]),
        entry("adapter-only", [0.5, 0.5, 0.5], core="none"),
        entry("clock", [0.3, 0.3, 0.3], core="clock"),
        entry("frozen", [0.7, 0.8, 0.9], core="frozen"),
    ]
    explained = explain(entries, CHANCE, scores([0.6, 0.6, 0.6]), "accuracy")
    assert explained is not None and explained.refusal == "" and explained.leader == "connectome"
    assert explained.floor == Floor(0.1, "naming one class always", is_measured=False)
    by_name = {x.genome: x.share for x in explained.shares}
    wanted = {"frozen": 0.875, "degree": 0.75, SENSORS: 0.625, "adapter-only": 0.5, "clock": 0.25}
    assert by_name == pytest.approx(wanted) and list(by_name) == list(wanted)
    parts = explained.parts
    assert parts is not None and parts.best_other == "degree"
    assert (parts.body, parts.maps, parts.any_wiring, parts.own_wiring) == pytest.approx(
        (0.25, 0.375, 0.125, 0.25)
    )


def test_shares_below_nothing_and_above_all_are_as_they_are():
    entries = [
        entry("connectome", [1.0, 2.0, 3.0]),
        entry("random", [-1.0, -1.0, -1.0]),
        entry("clock", [5.0, 5.0, 5.0], core="clock"),
    ]
    explained = explain(entries, (0.0, "standing"), {}, "m/s")
    assert explained is not None and explained.leader == "connectome"  # a control is no leader
    assert {x.genome: x.share for x in explained.shares} == pytest.approx({"clock": 2.5, "random": -0.5})
    assert explained.parts is not None and explained.parts.own_wiring == pytest.approx(-1.5)
    assert explained.parts.maps is None and explained.parts.any_wiring == pytest.approx(0.0)


def test_interval_is_fieller_s_for_one_wiring_against_one():
    """Of paired x and y above 0, the ends solve (X - sY)^2 = t^2 (vxx - 2s vxy + s^2 vyy) / n."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(1.0, 0.2, 8), rng.normal(2.0, 0.3, 8)
    share = share_of("a", "wiring", scores(x.tolist()), entry("b", y.tolist()), Floor(0.0, "", False))
    assert share is not None and share.ci95 is not None
    v = np.cov(x, y) * stats.t.isf(0.025, 7) ** 2 / 8
    square = [y.mean() ** 2 - v[1, 1], -2 * (x.mean() * y.mean() - v[0, 1]), x.mean() ** 2 - v[0, 0]]
    assert share.ci95 == pytest.approx(sorted(np.roots(square).real), abs=1e-5)
    assert share.share == pytest.approx(x.mean() / y.mean())


@pytest.mark.parametrize("seed", range(6))
def test_interval_holds_all_of_it_exactly_where_the_contrast_holds_nothing(seed):
    rng = np.random.default_rng(seed)
    a = scores(*rng.normal(1.0, 0.1, (5, 6)).tolist())
    b = scores(*rng.normal(1.0 + 0.04 * seed, 0.1, (4, 6)).tolist())
    share = share_of("a", "wiring", a, Entry("b", b, core="evolves"), Floor(0.0, "", False))
    tested = contrast(a, b)
    assert share is not None and share.ci95 is not None and tested is not None
    assert (share.ci95[0] < 1 < share.ci95[1]) == (tested.p > 0.05)


def test_interval_covers_the_share_in_95_of_100_samples():
    covered, draws = 0, 400
    rng = np.random.default_rng(3)
    for _ in range(draws):
        common = rng.normal(0, 0.05, 6)  # seeds that are hard for both
        a = scores(*(0.5 + common + rng.normal(0, 0.1, (5, 1)) + rng.normal(0, 0.1, (5, 6))).tolist())
        b = scores(*(1.0 + common + rng.normal(0, 0.1, (5, 1)) + rng.normal(0, 0.1, (5, 6))).tolist())
        share = share_of("a", "wiring", a, Entry("b", b, core="evolves"), Floor(0.0, "", False))
        assert share is not None and share.ci95 is not None
        covered += share.ci95[0] <= 0.5 <= share.ci95[1]
    assert covered >= stats.binom.ppf(0.001, draws, 0.95)


def test_a_measured_floor_is_the_leader_s_own_and_has_an_error():
    leader = entry("connectome", [2.9, 3.1, 3.0, 3.2, 2.8], untrained=scores([0.8, 1.2, 1.1, 0.9, 1.0]))
    entries = [leader, entry("degree", [2.1, 1.9, 2.0, 1.8, 2.2])]
    explained = explain(entries, None, {}, "m/s")
    assert explained is not None
    assert explained.floor == Floor(1.0, "connectome untrained", is_measured=True)
    (share,) = explained.shares
    assert share.share == pytest.approx(0.5)
    fixed = share_of("degree", "wiring", entries[1].scores, leader, Floor(1.0, "", False))
    assert fixed is not None and fixed.ci95 is not None and share.ci95 is not None
    assert share.ci95 != pytest.approx(fixed.ci95)


def test_a_leader_no_higher_than_the_floor_is_refused_in_words():
    entries = [entry("connectome", [0.1, 0.1]), entry("degree", [0.0, 0.1], [0.1, 0.1])]
    explained = explain(entries, CHANCE, {}, "accuracy")
    assert explained is not None and explained.shares == () and explained.parts is None
    assert explained.refusal == (
        "connectome leads with 0.100 accuracy, no more than the floor, 0.100 accuracy (naming one class "
        "always): there is nothing to explain."
    )


def test_without_any_floor_there_are_no_shares():
    explained = explain([entry("a", [1.0, 2.0]), entry("b", [1.0, 1.0])], None, {}, "")
    assert explained is not None and explained.floor is None
    assert explained.refusal.startswith("The task states no floor, and a has no untrained score")


def test_a_leader_that_is_not_told_from_the_floor_has_shares_without_intervals():
    entries = [entry("connectome", [-3.0, 0.1, 3.1, -0.1, 0.3]), entry("degree", [0.1, 0.2, 0.0, 0.1, -0.3])]
    explained = explain(entries, (0.0, "standing"), {}, "")
    assert explained is not None
    assert [x.ci95 for x in explained.shares] == [None]


@pytest.mark.parametrize(
    "entries",
    [[], [entry("connectome", [1.0, 2.0])], [entry("adapter-only", [1.0], core="none")], [Entry("a", {})]],
)
def test_there_is_no_table_without_two_genomes_and_a_wiring(entries):
    assert explain(entries, CHANCE, {}, "") is None


def test_genomes_without_a_seed_in_common_have_no_share():
    other = Entry("degree", {(0, 7): 0.5, (1, 7): 0.6}, core="evolves")
    explained = explain([entry("connectome", [0.8, 0.9]), other], CHANCE, {}, "")
    assert explained is not None and explained.shares == ()
    assert explained.parts is not None and explained.parts.own_wiring == 1


def test_one_seed_has_a_share_without_an_interval():
    explained = explain([entry("a", [0.9]), entry("b", [0.5], [0.5])], CHANCE, {}, "")
    assert explained is not None
    (share,) = explained.shares
    assert share.ci95 is None and math.isclose(share.share, 0.5)


def test_a_control_is_held_against_the_mean_of_a_family_and_a_wiring_against_its_graphs():
    noise = 0.02 * np.array([-1.0, 1.0, 0.0, 1.0, -1.0, 0.0])
    family = Entry("degree", scores(*(np.linspace(0.7, 1.3, 12)[:, None] + noise).tolist()))
    one = scores((0.8 + noise[::-1]).tolist())  # below the mean by less than the graphs differ
    floor = Floor(0.0, "", False)
    control, wiring = (share_of("x", part, one, family, floor) for part in ("maps", "wiring"))
    assert control is not None and wiring is not None and control.share == wiring.share
    assert control.ci95 is not None and wiring.ci95 is not None
    assert control.ci95[1] < 1 < wiring.ci95[1]  # another draw might be as low
    tested = contrast(one, family.scores, is_draw=False)
    assert tested is not None and tested.p < 0.05
