"""The search: every method climbs, is seeded, batched without mixing lineages, and safe from failures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import safetensors.numpy
import torch
from scipy import stats

from neuroevo.search import ask_tell, gaussian
from neuroevo.search.ask_tell import State
from neuroevo.search.methods import Cem, Es, Ga, Method, Pgpe
from neuroevo.search.settings import Settings

POPULATION = 20
METHODS = {
    "pgpe": Pgpe(stdev=0.1, speed=0.05),
    "pgpe-adam": Pgpe(stdev=0.1, speed=0.05, optimizer="adam"),
    "es": Es(learning_rate=0.2),
    "es-momentum": Es(learning_rate=0.05, momentum=0.8),
    "es-adam": Es(optimizer="adam", learning_rate=0.05),
    "ga": Ga(elite=4),
    "cem": Cem(),
}
every = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def settings(method: Method) -> Settings:
    return Settings(population=POPULATION, generations=60, method=method)


def started(method: Method, value: float = 0.0, length: int = 7) -> State:
    return ask_tell.start(torch.full((1, length), value), None, settings(method))


def quadratic(points: torch.Tensor) -> torch.Tensor:
    """Fitness whose top is at one."""
    return -((points - 1) ** 2).mean(1)


def step(states: Sequence[State], method: Method, generation: int, fitness: object = None) -> list[State]:
    """One generation of several searches, each with its number as the seed."""
    plan = settings(method)
    asked = [ask_tell.ask(s, plan, generation, 100 * generation + k) for k, s in enumerate(states)]
    values = [quadratic(p) for p in asked] if fitness is None else [fitness] * len(asked)
    return ask_tell.tell(states, asked, values, plan, generation)


# --- what all methods have in common ------------------------------------------------------------------


@every
def test_search_climbs_a_quadratic(method: Method) -> None:
    states = [started(method, length=10)]
    for generation in range(1, 60):
        states = step(states, method, generation)
    assert quadratic(ask_tell.centre(states[0])[None]) > -0.1


@every
def test_ask_depends_on_state_and_seed_alone(method: Method) -> None:
    state, plan = started(method), settings(method)
    torch.manual_seed(1)
    first = ask_tell.ask(state, plan, 1, 42)
    torch.manual_seed(2)
    torch.randn(5)
    assert torch.equal(ask_tell.ask(state, plan, 1, 42), first)
    assert not torch.equal(ask_tell.ask(state, plan, 1, 43), first)
    assert first.shape == (POPULATION, 7) and first.dtype == torch.float32


@every
def test_ask_leaves_the_global_generator_alone(method: Method) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    ask_tell.ask(started(method), settings(method), 1, 42)
    assert torch.equal(torch.rand(3), expected)


@every
def test_mirrored_methods_sample_in_pairs_about_the_centre(method: Method) -> None:
    population = ask_tell.ask(started(method, 0.5), settings(method), 1, 0)
    middle = (population[::2] + population[1::2]) / 2
    assert torch.allclose(middle, torch.full_like(middle, 0.5), atol=1e-6) == method.is_mirrored


@pytest.mark.parametrize("length", [1, 7, 16, 1_001])
def test_pairs_are_those_that_evotorch_draws_to_the_bit(length: int) -> None:
    rng = torch.Generator().manual_seed(5)
    centre, stdev = torch.randn(length, generator=rng), torch.rand(length, generator=rng)
    state = ask_tell.start(centre[None], None, settings(Pgpe())) | {"stdev": stdev}
    ours = ask_tell.ask(state, settings(Pgpe()), 3, 11)
    rival = gaussian.functional.pgpe(
        center_init=centre,
        center_learning_rate=0.1,
        stdev_learning_rate=0.1,
        stdev_init=stdev,
        objective_sense="max",
    )
    with torch.random.fork_rng():
        torch.manual_seed(11)
        assert torch.equal(ours, gaussian.functional.pgpe_ask(rival, popsize=POPULATION))


@every
def test_tell_a_batch_equals_telling_one_by_one(method: Method) -> None:
    lengths = [6, 9, 6, 6, 9]
    states = [started(method, 0.1 * i, n) for i, n in enumerate(lengths)]
    states = step(states, method, 1)
    asked = [ask_tell.ask(s, settings(method), 2, i) for i, s in enumerate(states)]
    fitness = [p.sum(1) for p in asked]
    together = ask_tell.tell(states, asked, fitness, settings(method), 2)
    for i, state in enumerate(states):
        (alone,) = ask_tell.tell([state], [asked[i]], [fitness[i]], settings(method), 2)
        assert alone.keys() == together[i].keys()
        for name, tensor in alone.items():
            torch.testing.assert_close(together[i][name], tensor)


@every
def test_tell_leaves_its_input_alone(method: Method) -> None:
    states = step([started(method), started(method, 1.0)], method, 1)
    before = [{name: x.clone() for name, x in s.items()} for s in states]
    step(states, method, 2)
    for state, copy in zip(states, before, strict=True):
        assert all(torch.equal(state[name], x) for name, x in copy.items())


@every
def test_start_takes_the_best_of_what_did_not_fail(method: Method) -> None:
    points = torch.arange(5.0)[:, None].expand(-1, 3)
    fitness = torch.tensor([0.0, 2.0, torch.nan, 3.0, torch.inf])
    assert ask_tell.centre(ask_tell.start(points, fitness, settings(method))).tolist() == [3.0] * 3


@every
def test_arrays_restore_a_search_exactly(method: Method) -> None:
    states = [started(method)]
    for generation in range(1, 4):
        states = step(states, method, generation)
    saved = safetensors.numpy.load(safetensors.numpy.save(ask_tell.to_arrays(states[0])))
    again = step([ask_tell.from_arrays(saved)], method, 4)[0]
    for name, tensor in step(states, method, 4)[0].items():
        np.testing.assert_array_equal(tensor.numpy(), again[name].numpy(), err_msg=name)


def test_rankable_puts_failures_last_and_counts_them() -> None:
    fitness = torch.tensor([1.0, math.nan, -3.0, math.inf, -math.inf, 2.0])
    ranked, failures = ask_tell.rankable(fitness)
    assert failures == 3
    assert torch.isfinite(ranked).all()
    assert ranked[[1, 3, 4]].max() < ranked[[0, 2, 5]].min()
    assert torch.equal(ranked[[0, 2, 5]], fitness[[0, 2, 5]])


def test_rankable_makes_all_failed_equal() -> None:
    ranked, failures = ask_tell.rankable(torch.full((4,), math.nan))
    assert failures == 4 and len(set(ranked.tolist())) == 1


# --- es -----------------------------------------------------------------------------------------------


def es_by_hand(method: Es, asked: list[np.ndarray], fitness: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Salimans et al. (2017), algorithm 1, with the decays of Schmidgall et al. (2022)."""
    theta, velocity, sigma, alpha = np.zeros(7), np.zeros(7), method.stdev, method.learning_rate
    mean, square = np.zeros(7), np.zeros(7)
    for t, (points, values) in enumerate(zip(asked, fitness, strict=True), start=1):
        noise = (points - theta) / sigma
        ranks = stats.rankdata(values) - 1
        utilities = ranks / (len(ranks) - 1) - 0.5
        gradient = (utilities[:, None] * noise).sum(0) / (len(points) * sigma)
        if method.optimizer == "sgd":
            velocity = method.momentum * velocity + alpha * gradient
        else:
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.999 * square + 0.001 * gradient**2
            velocity = alpha * mean / (1 - 0.9**t) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
        theta = theta + velocity
        sigma, alpha = sigma * method.decay, alpha * method.decay
    return theta, sigma


@pytest.mark.parametrize(
    "method",
    [Es(), Es(momentum=0.9, decay=0.9), Es(optimizer="adam", learning_rate=0.02, stdev=0.3)],
    ids=["plain", "momentum", "adam"],
)
def test_es_follows_the_formula_of_the_paper(method: Es) -> None:
    state, plan, asked, fitness = started(method), settings(method), [], []
    for generation in range(1, 6):
        points = ask_tell.ask(state, plan, generation, generation)
        values = points.sin().sum(1)
        values[3] = values[8]  # genomes of equal fitness share their rank
        (state,) = ask_tell.tell([state], [points], [values], plan, generation)
        asked.append(points.double().numpy())
        fitness.append(values.numpy())
    theta, sigma = es_by_hand(method, asked, fitness)
    np.testing.assert_allclose(state["centre"].numpy(), theta, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(state["stdev"].numpy(), sigma, rtol=1e-5)


def test_es_gradient_is_that_of_pgpe_over_the_variance() -> None:
    state = {"centre": torch.linspace(-1, 1, 7)[None], "stdev": torch.full((1, 7), 0.3)}
    alone = {name: x[0] for name, x in state.items()}
    points = gaussian.ask_mirrored(Es(), alone, range(POPULATION), 3)
    fitness = points.cos().sum(1)
    search = gaussian.functional.pgpe(
        center_init=alone["centre"],
        center_learning_rate=1.0,
        stdev_learning_rate=0.0,
        stdev_init=0.3,
        objective_sense="max",
        optimizer="sgd",
    )
    after = gaussian.functional.pgpe_tell(search, points, fitness)
    moved = after.optimizer_state.center - alone["centre"]
    gradient = gaussian.es_gradient(state, points[None], fitness[None])[0]
    torch.testing.assert_close(gradient, moved / 0.3**2)


# --- ga -----------------------------------------------------------------------------------------------


def test_ga_keeps_its_elite_exactly_and_best_first() -> None:
    method, state = Ga(elite=4), started(Ga(elite=4))
    points = ask_tell.ask(state, settings(method), 1, 5)
    fitness = points.sum(1)
    (state,) = ask_tell.tell([state], [points], [fitness], settings(method), 1)
    best = points[fitness.argsort(descending=True)[:4]]
    assert torch.equal(state["elites"], best) and torch.equal(ask_tell.centre(state), best[0])
    assert torch.equal(ask_tell.ask(state, settings(method), 2, 6)[:4], best)


def test_ga_elite_is_what_scores_best_now() -> None:
    method, plan = Ga(elite=2), settings(Ga(elite=2))
    state = ask_tell.start(torch.eye(3), torch.tensor([3.0, 2.0, 1.0]), plan)
    points = ask_tell.ask(state, plan, 1, 0)
    fitness = torch.zeros(POPULATION)
    fitness[1], fitness[7] = 5.0, 4.0  # the second elite now leads, and a mutant follows
    (state,) = ask_tell.tell([state], [points], [fitness], plan, 1)
    assert torch.equal(state["elites"], points[[1, 7]])
    assert method.elite == len(state["elites"])


def test_ga_mutates_by_the_sizes_and_decays_that_are_declared() -> None:
    method = Ga(elite=1, stdev=0.02, adapter_stdev=0.3, decay=0.9)
    plan = Settings(population=400, method=method)
    parts = np.repeat(["synapses", "biases", "encoder", "decoder"], [20, 10, 10, 10])
    state = ask_tell.start(torch.zeros(1, 50), None, plan, parts=parts)
    for generation in range(1, 4):
        (state,) = ask_tell.tell([state], [torch.ones(400, 50)], [torch.zeros(400)], plan, generation)
    changes = (ask_tell.ask(state, plan, 4, 9)[1:] - 1).double()
    for part, size in ((changes[:, :30], 0.02), (changes[:, 30:], 0.3)):
        squares = float((part / (size * 0.9**3)).square().sum())
        low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], part.numel())
        assert low < squares < high


def test_ga_draws_parents_evenly_from_the_elite() -> None:
    plan = Settings(population=4004, method=Ga(elite=4, stdev=1e-3))
    state = ask_tell.start(torch.arange(4.0)[:, None], -torch.arange(4.0), plan)
    parents = ask_tell.ask(state, plan, 1, 2)[4:, 0].round().int()
    assert stats.chisquare(np.bincount(parents, minlength=4)).pvalue > 1e-4


def test_ga_never_keeps_a_genome_that_failed() -> None:
    method, state = Ga(elite=4), started(Ga(elite=4))
    points = ask_tell.ask(state, settings(method), 1, 5)
    fitness = torch.full((POPULATION,), torch.nan)
    fitness[[2, 9]] = torch.tensor([1.0, 2.0])
    fitness[5] = torch.inf
    (after,) = ask_tell.tell([state], [points], [fitness], settings(method), 1)
    assert torch.equal(after["elites"], points[[9, 2]])
    (same,) = ask_tell.tell([after], [points], [fitness * torch.nan], settings(method), 1)
    assert torch.equal(same["elites"], after["elites"])


# --- cem ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [(0.0, 10.0, 0.4), (0.4, 0.6, 10.0)], ids=["change", "bounds"])
def test_cem_takes_mean_and_spread_of_its_parents_within_limits(limits: tuple[float, float, float]) -> None:
    least, most, change = limits
    method = Cem(parents=0.2, stdev=0.5, min_stdev=least, max_stdev=most, max_change=change)
    state, plan = started(method, length=60), settings(method)
    points = ask_tell.ask(state, plan, 1, 3)
    fitness = points[:, 0]
    (state,) = ask_tell.tell([state], [points], [fitness], plan, 1)
    parents = points.numpy()[np.argsort(-fitness.numpy())[:4]]
    np.testing.assert_allclose(state["centre"], parents.mean(0), rtol=1e-5, atol=1e-6)
    free = parents.std(0, ddof=1)
    low, high = max(least, 0.5 * (1 - change)), min(most, 0.5 * (1 + change))
    np.testing.assert_allclose(state["stdev"], np.clip(free, low, high), rtol=1e-5)
    assert (free < low).any() and (free > high).any() and ((low < free) & (free < high)).any()


@pytest.mark.parametrize("kind", [Pgpe, Es, Cem])
def test_parts_of_a_genome_have_spreads_of_their_own(kind: type[Pgpe] | type[Es] | type[Cem]) -> None:
    method = kind(stdev=0.5, core=0.1, bias=0.4, decoder=0.6)
    plan = Settings(400, 10, method)
    parts = np.repeat(["synapses", "biases", "encoder", "decoder"], 100)
    state = ask_tell.start(torch.zeros(1, 400), None, plan, 1, parts)
    spread = ask_tell.ask(state, plan, 1, 0).std(0)
    for name, wanted in (("synapses", 0.05), ("biases", 0.02), ("encoder", 0.5), ("decoder", 0.3)):
        mean = spread[torch.from_numpy(parts == name)].mean()
        torch.testing.assert_close(mean, torch.tensor(wanted), rtol=0.05, atol=0)
    alone = ask_tell.start(torch.zeros(1, 200), None, plan, 1, parts[:200])["stdev"]
    assert (alone[:100] == 0.5).all(), "without adapters the core is all there is"
    torch.testing.assert_close(alone[100:], torch.full((100,), 0.2))
    first, second = Settings(400, 10, method, pretraining=5).phases
    assert (first.method.core, second.method.core) == (1.0, 0.1)  # type: ignore[union-attr,attr-defined]
