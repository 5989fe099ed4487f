"""What steps bodies with networks in the loop, one maker a rival; see `crew` for what a maker is.

All of them run episodes of `steps` control steps and return how many steps of bodies that was.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

BODIES = {"swimmer-v5": "SwimmerV5", "halfcheetah-v5": "HalfCheetahV5"}
BRAX = {"swimmer-v5": "swimmer", "halfcheetah-v5": "halfcheetah"}


def task_of(name: str, steps: int) -> Any:
    """Returns our task."""
    return getattr(importlib.import_module("tasks.locomotion_bodies"), BODIES[name])(steps=steps)


class Ours:
    """Our evaluation, as one worker runs it: its share of the networks in batches, one after another.

    Attributes:
        returns: float64 [G], returns of the last turn.
    """

    def __init__(self, task: str, networks: int, steps: int, seed: int, share: tuple[int, int]) -> None:
        import torch

        from benchmarks.networks import batches

        torch.set_num_threads(1)
        self._task = task_of(task, steps)
        self._steps = steps
        self._seed = seed
        ports = self._task.num_sensors, self._task.num_actuators
        self._batches = batches(networks, ports, seed, (share[0], share[1]))
        self.returns = np.zeros(0)

    def __call__(self) -> float:
        """Evaluates all networks."""
        returns = []
        for phenotype, parameters in self._batches:
            phenotype.load(parameters)
            returns.append(self._task.evaluate(phenotype, seeds=[self._seed] * phenotype.num_genomes))
        self.returns = np.concatenate([x[:, 0].numpy() for x in returns])
        if not np.isfinite(self.returns).all():
            raise ValueError("a return is not finite: the simulation failed, and its time says nothing")
        return float(len(self.returns) * self._steps)


def given(task: str, networks: int, steps: int, seed: int) -> np.ndarray:
    """Returns the controls that our networks give bodies, float64 [networks, steps, A]."""
    ours = Ours(task, networks, steps, seed, (0, 1))
    controls = []
    for phenotype, _ in ours._batches:
        taken: list[np.ndarray] = []
        worlds: Any = ours._task.batch(phenotype.num_genomes)
        step = worlds.step
        worlds.step = lambda control, *rest, k=taken, s=step: (k.append(np.array(control)), s(control, *rest))
        ours._task.evaluate(phenotype, seeds=[seed] * phenotype.num_genomes)
        worlds.step = step
        controls.append(np.stack(taken, 1))
    return np.concatenate(controls)


def open_loop(
    task: str,
    networks: int,
    steps: int,
    seed: int,
    threads: int,
    is_own: bool = False,
    is_lean: bool = False,
) -> Callable[[], float]:
    """Returns turns of bare physics: `mujoco.rollout`, all steps in one call, controls given in advance.

    Args:
        task: Name of the task.
        networks: Number of networks, each with a body of its own.
        steps: Steps of an episode.
        seed: Of everything random.
        threads: Number of threads that move the bodies.
        is_own: Whether controls are those that our networks give; else they are random, the same for all
            bodies.
        is_lean: Whether MuJoCo is spared what ours is spared: its stopwatch, and searches that find nothing.
    """
    import mujoco
    from mujoco import rollout

    from neuroevo.physics import clock
    from neuroevo.physics.model import lean
    from tasks.locomotion import model

    ours, kind = task_of(task, steps), mujoco.mjtState.mjSTATE_FULLPHYSICS
    body = lean(model(ours.file)) if is_lean else model(ours.file)
    data = [mujoco.MjData(body) for _ in range(threads)]
    begin = np.zeros((networks, mujoco.mj_stateSize(body, kind)))
    qpos, qvel = ours.starts(seed, "training", 1)
    data[0].qpos[:], data[0].qvel[:] = qpos[0], qvel[0]
    mujoco.mj_getState(body, data[0], begin[0], kind)
    begin[:] = begin[0]
    count = steps * ours.frame_skip
    if is_own:
        drawn = given(task, networks, steps, seed)
    else:
        drawn = np.random.default_rng(seed).uniform(-1, 1, (1, steps, body.nu))
    # One control a control step, as in the loop.
    control = np.broadcast_to(drawn.repeat(ours.frame_skip, 1), (networks, count, body.nu)).copy()
    states = np.zeros((networks, count, begin.shape[1]))
    engine = rollout.Rollout(nthread=threads if threads > 1 else 0)
    mujoco.set_mjcb_time(None)  # MuJoCo's own; `given` has stopped it
    if is_lean:
        clock.stop()

    def turn() -> float:
        engine.rollout([body] * networks, data, begin, control, nstep=count, skip_checks=True, state=states)
        return float(networks * steps)

    return turn


class Policy:
    """Our networks as the policy of somebody else's environments.

    Args:
        is_dense: Whether the networks are dense matrices, as they would be without this project.
    """

    def __init__(self, task: Any, networks: int, seed: int, share: tuple[int, int], is_dense: bool) -> None:
        from benchmarks.networks import Dense, batches

        ports = task.num_sensors, task.num_actuators
        loaded = batches(networks, ports, seed, (share[0], share[1]), largest=networks)
        self.networks: Any = Dense(loaded[0]) if is_dense else loaded[0][0]
        self.number = loaded[0][0].num_genomes
        self._scale = task._scale().beside(np.zeros(0))

    def reset(self) -> None:
        """Sets all cells to rest."""
        self.networks.reset(1)

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Returns actions, float64 [W, A], for observations [W, S]."""
        import torch

        sensed = torch.from_numpy((observations * self._scale).astype(np.float32))[:, None]
        return self.networks.step(sensed)[:, 0].clamp_(-1, 1).double().numpy()


class Vector:
    """Somebody else's batched environments with a batched policy of ours.

    Args:
        kind: `sync` or `async` for Gymnasium's environments, `envpool` for EnvPool's.
        threads: Threads of the policy and of EnvPool's physics.
        is_dense: Whether the policy's matrices are dense.
        is_exact: Whether environments start where ours do, without the solver's warm start, so that they
            compute the same; for Gymnasium's environments alone.

    Attributes:
        returns: float64 [W], returns of the last turn.
    """

    def __init__(
        self,
        kind: str,
        task: str,
        networks: int,
        steps: int,
        seed: int,
        share: tuple[int, int] = (0, 1),
        threads: int = 1,
        is_dense: bool = False,
        is_exact: bool = False,
    ) -> None:
        import torch

        torch.set_num_threads(threads)
        ours = task_of(task, steps)
        self._policy = Policy(ours, networks, seed, share, is_dense)
        self._steps = steps
        self._seed = seed
        number = self._policy.number
        starts = ours.starts(seed, "training", 1) if is_exact else None
        self._environments = (
            _envpool(ours.environment, number, steps, threads)
            if kind == "envpool"
            else _gymnasium(kind, ours.environment, number, starts)
        )
        self.returns = np.zeros(number)

    def __call__(self) -> float:
        """Runs an episode of every network."""
        observations, _ = self._environments.reset()
        self._policy.reset()
        self.returns = np.zeros(self._policy.number)
        for _ in range(self._steps):
            observations, rewards, *_ = self._environments.step(self._policy.act(observations))
            self.returns += rewards
        return float(self._policy.number * self._steps)


def _envpool(name: str, number: int, steps: int, threads: int) -> Any:
    """Returns EnvPool's environments, without what ours do not compute either."""
    import envpool

    return envpool.make_gymnasium(
        name, num_envs=number, num_threads=threads, max_episode_steps=steps + 1, post_constraint=False
    )


def _gymnasium(kind: str, name: str, number: int, starts: Any) -> Any:
    """Returns Gymnasium's environments, whose episodes end only when they are reset."""
    import gymnasium

    def make() -> Any:
        body = gymnasium.make(name, max_episode_steps=1_000_000)
        return body if starts is None else _from(body, starts)

    vector = gymnasium.vector.SyncVectorEnv if kind == "sync" else gymnasium.vector.AsyncVectorEnv
    return vector([make] * number)


def _from(body: Any, starts: Any) -> Any:
    """Returns an environment that starts at a given state, without the solver's warm start."""
    import gymnasium
    import mujoco

    class From(gymnasium.Wrapper):
        def reset(self, **options: Any) -> Any:
            _, facts = self.env.reset(**options)
            inner: Any = self.unwrapped
            inner.set_state(starts[0][0], starts[1][0])
            return inner._get_obs(), facts

    body.unwrapped.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_WARMSTART
    return From(body)


def evotorch(
    kind: str, task: str, networks: int, steps: int, seed: int, units: int, actors: int
) -> Callable[[], float]:
    """Returns turns of EvoTorch's own problems with a recurrent net of its own that has as many units.

    Args:
        kind: `GymNE` for one environment after another, `VecGymNE` for batched ones.
        task: Name of the task.
        networks: Number of networks, each with a body of its own.
        steps: Steps of an episode.
        seed: Of everything random.
        units: Number of units of the recurrent layer.
        actors: Number of Ray actors; with 1 there is none and this process computes.
    """
    import torch
    from evotorch import neuroevolution

    ours = task_of(task, steps)
    torch.manual_seed(seed)
    problem = getattr(neuroevolution, kind)(
        ours.environment,
        f"RNN(obs_length, {units}) >> Linear({units}, act_length)",
        env_config={"max_episode_steps": steps},
        num_actors=None if actors == 1 else actors,
        **({} if kind == "GymNE" else {"max_num_envs": networks}),
    )
    batch = problem.generate_batch(networks)
    batch.set_values(0.1 * torch.randn_like(batch.values))

    def turn() -> float:
        batch.forget_evals()
        problem.evaluate(batch)
        return float(networks * steps)

    return turn
