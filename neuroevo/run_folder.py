"""The run folder: everything a run leaves behind, and the only thing a report is made from.

    config.toml             the resolved request
    manifest.json           versions, commit, device, hashes, wall time, planned lineages, units
    metrics.jsonl           a `MetricsRow` a lineage a generation, appended while the run goes on
    results.jsonl           a `ResultRow` a lineage, with its held-out score
    run.log                 what happened when, a line an event; a run that is resumed goes on in it
    selection.jsonl         a `SelectionRow` a decision of a race, or a population an epoch
    checkpoint.safetensors  states of all lineages; and checkpoint.previous.safetensors, those before
    champions/NAME/         architecture.json and parameters.safetensors of a lineage; where none evolves,
                            of the best of each genome

A row's last column, `request`, is the mark of the request that it answers, see `seal`; readers check it and
leave it out. Files are replaced whole; only the .jsonl files are appended to, and `unfinished` reports half a
line that a process left at their end when it died. `files` says how, and `rows` what the columns are. Nothing
is pickled. A folder has one writer at a time.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np

from neuroevo import checkpoint, outside, seal, toml, trust
from neuroevo.errors import RunError
from neuroevo.extent import Extent, shortfall
from neuroevo.files import (
    Row,
    append_lines,
    atomic_write,
    clear_remains,
    explained,
    half_line,
    line_of,
    make_folder,
    open_to_append,
    parse,
    read,
    read_lines,
    sync,
    to_json,
    write_new,
)
from neuroevo.folders import check_free, safe_name
from neuroevo.forms import Form
from neuroevo.rows import (
    ConfigRow,
    ConfirmationRow,
    EpochRow,
    Identity,
    Manifest,
    MetricsRow,
    ResultRow,
    RungRow,
    SelectionRow,
)
from neuroevo.seal import Seal
from neuroevo.toml import TomlError
from neuroevo.trust import Trust

CONFIG, MANIFEST, METRICS, RESULTS = "config.toml", "manifest.json", "metrics.jsonl", "results.jsonl"
SELECTION = "selection.jsonl"
ROWS = (METRICS, RESULTS, SELECTION)  # files of rows
CHAMPIONS = "champions"
WRITTEN = (CONFIG, MANIFEST, METRICS, RESULTS, SELECTION, checkpoint.NEWEST)  # by the one writer of a folder
IDENTITY = ("task", "genome", "graph", "seed")  # of a lineage
MAX_EPISODE_SCORES = 1_000  # longer lists, such as one value an image, are written as null

METRICS_FORM, RESULT_FORM = Form((MetricsRow,)), Form((ResultRow,))
SELECTION_FORM = Form((RungRow, ConfirmationRow, EpochRow))
MANIFEST_FORM, CONFIG_FORM = Form((Manifest,)), Form((ConfigRow,))

Key = tuple[str, str, int, int]


@dataclass(frozen=True)
class RunFolder:
    """A run folder on disk; made by `create` or `open`.

    Attributes:
        path: The folder.
    """

    path: Path

    @classmethod
    def create(
        cls, path: str | Path, config: Mapping[str, object], manifest: Mapping[str, object]
    ) -> RunFolder:
        """Makes a new run folder; it appears whole or not at all.

        Args:
            path: Where; missing parents are made.
            config: The resolved request, plain types; entries that are None are left out.
            manifest: What is known at the start. A report reads, where present: `command` (list of
                arguments), `versions`, `commit`, `device`, `wall_seconds`, `tasks` ({TASK: {"unit",
                "fitness_unit"}}) and `lineages` (planned: rows with task, genome, graph, seed). `requests`,
                the seal, is made of `config` where it is not given.

        Returns:
            The folder.

        Raises:
            RunError: If the path exists or cannot be written.
        """
        import tomli_w

        path = Path(path)
        check_free(path)
        given = _without_none(config)
        text = tomli_w.dumps(given).encode()
        known: Row = {**manifest, "requests": manifest.get("requests", [seal.entry(given)])}
        if signature := trust.sign(text, given):
            known[trust.SIGNATURE] = signature
        # A sibling lies on the same file system, so that the rename is atomic.
        new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new.mkdir()
            atomic_write(new / CONFIG, text)
            atomic_write(new / MANIFEST, to_json(known, indent=2).encode())
            new.rename(path)
        except OSError as error:
            shutil.rmtree(new, ignore_errors=True)
            raise RunError(f"Cannot make {path}: {error.strerror}; choose another --out.") from error
        return cls(path)

    @classmethod
    def open(cls, path: str | Path, is_mended: bool = False) -> RunFolder:
        """Returns an existing run folder.

        Args:
            path: Where it is.
            is_mended: Whether the caller mends files of rows that are not what the run left when it ended.

        Raises:
            RunError: If it is missing or is not a run folder; if its config.toml is not the request that the
                run has answered, of which the error names the key; or if its rows are not what the run left.
        """
        path = Path(path)
        if not path.is_dir():
            raise RunError(f"{path} is not a folder; wanted one that a run made with --out.")
        for name in (CONFIG, MANIFEST):
            if not (path / name).is_file():
                raise RunError(f"{path} holds no {name}; wanted a folder that a run made with --out.")
        folder = cls(path)
        folder.seal.check_config(folder.config(), path / CONFIG)
        seal.check_plan(folder.manifest().get("plan"), folder.config(), path / CONFIG)
        if not is_mended:
            folder.check_rows()
        return folder

    @property
    def command_to_resume(self) -> str:
        """The command that goes on with the run."""
        return f"python run.py resume {shlex.quote(str(self.path))}"

    @cached_property
    def seal(self) -> Seal:
        """The requests that the run has answered, as the manifest was when this was first asked for.

        Raises:
            RunError: If the manifest is damaged.
        """
        return Seal.of(self.manifest(), self.path / MANIFEST)

    def config(self) -> Row:
        """Returns the resolved request.

        Raises:
            RunError: If the file is damaged.
        """
        extending = self.manifest().get("extending")
        try:
            return toml.loads(str(extending["config"]).encode()) if extending else self._config_file()
        except (TomlError, KeyError, TypeError) as error:
            raise RunError(f"{self.path / MANIFEST} is damaged (its 'extending'); restore it.") from error

    def _config_file(self) -> Row:
        """Returns what config.toml holds; raises RunError if it is damaged."""
        try:
            values = toml.loads(read(self.path / CONFIG))
        except TomlError as error:
            raise RunError(f"{self.path / CONFIG} is damaged: it {error}.") from error
        if what := CONFIG_FORM.fault(values):
            raise RunError(f"{self.path / CONFIG} is damaged ({what}); restore the file.")
        return values

    def trust(self, modules: Sequence[str] = ()) -> Trust:
        """Returns whose code the run's request may name: any if this user had it made on this machine.

        Args:
            modules: Modules that the user named.

        Raises:
            OptionError: If the request names no such module.
            RunError: If a file is damaged.
        """
        request = self.config()
        signed = trust.is_signed(read(self.path / CONFIG), request, self.manifest().get(trust.SIGNATURE))
        trusted = Trust(tuple(modules), signed, trust.UNSIGNED)
        trusted.require_named(request, str(self.path / CONFIG))
        return trusted

    def manifest(self) -> Manifest:
        """Returns the manifest.

        Raises:
            RunError: If the file is damaged.
        """
        return cast(Manifest, parse(read(self.path / MANIFEST), self.path / MANIFEST, form=MANIFEST_FORM))

    def write_manifest(self, **updates: object) -> None:
        """Replaces top-level entries of the manifest.

        Args:
            updates: Entries by name; all others stay.
        """
        text = to_json({**self.manifest(), **updates}, indent=2)
        atomic_write(self.path / MANIFEST, text.encode())
        self.__dict__.pop("seal", None)  # the cached one

    def append_metrics(self, rows: Iterable[MetricsRow]) -> list[bytes]:
        """Appends rows to metrics.jsonl.

        Args:
            rows: A row a lineage a generation.

        Returns:
            The lines.
        """
        return append_lines(self.path / METRICS, rows, self.seal.tail)

    def metrics(self) -> list[MetricsRow]:
        """Returns the complete rows; of a generation that was computed twice, the later row.

        Raises:
            RunError: If a complete line is damaged or of another request; it names file and line.
        """
        return list({(*key_of(row), row["generation"]): row for row in self.stream_metrics()}.values())

    def stream_metrics(self, is_lenient: bool = False) -> Iterator[MetricsRow]:
        """Yields the complete rows as they were written, one in memory at a time.

        Args:
            is_lenient: Whether lines that are damaged or of another request are passed over.

        Raises:
            RunError: If a complete line is damaged or of another request; it names file and line.
        """
        rows = self._rows(METRICS, (*IDENTITY, "generation", "evaluations"), METRICS_FORM, is_lenient)
        return cast(Iterator[MetricsRow], (row for row, _ in rows))

    def replace_metrics(self, rows: Iterable[MetricsRow]) -> None:
        """Replaces all metrics; the file holds the old ones or the new ones, whenever its writer dies.

        Args:
            rows: A row a lineage a generation.
        """
        atomic_write(self.path / METRICS, b"".join(line_of(row, self.seal.tail) for row in rows))

    def append_results(self, rows: Iterable[ResultRow]) -> list[bytes]:
        """Appends rows to results.jsonl.

        Args:
            rows: A row a lineage; more than MAX_EPISODE_SCORES episode scores become null.

        Returns:
            The lines.
        """
        return append_lines(self.path / RESULTS, map(_shortened, rows), self.seal.tail)

    def replace_results(self, rows: Iterable[ResultRow]) -> None:
        """Replaces all results; the file holds the old ones or the new ones, whenever its writer dies.

        Args:
            rows: A row a lineage; more than MAX_EPISODE_SCORES episode scores become null.
        """
        lines = [line_of(_shortened(row), self.seal.tail) for row in rows]
        atomic_write(self.path / RESULTS, b"".join(lines))

    def results(self) -> list[ResultRow]:
        """Returns the complete results; of a lineage that was scored twice, the later row.

        Results that a longer search has made void are left out.

        Raises:
            RunError: If a complete line is damaged or of another request; it names file and line.
        """
        return list({key_of(row): row for row in self.stream_results()}.values())

    def stream_results(self) -> Iterator[ResultRow]:
        """Yields the complete results as they were written, those too that a later row replaces.

        Results that a longer search has made void are left out.

        Raises:
            RunError: If a complete line is damaged or of another request; it names file and line.
        """
        rows = self._rows(RESULTS, (*IDENTITY, "score", "status"), RESULT_FORM)
        stale = self.seal.stale
        return cast(Iterator[ResultRow], (row for row, mark in rows if mark not in stale))

    def append_selection(self, rows: Iterable[SelectionRow]) -> list[bytes]:
        """Appends rows to selection.jsonl.

        Args:
            rows: Of a race, a row a prior a rung, and one when it ends; of mixed populations, a row a
                population an epoch.

        Returns:
            The lines.
        """
        return append_lines(self.path / SELECTION, rows, self.seal.tail)

    def selection(self) -> list[SelectionRow]:
        """Returns the complete rows of `append_selection`, in order; none of a tournament.

        Raises:
            RunError: If a complete line is damaged or of another request; it names file and line.
        """
        rows = self._rows(SELECTION, ("task",), SELECTION_FORM)
        return cast(list[SelectionRow], [row for row, _ in rows])

    def _rows(
        self,
        name: str,
        keys: Sequence[str],
        form: Form,
        is_lenient: bool = False,
    ) -> Iterator[tuple[Row, str | None]]:
        """Yields the complete rows of a file without their marks, and these.

        Raises:
            RunError: If a complete line is damaged, or its mark is that of another request.
        """
        path, marks = self.path / name, self.seal.marks
        for number, row in enumerate(read_lines(path, keys, form, is_lenient), start=1):
            held = row.pop(seal.MARK, None)
            mark = None if held is None else str(held)  # of a damaged row it may be anything
            if mark not in marks and is_lenient:
                continue
            if mark not in marks:
                raise RunError(
                    f"{path}, line {number} is of another request ({seal.MARK} {mark or 'none'}, this run's "
                    f"is {self.seal.sha256[: seal.DIGITS] or 'none'}); restore the file."
                )
            yield row, mark

    def cut(self, name: str, end: int | None = None) -> None:
        """Cuts a file of rows off, and half a line at its end.

        Args:
            name: Its name; it may be missing.
            end: How many bytes stay at most; None leaves all complete lines.

        Raises:
            RunError: If the file cannot be changed.
        """
        path = self.path / name
        if not path.exists():
            return
        with explained("write", path), open_to_append(path) as file:
            size = file.seek(0, os.SEEK_END)
            if end is not None and end < size:
                file.truncate(end)
                size = end
            file.seek(max(0, size - 1))
            if size and file.read() != b"\n":
                file.truncate(path.read_bytes().rfind(b"\n") + 1)

    def sync_rows(self) -> None:
        """Makes all rows that were appended outlast a loss of power.

        Raises:
            RunError: If the operating system refuses.
        """
        for name in ROWS:
            sync(self.path / name)

    def check_rows(self) -> None:
        """Makes sure that the files of rows are what the run left when it ended.

        Raises:
            RunError: If one is shorter, longer or another; it says how to have its rows again.
        """
        for name, what in self.torn().items():
            raise RunError(
                f"{self.path / name} {what} since the run ended. Put it back, or have its rows computed "
                f"again: {self.command_to_resume}"
            )

    def torn(self) -> dict[str, str]:
        """Returns, for each file of rows that is not what the run left when it ended, how it differs.

        Of a run that has not ended, or that a version wrote that had no seals, nothing can be said.

        Raises:
            RunError: If the manifest is damaged, or a file cannot be read.
        """
        extents: object = self.manifest().get("rows") or {}
        torn: dict[str, str] = {}
        if not isinstance(extents, Mapping):
            raise RunError(f"{self.path / MANIFEST} is damaged (its 'rows' are no table); restore the file.")
        for name in ROWS:
            if name in extents:
                extent = _extent(extents[name], self.path / MANIFEST)
                if what := shortfall(self.path / name, extent, is_whole=True):
                    torn[name] = what
        return torn

    def unfinished(self) -> list[str]:
        """Returns a sentence for each file that ends in half a line."""
        sentences = []
        for name in ROWS:
            if number := half_line(self.path / name):
                sentences.append(f"{name} ends in half a line (line {number}), which is left out.")
        return sentences

    def champion_path(self, lineage: Key) -> Path:
        """Returns the folder of a lineage in `champions/`.

        Args:
            lineage: (task, genome label, graph, seed).
        """
        task, genome, graph, seed = lineage
        name = f"{safe_name(task)}__{safe_name(genome)}__g{int(graph)}__s{int(seed)}"
        return self.path / CHAMPIONS / name

    def write_champion(
        self, lineage: Key, architecture: Mapping[str, object] | bytes, parameters: Mapping[str, np.ndarray]
    ) -> Path:
        """Writes a lineage's architecture and parameters.

        Args:
            lineage: (task, genome label, graph, seed); labels are quoted for use in a file name.
            architecture: Plain JSON types, or the JSON of these.
            parameters: Arrays by name.

        Returns:
            Their folder.
        """
        folder = self.champion_path(lineage)
        make_folder(folder, self.path)
        text = architecture if isinstance(architecture, bytes) else to_json(architecture).encode()
        atomic_write(folder / "architecture.json", text)
        atomic_write(folder / "parameters.safetensors", _save(parameters))
        return folder

    def write_checkpoint(self, arrays: Mapping[str, np.ndarray], state: Mapping[str, object]) -> None:
        """Writes a checkpoint, see `checkpoint`; the newest becomes the one before.

        Args:
            arrays: Arrays by name.
            state: All that is no array, plain JSON types; the request that the run answers is added.
        """
        checkpoint.save(self.path, arrays, {**state, "request": self.seal.sha256 or None})

    def read_checkpoint(self) -> tuple[dict[str, np.ndarray], Row]:
        """Returns arrays by name and the state of the newest checkpoint that can be used.

        Raises:
            RunError: If there is none, or it is of another request.
        """
        arrays, state, _ = checkpoint.load(self.path, self.check_checkpoint)
        state.pop("request", None)
        return arrays, state

    def check_checkpoint(self, state: Row, path: Path) -> None:
        """Makes sure that a checkpoint is of a request that the run has answered.

        Args:
            state: What it holds beside arrays.
            path: Its file, for errors.

        Raises:
            RunError: If it is of another.
        """
        self.seal.check_checkpoint(state.get("request"), path)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Keeps other processes from writing here, until this one leaves the context or dies.

        Yields:
            Nothing.

        Raises:
            RunError: If another process is writing.
        """
        try:
            import fcntl
        except ImportError:  # a system without file locks
            yield
            return
        path, busy = self.path / CONFIG, f"Another process is writing to {self.path}; wait for it or stop it."
        with contextlib.ExitStack() as stack:
            with explained("open", path):
                file = stack.enter_context(outside.opened(path))
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise RunError(busy) from None
                if not os.path.samestat(os.fstat(file.fileno()), path.stat()):  # its writer replaced it
                    raise RunError(busy)
            self.__dict__["_locks"] = stack
            clear_remains(self.path, WRITTEN)
            yield

    def extend(self, config: Mapping[str, object], **updates: object) -> None:
        """Makes another request that of the run, from `writing`: in the manifest, then in config.toml.

        Args:
            config: The resolved request.
            updates: Entries of the manifest by name, the seal among them.

        Raises:
            RunError: If it cannot be written.
        """
        import tomli_w

        given = _without_none(config)
        text = tomli_w.dumps(given)
        # What this user had made stays trusted; of another's folder, trust is asked for again.
        signature = trust.sign(text.encode(), given) if self.trust().is_signed else ""
        self.write_manifest(**updates, extending={"config": text, trust.SIGNATURE: signature})
        self.settle_request()

    def settle_request(self) -> None:
        """Carries an extension through, perhaps one that a process did not live to; else nothing is done.

        Raises:
            RunError: If it cannot be written.
        """
        extending = self.manifest().get("extending")
        if not extending:
            return
        path = self.path / CONFIG
        new = write_new(path, str(extending["config"]).encode())
        with explained("write", path):
            with contextlib.suppress(ImportError):
                import fcntl

                file = self.__dict__["_locks"].enter_context(outside.opened(new))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # before anybody can find it
            os.replace(new, path)
        signature = extending.get(trust.SIGNATURE)
        self.write_manifest(extending=None, **({trust.SIGNATURE: signature} if signature else {}))


def key_of(row: Identity) -> Key:
    """Returns a row's lineage: (task, genome, graph, seed).

    Args:
        row: A row that names a lineage.
    """
    return row["task"], row["genome"], row["graph"], row["seed"]


def _extent(value: object, path: Path) -> Extent:
    """Returns what a manifest vouches for of a file; raises RunError if it is no such thing."""
    if (
        isinstance(value, Mapping)
        and type(value.get("bytes")) is int
        and isinstance(value.get("sha256"), str)
    ):
        return {"bytes": value["bytes"], "sha256": value["sha256"]}
    raise RunError(f"{path} is damaged (its 'rows' are no lengths and SHA-256); restore the file.")


def _without_none(config: Mapping[str, object]) -> Row:
    """Returns a configuration without entries that are None, for which TOML has no word."""
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in config.items()
        if value is not None
    }


def _shortened(row: ResultRow) -> ResultRow:
    """Returns a result without a long list of episode scores."""
    scores = row.get("episode_scores")
    return {**row, "episode_scores": None} if scores is not None and len(scores) > MAX_EPISODE_SCORES else row


def _save(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns arrays in the safetensors format, which takes rows in C order only."""
    import safetensors.numpy

    return safetensors.numpy.save({name: np.asarray(array, order="C") for name, array in arrays.items()})
