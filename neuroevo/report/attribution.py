"""Which genomes of a run are knock-outs and transplants of which part of the wiring, and what these tell.

A run that `run.py attribute` made is told by its priors alone: the exact wiring, and `partial` with one part
random, with one part exact and with none. So is one whose genomes were named by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from neuroevo.plugins import Scalar
from neuroevo.referee.attribution import Attribution, Genome, Part, Question, attribute
from neuroevo.referee.attribution_wording import sentences
from neuroevo.referee.estimators import Scores
from neuroevo.referee.outcome import Verdict
from neuroevo.report.evidence import GenomeEvidence, TaskEvidence

EXACT, PARTIAL = "connectome", "partial"  # names of the priors
KINDS = {  # options of `partial` that are parts each, with what they are in words
    "chemical": "chemical synapses",
    "gap": "gap junctions",
    "neuromuscular": "neuromuscular synapses",
    "signs": "signs",
    "weights": "weights",
}
ROLES = {"sensory": "sensory cells", "interneuron": "interneurons", "motor": "motor cells"}
ALL_KINDS, ALL_CELLS = "sum of the kinds", "sum of cells and gaps"  # groups of exclusive parts
KIND, CELLS, KEEP = "kind", "cells", "keep"
Meaning = tuple[
    tuple[str, str], str
]  # a part, as what it is one of and its name; and "knock-out" or "transplant"
NULL: Meaning = (("", ""), "null")
MEASURES = {"score": "score", "tuned": "tuned_score", "untrained": "untrained_score"}  # columns of results


def build(
    tasks: Mapping[str, TaskEvidence], scores: Mapping[str, Mapping[str, Scores]]
) -> dict[str, tuple[Attribution, ...]]:
    """Returns what each part of the wiring carries, by task: of the score, and of what led up to it.

    Args:
        tasks: What runs hold of each task.
        scores: Scores of lineages as the referee takes them, by task and genome.

    Returns:
        Nothing for a task whose genomes are no knock-outs and transplants. The first entry of another is
        about the score; the others about the tuned and the untrained one, where these are not the score.
    """
    attributions: dict[str, list[Attribution]] = {}
    for measure, column in MEASURES.items():
        questions: dict[str, Question] = {}
        for label, task in tasks.items():
            by_genome = scores[label]
            if measure != "score":
                by_genome = {genome.label: genome.done(column) for genome in task.genomes}
                if all(by_genome[x].items() <= scores[label][x].items() for x in by_genome):
                    continue  # nothing evolved, or nothing was tuned
            if question := _question(task, by_genome):
                questions[label] = question
        for label, attribution in attribute(questions, measure).items():
            said = sentences(label, attribution, tasks[label].unit)
            attributions.setdefault(label, []).append(replace(attribution, sentences=tuple(said)))
    return {label: tuple(of_task) for label, of_task in attributions.items()}


def is_all(task: TaskEvidence) -> bool:
    """Says whether a task has no other genomes than the exact wiring, knock-outs and transplants.

    Args:
        task: What runs hold of the task.
    """
    return all(genome.prior.name in (EXACT, PARTIAL) for genome in task.genomes)


def verdict(attribution: Attribution) -> Verdict:
    """Returns an attribution as the verdict on a task of which nothing else was asked.

    Args:
        attribution: What each part carries of its score.
    """
    first, *more = attribution.sentences
    return Verdict("attribution", None, first, tuple(more))


def named(by: str, group: str) -> str:
    """Returns what a class of cells is called in words.

    Args:
        by: What the classes are, a value of the option `by` of `partial`.
        group: The class.
    """
    if by == "role":
        return ROLES.get(group, f"{group} cells")
    return f"{group} cells"


def _question(task: TaskEvidence, scores: Mapping[str, Scores]) -> Question | None:
    """Returns what a task's genomes ask, if there are an exact wiring, its null and a part."""
    exact = next((genome for genome in task.genomes if genome.prior.name == EXACT), None)
    drawn = [genome for genome in task.genomes if exact and _is_partial_of(exact, genome)]
    columns = {str(genome.prior.options.get("by")) for genome in drawn}
    if exact is None or len(columns) != 1:
        return None
    by = columns.pop()
    varied = {kind for kind in KINDS if any(genome.prior.options.get(kind) == KEEP for genome in drawn)}
    meant: dict[Meaning, Genome] = {}
    for genome in drawn:
        for meaning in _meanings(genome.prior.options, varied):
            meant.setdefault(meaning, Genome(genome.label, scores[genome.label]))
    null = meant.pop(NULL, None)
    classes = [key for key, _ in meant if key[0] == CELLS]
    rows = []
    for key in dict.fromkeys([*((KIND, kind) for kind in KINDS), *classes]):
        ways = [meant.get((key, way)) for way in ("knock-out", "transplant")]
        if any(ways):
            groups = [ALL_KINDS] if key[0] == KIND else []
            groups += [ALL_CELLS] if key[0] == CELLS or (classes and key == (KIND, "gap")) else []
            rows.append(Part(KINDS[key[1]] if key[0] == KIND else named(by, key[1]), tuple(groups), *ways))
    if null is None or not rows:
        return None
    return Question(Genome(exact.label, scores[exact.label]), null, tuple(rows))


def _is_partial_of(exact: GenomeEvidence, genome: GenomeEvidence) -> bool:
    """Says whether a genome has parts of the exact wiring and the others random, and none left out."""
    options = genome.prior.options
    is_whole = not any(options.get(kind) == "drop" for kind in KINDS)
    is_alike = options.get("dale") == exact.prior.options.get("dale")
    return genome.prior.name == PARTIAL and is_whole and is_alike


def _meanings(options: Mapping[str, Scalar], varied: set[str]) -> Iterator[Meaning]:
    """Yields what a genome is: the null, or the knock-out or transplant of parts.

    Of two parts the knock-out of one is the transplant of the other.

    Args:
        options: Options of `partial`.
        varied: Those of `KINDS` that differ among the genomes; the others are random in all, for the wiring
            has none of them.
    """
    cells, exact = str(options.get("cells", "all")), str(options.get("exact", "none"))
    random = {kind for kind in varied if options.get(kind) != KEEP}
    exactly = varied - random
    if (cells, exact) != ("all", "none"):
        if exact == "none" and exactly <= {"gap"} and ("gap" in exactly or "gap" not in varied):
            yield (CELLS, cells), "knock-out"
        if cells == "all" and not exactly:
            yield (CELLS, exact), "transplant"
        return
    if not exactly:
        yield NULL
        return
    for kinds, way in ((random, "knock-out"), (exactly, "transplant")):
        if len(kinds) == 1:
            yield (KIND, next(iter(kinds))), way
