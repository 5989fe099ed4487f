"""The program is what lies beside run.py, whatever else is installed under its name."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT


@pytest.mark.parametrize("package", ["neuroevo", "populations", "tasks"])
def test_a_second_checkout_runs_its_own_packages(package: str, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("neuroevo", "populations", "tasks"):
        shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
    shutil.copy(ROOT / "run.py", checkout)
    with (checkout / package / "__init__.py").open("a") as file:
        file.write('\nraise SystemExit("of this checkout")\n')
    for folder in (checkout, tmp_path):
        command = [sys.executable, str(checkout / "run.py"), "list"]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr.strip()) == (1, "of this checkout")
