"""Numbers that are not finite are told of where they arise: an environment, a task, or a cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

from neuroevo.experiment import shards
from neuroevo.network.phenotype import Phenotype
from neuroevo.report.write import write_report
from tests.small import few_draws, no_figures, run
from tests.toy import Echo

NAN, INF = math.nan, math.inf


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    with few_draws(), no_figures():
        yield


class Fickle(gymnasium.Env):
    """Gives a number that is ordered, in place of an observation or a reward, at one of its 6 steps.

    Args:
        observed: Observations by step, 0 at the start.
        earned: Rewards by step, from 1.
    """

    def __init__(self, observed: dict[int, float] | None = None, earned: dict[int, float] | None = None):
        self.observation_space = Box(-1, 1, (2,))
        self.action_space = Discrete(2)
        self.observed = observed or {}
        self.earned = earned or {}

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.age = 0
        return self.look(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.age += 1
        return self.look(), self.earned.get(self.age, 1.0), self.age == 6, False, {}

    def look(self) -> np.ndarray:
        return np.array([0.5, self.observed.get(self.age, 0.5)], np.float32)


ENVIRONMENTS = {
    "Seen": ({3: NAN}, None, "the environment's observation 1 is nan after 3 steps of episode 0"),
    "Begun": ({0: NAN}, None, "the environment's observation 1 is nan after 0 steps of episode 0"),
    "Vast": ({2: INF}, None, "the task's observation 1 is inf at step 3 of episode 0"),
    "Paid": (None, {1: NAN}, "the environment's reward is nan after 1 step of episode 0"),
    "Rich": (None, {6: -INF}, "the environment's reward is -inf after 6 steps of episode 0"),
    "Last": ({6: NAN}, None, None),
    "Late": ({6: INF}, None, None),
    "Sound": (None, None, None),
}
for name, (observed, earned, _) in ENVIRONMENTS.items():
    gymnasium.register(
        f"Fickle{name}-v0", entry_point=Fickle, kwargs={"observed": observed, "earned": earned}
    )


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environment_is_named_and_no_cell(tmp_path: Path, name: str) -> None:
    """What is shown at the end of an episode harms nobody."""
    task = f"gym:Fickle{name}-v0,episodes=2,held_out=2"
    request = {"genome": ("adapter-only",), "population": 4, "generations": 2, "neuron": "graded"}
    folder = run(tmp_path / "run", task=(task,), **request)
    cause = ENVIRONMENTS[name][2]
    rows = folder.results()
    assert rows
    for row in rows:
        assert row["blowup"] == (cause and f"{cause}, generation 0")
        assert row["status"] == ("failed" if cause else "done")
        assert row["score"] == (None if cause else 6.0)
    if name not in ("Paid", "Sound"):
        return
    notes = [note for note in write_report(folder).tasks[task].notes if "not finite" in note]
    assert [str(cause) in note for note in notes] == ([True] if cause else [])


class Feeding(Echo):
    """Senses what is ordered at network step 3, in its second episode."""

    value = 0.0

    def evaluate(self, phenotype: Phenotype, *, seeds: Any) -> torch.Tensor:
        phenotype.reset(2)
        for step in range(5):
            sensed = torch.zeros(phenotype.num_genomes, 2, 2)
            sensed[:, 1, 0] = self.value if step == 2 else 0.0
            outputs = phenotype.step(sensed)
        return -outputs.square().mean(2)


class Missing(Feeding):
    value = NAN


class Endless(Feeding):
    value = -INF


class Graceless(Echo):
    """Finds no number for the last episode of any genome."""

    def evaluate(self, phenotype: Phenotype, *, seeds: Any) -> torch.Tensor:
        fitness = super().evaluate(phenotype, seeds=seeds)
        fitness[:, -1] = NAN
        return fitness


class Overflowing(Echo):
    """Finds so much fitness that its mean is none."""

    def evaluate(self, phenotype: Phenotype, *, seeds: Any) -> torch.Tensor:
        return torch.full_like(super().evaluate(phenotype, seeds=seeds), 1.5e308, dtype=torch.float64)


PLAIN: dict[Callable[..., Echo], str] = {
    Missing: "the task's observation 0 is nan at step 3 of episode 1",
    Endless: "the task's observation 0 is -inf at step 3 of episode 1",
    Graceless: f"the task's fitness of episode {Echo().episodes - 1} is nan",
    Overflowing: "the mean of the task's fitness is inf",
}


@pytest.mark.parametrize("task", PLAIN)
def test_task_that_says_nothing_is_watched(tmp_path: Path, task: type[Echo]) -> None:
    """With neurons that pass on what they receive; a network that is fed badly is not to blame."""
    request = {"task": (f"echo={__name__}:{task.__name__}",), "neuron": "graded", "generations": 2}
    for row in run(tmp_path / "run", **request).results():
        assert row["blowup"] == f"{PLAIN[task]}, generation 0" and row["failures"] == row["evaluations"]


def test_cause_does_not_depend_on_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a population in parts as of a whole one, the first genome that fails is told of."""
    request = {"task": ("echo=tests.faulty:Faulty:wild=0.2",), "genome": ("random",), "population": 64}
    request["generations"] = 2
    told = []
    for part in (16, 64):
        monkeypatch.setattr(shards, "GENOMES_PER_PART", part)
        assert shards.shard_size(1, 64)[1] == 64 // part
        told += [row["blowup"] for row in run(tmp_path / str(part), **request).results()]
    assert told[0] == told[1] and told[0].startswith("the task's fitness of episode ")


def test_genome_that_fails_in_company_only_is_told_as_such(tmp_path: Path) -> None:
    for row in run(tmp_path / "run", task=("echo=tests.toy:Echo:broken=0.3",)).results():
        assert row["blowup"] == "a fitness of nan, which the genome does not have by itself, generation 0"


class Untested(Echo):
    """Senses nothing beyond its training."""

    def score(self, phenotype: Phenotype, *, seeds: Any) -> torch.Tensor:
        phenotype.reset(1)
        for _ in range(8):
            outputs = phenotype.step(torch.full((phenotype.num_genomes, 1, 2), NAN))
        return outputs.mean(2)


def test_score_that_is_no_number_has_its_cause(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", task=(f"echo={__name__}:Untested",), neuron="graded", generations=2)
    cause = "the task's observation 0 is nan at step 1 of episode 0"
    for row in folder.results():
        assert (row["score"], row["status"], row["blowup"]) == (None, "failed", None)
        assert row["score_fault"] == cause
    (note,) = [note for note in write_report(folder).tasks["echo"].notes if "not finite" in note]
    assert f"(first: {cause}, held-out data)" in note
    assert "score_fault" not in run(tmp_path / "sound", generations=2).results()[0]
