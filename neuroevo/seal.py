"""The seal of a run: the request that its rows, checkpoints and champions answer, and the SHA-256 of it.

The manifest holds every request that a run has answered, the first and those that extended it, and the
SHA-256 of each. A checkpoint bears that of its request, a row the first digits of it. So a folder whose
config.toml was edited, or into which rows of another run were copied, is told from one that is as it was.

A run that goes on until it is decided has a plan besides: all its looks, each with the SHA-256 of the request
that its rows will bear, written and sealed before the first evaluation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuroevo.errors import RunError
from neuroevo.files import Row, to_json
from neuroevo.rows import PlanEntry, RequestEntry

FREE = (
    "workers",
    "address",
    "per_worker",
    "deadline",
    "track",
    "scoring",
    "film",
    "until",
    "budget",
    "looks",
)  # of a request: results do not depend on them
STAGED = ("until", "budget", "looks")  # of a request: what the plan of its looks says
SIZES = ("seeds", "graphs")  # of a request: what grows from look to look
DIGITS = 12  # of the SHA-256, in a row
MARK = "request"  # column of a row that holds them
_CUT = 100  # characters of a value in an error


def request_of(config: Mapping[str, object]) -> Row:
    """Returns that part of a resolved request that results depend on, as JSON gives it back.

    Args:
        config: The resolved request; entries that are None are left out.
    """
    plain: Row = json.loads(to_json(config))
    return {key: value for key, value in sorted(plain.items()) if key not in FREE and value is not None}


def digest(request: Mapping[str, object]) -> str:
    """Returns the SHA-256 of a request: of its JSON with sorted keys, without spaces, in UTF-8.

    Args:
        request: What `request_of` returned.
    """
    text = json.dumps(request, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def entry(config: Mapping[str, object]) -> RequestEntry:
    """Returns what the manifest says of a request.

    Args:
        config: The resolved request.
    """
    request = request_of(config)
    return {"sha256": digest(request), "request": request}


def plan_entry(config: Mapping[str, object]) -> PlanEntry | None:
    """Returns what the manifest says of the plan of a run until decided; None where there is none.

    Args:
        config: The resolved request, with its looks.
    """
    staged: Row = {key: json.loads(to_json(config[key])) for key in STAGED if config.get(key) is not None}
    if not staged:
        return None
    request = request_of(config)
    for look in staged["looks"]:
        look["request"] = digest({**request, **{name: look[name] for name in SIZES}})
    plan = {**staged, "request": {key: x for key, x in request.items() if key not in SIZES}}
    return {"sha256": digest(plan), "plan": plan}


def check_plan(held: object, config: Mapping[str, object], path: Path) -> None:
    """Makes sure that the looks of a run are those that were planned before it was begun.

    Args:
        held: What the manifest says of the plan; None where there is none.
        config: What config.toml holds.
        path: The file, for errors.

    Raises:
        RunError: If they are others.
    """
    try:
        now = plan_entry(config)
    except (KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged (its 'looks' are no looks); restore the file.") from error
    if held == now:
        return
    if now is None or not isinstance(held, Mapping) or not isinstance(held.get("plan"), Mapping):
        what = "lacks the looks that the run was begun with" if now is None else "plans looks that it was not"
        raise RunError(f"{path} {what}{'' if now is None else ' begun with'}. Put it back.")
    what = difference(held["plan"], now["plan"]) or "is not the plan that was sealed"
    raise RunError(f"{path} {what}. Put it back; for other looks begin a new run (--config takes the file).")


@dataclass(frozen=True)
class Seal:
    """All requests that a run has answered, the newest last; none of a run of a version that had no seals.

    Attributes:
        requests: What the manifest says of them.
    """

    requests: tuple[RequestEntry, ...]

    @classmethod
    def of(cls, manifest: Mapping[str, object], path: Path) -> Seal:
        """Returns the seal in a manifest.

        Args:
            manifest: The manifest.
            path: The file, for errors.

        Raises:
            RunError: If what it holds is no seal, or a request is not the one that its SHA-256 was made of.
        """
        entries = manifest.get("requests", [])
        damage = RunError(f"{path} is damaged (its 'requests' are no seals); restore the file.")
        if not isinstance(entries, list):
            raise damage
        for one in entries:
            if not isinstance(one, dict) or not isinstance(one.get("request"), dict):
                raise damage
            if digest(one["request"]) != one.get("sha256"):
                raise RunError(
                    f"{path} is damaged (a request in it is not the one of its SHA-256); restore the file."
                )
        return cls(tuple(entries))

    @property
    def sha256(self) -> str:
        """SHA-256 of the newest request; "" where there is no seal."""
        return self.requests[-1]["sha256"] if self.requests else ""

    @property
    def tail(self) -> str:
        """What the JSON of a row ends in, after its other columns."""
        return f', "{MARK}": "{self.sha256[:DIGITS]}"}}' if self.requests else "}"

    @property
    def marks(self) -> frozenset[str | None]:
        """What rows may bear; None stands for no mark, as rows of a version that had no seals have."""
        marks: set[str | None] = {one["sha256"][:DIGITS] for one in self.requests}
        if not self.requests or self.requests[0].get("unsealed"):
            marks.add(None)
        return frozenset(marks)

    @property
    def stale(self) -> frozenset[str | None]:
        """Marks of results that a longer search has made void, and that are still to be replaced."""
        longer = [k for k, one in enumerate(self.requests) if one.get("is_longer")]
        earlier = self.requests[: longer[-1]] if longer else ()
        marks: set[str | None] = {one["sha256"][:DIGITS] for one in earlier}
        if earlier and earlier[0].get("unsealed"):
            marks.add(None)
        return frozenset(marks - {self.sha256[:DIGITS]})

    def check_config(self, config: Mapping[str, object], path: Path) -> None:
        """Makes sure that a request is the one that the run was begun with, or was extended to.

        Args:
            config: What config.toml holds.
            path: The file, for errors.

        Raises:
            RunError: If it is another; it names the key, what it was and what it is now.
        """
        if not self.requests:
            return
        what = difference(self.requests[-1]["request"], request_of(config))
        if what:
            raise RunError(
                f"{path} {what}. Put it back; for another request begin a new run (--config takes the file), "
                "for more of this one: python run.py resume RUN --generations N, --evaluations, --seeds or "
                "--graphs."
            )

    def check_checkpoint(self, sha256: object, path: Path) -> None:
        """Makes sure that a checkpoint is of one of the run's requests.

        Args:
            sha256: What it bears; None of a version that had no seals.
            path: The file, for errors.

        Raises:
            RunError: If it is of another.
        """
        known: list[object] = [one["sha256"] for one in self.requests]
        if sha256 not in known and not (sha256 is None and None in self.marks):
            mark = str(sha256)[:DIGITS] if sha256 else "none"
            raise RunError(
                f"{path} is of another request (its mark is {mark}, the run's "
                f"{self.sha256[:DIGITS] or 'none'}); put the file of this run back."
            )


def difference(request: Mapping[str, object], now: Mapping[str, object]) -> str:
    """Returns in which key one request differs from another, as the end of a sentence; "" if in none.

    Args:
        request: The request as it was.
        now: The request as it is.
    """
    for key in sorted(request.keys() | now.keys()):
        place, before, after = _deepest(key, request.get(key), now.get(key))
        if before != after:
            said = f"says {place} = {_text(after)}" if after is not None else f"lacks {place}"
            begun = f"the run was begun with {_text(before)}" if before is not None else "the run has none"
            return f"{said}; {begun}"
    return ""


def _deepest(key: str, before: object, after: object) -> tuple[str, object, object]:
    """Returns the first key of nested tables, and the first item of a list, in which two values differ."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                return _deepest(f"{key}.{name}", before.get(name), after.get(name))
    if isinstance(before, Sequence) and isinstance(after, Sequence) and len(before) == len(after):
        texts = isinstance(before, str) or isinstance(after, str)
        for one, other in zip(before, after, strict=True):
            if one != other and not texts:
                return _deepest(key, one, other)
    return key, before, after


def _text(value: object) -> str:
    """Returns a value as an error shows it."""
    text = to_json(value)
    return text if len(text) <= _CUT else f"{text[:_CUT]}..."
