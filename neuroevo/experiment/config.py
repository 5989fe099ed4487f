"""The request: what the command line or a TOML file asks for, checked and resolved in full.

`Configuration` is the request as it is given. `resolve` returns it with every default written out, together
with its priors and its tasks.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from neuroevo.errors import OptionError, require_range, require_text, unknown
from neuroevo.network import adapters, neurons
from neuroevo.plugins import Entrant, _check_labels, _entrant, priors, resolve_genomes, tasks
from neuroevo.search import methods, settings
from neuroevo.search.methods import Method
from neuroevo.search.settings import Wish
from neuroevo.task import Task, make
from neuroevo.workers import devices
from neuroevo.workers.ray_cluster import Workers

SELECTIONS = {
    "tournament": "Every lineage has the same evaluations",
    "race": "Priors that a test finds behind are dropped; those that stay are evolved afresh from more seeds",
    "mixed": "Priors share populations in which the worst are replaced by offspring of the best",
}
TRACKERS = ("tensorboard", "wandb", "mlflow")
DEVICES = ("auto", "cpu", "cuda")
LEAST = {
    "seeds": 1,
    "graphs": 1,
    "generations": 1,
    "evaluations": 1,
    "episodes": 1,
    "workers": 0,
    "deadline": 1,
}
_LARGEST = 2**63 - 1  # of a whole number in TOML


@dataclass(frozen=True)
class Configuration:
    """A request for a run. `None` leaves a choice to the task's own default.

    Attributes:
        genome: Priors as `[label=]name[:option=value,...]`.
        task: Tasks, in the same form.
        connectome: Name of a connectome, or a file.
        inputs: Cells that take input, by role, class or name, joined by `+`; None: the connectome's own.
        outputs: Cells that give output, likewise.
        neuron: Neuron model with its options, `name[:option=value,...]`.
        adapter: Adapters, in the same form.
        search: Search method, in the same form; None: as in `searches`, else pgpe.
        seeds: Replicates of every architecture; in mixed mode, populations.
        graphs: Samples of every prior; equal wirings are run once. In mixed mode, members that every prior
            has in a population at the start.
        generations: Generations of search.
        evaluations: Evaluations of a lineage, in place of generations: as many generations as fit.
        population: Genomes of a generation, even.
        episodes: Episodes or images that a genome is evaluated on in a generation.
        workers: Evaluators; 0 runs in this process; None: one a core of this machine or of the cluster.
        address: Ray cluster to join.
        per_worker: What each worker reserves: `cpus=1,gpus=0,memory=4`, memory in GiB.
        deadline: Seconds in which a worker has to be done with what it was given; None: 20 times the longest
            that the like took.
        device: `auto`, `cpu` or `cuda`.
        seed: Root of the seed tree.
        selection: How evaluations are dealt to the priors, one of `SELECTIONS`.
        margin: Smallest differences that matter, each `X` for all tasks or `TASK=X`, in the unit of the
            task's score.
        track: Experiment trackers, of `TRACKERS`.
        budgets: Per task label, the resolved generations, population and, where a search has two phases,
            generations of pretraining.
        searches: Per task label, the resolved search method with all its options.
    """

    genome: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    connectome: str = "celegans-motor"
    inputs: str | None = None
    outputs: str | None = None
    neuron: str = "leaky"
    adapter: str = "linear"
    search: str | None = None
    seeds: int = 1
    graphs: int = 1
    generations: int | None = None
    evaluations: int | None = None
    population: int | None = None
    episodes: int | None = None
    workers: int | None = None
    address: str | None = None
    per_worker: str = "cpus=1"
    deadline: int | None = None
    device: str = "auto"
    seed: int = 0
    selection: str = "tournament"
    margin: tuple[str, ...] = ()
    track: tuple[str, ...] = ()
    budgets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    searches: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path) -> Configuration:
        """Reads a TOML file, such as a run folder's `config.toml`.

        Raises:
            OptionError: If it cannot be read, or holds an unknown key or a value of the wrong type.
        """
        try:
            data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise OptionError(
                f"Cannot read configuration {str(path)!r}: {error.strerror}; wanted a TOML file, such as the "
                "config.toml of a run folder."
            ) from error
        except (ValueError, RecursionError) as error:  # TOML or UTF-8
            raise OptionError(
                f"Configuration {str(path)!r} is not TOML: {error}; wanted a file such as the config.toml of "
                "a run folder."
            ) from error
        return cls.of(data, repr(str(path)))

    @classmethod
    def of(cls, data: Mapping[str, Any], where: str) -> Configuration:
        """Makes a request of TOML values.

        Args:
            data: Values by name.
            where: Where they are from, for messages.

        Raises:
            OptionError: If there is an unknown key, or a value of the wrong type.
        """
        known = {f.name: str(f.type) for f in fields(cls)}
        for key, value in data.items():
            if key not in known:
                raise OptionError(unknown(f"key in {where}", key, known))
            wanted = _mismatch(value, known[key])
            if wanted:
                raise OptionError(f"Key {key!r} in {where} is {value!r}; wanted {wanted}.")
        items: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**items)

    def override(self, given: Mapping[str, Any]) -> Configuration:
        """Returns the request with some fields replaced, as the command line does with a file's.

        Episodes also replace those that the file's tasks are written with, unless the tasks are replaced too;
        of generations and evaluations either replaces the other.
        """
        changes = dict(given)
        for name, other in (("generations", "evaluations"), ("evaluations", "generations")):
            if name in given:
                changes.setdefault(other, None)
        if "episodes" in given and "task" not in given:
            changes["task"] = tuple(str(tasks.parse(text).without("episodes")) for text in self.task)
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Returns the request as TOML types, without what is None; `read` takes it back."""
        items: dict[str, Any] = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {k: v for k, v in items.items() if v is not None and v != {}}

    def check(self) -> None:
        """Raises OptionError or RegistryError for the first thing in the request that cannot be."""
        if not self.genome:
            raise OptionError(f"No --genome given; choose one or more of {', '.join(priors.names())}.")
        if not self.task:
            raise OptionError(f"No --task given; choose one or more of {', '.join(tasks.names())}.")
        for name in ("connectome", "inputs", "outputs", "address"):
            require_text(f"Option {name!r}", getattr(self, name) or "")
        neurons.Neuron.parse(self.neuron)
        adapters.parse(self.adapter)
        Workers.shares(self.per_worker)
        for name, value, known in (
            ("device", self.device, DEVICES),
            ("selection", self.selection, SELECTIONS),
            *(("tracker", name, TRACKERS) for name in self.track),
        ):
            if value not in known:
                raise OptionError(unknown(name, value, known))
        if self.search is not None:
            methods.parse(self.search)
        for name, low in LEAST.items():
            value = getattr(self, name)
            if value is not None:
                require_range(name, value, low)
        require_range("seed", self.seed, 0)
        for name in self.track:
            if self.track.count(name) > 1:
                raise OptionError(f"Tracker {name!r} is given twice; give it once.")
        if self.generations is not None and self.evaluations is not None:
            raise OptionError(
                f"Options 'generations' and 'evaluations' are {self.generations} and {self.evaluations}; "
                "give one of them: evaluations say how many generations there are."
            )
        if self.address is not None and not re.fullmatch(r"auto|[^/\s]+:[0-9]{1,5}", self.address):
            raise OptionError(
                f"Option 'address' is {self.address!r}; wanted HOST:PORT of a cluster, or auto."
            )
        if self.address is not None and self.workers == 0:
            raise OptionError(
                f"Option 'address' is {self.address!r} with 0 workers, which run in this process; "
                "leave out one of --address and --workers."
            )


def _mismatch(value: Any, hint: str) -> str | None:
    """Returns what was wanted if a TOML value has not the type that a field declares, else None."""

    def whole(number: Any) -> bool:
        return type(number) is int and -_LARGEST <= number <= _LARGEST

    if hint.startswith("tuple"):
        fits = isinstance(value, list) and all(isinstance(v, str) for v in value)
        wanted = "a list of strings"
    elif hint == "Mapping[str, str]":
        fits = isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
        wanted = "a table of a string for each task"
    elif hint.startswith("Mapping"):
        tables = value.values() if isinstance(value, dict) else [None]
        fits = all(isinstance(table, dict) and all(map(whole, table.values())) for table in tables)
        wanted = "a table of whole numbers for each task"
    elif hint.startswith("int"):
        fits, wanted = whole(value), "a whole number"
    else:
        fits, wanted = isinstance(value, str), "a string"
    return None if fits else wanted


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
    made = {e.label: make(e.label, e.plugin.target, e.options) for e in chosen}
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


def _search(config: Configuration, label: str, task: Task) -> Method:
    """Returns how a task is searched: as given, else as in the file, else by pgpe.

    An option that is given wins over what suits the task, and that over the usual.
    """
    text = config.search or config.searches.get(label, "pgpe")
    return methods.parse(text, task.search, label)


def _budget(config: Configuration, label: str, task: Task, method: Method) -> dict[str, int]:
    """Returns a task's budget, see `budgets.resolve`."""
    given = config.search, config.generations, config.evaluations
    wish = Wish(config.generations, config.population, config.evaluations, given == (None, None, None))
    has_pretraining = method.has_pretraining or adapters.parse(config.adapter).train == "pretrained"
    filed = config.budgets.get(label, {})
    return settings.resolve(label, wish, filed, task.defaults, method, has_pretraining)
