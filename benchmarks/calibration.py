"""How often does the referee err? Simulated score tables, and real runs of one prior under two labels.

A table holds scores of two genomes. Scores are a graph's effect, a seed's effect and a rest of variance 1,
the variance between seeds of one graph. Two shapes: "wiring", in which the first genome is ONE graph drawn
from the very family that the second one samples, as the exact connectome is under the null hypothesis; and
"families", two samples of one family. Variance between graphs is 0, 0.5, 1 and 2, and graphs are 5, 8
and 20, at 10 seeds, which both genomes share. Beside the referee's test there are a bootstrap over lineages,
a hierarchical bootstrap (graphs, then seeds) and a paired test over seeds. Printed in per cent: false
alarms at 5 %, and those of the t test alone; winners; the power to find an effect of one deviation of seeds;
the coverage of the referee's intervals, of interquartile means where one is given.

    python -m benchmarks.calibration [--tables 2000] [--rivals 400] [--runs 40] [--seed 0] [--noise NAME ...]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

import populations  # noqa: F401 - importing the two packages registers what they hold
import tasks  # noqa: F401
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.request import resolve
from neuroevo.referee.comparison import compare
from neuroevo.referee.entry import Entry
from neuroevo.referee.estimators import LEVEL, Scores
from neuroevo.referee.facts import TaskFacts
from neuroevo.referee.intervals import interval
from neuroevo.referee.verdict import decide

GRAPHS, BETWEEN = (5, 8, 20), (0.0, 0.5, 1.0, 2.0)
SEEDS = 10
RESAMPLES = 400
NOISES: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: (rng.lognormal(size=shape) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e),
    "stuck": lambda rng, shape: ((rng.random(shape) < 0.3) - 0.3) / np.sqrt(0.21),  # 3 in 10 get away
}


def table(
    rng: np.random.Generator,
    num_graphs: int,
    num_seeds: int,
    between: float,
    shared: np.ndarray | None = None,
    noise: str = "normal",
) -> np.ndarray:
    """Returns scores [graphs, seeds].

    Args:
        rng: Source of randomness.
        num_graphs: Number of graphs.
        num_seeds: Number of seeds, S.
        between: Variance between graphs.
        shared: Effects of seeds, [S], of variance 0.5 in place of as much of the rest; None for none.
        noise: Distribution of the effects of graphs and of the rest: a key of NOISES.
    """
    draw = NOISES[noise]
    rest = draw(rng, (num_graphs, num_seeds)) * np.sqrt(1.0 if shared is None else 0.5)
    graphs = draw(rng, (num_graphs, 1)) * np.sqrt(between)
    return rest + graphs + (0.0 if shared is None else shared)


def scores_of(values: np.ndarray) -> Scores:
    """Returns a table as scores by graph and seed."""
    return {(g, s): float(value) for (g, s), value in np.ndenumerate(values)}


def tables(
    rng: np.random.Generator, number: int, is_wiring: bool, num_graphs: int, between: float, noise: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields pairs of tables that do not differ; every other pair shares the effects of seeds."""
    for k in range(number):
        shared = rng.normal(size=SEEDS) * np.sqrt(0.5) if k % 2 else None
        first = 1 if is_wiring else num_graphs
        a, b = (table(rng, n, SEEDS, between, shared, noise) for n in (first, num_graphs))
        yield a, b


def referee(rng: np.random.Generator, number: int, cell: tuple[Any, ...]) -> dict[str, float]:
    """Returns false alarms, winners declared, power and coverage of the referee, in per cent."""
    counts = dict.fromkeys(("alarm", "t", "winner", "power", "cover", "given", "iqm"), 0)
    for k, (a, b) in enumerate(tables(rng, number, *cell)):
        null, better = (
            [Entry("a", scores_of(a + shift), one_point=len(a) == 1), Entry("b", scores_of(b))]
            for shift in (0.0, 1.0)
        )
        (row,), (shifted,) = (compare({"t": entries}, {}, k)["t"] for entries in (null, better))
        assert row.p is not None and row.p_pair is not None and row.ci95 is not None
        counts["alarm"] += row.p_pair < LEVEL
        counts["t"] += row.p < LEVEL
        counts["winner"] += decide("t", null, [row], TaskFacts()).winner is not None
        counts["power"] += shifted.p_pair is not None and shifted.p_pair < LEVEL
        counts["cover"] += row.ci95[0] <= 0 <= row.ci95[1]
        limits = interval(null[1].scores)
        counts["given"] += limits is not None
        counts["iqm"] += limits is not None and limits[0] <= 0 <= limits[1]
    given = counts.pop("given")
    rates = {name: 100 * value / number for name, value in counts.items()}
    return {**rates, "iqm": 100 * counts["iqm"] / given if given else math.nan}  # of the intervals given


def rivals(rng: np.random.Generator, number: int, cell: tuple[Any, ...]) -> dict[str, float]:
    """Returns false alarms of three simpler methods, in per cent."""
    alarms = dict.fromkeys(("lineages", "hierarchical", "seeds"), 0)
    for a, b in tables(rng, number, *cell):
        for name, draw in (("lineages", _resample_lineages), ("hierarchical", _resample_graphs)):
            low, high = np.quantile(draw(rng, a) - draw(rng, b), [0.025, 0.975])
            alarms[name] += not low <= 0 <= high
        alarms["seeds"] += stats.ttest_1samp(a.mean(0) - b.mean(0), 0).pvalue < 0.05
    return {name: 100 * value / number for name, value in alarms.items()}


def _resample_lineages(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Returns means of resamples that take lineages for independent."""
    flat = values.ravel()
    return flat[rng.integers(flat.size, size=(RESAMPLES, flat.size))].mean(1)


def _resample_graphs(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Returns means of resamples that draw graphs, then seeds within each."""
    num_graphs, num_seeds = values.shape
    graphs = rng.integers(num_graphs, size=(RESAMPLES, num_graphs, 1))
    seeds = rng.integers(num_seeds, size=(RESAMPLES, num_graphs, num_seeds))
    return values[graphs, seeds].mean((1, 2))


def simulated(number: int, of_rivals: int, seed: int, noises: Sequence[str]) -> None:
    """Prints the table of simulated scores."""
    print(f"{number:,} tables a row for the referee, {of_rivals:,} for the others, {SEEDS} seeds; per cent")
    heads = "false", "t alone", "winner", "power", "cover", "iqm cover", "lineages", "hierarch.", "seeds"
    print(f"{'':<38}" + "".join(f"{head:>10}" for head in heads))
    for noise in noises:
        for is_wiring in (True, False):
            for num_graphs in GRAPHS:
                for between in BETWEEN if noise == "normal" else (0.0, 1.0):
                    cell = (is_wiring, num_graphs, between, noise)
                    rng = np.random.default_rng([seed, *map(hash_of, cell)])
                    shape = "wiring" if is_wiring else "families"
                    ours, theirs = referee(rng, number, cell), rivals(rng, of_rivals, cell)
                    iqm = ours.pop("iqm")  # a skewed distribution has no such simple truth
                    iqm_text = f"{iqm:>10.1f}" if noise == "normal" and not math.isnan(iqm) else f"{'':>10}"
                    print(
                        f"{noise:<7} {shape:<8} {num_graphs:>2} graphs, between {between:3.1f}"
                        + "".join(f"{x:>10.1f}" for x in ours.values())
                        + iqm_text
                        + "".join(f"{x:>10.1f}" for x in theirs.values()),
                        flush=True,
                    )


def hash_of(value: Any) -> int:
    """Returns a whole number for a part of a cell, the same in every process."""
    return sum(map(ord, value)) if isinstance(value, str) else int(10 * value)


def real(number: int, seed: int) -> None:
    """Prints how many of some real A/A runs have a winner.

    Each run evolves eleven graphs of one prior with five seeds on a small task. The graphs are then dealt to
    two labels, five each, which is a comparison of families; and the eleventh stands against the first five,
    which is the hard case of one wiring.
    """
    winners = {"families": 0, "wiring": 0}
    begin = time.monotonic()
    for k in range(number):
        request = Configuration(
            genome=("degree",),
            task=("digits",),
            graphs=11,
            seeds=5,
            generations=6,
            population=16,
            seed=seed + k,
        )
        scores = evolved(request)
        for name, split in (("families", (range(5), range(5, 10))), ("wiring", ((10,), range(5)))):
            entries = [
                Entry(label, _some(scores, graphs), one_point=len(graphs) == 1)
                for label, graphs in zip("ab", split, strict=True)
            ]
            rows = compare({"digits": entries}, {}, k)["digits"]
            winners[name] += decide("digits", entries, rows, TaskFacts()).winner is not None
    print(
        f"\n{number} real A/A runs, {(time.monotonic() - begin) / max(number, 1):.0f} s each; with a winner:"
    )
    for name, count in winners.items():
        print(f"  {name}: {count} ({100 * count / max(number, 1):.1f} %)")


def evolved(request: Configuration) -> Scores:
    """Returns the scores of a run in this process; its folder stays for as long as it takes to read them."""
    import tempfile
    from pathlib import Path

    from neuroevo.experiment import selection
    from neuroevo.experiment.plan import Plan
    from neuroevo.experiment.writer import RunWriter
    from neuroevo.run_folder import RunFolder
    from neuroevo.workers.pool import LocalPool

    plan = Plan(resolve(request))
    plan.prepare()
    with tempfile.TemporaryDirectory() as parent:
        folder = RunFolder.create(Path(parent) / "run", plan.config.to_dict(), {"schema": 1})
        selection.run(plan, LocalPool(), RunWriter(folder))
        return {(row["graph"], row["seed"]): row["score"] for row in folder.results()}


def _some(scores: Scores, graphs: Sequence[int]) -> Scores:
    """Returns the scores of some graphs."""
    return {key: score for key, score in scores.items() if key[0] in graphs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tables", type=int, default=2000, help="simulated tables a row; 0 for none")
    parser.add_argument("--rivals", type=int, default=400, help="tables a row for the simpler methods")
    parser.add_argument("--runs", type=int, default=40, help="real runs; 0 for none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--noise", nargs="+", choices=NOISES, default=list(NOISES), help="of simulated tables"
    )
    options = parser.parse_args()
    if options.tables:
        simulated(options.tables, options.rivals, options.seed, options.noise)
    if options.runs:
        real(options.runs, options.seed)


if __name__ == "__main__":
    main()
