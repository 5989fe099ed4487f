"""Inheritance: offspring carry on their parent's search parameter by parameter, by every method and phase."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuroevo.network.adapters import Linear, Train
from neuroevo.network.blueprint import Blueprint
from neuroevo.search import ask_tell, coordinates
from neuroevo.search import lineage as lineages
from neuroevo.search.inheritance import inherit
from neuroevo.search.lineage import Lineage, Shard, State, begin, propose
from neuroevo.search.methods import Cem, Es, Ga, Method, Paper, Pgpe
from neuroevo.search.settings import Settings
from neuroevo.task import TaskRequest
from neuroevo.workers.runner import Runner
from tests.reference import random_architecture
from tests.small import run
from tests.toy import Echo

METHODS = {
    "pgpe": Pgpe(),
    "pgpe-adam": Pgpe(optimizer="adam"),
    "es": Es(momentum=0.5),
    "ga": Ga(elite=3, adapter_stdev=0.4),
    "cem": Cem(),
    "paper": Paper(elite=3, adapter_stdev=0.4),
}
every = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def settings(method: Method, train: Train = "evolved") -> Settings:
    return Settings(8, 8, method, 4 if method.has_pretraining or train == "pretrained" else 0)


def evolved(method: Method, train: Train, generations: int) -> tuple[Lineage, State]:
    built = Blueprint(random_architecture(5, 8, 3), 2, 2, adapter=Linear(train=train))
    x, plan = Lineage("echo", "a", 0, 0, 0, built), settings(method, train)
    shard = Shard(TaskRequest("echo", "tests.toy:Echo", {}), (x,), plan)
    return x, Runner(shard, Echo()).advance([begin(x, plan)], generations)[0][0]


@every
@pytest.mark.parametrize("train", ["evolved", "fixed", "pretrained"])
@pytest.mark.parametrize("generations", [2, 6])
def test_identity_carries_everything(method: Method, train: Train, generations: int) -> None:
    x, state = evolved(method, train, generations)
    source = np.arange(x.blueprint.layout.length)
    again = inherit(state, source, torch.zeros(len(source)), x.blueprint, settings(method, train))
    for name, array in lineages.to_arrays(state).items():
        np.testing.assert_array_equal(lineages.to_arrays(again)[name], array, err_msg=name)


@every
@pytest.mark.parametrize("generations", [2, 6])
def test_new_parameters_start_fresh_and_the_others_are_the_parents(method: Method, generations: int) -> None:
    x, state = evolved(method, "evolved", generations)
    plan, length = settings(method), x.blueprint.layout.length
    source = np.arange(length)
    source[::3] = -1
    fresh = torch.full((length,), 0.5)
    child = inherit(state, source, fresh, x.blueprint, plan)
    old, new = lineages.centre(x, state), lineages.centre(x, child)
    one_by_one = np.ones(length, bool)
    if state.coordinates is not None:  # of what shares a factor, or stays, the base is inherited
        one_by_one[:] = False
        one_by_one[state.coordinates.single] = True
    known = source >= 0
    assert torch.equal(new[known & one_by_one], old[known & one_by_one])
    assert torch.equal(new[~known & one_by_one], fresh[~known & one_by_one])
    if state.coordinates is None:
        spread = state.search["stdev"].numpy().copy()
        start = ask_tell.start(fresh[None], None, plan, generations, coordinates.parts(x.blueprint, None))[
            "stdev"
        ]
        spread[~known] = start[~known]
        np.testing.assert_array_equal(child.search["stdev"], spread)
    assert torch.isfinite(propose(x, child, plan)).all()


def test_every_genome_of_an_elite_is_inherited() -> None:
    x, state = evolved(Ga(elite=3), "evolved", 3)
    source = np.arange(x.blueprint.layout.length)
    source[4] = -1
    child = inherit(state, source, torch.full((len(source),), 9.0), x.blueprint, settings(Ga(elite=3)))
    wanted = state.search["elites"].clone()
    wanted[:, 4] = 9.0
    assert len(wanted) == 3 and torch.equal(child.search["elites"], wanted)


def test_adapters_that_are_fixed_are_inherited_as_they_are() -> None:
    x, state = evolved(Ga(elite=3), "fixed", 3)
    parts, everywhere = x.blueprint.layout.parts, np.arange(x.blueprint.layout.length)
    places = np.concatenate([everywhere[parts[name]] for name in ("encoder", "decoder")])
    source = np.arange(x.blueprint.layout.length)
    source[places[:2]] = -1  # of a cell that came alive
    fresh = torch.full((len(source),), 0.5)
    child = inherit(state, source, fresh, x.blueprint, settings(Ga(elite=3), "fixed"))
    genomes = propose(x, child, settings(Ga(elite=3), "fixed"))[:, places]
    assert (genomes[:, :2] == 0.5).all()
    assert torch.equal(genomes[:, 2:], lineages.centre(x, state)[places[2:]].expand(len(genomes), -1))


def test_factor_is_inherited_though_some_of_its_synapses_are_new() -> None:
    x, state = evolved(Paper(elite=3), "evolved", 3)
    source = np.arange(x.blueprint.layout.length)
    source[::2] = -1
    state = replace(state, search={**state.search, "centre": state.search["centre"] + 1})
    child = inherit(state, source, torch.zeros(len(source)), x.blueprint, settings(Paper(elite=3)))
    assert torch.equal(child.search["centre"][:2], state.search["centre"][:2])
    synapses = x.blueprint.layout.parts["synapses"]
    assert torch.equal(lineages.centre(x, child)[synapses], lineages.centre(x, state)[synapses])


@pytest.mark.parametrize("search_", ["es", "ga:elite=2", "cem", "paper:elite=2"])
@pytest.mark.parametrize("adapter", ["linear", "linear:train=pretrained"])
def test_mixed_populations_evolve_by_every_method(tmp_path: Path, search_: str, adapter: str) -> None:
    request = {"selection": "mixed", "graphs": 2, "generations": 8, "search": search_, "adapter": adapter}
    folder = run(tmp_path / "run", genome=("degree", "random"), **request)
    rows = folder.results()
    assert [row["status"] for row in rows] == ["done"] * 4
    assert {row["evaluations"] for row in rows} == {8 * 9}
    assert len(folder.metrics()) == 4 * 8
