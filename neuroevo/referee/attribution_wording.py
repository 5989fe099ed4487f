"""What an attribution says, as sentences that a scientist could paste."""

from __future__ import annotations

from collections.abc import Sequence

from neuroevo.referee.attribution import NOT_TOLD, Attribution, PartShares, Share
from neuroevo.text import conjoined, number, p_statement

MOST = 0.5  # a share from here on is most of the difference
ABOUT = {"score": "", "tuned": ", tuned", "untrained": ", untrained"}  # the measure, behind the task's label


def sentences(task: str, attribution: Attribution, unit: str) -> list[str]:
    """Returns what is said of a task, the most important first.

    Args:
        task: Its label.
        attribution: What the referee says of it.
        unit: Unit of the score; may be empty.
    """
    title = f"{task}{ABOUT[attribution.measure]}"
    if attribution.hindrance:
        return [f"{title}: {_refusal(attribution, unit)}"]
    first = f"{title}: the exact wiring has {_means(attribution, unit)}."
    texts = [f"{first} {_carrier(attribution.parts)}", *_others(attribution.parts)]
    texts += _together(attribution.sums)
    if attribution.is_guarded:
        texts.append(
            "Some graphs are unlike the others of their genome by more than 40 % of the difference: "
            "intervals allow for such graphs that were not drawn."
        )
    return texts


def _refusal(attribution: Attribution, unit: str) -> str:
    """Returns why nothing is shared out, and what would help."""
    if attribution.hindrance != NOT_TOLD:
        return f"nothing is shared out among parts: {attribution.hindrance}."
    return (
        f"nothing is shared out among parts: {NOT_TOLD} ({_means(attribution, unit)}), so that shares would "
        "be of chance. More graphs or seeds may tell the two apart."
    )


def _means(attribution: Attribution, unit: str) -> str:
    """Returns the two means with what tells them apart."""
    exact, null = (f"{number(x)} {unit}".rstrip() for x in (attribution.exact_mean, attribution.null_mean))
    return f"{exact} where its null has {null} ({p_statement(attribution.p)})"


def _carrier(parts: Sequence[PartShares]) -> str:
    """Returns the sentence about the part that carries most of the difference, or that none is told to."""
    needed, enough = _ordered(parts, "knockout"), _ordered(parts, "transplant")
    if not needed and not enough:
        return "No part is told to carry any of this difference; more graphs may tell."
    part = (needed or enough)[0]
    clauses = []
    if part.knockout is not None and part.knockout.share is not None:
        clauses.append(f"without them {_percent(part.knockout)} of the difference is lost")
    if part.transplant is not None and part.transplant.share is not None:
        there = f"with them alone {_percent(part.transplant)} of it is there"
        clauses.append(
            there if part.transplant.is_told else f"{there}, which could not be told apart from none"
        )
    largest = max(x.share or 0.0 for x in (part.knockout, part.transplant) if x is not None)
    verb = "It rests on" if largest >= MOST else "No part carries most of it; the most is of"
    return f"{verb} {part.part}: {'; '.join(clauses)}."


def _others(parts: Sequence[PartShares]) -> list[str]:
    """Returns sentences about the other parts that are told to carry something, or to work against it."""
    needed, enough = _ordered(parts, "knockout"), _ordered(parts, "transplant")
    first = (needed or enough)[:1]
    texts = []
    for head, carriers, way in (
        ("Needed too", needed, "knockout"),
        ("Some of it is there with", enough, "transplant"),
    ):
        rest = [x for x in carriers if x not in first]
        listed = [f"{x.part} ({_short(getattr(x, way))})" for x in rest]
        if listed:
            alone = " alone" if way == "transplant" else ""
            texts.append(f"{head}{':' if way == 'knockout' else ''} {conjoined(listed)}{alone}.")
    against = [
        f"{x.part} ({_short(x.knockout)})"
        for x in parts
        if x.knockout is not None and x.knockout.is_told and (x.knockout.share or 0.0) < 0
    ]
    if against:
        texts.append(f"Without them there is more of it: {conjoined(against)}.")
    return texts


def _together(sums: Sequence[PartShares]) -> list[str]:
    """Returns a sentence on effects that do not add, of the first group of parts of which that is told."""
    for row in sums:
        if row.knockout is None or row.transplant is None:
            continue
        bounds = row.knockout.ci95, row.transplant.ci95
        if bounds[0] is None or bounds[1] is None:
            continue
        added = (
            f"({row.part}: lost without them {_short(row.knockout)}, there alone {_short(row.transplant)})"
        )
        if bounds[0][0] > 1 > bounds[1][1]:
            return [
                f"Parts are needed together: shares add up to more than all and to less than all {added}."
            ]
        if bounds[0][1] < 1 < bounds[1][0]:
            return [f"Parts stand in for each other: shares add up to less than all and to more {added}."]
    return []


def _ordered(parts: Sequence[PartShares], way: str) -> list[PartShares]:
    """Returns the parts that are told to carry something in one way, the largest share first."""
    shares = [(getattr(part, way), part) for part in parts]
    carrying = [(x.share or 0.0, part) for x, part in shares if x is not None and x.is_told]
    return [part for value, part in sorted(carrying, key=lambda x: -x[0]) if value > 0]


def _percent(share: Share) -> str:
    """Returns a share with its interval."""
    bounds = "its interval has no end"
    if share.ci95 is not None:
        bounds = f"95 % interval {100 * share.ci95[0]:.0f} to {100 * share.ci95[1]:.0f} %"
    return f"{_short(share)} ({bounds})"


def _short(share: Share) -> str:
    """Returns a share in per cent."""
    return f"{100 * (share.share or 0.0):.0f} %"
