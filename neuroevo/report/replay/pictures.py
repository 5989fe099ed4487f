"""Pictures of what was observed of a champion: its body, its cells, its answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.connectome.model import Connectome
from neuroevo.report.figures import canvas
from neuroevo.report.figures.colors import style
from neuroevo.report.replay.answers import (
    NO_ANSWER,
    confusion,
    confusion_figure,
    mistakes,
    mistakes_figure,
)
from neuroevo.report.replay.behaviour import (
    Arrangement,
    activity_figure,
    angles_figure,
    arrange,
    curvature_figure,
    runs,
)
from neuroevo.report.replay.film import Lane, Schedule, film, schedule
from neuroevo.report.replay.observation import EpisodeObservation, ImagesObservation, Observation
from neuroevo.report.replay.replay_folder import Drawing
from neuroevo.report.replay.scene import Joints, Scene, joints
from neuroevo.text import conjoined, number, typeset

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neuroevo.physics.recording import Recording


def draw(
    observation: Observation,
    connectome: Connectome | None,
    rival: EpisodeObservation | None = None,
    styles: Mapping[str, int] | None = None,
) -> list[Drawing]:
    """Returns the pictures of a champion, of which there may be none.

    Args:
        observation: What was observed of it.
        connectome: The connectome that its wiring was derived from; None if it cannot be read.
        rival: What was observed of another in the same task, which a film shows beside it; None shows it
            alone.
        styles: Place of each genome, which decides its colour in films; None gives none.
    """
    drawings = []
    if isinstance(observation, ImagesObservation):
        drawings += _draw_answers(observation)
    elif observation.recording is not None:
        drawings += draw_film(observation, rival, styles or {})
        hinges = joints(Scene(observation.recording.model, observation.recording.qpos))
        drawings += [_draw_joints(observation, observation.recording, hinges)] if hinges.names else []
    if observation.activity.size:
        arrangement = arrange(observation.champion.blueprint.architecture, connectome)
        drawings.append(_draw_activity(observation, arrangement))
    return drawings


def whose(observation: Observation) -> str:
    """Returns whose pictures these are, in a line.

    Args:
        observation: What was observed of a champion.
    """
    task, genome, graph, seed = observation.champion.key
    episode = f", episode {observation.episode}" if isinstance(observation, EpisodeObservation) else ""
    return f"{genome} on {task}, graph {graph}, seed {seed}{episode}"


def about(observation: Observation) -> str:
    """Returns a sentence on what is shown, and how it scored.

    Args:
        observation: What was observed of a champion.
    """
    if isinstance(observation, ImagesObservation):
        return f"All {len(observation.answers):,} test images; {_score(observation)}."
    champion = observation.champion
    unit = f" {champion.unit}" if champion.unit else ""
    of = "" if observation.num_episodes is None else f" of {observation.num_episodes}"
    return (
        f"Episode {observation.episode}{of}, counted from 0; {_score(observation)}; the lineage's score is "
        f"{number(champion.score)}{unit}."
    )


def _score(observation: Observation) -> str:
    """Returns the score of what is shown, beside what is recorded."""
    unit = f" {observation.champion.unit}" if observation.champion.unit else ""
    score, recorded = observation.score, observation.recorded
    shown = "no score, since it failed" if score is None else f"{number(score)}{unit}"
    if recorded is None:
        return f"{shown}, of which nothing is recorded"
    # Readouts that are solved beside others may differ in their last digits from those that are solved alone.
    if score is not None and math.isclose(score, recorded, rel_tol=1e-9):
        return f"{shown}, as recorded"
    return f"{shown}, where {recorded!r} is recorded and {score!r} was found"


def draw_film(
    observation: EpisodeObservation, rival: EpisodeObservation | None, styles: Mapping[str, int]
) -> list[Drawing]:
    """Returns the film of a body, above that of a rival's where there is one; none where none was recorded.

    Args:
        observation: What was observed of a champion.
        rival: What was observed of another in the same task; None shows the first alone.
        styles: Place of each genome, which decides its colour.
    """
    recording = observation.recording
    if recording is None:
        return []
    shown = [(observation, recording)]
    if rival is not None and rival.recording is not None:
        shown.append((rival, rival.recording))
    played = schedule(max(len(one.qpos) for _, one in shown), recording.time_step)
    is_real = abs(played.speed - 1) < 0.05
    pace = "" if is_real else f"; shown {played.speed:.2g} × as fast"
    lanes = [_lane(one, of_one, played, pace, styles) for one, of_one in shown]
    gif, still = film(lanes, played, recording.time_step)
    task = observation.champion.key[0]
    names = [one.champion.key[1] for one, _ in shown]
    extent = "the whole" if played.is_whole else f"the first {played.frames[-1] * recording.time_step:.3g} s"
    speed = "real speed" if is_real else f"{played.speed:.2g} times real speed"
    texts = [about(one) if len(shown) == 1 else f"{whose(one)}: {about(one)}" for one, _ in shown]
    together = " Both at the same moments and on the same scale." if len(shown) > 1 else ""
    ways = [
        f"the centre of mass of {name} goes {_forward(one):+.3g} m"
        for name, (_, one) in zip(names, shown, strict=True)
    ]
    seconds = (len(recording.qpos) - 1) * recording.time_step
    return [
        Drawing(
            "behaviour",
            f"Behaviour of {' beside '.join(names)} on {task}",
            f"Seen {lanes[0].scene.view}: in {seconds:.3g} s {conjoined(ways)} forward. {' '.join(texts)}",
            {"gif": gif, "png": still},
            f"{' '.join(texts)} Seen {lanes[0].scene.view}, {extent} at {speed}.{together}",
        )
    ]


def _lane(
    observation: EpisodeObservation,
    recording: Recording,
    played: Schedule,
    pace: str,
    styles: Mapping[str, int],
) -> Lane:
    """Returns one body of a film; one whose episode has ended stays where it is."""
    task, genome, graph, seed = observation.champion.key
    frames = np.minimum(played.frames, len(recording.qpos) - 1)
    detail = f"graph {graph}, seed {seed}, episode {observation.episode}: {_short_score(observation)}{pace}"
    color = style(styles[genome])[0] if genome in styles else ""
    return Lane(Scene(recording.model, recording.qpos[frames]), f"{genome} on {task}", detail, color)


def _forward(recording: Recording) -> float:
    """Returns how far the centre of mass goes along x, metres."""
    scene = Scene(recording.model, recording.qpos[[0, -1]])
    return float(scene.centre[-1, 0] - scene.centre[0, 0])


def _draw_joints(observation: EpisodeObservation, recording: Recording, hinges: Joints) -> Drawing:
    """Returns the picture of how joints move, with a table of their angles."""
    task, genome, *_ = observation.champion.key
    if recording.is_chain:
        kind, title, figure_of = "curvature", "Body curvature", curvature_figure
        caption = "Joints from head to tail; a wave that travels backwards runs down to the right."
    else:
        kind, title, figure_of = "angles", "Joint angles", angles_figure
        caption = "Every joint on the same scale; colours are those of the limbs above."
    rows, words = [], []
    for name, angle in zip(hinges.names, hinges.angles.T, strict=True):
        rate, deviation = _frequency(angle, recording.time_step), float(angle.std())
        rows.append((name, float(angle.mean()), deviation, float(angle.min()), float(angle.max()), rate))
        words.append(f"{name} {number(deviation)} rad at {number(rate, missing='no')} Hz")
    return Drawing(
        kind,
        f"{title} of {genome} on {task}",
        f"Deviation and strongest frequency of each joint: {'; '.join(words)}.",
        _files(figure_of(hinges, recording.time_step, whose(observation))),
        caption,
        ("joint", "mean (rad)", "deviation", "lowest", "highest", "strongest frequency (Hz)"),
        rows,
    )


def _frequency(values: np.ndarray, time_step: float) -> float | None:
    """Returns the frequency of the highest peak of a spectrum in Hz; None for what does not move."""
    power = np.abs(np.fft.rfft(values - values.mean()))
    if len(power) < 2 or values.std() < 1e-9:
        return None
    return float(np.fft.rfftfreq(len(values), time_step)[1 + power[1:].argmax()])


def _draw_activity(observation: Observation, arrangement: Arrangement) -> Drawing:
    """Returns the picture of what cells do, with a table by class."""
    columns, axis_label, meaning = _columns(observation)
    figure = activity_figure(observation.activity, arrangement, columns, axis_label, whose(observation))
    values = observation.activity[arrangement.order].astype(float)
    pairs = [f"{role}\n{name}" for role, name in zip(arrangement.roles, arrangement.classes, strict=True)]
    rows = []
    for pair, start, end in runs(pairs):
        role, name = pair.split("\n")
        rows.append((name or role, role, end - start, *_moments(values[start:end])))
    words = [
        f"{role} {number(float(np.nanmean(np.abs(values[start:end]))))}"
        for role, start, end in runs(arrangement.roles)
    ]
    task, genome, *_ = observation.champion.key
    model = observation.champion.blueprint.neuron.name
    return Drawing(
        "activity",
        f"Activity of {genome} on {task}",
        f"Mean absolute activity by role: {'; '.join(words)}.",
        _files(figure),
        f"A row a cell, in the order of the table: {len(values):,} cells of the neuron model {model}. The "
        f"colour is the activity that output cells are read by, {meaning}.",
        ("class", "role", "cells", "mean activity", "deviation over " + axis_label.split(" (")[0]),
        rows,
    )


def _columns(observation: Observation) -> tuple[Sequence[str] | float, str, str]:
    """Returns the columns of an activity as `activity_figure` takes them, their label, and what they mean."""
    if isinstance(observation, ImagesObservation):
        meaning = "mean over the test images of a class when the answer is read"
        return observation.class_names, "true class of the image", meaning
    if observation.recording is not None:
        return observation.recording.time_step, "time (s)", "in every step"
    return 1.0, "network step", "every time that outputs are read"


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Returns the mean of values [cells, X], and the deviation of a cell along X, mean over cells."""
    return float(np.nanmean(values)), float(np.nanmean(np.nanstd(values, axis=1)))


def _draw_answers(observation: ImagesObservation) -> list[Drawing]:
    """Returns which classes were taken for which, and examples of images got wrong, if there are any."""
    truth, answers = observation.labels, observation.answers
    names, columns = observation.class_names, [*observation.class_names, NO_ANSWER]
    counts = confusion(truth, answers, len(names))
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:3]
    pairs = [(int(k) // len(columns), int(k) % len(columns)) for k in order]
    confused = ", ".join(f"{names[t]} as {columns[a]} ({wrong[t, a]})" for t, a in pairs if wrong[t, a])
    task, genome, *_ = observation.champion.key
    matrix = Drawing(
        "confusion",
        f"Answers of {genome} on {task}",
        f"{int(np.trace(counts)):,} of {len(truth):,} test images are named right. "
        + (f"Most often confused: {confused}." if confused else "None is confused."),
        _files(confusion_figure(counts, names, whose(observation))),
        about(observation),
        ("truth", *columns),
        [(name, *map(int, row)) for name, row in zip(names, counts, strict=True)],
    )
    examples = mistakes(truth, answers)
    return [matrix, _draw_mistakes(observation, examples)] if len(examples) else [matrix]


def _draw_mistakes(observation: ImagesObservation, examples: np.ndarray) -> Drawing:
    """Returns the sheet of some images got wrong.

    Args:
        observation: What was observed of a champion.
        examples: int64 [m], places of the images that are shown.
    """
    truth, answers = observation.labels, observation.answers
    columns = [*observation.class_names, NO_ANSWER]  # an answer of -1 is the last of them
    rows = [(str(i), columns[truth[i]], columns[answers[i]]) for i in examples.tolist()]
    sheet = mistakes_figure(
        observation.images[examples],
        [right for _, right, _ in rows],
        [answer for *_, answer in rows],
        int(observation.images.max()),
        whose(observation),
    )
    num_wrong = int((truth != answers).sum())
    share = f"{len(examples)} of {num_wrong:,}, evenly spaced" if len(examples) < num_wrong else "All of them"
    task, genome, *_ = observation.champion.key
    return Drawing(
        "mistakes",
        f"Images that {genome} got wrong on {task}",
        f"{num_wrong:,} of {len(truth):,} test images are named wrong.",
        _files(sheet),
        f"{share}: the true class, then the answer.",
        ("test image", "truth", "answer"),
        rows,
    )


def _short_score(observation: Observation) -> str:
    """Returns the score of what is shown with its unit, for a title."""
    if observation.score is None:
        return "failed"
    return f"{typeset(number(observation.score))} {observation.champion.unit}".rstrip()


def _files(figure: Figure) -> dict[str, bytes]:
    """Returns a figure as files by ending."""
    return {"svg": canvas.svg(figure), "png": canvas.png(figure)}
