"""Large populations: a part is drawn without the rest, and no message grows with the population."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
import torch

from neuroevo.experiment import shards
from neuroevo.network.blueprint import Blueprint
from neuroevo.search import lineage as lineages_
from neuroevo.search import methods
from neuroevo.search.lineage import Lineage, Shard, State, begin, propose
from neuroevo.search.settings import Settings
from neuroevo.task import TaskRequest
from neuroevo.workers.runner import Runner
from tests.reference import random_architecture
from tests.toy import Echo

LINEAGE = Lineage("echo", "random", 0, 0, 0, Blueprint(random_architecture(0), 2, 2))
REQUEST = TaskRequest("echo", "tests.toy:Echo", {})


def shard(population: int, method: str = "pgpe", part: tuple[int, int] = (0, 1)) -> Shard:
    settings = Settings(population, 9, methods.parse(method))
    return Shard(REQUEST, (LINEAGE,), settings, part)


def advanced(whole: Shard, generations: int) -> State:
    (state,), _ = Runner(whole, Echo()).advance([begin(LINEAGE, whole.settings)], generations)
    return state


@pytest.mark.parametrize("method", ["pgpe", "es", "ga", "cem"])
@pytest.mark.parametrize("generation", [0, 2])
def test_part_is_the_same_without_the_rest(method: str, generation: int) -> None:
    """Blocks are of 64: parts begin and end in the middle of them."""
    whole = shard(200, method)
    state = advanced(whole, generation)
    every = propose(LINEAGE, state, whole.settings)
    assert len(every) == 201 and len(every.unique(dim=0)) >= 200
    for start, stop in ((0, 201), (0, 10), (60, 70), (64, 128), (127, 201), (150, 200), (199, 201)):
        part = propose(LINEAGE, state, whole.settings, range(start, stop))
        assert torch.equal(part, every[start:stop])


def test_population_of_one_block_is_drawn_as_it_always_was() -> None:
    """The first rows of a larger population are those of a smaller one."""
    small, large = shard(64, "es"), shard(128, "es")
    state = advanced(small, 1)
    assert torch.equal(
        propose(LINEAGE, state, small.settings)[:64], propose(LINEAGE, state, large.settings)[:64]
    )


def test_population_larger_than_a_shard_is_split_however_many_lineages_there_are() -> None:
    assert shards.shard_size(1, 64) == (1, 4)
    assert shards.shard_size(1, 10_000) == (1, 40)
    assert shards.shard_size(50, 10_000) == (1, 40)
    assert shards.shard_size(50, 256) == (1, 1)
    assert shards.shard_size(50, 64) == (4, 1)


def test_messages_do_not_grow_with_the_population() -> None:
    """What is sent to a worker is a genome's length, what comes back its part of the fitness."""
    sent, returned = [], []
    for population in (64, 1024):
        whole = shard(population)
        state = advanced(whole, 2)
        part = replace(whole, part=(1, population // 32))
        sent.append(len(pickle.dumps([state])))
        returned.append(len(pickle.dumps(Runner(part, Echo()).evaluate([state]))))
    assert abs(sent[1] - sent[0]) < 100 and max(sent) < 20 * LINEAGE.blueprint.layout.length + 5_000
    assert abs(returned[1] - returned[0]) < 100


def test_parts_together_are_the_whole() -> None:
    whole = shard(200)
    state = advanced(whole, 2)
    runs = [Runner(part, Echo()) for part in lineages_.parts(whole, 7)]
    joined = lineages_.Evaluation.join([run.evaluate([state]) for run in runs]).fitness
    together = Runner(whole, Echo()).evaluate([state]).fitness
    torch.testing.assert_close(joined, together, rtol=1e-6, atol=1e-6)
