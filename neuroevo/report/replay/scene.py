"""Bodies in pictures: where MuJoCo's kinematics puts their shapes, projected on a plane and outlined.

Nothing is rendered: no display, no OpenGL. A body whose hinges all stand upright is seen from above, one
whose hinges all lie across its way from the side, any other obliquely; +x always points to the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np
from scipy.spatial import ConvexHull, QhullError

CIRCLE = 24  # corners of a circle
ABOVE, SIDE, OBLIQUE = "from above", "from the side", "obliquely"
_CAMERA = np.array([-0.25, -1.0, 0.6])  # of an oblique view: from the body towards the eye
_PARALLEL = 0.99  # cosine above which two axes count as parallel


class Scene:
    """The shapes of a body in T frames.

    Args:
        model: The compiled body, in metres.
        qpos: float64 [T, nq], MuJoCo's positions in every frame.

    Attributes:
        model: The compiled body.
        qpos: float64 [T, nq], MuJoCo's positions.
        centre: float64 [T, 3], the body's centre of mass, metres.
        place: float64 [T, geoms, 3], centres of the shapes, metres.
        turn: float64 [T, geoms, 3, 3], orientations of the shapes: columns are a shape's own axes.
        shown: int [n], the shapes that are drawn: those of bodies that move, without planes.
        view: How the body is seen: "from above", "from the side" or "obliquely".
        axes: float64 [2, 3], the directions in the world that point right and up in the picture.
    """

    def __init__(self, model: mujoco.MjModel, qpos: np.ndarray) -> None:
        self.model = model
        self.qpos = qpos
        data = mujoco.MjData(model)
        self.centre = np.zeros((len(qpos), 3))
        self.place = np.zeros((len(qpos), model.ngeom, 3))
        self.turn = np.zeros((len(qpos), model.ngeom, 3, 3))
        for k, positions in enumerate(qpos):
            data.qpos[:] = positions
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            self.centre[k] = data.subtree_com[0]
            self.place[k] = data.geom_xpos
            self.turn[k] = data.geom_xmat.reshape(-1, 3, 3)
            if k == 0:
                hinges = np.array(model.jnt_type) == mujoco.mjtJoint.mjJNT_HINGE
                view = _view(data.xaxis[hinges].copy())
        self.view: str = view[0]
        self.axes: np.ndarray = view[1]
        visible = (np.array(model.geom_rgba)[:, 3] > 0) & (np.array(model.geom_bodyid) > 0)
        self.shown = np.flatnonzero(visible & (np.array(model.geom_type) != mujoco.mjtGeom.mjGEOM_PLANE))

    @cached_property
    def ground(self) -> float | None:
        """Height of the ground in metres, or None where there is no ground."""
        planes = np.flatnonzero(np.array(self.model.geom_type) == mujoco.mjtGeom.mjGEOM_PLANE)
        return float(self.place[0, planes[0], 2]) if len(planes) else None

    @cached_property
    def limbs(self) -> np.ndarray:
        """Limb of each shape, int [geoms]: 0 is the root of the body, k the k-th part that hangs on it."""
        parents, root_of = np.array(self.model.body_parentid), np.zeros(self.model.nbody, int)
        number = 0
        for body in range(1, self.model.nbody):  # a parent comes before its children
            if parents[body] == 0:
                continue
            if parents[parents[body]] == 0:
                number += 1
                root_of[body] = number
            else:
                root_of[body] = root_of[parents[body]]
        return root_of[np.array(self.model.geom_bodyid)]

    @cached_property
    def order(self) -> np.ndarray:
        """The shapes that are drawn, farthest from the eye first, as they stand in the first frame."""
        toward = np.cross(self.axes[0], self.axes[1])
        depth = (self.place[0, self.shown] @ toward).round(9)
        return self.shown[np.argsort(depth, kind="stable")]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Returns points of the picture's plane, [..., 2], metres.

        Args:
            points: Points of the world, [..., 3], metres.
        """
        return points @ self.axes.T

    def outline(self, frame: int, geom: int, least: float = 0.0) -> np.ndarray:
        """Returns the outline of a shape in the picture, convex, float64 [corners, 2], metres.

        Args:
            frame: Frame in 0..T - 1.
            geom: Number of the shape in the model.
            least: Radius in metres that corners are rounded with at least, so that thin shapes are seen.
        """
        points, radius = self._skeleton(geom)
        flat = self.project(self.place[frame, geom] + points @ self.turn[frame, geom].T)
        return hull((flat[:, None] + max(radius, least) * _circle()).reshape(-1, 2))

    def _skeleton(self, geom: int) -> tuple[np.ndarray, float]:
        """Returns points [n, 3] in a shape's own frame, and the radius of the balls round them.

        The convex hull of these balls is the shape.
        """
        kinds, kind = mujoco.mjtGeom, int(self.model.geom_type[geom])
        size, long = np.array(self.model.geom_size[geom]), np.array([0.0, 0.0, 1.0])
        if kind == kinds.mjGEOM_SPHERE:
            return np.zeros((1, 3)), size[0]
        if kind == kinds.mjGEOM_CAPSULE:
            return np.stack([-size[1] * long, size[1] * long]), size[0]
        if kind == kinds.mjGEOM_CYLINDER:
            ring = np.hstack([size[0] * _circle(), np.zeros((CIRCLE, 1))])
            return np.concatenate([ring - size[1] * long, ring + size[1] * long]), 0.0
        if kind == kinds.mjGEOM_ELLIPSOID:
            return _ball() * size, 0.0
        if kind == kinds.mjGEOM_MESH:
            mesh = int(self.model.geom_dataid[geom])
            first, number = self.model.mesh_vertadr[mesh], self.model.mesh_vertnum[mesh]
            return np.array(self.model.mesh_vert[first : first + number], float), 0.0
        return np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * size, 0.0  # a box


@dataclass(frozen=True)
class Joints:
    """The hinges of a body but for those of its root, which turn all of it.

    Attributes:
        names: Name of each joint.
        angles: float64 [T, joints], angles over time, rad.
        limbs: Limb that each joint belongs to, as in `Scene.limbs`.
    """

    names: tuple[str, ...]
    angles: np.ndarray
    limbs: tuple[int, ...]


def joints(scene: Scene) -> Joints:
    """Returns the angles of a body's joints in the order of the model.

    Args:
        scene: The body in T frames.
    """
    model = scene.model
    limb_of = {int(b): int(k) for b, k in zip(model.geom_bodyid, scene.limbs, strict=True)}
    names: list[str] = []
    addresses: list[int] = []  # of the angle in qpos
    limbs: list[int] = []
    for j in range(model.njnt):
        body = int(model.jnt_bodyid[j])
        if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_HINGE and model.body_parentid[body] != 0:
            name = mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_JOINT, j) or f"joint {len(names) + 1}"
            names.append(name)
            addresses.append(int(model.jnt_qposadr[j]))
            limbs.append(limb_of.get(body, 0))
    return Joints(tuple(names), scene.qpos[:, addresses], tuple(limbs))


def hull(points: np.ndarray) -> np.ndarray:
    """Returns the corners of the convex hull of points, counterclockwise, float64 [corners, 2].

    Args:
        points: float64 [n, 2]. Of points on one line the ends are returned, of equal points one.
    """
    try:
        return points[ConvexHull(points).vertices]
    except QhullError:  # the points span no area
        ordered = np.unique(points, axis=0)
        return ordered[[0, -1]] if len(ordered) > 1 else ordered


def _view(hinges: np.ndarray) -> tuple[str, np.ndarray]:
    """Returns how a body with hinges along these axes, [n, 3], is seen, and the picture's axes [2, 3]."""
    for axis, view, up in ((2, ABOVE, (0.0, 1.0, 0.0)), (1, SIDE, (0.0, 0.0, 1.0))):
        if len(hinges) and (np.abs(hinges[:, axis]) > _PARALLEL).all():
            return view, np.array([(1.0, 0.0, 0.0), up])
    right = np.cross([0.0, 0.0, 1.0], _CAMERA)
    axes = np.stack([right, np.cross(_CAMERA, right)])
    return OBLIQUE, axes / np.linalg.norm(axes, axis=1, keepdims=True)


def _circle() -> np.ndarray:
    """Returns points of the unit circle, float64 [CIRCLE, 2]."""
    angle = np.linspace(0, 2 * np.pi, CIRCLE, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _ball() -> np.ndarray:
    """Returns points of the unit sphere, float64 [n, 3]."""
    height = np.linspace(-1, 1, CIRCLE // 2 + 1)[:, None, None]
    ring = np.sqrt(1 - height**2) * _circle()
    return np.concatenate([ring, np.broadcast_to(height, (len(height), CIRCLE, 1))], axis=2).reshape(-1, 3)
