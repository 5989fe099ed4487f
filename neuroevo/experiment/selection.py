"""Selection: how the evaluations of a run are dealt to its priors, by the name that `--selection` gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from neuroevo.experiment import mixed, race, tournament
from neuroevo.experiment.evolution import Evolution, Listeners
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.resume import Past
from neuroevo.run_folder import RunFolder
from neuroevo.workers.pool import Pool

MODES: Mapping[str, Callable[[Evolution], None]] = {  # `configuration.SELECTIONS` says what each is
    "tournament": tournament.run,
    "race": race.run,
    "mixed": mixed.run,
}


def run(
    plan: Plan,
    pool: Pool,
    folder: RunFolder,
    listeners: Listeners | None = None,
    past: Past | None = None,
) -> None:
    """Runs a plan on a pool and writes the run folder; `past` is what a run that is resumed has behind it.

    Raises:
        Stopped: If the listeners end it early.
    """
    MODES[plan.config.selection](Evolution(plan, pool, folder, listeners or Listeners(), past))
