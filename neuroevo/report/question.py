"""The question that a run answers: "Does the wiring of C. elegans help on swimmer?", its report's title."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from neuroevo.report.attribution import PARTIAL
from neuroevo.report.body_map import EXACT
from neuroevo.report.evidence import Evidence, PriorFacts
from neuroevo.text import conjoined, count

MOST = 3  # tasks or genomes that a title names; more are counted
CIRCUITS = {  # of connectomes, by the beginning of their names, the longest that fits
    "celegans": "the wiring of C. elegans",
    "celegans-motor": "the motor circuit of C. elegans",
    "celegans-perimotor": "the ventral cord of C. elegans",
    "celegans-male": "the wiring of the C. elegans male",
    "celegans-witvliet": "the brain of C. elegans",
    "fly-optic-lobe": "the visual system of the fly",
    "larva": "the brain of the fly larva",
    "larva-mushroom-body": "the mushroom body of the fly larva",
    "planted": "the planted circuit",
}


def ask(evidence: Evidence) -> str:
    """Returns the question that runs answer, in one sentence.

    Args:
        evidence: What the runs hold.
    """
    facts = {x.label: x.prior for task in evidence.tasks.values() for x in task.genomes}
    wirings = [label for label, prior in facts.items() if prior.core not in ("none", "clock")]
    tasks = _some([_short(label, evidence.tasks) for label in evidence.tasks], "task")
    if not facts:
        return "What has this run found?"
    has_circuit = any(_name(label, prior) == EXACT for label, prior in facts.items())
    circuit = circuit_of(str(evidence.config.get("connectome", "")))
    untrained = ", untrained," if evidence.config.get("generations") == 0 else ""
    if evidence.selection == "mixed":
        return (
            f"Does {circuit} take over on {tasks}?" if has_circuit else f"Which wiring takes over on {tasks}?"
        )
    if has_circuit and any(prior.name == PARTIAL for prior in facts.values()):
        return f"Which part of {circuit}{untrained} carries its score on {tasks}?"
    if has_circuit and len(facts) > 1:
        return f"Does {circuit}{untrained} help on {tasks}?"
    if len(wirings) > 1:
        named = f": {' or '.join([', '.join(wirings[:-1]), wirings[-1]])}" if len(wirings) <= MOST else ""
        return f"Which wiring{untrained} does best on {tasks}{named}?"
    only = circuit if has_circuit else (wirings or list(facts))[0]
    return f"How well does {only}{untrained} do on {tasks}?"


def circuit_of(connectome: str) -> str:
    """Returns what a connectome is called in a sentence.

    Args:
        connectome: Its name, or the path of its file; "" where it is not known.
    """
    if not connectome:
        return "the connectome"
    fitting = [name for name in CIRCUITS if connectome == name or connectome.startswith(f"{name}-")]
    return CIRCUITS[max(fitting, key=len)] if fitting else f"the wiring in {PurePath(connectome).name}"


def _name(label: str, prior: PriorFacts) -> str:
    """Returns the name of a genome's prior; of one that is not known, its label."""
    return label if prior.name is None else prior.name


def _short(label: str, labels: Iterable[str]) -> str:
    """Returns a task's label without its options, where no other task's begins alike."""
    first = label.partition(":")[0]
    return first if sum(other.partition(":")[0] == first for other in labels) == 1 else label


def _some(names: Sequence[str], noun: str) -> str:
    """Returns names as a phrase, or how many there are."""
    return conjoined(names) if 0 < len(names) <= MOST else count(len(names), noun)
