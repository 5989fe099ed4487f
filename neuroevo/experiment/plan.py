"""The plan of a run: which wirings meet which tasks. It follows from the configuration alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from neuroevo.errors import FOREIGN, ConnectomeError, EvaluationError, NeuroevoError, TaskError, failure
from neuroevo.experiment.request import Experiment
from neuroevo.network.adapters import Adapter
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.constants import Table
from neuroevo.network.neurons import Neuron
from neuroevo.progress import Say, nothing
from neuroevo.readout import SolvedTask
from neuroevo.rows import LineageRow
from neuroevo.search import coordinates
from neuroevo.task import HasNativeMaps, Task, TaskRequest
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.sampling import Sample, sample, twins

logger = logging.getLogger(__name__)


class Plan:
    """What a run is to do.

    Args:
        experiment: What is asked for.
        say: Is told how many wirings have been drawn, where they take long.

    Attributes:
        experiment: What is asked for.
        config: The resolved request.
        connectome: Source wiring, with its ports.
        priors: Priors by label.
        draws: Samples of each prior, by label. In mixed populations every population draws its own, so
            that populations are replicates of all that is drawn.
        samples: All samples, in order.
        requests: Tasks as messages to workers, in order.
        tasks: Tasks by label.
        settings: Search settings by task.
        blueprints: By task, one for each sample.

    Raises:
        NeuroevoError: If a prior cannot be sampled on the connectome, or a wiring does not fit a task.
        EvaluationError: If a prior fails in a way of its own.
    """

    def __init__(self, experiment: Experiment, say: Say = nothing) -> None:
        config, connectome = experiment.config, experiment.connectome
        self.experiment = experiment
        self.config = config
        self.connectome = connectome
        self.priors = {call.label: call for call in experiment.priors}
        num_draws = config.graphs * (config.seeds if config.selection == "mixed" else 1)
        self.tasks = experiment.tasks
        twin = twins(experiment.priors)
        self.draws = {
            x: sample(connectome, call, num_draws, config.seed, say, self._is_crossed, twin[x])
            for x, call in self.priors.items()
        }
        self.samples = [s for drawn in self.draws.values() for s in drawn.samples]
        wirings = ", ".join(f"{label} {len(drawn.samples)}" for label, drawn in self.draws.items())
        logger.info("wirings drawn from %s: %s", connectome.name, wirings)
        calls = experiment.task_calls.values()
        self.requests = [TaskRequest(call.label, call.plugin.path, call.options) for call in calls]
        self.settings = experiment.settings
        self.blueprints = fitted(
            self.samples, self.tasks, experiment.neuron, experiment.adapter, Architecture.of(connectome)
        )
        for label, blueprints in self.blueprints.items():
            evolves = self.settings[label].generations > 0
            task = self.tasks[label]
            for s, blueprint in zip(self.samples, blueprints, strict=True):
                where = f"{s.genome} on {label}"
                if evolves:
                    coordinates.check(blueprint, where)
                if isinstance(task, SolvedTask):
                    task.require_samples(blueprint.ports, where, evolves=evolves)

    def _is_crossed(self, whole: Architecture) -> bool:
        """Says whether an input of a wiring reaches an output on every task, each with ports of its own."""
        adapter = self.experiment.adapter
        for task in self.tasks.values():
            with suppress(ConnectomeError, TaskError):  # what does not fit at all is told where it is fitted
                if not _with_ports(whole, task, adapter)[0].is_crossed():
                    return False
        return True

    def prepare(self) -> None:
        """Fetches what the tasks need, before anything is written.

        Raises:
            DataError: If it cannot be had.
            EvaluationError: If a task fails in a way of its own.
        """
        for label, task in self.tasks.items():
            started = time.monotonic()
            try:
                task.prepare()
            except NeuroevoError:
                raise
            except FOREIGN as error:
                raise EvaluationError(failure(f"Preparing {label}", error)) from error
            logger.info("data of %s prepared in %.1f s", label, time.monotonic() - started)

    def lineages(self) -> list[LineageRow]:
        """Returns the identity of every lineage that the run starts with, in order."""
        return [row for request in self.requests for row in self.lineages_of(request.label)]

    def lineages_of(self, task: str) -> list[LineageRow]:
        """Returns the identity of every lineage of one task that the run starts with, in order.

        Args:
            task: Label of the task.
        """
        if self.config.selection == "mixed":
            return [
                {"task": task, "genome": label, "graph": member, "seed": population, "population": population}
                for population in range(self.config.seeds)
                for member, (label, _) in enumerate(self.founders(population))
            ]
        rows: list[LineageRow] = [
            {"task": task, "genome": s.genome, "graph": s.graph, "seed": seed}
            for s in self.samples
            for seed in range(self.config.seeds)
        ]
        if self.config.selection == "race":
            for row in rows:
                row["role"] = "race"
        return rows

    def founders(self, population: int) -> list[tuple[str, int]]:
        """Returns the first members of a mixed population, in order.

        Args:
            population: Which of the populations, counted from 0.

        Returns:
            For each member the label of its prior, and the place of its sample in `samples`.
        """
        members: list[tuple[str, int]] = []
        first = 0  # place of a prior's first sample
        for label, drawn in self.draws.items():
            draws = drawn.index[population * self.config.graphs : (population + 1) * self.config.graphs]
            members += [(label, first + k) for k in draws]
            first += len(drawn.samples)
        return members


def fitted(
    samples: Sequence[Sample],
    tasks: Mapping[str, Task],
    neuron: Neuron,
    adapter: Adapter,
    source: Architecture | None = None,
) -> dict[str, list[Blueprint]]:
    """Returns, for each task, the blueprints of that part of every wiring that can have an effect.

    Where no input of a null reaches an output, but the source's do, it is its ports alone: a constant.

    Args:
        samples: The wirings.
        tasks: Tasks by label.
        neuron: Neuron model of all cells.
        adapter: Maps from sensors and to actuators.
        source: The measured wiring; None: none of the wirings is a null.

    Raises:
        ConnectomeError: If no input cell of the source has a path to an output cell either, or a cell has no
            row in the neurons' table of constants.
        TaskError: If a task and the adapter do not fit, or a wiring lacks the cells that a body needs.
    """
    table = Table.read(neuron)
    blueprints: dict[str, list[Blueprint]] = {label: [] for label in tasks}
    for drawn in samples:
        for label, task in tasks.items():
            try:
                whole, maps = _with_ports(drawn.architecture, task, adapter)
                if source is not None and not whole.is_crossed() and _is_null(whole, source, task, adapter):
                    live = whole.constant()
                else:
                    live = whole.without_dead_ends()
                blueprints[label].append(_fitted(whole, live, maps, task, neuron, adapter, table))
            except (ConnectomeError, TaskError) as error:
                where = f"{drawn.genome}, graph {drawn.graph}, on {label}"
                raise type(error)(f"{where}: {error}") from error
    return blueprints


def _with_ports(
    whole: Architecture, task: Task, adapter: Adapter
) -> tuple[Architecture, tuple[np.ndarray, np.ndarray] | None]:
    """Returns a wiring with its ports on a task, and the body's own maps where there is no adapter."""
    maps = None
    if adapter.is_native and whole.core != "clock":
        maps = _native_maps(whole, task, adapter)
        ports = [np.flatnonzero(m.any(axis)).astype(np.int32) for m, axis in zip(maps, (1, 0), strict=True)]
        whole = replace(whole, inputs=ports[0], outputs=ports[1])
    return replace(whole, outputs=adapter.outputs(whole)), maps


def _is_null(whole: Architecture, source: Architecture, task: Task, adapter: Adapter) -> bool:
    """Says whether a wiring has ports to be the constant of, and the source's inputs reach its outputs."""
    has_ports = len(whole.inputs) > 0 and len(whole.outputs) > 0
    return has_ports and _with_ports(source, task, adapter)[0].is_crossed()


def _fitted(
    whole: Architecture,
    live: Architecture,
    maps: tuple[np.ndarray, np.ndarray] | None,
    task: Task,
    neuron: Neuron,
    adapter: Adapter,
    table: Table | None,
) -> Blueprint:
    """Returns the blueprint of what lives of one wiring on one task, see `fitted`."""
    blueprint = Blueprint(
        architecture=live,
        num_sensors=task.num_sensors,
        num_actuators=task.num_actuators,
        neuron=neuron,
        adapter=adapter,
        image_shape=task.image_shape,
        table=None if table is None else table.values(live, neuron.base),
    )
    if live.core != "clock":
        adapter.check(blueprint.ports)
    if isinstance(task, SolvedTask):
        task.require_cells(live.core)
    if maps is None:
        return blueprint
    place = {cell: i for i, cell in enumerate(whole.cells)}
    inputs, outputs = ([place[live.cells[i]] for i in ports] for ports in (live.inputs, live.outputs))
    num_actuators = task.num_actuators if adapter.decodes else 0  # the readout speaks for itself
    encoder, decoder = maps[0][inputs].T, maps[1][:num_actuators, outputs].T
    return replace(blueprint, native=(np.ascontiguousarray(encoder), np.ascontiguousarray(decoder)))


def _native_maps(whole: Architecture, task: Task, adapter: Adapter) -> tuple[np.ndarray, np.ndarray]:
    """Returns a task's own maps, float32 [N, S] and [A, N]."""
    if not isinstance(task, HasNativeMaps):
        asked, other = (
            ("'none'", "a body with muscles, or --adapter linear")
            if adapter.decodes
            else ("'ridge' with train=native", "one that has them, as lines has, or train=evolved")
        )
        raise TaskError(
            f"Adapter {asked} was asked for on a task without maps of its own from sensors and to actuators; "
            f"wanted {other}."
        )
    return task.native(whole)
