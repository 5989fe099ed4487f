"""Do the intervals of an attribution cover, and how often is a part said to carry what it does not?

A table holds scores of an exact wiring, its null, and knock-outs and transplants of five parts, of which one
carries the whole difference, one half, one a tenth and two nothing; of half of it, transplants have nothing,
as where parts are needed together. Scores are made as `attribute` meets them: effects of graphs, of seeds
that all genomes share, of seeds on one genome, and a rest of variance 1. Worlds: "alike", graphs of a family
do not differ; "normal" and "skewed", they do, by the variance of the rest; "solve", a graph solves the task
or does not, and a tenth is one graph in ten. The difference is 2 or 5 standard deviations of the rest.

Printed in per cent: tables in which the difference is shared out; of their shares, intervals that hold the
truth, of all parts and of the worst one; of all tables, those in which a part that carries nothing is said
to carry some; of those shared out, the whole and the half that are said to carry some; and the median width
of an interval.

    python -m benchmarks.attribution_coverage [--tables 300] [--seed 0]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from benchmarks.calibration import scores_of
from neuroevo.referee.attribution import Attribution, Genome, Part, Question, Share, attribute

TRUE = {
    "whole": (1.0, 1.0),
    "half": (0.5, 0.0),
    "tenth": (0.1, 0.1),
    "none": (0.0, 0.0),
    "nothing": (0.0, 0.0),
}
WORLDS = [("alike", 2.0), ("alike", 5.0), ("normal", 2.0), ("normal", 5.0), ("skewed", 5.0), ("solve", 1.0)]
SIZES = [(7, 5), (10, 5), (20, 10)]  # graphs and seeds


def family(
    rng: np.random.Generator, world: str, share: float, size: float, graphs: int, seeds: np.ndarray
) -> np.ndarray:
    """Returns scores [graphs, seeds] of a genome that has a share of a difference.

    Args:
        rng: Source of randomness.
        world: One of `WORLDS`.
        share: The share.
        size: The difference.
        graphs: Number of graphs; of one there is no effect of the graph.
        seeds: Effects of seeds that all genomes share, [seeds].
    """
    shape = graphs, len(seeds)
    if world == "solve":
        return (rng.random((graphs, 1)) < share) * size + rng.normal(0, 0.02, shape)
    effect = np.zeros((graphs, 1))
    if graphs > 1 and world != "alike":
        effect = rng.normal(size=(graphs, 1)) if world == "normal" else rng.exponential(size=(graphs, 1)) - 1
    return share * size + effect + seeds + rng.normal(0, 0.3, len(seeds)) + rng.normal(size=shape)


def table(rng: np.random.Generator, world: str, size: float, num_graphs: int, num_seeds: int) -> Question:
    """Returns what is asked of one made-up task.

    Args:
        rng: Source of randomness.
        world: One of `WORLDS`.
        size: The difference.
        num_graphs: Graphs of each genome but the exact wiring.
        num_seeds: Seeds, which all genomes share.
    """
    seeds = rng.normal(size=num_seeds)

    def genome(label: str, share: float, graphs: int = num_graphs) -> Genome:
        return Genome(label, scores_of(family(rng, world, share, size, graphs, seeds)))

    parts = [
        Part(name, (), genome(f"no-{name}", 1 - lost), genome(f"only-{name}", there))
        for name, (lost, there) in TRUE.items()
    ]
    return Question(genome("exact", 1.0, 1), genome("null", 0.0), tuple(parts))


def shares(attribution: Attribution) -> Iterator[tuple[str, float, Share]]:
    """Yields name, truth and what is said of each share.

    Args:
        attribution: What is said of a table.
    """
    for row in attribution.parts:
        for share, true in zip((row.knockout, row.transplant), TRUE[row.part], strict=True):
            if share is not None:
                yield row.part, true, share


def measured(
    world: str, size: float, num_graphs: int, num_seeds: int, num_tables: int, seed: int
) -> list[float]:
    """Returns the figures of one row, in per cent but for the last.

    Args:
        world: One of `WORLDS`.
        size: The difference.
        num_graphs: Graphs of each genome.
        num_seeds: Seeds.
        num_tables: Number of tables.
        seed: Seed of all randomness.
    """
    rng = np.random.default_rng([seed, num_graphs, num_seeds, len(world), int(size)])
    covered: dict[tuple[str, float], list[bool]] = {}
    false, whole, half, widths = [], [], [], []
    for _ in range(num_tables):
        made = attribute({"task": table(rng, world, size, num_graphs, num_seeds)})["task"]
        if made.hindrance:
            continue
        said = list(shares(made))
        for name, true, share in said:
            is_covered = share.ci95 is None or share.ci95[0] <= true <= share.ci95[1]
            covered.setdefault((name, true), []).append(is_covered)
            widths.append(np.inf if share.ci95 is None else share.ci95[1] - share.ci95[0])
        false.append(any(share.is_told for _, true, share in said if true == 0))
        whole.append(np.mean([share.is_told for _, true, share in said if true == 1]))
        half.append(np.mean([share.is_told for _, true, share in said if true == 0.5]))
    rates = [np.mean(x) for x in covered.values()]
    every = np.mean([x for of_part in covered.values() for x in of_part])
    figures = [
        len(false) / num_tables,
        every,
        min(rates),
        sum(false) / num_tables,
        np.mean(whole),
        np.mean(half),
    ]
    return [*(100 * float(x) for x in figures), float(np.median(widths))]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    heads = ("shared out", "covered", "worst part", "false share", "whole told", "half told", "width")
    print(f"| world, difference; graphs x seeds | {' | '.join(heads)} |\n|---|{'--:|' * len(heads)}")
    for num_graphs, num_seeds in SIZES:
        for world, size in WORLDS:
            *rates, width = measured(world, size, num_graphs, num_seeds, options.tables, options.seed)
            cells = [*(f"{x:.1f}" for x in rates), f"{width:.2f}"]
            name = f"{world}, {size:g}; {num_graphs} x {num_seeds}"
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
