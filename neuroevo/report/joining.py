"""Which runs belong together: those whose requests differ in nothing that one answer cannot have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from neuroevo.errors import RunError
from neuroevo.plugins import Spec
from neuroevo.report.planned import require_unstaged
from neuroevo.rows import Manifest, Row

# Keys of a request whose entries have labels, and what these are labels of.
BY_LABEL = {"genome": "genome", "task": "task", "budgets": "budget"}
MEANS = {"neuron", "adapter", "search", "searches"}  # what a genome's label stands for, beside the prior
MAY_DIFFER = {
    *BY_LABEL,
    *MEANS,
    "graphs",
    "seeds",
    "workers",
    "address",
    "per_worker",
    "deadline",
    "device",
    "track",
    "scoring",
    "film",
}
# of requests older than these keys
DEFAULTS = {"selection": "tournament", "margin": [], "tuning": "on", "target": []}


def require_one_request(names: Sequence[str], configs: Sequence[Row]) -> None:
    """Makes sure that several runs can be judged together.

    Args:
        names: Names of the runs.
        configs: The resolved request of each.

    Raises:
        RunError: For the first thing in which they differ that one answer cannot have.
    """
    known = {key: by_label(configs[0], key) for key in BY_LABEL}
    for i, (name, config) in enumerate(zip(names, configs, strict=True)):
        if i == 0:
            continue
        both = f"{names[0]} and {name}"
        _require_equal(both, configs[0], config, lambda key: key not in MAY_DIFFER)
        for earlier, other in zip(names[:i], configs[:i], strict=True):
            if by_label(config, "genome").keys() & by_label(other, "genome").keys():
                _require_equal(f"{earlier} and {name}", other, config, lambda key: key in MEANS)
        for key, kind in BY_LABEL.items():
            _require_one_meaning(both, kind, known[key], by_label(config, key))


def require_one_wiring(names: Sequence[str], manifests: Sequence[Manifest]) -> None:
    """Makes sure that several runs were of one connectome.

    Args:
        names: Names of the runs.
        manifests: The manifest of each.

    Raises:
        RunError: For the first that was of another one.
    """
    for name, manifest in zip(names[1:], manifests[1:], strict=True):
        wirings = [m.get("connectome", {}) for m in (manifests[0], manifest)]
        if wirings[0] != wirings[1]:
            raise RunError(
                f"{names[0]} and {name} have different wirings: {wirings[0]} and {wirings[1]}; report them "
                "apart."
            )


def by_label(config: Row, kind: str) -> dict[str, str]:
    """Returns the genomes, tasks or budgets of a request by label.

    Args:
        config: The request.
        kind: "genome", "task" or "budgets".
    """
    entries = config.get(kind, [])
    if isinstance(entries, dict):  # where a budget's first phase ends is the search's affair
        return {
            label: str({key: value for key, value in budget.items() if key != "pretraining"})
            for label, budget in entries.items()
        }
    return {Spec.parse(text).label: text for text in entries}


def _require_equal(both: str, first: Row, config: Row, concerns: Callable[[str], bool]) -> None:
    """Compares what must be equal in two requests, of the keys concerned."""
    for key in sorted(filter(concerns, first.keys() | config.keys())):
        values = _of_common_tasks([c.get(key, DEFAULTS.get(key)) for c in (first, config)])
        if values[0] != values[1]:
            raise RunError(
                f"{both} differ in {key!r}: {values[0]!r} and {values[1]!r}. Only runs of one "
                "request can be joined; report them apart, or run one again as the other."
            )
    require_unstaged(both, first)
    if first.get("selection", "tournament") != "tournament":
        raise RunError(f"{both} are no tournaments; report runs of {first['selection']!r} one by one.")


def _of_common_tasks(values: Sequence[object]) -> list[object]:
    """Returns the values of a key in several requests; those by task for the tasks that all have."""
    if not all(isinstance(value, dict) for value in values):
        return list(values)
    by_task = [value for value in values if isinstance(value, dict)]
    return [{task: one[task] for task in one if all(task in other for other in by_task)} for one in by_task]


def _require_one_meaning(both: str, kind: str, known: dict[str, str], labels: Mapping[str, str]) -> None:
    """Compares what two requests mean by a label; adds the labels that are new to those known."""
    for label, text in labels.items():
        if known.setdefault(label, text) != text:
            raise RunError(
                f"{both} mean different things by {kind} {label!r}: {known[label]} and {text}. Run one again "
                "under another label, label=name, or as the other."
            )
