"""What there is to run: priors, tasks, connectomes, neuron models, adapters, searches, selections."""

from __future__ import annotations

from typing import Any

from neuroevo import adapters, connectome, neurons, plugins, search_options
from neuroevo.configuration import SELECTIONS
from neuroevo.errors import NeuroevoError, RegistryError, unknown

Section = dict[str, dict[str, Any]]


def sections() -> dict[str, Section]:
    """Returns entries by name, by the plural of the option that names them: summaries and options."""
    return {
        "genomes": {name: _plugin(plugins.priors, name) for name in plugins.priors.names()},
        "tasks": {name: _plugin(plugins.tasks, name) for name in plugins.tasks.names()},
        "connectomes": {name: {"summary": line} for name, line in connectome.summaries().items()},
        "neurons": {
            name: {"summary": model.summary, "options": neurons.Neuron(name).options}
            for name, model in neurons.MODELS.items()
        },
        "adapters": {
            name: {"summary": (kind.__doc__ or "").split("\n")[0], "options": adapters.defaults(kind)}
            for name, kind in adapters.ADAPTERS.items()
        },
        "searches": {name: _described(search_options.plugin(name)) for name in search_options.METHODS},
        "selections": {name: {"summary": line} for name, line in SELECTIONS.items()},
    }


def find(name: str) -> plugins.Plugin:
    """Returns a prior, task or search method by name, or one of your own by `package.module:Name`."""
    if name in search_options.METHODS:
        return search_options.plugin(name)
    known = [*plugins.priors.names(), *plugins.tasks.names(), *search_options.METHODS]
    if ":" in name and name.partition(":")[0] not in known:
        is_task = isinstance(plugins.load(name), type)
        return (plugins.tasks if is_task else plugins.priors).get(name)
    if name not in known:
        raise RegistryError(unknown("prior or task", name, known))
    return (plugins.priors if name in plugins.priors.names() else plugins.tasks).get(name)


def _plugin(registry: plugins.Registry, name: str) -> dict[str, Any]:
    """Returns a plug-in's summary and options; one that is broken does not hide the others."""
    try:
        return _described(registry.get(name))
    except NeuroevoError as error:
        return {"summary": str(error), "options": {}}


def _described(plugin: plugins.Plugin) -> dict[str, Any]:
    """Returns a plug-in's summary and options, and its caveat and its budget if it has one."""
    found = {"summary": plugin.summary, "options": plugin.defaults}
    extra = {"caveat": plugin.caveat, "budget": plugin.budget}
    return found | {key: value for key, value in extra.items() if value}
