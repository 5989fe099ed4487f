"""Verdicts say what may be the map onto the body's, and claim it not for the circuit."""

from __future__ import annotations

import numpy as np
import pytest

from neuroevo.referee import wording
from neuroevo.referee.comparison import compare
from neuroevo.referee.entry import Entry
from neuroevo.referee.facts import TaskFacts
from neuroevo.referee.outcome import Verdict
from neuroevo.referee.verdict import decide


def entry(label: str, mean: float, keeps_map: bool | None, core: str = "evolves") -> Entry:
    rng = np.random.default_rng(len(label))
    num_graphs = 1 if label == "connectome" else 12
    scores = {(g, s): mean + 0.01 * rng.standard_normal() for g in range(num_graphs) for s in range(5)}
    return Entry(label, scores, one_point=num_graphs == 1, core=core, keeps_map=keeps_map)


def judged(*entries: Entry) -> Verdict:
    return decide("worm", entries, compare({"worm": entries}, {}, 0)["worm"], TaskFacts("mm/s"))


EXACT, REWIRED = entry("connectome", 1.0, True), entry("degree", 0.0, False)


def test_a_win_over_nulls_that_have_the_map_rewired_may_be_the_maps() -> None:
    verdict = judged(EXACT, REWIRED, entry("random", 0.1, False))
    assert verdict.decision == "winner" and verdict.is_perhaps_map
    assert verdict.sentence.endswith("rewired, so that the win may be the map's.")
    (reason,) = [r for r in verdict.reasons if "map onto the body" in r]
    assert "rewired in degree and random" in reason and "neuromuscular=keep" in reason
    several = {"worm": verdict, "digits": Verdict("no winner", None, "No prior wins on digits.")}
    assert ", perhaps by its map onto the body alone); no prior wins on digits." in wording.of_run(several)


@pytest.mark.parametrize(
    ("kept", "decision", "words"),
    [
        (
            0.5,
            "winner",
            "connectome beats those that have its map onto the body too (map): more than the map",
        ),
        (1.0, "no winner", "and none that has the map ("),
        (
            1.5,
            "winner",
            "map beats those that have its map onto the body too (connectome): more than the map",
        ),
    ],
)
def test_a_null_that_kept_the_map_says_what_is_shown(kept: float, decision: str, words: str) -> None:
    verdict = judged(EXACT, REWIRED, entry("map", kept, True))
    assert verdict.decision == decision and not verdict.is_perhaps_map
    assert "may be the map's" not in verdict.sentence
    assert any(words in reason for reason in verdict.reasons), verdict.reasons


def test_of_two_nulls_that_kept_the_map_one_may_be_beaten() -> None:
    verdict = judged(EXACT, REWIRED, entry("low", 0.5, True), entry("alike", 0.999, True))
    assert any(" beats low, and not " in reason for reason in verdict.reasons)


@pytest.mark.parametrize("known", [None, True])
def test_nothing_is_said_where_there_are_no_muscles_or_all_kept_their_map(known: bool | None) -> None:
    verdict = judged(*(entry(label, mean, known) for label, mean in (("connectome", 1.0), ("degree", 0.0))))
    assert verdict.decision == "winner" and "map" not in f"{verdict.sentence} {verdict.reasons}"


def test_a_control_that_has_the_map_is_no_null_that_kept_it() -> None:
    verdict = judged(EXACT, REWIRED, entry("frozen", 0.2, True, core="frozen"))
    assert verdict.is_perhaps_map
