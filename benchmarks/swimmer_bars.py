"""Did the lineages of a run learn to swim? Each score beside three bars.

The bars: five times the untrained score (its size), the best of 100 untrained genomes, and 0.9 of the best
three-parameter travelling sine. The sine and the untrained genomes are picked by their score on the very
starts they are scored on, which favours them.

    python run.py --genome connectome --task swimmer --seeds 5 --out RUN
    python -m benchmarks.swimmer_bars RUN [--sine 0.1355]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from benchmarks.travelling_sine import search
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.report.replay.champions import read_champion
from neuroevo.run_folder import RunFolder, key_of
from neuroevo.seeds import generator
from tasks.swimmer import Swimmer

UNTRAINED = 100


def scores(blueprint: Blueprint, parameters: torch.Tensor, task: Swimmer, seed: int) -> torch.Tensor:
    """Returns held-out scores of genomes [n, L] on the starts of a seed, float64 [n]."""
    phenotype = Phenotype([blueprint], [len(parameters)])
    phenotype.load([parameters])
    return task.score(phenotype, seeds=[seed] * len(parameters)).mean(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder of lineages on the swimmer")
    parser.add_argument(
        "--sine", type=float, help="score of the best sine, if it is known; else it is searched"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    task, folder = Swimmer(), RunFolder.open(options.run)
    sine = options.sine or search(task, 0)[1]
    print(f"best travelling sine {sine:.4f} m/s")
    print(f"{'genome':<24} graph seed   score  untrained  best of {UNTRAINED}  share of the sine  all bars")
    for row in folder.results():
        blueprint, _ = read_champion(folder, key_of(row))
        drawn = blueprint.draw(UNTRAINED, generator(row["seed"], "bars"))
        best = float(scores(blueprint, drawn, task, row["seed"]).max())
        score, untrained = row["score"], row["untrained_score"]
        passes = score >= max(5 * abs(untrained), best, 0.9 * sine)
        print(
            f"{row['genome']:<24} {row['graph']:>5} {row['seed']:>4} {score:>7.4f} {untrained:>10.4f}"
            f" {best:>12.4f} {score / sine:>18.2f}  {'pass' if passes else 'FAIL':>8}"
        )


if __name__ == "__main__":
    main()
