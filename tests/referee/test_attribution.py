"""Attributions find what carries a difference, and share out none that is not there."""

from __future__ import annotations

import numpy as np
import pytest

from neuroevo.referee.attribution import Attribution, Genome, Part, Question, attribute
from neuroevo.referee.attribution_wording import sentences
from neuroevo.referee.estimators import holm

SEEDS, GRAPHS = 5, 10
CARRIES = {"muscles": (1.0, 1.0), "needed": (0.6, 0.0), "idle": (0.0, 0.0), "against": (-0.8, 0.0)}


def genome(label: str, mean: float, graphs: int = GRAPHS, seeds: int = SEEDS, spread: float = 0.02) -> Genome:
    rng = np.random.default_rng([len(label), *label.encode()])
    effect = rng.normal(0, spread, graphs)
    return Genome(
        label,
        {(g, s): mean + effect[g] + rng.normal(0, spread) for g in range(graphs) for s in range(seeds)},
    )


def question(
    exact: float = 1.0, null: float = 0.0, graphs: int = GRAPHS, seeds: int = SEEDS, spread: float = 0.02
):
    parts = [
        Part(
            name,
            ("all",) if name != "against" else (),
            genome(f"no-{name}", exact + lost * (null - exact), graphs, seeds, spread),
            genome(f"only-{name}", null + there * (exact - null), graphs, seeds, spread),
        )
        for name, (lost, there) in CARRIES.items()
    ]
    return Question(
        genome("connectome", exact, 1, seeds, spread),
        genome("null", null, graphs, seeds, spread),
        tuple(parts),
    )


def one(asked: Question) -> Attribution:
    return attribute({"worm": asked})["worm"]


def test_shares_are_those_that_were_planted() -> None:
    made = one(question())
    assert made.hindrance == "" and not made.is_guarded
    for row, (lost, there) in zip(made.parts, CARRIES.values(), strict=True):
        for share, true in ((row.knockout, lost), (row.transplant, there)):
            assert share is not None and share.share == pytest.approx(true, abs=0.05)
            assert share.ci95 is not None and share.ci95[0] < true < share.ci95[1]
            assert share.is_told == (true != 0)
    (total,) = made.sums
    assert total.knockout is not None and total.knockout.p is None
    assert total.knockout.share == pytest.approx(sum(r.knockout.share for r in made.parts[:3] if r.knockout))


def test_one_correction_is_for_all_shares_of_the_run_both_ways() -> None:
    made = attribute({"worm": question(), "swimmer": question(exact=0.9)})
    shares = [s for a in made.values() for row in a.parts for s in (row.knockout, row.transplant) if s]
    assert len(shares) == 16
    assert [share.p_holm for share in shares] == holm([share.p for share in shares])


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_said_is_the_same_of_a_wiring_that_is_worse(sign: int) -> None:
    text = " ".join(sentences("worm", one(question(exact=sign * 1.0)), "mm/s"))
    verb = f"worm: the exact wiring has {'-' * (sign < 0)}"
    assert text.startswith(verb) and "mm/s where its null has" in text
    assert "It rests on muscles: without them 10" in text or "It rests on muscles: without them 9" in text
    assert "Needed too: needed (" in text and "Without them there is more of it: against (-" in text
    assert "idle" not in text


@pytest.mark.parametrize(
    ("lost", "there", "words"),
    [(0.9, 0.1, "Parts are needed together"), (0.1, 0.9, "Parts stand in for each other"), (0.5, 0.5, "")],
)
def test_effects_that_do_not_add_are_said(lost: float, there: float, words: str) -> None:
    parts = [
        Part(x, ("all",), genome(f"no-{x}", 1 - lost), genome(f"only-{x}", there))
        for x in ("first", "second")
    ]
    made = one(Question(genome("connectome", 1.0, 1), genome("null", 0.0), tuple(parts)))
    texts = [text for text in sentences("worm", made, "") if text.startswith("Parts")]
    assert [text.partition(":")[0] for text in texts] == ([words] if words else [])


def test_a_difference_that_is_not_told_is_not_shared_out() -> None:
    made = one(question(exact=0.01, spread=0.5))
    assert all(s is None or s.share is None for row in made.parts for s in (row.knockout, row.transplant))
    (text,) = sentences("worm", made, "mm/s")
    assert text.startswith(
        "worm: nothing is shared out among parts: the exact wiring could not be told apart from its null ("
    )
    assert made.sums == () and "More graphs or seeds may tell" in text


@pytest.mark.parametrize(
    ("few", "words"),
    [
        ({"graphs": 6}, "the null has 6 graphs with scores, and 7 or more are wanted"),
        ({"seeds": 4}, "4 seeds have scores of both, and 5 or more are wanted"),
    ],
)
def test_too_little_is_said(few: dict[str, int], words: str) -> None:
    assert one(question(**few)).hindrance == words


def test_a_genome_without_scores_is_left_out_and_the_others_are_told() -> None:
    asked = question()
    first = asked.parts[0]
    parts = (Part(first.name, first.groups, Genome("no-muscles", {}), first.transplant), *asked.parts[1:])
    made = one(Question(asked.exact, asked.null, parts))
    assert made.parts[0].knockout is None and made.parts[0].transplant is not None
    assert made.sums[0].knockout is None and made.sums[0].transplant is not None
    nothing = one(Question(Genome("connectome", {}), asked.null, asked.parts))
    assert nothing.hindrance == "connectome has no score"
    assert sentences("worm", nothing, "") == [
        "worm: nothing is shared out among parts: connectome has no score."
    ]


def test_graphs_that_solve_or_do_not_make_intervals_allow_for_others() -> None:
    asked = question()
    mixed = {(g, s): float(g < 5) for g in range(GRAPHS) for s in range(SEEDS)}
    parts = (*asked.parts, Part("luck", (), Genome("no-luck", mixed), None))
    made = one(Question(asked.exact, asked.null, parts))
    assert made.is_guarded and any("were not drawn" in text for text in sentences("worm", made, ""))
    for before, after in zip(one(asked).parts, made.parts, strict=False):
        assert before.knockout and after.knockout and before.knockout.ci95 and after.knockout.ci95
        assert np.diff(after.knockout.ci95) > np.diff(before.knockout.ci95) + 0.2
        assert after.knockout.p == pytest.approx(before.knockout.p)
