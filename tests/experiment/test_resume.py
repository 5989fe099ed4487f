"""Resuming: however a run ended, it goes on to the results that it would have had, and repeats nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neuroevo import checkpoint
from neuroevo.errors import RunError
from neuroevo.experiment import selection, writer
from neuroevo.experiment.evolution import Stopped
from neuroevo.experiment.resume import Past
from neuroevo.experiment.watcher import Progress
from neuroevo.experiment.writer import RunWriter
from neuroevo.run_folder import RunFolder
from neuroevo.workers.pool import LocalPool
from neuroevo.workers.requests import Request
from tests.small import ECHO, Listener, plan, run, without_seconds

TWO = (ECHO, "again=tests.toy:Echo:episodes=3")
REQUESTS: dict[str, dict[str, Any]] = {
    "tournament": {"task": TWO, "seeds": 2, "generations": 3},
    "parts": {"genome": ("connectome",), "population": 32, "generations": 4},
    "phases": {"search": "paper", "generations": 4, "population": 20},
    "race": {
        "genome": ("adapter-only", "late=tests.planted:late"),
        "selection": "race",
        "seeds": 12,
        "generations": 16,
        "population": 16,
    },
    "mixed": {
        "genome": ("adapter-only", "random"),
        "selection": "mixed",
        "seeds": 2,
        "graphs": 2,
        "generations": 6,
    },
}


class Death(Exception):
    """The process dies."""


class Mortal(LocalPool):
    """A pool whose process dies when a number of requests have been computed; it counts them."""

    def __init__(self, lives: int) -> None:
        super().__init__()
        self.lives = lives
        self.computed = 0

    def completed(self) -> tuple[Request[object], object]:
        if self.computed == self.lives:
            raise Death
        completed = super().completed()
        self.computed += 1
        return completed


@pytest.fixture(scope="module", params=REQUESTS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A request, its folder after a run that nothing disturbed, and how many requests that took."""
    pool = Mortal(-1)
    folder = run(tmp_path_factory.mktemp("whole") / "run", pool, **REQUESTS[request.param])
    return REQUESTS[request.param], folder, pool.computed


def resume(folder: RunFolder, pool: LocalPool | None = None, **request: Any) -> None:
    selection.run(plan(**request), pool or LocalPool(), RunWriter(folder, Past.read(folder)))


def assert_same(folder: RunFolder, wanted: RunFolder) -> None:
    """All that a run leaves behind is equal to the bit, but for the time it took and the order of metrics."""
    for name in ("results.jsonl", "selection.jsonl"):
        paths = [f.path / name for f in (folder, wanted)]
        assert paths[0].exists() == paths[1].exists()
        assert not paths[0].exists() or paths[0].read_bytes() == paths[1].read_bytes(), name
    assert without_seconds(folder.metrics()) == without_seconds(wanted.metrics())
    assert len(list(folder.stream_metrics())) == len(list(wanted.stream_metrics()))
    (arrays, state), (others, other) = folder.read_checkpoint(), wanted.read_checkpoint()
    for each in (state, other):
        each.pop("rows")  # of which `seconds` are a part
    assert state == other
    assert {k: v.tobytes() for k, v in arrays.items()} == {k: v.tobytes() for k, v in others.items()}
    assert folder.manifest() == wanted.manifest()
    champions = [
        {p.relative_to(f.path): p.read_bytes() for p in f.path.glob("champions/*/*")}
        for f in (folder, wanted)
    ]
    assert champions[0] == champions[1] != {}


def test_run_that_dies_anywhere_goes_on_to_the_same_results(
    whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a checkpoint after every generation: no more than one is computed again."""
    monkeypatch.setattr(writer, "CHECKPOINT_SHARE", float("inf"))
    request, wanted, total = whole
    for lives in range(0, total, max(1, total // 5)):
        path = tmp_path / str(lives)
        first, second = Mortal(lives), Mortal(-1)
        with pytest.raises(Death):
            run(path, first, **request)
        resume(RunFolder.open(path), second, **request)
        assert_same(RunFolder.open(path), wanted)
        assert total - lives <= second.computed < total - lives + BETWEEN


BETWEEN = 4  # requests at most between two checkpoints: parts of a generation, or those that set gains


def test_run_that_dies_again_and_again_ends(
    whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_SHARE", float("inf"))
    request, wanted, total = whole
    lives = max(5, total // 6)
    with pytest.raises(Death):
        run(tmp_path / "run", Mortal(lives), **request)
    folder = RunFolder.open(tmp_path / "run")
    for _ in range(20):
        try:
            resume(folder, Mortal(lives), **request)
            break
        except Death:
            continue
    assert_same(folder, wanted)


def test_run_that_is_asked_to_stop_writes_a_checkpoint_and_goes_on(whole: Any, tmp_path: Path) -> None:
    request, wanted, _ = whole
    done: list[int] = []
    listener = Listener(update=lambda p: done.append(p.done), is_stopping=lambda: len(done) >= 2)
    with pytest.raises(Stopped):
        run(tmp_path / "run", None, listener, **request)
    folder = RunFolder.open(tmp_path / "run")
    _, state = folder.read_checkpoint()
    reached = sum(1 for _ in folder.stream_metrics())
    assert reached == done[-1] and sum(x["generation"] for x in state["lineages"]) == reached
    resume(folder, **request)
    assert_same(folder, wanted)


def test_progress_goes_on_where_it_was(tmp_path: Path) -> None:
    request, updates = REQUESTS["tournament"], list[Progress]()
    with pytest.raises(Stopped):
        run(
            tmp_path / "run",
            None,
            Listener(update=updates.append, is_stopping=lambda: len(updates) > 2),
            **request,
        )
    before, count = updates[-1].done, len(updates)
    folder = RunFolder.open(tmp_path / "run")
    again = RunWriter(folder, Past.read(folder))
    selection.run(plan(**request), LocalPool(), again, Listener(update=updates.append))
    assert 0 < before < updates[-1].done == updates[-1].total
    assert all(p.done > before for p in updates[count:])


@pytest.mark.parametrize("damage", ["flipped", "truncated", "empty", "gone"])
def test_damaged_checkpoint_is_passed_over_for_the_one_before(
    whole: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_SHARE", float("inf"))
    request, wanted, total = whole
    with pytest.raises(Death):
        run(tmp_path / "run", Mortal(total // 2), **request)
    folder = RunFolder.open(tmp_path / "run")
    newest = folder.path / checkpoint.NEWEST
    data = newest.read_bytes()
    flipped = data[:-3] + bytes([data[-3] ^ 4]) + data[-2:]
    if damage == "gone":
        newest.unlink()
    else:
        newest.write_bytes({"flipped": flipped, "truncated": data[: len(data) // 2], "empty": b""}[damage])
    assert "The one before it was used." in Past.read(folder).notes[0]
    resume(folder, **request)
    assert_same(folder, wanted)


def test_two_damaged_checkpoints_are_one_line(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", **REQUESTS["tournament"])
    for name in (checkpoint.NEWEST, checkpoint.PREVIOUS):
        shutil.copy(folder.path / "config.toml", folder.path / name)
    with pytest.raises(
        RunError, match=r"checkpoint\.safetensors is damaged .*previous.* is damaged"
    ) as error:
        Past.read(folder)
    assert "\n" not in str(error.value)
