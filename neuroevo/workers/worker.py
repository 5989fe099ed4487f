"""A worker: the tasks and networks with which requests are computed, in one thread, wherever it is."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch

from neuroevo.network.alignment import Arena
from neuroevo.search.lineage import Shard
from neuroevo.task import Task, TaskRequest
from neuroevo.workers import devices, network_memory
from neuroevo.workers.runner import Runner

CACHED_RUNNERS = 64  # networks a worker keeps between generations


@dataclass(frozen=True)
class ShardKey:
    """Names the network of a shard, or of a part of it, which a worker keeps between generations.

    Attributes:
        run: Number of the run among those of the driver's process, which may share their workers.
        shard: Number of the shard in its run.
        revision: How often the shard has lost lineages; each time its network is another one.
        part: Number of the part of every lineage's population; 0 where the population is not split.
        probe: Number of the one lineage that is computed alone; None means all of the shard's.
    """

    run: int
    shard: int
    revision: int = 0
    part: int = 0
    probe: int | None = None

    def is_beside(self, other: ShardKey) -> bool:
        """Says whether two keys name parts or lineages of one shard.

        Args:
            other: The other key.
        """
        mine, others = ((key.run, key.shard, key.revision) for key in (self, other))
        return mine == others


class Worker:
    """Keeps tasks and networks between the requests that are computed with them.

    Attributes:
        arena: Memory of the states of all its networks, which run one at a time.
    """

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self._tasks: dict[tuple[str, str], Task] = {}
        self._runners: OrderedDict[ShardKey, Runner] = OrderedDict()
        self.arena = Arena()

    def task(self, request: TaskRequest) -> Task:
        """Returns a task, which is made and prepared when it is asked for first.

        Args:
            request: The task as a message.
        """
        key = (request.path, repr(sorted(request.options.items())))
        if key not in self._tasks:
            self._tasks[key] = request.make()
        return self._tasks[key]

    def runner(self, key: ShardKey, shard: Shard) -> Runner:
        """Returns a shard made runnable; the CACHED_RUNNERS that were used last are kept.

        Args:
            key: Names the network; where a worker has it, `shard` is not looked at.
            shard: The shard, or a part of it.
        """
        if key not in self._runners:
            if shard.device != "cpu":
                self._make_room(shard)
            beside = (runner for other, runner in self._runners.items() if other.is_beside(key))
            sibling = next((runner for runner in beside if runner.shares_lineages(shard)), None)
            self._runners[key] = Runner(shard, self.task(shard.task), sibling, self.arena)
            if len(self._runners) > CACHED_RUNNERS:
                self._runners.popitem(last=False)
        self._runners.move_to_end(key)
        return self._runners[key]

    def drop_networks(self) -> None:
        """Gives back the memory of all networks; those that are asked for again are built anew."""
        self._runners.clear()

    def _make_room(self, shard: Shard) -> None:
        """Drops networks, the least recently used first, until a shard's fits on the GPU."""
        device = devices.place(shard.device)
        wanted = network_memory.shard_bytes(shard, self.task(shard.task))
        while self._runners and devices.free_memory(device) < wanted:
            self._runners.popitem(last=False)
