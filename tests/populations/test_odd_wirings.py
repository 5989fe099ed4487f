"""Every prior gives a wiring or one line on the oddest connectomes, and tells of no part that is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import populations
from neuroevo.checks import _check_architecture, _choices
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome, Edges
from neuroevo.errors import NeuroevoError
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from populations.parts import NAMES

assert populations  # registers the priors

MUSCLES = "name,role\na,motor\nb,motor\nm,muscle\nn,muscle\n"
ODD = {  # edges, inputs, outputs, and a table of cells where one is needed
    "one synapse": ("a,b,chemical,1,1", "a", "b", ""),
    "two ways": ("a,b,chemical,1,1 b,a,chemical,1,-1", "a", "b", ""),
    "one gap junction": ("a,b,electrical,1,1", "a", "b", ""),
    "gap junctions alone": ("a,b,electrical,1,1 b,c,electrical,2,1", "a", "c", ""),
    "all inhibit": ("a,b,chemical,1,-1 b,c,chemical,2,-1 c,a,chemical,1,-1", "a", "c", ""),
    "in pieces": ("a,b,chemical,1,1 c,d,chemical,1,1 e,f,electrical,1,1", "a", "b", ""),
    "all to all": (" ".join(f"{x},{y},chemical,1,1" for x in "abc" for y in "abc" if x != y), "a", "c", ""),
    "muscles alone": ("a,m,neuromuscular,1,1 b,n,neuromuscular,2,1", "a+b", "m+n", MUSCLES),
    "coupled muscles": ("a,b,chemical,1,1 b,m,neuromuscular,2,1 m,n,electrical,1,1", "a", "n", MUSCLES),
    "weights far apart": ("a,b,chemical,1e-6,1 b,c,chemical,1e-30,1 c,a,chemical,1e30,1", "a", "c", ""),
}


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Connectome:
    rows, inputs, outputs, cells = ODD[request.param]
    (tmp_path / "odd.csv").write_text("pre,post,kind,weight,sign\n" + "\n".join(rows.split()) + "\n")
    if cells:
        (tmp_path / "odd_cells.csv").write_text(cells)
    return load(str(tmp_path / "odd.csv")).with_ports(inputs, outputs)


def require_sound(architecture: object) -> None:
    """Raises unless the engine can run this; that no input reaches an output is for who draws it."""
    assert isinstance(architecture, Architecture)
    try:
        _check_architecture(architecture, NeuroevoError)
    except NeuroevoError as error:
        if "reaches one of" not in str(error):
            raise AssertionError(str(error)) from error


@pytest.mark.parametrize("name", priors.names())
def test_a_prior_gives_a_wiring_or_one_line_whatever_its_options_and_so_does_its_mutation(
    name: str, odd: Connectome
) -> None:
    plugin = priors.get(name)
    for options in ({}, *_choices(plugin)):
        try:
            sample = plugin.target(odd, seed=0, **options)
        except NeuroevoError as error:
            assert len(str(error).splitlines()) == 1
            assert options or name == "lengths"  # which no wiring without positions has
            continue
        require_sound(sample)
        if plugin.mutate is not None and not options:
            child = plugin.mutate(odd, sample, seed=0, **{**plugin.defaults, **options})
            require_sound(child.architecture)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("name", priors.names())
def test_no_note_is_about_a_part_that_is_not_there(name: str, kind: str) -> None:
    worm = load("celegans-motor")
    without = replace(worm, **{kind: Edges(*np.zeros((3, 0)))})
    notes = getattr(priors.get(name).target(without, seed=0), "notes", ())
    words = {
        "chemical": ("chemical",),
        "electrical": ("electrical", "gap"),
        "neuromuscular": ("neuromuscular",),
    }
    assert not [note for note in notes if any(word in note for word in words[kind])]
