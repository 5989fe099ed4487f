"""Bodies in pictures: drawn where MuJoCo's kinematics puts them, in films of the length they say."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuroevo.physics.recording import Film, Recording
from neuroevo.physics.worlds import Worlds
from neuroevo.report.replay.film import (
    HOLD,
    MAX_BYTES,
    MAX_SECONDS,
    Lane,
    film,
    schedule,
    smooth,
    thinned,
    windows,
)
from neuroevo.report.replay.scene import Scene, hull, joints
from tasks import swimmer


@pytest.fixture(scope="module")
def recording() -> Recording:
    """A swimmer in its fluid, bent by a travelling sine for 30 steps."""
    body = swimmer.model(6)
    worlds, taken = Worlds(body, 2), Film(1)
    worlds.reset()
    taken.take(worlds.qpos)
    for step in range(30):
        wave = np.sin(0.25 * step - 1.1 * np.arange(5))
        worlds.step(np.stack([0 * wave, wave]), swimmer.SUBSTEPS)
        taken.take(worlds.qpos)
    return taken.recording(body, swimmer.CONTROL_STEP, 0.0, is_chain=True)


# --- the body is drawn where it was -------------------------------------------------------------------


def test_links_are_drawn_where_the_joint_angles_put_them(recording):
    scene = Scene(recording.model, recording.qpos)
    # A link's heading is the sum of the angles up to it; it reaches back from its front by its length.
    heading = np.cumsum(recording.qpos[:, 2:], axis=1)[:, :, None]
    along = swimmer.LINK_LENGTH * np.concatenate([np.cos(heading), np.sin(heading)], axis=2)
    fronts = recording.qpos[:, None, :2] - np.cumsum(along, axis=1) + along
    np.testing.assert_allclose(scene.project(scene.place), fronts - along / 2, atol=1e-12)
    np.testing.assert_allclose(scene.centre[:, 0], swimmer.centre_of_mass(recording.qpos), atol=1e-12)
    outline = scene.outline(15, 2)
    ends = np.linalg.norm(outline[:, None] - outline, axis=2).max()
    assert ends == pytest.approx(np.hypot(swimmer.LINK_LENGTH, 0.002), abs=1e-12)  # the diagonal of a fin
    np.testing.assert_allclose(outline.mean(0), (fronts - along / 2)[15, 2], atol=1e-12)


SHAPES = """<mujoco><worldbody><geom type="plane" size="9 9 1" pos="0 0 -.5"/><body>
  <joint type="slide" axis="1 0 0"/><joint name="root" type="hinge" axis="0 1 0"/>
  <geom type="capsule" size=".1 .3" euler="0 90 0"/><geom type="sphere" size=".2" pos="0 0 1"/>
  <body pos="1 0 0"><joint name="knee" type="hinge" axis="0 1 0"/><geom type="box" size=".1 .2 .3"/>
    <geom type="ellipsoid" size=".1 .2 .3" pos="0 0 2"/><geom type="cylinder" size=".1 .3" pos="0 0 -2"/>
  </body></body></worldbody></mujoco>"""


def test_shapes_of_all_kinds_have_their_extent_in_the_picture():
    import mujoco

    scene = Scene(mujoco.MjModel.from_xml_string(SHAPES), np.array([[0.0, 0, 0], [2.0, 0, np.pi / 2]]))
    assert scene.view == "from the side" and scene.ground == -0.5
    assert scene.shown.tolist() == [1, 2, 3, 4, 5] and scene.limbs.tolist() == [0, 0, 0, 1, 1, 1]
    half = [(0.4, 0.1), (0.2, 0.2), (0.1, 0.3), (0.1, 0.3), (0.1, 0.3)]
    for geom, (wide, high) in zip(scene.shown, half, strict=True):
        for frame in range(2):
            outline = scene.outline(frame, int(geom))
            turned = frame == 1 and geom > 2  # the knee has turned by a right angle
            extent = (high, wide) if turned else (wide, high)
            middle = scene.project(scene.place[frame, geom])
            np.testing.assert_allclose(outline.max(0) - middle, extent, atol=1e-9)
            np.testing.assert_allclose(middle - outline.min(0), extent, atol=1e-9)
    hinges = joints(scene)
    assert hinges.names == ("knee",) and hinges.limbs == (1,)  # the root's own hinge turns all of the body
    np.testing.assert_array_equal(hinges.angles[:, 0], [0, np.pi / 2])


def test_kinematics_of_contacting_bodies_are_those_of_mujoco():
    mujoco = pytest.importorskip("mujoco")
    assets = Path(pytest.importorskip("gymnasium").__file__).parent / "envs" / "mujoco" / "assets"
    for name, view in (("half_cheetah", "from the side"), ("ant", "obliquely"), ("swimmer", "from above")):
        model = mujoco.MjModel.from_xml_path(str(assets / f"{name}.xml"))
        data, rng = mujoco.MjData(model), np.random.default_rng(1)
        positions, places = [], []
        for _ in range(20):
            data.ctrl[:] = rng.uniform(-1, 1, model.nu)
            mujoco.mj_step(model, data, 5)
            mujoco.mj_forward(model, data)
            positions.append(data.qpos.copy())
            places.append(data.geom_xpos.copy())
        scene = Scene(model, np.array(positions))
        assert scene.view == view
        np.testing.assert_allclose(scene.place, places, atol=1e-12)
        np.testing.assert_allclose(scene.axes @ scene.axes.T, np.eye(2), atol=1e-12)


def test_hull_is_convex_and_holds_all_points():
    points = np.random.default_rng(0).normal(size=(60, 2))
    corners = hull(points)
    edges = np.roll(corners, -1, axis=0) - corners
    for corner, edge in zip(corners, edges, strict=True):
        away = points - corner
        assert (edge[0] * away[:, 1] - edge[1] * away[:, 0] >= -1e-12).all()
    assert len(hull(np.zeros((5, 2)))) == 1


# --- the film -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_steps", [1, 7, 60, 500, 1000, 4000])
@pytest.mark.parametrize("time_step", [0.008, 0.03, 0.05])
def test_films_are_short_and_say_how_fast_they_are(num_steps, time_step):
    played = schedule(num_steps + 1, time_step)
    seconds, longest = num_steps * time_step, MAX_SECONDS * 2
    end = played.frames[-1] * time_step
    assert played.frames[0] == 0 and (np.diff(played.frames) > 0).all()
    assert played.is_whole == (played.frames[-1] == num_steps) == (seconds < longest + time_step)
    assert end >= min(seconds, longest) - 1.001 * time_step
    assert len(played.frames) <= 171 and all(delay % 10 == 0 for delay in played.delays)
    assert sum(played.delays) - HOLD <= 10_800
    if len(played.frames) > 20:
        shown = (sum(played.delays) - HOLD) / 1000
        assert end / shown == pytest.approx(played.speed, rel=0.05)
        assert played.speed <= 2


def test_gif_has_the_frames_and_the_duration_declared(recording):
    played = schedule(len(recording.qpos), recording.time_step)
    scene = Scene(recording.model, recording.qpos[played.frames])
    gif, still = film([Lane(scene, "<title> " * 30, "detail")], played, recording.time_step)
    image = Image.open(io.BytesIO(gif))
    delays = []
    for k in range(image.n_frames):
        image.seek(k)
        delays.append(image.info["duration"])
    assert tuple(delays) == played.delays and len(delays) == len(played.frames) > 20
    assert image.info["loop"] == 0 and len(gif) < MAX_BYTES
    large = Image.open(io.BytesIO(still))
    assert (large.width, large.height) == (2 * image.width, 2 * image.height)
    again, _ = film([Lane(scene, "<title> " * 30, "detail")], played, recording.time_step)
    assert again == gif


def test_thinned_film_takes_as_long():
    for length in (3, 4, 9):
        frames, delays = thinned(list(range(length)), tuple(range(10, 10 * length + 1, 10)))
        assert frames[0] == 0 and frames[-1] == length - 1 and len(frames) == len(delays) < length
        assert sum(delays) == sum(range(10, 10 * length + 1, 10))


def test_window_holds_the_whole_way_or_follows_the_body():
    model, positions = swimmer.model(3), np.zeros((50, 5))
    for length, follows in ((1.0, False), (40.0, True)):
        positions[:, 0] = np.linspace(0, length, 50)
        scene = Scene(model, positions)
        view = windows([scene])[0]
        assert (np.ptp(view.middle[:, 0]) > 0) == follows
        right = view.middle[:, 0] + view.size[0] / 2
        assert (scene.place[:, :, 0].max(1) < right).all()
        assert (scene.place[:, :, 0].min(1) > right - view.size[0]).all()
    np.testing.assert_allclose(smooth(positions[:, 0]), positions[:, 0])  # what glides already is kept


def test_two_bodies_share_the_stretch_and_the_scale_that_are_seen():
    model, near, far = swimmer.model(3), np.zeros((50, 5)), np.zeros((50, 5))
    near[:, 0], far[:, 0], far[:, 1] = np.linspace(0, 0.2, 50), np.linspace(0, 1.0, 50), 0.3
    scenes = [Scene(model, near), Scene(model, far)]
    one, other = windows(scenes)
    assert one.size == other.size and one.body == other.body
    np.testing.assert_array_equal(one.middle[:, 0], other.middle[:, 0])
    for scene, view in zip(scenes, (one, other), strict=True):
        low, high = view.middle - np.array(view.size) / 2, view.middle + np.array(view.size) / 2
        assert (scene.place[:, :, :2] > low[:, None]).all() and (scene.place[:, :, :2] < high[:, None]).all()


def test_two_equal_bodies_are_drawn_alike_at_every_moment(recording):
    played = schedule(30, recording.time_step)
    scene = Scene(recording.model, recording.qpos[played.frames])
    lane = Lane(scene, "title", "detail", "#009e73")
    alone, _ = film([lane], played, recording.time_step)
    both, still = film([lane, lane], played, recording.time_step)
    single, double = Image.open(io.BytesIO(alone)), Image.open(io.BytesIO(both))
    assert double.n_frames == single.n_frames == len(played.frames)
    for k in range(double.n_frames):
        single.seek(k)
        double.seek(k)
        frame, height = np.asarray(double.convert("RGB")), single.height
        np.testing.assert_array_equal(frame[:height], frame[height:])
        np.testing.assert_array_equal(frame[:height], np.asarray(single.convert("RGB")))
    large = np.asarray(Image.open(io.BytesIO(still)).convert("RGB"))
    assert large.shape[0] == 4 * single.height
    assert (
        np.abs(large.astype(int) - [0x00, 0x9E, 0x73]).sum(2) < 12
    ).sum() > 1000  # the body has its colour
