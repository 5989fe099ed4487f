"""How often does the rule of the field err: one shuffled graph, one seed, and the greater number wins?

Its claims over all choices of a graph and a seed stand beside those of a paired test over all seeds of one
shuffled graph (p < 0.05), and beside the referee's verdict, on the same scores. A claim is "the circuit is
better than its null". Where the circuit is itself a draw of the null every claim is false; where it is
better, by some deviations of seeds or by what was planted, each choice without the claim is a miss.

    python -m benchmarks.naive_rule [--tables 500] [--runs 10] [--effect 2] [--seed 0]
    python -m benchmarks.naive_rule RUN [RUN ...] [--genome connectome]

The first prints simulated tables and real A/A runs, in per cent. Simulated scores are those of
`benchmarks.calibration`: ten seeds, variance between graphs as a multiple of that between seeds. A real A/A
run scores 21 graphs of one prior; each in turn is taken for the circuit, against the other 20. The second
prints Markdown of the tables of real runs, whose truth is not known: what the rule says depends on the draw.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.calibration import BETWEEN, NOISES, SEEDS, evolved, hash_of, scores_of, tables
from neuroevo.experiment.config import Configuration
from neuroevo.referee.comparison import compare
from neuroevo.referee.entry import Entry
from neuroevo.referee.estimators import LEVEL, Scores, table_of
from neuroevo.referee.facts import TaskFacts
from neuroevo.referee.verdict import decide
from neuroevo.report.build import judge
from neuroevo.report.evidence import gather
from neuroevo.run_folder import RunFolder

GRAPHS = 20  # of the null, in simulated tables and real A/A runs
HEAD = "| than | one graph, one seed | one graph, all seeds | the referee |\n|---|--:|--:|---|"
RULES = ("greater", "paired", "referee")
WORM = {"connectome": "celegans", "adapter": "ridge:gain=0.9,bias=0.2", "neuron": "leaky:leak=0.5"}
REAL = {  # requests of A/A runs: reservoirs that do not evolve, and a search
    "memory, untrained": {"task": ("memory",), "seeds": 10, "generations": 0, **WORM},
    "digits, evolved": {"task": ("digits",), "seeds": 5, "generations": 6, "population": 16},
}


def greater(circuit: np.ndarray, null: np.ndarray) -> float:
    """Returns at which share of choices of graphs and a seed the circuit's score is the greater one.

    Args:
        circuit: Its scores, [graphs, seeds]; NaN where there is none.
        null: Scores of its null, [graphs, seeds], with the same seeds.
    """
    pairs = circuit[:, None, :] - null[None, :, :]
    known = ~np.isnan(pairs)
    return float((pairs[known] > 0).mean())


def paired(circuit: np.ndarray, null: np.ndarray) -> float:
    """Returns at which share of choices of graphs a paired test over seeds finds the circuit better.

    Args:
        circuit: Its scores, [graphs, seeds].
        null: Scores of its null, [graphs, seeds], with the same seeds.
    """
    pairs = (circuit[:, None, :] - null[None, :, :]).reshape(-1, circuit.shape[1])
    number, mean, spread = pairs.shape[1], pairs.mean(1), pairs.std(1, ddof=1)
    t = mean / np.maximum(spread / np.sqrt(number), 1e-12 * np.abs(pairs).max() + 1e-300)
    return float((t > stats.t.isf(LEVEL / 2, number - 1)).mean())


def referee(circuit: np.ndarray, null: np.ndarray, seed: int) -> float:
    """Returns 1 if the referee declares the circuit the winner, else 0.

    Args:
        circuit: Its scores, [graphs, seeds].
        null: Scores of its null, [graphs, seeds].
        seed: Seed of the permutations.
    """
    entries = [
        Entry("circuit", scores_of(circuit), one_point=len(circuit) == 1),
        Entry("null", scores_of(null), one_point=False),
    ]
    rows = compare({"t": entries}, {}, seed)["t"]
    return float(decide("t", entries, rows, TaskFacts()).winner == "circuit")


def claims(circuit: np.ndarray, null: np.ndarray, seed: int) -> np.ndarray:
    """Returns how often each of `RULES` says that the circuit is better, [rules]."""
    return np.array([greater(circuit, null), paired(circuit, null), referee(circuit, null, seed)])


def simulated(number: int, effect: float, seed: int) -> None:
    """Prints false claims where there is no difference, and misses where there is one."""
    print(f"{number:,} tables a row, one circuit against {GRAPHS} graphs, {SEEDS} seeds; per cent")
    print(f"{'':<24}{'false claims':^30}{f'missed, {effect:g} deviations better':^30}")
    print(f"{'variance between graphs':<24}" + 2 * "".join(f"{rule:>10}" for rule in RULES))
    for noise in NOISES:
        for between in BETWEEN:
            rng = np.random.default_rng([seed, hash_of(noise), hash_of(between)])
            rows = [
                np.concatenate([claims(a, b, k), 1 - claims(a + effect, b, k)])
                for k, (a, b) in enumerate(tables(rng, number, True, GRAPHS, between, noise))
            ]
            figures = "".join(f"{100 * x:>10.1f}" for x in np.mean(rows, 0))
            print(f"{noise:<12}{between:<12}{figures}", flush=True)


def real(number: int, seed: int) -> None:
    """Prints false claims in real runs of one prior, each of its graphs in turn taken for the circuit."""
    print(f"\n{number} real A/A runs a row, each graph of `degree` against the {GRAPHS} others; false claims")
    print(f"{'':<24}" + "".join(f"{rule:>10}" for rule in RULES))
    for name, request in REAL.items():
        rows = [row for k in range(number) for row in rotations(request, seed + k)]
        print(f"{name:<24}" + "".join(f"{100 * x:>10.1f}" for x in np.mean(rows, 0)), flush=True)


def rotations(request: dict[str, object], seed: int) -> Iterator[np.ndarray]:
    """Yields the claims of each rule with each graph of a run in turn in the place of the circuit."""
    whole = {"genome": ("degree",), "graphs": GRAPHS + 1, "tuning": "off", "seed": seed, **request}
    table = table_of(evolved(Configuration(**whole)))  # type: ignore[arg-type]
    for graph in range(len(table)):
        yield claims(table[graph : graph + 1], np.delete(table, graph, 0), seed)


def of_runs(paths: Sequence[Path], genome: str) -> None:
    """Prints, for each task of runs, the claims about a genome and each other, and the referee's verdicts."""
    for path in paths:
        evidence = gather([RunFolder.open(path)])
        report = judge(evidence)
        for label, task in evidence.tasks.items():
            scores = {entry.label: entry.done() for entry in task.genomes}
            print(f"\n**{label}**: share of choices in which `{genome}` is called better\n\n{HEAD}")
            for rival in scores:
                pair = {genome, rival}
                row = next((x for x in report.tasks[label].comparisons if {x.a, x.b} == pair), None)
                if row is not None:
                    print(_line(scores[genome], scores[rival], rival, row.facing(genome).verdict))


def _line(first: Scores, second: Scores, rival: str, verdict: str) -> str:
    """Returns a line of the table of a run."""
    seeds = sorted({seed for _, seed in first} & {seed for _, seed in second})
    a, b = (table_of(scores, seeds) for scores in (first, second))
    return f"| `{rival}` | {greater(a, b):.0%} | {paired(a, b):.0%} | {verdict} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path, nargs="*", help="run folders, in place of simulated tables")
    parser.add_argument("--genome", default="connectome", help="the circuit (default connectome)")
    parser.add_argument("--tables", type=int, default=500, help="simulated tables a row; 0 for none")
    parser.add_argument("--runs", type=int, default=10, help="real A/A runs a row; 0 for none")
    parser.add_argument("--effect", type=float, default=2.0, help="deviations of seeds that are to be found")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.run:
        of_runs(options.run, options.genome)
        return
    if options.tables:
        simulated(options.tables, options.effect, options.seed)
    if options.runs:
        real(options.runs, options.seed)


if __name__ == "__main__":
    main()
