"""The request as it is given, by the command line or a TOML file.

Each field of `Configuration` says in one place what it is: the flags of the command line, the check of a file
and the list in the docstring are made from its type and its `Flag`. `request.resolve` makes of a
configuration the objects that a run needs.
"""

from __future__ import annotations

import re
import reprlib
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import msgspec

from neuroevo import toml
from neuroevo.connectome import catalog
from neuroevo.connectome.model import Connectome
from neuroevo.connectome.reading import Reading
from neuroevo.errors import OptionError, require_range, require_text, unknown
from neuroevo.plugins import priors, tasks
from neuroevo.toml import TomlError
from neuroevo.trust import NOBODY, Trust, is_signed_beside

SELECTIONS = {
    "tournament": "Every lineage has the same evaluations",
    "race": "Priors that a test finds behind are dropped; those that stay are evolved afresh from more seeds",
    "mixed": "Priors share populations in which the worst are replaced by offspring of the best",
}
TRACKERS = ("tensorboard", "wandb", "mlflow")  # `trackers` opens them
DEVICES = ("auto", "cpu", "cuda")
SCORING = ("now", "later")  # later: when `run.py score` asks for it
FILMS = ("auto", "on", "off")
TUNING = ("on", "off")
UNTIL = "decided"
WIRING = ("columns", "duplicates", "autapses", "min_weight", "select", "signs")  # how it is read
PLANNED_BY = (
    "genome",
    "task",
    "connectome",
    *WIRING,
    "seeds",
    "graphs",
    "until",
    "budget",
)  # what looks follow from
LEAST = {  # smallest value of each option that is a number
    "seeds": 1,
    "graphs": 1,
    "generations": 0,  # nothing evolves
    "evaluations": 1,
    "episodes": 1,
    "workers": 0,
    "deadline": 1,
    "seed": 0,
}
UNTRAINED = {"seeds": 10, "graphs": 20}  # where nothing evolves, unless others are given
MAX_TEXT = 10_000  # characters; paths have up to 4,096
_LARGEST = 2**63 - 1  # of a whole number in TOML
_FLAG = "flag"  # key of a field's metadata
_FORM = "[label=]name[:option=value,...]"
_OWN = "the connectome's own"

# Types of fields. The description says what was wanted where a value is refused.
Text = Annotated[str, msgspec.Meta(description="a string")]
Texts = Annotated[tuple[str, ...], msgspec.Meta(description="a list of strings")]
Whole = Annotated[int, msgspec.Meta(ge=-_LARGEST, le=_LARGEST, description="a whole number")]
Budgets = Annotated[
    Mapping[str, Mapping[str, Whole]], msgspec.Meta(description="a table of whole numbers for each task")
]
Searches = Annotated[Mapping[str, str], msgspec.Meta(description="a table of a string for each task")]
Looks = Annotated[
    tuple[Mapping[str, int | float], ...], msgspec.Meta(description="a list of tables of numbers")
]


@dataclass(frozen=True)
class Flag:
    """What a field is, as the command line and the documentation say it.

    Attributes:
        help: What the field is, without a full stop.
        metavar: What stands for its value in the help; empty where the command line has no such flag.
        default: What the default is, in words; empty where its value says it, or there is nothing to say.
        is_list: Whether it takes any number of values.
        is_whole: Whether its value is a whole number; else it is a text.
    """

    help: str
    metavar: str = ""
    default: str = ""
    is_list: bool = False
    is_whole: bool = False


def _flag(metavar: str, help: str, default: str = "") -> dict[str, Flag]:
    """Returns the metadata of a field; arguments are those of `Flag`."""
    return {_FLAG: Flag(help, metavar, default)}


@dataclass(frozen=True)
class Configuration:
    """A request for a run; None leaves a choice to the task or to the machine."""

    genome: Texts = field(default=(), metadata=_flag("SPEC", f"priors, {_FORM}"))
    task: Texts = field(default=(), metadata=_flag("SPEC", "tasks, in the same form"))
    connectome: Text = field(
        default="celegans-motor", metadata=_flag("NAME|FILE", "name or file of a wiring")
    )
    columns: Text | None = field(
        default=None,
        metadata=_flag(
            "MEANING=HEADER,...",
            "columns of a wiring's tables, such as pre=pre_root_id,weight=syn_count; - stands for none",
            "told from their headers",
        ),
    )
    duplicates: Text | None = field(
        default=None,
        metadata=_flag(
            "refuse|sum|max", "what becomes of an edge that stands several times in a file", "refuse"
        ),
    )
    autapses: Text | None = field(
        default=None, metadata=_flag("refuse|drop", "what becomes of edges from a cell to itself", "refuse")
    )
    min_weight: Text | None = field(
        default=None,
        metadata=_flag("X", "edges of a lower weight are left out, once repeats are summed", "0"),
    )
    select: Text | None = field(
        default=None,
        metadata=_flag(
            "COLUMN=VALUE+VALUE,...", "cells of the wiring, by any column of the table of cells", "all"
        ),
    )
    signs: Text | None = field(
        default=None,
        metadata=_flag(
            "RULE",
            "where signs of cells come from: worm, shiu2024 or monoamine-zero by transmitters, column, free "
            "or ratio=SHARE",
            "what the wiring says",
        ),
    )
    inputs: Text | None = field(
        default=None,
        metadata=_flag(
            "CELLS", "cells that take input: roles, classes, names or COLUMN:VALUE joined by +", _OWN
        ),
    )
    outputs: Text | None = field(
        default=None, metadata=_flag("CELLS", "cells that give output, in the same form", _OWN)
    )
    neuron: Text = field(default="leaky", metadata=_flag("SPEC", "neuron model, name[:option=value,...]"))
    adapter: Text = field(
        default="linear", metadata=_flag("SPEC", "maps from sensors and to actuators, in the same form")
    )
    search: Text | None = field(
        default=None, metadata=_flag("SPEC", "search method, in the same form", "pgpe")
    )
    seeds: Whole = field(
        default=1, metadata=_flag("N", "replicates of every architecture; in mixed mode, populations")
    )
    graphs: Whole = field(
        default=1,
        metadata=_flag(
            "N",
            "samples of every prior, of which equal ones are run once; in mixed mode, its members of a "
            "population at the start",
        ),
    )
    generations: Whole | None = field(
        default=None, metadata=_flag("N", "generations of search", "the task's")
    )
    evaluations: Whole | None = field(
        default=None,
        metadata=_flag("N", "evaluations of a lineage, in place of generations: as many of these as fit"),
    )
    population: Whole | None = field(
        default=None, metadata=_flag("N", "genomes of a generation, even", "the task's")
    )
    episodes: Whole | None = field(
        default=None,
        metadata=_flag("N", "episodes or images that a genome meets in a generation", "the task's"),
    )
    workers: Whole | None = field(
        default=None,
        metadata=_flag(
            "N", "evaluators; 0 computes in this process", "auto: one a core of the machine or cluster"
        ),
    )
    address: Text | None = field(default=None, metadata=_flag("HOST:PORT", "Ray cluster to join, or auto"))
    per_worker: Text = field(
        default="cpus=1",
        metadata=_flag("SHARES", "what each worker reserves: cpus=1,gpus=0,memory=GiB"),
    )
    deadline: Whole | None = field(
        default=None,
        metadata=_flag(
            "SECONDS",
            "time in which a worker has to be done with a generation's worth of what it was given",
            "20 times the longest that the like took",
        ),
    )
    device: Text = field(default="auto", metadata=_flag("NAME", "auto, cpu or cuda"))
    seed: Whole = field(default=0, metadata=_flag("N", "root of all random numbers"))
    selection: Text = field(
        default="tournament",
        metadata=_flag("NAME", f"how evaluations are dealt to the priors: {', '.join(SELECTIONS)}"),
    )
    target: Texts = field(
        default=(),
        metadata=_flag(
            "X|TASK=X",
            "fitness at which a lineage ends: that of its search's centre, as learning curves show it",
            "lineages have all their generations",
        ),
    )
    tuning: Text = field(
        default="on",
        metadata=_flag(
            "on|off", "whether scoring also tries what two numbers add: 200 of a lineage's 226 evaluations"
        ),
    )
    scoring: Text = field(
        default="now",
        metadata=_flag("now|later", "when lineages are scored: in the run, or when `run.py score` asks"),
    )
    film: Text = field(
        default="auto",
        metadata=_flag(
            "auto|on|off",
            "whether the report films bodies, some ten seconds of a core a task; auto: where the searches "
            "have 500 episodes for each of the films'",
        ),
    )
    margin: Texts = field(
        default=(),
        metadata=_flag(
            "X|TASK=X",
            "smallest difference that matters, in the unit of the score",
            "equivalence is not tested",
        ),
    )
    until: Text | None = field(
        default=None,
        metadata=_flag(
            UNTIL,
            "adds seeds, then graphs, until each comparison is better, worse or equivalent (--margin), or "
            "the budget is reached; seeds are those of all looks, graphs those of the first",
            "the run is as large as it was asked for",
        ),
    )
    budget: Text | None = field(
        default=None,
        metadata=_flag("N|HOURSh", "lineages, or hours such as 2h, that --until decided may take", "none"),
    )
    track: Texts = field(default=(), metadata=_flag("NAME", f"experiment trackers: {', '.join(TRACKERS)}"))
    budgets: Budgets = field(
        default_factory=dict,
        metadata=_flag(
            "",
            "by task label, the resolved generations, population and, where a search has two phases, "
            "generations of pretraining",
        ),
    )
    searches: Searches = field(
        default_factory=dict,
        metadata=_flag("", "by task label, the resolved search method with all its options"),
    )
    looks: Looks | None = field(
        default=None,
        metadata=_flag(
            "",
            "the resolved looks of a run until decided, with seeds, graphs, lineages and the level of each",
        ),
    )

    def __post_init__(self) -> None:
        for field_ in fields(self):
            for text in _texts(getattr(self, field_.name)):
                if len(text) > MAX_TEXT:
                    raise OptionError(
                        f"Option {field_.name!r} has a text of {len(text):,} characters, {text[:20]!r}...; "
                        f"wanted at most {MAX_TEXT:,}."
                    )

    @classmethod
    def read(cls, path: str | Path, trust: Trust = NOBODY, replaced: Collection[str] = ()) -> Configuration:
        """Returns the request in a TOML file, such as the `config.toml` of a run folder.

        Args:
            path: The file.
            trust: Whose code the file may name; by default nobody's but what is installed.
            replaced: Fields that the caller replaces, whatever the file has there.

        Raises:
            OptionError: If it cannot be read, holds an unknown key or a value of the wrong type, or names
                code that is not trusted.
        """
        try:
            values = toml.read(path)
        except OSError as error:
            raise OptionError(
                f"Cannot read configuration {str(path)!r}: {error.strerror}; wanted a TOML file, such as the "
                "config.toml of a run folder."
            ) from error
        except TomlError as error:
            raise OptionError(
                f"Configuration {str(path)!r} {error}; wanted a file such as the config.toml of a run folder."
            ) from error
        where = f"Configuration {str(path)!r}"
        config = cls.of(values, repr(str(path)))
        if not trust.is_signed:
            trust.require_named(values, where)
        if not is_signed_beside(path, values):
            trust.require(values, where, replaced)
        return config

    @classmethod
    def of(cls, values: Mapping[str, object], where: str) -> Configuration:
        """Returns the request that some values make, each of which must have the type of its field.

        Args:
            values: Values by name, as TOML or JSON has them; a tuple will do for a list.
            where: Where they are from, as messages say it.

        Raises:
            OptionError: If there is an unknown key, or a value of the wrong type.
        """
        types = _types()
        checked = {}
        for key, value in values.items():
            if key not in types:
                raise OptionError(unknown(f"key in {where}", key, types))
            try:
                checked[key] = msgspec.convert(value, types[key])
            except (msgspec.ValidationError, RecursionError) as error:
                raise OptionError(
                    f"Key {key!r} in {where} is {reprlib.repr(value)}; wanted {_words(types[key])}."
                ) from error
        return cls(**checked)

    def override(self, given: Mapping[str, object]) -> Configuration:
        """Returns the request with some fields replaced, as the command line does with those of a file.

        Args:
            given: Values by field. Episodes also replace those that the file's tasks are written with, unless
                the tasks are replaced too; of generations and evaluations either replaces the other. No
                generations at all bring more seeds and graphs, unless their numbers are given: `UNTRAINED`;
                not in a run until decided. Its looks are planned anew where what they follow from is given.
        """
        changes: dict[str, Any] = dict(given)  # what each field takes, the caller has checked
        for name, other in (("generations", "evaluations"), ("evaluations", "generations")):
            if name in given:
                changes.setdefault(other, None)
        if self.looks is not None and any(name in given for name in PLANNED_BY):  # to be planned anew
            changes = {"looks": None, "seeds": 1, "graphs": 1, **changes}
        is_staged = given.get("until", self.until) is not None
        if given.get("generations") == 0 and not is_staged:  # many wirings cost little, and tell more
            for name, number in UNTRAINED.items():
                if getattr(self, name) == 1:
                    changes.setdefault(name, number)
        if "episodes" in given and "task" not in given:
            changes["task"] = tuple(str(tasks.parse(text).without("episodes")) for text in self.task)
        return replace(self, **changes)

    def to_dict(self) -> dict[str, object]:
        """Returns the request as TOML types, without what is None; `of` takes it back."""
        items: dict[str, object] = {
            k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()
        }
        return {k: v for k, v in items.items() if v is not None and v != {}}

    def wiring(self) -> Connectome:
        """Returns the source wiring: read, with signs and with ports as the request asks for.

        Raises:
            NeuroevoError: If it cannot be read, or what is asked of it does not fit.
        """
        reading = Reading.of(**{name: getattr(self, name) for name in WIRING})
        return catalog.prepared(self.connectome, reading, self.inputs, self.outputs, self.seed)

    def check(self) -> None:
        """Checks all that can be checked of single fields, without looking at priors and tasks.

        Raises:
            OptionError: For the first field that cannot be, or two that exclude each other.
        """
        for name, registry in (("genome", priors), ("task", tasks)):
            if not getattr(self, name):
                raise OptionError(f"No --{name} given; choose one or more of {', '.join(registry.names())}.")
        for name in ("connectome", *WIRING, "inputs", "outputs", "address"):
            require_text(f"Option {name!r}", getattr(self, name) or "")
        choices = {
            "device": DEVICES,
            "selection": SELECTIONS,
            "scoring": SCORING,
            "tuning": TUNING,
            "film": FILMS,
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise OptionError(unknown(name, getattr(self, name), known))
        for name, low in LEAST.items():
            value = getattr(self, name)
            if value is not None:
                require_range(name, value, low)
        if self.generations is not None and self.evaluations is not None:
            raise OptionError(
                f"Options 'generations' and 'evaluations' are {self.generations} and {self.evaluations}; "
                "give one of them: evaluations say how many generations there are."
            )
        if self.until not in (None, UNTIL):
            raise OptionError(f"Option 'until' is {self.until!r}; wanted {UNTIL}.")
        self._check_address()

    def _check_address(self) -> None:
        """Raises OptionError unless the address is one, and goes with the number of workers."""
        if self.address is None:
            return
        if not re.fullmatch(r"auto|[^/\s]+:[0-9]{1,5}", self.address):
            raise OptionError(
                f"Option 'address' is {self.address!r}; wanted HOST:PORT of a cluster, or auto."
            )
        if self.workers == 0:
            raise OptionError(
                f"Option 'address' is {self.address!r} with 0 workers, which run in this process; "
                "leave out one of --address and --workers."
            )


def _texts(value: object) -> Iterator[str]:
    """Yields all texts in the value of a field, those that are keys of a table too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _texts(item)


@cache
def flags() -> dict[str, Flag]:
    """Returns what each field of a configuration is, by its name."""
    types = _types()
    return {
        f.name: replace(
            f.metadata[_FLAG],
            default=f.metadata[_FLAG].default or (str(f.default) if type(f.default) in (str, int) else ""),
            is_list=types[f.name] == Texts,
            is_whole=Whole in (types[f.name], *typing.get_args(types[f.name])),
        )
        for f in fields(Configuration)
    }


@cache
def _types() -> dict[str, object]:
    """Returns the types of the fields by name, with what msgspec is to check."""
    return typing.get_type_hints(Configuration, include_extras=True)


def _words(hint: object) -> str:
    """Returns what a value of a field's type is, in words."""
    for part in (hint, *typing.get_args(hint)):
        for extra in getattr(part, "__metadata__", ()):
            return str(extra.description)
    raise TypeError(f"The type {hint} has no description; give it one.")


def _described() -> str:
    """Returns the fields and what they are, as a section of a docstring."""
    lines = []
    for name, flag in flags().items():
        default = f" (default {flag.default})" if flag.default else ""
        lines.append(f"        {name}: {flag.help[:1].upper()}{flag.help[1:]}{default}.")
    return "\n\n    Attributes:\n" + "\n".join(lines) + "\n    "


Configuration.__doc__ = f"{Configuration.__doc__}{_described()}"
