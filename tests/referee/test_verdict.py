"""Ranking: verdicts follow the corrected tests, controls, margins, numbers and ends; sentences say so."""

from dataclasses import replace

import numpy as np
import pytest

from neuroevo.referee import comparison, estimators
from neuroevo.referee.comparison import compare
from neuroevo.referee.entry import Entry, with_failures
from neuroevo.referee.facts import TaskFacts
from neuroevo.referee.learning_curves import Slope
from neuroevo.referee.outcome import Comparison, Rank, Verdict
from neuroevo.referee.verdict import decide

SEEDS = 10


def entry(label, mean, num_graphs=1, num_seeds=SEEDS, spread=0.1, **known) -> Entry:
    """Returns a genome whose lineages scatter about a mean; the label is the source of randomness."""
    rng = np.random.default_rng(list(label.encode()))
    noise = rng.normal(size=(num_graphs, num_seeds))
    table = mean + spread * (noise - noise.mean())
    scores = {(g, s): float(x) for (g, s), x in np.ndenumerate(table)}
    known = {"one_point": num_graphs == 1, "core": "evolves", **known}
    return Entry(label, scores, untrained=dict.fromkeys(scores, 0.0), areas=scores, **known)


def judged(*entries, margin=None, maximum=None, seed=0) -> tuple[Verdict, list[Comparison]]:
    rows = compare({"task": entries}, {"task": margin}, seed)["task"]
    return decide("task", entries, rows, TaskFacts("m/s", margin, maximum)), rows


def test_winner_beats_every_other_one():
    verdict, rows = judged(entry("worm", 2.0), entry("null", 1.0, 9), entry("adapters", 0.5, core="none"))
    assert (verdict.decision, verdict.winner) == ("winner", "worm")
    assert [row.verdict for row in rows] == ["better", "better", "better"]
    assert all(row.p_pair < 0.05 for row in rows)
    assert verdict.p_winner == max(row.p_pair for row in rows if row.concerns("worm"))
    assert verdict.sentence.startswith("worm wins on task: ")
    assert "1.99 m/s against 1.00 m/s of null, the least surely beaten of 2 rivals" in verdict.sentence
    assert "mean difference +1.00 m/s, 95 % interval 0.90 to 1.10, p = 0.039" in verdict.sentence
    assert verdict.reasons == ("The controls do not explain it: it beats adapters too.",)


def test_winner_need_not_come_first():
    verdict, _ = judged(entry("null", 1.0, 9), entry("worm", 2.0))
    assert verdict.winner == "worm"


def test_winner_without_controls_is_said_to_lack_them():
    verdict, _ = judged(entry("worm", 2.0), entry("null", 1.0, 9))
    assert verdict.winner == "worm"
    assert "No control" in verdict.reasons[0]


@pytest.mark.parametrize("core", ["none", "clock", "frozen"])
def test_control_that_does_as_well_explains_the_score(core):
    for mean, relation in ((1.99, "could not be told apart from worm"), (2.01, "does as well as worm")):
        verdict, _ = judged(entry("worm", 2.0), entry("null", 1.0, 9), entry("control", mean, core=core))
        assert verdict.winner is None
        assert verdict.reasons[0].startswith("control, a control")
        assert relation in verdict.reasons[0]
        assert "the wiring is not shown to explain the score" in verdict.reasons[0]


def test_control_is_not_a_winner():
    verdict, _ = judged(entry("worm", 1.0), entry("clock", 3.0, core="clock"))
    assert (verdict.decision, verdict.winner) == ("no winner", None)
    assert verdict.reasons[0].startswith(
        "clock, a control of three parameters and no network, does better than worm (mean difference +2.00"
    )
    verdict, _ = judged(entry("frozen", 1.0, core="frozen"), entry("clock", 3.0, core="clock"))
    assert (verdict.decision, verdict.winner) == ("no winner", None)
    assert verdict.reasons == ("Only controls have scores: frozen and clock. A control is not a winner.",)


def test_rivals_that_are_not_told_apart_have_no_winner_but_a_power_line():
    verdict, rows = judged(entry("worm", 1.03), entry("other", 1.0), entry("bad", 0.0))
    assert verdict.winner is None
    assert "worm could not be told apart from other" in verdict.reasons[0]
    assert "more seeds" in verdict.power[0]
    assert rows[0].power.more_seeds > 0


@pytest.mark.parametrize(
    ("worm", "null", "lack"),
    [
        ({"num_seeds": 4}, {"num_graphs": 9}, "worm has 4 seeds"),
        (
            {},
            {"num_graphs": 6},
            "null has 6 graphs. A verdict takes 5 seeds (--seeds), and 7 graphs of",
        ),
        ({}, {"num_graphs": 2}, "null has 2 graphs"),
        ({}, {"num_graphs": 1, "one_point": False}, "null has 1 graph"),
        ({}, {"num_graphs": 1, "one_point": None}, "null has 1 graph"),
    ],
)
def test_too_few_seeds_or_graphs_is_exploratory_however_clear(worm, null, lack):
    verdict, rows = judged(entry("worm", 9.0, **worm), entry("null", 1.0, **null))
    assert (verdict.decision, verdict.winner) == ("exploratory", None)
    assert lack in verdict.reasons[0]
    assert [row.verdict for row in rows] == ["inconclusive"]
    assert "exploratory" in verdict.sentence


def test_five_seeds_and_seven_graphs_are_enough_for_one_wiring_and_three_for_two_families():
    assert judged(entry("worm", 9.0, num_seeds=5), entry("null", 1.0, 7, 5))[0].winner == "worm"
    assert judged(entry("x", 9.0, 3, 5), entry("null", 1.0, 3, 5))[0].winner == "x"
    three = judged(entry("x", 9.0, 3, 5), entry("null", 1.0, 3, 5), entry("other", 0.5, 3, 5))[0]
    assert three.decision == "exploratory" and "4 graphs of a prior" in three.reasons[0]


def test_winner_must_beat_each_rival_alone_while_pairs_are_corrected_together():
    """A win over nine rivals at p = 0.03 each is a win; of any of 45 pairs alone no such p is told apart."""
    rivals = [entry(f"r{k}", 0.0, num_seeds=12) for k in range(9)]
    best = entry("best", 0.12, num_seeds=12)
    verdict, rows = judged(best, *rivals)
    facing = [row.facing("best") for row in rows if row.concerns("best")]
    assert all(0 < row.p < 0.05 for row in facing) and max(row.p_holm for row in facing) > 0.05
    assert verdict.winner == "best" and verdict.p_winner == max(row.p for row in facing)


def test_winners_of_several_tasks_share_the_error_rate():
    pair = entry("a", 1.12), entry("b", 1.0)
    rows = compare({"x": pair}, {}, 0)["x"]
    assert 0.01 < rows[0].p < 0.05
    assert decide("x", pair, rows, TaskFacts(num_tasks=1)).winner == "a"
    assert decide("x", pair, rows, TaskFacts(num_tasks=5)).winner is None


def test_priors_that_are_told_from_one_another_are_no_further_chances():
    """A wiring that lies among one prior's graphs is no draw of another prior, which is far from that one."""
    worm, among = entry("worm", 2.0), entry("among", 2.0, 9)
    far = entry("far", 1.0, 9)
    alone = compare({"t": [worm, far]}, {}, 0)["t"][0].p_solved
    rows = compare({"t": [worm, among, far]}, {}, 0)["t"]
    beside = next(row for row in rows if {row.a, row.b} == {"worm", "far"})
    assert beside.p_holm == pytest.approx(alone, rel=0.01) and beside.verdict == "better"
    near = [entry(f"near{k}", 1.0, 9) for k in range(3)]
    crowd = compare({"t": [worm, far, *near, entry("wide", 1.0, 9, spread=4.0)]}, {}, 0)["t"]
    told = next(row for row in crowd if {row.a, row.b} == {"worm", "far"})
    assert told.p_holm > 0.05  # of "wide" it may be one more draw, and so may the graphs of "far"


def test_control_is_held_against_the_mean_of_a_family_not_against_one_more_graph():
    """With graphs that differ, a control that lies among them may still lie surely below their mean."""
    family = entry("null", 1.0, 20)
    family = replace(family, scores={(g, s): x + (g - 9.5) / 10 for (g, s), x in family.scores.items()})
    for core, wins in (("none", True), ("evolves", False)):
        verdict, rows = judged(family, entry("other", 0.5, core=core))
        assert (verdict.winner == "null") is wins, core
        assert rows[0].kind == ("control" if core == "none" else "one wiring")


def test_missing_lineages_hold_the_verdict_back():
    verdict, _ = judged(entry("worm", 9.0, num_missing=1), entry("null", 1.0, 9))
    assert (verdict.decision, verdict.winner) == ("exploratory", None)
    assert "worm 1" in verdict.reasons[0]


def test_failed_lineages_count_as_the_lowest_score_of_the_task():
    worm = entry("worm", 9.0, failed=frozenset({(0, 8), (0, 9)}))
    worm = replace(worm, scores={key: x for key, x in worm.scores.items() if key not in worm.failed})
    null = entry("null", 1.0, 9)
    filled = with_failures([worm, null, Entry("none", {}, failed=frozenset({(0, 0)}))])
    lowest = min(null.scores.values())
    assert {key: filled[0].scores[key] for key in worm.failed} == dict.fromkeys(worm.failed, lowest)
    assert filled[1] == null and filled[2].scores == {(0, 0): lowest}
    assert judged(worm, null)[0].winner == "worm"
    assert judged(*filled[:2])[1][0].difference < 0.9 * judged(worm, null)[1][0].difference
    assert with_failures([Entry("none", {}, failed=frozenset({(0, 0)}))])[0].scores == {}


def test_margin_makes_equivalence_a_verdict():
    pair = entry("a", 1.0, 4), entry("b", 1.0, 4)
    assert judged(*pair)[1][0].verdict == "inconclusive"
    assert judged(*pair)[1][0].p_equivalence is None
    assert judged(*pair, margin=1.0)[1][0].verdict == "equivalent"
    assert judged(*pair, margin=0.001)[1][0].verdict == "inconclusive"


def test_difference_within_the_margin_does_not_win():
    pair = entry("a", 1.5, 4), entry("b", 1.0, 4)
    assert judged(*pair)[0].winner == "a"
    verdict, rows = judged(*pair, margin=2.0)
    assert (verdict.winner, rows[0].verdict) == (None, "equivalent")
    assert "a and b are equivalent, to within the margin of 2 m/s" in verdict.reasons[0]
    assert "p < 0.001 for equivalence, after Holm" in verdict.reasons[0]


def test_all_comparisons_of_a_run_are_corrected_together():
    pair = entry("a", 1.12), entry("b", 1.0)
    alone = compare({"x": pair}, {}, 0)["x"][0]
    among = compare({"x": pair, "y": [entry(c, 0.0) for c in "cdef"]}, {}, 0)["x"][0]
    assert alone.p_holm == alone.p == among.p
    assert among.p_holm == pytest.approx(min(1.0, 7 * alone.p))


def test_comparison_does_not_depend_on_rivals_or_order_of_tasks():
    pair = entry("a", 1.1, 12), entry("b", 1.0, 12)  # so many graphs that permutations are drawn
    alone = compare({"x": pair}, {}, 3)["x"][0]
    among = compare({"y": [entry("c", 0.0)], "x": [*pair, entry("d", 2.0)]}, {}, 3)["x"][0]
    for key in ("difference", "ci95", "p", "p_permutation", "probability_of_improvement"):
        assert getattr(alone, key) == getattr(among, key)


def test_one_wiring_is_ranked_among_the_graphs():
    rows = judged(entry("worm", 2.0), entry("null", 1.0, 7))[1]
    assert rows[0].rank == Rank("worm", 1, 8, 1 / 8)
    assert judged(entry("null", 1.0, 7), entry("worm", -2.0))[1][0].rank.rank == 8


def test_all_scores_equal_is_said_and_not_won():
    verdict, rows = judged(entry("a", 1.0, spread=0.0), entry("b", 1.0, 8, spread=0.0))
    assert (verdict.decision, verdict.ends_alike, rows[0].p) == ("no winner", "equal", 1.0)
    assert "all scores are equal" in verdict.sentence


def test_ceiling_is_recognised_and_learning_curves_are_compared():
    flat = Slope("flat", 0.0)
    fast, slow = entry("fast", 10.0, slope=flat), entry("slow", 10.0, slope=flat)
    slow = Entry(**{**vars(slow), "areas": {key: x - 3 for key, x in slow.scores.items()}})
    verdict, _rows = judged(fast, slow, maximum=10.2)
    assert (verdict.ends_alike, verdict.winner) == ("ceiling", None)
    assert "fast learns faster than slow" in verdict.reasons[-1]
    assert "at a ceiling, from" in verdict.sentence and "of at most 10.2" in verdict.sentence


@pytest.mark.parametrize(
    ("maximum", "slope", "num_seeds"),
    [
        (None, Slope("flat", 0.0), SEEDS),  # nobody knows what there is to reach
        (20.0, Slope("flat", 0.0), SEEDS),  # half of it is left
        (10.2, Slope("rising", 0.2), SEEDS),
        (10.2, Slope("unclear", 0.02), SEEDS),
        (10.2, None, SEEDS),
        (10.2, Slope("flat", 0.0), 2),
    ],
)
def test_no_ceiling_is_claimed_of_what_is_far_off_still_learns_or_is_of_too_few_lineages(
    maximum, slope, num_seeds
):
    pair = (entry(label, 10.0, num_seeds=num_seeds, slope=slope) for label in "ab")
    verdict, _ = judged(*pair, maximum=maximum)
    assert verdict.ends_alike is None and "ceiling" not in f"{verdict}"
    assert "could not yet be told apart" in verdict.sentence or num_seeds == 2


def test_floor_is_recognised():
    verdict, _ = judged(entry("a", 0.02), entry("b", 0.0, 8))
    assert verdict.ends_alike == "floor"
    assert "learning curves are compared" in verdict.reasons[-1]
    assert "no genome has learned more than its lineages differ" in verdict.sentence


@pytest.mark.parametrize(("spread", "ending"), [(283.0, "floor"), (28.3, None)])
def test_floor_at_which_one_genome_has_learned_is_none(spread, ending):
    learner = entry("learner", 63.0, spread=spread)  # by as much as its lineages differ, or clearly
    verdict, rows = judged(*(entry(label, 0.0, spread=200.0) for label in "ab"), learner)
    assert not any(row.verdict in ("better", "worse") for row in rows)
    assert verdict.ends_alike == ending and ("floor" in verdict.sentence) is (ending is not None)


def test_single_lineages_are_at_no_floor():
    verdict, _ = judged(entry("a", 0.02, num_seeds=1), entry("b", 0.0, num_seeds=1))
    assert verdict.ends_alike is None and "floor" not in f"{verdict}"


@pytest.mark.parametrize("tested", ["none", "some", "all"])
def test_curves_are_said_not_to_differ_only_where_all_were_tested(tested):
    trio = [entry("a", 0.02), entry("b", 0.01), entry("c", 0.0)]
    without = {"none": "abc", "some": "c", "all": ""}[tested]
    trio = [replace(x, areas={}) if x.label in without else x for x in trio]
    verdict, _ = judged(*trio)
    assert verdict.ends_alike == "floor"
    assert ("told apart either" in " ".join(verdict.reasons)) is (tested == "all")


def test_sole_survivor_of_a_race_has_beaten_nobody():
    verdict, rows = judged(entry("worm", 2.0), Entry("null", {}, is_censored=True))
    assert (verdict.decision, verdict.winner, rows) == ("no winner", None, [])
    assert "race dropped all others" in verdict.reasons[0]


@pytest.mark.parametrize("entries", [[], [Entry("a", {})], [entry("a", 1.0)], [entry("a", 1.0, 1, 1)]])
def test_too_little_to_compare_is_no_error(entries):
    verdict, rows = judged(*entries)
    assert (verdict.winner, rows) == (None, [])
    assert verdict.decision in ("nothing", "exploratory")
    assert verdict.sentence.endswith(".")


def test_power_of_a_planned_number_of_seeds_is_what_was_asked_for():
    """The number of seeds it advises gives the asked-for power in simulation."""
    rng = np.random.default_rng(0)
    effect, seeds = 0.5, 10
    rows = [0.5 + rng.normal(size=seeds) * 0 for _ in range(2)]
    noise = rng.normal(size=seeds)
    noise = (noise - noise.mean()) / noise.std(ddof=1)  # differences of mean 0.5 and deviation 1, exactly
    measured = estimators.contrast(
        {(0, s): float(x) for s, x in enumerate(rows[0] + effect + noise)},
        {(0, s): float(x) for s, x in enumerate(rows[1])},
    )
    total = seeds + comparison.power(measured, 0.05).more_seeds
    drawn = effect + rng.normal(size=(4000, total))
    t = drawn.mean(1) / drawn.std(1, ddof=1) * np.sqrt(total)
    from scipy import stats

    hits = (np.abs(t) > stats.t.isf(0.025, total - 1)).mean()
    assert 0.77 < hits < 0.85
