"""Parts of a wiring: each is rewired, kept or dropped alone, and the others are none the wiser."""

from __future__ import annotations

import numpy as np
import pytest

from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome, Edges
from neuroevo.errors import ConnectomeError
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from populations.parts import OPTIONS, keep_of_pairs
from tests.populations.test_options import RUNGS

NULLS = [*(r for r in RUNGS if r not in ("weights-shuffled", "signs-shuffled")), "random"]
QUICK = {"stats-prior": {"triads": False}}
FIELDS = {"chemical": "chemical", "gap": "electrical", "neuromuscular": "neuromuscular"}


def sample(name: str, connectome: Connectome, **options: object) -> Architecture:
    return priors.get(name).target(connectome, seed=3, **QUICK.get(name, {}), **options)


def drawn(name: str) -> str:
    return "random" if name == "random" else "rewire"


def edges(wiring: Architecture | Connectome, option: str) -> set[tuple[int, int]]:
    part: Edges = getattr(wiring, FIELDS[option])
    return set(zip(part.pre.tolist(), part.post.tolist(), strict=True))


@pytest.mark.parametrize("option", FIELDS)
@pytest.mark.parametrize("name", NULLS)
def test_one_part_is_kept_or_dropped_and_the_others_stay_as_they_were_drawn(name: str, option: str) -> None:
    worm = load("celegans-motor")
    usual, kept, dropped = (
        sample(name, worm, **{option: choice}) for choice in (drawn(name), "keep", "drop")
    )
    measured = edges(worm, option)
    assert edges(usual, option) != measured == edges(kept, option)
    assert edges(dropped, option) == set()
    for other in FIELDS.keys() - {option}:
        assert edges(kept, other) == edges(dropped, other) == edges(usual, other)


@pytest.mark.parametrize("name", ["weights-shuffled", "signs-shuffled"])
def test_a_shuffle_leaves_synapses_in_place_unless_it_is_asked_to_rewire_them(name: str) -> None:
    worm = load("celegans-motor")
    for option in FIELDS:
        assert edges(sample(name, worm), option) == edges(worm, option)
        assert edges(sample(name, worm, **{option: "rewire"}), option) != edges(worm, option)


@pytest.mark.parametrize("name", NULLS)
@pytest.mark.parametrize("choice", ["keep", "drop"])
def test_a_part_that_is_not_there_cannot_be_kept_or_dropped(name: str, choice: str) -> None:
    worm = load("celegans")
    without = worm.circuit("alone", np.flatnonzero(~worm.is_muscle))
    assert not len(without.neuromuscular)
    with pytest.raises(ConnectomeError, match=f"'neuromuscular' is '{choice}', but .* has no neuromuscular"):
        sample(name, without, neuromuscular=choice)


def test_a_null_says_nothing_of_a_part_that_is_not_there() -> None:
    worm = load("celegans")
    without = worm.circuit("alone", np.flatnonzero(~worm.is_muscle))
    assert not any("neuromuscular" in note for note in sample("degree", without).notes)


@pytest.mark.parametrize("option", FIELDS)
@pytest.mark.parametrize("name", ["degree", "random"])
def test_what_is_kept_or_dropped_does_not_mutate(name: str, option: str) -> None:
    worm, plugin = load("celegans-motor"), priors.get(name)
    assert plugin.mutate is not None
    for choice in ("keep", "drop"):
        options = {**plugin.defaults, option: choice}
        parent = sample(name, worm, **{option: choice})
        child = plugin.mutate(worm, parent, seed=5, **options).architecture
        assert edges(child, option) == edges(parent, option)
        assert any(edges(child, other) != edges(parent, other) for other in FIELDS.keys() - {option})


def test_every_kind_of_edge_has_an_option() -> None:
    assert {v: k for k, v in OPTIONS.items()} == FIELDS
    assert keep_of_pairs.__module__ == "populations.parts"
