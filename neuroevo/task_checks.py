"""The part of `checks` that runs tasks."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuroevo.architecture import Architecture
from neuroevo.budgets import NEEDED
from neuroevo.errors import NeuroevoError, OptionError, TaskError
from neuroevo.phenotype import Blueprint, Phenotype
from neuroevo.plugins import Plugin
from neuroevo.prior_checks import Fail, check_options, name_of, no_global_randomness, one_line, small
from neuroevo.resolving import TASK_MEMBERS
from neuroevo.seeds import derive, generator

NUM_GENOMES = 4
SMALLEST = (1, 2, 3, 4)  # tried in turn for every whole-number option
ABSURD = -(10**9)  # what every whole-number option must refuse
TOLERANCE = 1e-5  # another place in a batch may round differently


def check_task(task: type | Plugin) -> None:
    """Raises an error that names the first rule which a task breaks; returns if it keeps them all.

    The task is made with the smallest options it accepts and run on a few untrained genomes of `small()`.

    - Its docstring has a summary; its options have defaults and types that the command line can read;
      whole numbers out of range raise OptionError.
    - It has a unit, budgets (generations at least 1; population even, at least 2), and whole numbers of
      sensors and actuators.
    - `evaluate` returns a float tensor [G, B], `score` one [G, B'], both finite for untrained genomes.
    - Equal genomes with equal seeds have equal fitness and equal scores: in another place of the batch, at
      another time, and in another instance. No global generator is drawn from.
    - Held-out episodes are not those of training.

    Args:
        task: The class, or what a registry holds.

    Raises:
        TaskError: If a rule is broken.
        DataError: If the task needs data that cannot be had.
        RegistryError: If it cannot be made as a task is.
    """
    plugin = task if isinstance(task, Plugin) else Plugin("task", name_of(task), task)
    plugin.check()

    def fail(message: str) -> NeuroevoError:
        return TaskError(f"Task {plugin.name!r}: {message}.")

    if not plugin.summary.strip().endswith((".", ":", ";")):
        raise fail("has no summary; wanted a docstring whose first line is one sentence")
    check_options(plugin, fail)
    _check_members(_make(plugin, {}, fail), fail)
    _check_bad_options(plugin, fail)
    options = _smallest(plugin, fail)
    first, other = (_ready(plugin, options, fail) for _ in range(2))
    _check_members(first, fail)
    for method in ("evaluate", "score"):
        _check_values(method, first, other, fail)
    _check_held_out(first, fail)


def _make(plugin: Plugin, options: dict[str, Any], fail: Fail) -> Any:
    """Returns the task; it may refuse its options with an error of neuroevo's, and in no other way."""
    try:
        return plugin.target(**options)
    except NeuroevoError:
        raise
    except Exception as error:
        told = f"options {options}" if options else "its default options"
        raise fail(
            f"failed on {told} with {one_line(error)}; wanted OptionError for options it refuses"
        ) from error


def _ready(plugin: Plugin, options: dict[str, Any], fail: Fail) -> Any:
    """Returns the task with its data."""
    task = _make(plugin, options, fail)
    if hasattr(task, "prepare"):
        task.prepare()
    return task


def _check_members(task: Any, fail: Fail) -> None:
    """Raises unless a task has what the engine needs to know."""
    missing = [member for member in TASK_MEMBERS if not hasattr(task, member)]
    if missing:
        raise fail(f"has no {', '.join(missing)}; wanted {', '.join(TASK_MEMBERS)}")
    if not isinstance(task.unit, str) or not task.unit.strip():
        raise fail(f"has the unit {task.unit!r}; wanted a name, such as m/s")
    generations, population = (dict(task.defaults).get(key) for key in NEEDED)
    if type(generations) is not int or generations < 1:
        raise fail(f"has {generations!r} generations by default; wanted a whole number of at least 1")
    if type(population) is not int or population < 2 or population % 2:
        raise fail(
            f"has a population of {population!r} by default; wanted an even number, for mirrored pairs"
        )
    for member in ("num_sensors", "num_actuators"):
        number = getattr(task, member)
        if type(number) is not int or number < 1:
            raise fail(f"has {number!r} as {member}; wanted a whole number of at least 1")


def _whole_options(plugin: Plugin) -> list[str]:
    """Returns the options whose default is a whole number."""
    return [option for option, default in plugin.defaults.items() if type(default) is int]


def _check_bad_options(plugin: Plugin, fail: Fail) -> None:
    """Raises unless whole numbers out of range are refused when the task is made."""
    for option in _whole_options(plugin):
        try:
            _make(plugin, {option: ABSURD}, fail)
        except OptionError:
            continue
        raise fail(f"accepts {option}={ABSURD}; wanted OptionError, see errors.require_range")


def _smallest(plugin: Plugin, fail: Fail) -> dict[str, Any]:
    """Returns the smallest whole-number options that a task accepts, one by one and together."""
    found: dict[str, Any] = {}
    for option in _whole_options(plugin):
        for value in SMALLEST:
            with contextlib.suppress(NeuroevoError):
                _make(plugin, {**found, option: value}, fail)
                found[option] = value
                break
    return found


def _genomes(task: Any) -> tuple[Blueprint, Tensor]:
    """Returns a small wiring fitted to a task and untrained genomes, the last equal to the first."""
    blueprint = Blueprint(Architecture.of(small()), task.num_sensors, task.num_actuators)
    parameters = blueprint.draw(NUM_GENOMES, generator(0, "check genomes"))
    parameters[-1] = parameters[0]
    return blueprint, parameters


def _run(task: Any, method: str, parameters: Tensor, seeds: Sequence[int], fail: Fail) -> Tensor:
    """Returns fitness or scores of genomes, checked for their form."""
    blueprint, _ = _genomes(task)
    phenotype = Phenotype([blueprint], [len(parameters)])
    phenotype.load([parameters])
    with no_global_randomness(fail), torch.inference_mode():
        try:
            values = getattr(task, method)(phenotype, seeds=list(seeds))
        except NeuroevoError:
            raise
        except Exception as error:
            raise fail(f"{method} failed with {one_line(error)}; wanted a tensor [G, B]") from error
    wanted = f"wanted a float tensor [{len(parameters)}, B], a row for each genome"
    if not isinstance(values, Tensor):
        raise fail(f"{method} returned a {type(values).__name__}; {wanted}")
    if values.ndim != 2 or len(values) != len(parameters) or not values.shape[1]:
        raise fail(f"{method} returned a tensor {list(values.shape)}; {wanted}")
    if not values.is_floating_point():
        raise fail(f"{method} returned a tensor of {values.dtype}; {wanted}")
    if not values.isfinite().all():
        raise fail(
            f"{method} gave {int((~values.isfinite()).sum())} values that are not finite; wanted numbers"
        )
    return values.to(torch.float64)


def _check_values(method: str, first: Any, other: Any, fail: Fail) -> None:
    """Raises unless values follow from genome and seed alone."""
    _, parameters = _genomes(first)
    a, b = derive(0, "check", "a"), derive(0, "check", "b")
    seeds = [a, b, b, a]
    values = _run(first, method, parameters, seeds, fail)
    _require_equal(values[0], values[-1], f"{method} of equal genomes with equal seeds differ", fail)
    again = _run(first, method, parameters, seeds, fail)
    _require_equal(values, again, f"{method} differs when it is called again", fail)
    elsewhere = _run(other, method, parameters, seeds, fail)
    _require_equal(values, elsewhere, f"{method} differs in another instance of the task", fail)
    order = np.array([2, 0, 3, 1])
    moved = _run(first, method, parameters[order], [seeds[i] for i in order], fail)
    _require_equal(values[order], moved, f"{method} depends on the order of the genomes", fail)


def _require_equal(values: Tensor, others: Tensor, what: str, fail: Fail) -> None:
    """Raises unless two results agree but for rounding."""
    if values.shape != others.shape or not torch.allclose(
        values, others, rtol=TOLERANCE, atol=TOLERANCE / 10
    ):
        raise fail(f"{what}; wanted it to follow from genome and seed alone")


def _check_held_out(task: Any, fail: Fail) -> None:
    """Raises if scores are the fitness itself for several seeds, unless neither tells genomes apart."""
    _, parameters = _genomes(task)
    for k in range(3):
        seeds = [derive(0, "check", "held out", k)] * NUM_GENOMES
        fitness, score = (_run(task, method, parameters, seeds, fail) for method in ("evaluate", "score"))
        width = min(fitness.shape[1], score.shape[1])
        if not torch.equal(fitness[:, :width], score[:, :width]) or (fitness == fitness[0]).all():
            return
    raise fail(
        "score equals evaluate for equal seeds; wanted held-out episodes, from another branch of the seed"
    )
