"""Reruns: one champion once more on a held-out episode or on all test images, under observation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from neuroevo.errors import (
    FOREIGN,
    EvaluationError,
    NeuroevoError,
    OptionError,
    RunError,
    TaskError,
    failure,
    require_range,
)
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.monitors import CellRecorder, ClassRecorder
from neuroevo.network.phenotype import Phenotype
from neuroevo.network.reservoir import Population
from neuroevo.physics.recording import Recording
from neuroevo.readout import SolvedTask
from neuroevo.report.replay.champions import read_champion
from neuroevo.report.replay.observation import Champion, EpisodeObservation, ImagesObservation, Observation
from neuroevo.rows import ResultRow
from neuroevo.run_folder import Key, RunFolder, key_of
from neuroevo.seeds import derive
from neuroevo.task import HasImages, Recordable, Task


@dataclass(frozen=True)
class Excerpt:
    """The part of a champion's work that is shown.

    Attributes:
        episode: Which held-out episode, from 0; None takes the one whose recorded score is nearest to the
            mean of all.
        seed: Seed of other held-out episodes than those that the recorded score was made of; None takes the
            same ones.
        steps: Number of control steps that pictures show, from the start; None shows all.
    """

    episode: int | None = None
    seed: int | None = None
    steps: int | None = None

    def check(self) -> None:
        """Checks the numbers as far as that needs no run.

        Raises:
            OptionError: If a number is out of range.
        """
        for name, low in (("episode", 0), ("seed", 0), ("steps", 1)):
            if getattr(self, name) is not None:
                require_range(name, getattr(self, name), low)


def rerun(folder: RunFolder, row: ResultRow, excerpt: Excerpt, task: Task) -> Observation:
    """Runs a champion once more.

    Args:
        folder: Folder of the run.
        row: Result of the lineage.
        excerpt: The part of its work that is shown.
        task: Task of the lineage, as `champions.make_task` returns it.

    Returns:
        What was observed: answers to images of a task that has images and does not record bodies, else one
        episode. The activity of a clock, which has no cells, is empty.

    Raises:
        NeuroevoError: If the champion cannot be read, does not fit the task or cannot be run.
    """
    key = key_of(row)
    blueprint, parameters = read_champion(folder, key)
    if row.get("gain"):  # of a sweep: the gain at which the lineage was scored
        blueprint = replace(blueprint, gains=replace(blueprint.gains, core=row["gain"]))
    _check_fit(key, blueprint, task)
    assert row["score"] is not None  # those without a score have no champion
    champion = Champion(key, blueprint, row["score"], task.unit)
    observation: Observation
    try:
        with torch.inference_mode():
            phenotype = Phenotype([blueprint], [1])
            phenotype.load([parameters[None]])
            if isinstance(task, HasImages) and not isinstance(task, Recordable):
                observation = _observe_images(champion, task, excerpt, phenotype)
            else:
                seed = derive(folder.config().get("seed", 0), "held-out", key[0], key[3])
                observation = _observe_episode(champion, task, excerpt, phenotype, seed, row)
                if isinstance(task, SolvedTask) and task.takes_populations([blueprint]):
                    shown = seed if excerpt.seed is None else excerpt.seed
                    observation = _as_scored(observation, task, parameters, shown)
    except NeuroevoError:
        raise
    except FOREIGN as error:  # a task may fail in any way
        raise EvaluationError(failure(f"Replay of {'/'.join(map(str, key))}", error)) from error
    if blueprint.architecture.core == "clock":
        return replace(observation, activity=np.zeros((0, 0)))
    return observation


def _observe_episode(
    champion: Champion, task: Task, excerpt: Excerpt, phenotype: Phenotype, seed: int, row: ResultRow
) -> EpisodeObservation:
    """Returns what a champion does in one episode.

    Args:
        champion: The lineage.
        task: Its task.
        excerpt: The part of its work that is shown.
        phenotype: Its network.
        seed: Seed of the held-out episodes that the recorded score was made of.
        row: Its result.
    """
    scores = row.get("episode_scores") if excerpt.seed is None else None
    episode = _episode(excerpt, scores)
    recorder = CellRecorder(episode)
    phenotype.monitor = recorder
    recording, score = _run_episode(
        champion, task, phenotype, seed if excerpt.seed is None else excerpt.seed, episode
    )
    activity = recorder.activity(champion.blueprint.architecture.num_cells)
    num_steps = activity.shape[1] if recording is None else len(recording.qpos) - 1
    if excerpt.steps is not None:
        require_range("steps", excerpt.steps, 1, num_steps)
        num_steps = excerpt.steps
    return EpisodeObservation(
        champion=champion,
        score=score if math.isfinite(score) else None,
        recorded=None if scores is None else scores[episode],
        activity=activity[:, :num_steps],
        episode=episode,
        num_episodes=None if scores is None else len(scores),
        recording=recording and replace(recording, qpos=recording.qpos[: num_steps + 1]),
    )


def _as_scored(
    observation: EpisodeObservation, task: SolvedTask, genome: Tensor, seed: int
) -> EpisodeObservation:
    """Returns an observation with the score as it was taken: of a reservoir, which nobody watches."""
    population = Population([observation.champion.blueprint], [genome[None]])
    scores = task.score(population, seeds=[seed])
    score = float(scores[0, observation.episode])
    return replace(observation, score=score if math.isfinite(score) else None)


def _run_episode(
    champion: Champion, task: Task, phenotype: Phenotype, seed: int, episode: int
) -> tuple[Recording | None, float]:
    """Runs the held-out episodes of a seed; returns how the body moves in one of them, and its score."""
    if not isinstance(task, Recordable):
        scores = task.score(phenotype, seeds=[seed])
        require_range("episode", episode, 0, scores.shape[1] - 1)
        return None, float(scores[0, episode])
    recording = task.record(phenotype, seed=seed, episode=episode)
    if not isinstance(recording, Recording):
        raise TaskError(
            f"Task {champion.key[0]!r} recorded a {type(recording).__name__}; wanted a Recording, see "
            "neuroevo.physics.recording."
        )
    return recording, recording.score


def _observe_images(
    champion: Champion, task: HasImages, excerpt: Excerpt, phenotype: Phenotype
) -> ImagesObservation:
    """Returns what a champion takes all test images for."""
    for name in ("episode", "seed", "steps"):
        if getattr(excerpt, name) is not None:
            raise OptionError(
                f"Option {name!r} is {getattr(excerpt, name)}; task {champion.key[0]!r} shows its test "
                "images, all of them and the same to all. Leave it out, or choose other tasks with --lineage."
            )
    labels, num_classes = np.asarray(task.labels()), len(task.class_names)
    recorder = ClassRecorder(labels, num_classes)
    phenotype.monitor = recorder
    answers = np.asarray(task.predictions(phenotype))
    if answers.shape != (1, len(labels)) or not ((answers >= -1) & (answers < num_classes)).all():
        raise TaskError(
            f"Task {champion.key[0]!r} predicted {list(answers.shape)}; wanted [1, {len(labels)}] classes "
            f"below {num_classes}, or -1."
        )
    return ImagesObservation(
        champion=champion,
        score=float((answers[0] == labels).mean()) if (answers >= 0).all() else None,
        recorded=champion.score,
        activity=recorder.activity(champion.blueprint.architecture.num_cells),
        images=np.asarray(task.test_images()),
        labels=labels,
        answers=answers[0],
        class_names=[str(name) for name in task.class_names],
    )


def _episode(excerpt: Excerpt, scores: Sequence[float | None] | None) -> int:
    """Returns the episode to show, of those that have these recorded scores."""
    if excerpt.episode is not None:
        if scores is not None:
            require_range("episode", excerpt.episode, 0, len(scores) - 1)
        return excerpt.episode
    if scores is None:
        return 0
    values = np.array(scores, float)
    return int(np.argmin(np.abs(values - values.mean())))


def _check_fit(key: Key, blueprint: Blueprint, task: Task) -> None:
    """Raises RunError if a network was not evolved for a task as it is now."""
    ports = blueprint.num_sensors, blueprint.num_actuators
    wanted = task.num_sensors, task.num_actuators
    if ports != wanted:
        raise RunError(
            f"The champion of {'/'.join(map(str, key))} has {ports[0]} sensors and {ports[1]} actuators, its "
            f"task now {wanted[0]} and {wanted[1]}; replay it with the version of the task it was evolved on."
        )
