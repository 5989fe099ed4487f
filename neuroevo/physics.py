"""Batched MuJoCo worlds: one body, many copies, stepped in C by `mujoco.rollout`.

`Worlds` is the whole interface that a task sees: `num_worlds`, `qpos`, `qvel`, `time`, `failed`, `reset` and
`step`. Another engine that offers these, on a GPU for instance, can take its place.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import mujoco


class Worlds:
    """W copies of one body that move at once.

    States agree to the bit with `mujoco.mj_step` on a model that has the flag `mjDSBL_WARMSTART`. The flag
    is set here on a copy of the model: `rollout` forgets the solver's warm start between calls, so that with
    it results would depend on how the steps are cut into calls. Also set is `mjDSBL_AUTORESET`: MuJoCo would
    put a diverged world back to its rest and go on, and the fitness of what never happened would look like
    any other.

    MuJoCo's warnings are counted and not shown, in the whole process: it would write each to a file in the
    working folder, and `failed` says the same.

    Args:
        model: The compiled body and its options; not modified.
        num_worlds: W.
        num_threads: Threads that step the worlds; with 1 it is the caller's own. Results do not depend on it.

    Attributes:
        num_worlds: W.
        qpos: float64 [W, nq], a view of the positions.
        qvel: float64 [W, nv], a view of the velocities.
        time: float64 [W], a view of the clocks, in seconds.
        failed: bool [W], worlds that since the last reset met a control or a state that was not finite, or
            beyond MuJoCo's bound of 1e10, or any warning of MuJoCo's. They stay at rest until the next reset.
    """

    _num_warnings = 0  # of MuJoCo's, in this process

    def __init__(self, model: mujoco.MjModel, num_worlds: int, *, num_threads: int = 1) -> None:
        import mujoco
        from mujoco import rollout

        model = copy.copy(model)
        flags = mujoco.mjtDisableBit
        model.opt.disableflags |= flags.mjDSBL_WARMSTART | flags.mjDSBL_AUTORESET
        self.num_worlds = num_worlds
        self._rollout = rollout.Rollout(nthread=num_threads if num_threads > 1 else 0)
        self._models = [model] * num_worlds
        self._data = [mujoco.MjData(model) for _ in range(max(1, num_threads))]
        self._rest = np.zeros(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS))
        mujoco.mj_getState(model, self._data[0], self._rest, mujoco.mjtState.mjSTATE_FULLPHYSICS)
        self._num_controls, self._largest = model.nu, mujoco.mjMAXVAL
        self._state = np.tile(self._rest, (num_worlds, 1))
        # A full physics state is the time, the positions, the velocities and more, in this order.
        self.time = self._state[:, 0]
        self.qpos = self._state[:, 1 : 1 + model.nq]
        self.qvel = self._state[:, 1 + model.nq : 1 + model.nq + model.nv]
        self.failed = np.zeros(num_worlds, bool)
        self._substeps = 0
        self._controls, self._states = np.zeros((0, 0, 0)), np.zeros((0, 0, 0))

    def reset(self, qpos: np.ndarray | None = None, qvel: np.ndarray | None = None) -> None:
        """Sets the clocks to zero and the state to the given one, where none is given to the body's rest.

        Args:
            qpos: float [W, nq].
            qvel: float [W, nv].
        """
        self._state[:] = self._rest
        if qpos is not None:
            self.qpos[:] = qpos
        if qvel is not None:
            self.qvel[:] = qvel
        self.failed[:] = ~self._is_sound(self._state)
        self._rest_failed()

    def step(self, control: np.ndarray, substeps: int) -> None:
        """Moves every world by some physics steps under constant control.

        Args:
            control: float [W, nu].
            substeps: Physics steps, at least 1.
        """
        import mujoco

        if substeps != self._substeps:
            self._allocate(substeps)
        self.failed |= ~self._is_sound(control)
        self._controls[:] = control[:, None]
        self._controls[self.failed] = 0.0
        mujoco.set_mju_user_warning(_count_warning)
        num_warnings = Worlds._num_warnings
        self._rollout.rollout(
            self._models,
            self._data,
            self._state,
            self._controls,
            nstep=substeps,
            skip_checks=True,
            state=self._states,
        )
        if Worlds._num_warnings > num_warnings:
            self._find_warned()
        self._state[:] = self._states[:, -1]
        self.failed |= ~self._is_sound(self._state)
        self._rest_failed()

    def _find_warned(self) -> None:
        """Marks the worlds that the last call's warnings came from.

        `rollout` does not say which, so every world takes the same steps again by itself.
        """
        import mujoco

        data = self._data[0]
        for world in np.flatnonzero(~self.failed):
            mujoco.mj_resetData(self._models[0], data)
            mujoco.mj_setState(self._models[0], data, self._state[world], mujoco.mjtState.mjSTATE_FULLPHYSICS)
            data.ctrl[:] = self._controls[world, 0]
            mujoco.mj_step(self._models[0], data, nstep=self._substeps)
            self.failed[world] = data.warning.number.any()

    def _is_sound(self, values: np.ndarray) -> np.ndarray:
        """Returns for each row, bool [W], whether all values are finite and within MuJoCo's bound."""
        return (np.abs(values) < self._largest).all(axis=1)  # no comparison holds for NaN

    def _rest_failed(self) -> None:
        """Puts failed worlds to rest, so that what is read from them stays finite."""
        if self.failed.any():
            self._state[self.failed] = self._rest

    def _allocate(self, substeps: int) -> None:
        """Makes the buffers [W, substeps, nu] and [W, substeps, state] that all later steps use."""
        self._substeps = substeps
        self._controls = np.zeros((self.num_worlds, substeps, self._num_controls))
        self._states = np.zeros((self.num_worlds, substeps, len(self._rest)))


def _count_warning(_: str) -> None:
    """Takes a warning of MuJoCo's, from any thread."""
    Worlds._num_warnings += 1
