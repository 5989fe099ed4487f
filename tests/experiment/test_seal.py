"""The seal: a folder answers one request, and a folder in which another was mixed is refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import run as cli
from neuroevo import api, checkpoint, seal
from neuroevo.errors import RunError
from neuroevo.experiment.resume import Past
from neuroevo.run_folder import RunFolder
from tests.small import CIRCUIT, ECHO, few_draws, no_figures, strip_seal, without_seconds

REQUEST = ["--genome", "connectome", "random", "--task", ECHO, "--connectome", CIRCUIT, "--generations", "3"]
REQUEST += ["--population", "8", "--workers", "0", "--quiet"]
EDITS = {  # of config.toml, and what is said of them
    "seed": ("seed = 0", "seed = 2", "says seed = 2; the run was begun with 0"),
    "population": (
        "population = 8",
        "population = 16",
        "says budgets.echo.population = 16; the run was begun",
    ),
    "generations": ("generations = 3", "generations = 9", "generations = 9; the run was begun with 3"),
    "task": ("tests.toy:Echo", "tests.toy:Other", "says task = "),
    "genome": ('"random=random', '"random=degree', 'says genome = "random=degree:'),
    "neuron": ("leaky:", "lif:", "says neuron = "),
    "selection": ('selection = "tournament"', "", 'lacks selection; the run was begun with "tournament"'),
    "more": ("seed = 0", 'seed = 0\nsearch = "es"', 'says search = "es"; the run has none'),
}


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    with few_draws(), no_figures():
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("done") / "run"
    assert cli.main([*REQUEST, "--out", str(path)]) == 0
    return path


@pytest.fixture
def copy(done: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(done, tmp_path / "run"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("change", EDITS)
def test_edited_request_is_refused_by_whoever_reads_the_folder(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    old, new, message = EDITS[change]
    edit(copy / "config.toml", old, new)
    for command in (["resume"], ["report"], ["replay"], ["report", "--out", str(tmp_path / "joined")]):
        assert cli.main([command[0], str(copy), *command[1:]]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and message in err and "Put it back" in err
    for read in (api.open_run, lambda path: api.join([path], tmp_path / "joined")):
        with pytest.raises(RunError, match=r"config\.toml"):
            read(copy)


def test_what_results_do_not_depend_on_may_be_edited(copy: Path) -> None:
    edit(copy / "config.toml", "workers = 0", "workers = 1\ndeadline = 70")
    assert cli.main(["report", str(copy)]) == 0


def test_equal_requests_have_equal_seals_however_they_are_written() -> None:
    config = {"seed": 1, "genome": ("a", "b"), "search": None, "workers": 3}
    assert seal.entry(config) == seal.entry({"workers": 1, "genome": ["a", "b"], "seed": 1})
    assert seal.entry(config) != seal.entry({**config, "seed": 2})


def test_rows_and_checkpoint_bear_the_request(done: Path) -> None:
    folder = RunFolder.open(done)
    (entry,) = folder.manifest()["requests"]
    assert entry["sha256"] == seal.digest(seal.request_of(folder.config())) and entry["versions"]["torch"]
    for name in ("metrics.jsonl", "results.jsonl"):
        for line in (done / name).read_text().splitlines():
            assert json.loads(line)["request"] == entry["sha256"][:12]
    for name in (checkpoint.NEWEST, checkpoint.PREVIOUS):
        assert checkpoint._read(done / name)[1]["request"] == entry["sha256"]
    assert "request" not in folder.metrics()[0] and "request" not in folder.results()[0]


def of_another(path: Path, tmp_path: Path) -> RunFolder:
    """Returns the folder of the same run from another seed."""
    assert cli.main([*REQUEST, "--seed", "1", "--out", str(tmp_path / "other")]) == 0
    return RunFolder.open(tmp_path / "other")


def test_row_or_checkpoint_of_another_request_is_refused(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = of_another(copy, tmp_path)
    folder = RunFolder.open(copy)
    folder.write_manifest(status="failed", rows={})
    for name, line in (("results.jsonl", 1), ("metrics.jsonl", 3)):
        lines = (copy / name).read_text().splitlines(keepends=True)
        lines[line - 1] = (other.path / name).read_text().splitlines(keepends=True)[line - 1]
        before = (copy / name).read_text()
        (copy / name).write_text("".join(lines))
        assert cli.main(["report", str(copy)]) == 2
        assert f"{name}, line {line} is of another request" in capsys.readouterr().err
        (copy / name).write_text(before)
    shutil.copy(other.path / checkpoint.NEWEST, copy / checkpoint.NEWEST)
    assert cli.main(["resume", str(copy)]) == 2
    err = capsys.readouterr().err
    assert "checkpoint.safetensors is of another request" in err and err.count("\n") == 1
    with pytest.raises(RunError, match="of another request"):
        Past.read(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda entries: 3, "manifest.json is damaged (requests"),
        (lambda entries: [7], "manifest.json is damaged (requests"),
        (lambda entries: [{"request": 1, "sha256": ""}], "manifest.json is damaged (requests"),
        (lambda entries: [{**entries[0], "sha256": "0" * 64}], "not the one of its SHA-256"),
        (
            lambda entries: [{**entries[0], "request": {**entries[0]["request"], "seed": 4}}],
            "not the one of its SHA-256",
        ),
    ],
)
def test_damaged_seal_is_one_line(
    copy: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[object], object], message: str
) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["requests"] = damage(manifest["requests"])
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert cli.main(["report", str(copy)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and message in err


def test_versions_that_differ_are_told_and_recorded(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder.open(copy)
    versions = {**folder.manifest()["versions"], "torch": "1.0", "numpy": "0.9"}
    folder.write_manifest(status="interrupted", versions=versions, commit="abc")
    assert cli.main(["resume", str(copy)]) == 0
    out, err = (text.replace("\n", " ") for text in capsys.readouterr())
    now = api.open_run(copy)._folder.manifest()["resumed"][0]
    said = f"torch 1.0, now {now['versions']['torch']}"
    assert said in out + err and "numpy 0.9, now" in out + err and "commit abc, now" in out + err
    assert any(said in note for note in json.loads((copy / "report.json").read_text())["run"]["notes"])


def test_folder_without_a_seal_is_reported_and_resumed(
    done: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An earlier version wrote it; what hangs on marks and hashes is left out."""
    strip_seal(copy)
    assert "requests" not in json.loads((copy / "manifest.json").read_text())
    assert b'"request"' not in (copy / "metrics.jsonl").read_bytes()
    assert cli.main(["report", str(copy)]) == 0
    RunFolder.open(copy).write_manifest(status="interrupted")
    (copy / "results.jsonl").write_text("")
    capsys.readouterr()
    assert cli.main(["resume", str(copy)]) == 0
    assert "bears no seal" in capsys.readouterr().err
    again, wanted = RunFolder.open(copy), RunFolder.open(done)
    assert again.results() == wanted.results()
    assert without_seconds(again.metrics()) == without_seconds(wanted.metrics())
    assert again.manifest()["requests"][0]["unsealed"] and again.seal.sha256 == wanted.seal.sha256
    edit(copy / "config.toml", "seed = 0", "seed = 2")
    assert cli.main(["report", str(copy)]) == 2
