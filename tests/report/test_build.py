"""The report built: races and mixed populations, and what a folder that holds too little still tells."""

import numpy as np
import pytest

from neuroevo.report.build import _spread, judge
from neuroevo.report.evidence import gather
from neuroevo.run_folder import RunFolder

GENOMES = ["a", "b"]


def build(path, kind, lineages, results, events=(), **manifest) -> RunFolder:
    """Writes a run folder of one task."""
    known = {"status": "done", "tasks": {"t": {"unit": "m/s"}}, "lineages": lineages, **manifest}
    config = {"genome": [f"{g}=toy" for g in GENOMES], "task": ["t=toy"], "selection": kind, "seed": 0}
    run = RunFolder.create(path, config, known)
    run.append_results(results)
    run.append_selection(events)
    return run


def lineage(genome, seed, graph=0, **more) -> dict:
    return {"task": "t", "genome": genome, "graph": graph, "seed": seed, **more}


def raced(path, confirmed) -> RunFolder:
    """A race of two one-point priors on five seeds, confirmed on seeds 5 to 9."""
    race = [lineage(g, s, role="race") for g in GENOMES for s in range(5)]
    fresh = [lineage(g, s, role="confirmation") for g in confirmed for s in range(5, 10)]
    results = [
        {**row, "score": None, "status": "raced" if row["genome"] in confirmed else "censored"}
        for row in race
    ]
    scores = {"a": 1.0, "b": 2.0}
    results += [
        {**row, "score": scores[row["genome"]] * (1 + row["seed"] / 100), "status": "done"} for row in fresh
    ]
    priors = {g: {"name": "toy", "options": {}, "one_point": True, "core": "evolves"} for g in GENOMES}
    rungs = [
        {"task": "t", "rung": 1, "generation": 5, "genome": g, "lineages": 5, "dropped": g not in confirmed}
        | {"fitness": scores[g], "against": None if g == "b" else "b", "level": 0.025}
        | {"difference": None if g == "b" else -1.0, "p": None if g == "b" else 0.01}
        for g in GENOMES
    ]
    confirmation = {"task": "t", "event": "confirmation", "genomes": confirmed, "seeds": [5, 9]}
    costs = {"race": 50, "confirmation": 50, "tournament": 100}
    events = [*rungs, {**confirmation, "budget": costs, "evaluations_saved": 0}]
    return build(path, "race", [*race, *fresh], results, events, priors=priors)


def test_race_compares_confirmed_lineages_alone(tmp_path):
    section = judge(gather([raced(tmp_path / "run", GENOMES)])).tasks["t"]
    assert section.verdict.winner == "b"
    assert [(e.num_seeds, e.num_lineages, e.status) for e in section.genomes] == [(5, 5, "done")] * 2
    assert section.selection.kind == "race"
    assert len(section.selection.rungs) == 2


def test_race_censors_what_it_dropped(tmp_path):
    report = judge(gather([raced(tmp_path / "run", ["b"])]))
    a, b = report.tasks["t"].genomes
    assert (a.status, a.score.iqm, b.status) == ("censored", None, "done")
    assert report.tasks["t"].verdict.winner is None
    assert "race dropped all others" in report.tasks["t"].verdict.reasons[0]
    assert report.run.lineages.censored == 5
    assert report.run.missing == ()


def mixed(path, populations=5, winner="b") -> RunFolder:
    """Two members of each prior in each population; at the end all are of b."""
    members = [lineage("b", p, k, population=p) for p in range(populations) for k in range(4)]
    results = [{**row, "score": 1.0 + row["graph"], "status": "done"} for row in members]
    events = [
        {
            "task": "t",
            "population": p,
            "epoch": e,
            "generation": e,
            "shares": {"a": 0.5 - e / 2, "b": 0.5 + e / 2},
        }
        for e in range(2)
        for p in range(populations)
    ]
    entry = {"start_share": 0.5, "of": populations, "p": 0.001, "p_holm": 0.002}
    entry |= {"p_drift": 0.001, "p_founders": 0.001}
    fixation = {
        "a": {**entry, "mean_final_share": 0.0, "fixed": 0},
        "b": {**entry, "mean_final_share": 1.0, "fixed": populations},
    }
    record = {"t": {"neutral": {"num_simulations": 10}, "fixation": fixation, "winner": winner}}
    run = build(path, "mixed", members, results, events, selection_record=record)
    gone = [lineage("a", 0, 0, generation=0, evaluations=5, fitness_centre=0.0)]  # a member that made room
    run.append_metrics(gone)
    return run


def test_mixed_population_is_won_by_who_took_over(tmp_path):
    report = judge(gather([mixed(tmp_path / "run")]))
    section = report.tasks["t"]
    assert (section.verdict.decision, section.verdict.winner) == ("winner", "b")
    assert section.verdict.sentence.startswith(
        "b wins on t: b went from 50% to 100% of the members of 5 populations"
    )
    assert section.comparisons == ()
    assert section.selection.shares["b"] == ((0.5, 1.0),) * 5
    assert section.genomes[0].score.ci95 is None  # members are kin
    assert report.run.missing == ()


def test_mixed_populations_that_are_few_are_exploratory(tmp_path):
    section = judge(gather([mixed(tmp_path / "run", populations=4)])).tasks["t"]
    assert (section.verdict.decision, section.verdict.winner) == ("exploratory", None)


def test_mixed_population_without_favour_has_no_winner(tmp_path):
    section = judge(gather([mixed(tmp_path / "run", winner=None)])).tasks["t"]
    assert (section.verdict.decision, section.verdict.winner) == ("no winner", None)


@pytest.mark.parametrize("kind", ["race", "mixed"])
def test_selection_that_has_not_ended_is_told(tmp_path, kind):
    rows = [lineage(g, s) for g in GENOMES for s in range(5)]
    section = judge(gather([build(tmp_path / "run", kind, rows, [])])).tasks["t"]
    assert (section.verdict.decision, section.verdict.winner) == ("nothing", None)
    assert section.verdict.sentence.endswith(".")


def test_graphs_that_are_alike_deviate_by_nothing() -> None:
    values = [0.1 + 0.2] * 10
    assert np.std(values) > 0  # by rounding
    assert _spread(values).std == 0.0
    assert _spread([1.0, 2.0, 3.0]).std == pytest.approx(np.std([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    ("shape", "maximum", "alike", "words"),
    [
        (lambda t: min(1.0, 3 * t), 1.02, "ceiling", "at a ceiling, from "),
        (lambda t: min(1.0, 3 * t), 2.0, None, "Learning curves are flat, so a longer search would hardly"),
        (
            lambda t: t,
            1.02,
            None,
            "Learning curves still rise: the last quarter of the generations brought 25%",
        ),
    ],
)
def test_curves_and_the_highest_score_say_whether_an_end_is_a_ceiling(tmp_path, shape, maximum, alike, words):
    rows = [lineage(g, s) for g in GENOMES for s in range(6)]
    rng = np.random.default_rng(0)
    levels = {(row["genome"], row["seed"]): 0.01 * float(rng.normal()) for row in rows}
    results = [
        {**row, "score": 1.0 + levels[row["genome"], row["seed"]], "untrained_score": 0.0, "status": "done"}
        for row in rows
    ]
    priors = {g: {"name": g, "options": {}, "one_point": True, "core": "evolves"} for g in GENOMES}
    tasks = {"t": {"unit": "m/s", "maximum": maximum}}
    run = build(tmp_path / "run", "tournament", rows, results, priors=priors, tasks=tasks)
    run.append_metrics(
        {
            **row,
            "generation": n,
            "evaluations": n,
            "fitness_centre": shape(n / 39) + levels[row["genome"], row["seed"]],
        }
        for row in rows
        for n in range(40)
    )
    verdict = judge(gather([run])).tasks["t"].verdict
    assert verdict.ends_alike == alike
    assert any(words in text for text in (verdict.sentence, *verdict.reasons))


def test_equal_wirings_with_equal_scores_are_said_to_be_one_sample(tmp_path):
    rows = [lineage(g, s) for g in GENOMES for s in range(5)]
    results = [{**row, "score": float(row["seed"]), "status": "done"} for row in rows]
    for others, is_said in (("x", True), ("y", False)):
        graphs = [
            {"genome": g, "graph": 0, "sha256": "x" if g == "a" else others, "notes": []} for g in GENOMES
        ]
        run = build(tmp_path / others, "tournament", rows, results, graphs=graphs)
        notes = judge(gather([run])).tasks["t"].notes
        assert any(note.startswith("a and b are one sample: ") for note in notes) is is_said


@pytest.mark.parametrize("has_targets", [True, False])
def test_a_clock_has_a_share_of_a_bodys_score_and_none_of_an_image_tasks(tmp_path, has_targets):
    cores = {"a": "evolves", "b": "clock"}
    rows = [lineage(g, s) for g in GENOMES for s in range(6)]
    results = [
        {**row, "score": (2.0 if row["genome"] == "a" else 1.0) + row["seed"] / 100, "status": "done"}
        | {"untrained_score": 0.0}
        for row in rows
    ]
    priors = {g: {"name": g, "options": {}, "one_point": True, "core": cores[g]} for g in GENOMES}
    tasks = {"t": {"unit": "m/s", **({"targets": True} if has_targets else {})}}
    task = judge(
        gather([build(tmp_path / "run", "tournament", rows, results, priors=priors, tasks=tasks)])
    ).tasks["t"]
    shares = [] if task.sphinx is None else [share.genome for share in task.sphinx.shares]
    assert ("b" in shares) is not has_targets
    said = "\n".join(task.verdict.reasons)
    assert ("The controls do not explain it: it beats b too." in said) is not has_targets
    assert ("b senses nothing, and so is no control of this task." in said) is has_targets
