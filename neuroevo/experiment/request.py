"""The request as a run needs it: its configuration resolved, and the objects that this names, made once.

`resolve` parses every specification and makes every task. Whoever comes later, the plan, the pool and the
manifest, uses these objects and reads no text again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from neuroevo import readout
from neuroevo.connectome.model import Connectome
from neuroevo.errors import OptionError, TaskError, unknown
from neuroevo.experiment import trackers, until
from neuroevo.experiment.by_task import margins, targets
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.packages import packages
from neuroevo.network import adapters
from neuroevo.network.adapters import Adapter, Native, Ridge
from neuroevo.network.neurons import Neuron
from neuroevo.plugins import PluginCall, priors, tasks
from neuroevo.referee.looks import Look
from neuroevo.search import methods, settings
from neuroevo.search.methods import Method
from neuroevo.search.settings import Settings, Wish
from neuroevo.task import Task, make
from neuroevo.workers import devices
from neuroevo.workers.ray_cluster import Workers, default_workers


@dataclass(frozen=True)
class Experiment:
    """A request that was found to be good, and all that it names.

    Attributes:
        config: The request with every default written out, as `config.toml` holds it.
        connectome: Source wiring, with its ports.
        priors: Priors, in order.
        task_calls: What the tasks are made from, by label, in order.
        tasks: The tasks by label, each made once, and not prepared.
        neuron: Neuron model with its options.
        adapter: Adapters with their options.
        settings: How the lineages of each task search, by label.
        margins: Smallest difference that matters, by task label; None where no margin is given.
        workers: The workers that are wanted, and what each of them reserves.
        looks: Times at which a run that goes on until it is decided is looked at; none of others.
    """

    config: Configuration
    connectome: Connectome
    priors: tuple[PluginCall, ...]
    task_calls: Mapping[str, PluginCall]
    tasks: Mapping[str, Task]
    neuron: Neuron
    adapter: Adapter
    settings: Mapping[str, Settings]
    margins: Mapping[str, float | None]
    workers: Workers
    looks: tuple[Look, ...] = ()

    def stem(self) -> Path:
        """Returns the beginning of the run folder's name, runs/TASK-GENOME, where none was given."""
        names = [call.plugin.name for call in (*self.task_calls.values(), *self.priors)]
        stem = "-".join("".join(c if c.isalnum() else "-" for c in name) for name in names)[:60]
        return Path("runs") / stem


def resolve(config: Configuration) -> Experiment:
    """Returns the experiment that a request asks for.

    Args:
        config: The request, which may have been resolved before; then the experiment is the same.

    Raises:
        NeuroevoError: If anything in the request is unknown, out of range or given twice, or the connectome
            cannot be read.
    """
    config.check()
    trackers.check(config.track)
    neuron, adapter = _complete(Neuron.parse(config.neuron)), adapters.parse(config.adapter)
    shares = Workers.shares(config.per_worker)
    genomes = priors.calls(config.genome)
    usual = {} if config.episodes is None else {"episodes": config.episodes}
    calls = {call.label: call for call in tasks.calls(config.task, usual)}
    made_tasks = {label: _task(label, call, adapter) for label, call in calls.items()}
    searches = _settings(config, adapter, made_tasks)
    margin_of = margins(config.margin, made_tasks)
    _check_selection(config, neuron, adapter, searches)
    _check_sweep(adapter, searches)
    until.check(config, genomes, margin_of)
    connectome = config.wiring()
    looks = until.planned(config, connectome, genomes, len(calls))
    resolved = replace(
        config,
        genome=tuple(call.text for call in genomes),
        task=tuple(call.text for call in calls.values()),
        neuron=str(neuron),
        adapter=str(adapter),
        budgets={label: _budget(search) for label, search in searches.items()},
        searches={label: str(search.method) for label, search in searches.items()},
        search=None,
        generations=None,
        evaluations=None,
        population=None,
        episodes=None,
        device=devices.resolve(config.device, made_tasks, config.address),
        looks=until.tables(looks),
    )
    if looks and config.looks is None:
        resolved = until.at(resolved, looks[0])
    return Experiment(
        config=resolved,
        connectome=connectome,
        priors=tuple(genomes),
        task_calls=calls,
        tasks=made_tasks,
        neuron=neuron,
        adapter=adapter,
        settings=searches,
        margins=margin_of,
        workers=_workers(resolved, shares, [*genomes, *calls.values()]),
        looks=looks,
    )


def _task(label: str, call: PluginCall, adapter: Adapter) -> Task:
    """Returns a task as networks with the adapter meet it."""
    task = make(label, call.plugin.target, call.options)
    try:
        return readout.on(task, adapter)
    except TaskError as error:
        raise TaskError(f"{label}: {error}") from error


def _complete(neuron: Neuron) -> Neuron:
    """Returns a neuron model with every default written out, as a resolved request has it."""
    return replace(neuron, substeps=neuron.steps, values=tuple(sorted(neuron.base.items())))


def _settings(config: Configuration, adapter: Adapter, tasks: Mapping[str, Task]) -> dict[str, Settings]:
    """Returns how the lineages of each task search: as given, else as in the file, else as suits the task."""
    for table in ("budgets", "searches"):
        for label in getattr(config, table):
            if label not in tasks:
                raise OptionError(unknown(f"task in [{table}]", label, tasks))
    given = config.search, config.generations, config.evaluations
    wish = Wish(config.generations, config.population, config.evaluations, given == (None, None, None))
    # All methods first: a search that is unknown is said before a budget that does not go with another.
    chosen = {label: _method(config, label, task, adapter) for label, task in tasks.items()}
    settled: dict[str, Settings] = {}
    wanted = targets(config.target, tasks)
    for label, method in chosen.items():
        has_pretraining = method.has_pretraining or adapter.train == "pretrained"
        filed = config.budgets.get(label, {})
        budget = settings.resolve(label, wish, filed, tasks[label].defaults, method, has_pretraining)
        settled[label] = Settings(method=method, target=wanted[label], **budget)
    return settled


def _method(config: Configuration, label: str, task: Task, adapter: Adapter) -> Method:
    """Returns how a task is searched: as given, else as in the file, else by pgpe.

    An option that is given wins over what suits the lack of adapters, that over what suits the task, and that
    over the usual.
    """
    text = config.search or config.searches.get(label, "pgpe")
    suited = methods.without_adapters(task.search) if isinstance(adapter, Native) else task.search
    return methods.parse(text, suited, label)


def _check_sweep(adapter: Adapter, searches: Mapping[str, Settings]) -> None:
    """Raises OptionError where a sweep of gains is asked for of what evolves."""
    evolving = [label for label, search in searches.items() if search.generations]
    if isinstance(adapter, Ridge) and adapter.sweep and evolving:
        raise OptionError(
            f"Option 'gains' of adapter 'ridge' is {adapter.gains!r}, and wirings evolve on "
            f"{', '.join(evolving)}; wanted --generations 0, or one gain (gain=)."
        )


def _budget(search: Settings) -> dict[str, int]:
    """Returns the budget of a task as `config.toml` holds it."""
    budget = {"generations": search.generations, "population": search.population}
    return budget | ({"pretraining": search.pretraining} if search.pretraining else {})


def _check_selection(
    config: Configuration, neuron: Neuron, adapter: Adapter, searches: Mapping[str, Settings]
) -> None:
    """Raises OptionError unless selection has rivals, and generations to come after it.

    A race also needs seeds, to tell what is noise. It ends after half of the generations: after pretraining
    it would drop priors before their wiring has evolved.
    """
    if config.selection == "tournament":
        return
    if config.target:
        raise OptionError(
            f"Option 'target' is {', '.join(config.target)} with selection {config.selection!r}, which "
            "compares lineages after equally many generations; use --selection tournament."
        )
    for label, search in searches.items():
        if config.selection == "race" and search.pretraining:
            raise OptionError(
                f"Selection 'race' was asked for on {label} with pretraining (search "
                f"{search.method.name!r}, adapter {config.adapter!r}); wanted a search of one phase. Use "
                "--selection tournament."
            )
    is_fitted = adapter.is_native or neuron.table
    if config.selection == "mixed" and is_fitted:  # to the cells of one wiring, where these have mutants
        raise OptionError(
            "Selection 'mixed' takes neither native maps (--adapter none, ridge:train=native) nor a table of "
            "constants; leave them out."
        )
    counts = {"prior": len(config.genome)} | ({"seed": config.seeds} if config.selection == "race" else {})
    counts |= {f"generation of {label}": search.generations for label, search in searches.items()}
    for what, number in counts.items():
        if number < 2:
            raise OptionError(
                f"Selection {config.selection!r} was asked for with {number} {what}; wanted 2 or more. Give "
                "more, or use --selection tournament."
            )


def _workers(config: Configuration, shares: dict[str, float], calls: Sequence[PluginCall]) -> Workers:
    """Returns the workers of a resolved request: of a GPU, each has a share."""
    if config.device == "cuda":
        shares.setdefault("gpus", 1.0)
    number = config.workers
    if number is None and config.address is None:
        number = default_workers() if config.device == "cpu" else devices.workers(shares["gpus"])
    devices.check_workers(config.device, number, config.address, shares.get("gpus", 0.0))
    sent = () if config.address is None else packages(calls)  # which takes long, and here all is at hand
    return Workers(number, config.address, config.deadline, sent, **shares)
