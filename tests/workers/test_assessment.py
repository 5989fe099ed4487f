"""Assessment: three scores on held-out data, of the same draws, and what tuning took."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuroevo.network import adapters
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.search import ask_tell
from neuroevo.search.lineage import Lineage, Shard, begin
from neuroevo.search.settings import Settings
from neuroevo.task import TaskRequest
from neuroevo.workers.assessment import (
    FACTORS,
    NUM_TUNED,
    NUM_UNTRAINED,
    Bench,
    Scope,
    assess,
    parts,
    tune,
    untrained,
)
from tests.reference import random_architecture
from tests.small import run
from tests.toy import Echo
from tests.unscorable import Unscorable

SETTINGS = Settings(population=6, generations=2)
ECHO = TaskRequest("echo", "tests.toy:Echo", {})


class Tall(Echo):
    """Counts what it evaluates; fitness is minus the distance of the summed weights from a target.

    Args:
        excitation: Wanted sum of positive weights.
        inhibition: Wanted sum of negative ones.
    """

    def __init__(self, excitation: float = 0.0, inhibition: float = 0.0) -> None:
        super().__init__()
        self.wanted = excitation, inhibition
        self.seeds: list[int] = []

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        self.seeds += seeds
        weights = phenotype.matrix.values().view(phenotype.num_genomes, -1)
        sums = weights.clamp(min=0).sum(1), -weights.clamp(max=0).sum(1)
        away = [(x - wanted).abs() for x, wanted in zip(sums, self.wanted, strict=True)]
        return -(away[0] + away[1])[:, None].expand(-1, 2)


def lineage(dale: bool = True, core: str = "evolves", sign: int | None = None) -> Lineage:
    """A lineage on a wiring without gap junctions."""
    a = random_architecture(2, dale=dale)
    gaps = replace(a.gap_junctions, pre=a.gap_junctions.pre[:0], post=a.gap_junctions.post[:0])
    gaps = replace(gaps, weight=gaps.weight[:0])
    signs = a.sign if sign is None else np.full_like(a.sign, sign)
    built = Blueprint(replace(a, gap_junctions=gaps, core=core, sign=signs), 2, 2)  # type: ignore[arg-type]
    return Lineage("echo", "a", 0, 0, 0, built)


def sums(x: Lineage, genomes: torch.Tensor) -> np.ndarray:
    """Sums of the positive and of the negative weights of each genome, [K, 2]."""
    phenotype = Phenotype([x.blueprint], [len(genomes)])
    phenotype.load([genomes])
    weights = phenotype.matrix.values().view(len(genomes), -1).numpy()
    return np.stack([weights.clip(min=0).sum(1), -weights.clip(max=0).sum(1)], 1)


@pytest.mark.parametrize("dale", [True, False])
@pytest.mark.parametrize("pair", [(0.25, 4.0), (1.0, 1.0), (2.0, 0.5)])
def test_tuning_finds_the_best_pair_for_both_kinds_of_wiring(dale: bool, pair: tuple[float, float]) -> None:
    x = lineage(dale)
    draws = untrained(x)[:NUM_TUNED]
    task = Tall(*(sums(x, draws)[0] * pair).tolist())
    tuned = tune(Bench(x, task, ECHO), draws)
    assert tuned.factors == {"excitatory": pair[0], "inhibitory": pair[1]}
    np.testing.assert_allclose(sums(x, tuned.genomes), sums(x, draws) * pair, rtol=1e-5)
    assert tuned.evaluations == len(task.seeds) == NUM_TUNED * len(FACTORS) ** 2
    assert set(task.seeds) == {x.node("tuning")}
    synapses = x.blueprint.layout.parts["synapses"]
    torch.testing.assert_close(tuned.genomes[:, synapses.stop :], draws[:, synapses.stop :], rtol=0, atol=0)


def test_best_pair_is_that_of_the_mean_over_draws() -> None:
    x, task = lineage(), Echo()
    draws = untrained(x)[:3]
    tuned = tune(Bench(x, task, ECHO), draws)
    means = {}
    for pair in itertools.product(FACTORS, repeat=2):  # as gains of a wiring whose genomes stay as drawn
        phenotype = Phenotype([x.blueprint], [3])
        genomes = draws.clone()
        a = x.blueprint.architecture
        signs = torch.from_numpy(a.sign[a.synapses.pre].astype(np.float32))
        genomes[:, : len(signs)] += torch.where(signs > 0, np.log(pair[0]), np.log(pair[1]))
        phenotype.load([genomes])
        means[pair] = float(task.evaluate(phenotype, seeds=[x.node("tuning")] * 3).mean())
    assert tuned.factors is not None
    assert tuple(tuned.factors.values()) == max(means, key=means.__getitem__)


def test_wiring_of_one_sign_is_tuned_by_one_number() -> None:
    x = lineage(sign=-1)
    tuned = tune(Bench(x, Echo(), ECHO), untrained(x)[:2])
    assert tuned.factors is not None and list(tuned.factors) == ["inhibitory"]
    assert tuned.evaluations == 2 * len(FACTORS)


def test_three_scores_are_held_out_means_of_their_genomes() -> None:
    x, task = lineage(), Echo()
    state = begin(x, SETTINGS)
    (row,) = assess(Shard(ECHO, (x,), SETTINGS), [state], task)
    draws = untrained(x)
    tuned = tune(Bench(x, task, ECHO), draws[:NUM_TUNED])
    for name, genomes in (
        ("untrained_score", draws),
        ("tuned_score", tuned.genomes),
        ("score", ask_tell.centre(state.search)[None]),
    ):
        phenotype = Phenotype([x.blueprint], [len(genomes)])
        phenotype.load([genomes])
        scores = task.score(phenotype, seeds=[x.node("held-out")] * len(genomes))
        assert row[name] == pytest.approx(float(scores.mean()), rel=1e-5)
    assert len(draws) == NUM_UNTRAINED and row["tuned_factors"] == tuned.factors
    assert row["tuning_evaluations"] == tuned.evaluations


@pytest.mark.parametrize("core", ["frozen", "clock"])
def test_what_has_no_evolving_synapses_is_not_tuned(core: str) -> None:
    x = lineage(core=core)
    (row,) = assess(Shard(ECHO, (x,), SETTINGS), [begin(x, SETTINGS)], Echo())
    assert row["tuned_score"] is row["tuned_factors"] is None and row["tuning_evaluations"] == 0
    assert row["untrained_score"] is not None


def test_failed_pairs_are_not_chosen_and_where_all_fail_there_is_no_score() -> None:
    class Frail(Echo):
        def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
            fitness = super().evaluate(phenotype, seeds=seeds)
            if len(fitness) > NUM_TUNED:
                fitness[NUM_TUNED if self.broken < 1 else 0 :] = torch.nan  # all but the first pair
            return fitness

    x = lineage()
    first = tune(Bench(x, Frail(), ECHO), untrained(x)[:NUM_TUNED])
    assert first.factors == {"excitatory": FACTORS[0], "inhibitory": FACTORS[0]}
    (row,) = assess(Shard(ECHO, (x,), SETTINGS), [begin(x, SETTINGS)], Frail(broken=1.0))
    assert row["tuned_score"] is row["tuned_factors"] is None
    assert row["tuning_evaluations"] == NUM_TUNED * len(FACTORS) ** 2


def test_results_and_report_have_three_scores(tmp_path: Path) -> None:
    from neuroevo.report.write import write_report

    folder = run(tmp_path / "run", genome=("connectome", "adapter-only"), seeds=2)
    for row in folder.results():
        assert (row["tuned_score"] is not None) == (row["genome"] == "connectome")
        assert row["evaluations"] == 3 * 9
    tuned_by_genome = {genome.label: genome.tuned for genome in write_report(folder).tasks["echo"].genomes}
    tuned = [row["tuned_score"] for row in folder.results() if row["genome"] == "connectome"]
    assert tuned_by_genome["adapter-only"] is None and tuned_by_genome["connectome"].iqm == pytest.approx(
        np.mean(tuned)
    )
    assert "tuned" in (folder.path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("at_once", [1, 3, 9, 64, 1000])
@pytest.mark.parametrize("dale", [True, False])
def test_scores_do_not_depend_on_the_parts_and_no_part_is_larger(dale: bool, at_once: int) -> None:
    x, task, whole = lineage(dale), Unscorable(episodes=3), Unscorable(episodes=3)
    shard, states = Shard(ECHO, (x,), SETTINGS), [begin(x, SETTINGS)]
    assert assess(shard, states, task, Scope(at_once)) == assess(shard, states, whole)
    largest = max(size for _, size in task.batches)
    assert largest <= at_once and largest == max(map(len, parts(NUM_TUNED * len(FACTORS) ** 2, at_once)))
    assert sum(size for _, size in task.batches) == sum(size for _, size in whole.batches) == 226


def test_of_more_held_out_episodes_there_are_fewer_genomes_at_once() -> None:
    task = Unscorable(episodes=2)
    task.held_out = 8
    x = lineage()
    assess(Shard(ECHO, (x,), SETTINGS), [begin(x, SETTINGS)], task, Scope(12, tunes=False))
    assert task.batches == [("evaluate", 3)] * 5 + [("evaluate", 2)] + [("evaluate", 1)]  # 17, and activity


def test_large_lineage_of_a_shard_has_no_more_genomes_at_once_than_its_search_had() -> None:
    small, large = lineage(), replace(lineage(), genome="b")
    blueprint = replace(large.blueprint, architecture=random_architecture(3, num_neurons=60))
    large = replace(large, blueprint=blueprint)
    task = Unscorable()
    shard = Shard(ECHO, (small, large), SETTINGS)
    assess(shard, [begin(x, SETTINGS) for x in shard.lineages], task, Scope(14))  # two populations of 7
    sizes = [size for _, size in task.batches]
    firsts = [k for k, size in enumerate(sizes) if size == 1]  # activity is the last of each
    assert max(sizes[: firsts[0]]) > 14 and 7 <= max(sizes[firsts[0] + 1 :]) < 14


def test_genomes_of_which_nothing_is_drawn_are_evaluated_once() -> None:
    """A body that is wired to cells by name draws no adapters, and the wiring starts as it was measured."""
    x = lineage()
    wiring = x.blueprint.architecture
    encoder, decoder = np.ones((2, len(wiring.inputs))), np.ones((len(wiring.outputs), 2))
    native = encoder.astype(np.float32), decoder.astype(np.float32)
    blueprint = replace(x.blueprint, native=native, adapter=adapters.parse("none"))
    x, task = replace(x, blueprint=blueprint), Unscorable()
    assert torch.equal(untrained(x)[0], untrained(x)[-1])
    (row,) = assess(Shard(ECHO, (x,), SETTINGS), [begin(x, SETTINGS)], task)
    assert row["tuning_evaluations"] == NUM_TUNED * len(FACTORS) ** 2
    assert row["scoring_evaluations"] == len(FACTORS) ** 2 + 1 + 1 + 1 + 1
    assert sum(size for _, size in task.batches) == row["scoring_evaluations"]


@pytest.mark.parametrize(
    ("count", "at_once"), [(1, None), (200, None), (200, 17), (17, 17), (5, 1), (25, 24)]
)
def test_parts_are_all_numbers_in_order_and_nearly_equal(count: int, at_once: int | None) -> None:
    sizes = [len(part) for part in parts(count, at_once)]
    assert [k for part in parts(count, at_once) for k in part] == list(range(count))
    assert sizes == sorted(sizes, reverse=True) and max(sizes) - min(sizes) <= 1
    assert len(sizes) == (1 if at_once is None else -(-count // at_once))
