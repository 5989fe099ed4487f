"""Supervision: whatever happens to workers and nodes, results are those of a run that nothing disturbed."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neuroevo.errors import EvaluationError
from neuroevo.experiment.watcher import Watcher
from neuroevo.run_folder import RunFolder
from neuroevo.seeds import derive
from neuroevo.workers import ray_pool
from neuroevo.workers.pool import LocalPool, Pool
from neuroevo.workers.ray_cluster import Workers
from neuroevo.workers.ray_pool import RayPool
from neuroevo.workers.requests import Failed
from tests.faulty import Impossible, order
from tests.small import Listener, run
from tests.workers.conftest import FREE_CORES
from tests.workers.test_ray_pool import assert_equal

REQUEST: dict[str, Any] = {"seeds": 3, "graphs": 2, "generations": 4, "population": 32}  # 6 shards
PLAIN = "faulty=tests.faulty:Faulty"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return run(tmp_path_factory.mktemp("plain") / "run", task=(PLAIN,), **REQUEST)


def disturbed(path: Path, pool: Pool, *faults: str, watcher: Watcher | None = None) -> RunFolder:
    """A run in which some faults happen in its workers."""
    order(path / "faults", *faults)
    task = f'{PLAIN}:folder="{path / "faults"}"'
    return run(path / "run", pool, watcher, task=(task,), **REQUEST)


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        (("raise", "raise"), "exception"),
        (("die", "die"), "death"),
        (("stop", "infinite"), "deadline"),
    ],
)
def test_faults_change_nothing(
    crew: RayPool,
    undisturbed: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    faults: tuple[str, ...],
    kind: str,
) -> None:
    """A worker that is starting takes its time: those that hang do so once generations are under way."""

    def hang(_: object) -> None:
        if crew._workers.deadline is None:
            monkeypatch.setattr(crew, "_workers", replace(crew._workers, deadline=3.0))
            order(tmp_path / "faults", *faults)

    if kind == "deadline":
        monkeypatch.setattr(ray_pool, "ATTEMPTS", 20)  # on a busy machine what is slow may be past it, too
        folder = disturbed(tmp_path, crew, watcher=Listener(update=hang))
    else:
        folder = disturbed(tmp_path, crew, *faults)
    assert crew.retries[kind] >= len(faults) and crew.retries.keys() == {kind}
    assert_equal(folder, undisturbed)
    assert not list((tmp_path / "faults").iterdir())


def test_workers_that_are_killed_from_outside_change_nothing(
    crew: RayPool, undisturbed: RunFolder, tmp_path: Path
) -> None:
    """Two times, the worker that has been there longest is killed."""
    updates: list[int] = []

    def update(_: object) -> None:
        updates.append(1)
        places = [slot.place for slot in crew._slots if slot.place]
        if len(updates) in (2, 5) and places:
            os.kill(places[0][1], signal.SIGKILL)

    assert_equal(disturbed(tmp_path, crew, watcher=Listener(update=update)), undisturbed)
    assert crew.retries.get("death", 0) >= 1


def test_request_that_fails_three_times_is_given_up(crew: RayPool) -> None:
    for pool in (LocalPool(), crew):
        pool.submit(Impossible())
        request, result = pool.completed()
        assert request.about == "Nothing at all" and isinstance(result, Failed)
        assert result.reason.startswith("Nothing at all failed with AttributeError: ")
        assert "Traceback (most recent call last)" in result.reason


@pytest.mark.parametrize("selection", ["tournament", "race", "mixed"])
def test_run_goes_on_without_the_lineages_that_fail(crew: RayPool, tmp_path: Path, selection: str) -> None:
    """All of seed 1 raise in generation 1; what is left does not depend on the workers."""
    poison = derive(0, "episodes", "faulty", 1, 1)
    request = {**REQUEST, "task": (f"{PLAIN}:poison={poison}",), "selection": selection}
    events: list[str] = []
    listener = Listener(event=lambda line, _: events.append(line))
    folders = [
        run(tmp_path / str(n), pool, listener, **request) for n, pool in enumerate((LocalPool(), crew))
    ]
    assert_equal(folders[0], folders[1])
    rows = folders[0].results()
    lost = [row for row in rows if row["error"]]
    assert {row["seed"] for row in lost} == {1} and {row["status"] for row in lost} == {"failed"}
    for row in lost:
        assert "seed 1, generation 1 failed with ZeroDivisionError: a body fell apart" in row["error"]
        assert "Traceback" in row["error"] and row["score"] is None and row["evaluations"] == 33
    scored = [row for row in rows if row["status"] == "done"]
    assert len(scored) >= 3 and all(row["seed"] != 1 for row in scored)
    assert {line.split(": ")[0] for line in events if "without" in line} == {
        f"faulty goes on without a lineage of {genome}" for genome in ("connectome", "random")
    }


def test_run_of_which_nothing_is_left_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="ZeroDivisionError: the body fell apart"):
        run(tmp_path / "run", task=("echo=tests.toy:Echo:raises=true",), generations=2)


def test_worker_reserves_what_it_is_told_to_and_tries_again_where_there_is_no_other(
    pools: dict[int, Pool],
) -> None:
    """Of two workers that want all cores that are free, the second finds no room; nothing waits for it."""
    import ray

    pool = RayPool(Workers(2, cpus=FREE_CORES))
    pool.submit(Impossible())
    assert isinstance(pool.completed()[1], Failed)
    end = time.monotonic() + 10  # seconds, in which Ray counts its cores again
    while ray.available_resources().get("CPU", 0.0) > 0:
        assert time.monotonic() < end
        time.sleep(0.1)
    for slot in pool._slots:
        ray.kill(slot.actor)
