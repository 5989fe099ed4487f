"""Rules of the house that no linter knows: short functions, names that say what a thing is, whole docstrings.

A file of more than LONG_FILE lines is a warning: one concept a file matters more than its length.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import ROOT

MOST_LINES = 50  # of code in a function
LONG_FILE = 600  # lines
SAY_NOTHING = {"found", "own", "kept", "seen", "made", "told"}  # participles in place of a name
RIDDLE = re.compile(r"As of `|^Likewise", re.MULTILINE)
SAYS_ALL = re.compile(r"^(Returns|Yields|Says whether|Whether)\b|^\s*(Returns|Yields):", re.MULTILINE)

PACKAGES = {
    **{path.parent.name: path.parent for path in sorted((ROOT / "neuroevo").glob("*/__init__.py"))},
    "root": ROOT / "neuroevo",
    **{name: ROOT / name for name in ("populations", "tasks", "run.py")},
}
# Those that do not keep the rules yet; others are checked.
NOT_YET: set[str] = set()

Function = ast.FunctionDef | ast.AsyncFunctionDef


class LongFile(UserWarning):
    """A file is longer than a reader likes."""


def files(package: Path) -> list[Path]:
    """The files of a package; those of the root are not the packages'."""
    if package.is_file():
        return [package]
    return sorted(package.glob("*.py") if package.name == "neuroevo" else package.rglob("*.py"))


def functions(node: ast.AST, names: tuple[str, ...] = ()) -> Iterator[tuple[Function, str]]:
    """All functions, each with its dotted name; those in a function have `<locals>` in theirs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield child, ".".join((*names, child.name))
            yield from functions(child, (*names, child.name, "<locals>"))
        else:
            yield from functions(child, (*names, child.name) if isinstance(child, ast.ClassDef) else names)


def long_functions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for function, name in functions(tree):
        lines = (function.end_lineno or 0) - function.lineno + 1
        if ast.get_docstring(function) is not None:
            lines -= (function.body[0].end_lineno or 0) - function.body[0].lineno + 1
        if lines > MOST_LINES:
            yield function.lineno, f"{name} has {lines} lines of code"


def names_that_say_nothing(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.FunctionDef(name=name):
                if name in SAY_NOTHING:
                    yield node.lineno, f"{name} does not say what it is"


def attributes_in_one_line(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Tuple) and any(isinstance(x, ast.Attribute) for x in target.elts):
                yield node.lineno, f"{ast.unparse(target)} = ...: one attribute a line"


def missing_sections(function: Function, docstring: str) -> Iterator[str]:
    """Says what a docstring leaves out: arguments, what is returned, what is raised."""
    given = function.args
    arguments = [x.arg for x in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    arguments += [x.arg for x in (given.vararg, given.kwarg) if x]
    for name in arguments:
        described = re.search(rf"^\s+\*{{0,2}}{re.escape(name)}:", docstring, re.MULTILINE)
        if name not in ("self", "cls") and not ("Args:" in docstring and described):
            yield f"no {name} under Args"
    returns = ast.unparse(function.returns) if function.returns else "None"
    is_property = any("property" in ast.unparse(x) for x in function.decorator_list)
    if returns not in ("None", "NoReturn") and not is_property and not SAYS_ALL.search(docstring):
        yield "no Returns"
    if "Raises" not in docstring:
        for node in ast.walk(function):
            if isinstance(node, ast.Raise) and node.exc is not None:
                yield f"no Raises ({ast.unparse(node.exc)[:40]})"
                break


def docstrings_in_part(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for function, name in functions(tree):
        docstring = ast.get_docstring(function) or ""
        if RIDDLE.search(docstring):
            yield function.lineno, f"{name} speaks in riddles"
        is_public = "<locals>" not in name and not any(x.startswith("_") for x in name.split("."))
        if docstring and is_public:  # that there is one is for ruff to say
            yield from ((function.lineno, f"{name}: {x}") for x in missing_sections(function, docstring))


RULES: tuple[Callable[[ast.Module], Iterator[tuple[int, str]]], ...] = (
    long_functions,
    names_that_say_nothing,
    attributes_in_one_line,
    docstrings_in_part,
)


@pytest.mark.filterwarnings("always::tests.test_house.LongFile")
@pytest.mark.parametrize("package", [name for name in PACKAGES if name not in NOT_YET])
def test_package_keeps_the_rules_of_the_house(package: str) -> None:
    violations = []
    for path in files(PACKAGES[package]):
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > LONG_FILE:
            warnings.warn(LongFile(f"{path.relative_to(ROOT)} has {lines} lines"), stacklevel=1)
        tree = ast.parse(text)
        violations += [
            f"{path.relative_to(ROOT)}:{line}: {what}" for rule in RULES for line, what in rule(tree)
        ]
    assert not violations, "\n" + "\n".join(violations)


@pytest.mark.parametrize("package", [name for name in PACKAGES if name not in NOT_YET and name != "root"])
def test_package_says_what_each_of_its_modules_is_for(package: str) -> None:
    if (PACKAGES[package] / "__init__.py").exists():
        said = ast.get_docstring(ast.parse((PACKAGES[package] / "__init__.py").read_text())) or ""
        names = {path.stem for path in PACKAGES[package].glob("*.py")} - {"__init__"}
        assert not sorted(name for name in names if not re.search(rf"\b{name}\b", said))


def test_rules_see_what_they_are_for() -> None:
    source = '''
class Thing:
    def __init__(self) -> None:
        self.a, self.b = 1, 2

    def act(self, force: float, *, well: bool = True) -> int:
        """Does something.

        Args:
            force: In newtons.
        """
        found = 1
        raise ValueError("no")

    @property
    def size(self) -> int:
        """Number of its parts."""

def told(x: int) -> int:
    """As of `Thing`."""

def _long() -> None:
    """Does a lot."""
'''
    tree = ast.parse(source + "    pass\n" * MOST_LINES)
    assert [what for rule in RULES for _, what in rule(tree)] == [
        "_long has 51 lines of code",
        "told does not say what it is",
        "found does not say what it is",
        "(self.a, self.b) = ...: one attribute a line",
        "Thing.act: no well under Args",
        "Thing.act: no Returns",
        "Thing.act: no Raises (ValueError('no'))",
        "told speaks in riddles",
        "told: no x under Args",
        "told: no Returns",
    ]


def test_every_package_has_files() -> None:
    assert NOT_YET <= PACKAGES.keys()
    assert len(PACKAGES) > 10 and all(files(path) for path in PACKAGES.values())
