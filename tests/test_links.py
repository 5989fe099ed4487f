"""Nothing is written through a link: a link in a folder is replaced, or refused in one line."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import run as cli
from neuroevo import checkpoint, files, log
from neuroevo.connectome.catalog import load
from neuroevo.errors import RunError
from neuroevo.experiment.trackers import FOLDER as TRACKERS
from neuroevo.files import append_lines, atomic_write, make_folder
from neuroevo.run_folder import MANIFEST, METRICS, RESULTS
from neuroevo.wiring.sampling import write_samples
from tests.small import CIRCUIT, few_draws, no_figures

APPENDED = (METRICS, RESULTS, log.FILE)
PRECIOUS = b"precious\n"


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    with few_draws():
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run at its end, replayed and reported."""
    path = tmp_path_factory.mktemp("links") / "run"
    command = ["--genome", "random", "connectome", "--task", "echo=tests.toy:Echo", "--out", str(path)]
    with no_figures():  # there are some once it is reported
        assert cli.main([*command, "--connectome", CIRCUIT, "--workers", "0", "--quiet"]) == 0
    assert cli.main(["replay", str(path)]) == 0
    assert cli.main(["report", str(path)]) == 0
    return path


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder of somebody else's, with a file."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "file").write_bytes(PRECIOUS)
    return folder


def stopped(run: Path) -> Path:
    """Makes a run one that was stopped before its first generation."""
    text = (run / MANIFEST).read_text()
    (run / MANIFEST).write_text(text.replace('"status": "done"', '"status": "interrupted"', 1))
    for name in (checkpoint.NEWEST, checkpoint.PREVIOUS, METRICS, RESULTS):
        (run / name).unlink()
    shutil.rmtree(run / "champions")
    return run


def refused(capsys: pytest.CaptureFixture[str], link: Path, *command: str) -> None:
    """Makes sure that a command names a link in one line."""
    capsys.readouterr()
    assert cli.main(list(command)) in (1, 2)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert (
        len(lines) == 1 and f"{link} is a link to " in lines[0] and "nothing is written through" in lines[0]
    )


def test_files_of_a_report_replace_links_at_their_names(run: Path, target: Path) -> None:
    before = {
        path: path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.relative_to(run).parts[0].startswith(("report", "comparisons", "figures"))
    }
    assert len(before) > 8
    for number, path in enumerate(before):
        path.unlink()
        path.symlink_to(target / ("file" if number % 2 else f"missing{number}"))
    assert cli.main(["report", str(run)]) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert not any(path.is_symlink() for path in before)
    assert [path.name for path in target.iterdir()] == ["file"] and (target / "file").read_bytes() == PRECIOUS


def test_every_file_that_a_run_replaces_takes_the_place_of_a_link(run: Path, tmp_path: Path) -> None:
    """All of them at once: each is a link to what was there."""
    moved = tmp_path / "moved"
    moved.mkdir()
    stopped(run)
    with no_figures():  # those of before are there
        assert cli.main(["resume", str(run), "--workers", "0", "--quiet"]) == 0
    stopped_again = (run / MANIFEST).read_text().replace('"status": "done"', '"status": "interrupted"', 1)
    (run / MANIFEST).write_text(stopped_again)
    replaced = [path for path in run.rglob("*") if path.is_file() and path.name not in APPENDED]
    replaced = [path for path in replaced if "replay" not in path.parts and path.name != "config.toml"]
    for number, path in enumerate(replaced):
        path.rename(moved / str(number))
        path.symlink_to(moved / str(number))
    before = [(moved / str(number)).read_bytes() for number in range(len(replaced))]
    assert cli.main(["resume", str(run), "--workers", "0", "--quiet"]) == 0
    assert [(moved / str(number)).read_bytes() for number in range(len(replaced))] == before
    assert not (run / MANIFEST).is_symlink()


@pytest.mark.parametrize("name", APPENDED)
@pytest.mark.parametrize("is_dangling", [False, True], ids=["to a file", "dangling"])
def test_file_that_is_appended_to_is_no_link(
    run: Path, target: Path, capsys: pytest.CaptureFixture[str], name: str, is_dangling: bool
) -> None:
    stopped(run)
    (run / name).unlink(missing_ok=True)
    aim = target / ("missing" if is_dangling else "file")
    (run / name).symlink_to(aim)
    if name != log.FILE and not is_dangling:
        aim.write_bytes(b"")  # what is there is read too
    content = aim.read_bytes() if aim.exists() else None
    command = ["resume", str(run), "--workers", "0", "--quiet"]
    if name == METRICS and not is_dangling:  # it is written anew, for no checkpoint vouches for its rows
        with no_figures():
            assert cli.main(command) == 0
        assert not (run / name).is_symlink()
    else:
        refused(capsys, run / name, *command)
    assert (aim.read_bytes() if aim.exists() else None) == content


@pytest.mark.parametrize("name", ["figures", "champions", "replay", "champions/echo__random__g0__s0"])
def test_folder_is_no_link(run: Path, target: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    command = {"figures": ["report"], "replay": ["replay"]}.get(name, ["resume", "--workers", "0", "--quiet"])
    if command[0] == "resume":
        stopped(run)
    shutil.rmtree(run / name, ignore_errors=True)
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).symlink_to(target, target_is_directory=True)
    if name == "replay":
        (target / "index.json").write_text("{}")
    before = sorted(path.name for path in target.iterdir())
    refused(capsys, run / name, command[0], str(run), *command[1:])
    assert sorted(path.name for path in target.iterdir()) == before
    assert (target / "file").read_bytes() == PRECIOUS


def test_trackers_write_through_no_link(
    tmp_path: Path, target: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped(run)
    text = (run / "config.toml").read_text()
    assert "track = []" in text
    (run / TRACKERS).symlink_to(target, target_is_directory=True)
    with pytest.raises(RunError, match="is a link to"):
        make_folder(run / TRACKERS / "tensorboard", run)
    assert [path.name for path in target.iterdir()] == ["file"]


def test_study_goes_on_in_no_folder_that_is_a_link(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    study.mkdir()
    (study / "study.toml").write_text('task = ["digits"]\n[scales.smoke]\n[runs.a]\ngenome = ["random"]\n')
    (study / "study.json").write_text('{"title": "x", "scale": "smoke"}')
    (study / "a").symlink_to(whole, target_is_directory=True)
    refused(capsys, study / "a", "resume", str(study), "--quiet")


def test_new_files_have_names_that_nobody_can_guess(tmp_path: Path, target: Path) -> None:
    names: list[str] = []
    real = os.open

    def spy(path: str | Path, *arguments: int, **options: int) -> int:
        names.append(os.path.basename(path))
        return real(path, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", spy)
        for _ in range(2):
            atomic_write(tmp_path / "report.json", b"{}")
    made = [name for name in names if name.startswith(".report.json.")]
    assert len(set(made)) == 2 and all(re.fullmatch(r"\.report\.json\.[0-9a-f]{16}\.new", n) for n in made)
    (tmp_path / "taken").symlink_to(target / "missing")
    with pytest.raises(FileExistsError):
        files.open_new(tmp_path / "taken")
    assert not (target / "missing").exists()


def test_what_a_writer_that_died_has_left_is_cleared(run: Path) -> None:
    stopped(run)
    remains = run / f".{checkpoint.NEWEST}.{'0' * 16}.new"
    other = run / ".mine.new"
    for path in (remains, other):
        path.write_bytes(b"half")
    with no_figures():
        assert cli.main(["resume", str(run), "--workers", "0", "--quiet"]) == 0
    assert not remains.exists() and other.exists()


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_what_is_no_file_is_not_appended_to(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(RunError, match=r"Cannot write .*rows\.jsonl"):
        append_lines(path, [{"a": 1}])


def test_samples_go_into_a_new_folder_alone(tmp_path: Path, target: Path) -> None:
    (tmp_path / "samples").symlink_to(target, target_is_directory=True)
    with pytest.raises(RunError, match="exists; wanted a new folder"):
        write_samples(load(CIRCUIT), [], 1, 0, tmp_path / "samples")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing", target_is_directory=True)
    with pytest.raises(RunError, match="exists; wanted a new folder"):
        write_samples(load(CIRCUIT), [], 1, 0, tmp_path / "dangling")
