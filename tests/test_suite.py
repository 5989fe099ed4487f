"""How the suite is dealt to processes."""

from __future__ import annotations

from tests import ROOT
from tests.conftest import ON_RAY, SLOW, scope_of


def test_files_that_the_suite_begins_with_are_there() -> None:
    assert not [name for name in SLOW if not (ROOT / "tests" / f"{name}.py").exists()]


def test_tests_of_a_file_are_dealt_together_and_those_of_ray_too() -> None:
    first, second = (f"tests/network/test_gains.py::test_{name}[a::b]" for name in "xy")
    assert scope_of(first) == scope_of(second) == "network/test_gains"
    assert {scope_of(f"tests/{name}.py::test_x") for name in ON_RAY} == {"ray"}
