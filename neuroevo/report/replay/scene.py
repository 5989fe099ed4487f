"""Bodies in pictures: where MuJoCo's kinematics puts their shapes, projected on a plane and outlined.

Nothing is rendered: no display, no OpenGL. A body whose hinges all stand upright is seen from above, one
whose hinges all lie across its way from the side, any other obliquely; +x always points to the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import mujoco


CIRCLE = 24  # corners of a circle
ABOVE, SIDE, OBLIQUE = "from above", "from the side", "obliquely"
_CAMERA = np.array([-0.25, -1.0, 0.6])  # of an oblique view: from the body towards the eye
_PARALLEL = 0.99  # cosine above which two axes count as parallel


class Scene:
    """A body's shapes in every frame.

    Args:
        model: The compiled body.
        qpos: float64 [T, nq].

    Attributes:
        model: The body.
        qpos: Its positions.
        centre: float64 [T, 3], its centre of mass, metres.
        place: float64 [T, geoms, 3], centres of its shapes, metres.
        turn: float64 [T, geoms, 3, 3], their orientations: columns are a shape's own axes.
        shown: The shapes that are drawn: those of bodies that move, without planes.
        view: "from above", "from the side" or "obliquely".
        axes: float64 [2, 3], the directions in the world that point right and up in the picture.
    """

    def __init__(self, model: mujoco.MjModel, qpos: np.ndarray) -> None:
        import mujoco

        self.model, self.qpos = model, qpos
        data = mujoco.MjData(model)
        self.centre = np.zeros((len(qpos), 3))
        self.place = np.zeros((len(qpos), model.ngeom, 3))
        self.turn = np.zeros((len(qpos), model.ngeom, 3, 3))
        for k, positions in enumerate(qpos):
            data.qpos[:] = positions
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            self.centre[k], self.place[k] = data.subtree_com[0], data.geom_xpos
            self.turn[k] = data.geom_xmat.reshape(-1, 3, 3)
            if k == 0:
                hinges = np.array(model.jnt_type) == mujoco.mjtJoint.mjJNT_HINGE
                self.view, self.axes = _view(data.xaxis[hinges].copy())
        visible = (np.array(model.geom_rgba)[:, 3] > 0) & (np.array(model.geom_bodyid) > 0)
        self.shown = np.flatnonzero(visible & (np.array(model.geom_type) != mujoco.mjtGeom.mjGEOM_PLANE))

    @cached_property
    def ground(self) -> float | None:
        """Height of the ground, metres; None of a body that has none."""
        import mujoco

        planes = np.flatnonzero(np.array(self.model.geom_type) == mujoco.mjtGeom.mjGEOM_PLANE)
        return float(self.place[0, planes[0], 2]) if len(planes) else None

    @cached_property
    def limbs(self) -> np.ndarray:
        """Limb of each shape, int [geoms]: 0, the root of the body; k, the k-th part that hangs on it."""
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
        """Returns points [..., 3] of the world as points [..., 2] of the picture, both in metres."""
        return points @ self.axes.T

    def outline(self, frame: int, geom: int, least: float = 0.0) -> np.ndarray:
        """Returns the outline of a shape in the picture, convex, float64 [corners, 2], metres.

        Args:
            frame: Which frame.
            geom: Which shape.
            least: Radius that its corners are rounded with at least, so that thin shapes are seen.
        """
        points, radius = self._skeleton(geom)
        flat = self.project(self.place[frame, geom] + points @ self.turn[frame, geom].T)
        return hull((flat[:, None] + max(radius, least) * _circle()).reshape(-1, 2))

    def _skeleton(self, geom: int) -> tuple[np.ndarray, float]:
        """Returns points [n, 3] in a shape's own frame, and the radius of the balls round them.

        The convex hull of these balls is the shape.
        """
        import mujoco

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
        names: One a joint.
        angles: float64 [T, joints], rad.
        limbs: Which limb each belongs to, as in `Scene.limbs`.
    """

    names: tuple[str, ...]
    angles: np.ndarray
    limbs: tuple[int, ...]


def joints(scene: Scene) -> Joints:
    """Returns the angles of a body's joints in the order of the model."""
    import mujoco

    model = scene.model
    limb_of = {int(b): int(k) for b, k in zip(model.geom_bodyid, scene.limbs, strict=True)}
    found: list[tuple[str, int, int]] = []
    for j in range(model.njnt):
        body = int(model.jnt_bodyid[j])
        if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_HINGE and model.body_parentid[body] != 0:
            name = mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_JOINT, j) or f"joint {len(found) + 1}"
            found.append((name, int(model.jnt_qposadr[j]), limb_of.get(body, 0)))
    angles = scene.qpos[:, [place for _, place, _ in found]]
    return Joints(tuple(name for name, _, _ in found), angles, tuple(limb for _, _, limb in found))


def hull(points: np.ndarray) -> np.ndarray:
    """Returns the corners of the convex hull of points [n, 2], counterclockwise (Andrew 1979)."""
    ordered = sorted(set(map(tuple, points.tolist())))
    if len(ordered) < 3:
        return np.array(ordered)
    return np.array([*_half(ordered), *_half(ordered[::-1])])


def _half(ordered: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Returns the corners of one half of a hull, without its end; points lie in order along it."""
    chain: list[tuple[float, ...]] = []
    for x, y in ordered:
        while len(chain) > 1:
            (x0, y0), (x1, y1) = chain[-2:]
            if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:  # a turn to the left
                break
            chain.pop()
        chain.append((x, y))
    return chain[:-1]


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
