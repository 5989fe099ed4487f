"""Bodies that are driven by a wiring's own muscles, and what samples of a run kept of the map onto them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.experiment.plan import Plan
from neuroevo.report.attribution import PARTIAL
from neuroevo.rows import MapEntry
from neuroevo.text import conjoined
from neuroevo.wiring import body_map
from neuroevo.wiring.architecture import Architecture

OPTION = "neuromuscular"  # of priors that can keep the map


def driven(plan: Plan) -> list[str]:
    """Returns the tasks whose body is moved by the wiring's own muscles, by label, in order.

    Args:
        plan: What a run is to do.
    """
    return [
        label
        for label, blueprints in plan.blueprints.items()
        if any(b.native is not None and _has_muscles(b.architecture) for b in blueprints)
    ]


def maps(plan: Plan) -> list[MapEntry | None]:
    """Returns what each sample has of the connectome's map onto the body; None where no body asks for it.

    Args:
        plan: What a run is to do.
    """
    if not driven(plan):
        return [None] * len(plan.samples)
    return [body_map.shares(plan.connectome, sample.architecture) for sample in plan.samples]


def notes(plan: Plan) -> list[str]:
    """Returns a sentence for each task on which the circuit will not be told from its map onto the body.

    So it is where wirings have their map rewired, and all that kept it are the connectome's own.

    Args:
        plan: What a run is to do.
    """
    if any(call.plugin.name == PARTIAL for call in plan.priors.values()):
        return []  # knock-outs and transplants tell the map from the rest
    tasks = driven(plan)
    rewired: dict[str, None] = {}
    exact: dict[str, None] = {}
    for sample, entry in zip(plan.samples, maps(plan) if tasks else (), strict=False):
        if entry is None or sample.architecture.core != "evolves":
            continue
        if not body_map.is_kept(entry):
            rewired[sample.genome] = None
        elif _is_exact(plan.connectome, sample.architecture):
            exact[sample.genome] = None
        else:
            return []  # a null that kept the map
    if not rewired or not exact:
        return []
    return [
        f"{task}: {conjoined(list(rewired))} {'has' if len(rewired) == 1 else 'have'} the map onto the body "
        f"rewired, and no null keeps it; a lead of {conjoined(list(exact))} may be the map's. To tell the "
        f"circuit from its map, add {_remedy(plan, rewired)}."
        for task in tasks
    ]


def _has_muscles(architecture: Architecture) -> bool:
    """Says whether outputs are muscles."""
    return bool(architecture.is_muscle[architecture.outputs].any())


def _is_exact(connectome: Connectome, architecture: Architecture) -> bool:
    """Says whether all connections behind the muscles are as measured."""
    pairs = (architecture.chemical, connectome.chemical), (architecture.electrical, connectome.electrical)
    is_same = architecture.cells == connectome.cells and np.array_equal(architecture.sign, connectome.sign)
    return is_same and all(_are_equal(a, b) for a, b in pairs)


def _are_equal(a: Edges, b: Edges) -> bool:
    """Says whether two lists of edges are one, whatever their order."""
    if len(a) != len(b):
        return False
    first, second = (np.lexsort((edges.post, edges.pre)) for edges in (a, b))
    columns = (a.pre, b.pre), (a.post, b.post), (a.weight, b.weight)
    return all(np.array_equal(x[first], y[second]) for x, y in columns)


def _remedy(plan: Plan, labels: Iterable[str]) -> str:
    """Returns what to add to a request: the first of some priors that has an option for the map, with it."""
    for label in labels:
        plugin = plan.priors[label].plugin
        if OPTION in plugin.defaults:
            return f"{plugin.name}:{OPTION}=keep"
    return "a null that keeps it, such as degree:neuromuscular=keep"
