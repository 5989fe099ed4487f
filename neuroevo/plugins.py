"""Registries of priors and tasks: decorators, entry points, import paths, typed options.

A plug-in is one file and one decorator. From another package it is found through the entry-point
groups `neuroevo.priors` and `neuroevo.tasks`, or named by its path, `package.module:Name`.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import inspect
import json
import math
import os
import re
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from neuroevo import finder
from neuroevo.errors import (
    FOREIGN,
    OptionError,
    RegistryError,
    described,
    require_range,
    require_text,
    unknown,
)
from neuroevo.text import option_text, visible

Scalar = bool | int | float | str | None  # the value of an option
Target = TypeVar("Target", bound=Callable[..., object])  # a prior function or a task class

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_QUOTED = r'"(?:[^"\\]|\\.)*"'  # a JSON string
_OPTION = re.compile(rf'([^=,"]+)=({_QUOTED}|[^,"][^,]*)(?:,(?!\Z)|\Z)')
_BARE = re.compile(rf'({_QUOTED}|[^=,"]+)(?:,(?!\Z)|\Z)')  # a first value without its option's name
_STRING = re.compile(_QUOTED)
_JOINT = re.compile(r":[^\W\d][\w.-]*=")  # where an option begins after a colon, as it may not
_FORMS = {
    "prior": ("a function (connectome, *, seed, **options)", lambda s: s.bind(None, seed=0)),
    "task": ("a class whose options all have defaults", lambda s: s.bind()),
}
OWN = ("tasks", "populations")  # packages of the program that lie beside `neuroevo`
_PACKAGES = "neuroevo.packages"  # entry points: packages that register plug-ins when they are imported


@dataclass(frozen=True)
class Range:
    """The range of an option that is a number, beside its type: `Annotated[float, Range(0, 1)]`.

    So it is checked where a request is read, before anything is begun.

    Attributes:
        low: Least value.
        high: Greatest value.
        without: A value between them that is not allowed either; None: all are.
    """

    low: float
    high: float = math.inf
    without: float | None = None

    def check(self, name: str, value: Scalar) -> None:
        """Checks a value; what is no number is passed over.

        Args:
            name: Name of the option.
            value: What was given.

        Raises:
            OptionError: If it is out of range.
        """
        if isinstance(value, bool | str | None):
            return
        require_range(name, value, self.low, self.high)
        if value == self.without:
            raise OptionError(f"Option {name!r} is {value:g}; wanted a number other than this.")


@dataclass(frozen=True)
class Plugin:
    """A registered prior or task.

    Attributes:
        kind: "prior" or "task".
        name: What the command line calls it.
        target: The prior function, or the task class.
        mutate: How wirings of a prior mutate in mixed populations, see `wiring.mutation`, or None if they do
            not.
    """

    kind: str
    name: str
    target: Callable[..., object]
    mutate: Callable[..., object] | None = None

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.target) or "").split("\n", 1)[0]

    @property
    def path(self) -> str:
        """Import path, `package.module:Name`: how a worker finds the plug-in again."""
        if not hasattr(self.target, "__qualname__"):  # such as a partial, which was found by its path
            return self.name
        return f"{self.target.__module__}:{self.target.__qualname__}"

    @property
    def bare_option(self) -> str:
        """The option that a first value without a name stands for, `name:VALUE`, or "" if there is none."""
        return str(getattr(self.target, "bare_option", ""))

    @property
    def open_options(self) -> str:
        """How options begin that the plug-in takes under any name, as texts, or "" if there are none."""
        return str(getattr(self.target, "open_options", ""))

    @property
    def defaults(self) -> dict[str, Scalar]:
        """Options and their defaults: the keyword arguments that have one."""
        parameters = inspect.signature(self.target).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty and p.name != "seed"}

    def check(self) -> Plugin:
        """Returns this plug-in, if it can be called as its kind is.

        Raises:
            RegistryError: If it cannot.
        """
        wanted, bind = _FORMS[self.kind]
        try:
            bind(inspect.signature(self.target))
        except (TypeError, ValueError) as error:
            raise RegistryError(f"{self.name!r} is no {self.kind} ({error}); wanted {wanted}.") from error
        if self.bare_option and self.bare_option not in self.defaults:
            raise RegistryError(
                unknown(f"bare_option of {self.kind} {self.name!r}", self.bare_option, self.defaults)
            )
        return self

    def bind(self, options: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """Returns the options with the types the plug-in declares; strings are parsed.

        An option without an annotation has the type of its default.

        Args:
            options: Values by name, of which those that are not strings stay as they are.

        Raises:
            OptionError: If an option is unknown, or its value is not of the declared type or range.
        """
        known, hints, bound = self.defaults, self._hints(), {}
        with_extras = self._hints(include_extras=True)
        for name, value in options.items():
            key = name.replace("-", "_")
            if self.open_options and key.startswith(self.open_options):
                bound[key] = value
                continue
            if key not in known:
                raise OptionError(unknown(f"option of {self.kind} {self.name!r}", name, known))
            bound[key] = parse_option(f"{self.name}:{name}", value, hints.get(key, type(known[key])))
            for extra in getattr(with_extras.get(key), "__metadata__", ()):
                if isinstance(extra, Range):
                    extra.check(f"{self.name}:{name}", bound[key])
        return bound

    def _hints(self, include_extras: bool = False) -> dict[str, object]:
        """Returns the types of the options; other annotations may name what only type checkers import."""
        function: object = self.target.__init__ if inspect.isclass(self.target) else self.target
        declared = {k: v for k, v in getattr(function, "__annotations__", {}).items() if k in self.defaults}
        try:
            holder = types.SimpleNamespace(__annotations__=declared)
            known = getattr(function, "__globals__", None)
            return typing.get_type_hints(holder, known, include_extras=include_extras)
        except (NameError, TypeError) as error:
            raise RegistryError(
                f"Cannot read the options of {self.kind} {self.name!r}: {error}; wanted annotations of "
                "bool, int, float, str or Literal."
            ) from error


@dataclass(frozen=True)
class PluginCall:
    """A prior or task as a request calls it.

    Attributes:
        label: What results call it.
        plugin: The prior or task itself.
        options: All its options, with the types that it declares.
    """

    label: str
    plugin: Plugin
    options: dict[str, Scalar]

    @property
    def text(self) -> str:
        """The specification with every option written out."""
        written = {k: v for k, v in self.options.items() if v is not None}
        options = {k: option_text(v) for k, v in written.items()}
        return str(Spec(self.label, self.plugin.name, options))


@dataclass
class Registry:
    """Plug-ins of one kind by name.

    Attributes:
        kind: "prior" or "task".
        flag: The option of the command line that names such plug-ins, without its dashes.
        has_packages: Whether packages that are named as entry points in the group `neuroevo.packages`, under
            the plural of the kind, are imported before a name is looked up that is not registered: importing
            them registers what they hold.
        contract: Returns why something that was named by its path can be no plug-in of the kind, as the end
            of a sentence, or "" if it may be one. What is registered by a decorator is not asked.
    """

    kind: str
    flag: str = ""
    has_packages: bool = False
    contract: Callable[[Callable[..., object]], str] | None = None
    _plugins: dict[str, Plugin] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """The entry-point group other packages register under."""
        return f"neuroevo.{self.kind}s"

    def register(
        self, name: str, *, mutate: Callable[..., object] | None = None
    ) -> Callable[[Target], Target]:
        """Registers a prior function or a task class under a name, as a decorator.

        Args:
            name: What the command line calls it.
            mutate: Mutation of a prior, `(connectome, architecture, *, seed, **options) -> Mutant`, or None
                for one whose wirings do not mutate.

        Returns:
            A decorator that returns what it is given.

        Raises:
            RegistryError: If the name is taken by another plug-in.
        """

        def decorate(target: Target) -> Target:
            plugin = Plugin(self.kind, name, target, mutate)
            if name in self._plugins and self._plugins[name].path != plugin.path:
                raise RegistryError(
                    f"{self.kind.capitalize()} {name!r} is already registered by "
                    f"{self._plugins[name].path}; choose another name for {plugin.path}."
                )
            self._plugins[name] = plugin
            return target

        return decorate

    def _fill(self) -> None:
        """Imports the packages that hold plug-ins of this kind, once.

        Raises:
            RegistryError: If a module of the user's own has the name of one of the program's packages.
        """
        if not self.has_packages:
            return
        self.has_packages = False  # first, for the packages use this registry while they are imported
        for entry in importlib.metadata.entry_points(group=_PACKAGES, name=f"{self.kind}s"):
            if entry.value in OWN and (clash := finder.clash(entry.value, finder.PROGRAM)):
                self.has_packages = True  # once it is mended, they are looked for again
                raise RegistryError(f"{clash}; rename that one, or work in another folder.")
            importlib.import_module(entry.value)

    def get(self, name: str) -> Plugin:
        """Returns a plug-in.

        Args:
            name: Its registered name, or an import path `package.module:Name`.

        Raises:
            OptionError: If the name is that of a plug-in with a value behind it, of which it takes none.
            RegistryError: If there is none, with the nearest name.
        """
        if name not in self._plugins:
            self._fill()
        if name in self._plugins:
            return self._plugins[name].check()
        if ":" in name:
            head, _, tail = name.partition(":")
            if head in self._plugins:
                raise OptionError(
                    f"Cannot read {tail!r}, an option of {head!r}; wanted option=value, for {head!r} takes "
                    "no value without a name."
                )
            return self._loaded(name, name)
        for entry in importlib.metadata.entry_points(group=self.group, name=name):
            return self._loaded(name, entry.value)
        raise RegistryError(unknown(self.kind, name, self.names()))

    def parse(self, text: str) -> Spec:
        """Parses `[label=]name[:option=value,...]`; the first item may be a VALUE alone, `name:VALUE,...`.

        That is the value of the plug-in's `bare_option`, an attribute of the class or function; without one
        there can be none. The registered name of a plug-in that has one wins over an import path:
        `maze:large` is the plug-in `maze`, and not `large` in a module `maze`.

        Args:
            text: The specification.

        Returns:
            The specification in parts.

        Raises:
            OptionError: If the text has another form.
            RegistryError: If there is no such plug-in.
        """
        return Spec.parse(text, self)

    def calls(self, specs: Iterable[str], usual: Mapping[str, Scalar] | None = None) -> list[PluginCall]:
        """Returns the plug-ins that specifications name, with all their options.

        Args:
            specs: Specifications as `parse` reads them. Labels tell results apart, so no two may be equal.
            usual: Options that win over the plug-ins' own defaults, and over which a specification wins.
                None means that there are none.

        Raises:
            OptionError: If a specification has another form, an option is unknown or of another type, or two
                labels are equal.
            RegistryError: If there is no such plug-in.
        """
        calls: list[PluginCall] = []
        for spec in map(self.parse, specs):
            plugin = self.get(spec.name)
            options = plugin.bind({**plugin.defaults, **(usual or {}), **spec.options})
            calls.append(PluginCall(spec.label, plugin, options))
        for label, number in Counter(call.label for call in calls).items():
            if number > 1:
                kind = self.flag or self.kind
                raise OptionError(f"Two {kind}s are labelled {label!r}; give one another label, label=name.")
        return calls

    def takes_value(self, name: str) -> bool:
        """Says whether a plug-in is registered, here or as an entry point, and has a `bare_option`.

        Args:
            name: Name of the plug-in.
        """
        self._fill()
        is_known = name in self._plugins or bool(importlib.metadata.entry_points(group=self.group, name=name))
        return is_known and bool(self.get(name).bare_option)

    def registered(self, target: object) -> Plugin | None:
        """Returns the plug-in that something was registered as, or None.

        Args:
            target: A function or class, or anything else.
        """
        return next((plugin for plugin in self._plugins.values() if plugin.target is target), None)

    def modules(self, texts: Iterable[str]) -> dict[str, str]:
        """Returns the modules beside those installed that specifications name; none of them is imported.

        Args:
            texts: Specifications, of which one that cannot be read names none: `parse` refuses it.

        Returns:
            By module, the first specification that names it.
        """
        modules: dict[str, str] = {}
        known = _Known(self)
        for text in texts:
            with contextlib.suppress(OptionError, RegistryError):
                for module in self._modules_of(text, known):
                    modules.setdefault(module, text)
        return modules

    def _modules_of(self, text: str, known: _Known) -> Iterable[str]:
        """Returns the modules that one specification names."""
        _, name, _, _ = _parts(text, known)
        if ":" in name:
            return [name.partition(":")[0]]
        plugin = self.get(name) if name in known.names else None
        named_by = None if plugin is None else getattr(plugin.target, "imported_modules", None)
        if plugin is None or named_by is None:
            return []
        modules: list[str] = named_by(**plugin.bind(self.parse(text).options))
        return modules

    def _loaded(self, name: str, path: str) -> Plugin:
        """Returns what lies at an import path, with the mutation it was registered with, if it was.

        Raises:
            RegistryError: If it is not registered, and keeps no contract of this kind. It was not called.
        """
        target = load(path)
        registered = self.registered(target)
        fault = self.contract(target) if registered is None and self.contract is not None else ""
        if fault:
            raise RegistryError(f"{self.kind.capitalize()} {name!r} {fault}.")
        return Plugin(self.kind, name, target, None if registered is None else registered.mutate).check()

    def arrange(self, names: Iterable[str]) -> None:
        """Puts registered plug-ins into an order for lists of them.

        Args:
            names: Their names in this order; plug-ins that are not named follow.
        """
        order = {name: i for i, name in enumerate(names)}
        self._plugins = dict(sorted(self._plugins.items(), key=lambda p: order.get(p[0], len(order))))

    def names(self) -> list[str]:
        """Returns the registered names, and those that other packages offer as entry points, in order."""
        self._fill()
        offered = (entry.name for entry in importlib.metadata.entry_points(group=self.group))
        return [*self._plugins, *(n for n in offered if n not in self._plugins)]

    def __iter__(self) -> Iterator[Plugin]:
        return (self.get(name) for name in self.names())


@dataclass(frozen=True)
class Spec:
    """A plug-in as the command line names it: `[label=]name[:option=value,...]`.

    A label or value that holds one of `:=,"` is written as a JSON string: `"a:b=c"=name:folder="x,y"`. The
    first value may stand without its option's name where the plug-in says which option is meant, see
    `Registry.parse`; such a value may hold `:`.

    Attributes:
        label: What results are called.
        name: Registered name, or import path.
        options: Values as they were written.
        bare: The option whose value stands first without its name, or "" where none does.
    """

    label: str
    name: str
    options: dict[str, str] = field(default_factory=dict)
    bare: str = ""

    @classmethod
    def parse(cls, text: str, registry: Registry | None = None) -> Spec:
        """Parses `[label=]name[:option=value,...]`; the name may be `package.module:Name`.

        Args:
            text: The specification.
            registry: Where to look which plug-ins take a value without a name, or None if none does.

        Returns:
            The specification in parts.

        Raises:
            OptionError: If the text has another form.
            RegistryError: If the registry has no such plug-in.
        """
        label, name, colon, tail = _parts(text, registry)
        bare = registry.get(name).bare_option if registry else ""
        options, given_bare = _options(text, name, tail, bare)
        spec = cls(label or (text if not colon else f"{name}:{tail}"), name, options, given_bare)
        require_text(f"A part of {text!r}", spec.label, spec.name, *spec.options, *spec.options.values())
        return spec

    @property
    def plain(self) -> str:
        """The specification without its label."""
        items = [f"{k}={_quoted(v)}" for k, v in self.options.items() if k != self.bare]
        if self.bare:
            items.insert(0, _quoted(self.options[self.bare], '=,"'))
        return f"{self.name}:{','.join(items)}" if items else self.name

    def without(self, option: str) -> Spec:
        """Returns the specification without an option; a label that was made of the options follows.

        Args:
            option: Name of the option, which need not be given.
        """
        options = {k: v for k, v in self.options.items() if k != option}
        spec = replace(self, options=options, bare=self.bare if self.bare in options else "")
        return replace(spec, label=spec.plain) if self.label == self.plain else spec

    def __str__(self) -> str:
        return self.plain if self.label == self.plain else f"{_quoted(self.label)}={self.plain}"


class _Known:
    """The names that a registry has at a time, which take long to ask for."""

    def __init__(self, registry: Registry) -> None:
        self.names = set(registry.names())
        self._registry = registry
        self._values: dict[str, bool] = {}

    def takes_value(self, name: str) -> bool:
        """Says what the registry says of a name."""
        if name in self.names and name not in self._values:
            self._values[name] = self._registry.takes_value(name)
        return self._values.get(name, False)


def _parts(text: str, registry: Registry | _Known | None) -> tuple[str, str, str, str]:
    """Returns label, name, the colon after it and the options of a specification; no module is imported."""
    quoted = re.match(f"({_QUOTED})=", text)
    rest = text[quoted.end() :] if quoted else text
    head, colon, tail = rest.partition(":")
    label, equals, name = (_unquoted(quoted[1]), "=", head) if quoted else head.partition("=")
    if not equals:
        label, name = "", head
    attribute, second, after = tail.partition(":")
    may_be_path = colon and ("." in name or attribute.isidentifier())
    if may_be_path and not (registry and registry.takes_value(name)):
        name, colon, tail = f"{name}:{attribute}", second, after
    if not name or (equals and not label) or (colon and not tail):
        raise OptionError(f"Cannot read {text!r}; wanted [label=]name[:option=value,...].")
    return label, name, colon, tail


def _options(text: str, name: str, tail: str, bare: str) -> tuple[dict[str, str], str]:
    """Returns the options in `tail`, the end of `text`, and `bare` if that one is given without its name."""
    options: dict[str, str] = {}
    position = 0
    first = _BARE.match(tail) if bare else None
    if first is not None:
        options[bare], position = _unquoted(first[1]), first.end()
    while position < len(tail):
        item = _OPTION.match(tail, position)
        if item is None:
            hint = "" if bare else f", for {name!r} takes no value without a name"
            raise OptionError(
                f"Cannot read option {tail[position:]!r} in {text!r}; wanted option=value{hint}."
            )
        if (joint := _JOINT.search(_STRING.sub(_blank, item[0]))) is not None:
            place = len(text) - len(tail) + position + joint.start()
            raise OptionError(
                f"Cannot read {item[0].rstrip(',')!r} in {text!r}: a comma parts options; wanted "
                f"{visible(text[:place])},{visible(text[place + 1 :])} or, if this is one value, the value "
                "in double quotes."
            )
        key = item[1].replace("-", "_")
        if key in options:
            raise OptionError(f"Option {key!r} is given twice in {text!r}; give it once.")
        options[key] = _unquoted(item[2])
        position = item.end()
    return options, bare if first is not None else ""


def _blank(match: re.Match[str]) -> str:
    """Returns as many spaces as a match has characters."""
    return " " * len(match[0])


def _quoted(text: str, special: str = ':=,"') -> str:
    """Returns a label or value as `Spec.parse` reads it back."""
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(special) else text


def _unquoted(text: str) -> str:
    """Undoes `_quoted`."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise OptionError(f"Cannot read {text!r}: {error}; wanted a JSON string.") from error


def load(path: str) -> Callable[..., object]:
    """Imports a function or class.

    Args:
        path: Where it is, `package.module:Name`.

    Returns:
        What has this name.

    Raises:
        RegistryError: If the module or the name in it does not exist, or cannot be called.
    """
    module, _, name = path.partition(":")
    finder.admit(module)
    try:
        target = importlib.import_module(module)
        for part in name.split("."):
            target = getattr(target, part)
    except FOREIGN as error:  # a module may fail in any way while it is imported
        wanted = "Wanted an importable package.module:Name."
        if clash := finder.clash(module, os.getcwd()):
            wanted = f"{clash}; rename the latter."
        raise RegistryError(f"Cannot load {path!r}: {described(error)}. {wanted}") from error
    if not callable(target):
        raise RegistryError(
            f"{path!r} is a {type(target).__name__}; wanted a prior function or a task class."
        )
    return target


def parse_option(name: str, value: Scalar, hint: object) -> Scalar:
    """Returns a value with the type that an option declares.

    Args:
        name: Name of the option, for errors.
        value: What was given; a string is parsed, and any other value is taken to be of the type.
        hint: The type: bool, int, float, str, a Literal or a union of these.

    Raises:
        OptionError: If the string does not stand for a value of the type.
    """
    if not isinstance(value, str):  # a default: equal requests shall have equal options, 1 or 1.0
        return float(value) if hint is float and type(value) is int else value
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        *others, hint = (h for h in typing.get_args(hint) if h is not type(None))
        for other in others:
            with contextlib.suppress(OptionError):
                return parse_option(name, value, other)
    choices = typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()
    text = value.strip()
    if choices:
        by_text = {str(choice): choice for choice in choices}
        if text not in by_text:
            raise OptionError(f"Option {name!r} is {value!r}; wanted one of {', '.join(by_text)}.")
        return by_text[text]
    if hint is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise OptionError(f"Option {name!r} is {value!r}; wanted true or false.")
    if hint in (int, float):
        try:
            number = int(text) if hint is int else float(text)
            if math.isfinite(number):
                return number
        except (ValueError, OverflowError):
            pass
        kind = "a whole number" if hint is int else "a number"
        raise OptionError(f"Option {name!r} is {value!r}; wanted {kind}.")
    return text


def _fault_of_prior(target: Callable[..., object]) -> str:
    """Returns why something is no prior, as the end of a sentence; "" if it may be one."""
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    if parameters and parameters[0].name == "connectome" and any(p.name == "seed" for p in parameters):
        return ""
    wanted = "a function (connectome, *, seed, **options), or one with the decorator neuroevo.priors.register"
    return f"is no prior ({_article(target)}); wanted {wanted}"


def _article(target: object) -> str:
    """Returns what something is, such as `a function`, `an instance of Timer`, for a message."""
    if inspect.isclass(target):
        return "a class"
    return "a function" if inspect.isroutine(target) else f"an instance of {type(target).__name__}"


priors = Registry("prior", "genome", has_packages=True, contract=_fault_of_prior)
tasks = Registry("task", "task", has_packages=True)
