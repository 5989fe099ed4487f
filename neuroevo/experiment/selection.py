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


def announce(plan: Plan, watcher: Watcher) -> None:
    """Says before a run what its verdict will rest on, or that it can have none.

    Args:
        plan: What is to be done.
        watcher: Is told.
    """
    for label, seeds in race.seeds_by_task(plan).items() if plan.config.selection == "race" else ():
        (watcher.event if seeds.are_enough else watcher.warn)(f"{label}: {seeds.sentence}")
    for note in tournament.notes(plan) if plan.config.selection == "tournament" else ():
        watcher.event(note)
    for note in mixed.notes(plan) if plan.config.selection == "mixed" else ():
        watcher.warn(note)


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
