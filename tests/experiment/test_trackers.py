"""Trackers: what the real libraries hold after a run, and that none of them can harm or betray one."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from neuroevo.errors import OptionError
from neuroevo.experiment.config import TRACKERS
from neuroevo.experiment.curves import Means
from neuroevo.experiment.trackers import OPENERS, Trackers, check, open_trackers, word
from neuroevo.files import Row
from neuroevo.referee.outcome import Verdict
from neuroevo.report.model import Measure, Report
from tests import ROOT, verdicts

CONFIG = {"genome": ["a", "b=stats-prior:gap=keep"], "seeds": 2, "seed": 7}
PLANNED = [{"task": "t", "genome": g, "graph": 0, "seed": s} for g in "ab" for s in range(2)]


def report() -> Report:
    """A report of two genomes on one task, of which one has an interval and the other an untrained score."""
    least = verdicts.least()
    (genome,) = least.tasks["t"].genomes
    a = replace(genome, score=Measure(0.5, (0.25, 0.75)), evaluations=15)
    b = replace(genome, label="b", score=Measure(0.375, None), evaluations=15)
    b = replace(b, untrained=Measure(0.125, None))
    verdict = Verdict("no winner", None, "No prior wins on t.")
    task = replace(least.tasks["t"], genomes=(a, b), verdict=verdict)
    run = replace(least.run, sentence="No winner: a and b do not differ.")
    return Report(run, {"t": task})


REPORT = report()
# SQLAlchemy deprecates what MLflow calls.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")


@pytest.fixture(autouse=True)
def plain_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test runs in an empty folder, without the user's own settings; what is set is taken back."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("WANDB_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    before = set(os.environ)
    yield
    for name in os.environ.keys() - before:
        del os.environ[name]


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new local store of MLflow, which takes seconds to make; tests start from copies of it."""
    folder = tmp_path_factory.mktemp("store")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        open_trackers(["mlflow"], folder, {}).close()
    return folder / "trackers" / "mlruns" / "mlflow.db"


def with_store(folder: Path, empty_store: Path) -> Path:
    """Puts a store into a run folder."""
    (folder / "trackers" / "mlruns").mkdir(parents=True)
    return Path(shutil.copy(empty_store, folder / "trackers" / "mlruns"))


def rows(genome: str, generation: int, **seeds: float | None) -> list[Row]:
    """Rows of metrics of lineages s0, s1 ... whose centre has the given fitness."""
    return [
        {
            "task": "t",
            "genome": genome,
            "graph": 0,
            "seed": int(name[1:]),
            "generation": generation,
            "evaluations": 5 * (generation + 1),
            "fitness_mean": None if fitness is None else fitness - 1,
            "fitness_best": None if fitness is None else fitness + 1,
            "fitness_centre": fitness,
            "failures": 1 if fitness is None else 0,
        }
        for name, fitness in seeds.items()
    ]


def track(folder: Path, *names: str) -> list[str]:
    """Tracks a small run in shards of one lineage; returns how to look at it."""
    folder.mkdir(exist_ok=True)
    with open_trackers(names, folder, CONFIG, PLANNED, warn=pytest.fail) as group:
        for generation in range(3):
            group.metrics(rows("b", generation, s0=0.5))
            group.metrics(rows("a", generation, s0=generation, s1=generation + 1))
            group.metrics(rows("b", generation, s1=None))
        group.finish(REPORT)
        views = group.views
    assert group.failures == []
    return views


CENTRES = {"a": [(5, 0.5), (10, 1.5), (15, 2.5)], "b": [(5, 0.5), (10, 0.5), (15, 0.5)]}


# --- means over lineages ------------------------------------------------------------------------------


def test_a_point_is_given_once_all_lineages_reported_it() -> None:
    means = Means()
    means.plan(PLANNED)
    assert means.add(rows("a", 0, s1=3.0)) == []
    assert means.add(rows("a", 1, s1=5.0) + rows("b", 0, s0=9.0)) == []
    (point,) = means.add(rows("a", 0, s0=1.0))
    assert point == {
        "stage": "",
        "task": "t",
        "genome": "a",
        "generation": 0,
        "evaluations": 5,
        "lineages": 2,
        "failures": 0,
        "fitness_mean": 1.0,
        "fitness_best": 3.0,
        "fitness_centre": 2.0,
    }
    assert means.rest() == [  # b has no point yet; a's half of a generation would be a jump of its curve
        {"stage": "", "task": "t", "genome": "b", "generation": 0, "evaluations": 5, "lineages": 1}
        | {"failures": 0, "fitness_mean": 8.0, "fitness_best": 10.0, "fitness_centre": 9.0}
    ]


def test_points_do_not_depend_on_the_make_up_of_shards() -> None:
    everything = [row for g in range(4) for label in "ab" for row in rows(label, g, s0=g, s1=-g)]
    found = []
    for size in (1, 3, 16):
        means = Means()
        means.plan(PLANNED)
        points = [p for k in range(0, 16, size) for p in means.add(everything[k : k + size])]
        found.append(sorted(points, key=lambda p: (p["genome"], p["generation"])))
    assert len(found[0]) == 8 and found[0] == found[1] == found[2]


def test_a_failed_lineage_counts_as_a_failure_and_in_no_mean() -> None:
    means = Means()
    means.plan(PLANNED)
    (point,) = means.add(rows("a", 0, s0=None, s1=4.0))
    assert point["fitness_centre"] == 4.0 and point["failures"] == 1 and point["lineages"] == 2
    (point,) = means.add(rows("a", 1, s0=None, s1=None))
    assert "fitness_centre" not in point and point["failures"] == 2


def test_priors_of_one_population_have_shares() -> None:
    means = Means()
    means.plan(PLANNED)

    def members(generation: int, labels: str) -> list[Row]:
        return [
            row | {"epoch": generation, "graph": k}
            for k, label in enumerate(labels)
            for row in rows(label, generation, s0=k)
        ]

    assert means.add(members(0, "aabb")[:3]) == []
    shares = [{p["genome"]: p["share"] for p in means.add(members(0, "aabb")[3:])}]
    shares += [
        {p["genome"]: p["share"] for p in means.add(members(g, s))} for g, s in ((1, "bbba"), (2, "bbbb"))
    ]
    assert shares == [{"a": 0.5, "b": 0.5}, {"b": 0.75, "a": 0.25}, {"b": 1.0, "a": 0.0}]


def test_a_confirmation_makes_curves_of_its_own() -> None:
    means = Means()
    means.plan(PLANNED)
    means.plan([{"task": "t", "genome": "a", "graph": 0, "seed": s} for s in (2, 3, 4)], "confirmation")
    (race,) = means.add(rows("a", 0, s0=1.0, s1=1.0))
    assert means.add(rows("a", 0, s2=5.0, s3=5.0)) == []
    (again,) = means.add(rows("a", 0, s4=5.0))
    assert (race["stage"], race["fitness_centre"]) == ("", 1.0)
    assert (again["stage"], again["fitness_centre"], again["lineages"]) == ("confirmation", 5.0, 3)
    assert means.rest() == []


# --- what the libraries hold --------------------------------------------------------------------------


def test_tensorboard_shows_curves_against_evaluations(tmp_path: Path) -> None:
    (view,) = track(tmp_path / "run", "tensorboard")
    folder = tmp_path / "run" / "trackers" / "tensorboard"
    assert view == f"tensorboard --logdir {folder}"
    for genome, centres in CENTRES.items():
        held = EventAccumulator(str(folder / "t" / genome)).Reload()
        assert [(x.step, x.value) for x in held.Scalars("t/fitness_centre")] == centres
        assert {"t/fitness_mean", "t/fitness_best", "t/failures"} < set(held.Tags()["scalars"])
        (score,) = held.Scalars("t/score")
        assert (score.step, score.value) == (15, 0.5 if genome == "a" else 0.375)
    held = EventAccumulator(str(folder)).Reload()
    (config,) = held.Tensors("config/text_summary")
    assert b'genome = ["a", "b=stats-prior:gap=keep"]' in config.tensor_proto.string_val[0]
    (verdict,) = held.Tensors("verdict/text_summary")
    assert verdict.tensor_proto.string_val[0] == b"No winner: a and b do not differ."


def test_mlflow_holds_curves_scores_and_the_request(tmp_path: Path, empty_store: Path) -> None:
    from mlflow import MlflowClient

    with_store(tmp_path / "run", empty_store)
    (view,) = track(tmp_path / "run", "mlflow")
    store = f"sqlite:///{tmp_path}/run/trackers/mlruns/mlflow.db"
    assert view == f"mlflow ui --backend-store-uri {store}"
    client = MlflowClient(tracking_uri=store)
    experiment = client.get_experiment_by_name("neuroevo").experiment_id
    run, first = client.search_runs([experiment], order_by=["attributes.start_time DESC"])
    assert (run.info.run_name, run.info.status, first.info.status) == ("run", "FINISHED", "FAILED")
    for genome, centres in CENTRES.items():
        held = client.get_metric_history(run.info.run_id, f"t/{genome}/fitness_centre")
        assert sorted((x.step, x.value) for x in held) == centres
    assert run.data.metrics["t/a/score"] == 0.5 and run.data.metrics["t/a/score_high"] == 0.75
    assert run.data.metrics["t/b/untrained_score"] == 0.125 and "t/b/score_high" not in run.data.metrics
    assert run.data.params == {"genome": '["a", "b=stats-prior:gap=keep"]', "seeds": "2", "seed": "7"}
    assert (
        run.data.tags["verdict"] == REPORT.run.sentence
        and run.data.tags["t/verdict"] == "No prior wins on t."
    )
    assert [p.name for p in tmp_path.iterdir()] == ["run"]  # no mlruns/ in the working directory
    assert [p.name for p in (tmp_path / "run" / "trackers" / "mlruns").iterdir()] == ["mlflow.db"]


def records(path: Path) -> Iterator[Any]:
    """Yields the records of an offline W&B run: blocks as LevelDB's log has them, after a head of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, parts = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while at < len(data):
        if 32_768 - at % 32_768 < 7:  # no head fits into what is left of the block
            at += 32_768 - at % 32_768
        length, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = Record()
            record.ParseFromString(parts)
            yield record
            parts = b""


def items(entries: Sequence[Any]) -> dict[str, str]:
    return {entry.key or "/".join(entry.nested_key): entry.value_json for entry in entries}


def test_wandb_keeps_curves_scores_and_the_request_offline(tmp_path: Path) -> None:
    import wandb

    (view,) = track(tmp_path / "run", "wandb")
    wandb.teardown()  # waits, as the end of a process does, until its service has written everything
    (folder,) = (tmp_path / "run" / "trackers" / "wandb").glob("offline-run-*")
    assert view == f"wandb sync {folder}"
    found = list(records(next(folder.glob("*.wandb"))))
    started = next(r.run for r in found if r.WhichOneof("record_type") == "run")
    assert (started.project, started.display_name) == ("neuroevo", "run")
    assert items(started.config.update).items() >= {"seeds": "2", "seed": "7"}.items()
    history = [items(r.history.item) for r in found if r.WhichOneof("record_type") == "history"]
    for genome, centres in CENTRES.items():
        name = f"t/{genome}/fitness_centre"
        assert [(int(h["evaluations"]), float(h[name])) for h in history if name in h] == centres
    metrics = [r.metric for r in found if r.WhichOneof("record_type") == "metric"]
    assert any(m.glob_name == "*" and m.step_metric == "evaluations" for m in metrics)
    summary: dict[str, str] = {}
    for record in found:
        summary |= items(record.summary.update)
    assert summary["t/a/score"] == "0.5" and summary["verdict"] == f'"{REPORT.run.sentence}"'
    assert next(r.exit.exit_code for r in found if r.WhichOneof("record_type") == "exit") == 0


def test_a_run_that_ends_early_counts_as_failed(tmp_path: Path, empty_store: Path) -> None:
    from mlflow import MlflowClient

    store = with_store(tmp_path, empty_store)
    with pytest.raises(KeyboardInterrupt), open_trackers(["mlflow"], tmp_path, CONFIG, PLANNED) as group:
        group.metrics(rows("a", 0, s0=1.0, s1=2.0))
        raise KeyboardInterrupt
    client = MlflowClient(tracking_uri=f"sqlite:///{store}")
    experiment = client.get_experiment_by_name("neuroevo").experiment_id
    run = client.search_runs([experiment], order_by=["attributes.start_time DESC"])[0]
    assert run.info.status == "FAILED" and run.data.metrics["t/a/fitness_centre"] == 1.5


def test_the_users_own_store_is_used(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shutil.copy(empty_store, tmp_path / 'own.db')}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "worms")
    for name in ("one", "two"):
        track(tmp_path / name, "mlflow")
        assert not (tmp_path / name / "trackers").exists()
    client = MlflowClient()
    found = client.search_runs([client.get_experiment_by_name("worms").experiment_id])
    assert {run.info.run_name for run in found} == {"one", "two"}


def test_without_trackers_nothing_is_written(tmp_path: Path) -> None:
    assert track(tmp_path / "run") == []
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("alphabet", ["a/", "a.", "a=,:", "a ", 'a"\n%', "aθ"])
def test_different_labels_have_different_names_that_all_trackers_take(alphabet: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    labels = {x + y + z for x in alphabet for y in alphabet for z in alphabet} | {
        "a" * 59,
        "a" * 60,
        "a" * 61,
    }
    names = {word(label) for label in labels}
    assert len(names) == len(labels)
    for name in names:
        _validate_metric_name("/".join([name] * 3 + ["untrained_score"]))
        assert len(name) <= 60 and "/" not in name
    assert word("stats-prior") == "stats-prior" and word("near: 0.1") == "near: 0.1"


# --- requests that cannot be met ----------------------------------------------------------------------


@pytest.mark.parametrize("name", TRACKERS)
def test_missing_package_is_named_with_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda p: None if p == name else real(p))
    with pytest.raises(OptionError) as error:
        check([name])
    assert str(error.value) == (
        f"Tracker '{name}' needs the package {name}, which is not installed; run: "
        f"pip install 'neuroevo[{name}]'"
    )


def test_what_a_local_store_of_mlflow_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda p: None if p == "sqlalchemy" else real(p))
    with pytest.raises(OptionError, match=r"needs the package sqlalchemy.*pip install 'neuroevo\[mlflow\]'"):
        check(["mlflow"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    check(["mlflow"])


def test_a_folder_of_that_name_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wandb").mkdir()  # what W&B leaves where it ran
    finder = importlib.machinery.PathFinder
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: finder.find_spec(name, [str(tmp_path)]))
    assert importlib.util.find_spec("wandb") is not None
    with pytest.raises(OptionError, match="needs the package wandb"):
        check(["wandb"])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["tensorbord"], "Unknown tracker 'tensorbord'. Did you mean 'tensorboard'?"),
        (["wandb", "wandb"], "Tracker 'wandb' is given twice"),
    ],
)
def test_bad_names_are_told(names: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=re.escape(words)):
        open_trackers(names, tmp_path / "run", CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_check_imports_no_library() -> None:
    code = "from neuroevo.experiment.trackers import check; check(['tensorboard', 'wandb', 'mlflow'])\n"
    code += "import sys; print([m for m in ('torch', 'tensorboard', 'wandb', 'mlflow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_tracker_that_cannot_start_is_told_and_the_others_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = []
    monkeypatch.setitem(OPENERS, "wandb", lambda *_: Recorder(ended))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://nowhere")
    with pytest.raises(OptionError) as error:
        open_trackers(["wandb", "mlflow"], tmp_path, CONFIG)
    assert re.match(r"Tracker 'mlflow' cannot start \(.*nonsense.*\); put that right", str(error.value))
    assert "\n" not in str(error.value) and ended == ["closed"]


# --- trackers that fail -------------------------------------------------------------------------------


class Recorder:
    """A tracker that keeps what it is told, and may fail at it."""

    view = "recorder"

    def __init__(self, told: list[Any], failing: str = "") -> None:
        self.told, self.failing = told, failing

    def _tell(self, what: str, value: Any) -> None:
        if what == self.failing:
            raise ConnectionError(f"lost\n{what}")
        self.told.append(value)

    def metrics(self, rows: Sequence[Row]) -> None:
        self._tell("metrics", [(row["genome"], row["generation"]) for row in rows])

    def finish(self, report: Report) -> None:
        self._tell("finish", "finished")

    def close(self) -> None:
        self._tell("close", "closed")


@pytest.mark.parametrize("failing", ["metrics", "finish", "close"])
def test_a_tracker_that_fails_is_switched_off_and_told_once(failing: str) -> None:
    bad, good, said = [], [], []
    with Trackers({"bad": Recorder(bad, failing), "good": Recorder(good)}, said.append) as group:
        group.plan(PLANNED)
        for generation in range(3):
            group.metrics(rows("a", generation, s0=1.0, s1=1.0))
        group.finish(REPORT)
    assert good == [[("a", 0)], [("a", 1)], [("a", 2)], [], "finished", "closed"]
    (sentence,) = said
    assert sentence == group.failures[0] and len(group.failures) == 1
    assert sentence.startswith(
        f"Tracker 'bad' failed and was switched off (ConnectionError: lost {failing}); "
    )
    assert len(bad) < len(good) and (bad[-1] == "closed" or failing == "close")
    group.close()
    assert good.count("closed") == 1


def test_a_real_tracker_that_fails_in_the_middle_does_not_end_the_run(
    tmp_path: Path, empty_store: Path
) -> None:
    store, said = with_store(tmp_path, empty_store), []
    names = ["mlflow", "tensorboard"]
    with open_trackers(names, tmp_path, CONFIG, PLANNED, warn=said.append) as group:
        store.write_bytes(b"overwritten" * 100)
        for generation in range(3):
            group.metrics(rows("a", generation, s0=1.0, s1=1.0))
        group.finish(REPORT)
    assert len(said) == 1 and "'mlflow' failed and was switched off (" in said[0]
    held = EventAccumulator(str(tmp_path / "trackers" / "tensorboard" / "t" / "a")).Reload()
    assert len(held.Scalars("t/fitness_centre")) == 3 and len(held.Scalars("t/score")) == 1


# --- nothing leaves the machine -----------------------------------------------------------------------

OFFLINE = """
import os, sys
reached = []
def watch(event, arguments):
    if event == "socket.connect" and arguments[0].family.name.startswith("AF_INET"):
        reached.append(arguments[1][0])
    elif event == "socket.getaddrinfo":
        reached.append(arguments[0])
sys.addaudithook(watch)
from pathlib import Path
from neuroevo.experiment.config import TRACKERS
from neuroevo.experiment.trackers import check, open_trackers
check(list(TRACKERS))
import neuroevo.search  # as a run does; EvoTorch imports what trackers it finds
from tests import verdicts
folder = Path(sys.argv[1])
row = {"task": "t", "genome": "a", "graph": 0, "seed": 0, "generation": 0, "evaluations": 5}
row |= {"fitness_mean": 0.0, "fitness_best": 1.0, "fitness_centre": 0.5, "failures": 0}
with open_trackers(list(TRACKERS), folder, {"seed": 0}, [row]) as group:
    group.metrics([row])
    group.finish(verdicts.least())
assert not group.failures, group.failures
print(sorted({host for host in reached if host not in ("127.0.0.1", "::1", "localhost")}))
import subprocess
fetch = "import urllib.request as r; r.urlopen('http://nowhere.invalid/')"
print(subprocess.run([sys.executable, "-c", fetch], capture_output=True).returncode)
"""


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that refuses everything and keeps the first bytes of what it was asked."""
    asked: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:  # closed
                return
            with client:
                asked.append(client.recv(200))
                client.sendall(b"HTTP/1.1 502 no\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_trackers_reach_no_network_and_say_nothing(tmp_path: Path, proxy: tuple[str, list[bytes]]) -> None:
    """This process and its own sockets are watched; those of wandb's service would go to the proxy."""
    address, asked = proxy
    # Without PYTEST_* and CI: where they believe to be tested, libraries send nothing anyway.
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        environment |= {name: address, name.upper(): address}
    (tmp_path / "run").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path / "run")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "1"] and done.stderr == ""
    (control,) = asked  # the fetch that was made to be seen, and nothing before it
    assert control.startswith(b"GET http://nowhere.invalid/")
    assert {p.name for p in (tmp_path / "run" / "trackers").iterdir()} == {"tensorboard", "wandb", "mlruns"}
