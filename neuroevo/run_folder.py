"""The run folder: everything a run leaves behind, and the only thing a report is made from.

    config.toml             the resolved request
    manifest.json           versions, commit, device, hashes, wall time, planned lineages, units
    metrics.jsonl           a row a lineage a generation, appended while the run goes on
    results.jsonl           a row a lineage, with its held-out score
    run.log                 what happened when, a line an event; a run that is resumed goes on in it
    selection.jsonl         a row a decision of a race, or a row a population an epoch; none of a tournament
    checkpoint.safetensors  states of all lineages; and checkpoint.previous.safetensors, those before
    champions/NAME/         architecture.json and parameters.safetensors of a lineage

Files are replaced whole; only the .jsonl files are appended to, and `unfinished` reports half a line that a
process left at their end when it died. `files` says how. Nothing is pickled. A folder has one writer at a
time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from neuroevo import checkpoint, toml
from neuroevo.errors import OptionError, RunError
from neuroevo.files import Row, append_lines, atomic_write, explained, parse, read, read_lines, to_json
from neuroevo.toml import TomlError

CONFIG, MANIFEST, METRICS, RESULTS = "config.toml", "manifest.json", "metrics.jsonl", "results.jsonl"
SELECTION = "selection.jsonl"
CHAMPIONS = "champions"
IDENTITY = ("task", "genome", "graph", "seed")  # of a lineage
MAX_EPISODE_SCORES = 1_000  # longer lists, such as one value an image, are written as null
MAX_NAME = 100  # characters of a label in a file name; file systems allow 255 bytes for the whole

_NUMBER = (int, float, type(None))
_TYPES: dict[str, Any] = {  # of the columns that a reader relies on, where a row has them
    **dict.fromkeys(("task", "genome", "status", "role", "event"), str),
    **dict.fromkeys(("graph", "seed", "generation", "generations", "rung", "epoch", "population"), int),
    **dict.fromkeys(("evaluations", "failures", "score", "untrained_score", "tuned_score"), _NUMBER),
    **dict.fromkeys(("fitness_mean", "fitness_best", "fitness_centre"), _NUMBER),
    **dict.fromkeys(("fitness", "difference", "p", "level"), _NUMBER),
    **dict.fromkeys(("parameters", "activity"), (dict, type(None))),
    "shares": dict,
    "dropped": bool,
}

Key = tuple[str, str, int, int]


@dataclass(frozen=True)
class RunFolder:
    """A run folder on disk; made by `create` or `open`.

    Attributes:
        path: The folder.
    """

    path: Path

    @staticmethod
    def check_free(path: str | Path) -> None:
        """Raises RunError if something exists at `path`."""
        if os.path.lexists(path):
            raise RunError(f"{path} exists; wanted a new folder. Choose another --out or move it away.")

    @classmethod
    def create(cls, path: str | Path, config: Mapping[str, Any], manifest: Mapping[str, Any]) -> RunFolder:
        """Makes a new run folder; it appears whole or not at all.

        Args:
            path: Where; missing parents are made.
            config: The resolved request, plain types; entries that are None are left out.
            manifest: What is known at the start. A report reads, where present: `command` (list of
                arguments), `versions`, `commit`, `device`, `wall_seconds`, `tasks` ({TASK: {"unit",
                "fitness_unit"}}) and `lineages` (planned: rows with task, genome, graph, seed).

        Raises:
            RunError: If the path exists or cannot be written.
        """
        import tomli_w

        path = Path(path)
        cls.check_free(path)
        toml, manifest_text = tomli_w.dumps(_without_none(config)), to_json(manifest, indent=2)
        # A sibling lies on the same file system, so that the rename is atomic.
        new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new.mkdir()
            atomic_write(new / CONFIG, toml.encode())
            atomic_write(new / MANIFEST, manifest_text.encode())
            new.rename(path)
        except OSError as error:
            shutil.rmtree(new, ignore_errors=True)
            raise RunError(f"Cannot make {path}: {error.strerror}; choose another --out.") from error
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Opens an existing run folder.

        Raises:
            RunError: If it is missing or is not a run folder.
        """
        path = Path(path)
        if not path.is_dir():
            raise RunError(f"{path} is not a folder; wanted one that a run made with --out.")
        for name in (CONFIG, MANIFEST):
            if not (path / name).is_file():
                raise RunError(f"{path} holds no {name}; wanted a folder that a run made with --out.")
        return cls(path)

    @property
    def command_to_resume(self) -> str:
        """The command that goes on with the run."""
        return f"python run.py resume {shlex.quote(str(self.path))}"

    def config(self) -> Row:
        """Returns the resolved request.

        Raises:
            RunError: If the file is damaged.
        """
        try:
            return toml.loads(read(self.path / CONFIG))
        except TomlError as error:
            raise RunError(f"{self.path / CONFIG} is damaged: it {error}.") from error

    def manifest(self) -> Row:
        """Returns the manifest.

        Raises:
            RunError: If the file is damaged.
        """
        return parse(read(self.path / MANIFEST), self.path / MANIFEST)

    def write_manifest(self, **updates: Any) -> None:
        """Replaces top-level entries of the manifest."""
        text = to_json({**self.manifest(), **updates}, indent=2)
        atomic_write(self.path / MANIFEST, text.encode())

    def append_metrics(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Appends rows of metrics, one a lineage a generation.

        A row is `{task, genome, graph, seed, generation, fitness_mean, fitness_best, fitness_centre,
        evaluations, seconds, failures}`; `evaluations` counts from the lineage's start. Mixed populations
        add `epoch`; an offspring's evaluations count on from its parent's.
        """
        append_lines(self.path / METRICS, rows)

    def metrics(self) -> list[Row]:
        """Returns the complete rows; of a generation that was computed twice, the later row.

        Raises:
            RunError: If a complete line is damaged; it names file and line.
        """
        return list({(*key_of(row), row["generation"]): row for row in self.stream_metrics()}.values())

    def stream_metrics(self) -> Iterator[Row]:
        """Yields the complete rows as they were written, one in memory at a time.

        Raises:
            RunError: If a complete line is damaged; it names file and line.
        """
        return read_lines(self.path / METRICS, keys=(*IDENTITY, "generation", "evaluations"), types=_TYPES)

    def keep_metrics(self, is_kept: Callable[[Row], bool]) -> list[Row]:
        """Drops all other rows of metrics from the file, and half a line at its end; returns those kept."""
        path, kept = self.path / METRICS, []
        lines: list[bytes] = []
        for row in self.stream_metrics():
            if is_kept(row):
                kept.append(row)
                lines.append(to_json(row).encode() + b"\n")
        if path.exists():
            atomic_write(path, b"".join(lines))
        return kept

    def append_results(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Appends results, one a lineage.

        A row is `{task, genome, graph, graph_hash, seed, score, episode_scores, untrained_score, tuned_score,
        tuned_factors {excitatory, inhibitory}, tuning_evaluations, parameters {core, adapters}, evaluations,
        status, failures, activity, gains}`. Of the three scores `assessment` tells; `tuned_score` is null
        where the core does not evolve or has no synapses, and `evaluations` are without `tuning_evaluations`.
        `parameters` counts those that evolve, and `fixed_adapters` where adapters do not. `failures` counts
        genomes whose fitness was not finite, `activity` is `{mean_abs, saturated, silent}`. More than
        MAX_EPISODE_SCORES episode scores become null.

        `status` is "done"; "failed", where the score or all fitness is not finite; "censored", where a race
        dropped the prior; or "raced", where it stayed in the race to the end. The last two have no score,
        and `generations` tells how many they had.

        Rows of a race have a `role`: "race", or "confirmation" for lineages evolved afresh after it from
        other seeds, which alone enter the final comparison. Rows of mixed populations have `population`,
        which is the seed, `founder`, and the number of the member as `graph`: they are the members of the
        last epoch.
        """
        append_lines(self.path / RESULTS, map(_shortened, rows))

    def write_results(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replaces all results; rows are those of `append_results`."""
        text = "".join(to_json(_shortened(row)) + "\n" for row in rows)
        atomic_write(self.path / RESULTS, text.encode())

    def results(self) -> list[Row]:
        """Returns the complete results; of a lineage that was scored twice, the later row.

        Raises:
            RunError: If a complete line is damaged; it names file and line.
        """
        rows = read_lines(self.path / RESULTS, keys=(*IDENTITY, "score", "status"), types=_TYPES)
        return list({key_of(row): row for row in rows}.values())

    def append_selection(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Appends what a race decided, or how mixed populations stand.

        Of a race a row a genome a rung, `{task, rung, generation, genome, lineages, fitness, against,
        difference, p, level, dropped}`: `against` is the leader, null for the leader itself, and `p` is
        one-sided. Then `{task, event: "confirmation", genomes, seeds [first, last], budget {race,
        confirmation, tournament}, evaluations_saved}`: the last is what a tournament of the same request
        costs beyond race and confirmation.

        Of mixed populations a row an epoch, `{task, population, epoch, generation, shares {genome: share}}`:
        the shares with which an epoch begins; the last are final.
        """
        append_lines(self.path / SELECTION, rows)

    def selection(self) -> list[Row]:
        """Returns the complete rows of `append_selection`, in order; none of a tournament.

        Raises:
            RunError: If a complete line is damaged; it names file and line.
        """
        return list(read_lines(self.path / SELECTION, keys=("task",), types=_TYPES))

    def unfinished(self) -> list[str]:
        """Returns a sentence for each file that ends in half a line."""
        found = []
        for name in (METRICS, RESULTS, SELECTION):
            data = read(self.path / name, missing=b"")
            if data and not data.endswith(b"\n"):
                number = data.count(b"\n") + 1
                found.append(f"{name} ends in half a line (line {number}), which is left out.")
        return found

    def champion_path(self, lineage: Sequence[Any]) -> Path:
        """Returns the folder of a lineage (task, genome, graph, seed) in `champions/`."""
        task, genome, graph, seed = lineage
        name = f"{safe_name(task)}__{safe_name(genome)}__g{int(graph)}__s{int(seed)}"
        return self.path / CHAMPIONS / name

    def write_champion(
        self, lineage: Sequence[Any], architecture: Mapping[str, Any], parameters: Mapping[str, np.ndarray]
    ) -> Path:
        """Writes a lineage's architecture and parameters and returns their folder.

        Args:
            lineage: (task, genome label, graph, seed); labels are quoted for use in a file name.
            architecture: Plain JSON types.
            parameters: Arrays by name.
        """
        folder = self.champion_path(lineage)
        with explained("make", folder):
            folder.mkdir(parents=True, exist_ok=True)
        atomic_write(folder / "architecture.json", to_json(architecture).encode())
        atomic_write(folder / "parameters.safetensors", _save(parameters))
        return folder

    def write_checkpoint(self, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
        """Writes a checkpoint, see `checkpoint`; the newest becomes the one before."""
        checkpoint.save(self.path, arrays, state)

    def read_checkpoint(self) -> tuple[dict[str, np.ndarray], Row]:
        """Returns arrays by name and the state of the newest checkpoint that can be used.

        Raises:
            RunError: If there is none.
        """
        arrays, state, _ = checkpoint.load(self.path)
        return arrays, state

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Keeps other processes from writing here, until this one leaves the context or dies.

        Raises:
            RunError: If another process is writing.
        """
        try:
            import fcntl
        except ImportError:  # a system without file locks
            yield
            return
        with explained("open", self.path / CONFIG), open(self.path / CONFIG, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"Another process is writing to {self.path}; wait for it or stop it."
                ) from None
            yield


def free_path(stem: Path) -> Path:
    """Returns a path at which nothing exists yet: a stem, a dash and the first number that is free.

    Args:
        stem: Folder and beginning of the name.
    """
    number = 1
    while (path := stem.with_name(f"{stem.name}-{number}")).exists():
        number += 1
    return path


def key_of(row: Mapping[str, Any]) -> Key:
    """Returns a row's lineage: (task, genome, graph, seed)."""
    return row["task"], row["genome"], row["graph"], row["seed"]


def safe_name(label: str) -> str:
    """Returns a label as one component of a path; different labels give different names.

    Letters, digits and `-.~=,+` stay; the rest is percent-encoded, as is an underscore at an end or
    beside another, so that `__` can separate names. Long names end in a digest.
    """
    name = re.sub(r"^_|_(?=_|$)", "%5F", quote(label, safe="=,+"))
    if len(name) > MAX_NAME:
        name = f"{name[: MAX_NAME - 17]}~{hashlib.sha256(label.encode()).hexdigest()[:16]}"
    return name


def _without_none(config: Mapping[str, Any]) -> Row:
    """Returns a configuration without entries that are None, for which TOML has no word."""
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in config.items()
        if value is not None
    }


def _shortened(row: Mapping[str, Any]) -> Row:
    """Returns a result without a long list of episode scores."""
    scores = row.get("episode_scores")
    too_long = scores is not None and len(scores) > MAX_EPISODE_SCORES
    return {**row, "episode_scores": None} if too_long else dict(row)


def _save(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns arrays in the safetensors format, which takes rows in C order only."""
    import safetensors.numpy

    return safetensors.numpy.save({name: np.asarray(array, order="C") for name, array in arrays.items()})


def _file_names(labels: Iterable[str]) -> dict[str, str]:
    """Returns file names by label; file systems may not tell upper from lower case."""
    names = {label: safe_name(label) for label in labels}
    if len({name.lower() for name in names.values()}) < len(names):
        raise OptionError(
            f"Labels {', '.join(names)} give files of one name; choose labels that differ by more than case."
        )
    return names


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Gives a folder to write into that then appears as `folder`, whole or not at all."""
    RunFolder.check_free(folder)
    new = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.new")
    try:
        new.mkdir(parents=True)
        yield new
        new.rename(folder)
    except OSError as error:
        raise RunError(f"Cannot write {folder}: {error.strerror}; choose another --out.") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
