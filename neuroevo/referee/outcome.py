"""What the referee says: comparisons of pairs of genomes, and the verdict on a task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from neuroevo.referee.estimators import LEVEL, Interval, Kind

Relation = Literal["better", "worse", "equivalent", "inconclusive"]
Ending = Literal["equal", "ceiling", "floor"]
Decision = Literal["winner", "no winner", "exploratory", "attribution", "nothing"]

TURNED: dict[Relation, Relation] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True)
class Rank:
    """The rank of one wiring among the graphs of another prior.

    Attributes:
        genome: Label of the genome that has the one wiring.
        rank: Its place, 1 being the best.
        of: Number of the other prior's graphs, and the wiring itself.
        p: One-sided p of a rank as good as this one, if the wiring were one more graph of the prior.
    """

    genome: str
    rank: int
    of: int
    p: float


@dataclass(frozen=True)
class AreaContrast:
    """The difference between the learning areas of two genomes.

    Attributes:
        difference: Mean fitness over generations of a, less that of b.
        ci95: 95 % interval of the difference.
        p: Two-sided p of no difference.
        p_holm: The same, corrected for all contrasts of learning areas of the run.
    """

    difference: float
    ci95: Interval
    p: float
    p_holm: float | None


@dataclass(frozen=True)
class Power:
    """How much more data would decide a comparison; None where no such number would do.

    Attributes:
        more_seeds: Further seeds, with the graphs that there are.
        more_graphs: Further graphs, with the seeds that there are.
        both_seeds: Further seeds, with `both_graphs` further graphs, where neither alone would do.
        both_graphs: Those graphs.
    """

    more_seeds: int | None
    more_graphs: int | None
    both_seeds: int | None = None
    both_graphs: int | None = None


@dataclass(frozen=True)
class Comparison:
    """What the tests say of two genomes on one task; its fields are those of report.json, in their order.

    Attributes:
        a: Label of the first genome.
        b: Label of the second genome.
        kind: What is compared, as `Contrast` has it; None for fewer than two seeds that both have, and then
            there is no interval and no test.
        difference: Mean score of a, less that of b.
        ci95: 95 % interval of the difference.
        df: Degrees of freedom of the interval and of p.
        p: Two-sided p of no difference.
        p_solved: The p if each graph merely solves the task or does not, as `coincidence` has it; 0 where no
            graphs are drawn.
        p_permutation: Two-sided p that assumes no distribution.
        p_equivalence: p of a difference as large as the task's margin; None where the task has none.
        probability_of_improvement: Probability that a lineage of a scores above one of b, in [0, 1].
        rank: The rank of the one wiring, where the kind is "one wiring".
        auc: The difference in learning area; None where it cannot be tested.
        p_holm: p, corrected for all comparisons of the run; or p_solved, corrected for the priors of the
            task that the one wiring is not told from, if that is larger.
        p_equivalence_holm: p_equivalence, corrected for all comparisons of the run.
        verdict: What a is, seen from b.
        power: What would decide the comparison; None where it is decided or nothing was tested, and
            where the difference is 0.
    """

    a: str
    b: str
    kind: Kind | None
    difference: float
    ci95: Interval | None
    df: float | None
    p: float | None
    p_solved: float | None
    p_permutation: float | None
    p_equivalence: float | None
    probability_of_improvement: float
    rank: Rank | None
    auc: AreaContrast | None
    p_holm: float | None
    p_equivalence_holm: float | None
    verdict: Relation
    power: Power | None

    @property
    def is_same(self) -> bool:
        """True if the two were tested and no seed parts them: as far as scores tell, they are one sample."""
        return self.ci95 is not None and self.difference == self.ci95[0] == self.ci95[1] == 0

    @property
    def is_alike(self) -> bool:
        """True if the two were tested, and no test tells them apart by more than the margin."""
        if self.p_holm is None or self.verdict in ("better", "worse"):
            return False
        return self.verdict == "equivalent" or self.p_holm >= LEVEL

    @property
    def p_pair(self) -> float | None:
        """The larger of p and p_solved: that of this comparison alone."""
        return None if self.p is None else max(self.p, self.p_solved or 0.0)

    def concerns(self, label: str) -> bool:
        """Says whether a genome is one of the two.

        Args:
            label: Label of the genome.
        """
        return label in (self.a, self.b)

    def finds_better(self, label: str) -> bool:
        """Says whether the comparison finds a genome the better one of the two.

        Args:
            label: Label of the genome.
        """
        return (label, self.verdict) in ((self.a, "better"), (self.b, "worse"))

    def beats(self, label: str, level: float, num_tasks: int = 1) -> bool:
        """Says whether a genome is the better one of the two by this comparison alone, as a winner must be.

        Args:
            label: Label of either genome.
            level: Error rate, in (0, 1).
            num_tasks: Tasks of the run, by which the t test's p is multiplied.
        """
        row = self.facing(label)
        if row.p is None or row.difference <= 0 or row.verdict == "equivalent":
            return False
        return max(num_tasks * row.p, row.p_solved or 0.0) < level

    def facing(self, label: str) -> Comparison:
        """Returns the comparison as one of its genomes sees it, which is then a.

        Turned are the difference, its interval, the probability of improvement and the verdict. What is
        said of learning areas and of power stays as it is.

        Args:
            label: Label of either genome.
        """
        if label == self.a:
            return self
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=-self.difference,
            ci95=None if self.ci95 is None else (-self.ci95[1], -self.ci95[0]),
            probability_of_improvement=1 - self.probability_of_improvement,
            verdict=TURNED.get(self.verdict, self.verdict),
        )


@dataclass(frozen=True)
class Verdict:
    """What is decided of one task.

    Attributes:
        decision: "winner"; "no winner", though there is enough to tell; "exploratory", where there is too
            little; "attribution", where it was asked what parts of the wiring carry, not who wins; "nothing",
            where there is no score.
        winner: Label of the genome that wins.
        sentence: The verdict in words, with its figures.
        reasons: Sentences on why there is no winner, or on what a winner's reader must know.
        power: Sentences on how much more data would decide.
        ends_alike: How all genomes end, if they end alike.
        is_perhaps_map: Whether the winner may win by its map onto the body alone, since no other has it.
        finding: What the winner has against its closest rival, in few words; empty without a winner.
        p_winner: The p with which the winner wins: the largest of its comparisons, each alone, corrected for
            the tasks of the run.
    """

    decision: Decision
    winner: str | None
    sentence: str
    reasons: tuple[str, ...] = ()
    power: tuple[str, ...] = ()
    ends_alike: Ending | None = None
    is_perhaps_map: bool = False
    finding: str = ""
    p_winner: float | None = None
