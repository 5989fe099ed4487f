"""The report: made from the folder alone, whole or cut short, with every name escaped."""

import html.parser
import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote

import numpy as np
import pytest
from rich.console import Console

import run as cli
from neuroevo.errors import RunError
from neuroevo.report.figures.canvas import spread
from neuroevo.report.model import LineageCounts, Report
from neuroevo.report.terminal import print_report
from neuroevo.report.write import write_report
from neuroevo.run_folder import RunFolder
from neuroevo.text import compact, interval, number, wrap

EVIL = "<script>alert('x')</script>&[red]$x_1$"
LONG = "stats-prior:rewired=0.25,clustering=true,seed_of_the_chain=12345"
GENOMES = ["connectome", EVIL, LONG]
UNITS = {"swimmer": ("m/s", "m/s"), "mnist": ("accuracy", "log-likelihood")}


def build(path, genomes=GENOMES, graphs=2, seeds=3, generations=4, tasks=UNITS, seed=0, **more) -> RunFolder:
    """Writes a whole run: score = 10 graph + seed + (rank of the genome) / 10; untrained 0."""
    lineages = [
        {"task": t, "genome": g, "graph": k, "seed": s}
        for t in tasks
        for g in genomes
        for k in range(graphs)
        for s in range(seeds)
    ]
    manifest = {
        "status": "done",
        "command": ["python", "run.py", "--genome", *genomes],
        "versions": {"torch": "2.13.0"},
        "tasks": {t: {"unit": u, "fitness_unit": f} for t, (u, f) in tasks.items()},
        "lineages": lineages,
    }
    run = RunFolder.create(path, {"seed": seed, "genome": genomes, **more}, manifest)
    run.append_metrics(
        {**row, "generation": g, "fitness_mean": g + row["seed"], "fitness_centre": g + row["seed"] + 1}
        | {"evaluations": 9 * (g + 1)}
        for row in lineages
        for g in range(generations)
    )
    run.append_results(
        {
            **row,
            "score": 10 * row["graph"] + row["seed"] + genomes.index(row["genome"]) / 10,
            "untrained_score": 0.0,
            "parameters": {"core": 100 + row["graph"], "adapters": 2000},
            "evaluations": 36,
            "status": "done",
            "failures": 1,
            "activity": {"mean_abs": 0.3, "saturated": row["seed"] == 0, "silent": False},
        }
        for row in lineages
    )
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    return build(tmp_path_factory.mktemp("report") / "run")


@pytest.fixture(scope="module", autouse=True)
def written(run) -> Report:
    return write_report(run)


@pytest.fixture(scope="module")
def report(written, run) -> dict:
    return json.loads((run.path / "report.json").read_text())


def printed(report, width=80) -> list[str]:
    """Returns the lines that a terminal of this width shows."""
    console = Console(width=width, record=True, file=io.StringIO())
    print_report(report, console)
    return console.export_text().splitlines()


# --- report.json --------------------------------------------------------------------------------------


def test_report_follows_the_schema(report):
    assert report["schema"] == 2
    assert list(report["tasks"]) == ["swimmer", "mnist"]
    section = report["tasks"]["swimmer"]
    assert section["unit"] == "m/s"
    assert section["winner"] is None
    assert [entry["genome"] for entry in section["genomes"]] == GENOMES
    wanted = {"genome", "iqm", "ci95", "num_graphs", "num_seeds", "parameters", "evaluations", "untrained"}
    assert wanted | {"auc", "status", "failures", "saturated", "silent"} <= section["genomes"][0].keys()
    wanted = {"a", "b", "kind", "difference", "ci95", "df", "probability_of_improvement", "rank", "auc"}
    wanted |= {"p", "p_holm", "p_permutation", "p_equivalence", "p_equivalence_holm", "power", "verdict"}
    wanted.add("p_solved")
    assert [set(row) for row in section["comparisons"]] == [wanted] * 3


def test_report_holds_hand_worked_figures(report):
    first = report["tasks"]["mnist"]["genomes"][0]
    assert first["iqm"] == 6.0  # of 0 1 2 10 11 12, without 0 and 12
    assert first["untrained"] == {"iqm": 0.0, "ci95": None, "extremes": [0.0, 0.0]}
    assert first["auc"]["iqm"] == 3.5  # centres g + seed + 1 over g = 0..3, seeds 0 to 2
    assert first["ci95"] is None  # of two graphs
    assert (first["num_graphs"], first["num_seeds"], first["num_lineages"]) == (2, 3, 6)
    assert first["parameters"]["core_range"] == [100, 101]
    assert (first["evaluations"], first["failures"], first["saturated"], first["silent"]) == (36, 6, 2, 0)
    assert first["status"] == "done"
    pair = report["tasks"]["mnist"]["comparisons"][0]
    assert pair["difference"] == pytest.approx(-0.1)
    assert pair["kind"] == "graphs"
    # Graphs' means are 1, 11 and 1.1, 11.1: of six ways to deal them two differ by less, by nothing.
    assert pair["p_permutation"] == pytest.approx(4 / 6)


def test_report_of_few_seeds_and_graphs_is_exploratory(report):
    assert report["run"]["verdict"] == "exploratory"
    verdicts = {row["verdict"] for section in report["tasks"].values() for row in section["comparisons"]}
    assert verdicts == {"inconclusive"}
    assert "no winner" in report["run"]["sentence"]
    assert "has 3 seeds and 2 graphs" in report["tasks"]["swimmer"]["reasons"][0]


def test_report_is_the_same_when_made_again(run):
    def contents() -> dict:
        return {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}

    before = contents()
    write_report(run)
    assert contents() == before


# --- report.html and figures --------------------------------------------------------------------------


def test_figures_are_written_and_well_formed(run):
    names = {p.name for p in (run.path / "figures").iterdir()}
    assert names == {
        f"{k}_{t}.{e}" for k in ("learning", "scores", "sphinx") for t in UNITS for e in ("svg", "png")
    }
    for path in (run.path / "figures").glob("*.svg"):
        ElementTree.parse(path)
        assert EVIL not in path.read_text()


class Page(html.parser.HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.words: dict[str, str] = {}  # what titles and descriptions say, by id
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "wbr", "br", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.open and self.open[-1] in ("title", "desc") and "id" in self.tags[-1][1]:
            self.words[self.tags[-1][1]["id"]] = data


def test_page_escapes_names_and_closes_what_it_opens(run):
    page = Page((run.path / "report.html").read_text())
    assert page.open == []
    assert [tag for tag, _ in page.tags].count("script") == 1  # its own
    assert EVIL in "".join(page.texts)
    assert "Exploratory" in "".join(page.texts)


def test_page_asks_the_network_for_nothing(run):
    text = (run.path / "report.html").read_text()
    page = Page(text)
    targets = [v for _, attrs in page.tags for k, v in attrs.items() if k in ("src", "href", "xlink:href")]
    beside = [target for target in targets if not target.startswith(("#", "data:"))]
    assert len(beside) == 17 and all((run.path / unquote(target)).is_file() for target in beside)
    assert not re.search(r"url\((?!#)|@import", text)


def test_page_says_figures_in_words_and_repeats_no_id(run):
    page = Page((run.path / "report.html").read_text())
    images = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(images) == 6
    assert all(attrs["role"] == "img" for attrs in images)
    words = {
        attrs["id"]: page.words[attrs["id"]] for tag, attrs in page.tags if tag in ("title", "desc") and attrs
    }
    said = ["".join(words[name] for name in attrs["aria-labelledby"].split()) for attrs in images]
    assert all("connectome" in text for text in said)
    assert "connectome 6.00" in said[0]
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_labels_at_curve_ends_do_not_overlap():
    assert spread([0.1, 0.5, 0.9], [0.1, 0.1, 0.1]) == pytest.approx([0.1, 0.5, 0.9])
    assert spread([0.5, 0.5, 0.5], [0.2, 0.2, 0.2]) == pytest.approx([0.3, 0.5, 0.7])
    places = spread(np.linspace(0.4, 0.6, 9), [0.1] * 9)
    assert np.diff(places) == pytest.approx([0.1] * 8)


# --- the terminal -------------------------------------------------------------------------------------


def test_terminal_report_fits_80_columns(written):
    lines = printed(written)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "Exploratory" in lines[0]
    assert re.search(r"connectome +6\.00 +\[0\.00, 12\.00\] +2 x 3 +0\.00", text)
    assert "Saturated lineages" in text
    assert "[red]" in text.replace("\n", "")  # a label is no markup


def test_wide_terminal_keeps_labels_whole(written):
    assert any(LONG in line and "2 x 3" in line for line in printed(written, width=160))


def test_figures_are_written_to_three_digits():
    assert [number(x) for x in (None, 0.0, 0.91234, 12.0, 123.4, -0.00123, 12345.6)] == [
        *("-", "0.00", "0.912", "12.0", "123", "-0.00123", "12,346")
    ]
    assert interval([-0.1, 0.25], 2) == "[-0.10, 0.25]"
    assert [compact(x) for x in (0, 950, 65536, 1.2e6)] == ["0", "950", "65.5k", "1.2M"]
    assert wrap("a-long-name:x=1,y=2", 12) == "a-long-name\n:x=1,y=2"


def test_report_shows_what_priors_noted_of_their_graphs(tmp_path):
    run = build(tmp_path / "noted", graphs=3)
    rows = [
        {
            "genome": "connectome",
            "graph": k,
            "sha256": f"c{k}",
            "notes": ["the chain stopped early"] * (k > 0),
        }
        for k in range(3)
    ]
    rows.append({"genome": "random", "graph": 0, "sha256": "a0", "notes": ["keeps <most> edges"]})
    run.write_manifest(graphs=rows)
    report = write_report(run)
    assert list(report.run.notes) == [
        "connectome, graph 1, 2: the chain stopped early",
        "random: keeps <most> edges",
    ]
    assert "keeps &lt;most&gt; edges" in (run.path / "report.html").read_text()
    assert "random: keeps <most> edges" in "\n".join(printed(report))


# --- runs cut short -----------------------------------------------------------------------------------


def test_report_of_a_run_cut_short_says_what_is_missing(tmp_path):
    run = build(tmp_path / "run", genomes=["a", "b"], tasks={"mnist": UNITS["mnist"]})
    rows = run.results()
    rows[1].update(score=None, status="failed")
    run.replace_results(rows[:-2])
    run.write_manifest(status="interrupted")
    with open(run.path / "metrics.jsonl", "a") as file:
        file.write('{"task"')
    report = write_report(run)
    assert list(report.run.missing) == [
        "mnist: 2 of 12 lineages have no result (b 2).",
        "The run was interrupted.",
        "metrics.jsonl ends in half a line (line 49), which is left out.",
    ]
    assert report.run.lineages == LineageCounts(planned=12, done=9, failed=1, censored=0, missing=2)
    a, b = report.tasks["mnist"].genomes
    assert (a.status, a.num_lineages, b.status, b.num_lineages) == ("failed", 5, "incomplete", 4)
    assert a.score.iqm == pytest.approx((0 + 2 + 10 + 11) / 4)  # one 0 for the one that failed
    said = "Lineages without a finite score, counted as the lowest of the task: a 1 of 6."
    assert report.tasks["mnist"].notes[-1] == said
    assert "interrupted" in "\n".join(printed(report))


@pytest.mark.parametrize("with_metrics", [True, False])
def test_report_of_a_run_without_results(tmp_path, with_metrics):
    run = build(tmp_path / "run", genomes=["a", "b"], tasks={"mnist": UNITS["mnist"]})
    (run.path / "results.jsonl").unlink()
    if not with_metrics:
        (run.path / "metrics.jsonl").unlink()
    report = write_report(run)
    assert report.run.sentence == "No lineage has a score yet, so there is nothing to compare."
    assert report.tasks["mnist"].genomes[0].score.iqm is None
    assert (run.path / "figures" / "learning_mnist.svg").exists() is with_metrics
    assert not (run.path / "figures" / "scores_mnist.svg").exists()
    assert max(map(len, printed(report))) <= 80


def test_one_seed_has_no_invented_interval(tmp_path):
    run = build(tmp_path / "run", genomes=["a", "b"], seeds=1, generations=1, tasks={"t/../x": ("", "")})
    task = write_report(run).tasks["t/../x"]
    assert [genome.score.ci95 for genome in task.genomes] == [None, None]
    assert task.comparisons[0].ci95 is None
    assert task.comparisons[0].p is None
    assert (run.path / "figures" / "scores_t%2F..%2Fx.png").exists()


def test_learning_falls_back_to_the_mean_for_all_genomes_alike(tmp_path):
    run = build(tmp_path / "run", genomes=["a", "b"], tasks={"mnist": UNITS["mnist"]})
    rows = [row | ({"fitness_centre": None} if row["genome"] == "b" else {}) for row in run.metrics()]
    (run.path / "metrics.jsonl").unlink()
    run.append_metrics(rows)
    task = write_report(run).tasks["mnist"]
    assert task.learning_from == "fitness_mean"
    assert [genome.auc.iqm for genome in task.genomes] == [2.5, 2.5]


def test_damaged_plan_is_refused(tmp_path):
    run = build(tmp_path / "run", genomes=["a"], tasks={"mnist": UNITS["mnist"]})
    run.write_manifest(lineages=[{"task": "mnist"}])
    with pytest.raises(RunError, match=r"manifest\.json is damaged \(lineages\[0\]: .*`genome`"):
        write_report(run)


def test_report_modules_load_nothing_heavy():
    code = (
        "import sys, neuroevo.report.html.page, neuroevo.run_folder, neuroevo.report.figures.canvas\n"
        "heavy = {'torch', 'ray', 'mujoco', 'matplotlib', 'scipy', 'pandas', 'sklearn', 'numba'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_weights_of_readouts_are_told_apart_from_what_evolves(tmp_path):
    tasks = {"memory": ("steps", "R2")}
    run = build(tmp_path / "run", ["a", "b"], tasks=tasks, adapter="ridge:read=all,times=3")
    read = {"a": {"features": 95, "solved": 3840}, "b": {"features": 30, "solved": 1240}}
    path = run.path / "results.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row["parameters"] |= read[row["genome"]]
        row["untrained_score"] = row["score"]  # so its column says nothing
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    written = write_report(RunFolder.open(run.path))
    sentence = (
        "Readouts are solved, not evolved: 1,240 to 3,840 weights on 30 to 95 numbers of a genome, all its "
        "cells at 3 times."
    )
    lines = printed(written)
    assert sentence in " ".join(" ".join(lines).split()) and max(map(len, lines)) <= 80
    assert any(line.split()[-3:-1] == ["100+2k", "3.84k"] for line in lines if line.startswith("a "))
    report = json.loads((run.path / "report.json").read_text())["tasks"]["memory"]
    assert report["readout"] == sentence and report["genomes"][1]["parameters"]["solved"] == 1240
    assert "3,840 solved" in (run.path / "report.tex").read_text()
    assert sentence in (run.path / "report.html").read_text()


def test_author_is_in_the_head_and_in_the_citation_and_nobody_is_made_up(tmp_path, capsys):
    run = build(tmp_path / "run", genomes=["a"], seeds=1, generations=1, tasks={"mnist": ("", "")})
    assert cli.main(["report", str(run.path), "--author", "A. <Name>\n& B. Name"]) == 0
    text = (run.path / "report.html").read_text()
    assert '<p class="facts">A. &lt;Name&gt; &amp; B. Name · ' in text
    assert "author = {A. \\textless{}Name\\textgreater{} \\&amp; B. Name}" in text
    assert json.loads((run.path / "report.json").read_text())["run"]["author"] == "A. <Name> & B. Name"
    assert cli.main(["report", str(run.path)]) == 0
    assert "author" not in (run.path / "report.html").read_text()
    capsys.readouterr()
    before = (run.path / "report.html").read_bytes()
    assert cli.main(["report", str(run.path), "--author", "x" * 201]) == 2
    assert capsys.readouterr().err == (
        f"error: Option 'author' has 201 characters, '{'x' * 20}'...; wanted at most 200.\n"
    )
    assert (run.path / "report.html").read_bytes() == before
