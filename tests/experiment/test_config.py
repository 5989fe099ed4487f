"""The request: files read back, defaults written out, and the command line wins over a file."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

import populations
import tasks as _tasks
from neuroevo.errors import NeuroevoError, OptionError, RegistryError, TaskError
from neuroevo.experiment import selection
from neuroevo.experiment.by_task import margins
from neuroevo.experiment.config import SELECTIONS, Configuration
from neuroevo.experiment.request import Experiment, resolve
from neuroevo.plugins import Plugin, PluginCall, Registry, Spec, priors, tasks
from neuroevo.search.methods import Pgpe
from neuroevo.task import Task
from neuroevo.trust import Trust
from tests.small import TRUST
from tests.toy import Echo

REGISTERED = (populations, _tasks)  # importing them registers what they hold
ECHO = "tests.toy:Echo"
REQUEST = Configuration(genome=("random",), task=(ECHO,))
PAIR = ("random", "dense")


class Stranger:
    """No task."""


class Incomplete(Task):
    """A task without a score."""

    unit, num_sensors, num_actuators = "m", 1, 1
    defaults = {"generations": 1, "population": 2}  # noqa: RUF012

    def evaluate(self) -> None: ...


class WithoutBudget(Echo):
    """A task that names no population."""

    defaults = {"generations": 1}  # noqa: RUF012


class OddPopulation(Echo):
    """A task whose population has no pairs."""

    defaults = {"generations": 1, "population": 5}  # noqa: RUF012


class Deaf(Echo):
    """A task without sensors."""

    num_sensors = 0


class Moody(Echo):
    """A task that fails when it is made."""

    def __init__(self) -> None:
        raise KeyError("mood")


def written(path: Path, config: Configuration) -> Path:
    path.write_text(tomli_w.dumps(config.to_dict()))
    return path


def calls_of(experiment: Experiment) -> list[PluginCall]:
    return [*experiment.priors, *experiment.task_calls.values()]


REQUESTS = [
    REQUEST,
    replace(
        REQUEST, genome=("stats-prior:gap=keep", "near=stats-prior:gap=drop,dale=false"), seeds=3, seed=7
    ),
    replace(
        REQUEST, task=(f"{ECHO}:steps=2", f"short={ECHO}:steps=1"), generations=4, population=6, episodes=5
    ),
    replace(REQUEST, task=("digits", "mnist:folder=/a=b:c d"), connectome="celegans", inputs="AVA+sensory"),
    replace(REQUEST, genome=('odd "label"=random',), workers=2, address="auto", outputs="muscle"),
    replace(REQUEST, genome=("random", "dense"), selection="race", seeds=2, margin=("0.5", f"{ECHO}=0.25")),
    replace(REQUEST, genome=("random", "dense"), selection="mixed", track=("wandb", "tensorboard")),
    replace(REQUEST, search="cem:stdev=0.3", evaluations=200, task=(ECHO, "swimmer")),
    replace(REQUEST, search="paper:elite=2,es-optimizer=adam", generations=7, adapter="mlp:train=fixed"),
]


@pytest.mark.parametrize("config", REQUESTS)
def test_resolved_request_reads_back_and_stays_as_it_is(tmp_path: Path, config: Configuration) -> None:
    experiment = resolve(config)
    again = Configuration.read(written(tmp_path / "config.toml", experiment.config), Trust(is_signed=True))
    assert again == experiment.config
    same = resolve(again)
    for name in ("config", "priors", "task_calls", "neuron", "adapter", "settings", "margins", "workers"):
        assert getattr(same, name) == getattr(experiment, name)
    assert same.connectome.fingerprint() == experiment.connectome.fingerprint()
    for first, second in zip(calls_of(experiment), calls_of(same), strict=True):
        assert list(map(type, first.options.values())) == list(map(type, second.options.values()))


def test_resolve_writes_every_default_out() -> None:
    experiment = resolve(replace(REQUEST, genome=("random",), episodes=7))
    resolved = experiment.config
    assert resolved.genome == ("random=random:chemical=random,gap=random,neuromuscular=random,dale=true",)
    assert experiment.task_calls[ECHO].options == {"episodes": 7, "steps": 4, "broken": 0.0, "raises": False}
    assert resolved.budgets == {ECHO: {"generations": 3, "population": 8}}
    assert resolved.searches == {ECHO: str(Pgpe())} and "speed=0.025" in str(Pgpe())
    assert resolved.device == "cpu"
    parts = dict.fromkeys(("chemical", "gap", "neuromuscular"), "random")
    assert experiment.priors[0].options == {**parts, "dale": True}


def test_command_line_wins_over_a_file(tmp_path: Path) -> None:
    first = resolve(replace(REQUEST, generations=9, episodes=5, seed=1)).config
    filed = Configuration.read(written(tmp_path / "config.toml", first), TRUST)
    experiment = resolve(filed.override({"generations": 2, "episodes": 3, "seed": 4}))
    assert experiment.config.budgets == {ECHO: {"generations": 2, "population": 8}}
    assert experiment.config.seed == 4
    assert {label: task.episodes for label, task in experiment.tasks.items()} == {ECHO: 3}


def test_an_option_of_one_task_wins_over_that_of_all() -> None:
    experiment = resolve(replace(REQUEST, task=(f"{ECHO}:episodes=3", f"other={ECHO}"), episodes=5))
    assert [call.options["episodes"] for call in experiment.task_calls.values()] == [3, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("genom = ['random']", r"Unknown key in '.*' 'genom'\. Did you mean 'genome'"),
        ("genome = 'random'", "'genome' in .* is 'random'; wanted a list of strings"),
        ("genome = [1]", "wanted a list of strings"),
        ("seeds = true", "'seeds' in .* is True; wanted a whole number"),
        ("seeds = 1.5", "wanted a whole number"),
        ("seed = 9223372036854775808", "wanted a whole number"),
        ("neuron = 3", "wanted a string"),
        ("budgets = 3", "wanted a table of whole numbers for each task"),
        ("searches = 'es'", "wanted a table of a string for each task"),
        ("[searches]\nx = 3", "wanted a table of a string for each task"),
        ("[budgets.x]\npopulation = '8'", "wanted a table of whole numbers for each task"),
        ("seeds = ", "is not TOML"),
        ("\udcff", "is not TOML"),
    ],
)
def test_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(OptionError, match=message):
        Configuration.read(path)


LONG = "." * 100_000


@pytest.mark.parametrize(
    "text",
    [
        *(f"{name} = ['{LONG}']" for name in ("genome", "task", "margin", "track")),
        *(f"{name} = '{LONG}'" for name in ("connectome", "inputs", "neuron", "adapter", "per_worker")),
        f"genome = [{'[' * 50}'{LONG}'{']' * 50}]",
        f"genome = [{','.join(['1'] * 100_000)}]",
        "genome = [" + "'.'," * 100_000 + "]",
        f"seeds = {{a = '{LONG}'}}",
        f"{'a' * 100_000} = 1",
        f"[budgets.{'a' * 100_000}]\npopulation = 8",
        f"[searches]\na = '{LONG}'",
    ],
    ids=lambda text: text[:30],
)
def test_long_and_nested_values_get_one_short_line_at_once(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    started = time.process_time()
    with pytest.raises(NeuroevoError) as error:
        resolve(Configuration.read(tmp_path / "config.toml").override({"task": (ECHO,)}))
    assert time.process_time() - started < 3
    assert "\n" not in str(error.value) and len(str(error.value)) < 1_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"genome": ()}, "No --genome given; choose one or more of .*stats-prior"),
        ({"task": ()}, "No --task given; choose one or more of .*swimmer"),
        ({"genome": ("random", "random")}, "Two genomes are labelled 'random'"),
        ({"task": (f"a={ECHO}", "a=digits")}, "Two tasks are labelled 'a'"),
        ({"genome": ("randm",)}, "Unknown prior 'randm'. Did you mean 'random'"),
        ({"task": ("swimer",)}, "Unknown task 'swimer'. Did you mean 'swimmer'"),
        ({"genome": ("random:gpa=keep",)}, "'gpa'. Did you mean 'gap'"),
        ({"task": ("swimmer:steps=0",)}, r"Task 'swimmer:steps=0': Option 'steps' is 0; wanted a number in"),
        ({"task": ("swimmer:steps=nan",)}, "wanted a whole number"),
        ({"neuron": "leeky"}, "'leeky'. Did you mean 'leaky'"),
        ({"search": "pgp"}, "Did you mean 'pgpe'"),
        ({"search": "es:lr=1"}, "Unknown option of search 'es' 'lr'"),
        ({"search": "ga"}, f"'elite' is 8 with {ECHO}: population 8; wanted fewer"),
        ({"search": "paper", "population": 12, "generations": 1}, "generations of two phases' is 1"),
        ({"evaluations": 0}, "'evaluations' is 0"),
        ({"evaluations": 17}, f"'evaluations' is 17; {ECHO} wants at least 18, for two generations of 9"),
        ({"evaluations": 20, "search": "paper:elite=2,share=0.25"}, "wants at least 36, for a generation of"),
        ({"evaluations": 90, "generations": 3}, "'generations' and 'evaluations' are 3 and 90; give one"),
        (
            {"selection": "race", "genome": PAIR, "seeds": 2, "search": "paper:elite=2"},
            f"'race' was asked for on {ECHO} with pretraining .search 'paper', adapter 'linear'.; wanted",
        ),
        (
            {"selection": "race", "genome": PAIR, "seeds": 2, "adapter": "linear:train=pretrained"},
            "with pretraining .search 'pgpe', adapter 'linear:train=pretrained'.; wanted a search of one",
        ),
        ({"searches": {"swimer": "es"}}, r"Unknown task in \[searches\] 'swimer'"),
        ({"searches": {ECHO: "e"}}, "Unknown search 'e'"),
        ({"device": "gpu"}, "Unknown device 'gpu'"),
        ({"device": "cuda"}, "Device 'cuda' was asked for"),
        ({"seeds": 0}, "'seeds' is 0; wanted a number at least 1"),
        ({"graphs": 0}, "'graphs' is 0"),
        ({"generations": -1}, "'generations' is -1"),
        ({"episodes": 0}, "'episodes' is 0"),
        ({"workers": -1}, "'workers' is -1"),
        ({"seed": -1}, "'seed' is -1"),
        ({"selection": "rase"}, "Unknown selection 'rase'. Did you mean 'race'?"),
        ({"selection": "race", "seeds": 2}, "'race' was asked for with 1 prior; wanted 2 or more"),
        ({"selection": "mixed"}, "'mixed' was asked for with 1 prior; wanted 2 or more"),
        ({"selection": "mixed", "genome": PAIR, "adapter": "none"}, "'mixed' takes neither native maps"),
        ({"selection": "mixed", "genome": PAIR, "neuron": "alif:table=a.csv"}, "nor a table of constants"),
        ({"selection": "race", "genome": PAIR}, "'race' was asked for with 1 seed; wanted 2 or more"),
        ({"selection": "race", "genome": PAIR, "seeds": 2, "generations": 1}, "with 1 generation of "),
        ({"selection": "mixed", "genome": PAIR, "generations": 1}, f"with 1 generation of {ECHO}"),
        ({"margin": ("x",)}, "Cannot read margin 'x'; wanted X or TASK=X"),
        ({"margin": (f"{ECHO}=",)}, "Cannot read margin"),
        ({"margin": ("swimer=1",)}, "Unknown task in margin 'swimer'"),
        ({"margin": ("0",)}, "Margin '0' is 0; wanted a finite number greater than 0"),
        ({"margin": ("-1",)}, "Margin '-1' is -1; wanted"),
        ({"margin": (f"{ECHO}=inf",)}, "is inf; wanted a finite number"),
        ({"margin": ("nan",)}, "is nan; wanted a finite number"),
        ({"margin": ("1", "2")}, "The margin of all tasks is given twice"),
        ({"margin": (f"{ECHO}=1", f"{ECHO}=1")}, f"The margin of {ECHO} is given twice"),
        ({"track": ("tensorbord",)}, "Unknown tracker 'tensorbord'. Did you mean 'tensorboard'?"),
        ({"track": ("wandb", "wandb")}, "Tracker 'wandb' is given twice"),
        ({"population": 0}, "'population' is 0"),
        ({"population": 7}, "'population' is 7; wanted an even number"),
        ({"address": "here"}, "wanted HOST:PORT"),
        ({"address": "auto", "workers": 0}, "leave out one of --address and --workers"),
        ({"budgets": {"swimer": {}}}, r"Unknown task in \[budgets\] 'swimer'"),
        ({"budgets": {ECHO: {"popluation": 2}}}, "Did you mean 'population'"),
        ({"budgets": {ECHO: {"population": 3}}}, f"'{ECHO}: population' is 3; wanted an even number"),
        ({"budgets": {ECHO: {"generations": -1}}}, "generations' is -1"),
    ],
)
def test_request_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(NeuroevoError, match=message):
        resolve(replace(REQUEST, **changes))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((), {"a": None, "b=1": None}),
        (("0.5",), {"a": 0.5, "b=1": 0.5}),
        (("b=1=2e-3",), {"a": None, "b=1": 0.002}),
        (("a=3", "0.5"), {"a": 3.0, "b=1": 0.5}),
    ],
)
def test_margin_of_one_task_wins_over_that_of_all(
    given: tuple[str, ...], wanted: dict[str, float | None]
) -> None:
    assert margins(given, ("a", "b=1")) == wanted


def test_every_selection_has_a_mode() -> None:
    assert set(selection.MODES) == set(SELECTIONS)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("Stranger", RegistryError, r"is no subclass of neuroevo.task.Task; wanted class Stranger\(Task\)"),
        ("Incomplete", RegistryError, "has no score; wanted unit, defaults, num_sensors"),
        ("WithoutBudget", TaskError, r"has no defaults\['population'\]"),
        ("OddPopulation", OptionError, "population' is 5; wanted an even number"),
        ("Deaf", TaskError, "has 0 as num_sensors"),
        ("Moody", TaskError, "cannot be made: KeyError: 'mood'"),
    ],
)
def test_task_that_cannot_be_used_is_refused(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        resolve(replace(REQUEST, task=(f"{__name__}:{name}",)))


@pytest.mark.parametrize(
    ("registry", "path", "message"),
    [
        (priors, "shlex:quote", r"'shlex:quote' is no prior \(.*\); wanted a function \(connectome, "),
        (tasks, "json:dumps", "is no task .* wanted a class derived from"),
        (priors, "builtins:int", "is no prior"),
        (priors, ".relative:x", "Cannot load '.relative:x': TypeError"),
        (priors, "math:pi", "'math:pi' is a float"),
    ],
)
def test_what_is_no_plug_in_is_refused(registry: Registry, path: str, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        registry.get(path)


def freely_typed(
    connectome: NotImported,  # type: ignore[name-defined]  # noqa: F821
    *,
    seed: int,
    plain=0.5,
    perhaps: int | None = None,
    either: int | Literal["all"] = "all",
    level: Literal[1, 2] = 1,
    whole: float = 1,
) -> None: ...


def test_options_have_the_types_that_are_declared() -> None:
    plugin = Plugin("prior", "free", freely_typed)
    given = {"plain": "2", "perhaps": "3", "either": "4", "level": "2", "whole": "5"}
    bound = plugin.bind(given)
    assert bound == {"plain": 2.0, "perhaps": 3, "either": 4, "level": 2, "whole": 5.0}
    assert [type(value) for value in bound.values()] == [float, int, int, int, float]
    assert plugin.bind({"either": "all"}) == {"either": "all"}
    assert type(plugin.bind(plugin.defaults)["whole"]) is float
    for wrong in ({"either": "none"}, {"level": "3"}, {"perhaps": "x"}, {"whole": "inf"}):
        with pytest.raises(OptionError, match="wanted"):
            plugin.bind(wrong)


@given(
    label=st.text(min_size=1),
    name=st.sampled_from(["random", "package.module:Name"]),
    options=st.dictionaries(st.from_regex("[a-z_]+", fullmatch=True), st.text()),
)
def test_specification_reads_back(label: str, name: str, options: dict[str, str]) -> None:
    spec = Spec(label, name, options)
    assert Spec.parse(str(spec)) == spec
