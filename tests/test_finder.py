"""Only the plug-in that was named is found in the working folder, and what it imports from there itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from neuroevo import finder
from neuroevo.errors import RegistryError
from neuroevo.plugins import tasks
from tests import ROOT
from tests.small import CIRCUIT

LURES = ("sksparse", "colorama", "numpy", "yaml", "cupy", "lazy_loader", "json", "evil")
PLUGIN = """
import helper_of_mine
from neuroevo.connectome.model import Connectome

def prior(connectome: Connectome, *, seed: int):
    "A prior of one's own."
    import second_helper_of_mine
    return helper_of_mine.prior(connectome, seed=seed)
"""
HELPER = """
from neuroevo.plugins import priors
try:
    import colorama
except ImportError:
    colorama = None
def prior(connectome, *, seed):
    return priors.get("random").target(connectome, seed=seed)
"""


@pytest.fixture
def lured(tmp_path: Path) -> Path:
    """A working folder full of modules that libraries ask for, and of an entry point; each leaves a mark."""
    for name in LURES:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r} + ' ')\n")
    installed = tmp_path / "evil-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[neuroevo.packages]\npriors = evil\ntasks = evil\n")
    return tmp_path


def ran(folder: Path) -> list[str]:
    """The modules of a working folder that were run."""
    return (folder / "ran").read_text().split() if (folder / "ran").exists() else []


def program(folder: Path, *arguments: str, script: Path = ROOT / "run.py") -> str:
    """What the program prints, started in a folder as a person does."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_modules_in_the_working_folder_are_not_run(lured: Path) -> None:
    (lured / "mine.py").write_text(PLUGIN)
    (lured / "helper_of_mine.py").write_text(HELPER)
    (lured / "second_helper_of_mine.py").touch()
    program(lured, "list")
    program(lured, "stats", "--connectome", CIRCUIT, "--genome", "random", "--samples", "2")
    assert ran(lured) == []
    own = program(lured, "stats", "--connectome", CIRCUIT, "--genome", "mine:prior", "--samples", "2")
    assert "mine:prior" in own
    assert set(ran(lured)) <= {"colorama"}  # which the plug-in's own helper asks for


def test_modules_beside_the_program_are_not_run_either(lured: Path) -> None:
    """Of the program's folder, which Python searches first, no more is found than of any other."""
    for name in ("neuroevo", "populations", "tasks"):
        (lured / name).symlink_to(ROOT / name, target_is_directory=True)
    shutil.copy(ROOT / "run.py", lured)
    out = program(lured, "stats", "--connectome", CIRCUIT, "--genome", "random", script=lured / "run.py")
    assert "random" in out and ran(lured) == []


def test_named_module_is_found_and_its_neighbours_are_for_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(tmp_path))])
    (tmp_path / "named_one.py").write_text("def late():\n    import beside_it\n    return beside_it.VALUE\n")
    (tmp_path / "beside_it.py").write_text("VALUE = 7\n")
    (tmp_path / "unnamed_one.py").touch()
    finder.admit("named_one")
    import named_one  # type: ignore[import-not-found]

    for name in ("beside_it", "unnamed_one"):
        with pytest.raises(ModuleNotFoundError):
            __import__(name)
    assert named_one.late() == 7
    for name in ("named_one", "beside_it"):
        del sys.modules[name]


def test_origin_of_a_module_is_told_without_running_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "never_run.py").write_text("raise AssertionError\n")
    (tmp_path / "package_never_run").mkdir()
    (tmp_path / "package_never_run/__init__.py").write_text("raise AssertionError\n")
    assert finder.origin("never_run") == str((tmp_path / "never_run.py").resolve())
    assert finder.origin("package_never_run.part") == str(
        (tmp_path / "package_never_run/__init__.py").resolve()
    )
    assert finder.origin("sys") == "built-in" and finder.origin("no_such_module") == ""
    assert finder.origin("") == ""


NOTEBOOK = """
import sys
sys.path.insert(0, "")
import neuroevo as ne
from neuroevo.errors import NeuroevoError
try:
    ne.run(genome="random", task="digits", generations=2, population=8, workers=0)
except NeuroevoError as error:
    print(error)
"""


def test_own_module_of_the_name_of_a_package_is_named_in_one_line(tmp_path: Path) -> None:
    """In a notebook, where the working folder is searched first; nothing of the module is run."""
    (tmp_path / "tasks.py").write_text("raise AssertionError\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", NOTEBOOK]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    own, ours = (tmp_path / "tasks.py").resolve(), (ROOT / "tasks/__init__.py").resolve()
    assert done.stdout == (
        f"Module 'tasks' is {own}, where {ours} is wanted; rename that one, or work in another folder.\n"
    )


def test_plugin_in_a_module_whose_name_is_taken_is_refused_with_both_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks.py").write_text("class Mine: pass\n")
    with pytest.raises(RegistryError) as refused:
        tasks.get("tasks:Mine")
    said = str(refused.value)
    assert str((ROOT / "tasks/__init__.py").resolve()) in said
    assert f"where {(tmp_path / 'tasks.py').resolve()} is wanted; rename the latter." in said


ALIASED = """
import sys
sys.path.insert(0, "")
import neuroevo as ne
import neuroevo.tasks.images, neuroevo.populations
from neuroevo import tasks
import tasks.images as images
assert neuroevo.tasks.images is images and sys.modules["neuroevo.tasks"] is sys.modules["tasks"]
assert images.__name__ == images.__spec__.name == "tasks.images"
print(images.__file__)
from neuroevo.report import write
write.pictures = lambda *_: []  # nobody looks at figures here
print(len(ne.run(genome="random", task="digits", generations=2, population=8, workers=0).results()))
"""


@pytest.mark.parametrize("own", [("tasks.py", "populations.py", "run.py"), ("tasks/__init__.py",)], ids=str)
def test_packages_answer_under_the_programs_name_beside_the_users_modules(
    own: tuple[str, ...], tmp_path: Path
) -> None:
    for name in own:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise AssertionError\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", ALIASED]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(ROOT / "tasks/images.py"), "1"]


@pytest.mark.parametrize("name", ["tasks", "populations"])
def test_an_alias_of_a_name_that_the_user_took_names_both_places(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = f"import sys; sys.path.insert(0, ''); import {name}, neuroevo.{name}"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert str((tmp_path / f"{name}.py").resolve()) in last and str(ROOT / name) in last
