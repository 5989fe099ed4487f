"""What a request takes is known before anything is begun, and what no machine can do is refused at once."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import neuroevo as ne
import run as cli
from benchmarks.memory_estimate import expect, peaks
from neuroevo import memory, progress
from neuroevo.connectome import catalog
from neuroevo.errors import OptionError
from neuroevo.experiment import execute
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.estimate import Numbers, estimate, require_possible
from neuroevo.experiment.plan import Plan, fitted
from neuroevo.experiment.request import Experiment, resolve
from neuroevo.network.solving import MOST_BYTES, genomes_at_once
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.sampling import Sample, sample
from tests.small import CIRCUIT, ECHO

GB = 10**9


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has an empty folder, a machine of 16 GB, and nobody who may begin anything."""

    def begun(*_: object) -> None:
        raise AssertionError("workers were started")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory, "limit", lambda: 16 * GB)
    monkeypatch.setattr(execute, "pool", begun)


def experiment(**changes: Any) -> Experiment:
    request = {"genome": ("connectome", "random"), "task": (ECHO,), "connectome": CIRCUIT, "workers": 2}
    return resolve(Configuration(**{**request, **changes}))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--population", "100000000"], r"--population 100000000 needs about [\d.,]+ TB, most of it for pop"),
        (["--population", "100000000", "--search", "ga:elite=4"], r"at most --population \d+ fits\.$"),
        (
            ["--seeds", "1000000000"],
            r"--seeds 1000000000 makes 2,000,000,000 lineages; .* --seeds 500000 fits",
        ),
        (
            ["--seeds", "500000", "--population", "64", "--search", "ga:elite=60"],
            r"most of it for the states of searches; this mach",
        ),
        (
            ["--graphs", "100000000"],
            r"--graphs 100000000 makes 200,000,000 lineages; a run has at most 1,000,00",
        ),
        (["--graphs", "500000"], r"--graphs 500000 needs about [\d.,]+ GB, .*at most --graphs \d+ fits"),
        (
            ["--generations", "1000000000000"],
            r"makes [\d,]+ evaluations in 2 lineages; a run has at most 100,0",
        ),
        (
            ["--generations", "100000000"],
            r"--generations 100000000 needs .* rows of metrics; this machine has 16",
        ),
        (["--evaluations", str(10**15)], r"--generations \d+ makes [\d,]+ evaluations"),
        (
            ["--workers", "1000"],
            r"A run of 2 lineages needs about [\d.,]+ GB, .* fewer workers, priors and tas",
        ),
    ],
)
def test_request_beyond_the_machine_is_one_line(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    request = ["--genome", "connectome", "random", "--task", ECHO, "--connectome", CIRCUIT]
    assert cli.main([*request, "--out", "run", *given]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and re.search(said, line), line
    assert not list(Path().iterdir())


def test_python_is_told_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match=r"--population 100000000 needs about .* TB"):
        ne.run(genome="connectome", task=ECHO, connectome=CIRCUIT, population=10**8, workers=0, out="run")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("population", {"population": 10**8}),
        ("graphs", {"graphs": 400_000}),
        ("generations", {"generations": 10**8}),
    ],
)
def test_what_is_said_to_fit_does(name: str, changes: dict[str, int]) -> None:
    with pytest.raises(OptionError) as refused:
        require_possible(experiment(**changes))
    match = re.search(rf"at most --{name} (\d+) fits", str(refused.value))
    assert match
    require_possible(experiment(**{name: int(match[1])}))
    with pytest.raises(OptionError, match=f"--{name}"):
        require_possible(experiment(**{name: int(match[1]) * 102 // 100 // 2 * 2}))


def test_resumed_run_and_study_are_estimated_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        f'task = ["{ECHO}"]\nconnectome = "{CIRCUIT}"\nworkers = 0\n[scales.smoke]\npopulation = 100000000\n'
    )
    Path("study.toml").write_text(text + '[runs.a]\ngenome = ["connectome"]\n')
    assert cli.main(["study", "study.toml", "--trust", "tests", "--out", "study"]) == 2
    assert "--population 100000000 needs about" in capsys.readouterr().err
    assert not Path("study").exists()


def test_wirings_that_were_drawn_are_held_against_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    request = experiment(genome=("mlp",), population=8192)
    plan = Plan(request)
    numbers = Numbers.of(request)
    own = estimate(request, numbers, Plan(experiment()).blueprints)
    drawn = estimate(request, numbers, plan.blueprints)
    assert drawn.total > 1.1 * own.total  # a perceptron has many more synapses than the connectome
    monkeypatch.setattr(memory, "limit", lambda: int((own.total + drawn.total) / 2))
    require_possible(request)
    with pytest.raises(OptionError, match="--population 8192 needs about"):
        require_possible(request, plan.blueprints)


def test_estimate_is_near_the_measured_peak() -> None:
    arguments = "--genome connectome --task swimmer:steps=1,held-out=1 --generations 2 --population 3000"
    expected = expect([*arguments.split(), "--workers", "0"])
    peak, _ = peaks([*arguments.split(), "--workers", "0"])
    assert 0.5 < expected.total / peak < 2


@pytest.mark.parametrize("command", [["stats"], ["sample", "--out", "samples"]])
def test_samples_without_end_are_refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    request = [*command, "--connectome", CIRCUIT, "--genome", "random", "degree", "--samples", "1000000000"]
    assert cli.main(request) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "makes 2,000,000,000 wirings; wanted at most 100,000 in all" in line
    for function in (ne.compare, lambda *of, **by: ne.write_samples(*of, "samples", **by)):
        with pytest.raises(OptionError, match="wanted at most 100,000"):
            function("random", CIRCUIT, samples=10**9)
    assert not list(Path().iterdir())


def test_drawing_many_wirings_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    monkeypatch.setattr(progress, "SHARE", 0.0)
    lines: list[str] = []
    sample(catalog.load(CIRCUIT), priors.calls(["random"])[0], 30, 0, lines.append)
    assert lines[10] == "drawing wirings of random: 10 of 30"


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        ("degree:rewired=7", r"'degree:rewired' is 7; wanted a number in \[0, 1\]"),
        ("signs-shuffled:rewired=-0.1", r"wanted a number in \[0, 1\]"),
        ("stats-prior:degree_bins=1000000000", r"wanted a number in \[0, 1000\]"),
        ("stats-prior:degree_bins=1", "is 1; wanted a number other than this"),
    ],
)
def test_options_of_priors_are_checked_where_they_are_read(prior: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        priors.calls([prior])


def test_limits_of_groups_of_processes_are_found(tmp_path: Path) -> None:
    (tmp_path / "memory/a/b").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    (tmp_path / "memory/a/memory.limit_in_bytes").write_text("5000\n")
    (tmp_path / "c/memory.max").write_text("4000\n")
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "mine").write_text("9:memory:/a/b\n8:pids:/x\n0::/c\n")
    assert sorted(memory.group_limits(tmp_path, tmp_path / "mine")) == [4000, 5000]
    assert memory.group_limits(tmp_path, tmp_path / "none") == []


@pytest.mark.parametrize(
    ("amount", "text"), [(1.2e12, "1.2 TB"), (24e9, "24 GB"), (999, "999 bytes"), (5e6, "5.0 MB")]
)
def test_amounts_are_read_as_people_write_them(amount: float, text: str) -> None:
    assert memory.text(amount) == text


def test_memory_of_solved_readouts_is_counted_and_bounds_how_many_are_solved_at_once() -> None:
    asked = resolve(
        Configuration(
            genome=("connectome", "random"),
            task=("mnist:episodes=4096",),
            connectome="celegans",
            adapter="ridge:read=all,times=3",
            workers=1,
        )
    )
    own = blueprints_of(asked)
    size = asked.tasks["mnist:episodes=4096"].size(own["mnist:episodes=4096"][0].ports)
    assert (size.features, size.targets, size.at_once) == (3 * 397, 10, 512)
    assert size.bytes > 8 * 2 * size.features**2  # sums of two parts of the samples
    assert 1 < genomes_at_once([size]) < 64  # of the 193 genomes of a generation
    took = estimate(asked, Numbers.of(asked), own)
    assert size.bytes < took.worker["solved readouts"] < 2 * MOST_BYTES
    untrained = estimate(asked, replace(Numbers.of(asked), generations={"mnist:episodes=4096": 0}), own)
    alone = 2 * 60_000 * size.features**2  # sums of products of all training images, of each of two lineages
    assert 2 * alone < untrained.solving < 4 * alone and untrained.solving < took.solving
    plain = resolve(replace(asked.config, adapter="linear"))
    assert estimate(plain, Numbers.of(plain), blueprints_of(plain)).solving == 0


def test_readouts_too_large_for_the_machine_are_refused_before_anything_begins(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = "--task mnist:steps=64 --generations 0 --connectome celegans --adapter ridge:read=all,times=64"
    assert cli.main(["--genome", "connectome", *asked.split(), "--out", "here"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "most of it for solved readouts" in line and not Path("here").exists()


def blueprints_of(asked: Experiment) -> dict[str, Any]:
    """The blueprints of the connectome itself, by task."""
    exact = Architecture.of(asked.connectome)
    return fitted([Sample("connectome", 0, exact, "")], asked.tasks, asked.neuron, asked.adapter)
