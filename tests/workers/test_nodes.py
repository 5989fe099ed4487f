"""Nodes of a Ray cluster: one that dies, one that joins, and none that has room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neuroevo import plugins
from neuroevo.errors import EvaluationError
from neuroevo.experiment.packages import packages
from neuroevo.network.blueprint import Blueprint
from neuroevo.task import TaskRequest
from neuroevo.workers import ray_cluster, ray_pool
from neuroevo.workers.ray_cluster import Workers
from neuroevo.workers.ray_pool import RayPool
from neuroevo.workers.requests import SetGains, TaskKey
from tests.faulty import Impossible
from tests.reference import random_architecture
from tests.small import Listener, run
from tests.workers.test_ray_pool import assert_equal


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A real cluster on this machine, of a head without room for workers."""
    from ray.cluster_utils import Cluster

    ray_cluster.stop()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield cluster
    ray_cluster.stop()
    cluster.shutdown()


@pytest.fixture
def nodes(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The same; a test joins it, and leaves no node behind but the head."""
    monkeypatch.setattr(ray_pool, "WAIT_SECONDS", 0.2)
    yield cluster
    ray_cluster.stop()
    for node in tuple(cluster.worker_nodes):
        cluster.remove_node(node)


def at_generation(number: int, act: Callable[[], object]) -> Listener:
    """Does something once, when so many generations of shards are completed."""
    updates: list[int] = []

    def update(_: object) -> None:
        updates.append(1)
        if len(updates) == number:
            act()

    return Listener(update=update)


def test_pool_without_any_worker_gives_up(nodes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_pool, "START_SECONDS", 1.0)
    pool = RayPool.start(Workers(1, nodes.address))
    pool.submit(Impossible())
    with pytest.raises(EvaluationError, match=r"^No worker has started in 1 s: none .*wanted a free core"):
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


def test_what_a_node_lacks_is_named(nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in and a module beside it travel; the folder is gone before a worker looks for them."""
    monkeypatch.setattr(ray_pool, "ATTEMPTS", 1)
    code = tmp_path / "code"
    code.mkdir()
    (code / "far_helper.py").write_text("NAME = 'far_unknown'\n")
    (code / "far_task.py").write_text(
        "import far_helper\nfrom tests.toy import Echo\n\n"
        "class Far(Echo):\n"
        "    def evaluate(self, phenotype, *, seeds):\n"
        "        __import__(far_helper.NAME)\n"
    )
    monkeypatch.syspath_prepend(str(code))
    sent = packages(plugins.tasks.calls(["far_task:Far"]))
    assert {Path(place).name for place in sent} >= {"far_helper.py", "far_task.py"}
    monkeypatch.undo()
    nodes.add_node(num_cpus=1)
    pool = RayPool.start(Workers(1, nodes.address, packages=sent))
    code.rename(tmp_path / "elsewhere")
    blueprint = Blueprint(random_architecture(0), 2, 2)
    pool.submit(SetGains(TaskKey(0, "far"), "Far", TaskRequest("far", "far_task:Far", {}), [blueprint], 0))
    reason = pool.completed()[1].reason  # type: ignore[attr-defined]
    wanted = "ModuleNotFoundError: No module named 'far_unknown'. The nodes lack 'far_unknown': install it"
    assert wanted in reason.splitlines()[0]


def test_node_that_dies_changes_nothing_and_one_that_joins_is_used(
    nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One node does all the work; it is killed, and the work goes on when another one joins.

    A node's death counts against no request: one that counted would be the last of a lineage here.
    """
    monkeypatch.setattr(ray_pool, "ATTEMPTS", 1)
    monkeypatch.setattr(ray_pool, "GROWTH_SECONDS", 0.5)
    monkeypatch.setattr(ray_pool, "REACH_SECONDS", 1.0)
    first = nodes.add_node(num_cpus=2)
    pool = RayPool.start(Workers(None, nodes.address))

    def swap() -> None:
        first.kill_raylet(check_alive=False)
        nodes.add_node(num_cpus=1, wait=False)

    request = {"seeds": 3, "graphs": 2, "generations": 4, "population": 32}  # 6 shards
    undisturbed = run(tmp_path / "undisturbed", **request)
    assert_equal(run(tmp_path / "disturbed", pool, at_generation(5, swap), **request), undisturbed)
    assert pool.retries.keys() == {"node"}
    assert first.node_id not in {slot.place[0] for slot in pool._slots if slot.place}
