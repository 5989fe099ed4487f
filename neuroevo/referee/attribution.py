"""Attribution: what of the difference between a wiring and its null each part of the wiring carries.

Of each part there may be a knock-out, the exact wiring with that part random, and a transplant, the null with
that part exact. A knock-out's share is what is lost of the difference, a transplant's is what is there again.
Where effects of parts add, both are the same and add up to 1; where they do not, the two tell what is needed
from what is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from neuroevo.referee.coincidence import fewest_graphs, of_contrast
from neuroevo.referee.entry import MIN_SEEDS
from neuroevo.referee.estimators import LEVEL, Contrast, Interval, Scores, contrast, holm
from neuroevo.referee.shares import Means
from neuroevo.text import count

Way = Literal["knock-out", "transplant"]

UNLIKE = 0.4  # of the difference: a graph so far from the median of its family is unlike it
NOT_TOLD = "the exact wiring could not be told apart from its null"


@dataclass(frozen=True)
class Genome:
    """A genome that takes part.

    Attributes:
        label: Its label.
        scores: Scores of its lineages.
    """

    label: str
    scores: Scores


@dataclass(frozen=True)
class Part:
    """A part of the wiring.

    Attributes:
        name: What it is, in words.
        groups: What it is one of, in words; the parts of a group are exclusive.
        knockout: The exact wiring with this part random; None if it was not run.
        transplant: The null with this part exact; None if it was not run.
    """

    name: str
    groups: tuple[str, ...]
    knockout: Genome | None
    transplant: Genome | None


@dataclass(frozen=True)
class Question:
    """What is asked of one task.

    Attributes:
        exact: The exact wiring.
        null: The wiring of which all parts are random.
        parts: The parts.
    """

    exact: Genome
    null: Genome
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Share:
    """The share of the difference that one genome tells of.

    Attributes:
        genome: Label of the genome; of several, all of them joined by " + ".
        mean: Its mean score; of several, None.
        share: The share; None where it is not given.
        ci95: 95 % interval; None where it has no end.
        p: Two-sided p of no share.
        p_holm: The same, corrected for all shares of the run, both ways, all tasks.
    """

    genome: str
    mean: float | None
    share: float | None = None
    ci95: Interval | None = None
    p: float | None = None
    p_holm: float | None = None

    @property
    def is_told(self) -> bool:
        """Whether there is a share that is told from none: by its p, and by an interval that leaves out 0."""
        if self.p_holm is None or self.p_holm >= LEVEL or self.ci95 is None:
            return False
        return self.ci95[0] > 0 or self.ci95[1] < 0


@dataclass(frozen=True)
class PartShares:
    """What is said of one part, or of all parts of a group together.

    Attributes:
        part: What it is, in words; of a group, the group.
        knockout: What is lost without it; None if that was not run.
        transplant: What is there with it alone; None if that was not run.
    """

    part: str
    knockout: Share | None
    transplant: Share | None


@dataclass(frozen=True)
class Attribution:
    """What is said of one task.

    Attributes:
        measure: Which score it is about: "score", "tuned" or "untrained".
        exact: Label of the exact wiring.
        null: Label of the null.
        exact_mean: Mean score of the exact wiring; None without a score.
        null_mean: Mean score of the null over graphs and seeds; None without a score.
        difference: What lies between them; None where one has no score.
        ci95: 95 % interval of what the exact wiring has above one more graph of the null.
        p: p of the exact wiring being one more graph of the null, corrected for the tasks of the run; or, if
            that is more, that of such an outlier where graphs merely solve the task or fail.
        is_guarded: Whether intervals allow for graphs that were not seen, since some are unlike their family.
        parts: What is said of each part.
        sums: Of each group of several parts, their shares added up; without p.
        hindrance: Why no shares are given, as the end of a sentence; "" where they are.
        sentences: The same in words, the most important first; empty until they are written.
    """

    measure: str
    exact: str
    null: str
    exact_mean: float | None
    null_mean: float | None
    difference: float | None
    ci95: Interval | None
    p: float | None
    is_guarded: bool = False
    parts: tuple[PartShares, ...] = ()
    sums: tuple[PartShares, ...] = ()
    hindrance: str = ""
    sentences: tuple[str, ...] = ()


def attribute(questions: Mapping[str, Question], measure: str = "score") -> dict[str, Attribution]:
    """Returns what each part carries, by task.

    A difference is shared out only where the exact wiring is told from the null: it is not just one more
    graph of it, by a test corrected for the number of tasks, nor one that happens to solve the task or to
    fail, as `coincidence` has it. The p of all shares of the run, both ways, are corrected together.

    Args:
        questions: What is asked of each task.
        measure: Which score the questions are about.
    """
    tests = {task: contrast(x.exact.scores, x.null.scores) for task, x in questions.items()}
    corrected = holm([None if test is None else test.p for test in tests.values()])
    drafts = {}
    for (task, question), p in zip(questions.items(), corrected, strict=True):
        test = tests[task]
        draft = Attribution(
            measure=measure,
            exact=question.exact.label,
            null=question.null.label,
            exact_mean=_mean(question.exact.scores),
            null_mean=_mean(question.null.scores),
            difference=test.difference if test else None,
            ci95=test.ci95 if test else None,
            p=_p(test, p, question),
            parts=tuple(_unshared(part) for part in question.parts),
        )
        draft = replace(draft, hindrance=_hindrance(question, draft.p))
        drafts[task] = draft if draft.hindrance else _shared_out(draft, question)
    return _corrected(drafts)


def _p(test: Contrast | None, p: float | None, question: Question) -> float | None:
    """Returns the corrected p of the exact wiring being one more graph of the null, or of coincidence."""
    if test is None or p is None:
        return p
    return max(p, of_contrast(question.exact.scores, question.null.scores, test, p))


def _hindrance(question: Question, p: float | None) -> str:
    """Returns why the difference between exact wiring and null is not shared out; "" if it is."""
    for genome in (question.exact, question.null):
        if not genome.scores:
            return f"{genome.label} has no score"
    seeds = {seed for _, seed in question.exact.scores} & {seed for _, seed in question.null.scores}
    if len(seeds) < MIN_SEEDS:
        return f"{count(len(seeds), 'seed')} have scores of both, and {MIN_SEEDS} or more are wanted"
    graphs = len({graph for graph, _ in question.null.scores})
    if graphs < fewest_graphs():
        return f"the null has {count(graphs, 'graph')} with scores, and {fewest_graphs()} or more are wanted"
    if p is None or p >= LEVEL:
        return NOT_TOLD
    return ""


def _mean(scores: Scores) -> float | None:
    """Returns a genome's mean score over graphs, each with the same weight."""
    by_graph: dict[int, list[float]] = {}
    for (graph, _), score in sorted(scores.items()):
        by_graph.setdefault(graph, []).append(score)
    return float(np.mean([np.mean(values) for values in by_graph.values()])) if by_graph else None


def _unshared(part: Part) -> PartShares:
    """Returns a part with its means, of which no share is given."""
    ways = [None if x is None else Share(x.label, _mean(x.scores)) for x in (part.knockout, part.transplant)]
    return PartShares(part.name, *ways)


@dataclass(frozen=True, eq=False)
class _Sharing:
    """What shares of a task are made from.

    Attributes:
        means: Means of all genomes that have scores.
        sure: The same with the errors that intervals have.
        place: The place of each genome in them, by label.
        exact: Label of the exact wiring.
        null: Label of the null.
    """

    means: Means
    sure: Means
    place: Mapping[str, int]
    exact: str
    null: str

    def weights(self, labels: Sequence[str], way: Way) -> np.ndarray:
        """Returns the contrast of what some genomes have of the difference, added up, [M]."""
        weights = np.zeros(len(self.place))
        for label in labels:
            above, below = (self.exact, label) if way == "knock-out" else (label, self.null)
            weights[self.place[above]] += 1
            weights[self.place[below]] -= 1
        return weights

    def share(self, genomes: Sequence[Genome | None], way: Way) -> Share | None:
        """Returns the share of some genomes, added up; None if one is missing, or has no score."""
        labels = [genome.label for genome in genomes if genome is not None and genome.scores]
        if len(labels) < len(genomes):
            return None
        weights = self.weights(labels, way)
        value, ci95 = self.sure.share(weights, self.weights([self.null], "knock-out")) or (None, None)
        if len(labels) > 1:
            return Share(" + ".join(labels), None, value, ci95)
        mean = float(self.means.mean[self.place[labels[0]]]) * self.means.scale
        return Share(labels[0], mean, value, ci95, self.means.p(weights))


def _shared_out(draft: Attribution, question: Question) -> Attribution:
    """Returns an attribution with its shares, which are not corrected yet."""
    genomes = {x.label: x for x in (question.exact, question.null)}
    for part in question.parts:
        genomes |= {x.label: x for x in (part.knockout, part.transplant) if x is not None and x.scores}
    means = Means.of([genome.scores for genome in genomes.values()])
    if means is None:
        return replace(draft, hindrance="fewer than 2 seeds have scores of all genomes")
    place = {label: k for k, label in enumerate(genomes)}
    sharing = _Sharing(means, means, place, question.exact.label, question.null.label)
    difference = abs(means.value(sharing.weights([question.null.label], "knock-out")))
    is_guarded = means.unlike > UNLIKE * difference
    if is_guarded:
        sharing = replace(sharing, sure=means.guarded(difference))
    groups: dict[str, list[Part]] = {}
    for part in question.parts:
        for group in part.groups:
            groups.setdefault(group, []).append(part)

    def row(name: str, members: Sequence[Part]) -> PartShares:
        knockout = sharing.share([part.knockout for part in members], "knock-out")
        transplant = sharing.share([part.transplant for part in members], "transplant")
        return PartShares(name, knockout, transplant)

    return replace(
        draft,
        is_guarded=is_guarded,
        parts=tuple(row(part.name, [part]) for part in question.parts),
        sums=tuple(row(group, members) for group, members in groups.items() if len(members) > 1),
    )


def _corrected(drafts: Mapping[str, Attribution]) -> dict[str, Attribution]:
    """Returns attributions whose p are corrected together."""
    shares = [share for draft in drafts.values() for part in draft.parts for share in _both(part)]
    corrected = dict(zip(map(id, shares), holm([share.p for share in shares]), strict=True))

    def with_p(share: Share | None) -> Share | None:
        return None if share is None else replace(share, p_holm=corrected[id(share)])

    return {
        task: replace(
            draft,
            parts=tuple(
                replace(part, knockout=with_p(part.knockout), transplant=with_p(part.transplant))
                for part in draft.parts
            ),
        )
        for task, draft in drafts.items()
    }


def _both(part: PartShares) -> list[Share]:
    """Returns the shares of a part, both ways, as far as they are there."""
    return [share for share in (part.knockout, part.transplant) if share is not None]
