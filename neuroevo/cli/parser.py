"""Arguments of commands: a parser whose errors are one line, and the flags that several commands share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NoReturn

from neuroevo import log
from neuroevo.errors import OptionError, unknown
from neuroevo.experiment.config import flags
from neuroevo.screen import Screen
from neuroevo.trust import Trust

CHANGES = ("workers", "address", "deadline")  # fields of a request on which results do not depend
MORE = ("generations", "evaluations", "seeds", "graphs")  # of which more can be asked for later


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


def add_flags(parser: Parser, *names: str, default: str = "", required: str = "") -> None:
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


def add_trust(parser: Parser) -> None:
    """Adds the flag that names the code which a file may have run.

    Args:
        parser: Whose flag it becomes.
    """
    parser.add_argument(
        "--trust",
        nargs="+",
        action="extend",
        default=[],
        metavar="MODULE",
        help="modules that the file may have run: you know their code (default: none but those of folders "
        "that you made on this machine)",
    )


def trust_of(options: argparse.Namespace) -> Trust:
    """Returns whose code a file may name.

    Args:
        options: What was given, of a parser that has the flag.
    """
    return Trust(tuple(options.trust))


def add_output(parser: Parser) -> None:
    """Adds the flags that say how much is printed.

    Args:
        parser: Whose flags they become.
    """
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    parser.add_argument(
        "--verbose",
        action="store_true",
        help=f"print on standard error what {log.FILE} in the run folder holds, and more in both",
    )


def log_to(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Returns the context in which a command shows its log, if it was asked to.

    Args:
        options: What was given, of a parser that has the flags of `add_output`.
    """
    return log.shown() if options.verbose else nullcontext()


@contextmanager
def saying() -> Iterator[Callable[[str], object]]:
    """Gives what shows on standard error how far a command is: a line that changes, or lines in a file.

    Returns:
        A context whose value takes what is to be shown.
    """
    console = Screen(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda text: console.print(text, soft_wrap=True, markup=False)
        return
    with console.status("") as status:
        yield status.update


def given_fields(options: argparse.Namespace, names: Iterable[str]) -> dict[str, object]:
    """Returns the fields of a request that were given, by name.

    Args:
        options: What was given; None is not given.
        names: The fields.
    """
    values = {name: getattr(options, name, None) for name in names}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if v is not None}
