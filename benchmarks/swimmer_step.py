"""How coarse may the swimmer's physics be? Integrators and time steps against a fine reference.

Thirty varied controllers (20 travelling sines of random amplitude, frequency, phase lag and direction; 10
random reflexes, `u = tanh(W observations)`) swim from the same starts under each integrator and step; the
control step stays the same. A candidate passes if every return is within 10 % of the reference's and the
order agrees (Spearman 0.98). An error is relative to the return, or to a tenth of the greatest return where
that is larger: ten percent of a standstill is nothing anyone could measure.

    python -m benchmarks.swimmer_step [--links 6] [--steps 500] [--starts 8] [--seed 0]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from benchmarks.travelling_sine import TravellingSines
from neuroevo.physics.worlds import Worlds
from tasks.swimmer import CONTROL_STEP, Swimmer, model, swim

SINES, REFLEXES = 20, 10
REFERENCE = ("RK4", 120)  # integrator, physics steps a control step
CANDIDATES = [
    *(("implicitfast", substeps) for substeps in (1, 2, 3, 4, 6)),
    *(("Euler", substeps) for substeps in (2, 3, 4, 6, 10, 15)),
    *(("RK4", substeps) for substeps in (1, 2, 3)),
]
TOLERANCE, ORDER = 0.1, 0.98


class Varied:
    """Thirty controllers with the interface of a `Phenotype`: sines, then reflexes."""

    num_genomes = SINES + REFLEXES

    def __init__(self, task: Swimmer, seed: int) -> None:
        rng = np.random.default_rng(seed)
        columns = [rng.uniform(*bounds, SINES) for bounds in ((0.2, 1.0), (0.3, 2.5), (-2.0, 2.0))]
        self._sines = TravellingSines(np.stack(columns, 1), task.num_actuators)
        weights = rng.normal(0, 1, (REFLEXES, task.num_sensors, task.num_actuators))
        self._weights = torch.from_numpy(weights.astype(np.float32))

    def reset(self, num_episodes: int) -> None:
        """Sets the sines' clocks to zero; reflexes have no past."""
        self._sines.reset(num_episodes)

    def step(self, observations: Tensor) -> Tensor:
        """Returns torques [G, B, A]."""
        reflexes = torch.tanh(observations[SINES:] @ self._weights)
        return torch.cat([self._sines.step(observations[:SINES]).float(), reflexes])


def returns(
    task: Swimmer, controllers: Varied, starts: tuple[np.ndarray, np.ndarray], integrator: str, substeps: int
) -> tuple[np.ndarray, float]:
    """Returns mean velocities [30] in m/s, and control steps a second of one thread."""
    qpos, qvel = (np.tile(x, (controllers.num_genomes, 1)) for x in starts)
    worlds = Worlds(model(task.links, integrator, CONTROL_STEP / substeps), len(qpos))
    begin = time.perf_counter()
    velocity = swim(controllers, worlds, qpos, qvel, task.steps, substeps)  # type: ignore[arg-type]
    rate = len(qpos) * task.steps / (time.perf_counter() - begin)
    return velocity.reshape(controllers.num_genomes, -1).mean(1), rate


def compare(returned: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Returns the largest relative error and Spearman's correlation of two sets of returns."""
    scale = np.maximum(np.abs(reference), 0.1 * np.abs(reference).max())
    return (np.abs(returned - reference) / scale).max(), spearmanr(returned, reference).statistic


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--links", type=int, default=6)
    parser.add_argument("--steps", type=int, default=500, help="control steps an episode")
    parser.add_argument("--starts", type=int, default=8, help="starts of every controller")
    parser.add_argument("--seed", type=int, default=0, help="of the controllers and the starts")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = Swimmer(options.links, options.steps)
    controllers = Varied(task, options.seed)
    starts = task.starts(options.seed, "held-out", options.starts)
    reference, rate = returns(task, controllers, starts, *REFERENCE)
    print(f"returns from {reference.min():.3f} to {reference.max():.3f} m/s")
    print(f"{'integrator':<13}{'step':>8}  {'control steps/s':>15}  {'largest error':>13}  Spearman")
    step = f"{1e3 * CONTROL_STEP / REFERENCE[1]:>5.2f} ms"
    print(f"{REFERENCE[0]:<13}{step}  {rate:>15,.0f}  {'reference':>13}")
    for integrator, substeps in CANDIDATES:
        returned, rate = returns(task, controllers, starts, integrator, substeps)
        error, order = compare(returned, reference)
        verdict = "passes" if error <= TOLERANCE and order >= ORDER else ""
        step = f"{1e3 * CONTROL_STEP / substeps:>5.1f} ms"
        print(f"{integrator:<13}{step}  {rate:>15,.0f}  {error:>13.1%}  {order:>8.4f}  {verdict}")


if __name__ == "__main__":
    main()
