"""Selection: how the evaluations of a run are dealt to its priors, by the name that `--selection` gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from neuroevo.experiment import mixed, race, tournament
from neuroevo.experiment.evolution import Evolution
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.watcher import Watcher
from neuroevo.experiment.writer import RunWriter
from neuroevo.run_folder import key_of
from neuroevo.workers.pool import Pool

MODES: Mapping[str, Callable[[Evolution], None]] = {  # `config.SELECTIONS` says what each is
    "tournament": tournament.run,
    "race": race.run,
    "mixed": mixed.run,
}


def notes(plan: Plan) -> list[str]:
    """Returns sentences on what the verdict of a run will rest on, to be said before it.

    Args:
        plan: What is to be done.
    """
    modes = {"race": race.notes, "mixed": mixed.notes}
    return modes[plan.config.selection](plan) if plan.config.selection in modes else []


def run(plan: Plan, pool: Pool, writer: RunWriter, watcher: Watcher | None = None) -> None:
    """Runs a plan.

    Args:
        plan: What is to be done.
        pool: Where it is computed.
        writer: Writes what happens, and knows what a run that is resumed has behind it.
        watcher: The one who is told of what goes on and may end it, or None for nobody.

    Raises:
        EvaluationError: If the run failed.
        Stopped: If the watcher ends it early.
    """
    MODES[plan.config.selection](Evolution(plan, pool, writer, watcher or Watcher()))
    is_tournament = plan.config.selection == "tournament"
    writer.settle_results([key_of(row) for row in plan.lineages()] if is_tournament else ())


def score(plan: Plan, pool: Pool, writer: RunWriter, watcher: Watcher | None = None) -> None:
    """Scores the lineages of a tournament that was stopped, as far as they are.

    Args:
        plan: What was to be done.
        pool: Where scores are computed.
        writer: Writes the results, and knows what the run has behind it.
        watcher: The one who is told of what goes on and may end it, or None for nobody.

    Raises:
        EvaluationError: If nothing can be computed.
        Stopped: If the watcher ends it early.
    """
    tournament.score(Evolution(plan, pool, writer, watcher or Watcher()))
    writer.settle_results([key_of(row) for row in plan.lineages()])
