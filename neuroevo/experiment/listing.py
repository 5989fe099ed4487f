"""What there is to run: priors, tasks, connectomes, neuron models, adapters, searches, selections."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import NotRequired, TypedDict

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from neuroevo import plugins
from neuroevo.connectome import catalog
from neuroevo.errors import NeuroevoError, RegistryError, unknown
from neuroevo.experiment import pages
from neuroevo.experiment.config import SELECTIONS
from neuroevo.network import adapters, neurons
from neuroevo.screen import Screen
from neuroevo.search import methods
from neuroevo.task import Task, make
from neuroevo.text import option_text


class Entry(TypedDict):
    """What there is to say of a prior, a task or another choice.

    Attributes:
        summary: What it is, in a sentence.
        options: Its options and their defaults.
        shows: Of a task: what it was measured to tell apart, by the name of the adapter.
        budget: Of a task: its default generations, population and the like.
        without_adapters: Of a search: options that have other defaults with `--adapter none`.
    """

    summary: str
    options: NotRequired[Mapping[str, plugins.Scalar]]
    shows: NotRequired[Mapping[str, str]]
    budget: NotRequired[Mapping[str, int]]
    without_adapters: NotRequired[Mapping[str, plugins.Scalar]]


Section = dict[str, Entry]

_HOW_TO_NAME = """\
Options are shown with their defaults. Give those that shall differ after the
name; a label before it tells variants of one prior or task apart:
  --genome kept=stats-prior:gap=keep free=stats-prior:gap=keep,dale=false
--neuron, --adapter and --search take options in the same way. Two tasks take a
value without a name: --task images:PATH gym:CartPole-v1
An environment's own arguments follow it: --task gym:Pendulum-v1,env.g=3.7
What an environment senses and how it acts: python run.py list gym:Pendulum-v1
A plug-in of your own is named by its path: --task package.module:Name
All about anything by its name: python run.py list stats-prior ridge leaky celegans"""


def print_sections(sections: Mapping[str, Section]) -> None:
    """Prints what `run.py list` found.

    Args:
        sections: Entries by name, by the plural of the option that names them.
    """
    console = Screen(highlight=False)
    for title, entries in sections.items():
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for name, entry in entries.items():
            text = Text(entry["summary"])
            for adapter, told_apart in entry.get("shows", {}).items():
                text.append(f"\n{adapter}: {told_apart}", style="yellow")
            if entry.get("budget"):
                text.append("\n" + " ".join(f"--{k} {v}" for k, v in entry["budget"].items()), style="dim")
            if entry.get("options"):
                options = [f"{k}={_default(v)}" for k, v in entry["options"].items()]
                width = console.width - max(map(len, entries)) - 6  # what is left beside the names
                for line in _filled([f":{options[0]}", *options[1:]], width):
                    text.append(f"\n{line}", style="dim")
            if entry.get("without_adapters"):
                text.append(f"\nwith --adapter none {_others(entry['without_adapters'])}", style="dim")
            table.add_row(name, text)
        console.print(Text(title.upper(), style="dim"))
        console.print(Padding(table, (0, 0, 1, 2)))
    console.print(Text(_HOW_TO_NAME))


def sections() -> dict[str, Section]:
    """Returns entries by name, by the plural of the option that names them: summaries and options."""
    return {
        "genomes": {name: _plugin(plugins.priors, name) for name in plugins.priors.names()},
        "tasks": {name: _plugin(plugins.tasks, name) for name in plugins.tasks.names()},
        "connectomes": {name: {"summary": line} for name, line in catalog.summaries().items()},
        "neurons": {
            name: {"summary": model.summary, "options": neurons.Neuron(name).options}
            for name, model in neurons.MODELS.items()
        },
        "adapters": {
            name: {"summary": (kind.__doc__ or "").split("\n")[0], "options": adapters.defaults(kind)}
            for name, kind in adapters.ADAPTERS.items()
        },
        "searches": {name: _search(name) for name in methods.METHODS},
        "selections": {name: {"summary": line} for name, line in SELECTIONS.items()},
    }


def find(name: str) -> plugins.Plugin:
    """Returns a prior, task or search method.

    Args:
        name: Its name, or the path of one of your own, `package.module:Name`.

    Raises:
        RegistryError: If there is none of this name.
    """
    if name in methods.METHODS:
        return methods.plugin(name)
    known = _plugin_names()
    if ":" in name and name.partition(":")[0] not in known:
        is_task = isinstance(plugins.load(name), type)
        return (plugins.tasks if is_task else plugins.priors).get(name)
    if name not in known:
        raise RegistryError(unknown("name", name, [*known, *pages.names()]))
    return (plugins.priors if name in plugins.priors.names() else plugins.tasks).get(name)


def describe(name: str) -> str:
    """Returns all there is to say of what has a name, and of a task's sensors and actuators.

    Args:
        name: Name of a prior, task, search method, adapter, neuron model, connectome or selection, or a path
            of your own; of a task that takes a value also with it, `gym:CartPole-v1`: then the task is made.

    Raises:
        NeuroevoError: If there is none of this name, or the task cannot be made.
    """
    others = pages.pages(name)
    if others:  # an adapter may have the name of a prior
        return "\n".join([*([_page(name)] if name in _plugin_names() else []), *others])
    return _page(name)


def _plugin_names() -> list[str]:
    """Returns the names of priors, tasks and search methods."""
    return [*plugins.priors.names(), *plugins.tasks.names(), *methods.METHODS]


def _page(name: str) -> str:
    """Returns the page of a prior, task or search method, see `describe`."""
    is_call = ":" in name and plugins.tasks.takes_value(name.partition(":")[0])
    call = plugins.tasks.calls([name])[0] if is_call else None
    plugin = find(name) if call is None else call.plugin
    text = f"{plugin.kind} {plugin.name}\n\n{inspect.getdoc(plugin.target)}\n"
    text += pages.defaults_line(plugin.defaults) + _evidence(plugin)
    if name in methods.WITHOUT_ADAPTERS and plugin.kind == "search":
        text += f"\nDefaults with `--adapter none`: {_others(methods.WITHOUT_ADAPTERS[name])}\n"
    ports = "" if call is None else make(call.label, plugin.target, call.options).ports
    return f"{text}\n{name}: {ports}\n" if ports else text


def _evidence(plugin: plugins.Plugin) -> str:
    """Returns what a task was measured to tell apart, as the end of its page; "" of what was not."""
    shows = getattr(plugin.target, "shows", None)
    if not shows:
        return ""
    lines = [f"    {adapter}: {told_apart}\n" for adapter, told_apart in shows.items()]
    return "\nTells apart, by the adapter (`--adapter`):\n" + "".join(lines)


def _plugin(registry: plugins.Registry, name: str) -> Entry:
    """Returns a plug-in's summary and options; one that is broken does not hide the others."""
    try:
        return _described(registry.get(name))
    except NeuroevoError as error:
        return {"summary": str(error), "options": {}}


def _described(plugin: plugins.Plugin) -> Entry:
    """Returns a plug-in's summary and options, and a task's evidence and budget if it has them."""
    entry: Entry = {"summary": plugin.summary, "options": plugin.defaults}
    if isinstance(plugin.target, type) and issubclass(plugin.target, Task):
        if plugin.target.shows:
            entry["shows"] = dict(plugin.target.shows)
        if plugin.target.defaults:
            entry["budget"] = dict(plugin.target.defaults)
    return entry


def _search(name: str) -> Entry:
    """Returns a search method's summary and options, and those that differ without adapters."""
    entry, others = _described(methods.plugin(name)), methods.WITHOUT_ADAPTERS.get(name)
    return {**entry, "without_adapters": others} if others else entry


def _others(options: Mapping[str, plugins.Scalar]) -> str:
    """Returns options as a request gives them, after a colon."""
    return ":" + ",".join(f"{name}={_default(value)}" for name, value in options.items())


def _default(value: plugins.Scalar) -> str:
    """Returns an option's default as the command line writes it, with quotes for an empty text."""
    return option_text(value) or '""'


def _filled(items: list[str], width: int) -> list[str]:
    """Returns items joined by commas in lines of at most `width` characters, where an item fits."""
    lines = [items[0]]
    for item in items[1:]:
        if len(lines[-1]) + len(item) + 2 <= width:
            lines[-1] += f",{item}"
        else:
            lines[-1] += ","
            lines.append(item)
    return lines
