"""`judge` beside others: figures of files of scores against tables worked by hand, SciPy and statsmodels.

Graph means alone decide where seeds do nothing to a prior as a whole; such tables are made here, for with
them the referee's contrast is a test that others have too.
"""

from __future__ import annotations

import json
import math
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

import run as cli
from neuroevo.referee import coincidence

EXACT = {"rel": 1e-12, "abs": 1e-12}
Tables = dict[str, dict[str, np.ndarray]]  # [graphs, seeds] by task and genome


def judged(folder: Path, tasks: Tables, *words: str) -> dict[str, Any]:
    """Returns report.json of tables, written as a file and judged by the command."""
    lines = ["task,genome,graph,seed,score"]
    for task, genomes in tasks.items():
        for genome, table in genomes.items():
            lines += [f"{task},{genome},{g},{s},{float(x)!r}" for (g, s), x in np.ndenumerate(table)]
    path = folder / "scores.csv"
    path.write_text("\n".join(lines))
    assert cli.main(["judge", str(path), *words, "--out", str(folder / "out")]) == 0
    return json.loads((folder / "out" / "report.json").read_text())


def comparison(report: dict[str, Any], a: str = "a", b: str = "b") -> dict[str, Any]:
    """Returns the comparison of two genomes of the one task."""
    (task,) = report["tasks"].values()
    return next(row for row in task["comparisons"] if (row["a"], row["b"]) == (a, b))


def family(means: list[float] | np.ndarray, num_seeds: int = 6, seed: int | None = None) -> np.ndarray:
    """Returns a table [graphs, seeds] with these means of graphs, and means of seeds that are all equal."""
    table = np.repeat(np.asarray(means, float)[:, None], num_seeds, 1)
    if seed is None:
        return table
    rest = np.random.default_rng(seed).normal(size=table.shape)
    return table + rest - rest.mean(0) - rest.mean(1, keepdims=True) + rest.mean()


def half_width(row: dict[str, Any]) -> float:
    return (row["ci95"][1] - row["ci95"][0]) / 2


# --- by hand ------------------------------------------------------------------------------------------


def test_two_families_of_three_graphs_by_hand(tmp_path):
    # Means of graphs are 1, 2, 3 and 4, 5, 6: the variance of the difference is 1/3 + 1/3, with 2 + 2 degrees
    # of freedom, and t2 = 9 / (2/3) = 27/2. Student's t of 4 has P(|t| < x) = sin(1 + cos2 / 2), tan = x / 2.
    row = comparison(judged(tmp_path, {"t": {"a": family([1, 2, 3]), "b": family([4, 5, 6])}}))
    assert (row["kind"], row["difference"], row["df"]) == ("graphs", -3, pytest.approx(4, **EXACT))
    assert row["p"] == pytest.approx(1 - math.sqrt(27 / 35) * (1 + 4 / 35), **EXACT)
    assert half_width(row) == pytest.approx(
        2.7764451051977987 * math.sqrt(2 / 3), **EXACT
    )  # a table's t of 4
    assert row["p_permutation"] == pytest.approx(2 / 20, **EXACT)  # 1 of 20 ways to deal six, and its mirror
    assert row["probability_of_improvement"] == 0


def test_one_wiring_among_seven_graphs_by_hand(tmp_path):
    # The family has mean 4 and variance 14/3; the wiring is 12: t2 = 64 / (14/3 * (1 + 1/7)) = 12, of 6.
    # P(|t| < x) = sin(1 + cos2 / 2 + 3 cos4 / 8), tan = x / sqrt 6, so that cos2 = 6 / (6 + 12) = 1/3.
    tables = {"a": family([12]), "b": family([1, 2, 3, 4, 5, 6, 7])}
    row = comparison(judged(tmp_path, {"t": tables}))
    assert (row["kind"], row["difference"], row["df"]) == ("one wiring", 8, pytest.approx(6, **EXACT))
    assert row["p"] == pytest.approx(1 - math.sqrt(2 / 3) * (1 + 1 / 6 + 1 / 24), **EXACT)
    assert row["rank"] == {"genome": "a", "rank": 1, "of": 8, "p": 1 / 8}
    assert row["p_permutation"] == pytest.approx(2 / 8, **EXACT)


def test_two_wirings_over_seeds_by_hand(tmp_path):
    # Differences 1, 2, 3, 4: mean 5/2, variance 5/3, so that t2 = 15, of 3.
    # P(|t| < x) = 2/pi (y / (1 + y2) + atan y), y = x / sqrt 3. Of a margin of 4 the near side has y2 = 9/5.
    tables = {"a": np.array([[2.0, 4.0, 6.0, 8.0]]), "b": np.array([[1.0, 2.0, 3.0, 4.0]])}
    row = comparison(judged(tmp_path, {"t": tables}, "--margin", "4"))
    assert (row["kind"], row["difference"], row["df"]) == ("seeds", 2.5, 3)
    assert row["p"] == pytest.approx(1 - 2 / math.pi * (math.sqrt(5) / 6 + math.atan(math.sqrt(5))), **EXACT)
    y = math.sqrt(9 / 5)
    assert row["p_equivalence"] == pytest.approx(0.5 - (y / (1 + 9 / 5) + math.atan(y)) / math.pi, **EXACT)
    assert row["p_permutation"] == pytest.approx(2 / 2**4, **EXACT)
    assert row["probability_of_improvement"] == (1.5 + 3.5 + 4 + 4) / 16  # a tie counts half


def test_holm_by_hand(tmp_path):
    # Three families of five graphs: the least p, of a and c, counts three times; the others twice and once.
    tables = {"a": family([1, 2, 3, 4, 5]), "b": family([6, 7, 8, 9, 10]), "c": family([14, 15, 16, 17, 18])}
    rows = judged(tmp_path, {"t": tables})["tasks"]["t"]["comparisons"]
    p = {row["a"] + row["b"]: row["p"] for row in rows}
    assert p["ac"] < p["bc"] < p["ab"]
    corrected = {row["a"] + row["b"]: row["p_holm"] for row in rows}
    # That five graphs solve a task and five others of the same family do not has a p of its own.
    solved = coincidence.families([5, 5, 5])
    holm = {"ac": 3 * p["ac"], "bc": 2 * p["bc"], "ab": p["ab"]}
    assert corrected == {pair: max(solved, value) for pair, value in holm.items()}
    assert holm["ac"] < holm["bc"] < solved < 0.01


# --- SciPy and statsmodels ----------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(3, 3), (5, 9), (20, 20)])
def test_families_are_compared_as_welch_does(tmp_path, sizes):
    rng = np.random.default_rng(sum(sizes))
    x, y = (rng.normal(shift, spread, n) for n, shift, spread in zip(sizes, (0, 1), (1, 3), strict=True))
    tables = {"a": family(x, seed=1), "b": family(y, seed=2)}
    row = comparison(judged(tmp_path, {"t": tables}, "--margin", "2.5"))
    welch = stats.ttest_ind(x, y, equal_var=False)
    assert row["p"] == pytest.approx(welch.pvalue, **EXACT)
    assert row["df"] == pytest.approx(welch.df, **EXACT)
    assert row["ci95"] == pytest.approx(list(welch.confidence_interval()), **EXACT)
    assert row["p_equivalence"] == pytest.approx(ttost_ind(x, y, -2.5, 2.5, usevar="unequal")[0], **EXACT)
    flat = [table.ravel() for table in tables.values()]
    u = stats.mannwhitneyu(*flat).statistic / (flat[0].size * flat[1].size)
    assert row["probability_of_improvement"] == pytest.approx(u, **EXACT)
    if sizes == (3, 3):
        exact = stats.permutation_test((x, y), lambda a, b: a.mean() - b.mean(), n_resamples=np.inf)
        assert row["p_permutation"] == pytest.approx(exact.pvalue, **EXACT)


@pytest.mark.parametrize("size", [7, 30])
def test_one_wiring_is_one_more_of_the_family_as_in_a_pooled_t_test(tmp_path, size):
    means = np.random.default_rng(size).normal(size=size)
    row = comparison(judged(tmp_path, {"t": {"a": family([1.7], seed=3), "b": family(means, seed=4)}}))
    pooled = stats.ttest_ind_from_stats(1.7, 0, 1, means.mean(), means.std(ddof=1), size)
    assert row["p"] == pytest.approx(pooled.pvalue, **EXACT)
    assert row["df"] == pytest.approx(size - 1, **EXACT)


@pytest.mark.parametrize("size", [7, 30])
def test_a_control_is_no_draw_of_the_family_that_it_is_held_against(tmp_path, size):
    means = np.random.default_rng(size).normal(0.8, 1, size)
    tables = {"a": family(means, seed=5), "b": family([0.1], seed=6)}
    row = comparison(judged(tmp_path, {"t": tables}, "--controls", "b", "--margin", "2"))
    mean = stats.ttest_1samp(means, 0.1)
    assert row["kind"] == "control"
    assert row["p"] == pytest.approx(mean.pvalue, **EXACT)
    assert row["df"] == pytest.approx(mean.df, **EXACT)
    low, high = mean.confidence_interval()
    assert row["ci95"] == pytest.approx([low - 0.1, high - 0.1], **EXACT)
    lower, upper = (
        stats.ttest_1samp(means, 0.1 + bound, alternative=side).pvalue
        for bound, side in ((-2, "greater"), (2, "less"))
    )
    assert row["p_equivalence"] == pytest.approx(max(lower, upper), **EXACT)


def test_lineages_that_failed_count_as_the_lowest_of_the_task(tmp_path):
    """As SciPy has it, of the same table with the lowest score in the place of each that failed."""
    rng = np.random.default_rng(11)
    x, y = (rng.normal(shift, 1, (8, 6)) for shift in (0.5, 0))
    x[2, 3] = x[5, 0] = np.nan
    row = comparison(judged(tmp_path, {"t": {"a": x, "b": y}}))
    lowest = min(np.nanmin(x), y.min())
    assert row["difference"] == pytest.approx(np.nan_to_num(x, nan=lowest).mean() - y.mean(), **EXACT)


@pytest.mark.parametrize("num_seeds", [5, 12])
def test_two_wirings_are_compared_as_pairs_of_seeds(tmp_path, num_seeds):
    rng = np.random.default_rng(num_seeds)
    shared = rng.normal(size=num_seeds)
    x, y = shared + rng.normal(0.5, 0.5, num_seeds), shared + rng.normal(0, 0.5, num_seeds)
    report = judged(tmp_path, {"t": {"a": x[None], "b": y[None]}}, "--margin", "1")
    row, paired = comparison(report), stats.ttest_rel(x, y)
    assert row["p"] == pytest.approx(paired.pvalue, **EXACT)
    assert row["df"] == paired.df
    assert row["ci95"] == pytest.approx(list(paired.confidence_interval()), **EXACT)
    assert row["p_equivalence"] == pytest.approx(ttost_paired(x, y, -1, 1)[0], **EXACT)
    if num_seeds == 5:
        exact = stats.permutation_test(
            (x - y,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
        )
        assert row["p_permutation"] == pytest.approx(exact.pvalue, **EXACT)


def test_all_comparisons_of_a_file_are_corrected_as_holm_does(tmp_path):
    rng = np.random.default_rng(0)
    tables = {
        task: {name: family(rng.normal(0.4 * k, 1, 8), seed=k) for k, name in enumerate("abcd")}
        for task in ("t", "u")
    }
    report = judged(tmp_path, tables, "--margin", "1.5", "u=2")
    rows = [row for task in report["tasks"].values() for row in task["comparisons"]]
    assert len(rows) == 2 * len(list(combinations("abcd", 2)))
    for column in ("p", "p_equivalence"):
        p = [row[column] for row in rows]
        corrected = [row[f"{column}_holm"] for row in rows]
        assert corrected == pytest.approx(multipletests(p, method="holm")[1], **EXACT)


def test_difference_and_error_of_families_are_those_of_a_mixed_model(tmp_path):
    """Balanced tables, graphs as random effects: what REML estimates is what means of graphs say."""
    rng = np.random.default_rng(5)
    num_graphs, num_seeds = 12, 6
    tables = {
        name: family(rng.normal(shift, 2, num_graphs), num_seeds, seed)
        for name, shift, seed in (("a", 1, 8), ("b", 0, 9))
    }
    row = comparison(judged(tmp_path, {"t": tables}))
    scores = np.concatenate([table.ravel() for table in tables.values()])
    is_first = np.repeat([1.0, 0.0], num_graphs * num_seeds)
    graphs = np.repeat(np.arange(2 * num_graphs), num_seeds)
    model = MixedLM(scores, np.column_stack([np.ones_like(is_first), is_first]), graphs)
    fit = model.fit(reml=True, method="bfgs", gtol=1e-9)
    assert row["difference"] == pytest.approx(fit.fe_params[1], rel=1e-9)
    error = half_width(row) / stats.t.isf(0.025, row["df"])
    assert error == pytest.approx(fit.bse_fe[1], rel=1e-5)  # as far as its search for the variances goes
