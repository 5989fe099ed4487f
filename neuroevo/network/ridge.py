"""Readouts in closed form: ridge regression from what cells do to what a task wants, many networks at once.

A readout is fitted from sums over samples alone (`Moments`), so that samples can come in any number of parts
and none of them is kept. The intercept is not penalised. All penalties share one eigendecomposition of the
features' covariance.

References:
    Hoerl & Kennard (1970), https://doi.org/10.1080/00401706.1970.10488634 (ridge regression);
    Lukosevicius & Jaeger (2009), https://doi.org/10.1016/j.cosrev.2009.03.005 (as the readout of a network).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

RELATIVE_PENALTIES = tuple(10.0**k for k in range(-9, 2))  # of the mean variance of a feature
SMALLEST = 1e-10  # of that variance, from which a penalty makes a system regular beyond rounding
TINY = 1e-12  # of the greatest eigenvalue: variance below it is rounding


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over samples, for P networks with features and targets of their own.

    Attributes:
        count: n, the number of samples.
        x: Sums of features, float64 [P, F].
        y: Sums of targets, float64 [P, K].
        xx: Sums of products of two features, float64 [P, F, F].
        xy: Sums of products of a feature and a target, float64 [P, F, K].
        yy: Sums of squares of targets, float64 [P, K].
    """

    count: int
    x: Tensor
    y: Tensor
    xx: Tensor
    xy: Tensor
    yy: Tensor

    @classmethod
    def of(cls, features: Tensor, targets: Tensor) -> Moments:
        """Returns the moments of some samples.

        Args:
            features: float [P, n, F].
            targets: float [P, n, K], or [1, n, K] where they are the same for all networks.
        """
        x, y = features.double(), targets.double().expand(len(features), -1, -1)
        across = x.transpose(1, 2)
        return cls(x.shape[1], x.sum(1), y.sum(1), across @ x, across @ y, y.square().sum(1))

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.count + other.count,
            self.x + other.x,
            self.y + other.y,
            self.xx + other.xx,
            self.xy + other.xy,
            self.yy + other.yy,
        )

    def about(self, x: Tensor, y: Tensor) -> Moments:
        """Returns the moments of features and targets from which constants are subtracted.

        Args:
            x: Constants of the features, float64 [P, F].
            y: Constants of the targets, float64 [P, K].
        """
        n = self.count
        crossed = self.x[:, :, None] * x[:, None]
        return Moments(
            n,
            self.x - n * x,
            self.y - n * y,
            self.xx - crossed - crossed.transpose(1, 2) + n * x[:, :, None] * x[:, None],
            self.xy - self.x[:, :, None] * y[:, None] - x[:, :, None] * (self.y - n * y)[:, None],
            self.yy - 2 * self.y * y + n * y.square(),
        )


@dataclass(frozen=True, eq=False)
class Readout:
    """Fitted linear maps of P networks.

    Attributes:
        weights: float64 [P, F, K].
        intercept: float64 [P, K].
        penalty: float64 [P], of each network.
    """

    weights: Tensor
    intercept: Tensor
    penalty: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Returns what the readouts say, float64 [P, n, K].

        Args:
            features: float [P, n, F].
        """
        return features.double() @ self.weights + self.intercept[:, None]


class Solver:
    """Ridge regressions on the same samples, whose penalties are yet to be chosen.

    Args:
        moments: Moments of the samples, of P networks.
    """

    def __init__(self, moments: Moments) -> None:
        self._mean_x = moments.x / moments.count
        self._mean_y = moments.y / moments.count
        centred = moments.about(self._mean_x, self._mean_y)
        values, vectors = torch.linalg.eigh(centred.xx)
        top = values[:, -1:].clamp(min=0)
        self._values = torch.where(values > TINY * top, values, 0)
        self._vectors = vectors
        self._projected = vectors.transpose(1, 2) @ centred.xy  # [P, F, K]
        self.scale = self._values.mean(1)  # mean over features of their summed squares, [P]

    def solve(self, penalty: Tensor) -> Readout:
        """Returns the readouts under a penalty each.

        Args:
            penalty: Added to the summed squares of the features, float64 [P]; where both are zero, as for a
                cell that never moves, the weight is zero.
        """
        weights = self._vectors @ (self._shrunk(penalty)[:, :, None] * self._projected)
        intercept = self._mean_y - (self._mean_x[:, None] @ weights)[:, 0]
        return Readout(weights, intercept, penalty)

    def grid(self) -> Tensor:
        """Returns penalties to choose from, [L, P], in proportion to the features' mean summed squares."""
        return torch.tensor(RELATIVE_PENALTIES, dtype=torch.float64)[:, None] * self.scale

    def errors(self, others: Moments, penalties: Tensor) -> Tensor:
        """Returns how much readouts err on samples that they were not fitted to, [L, P].

        The error is the squared error over that of the fitted samples' mean, averaged over targets; it is
        1 for a readout that says the mean. A penalty under which it is not finite has an infinite one.

        Args:
            others: Moments of these samples.
            penalties: L penalties of each network, float64 [L, P].
        """
        other = others.about(self._mean_x, self._mean_y)
        variance = other.yy.clamp(min=torch.finfo(torch.float64).tiny)
        # Divided by what it is to be explained of, the error is one of all targets together: its terms are
        # sums over pairs of directions, of which each is weighed by what penalties leave of both.
        crossed = self._vectors.transpose(1, 2) @ (other.xy / variance[:, None])  # [P, F, K]
        squares = self._vectors.transpose(1, 2) @ other.xx @ self._vectors  # [P, F, F]
        explained = (crossed * self._projected).sum(2)  # [P, F]
        scaled = self._projected / variance[:, None]
        pairs = squares * (scaled @ self._projected.transpose(1, 2))  # [P, F, F]
        whole = (other.yy / variance).sum(1)
        errors = []
        for penalty in penalties:
            left = self._shrunk(penalty)
            square = (left * (pairs @ left[:, :, None])[:, :, 0]).sum(1)
            errors.append((whole - 2 * (left * explained).sum(1) + square) / variance.shape[1])
        return torch.stack(errors).nan_to_num(nan=torch.inf)

    def _shrunk(self, penalty: Tensor) -> Tensor:
        """Returns what each direction of the features is divided by, inverted, [P, F]."""
        divisors = self._values + penalty[:, None]
        return torch.where(divisors > 0, 1 / divisors.clamp(min=torch.finfo(torch.float64).tiny), 0)


def fit(moments: Moments, penalty: Tensor) -> Readout:
    """Returns readouts under a penalty each, without a choice: by Cholesky's factors where there are such.

    Args:
        moments: Moments of the samples, of P networks.
        penalty: As `Solver.solve` takes it, float64 [P].
    """
    mean_x, mean_y = moments.x / moments.count, moments.y / moments.count
    centred = moments.about(mean_x, mean_y)
    ridges = penalty[:, None] * penalty.new_ones(centred.xx.shape[1])
    factors, failed = torch.linalg.cholesky_ex(centred.xx + torch.diag_embed(ridges))
    scale = centred.xx.diagonal(dim1=1, dim2=2).mean(1)
    if bool(failed.any()) or bool((penalty < SMALLEST * scale).any()):
        return Solver(moments).solve(penalty)
    weights = torch.cholesky_solve(centred.xy, factors)
    return Readout(weights, mean_y - (mean_x[:, None] @ weights)[:, 0], penalty)
