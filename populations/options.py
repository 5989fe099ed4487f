"""Options that several priors share: explained once, and joined to each prior's own in signature and help.

The shared options are the fields of a frozen dataclass. The command line reads a prior's options from its
signature and types, and `run.py list NAME` shows its docstring, so all three are put together here.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Collection
from dataclasses import fields
from typing import TYPE_CHECKING

from neuroevo.wiring.architecture import Architecture

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_HEADING = re.compile(r"^(Args|Returns|Raises|References):\n", re.M)
_ENTRY = re.compile(r"^    (\w+): ", re.M)


def join_options(
    prior: Callable[..., Architecture],
    rule: Callable[..., object],
    shared: DataclassInstance,
    fixed: Collection[str] = (),
) -> None:
    """Gives a prior the signature, the types and the docstring of its own and its shared options.

    Args:
        prior: The function that is registered, `(connectome, *, seed, **options)`; it is changed in place.
        rule: The function that the author wrote, with the connectome and the prior's own options. Its
            docstring becomes the prior's; what it says of a shared option replaces the shared explanation.
        shared: Shared options with the defaults that this prior gives them; the docstring of their class
            explains each under `Attributes:`.
        fixed: Names of shared options that this prior does not offer.
    """
    source, *options_of_rule = inspect.signature(rule).parameters.values()
    hints = typing.get_type_hints(rule, include_extras=True)
    types = typing.get_type_hints(type(shared), include_extras=True)
    offered = [field.name for field in fields(shared) if field.name not in fixed]
    options = {
        **{p.name: (hints[p.name], p.default) for p in options_of_rule},
        **{name: (types[name], getattr(shared, name)) for name in offered},
    }
    named = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        source.replace(annotation=hints[source.name]),
        inspect.Parameter("seed", named, annotation=int),
        *(inspect.Parameter(k, named, default=v, annotation=t) for k, (t, v) in options.items()),
    ]
    signature = inspect.Signature(parameters, return_annotation=Architecture)
    prior.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": Architecture}
    prior.__dict__["__signature__"] = signature
    prior.__doc__ = _help(rule, type(shared), list(signature.parameters))


def _help(rule: Callable[..., object], shared: type[DataclassInstance], names: list[str]) -> str:
    """Returns the docstring of `rule` as that of a prior with these parameters."""
    head, *parts = _HEADING.split(inspect.getdoc(rule) or "")
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    sections.pop("Returns", None)  # it tells what the rule returns, and every prior returns an architecture
    explained = {
        **_entries((inspect.getdoc(shared) or "").partition("Attributes:\n")[2]),
        "seed": "Equal seeds give equal wirings.",
        **_entries(sections.get("Args", "")),
    }
    args = "".join(f"    {name}: {explained[name]}\n" for name in names)
    rest = "".join(f"\n{title}:\n{body.rstrip()}\n" for title, body in sections.items() if title != "Args")
    return f"{head.rstrip()}\n\nArgs:\n{args}{rest}"


def _entries(section: str) -> dict[str, str]:
    """Returns the explanations in a section of a docstring, by the name that each begins with."""
    _, *parts = _ENTRY.split(section)
    return {name: text.rstrip() for name, text in zip(parts[::2], parts[1::2], strict=True)}
