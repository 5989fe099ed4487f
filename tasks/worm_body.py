"""The worm's body on agar: 25 stiff links of 40 micrometres in a row, and 24 elastic hinges between them.

Units are millimetre, second and micronewton, so masses are in grams. The worm lies on its right side: +x is
ahead, dorsal is -y, and a positive joint angle is a dorsal bend.

The medium resists every link in proportion to its velocity, across the link far more than along it
(resistive force theory), which is what lets a wave that travels from head to tail push the body forward. At
this size nothing coasts: at every moment drag, elasticity and muscles balance. A physics step of MuJoCo, in
which velocities are implicit and the worm weighs next to nothing, finds the velocities at which they do; the
positions follow by Kutta's third-order rule, three such steps a control step.

The tree of bodies is rooted in the middle link. From one end, the far links would swing on a lever as long as
the body, and what a rule gets wrong in a step would push the body to that end.

References:
    Boyle, Berri & Cohen (2012), https://doi.org/10.3389/fncom.2012.00010: drag on agar, damping
    Fang-Yen et al. (2010), https://doi.org/10.1073/pnas.1003016107: elasticity
    Gray & Hancock (1955), https://doi.org/10.1242/jeb.32.4.802: resistive force theory
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.physics import arrays
from neuroevo.physics.arrays import Array, Constant

if TYPE_CHECKING:
    import mujoco

    from neuroevo.physics.engine import Engine

LENGTH = 1.0  # mm, of the body
RADIUS = 0.04  # mm
JOINTS = 24  # one for each segment of muscles
LINKS = JOINTS + 1
LINK = LENGTH / LINKS  # mm
MIDDLE = LINKS // 2  # the link at the root of the tree
MASS = 5e-6  # g, of the body: that of water
ARMATURE = (
    1e-6  # g mm^2, of every joint (g, of a sliding one): keeps accelerations of nearly nothing in bounds
)
NORMAL_DRAG = 128.0  # uN s / mm^2: force across the body for a length and a velocity
STIFFNESS = 0.095 / LINK  # uN mm / rad, of every joint; the bending stiffness is 0.095 uN mm^2
DAMPING_TIME = 0.1  # s, damping of a joint over its stiffness; relaxed muscle has 0.025, contracted 0.125
CONTROL_STEP = 0.05  # s
NUM_CONTROLS = JOINTS + 2 * LINKS  # torques, and the drag on every link along and across it

# Where in qpos the joints lie, from head to tail: MuJoCo lists those before the middle link backwards.
_PLACES = Constant(3 + np.concatenate([np.arange(MIDDLE)[::-1], np.arange(MIDDLE, JOINTS)]))
# The body's centre, seen from the middle of the middle link, is this combination of the links' directions.
_LEVERS = Constant(
    np.sign(MIDDLE - np.arange(LINKS))
    * (LINK / LINKS * (np.minimum(np.arange(LINKS), np.arange(LINKS)[::-1]) + 0.5))
    + 0j
)


def bends(qpos: Array) -> Array:
    """Returns the joint angles from head to tail, [W, 24], in rad.

    Args:
        qpos: Positions, float64 [W, 27].
    """
    return qpos[:, _PLACES.beside(qpos, exact=True)]


def bent(angles: np.ndarray) -> np.ndarray:
    """Returns positions [W, 27] of bodies that point along +x on the whole.

    Args:
        angles: Their joint angles, [W, 24], in rad.
    """
    qpos = np.zeros((len(angles), 3 + JOINTS))
    qpos[:, _PLACES.beside(qpos)] = angles
    qpos[:, 2] = -np.angle(directions(qpos).sum(1))
    return qpos


def directions(qpos: Array) -> Array:
    """Returns where each link points, tail to head, as a complex number of size 1: complex [W, 25].

    Args:
        qpos: Positions, float64 [W, 27].
    """
    xp, turned = arrays.namespace(qpos), arrays.zeros(qpos, len(qpos), LINKS)
    xp.cumsum(bends(qpos), axis=1, out=turned[:, 1:])
    return xp.exp(1j * (turned - turned[:, MIDDLE : MIDDLE + 1] + qpos[:, 2:3]))


def centre(qpos: Array, pointing: Array) -> Array:
    """Returns the centre of mass as x + iy, complex [W], in mm.

    Args:
        qpos: Positions, float64 [W, 27].
        pointing: What `directions` returns of them, complex [W, 25].
    """
    return qpos[:, 0] + 1j * qpos[:, 1] + pointing @ _LEVERS.beside(pointing)


def advance(worlds: Engine, control: Array, pieces: int = 1) -> None:
    """Moves every world by one control step.

    Args:
        worlds: W worlds of `model`.
        control: float [W, controls]: in the first 24 columns the share of its greatest torque at which each
            joint is bent, in [-1, 1]; zero in the others.
        pieces: How many pieces the step is cut into. `python -m benchmarks.worm_step` compares them; over 200
            control steps some controllers part from the reference with one piece and with two.
    """
    step = CONTROL_STEP / pieces
    for _ in range(pieces):
        start = arrays.copied(worlds.qpos)
        first = _velocity(worlds, control)
        worlds.qpos[:] = start + step / 2 * first
        second = _velocity(worlds, control)
        worlds.qpos[:] = start + step * (2 * second - first)
        third = _velocity(worlds, control)
        worlds.qpos[:] = start + step / 6 * (first + 4 * second + third)


def _velocity(worlds: Engine, control: Array) -> Array:
    """Returns the velocities [W, 27] at which all forces balance where the worlds are, and moves them on."""
    worlds.step(control, 1)
    return arrays.copied(worlds.qvel)


def nose_first(qpos: np.ndarray) -> np.ndarray:
    """Returns positions of `model` as positions of `picture`, [W, 27], in metres and rad.

    Args:
        qpos: Positions of `model`, [W, 27], in millimetres and rad.
    """
    pointing = directions(qpos)
    root = qpos[:, 0] + 1j * qpos[:, 1]
    nose = root + LINK * (pointing[:, 1:MIDDLE].sum(1) + (pointing[:, 0] + pointing[:, MIDDLE]) / 2)
    heading = qpos[:, 2] - bends(qpos)[:, :MIDDLE].sum(1)
    return np.column_stack([1e-3 * nose.real, 1e-3 * nose.imag, heading, bends(qpos)])


@cache
def model(strength: float, drag: float, physics_step: float = CONTROL_STEP) -> mujoco.MjModel:
    """Returns the compiled body.

    Args:
        strength: Angle in rad to which full torque bends a joint that its elasticity alone resists.
        drag: Drag across the body over that along it.
        physics_step: Seconds of a physics step; for velocities alone, as `advance` asks for, any will do.
    """
    import mujoco

    return mujoco.MjModel.from_xml_string(mjcf(strength, drag, physics_step))


@cache
def picture() -> mujoco.MjModel:
    """Returns the same body in metres as a chain from head to tail, to be looked at and not to be moved."""
    import mujoco

    text = (
        f'<mujoco><compiler boundmass="1" boundinertia="1"/><worldbody>{_tree(0, 1e-3)}</worldbody></mujoco>'
    )
    return mujoco.MjModel.from_xml_string(text)


def mjcf(strength: float, drag: float, physics_step: float = CONTROL_STEP) -> str:
    """Returns the body as MJCF.

    Args:
        strength: Angle in rad to which full torque bends a joint that its elasticity alone resists.
        drag: Drag across the body over that along it.
        physics_step: Seconds of a physics step.
    """
    motors = "".join(f'<motor joint="joint{i}" gear="{strength * STIFFNESS}"/>' for i in range(1, LINKS))
    across = NORMAL_DRAG * LINK
    resistance = "".join(
        f'<general site="link{i}" gear="{axis} 0 0 0 0" biastype="affine" biasprm="0 0 {-force}"/>'
        for i in range(LINKS)
        for axis, force in (("1 0", across / drag), ("0 1", across))
    )
    return f"""<mujoco model="worm">
      <option timestep="{physics_step}" integrator="implicitfast" gravity="0 0 0">
        <flag warmstart="disable" contact="disable" constraint="disable"/>
      </option>
      <default>
        <joint armature="{ARMATURE}"/>
        <default class="elastic">
          <joint stiffness="{STIFFNESS}" damping="{STIFFNESS * DAMPING_TIME}"/>
        </default>
      </default>
      <worldbody>{_tree(MIDDLE, 1.0)}</worldbody>
      <actuator>{motors}{resistance}</actuator>
    </mujoco>"""


def _tree(root: int, unit: float) -> str:
    """Returns the links as nested bodies, each in a frame at its middle, in units of a millimetre."""
    slides = '<joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 1 0"/>'
    ahead = behind = ""
    for i in range(root):
        ahead = _link(i, unit, LINK, _hinge(i + 1, unit, -1), ahead)
    for i in range(LINKS - 1, root, -1):
        behind = _link(i, unit, -LINK, _hinge(i, unit, 1), behind)
    return _link(root, unit, 0.0, f'{slides}<joint type="hinge" axis="0 0 1"/>', ahead + behind)


def _link(i: int, unit: float, x: float, joints: str, hanging: str) -> str:
    """Returns a link with what hangs on it; x is where its middle lies from that of the link it hangs on."""
    half = unit * LINK / 2
    shape = (
        f'<geom type="capsule" size="{unit * RADIUS}" fromto="{-half} 0 0 {half} 0 0" mass="{MASS / LINKS}"/>'
    )
    return f'<body pos="{unit * x} 0 0">{joints}{shape}<site name="link{i}"/>{hanging}</body>'


def _hinge(number: int, unit: float, side: int) -> str:
    """Returns the joint before a link (side 1), or behind it (side -1, turned so that its sign stays)."""
    x = side * unit * LINK / 2
    elastic = 'class="elastic" ' if unit == 1.0 else ""
    return f'<joint name="joint{number}" {elastic}type="hinge" axis="0 0 {side}" pos="{x} 0 0"/>'
