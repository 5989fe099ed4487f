"""`run.py judge`: what it prints and writes, and one line for what is wrong."""

from __future__ import annotations

import csv
import json
import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest

import run as cli
from tests import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = [
    "card.png",
    "comparisons.csv",
    "figures",
    "report.csv",
    "report.html",
    "report.json",
    "report.tex",
    "sphinx.csv",
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in an empty folder."""
    monkeypatch.chdir(tmp_path)


def table(path: str = "scores.csv", worth: float = 2.0, num_graphs: int = 9, tasks: str = "t") -> str:
    """Writes a file of scores, of one wiring, a null and a control, and returns its name."""
    rng = np.random.default_rng(0)
    lines = ["task,genome,graph,seed,score"]
    for task in tasks:
        for genome, number, mean in (("worm", 1, worth), ("null", num_graphs, 0.0), ("blind", 1, -1.0)):
            for graph in range(number):
                base = mean + rng.normal(0, 0.2)
                for seed in range(6):
                    lines.append(f"{task},{genome},{graph},{seed},{base + rng.normal(0, 0.2)!r}")
    Path(path).write_text("\n".join(lines))
    return path


def judge(*arguments: str) -> int:
    return cli.main(["judge", *arguments])


def test_a_file_is_judged_and_its_report_written(capsys):
    words = ["--controls", "blind", "--unit", "steps", "--margin", "0.5", "--out", "out"]
    assert judge(table(), *words) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("worm wins on t: ")
    assert "Written to out" in printed
    assert sorted(path.name for path in Path("out").iterdir()) == FILES
    report = json.loads(Path("out/report.json").read_text())
    section = report["tasks"]["t"]
    assert (section["winner"], section["unit"], section["margin"]) == ("worm", "steps", 0.5)
    assert [row["is_control"] for row in section["genomes"]] == [False, False, True]
    assert report["run"]["command"] == f"judge scores.csv {' '.join(words)}"
    assert report["run"]["config"]["controls"] == ["blind"]
    page = Path("out/report.html").read_text()
    assert "scores.csv" in page and "which another program wrote" in page


def test_the_same_file_gives_the_same_report(capsys):
    table()
    for _ in range(2):
        assert judge("scores.csv") == 0
    first, second = (sorted(Path(f"runs/judged-{k}").rglob("*.*")) for k in (1, 2))
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert "Written to runs/judged-2" in capsys.readouterr().out


def test_lines_fit_a_terminal_of_eighty_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert judge(table(tasks="tu"), "--out", "out", "--margin", "t=0.5", "--lower-is-better", "u") == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "On u the lowest score is the best" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.csv"], "Cannot read 'none.csv': No such file or directory; wanted a file of scores"),
        (["scores.csv", "--margin", "0"], "Margin '0' is 0; wanted a finite number greater than 0."),
        (["scores.csv", "--margin", "x=1"], "Unknown task in margin 'x'. Known: t."),
        (["scores.csv", "--margin", "t=1", "t=2"], "The margin of t is given twice; give it once."),
        (["scores.csv", "--unit", "x=s"], "Unknown task in unit 'x'. Known: t."),
        (["scores.csv", "--unit", ""], "Unit '' is none; wanted X or TASK=X, such as s or m/s."),
        (["scores.csv", "--unit", "s", "m"], "The unit of all tasks is given twice; give it once."),
        (["scores.csv", "--controls", "wurm"], "Unknown genome in --controls 'wurm'. Did you mean 'worm'?"),
        (["scores.csv", "--one-wiring", "null"], "--one-wiring names null, which has 9 graphs in scores.csv"),
        (["scores.csv", "--lower-is-better", "u"], "Unknown task in --lower-is-better 'u'. Known: t."),
        (["scores.csv", "--seeds", "3"], "Unknown option '--seeds'."),
        ([], "The following arguments are required: FILE; see `run.py judge --help`."),
        (["scores.csv", "--out", "taken"], "taken exists; wanted a new folder."),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_left(capsys, words, message):
    table()
    Path("taken").mkdir()
    Path("taken/mine").touch()
    assert judge(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {message}") and err.count("\n") == 1
    assert sorted(path.name for path in Path().iterdir()) == ["scores.csv", "taken"]


def test_the_example_of_the_readme_has_the_figures_that_stand_there(capsys):
    section = README[README.index("### Judge other programs' scores") :]
    (command,) = re.findall(r"```sh\n(.*?)\n```", section, re.DOTALL)[:1]
    words = shlex.split(command.replace("examples/", f"{ROOT}/examples/"))
    assert cli.main(words[2:]) == 0
    report = json.loads(Path("judged/report.json").read_text())["tasks"]["memory"]
    rows = re.findall(r"\| `(.+?)` \| (.+?) \| (.+?) to (.+?) \| (\d+) x (\d+) \| (.+?) \|", section)
    assert len(rows) == len(report["genomes"]) == 4
    for name, *figures, num_graphs, num_seeds, standing in rows:
        genome = next(row for row in report["genomes"] if row["genome"] == name)
        assert [f"{x:.2f}" for x in (genome["iqm"], *genome["ci95"])] == figures
        assert (genome["num_graphs"], genome["num_seeds"]) == (int(num_graphs), int(num_seeds))
        if name != rows[0][0]:
            pair = {rows[0][0], name}
            compared = next(row for row in report["comparisons"] if {row["a"], row["b"]} == pair)
            turned = {"better": "worse", "worse": "better"} if compared["a"] == rows[0][0] else {}
            assert turned.get(compared["verdict"], compared["verdict"]) == standing
    assert "No prior wins on memory" in capsys.readouterr().out


def test_the_example_holds_what_reservoirpy_computes():
    assert cli.main("sample --connectome celegans --genome connectome --out wirings".split()) == 0
    script = runpy.run_path(str(ROOT / "examples" / "reservoirpy_scores.py"))
    weights = script["matrix"](Path("wirings/connectome-0.csv"))
    rows = list(csv.DictReader((ROOT / "examples" / "scores.csv").read_text().splitlines()))
    for genome, wiring in (("connectome", weights), ("no-wiring", 0 * weights)):
        (row,) = (row for row in rows if row["genome"] == genome and row["seed"] == "3")
        assert script["capacity"](wiring, 3) == pytest.approx(float(row["score"]), abs=1e-4)
