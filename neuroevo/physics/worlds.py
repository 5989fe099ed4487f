"""Batched MuJoCo worlds: one body, many copies, stepped in C by `mujoco.rollout`.

`Worlds` is the whole interface that a task sees: `num_worlds`, `qpos`, `qvel`, `time`, `failed`, `reset`,
`step` and, where it is asked for them, `xpos` and `cfrc_ext`. On a GPU `warp.WarpWorlds` offers the
same and takes its place: `engine.worlds` makes one or the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuroevo.physics.model import count_warnings, lean, num_warnings

if TYPE_CHECKING:
    import mujoco


class Worlds:
    """W copies of one body that move at once.

    States agree to the bit with `mujoco.mj_step` on a model that has the flag `mjDSBL_WARMSTART`. The flag
    is set here on a copy of the model: `rollout` forgets the solver's warm start between calls, so that with
    it results would depend on how the steps are cut into calls. Also set is `mjDSBL_AUTORESET`: MuJoCo would
    put a diverged world back to its rest and go on, and the fitness of what never happened would look like
    any other. `lean` takes from that copy what only costs time.

    In the whole process MuJoCo's warnings are counted and not shown: it would write each to a file in the
    working folder, and `failed` says the same. Nor does it measure how long its stages take, see `stopwatch`.

    Args:
        model: The compiled body and its options; not modified.
        num_worlds: W.
        num_threads: Threads that step the worlds; with 1 it is the caller's own. Results do not depend on it.
        forces: Keep `xpos` and `cfrc_ext`. `rollout` returns neither, so the last physics step of every call
            is taken world by world: 5 to 10 % slower.

    Attributes:
        num_worlds: W.
        qpos: float64 [W, nq], a view of the positions.
        qvel: float64 [W, nv], a view of the velocities.
        time: float64 [W], a view of the clocks, in seconds.
        failed: bool [W], worlds that since the last reset met a control or a state that was not finite, or
            beyond MuJoCo's bound of 1e10, or any warning of MuJoCo's. They stay at rest until the next reset.
        xpos: float64 [W, bodies, 3], with `forces` alone: where bodies are, in metres, as the last `mj_step`
            left it in `MjData`. That is before the step's end: of a Runge-Kutta step, at its last stage.
        cfrc_ext: float64 [W, bodies, 6], with `forces` alone: torques and forces on bodies from outside, as
            `mj_rnePostConstraint` finds them after the last `mj_step`; zero at the start.
    """

    pause = 1

    def __init__(
        self, model: mujoco.MjModel, num_worlds: int, *, num_threads: int = 1, forces: bool = False
    ) -> None:
        import mujoco
        from mujoco import rollout

        from neuroevo.physics import clock

        clock.stop()
        model, flags = lean(model), mujoco.mjtDisableBit
        model.opt.disableflags |= flags.mjDSBL_WARMSTART | flags.mjDSBL_AUTORESET
        self.num_worlds = num_worlds
        self._rollout = rollout.Rollout(nthread=num_threads if num_threads > 1 else 0)
        self._models = [model] * num_worlds
        self._data = [mujoco.MjData(model) for _ in range(max(1, num_threads))]
        self._rest = np.zeros(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS))
        mujoco.mj_getState(model, self._data[0], self._rest, mujoco.mjtState.mjSTATE_FULLPHYSICS)
        self._num_controls = model.nu
        self._largest = mujoco.mjMAXVAL
        self._state = np.tile(self._rest, (num_worlds, 1))
        # A full physics state is the time, the positions, the velocities and more, in this order.
        self.time = self._state[:, 0]
        self.qpos = self._state[:, 1 : 1 + model.nq]
        self.qvel = self._state[:, 1 + model.nq : 1 + model.nq + model.nv]
        self.failed = np.zeros(num_worlds, bool)
        self._numbers = np.arange(num_worlds)
        self._substeps = 0
        self._has_forces = forces
        if forces:
            self._last = mujoco.MjData(model)
            mujoco.mj_kinematics(model, self._last)
            self._place_of_rest = self._last.xpos.copy()
            self.xpos = np.zeros((num_worlds, model.nbody, 3))
            self.cfrc_ext = np.zeros((num_worlds, model.nbody, 6))
        self._controls = np.zeros((0, 0, 0))
        self._states = np.zeros((0, 0, 0))

    def reset(self, qpos: np.ndarray | None = None, qvel: np.ndarray | None = None) -> None:
        """Sets the clocks to zero and the state to the given one, where none is given to the body's rest.

        Args:
            qpos: Positions, float [W, nq].
            qvel: Velocities, float [W, nv].
        """
        self._state[:] = self._rest
        if qpos is not None:
            self.qpos[:] = qpos
        if qvel is not None:
            self.qvel[:] = qvel
        self.failed[:] = ~self._is_sound(self._state)
        if self._has_forces:
            self._place()
        self._rest_failed()

    def step(self, control: np.ndarray, substeps: int, moving: np.ndarray | None = None) -> None:
        """Moves worlds by some physics steps under constant control.

        Args:
            control: float [W, nu].
            substeps: Physics steps, at least 1.
            moving: The worlds that move, bool [W]; None for all. Others stay as they are, whatever their
                control, and take no time.
        """
        if substeps != self._substeps:
            self._allocate(substeps)
        going = ~self.failed if moving is None else moving & ~self.failed
        self.failed |= going & ~self._is_sound(control)
        going &= ~self.failed
        # To pick rows is to copy them, which takes as long as all else here; mostly all worlds move.
        who = slice(None) if going.all() else np.flatnonzero(going)
        self._advance(who, control[who])
        self.failed[who] |= ~self._is_sound(self._state[who])
        self._rest_failed()

    def _advance(self, who: np.ndarray | slice, control: np.ndarray) -> None:
        """Moves the worlds `who`, int64 [w] or all, under control [w, nu]."""
        count_warnings()
        num_rolled = self._substeps - self._has_forces
        num_moving = len(control)
        if num_rolled and num_moving:
            warnings_before = num_warnings()
            controls, states = self._controls[:num_moving], self._states[:num_moving]
            controls[:] = control[:, None]
            self._rollout.rollout(
                self._models[:num_moving],
                self._data,
                self._state[who],
                controls,
                nstep=num_rolled,
                skip_checks=True,
                state=states,
            )
            if num_warnings() > warnings_before:
                self._find_warned(self._numbers[who], control, num_rolled)
            self._state[who] = states[:, -1]
        if self._has_forces:
            self._step_last(self._numbers[who], control)

    def _find_warned(self, who: np.ndarray, control: np.ndarray, num_steps: int) -> None:
        """Marks the worlds, of those that `rollout` just moved, which its warnings came from.

        `rollout` does not say which, so every world takes the same steps again by itself.
        """
        import mujoco

        model, data = self._models[0], self._data[0]
        for world, controls in zip(who, control, strict=True):
            mujoco.mj_resetData(model, data)
            mujoco.mj_setState(model, data, self._state[world], mujoco.mjtState.mjSTATE_FULLPHYSICS)
            data.ctrl[:] = controls
            mujoco.mj_step(model, data, nstep=num_steps)
            self.failed[world] = data.warning.number.any()

    def _step_last(self, who: np.ndarray, control: np.ndarray) -> None:
        """Takes one physics step in the worlds `who` under control [w, nu]; keeps what it leaves behind."""
        import mujoco

        model, data, full = self._models[0], self._last, mujoco.mjtState.mjSTATE_FULLPHYSICS
        for world, controls in zip(who, control, strict=True):
            warnings_before = num_warnings()
            mujoco.mj_setState(model, data, self._state[world], full)
            data.ctrl[:] = controls
            mujoco.mj_step(model, data)
            mujoco.mj_rnePostConstraint(model, data)
            mujoco.mj_getState(model, data, self._state[world], full)
            self.xpos[world], self.cfrc_ext[world] = data.xpos, data.cfrc_ext
            if num_warnings() > warnings_before:
                self.failed[world] = True
                mujoco.mj_resetData(model, data)  # of one kind of warning MuJoCo tells the first alone

    def _place(self) -> None:
        """Puts bodies where the positions say, and takes forces off."""
        import mujoco

        model, data = self._models[0], self._last
        for world in np.flatnonzero(~self.failed):
            data.qpos[:] = self.qpos[world]
            mujoco.mj_kinematics(model, data)
            self.xpos[world] = data.xpos
        self.cfrc_ext[:] = 0.0

    def _is_sound(self, values: np.ndarray) -> np.ndarray:
        """Returns for each row, bool [W], whether all values are finite and within MuJoCo's bound."""
        if -self._largest < values.min(initial=0.0) and values.max(initial=0.0) < self._largest:
            return np.ones(len(values), bool)  # as nearly always; minimum and maximum of NaN are NaN
        return (np.abs(values) < self._largest).all(axis=1)  # no comparison holds for NaN

    def _rest_failed(self) -> None:
        """Puts failed worlds to rest, so that what is read from them stays finite."""
        if not self.failed.any():
            return
        self._state[self.failed] = self._rest
        if self._has_forces:
            self.xpos[self.failed], self.cfrc_ext[self.failed] = self._place_of_rest, 0.0

    def _allocate(self, substeps: int) -> None:
        """Makes the buffers [W, steps, nu] and [W, steps, state] that all later calls of `rollout` use."""
        self._substeps = substeps
        num_rolled = substeps - self._has_forces
        self._controls = np.zeros((self.num_worlds, num_rolled, self._num_controls))
        self._states = np.zeros((self.num_worlds, num_rolled, len(self._rest)))
