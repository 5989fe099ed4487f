"""What tests of the worm share: plain controllers, and bodies in given positions."""

from __future__ import annotations

from collections.abc import Iterator

import mujoco
import numpy as np
import torch
from torch import Tensor

from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.physics.worlds import Worlds
from tasks import worm_body
from tasks.worm_body import JOINTS, LINKS

MODEL = worm_body.model(0.4, 40.0)


class Reflexes:
    """G controllers with the interface of a phenotype: `u = gain * joint angles`; remembers what it saw.

    Every torque is one product, so that it is the same to the bit wherever in a batch its genome stands.

    Args:
        gains: float32 [G, 24].
    """

    def __init__(self, gains: Tensor) -> None:
        self.gains, self.num_genomes = gains, len(gains)
        self.seen: list[Tensor] = []

    def reset(self, num_episodes: int) -> None:
        self.seen = []

    def step(self, observations: Tensor) -> Tensor:
        self.seen.append(observations.clone())
        return self.gains[:, None] * observations


def random_reflexes(num_genomes: int) -> Reflexes:
    gains = np.random.default_rng(0).normal(0, 0.1, (num_genomes, JOINTS))
    return Reflexes(torch.from_numpy(gains.astype(np.float32)))


def random_positions(number: int, spread: float = 0.3) -> np.ndarray:
    """Bodies anywhere, bent at random."""
    qpos = np.random.default_rng(number).normal(0, spread, (number, 3 + JOINTS))
    qpos[:, :3] *= 5
    return qpos


def poses(number: int) -> Iterator[tuple[np.ndarray, mujoco.MjData]]:
    """Random positions, and MuJoCo's kinematics of them."""
    for qpos in random_positions(number):
        data = mujoco.MjData(MODEL)
        data.qpos[:] = qpos
        mujoco.mj_forward(MODEL, data)
        yield qpos[None], data


def still(qpos: np.ndarray, drag: float = 40.0) -> Worlds:
    """Worlds at rest in given positions."""
    worlds = Worlds(worm_body.model(0.4, drag), len(qpos))
    worlds.reset(qpos)
    return worlds


def from_head(qpos: np.ndarray, data: mujoco.MjData) -> tuple[np.ndarray, np.ndarray]:
    """Middles and directions of the links as MuJoCo has them, complex [25] each, by the links' names."""
    sites = [data.site(f"link{i}") for i in range(LINKS)]
    return (
        np.array([complex(*site.xpos[:2]) for site in sites]),
        np.array([complex(site.xmat[0], site.xmat[3]) for site in sites]),
    )


def phenotype(blueprints: list[Blueprint], parameters: list[Tensor]) -> Phenotype:
    made = Phenotype(blueprints, [len(p) for p in parameters])
    made.load(parameters)
    return made
