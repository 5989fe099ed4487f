"""Search methods as a request names them: their options and phases, without what they compute.

    --search NAME[:option=value,...]

`search` computes; nothing here imports torch, so that a request is checked at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Literal

from neuroevo.errors import NeuroevoError, OptionError, TaskError, require_range, unknown
from neuroevo.plugins import Plugin, Spec

LEAST, MOST = 1e-6, 1e3  # of a spread or a speed, in units of a parameter

ADAPTERS = ("encoder", "decoder")  # parts of a genome; what is no adapter's is the core's

# Ranges of options.
_PGPE = dict.fromkeys(("stdev", "speed"), (LEAST, MOST))
_ES = {"stdev": (LEAST, MOST), "learning_rate": (LEAST, MOST), "momentum": (0, 0.999), "decay": (0.5, 1)}
_GA = {"elite": (1, math.inf), "stdev": (0, MOST), "adapter_stdev": (0, MOST), "decay": (0.5, 1)}
_PGPE |= dict.fromkeys(("final_speed", "stdev_learning_rate"), (0, 1))


@dataclass(frozen=True)
class Method:
    """A search method; the kinds below are its subclasses.

    Attributes:
        share: Share of the budget that pretraining gets, where a run has one: where adapters are pretrained.
    """

    share: float = field(default=0.5, kw_only=True)
    name: ClassVar[str] = ""
    is_mirrored: ClassVar[bool] = True  # genomes are sampled in pairs about the centre

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise OptionError(f"Option 'share' is {self.share:g}; wanted a number between 0 and 1, excluded.")

    @property
    def phases(self) -> tuple[Method, Method]:
        """The methods of pretraining, where the core has few coordinates, and of what follows."""
        return replace(self, **({"core": 1.0} if hasattr(self, "core") else {})), self

    @property
    def has_pretraining(self) -> bool:
        """Whether it has a first phase whatever the adapters."""
        return False

    def pretraining_population_of(self, population: int) -> int:
        """Returns the genomes of a generation of pretraining."""
        return population

    def check_population(self, name: str, population: int) -> None:
        """Raises OptionError if a population of this size cannot be searched with; `name` is the option's."""
        require_range(name, population, 2)
        if self.is_mirrored and population % 2:
            raise OptionError(
                f"Option {name!r} is {population}; wanted an even number: genomes come in mirrored pairs."
            )

    def __str__(self) -> str:
        options = {k: str(v) for k, v in asdict(self).items()}
        options["share"] = options.pop("share")  # last, as in a call
        return Spec("", self.name, options).plain


@dataclass(frozen=True)
class Gaussian(Method):
    """A method that samples from a normal distribution, whose spread differs by part of a genome.

    Attributes:
        bias: Spread of biases at the start, in units of the core's. A bias moves a cell for all that it is
            shown, where a synapse moves it for some.
        decoder: Spread of the decoder at the start, in units of `stdev`.
    """

    bias: float = field(default=1.0, kw_only=True)
    decoder: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("core", "bias", "decoder"):
            require_range(name, getattr(self, name), LEAST, MOST)


@dataclass(frozen=True)
class Pgpe(Gaussian):
    """Policy gradients with parameter-based exploration, on mirrored pairs.

    Attributes:
        optimizer: What moves the centre along the gradient.
        stdev: Search spread of every parameter at the start, but for `core`, `bias` and `decoder`.
        speed: With clipup, most that the centre moves in a generation at the start, root mean square over
            parameters; with adam, its learning rate.
        final_speed: Share of `speed` that is left at the last generation (cosine decay).
        stdev_learning_rate: Step of the spread.
        core: Spread of the core at the start, in units of `stdev`, where adapters are searched too.

    References:
        Sehnke et al. (2010), https://doi.org/10.1016/j.neunet.2009.12.004
        ClipUp: Toklu et al. (2020), https://doi.org/10.1007/978-3-030-58115-2_36
    """

    optimizer: Literal["clipup", "adam"] = "clipup"
    stdev: float = 0.2
    speed: float = 0.025
    final_speed: float = 0.03
    stdev_learning_rate: float = 0.1
    core: float = 0.3
    name: ClassVar[str] = "pgpe"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, _PGPE)


@dataclass(frozen=True)
class Es(Gaussian):
    """OpenAI's evolution strategy: a step along the gradient of mirrored pairs, at a fixed spread.

    Attributes:
        optimizer: "sgd": the centre moves by the learning rate times the gradient, and momentum times its
            last move. "adam": by Adam's rule.
        stdev: Search spread of every parameter at the start.
        learning_rate: At the start.
        momentum: Of sgd.
        decay: What spread and learning rate are multiplied by after a generation.
        core: As of `pgpe`.

    References:
        Salimans et al. (2017), https://doi.org/10.48550/arXiv.1703.03864
        Adam: Kingma & Ba (2015), https://doi.org/10.48550/arXiv.1412.6980
    """

    optimizer: Literal["sgd", "adam"] = "sgd"
    stdev: float = 0.1
    learning_rate: float = 0.1
    momentum: float = 0.0
    decay: float = 0.999
    core: float = 1.0
    name: ClassVar[str] = "es"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, _ES)


@dataclass(frozen=True)
class Ga(Method):
    """A genetic algorithm without crossover: the best are kept, and all others are their mutants.

    Those kept are evaluated again with every population, for fitness is noisy. The best of them is what a
    lineage answers with.

    Attributes:
        elite: Genomes that are kept; fewer where fewer had a finite fitness.
        stdev: Standard deviation of a mutation of the core, at the start.
        adapter_stdev: The same of the adapters.
        decay: What both are multiplied by after a generation.

    References:
        Such et al. (2017), https://doi.org/10.48550/arXiv.1712.06567
        Schmidgall et al. (2022), https://doi.org/10.48550/arXiv.2209.14406
    """

    elite: int = 8
    stdev: float = 0.1
    adapter_stdev: float = 0.1
    decay: float = 0.997
    name: ClassVar[str] = "ga"
    is_mirrored: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self, _GA)

    def check_population(self, name: str, population: int) -> None:
        """The elite must leave room for mutants."""
        super().check_population(name, population)
        _require_room(name, population, self.elite)


@dataclass(frozen=True)
class Cem(Gaussian):
    """The cross-entropy method: centre and spread become those of the best part of the population.

    Attributes:
        parents: That part, as a share of the population.
        stdev: Search spread of every parameter at the start.
        min_stdev: Least spread.
        max_stdev: Greatest spread.
        max_change: Most that a spread may change in a generation, as a share of itself.
        core: As of `pgpe`.

    References:
        Rubinstein (1999), https://doi.org/10.1023/A:1010091220143
    """

    parents: float = 0.25
    stdev: float = 0.2
    min_stdev: float = 0.01
    max_stdev: float = 10.0
    max_change: float = 0.2
    core: float = 1.0
    name: ClassVar[str] = "cem"
    is_mirrored: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_range("parents", self.parents, 0, 1)
        require_range("min_stdev", self.min_stdev, 0, MOST)
        require_range("max_stdev", self.max_stdev, max(LEAST, self.min_stdev), MOST)
        require_range("stdev", self.stdev, max(LEAST, self.min_stdev), self.max_stdev)
        require_range("max_change", self.max_change, 0, MOST)

    def check_population(self, name: str, population: int) -> None:
        """The spread of the parents takes two of them."""
        super().check_population(name, population)
        if math.floor(self.parents * population) < 2:
            raise OptionError(
                f"Option 'parents' is {self.parents:g}, of {name} {population} less than 2 genomes; wanted 2 "
                "or more: give a larger share or population."
            )


@dataclass(frozen=True)
class Paper(Method):
    """Schmidgall's two phases: `es` over adapters, constants and two shared weights, then `ga` over all.

    The first phase multiplies all excitatory synapses by one factor and all inhibitory ones by another; it
    moves adapters and neurons' constants too, and nothing else. The second starts where it ended and moves
    every parameter. Defaults are the paper's numbers, which are for weights on a logarithmic scale, as here,
    and adapters drawn from U(-0.3, 0.3), where here they are of order one.

    Attributes:
        pretraining_population: Genomes of a generation of the first phase; 0: as many as of the second.
        es_optimizer: As `optimizer` of `es`.
        es_stdev: As `stdev` of `es`.
        es_learning_rate: As `learning_rate` of `es`.
        es_momentum: As `momentum` of `es`.
        es_decay: As `decay` of `es`.
        elite: As of `ga`.
        stdev: As of `ga`.
        adapter_stdev: As of `ga`.
        decay: As of `ga`.

    References:
        Schmidgall et al. (2022), https://doi.org/10.48550/arXiv.2209.14406
    """

    pretraining_population: int = 0
    es_optimizer: Literal["sgd", "adam"] = "sgd"
    es_stdev: float = 0.1
    es_learning_rate: float = 0.1
    es_momentum: float = 0.0
    es_decay: float = 0.999
    elite: int = 8
    stdev: float = 0.01
    adapter_stdev: float = 0.01
    decay: float = 0.997
    name: ClassVar[str] = "paper"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_range("pretraining_population", self.pretraining_population, 0)
        _check(self, _ES, "es_")
        _check(self, _GA)

    @property
    def phases(self) -> tuple[Method, Method]:
        """The methods of pretraining and of what follows."""
        es = Es(self.es_optimizer, self.es_stdev, self.es_learning_rate, self.es_momentum, self.es_decay)
        return es, Ga(self.elite, self.stdev, self.adapter_stdev, self.decay)

    @property
    def has_pretraining(self) -> bool:
        """Always."""
        return True

    def pretraining_population_of(self, population: int) -> int:
        """Returns the genomes of a generation of pretraining."""
        return self.pretraining_population or population

    def check_population(self, name: str, population: int) -> None:
        """Both phases must be able to do with theirs."""
        first, second = self.phases
        first.check_population(
            "pretraining_population" if self.pretraining_population else name,
            self.pretraining_population_of(population),
        )
        second.check_population(name, population)


def _check(method: Method, ranges: Mapping[str, tuple[float, float]], prefix: str = "") -> None:
    """Raises OptionError for the first option that is out of its range."""
    for name, (low, high) in ranges.items():
        require_range(prefix + name, getattr(method, prefix + name), low, high)


def _require_room(name: str, population: int, elite: int) -> None:
    """Raises OptionError unless a population is larger than its elite."""
    if elite >= population:
        raise OptionError(
            f"Option 'elite' is {elite} with {name} {population}; wanted fewer than the population: the rest "
            "are their mutants."
        )


METHODS: dict[str, type[Method]] = {kind.name: kind for kind in (Pgpe, Es, Ga, Cem, Paper)}


def plugin(name: str) -> Plugin:
    """Returns a search method with its typed options.

    Raises:
        OptionError: If there is none of this name.
    """
    if name not in METHODS:
        raise OptionError(unknown("search", name, METHODS))
    return Plugin("search", name, METHODS[name])


def parse(text: str, suited: Mapping[str, Mapping[str, Any]] | None = None, task: str = "") -> Method:
    """Reads `name[:option=value,...]`.

    Args:
        text: As it was given; an option in it wins over what suits the task.
        suited: By method, options that suit a task better than the usual ones.
        task: The label of that task.

    Raises:
        OptionError: If there is no such method, or an option of it is unknown, mistyped or out of range.
        TaskError: If what is said to suit the task is.
    """
    spec = Spec.parse(text)
    if spec.label != spec.plain and "=" in text.partition(":")[0]:
        raise OptionError(f"Search {text!r} has a label; wanted name[:option=value,...].")
    found = plugin(spec.name)
    own: dict[str, Any] = {}
    try:
        for name, options in (suited or {}).items():
            bound = plugin(name).bind(options)
            METHODS[name](**bound)
            own |= bound if name == spec.name else {}
    except NeuroevoError as error:
        raise TaskError(f"Task {task!r}: {error}") from error
    return METHODS[spec.name](**{**own, **found.bind(spec.options)})
