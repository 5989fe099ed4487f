"""An extension: a run is made what it would have been, had more been asked for from the start.

More seeds and graphs are further lineages; the others do not depend on them. More generations follow those
that there are, where these do not depend on how many there are. What cannot be is refused before anything is
changed.

The manifest is the point of no return: it has the new request before config.toml has. Whenever the process
dies, `resume` goes on with the one request or with the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from neuroevo import checkpoint
from neuroevo.errors import OptionError
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.manifest import manifest, origin, request_entry, require_same_material
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.request import Experiment
from neuroevo.run_folder import RunFolder

FIELDS = ("generations", "evaluations", "seeds", "graphs")  # of a request: what can become more


def wanted(changes: Mapping[str, object]) -> dict[str, object]:
    """Returns those changes of a request that extend it.

    Args:
        changes: Changes by field.
    """
    return {name: value for name, value in changes.items() if name in FIELDS}


def require_unplanned(folder: RunFolder, config: Configuration, changes: Mapping[str, object]) -> None:
    """Makes sure that a run whose looks are planned is not made larger in another way.

    Args:
        folder: Its folder.
        config: The request that it answers.
        changes: Changes by field.

    Raises:
        OptionError: If it is to be.
    """
    if config.until is not None and wanted(changes):
        raise OptionError(
            f"{folder.path} cannot be extended by --{next(iter(wanted(changes)))}: it grows by the looks "
            "that were planned before it was begun, and what it decides rests on them. Begin a new run."
        )


def check(folder: RunFolder, before: Experiment, after: Experiment) -> None:
    """Makes sure that a run can be made what it would have been, had the longer request been the first.

    Args:
        folder: Its folder.
        before: The request that it answers.
        after: The request that it is to answer.

    Raises:
        OptionError: If it cannot; it says why.
    """
    named = f"{folder.path} cannot be extended"
    selection = before.config.selection
    if selection != "tournament":
        reason = "the rounds of a race" if selection == "race" else "who makes room for whom in it"
        raise OptionError(f"{named}: selection {selection!r}, {reason} depends on all that was asked for.")
    for name in ("seeds", "graphs"):
        was, now = getattr(before.config, name), getattr(after.config, name)
        if now < was:
            raise OptionError(f"{named} to {name} {now}: it has {was}; wanted as many or more.")
    for label, old in before.settings.items():
        new = after.settings[label]
        if new.generations < old.generations:
            raise OptionError(
                f"{named} to {new.generations} generations of {label}: it has {old.generations}; wanted as "
                "many or more."
            )
        if new == old:
            continue
        if old.generations == 0:
            raise OptionError(
                f"{named}: it was to judge {label} untrained, without generations. Begin a new run."
            )
        begin = f"Begin a new run: python run.py --config {folder.path}/config.toml --generations N"
        if new.pretraining != old.pretraining:
            raise OptionError(
                f"{named} to {new.generations} generations of {label}: its first phase would have had "
                f"{new.pretraining} of them and not {old.pretraining}. {begin}"
            )
        if old.method.is_paced:
            raise OptionError(
                f"{named} to {new.generations} generations of {label}: {old.method.pace}, so that the first "
                f"{old.generations} of {new.generations} are others than those it has. {begin}"
            )


def extend(folder: RunFolder, before: Experiment, plan: Plan) -> None:
    """Makes a longer request the one that a run answers.

    Args:
        folder: The run's folder, whose lock this process has.
        before: The request that it answered.
        plan: What is to be done from now on.

    Raises:
        RunError: If the wirings or data are not those that the run was begun with.
        OptionError: If its checkpoint does not hold the states that it would go on from.
    """
    known = folder.manifest()
    require_same_material(folder, known, plan)
    _require_states(folder)
    here = origin(plan.config)
    requests = list(known.get("requests") or [{**request_entry(before.config, here), "unsealed": True}])
    longer = any(plan.settings[label].generations > x.generations for label, x in before.settings.items())
    entry = {**request_entry(plan.config, here), **({"is_longer": True} if longer else {})}
    fresh = manifest(plan, ())
    changed = {name: fresh[name] for name in ("graphs", "priors", "lineages", "tasks")}
    folder.extend(plan.config.to_dict(), status="interrupted", requests=[*requests, entry], **changed)


def _require_states(folder: RunFolder) -> None:
    """Raises OptionError unless each lineage that has results has a state to go on from."""
    held, problem = set(), ""
    if checkpoint.exists(folder.path):
        _, state, problem = checkpoint.load(folder.path, folder.check_checkpoint)
        held = {tuple(entry["lineage"]) for entry in state["lineages"]}
    for row in folder.results():
        key = row["task"], row["genome"], row["graph"], row["seed"]
        if key not in held:
            raise OptionError(
                f"{folder.path} cannot be extended: its checkpoint ({checkpoint.NEWEST}) has no state of "
                f"{row['genome']} on {row['task']}, graph {row['graph']}, seed {row['seed']}, to go on from. "
                f"{problem}{' ' if problem else ''}Begin a new run: python run.py --config "
                f"{folder.path}/config.toml"
            )
