"""Packages: the code that the nodes of a cluster are sent, so that they need not have it.

That is this program, the modules of plug-ins, those that a task names besides, such as the module of an
environment, and what these import from the folder that they lie in. What else is installed is not sent.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from neuroevo.plugins import PluginCall


def packages(calls: Sequence[PluginCall]) -> tuple[str, ...]:
    """Returns files of modules and folders of packages, in the order of their names.

    Args:
        calls: The plug-ins, which have been imported.
    """
    names = {"neuroevo"}
    for call in calls:
        named_by = getattr(call.plugin.target, "imported_modules", None)
        named = [] if named_by is None else named_by(**call.options)
        names |= {name.partition(".")[0] for name in (call.plugin.path.partition(":")[0], *named)}
    places = {name: place for name in names if (place := _place(name)) is not None}
    waiting = [place for name, place in places.items() if name != "neuroevo"]
    while waiting:
        place = waiting.pop()
        for name in sorted(_imported(place)):
            if name not in places and (other := _beside(name, place.parent)) is not None:
                places[name] = other
                waiting.append(other)
    return tuple(str(places[name]) for name in sorted(places))


def _place(name: str) -> Path | None:
    """Returns the file of a module that has been imported, or the folder of a package; None of others."""
    module = sys.modules.get(name)
    where = [*getattr(module, "__path__", ()), getattr(module, "__file__", None)]
    return Path(where[0]) if where[0] else None


def _imported(place: Path) -> set[str]:
    """Returns the first parts of the names that the files of a module or package import, wherever they do."""
    names: set[str] = set()
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        try:
            status = path.stat()
            names |= _names(path, status.st_mtime_ns, status.st_size)
        except (OSError, ValueError, SyntaxError, RecursionError):
            continue  # what cannot be read is not imported either
    return names


@cache
def _names(path: Path, changed: int, size: int) -> frozenset[str]:
    """Returns what a file imports; one that has not changed is not parsed again for the next request."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return frozenset(names)


def _beside(name: str, folder: Path) -> Path | None:
    """Returns where a module lies in a folder; None where it does not, or an installed one goes before."""
    if name in sys.stdlib_module_names:
        return None
    place = _place(name) or _of(_found(name, sys.path)) or _of(_found(name, [str(folder)]))
    return place if place is not None and place.parent.resolve() == folder.resolve() else None


def _found(name: str, path: Iterable[str]) -> list[str]:
    """Returns the places of a module on a path, the first being its package or its file."""
    spec = PathFinder.find_spec(name, list(path))
    if spec is None:
        return []
    return [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else [])]


def _of(places: Sequence[str]) -> Path | None:
    """Returns the first of some places, or None where there is none."""
    return Path(places[0]) if places else None
