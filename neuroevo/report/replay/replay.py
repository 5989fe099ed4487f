"""Replay: a run's champions once more on held-out data, and what is observed of them as pictures.

What a task shows is up to it: of one that is `task.Recordable` the motion of its body, of one that
`task.HasImages` its test images and what the network takes them for. Any other is run by `score`, and shows
the activity of cells alone.

A run says which episodes its scores were made of, so what is replayed is checked against what is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.errors import NeuroevoError, RunError
from neuroevo.files import Row
from neuroevo.folders import check_free
from neuroevo.report.figures import colors
from neuroevo.report.replay import pictures
from neuroevo.report.replay.champions import choose, make_task, rivals
from neuroevo.report.replay.observation import EpisodeObservation, Observation
from neuroevo.report.replay.replay_folder import FOLDER, check_replaceable, is_automatic, write_replay
from neuroevo.report.replay.rerun import Excerpt, rerun
from neuroevo.rows import ResultRow
from neuroevo.run_folder import RunFolder
from neuroevo.task import Recordable, Task


def replay(
    folder: RunFolder,
    lineages: Sequence[str],
    excerpt: Excerpt,
    out: Path | None = None,
    trust: Sequence[str] = (),
) -> list[str]:
    """Replays champions and writes their pictures.

    Args:
        folder: Folder of the run.
        lineages: Names of lineages or beginnings of names, as `champions.choose` takes them; none chooses the
            best of every task.
        excerpt: The part of their work that is shown.
        out: Path of a new folder for the pictures; None means `replay` in the run's folder, which is
            replaced.
        trust: Modules that the folder may have run, if it was not made by this user on this machine.

    Returns:
        What there is to say to the user, in lines.

    Raises:
        NeuroevoError: If there is nothing to show, or it cannot be shown or written.
    """
    excerpt.check()
    target = folder.path / FOLDER if out is None else out
    if out is not None:
        check_free(out)
    check_replaceable(target)
    chosen, lines = choose(folder, lineages)
    labels = dict.fromkeys(row["task"] for row, _ in chosen)
    tasks = {label: make_task(folder, label, trust) for label in labels}
    connectome, note = _connectome(folder)
    lines += [note] if note else []
    styles = _styles(folder)
    shown = []
    for row, reason in chosen:
        task, other = tasks[row["task"]], None
        pair = None if lineages or not isinstance(task, Recordable) else rivals(folder, row["task"])
        if pair:
            row, other = pair
            reason = f"the best of {row['genome']}, beside the best of {other['genome']}"
        observation = rerun(folder, row, excerpt, task)
        rival = None if other is None else _beside(folder, other, excerpt, task, observation)
        name = folder.champion_path(observation.champion.key).name
        drawings = pictures.draw(observation, connectome, rival, styles)
        if not drawings:
            lines.append(f"{pictures.whose(observation)}: a clock has no cells, and its task shows no body.")
            continue
        shown.append((_index_row(observation, rival), name, drawings))
        lines += [
            f"{pictures.whose(observation)}{f': {reason}' if reason else ''}",
            f"  {pictures.about(observation)}",
            *([f"  Beside it {pictures.whose(rival)}: {pictures.about(rival)}"] if rival else []),
            *([] if observation.activity.size else ["  It has no cells whose activity could be shown."]),
            f"  {target / name}: {', '.join(f'{d.kind}.{x}' for d in drawings for x in d.files)}",
        ]
    if not shown:
        raise RunError(" ".join(lines))
    write_replay(target, shown)
    return lines


def film(folder: RunFolder, trust: Sequence[str] = ()) -> list[str]:
    """Films the champions of a run's tasks that have a body, and nothing else, into its `replay` folder.

    Args:
        folder: Folder of the run.
        trust: Modules that the folder may have run, if it was not made by this user on this machine.

    Returns:
        What there is to say to the user, in lines; none where no task has a body, or where somebody asked
        for pictures before, which are left as they are.

    Raises:
        NeuroevoError: If a champion cannot be run once more, or the folder cannot be written.
    """
    target = folder.path / FOLDER
    if target.exists() and not is_automatic(target):
        return []
    shown, lines, styles = [], [], _styles(folder)
    for label in dict.fromkeys(row["task"] for row in folder.results() if row["score"] is not None):
        task = make_task(folder, label, trust)
        if not isinstance(task, Recordable):
            continue
        rows = rivals(folder, label) or (choose(folder, [label])[0][0][0],)
        first = rerun(folder, rows[0], Excerpt(), task)
        rival = _beside(folder, rows[1], Excerpt(), task, first) if len(rows) > 1 else None
        if isinstance(first, EpisodeObservation) and (drawings := pictures.draw_film(first, rival, styles)):
            name = folder.champion_path(first.champion.key).name
            shown.append((_index_row(first, rival), name, drawings))
            lines.append(f"Film of {drawings[0].title.partition(' of ')[2]}: {target / name}/behaviour.gif")
    if shown:
        write_replay(target, shown, is_automatic=True)
    return lines


def _beside(
    folder: RunFolder, row: ResultRow, excerpt: Excerpt, task: Task, first: Observation
) -> EpisodeObservation | None:
    """Returns what a second champion does in the episode that is shown of a first."""
    if not isinstance(first, EpisodeObservation) or first.recording is None:
        return None
    if row["seed"] == first.champion.key[3]:
        excerpt = replace(excerpt, episode=first.episode)
    rival = rerun(folder, row, excerpt, task)
    return rival if isinstance(rival, EpisodeObservation) else None


def _styles(folder: RunFolder) -> dict[str, int]:
    """Returns the place of each genome of a run, which decides its colour."""
    priors = folder.manifest().get("priors") or {}
    labels = dict.fromkeys(row["genome"] for row in folder.results())
    return colors.places({label: (priors.get(label) or {}).get("name") for label in [*priors, *labels]})


def _connectome(folder: RunFolder) -> tuple[Connectome | None, str]:
    """Returns a run's connectome, which knows the roles of cells; or None and a sentence that says why."""
    name = folder.config().get("connectome", "")
    try:
        return load(name), ""
    except NeuroevoError as error:
        return (
            None,
            f"Cells are grouped as neurons and muscles, for connectome {name!r} cannot be read: {error}",
        )


def _index_row(observation: Observation, rival: EpisodeObservation | None = None) -> Row:
    """Returns what replay.json says of a lineage, and of the one that its film shows beside it."""
    champion = observation.champion
    task, genome, graph, seed = champion.key
    return {
        "task": task,
        "genome": genome,
        "graph": graph,
        "seed": seed,
        "unit": champion.unit,
        "lineage_score": champion.score,
        "score": observation.score,
        "recorded": observation.recorded,
        "episode": observation.episode if isinstance(observation, EpisodeObservation) else None,
        **({} if rival is None else {"beside": _index_row(rival)}),
    }
