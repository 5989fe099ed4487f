"""Kernels around the physics steps of `warp`: which worlds move, which fail, and what those keep."""

from __future__ import annotations

import warp as wp

LARGEST = wp.constant(1.0e10)  # MuJoCo's mjMAXVAL
NO_ROOM = wp.constant(0b11111)  # mujoco_warp.OverflowType: constraints, their entries, contacts


@wp.kernel(enable_backward=False)
def begin(
    control: wp.array2d[float],
    moving: wp.array[bool],
    failed: wp.array[bool],
    going: wp.array[bool],
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    time: wp.array[float],
    saved_qpos: wp.array2d[float],
    saved_qvel: wp.array2d[float],
    saved_time: wp.array[float],
    applied: wp.array2d[float],
    overflow: wp.array[int],
):
    """Says which worlds go, and saves where each is; a world under a control that is not sound has failed.

    Args:
        control: [W, nu].
        moving: Worlds that the caller wants to move, [W].
        failed: Worlds that have failed, [W], changed.
        going: Worlds that go, [W], written.
        qpos: Positions, [W, nq].
        qvel: Velocities, [W, nv].
        time: Clocks in seconds, [W].
        saved_qpos: Written, [W, nq].
        saved_qvel: Written, [W, nv].
        saved_time: Written, [W].
        applied: The control of worlds that go, else zero; written, [W, nu].
        overflow: Set to zero, [W].
    """
    world = wp.tid()
    goes = moving[world] and not failed[world]
    if goes:
        for i in range(control.shape[1]):
            if not (wp.abs(control[world, i]) < LARGEST):  # no comparison holds for NaN
                goes = False
        failed[world] = not goes
    going[world] = goes
    overflow[world] = 0
    for i in range(control.shape[1]):
        applied[world, i] = wp.where(goes, control[world, i], 0.0)
    for i in range(qpos.shape[1]):
        saved_qpos[world, i] = qpos[world, i]
    for i in range(qvel.shape[1]):
        saved_qvel[world, i] = qvel[world, i]
    saved_time[world] = time[world]


@wp.kernel(enable_backward=False)
def settle(
    saved_qpos: wp.array2d[float],
    saved_qvel: wp.array2d[float],
    saved_time: wp.array[float],
    rest: wp.array2d[float],
    qacc: wp.array2d[float],
    overflow: wp.array[int],
    qpos: wp.array2d[float],
    qvel: wp.array2d[float],
    time: wp.array[float],
    failed: wp.array[bool],
    going: wp.array[bool],
):
    """Finds worlds that failed in a physics step and puts them to rest, and back those that do not go.

    Args:
        saved_qpos: Positions before the control step, [W, nq].
        saved_qvel: Velocities before it, [W, nv].
        saved_time: Clocks before it, [W].
        rest: Positions at rest, [W, nq].
        qacc: Accelerations, [W, nv].
        overflow: What there was no room for, [W].
        qpos: Positions, [W, nq], changed.
        qvel: Velocities, [W, nv], changed.
        time: Clocks in seconds, [W], changed.
        failed: Worlds that have failed, [W], changed.
        going: Worlds that go, [W], changed.
    """
    world = wp.tid()
    if going[world]:
        sound = (overflow[world] & NO_ROOM) == 0
        for i in range(qpos.shape[1]):
            if not (wp.abs(qpos[world, i]) < LARGEST):
                sound = False
        for i in range(qvel.shape[1]):
            if not (wp.abs(qvel[world, i]) < LARGEST and wp.abs(qacc[world, i]) < LARGEST):
                sound = False
        if not sound:
            failed[world] = True
            going[world] = False
    if failed[world]:
        for i in range(qpos.shape[1]):
            qpos[world, i] = rest[world, i]
        for i in range(qvel.shape[1]):
            qvel[world, i] = 0.0
        time[world] = 0.0
    elif not going[world]:
        for i in range(qpos.shape[1]):
            qpos[world, i] = saved_qpos[world, i]
        for i in range(qvel.shape[1]):
            qvel[world, i] = saved_qvel[world, i]
        time[world] = saved_time[world]


@wp.kernel(enable_backward=False)
def keep_forces(
    going: wp.array[bool],
    failed: wp.array[bool],
    xpos: wp.array2d[wp.vec3],
    forces: wp.array2d[wp.spatial_vector],
    place_of_rest: wp.array[wp.vec3],
    kept_xpos: wp.array2d[wp.vec3],
    kept_forces: wp.array2d[wp.spatial_vector],
):
    """Copies places and forces of bodies, [W, bodies], of worlds that went on; those that failed rest.

    Args:
        going: Worlds that went on, [W].
        failed: Worlds that have failed, [W].
        xpos: Places.
        forces: Torques and forces.
        place_of_rest: Places at rest, [bodies].
        kept_xpos: Written.
        kept_forces: Written.
    """
    world, body = wp.tid()
    if going[world]:
        kept_xpos[world, body] = xpos[world, body]
        kept_forces[world, body] = forces[world, body]
    elif failed[world]:
        kept_xpos[world, body] = place_of_rest[body]
        kept_forces[world, body] = wp.spatial_vector()
