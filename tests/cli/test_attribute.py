"""`run.py attribute`: the part that was planted is found, and what cannot be attributed is one line."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import run
from tests.small import no_figures

SIDES = 8
TASK = "lines=lines:lag=1,length=40,test_length=100,washout=10"
COMMON = f"--task {TASK} --adapter none --generations 0 --seeds 5 --graphs 7 --workers 0".split()


def write(folder: Path, name: str, cells: list[tuple[object, ...]], edges: list[tuple[object, ...]]) -> str:
    """Writes a wiring as a table of edges beside one of cells, and returns its path."""
    for path, head, rows in (
        (folder / f"{name}.csv", "pre,post,kind,weight", edges),
        (folder / f"{name}_cells.csv", "name,role,class,sign", cells),
    ):
        path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return str(folder / f"{name}.csv")


def lines(folder: Path) -> str:
    """Six lines straight from inputs to outputs, and cells beside them that reach no output.

    The side cells have all that a wiring can have: inhibition, section counts, gap junctions.
    """
    rng, places = random.Random(0), range(1, 7)
    cells: list[tuple[object, ...]] = [(f"in{k}", "sensory", "in", 1) for k in places]
    cells += [(f"out{k}", "motor", "out", 1) for k in places]
    cells += [(f"side{k}", "interneuron", "side", (-1) ** k) for k in range(SIDES)]
    edges: list[tuple[object, ...]] = [(f"in{k}", f"out{k}", "chemical", 1) for k in places]
    for k in range(SIDES):
        edges.append((f"in{1 + k % 6}", f"side{k}", "chemical", 1))
        edges.append((f"side{k}", f"side{(k + 2) % SIDES}", "electrical", rng.randint(1, 9)))
        edges += [(f"side{k}", f"side{(k + j) % SIDES}", "chemical", rng.randint(1, 9)) for j in (1, 3, 4)]
    return write(folder, "lines", cells, edges)


def attribute(*words: str) -> int:
    with no_figures():
        return run.main(["attribute", *words])


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run on a wiring in which only the synapses of the input cells matter."""
    folder = tmp_path_factory.mktemp("planted")
    words = f"--connectome {lines(folder)} --inputs in --outputs out --cells class --parts"
    words += " chemical gap signs in side"
    assert attribute(*COMMON, *words.split(), "--out", str(folder / "run"), "--quiet") == 0
    yield folder / "run"


def shares(folder: Path) -> dict[str, dict[str, str]]:
    """Rows of attribution.csv by part."""
    return {row["part"]: row for row in csv.DictReader((folder / "attribution.csv").read_text().splitlines())}


def test_the_part_that_was_planted_carries_all_and_the_others_nothing(planted: Path) -> None:
    rows = shares(planted)
    assert [*rows][:5] == ["chemical synapses", "gap junctions", "signs", "in cells", "side cells"]
    for part, row in rows.items():
        for way in ("knockout", "transplant") if row["knockout_p_holm"] else ():
            share, p = float(row[f"{way}_share"]), float(row[f"{way}_p_holm"])
            low, high = float(row[f"{way}_ci95_low"]), float(row[f"{way}_ci95_high"])
            if part in ("chemical synapses", "in cells"):
                assert 0.75 < share < 1.25 and low < 1.1 and high > 0.9 and p < 0.05
            else:
                assert abs(share) < 0.25 and low < 0.1 and high > -0.1 and p > 0.05
    report = json.loads((planted / "report.json").read_text())
    (made,) = report["tasks"]["lines"]["attribution"]
    assert "It rests on in cells" in made["sentences"][0] or "It rests on chemical" in made["sentences"][0]


def test_the_report_shows_it_again_and_resume_makes_it_longer(
    planted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {x: (planted / x).read_bytes() for x in ("report.json", "attribution.csv", "results.jsonl")}
    with no_figures():
        assert run.main(["report", str(planted)]) == 0
        assert "what each part carries" in capsys.readouterr().out
        assert {name: (planted / name).read_bytes() for name in before} == before
        assert run.main(["resume", str(planted)]) == 0
        assert "is at its end" in capsys.readouterr().out


def test_what_the_wiring_has_not_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"--connectome {lines(tmp_path)} --inputs in --outputs out --parts gap weights"
    assert attribute(*COMMON, *words.split(), "--out", str(tmp_path / "run")) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Left out: neuromuscular ('lines' has no neuromuscular synapses)." in out
    assert [*shares(tmp_path / "run")] == ["gap junctions", "weights"]  # nothing is shared out, nor summed
    config = (tmp_path / "run" / "config.toml").read_text()
    assert "no-gap" in config and "only-weights" in config and "no-chemical" not in config


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--seeds 4", "Option 'seeds' is 4; wanted 5 or more"),
        ("--graphs 1", "Option 'graphs' is 1; wanted 7 or more"),
        ("--parts gap weigths", "Unknown part of 'celegans-motor' 'weigths'. Did you mean 'weights'?"),
        ("--parts muscle", "Unknown part of 'celegans-motor' 'muscle'"),
        ("--cells rank", "Unknown column of cells 'rank'"),
        (
            "--connectome planted --parts gap",
            "Part 'gap' cannot be attributed to: 'planted' has no gap junct",
        ),
        (
            "--connectome planted --cells none",
            "chemical synapses are all that the null changes. Wanted a wiring of two parts or more.",
        ),
        (
            "--adapter none --task lines --parts gap --graphs 7 --workers 0",
            "Task 'lines' with native maps is wired to cells in1",
        ),
        ("--genome degree", "Unknown option '--genome'"),
        ("--selection race", "Unknown option '--selection'"),
    ],
)
def test_what_cannot_be_attributed_is_one_line(
    words: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = "--task digits --generations 0 --workers 0".split()
    given = words.split() if "--task" in words else [*usual, *words.split()]
    assert attribute(*given, "--out", str(tmp_path / "run")) == 2
    err = capsys.readouterr().err
    assert message in err and err.startswith("error: ") and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_wirings_without_room_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells: list[tuple[object, ...]] = [(f"c{k}", "interneuron", f"c{k}", 1) for k in range(4)]
    full = [(f"c{i}", f"c{j}", "chemical", 1) for i in range(4) for j in range(4) if i != j]
    assert attribute("--task", "digits", "--connectome", write(tmp_path, "full", cells, full)) == 2
    assert "The null of 'full' keeps everything" in capsys.readouterr().err
    gaps = [(f"c{i}", f"c{j}", "electrical", 1 + i) for i in range(4) for j in range(4) if i < j]
    assert attribute("--task", "digits", "--connectome", write(tmp_path, "gaps", cells, gaps)) == 2
    err = capsys.readouterr().err
    assert "There is nothing to attribute in 'gaps'" in err and err.count("\n") == 1
