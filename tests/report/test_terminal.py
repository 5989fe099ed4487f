"""The report in a terminal: readable at 80 columns, the verdict first, a sentence to paste last."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from neuroevo.report.formatting import facing, ranked, standing, summary
from neuroevo.report.model import Report
from neuroevo.report.terminal import print_report
from neuroevo.text import p_text
from tests import verdicts
from tests.verdicts import DIGITS, EMPTY, GENOMES, LONG, MNIST, SWIMMER


@pytest.fixture(scope="module")
def report() -> Report:
    return verdicts.report()


def printed(report, width=80) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    print_report(report, console)
    return console.export_text().splitlines()


@pytest.mark.parametrize("make", [verdicts.report, verdicts.least])
def test_report_fits_80_columns(make):
    lines = printed(make())
    assert max(map(len, lines)) <= 80
    assert any("genome" in line for line in lines)


def test_verdict_is_first_and_a_sentence_a_task_is_last(report):
    text = " ".join(line.strip() for line in printed(report))
    assert text.startswith("connectome wins on swimmer")
    said = [summary(task) for task in report.tasks.values()]
    packed = "".join(text.split())
    assert packed.endswith("".join("".join(said).split()))


def test_sentence_to_paste_has_number_score_interval_difference_p_and_unit(report):
    section = report.tasks[SWIMMER]
    first, second = ranked(section)[:2]
    assert (first.label, second.label) == ("connectome", LONG)
    row = next(row for row in section.comparisons if (row.a, row.b) == ("connectome", LONG))
    said = summary(section)
    low, high = first.score.ci95
    assert f"connectome has the highest held-out score, {first.score.iqm:.4f} m/s" in said
    assert f"95 % interval [{low:.4f}, {high:.4f}]; n = 20 lineages of 1 graph x 20 seeds" in said
    assert f"mean difference to {LONG}, the next, {row.difference:.3g}".rstrip("0") in said
    assert "p = 0.022 after Holm" in said and said.endswith("connectome wins.")
    mixed = report.tasks[MNIST]
    assert summary(replace(mixed, selection=None)).endswith("no winner is declared.")
    assert summary(mixed) == mixed.verdict.sentence
    assert summary(report.tasks[EMPTY]) == "walker_2d: no lineage has a score."


def test_sentence_of_an_untested_pair_says_so(report):
    section = report.tasks[SWIMMER]
    assert "difference" not in summary(replace(section, comparisons=()))
    pair = replace(
        section.comparisons[0],
        a=LONG,
        b="connectome",
        difference=-0.004,
        ci95=None,
        p_holm=None,
        verdict="worse",
    )
    assert "0.00400 m/s (not tested)" in summary(replace(section, comparisons=(pair,)))


def test_ranking_is_by_interquartile_mean_with_unscored_genomes_last(report):
    order = [genome.label for genome in ranked(report.tasks[MNIST])]
    assert order[0] == "connectome" and order[-1] == "adapter-only"
    lines = printed(replace(report, tasks={MNIST: report.tasks[MNIST]}))
    heads = [line.split(" ")[0] for line in lines]
    assert heads.index("connectome") < heads.index("random") < heads.index("adapter-only")


def test_comparison_is_turned_with_its_interval_chance_and_verdict(report):
    task = report.tasks[SWIMMER]
    row = replace(
        task.comparisons[0],
        **{"a": "x", "b": "y", "difference": 2.0, "ci95": (1.0, 4.0), "probability_of_improvement": 0.75},
        **{"p": 0.01, "verdict": "better"},
    )
    task = replace(task, comparisons=(row,))
    assert facing(task, "x", "y") == row
    turned = facing(task, "y", "x")
    assert (turned.a, turned.b, turned.difference, turned.ci95) == ("y", "x", -2.0, (-4.0, -1.0))
    assert (turned.probability_of_improvement, turned.p, turned.verdict) == (0.25, 0.01, "worse")
    assert facing(task, "x", "z") is None
    same = replace(task, comparisons=(replace(row, verdict="equivalent", ci95=None),))
    assert facing(same, "y", "x").verdict == "equivalent"


def test_genomes_stand_to_the_winner_or_else_to_the_first(report):
    section = report.tasks[SWIMMER]
    words = {name: standing(section, name) for name in GENOMES}
    assert words["connectome"] == "winner" and words["stats-prior"] == "worse"
    assert set(words.values()) <= {"winner", "worse", "inconclusive", "equivalent"}
    assert standing(report.tasks[DIGITS], LONG) == "ahead"
    assert standing(report.tasks[EMPTY], "connectome") == ""


def test_reasons_power_and_notes_stand_below_the_ranking(report):
    text = "".join("".join(printed(report)).split())
    section = report.tasks[SWIMMER]
    for said in (*section.verdict.reasons, *section.verdict.power, *section.notes, *report.run.missing):
        assert "".join(said.split()) in text


def test_p_is_written_to_two_digits():
    assert [p_text(p) for p in (None, 0.0, 0.00099, 0.001, 0.0456, 1.0)] == [
        "-",
        "<0.001",
        "<0.001",
        *(
            "0.001",
            "0.046",
            "1",
        ),
    ]
