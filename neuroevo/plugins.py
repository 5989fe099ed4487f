"""Registries of priors and tasks: decorators, entry points, import paths, typed options.

A plug-in is one file and one decorator. From another package it is found through the entry-point
groups `neuroevo.priors` and `neuroevo.tasks`, or named by its path, `package.module:Name`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from neuroevo.errors import OptionError, RegistryError, unknown

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


@dataclass(frozen=True)
class Plugin:
    """A registered prior or task.

    Attributes:
        kind: "prior" or "task".
        name: What the command line calls it.
        target: The prior function, or the task class.
    """

    kind: str
    name: str
    target: Callable[..., Any]

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.target) or "").split("\n", 1)[0]

    @property
    def path(self) -> str:
        """Import path, `package.module:Name`: how a worker finds the plug-in again."""
        return f"{self.target.__module__}:{self.target.__qualname__}"

    @property
    def defaults(self) -> dict[str, Any]:
        """Options and their defaults: the keyword arguments that have one."""
        parameters = inspect.signature(self.target).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty and p.name != "seed"}

    def bind(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the options with the types the plug-in declares; strings are parsed.

        Raises:
            OptionError: If an option is unknown or its value is not of the declared type.
        """
        known = self.defaults
        hints = typing.get_type_hints(
            self.target.__init__ if inspect.isclass(self.target) else self.target,
        )
        bound = {}
        for name, value in options.items():
            key = name.replace("-", "_")
            if key not in known:
                raise OptionError(unknown(f"option of {self.kind} {self.name!r}", name, known))
            bound[key] = _parse(f"{self.name}:{name}", value, hints.get(key, str))
        return bound


@dataclass
class Registry:
    """Plug-ins of one kind by name."""

    kind: str
    _plugins: dict[str, Plugin] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """The entry-point group other packages register under."""
        return f"neuroevo.{self.kind}s"

    def register(self, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorator that registers a prior function or a task class under a name.

        Raises:
            RegistryError: If the name is taken by another plug-in.
        """

        def decorate(target: Callable[..., Any]) -> Callable[..., Any]:
            plugin = Plugin(self.kind, name, target)
            if name in self._plugins and self._plugins[name].path != plugin.path:
                raise RegistryError(
                    f"{self.kind.capitalize()} {name!r} is already registered by "
                    f"{self._plugins[name].path}; choose another name for {plugin.path}."
                )
            self._plugins[name] = plugin
            return target

        return decorate

    def get(self, name: str) -> Plugin:
        """Returns a plug-in by registered name or by import path `package.module:Name`.

        Raises:
            RegistryError: If there is none, with the nearest name.
        """
        if name in self._plugins:
            return self._plugins[name]
        if ":" in name:
            return Plugin(self.kind, name, load(name))
        for entry in importlib.metadata.entry_points(group=self.group, name=name):
            return Plugin(self.kind, name, load(entry.value))
        raise RegistryError(unknown(self.kind, name, self.names()))

    def names(self) -> list[str]:
        """Registered names and those other packages offer as entry points, in order."""
        offered = (entry.name for entry in importlib.metadata.entry_points(group=self.group))
        return [*self._plugins, *(n for n in offered if n not in self._plugins)]

    def __iter__(self) -> Iterator[Plugin]:
        return (self.get(name) for name in self.names())


@dataclass(frozen=True)
class Spec:
    """A plug-in as the command line names it: `[label=]name[:option=value,...]`."""

    label: str
    name: str
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Parses `[label=]name[:option=value,...]`; the name may be `package.module:Name`.

        Raises:
            OptionError: If the text has another form.
        """
        head, colon, tail = text.partition(":")
        label, equals, name = head.partition("=")
        if not equals:
            label, name = "", head
        if "." in name and colon:  # an import path: the first colon belongs to the name
            attribute, colon, tail = tail.partition(":")
            name = f"{name}:{attribute}"
        if not name or (equals and not label) or (colon and not tail):
            raise OptionError(f"Cannot read {text!r}; wanted [label=]name[:option=value,...].")
        options: dict[str, str] = {}
        for item in tail.split(",") if tail else ():
            key, equals, value = item.partition("=")
            if not equals or not key or not value:
                raise OptionError(f"Cannot read option {item!r} in {text!r}; wanted option=value.")
            if key in options:
                raise OptionError(f"Option {key!r} is given twice in {text!r}; give it once.")
            options[key] = value
        return cls(label or (text if not colon else f"{name}:{tail}"), name, options)

    def __str__(self) -> str:
        options = ",".join(f"{k}={v}" for k, v in self.options.items())
        plain = f"{self.name}:{options}" if options else self.name
        return plain if self.label == plain else f"{self.label}={plain}"


def load(path: str) -> Callable[..., Any]:
    """Imports `package.module:Name`.

    Raises:
        RegistryError: If the module or the name in it does not exist.
    """
    module, _, name = path.partition(":")
    try:
        target = importlib.import_module(module)
        for part in name.split("."):
            target = getattr(target, part)
    except (ImportError, AttributeError) as error:
        raise RegistryError(
            f"Cannot load {path!r}: {error}. Wanted an importable package.module:Name."
        ) from error
    if not callable(target):
        raise RegistryError(
            f"{path!r} is a {type(target).__name__}; wanted a prior function or a task class."
        )
    return target


def _parse(name: str, value: Any, hint: Any) -> Any:
    """Returns `value` as the type `hint` (bool, int, float, str or a Literal)."""
    choices = typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()
    if choices:
        if value not in choices:
            raise OptionError(f"Option {name!r} is {value!r}; wanted one of {', '.join(map(str, choices))}.")
        return value
    text = str(value).strip()
    if hint is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise OptionError(f"Option {name!r} is {value!r}; wanted true or false.")
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            kind = "a whole number" if hint is int else "a number"
            raise OptionError(f"Option {name!r} is {value!r}; wanted {kind}.") from None
    return text


priors = Registry("prior")
tasks = Registry("task")
