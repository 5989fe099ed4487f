"""Imports run one way, wherever in a file they stand: lazily, for type checkers only, or as a string."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Collection
from pathlib import Path

import pytest

from tests import ROOT

OURS = {"run", "tasks", "populations", "neuroevo", "tests", "benchmarks"}
MAY_IMPORT = {
    "neuroevo": {"neuroevo"},
    "populations": {"neuroevo", "populations"},
    "tasks": {"neuroevo", "tasks"},
    "run.py": {"neuroevo", "populations", "tasks"},
}
FILES = [
    (top, path)
    for top in MAY_IMPORT
    for path in ([ROOT / top] if top.endswith(".py") else sorted((ROOT / top).rglob("*.py")))
]
# Packages and modules of neuroevo, each with those that it may import beside itself; the root imports itself.
ROOT_MODULES = {
    "caches",
    "checkpoint",
    "downloads",
    "errors",
    "extent",
    "files",
    "finder",
    "folders",
    "forms",
    "log",
    "memory",
    "outside",
    "plugins",
    "progress",
    "rows",
    "seal",
    "run_folder",
    "screen",
    "seeds",
    "text",
    "toml",
    "transfers",
    "trust",
}
MAY_IMPORT_INSIDE = {
    **{module: ROOT_MODULES for module in ROOT_MODULES},
    "connectome": ROOT_MODULES,
    "physics": ROOT_MODULES,
    "referee": ROOT_MODULES,
    "wiring": {*ROOT_MODULES, "connectome"},
    "network": {*ROOT_MODULES, "connectome", "wiring"},
    "task": {*ROOT_MODULES, "connectome", "wiring", "network", "physics"},
    "readout": {*ROOT_MODULES, "network", "task"},
    "search": {*ROOT_MODULES, "connectome", "wiring", "network", "task"},
    "workers": {*ROOT_MODULES, "connectome", "wiring", "network", "task", "readout", "physics", "search"},
    "report": {*ROOT_MODULES, "connectome", "wiring", "network", "task", "readout", "physics", "referee"},
}
MAY_IMPORT_INSIDE["experiment"] = {*MAY_IMPORT_INSIDE["workers"], "workers", "referee", "report"}
MAY_IMPORT_INSIDE["checks"] = {*MAY_IMPORT_INSIDE["workers"], "workers"}
MAY_IMPORT_INSIDE["api"] = {*MAY_IMPORT_INSIDE["experiment"], "experiment", "checks"}
MAY_IMPORT_INSIDE["cli"] = MAY_IMPORT_INSIDE["api"]
MAY_IMPORT_INSIDE["__init__"] = {*MAY_IMPORT_INSIDE["api"], "api"}
DOTTED = re.compile(r"(neuroevo|tasks|populations)(\.[a-z_]+)+(:[A-Za-z_]+)?")


def imported(source: str, modules: Collection[str] = ()) -> set[str]:
    """Names of all modules that a file imports, wherever in it; of `from a import b` a.b, if that is one."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            named = (f"{module}.{alias.name}" for alias in node.names)
            names |= {name if name in modules else module for name in named}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if DOTTED.fullmatch(node.value):
                names.add(node.value.partition(":")[0])
    return names


def module_of(path: Path) -> str:
    """The dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for _, path in FILES}
EDGES = {
    module: {
        name for name in imported(path.read_text(encoding="utf-8")) if name in MODULES and name != module
    }
    for module, path in MODULES.items()
}


def room(module: str) -> str:
    """The package of neuroevo that a module is in, or the module where it is in none."""
    return [*module.split("."), "__init__"][1]


def test_every_import_is_seen() -> None:
    source = "import a.b, c\nfrom d.e import f\nfrom . import g\n"
    source += "def h():\n    from i import j\n    import_module('neuroevo.l')\n    load('tasks.m:N')\n"
    seen = {"a.b", "c", "d.e", ".", "i.j", "neuroevo.l", "tasks.m"}
    assert imported(source, {"i", "i.j"}) == seen


@pytest.mark.parametrize(
    ("top", "path"), FILES, ids=lambda x: str(x.relative_to(ROOT)) if isinstance(x, Path) else ""
)
def test_imports_run_one_way(top: str, path: Path) -> None:
    tops = {name.partition(".")[0] for name in imported(path.read_text(encoding="utf-8"))}
    assert "" not in tops, "absolute imports only"
    assert tops & OURS <= MAY_IMPORT[top]


@pytest.mark.parametrize("module", [m for m in EDGES if m.split(".")[0] == "neuroevo"])
def test_packages_import_only_what_is_below_them(module: str) -> None:
    mine = room(module)
    above = {x for x in EDGES[module] if room(x) not in {mine, "__init__", *MAY_IMPORT_INSIDE[mine]}}
    assert not above


def test_there_is_no_circle_of_modules() -> None:
    tuple(graphlib.TopologicalSorter(EDGES).static_order())  # raises CycleError


def test_every_package_has_its_place_in_the_order() -> None:
    rooms = {room(module) for module in EDGES if module.split(".")[0] == "neuroevo"}
    assert rooms == set(MAY_IMPORT_INSIDE)


def test_files_were_found() -> None:
    assert {top: sum(t == top for t, _ in FILES) > 0 for top in MAY_IMPORT} == dict.fromkeys(MAY_IMPORT, True)
    assert len(FILES) > 100


def test_one_file_imports_evotorch() -> None:
    importers = [
        path.relative_to(ROOT).as_posix()
        for _, path in FILES
        if any(name.partition(".")[0] == "evotorch" for name in imported(path.read_text(encoding="utf-8")))
    ]
    assert importers == ["neuroevo/search/gaussian.py"]
