"""Films of a run's bodies, drawn at its end where they cost little beside the run."""

from __future__ import annotations

import logging

from neuroevo.errors import NeuroevoError
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.watcher import Relay
from neuroevo.report.replay import replay
from neuroevo.run_folder import RunFolder
from neuroevo.task import Recordable

logger = logging.getLogger(__name__)

SHARE = 500  # training episodes of a run for each episode of its films, from which on these are drawn unasked


def is_wanted(plan: Plan) -> bool:
    """Says whether films of a run are to be drawn: as it was asked for, or where that costs little.

    A film runs the held-out episodes of two lineages once more and is drawn in about ten seconds of one core.
    Films cost little where a run has `SHARE` episodes in its searches for each of theirs.

    Args:
        plan: The run.
    """
    filmed = {label: task for label, task in plan.tasks.items() if isinstance(task, Recordable)}
    if plan.config.film != "auto":
        return plan.config.film == "on" and bool(filmed)
    lineages = plan.lineages()
    searched = films = 0
    for label, task in filmed.items():
        budget = plan.config.budgets[label]
        evaluations = budget["generations"] * budget["population"]
        number = sum(row["task"] == label for row in lineages)
        searched += number * evaluations * (task.episodes or 1)
        films += 2 * (task.held_out or 1)
    return bool(films) and searched >= SHARE * films


def film(plan: Plan, folder: RunFolder, relay: Relay) -> None:
    """Draws the films of a run into its folder, if they are wanted; one that fails costs no result.

    Args:
        plan: The run.
        folder: Its folder, with all results.
        relay: Is told of what goes on.
    """
    if not is_wanted(plan):
        return
    relay.say("drawing films")
    try:
        for line in replay.film(folder):
            logger.info("%s", line)
    except NeuroevoError as error:
        relay.warn(f"No film was drawn: {error}")
