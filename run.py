"""Command line of neuroevo: puts connectomes on trial.

    python run.py --genome stats-prior --task mnist
    python run.py --genome connectome stats-prior random --task swimmer --seeds 10 --graphs 5
    python run.py study studies/schmidgall2022/fig3.toml --scale smoke
    python run.py resume RUN
    python run.py score RUN
    python run.py report RUN [RUN ...]
    python run.py replay RUN [--lineage TASK/GENOME/GRAPH/SEED ...]
    python run.py export RUN --out champion.safetensors
    python run.py stats --connectome celegans --genome stats-prior random --samples 20
    python run.py sample --connectome celegans --genome stats-prior --samples 10 --out DIR
    python run.py list [NAME ...]

Exit status: 0 done; 1 the run failed; 2 the request was wrong; 130 interrupted.
"""

# Each command imports what it alone needs: `list` is to answer in a quarter of a second.

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # Python searches this file's folder, or with -m the working folder, before all others: from here on only
    # what is named is found there, see `finder`. The program itself is what lies beside this file, whatever
    # else is installed under its name.
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    HERE, FIRST = os.path.dirname(os.path.abspath(__file__)), sys.path.pop(0)
    if (spec := PathFinder.find_spec("neuroevo", [HERE])) and spec.loader:
        sys.modules["neuroevo"] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules["neuroevo"])
    from neuroevo import finder

    finder.claim(HERE, ["populations", "tasks", "run"])
    finder.isolate(FIRST)

import argparse
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import populations
import tasks
from neuroevo import caches, finder, log, plugins
from neuroevo.connectome import catalog
from neuroevo.connectome.model import Connectome
from neuroevo.errors import EvaluationError, NeuroevoError, OptionError, require_range, unknown
from neuroevo.experiment import listing
from neuroevo.experiment.config import Configuration, flags
from neuroevo.plugins import PluginCall
from neuroevo.screen import Screen
from neuroevo.text import one_line, visible
from neuroevo.trust import Trust

if TYPE_CHECKING:
    from neuroevo.experiment.execute import Outcome
    from neuroevo.experiment.study import Study

__all__ = ["main", "populations", "tasks"]  # importing the two packages registers what they hold

_NULL = "degree"  # the null model of triads and of the rich club

USUAL = Configuration()
CHANGES = ("workers", "address", "deadline")  # fields of a request on which results do not depend
MORE = ("generations", "evaluations", "seeds", "graphs")  # of which more can be asked for later
WIRING = ("connectome", "inputs", "outputs", "seed", "genome")  # fields that `stats` and `sample` have too


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program, with one line in place of the usage.

        Args:
            message: What argparse says.

        Raises:
            OptionError: Always.
        """
        raise OptionError(f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.")

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parses arguments; an option that is unknown or given twice is named before all else.

        Args:
            arguments: All arguments of the command.

        Returns:
            The values by name.

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


def program() -> int:
    """Runs the command of this process, as the console script `neuroevo`.

    Returns:
        The exit status.
    """
    finder.isolate(os.path.dirname(sys.argv[0]))
    return main()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: Arguments of the command line, or None for those of this process.

    Returns:
        The exit status.
    """
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        return _command(arguments)
    except KeyboardInterrupt as interrupt:
        print(visible(str(interrupt.args[0] if interrupt.args else "interrupted")), file=sys.stderr)
        return 130
    except EvaluationError as error:
        message, _, trace = str(error).partition("\n")
        print(
            *map(visible, [f"error: {message}", *([f"\n{trace}"] if trace else [])]),
            sep="\n",
            file=sys.stderr,
        )
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
        "score": _score,
        "report": _report,
        "replay": _replay,
        "export": _export,
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
    given = _given(options, flags())
    if options.config is not None:
        config = Configuration.read(options.config, _trust(options), given)
    elif options.trust:
        raise OptionError("Option '--trust' was given without --config; plug-ins named here are trusted.")
    else:
        config = Configuration()
    config = config.override(given)
    from neuroevo.experiment.request import resolve

    experiment = resolve(config)  # before PyTorch and Ray are imported: a wrong request is answered at once
    from neuroevo.experiment import execute
    from neuroevo.experiment.display import Display

    out = None if options.out is None else Path(options.out)
    console = Screen(quiet=options.quiet, highlight=False)
    with _log_to(options), Display(console, options.quiet) as display:
        outcome = execute.run(experiment, out, command=["run", *arguments], watcher=display)
    return _print_outcome(outcome, console)


def _study(arguments: list[str]) -> int:
    """Carries out all runs of a study at a scale, and reports them together."""
    parser = Parser(prog="run.py study", description=_study.__doc__, allow_abbrev=False)
    parser.add_argument("study", help="TOML file, such as studies/schmidgall2022/fig3.toml")
    parser.add_argument("--scale", default="smoke", metavar="NAME", help="one of its scales (default smoke)")
    _add_flags(parser, *CHANGES)
    _add_trust(parser)
    parser.add_argument("--out", metavar="DIR", help="new folder (default runs/STUDY-SCALE-N)")
    _add_output(parser)
    options = parser.read(arguments)
    from neuroevo.experiment.study import Study
    from neuroevo.folders import claim

    changes = _given(options, CHANGES)
    study = Study.read(options.study, options.scale, _trust(options), changes)
    given, stem = options.out, f"{Path(options.study).stem}-{options.scale}"
    with claim(None if given is None else Path(given), Path("runs") / stem) as out:
        study.begin(out, changes)
    with _log_to(options):
        return _carry_out(study, out, changes, options.quiet)


def _resume(arguments: list[str]) -> int:
    """Goes on with a run or a study that ended early, to the results it would have had.

    With more generations, evaluations, seeds or graphs a run, at its end or not, becomes what it would have
    been had they been asked for from the start.
    """
    parser = Parser(prog="run.py resume", description=_resume.__doc__, allow_abbrev=False)
    parser.add_argument("run", help="its folder")
    _add_flags(parser, *CHANGES, *MORE, default="as before")
    _add_trust(parser)
    _add_output(parser)
    options = parser.read(arguments)
    from neuroevo.experiment import execute
    from neuroevo.experiment.display import Display
    from neuroevo.experiment.study import Study

    changes = _given(options, (*CHANGES, *MORE))
    path = Path(options.run)
    if Study.is_at(path):
        if more := [f"--{name}" for name in MORE if name in changes]:
            raise OptionError(f"{path} is a study, and {more[0]} is of one run; name a run: {path}/RUN.")
        with _log_to(options):
            study = Study.reopen(path, options.trust, changes)
            return _carry_out(study, path, changes, options.quiet, options.trust)
    console = Screen(quiet=options.quiet, highlight=False)
    with _log_to(options), Display(console, options.quiet) as display:
        outcome = execute.resume(path, changes, display, options.trust)
    if outcome is None:
        print(f"{path} is at its end; there is nothing to go on with. To see it: python run.py report {path}")
        return 0
    return _print_outcome(outcome, console)


def _score(arguments: list[str]) -> int:
    """Scores what of a run has no score: scorings that failed or were put off, and a run that was stopped.

    Lineages of a run that was stopped are scored as they are; `resume` can still go on with them.
    """
    parser = Parser(prog="run.py score", description=_score.__doc__, allow_abbrev=False)
    parser.add_argument("run", help="its folder")
    _add_flags(parser, *CHANGES, default="as before")
    _add_trust(parser)
    _add_output(parser)
    options = parser.read(arguments)
    from neuroevo.experiment import execute
    from neuroevo.experiment.display import Display

    console = Screen(quiet=options.quiet, highlight=False)
    with _log_to(options), Display(console, options.quiet) as display:
        outcome = execute.score(options.run, _given(options, CHANGES), display, options.trust)
    if outcome is None:
        print(
            f"All lineages of {options.run} have their results. To see it: python run.py report {options.run}"
        )
        return 0
    return _print_outcome(outcome, console)


def _carry_out(
    study: Study, folder: Path, changes: Mapping[str, object], quiet: bool, trust: Sequence[str] = ()
) -> int:
    """Carries out what is left of a study in its folder, and prints the reports of its runs and its own.

    Returns:
        The exit status.
    """
    from neuroevo.experiment.display import Display
    from neuroevo.report.terminal import print_report

    console, status = Screen(quiet=quiet, highlight=False), 0
    for name in study.runs:
        console.print(f"{study.title} {name}:", soft_wrap=True, markup=False)
        with Display(console, quiet) as display:
            outcome = study.carry_out(name, folder, changes, display, trust)
        if outcome is not None:
            status = max(status, _print_outcome(outcome, console))
    print_report(study.report(folder), console)
    console.print(f"Written to {folder}", soft_wrap=True, markup=False)
    return status


def _print_outcome(outcome: Outcome, console: Screen) -> int:
    """Prints the report of a run, where it lies, how to see more of it, and what of it failed.

    Returns:
        The exit status.
    """
    from neuroevo.report.terminal import print_report

    print_report(outcome.report, console)
    path = outcome.folder.path
    pictures = f"Pictures of behaviour: python run.py replay {shlex.quote(str(path))}"
    for line in (f"Written to {path}", pictures, *outcome.views):
        console.print(line, soft_wrap=True, markup=False)
    if not outcome.problem:
        return 0
    print(visible(f"error: {outcome.problem}"), file=sys.stderr)
    return 1


def _report(arguments: list[str]) -> int:
    """Makes the report of a run again, from its files alone; of several runs, one report of all."""
    parser = Parser(prog="run.py report", description=_report.__doc__, allow_abbrev=False)
    parser.add_argument("run", nargs="+", help="run folder")
    parser.add_argument("--out", metavar="DIR", help="new folder for several runs (default runs/joined-N)")
    options = parser.read(arguments)
    from neuroevo.folders import claim
    from neuroevo.report.terminal import print_report
    from neuroevo.report.write import write_report
    from neuroevo.run_folder import RunFolder

    runs = [RunFolder.open(path) for path in options.run]
    console = Screen(highlight=False)
    if options.out is None and len(runs) == 1:
        print_report(write_report(runs), console)
        return 0
    with claim(None if options.out is None else Path(options.out), Path("runs") / "joined") as out:
        print_report(write_report(runs, out), console)
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
    _add_trust(parser)
    options = parser.read(arguments)
    from neuroevo.report.replay.replay import replay
    from neuroevo.report.replay.rerun import Excerpt
    from neuroevo.run_folder import RunFolder

    folder = RunFolder.open(options.run)
    excerpt = Excerpt(options.episode, options.seed, options.steps)
    out = None if options.out is None else Path(options.out)
    for line in replay(folder, options.lineage, excerpt, out, options.trust):
        print(visible(line))
    if out is None:
        print(f"To see them in the report: python run.py report {shlex.quote(options.run)}")
    return 0


def _export(arguments: list[str]) -> int:
    """Writes a champion of a run, its evolved weights with names, into one safetensors file."""
    parser = Parser(prog="run.py export", description=_export.__doc__, allow_abbrev=False)
    parser.add_argument("run", help="run folder")
    parser.add_argument(
        "--lineage",
        metavar="TASK/GENOME/GRAPH/SEED",
        help="lineage, or the beginning of its name: the best of those (default: the best of the run's task)",
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="new file, such as champion.safetensors")
    _add_trust(parser)
    options = parser.read(arguments)
    from neuroevo.report.replay.champions import choose, names_of, policy
    from neuroevo.run_folder import RunFolder

    folder = RunFolder.open(options.run)
    choices, _ = choose(folder, [] if options.lineage is None else [options.lineage])
    names = [names_of(row)[-1] for row, _ in choices]
    if len(names) > 1:
        raise OptionError(f"{options.run} has champions of {', '.join(names)}; name one with --lineage.")
    policy(folder, choices[0][0], options.trust).save(options.out)
    print(visible(f"{options.out}: {names[0]}"))
    return 0


def _stats(arguments: list[str]) -> int:
    """Prints statistics of a connectome, and of priors sampled from it."""
    parser = Parser(prog="run.py stats", description=_stats.__doc__, allow_abbrev=False)
    _add_flags(parser, *WIRING)
    parser.set_defaults(genome=[], connectome=USUAL.connectome, seed=USUAL.seed)
    parser.add_argument("--samples", type=whole, default=20, help="samples of each prior (default 20)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", metavar="DIR", help="new folder for pictures and stats.json")
    options = parser.read(arguments)
    from neuroevo.folders import check_free
    from neuroevo.report.figures.wiring import write_pictures
    from neuroevo.report.wiring_table import print_comparison
    from neuroevo.wiring.comparison import compare

    wiring, genomes = _sampled(options)
    if options.out is not None:
        check_free(options.out)
    with _saying() as say:
        comparison = compare(wiring, genomes, options.samples, options.seed, _null(), say)
    written = [] if options.out is None else write_pictures(comparison, Path(options.out))
    if options.json:
        print(json.dumps(comparison.figures, indent=2))
        return 0
    print_comparison(comparison.figures)
    for path in written:
        print(visible(str(path)))
    return 0


def _null() -> PluginCall | None:
    """Returns the prior that triads are held against: random wirings with the same in- and out-degrees."""
    return plugins.priors.calls([_NULL])[0] if _NULL in plugins.priors.names() else None


def _sample(arguments: list[str]) -> int:
    """Writes samples of priors as edge tables, `<genome>-<k>.csv`, that --connectome reads."""
    parser = Parser(prog="run.py sample", description=_sample.__doc__, allow_abbrev=False)
    _add_flags(parser, *WIRING, required="genome")
    parser.set_defaults(connectome=USUAL.connectome, seed=USUAL.seed)
    parser.add_argument("--samples", type=whole, default=1, help="samples of each prior (default 1)")
    parser.add_argument("--out", required=True, metavar="DIR", help="new folder for the tables")
    options = parser.read(arguments)
    from neuroevo.report.wiring_table import print_notes
    from neuroevo.wiring.sampling import write_samples

    wiring, genomes = _sampled(options)
    with _saying() as say:
        written, notes = write_samples(wiring, genomes, options.samples, options.seed, Path(options.out), say)
    for path in written:
        print(visible(str(path)))
    print_notes(notes, Screen(stderr=True, highlight=False))  # standard output lists the tables alone
    return 0


def _list(arguments: list[str]) -> int:
    """Lists priors, tasks, connectomes and neuron models; with names, tells all about these."""
    parser = Parser(prog="run.py list", description=_list.__doc__, allow_abbrev=False)
    parser.add_argument(
        "name",
        nargs="*",
        help="anything listed: what it is, its options; your own as module:Name; gym:ID: its spaces",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.read(arguments)
    if options.name:
        for text in [listing.describe(name) for name in options.name]:
            print(text)
        return 0
    sections = listing.sections()
    if options.json:
        print(json.dumps(sections, indent=2))
    else:
        listing.print_sections(sections)
    return 0


def whole(text: str) -> int:
    """Returns a whole number within 64 bits.

    Args:
        text: What was given.

    Raises:
        ArgumentTypeError: If it is none; argparse quotes the text of the error.
    """
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted a whole number") from None
    if abs(number) >= 2**63:
        raise argparse.ArgumentTypeError(f"got {text}; wanted a whole number below 2^63")
    return number


def whole_or_auto(text: str) -> int | None:
    """Returns a whole number, or None for the word `auto`.

    Args:
        text: What was given.

    Raises:
        ArgumentTypeError: If it is neither; argparse quotes the text of the error.
    """
    return None if text == "auto" else whole(text)


def _run_parser() -> Parser:
    """Returns the parser of `run`, with a flag for each field of a request that has one."""
    parser = Parser(
        prog="run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_flags(parser, *(name for name, flag in flags().items() if flag.metavar))
    parser.add_argument("--out", metavar="DIR", help="run folder (default runs/TASK-GENOME-N)")
    parser.add_argument(
        "--config", metavar="FILE", help="request as TOML, such as a run folder's config.toml"
    )
    _add_trust(parser)
    _add_output(parser)
    return parser


def _add_flags(parser: Parser, *names: str, default: str = "", required: str = "") -> None:
    """Adds flags of fields of a request; the value of one that is not given is None.

    Args:
        parser: Whose flags they become.
        names: The fields.
        default: What is done where such a flag is not given; "" takes what the field says.
        required: A field that must be given; "": none must.
    """
    for name in names:
        flag = flags()[name]
        usual = default or flag.default
        text = flag.help + (f" (default {usual})" if usual else "")
        read: Callable[[str], object] = whole if flag.is_whole else str
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            metavar=flag.metavar,
            help=text.replace("%", "%%"),
            required=name == required,
            nargs="+" if flag.is_list else None,
            action="extend" if flag.is_list else "store",
            type=whole_or_auto if name == "workers" else read,
        )


def _add_trust(parser: Parser) -> None:
    """Adds the flag that names the code which a file may have run."""
    parser.add_argument(
        "--trust",
        nargs="+",
        action="extend",
        default=[],
        metavar="MODULE",
        help="modules that the file may have run: you know their code (default: none but those of folders "
        "that you made on this machine)",
    )


def _trust(options: argparse.Namespace) -> Trust:
    """Returns whose code a file may name."""
    return Trust(tuple(options.trust))


def _add_output(parser: Parser) -> None:
    """Adds the flags that say how much is printed."""
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    parser.add_argument(
        "--verbose",
        action="store_true",
        help=f"print on standard error what {log.FILE} in the run folder holds, and more in both",
    )


def _log_to(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Returns the context in which a command shows its log, if it was asked to."""
    return log.shown() if options.verbose else nullcontext()


@contextmanager
def _saying() -> Iterator[Callable[[str], object]]:
    """Gives what shows on standard error how far a command is: a line that changes, or lines in a file."""
    console = Screen(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda text: console.print(text, soft_wrap=True, markup=False)
        return
    with console.status("") as status:
        yield status.update


def _given(options: argparse.Namespace, names: Iterable[str]) -> dict[str, object]:
    """Returns the fields of a request that were given, by name."""
    values = {name: getattr(options, name, None) for name in names}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if v is not None}


def _sampled(options: argparse.Namespace) -> tuple[Connectome, list[PluginCall]]:
    """Returns the wiring and priors of `stats` and `sample`."""
    caches.require()
    require_range("samples", options.samples, 1)
    require_range("seed", options.seed, 0)
    wiring = catalog.load(options.connectome).with_ports(options.inputs, options.outputs)
    return wiring, plugins.priors.calls(options.genome)


if __name__ == "__main__":
    sys.exit(main())
