"""Minibatches drawn by what a lineage gets wrong: the same fitness in the mean, with less noise."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from neuroevo.checks import small
from neuroevo.errors import OptionError
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.search import ask_tell
from neuroevo.search import lineage as lineages_
from neuroevo.search.lineage import Evaluation, Lineage, Shard, begin
from neuroevo.search.settings import Settings
from neuroevo.seeds import generator
from neuroevo.task import TaskRequest
from neuroevo.wiring.architecture import Architecture
from neuroevo.workers.requests import Advance, Evaluate
from neuroevo.workers.runner import Runner, evaluate
from neuroevo.workers.worker import ShardKey, Worker
from tasks import classification
from tasks.classification import Minibatch, _drawn_by
from tasks.images import Digits, Mnist
from tests.tasks.test_images import CLASSES, LinearReadout, random_readouts

POOL, BATCH = 512, 32
REQUEST = TaskRequest("digits", "tasks.images:Digits", {"episodes": BATCH, "pool": POOL})


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits(episodes=BATCH, pool=POOL)


@functools.cache
def trained() -> LinearReadout:
    """A good classifier by gradient descent: wrong on few images, and sure of most."""
    data = Digits()._data()
    weight, bias = (
        torch.zeros(1, CLASSES, 64, requires_grad=True),
        torch.zeros(1, CLASSES, requires_grad=True),
    )
    optimizer = torch.optim.Adam([weight, bias], lr=0.05)
    for _ in range(25):
        loss = torch.nn.functional.cross_entropy(data.train @ weight[0].T + bias[0], data.train_labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return LinearReadout(weight.detach(), bias.detach())


def choice(task: Digits, readout: LinearReadout, seed: int) -> Minibatch:
    return task.choose(readout, seeds=[seed])[0]  # type: ignore[arg-type]


def test_images_are_drawn_as_often_as_their_chances_say() -> None:
    wrong, pool = generator(0, "wrong").random(40) * 1.4, np.arange(100, 140)
    expected = 16 * (classification.FLOOR + wrong) / (classification.FLOOR + wrong).sum()
    times_drawn = np.zeros(40)
    for seed in range(4_000):
        drawn = _drawn_by(wrong, pool, 16, seed)
        counts = np.bincount(drawn.images - 100, minlength=40)
        assert (counts >= np.floor(expected)).all() and (counts <= np.ceil(expected)).all()
        assert drawn.weights == pytest.approx((16 / 40 / expected)[drawn.images - 100], rel=1e-5)
        times_drawn += counts
    deviation = np.sqrt(expected % 1 * (1 - expected % 1) * 4_000)
    assert (np.abs(times_drawn - 4_000 * expected) < 5 * deviation + 1e-9).all()


def test_mean_fitness_is_that_of_all_images() -> None:
    task = Digits(episodes=BATCH, pool=Digits.num_training)
    readout, data = trained(), task._data()
    logits = data.train @ readout.weight[0].T + readout.bias[0]
    wanted = -torch.nn.functional.cross_entropy(logits, data.train_labels)
    means = torch.stack(
        [task.evaluate_on(readout, seeds=[0], choices=[choice(task, readout, s)]).mean() for s in range(400)]  # type: ignore[arg-type]
    )
    assert abs(means.mean() - wanted) < 4 * means.std() / 400**0.5


def test_what_tells_neighbours_apart_is_less_noisy(digits: Digits) -> None:
    """The difference between a mirrored pair around the centre: what a search goes by."""
    centre, draw = trained(), torch.Generator().manual_seed(0)
    away = 0.03 * torch.randn(centre.weight.shape, generator=draw)
    pair = LinearReadout(torch.cat([centre.weight + away, centre.weight - away]), centre.bias.expand(2, -1))

    def difference(seed: int, chosen: bool) -> float:
        choices = [choice(digits, centre, seed)] * 2 if chosen else None
        fitness = evaluate(digits, pair, [seed, seed], choices).mean(1)  # type: ignore[arg-type]
        return float(fitness[0] - fitness[1])

    even, chosen = (np.var([difference(seed, kind) for seed in range(300)]) for kind in (False, True))
    assert chosen < 0.5 * even


def test_choice_depends_on_seed_and_genome_alone(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    readouts = random_readouts(3, 64)
    together = digits.choose(readouts, seeds=[1, 1, 2])  # type: ignore[arg-type]
    alone = [
        choice(digits, LinearReadout(readouts.weight[k : k + 1], readouts.bias[k : k + 1]), seed)
        for k, seed in enumerate([1, 1, 2])
    ]
    monkeypatch.setattr(classification, "SCORED_AT_ONCE", 100)
    for first, second in zip(together, [*alone[:2], choice_of_last(digits, readouts)], strict=True):
        assert np.array_equal(first.images, second.images)
        assert np.array_equal(first.weights, second.weights)
    assert not np.array_equal(together[0].images, together[1].images)


def choice_of_last(task: Digits, readouts: LinearReadout) -> Minibatch:
    """The third genome's, beside others and in other pieces."""
    return task.choose(readouts, seeds=[5, 6, 2])[2]  # type: ignore[arg-type]


def test_no_test_image_is_looked_at(digits: Digits) -> None:
    readout = random_readouts(1, 64)
    for seed in range(20):
        choice(digits, readout, seed)
    shown = {x.numpy().tobytes() for batch in readout.shown for x in batch.reshape(-1, 64)}
    assert len(shown) > 1_000 and not shown & {x.numpy().tobytes() for x in digits._data().test}


def test_a_centre_that_has_failed_still_gets_images(digits: Digits) -> None:
    readout = random_readouts(1, 64)
    readout.bias[0, 3] = torch.nan
    chosen = choice(digits, readout, 0)
    assert len(chosen.images) == BATCH and np.isfinite(chosen.weights).all()


@pytest.mark.parametrize(
    ("pool", "said"), [(16, "'pool' is 16"), (1_443, "'pool' is 1443"), (-1, "'pool' is -1")]
)
def test_pool_out_of_range_is_one_line(pool: int, said: str) -> None:
    with pytest.raises(OptionError, match=said) as error:
        Digits(episodes=BATCH, pool=pool)
    assert "\n" not in str(error.value) and str(BATCH) in str(error.value)


def test_every_image_task_has_a_pool() -> None:
    assert Mnist(pool=2_048).chooses and not Mnist().chooses


def group(count: int = 2) -> Shard:
    task = Digits()
    blueprint = Blueprint(Architecture.of(small()), task.num_sensors, task.num_actuators)
    members = tuple(Lineage("digits", f"prior {k}", 0, 0, 0, blueprint) for k in range(count))
    return Shard(REQUEST, members, Settings(population=12, generations=4))


def test_parts_of_a_population_meet_the_same_images(digits: Digits) -> None:
    shard = group(1)
    states = Runner(shard, digits).advance([begin(x, shard.settings) for x in shard.lineages], 2)[0]
    whole = Runner(shard, digits).evaluate(states).fitness
    split = [Runner(part, digits).evaluate(states) for part in lineages_.parts(shard, 3)]
    torch.testing.assert_close(Evaluation.join(split).fitness, whole, rtol=1e-5, atol=1e-6)


def test_parts_in_one_worker_choose_and_draw_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, drawn = [], []
    choose, block = Digits.choose, ask_tell.block_seed
    monkeypatch.setattr(Digits, "choose", lambda *a, **k: asked.append(1) or choose(*a, **k))
    monkeypatch.setattr(ask_tell, "block_seed", lambda *a: drawn.append(1) or block(*a))
    shard, here = group(1), Worker()
    states = [begin(x, shard.settings) for x in shard.lineages]
    for generation in (1, 2):
        parts = lineages_.parts(shard, 3)
        states = Runner(shard, Digits(episodes=BATCH, pool=POOL)).advance(states, 1)[0]
        asked.clear()
        drawn.clear()
        for k, part in enumerate(parts):
            Evaluate(ShardKey(0, 0, part=k), "", part, states).run(here)
        assert (states[0].generation, len(asked), len(drawn)) == (generation, 1, 1)


def test_probe_of_one_lineage_does_not_take_its_shards_choices() -> None:
    shard, here = group(2), Worker()
    states = [begin(x, shard.settings) for x in shard.lineages]
    Evaluate(ShardKey(0, 0), "", shard, states).run(here)
    alone = Shard(REQUEST, shard.lineages[1:], shard.settings)
    advanced = Advance(ShardKey(0, 0, probe=1), "", alone, states[1:], 2).run(here)
    wanted = Runner(alone, Digits(episodes=BATCH, pool=POOL)).advance(states[1:], 2)
    assert torch.equal(advanced[0][0].search["centre"], wanted[0][0].search["centre"])


def test_blow_up_is_explained_on_the_images_it_was_met_on(digits: Digits) -> None:
    """Why a genome failed is told from the same choice; `explain` hands it on."""
    from neuroevo.workers.causes import explain

    class Noted(Digits):
        def evaluate_on(self, phenotype: Phenotype, **asked: object) -> torch.Tensor:  # type: ignore[override]
            self.asked = asked
            return super().evaluate_on(phenotype, **asked)  # type: ignore[arg-type]

    blueprint = group(1).lineages[0].blueprint
    genome, task = blueprint.draw(1, generator(0, "test"))[0], Noted(episodes=BATCH, pool=POOL)
    chosen = [Minibatch(np.arange(5))]
    assert explain(blueprint, genome, task, seeds=[1], choices=chosen) == ""
    assert task.asked == {"seeds": [1], "choices": chosen}
