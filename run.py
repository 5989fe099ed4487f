"""Command line of neuroevo: puts connectomes on trial.

    python run.py --genome stats-prior --task mnist
    python run.py --genome connectome stats-prior random --task swimmer --seeds 10 --graphs 5
    python run.py study studies/schmidgall2022/fig3.toml --scale smoke
    python run.py resume RUN
    python run.py report RUN [RUN ...]
    python run.py replay RUN [--lineage TASK/GENOME/GRAPH/SEED ...]
    python run.py stats --connectome celegans --genome stats-prior random --samples 20
    python run.py sample --connectome celegans --genome stats-prior --samples 10 --out DIR
    python run.py list [NAME ...]

Exit status: 0 done; 1 the run failed; 2 the request was wrong; 130 interrupted.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

import populations
import tasks
from neuroevo import plugins
from neuroevo.connectome import catalog
from neuroevo.connectome.model import Connectome
from neuroevo.errors import EvaluationError, NeuroevoError, OptionError, require_range, unknown
from neuroevo.experiment import listing
from neuroevo.experiment.config import SELECTIONS, TRACKERS, Configuration, resolve
from neuroevo.experiment.execute import execute, resume
from neuroevo.plugins import Entrant
from neuroevo.text import one_line

__all__ = ["main", "populations", "tasks"]  # importing the two packages registers what they hold

_FORM = "[label=]name[:option=value,...]"
_NULL = "degree"  # the null model of triads and of the rich club


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Raises OptionError in place of printing the usage."""
        raise OptionError(f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.")

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parses arguments; an option that is unknown or given twice is named before all else.

        Raises:
            OptionError: If the arguments cannot be read.
        """
        known, given = self._option_string_actions, set()
        for argument in arguments:
            name = argument.partition("=")[0]
            if not re.match(r"-+[^\W\d]", name):  # a value, such as -1
                continue
            if name not in known:
                raise OptionError(unknown("option", name, [o for o in known if o.startswith("--")]))
            if name in given and known[name].nargs != "+":
                raise OptionError(f"Option {name!r} is given twice; give it once.")
            given.add(name)
        return self.parse_args(arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)  # plug-ins lie where the user works; last, so that they hide nothing
    try:
        return _command(arguments)
    except KeyboardInterrupt as interrupt:
        print(interrupt.args[0] if interrupt.args else "interrupted", file=sys.stderr)
        return 130
    except EvaluationError as error:
        message, _, trace = str(error).partition("\n")
        print(f"error: {message}", *([f"\n{trace}"] if trace else []), sep="\n", file=sys.stderr)
        return 1
    except NeuroevoError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has gone, as in `run.py list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _command(arguments: list[str]) -> int:
    """Runs the command that the first argument names; without one, `run`."""
    commands: dict[str, Callable[[list[str]], int]] = {
        "run": _run,
        "study": _study,
        "resume": _resume,
        "report": _report,
        "replay": _replay,
        "stats": _stats,
        "sample": _sample,
        "list": _list,
    }
    if arguments[0] in commands:
        return commands[arguments[0]](arguments[1:])
    if not arguments[0].startswith("-"):
        raise OptionError(unknown("command", arguments[0], commands))
    return _run(arguments)


def _run(arguments: list[str]) -> int:
    """Evolves every prior on every task."""
    options = _run_parser().read(arguments)
    config = Configuration() if options.config is None else Configuration.read(options.config)
    given = {f.name: getattr(options, f.name, None) for f in fields(Configuration)}
    config = config.override(
        {k: tuple(v) if isinstance(v, list) else v for k, v in given.items() if v is not None}
    )
    config, genomes, chosen = resolve(config)
    out = _default_folder(config) if options.out is None else Path(options.out)
    execute((config, genomes, chosen), out, ["run", *arguments], options.quiet)
    return 0


def _study(arguments: list[str]) -> int:
    """Carries out all runs of a study at a scale, and reports them together."""
    parser = Parser(prog="run.py study", description=_study.__doc__, allow_abbrev=False)
    parser.add_argument("study", help="TOML file, such as studies/schmidgall2022/fig3.toml")
    parser.add_argument("--scale", default="smoke", metavar="NAME", help="one of its scales (default smoke)")
    parser.add_argument("--workers", type=whole, metavar="N", help="evaluators (default: one a core)")
    parser.add_argument("--out", metavar="DIR", help="new folder (default runs/STUDY-SCALE-N)")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    options = parser.read(arguments)
    from neuroevo.experiment.study import Study

    stem = f"{Path(options.study).stem}-{options.scale}"
    out = _free(Path("runs") / stem) if options.out is None else Path(options.out)
    changes = {} if options.workers is None else {"workers": options.workers}
    study = Study.read(options.study, options.scale)
    study.begin(out, changes)
    study.carry_out(out, changes, options.quiet)
    return 0


def _resume(arguments: list[str]) -> int:
    """Goes on with a run or a study that ended early, to the results it would have had."""
    parser = Parser(prog="run.py resume", description=_resume.__doc__, allow_abbrev=False)
    parser.add_argument("run", help="its folder")
    parser.add_argument("--workers", type=whole, metavar="N", help="evaluators (default: as before)")
    parser.add_argument("--address", metavar="HOST:PORT", help="Ray cluster to join, or auto")
    parser.add_argument("--deadline", type=whole, metavar="SECONDS", help="in which a worker has to be done")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    options = parser.read(arguments)
    from neuroevo.experiment.study import Study

    given = {"workers": options.workers, "address": options.address, "deadline": options.deadline}
    changes = {name: value for name, value in given.items() if value is not None}
    path = Path(options.run)
    if Study.is_at(path):
        Study.reopen(path).carry_out(path, changes, options.quiet)
    elif not resume(path, changes, options.quiet):
        print(f"{path} is at its end; there is nothing to go on with. To see it: python run.py report {path}")
    return 0


def _report(arguments: list[str]) -> int:
    """Makes the report of a run again, from its files alone; of several runs, one report of all."""
    parser = Parser(prog="run.py report", description=_report.__doc__, allow_abbrev=False)
    parser.add_argument("run", nargs="+", help="run folder")
    parser.add_argument("--out", metavar="DIR", help="new folder for several runs (default runs/joined-N)")
    options = parser.read(arguments)
    from rich.console import Console

    from neuroevo.report.terminal import print_report
    from neuroevo.report.write import write_report
    from neuroevo.run_folder import RunFolder

    runs = [RunFolder.open(path) for path in options.run]
    out = None if options.out is None else Path(options.out)
    if out is None and len(runs) > 1:
        out = _free(Path("runs") / "joined")
    console = Console(highlight=False)
    print_report(write_report(runs, out), console)
    if out is not None:
        console.print(f"Written to {out}", soft_wrap=True, markup=False)
    return 0


def _replay(arguments: list[str]) -> int:
    """Shows what champions of a run do, in pictures: one held-out episode, or all test images."""
    parser = Parser(prog="run.py replay", description=_replay.__doc__, allow_abbrev=False)
    parser.add_argument("run", help="run folder")
    parser.add_argument(
        "--lineage",
        nargs="+",
        action="extend",
        default=[],
        metavar="TASK/GENOME/GRAPH/SEED",
        help="lineages, or the beginning of their names: the best of those (default: the best of every task)",
    )
    parser.add_argument(
        "--episode", type=whole, metavar="N", help="held-out episode (default: a typical one)"
    )
    parser.add_argument("--seed", type=whole, metavar="N", help="other starts, drawn from this seed")
    parser.add_argument(
        "--steps", type=whole, metavar="N", help="show the first control steps (default: all)"
    )
    parser.add_argument("--out", metavar="DIR", help="new folder (default RUN/replay, which is replaced)")
    options = parser.read(arguments)
    from neuroevo.report.replay.replay import replay
    from neuroevo.report.replay.show import Request
    from neuroevo.run_folder import RunFolder

    folder = RunFolder.open(options.run)
    request = Request(options.episode, options.seed, options.steps)
    out = None if options.out is None else Path(options.out)
    for line in replay(folder, options.lineage, request, out):
        print(line)
    if out is None:
        print(f"To see them in the report: python run.py report {shlex.quote(options.run)}")
    return 0


def _stats(arguments: list[str]) -> int:
    """Prints statistics of a connectome, and of priors sampled from it."""
    parser = Parser(prog="run.py stats", description=_stats.__doc__, allow_abbrev=False)
    _add_wiring(parser)
    parser.add_argument(
        "--genome", nargs="+", action="extend", default=[], metavar="SPEC", help=f"priors, {_FORM}"
    )
    parser.add_argument("--samples", type=whole, default=20, help="samples of each prior (default 20)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", metavar="DIR", help="new folder for pictures and stats.json")
    options = parser.read(arguments)
    from neuroevo.report.figures.wiring import write_pictures
    from neuroevo.run_folder import RunFolder
    from neuroevo.wiring.comparison import compare

    wiring, genomes = _sampled(options)
    if options.out is not None:
        RunFolder.check_free(options.out)
    comparison = compare(wiring, genomes, options.samples, options.seed, _null())
    written = [] if options.out is None else write_pictures(comparison, Path(options.out))
    if options.json:
        print(json.dumps(comparison.figures, indent=2))
        return 0
    from neuroevo.report.wiring_table import print_comparison

    print_comparison(comparison.figures)
    for path in written:
        print(path)
    return 0


def _null() -> Entrant | None:
    """Returns the prior that triads are held against: random wirings with the same in- and out-degrees."""
    from neuroevo.plugins import resolve_genomes

    return resolve_genomes([_NULL])[0] if _NULL in plugins.priors.names() else None


def _sample(arguments: list[str]) -> int:
    """Writes samples of priors as edge tables, `<genome>-<k>.csv`, that --connectome reads."""
    parser = Parser(prog="run.py sample", description=_sample.__doc__, allow_abbrev=False)
    _add_wiring(parser)
    parser.add_argument(
        "--genome", nargs="+", action="extend", required=True, metavar="SPEC", help=f"priors, {_FORM}"
    )
    parser.add_argument("--samples", type=whole, default=1, help="samples of each prior (default 1)")
    parser.add_argument("--out", required=True, metavar="DIR", help="new folder for the tables")
    options = parser.read(arguments)
    from rich.console import Console

    from neuroevo.report.wiring_table import print_notes
    from neuroevo.wiring.sampling import write_samples

    wiring, genomes = _sampled(options)
    written, notes = write_samples(wiring, genomes, options.samples, options.seed, Path(options.out))
    for path in written:
        print(path)
    print_notes(notes, Console(stderr=True, highlight=False))  # standard output lists the tables alone
    return 0


def _list(arguments: list[str]) -> int:
    """Lists priors, tasks, connectomes and neuron models; with names, tells all about these."""
    parser = Parser(prog="run.py list", description=_list.__doc__, allow_abbrev=False)
    parser.add_argument(
        "name", nargs="*", help="prior, task or search: what it is, its options; your own as module:Name"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.read(arguments)
    if options.name:
        for plugin in [listing.find(name) for name in options.name]:
            print(f"{plugin.kind} {plugin.name}\n\n{inspect.getdoc(plugin.target)}\n")
        return 0
    sections = listing.sections()
    if options.json:
        print(json.dumps(sections, indent=2))
    else:
        from neuroevo.experiment.listing import print_sections

        print_sections(sections)
    return 0


def whole(text: str) -> int:
    """Returns a whole number within 64 bits; argparse quotes the error."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted a whole number") from None
    if abs(number) >= 2**63:
        raise argparse.ArgumentTypeError(f"got {text}; wanted a whole number below 2^63")
    return number


def workers(text: str) -> int | None:
    """Returns a number of workers; `auto` is None; argparse quotes the error."""
    return None if text == "auto" else whole(text)


def _run_parser() -> Parser:
    """Returns the parser of `run`; defaults are Configuration's."""
    parser = Parser(
        prog="run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--genome", nargs="+", action="extend", metavar="SPEC", help=f"priors, {_FORM}")
    add("--task", nargs="+", action="extend", metavar="SPEC", help="tasks, in the same form")
    add("--connectome", metavar="NAME|FILE", help="name or file of a wiring (default celegans-motor)")
    add("--inputs", metavar="CELLS", help="cells that take input: roles, classes or names joined by +")
    add("--outputs", metavar="CELLS", help="cells that give output, likewise")
    add("--neuron", metavar="SPEC", help="neuron model, name[:option=value,...] (default leaky)")
    add("--adapter", metavar="SPEC", help="maps from sensors and to actuators (default linear)")
    add("--search", metavar="SPEC", help="search method, in the same form (default pgpe)")
    add("--seeds", type=whole, metavar="N", help="replicates of every architecture (default 1)")
    add("--graphs", type=whole, metavar="N", help="samples of every prior (default 1)")
    add("--generations", type=whole, metavar="N", help="generations (default: the task's)")
    add("--evaluations", type=whole, metavar="N", help="evaluations a lineage, in place of generations")
    add("--population", type=whole, metavar="N", help="genomes of a generation, even (default: the task's)")
    add("--episodes", type=whole, metavar="N", help="episodes or images a generation (default: the task's)")
    add("--workers", type=workers, metavar="N", help="evaluators (default auto: one a core; 0: this process)")
    add("--address", metavar="HOST:PORT", help="Ray cluster to join, or auto")
    add("--per-worker", metavar="SHARES", help="what each reserves, cpus=1,gpus=0,memory=GiB")
    add("--deadline", type=whole, metavar="SECONDS", help="in which a worker has to be done (adapts)")
    add("--device", metavar="NAME", help="auto, cpu or cuda (default auto)")
    add("--seed", type=whole, metavar="N", help="root of all random numbers (default 0)")
    add("--selection", metavar="NAME", help=f"{', '.join(SELECTIONS)} (default tournament)")
    add(
        "--margin",
        nargs="+",
        action="extend",
        metavar="X|TASK=X",
        help="smallest difference that matters, in the score's unit (default: equivalence is not tested)",
    )
    add("--track", nargs="+", action="extend", metavar="NAME", help=f"trackers: {', '.join(TRACKERS)}")
    add("--out", metavar="DIR", help="run folder (default runs/TASK-GENOME-N)")
    add("--config", metavar="FILE", help="request as TOML, such as a run folder's config.toml")
    add("--quiet", action="store_true", help="print errors only")
    return parser


def _add_wiring(parser: Parser) -> None:
    """Adds the options that say which wiring, and which samples of it."""
    parser.add_argument("--connectome", default="celegans-motor", metavar="NAME|FILE", help="wiring")
    parser.add_argument("--inputs", metavar="CELLS", help="cells that take input")
    parser.add_argument("--outputs", metavar="CELLS", help="cells that give output")
    parser.add_argument("--seed", type=whole, default=0, help="root of all random numbers (default 0)")


def _sampled(options: argparse.Namespace) -> tuple[Connectome, list[Entrant]]:
    """Returns the wiring and priors of `stats` and `sample`."""
    from neuroevo.plugins import resolve_genomes

    require_range("samples", options.samples, 1)
    require_range("seed", options.seed, 0)
    wiring = catalog.load(options.connectome).with_ports(options.inputs, options.outputs)
    return wiring, resolve_genomes(options.genome)


def _default_folder(config: Configuration) -> Path:
    """Returns a new folder name under runs/: the tasks, the genomes and a number."""
    names = [plugins.Spec.parse(text).name for text in (*config.task, *config.genome)]
    stem = "-".join("".join(c if c.isalnum() else "-" for c in name) for name in names)[:60]
    return _free(Path("runs") / stem)


def _free(stem: Path) -> Path:
    """Returns a path that does not exist: a stem and the first number that is free."""
    taken = 1
    while (path := stem.with_name(f"{stem.name}-{taken}")).exists():
        taken += 1
    return path


if __name__ == "__main__":
    sys.exit(main())
