"""A body in motion as a GIF, drawn shape by shape with Pillow.

`schedule` chooses which moments of an episode a film shows and how fast, `windows` what part of the plane. A
film may show several bodies, each in a lane of its own, at the same moments and on the same scale. Behind a
body lie its path and pale prints of where it was, so that the last frame alone, which is also given as a
still, shows the whole way.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import matplotlib
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from neuroevo.report.figures.canvas import GRID, INK, PALETTE, PAPER, SOFT
from neuroevo.report.replay.scene import SIDE, Scene
from neuroevo.text import one_line

Frame = TypeVar("Frame")

MAX_SECONDS = 8.0  # played, at real speed; longer episodes are played up to MAX_SPEED times as fast, then cut
MAX_SPEED = 2.0
MAX_FRAMES = 170
LEAST_DELAY = 40  # milliseconds a frame; browsers slow down what is much faster
HOLD = 1_500  # milliseconds that the last frame stays
ASPECT = (0.28, 0.62)  # height over width of a window, least and most
REACH = (6.0, 3.0)  # body sizes, along x and y of the picture, of the longest way that is seen whole
FOLLOWING = (4.0, 2.0)  # body sizes that a window which follows the body has room for
MARGIN = 0.4  # body sizes beside the way, both sides together
FOLLOWED = 0.25  # share of all frames over which the place of a window that moves is averaged

WIDTH = 720  # pixels of the GIF; the still has DETAIL times as many
DETAIL = 2
HEAD = 74  # pixels above the scene, for title and clock
EDGE = 6  # pixels left of the title and right of the clock
MARK = 5  # pixels, width of the mark before a title
PRINTS_APART = 1.15  # body sizes between two prints
LEAST_RADIUS = 3.0  # pixels, of the corners of a shape
HALO = 1.4  # pixels of background round a shape, which tells it from what lies behind
FADED = 0.78  # how far the colour of a print has gone towards the background
SHADES = 3  # steps of every colour towards the background, for smooth edges
LINES_APART = 100  # pixels between lines of the grid, at least
MAX_BYTES = 1_200_000  # of a GIF; a film that takes more is shown with every second frame


@dataclass(frozen=True, eq=False)
class Schedule:
    """The moments of an episode that are played, and how fast.

    Attributes:
        frames: int [F], indices into the positions of a recording.
        delays: Time that each of the F frames stays, milliseconds, multiples of 10.
        speed: Speed of the film, as a multiple of real speed.
        is_whole: Whether the episode is played to its end.
    """

    frames: np.ndarray
    delays: tuple[int, ...]
    speed: float
    is_whole: bool


def schedule(num_positions: int, time_step: float) -> Schedule:
    """Returns how an episode is played.

    Args:
        num_positions: Number of positions that were recorded, at least 2.
        time_step: Seconds between two positions.
    """
    num_steps = min(num_positions - 1, max(1, int(MAX_SECONDS * MAX_SPEED / time_step)))
    speed = MAX_SPEED if num_steps * time_step > MAX_SECONDS else 1.0
    stride = max(math.ceil(num_steps / (MAX_FRAMES - 1)), round(LEAST_DELAY * speed / 1000 / time_step), 1)
    frames = np.unique([*range(0, num_steps, stride), num_steps])
    delay = max(20, 10 * math.ceil(100 * stride * time_step / speed - 1e-9))
    delays = (*[delay] * (len(frames) - 1), HOLD)
    return Schedule(frames, delays, 1000 * stride * time_step / delay, num_steps == num_positions - 1)


@dataclass(frozen=True, eq=False)
class Window:
    """The part of the picture's plane that is seen.

    Attributes:
        middle: float64 [F, 2], middle of the window in every frame, metres.
        size: Width and height of the window, metres.
        body: Largest extent of the body, metres.
    """

    middle: np.ndarray
    size: tuple[float, float]
    body: float

    def corner(self, frame: int) -> np.ndarray:
        """Returns the upper left corner of the window, float64 [2], metres.

        Args:
            frame: Frame in 0..F - 1.
        """
        return self.middle[frame] + np.array([-0.5, 0.5]) * self.size


@dataclass(frozen=True, eq=False)
class Lane:
    """One body of a film, below which another may be shown at the same moments.

    Attributes:
        scene: The body in the F frames that are played.
        title: Title, written on every frame.
        detail: A line below the title: what a viewer must know.
        color: Colour of the mark before the title, as #rrggbb; "" for none.
    """

    scene: Scene
    title: str
    detail: str
    color: str = ""

    def limb_color(self, limb: int) -> str:
        """Returns the colour of a limb: the lane's, where all but the root of the body is one limb.

        Args:
            limb: Number of the limb, as in `Scene.limbs`.
        """
        is_chain = int(self.scene.limbs[self.scene.shown].max(initial=0)) == 1
        return self.color if self.color and limb and is_chain else limb_color(limb)


def windows(scenes: Sequence[Scene]) -> list[Window]:
    """Returns windows of one size that hold bodies' whole ways or, where these are too long, follow them.

    Where the whole ways are seen, the windows show the same stretch of them, so that it can be seen which
    body has gone farther.

    Args:
        scenes: Bodies in the frames that are played.
    """
    extents = [_extent(scene) for scene in scenes]
    body = max(float((high - low).max()) for low, high in extents)
    middles, spans = [np.zeros((len(low), 2)) for low, _ in extents], [0.0, 0.0]
    for axis in range(2):
        first = [low[:, axis].min() for low, _ in extents]
        last = [high[:, axis].max() for _, high in extents]
        if axis == 0:  # along the way all windows have the same ends
            first, last = [min(first)] * len(first), [max(last)] * len(last)
        fits = max(b - a for a, b in zip(first, last, strict=True)) <= REACH[axis] * body
        for middle, scene, a, b in zip(middles, scenes, first, last, strict=True):
            middle[:, axis] = (a + b) / 2 if fits else smooth(scene.project(scene.centre)[:, axis])
        longest = max(b - a for a, b in zip(first, last, strict=True))
        spans[axis] = (longest if fits else FOLLOWING[axis] * body) + MARGIN * body
    width = max(spans[0], spans[1] / ASPECT[1])
    size = (width, max(spans[1], width * ASPECT[0]))
    return [Window(middle, size, body) for middle in middles]


def _extent(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Returns the lower left and the upper right corner of a body in every frame, [F, 2], metres."""
    flat = scene.project(scene.place[:, scene.shown])  # [F, shapes, 2]
    radius = np.array(scene.model.geom_rbound)[scene.shown][:, None]
    low, high = (flat - radius).min(1), (flat + radius).max(1)
    if scene.view == SIDE and scene.ground is not None:
        low[:, 1] = np.minimum(low[:, 1], scene.ground)
    return low, high


def smooth(values: np.ndarray) -> np.ndarray:
    """Returns values averaged over their neighbours, float64 [F], so that a window glides.

    Args:
        values: float64 [F], a coordinate over time.
    """
    reach = max(1, round(FOLLOWED * len(values) / 2))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    near = np.minimum(np.minimum(at, at[::-1]), reach)  # fewer towards the ends, as many on either side
    return (sums[at + near + 1] - sums[at - near]) / (2 * near + 1)


def film(lanes: Sequence[Lane], played: Schedule, time_step: float) -> tuple[bytes, bytes]:
    """Returns a GIF of bodies, one below the other, and its last frame as PNG in DETAIL times as many pixels.

    Args:
        lanes: The bodies, each in the F frames that are played; at least one.
        played: The moments of the episode that these frames show.
        time_step: Seconds between two positions of the recordings.
    """
    views = windows([lane.scene for lane in lanes])
    painters = [_Painter(lane, view) for lane, view in zip(lanes, views, strict=True)]
    palette = _palette(lanes)
    frames, image = [], Image.new("RGB", (1, 1))
    for k, moment in enumerate(played.frames):
        image = _stacked([painter.frame(k, float(moment) * time_step) for painter in painters])
        small = image.resize((WIDTH, image.height // DETAIL), Image.Resampling.BOX)
        frames.append(small.quantize(palette=palette, dither=Image.Dither.NONE))
    gif, delays = _gif(frames, played.delays), played.delays
    while len(gif) > MAX_BYTES and len(frames) > 2:
        frames, delays = thinned(frames, delays)
        gif = _gif(frames, delays)
    return gif, _png(image)


def _stacked(images: Sequence[Image.Image]) -> Image.Image:
    """Returns images of one width below each other."""
    if len(images) == 1:
        return images[0]
    whole = Image.new("RGB", (images[0].width, sum(image.height for image in images)), PAPER)
    top = 0
    for image in images:
        whole.paste(image, (0, top))
        top += image.height
    return whole


def thinned(frames: list[Frame], delays: tuple[int, ...]) -> tuple[list[Frame], tuple[int, ...]]:
    """Returns every second frame and the last, with delays that take as long together.

    Args:
        frames: At least two frames of a film.
        delays: Time that each frame stays, milliseconds.
    """
    remaining = [*range(0, len(frames) - 1, 2), len(frames) - 1]
    sums = [sum(delays[start:end]) for start, end in pairwise([*remaining, len(frames)])]
    return [frames[k] for k in remaining], tuple(sums)


class _Painter:
    """Draws the frames of a lane."""

    def __init__(self, lane: Lane, view: Window) -> None:
        self._lane = lane
        self._scene = scene = lane.scene
        self._window = view
        self._scale = DETAIL * WIDTH / self._window.size[0]  # pixels a metre
        self._way = scene.project(scene.centre)
        self._height = DETAIL * round(self._window.size[1] * self._scale / DETAIL)
        self._prints = _prints(self._way, PRINTS_APART * self._window.body)
        self._spacing = _round_number(DETAIL * LINES_APART / self._scale)

    def frame(self, k: int, seconds: float) -> Image.Image:
        """Returns a frame of the film: the scene, and words above it."""
        scene = Image.new("RGB", (DETAIL * WIDTH, self._height), PAPER)
        draw = ImageDraw.Draw(scene)
        self._draw_grid(draw, k)
        for earlier in (p for p in self._prints if p < k):
            self._draw_body(draw, earlier, k, faded=True)
        if k:
            draw.line(
                self._pixels(self._way[: k + 1], k), fill=SOFT, width=round(1.5 * DETAIL), joint="curve"
            )
        self._draw_body(draw, k, k, faded=False)
        self._draw_scale(draw)
        image = Image.new("RGB", (DETAIL * WIDTH, self._height + DETAIL * HEAD), PAPER)
        image.paste(scene, (0, DETAIL * HEAD))
        self._write(ImageDraw.Draw(image), k, seconds)
        return image

    def _pixels(self, points: np.ndarray, frame: int) -> list[tuple[float, float]]:
        """Returns points [n, 2] of the picture's plane as pixels of the scene in a frame."""
        away = (points - self._window.corner(frame)) * self._scale
        return [(x, -y) for x, y in away.tolist()]

    def _draw_body(self, draw: ImageDraw.ImageDraw, moment: int, frame: int, *, faded: bool) -> None:
        """Draws the body as it was at a moment."""
        least, halo = (DETAIL * pixels / self._scale for pixels in (LEAST_RADIUS, HALO))
        for geom in self._scene.order:
            color = self._lane.limb_color(int(self._scene.limbs[geom]))
            outlines = [(least, mixed(color, FADED) if faded else color)]
            if not faded:
                outlines.insert(0, (least + halo, PAPER))
            for radius, fill in outlines:
                outline = self._scene.outline(moment, int(geom), radius)
                draw.polygon(self._pixels(outline, frame), fill=fill)

    def _draw_grid(self, draw: ImageDraw.ImageDraw, frame: int) -> None:
        """Draws lines a round distance apart: on the ground, or in the plane of a body that has none."""
        scene, is_side = self._scene, self._scene.view == SIDE
        width, height = self._window.size
        ground = scene.ground if scene.ground is not None else 0.0
        other = 2 if is_side else 1  # the axis of the world that crosses x
        middle = np.array(scene.centre[frame])
        middle[[0, other]] += (self._window.middle[frame] - self._way[frame]) @ scene.axes[:, [0, other]]
        reach = 4 * max(width, height)
        for axis, across in ((0, other), (other, 0)):
            if is_side and axis == other:
                continue
            first, last = (np.array([-0.5, 0.5]) * 2 * reach + middle[axis]) / self._spacing
            for line in np.arange(np.ceil(first), last) * self._spacing:
                ends = np.zeros((2, 3))
                ends[:, 2] = ground
                ends[:, axis], ends[:, across] = line, middle[across] + np.array([-reach, reach])
                if is_side and scene.ground is not None:
                    ends[0, 2] = ground
                draw.line(self._pixels(scene.project(ends), frame), fill=GRID, width=DETAIL)
        if is_side and scene.ground is not None:
            (_, top), *_ = self._pixels(np.array([[0.0, ground]]), frame)
            draw.rectangle((0, top, DETAIL * WIDTH, self._height), fill=mixed(GRID, 0.45))
            draw.line((0, top, DETAIL * WIDTH, top), fill=SOFT, width=DETAIL)

    def _draw_scale(self, draw: ImageDraw.ImageDraw) -> None:
        """Draws a bar as long as the lines of the grid are apart, and its length."""
        length = self._spacing * self._scale
        x, y, tick = DETAIL * (EDGE + 4), self._height - DETAIL * 10, DETAIL * 4
        font, words = _font(15), f"{self._spacing:g} m"
        box = draw.textbbox((x + length / 2, y - tick), words, font=font, anchor="mb")
        draw.rectangle(
            (x - tick, box[1] - tick, max(x + length, box[2]) + tick, y + tick + DETAIL), fill=PAPER
        )
        draw.line((x, y, x + length, y), fill=INK, width=2 * DETAIL)
        for end in (x, x + length):
            draw.line((end, y - tick, end, y + tick), fill=INK, width=2 * DETAIL)
        draw.text((x + length / 2, y - tick), words, font=font, anchor="mb", fill=INK)

    def _write(self, draw: ImageDraw.ImageDraw, k: int, seconds: float) -> None:
        """Writes the title at the left; time and distance at the right."""
        title, detail = self._lane.title, self._lane.detail
        right, left = DETAIL * (WIDTH - EDGE), DETAIL * EDGE
        if self._lane.color:
            draw.rectangle((left, DETAIL * 12, left + DETAIL * MARK, DETAIL * 60), fill=self._lane.color)
            left += 2 * DETAIL * MARK
        forward = self._scene.centre[k, 0] - self._scene.centre[0, 0]
        room = right - left - draw.textlength("+000.00 m forward", font=_font(16)) - DETAIL * 16
        draw.text((left, DETAIL * 10), _shortened(title, room, 21, bold=True), INK, _font(21, bold=True))
        draw.text((left, DETAIL * 42), _shortened(detail, room, 16), SOFT, _font(16))
        draw.text((right, DETAIL * 10), f"{seconds:.1f} s", INK, _font(21, bold=True), anchor="ra")
        distance = f"{round(forward, 2) + 0.0:+.2f} m forward".replace("-", "−")
        draw.text((right, DETAIL * 42), distance, SOFT, _font(16), anchor="ra")


def limb_color(limb: int) -> str:
    """Returns the colour of a limb, as #rrggbb.

    Args:
        limb: Number of the limb, as in `Scene.limbs`: 0 is the root of a body, its trunk or head.
    """
    return PALETTE[(limb - 1) % len(PALETTE)] if limb else INK


def mixed(color: str, share: float) -> str:
    """Returns a colour with a share of the background in it, as #rrggbb.

    Args:
        color: The colour, as #rrggbb.
        share: Share of the background, in [0, 1].
    """
    pairs = (([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in (color, PAPER))
    parts = [round(a + share * (b - a)) for a, b in zip(*pairs, strict=True)]
    return "#" + "".join(f"{part:02x}" for part in parts)


def _palette(lanes: Sequence[Lane]) -> Image.Image:
    """Returns the colours of a film, as Pillow wants them: all that is drawn, and shades for smooth edges."""
    inks = [lane.limb_color(int(x)) for lane in lanes for x in np.unique(lane.scene.limbs[lane.scene.shown])]
    inks += [mixed(ink, FADED) for ink in inks] + [INK, SOFT, GRID, mixed(GRID, 0.45)]
    inks += [lane.color for lane in lanes if lane.color]
    shades = [mixed(ink, share) for ink in inks for share in np.linspace(0, 1, SHADES)]
    colors = [ImageColor.getrgb(color)[:3] for color in dict.fromkeys(shades)][:256]
    image = Image.new("P", (1, 1))
    image.putpalette([channel for color in colors for channel in color])
    return image


def _gif(frames: list[Image.Image], delays: tuple[int, ...]) -> bytes:
    """Returns a GIF that plays again and again."""
    buffer = io.BytesIO()
    first, *rest = frames
    first.save(
        buffer, "GIF", save_all=True, append_images=rest, duration=list(delays), loop=0, optimize=False
    )
    return buffer.getvalue()


def _png(image: Image.Image) -> bytes:
    """Returns an image as PNG."""
    buffer = io.BytesIO()
    image.quantize(256).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


@cache
def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Returns the font of all figures in pixels of the GIF."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(str(path), DETAIL * size)


def _shortened(text: str, room: float, size: int, *, bold: bool = False) -> str:
    """Returns a text that fits into a number of pixels."""
    text, font = one_line(text), _font(size, bold=bold)
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(f"{text}…") > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _prints(way: np.ndarray, apart: float) -> list[int]:
    """Returns the moments of a way [F, 2] at which the body has gone so far since the last of them."""
    moments = [0]
    for k, place in enumerate(way):
        if np.linalg.norm(place - way[moments[-1]]) >= apart:
            moments.append(k)
    return moments


def _round_number(least: float) -> float:
    """Returns 1, 2 or 5 times a power of ten, no less than a length."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(f * power for f in (1, 2, 5, 10) if f * power >= least * (1 - 1e-9)))
