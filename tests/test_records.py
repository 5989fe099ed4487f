"""The run folder: nothing half written, nothing read that is damaged, no label that escapes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroevo import checkpoint, outside, seal
from neuroevo.errors import RunError
from neuroevo.files import line_of, to_json
from neuroevo.folders import safe_name
from neuroevo.run_folder import RunFolder

LINEAGE = {"task": "swimmer", "genome": "random", "graph": 0, "seed": 1}


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "deep" / "run", {"seed": 3, "genome": ["random"]}, {"commit": "abc"})


def metric(generation: int, **values) -> dict:
    return {**LINEAGE, "generation": generation, "evaluations": 8 * generation, **values}


def result(**values) -> dict:
    return {**LINEAGE, "score": 0.5, "status": "done", **values}


# --- the folder ---------------------------------------------------------------------------------------


def test_run_folder_returns_what_it_was_given(run):
    again = RunFolder.open(str(run.path))
    assert again.config() == {"seed": 3, "genome": ["random"]}
    assert again.manifest() == {"commit": "abc", "requests": [seal.entry(again.config())]}
    assert again.metrics() == again.results() == again.unfinished() == []
    assert sorted(p.name for p in run.path.iterdir()) == ["config.toml", "manifest.json"]
    assert [p.name for p in run.path.parent.iterdir()] == ["run"]


def test_config_leaves_out_what_is_unset(tmp_path):
    run = RunFolder.create(tmp_path / "run", {"out": None, "budgets": {"x": {"y": None, "z": 1}}}, {})
    assert run.config() == {"budgets": {"x": {"z": 1}}}


@pytest.mark.parametrize("kind", ["folder", "file", "broken link"])
def test_create_refuses_what_exists_and_leaves_it_alone(tmp_path, kind):
    path = tmp_path / "run"
    if kind == "file":
        path.write_text("mine")
    elif kind == "broken link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.mkdir()
        (path / "notes.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RunError, match=r"run exists; wanted a new folder"):
        RunFolder.create(path, {}, {})
    assert sorted(tmp_path.rglob("*")) == before


def test_create_leaves_nothing_behind_when_it_fails(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="Cannot make"):
        RunFolder.create(tmp_path / "file" / "run", {}, {})
    with pytest.raises(TypeError):
        RunFolder.create(tmp_path / "run", {"no TOML": object()}, {})
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_open_refuses_what_is_no_run_folder(tmp_path):
    with pytest.raises(RunError, match="is not a folder"):
        RunFolder.open(tmp_path / "missing")
    with pytest.raises(RunError, match=r"holds no config\.toml"):
        RunFolder.open(tmp_path)


def test_manifest_keeps_other_entries_when_updated(run):
    run.write_manifest(wall_seconds=1.5, versions={"python": "3.11"})
    given = {"commit": "abc", "requests": [seal.entry(run.config())]}
    assert run.manifest() == {**given, "wall_seconds": 1.5, "versions": {"python": "3.11"}}


# --- rows ---------------------------------------------------------------------------------------------


def test_json_is_strict(run):
    run.append_metrics([metric(0, fitness_mean=float("nan"), fitness_best=np.float32(np.inf))])
    line = (run.path / "metrics.jsonl").read_text()
    assert "NaN" not in line and "Infinity" not in line
    assert run.metrics()[0]["fitness_mean"] is None
    assert to_json({"a": np.arange(2), "b": (np.bool_(True), -np.inf)}) == '{"a": [0, 1], "b": [true, null]}'
    mixed = {
        "x": [1.5, float("nan")],
        "y": [1, 2.5, np.inf],
        "z": [True, None, "t", 3],
        "e": [],
        "p": [Path("a/b")],
    }
    assert to_json(mixed) == (
        '{"x": [1.5, null], "y": [1, 2.5, null], "z": [true, null, "t", 3], "e": [], "p": ["a/b"]}'
    )


def test_metrics_without_the_end_of_a_line_are_read_and_reported(run):
    run.append_metrics([metric(0), metric(1)])
    with open(run.path / "metrics.jsonl", "a") as file:
        file.write('{"task": "swimmer", "gen')
    assert [row["generation"] for row in run.metrics()] == [0, 1]
    assert run.unfinished() == ["metrics.jsonl ends in half a line (line 3), which is left out."]
    run.append_metrics([metric(2)])
    assert [row["generation"] for row in run.metrics()] == [0, 1, 2]
    assert run.unfinished() == []


def test_metrics_that_are_nothing_but_half_a_line_are_empty(run):
    (run.path / "metrics.jsonl").write_text('{"task"')
    assert run.metrics() == []
    run.append_metrics([metric(0)])
    assert run.metrics() == [metric(0)]


@pytest.mark.parametrize(
    "damage",
    [
        '{"task": "swimmer", "gen',
        "",
        "[1, 2]",
        json.dumps(LINEAGE),
        json.dumps(metric(1, seed="one")),
        json.dumps(metric(1, fitness_mean="high")),
        json.dumps(metric(1)).replace("8", "NaN"),
        "\udc80",
    ],
)
def test_damaged_line_is_named(run, damage):
    whole = [line_of(metric(k), run.seal.tail).decode() for k in (0, 2)]
    (run.path / "metrics.jsonl").write_text(f"{damage}\n".join(whole), errors="surrogateescape")
    with pytest.raises(RunError, match=r"metrics\.jsonl, line 2 is damaged"):
        run.metrics()


def test_generation_computed_twice_is_counted_once(run):
    run.append_metrics([metric(0, fitness_mean=1.0), metric(1, fitness_mean=2.0)])
    run.append_metrics([metric(1, fitness_mean=3.0)])
    assert [row["fitness_mean"] for row in run.metrics()] == [1.0, 3.0]


def test_results_are_appended_replaced_and_shortened(run):
    run.append_results([result(episode_scores=[1.0] * 1000)])
    run.append_results([result(seed=2, score=float("nan"), status="failed", episode_scores=np.ones(1001))])
    first, second = run.results()
    assert len(first["episode_scores"]) == 1000
    assert second["episode_scores"] is None and second["score"] is None
    run.replace_results([result(score=0.7)])
    assert [row["score"] for row in run.results()] == [0.7]


RUNG = {"task": "swimmer", "rung": 1, "generation": 5, "genome": "random", "p": 0.2, "dropped": False}
EPOCH = {"task": "swimmer", "population": 0, "epoch": 0, "generation": 0, "shares": {"random": 1.0}}


def test_selection_is_appended_and_read_back_in_order(run):
    assert run.selection() == []
    run.append_selection([RUNG, RUNG | {"p": float("nan"), "against": None}])
    run.append_selection([{"task": "swimmer", "event": "confirmation", "seeds": [4, 7]}, EPOCH])
    rows = run.selection()
    assert rows[0] == RUNG and rows[1]["p"] is None
    assert rows[2]["seeds"] == [4, 7] and rows[3] == EPOCH


def test_selection_without_the_end_of_a_line_is_read_and_reported(run):
    run.append_selection([RUNG])
    with open(run.path / "selection.jsonl", "a") as file:
        file.write('{"task": "swimmer", "ru')
    assert run.selection() == [RUNG]
    assert run.unfinished() == ["selection.jsonl ends in half a line (line 2), which is left out."]
    run.append_selection([EPOCH])
    assert run.selection() == [RUNG, EPOCH] and run.unfinished() == []


@pytest.mark.parametrize(
    "damage", [{"rung": 1}, RUNG | {"rung": "one"}, RUNG | {"dropped": 1}, EPOCH | {"shares": [1.0]}]
)
def test_damaged_selection_is_named(run, damage):
    run.append_selection([RUNG, damage])
    with pytest.raises(RunError, match=r"selection\.jsonl, line 2 is damaged"):
        run.selection()


@pytest.mark.parametrize("status", ["censored", "raced"])
def test_results_without_a_score_are_read_back(run, status):
    row = result(score=None, status=status, role="race", generations=5)
    run.append_results([row])
    assert run.results() == [row]


def test_damaged_config_and_manifest_are_named(run):
    (run.path / "config.toml").write_text("seed = ")
    with pytest.raises(RunError, match=r"config\.toml is damaged"):
        run.config()
    (run.path / "manifest.json").write_text("[]")
    with pytest.raises(RunError, match=r"manifest\.json is damaged"):
        run.manifest()


# --- champions ----------------------------------------------------------------------------------------


def test_champion_can_be_read_back(run):
    from safetensors.numpy import load_file

    parameters = np.arange(6, dtype=np.float32).reshape(2, 3).T  # not in C order
    folder = run.write_champion(("swimmer", "stats-prior", 2, 7), {"cells": ["AVAL"]}, {"core": parameters})
    assert folder == run.path / "champions" / "swimmer__stats-prior__g2__s7"
    assert json.loads((folder / "architecture.json").read_text()) == {"cells": ["AVAL"]}
    np.testing.assert_array_equal(load_file(folder / "parameters.safetensors")["core"], parameters)


@pytest.mark.parametrize("label", ["../../x", "/etc", "..", ".", "", "a\\b", "nul\0", "x" * 500, "é/ü" * 90])
def test_champion_label_cannot_escape(run, label):
    folder = run.write_champion((label, label, 0, 0), {}, {"p": np.zeros(1)})
    assert folder.resolve().parent == (run.path / "champions").resolve()
    assert (folder / "architecture.json").exists()


@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), min_size=2, max_size=2, unique=True))
def test_different_labels_give_different_names(pairs):
    first, second = (f"{safe_name(task)}__{safe_name(genome)}" for task, genome in pairs)
    assert first != second
    assert "/" not in first and "\0" not in first


@given(st.text(alphabet="_a", max_size=4), st.text(alphabet="_a", max_size=4), st.text("_a", max_size=8))
def test_separator_cannot_be_imitated(task, genome, other):
    joined = f"{safe_name(task)}__{safe_name(genome)}"
    assert joined.split("__") == [safe_name(task), safe_name(genome)]
    assert "__" not in safe_name(other)


def test_long_labels_stay_apart():
    assert safe_name("x" * 500) != safe_name("x" * 501)


# --- checkpoints --------------------------------------------------------------------------------------

ARRAYS = {
    "centre": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32).T,
    "count": np.array(7),
    "mask": np.array([True, False]),
}


def test_checkpoint_returns_what_it_was_given(run):
    run.write_checkpoint({"old": np.zeros(3)}, {"generation": 1})
    run.write_checkpoint(ARRAYS, {"generation": 2})
    arrays, state = run.read_checkpoint()
    assert state == {"generation": 2}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
    assert not list(run.path.glob("*.new")) and not list(run.path.glob(".*.new"))


@given(st.data())
def test_damaged_checkpoint_is_never_taken_for_another(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("run")
    checkpoint.save(folder, ARRAYS, {"generation": 2, "text": "é"})
    path = folder / checkpoint.NEWEST
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        damaged = whole[:place]
    else:
        damaged = (
            whole[:place] + bytes([whole[place] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[place + 1 :]
        )
    path.write_bytes(damaged)
    try:
        arrays, state, note = checkpoint.load(folder)
    except RunError as error:
        assert "is damaged" in str(error)
    else:  # a space between two parts of the file means nothing
        assert (state, note) == ({"generation": 2, "text": "é"}, "")
        assert {k: v.tobytes() for k, v in arrays.items()} == {k: v.tobytes() for k, v in ARRAYS.items()}


def test_checkpoint_may_be_larger_than_a_text(run, monkeypatch):
    arrays = {"states": np.zeros(100_000)}
    run.write_checkpoint({"states": np.ones(3)}, {"generation": 1})
    run.write_checkpoint(arrays, {"generation": 2})
    size = (run.path / checkpoint.NEWEST).stat().st_size
    monkeypatch.setattr(outside, "most_text", lambda: size - 1)
    assert run.read_checkpoint()[1] == {"generation": 2}


def test_missing_checkpoint_is_refused(run):
    with pytest.raises(RunError, match=r"Cannot read .*checkpoint\.safetensors"):
        run.read_checkpoint()


@pytest.mark.parametrize("renames", [0, 1])
def test_checkpoint_survives_a_writer_that_dies(run, renames, monkeypatch):
    run.write_checkpoint(ARRAYS, {"generation": 1})
    replace, done = os.replace, []

    def dying(*paths):
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(paths)
        replace(*paths)

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        run.write_checkpoint({"centre": np.ones(2)}, {"generation": 2})
    assert run.read_checkpoint()[1] == {"generation": 1}


def test_folder_has_one_writer_at_a_time(run):
    with run.writing():
        with pytest.raises(RunError, match=r"^Another process is writing to .*; wait for it or stop it\.$"):
            with run.writing():
                pass
    with run.writing():
        pass
