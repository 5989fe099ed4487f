"""Replay: a run's champions once more on held-out data, and what is seen of them as pictures.

What a task shows is up to it: of one that is `task.Recordable` the motion of its body, of one that
`task.HasImages` its test images and what the network takes them for. Any other is run by `score`, and shows
the activity of cells alone.

A run says which episodes its scores were made of, so what is replayed is checked against what is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neuroevo.errors import NeuroevoError, RunError
from neuroevo.files import Row
from neuroevo.report.replay.champions import choose, make_task
from neuroevo.report.replay.show import Request, Seen, show
from neuroevo.run_folder import RunFolder

if TYPE_CHECKING:
    from neuroevo.connectome.model import Connectome


def replay(folder: RunFolder, wanted: Sequence[str], request: Request, out: Path | None = None) -> list[str]:
    """Replays champions, writes their pictures and returns what there is to say, in lines.

    Args:
        folder: The run.
        wanted: Lineages, as `champions.choose` takes them.
        request: What is to be seen of them.
        out: A new folder; None: `replay` in the run's folder, which is replaced.

    Raises:
        NeuroevoError: If there is nothing to show, or it cannot be shown or written.
    """
    from neuroevo.report.replay import pictures
    from neuroevo.report.replay.replay_folder import FOLDER, check_replaceable, write_replay

    request.check()
    target = folder.path / FOLDER if out is None else out
    if out is not None:
        RunFolder.check_free(out)
    check_replaceable(target)
    chosen, lines = choose(folder, wanted)
    made = {label: make_task(folder, label) for label in dict.fromkeys(row["task"] for row, _ in chosen)}
    wiring, note = _connectome(folder)
    lines += [note] if note else []
    shown = []
    for row, reason in chosen:
        seen = show(folder, row, request, made[row["task"]])
        name = folder.champion_path(seen.key).name
        drawings = pictures.draw(seen, wiring)
        if not drawings:
            lines.append(f"{pictures.whose(seen)}: a clock has no cells, and its task shows no body.")
            continue
        shown.append((_row(seen), name, drawings))
        lines += [
            f"{pictures.whose(seen)}{f': {reason}' if reason else ''}",
            f"  {pictures.about(seen)}",
            *([] if seen.activity.size else ["  It has no cells whose activity could be shown."]),
            f"  {target / name}: {', '.join(f'{d.kind}.{x}' for d in drawings for x in d.files)}",
        ]
    if not shown:
        raise RunError(" ".join(lines))
    write_replay(target, shown)
    return lines


def _connectome(folder: RunFolder) -> tuple[Connectome | None, str]:
    """Returns a run's connectome, which knows the roles of cells; or None and why."""
    from neuroevo.connectome.catalog import load

    name = folder.config().get("connectome", "")
    try:
        return load(name), ""
    except NeuroevoError as error:
        return (
            None,
            f"Cells are grouped as neurons and muscles, for connectome {name!r} cannot be read: {error}",
        )


def _row(seen: Seen) -> Row:
    """Returns what replay.json says of a lineage."""
    names = ("unit", "lineage_score", "score", "recorded", "episode")
    task, genome, graph, seed = seen.key
    identity = {"task": task, "genome": genome, "graph": graph, "seed": seed}
    return identity | {name: getattr(seen, name) for name in names}
