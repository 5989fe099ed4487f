"""Resolving: from a request as it is given to one in which everything is said, its priors and its tasks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from neuroevo import adapters, budgets, devices, neurons, search_options
from neuroevo.budgets import Wish
from neuroevo.configuration import Configuration
from neuroevo.errors import NeuroevoError, OptionError, TaskError, unknown
from neuroevo.plugins import Plugin, Registry, Spec, priors, tasks
from neuroevo.search_options import Method

TASK_MEMBERS = ("unit", "defaults", "num_sensors", "num_actuators", "evaluate", "score")


@dataclass(frozen=True)
class Entrant:
    """A prior or task of a run: its label, plug-in and all its options."""

    label: str
    plugin: Plugin
    options: dict[str, Any]

    @property
    def text(self) -> str:
        """The specification with every option written out."""
        written = {k: v for k, v in self.options.items() if v is not None}
        options = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in written.items()}
        return str(Spec(self.label, self.plugin.name, options))


def resolve(config: Configuration) -> tuple[Configuration, list[Entrant], list[Entrant]]:
    """Returns the request with every default written out, its priors and its tasks.

    Raises:
        NeuroevoError: If anything in the request is unknown, out of range or given twice.
    """
    config.check()
    genomes = resolve_genomes(config.genome)
    extra = {} if config.episodes is None else {"episodes": config.episodes}
    chosen = [_entrant(text, tasks, extra) for text in config.task]
    _check_labels("task", chosen)
    made = {entrant.label: _make(entrant) for entrant in chosen}
    for table in ("budgets", "searches"):
        for label in getattr(config, table):
            if label not in made:
                raise OptionError(unknown(f"task in [{table}]", label, made))
    searches = {label: _search(config, label, task) for label, task in made.items()}
    allotted = {label: _budget(config, label, made[label], method) for label, method in searches.items()}
    margins(config, made)
    _check_selection(config, allotted, searches)
    resolved = replace(
        config,
        genome=tuple(e.text for e in genomes),
        task=tuple(e.text for e in chosen),
        neuron=str(neurons.Neuron.parse(config.neuron)),
        adapter=str(adapters.parse(config.adapter)),
        budgets=allotted,
        searches={label: str(method) for label, method in searches.items()},
        search=None,
        generations=None,
        evaluations=None,
        population=None,
        episodes=None,
        device=devices.resolve(config.device, made, config.address),
    )
    return resolved, genomes, chosen


def margins(config: Configuration, tasks: Iterable[str]) -> dict[str, float | None]:
    """Returns the smallest difference that matters by task label; None where no margin is given.

    A margin of one task wins over that of all.

    Raises:
        OptionError: If a margin is not of its form, is of an unknown task or is given twice.
    """
    given: dict[str, float] = {}
    labels = list(tasks)
    for text in config.margin:
        label, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise OptionError(f"Cannot read margin {text!r}; wanted X or TASK=X, X a number.") from None
        if label and label not in labels:
            raise OptionError(unknown("task in margin", label, labels))
        if not 0 < value < math.inf:
            raise OptionError(f"Margin {text!r} is {value:g}; wanted a finite number greater than 0.")
        if label in given:
            raise OptionError(f"The margin of {label or 'all tasks'} is given twice; give it once.")
        given[label] = value
    return {label: given.get(label, given.get("")) for label in labels}


def _check_selection(
    config: Configuration, budgets: Mapping[str, Mapping[str, int]], searches: Mapping[str, Method]
) -> None:
    """Selection needs rivals and generations to come after it; a race also seeds, to tell what is noise.

    A race ends after half of the generations: after pretraining it would drop priors before their wiring has
    evolved.
    """
    if config.selection == "tournament":
        return
    for label, budget in budgets.items():
        if config.selection == "race" and "pretraining" in budget:
            raise OptionError(
                f"Selection 'race' was asked for on {label} with pretraining (search "
                f"{searches[label].name!r}, adapter {config.adapter!r}); wanted a search of one phase. Use "
                "--selection tournament."
            )
    is_fitted = adapters.parse(config.adapter).name == "none" or neurons.Neuron.parse(config.neuron).table
    if config.selection == "mixed" and is_fitted:  # to the cells of one wiring, where these have mutants
        raise OptionError(
            "Selection 'mixed' takes no --adapter none and no table of constants; leave it out."
        )
    counts = {"prior": len(config.genome)} | ({"seed": config.seeds} if config.selection == "race" else {})
    counts |= {f"generation of {label}": budget["generations"] for label, budget in budgets.items()}
    for what, number in counts.items():
        if number < 2:
            raise OptionError(
                f"Selection {config.selection!r} was asked for with {number} {what}; wanted 2 or more. Give "
                "more, or use --selection tournament."
            )


def _make(entrant: Entrant) -> Any:
    """Returns the task, which checks its options when it is made, if it has what the engine needs.

    Raises:
        NeuroevoError: If the task refuses its options.
        TaskError: If it fails on them in another way, or something is missing or cannot be.
    """
    name = f"Task {entrant.label!r}"
    try:
        task = entrant.plugin.target(**entrant.options)
    except NeuroevoError as error:
        raise type(error)(f"{name}: {error}") from error
    except Exception as error:
        raise TaskError(
            f"{name} cannot be made: {type(error).__name__}: {error}; change its options or the task itself."
        ) from error
    missing = [member for member in TASK_MEMBERS if not hasattr(task, member)]
    missing += [f"defaults[{key!r}]" for key in budgets.NEEDED if not missing and key not in task.defaults]
    if missing:
        raise TaskError(f"{name} has no {', '.join(missing)}; wanted {', '.join(TASK_MEMBERS)}.")
    for member in ("num_sensors", "num_actuators"):
        number = getattr(task, member)
        if not (isinstance(number, int) and number >= 1):
            raise TaskError(f"{name} has {number!r} as {member}; wanted a whole number of at least 1.")
    return task


def _search(config: Configuration, label: str, task: Any) -> Method:
    """Returns how a task is searched: as given, else as in the file, else by pgpe.

    An option that is given wins over what suits the task, and that over the usual.
    """
    text = config.search or config.searches.get(label, "pgpe")
    return search_options.parse(text, getattr(task, "search", {}), label)


def _budget(config: Configuration, label: str, task: Any, method: Method) -> dict[str, int]:
    """Returns a task's budget, see `budgets.resolve`."""
    given = config.search, config.generations, config.evaluations
    wish = Wish(config.generations, config.population, config.evaluations, given == (None, None, None))
    has_pretraining = method.has_pretraining or adapters.parse(config.adapter).train == "pretrained"
    filed = config.budgets.get(label, {})
    return budgets.resolve(label, wish, filed, task.defaults, method, has_pretraining)


def resolve_genomes(specs: Iterable[str]) -> list[Entrant]:
    """Returns the priors of `[label=]name[:option=value,...]`, with all their options."""
    genomes = [_entrant(text, priors) for text in specs]
    _check_labels("genome", genomes)
    return genomes


def _check_labels(kind: str, entrants: Iterable[Entrant]) -> None:
    """Labels tell results apart, so no two may be equal."""
    labels = [e.label for e in entrants]
    for label in labels:
        if labels.count(label) > 1:
            raise OptionError(f"Two {kind}s are labelled {label!r}; give one another label, label=name.")


def _entrant(text: str, registry: Registry, extra: Mapping[str, Any] | None = None) -> Entrant:
    """Returns a prior or task with all its options, defaults included."""
    spec = registry.parse(text)
    plugin = registry.get(spec.name)
    return Entrant(spec.label, plugin, plugin.bind({**plugin.defaults, **(extra or {}), **spec.options}))
