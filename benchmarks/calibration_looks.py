"""How often does a run err that goes on until it is decided? Simulated score tables, judged at every look.

A table holds scores of K genomes: one wiring, drawn from the very family that the others sample, as the exact
connectome is under the null hypothesis, and K - 1 such families; or, of K = 2, two families. Graphs and seeds
grow by the looks that `referee.looks` plans for a budget, every look is judged by the referee's tests at its
own level, and the first decision stays. Beside it stands the fixed design: one test at 5 % of a run as large
as the last look.

Kinds of scores: normal, with variances 0 to 2 between graphs; skewed to either side; families of unequal
variance; lineages of which three in ten learn; graphs that solve the task or do not, for shares of solvers
from 3 to 90 %; lineages that fail, which count as the lowest of the task. Printed in per cent: runs in which
any verdict is false, and in which a false winner is declared; of tables in which one genome differs from the
others by exactly the margin, those in which it is called equivalent to any; and the power to find a
difference, with the lineages that it took. "fixed" is the same of the fixed design.

    python -m benchmarks.calibration_looks [--tables 2000] [--checked 3] [--seed 0]
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy import stats

from neuroevo.referee import coincidence, looks
from neuroevo.referee.comparison import compare
from neuroevo.referee.entry import Entry
from neuroevo.referee.estimators import LEVEL
from neuroevo.referee.looks import COINCIDENCE, Contest, Look
from neuroevo.referee.verdict import winner_of

SHAPES = {  # name: one wirings, families
    "2, wiring": (1, 1),
    "2, families": (0, 2),
    "4": (1, 3),
    "7": (1, 6),
}
GROWTH = 12  # of the budget: lineages of the last look, in units of those of the second
RELATIONS = ("inconclusive", "better", "worse", "equivalent")
TINY = 1e-12  # spread below it is none, of scores of size 1


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Returns normal deviates."""
    return rng.normal(size=shape)


def skewed(rng: np.random.Generator, shape: tuple[int, ...], sign: int = 1) -> np.ndarray:
    """Returns lognormal deviates of mean 0 and variance 1, skewed to either side."""
    return sign * (rng.lognormal(size=shape) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)


def two_valued(rng: np.random.Generator, shape: tuple[int, ...], share: float) -> np.ndarray:
    """Returns deviates of mean 0 and variance 1 with two values."""
    return ((rng.random(shape) < share) - share) / math.sqrt(share * (1 - share))


@dataclass(frozen=True)
class Scores:
    """How scores come about.

    Attributes:
        graphs: Gives the effects of graphs.
        rest: Gives what neither graph nor seed explains.
        between: Variance between graphs.
        within: Standard deviation of the rest.
        shared: Variance of the effects of seeds, which all genomes share.
        uneven: Whether the effects of each family's graphs are larger than those of the one before.
        failing: Share of lineages that fail, and count as the lowest of the task.
    """

    graphs: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray] = normal
    rest: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray] = normal
    between: float = 1.0
    within: float = 1.0
    shared: float = 0.0
    uneven: bool = False
    failing: float = 0.0

    def tables(
        self, rng: np.random.Generator, number: int, graphs: Sequence[int], seeds: int
    ) -> list[np.ndarray]:
        """Returns tables [number, graphs, seeds], one a genome; NaN where a lineage fails."""
        by_seed = rng.normal(size=(number, 1, seeds)) * math.sqrt(self.shared)
        tables = []
        for k, num_graphs in enumerate(graphs):
            size = math.sqrt(self.between) * (1.6 ** max(0, k - 1) if self.uneven else 1.0)
            table = self.graphs(rng, (number, num_graphs, 1)) * size + by_seed
            table = table + self.rest(rng, (number, num_graphs, seeds)) * self.within
            table[rng.random(table.shape) < self.failing] = np.nan
            tables.append(table)
        return tables


NULLS = {
    **{f"normal, between {x:g}": Scores(between=x) for x in (0.0, 0.5, 1.0, 2.0)},
    "normal, seeds shared": Scores(shared=0.5),
    "skewed": Scores(skewed, skewed),
    "skewed below": Scores(partial(skewed, sign=-1), partial(skewed, sign=-1)),
    "uneven families": Scores(uneven=True),
    "3 in 10 learn": Scores(rest=partial(two_valued, share=0.3), between=0.0),
    "3 in 10 learn, graphs too": Scores(partial(two_valued, share=0.3), partial(two_valued, share=0.3)),
    **{
        f"{share:.0%} of graphs solve": Scores(partial(two_valued, share=share), within=0.01)
        for share in (0.03, 0.07, 0.12, 0.2, 0.35, 0.5, 0.9)
    },
    "12% solve, noise": Scores(partial(two_valued, share=0.12), within=0.5),
    "1 in 5 fails": Scores(failing=0.2),
    "1 in 5 fails, skewed": Scores(skewed, skewed, failing=0.2),
}


@dataclass
class Judged:
    """What the looks made of tables.

    Attributes:
        relations: The relation of each pair of each table: a place in RELATIONS, [tables, pairs].
        winners: The genome that wins, -1 for none, [tables].
        lineages: Lineages of the look after which all was decided, else of the last, [tables].
    """

    relations: np.ndarray
    winners: np.ndarray
    lineages: np.ndarray
    pairs: list[tuple[int, int]] = field(default_factory=list)


def plan(shape: tuple[int, int]) -> tuple[Look, ...]:
    """Returns the looks of a run with so many one wirings and families."""
    contest = Contest(*shape)
    graphs = looks.least_graphs(shape[1] if shape[0] else 0)
    budget = (GROWTH if shape[1] < 3 else GROWTH // 2) * contest.lineages(looks.SEEDS, graphs)
    return looks.plan(contest, (looks.FIRST_SEEDS, graphs), looks.SEEDS, budget)


def judge(tables: Sequence[np.ndarray], planned: Sequence[Look], margin: float | None) -> Judged:
    """Returns what looks make of tables [tables, graphs, seeds], one a genome."""
    number, pairs = len(tables[0]), list(itertools.combinations(range(len(tables)), 2))
    judged = Judged(
        np.zeros((number, len(pairs)), int),
        np.full(number, -1),
        np.full(number, planned[-1].lineages),
        pairs,
    )
    is_open = np.ones(number, bool)
    for look in planned:
        genomes = _seen(tables, look)
        relations, winners = _at_look(genomes, pairs, look, margin, len(planned) > 1)
        judged.relations = np.where(judged.relations == 0, relations, judged.relations)
        judged.winners = np.where(judged.winners < 0, winners, judged.winners)
        is_decided = (judged.relations != 0).all(1)
        judged.lineages[is_open & is_decided] = look.lineages
        is_open &= ~is_decided
    return judged


def _seen(tables: Sequence[np.ndarray], look: Look) -> list[_Genome]:
    """Returns the genomes as a look sees them; failed lineages have the lowest score of the task."""
    parts = [table[:, : look.graphs, : look.seeds] for table in tables]
    lowest = np.min([np.nanmin(part, (1, 2)) for part in parts], 0)[:, None, None]
    return [_Genome.of(np.where(np.isnan(part), lowest, part)) for part in parts]


@dataclass(frozen=True)
class _Genome:
    """Scores of one genome in all tables, and the parts of their variance."""

    by_graph: np.ndarray
    by_seed: np.ndarray
    mean: np.ndarray
    over_graphs: np.ndarray
    residual: np.ndarray

    @staticmethod
    def of(table: np.ndarray) -> _Genome:
        by_graph, by_seed, mean = table.mean(2), table.mean(1), table.mean((1, 2))
        _, graphs, seeds = table.shape
        if graphs == 1:
            return _Genome(by_graph, by_seed, mean, np.zeros(len(table)), np.zeros(len(table)))
        left = table - by_graph[:, :, None] - by_seed[:, None, :] + mean[:, None, None]
        residual = (left**2).sum((1, 2)) / ((graphs - 1) * (seeds - 1))
        return _Genome(by_graph, by_seed, mean, by_graph.var(1, ddof=1), residual)

    @property
    def num_graphs(self) -> int:
        return self.by_graph.shape[1]


def _contrast(a: _Genome, b: _Genome) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns difference, standard error and degrees of freedom, as `estimators.contrast` has them."""
    seeds = a.by_seed.shape[1]
    over_seeds = (a.by_seed - b.by_seed).var(1, ddof=1) / seeds
    families = [x for x in (a, b) if x.num_graphs > 1]
    own = 1.0 if len(families) == 1 else 0.0
    terms = [(own + 1 / x.num_graphs) * x.over_graphs for x in families]
    residual = sum((own + 1 / x.num_graphs) * x.residual for x in families) / seeds
    excess = np.maximum(0.0, over_seeds - residual)
    total = sum(terms)
    squares = sum(t**2 / (x.num_graphs - 1) for t, x in zip(terms, families, strict=True))
    most = sum(x.num_graphs - 1.0 for x in families)
    df = np.where(total > 0, total**2 / np.where(squares > 0, squares, 1.0), most)
    df = np.where(excess > 0, np.minimum(df, seeds - 1.0), df)
    difference, stderr = a.mean - b.mean, np.sqrt(total + excess)
    return np.where(abs(difference) <= TINY, 0.0, difference), np.where(stderr <= TINY, 0.0, stderr), df


def _tail(excess: np.ndarray, stderr: np.ndarray, df: np.ndarray, seeds: int) -> np.ndarray:
    """Returns the chance of this much or more above nothing."""
    p = stats.t.sf(excess / np.where(stderr > 0, stderr, 1.0), df)
    return np.where(stderr > 0, p, np.where(excess > 0, 0.5**seeds, 1.0))


def _holm(p: np.ndarray) -> np.ndarray:
    """Returns p-values [tables, pairs] corrected by Holm's rule, row by row."""
    order = np.argsort(p, 1)
    steps = np.take_along_axis(p, order, 1) * np.arange(p.shape[1], 0, -1)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, np.minimum(1.0, np.maximum.accumulate(steps, 1)), 1)
    return corrected


def _at_look(
    genomes: Sequence[_Genome],
    pairs: Sequence[tuple[int, int]],
    look: Look,
    margin: float | None,
    is_staged: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns relations [tables, pairs] and winners [tables] at a look."""
    seeds, level = look.seeds, look.level
    found = [_contrast(genomes[a], genomes[b]) for a, b in pairs]
    difference = np.stack([d for d, _, _ in found], 1)
    p = np.stack([np.minimum(1.0, 2 * _tail(abs(d), s, df, seeds)) for d, s, df in found], 1)
    corrected = _holm(p)
    most = COINCIDENCE if is_staged else LEVEL
    solved = _coincidences(genomes, pairs, found, p, corrected, level)
    alone = _coincidences(genomes, pairs, found, p, None, level)
    is_told = (corrected < level) & (solved < most)
    relations = np.where(is_told, np.where(difference > 0, 1, 2), 0)
    is_equivalent = np.zeros(p.shape, bool)
    if margin is not None:
        both = [
            np.maximum(_tail(d + margin, s, df, seeds), _tail(margin - d, s, df, seeds)) for d, s, df in found
        ]
        is_equivalent = _holm(np.stack(both, 1)) < level
        relations = np.where(is_equivalent, 3, relations)
    beats = (p < level) & (alone < most) & ~is_equivalent
    winners = np.full(len(p), -1)
    for k in range(len(genomes)):
        ahead = [
            beats[:, i] & ((difference[:, i] > 0) if a == k else (difference[:, i] < 0))
            for i, (a, b) in enumerate(pairs)
            if k in (a, b)
        ]
        winners[np.logical_and.reduce(ahead)] = k
    return relations, winners


def _coincidences(
    genomes: Sequence[_Genome],
    pairs: Sequence[tuple[int, int]],
    found: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    p: np.ndarray,
    corrected: np.ndarray | None,
    level: float,
) -> np.ndarray:
    """Returns p if graphs only solve or fail, [tables, pairs], where the t test tells; else 1.

    Of a pair alone where `corrected` is None; else for all families that the one wiring is not told from.
    """
    solved = np.ones(p.shape)
    tested = p if corrected is None else corrected
    families = [x.num_graphs for x in genomes if x.num_graphs > 1]
    beyond = np.zeros(p.shape, int)
    for i, (a, b) in enumerate(pairs):
        if _has_one(genomes, a, b):
            one, family = sorted((genomes[a], genomes[b]), key=lambda x: x.num_graphs)
            value, others = one.by_graph[:, :1], family.by_graph
            is_above = one.mean > others.mean(1)
            beyond[:, i] = np.where(is_above, (others >= value).sum(1), (others <= value).sum(1))
    for i, (a, b) in enumerate(pairs):
        if not _has_one(genomes, a, b):
            sizes = families if corrected is not None else [genomes[a].num_graphs, genomes[b].num_graphs]
            solved[:, i] = coincidence.families(tuple(sizes)) if min(sizes) > 1 else 0.0
            continue
        hub = a if genomes[a].num_graphs == 1 else b
        rest = [k for k, pair in enumerate(pairs) if k != i and hub in pair and _has_one(genomes, *pair)]
        difference, stderr, _ = found[i]
        for row in np.flatnonzero(tested[:, i] < level):
            t = abs(difference[row]) / stderr[row] if stderr[row] else math.inf
            untold = [k for k in rest if beyond[row, k] or tested[row, k] >= level]
            others = (
                [max(genomes[x].num_graphs for x in pairs[k]) for k in untold]
                if corrected is not None
                else []
            )
            most = max(genomes[a].num_graphs, genomes[b].num_graphs)
            solved[row, i] = coincidence.one_wiring(t, tested[row, i], most, int(beyond[row, i]), others)
    return solved


def _has_one(genomes: Sequence[_Genome], a: int, b: int) -> bool:
    """Says whether one of two genomes has a single graph and the other several."""
    return (
        min(genomes[a].num_graphs, genomes[b].num_graphs)
        == 1
        < max(genomes[a].num_graphs, genomes[b].num_graphs)
    )


def by_referee(
    tables: Sequence[np.ndarray], planned: Sequence[Look], margin: float | None
) -> tuple[list[int], int]:
    """Returns relations and winner of one table [graphs, seeds] a genome, by the referee's own functions."""
    names = [chr(97 + k) for k in range(len(tables))]
    relations: list[int] = []
    winner = -1
    for look in planned:
        parts = [table[: look.graphs, : look.seeds] for table in tables]
        lowest = min(np.nanmin(part) for part in parts)
        entries = [
            Entry(
                name,
                {(g, s): float(x) for (g, s), x in np.ndenumerate(np.where(np.isnan(part), lowest, part))},
                one_point=len(part) == 1,
            )
            for name, part in zip(names, parts, strict=True)
        ]
        most = COINCIDENCE if len(planned) > 1 else LEVEL
        rows = compare({"t": entries}, {"t": margin}, 0, level=look.level, level_if_solved=most)["t"]
        now = [RELATIONS.index(row.verdict) for row in rows]
        relations = [old or new for old, new in zip(relations or [0] * len(now), now, strict=True)]
        label = winner_of(entries, rows, 1, look.level, most)
        if winner < 0 and label:
            winner = names.index(label)
    return relations, winner


def check(
    tables: Sequence[np.ndarray], planned: Sequence[Look], margin: float | None, judged: Judged, n: int
) -> None:
    """Exits unless the referee's own functions say the same of the first few tables."""
    for k in range(n):
        relations, winner = by_referee([table[k] for table in tables], planned, margin)
        if relations != judged.relations[k].tolist() or winner != judged.winners[k]:
            raise SystemExit(
                f"table {k}: the referee says {relations}, winner {winner}; the simulation "
                f"{judged.relations[k].tolist()}, winner {judged.winners[k]}"
            )


def main() -> None:
    """Reads the command line, simulates and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tables", type=int, default=2000, help="simulated tables a row")
    parser.add_argument(
        "--checked", type=int, default=3, help="of these, judged by the referee's functions too"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name, shape in SHAPES.items():
        planned = plan(shape)
        sizes = ", ".join(f"{x.seeds} x {x.graphs} at {x.level:.4f}" for x in planned)
        print(f"\nK = {name}: looks (seeds x graphs at level) {sizes}; {planned[-1].lineages} lineages")
        false_verdicts(name, shape, planned, options)
        at_margin(name, shape, planned, options)
        power(name, shape, planned, options)


def drawn(
    scores: Scores, shape: tuple[int, int], planned: Sequence[Look], options: argparse.Namespace, cell: str
) -> list[np.ndarray]:
    """Returns the tables of a cell."""
    rng = np.random.default_rng([options.seed, *map(ord, cell)])
    graphs = [1] * shape[0] + [planned[-1].graphs] * shape[1]
    return scores.tables(rng, options.tables, graphs, planned[-1].seeds)


def fixed(planned: Sequence[Look]) -> tuple[Look]:
    """Returns the fixed design: the last look alone, with all the error."""
    last = planned[-1]
    return (Look(last.seeds, last.graphs, last.lineages, LEVEL),)


def false_verdicts(
    name: str, shape: tuple[int, int], planned: Sequence[Look], options: argparse.Namespace
) -> None:
    """Prints false verdicts and winners where no genome is better than another."""
    print(f"{'no difference':<28}{'false':>8}{'winner':>8}{'fixed':>8}{'winner':>8}")
    for kind, scores in NULLS.items():
        tables = drawn(scores, shape, planned, options, name + kind)
        figures = []
        for these in (planned, fixed(planned)):
            judged = judge(tables, these, None)
            check(tables, these, None, judged, options.checked)
            figures += [(judged.relations != 0).any(1).mean(), (judged.winners >= 0).mean()]
        print(f"{kind:<28}" + "".join(f"{100 * x:>8.1f}" for x in figures), flush=True)


MARGINS = {
    "normal, between 0.05": (Scores(between=0.05), 1.0),
    "normal, between 1": (Scores(), 1.0),
    "skewed": (Scores(skewed, skewed, between=0.05), 1.0),
    "3 in 10 learn": (Scores(rest=partial(two_valued, share=0.3), between=0.0), 0.5),
    "uneven families": (Scores(between=0.05, uneven=True), 1.0),
    "half of graphs solve": (Scores(partial(two_valued, share=0.5), within=0.01), 1.0),
    "1 in 5 fails": (Scores(between=0.05, failing=0.2), 1.0),
    "9 in 10 graphs solve": (Scores(partial(two_valued, share=0.9), within=0.01), 0.5),
}


def at_margin(
    name: str, shape: tuple[int, int], planned: Sequence[Look], options: argparse.Namespace
) -> None:
    """Prints how often the last genome, which differs by exactly the margin, is called equivalent."""
    print(f"{'exactly at the margin':<28}{'equiv.':>8}{'':>8}{'fixed':>8}")
    for kind, (scores, margin) in MARGINS.items():
        tables = drawn(scores, shape, planned, options, f"{name} margin {kind}")
        tables[-1] = tables[-1] + margin / (1 - scores.failing)  # those that fail are alike
        figures = []
        for these in (planned, fixed(planned)):
            judged = judge(tables, these, margin)
            check(tables, these, margin, judged, options.checked)
            concerned = [i for i, pair in enumerate(judged.pairs) if len(tables) - 1 in pair]
            figures.append((judged.relations[:, concerned] == 3).any(1).mean())
        print(f"{kind:<28}{100 * figures[0]:>8.1f}{'':>8}{100 * figures[1]:>8.1f}", flush=True)


def power(name: str, shape: tuple[int, int], planned: Sequence[Look], options: argparse.Namespace) -> None:
    """Prints how often the first genome, which is better by so much, is found so, and what it took."""
    heads = "found", "wins", "fixed", "wins", "lineages", "decided"
    print(f"{'first genome better by':<28}" + "".join(f"{head:>9}" for head in heads))
    margin = 1.0
    for better in (0.0, 1.0, 2.0, 3.0, 4.0, 6.0):
        tables = drawn(Scores(between=1.0), shape, planned, options, f"{name} power {better}")
        tables[0] = tables[0] + better
        judged, whole = judge(tables, planned, margin), judge(tables, fixed(planned), margin)
        concerned = [i for i, pair in enumerate(judged.pairs) if 0 in pair]
        figures = []
        for these in (judged, whole):
            figures += [(these.relations[:, concerned] == 1).mean(), (these.winners == 0).mean()]
        decided = (judged.relations != 0).all(1).mean()
        texts = [
            *(f"{100 * x:.1f}" for x in figures),
            f"{judged.lineages.mean():,.0f}",
            f"{100 * decided:.1f}",
        ]
        print(f"{better:<28g}" + "".join(f"{text:>9}" for text in texts), flush=True)


if __name__ == "__main__":
    main()
