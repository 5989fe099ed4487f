"""The contract of a task: `Task`, which every task derives from, and small protocols for what only some have.

    Task            what a phenotype is scored on; the engine and `checks.check_task` ask for no more
    HasBody         has a MuJoCo body, whose memory on a GPU is known beforehand
    Recordable      can show how its body moves in an episode
    HasImages       can show the images that it asks about, and the answers
    HasNativeMaps   brings maps of its own from senses to cells and from cells to actuators
    Chooses         chooses what a lineage is tested on by what the lineage answers so far
    Normalises      senses observations less their running mean, over their running deviation
    Playable        says how its networks play an environment of Gymnasium's, one step at a time
    HasTargets      has targets that a readout can be fitted to, for --adapter ridge

A task has what a protocol names as soon as it has those members; it need not derive from the protocol.
The examples below run as they stand, with `numpy`, `torch` and what they name imported.
"""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

from neuroevo.errors import FOREIGN, NeuroevoError, TaskError, described
from neuroevo.plugins import Scalar, load, tasks

if TYPE_CHECKING:
    import mujoco
    import numpy as np
    from torch import Tensor

    from neuroevo.network.normalisation import Statistics
    from neuroevo.network.phenotype import Phenotype
    from neuroevo.physics.recording import Recording
    from neuroevo.wiring.architecture import Architecture

NEEDED = ("generations", "population")  # keys of `Task.defaults`
MEMBERS = ("unit", "defaults", "num_sensors", "num_actuators", "evaluate", "score")  # without a default

Choice = TypeVar("Choice")


class Task(ABC):
    """What a phenotype is scored on; higher fitness is better.

    A task is made from its options alone: the keyword arguments of `__init__`, all of which have defaults.
    Workers make it anew from its import path, so it keeps nothing that its options do not say.

    Attributes:
        unit: Unit of the score, such as "m/s".
        defaults: Budget where a request names none: "generations", at least 1, and "population", an even
            number of at least 2.
        num_sensors: S, numbers that a network observes at each step, at least 1.
        num_actuators: A, numbers that a network puts out at each step, at least 1.
        search: Options of search methods that suit the task better than the usual ones, by the name of the
            method: `{"pgpe": {"stdev": 0.5}}`. With `--adapter none`, `search.methods.WITHOUT_ADAPTERS` goes
            before them.
        shows: What the task was measured to tell apart, a phrase by the name of the adapter it was measured
            with, which `run.py list` prints: `{"linear": "no wiring from another (1,950 evaluations)"}`;
            empty: it was not measured.
        bare_option: The option that a value without a name stands for, `name:VALUE`; empty: there is none.
        open_options: How options begin that the task takes under any name, as keyword arguments `**options`
            of texts, such as "env."; empty: there are none.
        ports: What sensors and actuators are, a sentence that reports print; empty: not told.
        on_device: Whether the task's tensors are where the phenotype's are, `phenotype.device`. A task that
            does not say so runs on a CPU alone.
        steps: Network steps of an episode, for the speed that is displayed; None: not told.
        episodes: B, episodes of an evaluation; None: not told. An option of this name is what `--episodes`
            sets.
        held_out: B', episodes of a score; None: not told.
        maximum: Highest score that there can be, in `unit`, near which ends are a ceiling; None: not told.
        image_shape: (height, width) where the sensors are the pixels of an image, row by row, for
            `--adapter retina`; (height, width, values) where those of a pixel, such as its colours, follow
            one another; None where they are no pixels.

    Example:
        class Copy(Task):
            "Output what is sensed: fitness is minus the squared error."

            unit = "error"
            defaults = {"generations": 20, "population": 16}
            num_sensors = num_actuators = 1

            def __init__(self, episodes: int = 4, steps: int = 8) -> None:
                require_range("episodes", episodes, 1, 1_000)
                require_range("steps", steps, 1, 1_000)
                self.episodes = episodes
                self.steps = steps

            def evaluate(self, phenotype, *, seeds):
                return self.errors(phenotype, self.signals(seeds, "training"))

            def score(self, phenotype, *, seeds):
                return self.errors(phenotype, self.signals(seeds, "held-out"))

            def signals(self, seeds, purpose):
                shape = (self.episodes, 1)
                drawn = [generator(seed, purpose).standard_normal(shape, np.float32) for seed in seeds]
                return torch.from_numpy(np.stack(drawn))  # [G, B, 1]

            def errors(self, phenotype, sensed):
                phenotype.reset(self.episodes)
                for _ in range(self.steps):
                    outputs = phenotype.step(sensed)
                return -(outputs - sensed).square().mean(2)  # [G, B]
    """

    unit: str
    defaults: Mapping[str, int] = {}
    num_sensors: int
    num_actuators: int
    search: Mapping[str, Mapping[str, Scalar]] = {}
    shows: Mapping[str, str] = {}
    bare_option: str = ""
    open_options: str = ""
    ports: str = ""
    on_device: bool = False
    steps: int | None = None
    episodes: int | None = None
    held_out: int | None = None
    maximum: float | None = None
    image_shape: tuple[int, ...] | None = None

    @cached_property  # which a class and an instance may both overwrite
    def fitness_unit(self) -> str:
        """Unit of the fitness: that of the score, unless a task sets this to another."""
        return self.unit

    @cached_property
    def floor(self) -> tuple[float, str] | None:
        """The score that takes no network, and what has it, a phrase: `(0.1, "naming one class always")`.

        Reports count from it what share of the leader's score a control reaches. None: the task tells none,
        and the leader's untrained score takes its place.
        """
        return None

    @property
    def network_steps(self) -> int | None:
        """Network steps of one evaluation of a genome, or None where the task does not tell them."""
        return None if self.steps is None or self.episodes is None else self.steps * self.episodes

    def prepare(self) -> None:  # noqa: B027 - most tasks need nothing
        """Fetches what the task needs; called once in every process, before the first evaluation.

        Raises:
            DataError: If data cannot be had.
        """

    def data_hashes(self) -> dict[str, str]:
        """Returns hashes of the data that the task uses, by a name for each, for the run's manifest."""
        return {}

    @abstractmethod
    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns the fitness of each genome in each of its training episodes.

        Args:
            phenotype: G genomes as one batch.
            seeds: One a genome, [G]; each stands for B episodes, which genomes of equal seeds share.

        Returns:
            Fitness [G, B], any float type, in `fitness_unit`; NaN or infinite where the genome failed. Where
            that is not the genome's own fault, `phenotype.faults` may say why, by number of the genome.
        """

    @abstractmethod
    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns the score of each genome on held-out data, which training never meets.

        Args:
            phenotype: G genomes as one batch.
            seeds: One a genome, [G]; each stands for B' held-out episodes.

        Returns:
            Scores [G, B'], any float type, in `unit`; NaN where the genome failed.
        """


@runtime_checkable
class HasBody(Protocol):
    """A task that moves a MuJoCo body.

    Example:
        class Pendulum(Copy):
            "Has a body, though nothing moves it."

            def body(self):
                hinge = '<joint type="hinge"/><geom type="capsule" size=".1" fromto="0 0 0 0 0 -1"/>'
                text = f"<mujoco><worldbody><body>{hinge}</body></worldbody></mujoco>"
                return mujoco.MjModel.from_xml_string(text)
    """

    def body(self) -> mujoco.MjModel:
        """Returns the compiled body, from which the memory that its worlds take on a GPU is known."""


@runtime_checkable
class Recordable(Protocol):
    """A task that can show how its body moves, for the films of `run.py replay`.

    It must run all held-out episodes of the seed in one batch, as `score` does, so that the score which it
    tells is that of `score` to the bit.

    Example:
        class Filmed(Pendulum):
            "Shows the body of one episode, which stays where it is."

            def record(self, phenotype, *, seed, episode):
                film = Film(episode)
                scores = self.score(phenotype, seeds=[seed])
                for _ in range(self.steps + 1):
                    film.take(np.zeros((self.episodes, 1)))
                return film.recording(self.body(), 0.01, float(scores[0, episode]))
    """

    def record(self, phenotype: Phenotype, *, seed: int, episode: int) -> Recording:
        """Returns how the body moves in one of the held-out episodes.

        Args:
            phenotype: One genome.
            seed: The seed whose held-out episodes `score` runs.
            episode: Which of them, 0 to B' - 1.
        """


@runtime_checkable
class HasImages(Protocol):
    """A task that asks which class an image is of, for the pictures of `run.py replay`.

    Attributes:
        class_names: Names of the K classes, in order.

    Example:
        class Dots(Copy):
            "Two images, a dark one and a bright one."

            class_names = ["dark", "bright"]

            def labels(self):
                return np.array([0, 1])

            def test_images(self):
                return np.array([[[0]], [[255]]], np.uint8)

            def predictions(self, phenotype):
                shown = torch.tensor([[0.0], [1.0]]).expand(phenotype.num_genomes, 2, 1)
                phenotype.reset(2)
                return (phenotype.step(shown)[:, :, 0] > 0).numpy().astype(np.int64)
    """

    class_names: Sequence[str]

    def labels(self) -> np.ndarray:
        """Returns the true classes of the n test images, int64 [n], each in 0..K - 1."""

    def test_images(self) -> np.ndarray:
        """Returns the test images, uint8 [n, height, width], or in colour [n, height, width, 3]."""

    def predictions(self, phenotype: Phenotype) -> np.ndarray:
        """Returns the class that each genome names for each test image.

        Args:
            phenotype: G genomes.

        Returns:
            int64 [G, n], each in 0..K - 1, or -1 where the genome names none. Images are shown in their
            order, each once.
        """


@runtime_checkable
class HasNativeMaps(Protocol):
    """A task whose body is wired to cells by name, for `--adapter none`.

    Example:
        class Wired(Copy):
            "The first cell senses, the last one acts."

            def native(self, architecture):
                encoder = np.zeros((architecture.num_cells, 1), np.float32)
                decoder = np.zeros((1, architecture.num_cells), np.float32)
                encoder[0] = decoder[0, -1] = 1
                return encoder, decoder
    """

    def native(self, architecture: Architecture) -> tuple[np.ndarray, np.ndarray]:
        """Returns the body's own maps between its ports and the N cells of a wiring.

        Args:
            architecture: The wiring, whose cells have names.

        Returns:
            The encoder, float32 [N, S], from senses to cells; and the decoder, float32 [A, N], from cells to
            actuators.

        Raises:
            TaskError: If the wiring lacks a cell that the body needs.
        """


@runtime_checkable
class Chooses(Protocol[Choice]):
    """A task that chooses what a lineage is tested on by what the lineage's centre answers so far.

    Once a generation the engine shows it the centres of the lineages with `choose`, and then evaluates all
    their genomes with `evaluate_on` in place of `evaluate`. What is chosen may be of any type.

    Attributes:
        chooses: Whether it does so with the options that it has; where not, `evaluate` is called.

    Example:
        class Hardest(Copy):
            "Shows again the signal that the centre follows worst."

            chooses = True

            def choose(self, phenotype, *, seeds):
                sensed = self.signals(seeds, "training")
                worst = self.errors(phenotype, sensed).argmin(1)
                return [signals[k] for signals, k in zip(sensed, worst)]

            def evaluate_on(self, phenotype, *, seeds, choices):
                sensed = torch.stack(choices)[:, None].expand(-1, self.episodes, -1)
                return self.errors(phenotype, sensed)
    """

    @property
    def chooses(self) -> bool:
        """Whether `choose` and `evaluate_on` are called in place of `evaluate`."""

    def choose(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> list[Choice]:
        """Returns what the genomes of each lineage are best tested on.

        Args:
            phenotype: R genomes, the centres of R lineages.
            seeds: One a lineage, [R], as `evaluate` would get it.
        """

    def evaluate_on(self, phenotype: Phenotype, *, seeds: Sequence[int], choices: Sequence[Choice]) -> Tensor:
        """Returns the fitness of each genome on what was chosen for its lineage.

        Args:
            phenotype: G genomes as one batch.
            seeds: One a genome, [G].
            choices: One a genome, [G], each that of its lineage.

        Returns:
            Fitness [G, B], as of `Task.evaluate`.
        """


@runtime_checkable
class Normalises(Protocol):
    """A task whose networks sense observations normalised by statistics that their lineage has of them.

    The engine gives the phenotype a `normaliser` in every evaluation; the task lets it turn observations into
    what is sensed, and says which of them count. Where the phenotype has none, as before evolution, the task
    makes one of its `first_statistics`, by which the first generation senses too.

    Attributes:
        normalises: Whether it does so with the options that it has.

    Example:
        class Loud(Copy):
            "Signals that are a thousand times as large."

            normalises = True

            def first_statistics(self):
                return Statistics(1.0, np.zeros(1), np.full(1, 1e6))

            def errors(self, phenotype, signals):
                normaliser = phenotype.normaliser
                if normaliser is None:
                    normaliser = Normaliser([self.first_statistics()], [phenotype.num_genomes])
                observed = (1000 * signals).reshape(-1, 1).numpy()
                sensed = normaliser.apply(observed, np.full(len(observed), True))
                return super().errors(phenotype, torch.from_numpy(sensed).reshape(signals.shape))
    """

    @property
    def normalises(self) -> bool:
        """Whether observations are normalised with the options that the task has."""

    def first_statistics(self) -> Statistics:
        """Returns the statistics by which observations are normalised before a lineage has its own."""


@runtime_checkable
class Playable(Protocol):
    """A task whose networks can play an environment of Gymnasium's, one observation at a time.

    A champion of such a task is a policy of that environment, see `neuroevo.network.policy`.

    Example:
        class Echoing(Copy):
            "Its environment shows a number and takes a number between -1 and 1."

            def sense(self, observation):
                return np.asarray(observation).reshape(-1)

            def act(self, outputs):
                return outputs.clip(-1, 1)
    """

    def sense(self, observation: Any) -> np.ndarray:
        """Returns what the network senses, S numbers.

        Args:
            observation: What the environment shows, of its observation space: numbers, a dict or a tuple.
        """

    def act(self, outputs: np.ndarray) -> object:
        """Returns the action of the environment.

        Args:
            outputs: What the network puts out, float32 [A], unbounded.
        """


@dataclass(frozen=True, eq=False)
class Samples:
    """What networks are shown, and what a readout of them is to say.

    Attributes:
        inputs: Of images, float32 [U, B, S], each held before the network from rest. Of sequences, float32
            [U, T, B, S]: T values one after the other, one a network step, from rest, in B episodes.
        targets: K numbers for every image, float32 [U, B, K], or every step of a sequence, [U, T, B, K].
        which: The row of U that each genome sees, int64 [G].
    """

    inputs: Tensor
    targets: Tensor
    which: Tensor


Split = Literal["minibatch", "training", "held-out"]


@runtime_checkable
class HasTargets(Protocol):
    """A task with targets that a readout can be fitted to in closed form, for `--adapter ridge`.

    Attributes:
        washout: Steps at the beginning of a sequence that are neither fitted nor judged, since the network
            comes from rest; 0 of images.
        num_minibatch: Samples of a minibatch: images, or steps of all episodes after the washout.
        num_training: Samples of the training split, counted in the same way.

    Example:
        class Recall(Copy):
            "Say what was sensed one step before."

            washout, num_minibatch, num_training = 1, 4 * 19, 4 * 19

            def samples(self, split, *, seeds):
                drawn = [generator(seed, split).standard_normal((20, 4, 1), np.float32) for seed in seeds]
                inputs = torch.from_numpy(np.stack(drawn))
                return Samples(inputs, inputs.roll(1, dims=1), torch.arange(len(seeds)))

            def judge(self, said, targets):
                return -(said - targets).square().mean((1, 3))
    """

    washout: int
    num_minibatch: int
    num_training: int

    def samples(self, split: Split, *, seeds: Sequence[int]) -> Samples:
        """Returns samples of one of the splits, which have none in common.

        Args:
            split: "minibatch", a part of what can be trained on, new with every seed; "training", all that a
                readout is fitted to in the end; or "held-out", what it is judged on, once.
            seeds: One a genome, [G].
        """

    def judge(self, said: Tensor, targets: Tensor) -> Tensor:
        """Returns the scores of what readouts say, [G, B'], in the task's unit.

        Args:
            said: float64 [G, B', K] of images, or [G, T', B', K] of sequences, without the washout.
            targets: What was to be said, of the same shape.
        """


def fault_of_class(target: Callable[..., object]) -> str:
    """Returns why a plug-in can make no task, as the end of a sentence; "" if it may be able to.

    Args:
        target: A class, or a function that makes a task.
    """
    if not inspect.isclass(target):
        return ""
    if not issubclass(target, Task):
        return f"is no subclass of neuroevo.task.Task; wanted class {target.__name__}(Task)"
    return _lacks(sorted(target.__abstractmethods__))


def fault_of(task: object) -> str:
    """Returns what a task lacks that the engine needs, as the end of a sentence; "" if it has it all.

    Args:
        task: What a class or function made.
    """
    if not isinstance(task, Task):
        return f"is made as {type(task).__name__}, no neuroevo.task.Task; wanted class Mine(Task)"
    lacking = [member for member in MEMBERS if not hasattr(task, member)]
    lacking += [f"defaults[{key!r}]" for key in NEEDED if not lacking and key not in task.defaults]
    if lacking:
        return _lacks(lacking)
    for name, number in (("num_sensors", task.num_sensors), ("num_actuators", task.num_actuators)):
        if type(number) is not int or number < 1:
            return f"has {number!r} as {name}; wanted a whole number of at least 1"
    if task.maximum is not None and not (type(task.maximum) in (int, float) and abs(task.maximum) <= 1e100):
        return f"has {task.maximum!r} as maximum; wanted the highest score that there can be, or None"
    return ""


def _lacks(members: Sequence[str]) -> str:
    """Returns the fault of a task without some members; "" where there are none."""
    return f"has no {', '.join(members)}; wanted {', '.join(MEMBERS)}" if members else ""


def make(label: str, target: Callable[..., object], options: Mapping[str, Scalar]) -> Task:
    """Returns a task, which checks its options when it is made, if it has what the engine needs.

    Args:
        label: What a request calls it, for errors.
        target: The class.
        options: Its options, with the types that it declares.

    Raises:
        NeuroevoError: If the task refuses its options.
        TaskError: If it is no `Task`, fails on its options in another way, or lacks what the engine needs.
    """
    name = f"Task {label!r}"
    _refuse(label, fault_of_class(target))
    try:
        task = target(**options)
    except NeuroevoError as error:
        raise type(error)(f"{name}: {error}") from error
    except FOREIGN as error:
        raise TaskError(
            f"{name} cannot be made: {described(error)}; change its options or the task itself."
        ) from error
    return _usable(label, task)


def _usable(label: str, task: object) -> Task:
    """Returns what was made if it is a task that has what the engine needs; raises TaskError if not."""
    _refuse(label, fault_of(task))
    assert isinstance(task, Task)  # or it would have a fault
    return task


def _refuse(label: str, fault: str) -> None:
    """Raises TaskError if there is a fault."""
    if fault:
        raise TaskError(f"Task {label!r} {fault}.")


def floor_of(label: str, task: Task) -> tuple[float, str] | None:
    """Returns the score of a task that takes no network, and what has it; None where the task tells none.

    Args:
        label: What a request calls the task, for errors.
        task: The task, ready to evaluate.

    Raises:
        TaskError: If what it tells is no finite score with a phrase, or it fails.
    """
    try:
        floor: object = task.floor
    except NeuroevoError:
        raise
    except FOREIGN as error:
        raise TaskError(f"Task {label!r} cannot tell its floor: {described(error)}.") from error
    if floor is None:
        return None
    match floor:
        case (int() | float() as score, str() as what) if math.isfinite(score):
            return float(score), what
    raise TaskError(
        f"Task {label!r} tells {floor!r} as its floor; wanted a finite score and what has it, such as "
        "(0.1, 'naming one class always'), or None."
    )


@dataclass(frozen=True)
class TaskRequest:
    """A task as a message: a worker makes it from its import path.

    Attributes:
        label: What results call it.
        path: Import path, `package.module:Name`.
        options: All its options, with the types that it declares.
    """

    label: str
    path: str
    options: Mapping[str, Scalar]

    def make(self) -> Task:
        """Returns the task, ready to evaluate.

        Raises:
            NeuroevoError: If it cannot be loaded, is no task, refuses its options, or its data cannot be had.
        """
        target = load(self.path)
        _refuse(self.label, fault_of_class(target))
        task = _usable(self.label, target(**self.options))
        task.prepare()
        return task


def _fault_of_path(target: Callable[..., object]) -> str:
    """Returns why what was named by its path is never called, as the end of a sentence; "" if it may be."""
    if not inspect.isclass(target):
        return "is no task (no class); wanted a class derived from neuroevo.task.Task"
    return fault_of_class(target)


tasks.contract = _fault_of_path
