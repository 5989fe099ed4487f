"""Made-up outcomes of runs, whose sentences are golden files in `golden/`, and were read one by one.

An outcome is a table: for each task its genomes, each with a mean, a spread and numbers of graphs and seeds.
Scores scatter about the mean as normal quantiles do, in an order that the genome's label decides, so that
means and spreads are what the table says. What the referee says of it is written by `said`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import stats

from neuroevo.referee import wording
from neuroevo.referee.comparison import compare
from neuroevo.referee.drift import fewest_populations, fixation
from neuroevo.referee.entry import Entry, with_failures
from neuroevo.referee.estimators import Scores
from neuroevo.referee.facts import TaskFacts
from neuroevo.referee.learning_curves import Slope
from neuroevo.referee.outcome import Verdict
from neuroevo.referee.verdict import decide, decide_mixed
from neuroevo.text import fill

WIDTH = 80  # columns, as of a terminal
FLAT, RISING, UNCLEAR = Slope("flat", 0.004), Slope("rising", 0.21), Slope("unclear", 0.02)
IMAGES = TaskFacts("accuracy", None, 1.0, has_targets=True)
BODY = TaskFacts("m/s")


def scattered(label: str, num_graphs: int, num_seeds: int) -> np.ndarray:
    """Returns numbers of mean 0 and deviation 1, [graphs, seeds], in an order that follows from a label."""
    size = num_graphs * num_seeds
    if size == 1:
        return np.zeros((1, 1))
    quantiles = stats.norm.ppf((np.arange(size) + 0.5) / size)
    quantiles /= quantiles.std(ddof=1)
    return np.random.default_rng(list(label.encode())).permutation(quantiles).reshape(num_graphs, num_seeds)


def by_key(table: np.ndarray) -> Scores:
    """Returns a table [graphs, seeds] as scores by (graph, seed)."""
    return {(int(g), int(s)): float(x) for (g, s), x in np.ndenumerate(table)}


def genome(
    label: str,
    mean: float,
    graphs: int = 1,
    seeds: int = 10,
    spread: float = 0.1,
    between: float = 0.0,
    start: float | None = 0.0,
    area: float | None = None,
    **known: Any,
) -> Entry:
    """Returns a genome of an outcome.

    Args:
        label: Its label.
        mean: Mean of its scores.
        graphs: Number of graphs; of one it is one wiring.
        seeds: Number of seeds.
        spread: Standard deviation of lineages.
        between: Standard deviation of graphs' means beside.
        start: Mean of scores before it evolved; None is not known, and nothing evolved if it is the mean.
        area: Mean of learning areas; None is not known.
        known: Further fields of `Entry`.
    """
    table = mean + spread * scattered(label, graphs, seeds) + between * scattered(f"{label}*", graphs, 1)
    untrained: Scores = {}
    if start is not None:
        noise = 0.3 * spread * scattered(f"{label}+", graphs, seeds)
        untrained = by_key(table if start == mean else start + noise)
    areas: Scores = {}
    if area is not None:
        areas = by_key(area + spread * scattered(f"{label}-", graphs, seeds))
    known = {"one_point": graphs == 1, "core": "evolves", **known}
    return Entry(label, by_key(table), untrained, areas, **known)


@dataclass(frozen=True)
class Outcome:
    """An outcome of a run.

    Attributes:
        what: What it is, in a few words.
        tasks: Genomes by task.
        facts: What is known of each task, or of all.
    """

    what: str
    tasks: Mapping[str, Sequence[Entry]]
    facts: TaskFacts | Mapping[str, TaskFacts] = field(default=BODY)

    def verdicts(self) -> dict[str, Verdict]:
        """Returns what the referee decides of each task."""
        facts = {x: self.facts if isinstance(self.facts, TaskFacts) else self.facts[x] for x in self.tasks}
        facts = {task: replace(known, num_tasks=len(facts)) for task, known in facts.items()}
        genomes = {task: with_failures(entries) for task, entries in self.tasks.items()}
        rows = compare(genomes, {task: known.margin for task, known in facts.items()}, 0)
        return {x: decide(x, entries, rows[x], facts[x]) for x, entries in genomes.items()}


def one(what: str, *genomes: Entry, facts: TaskFacts = BODY, task: str = "swimmer") -> Outcome:
    """Returns an outcome of one task."""
    return Outcome(what, {task: genomes}, facts)


@dataclass(frozen=True)
class Mixed:
    """An outcome of mixed populations.

    Attributes:
        what: What it is, in a few words.
        priors: Labels of the priors.
        members: Members of each prior at the start of a population.
        rounds: Rounds of replacement.
        founders: For each population, the prior that each of the final members is of.
    """

    what: str
    priors: Sequence[str]
    members: int
    rounds: int
    founders: Sequence[Sequence[int]]

    def verdicts(self) -> dict[str, Verdict]:
        """Returns what the referee decides: final members descend from founders of their prior, in turn."""
        labels = np.repeat(np.arange(len(self.priors)), self.members)
        ancestors = [
            [self.members * k + i % self.members for i, k in enumerate(row)] for row in self.founders
        ]
        record = fixation(self.priors, labels, np.array(ancestors), self.rounds, np.random.default_rng(0))
        fewest = fewest_populations(self.members, len(self.priors), self.rounds)
        return {"echo": decide_mixed("echo", len(self.founders), record.fixations, record.winner, fewest)}


def failing(entry: Entry, share: float, score: float) -> Entry:
    """Returns a genome of which the last lineages, a share of all, have another score."""
    scores = dict(entry.scores)
    for key in list(scores)[len(scores) - round(share * len(scores)) :]:
        scores[key] = score
    return Entry(**{**vars(entry), "scores": scores})


def without(entry: Entry, number: int, **known: Any) -> Entry:
    """Returns a genome of which the last lineages have no score, and what that is known by."""
    scores = dict(list(entry.scores.items())[:-number])
    return Entry(**{**vars(entry), "scores": scores, **known})


def failed(entry: Entry, number: int) -> Entry:
    """Returns a genome of which the last lineages failed."""
    lost = frozenset(list(entry.scores)[-number:])
    return without(entry, number, failed=lost)


def said(outcome: Outcome | Mixed) -> str:
    """Returns all that the referee says of an outcome, in lines of a terminal's width."""
    verdicts = outcome.verdicts()
    parts = [f"# {outcome.what}", fill(f"RUN: {wording.of_run(verdicts)}", WIDTH)]
    for task, verdict in verdicts.items():
        facts = [verdict.decision, *([f"ends alike: {verdict.ends_alike}"] if verdict.ends_alike else [])]
        lines = [f"{task}: {'; '.join(facts)}"]
        lines += [verdict.sentence] if len(verdicts) > 1 else []
        lines += [f"  why: {text}" for text in verdict.reasons]
        lines += [f"  more: {text}" for text in verdict.power]
        parts.append("\n".join(fill(line, WIDTH) for line in lines))
    return "\n\n".join(parts) + "\n"


WORM, NULL = genome("connectome", 2.0), genome("degree", 1.0, 12)
BARE = genome("adapter-only", 0.5, core="none")
FROZEN = genome("frozen", 0.6, core="frozen")
CLOCK = genome("clock", 0.7, core="clock")


def _map(label: str, mean: float, keeps: bool | None, graphs: int = 20) -> Entry:
    """Returns a genome that has the connectome's map onto the body, or not."""
    return genome(label, mean, graphs, spread=0.05, keeps_map=keeps)


def _images(mean: float, slope: Slope | None, *labels: str, seeds: int = 10, gap: float = 0.0) -> list[Entry]:
    """Returns genomes that all have one accuracy, or are a gap apart, after a start at a tenth."""
    return [
        genome(
            label, mean - k * gap, 1 if k == 0 else 7, seeds, 0.003, start=0.1, area=mean - 0.2, slope=slope
        )
        for k, label in enumerate(labels)
    ]


OUTCOMES: dict[str, Outcome | Mixed] = {
    "all-equal": one("all scores are equal", genome("a", 1.0, spread=0), genome("b", 1.0, 7, spread=0)),
    "all-equal-single": one(
        "all scores are equal, one lineage each", genome("a", 1.0, seeds=1), genome("b", 1.0, seeds=1)
    ),
    "winner": one("a winner that beats a null", WORM, NULL),
    "winner-controls": one("a winner that beats a null and two controls", WORM, NULL, BARE, FROZEN),
    "winner-close": one("a winner by little", genome("connectome", 1.16), genome("wired", 1.0), BARE),
    "winner-families": one(
        "a family that wins over families",
        genome("degree", 1.4, 10, between=0.05),
        genome("random", 1.0, 10, between=0.05),
        genome("layered", 0.9, 10, between=0.05),
        BARE,
    ),
    "null-wins": one(
        "a null that beats the connectome", genome("connectome", 1.0), genome("degree", 2.0, 12)
    ),
    "winner-images": one(
        "a winner on images that beats a control, and a clock which says nothing",
        *_images(0.9, RISING, "connectome", "degree", gap=0.2),
        genome("adapter-only", 0.3, spread=0.01, core="none"),
        genome("clock", 0.1, spread=0.01, core="clock"),
        facts=IMAGES,
        task="digits",
    ),
    "winner-images-clock": one(
        "a winner on images whose only control is a clock, which says nothing",
        *_images(0.9, RISING, "connectome", "degree", gap=0.2),
        genome("clock", 0.1, spread=0.01, core="clock"),
        facts=IMAGES,
        task="digits",
    ),
    "winner-images-alone": one(
        "a winner on images without a control",
        *_images(0.9, RISING, "connectome", "degree", gap=0.2),
        facts=IMAGES,
        task="digits",
    ),
    "chance-images": one(
        "nothing better than a clock on images",
        genome("connectome", 0.101, spread=0.01, start=0.1, slope=FLAT),
        genome("clock", 0.1, spread=0.01, start=0.1, core="clock", slope=FLAT),
        facts=IMAGES,
        task="digits",
    ),
    "control-ahead": one("a frozen wiring that is ahead", WORM, NULL, genome("frozen", 2.5, core="frozen")),
    "control-ahead-little": one(
        "a clock that is ahead of a body by little", WORM, NULL, genome("clock", 2.02, core="clock")
    ),
    "control-alike": one("a control that is hardly behind", WORM, NULL, genome("bare", 1.98, core="none")),
    "controls-ahead": one(
        "two controls ahead of all priors",
        genome("connectome", 1.0),
        NULL,
        genome("clock", 3.0, core="clock"),
        genome("frozen", 2.8, core="frozen"),
    ),
    "controls-alone": one("nothing but controls", FROZEN, CLOCK),
    "control-named": one(
        "a control of which nothing is known but that it is one", WORM, genome("other", 1.99, core="named")
    ),
    "outliers": one(
        "a leader with two lineages that went wild",
        failing(genome("connectome", 1.0), 0.2, 60.0),
        genome("degree", 1.0, 12),
    ),
    "leader-worse-in-mean": one(
        "a leader in the interquartile mean that is worse in the mean",
        failing(genome("a", 1.10, seeds=20, spread=0.02), 0.25, -3.0),
        genome("b", 1.0, seeds=20, spread=0.02),
    ),
    "ties": one(
        "two wirings with the same scores",
        genome("a", 1.0),
        Entry(**{**vars(genome("a", 1.0)), "label": "b"}),
    ),
    "double": one(
        "a wiring, the same again under another label, and a null that is hardly behind",
        *(genome("a", 1.0), Entry(**{**vars(genome("a", 1.0)), "label": "b"}), genome("degree", 0.9, 10)),
    ),
    "ceiling": one(
        "all near the maximum, with flat curves",
        *_images(0.985, FLAT, "connectome", "degree", "random"),
        facts=IMAGES,
        task="match",
    ),
    "ceiling-faster": one(
        "all near the maximum, one of which came there sooner",
        genome("connectome", 0.985, spread=0.003, start=0.1, area=0.9, slope=FLAT),
        genome("degree", 0.985, 7, spread=0.003, start=0.1, area=0.7, slope=FLAT),
        facts=IMAGES,
        task="match",
    ),
    "ceiling-untested-curves": one(
        "all near the maximum, without learning areas",
        genome("connectome", 0.985, spread=0.003, start=0.1, slope=FLAT),
        genome("degree", 0.985, 7, spread=0.003, start=0.1, slope=FLAT),
        facts=IMAGES,
        task="match",
    ),
    "rising-near": one(
        "all near the maximum, on rising curves",
        *_images(0.985, RISING, "connectome", "degree"),
        facts=IMAGES,
        task="match",
    ),
    "rising-digits": one(
        "0.439 of digits on rising curves, which was once called a ceiling",
        *_images(0.439, RISING, "connectome", "degree"),
        facts=IMAGES,
        task="digits",
    ),
    "single-lineages": one(
        "one lineage each, which was once called a ceiling",
        *_images(0.9, FLAT, "connectome", "layered", seeds=1),
        facts=IMAGES,
        task="digits",
    ),
    "small-r2": one(
        "an R2 of 0.01, which was once called a ceiling",
        genome("connectome", 0.0104, spread=0.0005, start=0.0, area=0.008, slope=FLAT),
        genome("degree", 0.0103, 7, spread=0.0005, start=0.0, area=0.008, slope=FLAT),
        facts=TaskFacts("R2", None, 1.0, has_targets=True),
        task="narma",
    ),
    "flat-without-maximum": one(
        "flat curves on a task of which no maximum is known",
        genome("connectome", 1.0, start=0.0, slope=FLAT),
        genome("degree", 1.0, 7, start=0.0, slope=FLAT),
    ),
    "unclear-curves": one(
        "curves too noisy to be called flat",
        *_images(0.985, UNCLEAR, "connectome", "degree"),
        facts=IMAGES,
        task="match",
    ),
    "floor": one(
        "nothing learned by anyone",
        genome("connectome", 0.01, area=0.0, slope=FLAT),
        genome("degree", 0.0, 7, area=0.0, slope=FLAT),
    ),
    "floor-higher-curve": one(
        "nothing learned by anyone, though one curve was higher",
        genome("connectome", 0.01, area=0.4, slope=FLAT),
        genome("degree", 0.0, 7, area=0.0, slope=FLAT),
    ),
    "no-floor-one-learned": one(
        "63 learned by one genome, which was once called a floor",
        genome("a", 0.0, spread=200.0, slope=FLAT),
        genome("b", 0.0, spread=200.0, slope=FLAT),
        genome("c", 63.0, spread=28.0, slope=RISING),
        facts=TaskFacts("return"),
        task="hopper",
    ),
    "untrained-near": one(
        "nothing evolved, and all are near the maximum",
        genome("connectome", 0.99, spread=0.002, start=0.99),
        genome("degree", 0.99, 7, spread=0.002, start=0.99),
        facts=IMAGES,
        task="match",
    ),
    "equivalent": one(
        "two wirings that are equivalent",
        genome("a", 1.0),
        genome("b", 0.99),
        BARE,
        facts=TaskFacts("m/s", 0.3),
    ),
    "equivalent-though-different": one(
        "two wirings that differ for sure, and by less than matters",
        genome("a", 1.05, spread=0.01),
        genome("b", 1.0, spread=0.01),
        facts=TaskFacts("m/s", 0.2),
    ),
    "equivalent-control": one(
        "a control that is equivalent to the leader",
        WORM,
        genome("bare", 1.99, core="none"),
        facts=TaskFacts("m/s", 0.5),
    ),
    "not-equivalent": one(
        "a margin too small for what is known",
        genome("a", 1.0),
        genome("b", 0.99),
        facts=TaskFacts("m/s", 0.01),
    ),
    "few-graphs": one("two graphs of a null", WORM, genome("degree", 1.0, 2)),
    "three-graphs": one(
        "three graphs of a null, which may all have failed by chance", WORM, genome("degree", 1.0, 3)
    ),
    "few-seeds": one("three seeds", genome("connectome", 2.0, seeds=3), genome("degree", 1.0, 12, 3)),
    "few-of-all": one(
        "one seed of one graph each",
        genome("connectome", 2.0, seeds=1),
        genome("degree", 1.0, 1, 1, one_point=False),
    ),
    "solved-or-not": one(
        "a null of seven graphs of which two solve the task",
        genome("connectome", 1.0, spread=0.01),
        Entry(
            "degree",
            {(g, s): float(g < 2) + 0.01 * s for g in range(7) for s in range(10)},
            {(g, s): 0.0 for g in range(7) for s in range(10)},
            one_point=False,
            core="evolves",
        ),
    ),
    "failed-leader": one("a leader of which lineages failed", failed(WORM, 2), NULL),
    "failed-rival": one("a rival of which a third of the lineages failed", WORM, failed(NULL, 23)),
    "missing": one("lineages without a result", without(WORM, 3, num_missing=3), NULL),
    "early": one("lineages scored before their end", Entry(**{**vars(WORM), "num_early": 4}), NULL),
    "unscored": one("a genome of which nothing is scored", WORM, NULL, Entry("random", {}, one_point=False)),
    "nothing": one("no score at all", Entry("a", {}), Entry("b", {})),
    "one-genome": one("one genome", WORM),
    "no-genome": Outcome("no genome", {"swimmer": ()}),
    "many-rivals": one(
        "ten rivals that are not told apart",
        *(genome(f"prior-{k}", 1.0 - 0.002 * k, 1 if k == 0 else 7, spread=0.3) for k in range(11)),
    ),
    "winner-of-many": one(
        "a winner over ten rivals", WORM, *(genome(f"null-{k}", 1.0 - 0.05 * k, 10) for k in range(10))
    ),
    "some-beaten": one(
        "a leader that beats two of three", genome("a", 2.0), genome("b", 1.97), genome("c", 1.0, 12), BARE
    ),
    "map-perhaps": one(
        "a win over nulls that have the map onto the body rewired",
        *(_map("connectome", 2.0, True, 1), _map("degree", 1.0, False), _map("random", 1.1, False)),
    ),
    "map-beaten": one(
        "a win over a null that has the map too",
        *(_map("connectome", 2.0, True, 1), _map("degree", 1.0, False), _map("kept", 1.5, True)),
    ),
    "map-alike": one(
        "a null that has the map and is as good",
        *(_map("connectome", 2.0, True, 1), _map("degree", 1.0, False), _map("kept", 2.0, True)),
    ),
    "map-one-of-two": one(
        "two nulls that have the map, of which one is as good",
        *(_map("connectome", 2.0, True, 1), _map("degree", 1.0, False)),
        *(_map("kept", 1.99, True), _map("lesser", 1.4, True)),
    ),
    "opposite-winners": Outcome(
        "two tasks with opposite winners",
        {
            "swimmer": (WORM, NULL),
            "digits": (genome("connectome", 0.5, spread=0.01), genome("degree", 0.8, 7, spread=0.01)),
        },
        {"swimmer": BODY, "digits": IMAGES},
    ),
    "several-tasks": Outcome(
        "tasks with all kinds of verdicts",
        {
            "swimmer": (WORM, NULL),
            "worm": (_map("connectome", 2.0, True, 1), _map("degree", 1.0, False)),
            "digits": (genome("connectome", 0.9, spread=0.01), genome("degree", 0.9, 7, spread=0.01)),
            "mnist": (genome("connectome", 0.9, seeds=2), genome("degree", 0.7, 7, 2)),
            "walker": (Entry("connectome", {}), Entry("degree", {})),
        },
        {"swimmer": BODY, "worm": BODY, "digits": IMAGES, "mnist": IMAGES, "walker": BODY},
    ),
    "large-and-close": one(
        "scores of 200 that differ in the fourth digit",
        genome("a", 200.30, spread=0.2),
        genome("b", 199.95, spread=0.2),
        facts=TaskFacts("return"),
        task="cheetah",
    ),
    "large": one(
        "scores of thousands, without a unit",
        genome("a", 12_345.6, spread=80),
        genome("b", 12_300.2, spread=80),
        facts=TaskFacts(),
        task="mine",
    ),
    "tiny": one(
        "scores of billionths",
        genome("a", 3.2e-9, spread=4e-10),
        genome("b", 3.0e-9, spread=4e-10),
        facts=TaskFacts("V"),
    ),
    "huge": one(
        "scores near the largest that are computed with",
        genome("a", 3e99, 7, spread=1e99),
        genome("b", 2e99, 7, spread=1e99),
        facts=TaskFacts("return"),
    ),
    "negative": one(
        "scores below zero",
        genome("a", -0.10, spread=0.02, start=-1.0),
        genome("b", -0.25, spread=0.02, start=-1.0),
        facts=TaskFacts("error"),
        task="echo",
    ),
    "race-survivor": one("one prior that a race left", WORM, Entry("degree", {}, is_censored=True)),
    "race-two-fresh-seeds": one(
        "a race whose survivors were confirmed on two seeds",
        genome("connectome", 2.0, seeds=2),
        genome("degree", 1.0, 7, 2),
        Entry("random", {}, is_censored=True),
        facts=TaskFacts("m/s", is_raced=True),
    ),
    "race-winner": one(
        "a race with two survivors and a winner", WORM, NULL, Entry("random", {}, is_censored=True)
    ),
    "mixed-winner": Mixed("a prior that takes over all populations", ("a", "b"), 2, 19, [[0] * 4] * 8),
    "mixed-three": Mixed(
        "a prior that takes over most, and one that is extinct",
        ("a", "b", "c"),
        2,
        19,
        [[0] * 6] * 6 + [[0, 0, 0, 0, 0, 1]] * 2,
    ),
    "mixed-no-winner": Mixed(
        "priors that share the populations", ("a", "b"), 2, 19, [[0] * 4] * 4 + [[1] * 4] * 4
    ),
    "mixed-close": Mixed("a share that hardly moves", ("a", "b"), 2, 19, [[0, 0, 1, 1]] * 7 + [[0, 0, 0, 1]]),
    "mixed-few": Mixed("three populations", ("a", "b"), 2, 19, [[0] * 4] * 3),
    "mixed-too-few-to-decide": Mixed(
        "five populations of one member a prior", ("a", "b"), 1, 19, [[0] * 2] * 5
    ),
    "mixed-never": Mixed("populations in which nobody makes room", ("a", "b"), 2, 0, [[0, 0, 1, 1]] * 9),
}
