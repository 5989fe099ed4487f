"""What MuJoCo is spared: searches that find nothing, and its stopwatch."""

from __future__ import annotations

import mujoco
import pytest

from neuroevo.physics.model import lean
from neuroevo.physics.worlds import Worlds

SLIDER = """<mujoco>
  <worldbody><body><joint name="slide" type="slide"/><geom size="0.1" mass="1"/></body></worldbody>
</mujoco>"""


@pytest.mark.parametrize(
    ("shapes", "is_spared"),
    [
        ('<geom size=".1" contype="0" conaffinity="0"/>', "both"),
        ('<geom size=".1" contype="1" conaffinity="2"/>', "both"),
        ('<geom size=".1" contype="1" conaffinity="1"/>', "islands"),
    ],
)
def test_only_what_cannot_matter_is_left_out(shapes: str, is_spared: str) -> None:
    """Contacts are looked for where two shapes may touch, islands where a body has two trees."""
    tree = f'<body><joint type="slide"/>{shapes}</body>'
    bits = mujoco.mjtDisableBit
    for trees, has_islands in ((1, False), (2, True)):
        plain = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{tree * trees}</worldbody></mujoco>")
        flags = lean(plain).opt.disableflags
        assert bool(flags & bits.mjDSBL_CONTACT) == (is_spared == "both")
        assert bool(flags & bits.mjDSBL_ISLAND) != has_islands
        assert plain.opt.disableflags == 0


def test_shapes_that_are_named_as_a_pair_touch() -> None:
    tree = '<body><joint type="slide"/><geom name="{}" size=".1" contype="0" conaffinity="0"/></body>'
    bodies, pair = tree.format("a") + tree.format("b"), '<contact><pair geom1="a" geom2="b"/></contact>'
    plain = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{bodies}</worldbody>{pair}</mujoco>")
    assert not lean(plain).opt.disableflags & mujoco.mjtDisableBit.mjDSBL_CONTACT


def test_stopwatch_stands_still() -> None:
    """Unless somebody else has set one."""
    model, readings = mujoco.MjModel.from_xml_string(SLIDER), []

    def clock() -> float:
        readings.append(1.0)
        return float(len(readings))

    try:
        for set_by_hand in (None, clock):
            mujoco.set_mjcb_time(set_by_hand)
            Worlds(model, 1)
            data = mujoco.MjData(model)
            mujoco.mj_step(model, data)
            timer = data.timer[mujoco.mjtTimer.mjTIMER_STEP]
            assert timer.number == 1
            assert (timer.duration > 0) == bool(readings) == (set_by_hand is clock)
    finally:
        mujoco.set_mjcb_time(None)
        Worlds(model, 1)
