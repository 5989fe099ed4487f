"""How coarse may the worm's physics be? Rules and steps against a fine reference.

The controllers: 20 travelling sines of random amplitude, frequency, phase lag and direction; 10 random
reflexes, `u = tanh(W observations)`; and circuits at work through the body's own maps, the measured one and
two nulls, each as it is and with five small changes of all its weights. The control step, 50 ms, stays the
same. A candidate passes if every return is within 10 % of the reference's and the order agrees (Spearman
0.98). An error is relative to the return, or to a tenth of the greatest return where that is larger.

`MuJoCo` is MuJoCo's implicitfast alone; `midpoint` and `Kutta` take velocities from it, two or three a step.

    python -m benchmarks.worm_step [--steps 200] [--starts 16] [--seed 0]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

import populations
import tasks
from benchmarks.swimmer_step import ORDER, TOLERANCE, compare
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.request import resolve
from neuroevo.network.gains import set_gains
from neuroevo.network.phenotype import Phenotype
from neuroevo.physics.worlds import Worlds
from neuroevo.seeds import derive
from tasks import worm_body
from tasks.worm import FULL_OUTPUT, Worm, crawl
from tasks.worm_body import CONTROL_STEP, JOINTS

assert populations and tasks  # importing them registers what they hold

SINES, REFLEXES = 20, 10
CIRCUITS = ("connectome", "weights-shuffled", "signs-shuffled")
VARIANTS, CHANGE = 6, 0.05  # genomes of a circuit; standard deviation of a change, of parameters
Rule = Callable[[Worlds, np.ndarray], None]


class Sines:
    """Open-loop controllers with the interface of a `Phenotype`: `u_j(t) = a sin(2 pi f t - j phi)`.

    Args:
        parameters: float [G, 3]; amplitude as a share of full torque, frequency in Hz, phase lag in rad a
            joint; at a positive lag the wave travels to the tail.
    """

    def __init__(self, parameters: np.ndarray) -> None:
        self.num_genomes = len(parameters)
        amplitude, frequency, lag = torch.from_numpy(np.asarray(parameters, np.float64)).T[:, :, None]
        self._amplitude = FULL_OUTPUT * amplitude
        self._turn = 2 * torch.pi * CONTROL_STEP * frequency
        self._lag = lag * torch.arange(JOINTS)
        self.reset(1)

    def reset(self, num_episodes: int) -> None:
        """Sets the clock to zero."""
        self._num_episodes = num_episodes
        self._step = 0

    def step(self, observations: Tensor) -> Tensor:
        """Returns outputs [G, B, 24] and ignores what it sees."""
        outputs = self._amplitude * torch.sin(self._turn * self._step - self._lag)
        self._step += 1
        return outputs[:, None].expand(-1, self._num_episodes, -1).float()


class Varied:
    """All the controllers, with the interface of a `Phenotype`.

    Args:
        seed: Seed of sines and reflexes.
        circuits: Networks that come after these; None for none.
    """

    def __init__(self, seed: int, circuits: Phenotype | None = None) -> None:
        rng = np.random.default_rng(seed)
        columns = [rng.uniform(*bounds, SINES) for bounds in ((0.2, 1.0), (0.2, 1.5), (-0.8, 0.8))]
        self._sines = Sines(np.stack(columns, 1))
        weights = rng.normal(0, FULL_OUTPUT, (REFLEXES, JOINTS, JOINTS))
        self._weights = torch.from_numpy(weights.astype(np.float32))
        self._circuits = circuits
        self.num_genomes = SINES + REFLEXES + (circuits.num_genomes if circuits else 0)

    def reset(self, num_episodes: int) -> None:
        """Sets clocks to zero and networks to rest."""
        self._sines.reset(num_episodes)
        if self._circuits:
            self._circuits.reset(num_episodes)

    def step(self, observations: Tensor) -> Tensor:
        """Returns outputs [G, B, 24]."""
        reflex = torch.tanh(observations[SINES : SINES + REFLEXES] @ self._weights)
        outputs = [self._sines.step(observations[:SINES]), FULL_OUTPUT * reflex]
        if self._circuits:
            outputs.append(self._circuits.step(observations[SINES + REFLEXES :]))
        return torch.cat(outputs)


def networks(task: Worm, seed: int) -> Phenotype:
    """Returns circuits at work through the body's own maps, in their working range."""
    rng = np.random.default_rng(seed)
    request = Configuration(genome=CIRCUITS, task=("worm",), adapter="none", connectome="celegans-motor")
    plan = Plan(resolve(request))
    blueprints = set_gains(plan.blueprints["worm"], task, derive(0, "gains"))
    phenotype, parameters = Phenotype(blueprints, [VARIANTS] * len(blueprints)), []
    for blueprint in blueprints:
        changed = rng.normal(0, CHANGE, (VARIANTS, blueprint.layout.length)).astype(np.float32)
        changed[0] = 0.0  # as it is
        parameters.append(torch.from_numpy(changed))
    phenotype.load(parameters)
    return phenotype


def midpoint(worlds: Worlds, control: np.ndarray, pieces: int) -> None:
    """Moves every world by one control step with the velocities half way through each piece of it."""
    step = CONTROL_STEP / pieces
    for _ in range(pieces):
        start = worlds.qpos.copy()
        worlds.step(control, 1)
        worlds.qpos[:] = start + step / 2 * worlds.qvel
        worlds.step(control, 1)
        worlds.qpos[:] = start + step * worlds.qvel


def alone(worlds: Worlds, control: np.ndarray, pieces: int) -> None:
    """Moves every world as MuJoCo does; its physics step must be a piece of a control step."""
    worlds.step(control, pieces)


RULES: dict[str, tuple[Callable[..., None], tuple[int, ...]]] = {
    "MuJoCo": (alone, (1, 2, 4, 8, 16)),
    "midpoint": (midpoint, (1, 2, 3)),
    "Kutta": (worm_body.advance, (1, 2)),
}
VELOCITIES = {"MuJoCo": 1, "midpoint": 2, "Kutta": 3}  # of a piece
REFERENCE = ("Kutta", 8)


def returns(
    task: Worm, controllers: Varied, starts: np.ndarray, rule: str, pieces: int
) -> tuple[np.ndarray, float]:
    """Returns mean velocities [G] in mm/s, and control steps a second of one thread."""
    qpos = np.tile(starts, (controllers.num_genomes, 1))
    physics_step = CONTROL_STEP / pieces if rule == "MuJoCo" else CONTROL_STEP
    worlds = Worlds(worm_body.model(task.strength, task.drag, physics_step), len(qpos))
    worlds.reset(qpos)
    move: Rule = partial(RULES[rule][0], pieces=pieces)
    begin = time.perf_counter()
    velocity = crawl(controllers, worlds, task.steps, advance=move)  # type: ignore[arg-type]
    rate = len(qpos) * task.steps / (time.perf_counter() - begin)
    return velocity.reshape(controllers.num_genomes, -1).mean(1), rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, help="control steps an episode")
    parser.add_argument("--starts", type=int, default=16, help="starts of every controller")
    parser.add_argument("--seed", type=int, default=0, help="of the controllers and the starts")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = Worm(options.steps)
    with torch.inference_mode():
        controllers = Varied(options.seed, networks(task, options.seed))
        (starts,) = task.starts(options.seed, "held-out", options.starts)
        reference, rate = returns(task, controllers, starts, *REFERENCE)
        print(f"returns from {reference.min():.3f} to {reference.max():.3f} mm/s")
        print(f"{'rule':<10}{'velocities':>10}  {'control steps/s':>15}  {'largest error':>13}  Spearman")
        print(f"{REFERENCE[0]:<10}{3 * REFERENCE[1]:>10}  {rate:>15,.0f}  {'reference':>13}")
        for rule, (_, cuts) in RULES.items():
            for pieces in cuts:
                returned, rate = returns(task, controllers, starts, rule, pieces)
                error, order = compare(returned, reference)
                verdict = "passes" if error <= TOLERANCE and order >= ORDER else ""
                number = pieces * VELOCITIES[rule]
                print(f"{rule:<10}{number:>10}  {rate:>15,.0f}  {error:>13.1%}  {order:>8.4f}  {verdict}")


if __name__ == "__main__":
    main()
