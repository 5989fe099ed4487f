"""MuJoCo's stopwatch, stopped.

MuJoCo reads a clock before and after each stage of a physics step, for `MjData.timer`. Of a small body's
step that takes a quarter, and nothing here reads it. Its Python package installs the clock when it is
imported, and puts it back where `set_mjcb_time` is given None, so another takes its place: one that always
says zero, compiled, for MuJoCo calls it from threads that do not hold Python's lock.

Importing this module imports numba, so `worlds` does so on first use.
"""

from __future__ import annotations

import mujoco
from numba import cfunc


@cfunc("float64()", cache=True)
def _zero() -> float:
    """The time, in milliseconds."""
    return 0.0


def stop() -> None:
    """Stops the stopwatch in this process, unless somebody has set one by `mujoco.set_mjcb_time`."""
    if mujoco.get_mjcb_time() is None:
        mujoco.set_mjcb_time(_zero.ctypes)
