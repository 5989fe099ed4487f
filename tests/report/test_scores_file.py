"""Files of scores of other programs: what they may look like, and one line for each thing that is wrong."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroevo.errors import DataError
from neuroevo.report.scores_file import ScoresFile

HEADER = "task,genome,graph,seed,score"
ROWS = ["memory,worm,0,0,1.5", "memory,worm,0,1,2.5", "memory,null,0,0,1", "memory,null,1,0,-2e-3"]
WANTED = {
    ("memory", "worm", 0, 0): 1.5,
    ("memory", "worm", 0, 1): 2.5,
    ("memory", "null", 0, 0): 1.0,
    ("memory", "null", 1, 0): -2e-3,
}


def written(
    folder: Path, *lines: str, name: str = "scores.csv", end: str = "\n", code: str = "utf-8"
) -> Path:
    """Writes lines as a file."""
    path = folder / name
    path.write_bytes((end.join(lines) + end).encode(code))
    return path


def scores(file: ScoresFile) -> dict[tuple, float | None]:
    return {key: row["score"] for key, row in file.rows.items()}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig"])
def test_a_table_may_have_any_usual_form(tmp_path, delimiter, end, code):
    lines = [line.replace(",", delimiter) for line in (HEADER, *ROWS)]
    file = ScoresFile.read(written(tmp_path, *lines, end=end, code=code))
    assert scores(file) == WANTED
    assert (file.tasks, file.genomes, file.unread) == (("memory",), ("worm", "null"), ())


def test_columns_may_stand_in_any_order_with_quotes_blanks_and_others_beside(tmp_path):
    lines = [
        '"note", Seed ,GRAPH,"score","genome",task',
        '"a, ""b""\nc",0,0,1.5,"worm", memory ',
        "\n,1,0.0, 2.5 ,worm,memory",
        ",00,0,1,null,memory",
        ",0,1.0,-2e-3,null,memory",
    ]
    file = ScoresFile.read(written(tmp_path, *lines))
    assert scores(file) == WANTED
    assert file.unread == ("note",)


def test_json_lines_may_hold_numbers_that_json_does_not_know(tmp_path):
    lines = [
        '{"task": "t", "genome": "a", "graph": 0, "seed": 0.0, "score": 1, "untrained_score": NaN, "x": [1]}',
        "",
        '{"task": "t", "genome": "a", "graph": 0, "seed": 1, "score": NaN}',
        '{"task": "t", "genome": "b", "graph": "g", "seed": 0, "score": null, "evaluations": 10}',
        '{"task": "t", "genome": "b", "graph": "h", "seed": 0, "score": -Infinity, "untrained": 0.25}',
        f'{{"task": "t", "genome": "b", "graph": "i", "seed": 0, "score": 1{"0" * 400}}}',
    ]
    file = ScoresFile.read(written(tmp_path, *lines, name="results.jsonl", code="utf-8-sig"))
    assert list(scores(file).values()) == [1.0, None, None, None, None]
    assert [row["status"] for row in file.rows.values()] == ["done", *["failed"] * 4]
    assert file.rows["t", "b", "g", 0]["evaluations"] == 10
    assert file.rows["t", "b", "h", 0]["untrained_score"] == 0.25
    assert file.rows["t", "a", 0, 0]["untrained_score"] is None
    assert file.unread == ("x",)


@pytest.mark.parametrize("text", ["", " ", "nan", "NaN", "inf", "-inf", "Infinity", "1e400", "-1e101"])
def test_a_lineage_without_a_finite_score_has_failed(tmp_path, text):
    file = ScoresFile.read(written(tmp_path, HEADER, *ROWS, f"memory,worm,0,2,{text}"))
    assert file.rows["memory", "worm", 0, 2] == {"status": "failed", "score": None}


def test_graphs_and_seeds_that_are_names_are_numbered_in_their_order(tmp_path):
    rows = [f"t,{genome},{graph},{seed},1" for genome in "ab" for graph in ("z", "b", 10) for seed in (7, 3)]
    file = ScoresFile.read(written(tmp_path, HEADER, *rows))
    assert set(file.keys().values()) == {("t", g, k, s) for g in "ab" for k in range(3) for s in (3, 7)}
    assert file.keys()["t", "a", "z", 7] == ("t", "a", 2, 7)
    assert file.keys()["t", "a", 10, 7] == ("t", "a", 0, 7)  # numbers go before names


def test_what_a_file_says_of_tasks_and_genomes(tmp_path):
    lines = [
        f"{HEADER},unit,margin,control,floor,maximum",
        "t,a,0,0,1,m/s,0.5,no,-1,",
        "t,b,0,0,1,,,YES,,7",
        "t,b,0,1,1,,,,,",
        "u,b,0,0,1,,,,0,",
        "t,c,0,0,1,m/s,0.50,clock,,",
    ]
    file = ScoresFile.read(written(tmp_path, *lines))
    assert (file.units, file.margins) == ({"t": "m/s"}, {"t": 0.5})
    assert (file.floors, file.maxima) == ({"t": -1.0, "u": 0.0}, {"t": 7.0})
    assert file.controls == {"b": "named", "c": "clock"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [],
            "scores.csv is empty; wanted a header with task, genome, graph, seed, score and a row a lineage.",
        ),
        (["", "  "], "scores.csv is empty"),
        ([HEADER], "scores.csv has no rows; wanted one a lineage under task,genome,graph,seed,score."),
        ([HEADER, *ROWS[:2]], "scores.csv has one genome, worm; wanted two or more to compare."),
        (
            ["task,genome,graph,score", "t,a,0,1"],
            "scores.csv, line 1: no column seed in the header (task, genome, graph, score); wanted task, "
            "genome, graph, seed, score, separated by commas, semicolons, tabs or bars.",
        ),
        (
            [HEADER.replace(",", ":"), *ROWS],
            "line 1: no column task, genome, graph, seed, score in the header",
        ),
        ([f"{HEADER},Score ", "t,a,0,0,1,2"], "line 1: two columns say 'score'; wanted each once."),
        ([f"{HEADER},kind,control", "t,a,0,0,1,,"], "line 1: two columns say 'control'; wanted each once."),
        ([f"{HEADER},x,x", "t,a,0,0,1,,"], "line 1: two columns say 'x'; wanted each once."),
        (
            [HEADER, *ROWS, "memory,worm,0,1.0,9"],
            "scores.csv, line 6: worm on memory, graph 0, seed 1, stands in line 3 already; wanted each "
            "lineage once.",
        ),
        (
            [HEADER, *ROWS, "memory,worm,0,2,high"],
            "line 6: score is 'high'; wanted a number, or nothing where it failed.",
        ),
        ([HEADER, *ROWS, "memory,worm,0,2,1_000"], "line 6: score is '1_000'; wanted a number"),
        ([HEADER, *ROWS, "memory,worm,0,2,NA"], "line 6: score is 'NA'; wanted a number, or nothing where"),
        (
            [HEADER.replace(",", ";"), "t;a;0;0;1,5"],
            "line 2: score is '1,5'; wanted a number, with a point before its decimals, or nothing where",
        ),
        ([HEADER, *ROWS, "memory,worm,0"], "line 6: 3 fields, where the header has 5; wanted one for each"),
        (
            [HEADER, *ROWS, "memory,worm,0,2,1,"],
            "line 6: 6 fields, where the header has 5; wanted one for each",
        ),
        ([HEADER, " ,worm,0,2,1"], "line 2: task is ''; wanted name of the task."),
        ([HEADER, "t,worm,,2,1"], "line 2: graph is ''; wanted number or name of the wiring"),
        ([HEADER, 't,"wo\nrm",0,2,1'], "line 3: genome is 'wo rm'; wanted up to 200 characters that can be"),
        ([HEADER, f"t,{'w' * 201},0,2,1"], "line 2: genome is 'wwww"),
        ([HEADER, 't,"worm,0,2,1'], "line 2: no CSV (unexpected end of data); mend its quotes."),
        ([HEADER, f"t,{'w' * 200_000},0,2,1"], "line 2: no CSV (field larger than field limit (131072))"),
        (
            [f"{HEADER},margin", "t,a,0,0,1,0"],
            "line 2: margin is '0'; wanted a finite number greater than 0.",
        ),
        (
            [f"{HEADER},margin", "t,a,0,0,1,1", "t,b,0,0,1,2"],
            "line 3: margin of t is 2.0, and 1.0 in a line above; wanted one.",
        ),
        (
            [f"{HEADER},control", "t,a,0,0,1,clock", "t,a,0,1,1,", "t,a,0,2,1,false"],
            "line 4: control of a is 'no', and 'clock' in a line above; wanted one.",
        ),
        ([f"{HEADER},floor", "t,a,0,0,1,inf"], "line 2: floor is 'inf'; wanted a finite number."),
        ([f"{HEADER},control", "t,a,0,0,1,maybe"], "line 2: control is 'maybe'; wanted yes, no, none, clock"),
        ([f"{HEADER},evaluations", "t,a,0,0,1,1.5"], "line 2: evaluations is '1.5'; wanted a whole number"),
        ([f"{HEADER},status", "t,a,0,0,1,fine"], "line 2: Unknown status 'fine'."),
        ([f"{HEADER},population", "t,a,0,0,1,3"], "line 2: a member of a mixed population, which is kin"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_line_with_its_number(tmp_path, lines, message):
    with pytest.raises(DataError) as caught:
        ScoresFile.read(written(tmp_path, *lines))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: no JSON (Expecting property name enclosed in double quotes"),
        ("[1, 2]", "line 1: list in place of an object; wanted one a line."),
        ("[" * 100_000, "line 1: no JSON ("),
        ('{"task": "t", "task": "u"}', "line 1: no JSON ('task' stands twice); wanted an object a line."),
        (
            '{"task": "t", "genome": "a", "graph": 0, "score": 1}',
            "line 1: no seed; wanted task, genome, graph,",
        ),
        (
            '{"task": 3, "genome": "a", "graph": 0, "seed": 0, "score": 1}',
            "line 1: task is 3; wanted name of",
        ),
        (
            '{"task": "t", "genome": "a", "graph": true, "seed": 0, "score": 1}',
            "line 1: graph is True; wanted",
        ),
        (
            '{"task": "t", "genome": "a", "graph": 0, "seed": 0, "score": true}',
            "line 1: score is True; wanted",
        ),
        ('{"task": "t", "genome": "a", "graph": 0, "seed": 0, "score": [1]}', "line 1: score is [1]; wanted"),
        (
            '{"task": "t", "genome": "a", "graph": 0, "seed": 0, "score": 1, "tuned": 1, "tuned_score": 2}',
            "line 1: two keys say 'tuned'; wanted each once.",
        ),
        (f'{{"task": "t", "x": 1{"0" * 5000}}}', "line 1: no JSON (Exceeds the limit"),
    ],
)
def test_what_is_wrong_with_json_lines_is_one_line_with_its_number(tmp_path, line, message):
    with pytest.raises(DataError) as caught:
        ScoresFile.read(written(tmp_path, line, name="scores.jsonl"))
    assert message in str(caught.value)


def test_files_that_are_no_text_or_no_file(tmp_path):
    good = "\n".join([HEADER, *ROWS])
    path = tmp_path / "scores.csv"
    path.write_bytes(good.encode() + b"\nt,\xe9,0,0,1\n")
    with pytest.raises(
        DataError, match=r"line 6: no text in UTF-8 .invalid continuation byte.; save the file"
    ):
        ScoresFile.read(path)
    path.write_bytes(good.encode("utf-16"))
    with pytest.raises(DataError, match="line 1: it begins as text in UTF-16 does; wanted UTF-8"):
        ScoresFile.read(path)
    with pytest.raises(DataError, match=r"Cannot read .*none.csv': No such file or directory; wanted a file"):
        ScoresFile.read(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"scores.xlsx is no file of scores by its name; wanted .csv, .tsv,"):
        ScoresFile.read(tmp_path / "scores.xlsx")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"Cannot read .*folder.csv': Is a directory"):
        ScoresFile.read(tmp_path / "folder.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="it is a named pipe, no regular file"):
        ScoresFile.read(tmp_path / "pipe.csv")


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary(max_size=200) | st.text(alphabet=',;"\n\r\t|0aé\x00', max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("any")
    for name, head in (("a.csv", HEADER.encode() + b"\n"), ("b.csv", b""), ("c.jsonl", b"")):
        path = folder / name
        path.write_bytes(head + data)
        try:
            file = ScoresFile.read(path)
        except DataError as error:
            assert "\n" not in str(error) and str(error).isprintable()
        else:
            assert all(row["score"] is None or math.isfinite(row["score"]) for row in file.rows.values())
