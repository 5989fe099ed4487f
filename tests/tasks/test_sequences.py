"""Sequence tasks are what their sources define, and score what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from neuroevo.errors import OptionError
from neuroevo.plugins import tasks as registry
from neuroevo.seeds import generator
from tasks import prediction
from tasks.decisions import Decision, Match
from tasks.memory import Capacity, Memory
from tasks.prediction import DELAY, SUBSTEPS, TRANSIENT, Lorenz, MackeyGlass, Narma
from tasks.sequences import SequenceTask, explained, squared_correlation

NAMES = ("memory", "capacity", "narma", "mackey-glass", "lorenz", "decision", "match")


def made(name: str) -> SequenceTask:
    task = registry.get(name).target()
    assert isinstance(task, SequenceTask)
    return task


@pytest.mark.parametrize("name", NAMES)
def test_every_seed_has_sequences_of_its_own_in_every_split(name: str) -> None:
    task = made(name)
    splits = {split: task.samples(split, seeds=[3, 5, 3]) for split in ("minibatch", "training", "held-out")}
    for samples in splits.values():
        assert samples.which.tolist() == [0, 1, 0]
        assert samples.inputs.shape[2:] == (task.episodes, task.num_sensors)
        assert samples.targets.shape == (*samples.inputs.shape[:3], task.num_actuators)
        assert samples.inputs.isfinite().all() and samples.targets.isfinite().all()
        assert not torch.equal(samples.inputs[0], samples.inputs[1])
    assert splits["held-out"].inputs.shape[1] == task.test_length
    assert not torch.equal(splits["minibatch"].inputs, splits["training"].inputs)
    again = task.samples("training", seeds=[5])
    torch.testing.assert_close(again.inputs[0], splits["training"].inputs[1], rtol=0, atol=0)


def test_memory_asks_for_the_input_at_each_lag() -> None:
    task = Memory(lags=5, washout=10, length=50, test_length=40)
    inputs, targets = task.draw(generator(0, "x"), 50)
    for lag in range(5):
        np.testing.assert_array_equal(targets[10:, 0, lag], inputs[10 - lag : 50 - lag, 0, 0])
    said = torch.from_numpy(targets[None, 10:])
    torch.testing.assert_close(task.judge(said, said), torch.tensor([[5.0]]).double())
    torch.testing.assert_close(task.judge(3 - 2 * said, said), torch.tensor([[5.0]]).double())
    assert task.judge(torch.ones_like(said), said).tolist() == [[0.0]]


def test_capacity_asks_for_products_of_polynomials_that_are_uncorrelated() -> None:
    task = Capacity(degree=3, lags=4)
    assert task.num_actuators == 20  # combinations with repetition of 3 of 4 lags
    inputs, targets = task.draw(generator(0, "x"), 60_000)
    correlations = np.cov(targets[10:, 0].T)
    np.testing.assert_allclose(correlations, np.eye(20), atol=0.1)
    u = inputs[:, 0, 0]
    cubic = np.sqrt(7) * (5 * u**3 - 3 * u) / 2  # Legendre's polynomial of degree 3, of variance 1
    np.testing.assert_allclose(targets[:, 0, task.products.index((0, 0, 0))], cubic, atol=1e-12)
    square = np.sqrt(5) * (3 * u**2 - 1) / 2 * np.sqrt(3) * np.roll(u, 2)
    np.testing.assert_allclose(targets[2:, 0, task.products.index((0, 0, 2))], square[2:], atol=1e-12)


def test_capacity_of_what_is_unrelated_is_zero_but_for_what_chance_gives() -> None:
    task = Capacity(degree=2, lags=10, test_length=500, washout=20, episodes=200)
    targets = torch.from_numpy(task.draw(generator(0, "x"), 500)[1][None])
    noise = torch.from_numpy(generator(0, "noise").standard_normal(targets.shape))
    assert (task.judge(noise, targets) > 0).sum() <= 2  # of 200 sequences; expected 0.02
    torch.testing.assert_close(task.judge(targets, targets), torch.full((1, 200), 55.0).double())


@pytest.mark.parametrize("order", [10, 20])
def test_narma_is_its_equation(order: int) -> None:
    inputs, targets = Narma(order=order).draw(generator(0, "x"), 300)
    u, y = inputs[:, 0, 0], targets[:, 0, 0]
    assert 0 <= u.min() and u.max() <= 0.5
    for t in range(order, 299):
        wanted = 0.3 * y[t] + 0.05 * y[t] * y[t - order + 1 : t + 1].sum() + 1.5 * u[t - order + 1] * u[t]
        wanted = wanted + 0.1 if order == 10 else np.tanh(wanted + 0.01) + 0.2
        assert y[t + 1] == pytest.approx(wanted, abs=1e-12)


def test_mackey_glass_is_its_equation_step_by_step() -> None:
    task = MackeyGlass(horizon=7)
    inputs, targets = task.draw(generator(0, "x"), 40)
    history = generator(0, "x").uniform(0.4, 1.2, (DELAY * SUBSTEPS, 1))[:, 0].tolist()
    for _ in range((TRANSIENT + 60) * SUBSTEPS):
        late, now = history[-DELAY * SUBSTEPS], history[-1]
        history.append(now + (0.2 * late / (1 + late**10) - 0.1 * now) / SUBSTEPS)
    series = np.array(history[DELAY * SUBSTEPS :][::SUBSTEPS])[TRANSIENT:] - 0.93
    np.testing.assert_allclose(inputs[:, 0, 0], series[:40], atol=1e-6)  # it is chaotic: rounding grows
    np.testing.assert_allclose(targets[:, 0, 0], series[7:47], atol=1e-6)


def test_lorenz_is_its_equation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "TRANSIENT", 0)
    inputs, targets = Lorenz(horizon=3, step=0.01).draw(generator(0, "x"), 100)
    np.testing.assert_array_equal(inputs[3:], targets[:-3])

    def slope(_: float, s: np.ndarray) -> list[float]:
        return [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]]

    start = (generator(0, "x").normal(0, 5, (3, 1)) + np.array([[0.0], [0.0], [25.0]]))[:, 0]
    moments = np.arange(100) * 0.01
    reference = solve_ivp(slope, (0, 1), start, t_eval=moments, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(8 * inputs[:, 0, 0], reference.y[0], atol=5e-3)


def test_a_decision_is_what_the_mean_of_the_inputs_says() -> None:
    inputs, targets = Decision(noise=0.01).draw(generator(0, "x"), 30)
    np.testing.assert_array_equal(inputs.mean(0).argmax(1), targets[-1].argmax(1))
    assert 0.4 < targets[-1, :, 0].mean() < 0.6


def test_a_match_is_told_by_both_stimuli_together_and_by_neither_alone() -> None:
    task = Match(shown=3, delay=4, noise=0.01)
    inputs, targets = task.draw(generator(0, "x"), 10)
    first, second = inputs[:3].mean(0).argmax(1), inputs[7:].mean(0).argmax(1)
    same = targets[-1].argmax(1)
    np.testing.assert_array_equal(first == second, same == 1)
    assert np.abs(inputs[3:7]).max() < 0.1
    for stimulus in (first, second):
        assert abs(np.corrcoef(stimulus, same)[0, 1]) < 0.15


def test_scores_are_the_share_of_variance_and_of_right_answers() -> None:
    rng = generator(0, "said")
    said, targets = (torch.from_numpy(rng.standard_normal((2, 50, 3, 1))) for _ in range(2))
    for g in range(2):
        for b in range(3):
            x, y = said[g, :, b, 0].numpy(), targets[g, :, b, 0].numpy()
            assert float(explained(said, targets)[g, b, 0]) == pytest.approx(
                1 - ((x - y) ** 2).mean() / y.var()
            )
            wanted = np.corrcoef(x, y)[0, 1] ** 2
            assert float(squared_correlation(said, targets)[g, b, 0]) == pytest.approx(wanted)
    right = torch.tensor([[[[0.2, 0.1], [0.3, 0.9]]]]).double()
    truth = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]]).double()
    assert Decision().judge(right, truth).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("memory", {"lags": 200}, "'lags' is 200, and the washout 100"),
        ("memory", {"washout": 1000}, "'washout' is 1000, and sequences have 1000 steps"),
        ("memory", {"washout": -1}, "'washout' is -1"),
        ("memory", {"length": 10**9}, "length"),
        ("capacity", {"degree": 3, "lags": 40}, "has 11,480 products; wanted at most 2,000"),
        ("capacity", {"degree": 0}, "degree"),
        ("mackey-glass", {"horizon": 0}, "horizon"),
        ("lorenz", {"step": 0.5}, "'step' is 0.5"),
        ("decision", {"noise": -1.0}, "noise"),
        ("match", {"shown": 0}, "shown"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(name: str, options: dict, said: str) -> None:
    with pytest.raises(OptionError, match=said) as refused:
        registry.get(name).target(**options)
    assert "\n" not in str(refused.value)
