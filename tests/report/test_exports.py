"""Exports: the figures of report.json to the last digit, safe in spreadsheets and in LaTeX."""

import csv
import io
import json
import re
from dataclasses import replace

import pytest

from neuroevo.errors import RunError
from neuroevo.files import to_json
from neuroevo.report.exports import TEX, comparisons_csv, escape_tex, flat, genomes_csv, tex
from neuroevo.report.figures.picture import Picture
from neuroevo.report.formatting import decimals
from neuroevo.report.model import Measure, Report
from neuroevo.report.write import write_report
from neuroevo.text import number, visible
from tests import verdicts
from tests.report.test_write import build
from tests.verdicts import AMPERSAND, FORMULA, GENOMES, SCRIPT, SWIMMER

FILES = {
    "report.json",
    "report.csv",
    "comparisons.csv",
    "sphinx.csv",
    "report.tex",
    "report.html",
    "card.png",
}
FILES |= {"figures"}


@pytest.fixture(scope="module")
def report() -> Report:
    return verdicts.report()


@pytest.fixture(scope="module")
def written(report) -> dict:
    return json.loads(to_json(report.to_json()))  # as a reader of report.json has it


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(("part", "export"), [("genomes", genomes_csv), ("comparisons", comparisons_csv)])
def test_csv_has_every_figure_of_the_report_to_the_last_digit(report, written, part, export):
    rows = read(export(report))
    entries = [(task, entry) for task, section in written["tasks"].items() for entry in section[part]]
    assert len(rows) == len(entries) > 30
    numbers = 0
    for row, (task, entry) in zip(rows, entries, strict=True):
        assert row["task"] == task
        for name, figure in flat(entry):
            if figure is None:
                assert row.get(name, "") == ""
            elif isinstance(figure, bool):
                assert row[name] == str(figure).lower()
            elif isinstance(figure, str):
                assert row[name].removeprefix("'") == figure
            else:
                assert type(figure)(row[name]) == figure
                numbers += 1
    assert numbers > 500


def test_csv_names_its_columns_even_where_all_is_null(report):
    empty = verdicts.least()
    columns = [text.splitlines()[0] for text in (genomes_csv(report), comparisons_csv(report))]
    assert genomes_csv(empty).splitlines()[0] == columns[0]
    assert comparisons_csv(empty) == columns[1] + "\n"
    wanted = {
        "iqm",
        "ci95_low",
        "parameters_core",
        "evaluations",
        "untrained_iqm",
        "tuned_ci95_high",
        "auc_iqm",
    }
    assert wanted <= set(columns[0].replace('"', "").split(","))


def test_nested_figures_get_the_names_on_their_way_and_pairs_two_columns():
    row = {"genome": "a", "ci95": None, "novel": {"depth": {"x": 3}}, "reach": [1, 2.5]}
    wanted = {"genome": "a", "ci95": None, "novel_depth_x": 3, "reach_low": 1, "reach_high": 2.5}
    assert dict(flat(row)) == wanted


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＠"])
def test_csv_makes_formulas_plain_text(start):
    name = f"{start}cmd|' /C calc'!A0,\"x\""
    report = verdicts.least()
    genome = replace(report.tasks["t"].genomes[0], label=name, score=Measure(-0.5, (-1.0, -0.25)))
    task = replace(report.tasks["t"], label=name, genomes=(genome,))
    text = genomes_csv(replace(report, tasks={name: task}))
    (row,) = read(text)
    assert row["genome"] == row["task"] == f"'{visible(name)}"
    assert (row["iqm"], row["ci95_low"]) == ("-0.5", "-1.0")  # a number is no formula
    fields = re.findall(r'(?:^|,)("(?:[^"]|"")*"|[^,"\n]*)', text.split("\n", 1)[1])
    assert not [field for field in fields if field.startswith(tuple("=+@\t\r"))]


def test_csv_keeps_names_that_are_no_formulas(report):
    names = [row["genome"] for row in read(genomes_csv(report))][: len(GENOMES)]
    assert names == [f"'{name}" if name == FORMULA else name for name in GENOMES]


def test_tex_rounds_the_figures_of_the_report(report):
    section = report.tasks[SWIMMER]
    rows = tex(report).split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    by_label = {row.split(" & ")[0].strip(): row for row in rows}
    assert len(rows) == 8
    for genome in section.genomes:
        row = by_label[escape_tex(genome.label)]
        iqm, low, high = (number(x, decimals(section)) for x in (genome.score.iqm, *genome.score.ci95))
        assert f"${iqm}$ & $[{low}, {high}]$" in row
        assert rf"${genome.num_graphs} \times {genome.num_seeds}$" in row
        assert "2,194 + 1,212 & 3,250" in row


def test_tex_is_balanced_and_its_rows_are_of_one_length(report):
    text = tex(report)
    bare = re.sub(r"\\[\\{}&%$#_]", "", "\n".join(x for x in text.splitlines() if x[:1] != "%"))
    assert bare.count("{") == bare.count("}") and bare.count("$") % 2 == 0
    for kind in ("table", "tabular"):
        assert text.count(rf"\begin{{{kind}}}") == text.count(rf"\end{{{kind}}}") == len(report.tasks)
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 4 * 9
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {8}
    assert text.isascii()


def test_tex_escapes_every_special_character():
    assert escape_tex(r"50% of $a_1 & #2 {x} ~^\ ") == (
        r"50\% of \$a\_1 \& \#2 \{x\} \textasciitilde{}\textasciicircum{}\textbackslash{}"
    )
    assert escape_tex(SCRIPT) == r"\textless{}script\textgreater{}alert(1)\textless{}/script\textgreater{}"
    assert escape_tex(AMPERSAND) == r"a\&b\char34{}c"
    assert escape_tex("a---b\nc\td") == "a-{}-{}-b c d"
    assert escape_tex("5 µm × é 中") == r"5 $\mu$m $\times$ é {[}U+4E2D{]}"
    assert not set("&%$#_{}~^\\<>|\"'`") - TEX.keys()


def test_one_run_has_all_files_in_its_own_folder(tmp_path):
    run = build(tmp_path / "run", genomes=["a", "b"], seeds=1, generations=1, tasks={"mnist": ("", "")})
    before = {path.name for path in run.path.iterdir()}
    first, _ = write_report(run).tasks["mnist"].genomes
    assert {path.name for path in run.path.iterdir()} - before == FILES
    assert read((run.path / "report.csv").read_text())[0]["iqm"] == repr(first.score.iqm)


def test_joined_runs_are_reported_in_a_new_folder(tmp_path):
    runs = [
        build(tmp_path / name, genomes=[name], generations=1, tasks={"mnist": ("accuracy", "")})
        for name in "ab"
    ]
    before = [{path.name for path in run.path.iterdir()} for run in runs]
    report = write_report(runs, out=tmp_path / "new" / "joined")
    assert report.run.names == ("a", "b")
    assert {path.name for path in (tmp_path / "new" / "joined").iterdir()} == FILES
    assert [{path.name for path in run.path.iterdir()} for run in runs] == before
    assert [genome.label for genome in report.tasks["mnist"].genomes] == ["a", "b"]
    with pytest.raises(RunError, match="exists; wanted a new folder"):
        write_report(runs, out=tmp_path / "new" / "joined")
    with pytest.raises(RunError, match="2 runs have no folder in common"):
        write_report(runs)


def test_further_pictures_become_files_and_part_of_the_page(tmp_path):
    run = build(tmp_path / "run", genomes=["a"], seeds=1, generations=1, tasks={"mnist": ("", "")})
    svg = Picture("activity", "Activity", "All cells.", b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    write_report(run, extra={"mnist": [svg]})
    assert (run.path / "figures" / "activity_mnist.svg").read_bytes() == svg.image
    text = (run.path / "report.html").read_text()
    assert "All cells." in text and 'href="figures/activity_mnist.svg"' in text
