"""The README's code runs as it is printed."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

import run as cli
from neuroevo.checks import check_prior, check_task
from neuroevo.cli import attribute
from neuroevo.experiment.study import Study
from neuroevo.plugins import load
from neuroevo.run_folder import RunFolder
from tests.small import few_draws

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
TINY = "--workers 0 --quiet --generations 1 --population 2 --episodes 1 --seeds 1 --graphs 1".split()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the README's files, from which its commands are called."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for code in CODE:
        name = re.match(r"# (\w+\.py)\n", code)
        if name:
            (tmp_path / name[1]).write_text(code)
            monkeypatch.delitem(sys.modules, name[1].removesuffix(".py"), raising=False)
    table = re.search(r"\n    mine\.csv .*?\n\n", README, re.DOTALL)
    assert table
    edges, cells = zip(*(_columns(line) for line in table[0].strip().splitlines()[1:]), strict=True)
    (tmp_path / "mine.csv").write_text("\n".join(filter(None, edges)) + "\n")
    (tmp_path / "mine_cells.csv").write_text("\n".join(filter(None, cells)) + "\n")
    return tmp_path


def _columns(line: str) -> tuple[str, str]:
    """Splits a row of the two tables that stand beside each other."""
    indented = line.removeprefix("    ")
    return indented[:18].strip(), indented[18:].strip()


def test_examples_of_plugins_keep_the_rules() -> None:
    check_prior(load("mine:shuffled_strengths"))
    check_task(load("recall:Recall"))


def test_example_of_a_prior_is_under_twenty_lines() -> None:
    (code,) = [c for c in CODE if "# mine.py" in c]
    assert len([line for line in code.splitlines() if line.strip()]) < 20


def test_python_examples_run() -> None:
    for code in CODE:
        exec(compile(code, "README.md", "exec"), {})


OF_A_RUN = re.compile(
    "mnist|report|replay|export|resume|score|study|attribute|flywire"
)  # commands that want data, a run that was made, or many graphs; of flies see connectome/test_fetching
SHORT = r"\1:steps=40"  # an episode of the swimmer has 500 steps, which would be most of the time


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c.startswith("python run.py") and not OF_A_RUN.search(c)]
)
def test_command_runs(command: str) -> None:
    command = re.sub(r" --(seeds|graphs|generations) \d+", "", command)
    arguments = shlex.split(re.sub(r"\b(swimmer)\b", SHORT, command))[2:]
    if "--task" in arguments:
        arguments += [*TINY, "--out", "runs/run"]
    if "--samples" in arguments:
        arguments[arguments.index("--samples") + 1] = "2"
    with few_draws():
        assert cli.main(arguments) == 0
    if "--task" in arguments:
        assert all(row["status"] == "done" for row in RunFolder.open("runs/run").results())


def test_attributions_of_the_readme_can_be_asked_for() -> None:
    asked = [shlex.split(c)[3:] for c in COMMANDS if c.startswith("python run.py attribute")]
    assert len(asked) > 2
    for words in asked:
        options = attribute.parser_of_attribute().read(words)
        experiment, left_out = attribute.experiment_of(options)
        assert len(experiment.priors) > 10 and not left_out


def test_run_of_the_readme_can_be_replayed_and_reported_again() -> None:
    replay, report, *_ = [shlex.split(c)[2:] for c in COMMANDS if re.match("python run.py rep(lay|ort)", c)]
    assert replay[1:] == report[1:]  # the same run, as one of `connectome` on `swimmer` is called
    run = Path(replay[1])
    arguments = ["--genome", "connectome", "--task", "swimmer:steps=40", "--out", str(run)]
    assert cli.main([*arguments, *TINY]) == 0
    assert cli.main(replay) == 0
    assert list((run / "replay").rglob("*.gif"))
    assert cli.main(report) == 0
    (export,) = (shlex.split(c)[2:] for c in COMMANDS if c.startswith("python run.py export"))
    assert export[1] == replay[1] and cli.main(export) == 0


def test_studies_of_the_readme_are_there() -> None:
    named = [c.split()[3] for c in COMMANDS if c.startswith("python run.py study")]
    assert named
    for path in named:
        Study.read(ROOT / path, "smoke")


def test_two_commands_set_up_everything() -> None:
    run, test = (c for c in COMMANDS if c.startswith("python3 -m venv"))
    assert run.endswith("run.py --genome stats-prior --task mnist") and "pip install" in run
    assert test.endswith("python -m pytest") and "'.[dev]'" in test
