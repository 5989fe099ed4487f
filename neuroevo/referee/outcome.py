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
    """

    more_seeds: int | None
    more_graphs: int | None


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
        p_permutation: Two-sided p that assumes no distribution.
        p_equivalence: p of a difference as large as the task's margin; None where the task has none.
        probability_of_improvement: Probability that a lineage of a scores above one of b, in [0, 1].
        rank: The rank of the one wiring, where the kind is "one wiring".
        auc: The difference in learning area; None where it cannot be tested.
        p_holm: p, corrected for all comparisons of the run.
        p_equivalence_holm: p_equivalence, corrected for all comparisons of the run.
        verdict: What a is, seen from b.
        power: What would decide the comparison; None where it is decided, or nothing was tested.
    """

    a: str
    b: str
    kind: Kind | None
    difference: float
    ci95: Interval | None
    df: float | None
    p: float | None
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
    def is_alike(self) -> bool:
        """True if the two were tested, and no test tells them apart by more than the margin."""
        if self.p_holm is None or self.verdict in ("better", "worse"):
            return False
        return self.verdict == "equivalent" or self.p_holm >= LEVEL

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
    """

    decision: Decision
    winner: str | None
    sentence: str
    reasons: tuple[str, ...] = ()
    power: tuple[str, ...] = ()
    ends_alike: Ending | None = None
    is_perhaps_map: bool = False
    finding: str = ""
