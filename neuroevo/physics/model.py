"""Compiled bodies: read from MJCF, rid of what only costs time; and MuJoCo's warnings, counted."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mujoco


_num_warnings = 0  # of MuJoCo's, in this process, from any thread


def num_warnings() -> int:
    """Returns how many warnings MuJoCo has given in this process since `count_warnings`."""
    return _num_warnings


def count_warnings() -> None:
    """Has MuJoCo's warnings counted in place of written to a file in the working folder."""
    import mujoco

    mujoco.set_mju_user_warning(_count_warning)


def lean(model: mujoco.MjModel) -> mujoco.MjModel:
    """Returns a copy of a body that moves as it does, to the bit, in less time.

    Contacts are not looked for where no two shapes may touch. Nor is it looked for which constraints have
    nothing to do with each other where all joints are in one tree: MuJoCo takes a tree as a whole.

    Args:
        model: The compiled body; not modified.
    """
    import mujoco

    model, flags = copy.copy(model), mujoco.mjtDisableBit
    touching, touched = model.geom_contype, model.geom_conaffinity
    may_touch = (touching[:, None] & touched).any() or model.npair
    if not may_touch and not model.nflex:
        model.opt.disableflags |= flags.mjDSBL_CONTACT
    if model.ntree <= 1:
        model.opt.disableflags |= flags.mjDSBL_ISLAND
    return model


def read_model(path: str | Path) -> mujoco.MjModel:
    """Returns the body in a file of MJCF, compiled; MuJoCo's remarks on it are not shown.

    Args:
        path: The file.
    """
    import mujoco

    count_warnings()
    return mujoco.MjModel.from_xml_path(str(path))


def _count_warning(_: str) -> None:
    """Takes a warning of MuJoCo's, from any thread."""
    global _num_warnings
    _num_warnings += 1
