"""The search: seeded, batched without mixing lineages, and safe from failed fitness."""

from __future__ import annotations

import math

import numpy as np
import torch

from neuroevo import search

SETTINGS = search.Settings(population=20, generations=60, stdev=0.1, speed=0.05)


def evolve(length: int, settings: search.Settings, seed: int = 0) -> torch.Tensor:
    """Climbs a quadratic whose top is at one."""
    state = search.start(torch.zeros(length), settings)
    for generation in range(settings.generations):
        population = search.ask(state, settings.population, seed + generation)
        fitness = -((population - 1) ** 2).mean(1)
        (state,) = search.tell([state], [population], [fitness], settings, generation)
    return search.centre(state)


def test_search_climbs_a_quadratic() -> None:
    assert ((evolve(10, SETTINGS) - 1) ** 2).mean() < 0.05


def test_ask_depends_on_state_and_seed_alone() -> None:
    state = search.start(torch.zeros(7), SETTINGS)
    torch.manual_seed(1)
    first = search.ask(state, 8, 42)
    torch.manual_seed(2)
    torch.randn(5)
    assert torch.equal(search.ask(state, 8, 42), first)
    assert not torch.equal(search.ask(state, 8, 43), first)


def test_ask_leaves_the_global_generator_alone() -> None:
    state = search.start(torch.zeros(7), SETTINGS)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    search.ask(state, 8, 42)
    assert torch.equal(torch.rand(3), expected)


def test_ask_samples_mirrored_pairs_around_the_centre() -> None:
    centre = torch.linspace(-1, 1, 5)
    population = search.ask(search.start(centre, SETTINGS), 12, 0)
    torch.testing.assert_close(population.mean(0), centre, atol=1e-6, rtol=0)


def test_tell_a_batch_equals_telling_one_by_one() -> None:
    lengths = [6, 9, 6, 6, 9]
    states = [search.start(torch.full((n,), 0.1 * i), SETTINGS) for i, n in enumerate(lengths)]
    populations = [search.ask(s, 20, i) for i, s in enumerate(states)]
    fitness = [p.sum(1) for p in populations]
    together = search.tell(states, populations, fitness, SETTINGS, 3)
    for i, state in enumerate(states):
        (alone,) = search.tell([state], [populations[i]], [fitness[i]], SETTINGS, 3)
        torch.testing.assert_close(search.centre(together[i]), search.centre(alone))
        torch.testing.assert_close(together[i].stdev, alone.stdev)


def test_rankable_puts_failures_last_and_counts_them() -> None:
    fitness = torch.tensor([1.0, math.nan, -3.0, math.inf, -math.inf, 2.0])
    ranked, failures = search.rankable(fitness)
    assert failures == 3
    assert torch.isfinite(ranked).all()
    assert ranked[[1, 3, 4]].max() < ranked[[0, 2, 5]].min()
    assert torch.equal(ranked[[0, 2, 5]], fitness[[0, 2, 5]])


def test_rankable_makes_all_failed_equal() -> None:
    ranked, failures = search.rankable(torch.full((4,), math.nan))
    assert failures == 4 and len(set(ranked.tolist())) == 1


def test_arrays_restore_a_search_exactly() -> None:
    state = search.start(torch.zeros(5), SETTINGS)
    for generation in range(3):
        population = search.ask(state, 20, generation)
        (state,) = search.tell([state], [population], [population.sum(1)], SETTINGS, generation)
    restored = search.from_arrays(search.to_arrays(state), SETTINGS)
    after = []
    for s in (state, restored):
        population = search.ask(s, 20, 9)
        (s,) = search.tell([s], [population], [population.sum(1)], SETTINGS, 3)
        after.append(search.centre(s).numpy())
    np.testing.assert_array_equal(*after)
