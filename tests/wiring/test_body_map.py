"""The share of the map onto the body that a wiring kept, against sets of edges by name."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import populations
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.body_map import described, is_kept, shares

assert populations  # registers the priors
MOTOR = load("celegans-motor")


def sample(name: str, **options: object) -> Architecture:
    return priors.get(name).target(MOTOR, seed=3, **options)


def named(wiring: Architecture | Connectome) -> dict[tuple[str, str], tuple[int, float]]:
    edges = wiring.neuromuscular
    return {
        (wiring.cells[a], wiring.cells[b]): (int(wiring.sign[a]), float(w))
        for a, b, w in zip(edges.pre, edges.post, edges.weight, strict=True)
    }


@pytest.mark.parametrize("name", ["connectome", "degree", "stats-prior", "random", "signs-shuffled"])
def test_shares_count_synapses_that_are_there_with_sign_and_strength(name: str) -> None:
    drawn, measured, entry = named(sample(name)), named(MOTOR), shares(MOTOR, sample(name))
    assert entry is not None and entry["number"] == len(drawn)
    common = measured.keys() & drawn.keys()
    assert entry["synapses"] == pytest.approx(len(common) / len(measured), abs=1e-12)
    same_sign = [key for key in common if measured[key][0] == drawn[key][0]]
    assert entry["signs"] == pytest.approx(len(same_sign) / len(measured), abs=1e-12)
    same = [key for key in common if measured[key] == drawn[key]]
    assert entry["strengths"] == pytest.approx(len(same) / len(measured), abs=1e-12)
    assert 0 <= entry["strengths"] <= entry["signs"] <= entry["synapses"] <= 1


@pytest.mark.parametrize("name", ["degree", "stats-prior", "random"])
def test_a_null_that_keeps_the_map_has_all_of_it_and_one_that_drops_it_none(name: str) -> None:
    kept, dropped = (shares(MOTOR, sample(name, neuromuscular=what)) for what in ("keep", "drop"))
    assert kept is not None and is_kept(kept) and described(kept) == "kept"
    assert dropped == {"number": 0, "synapses": 0.0, "signs": 0.0, "strengths": 0.0}
    assert described(dropped) == "none" and not is_kept(dropped)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("degree", {}, r"\d\d % rewired"),
        ("degree", {"rewired": 0.25}, r"2\d % rewired"),
        ("signs-shuffled", {}, r"kept, \d\d % with another sign"),
        ("weights-shuffled", {}, r"kept, \d\d % with another strength"),
    ],
)
def test_what_is_not_kept_is_said(name: str, options: dict[str, object], words: str) -> None:
    entry = shares(MOTOR, sample(name, **options))
    assert entry is not None and not is_kept(entry)
    assert re.fullmatch(words, described(entry))


def test_cells_are_known_by_their_names_whatever_their_order() -> None:
    whole = Architecture.of(MOTOR)
    order = np.random.default_rng(0).permutation(whole.num_cells)
    place = np.argsort(order)
    edges = replace(whole.synapses, pre=place[whole.synapses.pre], post=place[whole.synapses.post])
    turned = replace(
        whole,
        cells=tuple(whole.cells[i] for i in order),
        is_muscle=whole.is_muscle[order],
        sign=whole.sign[order],
        synapses=edges,
    )
    assert shares(MOTOR, turned) == shares(MOTOR, whole)
    muscle = int(np.flatnonzero(whole.is_muscle)[0])
    fewer = shares(MOTOR, whole.keep(np.arange(whole.num_cells) != muscle))
    lost = (MOTOR.neuromuscular.post == muscle).mean()
    assert fewer is not None and fewer["synapses"] == pytest.approx(1 - lost) and lost > 0


def test_a_connectome_without_muscles_has_no_map() -> None:
    planted = load("planted")
    assert shares(planted, Architecture.of(planted)) is None
