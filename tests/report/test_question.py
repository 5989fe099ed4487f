"""The question that a run answers, of what it asked for; and how its report is cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from neuroevo.report import citation
from neuroevo.report.evidence import Evidence, GenomeEvidence, PriorFacts, TaskEvidence
from neuroevo.report.question import ask, circuit_of
from tests import verdicts

RUN = replace(
    verdicts.least().run,
    name="first & last",
    question="Does the wiring of C. elegans help on swimmer?",
    verdict="no winner",
    date="2026-12-01",
    seals=("0123456789ab" + 52 * "c",),
    versions={"neuroevo": "0.1.0"},
)
CORES = {"adapter-only": "none", "clock": "clock"}


def evidence(genomes: Sequence[str], tasks: Sequence[str] = ("swimmer",), **config: object) -> Evidence:
    """Returns evidence without a result; a genome is label=prior, or both in one."""
    of_task = []
    for text in genomes:
        label, _, name = text.rpartition("=")
        facts = PriorFacts(name, {}, None, CORES.get(name, "evolves"))
        of_task.append(GenomeEvidence(label or name, (), {}, {}, facts, ()))
    reports = {
        task: TaskEvidence(task, "", "", None, "fitness_mean", tuple(of_task), (), {}, None) for task in tasks
    }
    return Evidence(("run",), {}, {"connectome": "celegans", **config}, (), reports, (), {}, (), ())


@pytest.mark.parametrize(
    ("known", "question"),
    [
        (evidence(["connectome", "degree"]), "Does the wiring of C. elegans help on swimmer?"),
        (evidence(["worm=connectome", "clock"]), "Does the wiring of C. elegans help on swimmer?"),
        (
            evidence(["connectome", "degree"], ["digits", "narma:order=5"], connectome="celegans-motor"),
            "Does the motor circuit of C. elegans help on digits and narma?",
        ),
        (
            evidence(["connectome", "random"], ["digits:steps=1", "digits:steps=2"], generations=0),
            "Does the wiring of C. elegans, untrained, help on digits:steps=1 and digits:steps=2?",
        ),
        (
            evidence(["connectome", "random"], list("abcde"), connectome="data/fly.csv"),
            "Does the wiring in fly.csv help on 5 tasks?",
        ),
        (evidence(["connectome"]), "How well does the wiring of C. elegans do on swimmer?"),
        (evidence(["adapter-only"]), "How well does adapter-only do on swimmer?"),
        (evidence(["degree", "random", "clock"]), "Which wiring does best on swimmer: degree or random?"),
        (
            evidence(["degree", "random", "dense"]),
            "Which wiring does best on swimmer: degree, random or dense?",
        ),
        (evidence(["degree", "random", "dense", "mlp"]), "Which wiring does best on swimmer?"),
        (
            evidence(["connectome", "random"], selection="mixed"),
            "Does the wiring of C. elegans take over on swimmer?",
        ),
        (evidence(["degree", "random"], selection="mixed"), "Which wiring takes over on swimmer?"),
        (
            evidence(["connectome", "degree"], ["narma"], connectome=""),
            "Does the connectome help on narma?",
        ),
        (evidence([], []), "What has this run found?"),
    ],
)
def test_question_is_that_of_the_request(known, question):
    assert ask(known) == question


def test_circuits_are_called_by_the_longest_name_that_fits():
    assert circuit_of("celegans-witvliet-3") == "the brain of C. elegans"
    assert circuit_of("celegans-varshney") == "the wiring of C. elegans"
    assert circuit_of("celegansx") == "the wiring in celegansx"
    assert circuit_of("larva-mushroom-body-left") == "the mushroom body of the fly larva"


def test_citation_says_what_is_known_and_nothing_else():
    assert citation.sentence(RUN) == (
        "Does the wiring of C. elegans help on swimmer? Verdict: no winner. Report of neuroevo: connectomes "
        "on trial, version 0.1.0, run first & last, 2026-12-01. Request SHA-256 0123456789ab."
    )
    assert citation.sentence(replace(RUN, author="A. Name")).startswith("A. Name (2026). Does the wiring")
    bare = replace(RUN, date="", seals=(), versions=None)
    assert citation.sentence(bare).endswith("Report of neuroevo: connectomes on trial, run first & last.")


def test_bibtex_has_a_field_for_all_that_is_known():
    assert citation.bibtex(replace(RUN, author="A. Name & Co")).splitlines() == [
        "@misc{neuroevo-0123456789ab,",
        r"  author = {A. Name \& Co},",
        "  title = {{Does the wiring of C. elegans help on swimmer?}},",
        "  year = {2026},",
        "  month = {12},",
        "  howpublished = {Report of neuroevo: connectomes on trial, version 0.1.0},",
        rf"  note = {{Verdict: no winner; run first \& last; request SHA-256 {RUN.seals[0]}}},",
        "}",
    ]
    fields = citation.bibtex(replace(RUN, date="", seals=()))
    assert "author" not in fields and "year" not in fields and fields.startswith("@misc{neuroevo-report,")
