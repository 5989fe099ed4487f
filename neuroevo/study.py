"""Studies: several runs that answer one question, in one TOML file, at several scales.

    title = "Does realism help the start?"
    task = ["swimmer"]                     # what all runs have in common, as in a run's config.toml

    [scales.smoke]                         # what a scale changes
    generations = 3

    [runs.alif]                            # what a run is; it wins over the scale
    genome = ["alif=connectome"]
    neuron = "alif:constants=shared"
    scales.large.seeds = 20                # and what of it a scale changes

Genomes of different runs have different labels: the joined report compares them all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroevo.configuration import Configuration
from neuroevo.errors import OptionError, unknown

PARTS = ("title", "scales", "runs")  # keys that are not a run's


@dataclass(frozen=True)
class Study:
    """Runs to be made and reported together.

    Attributes:
        title: What is asked.
        runs: Requests by name, in order.
    """

    title: str
    runs: Mapping[str, Configuration]

    @classmethod
    def read(cls, path: str | Path, scale: str) -> Study:
        """Reads a study at one of its scales.

        Args:
            path: A TOML file of the form above.
            scale: A name of its `[scales]`.

        Raises:
            OptionError: If it cannot be read, has no such scale or no run, or a run cannot be.
        """
        where = f"Study {str(path)!r}"
        try:
            data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise OptionError(f"{where} cannot be read: {error.strerror}; wanted a TOML file.") from error
        except ValueError as error:  # TOML or UTF-8
            raise OptionError(f"{where} is not TOML: {error}.") from error
        scales, runs = (_tables(where, data, name) for name in ("scales", "runs"))
        if scale not in scales:
            raise OptionError(unknown(f"scale of {where}", scale, scales))
        common = {key: value for key, value in data.items() if key not in PARTS}
        named = {}
        for name, own in runs.items():
            scaled = own.pop("scales", {}).get(scale, {})
            request = {**common, **scales[scale], **own, **scaled}
            named[name] = Configuration.of(request, f"{where}, run {name!r}")
        return cls(str(data.get("title", Path(path).stem)), named)


def _tables(where: str, data: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Returns the tables of a part, of which there must be one at least."""
    found = data.get(name)
    if not isinstance(found, dict) or not found or not all(isinstance(t, dict) for t in found.values()):
        raise OptionError(f"{where} has no tables [{name}.NAME]; wanted one or more.")
    return found
