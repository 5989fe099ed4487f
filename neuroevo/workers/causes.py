"""Causes: what left the finite numbers first where a genome failed, the task's numbers or the network's.

Nothing is looked at while a population runs. A genome whose fitness is not finite, or whose cells are not, is
run again by itself, on the same episodes, and watched step by step: what it is given, its cells, its outputs,
its fitness, in this order, so that a network is not blamed for what it was fed.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neuroevo.errors import described
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.task import Chooses, Task


def evaluate(
    task: Task, phenotype: Phenotype, seeds: Sequence[int], choices: Sequence[object] | None = None
) -> Tensor:
    """Returns the fitness of genomes on a task.

    Args:
        task: The task.
        phenotype: G genomes.
        seeds: One a genome, [G].
        choices: What the task chose, one a genome, [G], or None where it chooses nothing.

    Returns:
        Fitness [G, B].
    """
    if choices is None:
        return task.evaluate(phenotype, seeds=seeds)
    assert isinstance(task, Chooses)
    return task.evaluate_on(phenotype, seeds=seeds, choices=choices)


class Watch:
    """A monitor that notes the first number that is not finite.

    Args:
        phenotype: The network of one genome.
        cells: Names of its cells.

    Attributes:
        cause: Which number it was and at which network step since the last reset, counted from 1, as a
            phrase; "" while all are finite.
    """

    def __init__(self, phenotype: Phenotype, cells: Sequence[str]) -> None:
        self._phenotype = phenotype
        self._cells = cells
        self.cause = ""

    def record_sensed(self, observations: Tensor) -> None:
        """Looks at what the network is given.

        Args:
            observations: float32 [1, B, S].
        """
        if not self.cause and (strange := ~torch.isfinite(observations[0])).any():
            episode, sensor = strange.nonzero()[0].tolist()
            value, step = float(observations[0, episode, sensor]), self._phenotype.time + 1
            self.cause = f"the task's observation {sensor} is {value:g} at step {step} of episode {episode}"

    def record_currents(self, recurrent: Tensor, drives: list[Tensor]) -> None:
        """Passes over the currents of a network step.

        Args:
            recurrent: What cells receive from each other, [cells, B].
            drives: What they receive from outside, [g, I, B] an adapter.
        """

    def record_outputs(self, state: Tensor, outputs: Tensor) -> None:
        """Looks at the cells and the outputs after a network step.

        Args:
            state: Activities, [cells, B].
            outputs: Outputs, [1, A, B].
        """
        if self.cause:
            return
        step = self._phenotype.time
        if not (finite := self._phenotype.cells.are_finite()).all():
            cell = self._cells[int((~finite).nonzero()[0, 0])]
            self.cause = f"cell {cell} at network step {step}"
        elif (strange := ~torch.isfinite(outputs[0])).any():
            self.cause = f"output {int(strange.nonzero()[0, 0])} of the network at network step {step}"


def explain(
    blueprint: Blueprint,
    parameters: Tensor,
    task: Task,
    seeds: Sequence[int],
    choices: Sequence[object] | None = None,
    *,
    is_held_out: bool = False,
) -> str:
    """Returns a phrase that says why a genome fails, or "" if it does not by itself.

    Args:
        blueprint: The genome's.
        parameters: The genome's, float32 [L].
        task: The task that it was evaluated on.
        seeds: The seed of its episodes, [1].
        choices: What the task chose for it, [1], or None where it chooses nothing.
        is_held_out: Whether it was scored, on held-out data, in place of evaluated.
    """
    phenotype = Phenotype([blueprint], [1])
    phenotype.load([parameters[None]])
    phenotype.monitor = watch = Watch(phenotype, blueprint.architecture.cells)
    try:
        with torch.inference_mode():
            if is_held_out:
                fitness = task.score(phenotype, seeds=seeds)[0].double()
            else:
                fitness = evaluate(task, phenotype, seeds, choices)[0].double()
    except Exception as error:  # of a task that takes no genome alone; the run goes on all the same
        return watch.cause or f"a failure, and by itself {described(error)}"
    return phenotype.faults.get(0) or watch.cause or of_values(fitness)


def of_values(fitness: Tensor) -> str:
    """Returns a phrase on the first fitness of a genome that is not finite, or "" where its mean is.

    Args:
        fitness: What a task gave a genome whose numbers were all finite, one an episode, float64 [B].
    """
    failed = (~torch.isfinite(fitness)).nonzero()
    if len(failed):
        episode = int(failed[0, 0])
        return f"the task's fitness of episode {episode} is {float(fitness[episode]):g}"
    mean = float(fitness.mean())
    return "" if torch.isfinite(fitness.mean()) else f"the mean of the task's fitness is {mean:g}"
