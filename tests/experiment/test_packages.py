"""Code that the nodes of a cluster are sent: plug-ins, and what they import from beside them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuroevo import finder, plugins
from neuroevo.experiment.packages import packages
from tests import ROOT

FILES = {
    "sent_task.py": "import numpy, sent_helper\nfrom tests.toy import Echo\nclass Mine(Echo):\n    pass\n",
    "sent_helper.py": "def late():\n    import sent_package.inner\n    import gymnasium\n    import json\n",
    "sent_package/__init__.py": "",
    "sent_package/inner.py": "from . import other\nfrom sent_last import x\n",
    "sent_package/other.py": "",
    "sent_last.py": "import sent_task\nx = 1\n",
    "json.py": "raise SystemExit('the standard library goes before')\n",
    "gymnasium.py": "raise SystemExit('what is installed goes before')\n",
    "unwanted.py": "",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with a plug-in, which has been imported."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("sent_")]:
        del sys.modules[name]


def test_what_a_plugin_imports_from_beside_it_is_sent_along(folder: Path) -> None:
    """However deep, and wherever in a file the import stands."""
    sent = packages(plugins.tasks.calls(["sent_task:Mine"]))
    beside = ["sent_helper.py", "sent_last.py", "sent_package", "sent_task.py"]
    assert list(sent) == [str(ROOT / "neuroevo"), *(str(folder / name) for name in beside)]


def test_module_of_an_environment_is_sent(folder: Path) -> None:
    (folder / "sent_world.py").write_text("import gymnasium, sent_sky\n")
    (folder / "sent_sky.py").write_text("")
    calls = plugins.tasks.calls(["gym:sent_world:Sent-v0"])
    finder.admit("sent_world")
    importlib.import_module("sent_world")
    assert {Path(place).name for place in packages(calls)} == {
        "neuroevo",
        "tasks",
        "sent_world.py",
        "sent_sky.py",
    }
