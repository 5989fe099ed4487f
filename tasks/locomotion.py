"""Gymnasium's walkers, hoppers and swimmers on batched worlds, step for step as Gymnasium moves them.

The bodies are Gymnasium's own files; what it computes from their states, one world at a time, is here for
all worlds at once, with its default options. From equal states and under equal actions observations and
rewards are those of `gymnasium.make("Ant-v5")` and the like, to the bit and early termination included, if
the solver's warm start is switched off there too: `Worlds` has none. tests/tasks/test_locomotion.py compares
them. `locomotion_bodies` has the five bodies.

The network sees these observations with the velocities among them divided by a number of the body, so that
all are of order one. Its outputs are clipped to [-1, 1], which is the control range of all these bodies.

Source: Towers et al. 2024, Gymnasium, https://arxiv.org/abs/2407.17032.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from neuroevo.physics import arrays, engine
from neuroevo.physics.arrays import Array, Constant
from neuroevo.physics.model import read_model
from neuroevo.seeds import generator
from tasks.embodied import Embodied

if TYPE_CHECKING:
    import mujoco

    from neuroevo.network.phenotype import Phenotype
    from neuroevo.physics.engine import Engine
    from neuroevo.physics.recording import Film


class Locomotion(Embodied):
    """Move forward: the undiscounted return of an episode, as Gymnasium counts it.

    Args:
        steps: Control steps of an episode, 1 to 10,000; Gymnasium's own episode has 1,000.
        episodes: Starts on which a genome is evaluated in a generation, 1 to 10,000.
        held_out: Fresh starts on which a lineage is scored, 1 to 10,000.

    Attributes:
        environment: Gymnasium's name of the environment.
        file: File of the body, among Gymnasium's assets.
        frame_skip: Physics steps a control step.
        noise: Size of the random part of a start.
        start_speeds: How the velocities of a start are distributed; positions are uniform.
        hidden: Leading positions, along which the body is free to move, that are not observed.
        typical_speed: What velocities are divided by for the network, m/s and rad/s.
        control_cost: Weight of the squared control.
        survival: Reward of a step that ends healthy.
    """

    unit = "return"
    environment: str
    file: str
    frame_skip: int
    noise: float
    start_speeds: Literal["uniform", "normal"] = "uniform"
    hidden = 1
    typical_speed: float
    control_cost: float
    survival = 0.0
    is_chain = False

    def __init__(self, steps: int = 1000, episodes: int = 1, held_out: int = 16) -> None:
        super().__init__(steps, episodes, held_out)

    def starts(self, seed: int, purpose: str, num_episodes: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns where episodes start, distributed as Gymnasium's `reset` does it.

        Args:
            seed: Equal seeds give equal starts.
            purpose: "training" or "held-out", branches of the seed tree that have no number in common.
            num_episodes: B.

        Returns:
            Positions, float64 [B, nq], and velocities, float64 [B, nv].
        """
        body, rng = model(self.file), generator(seed, self.environment, purpose)
        qpos = body.qpos0 + rng.uniform(-self.noise, self.noise, (num_episodes, body.nq))
        if self.start_speeds == "normal":
            return qpos, self.noise * rng.standard_normal((num_episodes, body.nv))
        return qpos, rng.uniform(-self.noise, self.noise, (num_episodes, body.nv))

    def body(self) -> mujoco.MjModel:
        """Returns the compiled body."""
        return model(self.file)

    def seconds(self) -> float:
        """Returns how long a control step is."""
        return self.body().opt.timestep * self.frame_skip

    def observe(self, worlds: Engine) -> Array:
        """Returns Gymnasium's observations, [W, S].

        Args:
            worlds: W bodies.
        """
        xp = arrays.namespace(worlds.qpos)
        return xp.concatenate([worlds.qpos[:, self.hidden :], worlds.qvel], axis=1)

    def sense(self, observation: np.ndarray) -> np.ndarray:
        """Returns what the network senses of an observation of Gymnasium's, float64 [S].

        Args:
            observation: float [S], as the environment shows it.
        """
        values = np.asarray(observation)
        return values * self._scale().beside(values)

    def act(self, outputs: np.ndarray) -> np.ndarray:
        """Returns Gymnasium's action for what the network puts out.

        Args:
            outputs: float [A], which are clipped to [-1, 1].
        """
        return outputs.clip(-1, 1)

    def step(self, worlds: Engine, control: Array, moving: Array | None = None) -> tuple[Array, Array]:
        """Moves worlds by a control step.

        Args:
            worlds: W bodies.
            control: float [W, A], in [-1, 1].
            moving: bool [W], the worlds that move; None stands for all of them.

        Returns:
            Gymnasium's rewards, float [W], and whether the bodies are healthy, bool [W]: an episode ends
            when its body is not. Neither means anything where a world does not move.
        """
        before = arrays.copied(self._place(worlds))
        worlds.step(control, self.frame_skip, moving)
        speed, healthy = (self._place(worlds) - before) / self.seconds(), self._healthy(worlds)
        square = arrays.namespace(worlds.qpos).square
        cost = self.control_cost * square(control).sum(1) + self._contact_cost(worlds)
        return speed + self.survival * healthy - cost, healthy

    def _place(self, worlds: Engine) -> Array:
        """Returns how far forward bodies are, metres [W]; may be a view."""
        return worlds.qpos[:, 0]

    def _healthy(self, worlds: Engine) -> Array:
        """Returns whether bodies are healthy, bool [W]."""
        return arrays.namespace(worlds.failed).ones_like(worlds.failed)

    def _contact_cost(self, worlds: Engine) -> Array | float:
        """Returns what contacts cost in a step, [W]."""
        return 0.0

    def run(
        self, phenotype: Phenotype, worlds: Engine, starts: Sequence[np.ndarray], film: Film | None
    ) -> Array:
        """Returns the returns of episodes, [W]; NaN where a world failed.

        Args:
            phenotype: G genomes.
            worlds: W bodies, B of each genome in turn.
            starts: Positions, float64 [W, nq], and velocities, float64 [W, nv].
            film: Keeps where one of the bodies is, step by step; None: nothing is filmed.
        """
        import torch

        worlds.reset(*starts)
        # The arrays of the loop exist once: the network reads `sensed` in place, the bodies read `control`.
        sizes = self.num_sensors, self.num_actuators
        (observations, sensed), (actions, control) = engine.between(worlds, *sizes, phenotype.num_genomes)
        xp, state = arrays.namespace(worlds.qpos), torch.as_tensor(worlds.qpos)
        returns = arrays.beside(state.new_zeros(worlds.num_worlds, dtype=torch.float64), worlds.qpos)
        going = xp.ones_like(worlds.failed)
        scale, nothing = self._scale().beside(worlds.qpos), xp.zeros_like(returns)
        phenotype.reset(observations.shape[1])
        if film is not None:
            film.take(worlds.qpos)
        for step in range(self.steps):
            sensed[:] = self.observe(worlds) * scale
            actions.copy_(phenotype.step(observations)).clamp_(-1, 1)
            rewards, healthy = self.step(worlds, control, going)
            returns += xp.where(going, rewards, nothing)
            if film is not None:
                film.take(worlds.qpos, going)
            going &= healthy & ~worlds.failed
            if step % worlds.pause == 0 and not going.any():
                break
        returns[worlds.failed] = np.nan
        return returns

    def _scale(self) -> Constant:
        """Returns what observations are multiplied by for the network, [S]."""
        body, scale = model(self.file), np.ones(self.num_sensors)
        first = body.nq - self.hidden
        scale[first : first + body.nv] /= self.typical_speed
        return Constant(scale)


@cache
def model(file: str) -> mujoco.MjModel:
    """Returns one of Gymnasium's bodies, compiled.

    Args:
        file: Its file, among Gymnasium's assets.
    """
    package = importlib.util.find_spec("gymnasium")  # found and not imported: nothing else of it is needed
    assert package is not None and package.origin is not None
    return read_model(Path(package.origin).parent / "envs" / "mujoco" / "assets" / file)
