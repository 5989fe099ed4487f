"""Forms: what values that come from a file have to be, all the way down, made from the types of rows.

A value of another type, a whole number beyond 64 bits and a figure beyond `MOST` are damage, which is told
with its key. What a search or a task computes may be larger, and is let through: see `BOUNDLESS`.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import msgspec

MOST = 1e100  # of a figure: its square is finite, and so is the sum of many
LARGEST = 2**63 - 1  # of a whole number
NEEDED = ("task", "genome", "graph", "seed", "sha256")  # keys that no version has left out where they belong
BOUNDLESS = {  # columns that hold what was computed, whatever came of it
    *("score", "untrained_score", "tuned_score", "episode_scores"),
    *("fitness", "fitness_mean", "fitness_best", "fitness_centre", "difference"),
}


@dataclass(frozen=True)
class Form:
    """What a value has to be.

    Attributes:
        rows: TypedDicts; a key that several have may be what any of them says.
        is_complete: Whether no key may be missing; else those of `NEEDED` alone must be there.
    """

    rows: tuple[type, ...]
    is_complete: bool = False

    @cached_property
    def hint(self) -> Any:  # msgspec takes types of every kind
        """The form as a type that msgspec knows, made when the first value is held against it."""
        return _merged(self.rows, self.is_complete)

    def fault(self, value: object) -> str:
        """Returns what is wrong with a value, with the key; "" where it is right.

        Args:
            value: As it came from JSON or TOML.
        """
        try:
            msgspec.convert(value, self.hint)
        except (msgspec.ValidationError, RecursionError) as error:
            what, _, where = str(error).partition(" - at ")
            place = where.strip("`").removeprefix("$").lstrip(".")
            return f"{place}: {what.lower()}" if place else what.lower()
        return ""


def _merged(rows: Sequence[type], is_complete: bool) -> Any:
    """Returns one TypedDict with the keys of several."""
    hints: dict[str, list[Any]] = {}
    optional: set[str] = set()
    for row in rows:
        for name, hint in get_type_hints(row, include_extras=True).items():
            if get_origin(hint) is NotRequired:
                optional.add(name)
                (hint,) = get_args(hint)
            hints.setdefault(name, []).append(_inner(hint, is_complete, name in BOUNDLESS))
    whole = {name: Union[tuple(options)] for name, options in hints.items()}  # noqa: UP007 (of a list)
    is_lineage = len(rows) == 1 and bool({"graph", "sha256"} & whole.keys())
    is_needed = {
        name: (is_complete and name not in optional) or (is_lineage and name in NEEDED) for name in whole
    }
    base = TypedDict(f"{rows[0].__name__}Needed", {k: v for k, v in whole.items() if is_needed[k]})  # type: ignore[misc]
    rest = {k: v for k, v in whole.items() if not is_needed[k]}
    namespace = {"__annotations__": rest, "__module__": __name__}
    return types.new_class(rows[0].__name__, (base,), {"total": False}, lambda space: space.update(namespace))


def _inner(hint: Any, is_complete: bool, is_boundless: bool) -> Any:
    """Returns a type within a form."""
    if is_typeddict(hint):
        return _merged((hint,), is_complete)
    if hint is int:
        return Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
    if hint is float:
        return float if is_boundless else Annotated[float, msgspec.Meta(ge=-MOST, le=MOST)]
    if hint is object:
        return Any
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal or not inner:
        return hint
    parts = tuple(_inner(part, is_complete, is_boundless) for part in inner)
    if origin in (Union, types.UnionType):
        return Union[parts]  # noqa: UP007 (of a tuple)
    if origin in (Mapping, dict):
        return dict.__class_getitem__(parts)
    if origin in (Sequence, list):
        return list.__class_getitem__(*parts)
    return tuple[parts] if origin is tuple else hint  # type: ignore[valid-type]
