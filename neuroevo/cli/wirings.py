"""What `stats` and `sample` share: a connectome and priors that are sampled from it."""

from __future__ import annotations

import argparse

from neuroevo import caches, plugins
from neuroevo.connectome.model import Connectome
from neuroevo.errors import require_range
from neuroevo.experiment.config import WIRING as READING
from neuroevo.experiment.config import Configuration
from neuroevo.plugins import PluginCall

USUAL = Configuration()
WIRING = ("connectome", *READING, "inputs", "outputs", "seed", "genome")  # fields of a request that both have


def sampled(options: argparse.Namespace) -> tuple[Connectome, list[PluginCall]]:
    """Returns the wiring and priors that were asked for.

    Args:
        options: What was given, of a parser that has the flags `WIRING` and `--samples`.

    Raises:
        NeuroevoError: If there is no such wiring or prior, or a number is out of its range.
    """
    caches.require()
    require_range("samples", options.samples, 1)
    require_range("seed", options.seed, 0)
    asked = {name: getattr(options, name) for name in WIRING if name != "genome"}
    return Configuration(**asked).wiring(), plugins.priors.calls(options.genome)
