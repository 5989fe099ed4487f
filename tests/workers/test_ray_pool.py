"""Evaluators: results do not depend on the number of workers, and a failure names who failed."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from neuroevo.errors import EvaluationError, OptionError, TaskError
from neuroevo.experiment import evolution, shards
from neuroevo.files import to_json
from neuroevo.network.blueprint import Blueprint
from neuroevo.run_folder import RunFolder
from neuroevo.search.lineage import Lineage, Shard, begin
from neuroevo.search.settings import Settings
from neuroevo.task import TaskRequest
from neuroevo.workers import ray_cluster, worker
from neuroevo.workers.pool import LocalPool, Pool
from neuroevo.workers.ray_cluster import Workers
from neuroevo.workers.ray_pool import PATIENCE, RayPool
from neuroevo.workers.requests import Advance, Evaluate, Failed, Request
from neuroevo.workers.worker import ShardKey
from tests.reference import random_architecture
from tests.sighted import Sighted
from tests.small import ECHO, run, without_seconds

SETTINGS = Settings(population=4, generations=2)
RUN = -1  # no run of an `Evolution` has this number
WAYS = ("", "raises", "refuses", "unpicklable", "dies", "exits", "leaves", "interrupts", "crashes")


PAIR = ("adapter-only", "late=tests.planted:late")  # the second is dropped by a race


def request(how: str) -> Evaluate:
    """One evaluation of one lineage, in the third of its generations."""
    lineage = Lineage("tank", "random", 2, 5, 0, Blueprint(random_architecture(0), 2, 2))
    shard = Shard(TaskRequest("tank", "tests.tank:Tank", {"how": how}), (lineage,), SETTINGS)
    state = replace(begin(lineage, SETTINGS), generation=2)
    about = shards.describe(shard, f"generation {state.generation}")
    return Evaluate(ShardKey(RUN, WAYS.index(how)), about, shard, [state])


def compute(pool: Pool, how: str) -> torch.Tensor:
    pool.submit(request(how))
    result = pool.completed()[1]
    if isinstance(result, Failed):
        raise EvaluationError(result.reason)
    return result.fitness


@pytest.mark.parametrize("workers", [0, 1])
def test_shard_that_is_forgotten_can_still_be_computed(pools: dict[int, Pool], workers: int) -> None:
    pool = pools[workers]
    before = compute(pool, "")
    pool.forget(RUN, 0)
    if isinstance(pool, RayPool):
        assert not [key for key in pool._stored if key.run == RUN]
    assert torch.equal(compute(pool, ""), before)


def assert_equal(first: RunFolder, second: RunFolder) -> None:
    """Equal to the bit, but for the time it took, the order in which shards were completed, and the request.

    The mark of the request differs where its task is told how to fail.
    """
    assert to_json(first.results()) == to_json(second.results())
    assert without_seconds(first.metrics()) == without_seconds(second.metrics())
    (arrays, state), (other_arrays, other_state) = first.read_checkpoint(), second.read_checkpoint()
    for part in (state, other_state):
        del part["rows"]  # of which `seconds` are a part
        part.pop("request", None)
    assert state == other_state
    assert arrays.keys() == other_arrays.keys()
    for name, array in arrays.items():
        assert (array.dtype, array.shape) == (other_arrays[name].dtype, other_arrays[name].shape)
        assert array.tobytes() == other_arrays[name].tobytes(), name


# --- the number of workers ----------------------------------------------------------------------------


def test_few_lineages_do_not_depend_on_the_workers(pools: dict[int, Pool], tmp_path: Path) -> None:
    assert shards.shard_size(2, 64) == (1, 4)  # parts of 65 genomes
    folders = [run(tmp_path / str(n), pool, population=64) for n, pool in pools.items()]
    assert len(folders[0].results()) == 2
    for folder in folders[1:]:
        assert_equal(folders[0], folder)


def test_many_lineages_do_not_depend_on_the_workers(
    pools: dict[int, Pool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "GENOMES_PER_SHARD", 24)
    monkeypatch.setattr(evolution, "BLUEPRINTS_PER_REQUEST", 2)
    request = {"seeds": 3, "graphs": 2, "task": (ECHO, "long=tests.toy:Echo:steps=6")}
    assert shards.shard_size(9, 8) == (3, 1)
    folders = [run(tmp_path / str(n), pool, **request) for n, pool in pools.items()]
    assert len(folders[0].results()) == 2 * 9
    for folder in folders[1:]:
        assert_equal(folders[0], folder)


@pytest.mark.parametrize("method", ["pgpe:optimizer=adam", "es", "ga:elite=2", "cem", "paper:elite=2"])
def test_search_methods_do_not_depend_on_the_workers(
    pools: dict[int, Pool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(shards, "GENOMES_PER_SHARD", 24)
    few = {"population": 64, "search": method, "generations": 4}  # one shard, in parts
    many = {"seeds": 3, "graphs": 2, "search": method, "adapter": "linear:train=pretrained"}
    for name, request in (("few", few), ("many", many)):
        folders = [run(tmp_path / f"{name}{n}", pool, **request) for n, pool in pools.items()]
        for folder in folders[1:]:
            assert_equal(folders[0], folder)


@pytest.mark.parametrize(
    "request_",
    [
        {"selection": "race", "genome": PAIR, "seeds": 12, "generations": 32, "population": 16},
        {"selection": "race", "seeds": 3, "graphs": 2, "generations": 4},
        {"selection": "mixed", "seeds": 3, "graphs": 3, "generations": 6},
        {"selection": "mixed", "graphs": 2, "generations": 4, "population": 64},
    ],
)
def test_selection_does_not_depend_on_the_workers(
    pools: dict[int, Pool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: dict[str, Any]
) -> None:
    monkeypatch.setattr(shards, "GENOMES_PER_SHARD", 64)
    folders = [run(tmp_path / str(n), pool, **request_) for n, pool in pools.items()]
    if request_.get("genome") == PAIR:
        assert any(row.get("dropped") for row in folders[0].selection())
    for folder in folders[1:]:
        assert_equal(folders[0], folder)
        first, second = ((f.path / "selection.jsonl").read_bytes() for f in (folders[0], folder))
        assert first == second != b""
        assert folders[0].manifest() == folder.manifest()


@pytest.mark.parametrize("genomes", [("connectome",), ("connectome", "random")])
def test_images_that_lineages_choose_do_not_depend_on_the_workers(
    pools: dict[int, Pool], tmp_path: Path, genomes: tuple[str, ...]
) -> None:
    """Of one genome, parts; of two, whole shards."""
    request = {"genome": genomes, "task": ("digits=tasks.images:Digits:episodes=32,pool=512",)}
    budget = {"population": 40, "generations": 4}
    folders = [run(tmp_path / str(n), pools[n], **request, **budget) for n in (0, 2)]
    assert_equal(*folders)


def test_a_pool_serves_one_run_after_another(pools: dict[int, Pool], tmp_path: Path) -> None:
    for n, pool in pools.items():
        for seed in (3, 4):
            alone = run(tmp_path / f"{n}-{seed}-alone", seed=seed)
            assert_equal(alone, run(tmp_path / f"{n}-{seed}", pool, seed=seed))


def test_no_shard_is_left_behind_because_a_worker_has_the_network_of_another(
    pools: dict[int, Pool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker, which would otherwise finish a shard before it looks at the next."""
    completed: list[int] = []
    pool = pools[1]
    wait = pool.completed

    def listening() -> tuple[Request[object], object]:
        request, result = wait()
        if isinstance(request, Advance):
            completed.append(request.key.shard)
        return request, result

    monkeypatch.setattr(pool, "completed", listening)
    run(tmp_path / "run", pool, seeds=3, graphs=2, generations=12, population=128)
    shards = set(completed)
    counts = {shard: [completed[:k].count(shard) for k in range(len(completed))] for shard in shards}
    gaps = [max(at) - min(at) for at in zip(*counts.values(), strict=True)]
    assert len(shards) > 2 and max(gaps) <= PATIENCE + 2 < 12


# --- failures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("raises", "ZeroDivisionError: the body fell apart"),
        ("unpicklable", "Unpicklable: never mind"),
        ("exits", "SystemExit: no licence, which asks the program to end"),
        ("leaves", r"ImmediateExit: os._exit(7), which asks the program to end"),
        ("interrupts", "KeyboardInterrupt, though nobody interrupted it"),
    ],
)
def test_exception_in_a_worker_names_the_lineage(
    pools: dict[int, Pool], num_workers: int, how: str, cause: str
) -> None:
    with pytest.raises(EvaluationError) as caught:
        compute(pools[num_workers], how)
    message, _, trace = str(caught.value).partition("\n")
    assert message == f"random on tank, graph 2, seed 5, generation 2 failed with {cause}."
    assert trace.startswith("Traceback (most recent call last):") and "in evaluate" in trace
    assert torch.isfinite(compute(pools[num_workers], "")).all()  # the worker goes on


@pytest.mark.parametrize("num_workers", [0, 1])
def test_own_errors_pass_unchanged(pools: dict[int, Pool], num_workers: int) -> None:
    with pytest.raises(TaskError) as caught:
        compute(pools[num_workers], "refuses")
    assert str(caught.value) == "No water in the tank; fill it."


def test_worker_that_dies_is_reported_and_what_it_was_to_do_next_did_not_fail_with_it(
    pools: dict[int, Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A brief request is sent while the worker still has another one, of which it dies, and so the next."""
    monkeypatch.setattr("neuroevo.workers.ray_pool.ATTEMPTS", 2)
    pool = pools[1]
    assert isinstance(pool, RayPool)
    alone = compute(pool, "")
    fatal, following = request("dies"), request("")
    pool._seconds = {(Evaluate, fatal.key): 0.0, (Evaluate, following.key): 0.0}
    pool.submit(fatal)
    pool.submit(following)
    assert pool._slots[0].ahead is not None and not pool._queue
    results = dict(pool.completed() for _ in range(2))
    assert isinstance(results[fatal], Failed)
    pattern = r"The worker that computed random on tank, graph 2, seed 5, generation 2 died without a word, "
    assert re.match(pattern, results[fatal].reason) and "--workers" not in results[fatal].reason
    assert torch.equal(results[following].fitness, alone)
    assert pool.retries == {"death": 2}


def test_worker_that_crashes_is_told_where(
    pools: dict[int, Pool], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ray's own guesses, such as want of memory, are not shown."""
    monkeypatch.setattr("neuroevo.workers.ray_pool.ATTEMPTS", 1)
    with pytest.raises(EvaluationError) as caught:
        compute(pools[1], "crashes")
    wanted = r"died of a crash, Segmentation fault in string_at, .*ctypes.*; mend the task, or the library"
    assert re.search(wanted, str(caught.value))
    assert "raylet" not in "".join(capfd.readouterr())


def test_address_without_a_cluster_is_refused() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for address in (f"127.0.0.1:{port}", "127.0.0.1:99999"):
        with pytest.raises(
            OptionError, match=f"No Ray cluster answers at '{address}' .* leave out --address"
        ):
            ray_cluster.start(Workers(1, address))


def test_workers_that_reserve_a_gpu_see_one_each(started: object) -> None:
    import ray

    options = Workers(2, gpus=1.0).options | {"num_cpus": 0}  # other tests' workers hold the cores
    remote_class: Any = ray.remote(Sighted).options(**options)
    actors = [remote_class.remote() for _ in range(2)]
    gpus = ray.get([actor.sees.remote() for actor in actors], timeout=60)
    assert sorted(gpus) == ["0", "1"]


def test_local_pool_completes_in_the_order_of_submission() -> None:
    pool = LocalPool()
    requests = [request(""), request(""), request("")]
    for one in requests:
        pool.submit(one)
    assert [pool.completed()[0] for _ in requests] == requests


def test_worker_keeps_a_bounded_number_of_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "CACHED_RUNNERS", 2)
    here, one = worker.Worker(), request("")
    for k in (0, 1, 0, 2, 0):
        replace(one, key=ShardKey(RUN, k)).run(here)
    assert [key.shard for key in here._runners] == [2, 0]
