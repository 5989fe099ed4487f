"""Supervision: whatever happens to workers and nodes, results are those of a run that nothing disturbed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neuroevo.errors import EvaluationError
from neuroevo.experiment.evolution import Listeners
from neuroevo.run_folder import RunFolder
from neuroevo.seeds import derive
from neuroevo.workers import ray_cluster, ray_pool
from neuroevo.workers.pool import LocalPool, Pool
from neuroevo.workers.ray_cluster import Workers
from neuroevo.workers.ray_pool import PATIENCE, RayPool
from neuroevo.workers.worker import Failed, Request
from tests.faulty import order
from tests.small import run
from tests.workers.test_ray_pool import assert_equal

REQUEST: dict[str, Any] = {"seeds": 3, "graphs": 2, "generations": 4, "population": 32}  # 6 shards
PLAIN = "faulty=tests.faulty:Faulty"


@pytest.fixture(scope="module")
def started() -> Iterator[None]:
    """Starts Ray once, with room for two workers and for those that take their places."""
    import ray

    ray_cluster.start(Workers(4))
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return run(tmp_path_factory.mktemp("plain") / "run", task=(PLAIN,), **REQUEST)


def disturbed(path: Path, pool: Pool, *faults: str, listeners: Listeners | None = None) -> RunFolder:
    """A run in which some faults happen in its workers."""
    order(path / "faults", *faults)
    task = f'{PLAIN}:folder="{path / "faults"}"'
    return run(path / "run", pool, listeners, task=(task,), **REQUEST)


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        (("raise", "raise"), "exception"),
        (("die", "die"), "death"),
        (("stop",), "deadline"),
        (("infinite",), "deadline"),
    ],
)
def test_faults_change_nothing(
    started: None, undisturbed: RunFolder, tmp_path: Path, faults: tuple[str, ...], kind: str
) -> None:
    pool = RayPool(Workers(2, deadline=3.0))
    found = disturbed(tmp_path, pool, *faults)
    assert pool.retries[kind] >= len(faults) and pool.retries.keys() == {kind}
    assert_equal(found, undisturbed)
    assert not list((tmp_path / "faults").iterdir())


def test_workers_that_are_killed_from_outside_change_nothing(
    started: None, undisturbed: RunFolder, tmp_path: Path
) -> None:
    """Every second generation the worker that has been there longest is killed."""
    pool, seen = RayPool(Workers(2)), list[int]()

    def update(_: object) -> None:
        seen.append(1)
        places = [slot.place for slot in pool._slots if slot.place]
        if len(seen) % 6 == 0 and places:
            os.kill(places[0][1], signal.SIGKILL)

    assert_equal(disturbed(tmp_path, pool, listeners=Listeners(update=update)), undisturbed)
    assert pool.retries.get("death", 0) >= 1


def test_no_shard_is_left_behind_because_a_worker_has_the_network_of_another(
    started: None, tmp_path: Path
) -> None:
    """One worker, which would otherwise finish a shard before it looks at the next."""
    completed: list[int] = []

    class Listening(RayPool):
        def completed(self) -> tuple[Request, Any]:
            request, result = super().completed()
            if request.method == "advance":
                completed.append(request.key[1])
            return request, result

    run(
        tmp_path / "run",
        Listening(Workers(1)),
        task=(PLAIN,),
        **{**REQUEST, "generations": 12, "population": 128},
    )
    shards = set(completed)
    counts = {shard: [completed[:k].count(shard) for k in range(len(completed))] for shard in shards}
    gaps = [max(at) - min(at) for at in zip(*counts.values(), strict=True)]
    assert len(shards) > 2 and max(gaps) <= PATIENCE + 2 < 12


def test_request_that_fails_three_times_is_given_up(started: None) -> None:
    for pool in (LocalPool(), RayPool(Workers(2))):
        pool.submit(Request(("x",), "no_such_method", (), (), "Nothing at all"))
        request, result = pool.completed()
        assert request.about == "Nothing at all" and isinstance(result, Failed)
        assert result.reason.startswith("Nothing at all failed with AttributeError: ")
        assert "Traceback (most recent call last)" in result.reason


@pytest.mark.parametrize("selection", ["tournament", "race", "mixed"])
def test_run_goes_on_without_the_lineages_that_fail(started: None, tmp_path: Path, selection: str) -> None:
    """All of seed 1 raise in generation 1; what is left does not depend on the workers."""
    poison = derive(0, "episodes", "faulty", 1, 1)
    request = {**REQUEST, "task": (f"{PLAIN}:poison={poison}",), "selection": selection}
    told: list[str] = []
    pools: dict[int, Pool] = {0: LocalPool(), 2: RayPool(Workers(2))}
    listeners = Listeners(event=lambda line, _: told.append(line))
    folders = [run(tmp_path / str(n), pool, listeners, **request) for n, pool in pools.items()]
    assert_equal(folders[0], folders[1])
    rows = folders[0].results()
    lost = [row for row in rows if row["error"]]
    assert {row["seed"] for row in lost} == {1} and {row["status"] for row in lost} == {"failed"}
    for row in lost:
        assert "seed 1, generation 1 failed with ZeroDivisionError: a body fell apart" in row["error"]
        assert "Traceback" in row["error"] and row["score"] is None and row["evaluations"] == 33
    scored = [row for row in rows if row["status"] == "done"]
    assert len(scored) >= 3 and all(row["seed"] != 1 for row in scored)
    assert {line.split(": ")[0] for line in told if "without" in line} == {
        f"faulty goes on without a lineage of {genome}" for genome in ("connectome", "random")
    }


def test_run_of_which_nothing_is_left_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="ZeroDivisionError: the body fell apart"):
        run(tmp_path / "run", task=("echo=tests.toy:Echo:raises=true",), generations=2)


def test_request_is_tried_again_by_its_worker_where_there_is_no_other(started: None) -> None:
    """The second finds no room; nothing waits for it."""
    import ray

    pool = RayPool(Workers(2, cpus=3.0))
    pool.submit(Request(("x",), "no_such_method", (), (), "Nothing at all"))
    assert isinstance(pool.completed()[1], Failed)
    for slot in pool._slots:
        ray.kill(slot.actor)


def test_worker_reserves_what_it_is_told_to(started: None) -> None:
    """There are four cores: of two each, there is room for two workers."""
    import ray

    pool = RayPool(Workers(3, cpus=2.0))
    pool.submit(Request(("x",), "no_such_method", (), (), "Nothing at all"))
    pool.completed()
    time.sleep(3)
    assert ray.available_resources().get("CPU", 0.0) == 0
    assert sum(slot.place is not None for slot in pool._slots) <= 2
    for slot in pool._slots:
        ray.kill(slot.actor)


# --- nodes --------------------------------------------------------------------------------------------


@pytest.fixture
def nodes() -> Iterator[Any]:
    """A real cluster on this machine, of a head without room for workers."""
    import ray
    from ray.cluster_utils import Cluster

    ray.shutdown()
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield made
    ray.shutdown()
    made.shutdown()


def at_generation(number: int, act: Callable[[], object]) -> Listeners:
    """Does something once, when so many generations of shards are completed."""
    seen: list[int] = []

    def update(_: object) -> None:
        seen.append(1)
        if len(seen) == number:
            act()

    return Listeners(update=update)


def test_node_that_dies_changes_nothing_and_one_that_joins_is_used(
    nodes: Any, undisturbed: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One node does all the work; it is killed, and the work goes on when another one joins.

    A node's death counts against no request: one that counted would be the last of a lineage here.
    """
    monkeypatch.setattr(ray_pool, "ATTEMPTS", 1)
    first = nodes.add_node(num_cpus=2)
    pool = RayPool.start(Workers(None, nodes.address))

    def swap() -> None:
        first.kill_raylet(check_alive=False)
        nodes.add_node(num_cpus=1, wait=False)

    found = disturbed(tmp_path, pool, listeners=at_generation(5, swap))
    assert_equal(found, undisturbed)
    assert pool.retries.keys() == {"node"}
    assert first.node_id not in {slot.place[0] for slot in pool._slots if slot.place}


def test_pool_without_any_worker_gives_up(nodes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_pool, "START_SECONDS", 2.0)
    pool = RayPool.start(Workers(1, nodes.address))
    pool.submit(Request(("x",), "no_such_method", (), (), "Nothing at all"))
    with pytest.raises(EvaluationError, match=r"^No worker has started in 2 s .*wanted a free core"):
        pool.completed()


def test_packages_are_sent_to_the_nodes(nodes: Any, tmp_path: Path) -> None:
    """The plug-in lies in a folder that no Python process looks into."""
    import ray

    (tmp_path / "sent_plug_in.py").write_text("ANSWER = 42\n")
    nodes.add_node(num_cpus=1)
    ray_cluster.start(Workers(1, nodes.address, packages=(str(tmp_path / "sent_plug_in.py"),)))

    @ray.remote
    def answer() -> int:
        return __import__("sent_plug_in").ANSWER

    assert ray.get(answer.remote()) == 42
