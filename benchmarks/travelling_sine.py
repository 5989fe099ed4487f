"""The best three-parameter travelling sine on the swimmer: the bar a network has to reach.

The torque of joint j, counted from the head, is `u_j(t) = a sin(2 pi f t - j phi)`. Amplitude a, frequency f
and phase lag phi are searched on a grid and then in ever smaller boxes around the best; the winners are
scored as `Swimmer.score` scores a network. The search sees the same held-out starts, which favours the sine.

    python -m benchmarks.travelling_sine [--links 6] [--steps 500] [--seed 0]
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import torch
from torch import Tensor

from tasks.swimmer import CONTROL_STEP, Swimmer

AMPLITUDES = (0.1, 1.0)  # share of the greatest torque
FREQUENCIES = (0.2, 3.0)  # Hz
PHASE_LAGS = (0.1, 2.0)  # rad a joint; negative ones swim backwards


class TravellingSines:
    """G open-loop controllers with the interface of a `Phenotype`.

    Args:
        parameters: float [G, 3]; amplitude in [0, 1], frequency in Hz, phase lag in rad a joint.
        num_actuators: Number of actuators, A.
    """

    def __init__(self, parameters: np.ndarray, num_actuators: int) -> None:
        self.num_genomes = len(parameters)
        self.num_actuators = num_actuators
        amplitude, frequency, lag = torch.from_numpy(np.asarray(parameters, np.float64)).T[:, :, None]
        self._amplitude = amplitude
        self._turn = 2 * torch.pi * CONTROL_STEP * frequency
        self._lag = lag * torch.arange(num_actuators)
        self.reset(1)

    def reset(self, num_episodes: int) -> None:
        """Sets the clock to zero."""
        self._num_episodes = num_episodes
        self._step = 0

    def step(self, observations: Tensor) -> Tensor:
        """Returns torques [G, B, A] and ignores what it sees, the sine being blind."""
        torque = self._amplitude * torch.sin(self._turn * self._step - self._lag)
        self._step += 1
        return torque[:, None].expand(-1, self._num_episodes, -1)


def scores(parameters: np.ndarray, task: Swimmer, seed: int) -> np.ndarray:
    """Returns the mean held-out velocity of each controller, [G], in m/s."""
    sines = TravellingSines(parameters, task.num_actuators)
    return task.score(sines, seeds=[seed] * len(parameters)).mean(1).numpy()  # type: ignore[arg-type]


def search(task: Swimmer, seed: int, *, grid: int = 7, rounds: int = 4) -> tuple[np.ndarray, float]:
    """Returns the best parameters [3] and their score.

    First come `grid` amplitudes, twice as many frequencies and as many phase lags, from few starts and for
    half the time. Each round then tries five values of each parameter in a box around the best and makes the
    box three times as narrow.
    """
    low, high = np.transpose([AMPLITUDES, FREQUENCIES, PHASE_LAGS])
    coarse = Swimmer(task.links, steps=max(1, task.steps // 2), held_out=2)
    axes = [np.linspace(*ends, 2 * grid) for ends in zip(low, high, strict=True)]
    candidates = np.array(list(itertools.product(axes[0][::2], axes[1], axes[2])))
    best = candidates[np.argmax(scores(candidates, coarse, seed))]
    width = (high - low) / grid
    for _ in range(rounds):
        ends = np.clip([best - width, best + width], low, high)
        candidates = np.array(list(itertools.product(*np.linspace(ends[0], ends[1], 5).T)))
        velocities = scores(candidates, task, seed)
        best, width = candidates[np.argmax(velocities)], width / 3
    return best, float(velocities.max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--links", type=int, default=6)
    parser.add_argument("--steps", type=int, default=500, help="control steps an episode")
    parser.add_argument("--seed", type=int, default=0, help="of the held-out starts")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = Swimmer(options.links, options.steps)
    (amplitude, frequency, lag), score = search(task, options.seed)
    print(f"amplitude {amplitude:.3f}  frequency {frequency:.3f} Hz  phase lag {lag:.3f} rad a joint")
    print(f"score {score:.4f} m/s on {task.held_out} held-out starts of {task.steps} steps")


if __name__ == "__main__":
    main()
