"""Spread: how far priors came to be members of mixed populations, and their order in verdicts and tables.

Renderings use it, so it needs no SciPy, which `drift` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Fixation:
    """How far one prior spread in mixed populations; its fields are those of the manifest, in their order.

    Attributes:
        start_share: Share of the founders, in [0, 1].
        mean_final_share: Mean over populations of its share of the final members, in [0, 1].
        fixed: Populations in which the prior is alone in the end.
        of: Populations.
        p: One-sided p of so large a mean share: the larger of the next two.
        p_drift: The same, against random fitness.
        p_founders: The same, against labels of the founders dealt anew.
        p_holm: p, corrected for the number of priors.
    """

    start_share: float
    mean_final_share: float
    fixed: int
    of: int
    p: float | None
    p_drift: float | None
    p_founders: float | None
    p_holm: float | None


def by_spread(fixations: Mapping[str, Fixation]) -> list[str]:
    """Returns priors in the order of how far they spread, which verdicts and tables have in common.

    Args:
        fixations: How far each prior spread, by label; of equals the one with the smaller p is first.
    """

    def key(label: str) -> tuple[float, float]:
        p = fixations[label].p
        return -fixations[label].mean_final_share, 1.0 if p is None else p

    return sorted(fixations, key=key)
