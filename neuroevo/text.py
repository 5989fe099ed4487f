"""Numbers and words as people read them: counts with their noun, intervals, p-values, lists, broken lines."""

from __future__ import annotations

import itertools
import math
import re
import textwrap
from collections.abc import Iterator, Sequence

LABEL_WIDTH = 20  # characters after which a label is broken
DOTS = "..."  # in place of the end of a text that is cut
MOST_PLACES = 9  # decimals of a figure; smaller ones are written with exponents
LONGEST_WHOLE = 12  # digits before the point, beyond which a figure is written with an exponent
MOST_FURTHER = 3  # decimals beyond three digits, before figures are written each by itself
ROUNDING = 1e-9  # difference of two figures, as a share of the largest, that is none
LEVEL = 0.05  # error rate of tests, which no p beside it may be written as


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
        places: Number of decimals; None writes three digits, or whole numbers from 1,000 on. Figures of more
            than `LONGEST_WHOLE` digits before the point are written with an exponent.
        missing: Text for a figure that is None.
    """
    if value is None:
        return missing
    if abs(value) >= 10.0**LONGEST_WHOLE or not math.isfinite(value):
        return f"{value:.3g}"
    if places is None and abs(value) < 999.5:
        text = f"{value:#.3g}".removesuffix(".")
    else:
        text = f"{value:,.{places or 0}f}"
    if any(digit in text for digit in "123456789"):
        return text
    return f"{value:.2e}" if value and places == MOST_PLACES else text.removeprefix("-")


def figures(values: Sequence[float], places: int | None = None) -> list[str]:
    """Returns figures that stand side by side, with as many digits as show them apart.

    They have the same decimals: those given, or three digits of the largest, and up to `MOST_FURTHER` more so
    that no two that differ look alike, and without decimals given none looks like 0 that is not. Where that
    is not enough each is written by itself, as `number` does, or with an exponent. Values that differ by less
    than one part in a billion of the largest are taken for one: what lies between them is rounding.

    Args:
        values: The figures.
        places: Number of decimals at least; None begins with three digits of the largest.
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    values = [0.0 if abs(value) <= ROUNDING * largest else value for value in values]
    shown = values if places is not None else [*values, 0.0]  # nothing but 0 is to look like it
    if places is None:
        places = max(0, 2 - math.floor(math.log10(largest))) if largest else 2
    apart = (texts for texts in _written(shown, places) if _are_apart(shown, texts, largest))
    return next(apart, [number(value) for value in values])[: len(values)]


def _written(values: Sequence[float], places: int) -> Iterator[list[str]]:
    """Yields ways to write figures, with more and more digits."""
    for more in range(places, min(places + MOST_FURTHER, MOST_PLACES) + 1):  # none of the smallest
        yield [number(value, more) for value in values]
    yield [number(value) for value in values]
    for digits in range(2, MOST_PLACES):
        yield [f"{value:.{digits}e}" for value in values]


def _are_apart(values: Sequence[float], texts: Sequence[str], largest: float) -> bool:
    """Says whether no two figures that differ by more than rounding, neighbours in size, look alike."""
    pairs = sorted(zip(values, texts, strict=True), key=lambda pair: pair[0])
    return all(
        a == b or b - a <= ROUNDING * largest or text != other
        for (a, text), (b, other) in itertools.pairwise(pairs)
    )


def signed(figure: str) -> str:
    """Returns a figure with its sign, which a positive one has too; zero has none.

    Args:
        figure: A number as text.
    """
    return figure if figure[:1] == "-" or not any(digit in figure for digit in "123456789") else f"+{figure}"


def percentages(shares: Sequence[float]) -> list[str]:
    """Returns shares of a whole in per cent, with as many digits as show them apart, and from none and all.

    Args:
        shares: In [0, 1], or beyond.
    """
    values = [100 * share for share in shares]
    return [f"{text}%" for text in figures([0.0, *values, 100.0], places=0)[1:-1]]


def interval(bounds: Sequence[float] | None, places: int | None = None, missing: str = "-") -> str:
    """Returns an interval for a table: [low, high], with as many digits as show its ends apart.

    Args:
        bounds: Its two ends; None where there is none.
        places: Number of decimals of both at least, as in `number`.
        missing: Text for an interval that is None.
    """
    return missing if bounds is None else f"[{', '.join(figures(bounds, places))}]"


def p_text(p: float | None, missing: str = "-") -> str:
    """Returns a p-value for a table: 0.034, or <0.001 for all that are smaller.

    It has two digits, and more where two would write it as 0.05, which it is not.

    Args:
        p: The p-value, in [0, 1]; None where nothing was tested.
        missing: Text for a p-value that is None.
    """
    if p is None:
        return missing
    if p < 0.001:
        return "<0.001"
    texts = (f"{p:.{digits}g}" for digits in range(2, 9))
    return next((text for text in texts if p == LEVEL or float(text) != LEVEL), f"{p:.2g}")


def p_statement(p: float | None, missing: str = "no test") -> str:
    """Returns a p-value for a sentence: p = 0.034, or p < 0.001 for all that are smaller.

    Args:
        p: The p-value, in [0, 1]; None where nothing was tested.
        missing: Text for a p-value that is None.
    """
    if p is None:
        return missing
    return "p < 0.001" if p < 0.001 else f"p = {p_text(p)}"


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
