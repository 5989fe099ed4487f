"""Joining: runs that answer one request are read as one; runs that do not are refused with the difference."""

import json

import pytest

from neuroevo.errors import RunError
from neuroevo.report.build import judge
from neuroevo.report.evidence import gather
from neuroevo.run_folder import RunFolder

CONFIG = {
    "genome": ["a=toy"],
    "task": ["t=toy"],
    "seed": 0,
    "seeds": 5,
    "neuron": "leaky",
    "budgets": {"t": {"generations": 2, "population": 4}},
}


def build(path, genomes, level=0.0, manifest=None, **config) -> RunFolder:
    """Writes a run of genomes label=name; score = level + position of the label + seed / 10."""
    config = {**CONFIG, "genome": list(genomes), **config}
    labels = [text.partition("=")[0] for text in genomes]
    lineages = [
        {"task": "t", "genome": g, "graph": 0, "seed": s} for g in labels for s in range(config["seeds"])
    ]
    known = {
        "status": "done",
        "command": ["python", "run.py", *genomes],
        "commit": "c0",
        "wall_seconds": 10.0,
        "tasks": {"t": {"unit": "m/s"}},
        "priors": {g: {"name": "toy", "options": {}, "one_point": True, "core": "evolves"} for g in labels},
        "graphs": [{"genome": g, "graph": 0, "sha256": g, "notes": []} for g in labels],
        "lineages": lineages,
        **(manifest or {}),
    }
    run = RunFolder.create(path, config, known)
    run.append_metrics(
        {**row, "generation": k, "evaluations": 5 * (k + 1), "fitness_centre": float(k)}
        for row in lineages
        for k in range(2)
    )
    run.append_results(
        {**row, "score": level + ord(row["genome"][0]) + row["seed"] / 10, "status": "done"}
        for row in lineages
    )
    return run


def test_two_runs_are_judged_as_one_that_held_both(tmp_path):
    apart = [build(tmp_path / "one", ["a=toy"]), build(tmp_path / "two", ["b=toy", "c=toy:x=1"])]
    whole = build(tmp_path / "whole", ["a=toy", "b=toy", "c=toy:x=1"])
    joined, single = judge(gather(apart)), judge(gather([whole]))
    assert joined.tasks == single.tasks
    assert joined.run.names == ("one", "two")
    assert joined.run.lineages == single.run.lineages
    assert joined.run.wall_seconds == 20.0
    assert joined.run.config["genome"] == single.run.config["genome"]
    assert "a=toy; python run.py b=toy" in joined.run.command


def test_neuron_models_can_be_compared_under_labels_of_their_own(tmp_path):
    models = {"a": "leaky", "b": "relu", "c": "alif"}
    runs = [build(tmp_path / m, [f"{label}=toy"], neuron=m) for label, m in models.items()]
    report = judge(gather(runs))
    assert {g.label for g in report.tasks["t"].genomes} == set(models)
    assert "Runs differ in neuron: leaky of a; relu of b; alif of c." in report.run.notes
    for label in ("b", "a"):  # the label of an earlier run, of the first or not, stands for its neurons too
        again = build(tmp_path / f"again-{label}", [f"{label}=toy"], neuron="graded")
        with pytest.raises(RunError, match=f"{models[label]} and again-{label} differ in 'neuron'"):
            gather([*runs, again])


def test_search_of_two_phases_can_be_compared_with_one_of_one(tmp_path):
    budget = {"generations": 2, "population": 4, "pretraining": 1}
    paper = {"budgets": {"t": budget}, "search": "paper", "searches": {"t": "paper:elite=8"}}
    runs = [build(tmp_path / "one", ["a=toy"]), build(tmp_path / "two", ["b=toy"], **paper)]
    report = judge(gather(runs))
    assert len(report.tasks["t"].genomes) == 2
    assert any(note.startswith("Runs differ in searches:") for note in report.run.notes)


def test_more_seeds_of_a_genome_are_joined(tmp_path):
    runs = [build(tmp_path / "one", ["a=toy"]), build(tmp_path / "two", ["a=toy"], seeds=9)]
    (genome,) = judge(gather(runs)).tasks["t"].genomes
    assert (genome.num_seeds, genome.num_lineages) == (9, 9)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"seed": 1}, "differ in 'seed': 0 and 1"),
        ({"margin": ["0.1"]}, "differ in 'margin': .. and ..0.1"),
        ({"task": ["t=toy:hard=true"]}, "different things by task 't'"),
        ({"budgets": {"t": {"generations": 3, "population": 4}}}, "different things by budget 't'"),
    ],
)
def test_runs_of_different_requests_are_refused(tmp_path, config, message):
    runs = [build(tmp_path / "one", ["a=toy"]), build(tmp_path / "two", ["b=toy"], **config)]
    with pytest.raises(RunError, match=message):
        gather(runs)


def test_labels_that_collide_are_refused(tmp_path):
    runs = [build(tmp_path / "one", ["a=toy"]), build(tmp_path / "two", ["a=toy:x=1"])]
    with pytest.raises(RunError, match="mean different things by genome 'a': a=toy and a=toy:x=1"):
        gather(runs)
    third = build(tmp_path / "three", ["b=toy"])
    with pytest.raises(RunError, match="genome 'a'"):
        gather([third, *runs])


def test_one_lineage_with_two_scores_is_refused(tmp_path):
    runs = [build(tmp_path / "one", ["a=toy"]), build(tmp_path / "two", ["a=toy"], level=1.0)]
    with pytest.raises(RunError, match="hold a on t, graph 0, seed 0, with scores"):
        gather(runs)


def test_different_wirings_are_refused(tmp_path):
    runs = [
        build(tmp_path / name, [f"{name}=toy"], manifest={"connectome": {"sha256": name}}) for name in "ab"
    ]
    with pytest.raises(RunError, match="different wirings"):
        gather(runs)


@pytest.mark.parametrize("kind", ["race", "mixed"])
def test_only_tournaments_are_joined(tmp_path, kind):
    runs = [build(tmp_path / name, [f"{name}=toy"], selection=kind) for name in "ab"]
    with pytest.raises(RunError, match="no tournaments"):
        gather(runs)


def test_a_run_given_twice_is_refused(tmp_path):
    run = build(tmp_path / "one", ["a=toy"])
    with pytest.raises(RunError, match="given twice"):
        gather([run, RunFolder.open(tmp_path / "." / "one")])


def test_versions_that_differ_are_said(tmp_path):
    runs = [build(tmp_path / "one", ["a=toy"]), build(tmp_path / "two", ["b=toy"], manifest={"commit": "c1"})]
    assert judge(gather(runs)).run.notes == (
        "The runs one, two differ in commit, so that equal requests may differ in result.",
    )


def test_joined_runs_say_which_was_cut_short(tmp_path):
    runs = [
        build(tmp_path / "one", ["a=toy"]),
        build(tmp_path / "two", ["b=toy"], manifest={"status": "running"}),
    ]
    lines = (runs[1].path / "results.jsonl").read_text().splitlines(keepends=True)
    (runs[1].path / "results.jsonl").write_text("".join(lines[:3]) + lines[3][:20])
    report = judge(gather(runs))
    assert list(report.run.missing) == [
        "t: 2 of 10 lineages have no result (b 2).",
        "two has not ended, or was killed.",
        "results.jsonl ends in half a line (line 4), which is left out.",
    ]
    assert report.tasks["t"].verdict.decision == "exploratory"
    assert json.dumps(report.to_json(), allow_nan=False)


def test_command_line_joins_runs_into_a_new_folder(tmp_path, capsys, monkeypatch):
    import run

    monkeypatch.chdir(tmp_path)
    for name, genome in (("one", "a=toy"), ("two", "b=toy")):
        build(tmp_path / name, [genome])
    assert run.main(["report", "one", "two"]) == 0
    assert "runs/joined-1" in capsys.readouterr().out
    report = json.loads((tmp_path / "runs" / "joined-1" / "report.json").read_text())
    assert [entry["genome"] for entry in report["tasks"]["t"]["genomes"]] == ["a", "b"]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["joined-1"]
    (tmp_path / "empty").mkdir()
    assert run.main(["report", "one", "two", "--out", "empty"]) == 0
    assert json.loads((tmp_path / "empty" / "report.json").read_text()) == report
    assert not (tmp_path / "one" / "report.json").exists()
    assert run.main(["report", "one", "two", "--out", "one"]) == 2
    assert "exists; wanted a new folder" in capsys.readouterr().err


def test_runs_from_before_selections_are_joined_with_those_after(tmp_path):
    runs = [build(tmp_path / "one", ["a=toy"]), build(tmp_path / "two", ["b=toy"], selection="tournament")]
    assert len(judge(gather(runs)).tasks["t"].genomes) == 2


def test_tracker_that_failed_is_in_the_report(tmp_path):
    run = build(
        tmp_path / "one", ["a=toy"], manifest={"tracker_failures": ["wandb was switched off: full disk."]}
    )
    assert judge(gather([run])).run.notes == ("wandb was switched off: full disk.",)
