"""Observations: what one run of a champion showed, as values that pictures are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuroevo.network.blueprint import Blueprint
from neuroevo.physics.recording import Recording
from neuroevo.run_folder import Key


@dataclass(frozen=True, eq=False)
class Champion:
    """The lineage that is shown.

    Attributes:
        key: Task, genome, graph and seed.
        blueprint: The network.
        score: Held-out score of the lineage, as the run recorded it.
        unit: Unit of scores; may be empty.
    """

    key: Key
    blueprint: Blueprint
    score: float
    unit: str


@dataclass(frozen=True, eq=False, kw_only=True)
class ChampionObservation:
    """What every task shows of a champion.

    Attributes:
        champion: The lineage that was run once more.
        score: Score of what was observed; None if it is not finite.
        recorded: Score that the run recorded of the same; None if it recorded nothing.
        activity: float [N, X], activity of the N cells; X is 0 where there is nothing to show.
    """

    champion: Champion
    score: float | None
    recorded: float | None
    activity: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class EpisodeObservation(ChampionObservation):
    """What a champion did in one held-out episode; its activity has a column a moment.

    Attributes:
        episode: Which of the held-out episodes, from 0.
        num_episodes: Number of held-out episodes; None where the run recorded no scores of them.
        recording: How the body moved; None of a task that is not `task.Recordable`.
    """

    episode: int
    num_episodes: int | None
    recording: Recording | None


@dataclass(frozen=True, eq=False, kw_only=True)
class ImagesObservation(ChampionObservation):
    """What a champion took all n test images for.

    Its activity has a column a class: the mean over the images of that class.

    Attributes:
        images: uint8 [n, height, width] or [n, height, width, 3].
        labels: int64 [n], true class of each image, in [0, K).
        answers: int64 [n], class that the network named, in [-1, K); -1 is no answer.
        class_names: Names of the K classes.
    """

    images: np.ndarray
    labels: np.ndarray
    answers: np.ndarray
    class_names: Sequence[str]


Observation = EpisodeObservation | ImagesObservation
