"""Studies: several runs that answer one question, in one TOML file, at several scales.

    title = "Does realism help the start?"
    task = ["swimmer"]                     # what all runs have in common, as in a run's config.toml

    [scales.smoke]                         # what a scale changes
    generations = 3

    [runs.alif]                            # what a run is; it wins over the scale
    genome = ["alif=connectome"]
    neuron = "alif:constants=shared"
    scales.large.seeds = 20                # and what of it a scale changes

Genomes of different runs have different labels: the joined report compares them all. A run is written to a
folder of its name beside `report`, so no run has that name.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroevo import toml
from neuroevo.errors import OptionError, unknown
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.execute import Outcome, resume, run
from neuroevo.experiment.request import resolve
from neuroevo.experiment.watcher import Watcher
from neuroevo.files import atomic_write, explained, parse, read, to_json
from neuroevo.report.model import Report
from neuroevo.report.write import write_report
from neuroevo.run_folder import RunFolder
from neuroevo.toml import TomlError

TEXT, STATE = "study.toml", "study.json"  # in its folder: the file it is, and at which scale
RESERVED = (TEXT, STATE, "report", "", ".", "..")  # in its folder, where a run has its name
PARTS = ("title", "scales", "runs")  # keys that are not a run's


@dataclass(frozen=True)
class Study:
    """Runs to be made and reported together.

    Attributes:
        title: What is asked.
        runs: Requests by name, in order.
        text: Of its file.
        scale: Its scale.
    """

    title: str
    runs: Mapping[str, Configuration]
    text: str = ""
    scale: str = ""

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
            with open(path, "rb") as file:
                content = file.read(toml.MAX_BYTES + 1)
            data = toml.loads(content)
        except OSError as error:
            raise OptionError(f"{where} cannot be read: {error.strerror}; wanted a TOML file.") from error
        except TomlError as error:
            raise OptionError(f"{where} {error}; wanted a file such as those in studies/.") from error
        scales, runs = (_tables(where, data, name) for name in ("scales", "runs"))
        if scale not in scales:
            raise OptionError(unknown(f"scale of {where}", scale, scales))
        common = {key: value for key, value in data.items() if key not in PARTS}
        named = {}
        for name, own in runs.items():
            if name in RESERVED or name != Path(name).name or not name.isprintable():
                raise OptionError(
                    f"{where} has a run {name!r}, which cannot be its folder; wanted another name."
                )
            scaled = own.pop("scales", {})
            scaled = scaled.get(scale, {}) if isinstance(scaled, dict) else None
            if not isinstance(scaled, dict):
                raise OptionError(f"{where}, run {name!r} has scales that are no tables; wanted tables.")
            request = {**common, **scales[scale], **own, **scaled}
            named[name] = Configuration.of(request, f"{where}, run {name!r}")
        return cls(str(data.get("title", Path(path).stem)), named, content.decode(), scale)

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Says whether a folder is that of a study."""
        return (folder / TEXT).is_file() and (folder / STATE).is_file()

    @classmethod
    def reopen(cls, folder: Path) -> Study:
        """Returns the study that was begun in a folder."""
        return cls.read(folder / TEXT, str(parse(read(folder / STATE), folder / STATE).get("scale")))

    def begin(self, folder: Path, changes: Mapping[str, Any]) -> None:
        """Makes the folder of the study, after all its requests were found to be good.

        Raises:
            NeuroevoError: If one is not, or the folder exists.
        """
        RunFolder.check_free(folder)
        for config in self.runs.values():
            resolve(config.override(changes))
        with explained("make", folder):
            folder.mkdir(parents=True)
        atomic_write(folder / STATE, to_json({"title": self.title, "scale": self.scale}).encode())
        atomic_write(folder / TEXT, self.text.encode())

    def carry_out(
        self, name: str, folder: Path, changes: Mapping[str, Any], watcher: Watcher | None = None
    ) -> Outcome | None:
        """Carries out what is left of one run of the study.

        Args:
            name: The run, of `runs`.
            folder: The folder of the study.
            changes: Changes of the request, of what results do not depend on.
            watcher: Told of what goes on; None tells nobody.

        Returns:
            What came of it, or None if the run was at its end.

        Raises:
            NeuroevoError: If the run cannot be carried out, or fails.
            KeyboardInterrupt: If it was interrupted, with what to do next.
        """
        if (folder / name).exists():
            return resume(folder / name, changes, watcher)
        command = ["study", TEXT, "--scale", self.scale]
        experiment = resolve(self.runs[name].override(changes))
        return run(experiment, folder / name, command=command, watcher=watcher)

    def report(self, folder: Path) -> Report:
        """Writes the report of all runs together, in place of an earlier one, and returns it.

        Args:
            folder: The folder of the study, whose runs are at their end.

        Raises:
            RunError: If a run is missing or damaged, or the report cannot be written.
        """
        shutil.rmtree(folder / "report", ignore_errors=True)  # of a study that was at its end before
        return write_report([RunFolder.open(folder / name) for name in self.runs], folder / "report")


def _tables(where: str, data: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Returns the tables of a part, of which there must be one at least."""
    found = data.get(name)
    if not isinstance(found, dict) or not found or not all(isinstance(t, dict) for t in found.values()):
        raise OptionError(f"{where} has no tables [{name}.NAME]; wanted one or more.")
    return found
