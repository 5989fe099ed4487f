"""Numbers and words as people read them: counts with their noun, intervals, p values, wrapped labels."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from html import escape

LABEL_WIDTH = 20  # characters after which a label is broken


def count(number: int, what: str) -> str:
    """Returns a number and its noun: 1 seed, 2 seeds."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def number(value: float | None, places: int | None = None, missing: str = "-") -> str:
    """Returns a figure with so many decimals, by default to three digits, or `missing` for None."""
    if value is None:
        return missing
    if places is not None:
        return f"{value:,.{places}f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".removesuffix(".")


def interval(bounds: Sequence[float] | None, places: int | None = None, missing: str = "-") -> str:
    """Returns an interval as [low, high], or `missing` for None."""
    return missing if bounds is None else f"[{number(bounds[0], places)}, {number(bounds[1], places)}]"


def p_text(p: float | None, missing: str = "-") -> str:
    """Returns a p-value to two digits, below 0.001 only that it is, or `missing` for None."""
    return missing if p is None else "<0.001" if p < 0.001 else f"{p:.2g}"


def _within(bounds: Sequence[float] | None, places: int | None = None) -> str:
    return "" if bounds is None else f"95 % interval {interval(bounds, places)}; "


def label(genome: str) -> str:
    """Returns a label that may break before a colon or comma, and after an equals sign or underscore."""
    return "<wbr>".join(map(escape, re.split("(?=[:,])|(?<=[=_])", genome)))


def compact(number: float) -> str:
    """Returns a count in few characters: 950, 65.5k, 1.2M."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{suffix}"
    return f"{number:.3g}"


def wrap(label: str, width: int = LABEL_WIDTH) -> str:
    """Returns a label in lines of `width`, broken before a comma or colon where there is one."""
    lines = [""]
    for part in re.findall(r"[,:]?[^,:]*", label):
        for piece in [part] if len(part) <= width else re.findall(r"[^=_\- ]*[=_\- ]?", part):
            for chunk in [piece[i : i + width] for i in range(0, len(piece), width)]:
                if len(lines[-1] + chunk.rstrip()) > width:
                    lines.append("")
                lines[-1] += chunk
    return "\n".join(line.strip() for line in lines) or label


def fill(text: str, width: int) -> str:
    """Returns a text in lines of `width`."""
    return textwrap.fill(text, width, break_on_hyphens=False)
