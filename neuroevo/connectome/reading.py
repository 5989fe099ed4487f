"""How a wiring is read: which columns mean what, and what becomes of double edges, autapses and weak ones.

A `Reading` is what the flags `--columns`, `--duplicates`, `--autapses`, `--min-weight`, `--select` and
`--signs` say. What it did is told, with its counts, by `account.Account`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from neuroevo.errors import OptionError, unknown

DUPLICATES = ("refuse", "sum", "max")
AUTAPSES = ("refuse", "drop")
MEANINGS = (  # what a column of edges or cells can mean
    *("pre", "post", "kind", "weight", "sign", "transmitter", "confidence"),
    *("name", "role", "class", "x", "y", "z", "input", "output"),
)
NOTHING = "-"  # in place of a header: the file has no such column, whatever its headers are called
OF_FILES = ("columns", "duplicates", "autapses")  # what says nothing about a wiring that is no file


@dataclass(frozen=True)
class Reading:
    """How a wiring is read.

    Attributes:
        columns: Header of the column that has each meaning, where its name does not tell; `NOTHING` where
            none has it.
        duplicates: What becomes of an edge that stands several times: "refuse", "sum" or "max" of weights.
        autapses: What becomes of edges from a cell to itself: "refuse" or "drop".
        min_weight: Edges of less weight are left out, once duplicates are summed.
        select: Cells that are read, by column of the table of cells: those with one of the values in each.
        signs: Rule that gives cells their signs, see `signs`; None takes what the file says.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    duplicates: str = "refuse"
    autapses: str = "refuse"
    min_weight: float = 0.0
    select: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    signs: str | None = None

    @classmethod
    def of(
        cls,
        columns: str | None = None,
        duplicates: str | None = None,
        autapses: str | None = None,
        min_weight: str | None = None,
        select: str | None = None,
        signs: str | None = None,
    ) -> Reading:
        """Returns what some texts say, those of the command line; None leaves a choice as it usually is.

        Args:
            columns: "pre=pre_root_id,post=post_root_id".
            duplicates: One of DUPLICATES.
            autapses: One of AUTAPSES.
            min_weight: A number, 0 or greater.
            select: "superclass=motor+descending,side=left".
            signs: Name of a rule; whether there is one of that name is for `signs` to say.

        Raises:
            OptionError: If a text is not of its form.
        """
        named = _pairs("columns", columns, "pre=pre_root_id,post=post_root_id")
        for meaning in named:
            if meaning not in MEANINGS:
                raise OptionError(unknown("meaning of a column in 'columns'", meaning, MEANINGS))
        for name, value, known in (
            ("duplicates", duplicates, DUPLICATES),
            ("autapses", autapses, AUTAPSES),
        ):
            if value is not None and value not in known:
                raise OptionError(unknown(name, value, known))
        chosen = _pairs("select", select, "superclass=motor+descending,side=left")
        return cls(
            named,
            duplicates or "refuse",
            autapses or "refuse",
            _weight(min_weight),
            {column.lower(): tuple(v.strip() for v in text.split("+")) for column, text in chosen.items()},
            signs,
        )

    @property
    def of_file(self) -> list[str]:
        """Names of what was asked for that only a file can answer."""
        usual = Reading()
        return [name for name in OF_FILES if getattr(self, name) != getattr(usual, name)]


def _weight(text: str | None) -> float:
    """Returns the smallest weight of an edge that is read."""
    try:
        weight = float(text or 0)
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise OptionError(f"Option 'min-weight' is {text!r}; wanted a number, 0 or greater.")
    return weight


def _pairs(name: str, text: str | None, example: str) -> dict[str, str]:
    """Returns what a list of NAME=VALUE says."""
    pairs: dict[str, str] = {}
    for part in text.split(",") if text is not None else ():
        key, equals, value = (x.strip() for x in part.partition("="))
        if not (key and equals and value):
            raise OptionError(f"Option {name!r} has {part!r}; wanted NAME=VALUE, such as {example}.")
        if key in pairs:
            raise OptionError(f"Option {name!r} has {key!r} twice; give it once.")
        pairs[key] = value
    return pairs
