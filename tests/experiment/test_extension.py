"""Extension: a run becomes what it would have been, to the byte, or the reason why it cannot is one line."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import run as cli
from neuroevo import api, checkpoint
from neuroevo.errors import OptionError
from neuroevo.experiment import execute, writer
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.request import resolve
from neuroevo.run_folder import RunFolder
from tests.small import CIRCUIT, ECHO, Listener, few_draws, no_figures

Begin = Callable[..., RunFolder]
BASE: dict[str, Any] = {
    "genome": ("connectome", "random"),
    "task": (ECHO,),
    "connectome": CIRCUIT,
    "search": "pgpe:final_speed=1",
    "generations": 3,
    "population": 8,
    "seeds": 2,
    "graphs": 2,
    "workers": 0,
}
LONGER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # request, and what is asked for then
    "generations": ({}, {"generations": 5}),
    "evaluations": ({}, {"evaluations": 50}),
    "seeds": ({}, {"seeds": 5}),
    "graphs": ({}, {"graphs": 4}),
    "seeds of a slowing search": ({"search": "pgpe"}, {"seeds": 3}),
    "seeds of two phases": ({"search": "paper:elite=2", "generations": 4}, {"seeds": 3}),
    "generations of es": ({"search": "es"}, {"generations": 4}),
    "generations of ga": ({"search": "ga:elite=2"}, {"generations": 4}),
    "generations of cem": ({"search": "cem"}, {"generations": 4}),
    "all": ({}, {"generations": 4, "seeds": 3, "graphs": 3}),
}


EARLY = 5  # generations of shards
ONCE = {  # each search from the end of a run or from the midst of it
    "seeds of a slowing search": EARLY,
    "seeds of two phases": None,
    "generations of es": EARLY,
    "generations of ga": EARLY,
    "generations of cem": None,
}


@pytest.fixture(autouse=True)
def cheap() -> Iterator[None]:
    with few_draws(), no_figures():
        yield


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of runs by their request, which tests take copies of."""
    return {"": tmp_path_factory.mktemp("runs")}


@pytest.fixture
def begin(cache: dict[str, Path]) -> Begin:
    """Returns a function that gives a copy of a run, stopped after a number of generations of shards."""

    def begun(path: Path, stopped: int | None = None, **changes: Any) -> RunFolder:
        name = repr((stopped, sorted(changes.items())))
        if name not in cache:
            cache[name] = cache[""] / str(len(cache))
            carry_out(cache[name], stopped, {**BASE, **changes})
        shutil.copytree(cache[name], path)
        return RunFolder.open(path)

    return begun


def carry_out(path: Path, stopped: int | None, request: dict[str, Any]) -> None:
    """Carries out a request, and stops it after a number of generations of shards."""
    done: list[int] = []
    listener = Listener(
        update=lambda p: done.append(p.done),
        is_stopping=lambda: stopped is not None and len(done) >= stopped,
    )
    with contextlib.suppress(KeyboardInterrupt):
        execute.run(resolve(Configuration(**request)), path, watcher=listener)


def assert_same(folder: RunFolder, wanted: RunFolder) -> None:
    """All that is written is equal to the byte, metrics but for the time that they took."""

    def content(run: RunFolder) -> dict[str, object]:
        rows = (run.path / "metrics.jsonl").read_text().splitlines()
        return {
            "results": (run.path / "results.jsonl").read_bytes(),
            "metrics": [{k: v for k, v in json.loads(row).items() if k != "seconds"} for row in rows],
            "config": run.config(),
            "lineages": run.manifest()["lineages"],
            "graphs": run.manifest()["graphs"],
            "champions": {
                p.relative_to(run.path): p.read_bytes() for p in sorted(run.path.glob("champions/*/*"))
            },
        }

    first, second = content(folder), content(wanted)
    for name in first:
        assert first[name] == second[name], name
    assert first["champions"]
    assert states(folder) == states(wanted)


def states(folder: RunFolder) -> dict[tuple[object, ...], object]:
    """Returns what the checkpoint holds of each lineage; their order is that of shards."""
    arrays, state = folder.read_checkpoint()
    return {
        tuple(entry["lineage"]): (
            entry,
            {n.split("/")[1]: a.tobytes() for n, a in arrays.items() if n.startswith(f"{k}/")},
        )
        for k, entry in enumerate(state["lineages"])
    }


@pytest.mark.parametrize(
    ("change", "stopped"),
    [
        *((change, stopped) for change in LONGER if change not in ONCE for stopped in (None, EARLY)),
        *ONCE.items(),
    ],
)
def test_extended_run_is_what_it_would_have_been(
    tmp_path: Path, begin: Begin, change: str, stopped: int | None
) -> None:
    request, more = LONGER[change]
    begin(tmp_path / "run", stopped, **request)
    api.resume(tmp_path / "run", **more)
    folder = RunFolder.open(tmp_path / "run")
    longer = {**request, **more}
    if "evaluations" in more:
        longer["generations"] = None
    wanted = begin(tmp_path / "wanted", **longer)
    assert_same(folder, wanted)
    first, last = folder.manifest()["requests"]
    assert last["sha256"] == wanted.seal.sha256 != first["sha256"] and last["time"] >= first["time"]
    assert folder.manifest()["status"] == "done"


def test_run_is_extended_again_and_again(tmp_path: Path, begin: Begin) -> None:
    begin(tmp_path / "run")
    for more in ({"seeds": 3}, {"generations": 4}, {"graphs": 3}):
        api.resume(tmp_path / "run", **more)
    folder = RunFolder.open(tmp_path / "run")
    assert_same(folder, begin(tmp_path / "wanted", generations=4, seeds=3, graphs=3))
    assert len(folder.manifest()["requests"]) == 4


@pytest.mark.parametrize("lives", [1, 2])
def test_extension_that_dies_between_two_files_goes_on(
    tmp_path: Path, begin: Begin, monkeypatch: pytest.MonkeyPatch, lives: int
) -> None:
    """Files are replaced one after another: manifest, config.toml, manifest, and the manifest again."""
    folder, left, replace = begin(tmp_path / "run"), [lives], os.replace

    def mortal(source: object, target: object) -> None:
        if Path(str(target)).name in ("manifest.json", "config.toml"):
            if not left[0]:
                raise MemoryError
            left[0] -= 1
        replace(str(source), str(target))

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(os, "replace", mortal)
        api.resume(folder.path, generations=5)
    assert cli.main(["report", str(folder.path)]) == 0
    api.resume(folder.path)
    assert_same(RunFolder.open(folder.path), begin(tmp_path / "wanted", generations=5))


def test_extension_that_was_interrupted_goes_on_and_compares_no_two_budgets(
    tmp_path: Path, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_SHARE", float("inf"))
    folder = begin(tmp_path / "run")
    updates: list[object] = []
    listener = Listener(update=updates.append, is_stopping=lambda: len(updates) > 2)
    with pytest.raises(KeyboardInterrupt):
        execute.resume(folder.path, {"generations": 5}, listener)
    again = RunFolder.open(folder.path)
    assert again.results() == [], "scores of the shorter search are void"
    assert cli.main(["report", str(folder.path)]) == 0
    execute.resume(folder.path, {})
    assert_same(RunFolder.open(folder.path), begin(tmp_path / "wanted", generations=5))


REFUSED: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "race": ({"selection": "race", "seeds": 2}, ["--seeds", "3"], "the rounds of a race depends on all"),
    "mixed": ({"selection": "mixed", "seeds": 1, "graphs": 1}, ["--generations", "9"], "selection 'mixed'"),
    "slowing": ({"search": "pgpe"}, ["--generations", "9"], "pgpe slows down over all its generations"),
    "phases": (
        {"search": "paper:elite=2", "generations": 4},
        ["--generations", "9"],
        "its first phase would have had",
    ),
    "fewer seeds": ({}, ["--seeds", "1"], "to seeds 1: it has 2"),
    "fewer graphs": ({}, ["--graphs", "1"], "to graphs 1: it has 2"),
    "fewer generations": ({}, ["--generations", "2"], "to 2 generations of echo: it has 3"),
    "fewer evaluations": ({}, ["--evaluations", "18"], "to 2 generations of echo: it has 3"),
    "both": ({}, ["--evaluations", "90", "--generations", "9"], "give one of them"),
    "none": ({}, ["--seeds", "0"], "seeds"),
}


@pytest.mark.parametrize("change", REFUSED)
def test_what_cannot_be_extended_is_refused_in_one_line(
    tmp_path: Path, begin: Begin, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    request, flags, message = REFUSED[change]
    folder = begin(tmp_path / "run", 2 if "selection" in request else EARLY, **request)
    before = {p: p.read_bytes() for p in folder.path.rglob("*") if p.is_file() and p.suffix != ".log"}
    capsys.readouterr()
    assert cli.main(["resume", str(folder.path), *flags]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
    assert all(path.read_bytes() == data for path, data in before.items())


def test_finished_run_without_its_states_is_not_extended(
    tmp_path: Path, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = begin(tmp_path / "run")
    for name in (checkpoint.NEWEST, checkpoint.PREVIOUS):
        (folder.path / name).unlink()
    before = shutil.copytree(folder.path, tmp_path / "before")
    assert cli.main(["resume", str(folder.path), "--generations", "9"]) == 2
    err = capsys.readouterr().err
    assert "checkpoint.safetensors) has no state of connectome on echo" in err
    assert (folder.path / "config.toml").read_bytes() == (before / "config.toml").read_bytes()


def test_wrong_types_are_refused_by_the_api(tmp_path: Path, begin: Begin) -> None:
    folder = begin(tmp_path / "run")
    with pytest.raises(OptionError, match="wanted a whole number"):
        api.resume(folder.path, seeds="many")
