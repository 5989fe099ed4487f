"""Command line of neuroevo: puts connectomes on trial.

    python run.py --genome stats-prior --task mnist
    python run.py --genome connectome stats-prior random --task swimmer --seeds 10 --graphs 5
    python run.py report RUN [RUN ...]
    python run.py stats --connectome celegans --genome stats-prior random --samples 20
    python run.py sample --connectome celegans --genome stats-prior --samples 10 --out DIR
    python run.py list

Exit status: 0 done; 1 the run failed; 2 the request was wrong; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import populations
import tasks
from neuroevo import connectome, neurons, plugins
from neuroevo.configuration import Configuration, resolve
from neuroevo.errors import EvaluationError, NeuroevoError, OptionError, RunError, require_range

if TYPE_CHECKING:
    from neuroevo.records import RunFolder

__all__ = ["main", "populations", "tasks"]  # importing the two packages registers what they hold


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Raises OptionError in place of printing the usage."""
        raise OptionError(f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    commands: dict[str, Callable[[list[str]], int]] = {
        "run": _run,
        "report": _report,
        "stats": _stats,
        "sample": _sample,
        "list": _list,
    }
    try:
        if arguments and arguments[0] in commands:
            return commands[arguments[0]](arguments[1:])
        if arguments and not arguments[0].startswith("-"):
            from neuroevo.errors import unknown

            raise OptionError(unknown("command", arguments[0], commands))
        if not arguments:
            arguments = ["--help"]
        return _run(arguments)
    except KeyboardInterrupt:
        print(
            "interrupted; what was done is in the run folder. Run it again with another --out.",
            file=sys.stderr,
        )
        return 130
    except EvaluationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except NeuroevoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has gone, as in `run.py list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(arguments: list[str]) -> int:
    """Evolves every prior on every task."""
    options = _run_parser().parse_args(arguments)
    config = Configuration.read(options.config) if options.config else Configuration()
    given = {f.name: getattr(options, f.name, None) for f in fields(Configuration)}
    config = replace(
        config, **{k: tuple(v) if isinstance(v, list) else v for k, v in given.items() if v is not None}
    )
    config, genomes, chosen = resolve(config)
    wiring = connectome.load(config.connectome).with_ports(config.inputs, config.outputs)
    out = Path(options.out) if options.out else _default_folder(config)
    return _tournament(config, wiring, genomes, chosen, out, ["run", *arguments], options.quiet)


def _tournament(
    config: Configuration,
    wiring: connectome.Connectome,
    genomes: list[Any],
    chosen: list[Any],
    out: Path,
    arguments: list[str],
    quiet: bool,
) -> int:
    """Runs the resolved request and prints the tables."""
    from rich.console import Console

    from neuroevo.evaluator import default_workers, pool
    from neuroevo.records import RunFolder
    from neuroevo.report import print_report, write_report
    from neuroevo.terminal import Display

    if out.exists():  # before the first long step; `create` checks again
        raise RunError(f"{out} exists; wanted a new folder. Choose another --out or move it away.")
    console = Console(quiet=quiet, highlight=False)
    workers = default_workers() if config.workers is None else config.workers
    with Display(console, quiet) as display:
        display.say("starting" if workers == 0 else f"starting {workers} workers")
        with pool(workers, config.address) as where:
            from neuroevo.manifest import manifest
            from neuroevo.tournament import Tournament

            tournament = Tournament(config, wiring, genomes, chosen)
            display.say(f"preparing {', '.join(tournament.tasks)}")
            tournament.prepare()
            folder = RunFolder.create(out, config.to_dict(), manifest(tournament, wiring, arguments, workers))
            display.say(f"setting the gains of {len(tournament.samples)} architectures")
            display.work = {label: task.steps * task.episodes for label, task in tournament.tasks.items()}
            with _status(folder):
                tournament.run(where, folder, display.update)
    print_report(write_report(folder), console)
    console.print(f"Written to {out}", soft_wrap=True)
    return 0


@contextmanager
def _status(folder: RunFolder) -> Iterator[None]:
    """Writes into the manifest how a run ended, and how long it took."""
    started = time.monotonic()
    status = "failed"
    try:
        yield
        status = "done"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        folder.write_manifest(status=status, wall_seconds=round(time.monotonic() - started, 2))


def _report(arguments: list[str]) -> int:
    """Makes the report of run folders again, from their files alone."""
    parser = Parser(prog="run.py report", description=_report.__doc__, allow_abbrev=False)
    parser.add_argument("run", nargs="+", help="run folder")
    options = parser.parse_args(arguments)
    from rich.console import Console

    from neuroevo.records import RunFolder
    from neuroevo.report import print_report, write_report

    for folder in [RunFolder.open(path) for path in options.run]:
        print_report(write_report(folder), Console(highlight=False))
    return 0


def _stats(arguments: list[str]) -> int:
    """Prints statistics of a connectome, and of priors sampled from it."""
    parser = Parser(prog="run.py stats", description=_stats.__doc__, allow_abbrev=False)
    _add_wiring(parser)
    parser.add_argument("--genome", nargs="+", default=[], metavar="SPEC", help="priors to compare")
    parser.add_argument("--samples", type=int, default=20, help="samples of each prior (default 20)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    from neuroevo.comparison import compare, print_comparison

    wiring, genomes = _sampled(options)
    figures = compare(wiring, genomes, options.samples, options.seed)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        print_comparison(figures)
    return 0


def _sample(arguments: list[str]) -> int:
    """Writes samples of priors as edge tables, `<genome>-<k>.csv`, that --connectome reads."""
    parser = Parser(prog="run.py sample", description=_sample.__doc__, allow_abbrev=False)
    _add_wiring(parser)
    parser.add_argument("--genome", nargs="+", required=True, metavar="SPEC", help="priors to sample")
    parser.add_argument("--samples", type=int, default=1, help="samples of each prior (default 1)")
    parser.add_argument("--out", required=True, metavar="DIR", help="new folder for the tables")
    options = parser.parse_args(arguments)
    from neuroevo.comparison import write_samples

    wiring, genomes = _sampled(options)
    for path in write_samples(wiring, genomes, options.samples, options.seed, Path(options.out)):
        print(path)
    return 0


def _list(arguments: list[str]) -> int:
    """Lists priors, tasks, connectomes and neuron models."""
    parser = Parser(prog="run.py list", description=_list.__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    sections = {
        "genomes": {p.name: {"summary": p.summary, "options": p.defaults} for p in plugins.priors},
        "tasks": {p.name: {"summary": p.summary, "options": p.defaults} for p in plugins.tasks},
        "connectomes": {name: {"summary": line} for name, line in connectome.summaries().items()},
        "neurons": {
            name: {"summary": (model.__doc__ or "").split(":")[0]} for name, model in neurons.MODELS.items()
        },
    }
    if options.json:
        print(json.dumps(sections, indent=2))
    else:
        _print_sections(sections)
    return 0


def _print_sections(sections: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Prints each section: names, summaries, options."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for title, entries in sections.items():
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True, min_width=18)
        table.add_column()
        for name, entry in entries.items():
            chosen = ", ".join(f"{k}={_plain(v)}" for k, v in entry.get("options", {}).items())
            text = Text(entry["summary"])
            if chosen:
                text.append(f"\n{chosen}", style="dim")
            table.add_row(name, text)
        console.print(Text(title.upper(), style="dim"))
        console.print(table)
        console.print()


def _plain(value: Any) -> str:
    """Returns an option's default as the command line writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _run_parser() -> Parser:
    """Returns the parser of `run`; defaults are Configuration's."""
    parser = Parser(
        prog="run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--genome", nargs="+", metavar="SPEC", help="priors, [label=]name[:option=value,...]")
    add("--task", nargs="+", metavar="SPEC", help="tasks, in the same form")
    add("--connectome", metavar="NAME|FILE", help="bundled wiring or CSV edge table (default celegans-motor)")
    add("--inputs", metavar="CELLS", help="cells that take input: roles, classes or names joined by +")
    add("--outputs", metavar="CELLS", help="cells that give output, likewise")
    add("--neuron", metavar="NAME", help="neuron model (default leaky)")
    add("--search", metavar="NAME", help="search method (default pgpe)")
    add("--seeds", type=int, metavar="N", help="replicates of every architecture (default 1)")
    add("--graphs", type=int, metavar="N", help="samples of every prior (default 1)")
    add("--generations", type=int, metavar="N", help="generations (default: the task's)")
    add("--population", type=int, metavar="N", help="genomes of a generation, even (default: the task's)")
    add("--episodes", type=int, metavar="N", help="episodes or images a generation (default: the task's)")
    add("--workers", type=int, metavar="N", help="evaluators; 0 runs in this process (default: one a core)")
    add("--address", metavar="HOST:PORT", help="Ray cluster to join, or auto")
    add("--device", metavar="NAME", help="auto, cpu or cuda (default auto)")
    add("--seed", type=int, metavar="N", help="root of all random numbers (default 0)")
    add("--out", metavar="DIR", help="run folder (default runs/TASK-GENOME-N)")
    add("--config", metavar="FILE", help="request as TOML, such as a run folder's config.toml")
    add("--quiet", action="store_true", help="print errors only")
    return parser


def _add_wiring(parser: Parser) -> None:
    """Adds the options that say which wiring, and which samples of it."""
    parser.add_argument("--connectome", default="celegans-motor", metavar="NAME|FILE", help="wiring")
    parser.add_argument("--inputs", metavar="CELLS", help="cells that take input")
    parser.add_argument("--outputs", metavar="CELLS", help="cells that give output")
    parser.add_argument("--seed", type=int, default=0, help="root of all random numbers (default 0)")


def _sampled(options: argparse.Namespace) -> tuple[connectome.Connectome, list[Any]]:
    """Returns the wiring and priors of `stats` and `sample`."""
    from neuroevo.configuration import resolve_genomes

    require_range("samples", options.samples, 1)
    require_range("seed", options.seed, 0, 2**63 - 1)
    wiring = connectome.load(options.connectome).with_ports(options.inputs, options.outputs)
    return wiring, resolve_genomes(options.genome)


def _default_folder(config: Configuration) -> Path:
    """Returns a new folder name under runs/: the tasks, the genomes and a number."""
    from neuroevo.plugins import Spec

    names = [Spec.parse(text).name for text in (*config.task, *config.genome)]
    stem = "-".join("".join(c if c.isalnum() else "-" for c in name) for name in names)[:60]
    taken = 1
    while (path := Path("runs") / f"{stem}-{taken}").exists():
        taken += 1
    return path


if __name__ == "__main__":
    sys.exit(main())
