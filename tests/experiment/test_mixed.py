"""Mixed populations: equal chances, offspring that inherit, and winners that neither drift nor luck made."""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from neuroevo.experiment import mixed, selection
from neuroevo.experiment.evolution import Evolution
from neuroevo.experiment.watcher import Watcher
from neuroevo.experiment.writer import RunWriter
from neuroevo.referee import drift
from neuroevo.referee.drift import (
    dealt_shares,
    fewest_populations,
    fixation,
    least_p,
    neutral_shares,
    turnover,
)
from neuroevo.referee.entry import MIN_SEEDS
from neuroevo.referee.spread import Fixation
from neuroevo.referee.verdict import decide_mixed
from neuroevo.report.build import judge
from neuroevo.report.evidence import gather
from neuroevo.report.formatting import final_shares, ranked, standing
from neuroevo.report.terminal import print_report
from neuroevo.run_folder import RunFolder
from neuroevo.workers.pool import LocalPool
from tests.small import Listener, plan, run

BAD = "late=tests.planted:late"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A prior that works and one that cannot, in six populations of six."""
    request: dict[str, Any] = {"seeds": 6, "graphs": 3, "generations": 20, "population": 16}
    path = tmp_path_factory.mktemp("mixed") / "run"
    return run(path, genome=("adapter-only", BAD), selection="mixed", **request)


@pytest.fixture(scope="module")
def lottery(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Two equal priors on a task of luck, in forty populations of four."""
    request: dict[str, Any] = {"seeds": 40, "graphs": 2, "generations": 12, "population": 2}
    path = tmp_path_factory.mktemp("mixed") / "run"
    genomes = ("a=adapter-only", "b=adapter-only")
    return run(path, genome=genomes, task=("dice=tests.planted:Dice",), selection="mixed", **request)


# --- who is replaced ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "count"), [(2, 1), (3, 1), (4, 1), (7, 1), (8, 2), (20, 5)])
def test_worst_quarter_makes_room_for_the_best(size: int, count: int) -> None:
    fitness = np.random.default_rng(0).permutation(size).astype(float)
    worst, best = turnover(fitness, np.zeros(size))
    assert fitness[worst].tolist() == list(range(count))
    assert fitness[best].tolist() == list(range(size - 1, size - 1 - count, -1))


def test_equals_have_equal_chances_and_failures_go_first() -> None:
    rng = np.random.default_rng(1)
    ties = rng.random((4000, 4))
    worst, best = turnover(np.zeros((4000, 4)), ties)
    for places in (worst, best):
        assert stats.chisquare(np.bincount(places.ravel(), minlength=4)).pvalue > 1e-3
    worst, _ = turnover(np.array([0.0, -np.inf, 1.0, -5.0]), np.zeros(4))
    assert worst.tolist() == [1]


@pytest.mark.parametrize(
    ("generations", "wanted"), [(2, (1, 2)), (20, (1, 20)), (21, (2, 11)), (40, (2, 20)), (50, (3, 17))]
)
def test_run_has_twenty_epochs_at_most(generations: int, wanted: tuple[int, int]) -> None:
    length, count = mixed.epochs(generations)
    assert (length, count) == wanted
    assert count <= 20 and (count - 1) * length < generations <= count * length


# --- drift and luck -----------------------------------------------------------------------------------


def process(rng: np.random.Generator, rounds: int, populations: int, size: int, luck: float) -> np.ndarray:
    """Founders of the final members [populations, size]; a share `luck` of fitness is inherited."""
    founders = np.tile(np.arange(size), (populations, 1))
    lasting = rng.normal(size=founders.shape)
    for _ in range(rounds):
        fitness = np.sqrt(luck) * lasting + np.sqrt(1 - luck) * rng.normal(size=founders.shape)
        worst, best = turnover(fitness, rng.random(founders.shape))
        for values in (founders, lasting):
            np.put_along_axis(values, worst, np.take_along_axis(values, best, 1), 1)
    return founders


def rate_of_winners(luck: float, test: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Of 500 simulated runs of two equal priors, those in which one seems favoured."""
    monkeypatch.setattr(drift, "SIMULATIONS", 1000)
    rng, labels, winners = np.random.default_rng(3), np.repeat([0, 1], 8), 0
    neutral = neutral_shares(labels, 10, 6, rng)
    monkeypatch.setattr(drift, "neutral_shares", lambda *_: neutral)
    for _ in range(500):
        record = fixation(["a", "b"], labels, process(rng, 10, 6, 16, luck), 10, rng)
        winners += min(getattr(entry, test) for entry in record.fixations.values()) < 0.025
    return winners


@pytest.mark.parametrize("luck", [0.0, 0.5, 0.95])
def test_equal_priors_rarely_win_however_much_luck_is_inherited(
    luck: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rate_of_winners(luck, "p", monkeypatch) <= stats.binom.ppf(0.999, 500, 0.05)


def test_neutral_drift_alone_would_let_luck_win(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rate_of_winners(0.95, "p_drift", monkeypatch) > 2 * 500 * 0.05


def test_neutral_shares_are_those_of_the_process_with_random_fitness() -> None:
    rng, labels = np.random.default_rng(4), np.repeat([0, 1], [2, 4])
    shares = neutral_shares(labels, 5, 1, rng)
    assert shares.shape == (drift.SIMULATIONS, 2) and np.allclose(shares.sum(1), 1)
    other = (labels[process(rng, 5, drift.SIMULATIONS, 6, luck=0.0)] == 1).mean(1)
    table = np.stack([np.bincount(np.rint(6 * x).astype(int), minlength=7) for x in (shares[:, 1], other)])
    assert stats.chi2_contingency(table[:, table.sum(0) > 20]).pvalue > 1e-3
    assert shares[:, 1].mean() == pytest.approx(4 / 6, abs=0.02)


def test_dealt_shares_keep_genealogies() -> None:
    labels, rng = np.array([0, 0, 1, 1]), np.random.default_rng(5)
    one_founder = dealt_shares(labels, np.zeros((1, 4), int), rng)
    assert set(one_founder[:, 0]) == {0.0, 1.0}
    assert one_founder[:, 0].mean() == pytest.approx(0.5, abs=0.03)
    nobody_died = dealt_shares(labels, np.arange(4)[None], rng)
    assert (nobody_died == 0.5).all()


def test_prior_that_takes_over_every_population_wins_and_the_other_does_not() -> None:
    labels, rng = np.array([0, 0, 1, 1]), np.random.default_rng(6)
    record = fixation(["a", "b"], labels, np.zeros((8, 4), int), 20, rng)
    first, second = record.fixations["a"], record.fixations["b"]
    assert record.winner == "a"
    assert record.to_json()["neutral"] == {"num_simulations": drift.SIMULATIONS}
    assert (first.start_share, first.mean_final_share) == (0.5, 1.0)
    assert (first.fixed, first.of) == (8, 8)
    assert first.p == pytest.approx(0.5**8, rel=0.5) and first.p_holm == 2 * first.p
    assert second.p == 1.0 and second.fixed == 0


def test_two_populations_prove_nothing() -> None:
    record = fixation(["a", "b"], np.array([0, 1]), np.zeros((2, 2), int), 20, np.random.default_rng(7))
    assert record.winner is None


@pytest.mark.parametrize(("members", "priors", "rounds"), [(1, 2, 3), (3, 2, 1), (3, 2, 19), (2, 3, 4)])
def test_least_p_is_that_of_a_prior_that_spreads_as_far_as_it_can(
    members: int, priors: int, rounds: int
) -> None:
    labels = np.repeat(np.arange(priors), members)
    shares = neutral_shares(labels, rounds, 1, np.random.default_rng(9))[:, 0]
    alone = float((shares > shares.max() - 1e-9).mean())  # chance of the most that drift can do
    by_drift = least_p(members, priors, rounds, 1) / priors
    assert by_drift == pytest.approx(max(alone, 1 / math.comb(len(labels), members)), abs=0.02)
    assert least_p(members, priors, rounds, 3) / priors == pytest.approx((by_drift) ** 3, rel=1e-9)


@pytest.mark.parametrize(("members", "priors"), [(1, 2), (1, 3)])
def test_fewer_populations_than_are_asked_for_can_never_favour_a_prior(members: int, priors: int) -> None:
    fewest, labels = fewest_populations(members, priors, 19), np.repeat(np.arange(priors), members)
    assert fewest is not None
    names = [str(k) for k in range(priors)]
    for number, is_favoured in ((fewest - 1, False), (fewest + 1, True)):
        # The luckiest run: each population ends with founders of one prior alone, as many as there are.
        founders = np.resize(np.arange(members), (number, len(labels)))
        record = fixation(names, labels, founders, 19, np.random.default_rng(11))
        if is_favoured or fewest > MIN_SEEDS:
            assert (record.winner == "0") is is_favoured


def test_without_room_made_no_number_of_populations_would_do() -> None:
    assert fewest_populations(3, 2, 0) is None and least_p(3, 2, 0, 1000) == 1.0


def test_fewer_populations_than_could_ever_decide_are_told_before_the_run_and_in_its_report() -> None:
    (said,) = mixed.notes(plan(selection="mixed", seeds=5, generations=20))
    assert "no winner can come of this run" in said and "takes 6 (--seeds 6)" in said
    assert mixed.notes(plan(selection="mixed", seeds=6, generations=20)) == []
    warnings: list[str] = []
    listener = Listener()
    listener.warn = warnings.append  # type: ignore[method-assign]
    selection.announce(plan(selection="mixed", seeds=5, generations=20), listener)
    assert warnings == [said]
    entry = Fixation(0.5, 1.0, 5, 5, 0.03, 0.03, 0.03, 0.06)
    verdict = decide_mixed("t", 5, {"a": entry, "b": replace(entry, mean_final_share=0.0)}, None, 6)
    assert verdict.decision == "exploratory" and "takes 6 (--seeds 6)" in verdict.reasons[0]
    assert "Extinct in every population: b." in verdict.reasons


# --- a run --------------------------------------------------------------------------------------------


def test_planted_advantage_takes_over(folder: RunFolder) -> None:
    record = folder.manifest()["selection_record"]["echo"]
    assert record["winner"] == "adapter-only"
    assert record["fixation"]["adapter-only"]["mean_final_share"] > 0.9
    assert record["fixation"]["late"]["mean_final_share"] < 0.1


def test_equal_priors_drift_as_the_simulation_does(lottery: RunFolder) -> None:
    record = lottery.manifest()["selection_record"]["dice"]
    assert record["winner"] is None
    final = [row["shares"]["a"] for row in lottery.selection() if row["epoch"] == 11]
    assert len(final) == 40
    neutral = neutral_shares(np.array([0, 0, 1, 1]), 11, 1, np.random.default_rng(8))[:, 0]
    fixed = sum(x in (0.0, 1.0) for x in final)
    chance = float(np.isin(neutral, (0.0, 1.0)).mean())
    low, high = stats.binom.ppf([0.001, 0.999], 40, chance)
    assert 0.3 < chance < 0.99 and low <= fixed <= high
    assert abs(np.mean(final) - 0.5) < 3.3 * float(neutral.std()) / np.sqrt(40)


def test_extinct_priors_stay_in_the_tables_as_extinct_and_verdict_and_tables_name_one_leader(
    folder: RunFolder,
) -> None:
    manifest = folder.manifest()
    core = {"core": "frozen", "one_point": True}
    priors = {"late": {"name": "late", **core}, "adapter-only": {"name": "adapter-only", **core}}
    folder.write_manifest(priors=priors, tasks={"echo": {"unit": "error"}})
    report = judge(gather([folder]))
    folder.write_manifest(**{key: manifest[key] for key in ("tasks", "priors") if key in manifest})
    task = report.tasks["echo"]
    assert [genome.label for genome in ranked(task)] == ["adapter-only", "late"]
    assert task.verdict.sentence.startswith("adapter-only wins on echo: adapter-only went from 50% to 100%")
    assert ranked(task)[1].status == "extinct" and standing(task, "late") == "extinct"
    assert final_shares(task) == {"late": "extinct", "adapter-only": "100%"}
    console = Console(width=80, record=True, file=io.StringIO())
    print_report(report, console)
    text = console.export_text()
    assert re.search(r"late +extinct", text) and "failed" not in text


def test_watcher_hears_of_priors_that_died_out(tmp_path: Path) -> None:
    events, updates = [], []
    listener = Listener(updates.append, lambda *x: events.append(x))
    request: dict[str, Any] = {"genome": ("adapter-only", BAD), "generations": 20, "population": 16}
    folder = run(tmp_path / "run", None, listener, selection="mixed", graphs=2, **request)
    gone: dict[str, int] = {}
    for row in folder.selection():  # of one population
        for label, share in row["shares"].items():
            if share == 0:
                gone.setdefault(label, row["generation"])
    assert len(gone) == 1
    assert events == [
        (f"echo, generation {generation}: {label} has died out in every population", ("echo", label))
        for label, generation in gone.items()
    ]
    assert updates[-1].done == updates[-1].total == 4 * 20


def test_all_priors_start_with_equal_shares(folder: RunFolder) -> None:
    start = [row for row in folder.selection() if row["epoch"] == 0]
    assert [(row["population"], row["generation"]) for row in start] == [(s, 0) for s in range(6)]
    assert all(row["shares"] == {"adapter-only": 0.5, "late": 0.5} for row in start)


def test_there_is_a_row_for_every_population_and_epoch(folder: RunFolder) -> None:
    rows = folder.selection()
    assert [(r["epoch"], r["population"], r["generation"]) for r in rows] == [
        (epoch, population, epoch) for epoch in range(20) for population in range(6)
    ]
    assert all(sum(r["shares"].values()) == pytest.approx(1) for r in rows)


def test_results_are_the_members_of_the_last_epoch(folder: RunFolder) -> None:
    rows = folder.results()
    assert [(r["seed"], r["graph"]) for r in rows] == [(s, m) for s in range(6) for m in range(6)]
    for row in rows:
        assert row["population"] == row["seed"] and 0 <= row["founder"] < 6
        assert row["genome"] == ("adapter-only" if row["founder"] < 3 else "late")
    last = {(r["population"], g): x for r in folder.selection()[-6:] for g, x in r["shares"].items()}
    counts = Counter((r["population"], r["genome"]) for r in rows)
    assert {key: counts[key] / 6 for key in last} == last
    planned = [(r["genome"], r["graph"], r["seed"]) for r in folder.manifest()["lineages"]]
    assert planned == [(r["genome"], r["graph"], r["seed"]) for r in rows]


def test_all_members_have_equal_evaluations(folder: RunFolder) -> None:
    assert {row["evaluations"] for row in folder.results()} == {20 * 17}
    rows = folder.metrics()
    assert len(rows) == 20 * 36
    for row in rows:
        assert row["epoch"] == row["generation"] and row["evaluations"] == 17 * (row["generation"] + 1)


def test_members_of_one_wiring_start_from_noise_of_their_own_and_meet_the_same_episodes() -> None:
    planned = plan(genome=("connectome", "random"), selection="mixed", seeds=2, graphs=2)
    members = mixed._founders(planned, planned.requests[0], planned.blueprints["echo"])
    first, second = (m.lineage for m in members[:2])
    assert first.genome == second.genome == "connectome" and first.graph_hash == second.graph_hash
    for purpose in ("start", "first", "search"):
        assert len({m.lineage.noise(purpose) for m in members}) == len(members)
    for purpose in ("episodes", "held-out"):
        assert first.node(purpose, 3) == second.node(purpose, 3) != members[4].lineage.node(purpose, 3)


def test_every_population_draws_its_own_wirings() -> None:
    planned = plan(genome=("connectome", "random"), selection="mixed", seeds=3, graphs=2)
    assert [s.genome for s in planned.samples] == ["connectome", *("random",) * 6]
    assert [planned.founders(k) for k in range(3)] == [
        [("connectome", 0), ("connectome", 0), ("random", 1 + 2 * k), ("random", 2 + 2 * k)] for k in range(3)
    ]


@pytest.fixture
def evolved(tmp_path: Path) -> tuple[Evolution, list[mixed.Member]]:
    """Members of a small mixed population after two generations."""
    planned = plan(genome=("connectome", "degree", "random"), selection="mixed", graphs=2, generations=10)
    folder = RunFolder.create(tmp_path / "run", {}, {})
    evolution = Evolution(planned, LocalPool(), RunWriter(folder), Watcher())
    members = mixed._founders(planned, planned.requests[0], evolution.set_gains(planned.requests[0]))
    shards = mixed._regrouped(evolution, planned.requests[0], [], members)
    members, fitness = mixed._lived(evolution, shards, members, 2, 0)
    assert np.isfinite(fitness).all() and {m.state.generation for m in members} == {2}
    return evolution, members


def test_offspring_has_its_parents_prior_search_and_gains(
    evolved: tuple[Evolution, list[mixed.Member]],
) -> None:
    evolution, members = evolved
    for parent in members:
        child = mixed._offspring(evolution.plan, parent, 5, seed=3)
        a, b = parent.lineage, child.lineage
        assert (b.genome, b.seed, b.graph, b.member) == (a.genome, a.seed, 5, 5)
        assert child.founder == parent.founder
        assert b.blueprint.gains == a.blueprint.gains
        counted = ("generation", "evaluations", "failures")
        assert [getattr(child.state, x) for x in counted] == [getattr(parent.state, x) for x in counted]
        mutates = a.genome != "connectome"
        assert (b.graph_hash != a.graph_hash) == mutates
        assert (child.state is not parent.state) == mutates
        assert b.graph_hash == child.architecture.content_hash


def test_offspring_cut_off_from_its_inputs_has_its_parents_wiring(
    evolved: tuple[Evolution, list[mixed.Member]], monkeypatch: pytest.MonkeyPatch
) -> None:
    evolution, members = evolved
    monkeypatch.setattr(mixed, "fit", lambda *_: None)
    child = mixed._offspring(evolution.plan, members[-1], 0, seed=3)
    assert child.architecture is members[-1].architecture and child.state is members[-1].state


def test_shards_without_new_members_keep_their_network(
    evolved: tuple[Evolution, list[mixed.Member]],
) -> None:
    evolution, members = evolved
    request = evolution.plan.requests[0]
    shards = mixed._regrouped(evolution, request, [], members)
    assert len(shards) == len(members)  # so few that each is a shard
    changed = [*members[:-1], mixed._offspring(evolution.plan, members[0], 5, seed=3)]
    again = mixed._regrouped(evolution, request, shards, changed)
    assert again[:-1] == shards[:-1] and again[-1].key not in {x.key for x in shards}


def test_members_that_failed_make_room_first(tmp_path: Path) -> None:
    planned = plan(selection="mixed", graphs=2)
    members = mixed._founders(planned, planned.requests[0], planned.blueprints["echo"])
    members = [replace(m, state=replace(m.state, generation=1)) for m in members]
    fitness = np.array([0.0, -np.inf, 2.0, 1.0])
    following = mixed._replaced(planned, members, fitness, 0)
    assert following[1].founder == 2 and [following[k] is members[k] for k in (0, 2, 3)] == [True] * 3
