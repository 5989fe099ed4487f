"""Numbers and words as people read them: counts with their noun, intervals, p-values, lists, broken lines."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

LABEL_WIDTH = 20  # characters after which a label is broken
DOTS = "..."  # in place of the end of a text that is cut


def count(number: int, noun: str) -> str:
    """Returns a number and its noun: 1 seed, 2 seeds.

    Args:
        number: How many there are.
        noun: What there is, in the singular; its plural ends in s.
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def number(value: float | None, places: int | None = None, missing: str = "-") -> str:
    """Returns a figure for a table.

    Args:
        value: The figure; None where there is none.
        places: Number of decimals; None writes three digits, or whole numbers from 1,000 on.
        missing: Text for a figure that is None.
    """
    if value is None:
        return missing
    if places is not None:
        return f"{value:,.{places}f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".removesuffix(".")


def interval(bounds: Sequence[float] | None, places: int | None = None, missing: str = "-") -> str:
    """Returns an interval for a table: [low, high].

    Args:
        bounds: Its two ends; None where there is none.
        places: Number of decimals of both, as in `number`.
        missing: Text for an interval that is None.
    """
    return missing if bounds is None else f"[{number(bounds[0], places)}, {number(bounds[1], places)}]"


def p_text(p: float | None, missing: str = "-") -> str:
    """Returns a p-value for a table: 0.034, or <0.001 for all that are smaller.

    Args:
        p: The p-value, in [0, 1]; None where nothing was tested.
        missing: Text for a p-value that is None.
    """
    return missing if p is None else "<0.001" if p < 0.001 else f"{p:.2g}"


def p_statement(p: float | None, missing: str = "no test") -> str:
    """Returns a p-value for a sentence: p = 0.034, or p < 0.001 for all that are smaller.

    Args:
        p: The p-value, in [0, 1]; None where nothing was tested.
        missing: Text for a p-value that is None.
    """
    if p is None:
        return missing
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def compact(value: float) -> str:
    """Returns a large number in few characters: 950, 65.5k, 1.2M.

    Args:
        value: The number, of either sign.
    """
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"


def option_text(value: object) -> str:
    """Returns the value of an option as the command line writes it: true, 0.5, xavier.

    Args:
        value: A bool, number or text.
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def conjoined(names: Sequence[str]) -> str:
    """Returns names as a phrase: a, b and c.

    Args:
        names: At least one.
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # commands of a terminal; but not a tab or the end of a line
    "\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # directions, and what has no width
    "\ud800-\udfff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"  # halves of characters, and tags
)


def visible(text: str) -> str:
    """Returns a text in which characters that nobody sees, or that a terminal obeys, are written as codes.

    These are control characters but the end of a line, marks of the direction of text, characters without
    a width, and halves of characters. Of most texts there are none, and they are returned as they are.

    Args:
        text: Any text, such as a label.
    """
    return _HIDDEN.sub(_code, text) if _HIDDEN.search(text) else text


def _code(match: re.Match[str]) -> str:
    """Returns the code of a character as Python writes it."""
    number = ord(match[0])
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def one_line(said: object, limit: int | None = None) -> str:
    """Returns a text in one line, with single blanks, and with `visible` characters alone.

    Args:
        said: A text, or an object with one, such as an exception.
        limit: Characters after which the text is cut, which dots then show; None cuts nothing.
    """
    text = visible(" ".join(str(said).split()))
    return text if limit is None or len(text) <= limit else f"{text[:limit]}{DOTS}"


def wrap(label: str, width: int = LABEL_WIDTH) -> str:
    """Returns a label in several lines, broken before a comma or colon where there is one.

    Args:
        label: Label of a genome, such as `null:modules=true,neuron=ltc`; it holds few blanks.
        width: Characters of a line at most.
    """
    lines, label = [""], visible(label)
    for part in re.findall(r"[,:]?[^,:]*", label):
        for piece in [part] if len(part) <= width else re.findall(r"[^=_\- ]*[=_\- ]?", part):
            for chunk in [piece[i : i + width] for i in range(0, len(piece), width)]:
                if len(lines[-1] + chunk.rstrip()) > width:
                    lines.append("")
                lines[-1] += chunk
    return "\n".join(line.strip() for line in lines) or label


def fill(text: str, width: int) -> str:
    """Returns a text in several lines, broken between words but not at hyphens.

    Args:
        text: A sentence, say.
        width: Characters of a line at most.
    """
    return textwrap.fill(text, width, break_on_hyphens=False)


def typeset(figure: str) -> str:
    """Returns a figure with a real minus sign.

    Args:
        figure: Numbers as text.
    """
    return figure.replace("-", "−")


def breakable(label: str) -> list[str]:
    """Returns a label in parts between which a line may break: before a colon or comma, after = or _.

    Args:
        label: Label of a genome or task.
    """
    return re.split(r"(?=[:,]\S)|(?<=[=_])", visible(label))
