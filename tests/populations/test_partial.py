"""The partial null keeps the parts that are to be exact, and of the others what its docstring promises."""

from __future__ import annotations

import functools
from collections import Counter

import numpy as np
import pytest

from neuroevo.connectome.catalog import load
from neuroevo.connectome.graphs import from_networkx
from neuroevo.connectome.model import Connectome, Edges
from neuroevo.errors import ConnectomeError, OptionError
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from tests.populations.test_undirected import graph

KINDS = {"chemical": "chemical", "gap": "electrical", "neuromuscular": "neuromuscular"}
KEEP = dict.fromkeys((*KINDS, "signs", "weights"), "keep")
CIRCUITS = ("celegans-motor", "celegans")


@functools.cache
def worm_of(name: str) -> Connectome:
    return load(name)


def sample(worm: Connectome, seed: int = 0, **options: object) -> Architecture:
    return priors.get("partial").target(worm, seed=seed, **options)


def places(edges: Edges) -> set[tuple[int, int]]:
    return set(zip(edges.pre.tolist(), edges.post.tolist(), strict=True))


def counts(edges: Edges, group: np.ndarray) -> Counter[tuple[object, float]]:
    """Section counts with what they belong to."""
    return Counter(zip(group[edges.pre].tolist(), edges.weight.tolist(), strict=True))


@pytest.mark.parametrize("name", CIRCUITS)
def test_null_keeps_degrees_and_counts_and_nothing_else(name: str) -> None:
    worm, null = worm_of(name), sample(worm_of(name))
    for field in KINDS.values():
        before, after = getattr(worm, field), getattr(null, field)
        ends = [np.concatenate([e.pre, e.post]) for e in (before, after)] if field == "electrical" else []
        for x, y in [ends] if ends else [(before.pre, after.pre), (before.post, after.post)]:
            np.testing.assert_array_equal(*(np.bincount(z, minlength=worm.num_cells) for z in (x, y)))
        assert len(places(before) & places(after)) < 0.5 * len(before)
        if field != "electrical":
            assert counts(before, worm.sign) == counts(after, worm.sign)
    muscles = [
        Counter(zip(worm.is_muscle[e.pre].astype(int) + worm.is_muscle[e.post], e.weight, strict=True))
        for e in (worm.electrical, null.electrical)
    ]
    assert muscles[0] == muscles[1]
    neurons = ~worm.is_muscle
    assert (null.sign != worm.sign).any() and null.sign[neurons].sum() == worm.sign[neurons].sum()
    np.testing.assert_array_equal(null.sign[worm.is_muscle], worm.sign[worm.is_muscle])


@pytest.mark.parametrize("name", CIRCUITS)
def test_with_every_part_exact_it_is_the_connectome(name: str) -> None:
    worm = worm_of(name)
    exact = Architecture.of(worm).content_hash
    assert sample(worm, **KEEP).content_hash == exact
    roles = "+".join(sorted(set(worm.role) - {"muscle"}))
    assert sample(worm, by="role", exact=roles, gap="keep").content_hash == exact


@pytest.mark.parametrize("part", KEEP)
def test_a_knock_out_changes_one_part_and_a_transplant_keeps_one(part: str) -> None:
    worm = worm_of("celegans-motor")
    knockout, transplant = (
        sample(worm, **{k: v for k, v in KEEP.items() if (k == part) == is_kept} | {"by": "role"})
        for is_kept in (False, True)
    )
    for option, field in KINDS.items():
        before = getattr(worm, field)
        for wiring, is_exact in ((knockout, option != part), (transplant, option == part)):
            after = getattr(wiring, field)
            assert (places(before) == places(after)) == is_exact
            if field == "electrical":
                assert np.array_equal(before.weight, after.weight) == is_exact
    for wiring, is_exact in ((knockout, part != "signs"), (transplant, part == "signs")):
        assert np.array_equal(wiring.sign, worm.sign) == is_exact
    own = np.arange(worm.num_cells)
    for wiring, is_exact in ((knockout, part != "weights"), (transplant, part == "weights")):
        for field in ("chemical", "neuromuscular"):
            assert (counts(getattr(worm, field), own) == counts(getattr(wiring, field), own)) == is_exact


@pytest.mark.parametrize("by", ["role", "class", "transmitter"])
def test_what_is_random_stays_inside_a_class(by: str) -> None:
    worm = worm_of("celegans-motor")
    mains = [text.partition("+")[0] or "unknown" for text in worm.transmitter]
    column = {"role": worm.role, "class": worm.cell_class, "transmitter": mains}[by]
    label = np.array(column)
    null = sample(worm, by=by)
    for field in ("chemical", "neuromuscular"):
        before, after = getattr(worm, field), getattr(null, field)
        np.testing.assert_array_equal(np.bincount(before.pre), np.bincount(after.pre))
        assert Counter(zip(label[before.pre], before.post, strict=True)) == Counter(
            zip(label[after.pre], after.post, strict=True)
        )
        both = np.array([f"{x} {s}" for x, s in zip(column, worm.sign, strict=True)])
        assert counts(before, both) == counts(after, both)
    assert Counter(zip(label, worm.sign, strict=True)) == Counter(zip(label, null.sign, strict=True))


@pytest.mark.parametrize("role", ["motor", "interneuron"])
def test_a_class_has_the_synapses_that_its_cells_send(role: str) -> None:
    worm = worm_of("celegans")
    inside = np.array([x == role for x in worm.role])
    knockout = sample(worm, by="role", cells=role, gap="keep")
    transplant = sample(worm, by="role", exact=role)
    for wiring, exact in ((knockout, ~inside), (transplant, inside)):
        np.testing.assert_array_equal(wiring.sign[exact], worm.sign[exact])
        for field in ("chemical", "neuromuscular"):
            before, after = getattr(worm, field), getattr(wiring, field)
            rows = [
                set(zip(*(x[exact[e.pre]].tolist() for x in (e.pre, e.post, e.weight)), strict=True))
                for e in (before, after)
            ]
            assert rows[0] == rows[1] and places(before) != places(after)
    assert places(knockout.electrical) == places(worm.electrical) != places(transplant.electrical)


def test_what_is_dropped_is_that_of_the_cells_that_are_null() -> None:
    worm = worm_of("celegans")
    motor = np.array([x == "motor" for x in worm.role])
    lesion = sample(worm, by="role", cells="motor", **KEEP | {"chemical": "drop"})
    assert not motor[lesion.chemical.pre].any()
    assert len(lesion.chemical) == int((~motor)[worm.chemical.pre].sum())
    assert len(sample(worm, gap="drop").electrical) == 0 < len(sample(worm).electrical)


def test_equal_seeds_give_equal_wirings() -> None:
    worm = worm_of("celegans-motor")
    hashes = [sample(worm, seed, by="role").content_hash for seed in (0, 1, 0)]
    assert hashes[0] == hashes[2] != hashes[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"by": "role", "cells": "moter"},
            "Unknown role of neurons in 'celegans-motor' 'moter'. Did you mean",
        ),
        ({"by": "class", "exact": "DA+XX"}, "Unknown class of neurons in 'celegans-motor' 'XX'"),
        ({"cells": "motor"}, "Option 'cells' is 'motor', and 'by' is 'none'"),
    ],
)
def test_unknown_classes_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError) as error:
        sample(worm_of("celegans-motor"), **options)
    assert str(error.value).startswith(message)


def test_a_part_that_is_not_there_cannot_be_exact() -> None:
    with pytest.raises(ConnectomeError, match="'gap' is 'keep', but 'planted' has no gap junctions"):
        sample(load("planted"), gap="keep")


def test_an_undirected_wiring_stays_so_and_has_no_classes() -> None:
    brain = from_networkx(graph())
    assert brain.is_undirected
    null = sample(brain)
    np.testing.assert_array_equal(np.bincount(null.chemical.pre), np.bincount(brain.chemical.pre))
    assert places(null.chemical) == {(b, a) for a, b in places(null.chemical)} != places(brain.chemical)
    with pytest.raises(ConnectomeError, match="is undirected: its synapses have no presynaptic cell"):
        sample(brain, by="role")
