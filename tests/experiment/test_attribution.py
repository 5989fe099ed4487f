"""The parts that an attribution finds in a wiring, and the genomes that it asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

import populations
from neuroevo.connectome.catalog import load
from neuroevo.connectome.graphs import from_networkx
from neuroevo.errors import ConnectomeError
from neuroevo.experiment.attribution import Parts, genomes, parts_of
from neuroevo.plugins import priors
from tests.populations.test_undirected import graph

assert populations  # registers the priors

KINDS = ("chemical", "gap", "neuromuscular", "signs", "weights")


def test_the_worm_has_all_parts() -> None:
    parts = parts_of(load("celegans-motor"), "role", 0)
    assert parts.kinds == KINDS and parts.left_out == {}
    assert {*parts.classes} == {"sensory", "interneuron", "motor"}
    calls = priors.calls(genomes(parts, parts.names))
    assert len(calls) == 2 + 2 * 8 and {call.plugin.name for call in calls} == {"connectome", "partial"}
    options = {call.label: call.options for call in calls}
    assert options["no-motor"]["cells"] == "motor" and options["no-motor"]["gap"] == "keep"
    assert options["only-motor"]["exact"] == "motor" and options["only-motor"]["gap"] == "rewire"
    for label in ("null", *(f"{way}-{kind}" for way in ("no", "only") for kind in KINDS)):
        random = {kind for kind in KINDS if options[label][kind] != "keep"}
        way, _, kind = label.partition("-")
        assert random == ({*KINDS} if way == "null" else {kind} if way == "no" else {*KINDS} - {kind})
        assert options[label]["by"] == "role"


def test_cells_of_one_role_are_no_classes() -> None:
    parts = parts_of(load("celegans-perimotor"), "role", 0)
    assert parts.kinds == KINDS and parts.classes == {} and parts.by == "none"
    assert parts.left_out["cells"].endswith("that send synapses are of one role")
    assert {*parts_of(load("celegans-perimotor"), "class", 0).classes} >= {"DA", "DB", "DD", "VA", "VB", "VD"}


def test_an_undirected_wiring_has_two_parts_and_one_genome_for_both_ways() -> None:
    parts = parts_of(from_networkx(graph(), "brain"), "role", 0)
    assert parts.kinds == ("chemical", "weights") and parts.by == "none"
    assert "undirected" in parts.left_out["cells"] and "gap junctions" in parts.left_out["gap"]
    assert len(genomes(parts, parts.names)) == 4


@pytest.mark.parametrize("name", ["a,b", "x=y", "d:e", "plus+minus", 'say "so"', "naïve cells", "gap"])
def test_classes_of_any_name_can_be_parts(name: str) -> None:
    worm = load("celegans-motor")
    odd = replace(worm, cell_class=tuple(name if x == "VB" else x for x in worm.cell_class))
    parts = parts_of(odd, "class", 0)
    (part,) = [part for part, group in parts.classes.items() if group == name]
    for call in priors.calls(genomes(parts, [part]))[2:]:
        wiring = call.plugin.target(odd, seed=0, **call.options)
        assert name in (call.options["cells"], call.options["exact"])
        assert wiring.num_cells == odd.num_cells


def test_what_is_asked_for_alone_is_attributed_with_all_else_random_in_the_null() -> None:
    parts = parts_of(load("celegans-motor"), "none", 0)
    specs = genomes(parts, ["gap"])
    assert [spec.partition("=")[0] for spec in specs] == ["connectome", "null", "no-gap", "only-gap"]


def test_a_wiring_of_gap_junctions_alone_has_nothing_to_attribute() -> None:
    worm = load("celegans-motor")
    nothing = replace(worm.chemical, pre=[], post=[], weight=[])
    gaps = replace(worm, chemical=nothing, neuromuscular=nothing, name="gaps")
    with pytest.raises(
        ConnectomeError, match=r"There is nothing to attribute in 'gaps': .*gap junctions are all"
    ):
        parts_of(gaps, "role", 0)


def test_parts_are_a_value() -> None:
    assert Parts(("chemical",), {"motor": "motor"}, "role", {}).names == ("chemical", "motor")
