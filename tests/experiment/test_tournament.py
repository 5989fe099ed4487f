"""A tournament: what it plans, and that its results follow from the request alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuroevo.connectome.model import Connectome
from neuroevo.errors import ConnectomeError, EvaluationError, TaskError
from neuroevo.experiment import shards, tournament
from neuroevo.run_folder import RunFolder
from neuroevo.search.methods import Es, Pgpe
from neuroevo.wiring.architecture import Architecture
from tests.small import ECHO, plan, run, without_seconds
from tests.toy import Echo


class Suited(Echo):
    """A task that knows how to be searched."""

    search = {"pgpe": {"stdev": 0.5}, "es": {"learning_rate": 0.25}}  # noqa: RUF012


class Misled(Echo):
    """A task that names a setting there is not."""

    search = {"pgpe": {"stdv": 0.5}}  # noqa: RUF012


class Unprepared(Echo):
    """A task whose data cannot be had."""

    def prepare(self) -> None:
        raise LookupError("no such shelf")


def failing(connectome: Connectome, *, seed: int) -> Architecture:
    """A prior that fails."""
    raise ZeroDivisionError("no cells left")


def contents(folder: RunFolder) -> dict[str, Any]:
    """Everything that a run leaves, apart from how long it took."""
    arrays, state = folder.read_checkpoint()
    del state["rows"]  # of which `seconds` are a part
    champions = {p.relative_to(folder.path): p.read_bytes() for p in folder.path.glob("champions/*/*")}
    return {
        "results": (folder.path / "results.jsonl").read_bytes(),
        "metrics": without_seconds(folder.metrics()),
        "arrays": {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()},
        "state": state,
        "champions": champions,
    }


def by_lineage(folder: RunFolder) -> dict[tuple, dict]:
    return {(r["task"], r["genome"], r["graph"], r["seed"]): r for r in folder.results()}


def assert_same_results(first: dict, second: dict) -> None:
    """Equal but for the rounding of sums that are taken over batches of another make-up."""
    assert first.keys() == second.keys()
    for name, value in first.items():
        if name in ("score", "untrained_score", "episode_scores"):
            np.testing.assert_allclose(value, second[name], rtol=1e-3, atol=1e-5)
        elif name == "gains":
            assert value == pytest.approx(second[name], rel=1e-4)
        else:
            assert value == second[name], name


# --- results ------------------------------------------------------------------------------------------


def test_same_request_gives_the_same_results(tmp_path: Path) -> None:
    first, second = (run(tmp_path / name, seeds=2, graphs=2) for name in "ab")
    assert len(first.results()) == 2 * (1 + 2)
    assert contents(first) == contents(second)


def test_many_lineages_give_the_same_results_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "GENOMES_PER_SHARD", 16)
    first, second = (run(tmp_path / name, seeds=4) for name in "ab")
    assert len(first.results()) == 8
    assert contents(first) == contents(second)


def test_another_seed_gives_other_results(tmp_path: Path) -> None:
    first, second = (run(tmp_path / str(seed), seed=seed) for seed in (0, 1))
    for a, b in zip(first.results(), second.results(), strict=True):
        assert a["score"] != b["score"] and a["untrained_score"] != b["untrained_score"]
    hashes = [[row["graph_hash"] for row in folder.results()] for folder in (first, second)]
    assert hashes[0][0] == hashes[1][0]  # the connectome is the connectome
    assert hashes[0][1] != hashes[1][1]


@pytest.mark.parametrize("seeds", [1, 4])
def test_another_prior_changes_nothing_for_the_others(tmp_path: Path, seeds: int) -> None:
    few = by_lineage(run(tmp_path / "few", seeds=seeds))
    more = by_lineage(run(tmp_path / "more", seeds=seeds, genome=("dense", "connectome", "random")))
    assert len(more) == len(few) + seeds
    for key, row in few.items():
        assert_same_results(row, more[key])


def test_another_task_changes_nothing_for_the_others(tmp_path: Path) -> None:
    one = by_lineage(run(tmp_path / "one"))
    two = by_lineage(run(tmp_path / "two", task=("long=tests.toy:Echo:steps=6", ECHO)))
    assert len(two) == 2 * len(one)
    for key, row in one.items():
        assert_same_results(row, two[key])
        assert row["score"] != two["long", *key[1:]]["score"]


def test_a_label_changes_nothing(tmp_path: Path) -> None:
    rows = run(tmp_path / "run", genome=("random", "third=random:gap=drop")).results()
    (other,) = run(tmp_path / "other", genome=("other=random",)).results()
    assert rows[0]["graph_hash"] == other["graph_hash"] != rows[1]["graph_hash"]
    assert_same_results({**rows[0], "genome": ""}, {**other, "genome": ""})


def test_metrics_have_a_row_for_every_lineage_and_generation(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", seeds=2, generations=4)
    rows = without_seconds(folder.metrics())
    lineages = [(g, s) for g in ("connectome", "random") for s in (0, 1)]
    assert [(r["genome"], r["seed"], r["generation"]) for r in rows] == [
        (*x, g) for x in lineages for g in range(4)
    ]
    assert [r["evaluations"] for r in rows] == [9, 18, 27, 36] * 4
    assert {r["evaluations"] for r in folder.results()} == {36}


# --- the plan -----------------------------------------------------------------------------------------


def test_equal_wirings_are_run_once() -> None:
    planned = plan(graphs=3, seeds=2)
    assert [(s.genome, s.graph) for s in planned.samples] == [
        ("connectome", 0),
        *(("random", k) for k in range(3)),
    ]
    assert len({s.graph_hash for s in planned.samples}) == 4
    assert len(planned.lineages()) == 2 * 4


def test_more_graphs_keep_those_there_were() -> None:
    hashes = [[s.graph_hash for s in plan(graphs=graphs).samples] for graphs in (2, 3)]
    assert hashes[1][: len(hashes[0])] == hashes[0]


def test_search_settings_are_the_tasks_and_the_requests() -> None:
    planned = plan(task=(ECHO, f"suited={__name__}:Suited"), generations=7)
    plain, suited = planned.settings["echo"], planned.settings["suited"]
    assert (plain.generations, plain.population) == (suited.generations, suited.population) == (7, 8)
    assert suited.method == Pgpe(stdev=0.5) != plain.method == Pgpe()
    given = plan(task=(f"suited={__name__}:Suited",), search="es:stdev=0.3").settings["suited"]
    assert given.method == Es(stdev=0.3, learning_rate=0.25)
    with pytest.raises(
        TaskError, match=r"Task 'misled': Unknown option of search 'pgpe' 'stdv'\. Did you mean 'stdev'"
    ):
        plan(task=(f"misled={__name__}:Misled",))


def test_wiring_whose_inputs_reach_no_output_is_named() -> None:
    with pytest.raises(
        ConnectomeError, match="connectome, graph 0, on echo: None of the 72 input cells reaches"
    ):
        plan(genome=("connectome",), inputs="muscle", outputs="motor")  # muscles make no synapses


def test_prior_that_fails_is_named() -> None:
    with pytest.raises(
        EvaluationError, match=r"^bad on celegans-perimotor failed with ZeroDivisionError: no cells left\.\n"
    ):
        plan(genome=(f"bad={__name__}:failing",))


def test_task_that_cannot_be_prepared_is_named() -> None:
    with pytest.raises(EvaluationError, match=r"^Preparing lazy failed with LookupError: no such shelf\.\n"):
        plan(task=(f"lazy={__name__}:Unprepared",)).prepare()


def test_a_run_that_no_verdict_can_come_of_says_so_before_it_starts() -> None:
    (few,) = tournament.notes(plan(genome=("connectome", "random"), seeds=2, graphs=7))
    assert few.startswith("No winner can come of this run") and "connectome has 2 seeds" in few
    assert "A verdict takes 5 seeds (--seeds), and 7 graphs" in few
    assert (
        "random has 3 graphs" in tournament.notes(plan(genome=("connectome", "random"), seeds=5, graphs=3))[0]
    )
    assert tournament.notes(plan(genome=("connectome", "random"), seeds=5, graphs=7)) == []
    assert tournament.notes(plan(genome=("connectome",), seeds=1)) == []
