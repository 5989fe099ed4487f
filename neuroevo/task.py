"""Tasks: what a phenotype is scored on, and a task as a message that a worker makes again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from neuroevo.plugins import load

if TYPE_CHECKING:
    from torch import Tensor

    from neuroevo.network.phenotype import Phenotype

NEEDED = ("generations", "population")

TASK_MEMBERS = ("unit", "defaults", "num_sensors", "num_actuators", "evaluate", "score")


class Task(Protocol):
    """What a phenotype is scored on; higher fitness is better.

    A task is made from its options alone, all of which have defaults, and may also have:

    - `prepare()`, called once in every process before the first evaluation, to fetch data;
    - `data_hashes() -> dict[str, str]`, for the manifest;
    - `fitness_unit`, where it is not the score's;
    - `search`, by the name of a search method a dict of its options that suit the task better than the usual
      ones: `{"pgpe": {"stdev": 0.5}}`;
    - `image_shape`, (height, width) where the sensors are the pixels of an image, row by row: what
      `--adapter retina` sees;
    - `native(architecture) -> (encoder [N, S], decoder [A, N])`, for `--adapter none`: the body's own maps
      from its senses to cells and from cells to its actuators; raises TaskError where it lacks a cell;
    - `record(phenotype, *, seed, episode)` of a task with a body, or `predictions`, `labels`, `test_images`
      and `class_names` of one with images: what `run.py replay` shows, see `replay`;
    - `chooses`, True of a task that chooses what a lineage is tested on by what it answers so far, with
      `choose(phenotype, *, seeds) -> list`, which gets the lineages' centres and returns one value for each;
      `evaluate(phenotype, *, seeds, choices)` then gets one for each genome;
    - `on_device`, True of a task whose tensors are where the phenotype's are, `phenotype.device`: without it,
      it runs on a CPU alone. One with a body also has `body()`, the compiled model, from which the memory
      that its worlds take is known before there are any;
    - `caveat`, what the task was found not to show; `run.py list` says it;
    - `steps` and `episodes`, network steps of an episode and episodes of an evaluation. They serve the
      speed display alone; an option `episodes` is what `--episodes` sets.

    Attributes:
        unit: Unit of the score.
        defaults: {"generations", "population"}, where the request names none.
        num_sensors: S, at least 1.
        num_actuators: A, at least 1.
    """

    unit: str
    defaults: dict[str, int]
    num_sensors: int
    num_actuators: int

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns fitness [G, B]; genomes of equal seeds meet the same B episodes."""

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns scores [G, B'] on held-out data, in `unit`."""


def steps_of(task: Task) -> int | None:
    """Returns the network steps of one evaluation; None if the task does not say."""
    steps, episodes = (getattr(task, name, None) for name in ("steps", "episodes"))
    return steps * episodes if isinstance(steps, int) and isinstance(episodes, int) else None


@dataclass(frozen=True)
class TaskRequest:
    """A task as a message: a worker makes it from its import path."""

    label: str
    path: str
    options: Mapping[str, Any]

    def make(self) -> Task:
        """Returns the task, ready to evaluate."""
        task = load(self.path)(**self.options)
        if hasattr(task, "prepare"):
            task.prepare()
        return task
