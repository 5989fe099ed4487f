"""Intervals of the interquartile mean, which cover also where lineages either learn or do not."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from neuroevo.referee.estimators import (
    LEVEL,
    Interval,
    Scores,
    components,
    quantile,
    scale_of,
    table_of,
    variance_over_seeds,
)

MIN_UNITS = 10  # graphs, or seeds of the one graph: see `interval`
APART = 4.0  # two groups of scores: their means differ by more of their common deviation than a bell's halves


def interval(scores: Scores) -> Interval | None:
    """Returns a 95 % interval of the interquartile mean.

    Scores are winsorised, as Tukey and McLaughlin do for a trimmed mean, and their mean is given the
    variance over graphs and seeds. With one graph the interval speaks of that wiring, not of its prior.
    Where scores fall into two groups, lineages or graphs that learn and those that do not, the interquartile
    mean hangs on the share of either, which winsorised scores do not show: there the interval also holds all
    interquartile means that the 95 % interval of the share allows (Clopper & Pearson, on as many lineages as
    they are worth where those of one graph are alike).

    Args:
        scores: Scores of one genome on one task.

    Returns:
        None for fewer than two seeds, which say nothing about the spread over seeds, and for fewer than
        `MIN_UNITS` graphs, or seeds where there is one graph: where three in ten learn,
        none of five does once in six times, and no interval of those five scores covers. None, too, where
        all scores are equal.

    References:
        Tukey & McLaughlin (1963), Less vulnerable confidence and significance procedures for location,
        Sankhya A 25, 331-352. Clopper & Pearson (1934), https://doi.org/10.1093/biomet/26.4.404. Fleiss,
        Levin & Paik (2003), Statistical Methods for Rates and Proportions, chapter 15, on alike lineages.
    """
    table = table_of(scores)
    if table.shape[1] < 2 or (len(table) if len(table) > 1 else table.shape[1]) < MIN_UNITS:
        return None
    scale = scale_of(table)
    table = table / scale
    low, high = _winsorised(table)
    by_graph = np.broadcast_to(np.nanmean(table, 1)[:, None], table.shape)
    for scored in (table, by_graph)[: 1 if len(table) == 1 else 2]:  # what falls apart: lineages, or graphs
        if (limit := _limit_of_groups(scored)) is not None:
            of_share = _by_share(table, scored > limit)
            low, high = min(low, of_share[0]), max(high, of_share[1])
    return (low * scale, high * scale) if low < high else None


def _winsorised(table: np.ndarray) -> Interval:
    """Returns the interval of Tukey and McLaughlin, with the variance over graphs and seeds."""
    num_graphs, num_seeds = table.shape
    values = np.sort(table[~np.isnan(table)])
    cut = len(values) // 4
    num_left = len(values) - 2 * cut
    influence = np.clip(table, values[cut], values[-cut - 1]) * (len(values) / num_left)
    if num_graphs == 1:
        df = num_left - 1.0  # of the winsorised variance: one less than there are scores left
        variance = float(np.nanvar(influence, ddof=1)) * (num_left / len(values)) * (len(values) - 1) / df
        variance /= len(values)
    else:
        parts = components(influence)
        variance = parts.over_graphs / num_graphs
        excess = 0.0
        if num_seeds > 1:
            excess = max(0.0, variance_over_seeds(influence) - parts.residual / influence.size)
        variance += excess
        df = (min(num_graphs, num_seeds) if excess else num_graphs) - 1.0
    centre, half = float(values[cut : len(values) - cut].mean()), quantile(df) * math.sqrt(variance)
    return centre - half, centre + half


def _limit_of_groups(table: np.ndarray) -> float | None:
    """Returns a score between two groups that scores fall into; None if they do not.

    The groups are those with the least squares within (Fisher 1958,
    https://doi.org/10.1080/01621459.1958.10501479).
    """
    values = np.sort(table[~np.isnan(table)])
    if values[0] == values[-1]:
        return None
    values_scaled = (values - values[0]) / (values[-1] - values[0])
    size = np.arange(1, len(values))
    below, total = np.cumsum(values_scaled)[:-1], values_scaled.sum()
    squares = below**2 / size + (total - below) ** 2 / (len(values) - size)
    i = int(squares.argmax())
    within = math.sqrt(max(0.0, float((values_scaled**2).sum() - squares[i])) / max(1, len(values) - 2))
    apart = (total - below[i]) / (len(values) - size[i]) - below[i] / size[i]
    return float(values[i] + (values[i + 1] - values[i]) / 2) if apart > APART * within else None


def _by_share(table: np.ndarray, is_upper: np.ndarray) -> Interval:
    """Returns the interval of the interquartile mean by the share of lineages in the upper group."""
    is_above = np.where(np.isnan(table), np.nan, is_upper)
    share, number = float(np.nanmean(is_above)), _worth(is_above)
    count = share * number
    low = float(stats.beta.ppf(LEVEL / 2, count, number - count + 1))
    high = float(stats.beta.ppf(1 - LEVEL / 2, count + 1, number - count))
    below, above = float(np.nanmean(table[~is_upper])), float(np.nanmean(table[is_upper]))

    def mean_of(upper: float) -> float:
        """The middle half of scores of which this share is in the upper group."""
        part = min(1.0, max(0.0, (upper - 0.25) / 0.5))
        return below * (1 - part) + above * part

    return mean_of(low), mean_of(high)


def _worth(is_above: np.ndarray) -> float:
    """Returns how many independent lineages a table's are worth, those of one graph being alike in part."""
    number = int((~np.isnan(is_above)).sum())
    num_graphs, per_graph = len(is_above), number / len(is_above)
    if num_graphs == 1 or number == num_graphs:
        return float(number)
    by_graph = np.nanmean(is_above, 1)
    between = per_graph * float(by_graph.var(ddof=1))
    within = float(np.nansum((is_above - by_graph[:, None]) ** 2)) / (number - num_graphs)
    total = between + (per_graph - 1) * within
    alike = min(1.0, max(0.0, (between - within) / total)) if total > 0 else 1.0
    return number / (1 + (per_graph - 1) * alike)
