"""Budgets: whole generations that fit into evaluations, phase by phase, and what runs really cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from neuroevo.errors import OptionError
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.request import resolve as resolve_request
from neuroevo.search.methods import Cem, Es, Ga, Paper, Pgpe, parse
from neuroevo.search.settings import Settings, Wish, resolve
from tests.small import CIRCUIT, ECHO, TRUST, plan, run

USUAL = {"generations": 10, "population": 8}
TWO = "linear:train=pretrained"


def wish(**given: Any) -> Wish:
    plain: dict[str, Any] = {"generations": None, "population": None, "evaluations": None}
    return Wish(**{**plain, "keeps_pretraining": not given, **given})


@given(evaluations=st.integers(18, 10_000), population=st.integers(1, 40))
def test_as_many_generations_as_fit(evaluations: int, population: int) -> None:
    size = 2 * population
    asked = wish(evaluations=evaluations, population=size)
    if evaluations < 2 * (size + 1):
        with pytest.raises(OptionError, match=f"is {evaluations}; t wants at least {2 * size + 2}, for two"):
            resolve("t", asked, {}, USUAL, Pgpe(), False)
        return
    budget = resolve("t", asked, {}, USUAL, Pgpe(), False)
    spent = Settings(method=Pgpe(), **budget).evaluations()
    assert budget.keys() == {"generations", "population"} and budget["population"] == size
    assert evaluations - (size + 1) < spent <= evaluations


@given(
    evaluations=st.integers(100, 10_000),
    sizes=st.tuples(st.integers(1, 40), st.integers(5, 40)),
    share=st.sampled_from([0.1, 0.25, 0.5, 0.9]),
)
def test_phases_get_their_shares(evaluations: int, sizes: tuple[int, int], share: float) -> None:
    first, second = 2 * sizes[0], 2 * sizes[1]
    method = Paper(pretraining_population=first, share=share)
    asked = wish(evaluations=evaluations, population=second)
    least = max((first + 1) / share, (second + 1) / (1 - share))
    try:
        budget = resolve("t", asked, {}, USUAL, method, True)
    except OptionError as error:
        assert evaluations < least and f"'evaluations' is {evaluations}; t wants at least" in str(error)
        return
    settings = Settings(method=method, **budget)
    early = settings.evaluations(budget["pretraining"])
    assert share * evaluations - (first + 1) < early <= share * evaluations
    assert evaluations - (second + 1) < settings.evaluations() <= evaluations


@pytest.mark.parametrize(
    ("generations", "share", "pretraining"),
    [(10, 0.5, 5), (10, 0.01, 1), (10, 0.99, 9), (2, 0.5, 1), (7, 0.25, 2)],
)
def test_pretraining_is_its_share_of_the_generations(
    generations: int, share: float, pretraining: int
) -> None:
    budget = resolve("t", wish(generations=generations), {}, USUAL, Paper(share=share, elite=2), True)
    assert budget == {"generations": generations, "population": 8, "pretraining": pretraining}


def test_search_of_two_phases_wants_two_generations() -> None:
    with pytest.raises(OptionError, match="'t: generations of two phases' is 1"):
        resolve("t", wish(generations=1), {}, USUAL, Paper(elite=2), True)
    with pytest.raises(OptionError, match="'t: pretraining' is 10; wanted a number in"):
        resolve("t", wish(), {"pretraining": 10}, USUAL, Paper(elite=2), True)


# --- requests -----------------------------------------------------------------------------------------


def resolved(**changes: Any) -> Configuration:
    request = {"genome": ("connectome",), "task": (ECHO,), "connectome": CIRCUIT, **changes}
    return resolve_request(Configuration(**request)).config


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluations": 100},
        {"evaluations": 100, "population": 10},
        {"search": "paper:elite=2,pretraining_population=4,share=0.3", "evaluations": 200},
        {"search": "paper:elite=2,share=0.25", "generations": 9},
        {"adapter": TWO, "search": "es", "evaluations": 333},
        {"adapter": TWO, "search": "cem:share=0.2"},
    ],
)
def test_resolved_budget_reproduces_itself(tmp_path: Path, changes: dict[str, Any]) -> None:
    config = resolved(**changes)
    assert config.evaluations is config.generations is config.search is None
    path = tmp_path / "config.toml"
    path.write_text(tomli_w.dumps(config.to_dict()))
    again = resolve_request(Configuration.read(path, TRUST))
    assert again.config == config
    twice = plan(search=config.searches["echo"])
    assert plan(**changes).settings["echo"].method == twice.settings["echo"].method


def test_what_is_given_anew_replaces_what_follows_from_it() -> None:
    filed = resolved(search="paper:elite=2", evaluations=200)
    assert filed.budgets["echo"] == {"generations": 22, "population": 8, "pretraining": 11}
    for changes, wanted in (
        ({"generations": 4}, {"generations": 4, "population": 8, "pretraining": 2}),
        ({"population": 4}, {"generations": 22, "population": 4, "pretraining": 11}),
        ({"evaluations": 90}, {"generations": 10, "population": 8, "pretraining": 5}),
        ({"search": "paper:elite=2,share=0.25"}, {"generations": 22, "population": 8, "pretraining": 6}),
        ({"search": "pgpe"}, {"generations": 22, "population": 8}),
        ({"search": "pgpe", "adapter": TWO}, {"generations": 22, "population": 8, "pretraining": 11}),
    ):
        assert resolve_request(filed.override(changes)).config.budgets["echo"] == wanted


def test_of_generations_and_evaluations_the_command_line_wins() -> None:
    filed = Configuration(genome=("connectome",), task=(ECHO,), connectome=CIRCUIT, generations=5)
    assert resolve_request(filed.override({"evaluations": 90})).config.budgets["echo"]["generations"] == 10
    filed = Configuration(genome=("connectome",), task=(ECHO,), connectome=CIRCUIT, evaluations=90)
    assert resolve_request(filed.override({"generations": 5})).config.budgets["echo"]["generations"] == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluations": 50},
        {"search": "ga:elite=2", "evaluations": 50},
        {"search": "paper:elite=2,pretraining_population=4", "evaluations": 100},
        {"search": "paper:elite=2", "generations": 4},
        {"adapter": TWO, "search": "cem", "evaluations": 60},
    ],
)
def test_result_rows_count_evaluations_truly(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = run(tmp_path / "run", genome=("connectome",), **changes)
    settings = plan(**changes).settings["echo"]
    assert {row["evaluations"] for row in folder.results()} == {settings.evaluations()}
    rows = folder.metrics()
    assert [row["evaluations"] for row in rows] == [
        settings.evaluations(k + 1) for k in range(settings.generations)
    ]


@pytest.mark.parametrize("task", ["worm", "swimmer", "lines"])
def test_one_rule_of_spreads_where_nothing_stands_between_circuit_and_task(task: str) -> None:
    circuit = "planted" if task == "lines" else "celegans-motor"

    def search(adapter: str, *asked: str) -> str:
        request = {"task": (task,), "adapter": adapter, "connectome": circuit}
        return resolved(**request, **({"search": asked[0]} if asked else {})).searches[task]

    assert parse(search("none")) == Pgpe(stdev=0.3, speed=0.1, bias=0.02)
    assert parse(search("none", "cem")) == Cem(stdev=0.3, bias=0.02)
    assert parse(search("none", "es")) == Es() and parse(search("none", "ga")) == Ga()
    assert parse(search("none", "pgpe:bias=1,speed=0.2")) == Pgpe(stdev=0.3, speed=0.2, bias=1.0)
    of_worm = Pgpe(stdev=0.05, speed=0.015) if task == "worm" else Pgpe()
    assert parse(search("linear")) == of_worm


def test_a_file_says_how_to_search_whatever_suits_a_body(tmp_path: Path) -> None:
    path, words = tmp_path / "config.toml", "pgpe:stdev=0.05,speed=0.015,bias=1"
    request = resolved(task=("worm",), adapter="none", connectome="celegans-motor", search=words)
    path.write_text(tomli_w.dumps(request.to_dict()))  # with every option, as a run folder has it
    again = resolve_request(Configuration.read(path)).config
    assert parse(again.searches["worm"]) == Pgpe(stdev=0.05, speed=0.015, bias=1.0)
