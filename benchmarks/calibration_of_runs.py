"""How often does the referee err in runs of several genomes, and what does it see? Simulated, answers known.

A run has one wiring, families of graphs and, from three genomes on, a control; they do not differ but by what
chance does. Worlds: "normal" and "skewed", graphs that differ as much as lineages do; "stuck", lineages of
which three in ten get away; "solved", graphs of which each solves the task or does not, all its lineages
alike but for a hundredth or a third, at the share of solvers that is worst for one wiring, 1 in graphs + 1.
Printed in per cent, for 2, 4 and 7 genomes: runs with any pair called better or worse; with a winner; and
how often the wiring is found to win where it is better by two deviations of a graph's mean score, beside the
rule that a winner's comparisons are corrected as all pairs are (Holm). Then races of equal priors, a family
against a control, families whose worst lineages fail, and coverage of intervals of the interquartile mean.

    python -m benchmarks.calibration_of_runs [--tables 1000] [--seed 0] [--only NAME ...] [--worlds NAME ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import stats

from benchmarks.calibration import NOISES, hash_of, scores_of
from neuroevo.experiment import race
from neuroevo.referee.comparison import compare
from neuroevo.referee.entry import Entry, with_failures
from neuroevo.referee.facts import TaskFacts
from neuroevo.referee.intervals import interval
from neuroevo.referee.outcome import Comparison
from neuroevo.referee.verdict import decide

SEEDS = 10
GENOMES = 2, 4, 7
GRAPHS = 5, 8, 20
EFFECT = 2.0  # deviations of the mean scores of graphs
LEARN = 0.3  # share of lineages, or graphs, that learn where intervals are looked at
SHAPES = (1, 5), (1, 10), (1, 20), (5, 5), (10, 5), (10, 10), (20, 10)

World = Callable[[np.random.Generator, int, int], np.ndarray]  # graphs, worst number of graphs -> scores


def spread(noise: str) -> World:
    """Returns a world in which graphs and lineages differ by one deviation each, by a key of NOISES."""

    def draw(rng: np.random.Generator, num_graphs: int, _: int) -> np.ndarray:
        return NOISES[noise](rng, (num_graphs, 1)) + NOISES[noise](rng, (num_graphs, SEEDS))

    return draw


def stuck(rng: np.random.Generator, num_graphs: int, _: int) -> np.ndarray:
    """Returns scores of lineages that get away or do not, each for itself."""
    return NOISES["stuck"](rng, (num_graphs, SEEDS))


def solved(rest: float) -> World:
    """Returns a world in which graphs solve the task or do not."""

    def draw(rng: np.random.Generator, num_graphs: int, against: int) -> np.ndarray:
        solves = rng.random((num_graphs, 1)) < 1 / (against + 1)
        return solves + rest * rng.normal(size=(num_graphs, SEEDS))

    return draw


WORLDS: dict[str, World] = {
    "normal": spread("normal"),
    "skewed": spread("skewed"),
    "stuck": stuck,
    "solved": solved(0.01),
    "solved, noisy": solved(1 / 3),
}


def run_of(
    rng: np.random.Generator, world: World, num_genomes: int, num_graphs: int, better: float
) -> list[Entry]:
    """Returns the genomes of a run, which do not differ but for a wiring that is better by deviations."""
    deviation = float(world(rng, 400, num_graphs).mean(1).std()) if better else 0.0
    wiring = world(rng, 1, num_graphs) + better * deviation
    entries = [Entry("wiring", scores_of(wiring), one_point=True, core="evolves")]
    num_families = num_genomes - (2 if num_genomes > 2 else 1)
    for k in range(num_families):
        table = world(rng, num_graphs, num_graphs)
        entries.append(Entry(f"family{k}", scores_of(table), one_point=False, core="evolves"))
    if num_genomes > 2:  # a control's lineages are each for itself: what a graph would add is new in each
        table = np.array([world(rng, 1, num_graphs)[0, 0] for _ in range(SEEDS)])[None]
        entries.append(Entry("control", scores_of(table), one_point=True, core="none"))
    return entries


def is_false(row: Comparison) -> bool:
    """Says whether two genomes that do not differ are told apart.

    A wiring and a control may differ: a graph's own effect is no error where the wiring itself is compared,
    and not with the family that it may be drawn from.
    """
    return row.verdict in ("better", "worse") and {row.a, row.b} != {"wiring", "control"}


def by_holm(entries: list[Entry], rows: list[Comparison]) -> bool:
    """Says whether the wiring wins by the rule that its comparisons are corrected as all pairs are."""
    facing = [row.facing("wiring") for row in rows if row.concerns("wiring")]
    return all(row.verdict == "better" for row in facing)


def runs(number: int, seed: int, worlds: Sequence[str] = tuple(WORLDS)) -> None:
    """Prints errors and power of runs of several genomes."""
    print(f"{number:,} runs a row, {SEEDS} seeds; per cent. Found: {EFFECT:g} deviations better")
    heads = [f"{head} K={k}" for head in ("any", "winner", "found", "Holm") for k in GENOMES]
    print(f"{'':<26}" + "".join(f"{head:>11}" for head in heads))
    for name in worlds:
        world = WORLDS[name]
        for num_graphs in GRAPHS:
            rates: dict[str, float] = {}
            for k in GENOMES:
                rng = np.random.default_rng([seed, hash_of(name), num_graphs, k])
                counts = dict.fromkeys(("any", "winner", "found", "Holm"), 0)
                for draw in range(number):
                    entries = run_of(rng, world, k, num_graphs, 0.0)
                    rows = compare({"t": entries}, {}, draw)["t"]
                    counts["any"] += any(map(is_false, rows))
                    counts["winner"] += decide("t", entries, rows, TaskFacts()).winner is not None
                    entries = run_of(rng, world, k, num_graphs, EFFECT)
                    rows = compare({"t": entries}, {}, draw)["t"]
                    counts["found"] += decide("t", entries, rows, TaskFacts()).winner == "wiring"
                    counts["Holm"] += by_holm(entries, rows)
                rates |= {f"{head} K={k}": 100 * count / number for head, count in counts.items()}
            row = "".join(f"{rates[head]:>11.1f}" for head in heads)
            print(f"{name:<15} {num_graphs:>3} graphs{row}", flush=True)


def races(number: int, seed: int, worlds: Sequence[str] = tuple(WORLDS)) -> None:
    """Prints how often a race of equal priors drops any, over all its rungs."""
    print(f"\nRaces that drop any of K priors that do not differ, {SEEDS} seeds; per cent of {number:,}")
    print(f"{'':<26}" + "".join(f"{f'K={k}':>11}" for k in GENOMES))
    for name in worlds:
        for num_graphs in GRAPHS:
            rates = []
            for k in GENOMES:
                rng, wrong = np.random.default_rng([seed, 4, hash_of(name), num_graphs, k]), 0
                for _ in range(number):
                    sizes = (1, *(num_graphs,) * (k - 1))
                    lasting = {str(i): WORLDS[name](rng, n, num_graphs) for i, n in enumerate(sizes)}
                    wrong += bool(dropped(rng, lasting))
                rates.append(100 * wrong / number)
            row = "".join(f"{rate:>11.1f}" for rate in rates)
            print(f"{name:<15} {num_graphs:>3} graphs{row}", flush=True)


def dropped(rng: np.random.Generator, lasting: dict[str, np.ndarray]) -> set[str]:
    """Returns the priors that a race drops; each rung adds a tenth of a deviation to what lasts."""
    level, left = race.level_of(len(race.RUNGS), len(lasting)), dict(lasting)
    for _ in race.RUNGS:
        fitness = {
            label: scores_of(table + 0.1 * table.std() * rng.normal(size=table.shape))
            for label, table in left.items()
        }
        gone = {row["genome"] for row in race.compare(fitness, level) if row["dropped"]}
        left = {label: table for label, table in left.items() if label not in gone}
    return set(lasting) - set(left)


def against_control(number: int, seed: int) -> None:
    """Prints how often a family is found better than a control, by a test of means and of one more graph."""
    print(
        f"\nA family against a control, one deviation of graphs better, {SEEDS} seeds; per cent of {number:,}"
    )
    print(f"{'':<26}{'false':>11}{'found':>11}{'one graph':>11}")
    for num_graphs in GRAPHS:
        rng = np.random.default_rng([seed, 1, num_graphs])
        counts = np.zeros(3)
        for draw in range(number):
            for better in (0.0, 1.0):
                family = WORLDS["normal"](rng, num_graphs, num_graphs) + better * np.sqrt(1 + 1 / SEEDS)
                control = rng.normal(size=(1, SEEDS))
                for core in ("none", "evolves") if better else ("none",):
                    entries = [
                        Entry("family", scores_of(family), one_point=False, core="evolves"),
                        Entry("control", scores_of(control), one_point=True, core=core),
                    ]
                    (row,) = compare({"t": entries}, {}, draw)["t"]
                    place = 0 if not better else 1 if core == "none" else 2
                    counts[place] += row.verdict != "inconclusive"
        print(f"{num_graphs:>19} graphs" + "".join(f"{100 * x / number:>11.1f}" for x in counts), flush=True)


def failures(number: int, seed: int) -> None:
    """Prints how often a family whose worst lineages fail is called better than one like it, or worse."""
    print(f"\nTwo like families of 10 graphs, the worst lineages of one fail; per cent of {number:,}")
    print(f"{'':<26}{'better':>11}{'worse':>11}{'left out: better':>20}")
    for share in (0.0, 0.3, 0.6):
        rng = np.random.default_rng([seed, 2, int(10 * share)])
        better = worse = without = 0
        for draw in range(number):
            a, b = (scores_of(WORLDS["normal"](rng, 10, 10)) for _ in range(2))
            order = sorted(a, key=lambda key, a=a: a[key])
            failed = frozenset(order[: int(share * len(order))])
            left = {key: score for key, score in a.items() if key not in failed}
            entries = [Entry("a", left, failed=failed, one_point=False), Entry("b", b, one_point=False)]
            (row,) = compare({"t": with_failures(entries)}, {}, draw)["t"]
            better, worse = better + (row.verdict == "better"), worse + (row.verdict == "worse")
            without += compare({"t": entries}, {}, draw)["t"][0].verdict == "better"
        shares = [100 * x / number for x in (better, worse, without)]
        print(f"{share:>18.0%} failed {shares[0]:>11.1f}{shares[1]:>11.1f}{shares[2]:>20.1f}", flush=True)


def middles() -> Iterator[tuple[str, bool, float, float]]:
    """Yields worlds for intervals: name, whether lineages of a graph are alike, the rest, the truth."""
    rng = np.random.default_rng(0)
    for alike in (False, True):
        for rest in (0.01, 0.1, 0.3):
            many = (rng.random(2_000_000) < LEARN) + rest * rng.normal(size=2_000_000)
            name = f"{'graphs' if alike else 'lineages'} learn, rest {rest:g}"
            yield name, alike, rest, float(stats.trim_mean(many, 0.25))


def coverage(number: int, seed: int) -> None:
    """Prints how often intervals are given, and how often those given hold the true interquartile mean."""
    print(
        f"\nIntervals where {LEARN:.0%} learn: given, in per cent of {number:,} tables, and covering of those"
    )
    print(f"{'graphs x seeds':<30}" + "".join(f"{f'{g} x {s}':>13}" for g, s in SHAPES))
    for name, alike, rest, truth in middles():
        cells = []
        for num_graphs, num_seeds in SHAPES:
            if alike and num_graphs == 1:  # an interval of one graph speaks of that graph
                cells.append("-")
                continue
            rng = np.random.default_rng([seed, 3, num_graphs, num_seeds])
            given = covering = 0
            for _ in range(number):
                learns = rng.random((num_graphs, 1 if alike else num_seeds)) < LEARN
                table = learns + rest * rng.normal(size=(num_graphs, num_seeds))
                limits = interval(scores_of(table))
                given += limits is not None
                covering += limits is not None and limits[0] <= truth <= limits[1]
            cells.append(f"{100 * given / number:.0f} {100 * covering / given:.1f}" if given else "none")
        print(f"{name:<30}" + "".join(f"{cell:>13}" for cell in cells), flush=True)


def main() -> None:
    parts: dict[str, Callable[..., None]] = {
        "runs": runs,
        "race": races,
        "control": against_control,
        "failures": failures,
        "coverage": coverage,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tables", type=int, default=1000, help="simulated runs or tables a row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS), help="of runs and races")
    options = parser.parse_args()
    for name in options.only:
        parts[name](options.tables, options.seed, *([options.worlds] if name in ("runs", "race") else []))


if __name__ == "__main__":
    main()
