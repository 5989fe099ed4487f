"""The sphinx table: what share of the leader's score each other genome reaches, controls and nulls.

A share is of what the leader scores above a floor: (mean - floor) / (leader - floor), over the seeds that
both have. Its interval holds every share s for which the referee's own contrast does not tell the genome from
s parts of the leader and 1 - s parts of the floor, which is Fieller's interval of a ratio with the variances
and degrees of freedom of `estimators.contrast`: it holds 100 % exactly where the contrast of the two holds 0.

Where the body, the maps and the wiring are taken apart, each has what the best genome up to it reaches beyond
the best before it: a control of the body alone, then controls without a wiring, then other wirings.

References:
    Fieller (1954), https://doi.org/10.1111/j.2517-6161.1954.tb00159.x
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize

from neuroevo.referee.entry import Entry, leader
from neuroevo.referee.estimators import Contrast, Interval, Scores, contrast, table_of
from neuroevo.text import number

Part = Literal["body", "maps", "frozen", "wiring"]

PARTS: Mapping[str, Part] = {"clock": "body", "none": "maps", "frozen": "frozen"}  # by kind of core
SENSORS = "raw sensors"
FARTHEST = 1e4  # shares beyond which an end of an interval is not looked for
PRECISE = 1e-6  # of an end of an interval


@dataclass(frozen=True)
class Floor:
    """The score that shares are counted from.

    Attributes:
        score: The score.
        what: What has it, a phrase: "naming one class always", or "connectome untrained".
        is_measured: True where it is the leader's untrained score, which has an error; False where the task
            states it.
    """

    score: float
    what: str
    is_measured: bool


@dataclass(frozen=True)
class Share:
    """What one genome reaches of what the leader scores above the floor.

    Attributes:
        genome: Label of the genome; `SENSORS` for a readout of the task's sensors.
        part: What it can do it by: "body", three numbers without sensing; "maps", those from sensors and to
            actuators; "frozen", a wiring that does not evolve; "wiring", one that may.
        score: Its mean score, over the seeds that it has in common with the leader.
        share: The share, 1 for all of it; negative below the floor.
        ci95: 95 % interval of the share; None where there are fewer than two seeds, or the leader is not told
            from the floor.
    """

    genome: str
    part: Part
    score: float
    share: float
    ci95: Interval | None


@dataclass(frozen=True)
class Parts:
    """The leader's score above the floor, taken apart; the numbers add up to 1.

    Attributes:
        body: What a control of the body alone reaches; None where none was run.
        maps: What the best control without a wiring reaches beyond it; None where none was run.
        any_wiring: What the best other wiring reaches beyond both; None where none was run.
        own_wiring: What no other reaches; negative where another reaches more than the leader.
        best_other: Label of the best other wiring; "" where there is none.
    """

    body: float | None
    maps: float | None
    any_wiring: float | None
    own_wiring: float
    best_other: str


@dataclass(frozen=True)
class Sphinx:
    """What explains the leader's score on a task.

    Attributes:
        leader: Label of the genome with the greatest interquartile mean that is no control.
        score: Its mean score.
        floor: What shares are counted from; None where nothing is known of it.
        refusal: Why there are no shares, a sentence; "" where there are.
        shares: What each other genome reaches, the greatest first.
        parts: The same taken apart; None where there are no shares.
    """

    leader: str
    score: float
    floor: Floor | None
    refusal: str
    shares: tuple[Share, ...]
    parts: Parts | None


def explain(
    entries: Sequence[Entry], stated: tuple[float, str] | None, sensors: Scores, unit: str
) -> Sphinx | None:
    """Returns what explains the score of the leading genome that is no control.

    Args:
        entries: All genomes of a task.
        stated: The task's floor, and what has it; None where the task states none.
        sensors: Scores of readouts of the task's sensors, by (0, seed); empty where there are none.
        unit: Unit of the score; may be empty.

    Returns:
        None where no genome that is no control has a score, or there is nothing beside it.
    """
    scored = [entry for entry in entries if entry.scores]
    rivals = [entry for entry in scored if not entry.is_control]
    if not rivals or len(scored) + bool(sensors) < 2:
        return None
    first = leader(rivals)
    top = _mean(first.scores)
    floor = _floor(first, stated)
    if floor is None:
        why = f"The task states no floor, and {first.label} has no untrained score to count shares from."
        return Sphinx(first.label, top, None, why, (), None)
    if not top > floor.score:
        why = (
            f"{first.label} leads with {_quantity(top, unit)}, no more than the floor, "
            f"{_quantity(floor.score, unit)} ({floor.what}): there is nothing to explain."
        )
        return Sphinx(first.label, top, floor, why, (), None)
    others = [(x.label, PARTS.get(x.core or "", "wiring"), x.scores) for x in scored if x is not first]
    others += [(SENSORS, "maps", sensors)] if sensors else []
    pairs = [share_of(label, part, scores, first, floor) for label, part, scores in others]
    shares = sorted((x for x in pairs if x is not None), key=lambda x: -x.share)
    return Sphinx(first.label, top, floor, "", tuple(shares), _parts(shares))


def share_of(label: str, part: Part, scores: Scores, first: Entry, floor: Floor) -> Share | None:
    """Returns what a genome reaches of the leader's score above the floor.

    Args:
        label: Label of the genome.
        part: What it can do it by.
        scores: Its scores.
        first: The leader.
        floor: What shares are counted from.

    Returns:
        None where the two have no seed in common, or the leader is not above the floor on those they have.
    """
    seeds = sorted({seed for _, seed in scores} & {seed for _, seed in first.scores})
    if not seeds:
        return None
    score, top = (float(np.nanmean(table_of(x, seeds), 1).mean()) for x in (scores, first.scores))
    by_seed = _floor_by_seed(first, floor, seeds)
    bottom = float(np.mean(list(by_seed.values())))
    if not top > bottom:
        return None
    share = (score - bottom) / (top - bottom)
    bounds = _interval(share, scores, first.scores, by_seed, is_draw=part == "wiring")
    return Share(label, part, score, share, bounds)


def _floor(first: Entry, stated: tuple[float, str] | None) -> Floor | None:
    """Returns the floor that a task states, else the leader's untrained score; None without either."""
    if stated is not None:
        return Floor(*stated, is_measured=False)
    if not first.untrained:
        return None
    return Floor(_mean(first.untrained), f"{first.label} untrained", is_measured=True)


def _floor_by_seed(first: Entry, floor: Floor, seeds: Sequence[int]) -> dict[int, float]:
    """Returns the floor of each seed: the one number, or what was measured with the seed."""
    measured: dict[int, list[float]] = {seed: [] for seed in seeds}
    for (_, seed), score in first.untrained.items():
        if seed in measured:
            measured[seed].append(score)
    return {
        seed: float(np.mean(values)) if floor.is_measured and values else floor.score
        for seed, values in measured.items()
    }


def _interval(
    share: float, scores: Scores, top: Scores, bottom: Mapping[int, float], is_draw: bool
) -> Interval | None:
    """Returns the shares s at which a genome is not told from s leaders and 1 - s floors, first and last.

    A wiring might be a draw of the other's prior, which has several; a control is none.
    """

    def excess(s: float) -> float:
        """Returns by how much zero lies outside the interval of the contrast at a share."""
        mixed = {key: s * x + (1 - s) * bottom[key[1]] for key, x in top.items() if key[1] in bottom}
        measured = contrast(scores, mixed, is_draw)
        assert measured is not None  # two seeds in common
        return _outside(measured)

    if len(bottom) < 2:
        return None
    ends = [_end(excess, share, direction) for direction in (-1.0, 1.0)]
    return None if ends[0] is None or ends[1] is None else (ends[0], ends[1])


def _outside(measured: Contrast) -> float:
    """Returns how far zero lies outside an interval of a difference; negative inside it."""
    low, high = measured.ci95
    return max(low, -high)


def _end(excess: Callable[[float], float], share: float, direction: float) -> float | None:
    """Returns the share at which an excess becomes positive in a direction; None where it never does."""
    if excess(share) >= 0:  # without spread
        return share
    step = 0.05
    while excess(share + direction * step) <= 0:
        step *= 2
        if step > FARTHEST:
            return None
    inner = 0.0 if step == 0.05 else step / 2
    ends = share + direction * inner, share + direction * step
    return float(optimize.brentq(excess, *ends, xtol=PRECISE))


def _parts(shares: Sequence[Share]) -> Parts:
    """Returns the leader's score taken apart."""

    def best(*parts: Part) -> float | None:
        return max((x.share for x in shares if x.part in parts), default=None)

    body, bare, other = best("body"), best("body", "maps"), best("wiring")
    has_maps = any(x.part == "maps" for x in shares)
    below = bare if bare is not None else 0.0
    above = below if other is None else max(below, other)
    rival = next((x.genome for x in shares if x.part == "wiring"), "")
    return Parts(
        body=body,
        maps=below - (body or 0.0) if has_maps else None,
        any_wiring=None if other is None else above - below,
        own_wiring=1 - above,
        best_other=rival,
    )


def _mean(scores: Scores) -> float:
    """Returns the mean over graphs, each with the same weight."""
    return float(np.nanmean(table_of(scores), 1).mean())


def _quantity(score: float, unit: str) -> str:
    """Returns a score with its unit, which may be empty."""
    return f"{number(score)} {unit}".rstrip()
