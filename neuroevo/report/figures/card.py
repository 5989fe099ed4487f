"""The card of a report, for those who share it: its question, its verdict and its main figure."""

from __future__ import annotations

import io
from bisect import bisect_right
from functools import cache
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from neuroevo.report.figures.canvas import INK, PALETTE, PAPER, SOFT
from neuroevo.report.model import RunReport
from neuroevo.text import DOTS, one_line

SIZE = (1200, 630)  # pixels, as those who show cards of pages ask for
EDGE = 56
COLUMN = 560  # width of the words where a figure stands beside them
BAR = 12  # width of the mark at the left
LARGEST, SMALLEST = 54, 30  # points of the question, which shrinks until it has room
TITLE_HEIGHT = 250
BODY, FOOT = 25, 20
LAST = SIZE[1] - EDGE - FOOT  # height of the line at the foot
FIGURE = (SIZE[0] - COLUMN - 2 * EDGE, LAST - EDGE - 10)
LEADING = 1.28
MOST = 500  # characters of a text, of which a card has no room for more


def card(run: RunReport, figure: bytes | None) -> bytes:
    """Returns the card as a PNG file of 1200 by 630 pixels; equal reports give equal bytes.

    Args:
        run: The run.
        figure: A figure of it, as a PNG file; None where there is none.
    """
    image = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, BAR, SIZE[1]), fill=PALETTE[0])
    room = COLUMN if figure else SIZE[0] - 2 * EDGE
    y = float(EDGE)
    points, lines = _fitting(run.question or run.name, room, TITLE_HEIGHT)
    y = _write(draw, lines, y, _font(points, bold=True), INK)
    y += 22
    y = _write(draw, [run.verdict.upper()], y, _font(22, bold=True), PALETTE[0]) + 4
    most = max(1, int((LAST - 20 - y) / (BODY * LEADING)))
    _write(draw, _cut(_wrapped(run.sentence, _font(BODY), room), most), y, _font(BODY), INK)
    seal = f"sealed request {run.seals[0][:12]}" if run.seals else ""
    signed = " · ".join(x for x in ("neuroevo", run.author, run.date, seal) if x)
    draw.text((EDGE, LAST), _cut(_wrapped(signed, _font(FOOT), SIZE[0] - 2 * EDGE), 1)[0], SOFT, _font(FOOT))
    if figure:
        drawn = Image.open(io.BytesIO(figure)).convert("RGB")
        scale = min(FIGURE[0] / drawn.width, FIGURE[1] / drawn.height)
        size = round(drawn.width * scale), round(drawn.height * scale)
        place = SIZE[0] - EDGE // 2 - size[0], (EDGE + LAST - size[1]) // 2
        image.paste(drawn.resize(size, Image.Resampling.LANCZOS), place)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _fitting(text: str, width: float, height: float) -> tuple[int, list[str]]:
    """Returns the largest size at which a text has room, and its lines; cut where it has none at all."""
    for size in range(LARGEST, SMALLEST - 1, -2):
        lines = _wrapped(text, _font(size, bold=True), width)
        if len(lines) * size * LEADING <= height:
            return size, lines
    lines = _wrapped(text, _font(SMALLEST, bold=True), width)
    return SMALLEST, _cut(lines, int(height / SMALLEST / LEADING))


def _write(
    draw: ImageDraw.ImageDraw, lines: list[str], y: float, font: ImageFont.FreeTypeFont, color: str
) -> float:
    """Writes lines from a height on, and returns the height below them."""
    for line in lines:
        draw.text((EDGE, y), line, color, font)
        y += font.size * LEADING
    return y


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Returns a text in lines that have room; a word that has none is broken."""
    lines = [""]
    for word in one_line(text, MOST).split():
        rest = word
        while rest:
            joined = f"{lines[-1]} {rest}".strip()
            if font.getlength(joined) <= width:
                lines[-1], rest = joined, ""
            elif lines[-1]:
                lines.append("")
            else:
                lengths = range(1, len(rest) + 1)
                fits = max(1, bisect_right(lengths, width, key=lambda k: font.getlength(rest[:k])))
                lines[-1], rest = rest[:fits], rest[fits:]
                lines.append("")
    return [line for line in lines if line] or [""]


def _cut(lines: list[str], most: int) -> list[str]:
    """Returns the first lines, with dots where more would follow."""
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1][:-3].rstrip()}{DOTS}"]


@cache
def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Returns a font of matplotlib's, which is there wherever matplotlib is."""
    name = f"DejaVuSans{'-Bold' if bold else ''}.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)
