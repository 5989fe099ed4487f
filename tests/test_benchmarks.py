"""`python -m benchmarks` at its smallest, without peers: figures are well formed, and rivals that compute the
same agree. What takes how long is not tested."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import closed_loop_rivals, equality, samplers, vision_rivals
from benchmarks.__main__ import MEASUREMENTS, main, measured, module
from benchmarks.crew import Crew
from benchmarks.turns import OURS, Options, Row, compare, spread, take_turns
from benchmarks.whole_tournament import Tournament, doubled
from neuroevo.connectome.catalog import load
from neuroevo.errors import OptionError
from neuroevo.workers.pool import LocalPool
from tests import small

SMALLEST = Options(smallest=True, peers=False, here=True)
WITHOUT_FIGURES = "not reached", "failed: NetworkXError: DiGraph has fewer than four nodes"


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_measurement_gives_rows_that_tell_ours_from_rivals(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(json.dumps(measured([name], SMALLEST)))
    rows = found["measurements"][name]["rows"]
    assert {"processor", "cores"} <= found["machine"].keys() and "torch" in found["versions"]
    assert rows and all(set(Row("", "", "").to_dict()) == row.keys() for row in rows)
    for row in rows:
        assert all(np.isfinite(x) and x > 0 for x in row["turns"] + row["ratios"])
        assert row["turns"] or row["note"].startswith(WITHOUT_FIGURES), row
    printed = capsys.readouterr().out
    assert all(row["case"] in printed and row["name"] in printed for row in rows)


@pytest.mark.parametrize("task", closed_loop_rivals.BODIES)
def test_closed_loop_earns_what_gymnasium_says(task: str) -> None:
    """Their bodies, stepped one by one, under our networks: equal starts, returns equal to the bit."""
    ours = closed_loop_rivals.Ours(task, 4, 8, 0, (0, 1))
    theirs = closed_loop_rivals.Vector("sync", task, 4, 8, 0, is_exact=True)
    dense = closed_loop_rivals.Vector("sync", task, 4, 8, 0, is_exact=True, is_dense=True)
    assert ours() == theirs() == dense() == 4 * 8
    assert len(set(ours.returns)) == 4
    np.testing.assert_array_equal(ours.returns, theirs.returns)
    np.testing.assert_allclose(ours.returns, dense.returns, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("is_mapped", [False, True], ids=["bmm", "vmap"])
def test_dense_networks_see_what_sparse_ones_see(is_mapped: bool) -> None:
    ours = vision_rivals.Ours("digits", 4, 8, 3, 0)
    dense = vision_rivals.Dense("digits", 4, 8, 3, 0, is_mapped=is_mapped)
    assert ours() == dense() == 4 * 8
    torch.testing.assert_close(ours.fitness, dense.fitness, rtol=1e-4, atol=1e-5)


def test_shares_of_processes_are_the_whole() -> None:
    from benchmarks.networks import batches

    shares = [batches(8, (3, 2), 0, (k, 2), largest=2) for k in range(2)]
    assert sum(phenotype.num_genomes for share in shares for phenotype, _ in share) == 8
    assert all(phenotype.num_genomes <= 2 for share in shares for phenotype, _ in share)


def test_lineages_answer_alike_fused_and_one_by_one(tmp_path: Path) -> None:
    tournament = Tournament(tmp_path, LocalPool(), SMALLEST, load("celegans-perimotor"), 1, 2)
    tournament.fused()
    fused = tournament.centres
    tournament.one_by_one()
    assert len(fused) == tournament.lineages == 4
    assert all(torch.equal(a, b) for a, b in zip(fused, tournament.centres, strict=True))


def test_hashes_of_a_run_leave_out_how_long_it_took(tmp_path: Path) -> None:
    first, again, other = (
        equality.hashes(small.run(tmp_path / str(k), generations=2, seed=seed).path)
        for k, seed in enumerate((0, 0, 1))
    )
    assert first == again and not set(first) & set(other)
    assert [line.split()[0] for line in first] == ["results.jsonl", "metrics.jsonl", "champions"]


def test_doubled_circuit_has_twice_of_everything() -> None:
    once = load("celegans-perimotor")
    twice = doubled(once)
    for count in (
        lambda c: c.num_cells,
        lambda c: len(c.chemical),
        lambda c: len(c.electrical),
        lambda c: len(c.neuromuscular),
        lambda c: len(c.inputs),
        lambda c: len(c.outputs),
    ):
        assert count(twice) == 2 * count(once)


def test_errors_of_a_sampler_are_counted() -> None:
    ring = [(0, 1), (1, 2), (2, 3), (3, 0)]
    assert samplers.errors(ring, ring, 4) == {
        "cells_with_other_degrees": 0,
        "loops": 0,
        "double_edges": 0,
        "kept": 1.0,
    }
    assert samplers.errors(ring, [(0, 1), (1, 1), (2, 3), (2, 3)], 4) == {
        "cells_with_other_degrees": 4,
        "loops": 1,
        "double_edges": 1,
        "kept": 0.5,
    }
    assert len(samplers.realisations(samplers.SMALL["lone three-cycle"], 3)) == 2


def test_rival_in_a_process_of_its_own_takes_turns() -> None:
    ring = [[k, (k + far) % 40] for k in range(40) for far in (1, 2)]
    share = {"name": "networkx", "edges": ring, "cells": 40, "samples": 2, "seed": 0}
    with Crew("benchmarks.samplers_rivals:maker", [share, share]) as crew:
        assert len(take_turns({"": crew}, 1)[""]) == 1
        assert not crew.missing and crew.work > 0
        first, second = (answer["edges"] for answer in crew.answers)
        assert first == second and len(first) == 2


def test_rival_that_is_not_installed_is_named_with_the_reason() -> None:
    with Crew("no_such_library:maker", [{}]) as crew:
        crew()
        assert crew.missing == "not installed: No module named 'no_such_library'"
        crew()
        assert crew.work == 0


def test_rival_that_does_not_answer_is_ended() -> None:
    with Crew("benchmarks.samplers_rivals:maker", [{}], limit=0.0) as crew:
        crew()
        assert crew.missing == "failed: no answer in 0 s"


def test_ratios_say_how_many_times_as_good_ours_was() -> None:
    turns = {OURS: [10.0, 20.0], "peer": [5.0, 5.0], "absent": []}
    ours, peer, absent = compare("case", "a second", turns, goals={"peer": 3.0}, notes={"absent": "why"})
    assert (ours.ratios, peer.ratios, absent.ratios) == ([], [2.0, 4.0], [])
    assert peer.goal == 3.0 and absent.note == "why"
    assert spread(peer.ratios) == {"lower": 2.5, "median": 3.0, "upper": 3.5}
    _, slower, _ = compare("case", "seconds", turns, less=True)
    assert slower.ratios == [0.5, 0.25]


def test_front_door_lists_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list"])
    listed = capsys.readouterr().out
    assert all(
        name in listed and (module(name).__doc__ or "").splitlines()[0] in listed for name in MEASUREMENTS
    )
    with pytest.raises(OptionError, match="Did you mean 'vision'"):
        main(["visoin"])
    with pytest.raises(OptionError, match="--repeats is 0"):
        main(["vision", "--repeats", "0"])
    for given in (["--only", "mnist"], ["samplers", "--only", "mnist"]):
        with pytest.raises(OptionError, match="--only chooses cases of closed-loop and vision"):
            main(given)
    with pytest.raises(OptionError, match="--only is 'nosuch'; wanted part of the title of a case of vision"):
        main(["vision", "--only", "nosuch"])
