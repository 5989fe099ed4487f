"""Joining: whether several runs answer one request, and what they hold put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neuroevo.errors import RunError
from neuroevo.plugins import Spec
from neuroevo.records import Row

BY_LABEL = {"genome": "genome", "task": "task", "budgets": "budget"}  # and of what
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
}
DEFAULTS = {"selection": "tournament", "margin": []}  # of requests that are older than these keys
ORIGIN = ("commit", "versions", "device")  # equal requests may differ in result where these differ


def check(names: Sequence[str], configs: Sequence[Row], manifests: Sequence[Row]) -> None:
    """Raises RunError for the first thing in which runs differ that one answer cannot have.

    Args:
        names: Of the runs.
        configs: Their requests.
        manifests: Their manifests.
    """
    known = {key: _by_label(configs[0], key) for key in BY_LABEL}
    for i, (name, config, manifest) in enumerate(zip(names, configs, manifests, strict=True)):
        if i == 0:
            continue
        both = f"{names[0]} and {name}"
        _check_keys(both, configs[0], config, lambda key: key not in MAY_DIFFER)
        for earlier, other in zip(names[:i], configs[:i], strict=True):
            if _by_label(config, "genome").keys() & _by_label(other, "genome").keys():
                _check_keys(f"{earlier} and {name}", other, config, lambda key: key in MEANS)
        for key, kind in BY_LABEL.items():
            _check_labels(both, kind, known[key], _by_label(config, key))
        wirings = [m.get("connectome", {}) for m in (manifests[0], manifest)]
        if wirings[0] != wirings[1]:
            raise RunError(
                f"{both} have different wirings: {wirings[0]} and {wirings[1]}; report them apart."
            )


def merged(manifests: Sequence[Row], configs: Sequence[Row]) -> tuple[Row, Row]:
    """Returns one manifest and one request for several runs."""
    manifest, config = dict(manifests[0]), dict(configs[0])
    for other in manifests[1:]:
        manifest["lineages"] = [*manifest.get("lineages", []), *other.get("lineages", [])]
        graphs = [*manifest.get("graphs", []), *other.get("graphs", [])]
        manifest["graphs"] = list({(row["genome"], row["graph"]): row for row in graphs}.values())
        for name in ("tasks", "priors", "data"):
            manifest[name] = {**(manifest.get(name) or {}), **(other.get(name) or {})}
        times = [m["wall_seconds"] for m in (manifest, other) if m.get("wall_seconds") is not None]
        manifest["wall_seconds"] = sum(times) if times else None
    config["genome"] = list(dict.fromkeys(text for c in configs for text in c.get("genome", [])))
    return manifest, config


def differences(names: Sequence[str], manifests: Sequence[Row]) -> list[str]:
    """Returns sentences about versions in which runs differ: their scores may not be one sample."""
    found = []
    for key in ORIGIN:
        values = [manifest.get(key) for manifest in manifests]
        if any(value != values[0] for value in values):
            found.append(
                f"The runs {', '.join(names)} differ in {key}, so that equal requests may differ in result."
            )
    return found


def meanings(configs: Sequence[Row]) -> list[str]:
    """Returns sentences about what labels stand for where runs differ in it, such as their neurons."""
    found = []
    for key in sorted(MEANS):
        by_value: dict[str, list[str]] = {}
        for config in configs:
            value = config.get(key, "")
            text = ", ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
            by_value.setdefault(text, []).extend(_by_label(config, "genome"))
        if len(by_value) > 1:
            told = "; ".join(
                f"{text} of {', '.join(dict.fromkeys(labels))}" for text, labels in by_value.items()
            )
            found.append(f"Runs differ in {key}: {told}.")
    return found


def _check_keys(both: str, first: Row, config: Row, concerns: Callable[[str], bool]) -> None:
    """Compares what must be equal in two requests, of the keys concerned."""
    for key in sorted(filter(concerns, first.keys() | config.keys())):
        values = [c.get(key, DEFAULTS.get(key)) for c in (first, config)]
        if values[0] != values[1]:
            raise RunError(
                f"{both} differ in {key!r}: {values[0]!r} and {values[1]!r}. Only runs of one "
                "request can be joined; report them apart, or run one again as the other."
            )
    if first.get("selection", "tournament") != "tournament":
        raise RunError(f"{both} are no tournaments; report runs of {first['selection']!r} one by one.")


def _check_labels(both: str, kind: str, known: dict[str, str], found: dict[str, str]) -> None:
    """Compares what two requests mean by a label; adds the labels that are new."""
    for label, text in found.items():
        if known.setdefault(label, text) != text:
            raise RunError(
                f"{both} mean different things by {kind} {label!r}: {known[label]} and {text}. Run one again "
                "under another label, label=name, or as the other."
            )


def _by_label(config: Row, kind: str) -> dict[str, str]:
    """Returns the genomes, tasks or budgets of a request by label."""
    found = config.get(kind, [])
    if isinstance(found, dict):  # where a budget's first phase ends is the search's affair
        kept = {label: {k: v for k, v in what.items() if k != "pretraining"} for label, what in found.items()}
        return {label: str(what) for label, what in kept.items()}
    return {Spec.parse(text).label: text for text in found}
