"""The command line when things go wrong: one clear line, the right exit status, and nothing half done."""

from __future__ import annotations

import io
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import run as cli
from neuroevo import checkpoint
from neuroevo.errors import RunError
from neuroevo.experiment import execute, selection
from neuroevo.experiment.plan import Plan
from neuroevo.network.phenotype import Phenotype
from neuroevo.run_folder import RunFolder
from neuroevo.seeds import derive
from tests import ROOT
from tests.small import CIRCUIT
from tests.toy import Echo

SMALL = ["--connectome", CIRCUIT, "--workers", "0"]
ECHO = "tests.toy:Echo"


class Late(Echo):
    """A task that fails in one generation of one seed.

    Args:
        at: Seed of its episodes.
    """

    def __init__(self, at: int = -1) -> None:
        super().__init__()
        self.at = at

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        if self.at in seeds:
            raise FloatingPointError("the body fell apart")
        return super().evaluate(phenotype, seeds=seeds)


LATE = f"late=tests.cli.test_errors:Late:at={derive(0, 'episodes', 'late', 0, 1)}"  # seed 0, generation 1

FAILURE = "random on late, graph 0, seed 0, generation 1 failed with FloatingPointError: the body fell apart."


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in an empty folder."""
    monkeypatch.chdir(tmp_path)


# --- bad input ----------------------------------------------------------------------------------------

RUN = ["--genome", "connectome", "--task", ECHO, *SMALL]
PAIR = ["--genome", "connectome", "random", "--task", ECHO, *SMALL]
FILES = {
    "folder/file.txt": "mine",
    "empty.csv": "",
    "headless.csv": "a,b,chemical,1,1\n",
    "binary.csv": "\udcff\udcfe",
    "negative.csv": "pre,post,kind,weight,sign\na,b,chemical,-1,1\n",
    "oneway.csv": "pre,post,kind,weight,sign\na,b,chemical,1,1\n",
    "bad.toml": "genome = ",
    "unknown.toml": "genom = ['random']",
    "wrong.toml": "seeds = 'two'",
    "budgets.toml": f"genome = ['random']\ntask = ['{ECHO}']\n[budgets.other]\npopulation = 8",
}
BAD = [
    # what the program is called with
    (["lst"], "Unknown command 'lst'. Did you mean 'list'?"),
    (["--genom", "random", "--task", ECHO], "Unknown option '--genom'. Did you mean '--genome'?"),
    (["sample", "--genom", "random", "--out", "x"], "Unknown option '--genom'. Did you mean '--genome'?"),
    (["stats", "--sample", "2"], "Unknown option '--sample'. Did you mean '--samples'?"),
    (["list", "--jsn"], "Unknown option '--jsn'. Did you mean '--json'?"),
    (["report", "--run", "x"], "Unknown option '--run'."),
    (["report"], "The following arguments are required: run; see `run.py report --help`."),
    (["report", "nowhere"], "nowhere is not a folder; wanted one that a run made with --out."),
    (["report", "folder"], "folder holds no config.toml; wanted a folder that a run made"),
    ([*RUN, "extra", "--genome"], "Argument --genome: expected at least one argument"),
    (["list", "swimer"], "Unknown name 'swimer'. Did you mean 'swimmer'?"),
    (["stats", "extra"], "Unrecognized arguments: extra; see `run.py stats --help`."),
    ([*RUN, "--seeds", "1", "--seeds=2"], "Option '--seeds' is given twice; give it once."),
    (["--task", ECHO], "No --genome given; choose one or more of connectome,"),
    (["--genome", "random"], "No --task given; choose one or more of memory,"),
    # names
    (["--genome", "randm", "--task", ECHO], "Unknown prior 'randm'. Did you mean 'random'? Known:"),
    (["--genome", "random", "--task", "swimer"], "Unknown task 'swimer'. Did you mean 'swimmer'? Known:"),
    ([*RUN[:4], "--connectome", "celegan"], "Unknown connectome 'celegan'. Did you mean 'celegans'? Known:"),
    ([*RUN, "--neuron", "leeky"], "Unknown neuron model 'leeky'. Did you mean 'leaky'? Known:"),
    ([*RUN, "--search", "pgp"], "Unknown search 'pgp'. Did you mean 'pgpe'? Known:"),
    ([*RUN, "--search", "es:lr=1"], "Unknown option of search 'es' 'lr'. Known: bias, core, decay, decoder,"),
    ([*RUN, "--search", "ga:elite=0"], "Option 'elite' is 0; wanted a number at least 1."),
    ([*RUN, "--search", "mine=es"], "Search 'mine=es' has a label; wanted name[:option=value,...]."),
    ([*RUN, "--device", "cud"], "Unknown device 'cud'. Did you mean 'cuda'? Known:"),
    ([*RUN, "--device", "cuda"], "Device 'cuda' was asked for; "),
    (
        ["--genome", "no.module:x", "--task", ECHO],
        "Cannot load 'no.module:x': ModuleNotFoundError: No module",
    ),
    (["--genome", "tests.toy:Ech", "--task", ECHO], "Cannot load 'tests.toy:Ech': AttributeError"),
    (["--genome", ECHO, "--task", ECHO], f"'{ECHO}' is no prior"),
    # readouts
    (
        ["--genome", "random", "--task", "swimmer", "--adapter", "ridge"],
        "swimmer: Adapter 'ridge' was asked for on a task that has no targets to fit a readout to;",
    ),
    (
        ["--genome", "random", "--task", "digits", "--adapter", "ridge:times=5"],
        "digits: Adapter 'ridge' with times=5 on a task of 4 network steps; wanted at most as many times",
    ),
    (
        ["--genome", "random", "--task", "digits", "--adapter", "ridge:train=pretrained"],
        "'pretrained'; wanted one of evolved, fixed, native.",
    ),
    (
        ["--genome", "random", "--task", "digits", "--adapter", "ridge:train=native"],
        "digits: Adapter 'ridge' with train=native was asked for on a task without maps of its own",
    ),
    (
        ["--genome", "random", "--task", "lines", "--adapter", "ridge:train=native"],
        "Task 'lines' with native maps is wired to cells in1 to in6 and out1 to out6, and the wiring has no",
    ),
    (
        ["--genome", "random", "--task", "digits", "--adapter", "ridge:read=all", "--connectome", "celegans"],
        "random on digits: Adapter 'ridge' reads 397 numbers, and is fitted to 128 samples, half of a mini",
    ),
    ([*RUN, "--adapter", "ridge:drive=-1"], "Option 'drive' is -1; wanted a number in [0, 50]."),
    # options of plug-ins
    (
        ["--genome", "random:gapp=keep", "--task", ECHO],
        "'random' 'gapp'. Did you mean 'gap'? Known: chemical, dale, gap, neuromuscular.",
    ),
    (["--genome", "random:gap=kept", "--task", ECHO], "'kept'; wanted one of random, keep, drop."),
    (["--genome", "random:dale=2", "--task", ECHO], "Option 'random:dale' is '2'; wanted true or false."),
    (
        ["--genome", "random:dale", "--task", ECHO],
        "Cannot read 'dale', an option of 'random'; wanted option=value",
    ),
    (
        ["--genome", "=random", "--task", ECHO],
        "Cannot read '=random'; wanted [label=]name[:option=value,...].",
    ),
    (
        ["--genome", "random", "random", "--task", ECHO],
        "Two genomes are labelled 'random'; give one another label",
    ),
    (
        ["--genome", "random", "--task", "swimmer:steps=0"],
        "Option 'steps' is 0; wanted a number in [1, 10000].",
    ),
    (["--genome", "random", "--task", "swimmer:steps=x"], "'swimmer:steps' is 'x'; wanted a whole number."),
    (["--genome", "random", "--task", "digits", "--episodes", "0"], "'episodes' is 0; wanted"),
    (
        ["--genome", "random", "--task", "tests.cli.test_commands:Plain", "--episodes", "3"],
        "Unknown option of task",
    ),
    # numbers
    ([*RUN, "--seeds", "0"], "Option 'seeds' is 0; wanted a number at least 1."),
    ([*RUN, "--seeds", "x"], "Argument --seeds: got 'x'; wanted a whole number"),
    ([*RUN, "--seeds", "1.5"], "Argument --seeds: got '1.5'; wanted a whole number"),
    ([*RUN, "--seeds", "9" * 400], "wanted a whole number below 2^63"),
    ([*RUN, "--selection", "rac"], "Unknown selection 'rac'. Did you mean 'race'? Known: mixed, race,"),
    ([*RUN, "--selection", "race"], "Selection 'race' was asked for with 1 prior; wanted 2 or more."),
    ([*PAIR, "--selection", "race"], "Selection 'race' was asked for with 1 seed; wanted 2 or more."),
    ([*RUN, "--selection", "mixed"], "Selection 'mixed' was asked for with 1 prior; wanted 2 or more."),
    (
        [*PAIR, "--selection", "mixed", "--generations", "1"],
        f"with 1 generation of {ECHO}; wanted 2 or more.",
    ),
    ([*RUN, "--margin"], "Argument --margin: expected at least one argument"),
    (
        [*RUN, "--margin", "x"],
        "Cannot read margin 'x'; wanted X or TASK=X, X a number in the unit of the score.",
    ),
    ([*RUN, "--margin", "-1"], "Margin '-1' is -1; wanted a finite number greater than 0."),
    ([*RUN, "--margin", "1", "--margin", "2"], "The margin of all tasks is given twice; give it once."),
    ([*RUN, "--margin", "digits=1"], f"Unknown task in margin 'digits'. Known: {ECHO}."),
    ([*RUN, "--track", "tensorbord"], "Unknown tracker 'tensorbord'. Did you mean 'tensorboard'? Known:"),
    ([*RUN, "--track", "wandb", "wandb"], "Tracker 'wandb' is given twice; give it once."),
    ([*RUN, "--graphs", "-1"], "Option 'graphs' is -1; wanted a number"),
    ([*RUN, "--population", "3"], "Option 'population' is 3; wanted an even number"),
    ([*RUN, "--population", "0"], "Option 'population' is 0; wanted a number"),
    ([*RUN, "--generations", "-1"], "Option 'generations' is -1; wanted a number"),
    ([*RUN, "--seed", "-1"], "Option 'seed' is -1; wanted a number at least 0."),
    ([*RUN[:4], "--workers", "-1"], "Option 'workers' is -1; wanted a number"),
    ([*RUN[:4], "--workers", "many"], "got 'many'; wanted a whole number"),
    ([*RUN[:4], "--deadline", "0"], "Option 'deadline' is 0; wanted a number"),
    (
        [*RUN[:4], "--per-worker", "cores=2"],
        "Cannot read 'cores=2' in what each worker reserves; wanted cpus=1",
    ),
    ([*RUN[:4], "--per-worker", "cpus=1,cpus=2"], "Cannot read 'cpus=2' in what each worker reserves"),
    ([*RUN[:4], "--per-worker", "gpus=nan"], "Cannot read 'gpus=nan' in what each worker reserves"),
    (["resume", "nowhere"], "nowhere is not a folder; wanted one that a run made"),
    ([*RUN, "--address", "auto"], "Option 'address' is 'auto' with 0 workers"),
    ([*RUN[:4], "--address", "here"], "Option 'address' is 'here'; wanted HOST:PORT"),
    (["stats", "--samples", "0"], "Option 'samples' is 0; wanted a number at least 1."),
    (["sample", "--genome", "random", "--out", "x", "--seed", "-1"], "Option 'seed' is -1; wanted"),
    # files and folders
    ([*RUN, "--out", "folder"], "folder exists; wanted a new folder. Choose another --out or move it away."),
    ([*RUN, "--out", "folder/file.txt"], "folder/file.txt exists; wanted a new folder."),
    (
        [*RUN, "--out", "folder/file.txt/run"],
        "Cannot make folder/file.txt/run: File exists; choose another --out.",
    ),
    ([*RUN, "--out", ""], "exists; wanted a new folder."),
    (["sample", "--genome", "random", "--out", "folder"], "folder exists; wanted a new folder."),
    (
        ["--config", "none.toml"],
        "Cannot read configuration 'none.toml': No such file or directory; wanted a TOML",
    ),
    (["--config", "folder"], "Cannot read configuration 'folder': Is a directory; wanted a TOML file"),
    (["--config", "bad.toml"], "Configuration 'bad.toml' is not TOML: Invalid value"),
    (["--config", "binary.csv"], "Configuration 'binary.csv' is not TOML"),
    (["--config", "unknown.toml"], "Unknown key in 'unknown.toml' 'genom'. Did you mean 'genome'?"),
    (["--config", "wrong.toml"], "Key 'seeds' in 'wrong.toml' is 'two'; wanted a whole number."),
    (
        ["--config", "budgets.toml", "--trust", "tests.toy"],
        f"Unknown task in [budgets] 'other'. Known: {ECHO}.",
    ),
    # wirings
    ([*RUN, "--inputs", "AVBL"], f"Unknown cells 'AVBL' in '{CIRCUIT}'. Did you mean"),
    ([*RUN, "--outputs", "motr"], f"Unknown cells 'motr' in '{CIRCUIT}'. Did you mean 'motor'?"),
    (["stats", "--inputs", "nobody!"], "Unknown cells 'nobody!'"),
    (
        [*RUN[:4], "--connectome", "none.csv"],
        "Cannot read 'none.csv': No such file or directory; wanted a CSV",
    ),
    ([*RUN[:4], "--connectome", "folder"], "Cannot read 'folder': Is a directory; wanted a CSV"),
    ([*RUN[:4], "--connectome", "empty.csv"], "empty.csv has no edges; wanted one a row"),
    (
        [*RUN[:4], "--connectome", "headless.csv"],
        "headless.csv, line 1: no column pre, post; wanted a header that names both ends of an edge",
    ),
    ([*RUN[:4], "--connectome", "binary.csv"], "binary.csv is no text in UTF-8"),
    (
        [*RUN[:4], "--connectome", "negative.csv"],
        "negative.csv, line 2: weight is -1; wanted a finite number",
    ),
    (
        [*RUN[:4], "--workers", "0", "--connectome", "oneway.csv", "--inputs", "b", "--outputs", "a"],
        "connectome, graph 0, on tests.toy:Echo: None of the 1 input cells reaches one of the 1 output",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(a)[:60] for a, _ in BAD])
def test_bad_input_gets_one_clear_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, errors="surrogateescape")
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ") and err.endswith("\n") and err.count("\n") == 1
    assert message in err
    assert "Traceback" not in out + err
    assert sorted(tmp_path.rglob("*")) == before


TOKENS = st.one_of(
    st.sampled_from([a for arguments, _ in BAD for a in arguments if a != "-h"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.from_regex(r"--?[a-z]{1,8}(=.{0,4})?", fullmatch=True),
    st.from_regex(r"[a-z]{0,3}=?(random|digits|swimmer)(:[a-z]{1,5}=[-0-9a-z.]{0,5})?", fullmatch=True),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TOKENS, max_size=5))
def test_no_command_line_ends_in_a_traceback(tokens: list[str]) -> None:
    errors = io.StringIO()
    with (
        mock.patch.object(execute, "run"),
        mock.patch("neuroevo.cli.run.print_outcome"),
        mock.patch("sys.stderr", errors),
        mock.patch("sys.stdout", io.StringIO()),
    ):
        try:
            status = cli.main(["run", *tokens])
        except SystemExit as ended:  # --help
            status = ended.code or 0
    assert status in (0, 2)
    assert (errors.getvalue().count("\n") == 1) == (status == 2)


# --- failures and interruptions -----------------------------------------------------------------------


def test_failure_in_a_run_names_the_lineage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--genome", "random", "--task", LATE, *SMALL, "--out", "x"]) == 1
    out, err = capsys.readouterr()
    first, empty, *trace = err.splitlines()
    on = "What was done is kept; go on with: python run.py resume x"
    assert first == f"error: {FAILURE} {on}"
    assert empty == "" and trace[0].startswith("Traceback")
    assert "Traceback" not in out
    assert RunFolder.open("x").manifest()["status"] == "failed"
    assert [row["generation"] for row in RunFolder.open("x").metrics()] == [0]


def start(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """Starts the program as a person does, in a folder."""
    command = [sys.executable, str(ROOT / "run.py"), *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a background job ignores
    )


def test_disk_that_fills_up_is_a_failure_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    for method in ("append_metrics", "append_results", "write_checkpoint"):
        with mock.patch.object(RunFolder, method, side_effect=RunError("Cannot write x: no space left.")):
            assert cli.main([*RUN, "--out", method]) == 1
        on = "What was done is kept; go on with: python run.py resume "
        error = capsys.readouterr().err
        assert error.startswith("error: Cannot write x: no space left.") and error.count("\n") == 1
        assert (on + method in error) == checkpoint.exists(Path(method))


def test_interruption_says_what_there_is_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch.object(selection, "run", side_effect=KeyboardInterrupt):
        assert cli.main([*RUN, "--out", "a folder"]) == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("interrupted; a folder holds what was done.")
    assert RunFolder.open("a folder").manifest()["status"] == "interrupted"
    command = shlex.split(line.partition("with: ")[2])
    assert command == ["python", "run.py", "resume", "a folder"]
    assert cli.main([*command[2:], "--quiet"]) == 0
    assert len(RunFolder.open("a folder").results()) == 1
    assert cli.main(command[2:]) == 0
    assert "a folder is at its end" in capsys.readouterr().out


def test_interruption_before_there_is_a_folder_says_so_shortly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock.patch.object(Plan, "prepare", side_effect=KeyboardInterrupt):
        assert cli.main([*RUN, "--out", "x"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert not list(tmp_path.iterdir())


def test_interrupt_key_ends_a_run_in_good_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = start(*RUN, "--generations", "1000000", "--out", "x", folder=tmp_path)
    while not (tmp_path / "x/metrics.jsonl").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    hint, line = err.splitlines()
    assert hint.startswith("finishing the generations under way")
    assert line == "interrupted; x holds what was done. Go on with: python run.py resume x"
    assert "Traceback" not in out
    assert RunFolder.open(tmp_path / "x").manifest()["status"] == "interrupted"
    assert cli.main(["report", str(tmp_path / "x")]) == 0
    assert "The run was interrupted." in capsys.readouterr().out


def test_memory_that_is_not_there_is_one_line(monkeypatch, capsys):
    def greedy(*args: object, **options: object) -> None:
        raise MemoryError("Unable to allocate 18.1 GiB for an array")

    for where in ("neuroevo.wiring.statistics.structure", "populations.swapped.rewire"):
        with monkeypatch.context() as patch:
            patch.setattr(where, greedy)
            assert cli.main(["stats", "--connectome", "celegans-motor", "--samples", "1"]) == 1
        said = capsys.readouterr().err.strip().splitlines()[-1]
        assert said.startswith("error: ") and "ran out of memory (Unable to allocate 18.1 GiB" in said
        assert "Traceback" not in said
