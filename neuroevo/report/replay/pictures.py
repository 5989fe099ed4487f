"""Pictures of what was seen of a champion: its body, its cells, its answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroevo.connectome.model import Connectome
from neuroevo.report.figures import canvas
from neuroevo.report.html.parts import typeset
from neuroevo.report.replay.behaviour import Arrangement, arrange, runs
from neuroevo.report.replay.replay_folder import Drawing
from neuroevo.report.replay.show import Seen
from neuroevo.task import HasImages
from neuroevo.text import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neuroevo.report.replay.scene import Joints


def draw(seen: Seen, connectome: Connectome | None) -> list[Drawing]:
    """Returns the pictures of a lineage.

    Args:
        seen: What was seen.
        connectome: What its wiring was derived from; None: unknown.
    """
    found = []
    if seen.recording is not None:
        found += _body(seen)
    if seen.answers is not None:
        found += _answers(seen)
    if seen.activity.size:
        found.append(_activity(seen, arrange(seen.blueprint.architecture, connectome)))
    return found


def whose(seen: Seen) -> str:
    """Returns whose pictures these are, in a line."""
    task, genome, graph, seed = seen.key
    which = "" if seen.episode is None else f", episode {seen.episode}"
    return f"{genome} on {task}, graph {graph}, seed {seed}{which}"


def about(seen: Seen) -> str:
    """Returns a sentence on what is shown, and how it scored."""
    if seen.answers is not None:
        return f"All {len(seen.answers):,} test images; {score(seen)}."
    of = "" if seen.num_episodes is None else f" of {seen.num_episodes}"
    return f"Episode {seen.episode}{of}, counted from 0; {score(seen)}."


def score(seen: Seen) -> str:
    """Returns the score of what is shown, beside what is recorded."""
    unit = f" {seen.unit}" if seen.unit else ""
    shown = "no score, since it failed" if seen.score is None else f"{number(seen.score)}{unit}"
    if seen.recorded is None:
        said = f"{shown}, of which nothing is recorded"
    elif seen.score == seen.recorded:
        said = f"{shown}, as recorded"
    else:
        said = f"{shown}, where {seen.recorded!r} is recorded and {seen.score!r} was found"
    return (
        said
        if seen.answers is not None
        else f"{said}; the lineage's score is {number(seen.lineage_score)}{unit}"
    )


def _body(seen: Seen) -> list[Drawing]:
    """Returns the film of a body and how its joints move."""
    from neuroevo.report.replay import behaviour as behaviour_figures
    from neuroevo.report.replay.film import film, schedule
    from neuroevo.report.replay.scene import Scene, joints

    recording = seen.recording
    assert recording is not None
    task, genome, graph, seed = seen.key
    played = schedule(len(recording.qpos), recording.time_step)
    scene = Scene(recording.model, recording.qpos)
    seconds = (len(recording.qpos) - 1) * recording.time_step
    is_real = abs(played.speed - 1) < 0.05
    detail = f"graph {graph}, seed {seed}, episode {seen.episode}: {_short_score(seen)}"
    detail += "" if is_real else f"; shown {played.speed:.2g} × as fast"
    gif, still = film(
        Scene(recording.model, recording.qpos[played.frames]),
        played,
        recording.time_step,
        f"{genome} on {task}",
        detail,
    )
    forward = float(scene.centre[-1, 0] - scene.centre[0, 0])
    shown = "the whole" if played.is_whole else f"the first {played.frames[-1] * recording.time_step:.3g} s"
    pace = "real speed" if is_real else f"{played.speed:.2g} times real speed"
    behaviour = Drawing(
        "behaviour",
        f"Behaviour of {genome} on {task}",
        f"The body, seen {scene.view}: in {seconds:.3g} s its centre of mass goes {forward:+.3g} m forward. "
        f"{about(seen)}",
        {"gif": gif, "png": still},
        f"{about(seen)} Seen {scene.view}, {shown} at {pace}.",
    )
    found = joints(scene)
    if not found.names:
        return [behaviour]
    kind = "curvature" if recording.is_chain else "angles"
    drawn = behaviour_figures.curvature_figure if recording.is_chain else behaviour_figures.angles_figure
    title = "Body curvature" if recording.is_chain else "Joint angles"
    return [behaviour, _angles(seen, kind, title, drawn(found, recording.time_step, whose(seen)), found)]


def _angles(seen: Seen, kind: str, title: str, figure: Figure, joints: Joints) -> Drawing:
    """Returns the picture of how joints move, and what it shows as figures."""
    assert seen.recording is not None
    rows: list[list[Any]] = []
    for name, angle in zip(joints.names, joints.angles.T, strict=True):
        rate = _frequency(angle, seen.recording.time_step)
        rows.append([name, *map(float, (angle.mean(), angle.std(), angle.min(), angle.max())), rate])
    said = "; ".join(f"{row[0]} {number(row[2])} rad at {number(row[5], missing='no')} Hz" for row in rows)
    return Drawing(
        kind,
        f"{title} of {seen.key[1]} on {seen.key[0]}",
        f"Deviation and strongest frequency of each joint: {said}.",
        _files(figure),
        "Joints from head to tail; a wave that travels backwards runs down to the right."
        if kind == "curvature"
        else "Every joint on the same scale; colours are those of the limbs above.",
        ("joint", "mean (rad)", "deviation", "lowest", "highest", "strongest frequency (Hz)"),
        rows,
    )


def _frequency(values: np.ndarray, time_step: float) -> float | None:
    """Returns the frequency of the highest peak of a spectrum, Hz; None of what does not move."""
    power = np.abs(np.fft.rfft(values - values.mean()))
    if len(power) < 2 or values.std() < 1e-9:
        return None
    return float(np.fft.rfftfreq(len(values), time_step)[1 + power[1:].argmax()])


def _activity(seen: Seen, arrangement: Arrangement) -> Drawing:
    """Returns the picture of what cells do."""
    from neuroevo.report.replay.behaviour import activity_figure

    columns: Sequence[str] | float
    if seen.answers is not None:
        assert isinstance(seen.task, HasImages)
        columns, what = list(seen.task.class_names), "true class of the image"
        meaning = ", mean over the test images of a class when the answer is read."
    elif seen.recording is not None:
        columns, what, meaning = seen.recording.time_step, "time (s)", ", in every step."
    else:
        columns, what, meaning = 1.0, "network step", ", every time that outputs are read."
    figure = activity_figure(seen.activity, arrangement, columns, what, whose(seen))
    values = seen.activity[arrangement.order].astype(float)
    pairs = [f"{role}\n{name}" for role, name in zip(arrangement.roles, arrangement.classes, strict=True)]
    rows: list[list[Any]] = []
    for pair, start, end in runs(pairs):
        role, name = pair.split("\n")
        part = values[start:end]
        rows.append([name or role, role, end - start, *_moments(part)])
    said = "; ".join(
        f"{role} {number(float(np.nanmean(np.abs(values[start:end]))))}"
        for role, start, end in runs(arrangement.roles)
    )
    model = seen.blueprint.neuron.name
    return Drawing(
        "activity",
        f"Activity of {seen.key[1]} on {seen.key[0]}",
        f"Mean absolute activity by role: {said}.",
        _files(figure),
        f"A row a cell, in the order of the table: {len(values):,} cells of the neuron model {model}. The "
        f"colour is the activity that output cells are read by{meaning}",
        ("class", "role", "cells", "mean activity", "deviation over " + what.split(" (")[0]),
        rows,
    )


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Returns the mean of values [cells, X], and the deviation of a cell along X, mean over cells."""
    return float(np.nanmean(values)), float(np.nanmean(np.nanstd(values, axis=1)))


def _answers(seen: Seen) -> list[Drawing]:
    """Returns which classes were taken for which, and examples of images got wrong."""
    from neuroevo.report.replay import answers as answer_figures

    assert seen.answers is not None and isinstance(seen.task, HasImages)
    truth, names = np.asarray(seen.task.labels()), list(map(str, seen.task.class_names))
    counts = answer_figures.confusion(truth, seen.answers, len(names))
    columns = [*names, answer_figures.NO_ANSWER]
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:3]
    pairs = [(int(k) // len(columns), int(k) % len(columns)) for k in order]
    said = ", ".join(f"{names[t]} as {columns[a]} ({wrong[t, a]})" for t, a in pairs if wrong[t, a])
    genome, task = seen.key[1], seen.key[0]
    matrix = Drawing(
        "confusion",
        f"Answers of {genome} on {task}",
        f"{int(np.trace(counts)):,} of {len(truth):,} test images are named right. "
        + (f"Most often confused: {said}." if said else "None is confused."),
        _files(answer_figures.confusion_figure(counts, names, whose(seen))),
        about(seen),
        ("truth", *columns),
        [[name, *map(int, row)] for name, row in zip(names, counts, strict=True)],
    )
    chosen = answer_figures.mistakes(truth, seen.answers)
    if not len(chosen):
        return [matrix]
    images, num_wrong = np.asarray(seen.task.test_images()), int((truth != seen.answers).sum())
    words = [(names[truth[i]], columns[seen.answers[i]]) for i in chosen]
    sheet = answer_figures.mistakes_figure(
        images[chosen], [t for t, _ in words], [a for _, a in words], int(images.max()), whose(seen)
    )
    some = f"{len(chosen)} of {num_wrong:,}, evenly spaced" if len(chosen) < num_wrong else "All of them"
    return [
        matrix,
        Drawing(
            "mistakes",
            f"Images that {genome} got wrong on {task}",
            f"{num_wrong:,} of {len(truth):,} test images are named wrong.",
            _files(sheet),
            f"{some}: the true class, then the answer.",
            ("test image", "truth", "answer"),
            [[str(i), *pair] for i, pair in zip(chosen.tolist(), words, strict=True)],
        ),
    ]


def _short_score(seen: Seen) -> str:
    """Returns the score with its unit."""
    return "failed" if seen.score is None else f"{typeset(number(seen.score))} {seen.unit}".rstrip()


def _files(figure: Figure) -> dict[str, bytes]:
    """Returns a figure as files by ending."""
    return {"svg": canvas.svg(figure), "png": canvas.png(figure)}
