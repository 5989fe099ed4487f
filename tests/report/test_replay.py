"""Replay: what is shown is what was scored, and reports take it up."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix

import run as cli
from neuroevo.connectome.catalog import load
from neuroevo.errors import NeuroevoError, OptionError, RunError
from neuroevo.network.monitors import ClassRecorder
from neuroevo.network.phenotype import Phenotype
from neuroevo.physics.recording import Film
from neuroevo.report import write
from neuroevo.report.replay import answers as answer_figures
from neuroevo.report.replay.behaviour import ROLES, arrange, runs
from neuroevo.report.replay.champions import choose, make_task, read_champion, rivals
from neuroevo.report.replay.observation import Observation
from neuroevo.report.replay.replay import film, replay
from neuroevo.report.replay.replay_folder import replayed
from neuroevo.report.replay.rerun import Excerpt, rerun
from neuroevo.run_folder import RunFolder, key_of
from neuroevo.seeds import derive
from tasks import swimmer
from tests import small
from tests.small import strip_seal

TASKS = ("swimmer=swimmer:steps=30,held_out=3", "digits=digits:steps=2,episodes=8", small.ECHO)
BUDGET = {"generations": 2, "population": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A small run of two priors on a body, on images and on a task that shows neither."""
    return small.run(
        tmp_path_factory.mktemp("replay") / "run", genome=("connectome", "clock"), task=TASKS, **BUDGET
    )


@pytest.fixture
def copy(folder: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of the run that a test may damage."""
    return RunFolder(Path(shutil.copytree(folder.path, tmp_path / "run")))


def row_of(folder: RunFolder, name: str) -> dict:
    """Returns a lineage's result by the beginning of its name."""
    return choose(folder, [name])[0][0][0]


def observe(folder: RunFolder, name: str, excerpt: Excerpt = Excerpt()) -> Observation:  # noqa: B008 - frozen
    """Returns what is observed of the best lineage whose name begins so."""
    row = row_of(folder, name)
    return rerun(folder, row, excerpt, make_task(folder, row["task"]))


# --- what is shown is what was scored -----------------------------------------------------------------


@pytest.mark.parametrize("genome", ["connectome", "clock"])
@pytest.mark.parametrize("task", ["swimmer", "echo"])
def test_replayed_episode_has_its_recorded_score_to_the_bit(folder, task, genome):
    row = row_of(folder, f"{task}/{genome}")
    scores = row["episode_scores"]
    assert len(scores) == {"swimmer": 3, "echo": 2}[task]
    for episode, score in enumerate(scores):
        observation = observe(folder, f"{task}/{genome}", Excerpt(episode=episode))
        assert observation.score == observation.recorded == score
    typical = observe(folder, f"{task}/{genome}").episode
    assert typical == np.argmin(np.abs(np.array(scores) - row["score"]))


@pytest.mark.parametrize("genome", ["connectome", "clock"])
def test_replayed_answers_have_the_recorded_accuracy(folder, genome):
    observation = observe(folder, f"digits/{genome}")
    hits = (observation.answers == observation.labels).astype(float)
    assert hits.tolist() == row_of(folder, f"digits/{genome}")["episode_scores"]
    assert observation.score == observation.recorded == row_of(folder, f"digits/{genome}")["score"]


def test_other_starts_are_shown_where_a_seed_is_given(folder):
    observation = observe(folder, "swimmer/connectome", Excerpt(seed=5))
    assert observation.recorded is None and observation.episode == 0
    assert observation.score not in row_of(folder, "swimmer/connectome")["episode_scores"]
    start = swimmer.Swimmer(held_out=3).starts(5, "held-out", 3)[0][0]
    np.testing.assert_array_equal(observation.recording.qpos[0], start)


def test_steps_cut_the_pictures_and_not_the_score(folder):
    whole, cut = (observe(folder, "swimmer/connectome", Excerpt(0, None, steps)) for steps in (None, 10))
    assert whole.recording.qpos.shape == (31, 8) and whole.activity.shape[1] == 30
    assert cut.score == whole.score
    np.testing.assert_array_equal(cut.recording.qpos, whole.recording.qpos[:11])
    np.testing.assert_array_equal(cut.activity, whole.activity[:, :10])


def test_activity_is_the_state_of_the_cells_after_every_step(folder):
    observation = observe(folder, "echo/connectome", Excerpt(episode=1))
    blueprint, parameters = read_champion(folder, observation.champion.key)
    network, states = Phenotype([blueprint], [1]), []
    network.load([parameters[None]])
    original = network.step

    def step(observations: torch.Tensor) -> torch.Tensor:
        outputs = original(observations)
        states.append(network.state[:, 1].clone())
        return outputs

    network.step = step
    make_task(folder, "echo").score(network, seeds=[derive(0, "held-out", "echo", 0)])
    np.testing.assert_array_equal(observation.activity, torch.stack(states, 1).numpy())


def test_activity_of_a_class_is_the_mean_over_its_images():
    rng = np.random.default_rng(0)
    labels, states = np.array([2, 0, 2, 2, 0]), rng.normal(size=(4, 5)).astype(np.float32)
    recorder = ClassRecorder(labels, 3)
    for part in (slice(0, 2), slice(2, 5)):
        recorder.record_outputs(torch.from_numpy(states[:, part]), torch.zeros(1, 3, 2))
    activity = recorder.activity(4)
    np.testing.assert_allclose(activity[:, 0], states[:, labels == 0].mean(1), rtol=1e-6)
    np.testing.assert_allclose(activity[:, 2], states[:, labels == 2].mean(1), rtol=1e-6)
    assert np.isnan(activity[:, 1]).all()  # no image is of this class
    recorder.record_outputs(torch.from_numpy(states[:, :1]), torch.zeros(1, 3, 1))
    assert recorder.activity(4).shape == (4, 0)  # more images than there are: none can be told apart


def test_film_notes_nothing_of_a_world_whose_episode_has_ended():
    taken = Film(1)
    for k, moved in enumerate(([True, True], [True, True], [True, False])):
        taken.take(np.full((2, 3), k), np.array(moved))
    recording = taken.recording(swimmer.model(3), 0.1, 1.0)
    assert recording.qpos.tolist() == [[0] * 3, [1] * 3]


# --- cells and answers --------------------------------------------------------------------------------


def test_cells_lie_by_role_class_and_name(folder):
    blueprint, _ = read_champion(folder, key_of(row_of(folder, "swimmer/connectome")))
    wiring = load(small.CIRCUIT)
    arrangement = arrange(blueprint.architecture, wiring)
    assert sorted(arrangement.order) == list(range(blueprint.architecture.num_cells))
    names = [blueprint.architecture.cells[i] for i in arrangement.order]
    roles = dict(zip(wiring.cells, wiring.role, strict=True))
    assert [roles[name] for name in names] == list(arrangement.roles)
    assert [role for role, _, _ in runs(arrangement.roles)] == [r for r in ROLES if r in arrangement.roles]
    classes = [name for name, start, end in runs(arrangement.classes[: arrangement.roles.index("muscle")])]
    assert classes == sorted(set(classes))
    count = blueprint.architecture.num_cells
    numbered = replace(blueprint.architecture, cells=tuple(f"N{count - k}" for k in range(count)), classes=())
    unknown = arrange(numbered, wiring)  # which has none of these cells
    assert [role for role, _, _ in runs(unknown.roles)] == ["neuron", "muscle"]
    last = unknown.roles.index("muscle")
    assert (np.diff(unknown.order[:last]) < 0).all() and (
        np.diff(unknown.order[last:]) < 0
    ).all()  # N2 before N10


def test_confusion_matrix_is_that_of_scikit_learn(folder):
    observation = observe(folder, "digits/connectome")
    truth = observation.labels
    counts = answer_figures.confusion(truth, observation.answers, 10)
    np.testing.assert_array_equal(
        counts[:, :10], confusion_matrix(truth, observation.answers, labels=range(10))
    )
    assert counts.sum() == len(truth) == 355 and not counts[:, 10].any()
    assert np.trace(counts) / len(truth) == observation.score
    without = observation.answers.copy()
    without[:5] = -1
    assert answer_figures.confusion(truth, without, 10)[:, 10].sum() == 5


def test_mistakes_are_images_got_wrong():
    truth, answers = np.arange(100) % 10, np.arange(100) % 7
    chosen = answer_figures.mistakes(truth, answers)
    assert len(set(chosen)) == answer_figures.MAX_EXAMPLES
    assert (truth[chosen] != answers[chosen]).all() and (np.diff(truth[chosen]) >= 0).all()
    assert len(answer_figures.mistakes(truth, truth)) == 0


# --- folder and report --------------------------------------------------------------------------------


def test_replay_shows_the_best_of_every_task_and_reports_take_it_up(copy, capsys):
    (copy.path / "figures").mkdir()
    assert cli.main(["replay", str(copy.path)]) == 0
    printed = capsys.readouterr().out
    best = {row["task"]: row for row, _ in choose(copy)[0]}
    for task, row in best.items():
        assert row["score"] == max(r["score"] for r in copy.results() if r["task"] == task)
        assert f"{row['genome']} on {task}, graph 0, seed 0" in printed
    assert printed.count("as recorded") == 4 and "the best of 2 lineages" in printed
    index = json.loads((copy.path / "replay" / "replay.json").read_text())
    kinds = {row["task"]: [p["kind"] for p in row["pictures"]] for row in index["lineages"]}
    assert kinds["swimmer"][:2] == ["behaviour", "curvature"]
    assert kinds["digits"][:2] == ["confusion", "mistakes"]
    before = write.write_report(copy)
    page = (copy.path / "report.html").read_text()
    assert "data:image/gif;base64," in page and "prefers-reduced-motion" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    for task in ("swimmer", "digits"):
        name = f"behaviour_{task}.gif" if task == "swimmer" else f"confusion_{task}.svg"
        assert (copy.path / "figures" / name).is_file() and f'href="figures/{name}"' in page
    assert "Behaviour of connectome beside clock on swimmer. Seen from above" in page
    shutil.rmtree(copy.path / "replay")
    assert write.write_report(copy) == before  # pictures change no figure
    assert "data:image/gif" not in (copy.path / "report.html").read_text()


def test_replay_replaces_its_folder_whole_and_names_lineages_by_their_beginning(copy):
    lines = replay(copy, ["echo/connectome"], Excerpt())
    assert lines[0].startswith("connectome on echo, graph 0, seed 0, episode ")
    first = {p.name for p in (copy.path / "replay").iterdir()}
    assert first == {"replay.json", "echo__connectome__g0__s0"}
    both = ["swimmer/connectome/0/0", "swimmer/clock", "swimmer/clock/0"]
    lines = replay(copy, both, Excerpt(steps=20))
    assert "  It has no cells whose activity could be shown." in lines
    assert {p.name for p in (copy.path / "replay").iterdir()} == {
        "replay.json",
        "swimmer__connectome__g0__s0",
        "swimmer__clock__g0__s0",
    }
    assert [p.name for p in copy.path.glob(".replay*")] == []
    kinds = [picture.kind for picture in replayed([copy])["swimmer"]]
    assert kinds == ["behaviour", "curvature", "activity", "behaviour-2", "curvature-2"]
    out = copy.path.parent / "elsewhere"
    replay(copy, ["echo/connectome"], Excerpt(), out)
    assert (out / "echo__connectome__g0__s0" / "activity.svg").is_file()


def test_clock_on_a_task_without_a_body_has_nothing_to_show(copy):
    with pytest.raises(RunError, match=r"clock on echo, graph 0, seed 0, episode \d: a clock has no cells"):
        replay(copy, ["echo/clock"], Excerpt())
    assert not (copy.path / "replay").exists()


# --- bad input ----------------------------------------------------------------------------------------

WRONG = [
    (
        ["--lineage", "swimer"],
        "Unknown lineage 'swimer'. Did you mean 'swimmer'? Wanted TASK/GENOME/GRAPH/SEED",
    ),
    (["--lineage", "swimmer/connectom/0/0"], "Did you mean 'swimmer/connectome/0/0'?"),
    (["--lineage", "swimmer", "--episode", "3"], "Option 'episode' is 3; wanted a number in [0, 2]."),
    (["--lineage", "swimmer", "--steps", "31"], "Option 'steps' is 31; wanted a number in [1, 30]."),
    (["--lineage", "swimmer", "--steps", "0"], "Option 'steps' is 0; wanted a number at least 1."),
    (["--lineage", "digits", "--seed", "1"], "Option 'seed' is 1; task 'digits' shows its test images"),
    (["--lineage", "swimmer", "--out", "."], ". exists; wanted a new folder."),
    (["--stepz", "1"], "Unknown option '--stepz'. Did you mean '--steps'?"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_requests_end_in_one_line(folder, capsys, arguments, message):
    assert cli.main(["replay", str(folder.path), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and err.count("\n") == 1
    assert not (folder.path / "replay").exists()


def _cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _edit_unsealed(path: Path, old: str, new: str) -> None:
    """Edits the request of a run of a version that had no seals, which nobody can tell."""
    strip_seal(path)
    _edit(path / "config.toml", old, new)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


WIRING = "architecture.json"
CHAMPION = Path("champions") / "swimmer__connectome__g0__s0"
DAMAGES = [
    (lambda p: shutil.rmtree(p / "champions"), "holds no architecture.json; wanted a champion"),
    (lambda p: (p / CHAMPION / "parameters.safetensors").unlink(), "holds no parameters.safetensors"),
    (lambda p: _cut_in_half(p / CHAMPION / WIRING), "architecture.json is damaged"),
    (lambda p: _cut_in_half(p / CHAMPION / "parameters.safetensors"), "is damaged or of another version"),
    (
        lambda p: _edit(p / CHAMPION / "architecture.json", '"inputs": [', '"inputs": [999, '),
        "cells 0 to 999",
    ),
    (lambda p: _edit(p / CHAMPION / "architecture.json", '"neuron"', '"neurone"'), "(KeyError: 'neuron')"),
    (
        lambda p: shutil.copy(p / "champions/echo__connectome__g0__s0/parameters.safetensors", p / CHAMPION),
        "parameters for [",
    ),
    (lambda p: (p / "results.jsonl").unlink(), "holds no results; wanted a run that was carried through"),
    (lambda p: _edit_unsealed(p, "swimmer=swimmer:", "swimmer=swimer:"), "Task 'swimmer' of "),
    (
        lambda p: _edit_unsealed(p, "links=6", "links=7"),
        "15 sensors and 5 actuators, its task",
    ),
    (lambda p: _edit_unsealed(p, '"swimmer=swimmer', '"other=swimmer'), "names no task 'swimmer'"),
    (lambda p: (p / "replay").mkdir(), "exists and holds no replay.json; wanted a new folder"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_damaged_runs_end_in_one_line(copy, capsys, damage, message):
    damage(copy.path)
    assert cli.main(["replay", str(copy.path), "--lineage", "swimmer/connectome"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and err.count("\n") == 1
    assert not (copy.path / "replay" / "replay.json").exists()


def test_lineages_that_failed_have_no_champion_worth_showing(tmp_path):
    failing = small.run(tmp_path / "run", genome=("connectome",), task=(f"{small.ECHO}:broken=1",), **BUDGET)
    for wanted, error in (((), RunError), (("echo",), OptionError)):
        with pytest.raises(
            error, match=r"echo: no lineage ended with a score \(1 failed\), so that there is none"
        ):
            choose(failing, wanted)


def test_damaged_pictures_are_named_by_the_report(copy):
    replay(copy, ["echo/connectome"], Excerpt())
    _edit(copy.path / "replay" / "replay.json", '"activity"', '"../../activity"')
    with pytest.raises(NeuroevoError, match=r"replay is damaged .* python run.py replay"):
        write.write_report(copy)


# --- the circuit beside its best null -----------------------------------------------------------------


def scored(path: Path, priors: dict[str, str], scores: dict[str, list[list[float]]]) -> RunFolder:
    """Returns a folder with scores by genome, a list a graph, an item a seed, and no champions."""
    cores = {"adapter-only": "none", "clock": "clock", "frozen": "frozen"}
    facts = {x: {"name": name, "core": cores.get(name, "evolves")} for x, name in priors.items()}
    run = RunFolder.create(path, {"seed": 0}, {"lineages": [], "priors": facts})
    run.append_results(
        {"task": "t", "genome": genome, "graph": graph, "seed": seed, "score": score, "status": "done"}
        for genome, of_genome in scores.items()
        for graph, row in enumerate(of_genome)
        for seed, score in enumerate(row)
    )
    return run


def beside(folder: RunFolder) -> list[tuple[str, int, int]] | None:
    pair = rivals(folder, "t")
    return None if pair is None else [(row["genome"], row["graph"], row["seed"]) for row in pair]


def test_the_connectome_is_beside_its_best_null_and_of_one_seed(tmp_path):
    priors = {x: x for x in ("degree", "clock", "connectome", "random")}
    scores = {
        "degree": [[0.1, 0.2, 0.3], [0.2, 0.3, 0.1]],
        "clock": [[0.9, 0.9, 0.9]],
        "connectome": [[0.1, 0.5, 0.2]],
        "random": [[0.0, 0.0, 0.4]],
    }
    assert beside(scored(tmp_path / "a", priors, scores)) == [("connectome", 0, 1), ("degree", 1, 1)]


def test_without_the_connectome_the_leader_is_beside_the_next(tmp_path):
    priors = {"x": "degree", "y": "random", "adapter-only": "adapter-only"}
    scores = {"x": [[0.1, 0.2]], "y": [[0.3, 0.2]], "adapter-only": [[0.9, 0.8]]}
    assert beside(scored(tmp_path / "a", priors, scores)) == [("y", 0, 0), ("x", 0, 0)]
    assert beside(scored(tmp_path / "b", priors, {"y": [[0.3]], "adapter-only": [[0.9]]})) == [
        ("y", 0, 0),
        ("adapter-only", 0, 0),
    ]
    assert beside(scored(tmp_path / "c", priors, {"x": [[0.1]]})) is None


def test_film_shows_both_in_one_episode_with_their_recorded_scores(copy):
    lines = film(copy)
    assert lines and "Film of connectome beside clock on swimmer" in lines[0]
    index = json.loads((copy.path / "replay" / "replay.json").read_text())
    (row,) = index["lineages"]
    other = row["beside"]
    assert index["automatic"] is True and [x["kind"] for x in row["pictures"]] == ["behaviour"]
    assert (row["genome"], other["genome"]) == ("connectome", "clock")
    assert row["episode"] == other["episode"] and row["seed"] == other["seed"]
    assert row["score"] == row["recorded"] and other["score"] == other["recorded"]
    report = write.write_report(copy)
    assert report is not None
    page = (copy.path / "report.html").read_text()
    assert "Behaviour of connectome beside clock on swimmer" in page


def test_film_of_a_run_that_goes_on_is_drawn_anew_but_pictures_asked_for_stay(copy):
    assert film(copy) and film(copy)
    replay(copy, ["swimmer/clock"], Excerpt(steps=3))
    before = (copy.path / "replay" / "replay.json").read_bytes()
    assert film(copy) == []
    assert (copy.path / "replay" / "replay.json").read_bytes() == before


def test_champions_that_are_gone_make_a_film_fail_in_one_line(copy):
    shutil.rmtree(copy.path / "champions")
    with pytest.raises(RunError, match=r"holds no architecture.json[^\n]*$"):
        film(copy)
