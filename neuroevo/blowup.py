"""Blow-ups: which cell of a network first left the finite numbers, and when.

Nothing is looked at while a population runs. Where a genome's cells are not finite at the end of its
evaluation, that genome is run again by itself, on the same episodes, and watched step by step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neuroevo.blueprint import Blueprint
from neuroevo.phenotype import Phenotype

if TYPE_CHECKING:
    from neuroevo.lineage import Task


class Watch:
    """A monitor that notes the first cell whose activity or potential is not finite.

    Attributes:
        found: The cell, and the network step since the last reset, counted from 1; None as yet.
    """

    def __init__(self, phenotype: Phenotype) -> None:
        self._phenotype = phenotype
        self.found: tuple[int, int] | None = None

    def record_currents(self, recurrent: Tensor, drives: list[Tensor]) -> None:
        """Currents are not watched."""

    def record_outputs(self, state: Tensor, outputs: Tensor) -> None:
        """Looks at the cells behind a network step."""
        if self.found is None and not (finite := self._phenotype.cells.are_finite()).all():
            self.found = int((~finite).nonzero()[0, 0]), self._phenotype.time


def explain(blueprint: Blueprint, parameters: Tensor, task: Task, **asked: Any) -> str:
    """Returns a phrase that says where a genome's state blew up; "" if it does not by itself.

    Args:
        blueprint: The genome's.
        parameters: float32 [L].
        task: What it was evaluated on.
        asked: Whatever else `task.evaluate` was given for this genome: lists of one.
    """
    phenotype = Phenotype([blueprint], [1])
    phenotype.load([parameters[None]])
    phenotype.monitor = watch = Watch(phenotype)
    with torch.inference_mode():
        task.evaluate(phenotype, **asked)
    if watch.found is None:
        return ""
    cell, step = watch.found
    return f"cell {blueprint.architecture.cells[cell]} at network step {step}"
