"""Imports run one way: run.py, then tasks and populations, then neuroevo."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
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


def imported(source: str) -> set[str]:
    """Names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if (
                name in ("import_module", "__import__")
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(str(node.args[0].value))
    return found


def test_every_import_is_seen() -> None:
    source = "import a.b, c\nfrom d.e import f\nfrom . import g\n"
    source += "def h():\n    from i import j\n    import_module('k.l')\n"
    assert imported(source) == {"a.b", "c", "d.e", ".", "i", "k.l"}


@pytest.mark.parametrize(
    ("top", "path"), FILES, ids=lambda x: str(x.relative_to(ROOT)) if isinstance(x, Path) else ""
)
def test_imports_run_one_way(top: str, path: Path) -> None:
    tops = {name.partition(".")[0] for name in imported(path.read_text(encoding="utf-8"))}
    assert "" not in tops, "absolute imports only"
    assert tops & OURS <= MAY_IMPORT[top]


def test_files_were_found() -> None:
    assert {top: sum(t == top for t, _ in FILES) > 0 for top in MAY_IMPORT} == dict.fromkeys(MAY_IMPORT, True)
    assert len(FILES) > 20


def test_one_file_imports_evotorch() -> None:
    importers = [
        path.relative_to(ROOT).as_posix()
        for _, path in FILES
        if any(name.partition(".")[0] == "evotorch" for name in imported(path.read_text(encoding="utf-8")))
    ]
    assert importers == ["neuroevo/search_evotorch.py"]
