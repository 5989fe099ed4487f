"""Values of a request that are given by task: `X` for all tasks, or `TASK=X` for one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from neuroevo.errors import OptionError, require_text, unknown


def margins(texts: Sequence[str], labels: Iterable[str]) -> dict[str, float | None]:
    """Returns the smallest difference that matters by task label; None where no margin is given.

    Args:
        texts: Margins, each `X` for all tasks or `TASK=X`; that of one task wins over that of all.
        labels: Labels of the tasks.

    Raises:
        OptionError: If a margin is not of its form, is of an unknown task or is given twice.
    """
    return _numbers("margin", texts, list(labels), 0.0)


def targets(texts: Sequence[str], labels: Iterable[str]) -> dict[str, float | None]:
    """Returns the fitness at which lineages end by task label; None where they have all their generations.

    Args:
        texts: Targets, each `X` for all tasks or `TASK=X`; that of one task wins over that of all.
        labels: Labels of the tasks.

    Raises:
        OptionError: If a target is not of its form, is of an unknown task or is given twice.
    """
    return _numbers("target", texts, list(labels), -math.inf)


def _numbers(what: str, texts: Sequence[str], labels: Sequence[str], above: float) -> dict[str, float | None]:
    """Returns numbers by task label, each finite and above a bound, from texts `X` or `TASK=X`."""
    given: dict[str, float] = {}
    for text in texts:
        label, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            unit = " in the unit of the score" if what == "margin" else ""
            raise OptionError(f"Cannot read {what} {text!r}; wanted X or TASK=X, X a number{unit}.") from None
        if label and label not in labels:
            raise OptionError(unknown(f"task in {what}", label, labels))
        if not above < value < math.inf:
            more = "" if above == -math.inf else f" greater than {above:g}"
            raise OptionError(f"{what.capitalize()} {text!r} is {value:g}; wanted a finite number{more}.")
        if label in given:
            raise OptionError(f"The {what} of {label or 'all tasks'} is given twice; give it once.")
        given[label] = value
    return {label: given.get(label, given.get("")) for label in labels}


def units(texts: Sequence[str], labels: Iterable[str]) -> dict[str, str | None]:
    """Returns the unit of scores by task label; None where none is given.

    Args:
        texts: Units, each `X` for all tasks or `TASK=X`; that of one task wins over that of all.
        labels: Labels of the tasks.

    Raises:
        OptionError: If a unit is empty or cannot be printed, is of an unknown task or is given twice.
    """
    known, given = list(labels), dict[str, str]()
    for text in texts:
        label, _, unit = text.rpartition("=")
        require_text("Option '--unit'", text)
        if label and label not in known:
            raise OptionError(unknown("task in unit", label, known))
        if not unit.strip() or not unit.isprintable():
            raise OptionError(f"Unit {text!r} is none; wanted X or TASK=X, such as s or m/s.")
        if label in given:
            raise OptionError(f"The unit of {label or 'all tasks'} is given twice; give it once.")
        given[label] = unit.strip()
    return {label: given.get(label, given.get("")) for label in known}
