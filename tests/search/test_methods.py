"""Search methods as a request names them: read back as they were written, and refused in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from neuroevo.errors import NeuroevoError, OptionError, TaskError
from neuroevo.search.ask_tell import ALGORITHMS
from neuroevo.search.methods import METHODS, Cem, Es, Ga, Paper, Pgpe, parse
from neuroevo.search.settings import Settings
from tests import ROOT


@pytest.mark.parametrize("text", [*METHODS, "es:optimizer=adam,learning-rate=0.02", "paper:share=0.25"])
def test_method_reads_back_as_it_was_written(text: str) -> None:
    method = parse(text)
    assert parse(str(method)) == method
    assert type(method) is METHODS[method.name]


def test_every_method_of_a_phase_has_an_algorithm() -> None:
    assert set(ALGORITHMS) == {type(m) for kind in METHODS.values() for m in kind().phases}


def test_what_is_given_wins_over_what_suits_the_task() -> None:
    suited = {"pgpe": {"stdev": 0.5, "speed": 0.1}, "es": {"stdev": 0.4}}
    assert parse("pgpe:speed=0.3", suited) == Pgpe(stdev=0.5, speed=0.3)
    assert parse("cem", suited) == Cem()
    assert parse("es", suited, "t") == Es(stdev=0.4)


def test_papers_numbers_are_the_defaults_of_paper() -> None:
    first, second = Paper().phases
    assert first == Es("sgd", 0.1, 0.1, 0.0, 0.999)
    assert second == Ga(8, 0.01, 0.01, 0.997)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pgp", "Unknown search 'pgp'. Did you mean 'pgpe'?"),
        ("label=es", "Search 'label=es' has a label; wanted name"),
        ("es:", r"Cannot read 'es:'; wanted \[label=\]name"),
        (
            "es:lr=1",
            "Unknown option of search 'es' 'lr'. Known: bias, core, decay, decoder, learning_rate, momentum",
        ),
        ("es:stdev=x", "'es:stdev' is 'x'; wanted a number"),
        ("es:stdev=0", "'stdev' is 0; wanted a number in"),
        ("es:learning_rate=-1", "'learning_rate' is -1"),
        ("es:momentum=1", "'momentum' is 1; wanted a number in"),
        ("es:decay=1.1", "'decay' is 1.1"),
        ("es:optimizer=clipup", "wanted one of sgd, adam"),
        ("pgpe:optimizer=sgd", "wanted one of clipup, adam"),
        ("pgpe:speed=0", "'speed' is 0"),
        ("pgpe:bias=0", "'bias' is 0"),
        ("cem:decoder=-1", "'decoder' is -1"),
        ("pgpe:final_speed=2", "'final_speed' is 2"),
        ("ga:elite=0", "'elite' is 0; wanted a number at least 1"),
        ("ga:elite=2.5", "'ga:elite' is '2.5'; wanted a whole number"),
        ("ga:adapter_stdev=-0.1", "'adapter_stdev' is -0.1"),
        ("cem:parents=2", "'parents' is 2"),
        ("cem:min_stdev=1", "'stdev' is 0.2; wanted a number in"),
        ("cem:max_stdev=0.1", "'stdev' is 0.2"),
        ("paper:share=1", "'share' is 1; wanted a number between 0 and 1"),
        ("pgpe:share=nan", "'pgpe:share' is 'nan'; wanted a number"),
        ("paper:es_stdev=0", "'es_stdev' is 0"),
        ("paper:pretraining_population=-2", "'pretraining_population' is -2"),
    ],
)
def test_method_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("suited", "message"),
    [
        ({"pgpe": {"stdv": 0.5}}, "Task 't': Unknown option of search 'pgpe' 'stdv'. Did you mean 'stdev'"),
        ({"pgp": {}}, "Task 't': Unknown search 'pgp'"),
        ({"es": {"stdev": 0}}, "Task 't': Option 'stdev' is 0"),
    ],
)
def test_task_that_asks_for_what_there_is_not_is_refused(suited: dict, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        parse("pgpe", suited, "t")


@pytest.mark.parametrize(
    ("text", "population", "message"),
    [
        ("pgpe", 7, "'population' is 7; wanted an even number"),
        ("es", 1, "'population' is 1"),
        ("ga", 8, "'elite' is 8 with population 8; wanted fewer"),
        ("cem:parents=0.1", 19, "'parents' is 0.1, of population 19 less than 2 genomes"),
        ("paper", 9, "'population' is 9; wanted an even number"),
        ("paper:pretraining_population=5", 64, "'pretraining_population' is 5; wanted an even number"),
        ("paper:elite=64", 64, "'elite' is 64 with population 64"),
    ],
)
def test_population_that_a_method_cannot_use_is_refused(text: str, population: int, message: str) -> None:
    with pytest.raises(NeuroevoError, match=message):
        parse(text).check_population("population", population)


@pytest.mark.parametrize("text", ["ga", "cem", "paper:pretraining_population=4"])
def test_only_mirrored_methods_want_even_populations(text: str) -> None:
    parse(text).check_population("population", 9)


def test_settings_tell_the_phase_of_every_generation() -> None:
    settings = Settings(20, 10, Paper(pretraining_population=6), pretraining=4)
    phases = [settings.phase(generation) for generation in range(12)]
    assert [p.population for p in phases] == [6] * 4 + [20] * 8
    assert [p.is_pretraining for p in phases] == [True] * 4 + [False] * 8
    assert [type(p.method) for p in phases] == [Es] * 4 + [Ga] * 8
    assert settings.populations == (20, 6)
    assert [settings.evaluations(n) for n in (0, 1, 4, 5, 10)] == [0, 7, 28, 49, 4 * 7 + 6 * 21]
    assert settings.evaluations() == 4 * 7 + 6 * 21
    assert Settings(20, 10).phases == (Settings(20, 10).phase(0),)


def test_worker_imports_nothing_that_its_search_does_not_use() -> None:
    """EvoTorch would import what it can log to, for seconds; whoever wants that later still gets it."""
    code = "import neuroevo.workers.runner, sys\n"
    code += "print([m for m in ('cma', 'mlflow', 'wandb', 'pandas', 'matplotlib') if m in sys.modules])\n"
    code += "import cma; print(cma.__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "cma"]
