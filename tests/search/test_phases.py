"""Lineages by every method and in two phases: what changes when, what stays, and what is shared by nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch

from neuroevo.network.adapters import Linear, Train
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.search import lineage as lineages
from neuroevo.search.coordinates import signs_of
from neuroevo.search.lineage import Evaluation, Lineage, Shard, State, begin, centre, parts, propose, update
from neuroevo.search.methods import Cem, Es, Ga, Method, Paper, Pgpe
from neuroevo.search.settings import Settings
from neuroevo.task import TaskRequest
from neuroevo.workers.runner import Runner
from tests.reference import random_architecture
from tests.toy import Echo

ECHO = TaskRequest("echo", "tests.toy:Echo", {})
METHODS = {"pgpe": Pgpe(), "es": Es(), "ga": Ga(elite=2), "cem": Cem(), "paper": Paper(elite=2)}
every = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def adapters(blueprint: Blueprint) -> np.ndarray:
    """Returns the places of the adapters' parameters in a genome."""
    places = np.arange(blueprint.layout.length)
    return np.concatenate([places[blueprint.layout.parts[name]] for name in ("encoder", "decoder")])


def lineage(genome: str = "a", train: Train = "evolved", num_neurons: int = 8) -> Lineage:
    architecture = random_architecture(ord(genome), num_neurons, 3)
    return Lineage("echo", genome, 0, 0, 0, Blueprint(architecture, 2, 2, adapter=Linear(train=train)))


def settings(method: Method, pretraining: int | None = None, generations: int = 6) -> Settings:
    early = 3 if method.has_pretraining else 0
    return Settings(8, generations, method, early if pretraining is None else pretraining)


def advanced(members: tuple[Lineage, ...], plan: Settings, generations: int) -> list[State]:
    shard = Shard(ECHO, members, plan)
    return Runner(shard, Echo()).advance([begin(x, plan) for x in members], generations)[0]


def history(x: Lineage, plan: Settings) -> list[State]:
    """States before each generation, and after the last."""
    runner, states = Runner(Shard(ECHO, (x,), plan), Echo()), [begin(x, plan)]
    for _ in range(plan.generations):
        states += runner.advance(states[-1:], 1)[0]
    return states


def everything(state: State) -> dict[str, np.ndarray]:
    numbers = {name: np.array(getattr(state, name)) for name in ("generation", "evaluations", "failures")}
    return {**numbers, **{name: x.copy() for name, x in lineages.to_arrays(state).items()}}


def assert_equal(first: State, second: State) -> None:
    a, b = everything(first), everything(second)
    assert a.keys() == b.keys()
    for name, array in a.items():
        np.testing.assert_array_equal(array, b[name], err_msg=name)


# --- by every method ----------------------------------------------------------------------------------


@every
def test_evolution_improves_on_the_best_untrained_genome(method: Method) -> None:
    plan = replace(settings(method, 30 if method.has_pretraining else 0, 60), population=32)
    x = lineage()
    runner = Runner(Shard(ECHO, (x,), plan), Echo(episodes=16, steps=8))
    first, _ = runner.advance([begin(x, plan)], 1)
    last, _ = runner.advance(first, 59)
    phenotype = Phenotype([x.blueprint], [2])
    phenotype.load([torch.stack([centre(x, first[0]), centre(x, last[0])])])
    before, after = -Echo(episodes=512, steps=8).evaluate(phenotype, seeds=[5, 5]).mean(1)
    assert after < 0.6 * before


@every
def test_result_does_not_depend_on_who_shares_the_shard(method: Method) -> None:
    members = (lineage("a"), lineage("b", num_neurons=12), lineage("c"))
    plan = settings(method)
    for x, state in zip(members, advanced(members, plan, 6), strict=True):
        (alone,) = advanced((x,), plan, 6)
        for name, array in everything(alone).items():
            np.testing.assert_allclose(everything(state)[name], array, rtol=1e-3, atol=1e-4, err_msg=name)


@every
@pytest.mark.parametrize("at", [1, 3, 5])
def test_state_is_restored_from_arrays_and_goes_on_as_it_would_have(method: Method, at: int) -> None:
    plan, x = settings(method), lineage()
    states = history(x, plan)
    saved = safetensors.numpy.load(safetensors.numpy.save(lineages.to_arrays(states[at])))
    names = ("generation", "evaluations", "failures", "blowup", "error")
    numbers = {name: getattr(states[at], name) for name in names}
    again = lineages.restore(x, plan, saved, numbers)
    assert_equal(again, states[at])
    later, _ = Runner(Shard(ECHO, (x,), plan), Echo()).advance([again], 6 - at)
    assert_equal(later[0], states[6])


@every
def test_first_population_is_of_untrained_genomes_whatever_the_method(method: Method) -> None:
    x = lineage()
    first = propose(x, begin(x, settings(method)), settings(method))
    usual = propose(x, begin(x, Settings(8, 6)), Settings(8, 6))
    assert torch.equal(first, usual) and not first[:, : x.blueprint.layout.core].any()


@every
def test_search_starts_at_the_best_of_the_first_population(method: Method) -> None:
    x, plan = lineage(), settings(method)
    state = begin(x, plan)
    proposals = propose(x, state, plan)
    fitness = torch.arange(9.0)[None]
    fitness[0, 4], fitness[0, 8] = 100.0, torch.nan
    (state,), _ = update(Shard(ECHO, (x,), plan), [state], [proposals], Evaluation(fitness, [""]), 0.0)
    assert torch.equal(centre(x, state), proposals[4])


@every
def test_lineage_all_of_whose_genomes_failed_stays_where_it_was(method: Method) -> None:
    x, plan = lineage(), settings(method)
    runner, state = Runner(Shard(ECHO, (x,), plan), Echo(broken=1.0)), begin(x, plan)
    states, _ = runner.advance([state], 6)
    assert states[0].failures == states[0].evaluations == plan.evaluations()
    assert torch.equal(centre(x, states[0]), centre(x, state))


@every
def test_parts_of_a_population_are_the_population(method: Method) -> None:
    plan, x = replace(settings(method), population=12), lineage()
    if isinstance(method, Paper):
        plan = replace(plan, method=replace(method, pretraining_population=4))
    group, states = Shard(ECHO, (x,), plan), history(x, plan)
    whole, split = Runner(group, Echo()), [Runner(part, Echo()) for part in parts(group, 3)]
    for state in states[:-1]:
        fitness = Evaluation.join([runner.evaluate([state]) for runner in split]).fitness
        torch.testing.assert_close(fitness, whole.evaluate([state]).fitness)
        assert fitness.shape[1] == plan.phase(state.generation).population + 1


# --- two phases ---------------------------------------------------------------------------------------


def test_paper_changes_its_method_at_the_declared_generation() -> None:
    states = history(lineage(), settings(Paper(elite=2)))
    es, ga = {"centre", "stdev", "velocity"}, {"elites", "stdev"}
    assert [set(s.search) for s in states] == [es] * 3 + [ga] * 4
    assert [s.coordinates is None for s in states] == [False] * 3 + [True] * 4
    assert [len(s.search["elites"]) for s in states[3:]] == [1, 2, 2, 2]


@pytest.mark.parametrize("method", [Paper(elite=2), Pgpe(final_speed=1.0), Ga(elite=2), Cem(), Es()])
def test_second_phase_starts_where_the_first_ended_with_a_search_of_its_own(method: Method) -> None:
    x = lineage(train="evolved" if isinstance(method, Paper) else "pretrained")
    plan = settings(method, pretraining=3)
    runner, state = Runner(Shard(ECHO, (x,), plan), Echo()), history(x, plan)[2]
    proposals = propose(x, state, plan)
    evaluation = runner.evaluate([state])
    longer = replace(plan, pretraining=4)  # so that the same generation does not end the phase
    (ended,), _ = update(Shard(ECHO, (x,), longer), [state], [proposals], evaluation, 0.0)
    (begun,), _ = update(Shard(ECHO, (x,), plan), [state], [proposals], evaluation, 0.0)
    torch.testing.assert_close(centre(x, begun), centre(x, ended))
    population = propose(x, begun, plan)
    torch.testing.assert_close(population[-1], centre(x, ended))
    away = population[:-1] - population[-1]
    layout, later = x.blueprint.layout, plan.method.phases[1]
    for part in ("synapses", "gap_junctions", "biases"):
        spread = away[:, layout.parts[part]].std()
        assert 0.7 * later.stdev < spread < 1.4 * later.stdev  # type: ignore[attr-defined]


def test_first_phase_of_paper_moves_two_factors_and_adapters() -> None:
    x, plan = lineage(), settings(Paper(elite=2))
    layout, signs = x.blueprint.layout, torch.from_numpy(signs_of(x.blueprint))
    for state in history(x, plan)[1:3]:
        population = propose(x, state, plan)
        synapses = population[:, layout.parts["synapses"]]
        for sign in (1, -1):
            of_sign = synapses[:, signs == sign]
            assert torch.equal(of_sign, of_sign[:, :1].expand_as(of_sign)) and of_sign[:, 0].std() > 0.01
        for part in ("gap_junctions", "biases"):
            assert not population[:, layout.parts[part]].any()
        assert (population[:, adapters(x.blueprint)].std(0) > 0.01).all()


@every
@pytest.mark.parametrize("train", ["fixed", "pretrained"])
def test_adapters_that_do_not_evolve_stay(method: Method, train: Train) -> None:
    x = lineage(train=train)
    plan = settings(method, pretraining=3 if train == "pretrained" or method.has_pretraining else 0)
    places, states = adapters(x.blueprint), history(x, plan)
    held = [propose(x, state, plan)[:, places] for state in states[:-1]]
    if train == "fixed":
        first = begin(x, plan)
        assert all(torch.equal(h, centre(x, first)[places].expand_as(h)) for h in held)
    else:
        assert held[2].std(0).min() > 0  # pretraining moves them
        assert all(torch.equal(h, held[3][:1].expand_as(h)) for h in held[3:])
    core = propose(x, states[5], plan)[:, : x.blueprint.layout.core]
    assert (core.std(0) > 0).all()


def test_controls_without_a_core_pretrain_their_adapters_throughout() -> None:
    x = lineage(train="pretrained")
    built = replace(x.blueprint, architecture=replace(x.blueprint.architecture, core="frozen"))
    x = replace(x, blueprint=built)
    plan = settings(Pgpe(), pretraining=3)
    for state in history(x, plan)[1:-1]:
        assert state.coordinates is None and (propose(x, state, plan).std(0) > 0).all()


def test_population_of_each_phase_is_its_own() -> None:
    x, plan = lineage(), settings(Paper(elite=2, pretraining_population=4))
    states = history(x, plan)
    assert [len(propose(x, s, plan)) for s in states[:-1]] == [5, 5, 5, 9, 9, 9]
    assert [s.evaluations for s in states] == [0, 5, 10, 15, 24, 33, 42]


@pytest.mark.parametrize("pretraining", [1, 5])
def test_phase_of_one_generation_is_a_phase(pretraining: int) -> None:
    x, plan = lineage(), settings(Paper(elite=2), pretraining=pretraining)
    states = history(x, plan)
    assert ["elites" in s.search for s in states] == [k >= pretraining for k in range(7)]


def test_noise_of_rivals_of_equal_size_is_equal_in_either_phase() -> None:
    a, plan = lineage(), settings(Paper(elite=2))
    b = replace(a, genome="b", graph=1)
    histories: list[Any] = [history(x, plan) for x in (a, b)]
    for first, second in zip(*histories, strict=True):
        assert_equal(first, second)
