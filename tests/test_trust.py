"""A file runs no code of its own choice: what it names has to be trusted, and a plug-in keeps a contract."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import neuroevo as ne
import run as cli
from neuroevo import trust
from neuroevo.errors import OptionError, RegistryError
from neuroevo.experiment.config import Configuration
from neuroevo.plugins import priors, tasks
from neuroevo.run_folder import RunFolder
from neuroevo.trust import Trust, modules_of
from tests.small import CIRCUIT, REGISTERED, few_draws, no_figures

assert REGISTERED  # what `tasks` and `populations` hold
PLUGIN = """
import pathlib
from tests.toy import Echo
pathlib.Path({mark!r}).touch()
class Mine(Echo):
    "A task of somebody's own."
"""
SMALL = ["--connectome", CIRCUIT, "--generations", "2", "--population", "4", "--workers", "0", "--quiet"]
NAMED = (  # what must not be called, and how it would be
    "timeit:timeit:number=1,stmt=\"open('called','w')\"",
    "os:system",
    "os:system:command=true",
    "subprocess:run",
    "subprocess:Popen",
    "builtins:exec",
    "builtins:print",
    "shutil:rmtree:path=.",
    "functools:partial",
    "tests.test_trust:called",
)


def called(connectome: object = None, *, number: int = 1) -> None:
    """What is no plug-in, though it could be called as one."""
    raise AssertionError("it was called")


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    with few_draws(), no_figures():
        yield


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


Plant = Callable[[str], Path]


@pytest.fixture
def plant(here: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Writes a module with a task `Mine` into the working folder; what is returned exists once it has run."""

    def planted(name: str) -> Path:
        mark = here / f"{name}.ran"
        (here / f"{name}.py").write_text(PLUGIN.format(mark=str(mark)))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return mark

    return planted


def forget(name: str, mark: Path) -> None:
    """Makes as if a module had never been imported, as in another process."""
    sys.modules.pop(name)
    mark.unlink()


def line(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which a command refuses a request."""
    assert cli.main(list(arguments)) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1, said
    return said


def made(folder: str, task: str) -> Path:
    """A run of one lineage that this user made here, at its end."""
    assert cli.main(["--genome", "random", "--task", task, "--out", folder, *SMALL]) == 0
    return Path(folder)


def stopped(folder: Path) -> Path:
    """The same run as if it had been stopped."""
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"status": "done"', '"status": "interrupted"'))
    return folder


# --- requests in files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["plan_a:Mine", "x=plan_a:Mine:episodes=2", 'x="plan_a":Mine'])
@pytest.mark.parametrize("field", ["task", "genome"])
def test_request_in_a_file_imports_nothing_that_it_names(
    plant: Plant, capsys: pytest.CaptureFixture[str], text: str, field: str
) -> None:
    mark = plant("plan_a")
    other = 'genome = ["random"]' if field == "task" else 'task = ["digits"]'
    Path("request.toml").write_text(f"{other}\n{field} = [{json.dumps(text)}]\n")
    said = line(capsys, "--config", "request.toml", "--out", "x")
    assert not mark.exists() and not Path("x").exists()
    if '"plan_a"' not in text:
        assert "would run module 'plan_a'" in said and str(Path("plan_a.py").resolve()) in said
        assert "add --trust plan_a" in said


def test_module_that_is_trusted_is_imported(plant: Plant) -> None:
    mark = plant("plan_b")
    Path("request.toml").write_text('genome = ["random"]\ntask = ["plan_b:Mine"]\n')
    assert cli.main(["--config", "request.toml", "--trust", "plan_b", "--out", "x", *SMALL]) == 0
    assert mark.exists()


def test_what_the_command_line_gives_in_place_of_the_file_needs_no_trust(
    plant: Plant, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = plant("plan_c")
    Path("request.toml").write_text('genome = ["random"]\ntask = ["plan_c:Mine"]\n')
    said = line(capsys, "--config", "request.toml", "--task", "nosuch", "--out", "x")
    assert "Unknown task 'nosuch'" in said and not mark.exists()


def test_trust_in_vain_is_refused(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    plant("plan_d")
    Path("request.toml").write_text('genome = ["random"]\ntask = ["plan_d:Mine"]\n')
    assert "Did you mean 'plan_d'" in line(capsys, "--config", "request.toml", "--trust", "plan_e")
    assert "--trust" in line(capsys, "--genome", "random", "--task", "digits", "--trust", "plan_d")


def test_module_of_an_environment_is_asked_about_too(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("gym:plan_f:Env-v0", "gym:id=plan_f:Env-v0", 'gym:"plan_f:Env-v0",steps=5'):
        Path("request.toml").write_text(f'genome = ["random"]\ntask = [{json.dumps(text)}]\n')
        said = line(capsys, "--config", "request.toml", "--out", "x")
        assert "would run module 'plan_f' (which is not found here)" in said, said
    assert modules_of({"task": ["gym:CartPole-v1", "digits"], "genome": ["random", 3, None]}) == {}


def test_cluster_of_a_file_is_not_joined(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("request.toml").write_text('genome = ["random"]\ntask = ["digits"]\naddress = "127.0.0.1:1"\n')
    said = line(capsys, "--config", "request.toml", "--out", "x")
    assert "names the cluster '127.0.0.1:1'" in said and "add --address 127.0.0.1:1" in said
    said = line(capsys, "--config", "request.toml", "--address", "127.0.0.1:1", "--out", "x")
    assert "No Ray cluster answers" in said


def test_study_imports_nothing_that_it_names(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    mark = plant("plan_g")
    Path("study.toml").write_text(
        f'task = ["t=plan_g:Mine"]\nconnectome = "{CIRCUIT}"\nworkers = 0\ngenerations = 2\npopulation = 4\n'
        '[scales.smoke]\n[runs.a]\ngenome = ["random"]\n'
    )
    assert "would run module 'plan_g'" in line(capsys, "study", "study.toml", "--out", "s")
    assert not mark.exists() and not Path("s").exists()
    command = ["study", "study.toml", "--out", "s", "--trust", "plan_g", "--quiet"]
    assert cli.main(command) == 0
    forget("plan_g", mark)
    shutil.rmtree("s/a")
    assert cli.main(["resume", "s", "--quiet"]) == 0  # signed
    shutil.rmtree("s/a")
    Path("s/study.toml").write_text(Path("s/study.toml").read_text() + "# by somebody else\n")
    forget("plan_g", mark)
    assert "would run module 'plan_g'" in line(capsys, "resume", "s", "--quiet")
    assert not mark.exists()


# --- folders -------------------------------------------------------------------------------------------


def test_own_run_is_resumed_and_replayed_without_a_word(plant: Plant) -> None:
    mark = plant("plan_h")
    run = made("run", "plan_h:Mine")
    forget("plan_h", mark)
    assert cli.main(["replay", str(run)]) == 0 and mark.exists()
    forget("plan_h", mark)
    assert cli.main(["resume", str(stopped(run)), "--quiet"]) == 0 and mark.exists()
    assert ne.open_run(run).champion() is not None


@pytest.mark.parametrize("how", ["edited", "unsigned", "other key", "other place", "signature of no text"])
def test_folder_of_somebody_else_imports_nothing(
    plant: Plant, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    mark = plant("plan_i")
    run = stopped(made("run", "plan_i:Mine"))
    manifest = json.loads((run / "manifest.json").read_text())
    if how == "edited":
        with open(run / "config.toml", "a") as file:
            file.write("# no longer what was written\n")
    elif how == "unsigned":
        del manifest["signature"]
    elif how == "other key":
        monkeypatch.setenv("XDG_CONFIG_HOME", str(run / "settings"))
    elif how == "other place":
        Path("elsewhere").mkdir()
        shutil.move("plan_i.py", "elsewhere")
    else:
        manifest["signature"] = ["\udcff"]
    (run / "manifest.json").write_text(json.dumps(manifest))
    forget("plan_i", mark)
    if how == "other place":
        run = run.resolve()
        monkeypatch.chdir("elsewhere")
    for command in (["resume", str(run), "--workers", "0"], ["replay", str(run)]):
        assert "add --trust plan_i" in line(capsys, *command)
    with pytest.raises(OptionError, match="add --trust plan_i"):
        ne.resume(run)
    with pytest.raises(OptionError, match="add --trust plan_i"):
        ne.open_run(run).champion()
    assert not mark.exists()
    assert ne.open_run(run, trust=["plan_i"]).champion() is not None
    assert mark.exists()


def test_report_needs_no_trust(plant: Plant) -> None:
    mark = plant("plan_j")
    run = made("run", "plan_j:Mine")
    (run / "config.toml").write_text((run / "config.toml").read_text() + "\n")
    forget("plan_j", mark)
    assert cli.main(["report", str(run)]) == 0
    assert not mark.exists()


def test_run_of_what_is_installed_has_no_signature(here: Path) -> None:
    folder = RunFolder.create(here / "run", {"task": ["digits"], "genome": ["random"]}, {})
    assert "signature" not in folder.manifest()


def test_key_is_private_and_one_that_is_not_is_no_key(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(here / "settings"))
    request = {"task": ["plan_k:Mine"]}
    signature = trust.sign(b"text", request)
    key = here / "settings/neuroevo/signature.key"
    assert key.stat().st_mode & 0o077 == 0 and len(key.read_bytes()) == trust.KEY_BYTES
    assert trust.sign(b"text", request) == signature and trust.is_signed(b"text", request, signature)
    assert not trust.is_signed(b"other", request, signature)
    key.chmod(0o644)  # others may have read it
    assert not trust.is_signed(b"text", request, signature) and trust.sign(b"text", request) == ""
    key.chmod(0o600)
    moved = key.rename(here / "elsewhere")
    key.symlink_to(moved)
    assert not trust.is_signed(b"text", request, signature)
    key.unlink()
    os.mkfifo(key)  # it would wait for a writer
    assert trust.sign(b"text", request) == ""


def test_run_begins_where_no_key_can_be_kept(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(here / "file"))
    folder = RunFolder.create(here / "run", {"task": ["plan_l:Mine"], "genome": ["random"]}, {})
    assert "signature" not in folder.manifest()


# --- what a plug-in is ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", NAMED)
@pytest.mark.parametrize("registry", [priors, tasks], ids=["prior", "task"])
def test_what_is_no_plugin_is_not_called(here: Path, registry: ne.plugins.Registry, text: str) -> None:
    before = list(here.iterdir())
    with pytest.raises((RegistryError, OptionError), match=r"is no prior|is no task|is no subclass"):
        registry.calls([text])
    assert list(here.iterdir()) == before


def test_trusted_module_still_has_to_hold_a_plugin(here: Path) -> None:
    Path("request.toml").write_text(f"genome = ['random']\ntask = [{json.dumps(NAMED[0])}]\n")
    config = Configuration.read("request.toml", Trust(("timeit",)))
    with pytest.raises(RegistryError, match="is no task"):
        tasks.calls(config.task)
    assert not Path("called").exists()
