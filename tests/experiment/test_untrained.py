"""Nothing evolves: `--generations 0` scores wirings as they are drawn, and the referee judges that."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import run
from neuroevo.experiment import estimate
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.request import resolve
from neuroevo.network import solving
from neuroevo.report.replay.champions import read_champion, rivals
from neuroevo.run_folder import RunFolder, key_of

SMALL = "--workers 0 --quiet --generations 0 --tuning off".split()
MEMORY = "memory:lags=10,length=400,test-length=300,washout=50"


def carried_out(folder: Path, *words: str) -> RunFolder:
    assert run.main([*SMALL, *words, "--out", str(folder)]) == 0
    return RunFolder.open(folder)


def test_scores_are_those_of_untrained_networks(tmp_path: Path) -> None:
    folder = carried_out(
        tmp_path / "run",
        *("--genome", "connectome", "random", "--task", MEMORY, "digits", "--seeds", "2", "--graphs", "2"),
        *("--adapter", "linear"),
    )
    rows = folder.results()
    assert len(rows) == 2 * (2 + 4) and folder.metrics() == []
    for row in rows:
        assert row["status"] == "done" and row["evaluations"] == 0
        assert row["score"] == row["untrained_score"]
        assert row["score"] == pytest.approx(math.fsum(row["episode_scores"]) / len(row["episode_scores"]))


def test_readouts_tell_wirings_apart_before_anything_evolves(tmp_path: Path) -> None:
    folder = carried_out(
        tmp_path / "run",
        *("--genome", "connectome", "random", "--task", "memory", "--seeds", "5", "--graphs", "12"),
        *("--adapter", "ridge:bias=0.2", "--neuron", "leaky:leak=0.5"),
    )
    by_genome: dict[str, list[float]] = {"connectome": [], "random": []}
    for row in folder.results():
        by_genome[row["genome"]].append(row["score"] or 0.0)
    exact, null = (sum(x) / len(x) for x in by_genome.values())
    assert exact > null + 0.5  # it holds more of the past
    text = (folder.path / "report.html").read_text()
    assert "connectome wins" in text and "end alike" not in text


def test_scores_do_not_depend_on_who_is_scored_beside(tmp_path: Path) -> None:
    words = ("--task", MEMORY, "--adapter", "ridge", "--seeds", "2", "--graphs", "2")
    both = carried_out(tmp_path / "both", "--genome", "connectome", "random", *words).results()
    alone = carried_out(tmp_path / "alone", "--genome", "random", *words).results()
    assert [r["score"] for r in both if r["genome"] == "random"] == [r["score"] for r in alone]


def test_readouts_do_not_depend_on_how_many_are_solved_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--genome", "connectome", "frozen", "--task", "digits:episodes=600", "--seeds", "4")
    words += ("--adapter", "ridge:bias=0.2,drive=0.4", "--generations", "2", "--population", "4")
    words += ("--workers", "0", "--quiet")
    apart = []
    for most in (solving.MOST_BYTES, 1):
        monkeypatch.setattr(solving, "MOST_BYTES", most)
        assert run.main([*words, "--out", str(tmp_path / str(most))]) == 0
        folder = RunFolder.open(tmp_path / str(most))
        scores = [(r["genome"], r["seed"], r["score"], r["untrained_score"]) for r in folder.results()]
        apart.append((scores, sorted(row["fitness_best"] or 0.0 for row in folder.metrics())))
    assert apart[0][0] == apart[1][0] and len(apart[0][1]) == 2 * 8
    assert apart[0][1] == pytest.approx(
        apart[1][1], rel=1e-6
    )  # products round by their batch, then are divided by small variances


def test_more_wirings_are_drawn_where_nothing_evolves_unless_their_number_is_given() -> None:
    usual = Configuration().override({"generations": 0})
    assert (usual.seeds, usual.graphs) == (10, 20)
    given = Configuration().override({"generations": 0, "seeds": 1, "graphs": 2})
    assert (given.seeds, given.graphs) == (1, 2)
    evolved = Configuration().override({"generations": 3})
    assert (evolved.seeds, evolved.graphs) == (1, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--selection", "race", "--seeds", "3"), "was asked for with 0 generation of"),
        (("--search", "paper"), "generations of two phases"),
    ],
)
def test_searches_that_need_generations_are_refused(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = ["--genome", "connectome", "random", "--task", "digits", *words, "--out", str(tmp_path / "x")]
    assert run.main([*SMALL, *request]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "x").exists()


def test_of_lineages_that_do_not_evolve_the_best_of_each_genome_is_kept(tmp_path: Path) -> None:
    words = ("--genome", "connectome", "degree", "--task", MEMORY, "--adapter", "ridge:bias=0.2")
    folder = carried_out(tmp_path / "run", *words, "--seeds", "4", "--graphs", "2")
    for genome in ("connectome", "degree"):
        rows = [row for row in folder.results() if row["genome"] == genome]
        best = max(rows, key=lambda row: row["score"] or 0.0)
        blueprint, parameters = read_champion(folder, key_of(best))
        assert parameters.shape == (blueprint.layout.length,)
        assert sum(folder.champion_path(key_of(row)).is_dir() for row in rows) < len(rows)
    arrays, state = folder.read_checkpoint()
    assert not arrays and len(state["lineages"]) == 4 + 8  # nothing but what seeds give


def test_a_run_of_bodies_that_do_not_evolve_can_be_replayed(tmp_path: Path) -> None:
    words = ("--genome", "connectome", "degree", "--task", "worm:steps=20,held_out=2", "--adapter", "none")
    folder = carried_out(tmp_path / "run", *words, "--seeds", "3", "--graphs", "2")
    one, other = rivals(folder, folder.results()[0]["task"]) or pytest.fail("no rivals")
    assert (one["genome"], other["genome"]) == ("connectome", "degree")
    assert all(folder.champion_path(key_of(row)).is_dir() for row in (one, other))
    assert run.main(["replay", str(folder.path)]) == 0


def test_untrained_lineages_ask_for_no_memory_of_searches(tmp_path: Path) -> None:
    asked = resolve(Configuration(genome=("connectome",), task=("memory",), adapter="ridge", generations=0))
    known = estimate.estimate(asked, estimate.Numbers.of(asked), estimate._own(asked) or {})
    assert known.driver["the states of searches"] < 2 * estimate.LINEAGE * known.lineages
