"""What a worm that learned to crawl has to beat: the best travelling sine, the best of 100 untrained genomes.

The torque of joint j, counted from the head, is `u_j(t) = a sin(2 pi f t - j phi)`; amplitude, frequency and
phase lag are searched on a grid and then in ever smaller boxes round the best. Sines and untrained genomes
are picked by their score on the very starts they are scored on, which favours them. Where the body's own maps
are the adapter (`--adapter none`), untrained genomes of a wiring are all the same one.

    python run.py --genome connectome --task worm --connectome celegans-motor --seeds 5 --out RUN
    python -m benchmarks.worm_bars [RUN] [--fastest 1] [--sine 1.12]
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import torch

from benchmarks.worm_step import Sines
from neuroevo.network.phenotype import Phenotype
from neuroevo.report.replay.champions import read_champion
from neuroevo.run_folder import RunFolder, key_of
from neuroevo.seeds import generator
from tasks.worm import Worm

UNTRAINED = 100
AMPLITUDES = (0.1, 1.0)  # share of full torque
FREQUENCIES = (0.1, 3.0)  # Hz; worms on agar have less than 1
PHASE_LAGS = (0.05, 1.0)  # rad a joint; negative ones crawl backwards


def scores(parameters: np.ndarray, task: Worm, seed: int) -> np.ndarray:
    """Returns the mean held-out velocity of each sine, [G], in mm/s."""
    return task.score(Sines(parameters), seeds=[seed] * len(parameters)).mean(1).numpy()  # type: ignore[arg-type]


def search(
    task: Worm, seed: int, *, fastest: float = FREQUENCIES[1], grid: int = 6, rounds: int = 3
) -> tuple[np.ndarray, float]:
    """Returns the best parameters [3] and their score.

    First come `grid` amplitudes, twice as many frequencies and as many phase lags, from one start and for
    half the time. Each round then tries five values of each parameter in a box around the best and makes the
    box three times as narrow; the last is on all held-out starts.
    """
    low, high = np.transpose([AMPLITUDES, (FREQUENCIES[0], fastest), PHASE_LAGS])
    coarse = Worm(steps=max(1, task.steps // 2), held_out=1, along=task.along)
    axes = [np.linspace(*ends, 2 * grid) for ends in zip(low, high, strict=True)]
    candidates = np.array(list(itertools.product(axes[0][1::2], axes[1], axes[2])))
    best = candidates[np.argmax(scores(candidates, coarse, seed))]
    width = (high - low) / grid
    for k in range(rounds):
        ends = np.clip([best - width, best + width], low, high)
        candidates = np.array(list(itertools.product(*np.linspace(ends[0], ends[1], 5).T)))
        velocities = scores(candidates, task if k == rounds - 1 else coarse, seed)
        best, width = candidates[np.argmax(velocities)], width / 3
    return best, float(velocities.max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", help="run folder of lineages on the worm")
    parser.add_argument("--fastest", type=float, default=FREQUENCIES[1], help="greatest frequency, Hz")
    parser.add_argument(
        "--sine", type=float, help="score of the best sine, if it is known; else it is searched"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    task, sine = Worm(), options.sine
    if sine is None:
        (amplitude, frequency, lag), sine = search(task, 0, fastest=options.fastest)
        print(f"amplitude {amplitude:.3f}  frequency {frequency:.3f} Hz  phase lag {lag:.3f} rad a joint")
    print(f"best travelling sine {sine:.4f} mm/s")
    if options.run is None:
        return
    folder = RunFolder.open(options.run)
    print(f"{'genome':<24} graph seed   score  untrained  best of {UNTRAINED}  share of the sine")
    for row in folder.results():
        blueprint, _ = read_champion(folder, key_of(row))
        phenotype = Phenotype([blueprint], [UNTRAINED])
        phenotype.load([blueprint.draw(UNTRAINED, generator(row["seed"], "bars"))])
        with torch.inference_mode():
            best = float(task.score(phenotype, seeds=[row["seed"]] * UNTRAINED).mean(1).max())
        print(
            f"{row['genome']:<24} {row['graph']:>5} {row['seed']:>4} {row['score']:>7.4f}"
            f" {row['untrained_score']:>10.4f} {best:>12.4f} {row['score'] / sine:>18.2f}"
        )


if __name__ == "__main__":
    main()
