"""A connectome as it is published, at the command line: how it is read is asked for, told and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import run as cli
from neuroevo.run_folder import RunFolder
from tests.small import ECHO

EDGES = "pre_root_id,post_root_id,neuropil,syn_count,nt_type\n"
EDGES += "".join(
    f"c{i},c{(i + step) % 12},{place},{i + step},{'GLUT' if i % 3 else 'ACH'}\n"
    for i in range(12)
    for step in (1, 5)
    for place in ("AL", "MB")
)
CELLS = "root_id,super_class,side\n" + "".join(
    f"c{i},{'sensory' if i < 3 else 'motor' if i > 8 else 'central'},{'left' if i != 5 else 'right'}\n"
    for i in range(12)
)
READING = ["--connectome", "fly.csv", "--duplicates", "sum", "--signs", "shiu2024", "--min-weight", "4"]
READING += [
    "--select",
    "side=left",
    "--inputs",
    "super_class:sensory",
    "--outputs",
    "super_class:motor+central",
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fly.csv").write_text(EDGES)
    Path("fly_cells.csv").write_text(CELLS)


def test_stats_prints_what_was_read_and_what_was_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stats", *READING]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for part in (
        "Read from fly.csv: 48 rows; 12 cells",
        "weight from syn_count",
        "Ignored: neuropil.",
        "24 repeated edges (sum of their weights)",
        "1 edges of a weight below 4",
        "1 cells without side=left, 4 edges of these cells",
        "Signs are those of the rule shiu2024: 3 cells excite, 7 cells inhibit",
        "Ports: inputs super_class:sensory; outputs super_class:motor+central.",
    ):
        assert part in out, part


def test_run_keeps_how_its_wiring_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--genome",
        "connectome",
        "--task",
        ECHO,
        "--generations",
        "1",
        "--workers",
        "0",
        "--out",
        "run",
    ]
    assert cli.main(["run", *READING, *arguments]) == 0
    folder = RunFolder.open("run")
    assert folder.config()["select"] == "side=left" and folder.config()["signs"] == "shiu2024"
    assert "Ignored: neuropil." in folder.manifest()["connectome"]["read"]
    report = json.loads(Path("run/report.json").read_text())
    assert "Ignored: neuropil." in report["run"]["connectome"]["read"]
    assert "Ignored: neuropil." in Path("run/report.html").read_text()
    assert "Ignored: neuropil." in capsys.readouterr().out
    assert cli.main(["resume", "run", "--seeds", "2"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--columns", "pre"], "Option 'columns' has 'pre'; wanted NAME=VALUE"),
        (["--columns", "before=a"], "Unknown meaning of a column in 'columns' 'before'"),
        (["--columns", "pre=a,pre=b"], "Option 'columns' has 'pre' twice"),
        (["--duplicates", "add"], "Unknown duplicates 'add'"),
        (["--autapses", "keep"], "Unknown autapses 'keep'"),
        (["--min-weight", "few"], "Option 'min-weight' is 'few'; wanted a number, 0 or greater"),
        (["--min-weight", "-1"], "Option 'min-weight' is '-1'"),
        (["--min-weight", "nan"], "Option 'min-weight' is 'nan'"),
        (["--select", "side"], "Option 'select' has 'side'; wanted NAME=VALUE"),
        (["--signs", "fly"], "Unknown rule in 'signs' 'fly'"),
        (["--signs", "ratio=2"], "wanted a share of exciting cells, from 0 to 1"),
        (["--inputs", "super_class:sensor"], "Unknown value of super_class in 'fly' 'sensor'. Did you mean"),
        (
            ["--inputs", "superclass:sensory"],
            "Unknown column of the cells of 'fly' 'superclass'. Did you mean",
        ),
        (
            ["--connectome", "celegans", "--duplicates", "sum"],
            "Option 'duplicates' was given with 'celegans'",
        ),
        (["--connectome", "celegans", "--select", "role=glia"], "Unknown value of role in 'celegans' 'glia'"),
    ],
)
def test_bad_reading_gets_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = [] if "--connectome" in arguments else ["--connectome", "fly.csv"]
    if not {"--duplicates", "--connectome"} & set(arguments):
        usual += ["--duplicates", "sum"]
    if not {"--signs", "--connectome"} & set(arguments):
        usual += ["--signs", "worm"]
    assert cli.main(["stats", *usual, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1


def test_named_wiring_can_be_narrowed(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--connectome",
        "celegans",
        "--min-weight",
        "5",
        "--select",
        "role=sensory+interneuron+motor",
    ]
    assert cli.main(["stats", *arguments, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["source"]["muscles"] == 0
    assert "edges of a weight below 5" in figures["read"][0]


def test_ports_are_chosen_among_the_cells_that_are_selected(capsys: pytest.CaptureFixture[str]) -> None:
    usual = ["--connectome", "fly.csv", "--duplicates", "sum", "--signs", "shiu2024"]
    assert cli.main(["stats", *usual, "--select", "super_class=sensory+central"]) == 2
    assert "'fly' has no outputs; name cells" in capsys.readouterr().err
    chosen = ["--select", "super_class=sensory+central", "--outputs", "super_class:central"]
    assert cli.main(["stats", *usual, *chosen]) == 0
