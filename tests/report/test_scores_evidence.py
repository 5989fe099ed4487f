"""Scores of other programs judged: as a run with the same scores is, and what is not known is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuroevo.errors import OptionError
from neuroevo.files import Row, to_json
from neuroevo.report.build import judge
from neuroevo.report.evidence import gather
from neuroevo.report.model import Report
from neuroevo.report.scores_evidence import Question, evidence_of
from neuroevo.report.scores_file import ScoresFile
from neuroevo.run_folder import RunFolder
from tests.report.test_build import raced


def lineages(graphs: dict[str, int], num_seeds: int = 6, worth: dict[str, float] | None = None) -> list[Row]:
    """Returns rows of one task: scores around what each genome is worth, with effects of graph and seed."""
    rng = np.random.default_rng(len(graphs))
    shared = rng.normal(0, 0.1, num_seeds)
    rows = []
    for genome, number in graphs.items():
        for graph in range(number):
            base = (worth or {}).get(genome, 0.0) + rng.normal(0, 0.2)
            for seed, effect in enumerate(shared):
                score = float(base + effect + rng.normal(0, 0.2))
                rows.append({"task": "t", "genome": genome, "graph": graph, "seed": seed, "score": score})
    return rows


def judged(folder: Path, rows: list[Row], question: Question | None = None, **columns: object) -> Report:
    """Returns the report of rows as a file of them gives it."""
    path = folder / "scores.jsonl"
    path.write_text("".join(to_json({**row, **columns}) + "\n" for row in rows))
    return judge(evidence_of(ScoresFile.read(path), question or Question()))


def test_a_file_of_scores_is_judged_as_a_run_with_the_same_scores(tmp_path):
    rows = lineages({"worm": 1, "null": 12, "other": 12, "none": 1}, worth={"worm": 1.5, "none": -1.0})
    rows[20]["score"] = None  # of a lineage that failed
    results = [{**row, "status": "failed" if row["score"] is None else "done"} for row in rows]
    priors = {
        name: {"name": name, "options": {}, "one_point": name in ("worm", "none"), "core": "evolves"}
        for name in ("worm", "null", "other", "none")
    }
    priors["none"]["core"] = "none"
    config = {"genome": list(priors), "task": ["t"], "selection": "tournament", "seed": 0}
    task = {"unit": "m/s", "margin": 0.4}
    facts = {"status": "done", "tasks": {"t": task}, "lineages": rows, "priors": priors}
    run = RunFolder.create(tmp_path / "run", config, facts)
    run.append_results(results)
    ours = judge(gather([run])).tasks["t"]
    file = ScoresFile.read(run.path / "results.jsonl")
    question = Question(margins={"t": 0.4}, units={"t": "m/s"})
    theirs = judge(evidence_of(file, question))
    assert file.controls == {}
    assert theirs.tasks["t"].comparisons[0] == ours.comparisons[0]  # the file calls none a control
    controlled = judge(evidence_of(_with_control(tmp_path, rows, "none"), question)).tasks["t"]
    assert controlled.comparisons == ours.comparisons
    assert controlled.verdict == ours.verdict
    assert controlled.genomes == ours.genomes
    assert ours.verdict.winner == "worm"


def _with_control(folder: Path, rows: list[Row], kind: str) -> ScoresFile:
    """Returns rows as a file that calls one genome a control of a kind."""
    path = folder / "scores.jsonl"
    path.write_text(
        "".join(
            to_json({**row, "kind": kind if row["genome"] == "none" else "evolves"}) + "\n" for row in rows
        )
    )
    return ScoresFile.read(path)


def test_order_of_rows_and_names_of_graphs_make_no_difference(tmp_path):
    rows = lineages({"worm": 1, "null": 9}, worth={"worm": 0.8})
    first = judged(tmp_path, rows).tasks["t"]
    mixed = [rows[k] for k in np.random.default_rng(0).permutation(len(rows))]
    named = [{**row, "graph": f"g{row['graph']}", "seed": f"s{row['seed']}"} for row in mixed]
    named.sort(key=lambda row: row["genome"], reverse=True)  # in the order of their first rows
    again = judged(tmp_path, named).tasks["t"]
    assert again.comparisons == first.comparisons
    assert again.verdict == first.verdict


def test_lower_is_better_turns_the_sign_and_says_so(tmp_path):
    rows = lineages({"worm": 1, "null": 9}, worth={"worm": -1.0})
    up = judged(tmp_path, [{**row, "score": -row["score"]} for row in rows])
    down = judged(tmp_path, rows, Question(lower_is_better=["t"]))
    assert down.tasks["t"].comparisons == up.tasks["t"].comparisons
    assert down.tasks["t"].verdict.winner == "worm"
    assert any(note.startswith("On t the lowest score is the best") for note in down.run.notes)
    assert not any("lowest score" in note for note in up.run.notes)


def test_one_graph_is_one_wiring_where_others_have_several(tmp_path):
    report = judged(tmp_path, lineages({"worm": 1, "null": 9}, worth={"worm": 2.0}))
    assert report.tasks["t"].verdict.winner == "worm"
    assert "Taken for one wiring, with one graph in the file: worm." in report.run.notes


def test_the_rule_of_the_field_is_no_verdict(tmp_path):
    rows = lineages({"worm": 1, "null": 1, "none": 1}, num_seeds=10, worth={"worm": 5.0})
    report = judged(tmp_path, rows, Question(controls=["none"]))
    assert report.tasks["t"].verdict.decision == "exploratory"
    assert any(note.startswith("Of worm and null there is one graph each") for note in report.run.notes)
    assert any(note.endswith("say so: --one-wiring worm null.") for note in report.run.notes)
    asked = judged(tmp_path, rows, Question(controls=["none"], one_wiring=["worm", "null"]))
    assert asked.tasks["t"].verdict.winner == "worm"
    assert not any("one graph each" in note for note in asked.run.notes)


def test_seeds_and_lineages_that_are_missing_are_told(tmp_path):
    rows = lineages({"worm": 1, "null": 9})
    rows = [row for row in rows if not (row["genome"] == "worm" and row["seed"] == 5)]
    rows = [row for row in rows if (row["genome"], row["graph"], row["seed"]) != ("null", 3, 2)]
    report = judged(tmp_path, rows)
    assert (
        "Seeds on t: worm 5, null 6; 5 seeds in all genomes. Two genomes are compared on the seeds that both "
        "have."
    ) in report.run.notes
    assert any("of all graphs by all seeds of the genome: null 1 of 54." in note for note in report.run.notes)
    whole = judged(tmp_path, [row for row in rows if row["seed"] != 5])
    difference = [r.tasks["t"].comparisons[0].difference for r in (report, whole)]
    assert difference[0] == difference[1]


def test_what_is_not_read_is_told(tmp_path):
    report = judged(tmp_path, lineages({"a": 7, "b": 7}), comment="x", host="y")
    assert "Columns that were not read: comment, host." in report.run.notes


def test_margin_and_unit_come_from_the_file_unless_they_are_asked_for(tmp_path):
    rows = lineages({"a": 9, "b": 9})
    filed = judged(tmp_path, rows, margin=3.0, unit="s").tasks["t"]
    asked = judged(tmp_path, rows, Question(margins={"t": 1e-6}, units={"t": "ms"}), margin=3.0, unit="s")
    assert (filed.margin, filed.unit, filed.comparisons[0].verdict) == (3.0, "s", "equivalent")
    other = asked.tasks["t"]
    assert (other.margin, other.unit, other.comparisons[0].verdict) == (1e-6, "ms", "inconclusive")


def test_floor_and_maximum_of_a_file_turn_with_its_scores(tmp_path):
    rows = lineages({"a": 9, "b": 9}, worth={"a": 5.0, "b": 3.0})
    up = judged(tmp_path, rows, floor=1.0, maximum=6.0).tasks["t"]
    down = judged(
        tmp_path,
        [{**row, "score": -row["score"]} for row in rows],
        Question(lower_is_better=["t"]),
        floor=-1.0,
        maximum=-6.0,
    ).tasks["t"]
    assert up.sphinx == down.sphinx
    assert up.sphinx.floor.score == 1.0
    means = {key: np.mean([row["score"] for row in rows if row["genome"] == key]) for key in "ab"}
    (share,) = (x.share for x in up.sphinx.shares)
    assert share == pytest.approx((means["b"] - 1) / (means["a"] - 1))


def test_provisional_results_of_a_run_are_replaced_by_later_ones(tmp_path):
    rows = lineages({"a": 7, "b": 7})
    early = [{**row, "status": "early", "score": 9.0} for row in rows[:5]]
    report = judged(tmp_path, [*early, *({**row, "status": "done"} for row in rows)])
    assert report.tasks["t"].comparisons == judged(tmp_path, rows).tasks["t"].comparisons


def test_results_of_a_race_are_those_that_confirm_it(tmp_path):
    run = raced(tmp_path / "run", ["a", "b"])
    ours = judge(gather([run])).tasks["t"]
    file = ScoresFile.read(run.path / "results.jsonl")
    theirs = judge(evidence_of(file, Question(one_wiring=["a", "b"], units={"t": "m/s"}))).tasks["t"]
    assert theirs.comparisons == ours.comparisons
    assert theirs.verdict == ours.verdict
    assert theirs.verdict.winner == "b"


def test_questions_about_what_the_file_does_not_have(tmp_path):
    rows = lineages({"worm": 1, "null": 9})
    with pytest.raises(OptionError, match=r"Unknown genome in --controls 'wurm'. Did you mean 'worm'"):
        judged(tmp_path, rows, Question(controls=["wurm"]))
    with pytest.raises(OptionError, match=r"Unknown genome in --one-wiring 'x'. Known: null, worm"):
        judged(tmp_path, rows, Question(one_wiring=["x"]))
    with pytest.raises(
        OptionError, match=r"--one-wiring names null, which has 9 graphs in scores.jsonl; wanted"
    ):
        judged(tmp_path, rows, Question(one_wiring=["null"]))
