"""A wiring of which no input reaches an output is drawn again, from seeds of its own; others are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import populations
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.plugins import PluginCall, priors
from neuroevo.seeds import derive
from neuroevo.wiring import sampling
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.comparison import compare
from neuroevo.wiring.sampling import MOST_DRAWINGS, draw, draw_one, twins, write_samples
from tests.small import plan

assert populations  # registers the priors

SPARSE = "a,b,chemical b,c,chemical d,e,chemical e,f,chemical g,h,electrical"


def written(folder: Path, rows: str = SPARSE) -> str:
    """Returns the path of a table of edges, each `pre,post,kind`, all of weight and sign 1."""
    table = "".join(f"{row},1,1\n" for row in rows.split())
    (folder / "sparse.csv").write_text(f"pre,post,kind,weight,sign\n{table}")
    return str(folder / "sparse.csv")


def wiring(folder: Path, inputs: str = "a", outputs: str = "c") -> Connectome:
    """Returns a wiring with few ways from its inputs to its outputs, which most of its nulls lack."""
    return load(written(folder)).with_ports(inputs, outputs)


def entrant(text: str) -> PluginCall:
    return priors.calls([text])[0]


def seeds(call: PluginCall, k: int, attempt: int) -> int:
    """Returns the seed of a drawing of graph k, by the rule that is promised."""
    options = sorted((n, v) for n, v in call.options.items() if n not in ("chemical", "neuromuscular"))
    first = derive(3, "graph", call.plugin.path, repr(options), k)
    return derive(first, "attempt", attempt) if attempt else first


def test_an_input_that_reaches_no_output_is_drawn_again_from_the_seed_of_the_attempt(tmp_path: Path) -> None:
    sparse, call = wiring(tmp_path), entrant("random")
    again = 0
    for k, sample in enumerate(draw(sparse, call, 30, 3)):
        drawings = [call.plugin.target(sparse, seed=seeds(call, k, a)) for a in range(MOST_DRAWINGS)]
        crossed = [isinstance(d, Architecture) and d.is_crossed() for d in drawings]
        if not any(crossed):
            assert sample.content_hash == drawings[0].content_hash
            assert "scores as a constant" in sample.notes[0]
            continue
        number = crossed.index(True)
        assert sample.content_hash == drawings[number].content_hash
        note = (f"drawn {number + 1} times, until one of its inputs reached an output.",)
        assert sample.notes == (note if number else ())
        again += number > 0
    assert again > 10


@pytest.mark.parametrize("name", ["random", "degree", "counts"])
def test_wirings_that_are_crossed_are_those_of_the_prior_itself(name: str) -> None:
    worm, call = load("celegans-motor"), entrant(name)
    for k, sample in enumerate(draw(worm, call, 3, 3)):
        assert sample.content_hash == call.plugin.target(worm, seed=seeds(call, k, 0)).content_hash
        assert not any("drawn" in note for note in sample.notes)


def test_a_null_that_is_never_crossed_is_its_first_drawing_and_says_so(tmp_path: Path) -> None:
    call, sparse = entrant("degree:chemical=drop,gap=keep"), wiring(tmp_path)
    sample = draw_one(sparse, call, 0, 3)
    assert not sample.is_crossed() and len(sample.synapses) == 0
    assert sample.notes == (
        "drawn 20 times, and none of its inputs reached an output: it answers alike whatever it senses, and "
        "scores as a constant.",
    )


def test_nulls_of_a_connectome_that_is_not_crossed_are_drawn_once(tmp_path: Path) -> None:
    deaf = wiring(tmp_path, inputs="c", outputs="a")
    call = entrant("random")
    for k, sample in enumerate(draw(deaf, call, 5, 3)):
        assert sample.content_hash == call.plugin.target(deaf, seed=seeds(call, k, 0)).content_hash
        assert sample.notes == ()


def test_what_is_written_and_compared_is_drawn_again_too(tmp_path: Path) -> None:
    sparse, call = wiring(tmp_path), entrant("random")
    notes = {note for sample in draw(sparse, call, 8, 3) for note in sample.notes}
    _, written = write_samples(sparse, [call], 8, 3, tmp_path / "samples")
    assert set(written["random"]) == notes
    assert set(compare(sparse, [call], 8, 3).figures["notes"]["random"]) == notes


def test_two_labels_of_one_prior_are_two_samples_of_it_and_the_first_is_that_of_one_label(
    tmp_path: Path,
) -> None:
    worm = load("celegans-perimotor")
    requested = priors.calls(["x=random", "degree", "y=random", "z=random:dale=false", "w=random"])
    numbers = twins(requested)
    assert numbers == {"x": 0, "degree": 0, "y": 1, "z": 0, "w": 2}
    hashes = {
        call.label: [a.content_hash for a in draw(worm, call, 3, 3, twin=numbers[call.label])]
        for call in requested
    }
    assert hashes["x"] == [a.content_hash for a in draw(worm, entrant("random"), 3, 3)]
    assert len({name for names in hashes.values() for name in names}) == 15
    write_samples(worm, requested, 1, 3, tmp_path / "samples")
    assert (tmp_path / "samples/x-0.csv").read_text() != (tmp_path / "samples/y-0.csv").read_text()
    drawn = plan(genome=("x=random", "y=random"), graphs=2, seed=3).draws
    assert [[s.graph_hash for s in drawn[label].samples] for label in "xy"] == [
        hashes["x"][:2],
        hashes["y"][:2],
    ]


def test_a_constant_is_the_ports_alone(tmp_path: Path) -> None:
    worm = Architecture.of(load("celegans-motor"))
    alone = worm.constant()
    for port in ("inputs", "outputs"):
        names = [[a.cells[i] for i in getattr(a, port)] for a in (worm, alone)]
        assert names[0] == names[1]
    assert (len(alone.synapses), len(alone.gap_junctions)) == (0, 0)
    assert alone.num_cells == len(np.union1d(worm.inputs, worm.outputs))
    assert worm.is_crossed()
    sparse = Architecture.of(wiring(tmp_path))
    assert sparse.is_crossed() and not sparse.constant().is_crossed()


@pytest.mark.parametrize(("name", "has_one"), [("connectome", True), ("degree", False), ("random", False)])
def test_of_a_large_wiring_one_sample_is_drawn_where_one_is_asked_for(name, has_one, monkeypatch):
    worm, call = load("celegans-motor"), priors.calls([name])[0]
    usual = sampling.sample(worm, call, 1, 7)
    monkeypatch.setattr(sampling, "LARGE", 10)
    drawn = []
    monkeypatch.setattr(sampling, "_drawn", lambda *a, f=sampling._drawn: drawn.append(f(*a)) or drawn[-1])
    single = sampling.sample(worm, call, 1, 7)
    assert len(drawn) == 1
    assert (single.one_point, usual.one_point) == (has_one, has_one)
    assert single.samples[0].graph_hash == usual.samples[0].graph_hash
