"""Lineages: a pure function of values, paired across rivals, and safe from failed evaluations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from neuroevo.errors import TaskError
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.search import ask_tell
from neuroevo.search.lineage import Evaluation, Lineage, Shard, State, begin, parts, propose
from neuroevo.search.methods import Pgpe
from neuroevo.search.settings import Settings
from neuroevo.task import TaskRequest
from neuroevo.workers.assessment import assess
from neuroevo.workers.runner import Runner
from tests.reference import random_architecture
from tests.small import plan, run
from tests.toy import Echo

SETTINGS = Settings(population=6, generations=4, method=Pgpe(stdev=0.3))
ECHO = TaskRequest("echo", "tests.toy:Echo", {})


class Watched(Echo):
    """Notes what it is shown: the seeds, and what every genome did."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds: list[list[int]] = []
        self.fitness: list[torch.Tensor] = []

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        self.seeds.append(list(seeds))
        self.fitness.append(super().evaluate(phenotype, seeds=seeds))
        return self.fitness[-1]


class Fragile(Echo):
    """Fails on every genome of a given number of synapses.

    Args:
        synapses: That number.
    """

    def __init__(self, synapses: int = 0) -> None:
        super().__init__()
        self.synapses = synapses

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        fitness = super().evaluate(phenotype, seeds=seeds)
        sizes = [b.layout.synapses for b in phenotype.blueprints]
        fitness[torch.from_numpy(np.repeat(sizes, phenotype.counts) == self.synapses)] = torch.inf
        return fitness


class Untrainable(Echo):
    """Fails on everything but held-out data."""

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        return torch.full_like(super().evaluate(phenotype, seeds=seeds), torch.nan)

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        return super().evaluate(phenotype, seeds=seeds)


class Misshapen(Echo):
    """Returns one fitness a genome in place of one an episode."""

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        return super().evaluate(phenotype, seeds=seeds).mean(1)


def lineage(genome: str = "a", seed: int = 0, num_neurons: int = 8, run_seed: int = 0) -> Lineage:
    """A lineage on a wiring that its genome's name and size stand for."""
    architecture = random_architecture(ord(genome), num_neurons, 3)
    return Lineage("echo", genome, 0, seed, run_seed, Blueprint(architecture, 2, 2))


def shard(*members: Lineage, settings: Settings = SETTINGS) -> tuple[Shard, list[State]]:
    return Shard(ECHO, members, settings), [begin(x, settings) for x in members]


def arrays(state: State) -> dict[str, np.ndarray]:
    """A copy of everything in a state."""
    numbers = {name: np.array(getattr(state, name)) for name in ("generation", "evaluations", "failures")}
    return {**numbers, **{k: v.copy() for k, v in ask_tell.to_arrays(state.search).items()}}


def assert_equal(first: Sequence[State], second: Sequence[State]) -> None:
    for a, b in zip(first, second, strict=True):
        for name, array in arrays(a).items():
            np.testing.assert_array_equal(array, arrays(b)[name], err_msg=name)


def without_seconds(rows: Sequence[dict]) -> list[dict]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


TWO = (lineage("a", 0), lineage("b", 1, num_neurons=12))


# --- purity -------------------------------------------------------------------------------------------


def test_advance_returns_the_same_again_and_leaves_its_input_alone() -> None:
    group, states = shard(*TWO)
    before = [arrays(s) for s in states]
    runner = Runner(group, Echo())
    first, first_rows = runner.advance(states, 2)
    torch.manual_seed(99)
    torch.randn(7)  # the global generator does not matter
    again, again_rows = runner.advance(states, 2)  # nor what the runner did before
    fresh, fresh_rows = Runner(group, Echo()).advance([begin(x, SETTINGS) for x in TWO], 2)
    assert_equal(first, again)
    assert_equal(first, fresh)
    assert without_seconds(first_rows) == without_seconds(again_rows) == without_seconds(fresh_rows)
    for copy, state in zip(before, states, strict=True):
        for name, array in arrays(state).items():
            np.testing.assert_array_equal(array, copy[name])


def test_two_generations_at_once_equal_one_and_one() -> None:
    group, states = shard(*TWO)
    runner = Runner(group, Echo())
    together, rows = runner.advance(states, 2)
    first, first_rows = runner.advance(states, 1)
    second, second_rows = runner.advance(first, 1)
    assert_equal(together, second)
    assert without_seconds(rows) == without_seconds([*first_rows, *second_rows])
    assert [row["generation"] for row in rows] == [0, 0, 1, 1]
    assert not np.array_equal(arrays(first[0])["centre"], arrays(second[0])["centre"])


def test_advance_counts_every_evaluation() -> None:
    group, states = shard(*TWO)
    states, rows = Runner(group, Echo()).advance(states, 3)
    each = SETTINGS.population + 1  # the centre is evaluated beside its population
    assert [row["evaluations"] for row in rows] == [each, each, 2 * each, 2 * each, 3 * each, 3 * each]
    assert [(s.generation, s.evaluations, s.failures) for s in states] == [(3, 3 * each, 0)] * 2


def test_parts_of_a_population_are_the_population() -> None:
    group, states = shard(*TWO)
    whole = Runner(group, Echo()).evaluate(states)
    split = [Runner(part, Echo()).evaluate(states) for part in parts(group, 3)]
    assert {part.fitness.shape[1] for part in split} == {2, 3}
    torch.testing.assert_close(Evaluation.join(split).fitness, whole.fitness)


def test_evolution_improves_the_held_out_score() -> None:
    settings = Settings(population=32, generations=60)
    task = Echo(episodes=16, steps=8)
    group, states = shard(*TWO, settings=settings)
    evolved, _ = Runner(group, task).advance(states, settings.generations)
    for before, after in zip(assess(group, states, task), assess(group, evolved, task), strict=True):
        assert after["score"] > 0.8 * before["score"]  # both are minus an error


# --- pairing ------------------------------------------------------------------------------------------


def test_rivals_of_equal_seed_meet_the_same_episodes_and_noise() -> None:
    rivals, others = (lineage("a", 0), lineage("b", 0)), (lineage("c", 1), lineage("a", 0, run_seed=1))
    task = Watched()
    group, states = shard(*rivals, *others)
    Runner(group, task).advance(states, 2)
    each = SETTINGS.population + 1
    for seeds in task.seeds:
        a, b, other_seed, other_run = (set(seeds[k * each : (k + 1) * each]) for k in range(4))
        assert a == b and len(a) == 1
        assert not a & other_seed and not a & other_run
    assert not set(task.seeds[0]) & set(task.seeds[1])
    for generation in range(2):
        nodes = [x.node("search", generation) for x in (*rivals, *others)]
        assert nodes[0] == nodes[1] and len(set(nodes)) == 3


def test_search_noise_of_rivals_of_equal_size_is_equal() -> None:
    a, b = lineage("a", 0), Lineage("echo", "b", 0, 0, 0, lineage("a").blueprint)
    c = Lineage("echo", "a", 0, 1, 0, a.blueprint)
    noise = []
    for x in (a, b, c):
        state = ask_tell.start(torch.zeros(1, x.blueprint.layout.length), None, SETTINGS)
        noise.append(ask_tell.ask(state, SETTINGS, 3, x.node("search", 3)))
    assert torch.equal(noise[0], noise[1]) and not torch.equal(noise[0], noise[2])
    starts = [ask_tell.centre(begin(x, SETTINGS).search) for x in (a, b, c)]
    assert torch.equal(starts[0], starts[1]) and not torch.equal(starts[0], starts[2])


def test_held_out_episodes_are_no_training_episodes() -> None:
    x = lineage()
    training = {x.node("episodes", generation) for generation in range(100)}
    others = {x.node(name) for name in ("held-out", "untrained", "start", "activity", "tuning")}
    assert len(others) == 5 and not training & others


def test_search_starts_at_the_best_of_the_untrained() -> None:
    group, states = shard(lineage())
    untrained = propose(group.lineages[0], states[0], SETTINGS)
    runner = Runner(group, Echo())
    fitness = runner.evaluate(states).fitness[0]
    states, (row,) = runner.advance(states, 1)
    np.testing.assert_array_equal(arrays(states[0])["centre"], untrained[fitness.argmax()].numpy())
    core = group.lineages[0].blueprint.layout.core
    assert not untrained[:, :core].any() and len(untrained.unique(dim=0)) == SETTINGS.population + 1
    assert states[0].evaluations == row["evaluations"] == SETTINGS.population + 1


# --- failures -----------------------------------------------------------------------------------------


def test_failed_fitness_is_counted_and_ranked_last(monkeypatch: pytest.MonkeyPatch) -> None:
    values_told = []
    real = ask_tell.tell
    monkeypatch.setattr(
        ask_tell,
        "tell",
        lambda s, p, fitness, *rest: values_told.append(fitness) or real(s, p, fitness, *rest),
    )
    group, states = shard(lineage())
    states, (first, row) = Runner(group, Echo(broken=0.5)).advance(states, 2)
    broken = round(0.5 * (SETTINGS.population + 1))
    assert first["failures"] == row["failures"] == broken == 4
    assert states[0].failures == 2 * broken
    values = values_told[0][0]
    assert not torch.isfinite(values[:broken]).any()
    assert row["fitness_mean"] == pytest.approx(float(values[broken:].mean()))
    assert row["fitness_best"] == pytest.approx(float(values[broken:].max()))
    assert all(np.isfinite(array).all() for array in arrays(states[0]).values())


def test_failed_genomes_move_the_search_as_the_worst_would() -> None:
    class Bad(Echo):
        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

        def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
            fitness = super().evaluate(phenotype, seeds=seeds)
            fitness[1] = self.value
            return fitness

    centres = []
    for value in (-1e6, torch.nan, torch.inf, -torch.inf):
        group, states = shard(lineage())
        centres.append(arrays(Runner(group, Bad(value)).advance(states, 2)[0][0])["centre"])
    for other in centres[1:]:
        np.testing.assert_array_equal(centres[0], other)


def test_lineage_that_fails_altogether_leaves_others_unaffected() -> None:
    a, b = TWO
    group, states = shard(a, b)
    start = arrays(states[0])
    states, rows = Runner(group, Fragile(a.blueprint.layout.synapses)).advance(states, 3)
    alone, _ = Runner(*_one(b)).advance([begin(b, SETTINGS)], 3)
    torch.testing.assert_close(ask_tell.centre(states[1].search), ask_tell.centre(alone[0].search))
    np.testing.assert_array_equal(arrays(states[0])["centre"], start["centre"])
    np.testing.assert_array_equal(arrays(states[0])["stdev"], start["stdev"])
    assert states[0].failures == states[0].evaluations and states[1].failures == 0
    failed, other = rows[-2:]
    assert failed["fitness_mean"] is failed["fitness_best"] is failed["fitness_centre"] is None
    assert other["fitness_mean"] is not None


def _one(x: Lineage) -> tuple[Shard, Echo]:
    return shard(x)[0], Echo()


def test_task_that_returns_another_shape_is_refused() -> None:
    group, states = shard(lineage())
    with pytest.raises(TaskError, match=r"Task 'echo' returned \[7\]; wanted a tensor \[7, B\]"):
        Runner(group, Misshapen()).advance(states, 1)


# --- a run --------------------------------------------------------------------------------------------


def test_failed_lineage_has_status_failed_and_the_others_have_not(tmp_path: Path) -> None:
    genomes = ("connectome", "dense")
    exact, dense = (b.layout.synapses for b in plan(genome=genomes).blueprints["echo"])
    assert exact != dense
    task = f"echo={__name__}:Fragile:synapses={dense}"
    good, bad = run(tmp_path / "run", genome=genomes, task=(task,)).results()
    assert (good["genome"], good["status"], good["failures"]) == ("connectome", "done", 0)
    assert np.isfinite(good["score"])
    assert (bad["genome"], bad["status"], bad["failures"]) == ("dense", "failed", bad["evaluations"])
    assert bad["score"] is None and bad["untrained_score"] is None


def test_lineage_that_never_had_a_fitness_is_failed_whatever_its_score(tmp_path: Path) -> None:
    task = f"echo={__name__}:Untrainable"
    (row,) = run(tmp_path / "run", genome=("connectome",), task=(task,)).results()
    assert row["score"] is not None
    assert row["status"] == "failed" and row["failures"] == row["evaluations"]


def test_champion_loads_back_to_its_score(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    for row in folder.results():
        champion = folder.champion_path(("echo", row["genome"], row["graph"], row["seed"]))

        blueprint = Blueprint.rebuild(json.loads((champion / "architecture.json").read_text()))
        network = Phenotype([blueprint], [1])
        network.load([load_file(champion / "parameters.safetensors")["parameters"][None]])

        seeds = [lineage(seed=row["seed"]).node("held-out")]
        # The run scored it in a batch with others, where products may round differently.
        np.testing.assert_allclose(Echo().score(network, seeds=seeds)[0], row["episode_scores"], rtol=1e-4)


def test_assess_does_not_depend_on_its_neighbours() -> None:
    group, states = shard(*TWO)
    together = assess(group, states, Echo())
    for x, state, row in zip(TWO, states, together, strict=True):
        assert assess(shard(x)[0], [state], Echo()) == [row]


def test_steps_are_known_where_a_task_says_them() -> None:
    class Silent(Echo):
        def __init__(self) -> None:
            self.broken = 0.0

    assert Echo(episodes=3, steps=5).network_steps == 15
    assert Silent().network_steps is None
