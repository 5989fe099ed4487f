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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from neuroevo import toml
from neuroevo.errors import OptionError, RunError, unknown
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.estimate import require_possible
from neuroevo.experiment.execute import Outcome, resume, run
from neuroevo.experiment.request import resolve
from neuroevo.experiment.watcher import Watcher
from neuroevo.files import atomic_write, explained, parse, read, require_no_link, to_json
from neuroevo.folders import check_free
from neuroevo.report.joining import require_one_request
from neuroevo.report.model import Report
from neuroevo.report.write import write_report
from neuroevo.run_folder import RunFolder
from neuroevo.toml import TomlError
from neuroevo.trust import NOBODY, SIGNATURE, UNSIGNED, Trust, is_signed, sign

TEXT = "study.toml"  # the file of a study, in its folder
STATE = "study.json"  # beside it: at which scale it is
RESERVED = (TEXT, STATE, "report", "", ".", "..")  # names that no run may have, for its folder has its name
PARTS = ("title", "scales", "runs")  # keys that are not a run's


@dataclass(frozen=True)
class Study:
    """Runs to be made and reported together.

    Attributes:
        title: What is asked.
        runs: Requests by name, in order.
        text: Content of its file.
        scale: The scale at which it was read.
    """

    title: str
    runs: Mapping[str, Configuration]
    text: str = ""
    scale: str = ""

    @classmethod
    def read(
        cls, path: str | Path, scale: str, trust: Trust = NOBODY, replaced: Collection[str] = ()
    ) -> Study:
        """Returns a study at one of its scales.

        Args:
            path: A TOML file of the form above.
            scale: A name of its `[scales]`.
            trust: Whose code the file may name; by default nobody's but what is installed.
            replaced: Fields that the user gives in place of those of the file.

        Raises:
            OptionError: If the file cannot be read, has no such scale or no run, or a request of a run is
                wrong or names code that is not trusted.
        """
        where = f"Study {str(path)!r}"
        try:
            content = toml.content(path)
            data = toml.loads(content)
        except OSError as error:
            raise OptionError(f"{where} cannot be read: {error.strerror}; wanted a TOML file.") from error
        except TomlError as error:
            raise OptionError(f"{where} {error}; wanted a file such as those in studies/.") from error
        scales, runs = (_tables(where, data, name) for name in ("scales", "runs"))
        if scale not in scales:
            raise OptionError(unknown(f"scale of {where}", scale, scales))
        common = {key: value for key, value in data.items() if key not in PARTS}
        requests = {}
        for name, table in runs.items():
            if name in RESERVED or name != Path(name).name or not name.isprintable():
                raise OptionError(
                    f"{where} has a run {name!r}, which cannot be its folder; wanted another name."
                )
            changes = table.pop("scales", {})
            scaled = changes.get(scale, {}) if isinstance(changes, dict) else None
            if not isinstance(scaled, dict):
                raise OptionError(f"{where}, run {name!r} has scales that are no tables; wanted tables.")
            request = {**common, **scales[scale], **table, **scaled}
            trust.require(request, f"{where}, run {name!r},", replaced)
            requests[name] = Configuration.of(request, f"{where}, run {name!r}")
        staged = [name for name, config in requests.items() if config.until is not None]
        if staged and len(requests) > 1:
            raise OptionError(
                f"{where}, run {staged[0]!r} goes on until it is decided, by looks of its own, and the "
                "report of a study judges all its runs together; wanted one run alone, or none with 'until'."
            )
        trust.require_named(_all_specs(requests), where)
        return cls(str(data.get("title", Path(path).stem)), requests, content.decode("utf-8-sig"), scale)

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Says whether a folder is that of a study.

        Args:
            folder: Any folder, or what does not exist.
        """
        return (folder / TEXT).is_file() and (folder / STATE).is_file()

    @classmethod
    def reopen(cls, folder: Path, modules: Sequence[str] = (), replaced: Collection[str] = ()) -> Study:
        """Returns the study that was begun in a folder, at the scale of then.

        Args:
            folder: The folder of a study.
            modules: Modules that the user named, which its file may name too.
            replaced: Fields that the user gives in place of those of the file.

        Raises:
            OptionError: If its file cannot be read any more, or names code that is not trusted.
            RunError: If what is noted of it is damaged.
        """
        state = parse(read(folder / STATE), folder / STATE)
        scale = str(state.get("scale"))
        trusted = Trust(tuple(modules), doubt=UNSIGNED)
        if claimed := state.get(SIGNATURE):  # what is signed is looked at before it is trusted
            text = read(folder / TEXT)
            known = cls.read(folder / TEXT, scale, Trust(is_signed=True))
            trusted = replace(trusted, is_signed=is_signed(text, _all_specs(known.runs), claimed))
        return cls.read(folder / TEXT, scale, trusted, replaced)

    def begin(self, folder: Path, changes: Mapping[str, object]) -> None:
        """Makes the folder of the study, once all its requests are known to be good.

        Args:
            folder: The folder, which must not exist.
            changes: Changes of all requests, of what results do not depend on.

        Raises:
            NeuroevoError: If a request is wrong, no report can join the runs, or the folder exists or cannot
                be made.
        """
        check_free(folder)
        experiments = [resolve(config.override(changes)) for config in self.runs.values()]
        for experiment in experiments:
            require_possible(experiment)
        self._require_one_report([experiment.config for experiment in experiments])
        with explained("make", folder):
            folder.mkdir(parents=True, exist_ok=True)
        state = {"title": self.title, "scale": self.scale}
        if signature := sign(self.text.encode(), _all_specs(self.runs)):
            state[SIGNATURE] = signature
        atomic_write(folder / STATE, to_json(state).encode())
        atomic_write(folder / TEXT, self.text.encode())

    def _require_one_report(self, requests: Sequence[Configuration]) -> None:
        """Makes sure that the runs can be reported together: what they ask for may differ in little."""
        try:
            require_one_request(list(self.runs), [request.to_dict() for request in requests])
        except RunError as error:
            raise OptionError(f"Study {self.title!r} cannot be reported as one: {error}") from error

    def carry_out(
        self,
        name: str,
        folder: Path,
        changes: Mapping[str, object],
        watcher: Watcher | None = None,
        trust: Sequence[str] = (),
    ) -> Outcome | None:
        """Carries out what is left of one run of the study.

        Args:
            name: The run, of `runs`.
            folder: The folder of the study.
            changes: Changes of the request, of what results do not depend on.
            watcher: Told of what goes on; None tells nobody.
            trust: Modules that the user named, which a run's folder may name too.

        Returns:
            What came of it, or None if the run was at its end.

        Raises:
            NeuroevoError: If the run cannot be carried out, or fails.
            KeyboardInterrupt: If it was interrupted, with what to do next.
        """
        require_no_link(folder / name)
        if (folder / name).exists():
            return resume(folder / name, changes, watcher, trust)
        command = ["study", TEXT, "--scale", self.scale]
        experiment = resolve(self.runs[name].override(changes))
        return run(experiment, folder / name, command=command, watcher=watcher)

    def report(self, folder: Path) -> Report:
        """Writes the report of all runs together, in place of an earlier one.

        Args:
            folder: The folder of the study, whose runs are at their end.

        Returns:
            The report.

        Raises:
            RunError: If a run is missing or damaged, or the report cannot be written.
        """
        shutil.rmtree(folder / "report", ignore_errors=True)  # of a study that was at its end before
        return write_report([RunFolder.open(folder / name) for name in self.runs], folder / "report")


def _all_specs(runs: Mapping[str, Configuration]) -> dict[str, object]:
    """Returns all priors and tasks of some runs, and one of their addresses, as one request has them."""
    addresses = [config.address for config in runs.values() if config.address is not None]
    return {
        "genome": [text for config in runs.values() for text in config.genome],
        "task": [text for config in runs.values() for text in config.task],
        "address": addresses[0] if addresses else None,
    }


def _tables(where: str, data: Mapping[str, toml.Value], name: str) -> dict[str, dict[str, toml.Value]]:
    """Returns the tables of a part of a study by name; raises OptionError unless there is one at least."""
    entries = data.get(name)
    if isinstance(entries, dict) and entries:
        tables = {key: table for key, table in entries.items() if isinstance(table, dict)}
        if len(tables) == len(entries):
            return tables
    raise OptionError(f"{where} has no tables [{name}.NAME]; wanted one or more.")
