"""What a report holds of that which was planned and sealed before a run: its request, and the looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuroevo.errors import RunError
from neuroevo.rows import Manifest
from neuroevo.seal import DIGITS

if TYPE_CHECKING:  # renderers need no SciPy, which the referee does
    from neuroevo.referee.estimators import Interval
    from neuroevo.referee.outcome import Power, Relation


@dataclass(frozen=True)
class SealReport:
    """What was sealed of a run before its first evaluation: its resolved request, margin included.

    Attributes:
        name: Name of the folder.
        sha256: SHA-256 of the sealed plan: of the looks of a run until decided, else of the request that it
            was begun with.
        time: When, in UTC, as ISO 8601 has it; None where it is not known.
        request: First digits of the SHA-256 of the request that it answers now, which each row bears.
        extended: How often more was asked for afterwards, beside the looks that were planned.
    """

    name: str
    sha256: str
    time: str | None
    request: str
    extended: int


@dataclass(frozen=True)
class LookPlan:
    """A time at which a run that goes on until it is decided is looked at, as it was planned.

    Attributes:
        seeds: Replicates of every architecture that it has then.
        graphs: Samples of every prior.
        lineages: Lineages in all.
        level: Error that the tests of this look may spend.
    """

    seeds: int
    graphs: int
    lineages: int
    level: float


@dataclass(frozen=True)
class LooksReport:
    """The looks at a run that goes on until it is decided.

    Attributes:
        budget: What it may take, as it was given: lineages, or hours such as "2h".
        planned: All looks, as they were planned before the first evaluation.
        taken: How many of them there have been.
        open: Number of comparisons that none has decided.
        ended: "decided" where no comparison is open, "budget" where no look is left; None before the end.
    """

    budget: str
    planned: tuple[LookPlan, ...]
    taken: int
    open: int
    ended: str | None


@dataclass(frozen=True)
class PairAtLook:
    """What a look found of a pair of genomes.

    Attributes:
        look: Number of the look, from 1.
        difference: Mean score of a, less that of b, of the lineages that the look has.
        interval: Interval of the difference at the look's level: those of all looks together hold the true
            difference in 95 of 100 runs; None where nothing was tested.
        p: Two-sided p of no difference.
        p_holm: p, corrected for all comparisons of the look, which is held against the look's level.
        p_solved: The p if graphs only solve or fail, of this pair alone, which has a level of its own.
        p_equivalence_holm: p of a difference as large as the margin, corrected likewise.
        verdict: What the look alone says of a.
    """

    look: int
    difference: float
    interval: Interval | None
    p: float | None
    p_holm: float | None
    p_solved: float | None
    p_equivalence_holm: float | None
    verdict: Relation


@dataclass(frozen=True)
class PairLooks:
    """What the looks made of a pair of genomes: the first decision stays.

    Attributes:
        a: Label of the first genome.
        b: Label of the second genome.
        verdict: What was decided of a; "inconclusive" while nothing is.
        look: Number of the look that decided, from 1; None while none has.
        looks: What each look found at which both had scores, in order.
        power: Of an open pair: how much more would tell the two apart, if they differ by as much as measured.
        power_equivalence: Of an open pair: how much more would show them equivalent; None where they differ
            by the margin or more.
    """

    a: str
    b: str
    verdict: Relation
    look: int | None
    looks: tuple[PairAtLook, ...]
    power: Power | None = None
    power_equivalence: Power | None = None


def require_unstaged(both: str, config: Mapping[str, object]) -> None:
    """Makes sure that runs which are to be joined were not decided look by look.

    Args:
        both: Their names.
        config: The request of either.

    Raises:
        RunError: If they were.
    """
    if config.get("until") is not None:
        raise RunError(
            f"{both} were decided look by look, each by its own (--until); joined they would be judged as if "
            "they had not been. Report them one by one."
        )


def sealed(name: str, manifest: Manifest) -> SealReport | None:
    """Returns what was sealed of a run before its first evaluation; None where it bears no seal.

    Args:
        name: Name of its folder.
        manifest: Its manifest.
    """
    requests, plan = manifest.get("requests") or [], manifest.get("plan")
    if not requests:
        return None
    first, now = requests[0], requests[-1]
    looks = plan["plan"]["looks"] if plan else []
    planned = {first["sha256"], *(look["request"] for look in looks)}
    return SealReport(
        name=name,
        sha256=plan["sha256"] if plan else first["sha256"],
        time=None if first.get("unsealed") else first.get("time"),
        request=now["sha256"][:DIGITS],
        extended=sum(one["sha256"] not in planned for one in requests),
    )
