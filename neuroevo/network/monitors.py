"""Observers of a running network: how active its cells are, and what each cell or class does over time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.phenotype import Phenotype

SATURATED = 0.5  # share of saturated activities from which a network counts as saturated


class Monitor:
    """Running mean squares of currents and activity, per lineage, while a phenotype runs.

    Args:
        phenotype: The network to observe.

    Attributes:
        sums: float64 [5, R]: sums over samples of the squared input current, squared current onto neurons,
            squared current onto muscles, squared output, and absolute activity.
        counts: Numbers of samples in each sum, float64 [5, R].
        saturated: Numbers of activities beyond the model's bound in size, float64 [R].
    """

    INPUT, CORE, NEUROMUSCULAR, OUTPUT, ACTIVITY = range(5)

    def __init__(self, phenotype: Phenotype) -> None:
        self._lineages = torch.repeat_interleave(
            torch.arange(len(phenotype.counts)), torch.tensor(phenotype.counts)
        )
        rows = torch.from_numpy(np.repeat(self._lineages.numpy(), phenotype.genome_sizes))
        parts = [
            np.tile(b.architecture.is_muscle, c)
            for b, c in zip(phenotype.blueprints, phenotype.counts, strict=True)
        ]
        self._muscle = torch.from_numpy(np.concatenate(parts))
        # A cell that receives nothing has no gain.
        connected = torch.diff(phenotype.matrix.crow_indices()) > 0
        self._rows = rows
        self._connected = connected
        self._bound = phenotype.blueprints[0].neuron.model.saturated
        self.sums = torch.zeros(5, len(phenotype.counts), dtype=torch.float64)
        self.counts = torch.zeros_like(self.sums)
        self.saturated = torch.zeros(len(phenotype.counts), dtype=torch.float64)

    def _add(self, kind: int, lineages: Tensor, values: Tensor) -> None:
        """Adds `values` [n, B], whose rows belong to `lineages` [n]."""
        self.sums[kind].index_add_(0, lineages, values.sum(1, dtype=torch.float64))
        ones = torch.full((len(lineages),), values.shape[1], dtype=torch.float64)
        self.counts[kind].index_add_(0, lineages, ones)

    def record_sensed(self, observations: Tensor) -> None:
        """Does nothing: what the network is given is not looked at.

        Args:
            observations: float32 [G, B, S].
        """

    def record_currents(self, recurrent: Tensor, drives: list[Tensor]) -> None:
        """Adds up currents.

        Args:
            recurrent: What cells receive from each other, float32 [cells, B].
            drives: What input cells receive from outside, [g, I, B] of each batch of adapters.
        """
        for kind, mask in (
            (self.CORE, self._connected & ~self._muscle),
            (self.NEUROMUSCULAR, self._connected & self._muscle),
        ):
            self._add(kind, self._rows[mask], recurrent[mask].square())
        first = 0
        for drive in drives:
            lineages = self._lineages[first : first + len(drive)]
            self._add(self.INPUT, lineages, drive.square().mean(1))
            first += len(drive)

    def record_outputs(self, state: Tensor, outputs: Tensor) -> None:
        """Adds up activities and outputs.

        Args:
            state: Activity of every cell, float32 [cells, B].
            outputs: float32 [G, A, B].
        """
        self._add(self.OUTPUT, self._lineages, outputs.square().mean(1))
        size = state.abs()
        self._add(self.ACTIVITY, self._rows, size)
        self.saturated.index_add_(0, self._rows, (size > self._bound).sum(1, dtype=torch.float64))

    def root_mean_square(self, kind: int) -> Tensor:
        """Returns the root mean square of one kind of current, float64 [R]; NaN without samples.

        Args:
            kind: `INPUT`, `CORE`, `NEUROMUSCULAR`, `OUTPUT` or `ACTIVITY`.
        """
        return (self.sums[kind] / self.counts[kind]).sqrt()

    def activity(self) -> list[dict[str, float]]:
        """Returns, per lineage, mean absolute activity and the share of saturated activities."""
        mean = self.sums[self.ACTIVITY] / self.counts[self.ACTIVITY]
        share = self.saturated / self.counts[self.ACTIVITY]
        return [
            {"mean_abs": round(float(m), 4), "saturated": round(float(s), 4)}
            for m, s in zip(mean, share, strict=True)
        ]


class CellRecorder:
    """A monitor of a phenotype that keeps the activity of one genome's cells.

    Every time that outputs are read is a moment: in a control loop, a network step.

    Args:
        column: The episode whose activity is kept, of the B that run at once; the last where fewer run.
    """

    def __init__(self, column: int) -> None:
        self._column = column
        self._moments: list[np.ndarray] = []

    def record_sensed(self, observations: Tensor) -> None:
        """Does nothing: what the network is given is not looked at.

        Args:
            observations: float32 [G, B, S].
        """

    def record_currents(self, recurrent: Tensor, drives: list[Tensor]) -> None:
        """Does nothing: currents are not kept.

        Args:
            recurrent: What cells receive from each other, float32 [cells, B].
            drives: What input cells receive from outside, [g, I, B] of each batch of adapters.
        """

    def record_outputs(self, state: Tensor, outputs: Tensor) -> None:
        """Keeps the activities of a moment.

        Args:
            state: Activity of every cell, float32 [cells, B].
            outputs: float32 [G, A, B], not kept.
        """
        column = min(self._column, state.shape[1] - 1)
        self._moments.append(state[:, column].numpy().copy())

    def activity(self, num_cells: int) -> np.ndarray:
        """Returns activities, float32 [N, moments], of which there may be none.

        Args:
            num_cells: N.
        """
        return np.array(self._moments, np.float32).reshape(-1, num_cells).T


class ClassRecorder:
    """A monitor of a phenotype that averages the activity of one genome's cells over the images of a class.

    Args:
        labels: Class of every image in the order in which they are shown, int64 [n].
        num_classes: Number of classes, K.
    """

    def __init__(self, labels: np.ndarray, num_classes: int) -> None:
        self._labels = labels
        self._num_classes = num_classes
        self._shown = 0
        self._sums: np.ndarray | None = None

    def record_sensed(self, observations: Tensor) -> None:
        """Does nothing: what the network is given is not looked at.

        Args:
            observations: float32 [G, B, S].
        """

    def record_currents(self, recurrent: Tensor, drives: list[Tensor]) -> None:
        """Does nothing: currents are not kept.

        Args:
            recurrent: What cells receive from each other, float32 [cells, B].
            drives: What input cells receive from outside, [g, I, B] of each batch of adapters.
        """

    def record_outputs(self, state: Tensor, outputs: Tensor) -> None:
        """Adds up the activities at the answers to the next B images.

        Args:
            state: Activity of every cell, float32 [cells, B].
            outputs: float32 [G, A, B], not kept.
        """
        part = self._labels[self._shown : self._shown + state.shape[1]]
        is_of = part[:, None] == np.arange(self._num_classes)
        sums = state[:, : len(part)].numpy().astype(np.float64) @ is_of
        self._sums = sums if self._sums is None else self._sums + sums
        self._shown += state.shape[1]

    def activity(self, num_cells: int) -> np.ndarray:
        """Returns mean activities, float64 [N, K]; [N, 0] unless every image was shown exactly once.

        The mean of a class without images is NaN.

        Args:
            num_cells: N.
        """
        if self._sums is None or self._shown != len(self._labels):
            return np.zeros((num_cells, 0))
        counts = np.bincount(self._labels, minlength=self._num_classes)
        return self._sums / np.where(counts > 0, counts, np.nan)
