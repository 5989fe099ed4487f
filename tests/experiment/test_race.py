"""A race drops what is worse and not what is unlucky, and never costs more than a tournament."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from neuroevo.experiment import race, selection
from neuroevo.referee.estimators import contrast
from neuroevo.run_folder import RunFolder
from tests.small import Listener, plan, run
from tests.toy import Echo

BAD = "late=tests.planted:late"
PRIORS = ("adapter-only", BAD)


class Broken(Echo):
    """A task on which nothing has a fitness."""

    def __init__(self) -> None:
        super().__init__(broken=1.0)


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A race of a prior that works against one that cannot."""
    path = tmp_path_factory.mktemp("race") / "run"
    return run(path, genome=PRIORS, selection="race", seeds=12, generations=32, population=16)


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A race of a prior against itself under another name."""
    path = tmp_path_factory.mktemp("race") / "run"
    return run(path, genome=("a=random", "b=random"), selection="race", seeds=3, graphs=2, generations=8)


# --- what is said before ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seeds", "generations", "num_samples", "wanted"),
    [
        (10, 32, [1, 1], (5, 5)),  # half is spent on the race, and the rest is for as many as began
        (5, 32, [1, 1, 1], (2, 4)),  # 480 in all: 240 left for 96 each; or 480 - 60 - 120 for 64 each
        (5, 32, [1, 20, 20], (2, 6)),  # 6,560 in all; or less 820 and 1,260, for 672 each
        (3, 3, [1, 1], (2, 2)),  # the race ends after one of three generations
    ],
)
def test_fresh_seeds_of_the_verdict_are_those_of_the_race_that_drops_none_and_of_that_which_drops_most(
    seeds: int, generations: int, num_samples: list[int], wanted: tuple[int, int]
) -> None:
    seeds_of_verdict = race.FreshSeeds.of(seeds, generations, num_samples)
    assert (seeds_of_verdict.fewest, seeds_of_verdict.most) == wanted
    enough = race.FreshSeeds.of(seeds_of_verdict.enough, generations, num_samples)
    assert enough.are_enough and (seeds == enough.enough or not seeds_of_verdict.are_enough)


def told(**request: Any) -> tuple[list[str], list[str]]:
    """Returns what is said before a run, and what it is warned of."""
    events: list[str] = []
    warnings: list[str] = []
    listener = Listener(event=lambda text, _: events.append(text))
    listener.warn = warnings.append  # type: ignore[method-assign]
    selection.announce(plan(**request), listener)
    return events, warnings


def test_race_says_on_how_many_fresh_seeds_its_verdict_will_rest_and_rests_on_them(even: RunFolder) -> None:
    twice = ("a=random", "b=random")
    said = (
        "echo: the verdict will rest on 2 fresh seeds; a verdict takes 5, which --seeds 8 gives in any case."
    )
    assert told(genome=twice, selection="race", seeds=3, graphs=2) == ([], [said])
    said = "echo: the verdict will rest on 5 fresh seeds."
    assert told(selection="race", seeds=10, generations=8) == ([said], [])
    first, last = even.selection()[-1]["seeds"]
    assert last + 1 - first == race.FreshSeeds.of(3, 8, [2, 2]).fewest
    assert told(seeds=5, graphs=7) == ([], [])


# --- the rule -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generations", "wanted"),
    [(2, [1]), (3, [1]), (4, [1, 2]), (8, [1, 2, 4]), (40, [5, 10, 20]), (50, [6, 12, 25])],
)
def test_rungs_are_at_an_eighth_a_quarter_and_half(generations: int, wanted: list[int]) -> None:
    assert race.rungs(generations) == wanted


def table(rng: np.random.Generator, means: list[float], graphs: int, seeds: int) -> np.ndarray:
    """Lineages' lasting part, [priors, graphs, seeds]: graphs and lineages differ, seeds are paired."""
    by_graph = rng.normal(0, 0.7 if graphs > 1 else 0, (len(means), graphs, 1))
    return np.array(means)[:, None, None] + by_graph + rng.normal(size=(len(means), graphs, seeds))


def dropped(rng: np.random.Generator, means: list[float], graphs: int, seeds: int) -> set[int]:
    """Priors that a simulated race drops; each rung adds noise of its own, seeds have one in common."""
    lasting, paired = table(rng, means, graphs, seeds), rng.normal(0, 2, seeds)
    level, racing = race.level_of(len(race.RUNGS), len(means)), set(range(len(means)))
    for _ in race.RUNGS:
        fitness = lasting + paired + rng.normal(0, 0.7, lasting.shape)
        rows = race.compare(
            {str(k): {(g, s): float(fitness[k, g, s]) for g, s in np.ndindex(graphs, seeds)} for k in racing},
            level,
        )
        racing -= {int(row["genome"]) for row in rows if row["dropped"]}
    return set(range(len(means))) - racing


@pytest.mark.parametrize(("priors", "graphs", "seeds"), [(2, 1, 8), (3, 1, 4), (4, 1, 8), (3, 3, 5)])
def test_race_of_equal_priors_drops_one_no_more_often_than_stated(
    priors: int, graphs: int, seeds: int
) -> None:
    races, rng = 500, np.random.default_rng(1)
    wrong = sum(bool(dropped(rng, [0.0] * priors, graphs, seeds)) for _ in range(races))
    assert wrong <= stats.binom.ppf(0.999, races, race.ERROR)


def test_race_drops_what_is_clearly_worse_and_nothing_else() -> None:
    races, rng = 100, np.random.default_rng(2)
    drops = [dropped(rng, [0.0, -5.0, 0.0], 1, 8) for _ in range(races)]
    assert np.mean([1 in x for x in drops]) > 0.95
    assert sum(bool(x - {1}) for x in drops) <= stats.binom.ppf(0.999, races, race.ERROR)


def test_race_uses_the_test_of_the_verdict_one_sided_against_the_leader() -> None:
    tables = table(np.random.default_rng(3), [0.0, -1.0, -2.0], 6, 4)
    fitness = {
        name: {(g, s): float(t[g, s]) for g, s in np.ndindex(t.shape)}
        for name, t in zip("abc", tables, strict=True)
    }
    leader = max(fitness, key=lambda name: np.mean(list(fitness[name].values())))
    for row in race.compare(fitness, 0.01):
        if row["genome"] == leader:
            assert row["against"] is row["p"] is row["difference"] is None and not row["dropped"]
            continue
        wanted = contrast(fitness[row["genome"]], fitness[leader])
        assert wanted is not None and row["against"] == leader
        assert (row["p"], row["difference"]) == (wanted.p_below, wanted.difference)
        at = {share: race.compare(fitness, share * wanted.p_below) for share in (0.9, 1.1)}  # of its p
        assert [x["dropped"] for rows in at.values() for x in rows if x["genome"] == row["genome"]] == [
            False,
            True,
        ]


@pytest.mark.parametrize(("graphs", "is_dropped"), [(5, False), (20, True)])
def test_race_drops_no_prior_of_which_few_graphs_may_have_failed_by_chance(
    graphs: int, is_dropped: bool
) -> None:
    rng = np.random.default_rng(4)
    wiring = {(0, s): 1 + 0.01 * rng.normal() for s in range(8)}
    family = {(g, s): 0.01 * rng.normal() for g in range(graphs) for s in range(8)}
    rows = race.compare({"wiring": wiring, "family": family}, 0.01)
    assert rows[1]["p"] is not None and rows[1]["p"] < 1e-6  # by the t test alone
    assert rows[1]["dropped"] is is_dropped


def test_lineages_that_failed_count_as_the_lowest_of_the_rung() -> None:
    keys = [("t", genome, 0, seed) for genome in "ab" for seed in range(3)]
    fitness = race._by_genome(keys, {keys[0]: [1.0, 3.0], keys[3]: [0.5], keys[4]: [4.0]})
    assert fitness["a"] == {(0, 0): 2.0, (0, 1): 0.5, (0, 2): 0.5}
    assert fitness["b"] == {(0, 0): 0.5, (0, 1): 4.0, (0, 2): 0.5}
    assert race._by_genome(keys, {}) == {"a": {}, "b": {}}


@pytest.mark.parametrize("fitness", [{}, {(0, 0): -9.0}])
def test_prior_of_which_nothing_can_be_said_stays(fitness: dict[tuple[int, int], float]) -> None:
    rows = race.compare({"good": {(0, s): 1.0 + s for s in range(4)}, "odd": fitness}, 0.05)
    assert [(row["genome"], row["p"], row["dropped"]) for row in rows] == [
        ("good", None, False),
        ("odd", None, False),
    ]


@given(
    graphs=st.lists(st.integers(1, 5), min_size=2, max_size=5),
    seeds=st.integers(2, 20),
    generations=st.integers(2, 60),
    data=st.data(),
)
def test_race_never_costs_more_than_a_tournament(
    graphs: list[int], seeds: int, generations: int, data: st.DataObject
) -> None:
    racing, spent, before = list(graphs), 0, 0
    for rung in race.rungs(generations):
        spent, before = spent + sum(racing) * seeds * (rung - before), rung
        racing = racing[: data.draw(st.integers(1, len(racing)))]
        if len(racing) == 1:
            break
    full, seed_cost = sum(graphs) * seeds * generations, sum(racing) * generations
    count = race.fresh_seeds(seeds, full - spent, seed_cost)
    assert 1 <= count <= race.MOST_SEEDS * seeds
    assert spent + count * seed_cost <= full
    assert count == race.MOST_SEEDS * seeds or spent + (count + 1) * seed_cost > full


# --- a run --------------------------------------------------------------------------------------------


def rows_of(folder: RunFolder, **wanted: Any) -> list[dict[str, Any]]:
    return [row for row in folder.results() if all(row.get(k) == v for k, v in wanted.items())]


def test_planted_bad_prior_is_dropped(raced: RunFolder) -> None:
    *rungs, event = raced.selection()
    assert [row["genome"] for row in rungs if row["dropped"]] == ["late"]
    last = rungs[-1]["generation"]
    censored = rows_of(raced, genome="late")
    assert len(censored) == 12
    for row in censored:
        assert (row["status"], row["role"], row["score"]) == ("censored", "race", None)
        assert row["generations"] == last and row["evaluations"] == last * 17
    assert event["genomes"] == ["adapter-only"]


def test_survivor_is_confirmed_on_fresh_seeds_for_all_generations(raced: RunFolder) -> None:
    event = raced.selection()[-1]
    first, last = event["seeds"]
    assert event["event"] == "confirmation" and first == 12
    confirmed = rows_of(raced, role="confirmation")
    assert [row["seed"] for row in confirmed] == list(range(first, last + 1))
    for row in confirmed:
        assert (row["genome"], row["status"]) == ("adapter-only", "done")
        assert row["score"] is not None and row["generations"] == 32
    for row in rows_of(raced, genome="adapter-only", role="race"):
        assert (row["status"], row["score"]) == ("raced", None) and row["generations"] < 32
    champions = {path.name for path in (raced.path / "champions").iterdir()}
    assert champions == {raced.champion_path(("echo", "adapter-only", 0, r["seed"])).name for r in confirmed}


def spent_by(folder: RunFolder, a_generation: int) -> Counter[str]:
    """Evaluations by role, as the metrics have them."""
    role = {(r["genome"], r["graph"], r["seed"]): r["role"] for r in folder.results()}
    spent: Counter[str] = Counter()
    for row in folder.metrics():
        spent[role[row["genome"], row["graph"], row["seed"]]] += a_generation
    return spent


@pytest.mark.parametrize(
    ("fixture", "lineage_generations", "evaluations"), [("raced", 2 * 12 * 32, 17), ("even", 4 * 3 * 8, 9)]
)
def test_evaluations_are_those_that_were_made_and_no_more_than_a_tournaments(
    fixture: str, lineage_generations: int, evaluations: int, request: pytest.FixtureRequest
) -> None:
    folder: RunFolder = request.getfixturevalue(fixture)
    event, spent = folder.selection()[-1], spent_by(folder, evaluations)
    tournament = lineage_generations * evaluations
    assert event["budget"] == {**spent, "tournament": tournament}
    assert event["evaluations_saved"] == tournament - spent.total() >= 0


def test_every_rung_has_a_row_for_each_prior_in_the_race(even: RunFolder) -> None:
    *rungs, _ = even.selection()
    assert [(r["rung"], r["generation"], r["genome"], r["lineages"]) for r in rungs] == [
        (rung, generation, genome, 6) for rung, generation in ((1, 1), (2, 2), (3, 4)) for genome in "ab"
    ]
    assert {row["level"] for row in rungs} == {race.level_of(3, 2)}


def test_rung_looks_at_the_generations_since_the_one_before(even: RunFolder) -> None:
    metrics = even.metrics()
    bounds = [0, *race.rungs(8)]
    for row in even.selection()[:-1]:
        begin, end = bounds[row["rung"] - 1 : row["rung"] + 1]
        centres = [
            m["fitness_centre"]
            for m in metrics
            if m["genome"] == row["genome"] and m["seed"] < 3 and begin <= m["generation"] < end
        ]
        assert row["fitness"] == pytest.approx(np.mean(centres))


def test_equal_wirings_stay_paired_after_the_race(tmp_path: Path) -> None:
    twice = ("a=connectome", "b=connectome")
    folder = run(tmp_path / "run", genome=twice, selection="race", seeds=3, generations=8)
    scores = {(r["genome"], r["graph"], r["seed"]): r["score"] for r in rows_of(folder, role="confirmation")}
    assert len(scores) == 2 * len({seed for _, _, seed in scores}) > 0
    for genome, graph, seed in scores:
        assert scores[genome, graph, seed] == pytest.approx(scores["a", graph, seed], rel=1e-3)


def test_planned_lineages_are_those_with_results(even: RunFolder) -> None:
    fields = ("task", "genome", "graph", "seed", "role")
    planned, scored = (
        [tuple(r[f] for f in fields) for r in rows] for rows in (even.manifest()["lineages"], even.results())
    )
    assert sorted(planned) == sorted(scored) and len(set(planned)) == len(planned)


def test_checkpoint_holds_raced_and_confirmed_lineages(raced: RunFolder) -> None:
    _, state = raced.read_checkpoint()
    lineages = Counter((entry["lineage"][1], entry["lineage"][3]) for entry in state["lineages"])
    assert lineages == Counter((row["genome"], row["seed"]) for row in raced.results())


def test_race_in_which_everything_fails_ends_with_failed_lineages(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", task=(f"{__name__}:Broken",), selection="race", seeds=2, generations=4)
    assert {row["status"] for row in folder.results()} == {"failed"}
    assert not any(row.get("dropped") for row in folder.selection())


def test_watcher_hears_of_drops_confirmations_and_all_progress(tmp_path: Path) -> None:
    events, plans, updates = [], [], []
    listener = Listener(updates.append, lambda *x: events.append(x), lambda *x: plans.append(x))
    request = {"seeds": 12, "generations": 32, "population": 16}
    folder = run(tmp_path / "run", None, listener, genome=PRIORS, selection="race", **request)
    (dropped, out), (confirmed, nobody) = events
    assert re.match(r"echo, generation (4|8|16): late dropped, behind adapter-only by [\d.]+, p ", dropped)
    assert (out, nobody) == (("echo", "late"), None)
    assert confirmed.startswith("echo: adapter-only confirmed on ")
    ((rows, stage),) = plans
    assert stage == "confirmation" and rows == folder.manifest()["lineages"][24:]
    assert [p.done for p in updates] == list(np.cumsum([len(p.rows) for p in updates]))
    assert updates[-1].done == updates[-1].total < updates[0].total + 1


def test_each_task_is_a_race_of_its_own(tmp_path: Path) -> None:
    tasks = ("echo=tests.toy:Echo", "long=tests.toy:Echo:steps=6")
    folder = run(tmp_path / "run", task=tasks, selection="race", seeds=2, generations=4)
    events = [row for row in folder.selection() if "event" in row]
    assert [row["task"] for row in events] == ["echo", "long"]
    assert {(r["task"], r["role"]) for r in folder.results()} == set(
        itertools.product(("echo", "long"), ("race", "confirmation"))
    )
