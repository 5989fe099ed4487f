"""The worm as a task: starts, velocities, films, and independence of the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neuroevo.errors import OptionError
from neuroevo.network.blueprint import Blueprint
from neuroevo.report.replay.scene import Scene, joints
from tasks import worm_body
from tasks.worm import FULL_OUTPUT, TYPICAL_BEND, Worm
from tasks.worm_body import CONTROL_STEP, JOINTS, LINKS
from tests.crawling import Reflexes, from_head, phenotype, poses, random_reflexes
from tests.reference import random_architecture


class Constant:
    """G controllers of constant output [G, 24]."""

    def __init__(self, outputs: Tensor) -> None:
        self.outputs = outputs
        self.num_genomes = len(outputs)

    def reset(self, num_episodes: int) -> None:
        self.num_episodes = num_episodes

    def step(self, observations: Tensor) -> Tensor:
        return self.outputs[:, None].expand(-1, self.num_episodes, -1)


def lineages() -> tuple[list[Blueprint], list[Tensor], list[int]]:
    """Two random wirings, three and four genomes of them, and a seed for each genome, some equal."""
    blueprints = [Blueprint(random_architecture(k, 12 + k, 5), JOINTS, JOINTS) for k in (0, 1)]
    rng = np.random.default_rng(2)
    parameters = [
        torch.from_numpy(rng.normal(0, 0.7, (count, b.layout.length)).astype(np.float32))
        for count, b in zip((3, 4), blueprints, strict=True)
    ]
    return blueprints, parameters, [1, 2, 3, 1, 5, 6, 5]


def test_starts_are_bent_at_random_and_never_share_a_number() -> None:
    drawn = []
    for seed in range(20):
        for purpose in ("training", "held-out"):
            (qpos,) = Worm().starts(seed, purpose, 8)
            assert np.array_equal(qpos, *Worm().starts(seed, purpose, 8)) and not qpos[:, :2].any()
            drawn.append(worm_body.bends(qpos).ravel())
    numbers = np.concatenate(drawn)
    assert len(np.unique(numbers)) == len(numbers) == 20 * 2 * 8 * JOINTS
    assert 0.95 * 0.2 < np.abs(numbers).max() <= 0.2


def test_genomes_of_a_seed_meet_the_same_starts() -> None:
    task, reflexes = Worm(steps=1, episodes=2, held_out=3), random_reflexes(3)
    for run, purpose, episodes in ((task.evaluate, "training", 2), (task.score, "held-out", 3)):
        run(reflexes, seeds=[7, 8, 7])  # type: ignore[arg-type]
        for genome, seed in enumerate([7, 8, 7]):
            wanted = worm_body.bends(*task.starts(seed, purpose, episodes)) / TYPICAL_BEND
            np.testing.assert_allclose(reflexes.seen[0][genome], wanted, rtol=1e-6)


@pytest.mark.parametrize("along", ["body", "start"])
def test_evaluate_follows_mujocos_centre_of_mass(along: str) -> None:
    """World by world, the velocities of the bodies given by the film of each."""
    task, reflexes = Worm(steps=40, episodes=2, held_out=2, along=along), random_reflexes(1)  # type: ignore[arg-type]
    fitness = task.score(reflexes, seeds=[4])  # type: ignore[arg-type]
    assert fitness.shape == (1, 2) and fitness.dtype == torch.float64
    for episode in range(2):
        film = task.record(reflexes, seed=4, episode=episode)  # type: ignore[arg-type]
        scene = Scene(film.model, film.qpos)
        moved = np.diff(scene.centre[:, :2] @ [1, 1j])
        whole = -scene.turn[:, :, :2, 2].sum(1) @ [1, 1j]  # the z axis of a capsule points to its tail
        ahead = whole[1:] + whole[:-1] if along == "body" else np.ones(40)
        forward = (moved * (ahead / np.abs(ahead)).conj()).real.sum()
        assert fitness[0, episode].item() == pytest.approx(1e3 * forward / (40 * CONTROL_STEP), abs=1e-9)


def test_recording_is_the_body_from_head_to_tail_in_metres() -> None:
    task, reflexes = Worm(steps=5, held_out=3), random_reflexes(1)
    scores = task.score(reflexes, seeds=[2])  # type: ignore[arg-type]
    film = task.record(reflexes, seed=2, episode=1)  # type: ignore[arg-type]
    assert (film.score, film.is_chain, film.time_step) == (scores[0, 1].item(), True, CONTROL_STEP)
    assert film.qpos.shape == (6, 3 + JOINTS)
    angles = joints(Scene(film.model, film.qpos))
    assert angles.names == tuple(f"joint{i}" for i in range(1, LINKS))
    sensed = np.array([s[0, 1].numpy() for s in reflexes.seen]) * TYPICAL_BEND
    np.testing.assert_allclose(angles.angles[:-1], sensed, atol=1e-6)
    with pytest.raises(OptionError, match="episode"):
        task.record(reflexes, seed=2, episode=3)  # type: ignore[arg-type]


def test_picture_puts_links_where_the_body_has_them() -> None:
    for qpos, data in poses(5):
        middles, headings = from_head(qpos, data)
        scene = Scene(worm_body.picture(), worm_body.nose_first(qpos))
        np.testing.assert_allclose(1e3 * scene.place[0, :, :2] @ [1, 1j], middles, atol=1e-9)
        np.testing.assert_allclose(-scene.turn[0, :, :2, 2] @ [1, 1j], headings, atol=1e-9)
        assert scene.view == "from above"


def test_output_has_full_strength_from_an_eighth_on() -> None:
    sizes = torch.tensor([0.5, 1.0, 1.5, 1e6, torch.inf]) * FULL_OUTPUT
    wave = torch.sign(torch.sin(torch.arange(JOINTS) / 3.0 + 0.1))
    fitness = Worm(steps=20).evaluate(Constant(sizes[:, None] * wave), seeds=[0] * 5)  # type: ignore[arg-type]
    assert torch.equal(fitness[1:], fitness[1:2].expand(4, -1)) and not torch.equal(fitness[0], fitness[1])
    assert FULL_OUTPUT == 0.125


def test_bodies_do_not_depend_on_the_batch() -> None:
    """To the bit: the rest of the batch and the place of a genome in it change nothing."""
    task, reflexes, seeds = Worm(steps=20, episodes=3), random_reflexes(5), [4, 5, 4, 6, 7]
    together = task.evaluate(reflexes, seeds=seeds)  # type: ignore[arg-type]
    flipped = task.evaluate(Reflexes(reflexes.gains.flip(0)), seeds=seeds[::-1])  # type: ignore[arg-type]
    assert torch.equal(flipped.flip(0), together)
    for genome, seed in enumerate(seeds):
        alone = Reflexes(reflexes.gains[genome : genome + 1])
        assert torch.equal(task.evaluate(alone, seeds=[seed])[0], together[genome])  # type: ignore[arg-type]
    assert len(together.unique()) == together.numel()


def test_evaluate_is_a_function_of_genome_and_seed() -> None:
    """Networks round differently, in the last bit of float32, at another place in a batch."""
    task = Worm(steps=20)
    blueprints, parameters, seeds = lineages()
    together = task.evaluate(phenotype(blueprints, parameters), seeds=seeds)
    assert together.std(0).min() > 1e-3  # mm/s; genomes differ by far more than the tolerance
    flipped = phenotype(blueprints[::-1], [p.flip(0) for p in parameters[::-1]])
    there_and_back = task.evaluate(flipped, seeds=seeds[::-1]).flip(0)
    torch.testing.assert_close(there_and_back, together, rtol=0, atol=1e-5)


def test_genome_that_is_not_a_number_fails_alone() -> None:
    task = Worm(steps=10)
    blueprints, parameters, seeds = lineages()
    healthy = task.evaluate(phenotype(blueprints, parameters), seeds=seeds)
    broken = [p.clone() for p in parameters]
    broken[0][1] = torch.nan
    fitness = task.evaluate(phenotype(blueprints, broken), seeds=seeds)
    assert fitness[1].isnan().all()
    others = [0, 2, 3, 4, 5, 6]
    assert torch.equal(fitness[others], healthy[others])
    assert torch.equal(task.evaluate(phenotype(blueprints, parameters), seeds=seeds), healthy)


@pytest.mark.parametrize(
    ("option", "value"),
    [("steps", 0), ("episodes", 0), ("held_out", 0), ("drag", 0.9), ("drag", 201.0), ("strength", 0.7)],
)
def test_option_out_of_range_is_refused(option: str, value: float) -> None:
    with pytest.raises(OptionError, match=option):
        Worm(**{option: value})  # type: ignore[arg-type]
