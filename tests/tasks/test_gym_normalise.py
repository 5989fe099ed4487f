"""Observations normalised by a lineage's running mean and deviation, as a run does it, whole and in parts."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

import neuroevo as ne
from neuroevo.errors import OptionError, RunError
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.normalisation import Statistics
from neuroevo.search import ask_tell, methods
from neuroevo.search import lineage as lineages_
from neuroevo.search.lineage import Evaluation, Lineage, Shard, State
from neuroevo.search.settings import Settings
from neuroevo.seeds import derive
from neuroevo.task import TaskRequest
from neuroevo.workers.assessment import assess
from neuroevo.workers.runner import Runner
from tasks.gymnasium_env import GymnasiumTask
from tests.network.test_weights import rebuilt
from tests.reference import random_architecture
from tests.small import CIRCUIT

ID = "tests.tasks.test_gym_normalise:neuroevo/Loud-v0"
LABEL = f"loud=gym:{ID},normalise=true,episodes=2,held_out=3,steps=9"
REQUEST: dict[str, Any] = {
    "genome": ["connectome", "adapter-only"],
    "task": [LABEL],
    "connectome": CIRCUIT,
    "seeds": 2,
    "generations": 3,
    "population": 8,
    "workers": 0,
}


class Loud(gymnasium.Env):
    """Lives as many steps as its seed says, and shows large numbers that its actions move."""

    observation_space = spaces.Box(-np.inf, np.inf, (3,))
    action_space = spaces.Discrete(2)
    shown: list[np.ndarray] = []  # noqa: RUF012 - all that networks were shown

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.life = int(self.np_random.integers(3, 9))
        self.level = 0.0
        return self.look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        self.life -= 1
        self.level += 1.0 if action else -1.0
        return self.look(), -abs(self.level - 1), self.life == 0, False, {}

    def look(self) -> np.ndarray:
        drawn = self.np_random.normal([500, 0, -2], [50, 1e-3, 7]) + self.level
        observation = drawn.astype(np.float32)
        if self.life:
            self.shown.append(observation)
        return observation


gymnasium.register("neuroevo/Loud-v0", entry_point=Loud)


def loud() -> GymnasiumTask:
    return GymnasiumTask(ID, steps=9, episodes=2, held_out=3, normalise=True)


LINEAGES = tuple(
    Lineage("loud", "random", 0, seed, 0, Blueprint(random_architecture(0), 3, 2)) for seed in range(2)
)


def shard(part: tuple[int, int] = (0, 1)) -> Shard:
    settings = Settings(6, 5, methods.parse("pgpe"))
    return Shard(TaskRequest("loud", "tests.tasks:none", {}), LINEAGES, settings, part)


def begun() -> list[State]:
    return [lineages_.begin(lineage, shard().settings) for lineage in LINEAGES]


def equal(a: Statistics | None, b: Statistics | None) -> bool:
    assert a is not None and b is not None
    return a.count == b.count and np.array_equal(a.mean, b.mean) and np.array_equal(a.squares, b.squares)


def test_statistics_are_of_all_that_a_lineage_was_shown() -> None:
    """One lineage alone: everything that the environment showed is its own."""
    one = replace(shard(), lineages=LINEAGES[:1])
    runner = Runner(one, task := loud())
    task.first_statistics()
    Loud.shown.clear()
    states = begun()[:1]
    for _ in range(3):
        states, _ = runner.advance(states, 1)
        seen, known = np.array(Loud.shown, float), states[0].statistics
        assert known is not None and known.count == len(seen) > 50
        np.testing.assert_allclose(known.mean, seen.mean(0), rtol=1e-12)
        np.testing.assert_allclose(known.squares / known.count, seen.var(0), rtol=1e-10)


def test_parts_and_company_change_nothing() -> None:
    """Statistics and searches are equal to the bit, however a population is cut and who is beside it."""
    whole, _ = Runner(shard(), loud()).advance(begun(), 3)
    states = begun()
    tasks = [loud() for _ in range(3)]
    for _ in range(3):
        parts = [Runner(shard((k, 3)), tasks[k]).evaluate(states) for k in range(3)]
        pairs = zip(LINEAGES, states, strict=True)
        proposals = [lineages_.propose(x, state, shard().settings) for x, state in pairs]
        states, _ = lineages_.update(shard(), states, proposals, Evaluation.join(parts), 0.0)
    alone, _ = Runner(replace(shard(), lineages=LINEAGES[1:]), loud()).advance(begun()[1:], 3)
    for other, theirs in [*zip(states, whole, strict=True), (alone[0], whole[1])]:
        assert equal(other.statistics, theirs.statistics)
        assert torch.equal(*(ask_tell.centre(x.search) for x in (other, theirs)))
    assert not equal(whole[0].statistics, whole[1].statistics)


def test_statistics_of_a_generation_are_used_in_the_next() -> None:
    """The same genomes on the same episodes have another fitness once the statistics are others."""
    runner, states = Runner(shard(), loud()), begun()
    first = runner.evaluate(states)
    assert torch.equal(runner.evaluate(states).fitness, first.fitness)
    known = Statistics(1e3, np.full(3, 400.0), np.full(3, 1e4))
    assert not torch.equal(
        runner.evaluate([replace(s, statistics=known) for s in states]).fitness, first.fitness
    )


def test_score_is_that_of_the_frozen_statistics() -> None:
    states, _ = Runner(shard(), loud()).advance(begun(), 2)
    row = assess(shard(), states, loud())[0]
    blueprint = lineages_.as_scored(LINEAGES[0], states[0])
    policy = ne.Policy(blueprint, lineages_.centre(LINEAGES[0], states[0]))
    seed = LINEAGES[0].node("held-out")
    assert loud().score(policy.phenotype, seeds=[seed])[0].tolist() == row["episode_scores"]
    plain = ne.Policy(LINEAGES[0].blueprint, policy.parameters)
    assert loud().score(plain.phenotype, seeds=[seed])[0].tolist() != row["episode_scores"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ne.Run:
    return ne.run(**REQUEST, out=tmp_path_factory.mktemp("loud") / "run")


def test_run_that_ended_early_is_resumed_to_the_bit(run: ne.Run, tmp_path: Path) -> None:
    def stop(progress: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ne.run(**REQUEST, out=tmp_path / "run", progress=stop)
    ne.resume(tmp_path / "run")
    for name in (
        "results.jsonl",
        *(f"champions/{x.name}/architecture.json" for x in (run.path / "champions").iterdir()),
    ):
        assert (tmp_path / "run" / name).read_bytes() == (run.path / name).read_bytes()


def test_champion_plays_with_its_statistics_and_so_does_its_file(run: ne.Run, tmp_path: Path) -> None:
    policy = run.champion(genome="connectome", seed=0, graph=0)
    known = policy.blueprint.observed
    assert known is not None and known.count > 100
    assert "3 sensors, normalised" in run.report().tasks["loud"].ports
    policy.save(tmp_path / "file")
    task, held_out = loud(), derive(0, "held-out", "loud", 0)
    rows = run.results().query("genome == 'connectome' and seed == 0")
    for start, score in zip(
        task.starts(held_out, "held-out", 3), rows["episode_scores"].iloc[0], strict=True
    ):
        environment = gymnasium.make("neuroevo/Loud-v0")
        observation, _ = environment.reset(seed=start)
        policy.reset()
        earned, over, fresh = 0.0, False, rebuilt(tmp_path / "file")
        while not over:
            action = policy.step(observation)
            assert action == fresh(observation).argmax()
            observation, reward, over, _, _ = environment.step(action)
            earned += float(reward)
        assert earned == pytest.approx(score)
    assert any("as recorded" in line for line in run.replay(["loud/connectome/0/0"], episode=0))


@pytest.mark.parametrize(
    "damage", [{"mean": [1.0]}, {"squares": [-1.0, 1, 1]}, {"count": None}, {"mean": "x"}]
)
def test_damaged_statistics_are_told_in_one_line(
    damage: dict[str, object], run: ne.Run, tmp_path: Path
) -> None:
    copy = shutil.copytree(run.path, tmp_path / "run")
    for path in (copy / "champions").glob("*/architecture.json"):
        description = json.loads(path.read_text())
        path.write_text(json.dumps({**description, "observed": {**description["observed"], **damage}}))
    with pytest.raises(RunError, match=r"(The champion in .*|architecture.json) is damaged") as caught:
        ne.open_run(copy).champion(genome="connectome")
    assert "\n" not in str(caught.value)


def test_checkpoints_and_champions_without_statistics_are_as_they_were(tmp_path: Path) -> None:
    """Nothing is added for tasks that do not normalise."""
    words = {**REQUEST, "task": [LABEL.replace("normalise=true", "normalise=false")], "seeds": 1}
    plain = ne.run(**words, out=tmp_path / "run")
    for path in (plain.path / "champions").iterdir():
        assert "observed" not in json.loads((path / "architecture.json").read_text())


def test_too_many_sensors_are_refused() -> None:
    gymnasium.register(
        "neuroevo/Wide-v0",
        entry_point=lambda: _Wide(),
    )
    with pytest.raises(OptionError, match="'normalise' was asked for on 12000 sensors; wanted at most 10000"):
        GymnasiumTask("neuroevo/Wide-v0", normalise=True)


class _Wide(Loud):
    observation_space = spaces.Box(0, 1, (12_000,))
