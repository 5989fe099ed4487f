"""Command line of neuroevo: puts connectomes on trial.

    python run.py --genome stats-prior --task mnist
    python run.py --help

The commands lie in `neuroevo.cli`, one module each.

Exit status: 0 done; 1 the run failed; 2 the request was wrong; 130 interrupted.
"""

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

from collections.abc import Sequence
from importlib import import_module

import populations
import tasks
from neuroevo import finder
from neuroevo.cli import COMMANDS
from neuroevo.errors import EvaluationError, NeuroevoError, OptionError, out_of_memory, unknown
from neuroevo.text import one_line, visible

__all__ = ["main", "populations", "tasks"]  # importing the two packages registers what they hold


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
    except MemoryError as error:
        print(f"error: {out_of_memory(arguments[0], error)}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has gone, as in `run.py list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _command(arguments: list[str]) -> int:
    """Runs the command that the first argument names; without one, `run`."""
    first = arguments[0]
    if first in COMMANDS:
        name, arguments = first, arguments[1:]
    elif first.startswith("-"):
        name = "run"
    else:
        raise OptionError(unknown("command", first, COMMANDS))
    # Each command imports what it alone needs: `list` is to answer in a quarter of a second.
    status: int = import_module(f"neuroevo.cli.{name}").main(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
