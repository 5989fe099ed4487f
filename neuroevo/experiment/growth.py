"""From look to look: what the looks at a run have decided so far, and which comes next."""

from __future__ import annotations

from neuroevo.experiment.request import Experiment
from neuroevo.experiment.until import Budget
from neuroevo.experiment.watcher import Watcher
from neuroevo.referee.looks import Look
from neuroevo.report.build import looks_at
from neuroevo.report.evidence import gather
from neuroevo.report.looks import History
from neuroevo.rows import LookEntry, LooksEntry
from neuroevo.run_folder import RunFolder
from neuroevo.text import count

SECONDS = 3600  # of an hour
NOTED = ("a", "b", "difference", "p", "p_holm", "p_equivalence_holm", "verdict")  # of a comparison at a look
WORDS = {"better": "is better than", "worse": "is worse than", "equivalent": "is equivalent to"}


def goes_on(folder: RunFolder) -> bool:
    """Says whether looks at a run are left, as far as it is known.

    Args:
        folder: Its folder.
    """
    manifest = folder.manifest()
    looks = manifest.get("looks")
    return "plan" in manifest and (looks is None or looks["ended"] is None)


def following(folder: RunFolder, experiment: Experiment, watcher: Watcher) -> Look | None:
    """Returns the look that comes next at a run whose lineages are scored, and notes what those before found.

    Args:
        folder: The run's folder.
        experiment: What it answers.
        watcher: Is told what the last look decided.

    Returns:
        None where all is decided, the budget is spent, the run plans no looks, or lineages have no score.

    Raises:
        RunError: If the folder is damaged or cannot be written.
    """
    if not experiment.looks or folder.manifest().get("status") != "done":
        return None
    history = looks_at(gather([folder]))
    if history is None or not history.taken:
        return None
    ended = _ended(folder, experiment, history)
    entry: LooksEntry = {"taken": _taken(history), "ended": ended}
    before = folder.manifest().get("looks")
    if before != entry:
        folder.write_manifest(looks=entry)
        watcher.event(_sentence(history, ended))
    return None if ended else history.looks[history.taken]


def _ended(folder: RunFolder, experiment: Experiment, history: History) -> str | None:
    """Returns why no look follows; None where one does."""
    if not history.num_open:
        return "decided"
    hours = Budget.parse(str(experiment.config.budget)).hours
    is_late = hours is not None and folder.manifest().get("wall_seconds", 0.0) >= hours * SECONDS
    return "budget" if is_late or history.taken == len(history.looks) else None


def _taken(history: History) -> list[LookEntry]:
    """Returns what the manifest says of the looks that were taken."""
    return [
        {
            "seeds": look.seeds,
            "graphs": look.graphs,
            "level": look.level,
            "comparisons": {
                task: [{name: getattr(row, name) for name in NOTED} for row in rows]
                for task, rows in tasks.items()
            },
        }
        for look, tasks in zip(history.looks, history.rounds, strict=False)
    ]


def _sentence(history: History, ended: str | None) -> str:
    """Returns what the last look decided, in a line."""
    number = history.taken
    look = history.looks[number - 1]
    several = len(history.pairs) > 1
    news_of_pairs = [
        f"{pair.a} {WORDS[pair.verdict]} {pair.b}{f' on {task}' if several else ''}"
        for task, pairs in history.pairs.items()
        for pair in pairs
        if pair.look == number
    ]
    news = "; ".join(news_of_pairs) or "nothing new is decided"
    rest = f"{count(history.num_open, 'comparison')} open" if history.num_open else "all is decided"
    end = ", the budget is spent" if ended == "budget" else ""
    size = f"{count(look.seeds, 'seed')} x {count(look.graphs, 'graph')}"
    return f"look {number} of {len(history.looks)}, {size}: {news}; {rest}{end}"
