"""Ridge regression in closed form equals scikit-learn's, however its samples come in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as Reference

from neuroevo.network.ridge import RELATIVE_PENALTIES, Moments, Solver
from neuroevo.seeds import generator

NETWORKS, SAMPLES, FEATURES, TARGETS = 3, 200, 12, 4


def drawn(samples: int, purpose: str) -> tuple[torch.Tensor, torch.Tensor]:
    rng = generator(0, purpose)
    mixing = generator(0, "mixing").standard_normal((NETWORKS, FEATURES, FEATURES))
    features = rng.standard_normal((NETWORKS, samples, FEATURES)) @ mixing + 2.0
    truth = generator(0, "truth").standard_normal((FEATURES, TARGETS))
    targets = features @ truth + 5.0 + rng.standard_normal((NETWORKS, samples, TARGETS))
    return torch.from_numpy(features), torch.from_numpy(targets)


@pytest.mark.parametrize("penalty", [1e-6, 0.3, 40.0])
def test_readouts_equal_those_of_an_independent_library(penalty: float) -> None:
    features, targets = drawn(SAMPLES, "samples")
    readout = Solver(Moments.of(features, targets)).solve(torch.full((NETWORKS,), penalty).double())
    for k in range(NETWORKS):
        wanted = Reference(alpha=penalty, solver="svd").fit(features[k].numpy(), targets[k].numpy())
        np.testing.assert_allclose(readout.weights[k].T, wanted.coef_, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(readout.intercept[k], wanted.intercept_, rtol=1e-6)
        np.testing.assert_allclose(readout(features)[k], wanted.predict(features[k].numpy()), rtol=1e-6)


def test_parts_of_the_samples_add_up() -> None:
    features, targets = drawn(SAMPLES, "samples")
    whole = Moments.of(features, targets)
    halves = Moments.of(features[:, :77], targets[:, :77]) + Moments.of(features[:, 77:], targets[:, 77:])
    for name in ("x", "y", "xx", "xy", "yy"):
        torch.testing.assert_close(getattr(halves, name), getattr(whole, name), rtol=1e-12, atol=1e-9)
    assert halves.count == whole.count == SAMPLES


def test_errors_from_moments_are_those_of_predictions_on_what_was_held_back() -> None:
    fitted, held_back = drawn(20, "few"), drawn(100, "others")  # so few that a penalty helps
    solver = Solver(Moments.of(*fitted))
    errors_said = solver.errors(Moments.of(*held_back), solver.grid())
    variance = (held_back[1] - fitted[1].mean(1, keepdim=True)).square().sum(1)
    errors = []
    for relative in RELATIVE_PENALTIES:
        said = solver.solve(relative * solver.scale)(held_back[0])
        errors.append(((said - held_back[1]).square().sum(1) / variance).mean(1))
    torch.testing.assert_close(errors_said, torch.stack(errors), rtol=1e-8, atol=1e-8)
    assert (errors_said.argmin(0) > 0).all()  # else nothing was chosen but the smallest


def test_cells_that_never_move_or_move_alike_do_no_harm() -> None:
    features, targets = drawn(SAMPLES, "samples")
    plain = Solver(Moments.of(features, targets))
    still = torch.cat([features, torch.full_like(features[:, :, :2], 0.7)], 2)
    solver = Solver(Moments.of(still, targets))
    penalty = torch.full((NETWORKS,), 1e-3).double()
    torch.testing.assert_close(
        solver.solve(penalty)(still), plain.solve(penalty)(features), atol=1e-5, rtol=0
    )
    dead = Solver(Moments.of(torch.zeros_like(features), targets))
    said = dead.solve(dead.grid()[0])(features)
    torch.testing.assert_close(said, targets.mean(1, keepdim=True).expand_as(said))


def test_targets_that_all_networks_share_are_given_once() -> None:
    features, targets = drawn(SAMPLES, "samples")
    shared, copies = (Moments.of(features, y) for y in (targets[:1], targets[:1].expand_as(targets)))
    torch.testing.assert_close(shared.xy, copies.xy)


@pytest.mark.parametrize("penalty", [0.0, 1e-6, 0.3])
def test_cells_that_never_move_and_cells_that_are_twice_there_leave_the_fit_as_it_is(penalty: float) -> None:
    features, targets = drawn(SAMPLES, "samples")
    twice = torch.cat([features, features[:, :, :5], torch.full((NETWORKS, SAMPLES, 3), 0.7).double()], 2)
    readout = Solver(Moments.of(twice, targets)).solve(torch.full((NETWORKS,), penalty).double())
    for k in range(NETWORKS):
        x, y = twice[k].numpy(), targets[k].numpy()
        if penalty:
            wanted = Reference(alpha=penalty, solver="svd").fit(x, y).predict(x)
        else:  # the least weights of all that fit best
            wanted = (x - x.mean(0)) @ np.linalg.lstsq(x - x.mean(0), y - y.mean(0), rcond=1e-9)[0] + y.mean(
                0
            )
        np.testing.assert_allclose(readout(twice)[k], wanted, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(readout.weights[k, :5], readout.weights[k, FEATURES:-3], atol=1e-4)
        assert readout.weights[k, -3:].abs().max() < 1e-4
