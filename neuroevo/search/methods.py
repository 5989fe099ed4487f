"""Search methods as a request names them: their options and phases, without what they compute.

    --search NAME[:option=value,...]

`ask_tell` computes; nothing here imports torch, so that a request is checked at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, Literal, TypeVar

from neuroevo.errors import NeuroevoError, OptionError, TaskError, require_range, unknown
from neuroevo.plugins import Plugin, Scalar, Spec

LEAST, MOST = 1e-6, 1e3  # of a spread or a speed, in units of a parameter

ADAPTERS = ("encoder", "decoder")  # parts of a genome; what is no adapter's is the core's


Number = TypeVar("Number", int, float)


def _option(default: Number, low: float, high: float = math.inf) -> Number:
    """Returns the field of a numeric option, with the range that `Method` checks."""
    return field(default=default, metadata={"range": (low, high)})


def _spread(default: float) -> float:
    """Returns the option of a spread or a speed, which is greater than 0."""
    return _option(default, LEAST, MOST)


def _deviation(default: float) -> float:
    """Returns the option of a standard deviation that may be 0."""
    return _option(default, 0, MOST)


def _share(default: float) -> float:
    """Returns the option of a share."""
    return _option(default, 0, 1)


def _momentum(default: float) -> float:
    """Returns the option of a momentum, as a share of the last move."""
    return _option(default, 0, 0.999)


def _decay(default: float) -> float:
    """Returns the option of a factor that is applied after every generation."""
    return _option(default, 0.5, 1)


def _elite(default: int) -> int:
    """Returns the option of how many genomes are kept."""
    return _option(default, 1)


@dataclass(frozen=True)
class Method:
    """A search method; the kinds below are its subclasses.

    Attributes:
        share: Share of the budget that pretraining gets, where a run has one: where adapters are pretrained.
        name: What a request calls the method.
        is_mirrored: Whether genomes are sampled in pairs about the centre.
    """

    _: KW_ONLY
    share: float = 0.5
    name: ClassVar[str] = ""
    is_mirrored: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise OptionError(f"Option 'share' is {self.share:g}; wanted a number between 0 and 1, excluded.")
        for option in fields(self):
            if "range" in option.metadata:
                require_range(option.name, getattr(self, option.name), *option.metadata["range"])

    @property
    def phases(self) -> tuple[Method, Method]:
        """The methods of pretraining, where the core has few coordinates, and of what follows."""
        return self, self

    @property
    def has_pretraining(self) -> bool:
        """Whether the method has a first phase whatever the adapters."""
        return False

    @property
    def is_paced(self) -> bool:
        """Whether what a generation does depends on how many there are in all."""
        return bool(self.pace)

    @property
    def pace(self) -> str:
        """How a generation depends on how many there are in all, as a clause; "" where it does not."""
        return ""

    def pretraining_population_of(self, population: int) -> int:
        """Returns the genomes of a generation of pretraining.

        Args:
            population: Genomes of a later generation.
        """
        return population

    def check_population(self, name: str, population: int) -> None:
        """Checks whether the method can search with a population.

        Args:
            name: What the request calls the population, for errors.
            population: Genomes of a generation.

        Raises:
            OptionError: If it cannot.
        """
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

    Its subclasses have an option `core` too: the spread of the core at the start, in units of `stdev`, where
    adapters are searched with it.

    Attributes:
        bias: Spread of biases at the start, in units of the core's. A bias moves a cell for all that it is
            shown, where a synapse moves it for some.
        decoder: Spread of the decoder at the start, in units of `stdev`.
    """

    _: KW_ONLY
    bias: float = _spread(1.0)
    decoder: float = _spread(1.0)

    @property
    def phases(self) -> tuple[Method, Method]:
        """The same method twice; while the core has but a few coordinates, their spread is not reduced."""
        options: dict[str, Any] = {"core": 1.0}
        return replace(self, **options), self


@dataclass(frozen=True)
class Pgpe(Gaussian):
    """Policy gradients with parameter-based exploration, on mirrored pairs.

    Attributes:
        optimizer: What moves the centre along the gradient.
        stdev: Search spread of every parameter at the start, but for `core`, `bias` and `decoder`.
        speed: With clipup, most that the centre moves in a generation at the start, root mean square over
            parameters; with adam, its learning rate.
        final_speed: Share of `speed` that is left at the last generation (cosine decay).
        stdev_learning_rate: Step of the spread, as a share of its gradient.
        core: Spread of the core at the start, in units of `stdev`, where adapters are searched too.

    References:
        Sehnke et al. (2010), https://doi.org/10.1016/j.neunet.2009.12.004
        ClipUp: Toklu et al. (2020), https://doi.org/10.1007/978-3-030-58115-2_36
    """

    optimizer: Literal["clipup", "adam"] = "clipup"
    stdev: float = _spread(0.2)
    speed: float = _spread(0.025)
    final_speed: float = _share(0.03)
    stdev_learning_rate: float = _share(0.1)
    core: float = _spread(0.3)
    name: ClassVar[str] = "pgpe"

    @property
    def pace(self) -> str:
        """How a generation depends on how many there are in all: with a final speed of 1, in no way."""
        if self.final_speed == 1:
            return ""
        return f"pgpe slows down over all its generations (final_speed={self.final_speed:g}; 1 does not)"


@dataclass(frozen=True)
class Es(Gaussian):
    """OpenAI's evolution strategy: a step along the gradient of mirrored pairs, at a fixed spread.

    Attributes:
        optimizer: "sgd": the centre moves by the learning rate times the gradient, and momentum times its
            last move. "adam": by Adam's rule.
        stdev: Search spread of every parameter at the start, but for `core`, `bias` and `decoder`.
        learning_rate: Learning rate of the optimizer at the start.
        momentum: Share of its last move that the centre makes again, with sgd.
        decay: What spread and learning rate are multiplied by after a generation.
        core: Spread of the core at the start, in units of `stdev`, where adapters are searched too.

    References:
        Salimans et al. (2017), https://doi.org/10.48550/arXiv.1703.03864
        Adam: Kingma & Ba (2015), https://doi.org/10.48550/arXiv.1412.6980
    """

    optimizer: Literal["sgd", "adam"] = "sgd"
    stdev: float = _spread(0.1)
    learning_rate: float = _spread(0.1)
    momentum: float = _momentum(0.0)
    decay: float = _decay(0.999)
    core: float = _spread(1.0)
    name: ClassVar[str] = "es"


@dataclass(frozen=True)
class Ga(Method):
    """A genetic algorithm without crossover: the best are kept, and all others are their mutants.

    Those kept are evaluated again with every population, for fitness is noisy. The best of them is what a
    lineage answers with.

    Attributes:
        elite: Genomes that are kept; fewer where fewer had a finite fitness.
        stdev: Standard deviation of a mutation of the core, at the start.
        adapter_stdev: Standard deviation of a mutation of the adapters, at the start.
        decay: What both are multiplied by after a generation.

    References:
        Such et al. (2017), https://doi.org/10.48550/arXiv.1712.06567
        Schmidgall et al. (2022), https://doi.org/10.48550/arXiv.2209.14406
    """

    elite: int = _elite(8)
    stdev: float = _deviation(0.1)
    adapter_stdev: float = _deviation(0.1)
    decay: float = _decay(0.997)
    name: ClassVar[str] = "ga"
    is_mirrored: ClassVar[bool] = False

    def check_population(self, name: str, population: int) -> None:
        """Checks whether the elite leaves room for mutants.

        Args:
            name: What the request calls the population, for errors.
            population: Genomes of a generation.

        Raises:
            OptionError: If it does not.
        """
        super().check_population(name, population)
        if self.elite >= population:
            raise OptionError(
                f"Option 'elite' is {self.elite} with {name} {population}; wanted fewer than the population: "
                "the rest are their mutants."
            )


@dataclass(frozen=True)
class Cem(Gaussian):
    """The cross-entropy method: centre and spread become those of the best part of the population.

    Attributes:
        parents: That part, as a share of the population.
        stdev: Search spread of every parameter at the start, but for `core`, `bias` and `decoder`.
        min_stdev: Least spread.
        max_stdev: Greatest spread.
        max_change: Most that a spread may change in a generation, as a share of itself.
        core: Spread of the core at the start, in units of `stdev`, where adapters are searched too.

    References:
        Rubinstein (1999), https://doi.org/10.1023/A:1010091220143
    """

    parents: float = _share(0.25)
    stdev: float = 0.2
    min_stdev: float = _deviation(0.01)
    max_stdev: float = 10.0
    max_change: float = _deviation(0.2)
    core: float = _spread(1.0)
    name: ClassVar[str] = "cem"
    is_mirrored: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        least = max(LEAST, self.min_stdev)
        require_range("max_stdev", self.max_stdev, least, MOST)
        require_range("stdev", self.stdev, least, self.max_stdev)

    def check_population(self, name: str, population: int) -> None:
        """Checks whether there are two parents, which their spread takes.

        Args:
            name: What the request calls the population, for errors.
            population: Genomes of a generation.

        Raises:
            OptionError: If there are fewer.
        """
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
        es_optimizer: Option `optimizer` of `es`, for the first phase; so are those that follow.
        es_stdev: Option `stdev` of `es`.
        es_learning_rate: Option `learning_rate` of `es`.
        es_momentum: Option `momentum` of `es`.
        es_decay: Option `decay` of `es`.
        elite: Option `elite` of `ga`, for the second phase; so are those that follow.
        stdev: Option `stdev` of `ga`.
        adapter_stdev: Option `adapter_stdev` of `ga`.
        decay: Option `decay` of `ga`.

    References:
        Schmidgall et al. (2022), https://doi.org/10.48550/arXiv.2209.14406
    """

    pretraining_population: int = _option(0, 0)
    es_optimizer: Literal["sgd", "adam"] = "sgd"
    es_stdev: float = _spread(0.1)
    es_learning_rate: float = _spread(0.1)
    es_momentum: float = _momentum(0.0)
    es_decay: float = _decay(0.999)
    elite: int = _elite(8)
    stdev: float = _deviation(0.01)
    adapter_stdev: float = _deviation(0.01)
    decay: float = _decay(0.997)
    name: ClassVar[str] = "paper"

    @property
    def phases(self) -> tuple[Method, Method]:
        """The methods of pretraining and of what follows."""
        es = Es(self.es_optimizer, self.es_stdev, self.es_learning_rate, self.es_momentum, self.es_decay)
        return es, Ga(self.elite, self.stdev, self.adapter_stdev, self.decay)

    @property
    def has_pretraining(self) -> bool:
        """Whether the method has a first phase whatever the adapters: it always has."""
        return True

    def pretraining_population_of(self, population: int) -> int:
        """Returns the genomes of a generation of pretraining.

        Args:
            population: Genomes of a later generation.
        """
        return self.pretraining_population or population

    def check_population(self, name: str, population: int) -> None:
        """Checks whether both phases can do with their populations.

        Args:
            name: What the request calls the population, for errors.
            population: Genomes of a generation of the second phase.

        Raises:
            OptionError: If one of them cannot.
        """
        first, second = self.phases
        first.check_population(
            "pretraining_population" if self.pretraining_population else name,
            self.pretraining_population_of(population),
        )
        second.check_population(name, population)


METHODS: dict[str, type[Method]] = {kind.name: kind for kind in (Pgpe, Es, Ga, Cem, Paper)}

# What suits a task's own maps better than the usual, `--adapter none`: one rule for every task and prior. A
# parameter is one of few that the body feels, so that synapses can be moved far; and a bias moves the body
# for good, a bend that stays, so that biases drawn as wide as synapses drown what these tell. `es`, whose
# steps grow as spreads shrink, and `ga`, with one spread for the core, keep theirs: nothing better is known.
WITHOUT_ADAPTERS: dict[str, dict[str, Scalar]] = {
    "pgpe": {"stdev": 0.3, "speed": 0.1, "bias": 0.02},
    "cem": {"stdev": 0.3, "bias": 0.02},
}


def plugin(name: str) -> Plugin:
    """Returns a search method with its typed options.

    Args:
        name: What a request calls it.

    Raises:
        OptionError: If there is none of this name.
    """
    if name not in METHODS:
        raise OptionError(unknown("search", name, METHODS))
    return Plugin("search", name, METHODS[name])


def without_adapters(suited: Mapping[str, Mapping[str, Scalar]]) -> dict[str, dict[str, Scalar]]:
    """Returns options of search methods that suit a task where nothing stands between circuit and body.

    Args:
        suited: By method, options that suit the task with adapters; those of `WITHOUT_ADAPTERS` go before.
    """
    names = [*suited, *(name for name in WITHOUT_ADAPTERS if name not in suited)]
    return {name: {**suited.get(name, {}), **WITHOUT_ADAPTERS.get(name, {})} for name in names}


def parse(text: str, suited: Mapping[str, Mapping[str, Scalar]] | None = None, task: str = "") -> Method:
    """Returns the method that `name[:option=value,...]` says.

    Args:
        text: As it was given; an option in it wins over what suits the task.
        suited: By method, options that suit a task better than the usual ones; None: there are none.
        task: The label of that task, for errors.

    Raises:
        OptionError: If there is no such method, or an option of it is unknown, mistyped or out of range.
        TaskError: If what is said to suit the task is.
    """
    spec = Spec.parse(text)
    if spec.label != spec.plain and "=" in text.partition(":")[0]:
        raise OptionError(f"Search {text!r} has a label; wanted name[:option=value,...].")
    chosen = plugin(spec.name)
    options: dict[str, Any] = {}
    try:
        for name, suiting in (suited or {}).items():
            bound: dict[str, Any] = plugin(name).bind(suiting)
            METHODS[name](**bound)
            options |= bound if name == spec.name else {}
    except NeuroevoError as error:
        raise TaskError(f"Task {task!r}: {error}") from error
    return METHODS[spec.name](**{**options, **chosen.bind(spec.options)})
