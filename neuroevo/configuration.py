"""The request: what the command line or a TOML file asks for, checked and resolved."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from neuroevo import neurons
from neuroevo.errors import OptionError, require_range, unknown
from neuroevo.plugins import Plugin, Spec, priors, tasks

SEARCHES = ("pgpe",)
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Configuration:
    """A request for a run. `None` leaves a choice to the task's own default.

    Attributes:
        genome: Priors as `[label=]name[:option=value,...]`.
        task: Tasks, in the same form.
        connectome: Bundled name or CSV file.
        inputs: Cells that take input, by role, class or name, joined by `+`; None: the connectome's own.
        outputs: Cells that give output, likewise.
        neuron: Neuron model.
        search: Search method.
        seeds: Replicates of every architecture.
        graphs: Samples of every prior; equal wirings are run once.
        generations: Generations of search.
        population: Genomes of a generation, even.
        episodes: Episodes or images that a genome is evaluated on in a generation.
        workers: Evaluators; 0 runs in this process; None: one a core.
        address: Ray cluster to join.
        device: `auto`, `cpu` or `cuda`.
        seed: Root of the seed tree.
        budgets: Per task label, the resolved generations and population.
    """

    genome: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    connectome: str = "celegans-motor"
    inputs: str | None = None
    outputs: str | None = None
    neuron: str = "leaky"
    search: str = "pgpe"
    seeds: int = 1
    graphs: int = 1
    generations: int | None = None
    population: int | None = None
    episodes: int | None = None
    workers: int | None = None
    address: str | None = None
    device: str = "auto"
    seed: int = 0
    budgets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path) -> Configuration:
        """Reads a TOML file, such as a run folder's `config.toml`.

        Raises:
            OptionError: If it cannot be read, or holds an unknown key or a value of the wrong type.
        """
        try:
            data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise OptionError(f"Cannot read configuration {str(path)!r}: {error.strerror}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise OptionError(f"Configuration {str(path)!r} is not TOML: {error}.") from error
        known = {f.name: f.type for f in fields(cls)}
        for key, value in data.items():
            if key not in known:
                raise OptionError(unknown(f"key in {str(path)!r}", key, known))
            if not _matches(value, known[key]):
                raise OptionError(f"Key {key!r} in {str(path)!r} is {value!r}; wanted {known[key]}.")
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})

    def to_dict(self) -> dict[str, Any]:
        """Returns the request as TOML types, without what is None; `read` takes it back."""
        items = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {k: v for k, v in items.items() if v is not None and v != {}}

    def check(self) -> None:
        """Raises OptionError or RegistryError for the first thing in the request that cannot be."""
        if not self.genome:
            raise OptionError(f"No --genome given; choose one or more of {', '.join(priors.names())}.")
        if not self.task:
            raise OptionError(f"No --task given; choose one or more of {', '.join(tasks.names())}.")
        neurons.get(self.neuron)
        for name, value, known in (
            ("search", self.search, SEARCHES),
            ("device", self.device, DEVICES),
        ):
            if value not in known:
                raise OptionError(unknown(name, value, known))
        for name, low in (("seeds", 1), ("graphs", 1), ("generations", 1), ("episodes", 1), ("workers", 0)):
            value = getattr(self, name)
            if value is not None:
                require_range(name, value, low)
        require_range("seed", self.seed, 0, 2**63 - 1)
        if self.population is not None:
            _check_population(self.population)
        for label, budget in self.budgets.items():
            require_range(f"budgets.{label}.generations", budget.get("generations", 1), 1)
            _check_population(budget.get("population", 2))


@dataclass(frozen=True)
class Entrant:
    """A prior or task of a run: its label, plug-in and all its options."""

    label: str
    plugin: Plugin
    options: dict[str, Any]

    @property
    def text(self) -> str:
        """The specification with every option written out."""
        written = {k: v for k, v in self.options.items() if v not in (None, "")}
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
    chosen = [_entrant(text, tasks.get(Spec.parse(text).name), extra) for text in config.task]
    _check_labels("task", chosen)
    for entrant in chosen:
        entrant.plugin.target(**entrant.options)  # a task checks its options when it is made
    budgets = {}
    for entrant in chosen:
        budget = {**entrant.plugin.target.defaults, **config.budgets.get(entrant.label, {})}  # type: ignore[attr-defined]
        given = {"generations": config.generations, "population": config.population}
        budgets[entrant.label] = {**budget, **{k: v for k, v in given.items() if v is not None}}
    resolved = replace(
        config,
        genome=tuple(e.text for e in genomes),
        task=tuple(e.text for e in chosen),
        budgets=budgets,
        generations=None,
        population=None,
        episodes=None,
        device=_device(config.device),
    )
    return resolved, genomes, chosen


def resolve_genomes(specs: Iterable[str]) -> list[Entrant]:
    """Returns the priors of `[label=]name[:option=value,...]`, with all their options."""
    genomes = [_entrant(text, priors.get(Spec.parse(text).name)) for text in specs]
    _check_labels("genome", genomes)
    return genomes


def _check_labels(kind: str, entrants: Iterable[Entrant]) -> None:
    """Labels tell results apart, so no two may be equal."""
    labels = [e.label for e in entrants]
    for label in labels:
        if labels.count(label) > 1:
            raise OptionError(f"Two {kind}s are labelled {label!r}; give one another label, label=name.")


def _entrant(text: str, plugin: Plugin, extra: Mapping[str, Any] | None = None) -> Entrant:
    """Returns a prior or task with all its options, defaults included."""
    spec = Spec.parse(text)
    return Entrant(spec.label, plugin, {**plugin.defaults, **plugin.bind({**(extra or {}), **spec.options})})


def _check_population(population: int) -> None:
    """A population is sampled in mirrored pairs."""
    require_range("population", population, 2)
    if population % 2:
        raise OptionError(
            f"Option 'population' is {population}; wanted an even number: genomes come in mirrored pairs."
        )


def _device(name: str) -> str:
    """Returns the device to use; the engine runs on the CPU in this version."""
    if name == "cuda":
        raise OptionError(
            "Device 'cuda' was asked for; this version runs on the CPU. Use --device cpu or auto."
        )
    return "cpu"


def _matches(value: Any, hint: Any) -> bool:
    """Whether a TOML value has the type that a field declares (annotations are strings here)."""
    if hint.startswith("tuple"):
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    if hint.startswith("Mapping"):
        return isinstance(value, dict) and all(
            isinstance(b, dict) and all(type(n) is int for n in b.values()) for b in value.values()
        )
    return type(value) is (int if hint.startswith("int") else str)
