"""One champion at work on a held-out episode, or on all test images, and what it does there recorded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.errors import (
    EvaluationError,
    NeuroevoError,
    OptionError,
    RunError,
    TaskError,
    failure,
    require_range,
)
from neuroevo.files import Row
from neuroevo.network.monitors import CellRecorder, ClassRecorder
from neuroevo.physics.recording import Recording
from neuroevo.report.replay.champions import read_champion
from neuroevo.run_folder import Key, RunFolder, key_of
from neuroevo.seeds import derive
from neuroevo.task import HasImages, Recordable, Task

if TYPE_CHECKING:
    from neuroevo.network.blueprint import Blueprint
    from neuroevo.network.phenotype import Phenotype


@dataclass(frozen=True)
class Request:
    """What of a champion is to be seen.

    Attributes:
        episode: Which held-out episode; None: the one whose recorded score is nearest to their mean.
        seed: Of other starts than those that the recorded score was made of; None: the same.
        steps: Control steps that pictures show, from the start; None: all.
    """

    episode: int | None = None
    seed: int | None = None
    steps: int | None = None

    def check(self) -> None:
        """Raises OptionError if a number is out of range."""
        for name, low in (("episode", 0), ("seed", 0), ("steps", 1)):
            if getattr(self, name) is not None:
                require_range(name, getattr(self, name), low)


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen of a lineage.

    Attributes:
        key: The lineage.
        unit: Of its score.
        lineage_score: As recorded.
        score: Of what was seen; None where it is not finite.
        recorded: What the run recorded of the same; None if it recorded nothing.
        episode: Which held-out episode; None of images.
        num_episodes: Of how many; None where that is not recorded.
        blueprint: The network.
        activity: float [N, X] of the cells; X is 0 where there is nothing to see.
        recording: How the body moved.
        answers: Classes named, int64 [n]; -1 for none.
        task: The task.
    """

    key: Key
    unit: str
    lineage_score: float
    score: float | None
    recorded: float | None
    blueprint: Blueprint
    activity: np.ndarray
    task: Task = field(repr=False)
    episode: int | None = None
    num_episodes: int | None = None
    recording: Recording | None = None
    answers: np.ndarray | None = None


def show(folder: RunFolder, row: Row, request: Request, task: Task) -> Seen:
    """Runs a champion once more and returns what was seen.

    Args:
        folder: The run.
        row: The lineage's result.
        request: What is to be seen.
        task: Its task, of `make_task`.

    Raises:
        NeuroevoError: If the champion cannot be read, does not fit the task or cannot be run.
    """
    import torch

    from neuroevo.network.phenotype import Phenotype

    key = key_of(row)
    blueprint, parameters = read_champion(folder, key)
    _check_fit(key, blueprint, task)
    about = f"Replay of {'/'.join(map(str, key))}"
    try:
        with torch.inference_mode():
            phenotype = Phenotype([blueprint], [1])
            phenotype.load([parameters[None]])
            seed = derive(folder.config().get("seed", 0), "held-out", key[0], key[3])
            seen = _run(row, request, task, phenotype, seed)
    except NeuroevoError:
        raise
    except Exception as error:
        raise EvaluationError(failure(about, error)) from error
    is_clock = blueprint.architecture.core == "clock"  # in place of cells
    return replace(seen, activity=np.zeros((0, 0))) if is_clock else seen


def _run(row: Row, request: Request, task: Task, phenotype: Phenotype, seed: int) -> Seen:
    """Returns what is seen of a network in what the task offers to see."""
    seen = Seen(
        key=key_of(row),
        unit=task.unit,
        lineage_score=row["score"],
        score=None,
        recorded=None,
        blueprint=phenotype.blueprints[0],
        activity=np.zeros((0, 0)),
        task=task,
    )
    if isinstance(task, HasImages) and not isinstance(task, Recordable):
        return _answers(seen, task, request, phenotype)
    scores = row.get("episode_scores") if request.seed is None else None
    episode = _episode(request, scores)
    seen = replace(
        seen,
        episode=episode,
        num_episodes=None if scores is None else len(scores),
        recorded=None if scores is None else scores[episode],
    )
    return _episode_seen(seen, request, phenotype, seed if request.seed is None else request.seed)


def _episode_seen(seen: Seen, request: Request, phenotype: Phenotype, seed: int) -> Seen:
    """Returns what is seen in one episode."""
    assert seen.episode is not None
    recorder = CellRecorder(seen.episode)
    phenotype.monitor = recorder
    recording = None
    if isinstance(seen.task, Recordable):
        recording = seen.task.record(phenotype, seed=seed, episode=seen.episode)
        if not isinstance(recording, Recording):
            raise TaskError(
                f"Task {seen.key[0]!r} recorded a {type(recording).__name__}; wanted a Recording, see "
                "neuroevo.physics.recording."
            )
        score = recording.score
    else:
        scores = seen.task.score(phenotype, seeds=[seed])
        require_range("episode", seen.episode, 0, scores.shape[1] - 1)
        score = float(scores[0, seen.episode])
    activity = recorder.activity(phenotype.blueprints[0].architecture.num_cells)
    num_steps = activity.shape[1] if recording is None else len(recording.qpos) - 1
    if request.steps is not None:
        require_range("steps", request.steps, 1, num_steps)
        num_steps = request.steps
    if recording is not None:
        recording = replace(recording, qpos=recording.qpos[: num_steps + 1])
    return replace(seen, score=_finite(score), activity=activity[:, :num_steps], recording=recording)


def _answers(seen: Seen, task: HasImages, request: Request, phenotype: Phenotype) -> Seen:
    """Returns what is seen of a network that names the classes of test images."""
    for name in ("episode", "seed", "steps"):
        if getattr(request, name) is not None:
            raise OptionError(
                f"Option {name!r} is {getattr(request, name)}; task {seen.key[0]!r} shows its test images, "
                f"all of them and the same to all. Leave it out, or choose other tasks with --lineage."
            )
    labels, num_classes = np.asarray(task.labels()), len(task.class_names)
    recorder = ClassRecorder(labels, num_classes)
    phenotype.monitor = recorder
    answers = np.asarray(task.predictions(phenotype))
    if answers.shape != (1, len(labels)) or not ((answers >= -1) & (answers < num_classes)).all():
        raise TaskError(
            f"Task {seen.key[0]!r} predicted {list(answers.shape)}; wanted [1, {len(labels)}] classes below "
            f"{num_classes}, or -1."
        )
    activity = recorder.activity(phenotype.blueprints[0].architecture.num_cells)
    score = float((answers[0] == labels).mean()) if (answers >= 0).all() else None
    return replace(seen, score=score, recorded=seen.lineage_score, activity=activity, answers=answers[0])


def _episode(request: Request, scores: Sequence[float | None] | None) -> int:
    """Returns the episode to show."""
    if request.episode is not None:
        if scores is not None:
            require_range("episode", request.episode, 0, len(scores) - 1)
        return request.episode
    if scores is None:
        return 0
    values = np.array(scores, float)
    return int(np.argmin(np.abs(values - values.mean())))


def _check_fit(key: Key, blueprint: Blueprint, task: Task) -> None:
    """Raises RunError if a network was not made for a task as it is now."""
    made, wanted = (blueprint.num_sensors, blueprint.num_actuators), (task.num_sensors, task.num_actuators)
    if made != wanted:
        raise RunError(
            f"The champion of {'/'.join(map(str, key))} has {made[0]} sensors and {made[1]} actuators, its "
            f"task now {wanted[0]} and {wanted[1]}; replay it with the version of the task it was evolved on."
        )


def _finite(value: float) -> float | None:
    """Returns a number; None if it is not finite."""
    return value if math.isfinite(value) else None
