"""The public API as a notebook uses it: nothing is imported but `neuroevo`."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import pytest

import neuroevo as ne
from neuroevo.seeds import derive
from tests import ROOT
from tests.small import CIRCUIT
from tests.toy import Echo

REQUEST: dict[str, Any] = {
    "genome": ["connectome", "random"],
    "task": ["echo=tests.toy:Echo"],
    "connectome": CIRCUIT,
    "seeds": 2,
    "generations": 3,
    "population": 8,
    "workers": 0,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ne.Run:
    return ne.run(**REQUEST, out=tmp_path_factory.mktemp("api") / "run")


def test_every_promised_name_is_there_and_documented() -> None:
    for name in ne.__all__:
        assert getattr(ne, name).__doc__
    stub = ast.parse((ROOT / "neuroevo" / "__init__.pyi").read_text("utf-8"))
    (listed,) = (ast.literal_eval(x.value) for x in stub.body if isinstance(x, ast.Assign))
    assert sorted(listed) == sorted(ne.__all__)


def test_import_brings_no_heavy_library_and_fills_no_registry() -> None:
    code = (
        "import sys, neuroevo as ne\n"
        "heavy = {'torch', 'numpy', 'pandas', 'ray', 'evotorch', 'mujoco', 'scipy', 'matplotlib', 'numba'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert 'populations' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_registries_are_filled_without_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code = (
        "import neuroevo as ne\n"
        "assert {'connectome', 'degree'} <= set(ne.priors.names()), ne.priors.names()\n"
        "assert {'digits', 'swimmer'} <= set(ne.tasks.names()), ne.tasks.names()\n"
        "print(ne.sample('degree', 'celegans-perimotor').content_hash)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.strip() == ne.sample("degree", CIRCUIT).content_hash


def test_sample_is_the_graph_that_a_run_has(run: ne.Run) -> None:
    hashes = run.results().set_index("genome")["graph_hash"]
    worm = ne.load_connectome(CIRCUIT)
    assert ne.sample("random", worm, seed=0).content_hash == hashes["random"].iloc[0]
    assert ne.sample("random", worm, seed=0, graph=1).content_hash != hashes["random"].iloc[0]


def test_compare_puts_priors_beside_their_connectome() -> None:
    worm = ne.load_connectome(CIRCUIT)
    table = ne.compare(["degree", "random"], worm, samples=2)
    assert table.loc["reciprocity", ("source", "value")] == ne.graph_statistics(worm)["reciprocity"]
    assert table.loc["degree_error", ("degree", "mean")] == 0.0
    assert table.loc["degree_error", ("random", "mean")] > 0.0
    pd.testing.assert_frame_equal(ne.compare("degree", CIRCUIT, samples=2), table[["source", "degree"]])


def test_run_leaves_tables_and_a_report(run: ne.Run) -> None:
    assert run.status == "done" and run.config()["seeds"] == 2
    assert len(run.results()) == 4 and len(run.metrics()) == 4 * 3
    (comparison,) = run.comparisons().to_dict("records")
    means = run.results().groupby("genome")["score"].mean()
    assert comparison["difference"] == pytest.approx(means[comparison["a"]] - means[comparison["b"]])
    report = run.report()
    assert report.to_json() == json.loads((run.path / "report.json").read_text("utf-8"))
    assert report.run.sentence in str(report)


def test_run_is_that_of_the_command_line(run: ne.Run, tmp_path: Path) -> None:
    from run import main

    words = [f"--{name}" for name in REQUEST]
    flags = [x for w, v in zip(words, REQUEST.values(), strict=True) for x in (w, *np.atleast_1d(v))]
    assert main([*map(str, flags), "--quiet", "--out", str(tmp_path / "run")]) == 0
    theirs, ours = ((path / "results.jsonl").read_bytes() for path in (tmp_path / "run", run.path))
    assert theirs == ours
    pd.testing.assert_frame_equal(ne.open_run(tmp_path / "run").results(), run.results())


def test_samples_are_written_as_tables_that_are_read_again(tmp_path: Path) -> None:
    (path,) = ne.write_samples("degree", CIRCUIT, tmp_path / "nulls")
    again = ne.load_connectome(path)
    assert len(again.chemical) == len(ne.sample("degree", CIRCUIT).chemical)


def test_runs_of_one_request_are_reported_as_one(run: ne.Run, tmp_path: Path) -> None:
    other = ne.run(**{**REQUEST, "genome": ["degree"]}, out=tmp_path / "other")
    report = ne.join([run, other.path], tmp_path / "joined")
    (task,) = report.tasks.values()
    assert {genome.label for genome in task.genomes} == {"connectome", "random", "degree"}
    assert (tmp_path / "joined" / "report.html").exists()


def test_scores_in_a_table_are_judged_as_those_in_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [
        {"task": "t", "genome": genome, "graph": g, "seed": s, "score": mean + 0.1 * rng.normal()}
        for genome, mean, num_graphs in (("wired", 2.0, 12), ("null", 1.0, 12))
        for g in range(num_graphs)
        for s in range(5)
    ]
    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "scores.csv", index=False)
    words = {"margin": ["0.2"], "unit": ["m/s"]}
    ours = ne.judge(table, tmp_path / "ours", **words)
    theirs = ne.judge(tmp_path / "scores.csv", tmp_path / "theirs", **words)
    assert ours.tasks["t"].verdict == theirs.tasks["t"].verdict
    assert ours.tasks["t"].verdict.winner == "wired"
    assert (tmp_path / "ours" / "report.html").exists()
    with pytest.raises(ne.errors.OptionError, match="in margin"):
        ne.judge(table, tmp_path / "none", margin=["other=0.2"])
    assert not (tmp_path / "none").exists()


def test_replay_draws_what_a_champion_does(tmp_path: Path) -> None:
    words = {**REQUEST, "task": ["swimmer:steps=20,held_out=2"], "genome": "connectome", "seeds": 1}
    lines = ne.run(**words, out=tmp_path / "run").replay()
    assert any("swimmer" in line for line in lines)
    assert list((tmp_path / "run" / "replay").rglob("*.gif"))


def test_progress_is_told_of_every_generation(tmp_path: Path) -> None:
    shares: list[float] = []
    ne.run(**REQUEST, out=tmp_path / "run", progress=lambda p: shares.append(p.done / p.total))
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) >= 3


def test_progress_can_end_a_run_which_is_resumed_to_the_same_results(run: ne.Run, tmp_path: Path) -> None:
    def stop(progress: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ne.run(**REQUEST, out=tmp_path / "run", progress=stop)
    assert ne.open_run(tmp_path / "run").status == "interrupted"
    resumed = ne.resume(tmp_path / "run")
    assert resumed.status == "done"
    pd.testing.assert_frame_equal(resumed.results(), run.results())


def test_wrong_word_of_a_request_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ne.errors.OptionError, match="seed"):
        ne.run(**{**REQUEST, "seeds": 0}, out=tmp_path / "run")
    with pytest.raises(ne.errors.OptionError, match="generation"):
        ne.run(**REQUEST, genration=3, out=tmp_path / "run")
    with pytest.raises(ne.errors.OptionError, match="seeds"):
        ne.run(**{**REQUEST, "seeds": "two"}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_unknown_lineage_is_named(run: ne.Run) -> None:
    with pytest.raises(ne.errors.OptionError, match="connectome"):
        run.champion(genome="conectome")


def test_champion_computes_what_its_lineage_scored(run: ne.Run) -> None:
    policy = run.champion("echo", "connectome")
    rows = run.results()
    best = rows[rows["genome"] == "connectome"].sort_values("score").iloc[-1]
    seed = derive(0, "held-out", "echo", int(best["seed"]))
    assert float(Echo().score(policy.phenotype, seeds=[seed]).mean()) == pytest.approx(best["score"])


def test_policy_keeps_state_until_it_is_reset(run: ne.Run) -> None:
    policy = run.champion("echo", "connectome")
    sensed = np.linspace(-1, 1, policy.blueprint.num_sensors)
    first, second = policy.step(sensed), policy(sensed)
    assert first.dtype == np.float32 and not np.array_equal(first, second)
    policy.reset()
    assert np.array_equal(policy.step(sensed), first)
    with pytest.raises(ValueError, match="wanted"):
        policy.step(sensed[:-1])


def test_champion_plays_a_gymnasium_environment_as_it_was_scored(tmp_path: Path) -> None:
    run = ne.run(
        genome=["connectome"],
        task=["gym:CartPole-v1"],
        connectome=CIRCUIT,
        generations=2,
        population=8,
        workers=0,
        out=tmp_path / "run",
    )
    policy = run.champion()
    task = ne.tasks.get("gym").target("CartPole-v1")
    wanted = task.score(policy.phenotype, seeds=[7])[0]
    starts = task.starts(7, "held-out", task.held_out)
    for start, score in list(zip(starts, wanted, strict=True))[:4]:
        environment = gymnasium.make("CartPole-v1")
        observation, _ = environment.reset(seed=start)
        policy.reset()
        earned, over = 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = environment.step(policy.step(observation))
            earned, over = earned + float(reward), terminated or truncated
        assert earned == float(score)


def test_champion_is_saved_with_all_that_others_need(run: ne.Run, tmp_path: Path) -> None:
    from safetensors import safe_open

    policy = run.champion(genome="connectome")
    policy.save(tmp_path / "file")
    with safe_open(tmp_path / "file", "numpy") as file:
        champion, layout = (json.loads(file.metadata()["champion"]), file.metadata()["layout"])
        parameters = file.get_tensor("parameters")
        assert {name.split(".")[0] for name in file.keys()} <= set(
            layout.replace("`", " ").replace(".", " ").split()
        )
    assert np.array_equal(parameters, policy.parameters)
    assert champion["request"] == run.config() and champion["genome"] == "connectome"
    assert champion["score"] == run.results().query("genome == 'connectome'")["score"].max()
    assert champion["versions"]["numpy"] == np.__version__
    assert set(policy.synapses()["pre"]) <= set(champion["cells"])


def test_champion_plays_an_environment_of_tuples(tmp_path: Path) -> None:
    """Observations are of a Tuple of choices; the score is that of its episodes played one by one."""
    words = {**REQUEST, "genome": "connectome", "task": ["jack=gym:Blackjack-v1,held_out=4"], "seeds": 1}
    run = ne.run(**words, out=tmp_path / "run")
    policy, environment = run.champion(), gymnasium.make("Blackjack-v1")
    starts = (
        ne.tasks.get("gym").target("Blackjack-v1").starts(derive(0, "held-out", "jack", 0), "held-out", 4)
    )
    for start, score in zip(starts, run.results()["episode_scores"][0], strict=True):
        (observation, _), earned, over = environment.reset(seed=start), 0.0, False
        policy.reset()
        while not over:
            observation, reward, over, _, _ = environment.step(policy.step(observation))
            earned += float(reward)
        assert earned == score


def test_arguments_of_an_environment_reach_champions_and_replays(tmp_path: Path) -> None:
    """And all else that makes the task again from the run's folder: its score is found again."""
    label = "lake=gym:FrozenLake-v1,env.is_slippery=false,held_out=2,steps=20"
    words = {**REQUEST, "genome": "adapter-only", "task": [label], "seeds": 1}
    run = ne.run(**words, out=tmp_path / "run")
    assert "Observations: Discrete 16 as 16 sensors" in run.report().tasks["lake"].ports
    policy = run.champion()
    environment = gymnasium.make("FrozenLake-v1", is_slippery=False)
    (call,) = ne.tasks.calls([label])
    start = call.plugin.target(**call.options).starts(derive(0, "held-out", "lake", 0), "held-out", 1)[0]
    observation, _ = environment.reset(seed=start)
    policy.reset()
    earned = 0.0
    for _ in range(20):
        observation, reward, terminated, truncated, _ = environment.step(policy.step(observation))
        earned += float(reward)
        if terminated or truncated:
            break
    assert earned == run.results()["episode_scores"][0][0]
    assert any(f"{earned:.2f} return, as recorded" in line for line in run.replay(episode=0))


def test_champion_senses_and_acts_in_gymnasium_as_it_does_in_its_task(tmp_path: Path) -> None:
    run = ne.run(
        genome=["connectome"],
        task=["swimmer-v5:steps=40,held_out=2"],
        connectome=CIRCUIT,
        generations=2,
        population=8,
        workers=0,
        out=tmp_path / "run",
    )
    policy = run.champion()
    environment = gymnasium.make("Swimmer-v5")
    observation, _ = environment.reset(seed=0)
    bare = ne.Policy(policy.blueprint, policy.parameters)
    scale = np.array(
        [1, 1, 1, 2, 2, 2, 2, 2]
    )  # the task shows angles in rad and velocities in 2 m/s, 2 rad/s
    for _ in range(40):
        action = policy.step(observation)
        assert np.array_equal(action, bare.step(observation / scale).clip(-1, 1))
        observation, _, _, _, _ = environment.step(action)


def test_notebook_runs_in_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(ROOT / "examples" / "quickstart.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [x for cell in notebook.cells if cell.cell_type == "code" for x in cell.outputs]
    assert any("<progress" in output.get("data", {}).get("text/html", "") for output in shown)
    assert any("exploratory" in str(output) or "inconclusive" in str(output) for output in shown)
    assert list((tmp_path / "runs").iterdir())
