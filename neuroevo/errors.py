"""Errors a user can meet. Each says what came, what was wanted and what to do.

NeuroevoError
├── RegistryError (LookupError)    an unknown prior, task, connectome, circuit or neuron model
├── OptionError (ValueError)       an option that is unknown, of the wrong type or out of range
├── ConnectomeError (ValueError)   a wiring that cannot be used
├── TaskError (ValueError)         a task that cannot be run on what it was given
├── DataError (RuntimeError)       data that are missing, damaged or out of reach
├── RunError (RuntimeError)        a run folder that exists, is missing or cannot be read
└── EvaluationError (RuntimeError) an evaluation that failed in a worker

Every error takes one string, so that it travels through Ray unchanged.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable

from neuroevo.text import DOTS, one_line

# What somebody else's code may raise. The latter asks the program to end, which is not for a plug-in to say.
FOREIGN: tuple[type[BaseException], ...] = (Exception, SystemExit)
MAX_REASON = 300  # characters of somebody else's error that are quoted
MAX_LINE = 100  # characters of the last line of such an error


class NeuroevoError(Exception):
    """Base of all errors raised on purpose."""


class RegistryError(NeuroevoError, LookupError):
    """An unknown name."""


class OptionError(NeuroevoError, ValueError):
    """An option that is unknown, of the wrong type or out of range."""


class ConnectomeError(NeuroevoError, ValueError):
    """A wiring that cannot be used."""


class TaskError(NeuroevoError, ValueError):
    """A task that cannot be run on what it was given."""


class DataError(NeuroevoError, RuntimeError):
    """Data that are missing, damaged or out of reach."""


class RunError(NeuroevoError, RuntimeError):
    """A run folder that exists, is missing or cannot be read."""


class EvaluationError(NeuroevoError, RuntimeError):
    """An evaluation that failed in a worker."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Returns the message about an unknown name, with the nearest known one.

    Args:
        kind: What the name should be of, such as "prior".
        name: The name that came.
        known: All names that would do.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name[:MAX_REASON].lower(), names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    shown = repr(name) if len(name) <= MAX_REASON else f"{name[:MAX_REASON]!r}..."
    return f"Unknown {kind} {shown}.{hint} Known: {listed(names)}."


def listed(names: Iterable[str]) -> str:
    """Returns names for a message, separated by commas, in one line.

    Args:
        names: Names, of which one from a file may hold an end of line; without any, "none" is returned.
    """
    return ", ".join(name if name.isprintable() else repr(name) for name in names) or "none"


def require_text(what: str, *texts: str) -> None:
    """Checks that texts can be written as UTF-8; the bytes of a command line may be anything.

    Args:
        what: What the texts are, as the subject of the message.
        *texts: The texts.

    Raises:
        OptionError: If one cannot be written.
    """
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise OptionError(f"{what} is {text!r}; wanted text that can be written as UTF-8.") from None


def require_range(name: str, value: float, low: float, high: float = float("inf")) -> None:
    """Checks that an option lies in a range; NaN never does.

    Args:
        name: Name of the option.
        value: Value that came.
        low: Least value that is allowed.
        high: Greatest value that is allowed; by default there is none.

    Raises:
        OptionError: If the value lies outside.
    """
    if not low <= value <= high:
        wanted = f"at least {low:g}" if high == float("inf") else f"in [{low:g}, {high:g}]"
        raise OptionError(f"Option {name!r} is {value:g}; wanted a number {wanted}.")


def failure(about: str, error: BaseException) -> str:
    """Returns a line that says what failed and why; the traceback follows on lines of its own.

    Args:
        about: What failed, as the subject of the sentence.
        error: The exception that was caught.
    """
    if isinstance(error, MemoryError):
        return out_of_memory(about, error)
    trace = "".join(traceback.format_exception(error)).rstrip()
    return f"{about} failed with {described(error)}.\n{trace}"


def out_of_memory(about: str, error: BaseException) -> str:
    """Returns the line about what asked for more memory than there is.

    Args:
        about: What asked for it, as the subject of the sentence.
        error: The exception that was caught.
    """
    detail = f" ({one_line(error)})" if str(error) else ""
    return (
        f"{about} ran out of memory{detail}; wanted a smaller wiring (--min-weight, --select), fewer graphs "
        "or fewer workers."
    )


def described(error: BaseException, limit: int = MAX_REASON) -> str:
    """Returns the type and the reason of an error in one line: `KeyError: 'size'`.

    Args:
        error: An exception, mostly of somebody else's code.
        limit: Characters of its text that are quoted.
    """
    name, text = type(error).__name__, reason(error, limit)
    line = name if text == name else f"{name}: {text}"
    if isinstance(error, SystemExit):
        return f"{line}, which asks the program to end"
    return f"{line}, though nobody interrupted it" if isinstance(error, KeyboardInterrupt) else line


def reason(said: object, limit: int = MAX_REASON) -> str:
    """Returns what somebody else's code says, in one line without a full stop, to be quoted in a message.

    Args:
        said: An exception, or another object whose text is quoted.
        limit: Characters that are quoted; dots stand for the rest.

    Returns:
        The text; the name of the type where the text is empty.
    """
    text = one_line(said, limit)
    return (text if text.endswith(DOTS) else text.removesuffix(".")) or type(said).__name__


def last_line(said: object) -> str:
    """Returns the last line of what a program or a library says that is not empty.

    Lines that begin with "ERROR: ", as those of pip do, go before all others.

    Args:
        said: An exception, or the output of a program.

    Returns:
        The line, cut to one row of a terminal; the name of the type where there is none.
    """
    lines = [part.strip() for part in str(said).splitlines() if part.strip()]
    errors = [part.removeprefix("ERROR: ") for part in lines if part.startswith("ERROR: ")]
    return (errors or lines or [type(said).__name__])[-1].rstrip(".")[:MAX_LINE]
