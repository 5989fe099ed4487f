"""Where plug-ins are found: those that were named, in the working folder, and nothing else there.

The working folder is not searched for modules: a library that asks for one which is not installed shall not
run a file of that name which happens to lie there. A plug-in that was named is imported from it, and what
lies beside the plug-in is there for the plug-in's own imports. What is installed goes before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec, spec_from_loader
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from importlib.abc import Loader  # slow to import

PROGRAM = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # where its packages lie
ALIASES = ("populations", "tasks")  # packages beside this one, which answer as its parts too
_PACKAGE = __name__.partition(".")[0]
_IMPORTERS = ("importlib", "_frozen_importlib", "_frozen_importlib_external", __name__)


class NamedFinder:
    """Finds modules that were named in their folders, and for these what lies beside them."""

    def __init__(self) -> None:
        self._folders: dict[str, list[str]] = {}  # by name of a module, those that it may be in, newest first
        self.is_isolated = False  # whether a folder was taken off the path
        self.program: str | None = None  # the folder of the program, if it is not that of what is installed
        self._beside: dict[str, str] = {}  # folders that modules came from, for their own imports

    def admit(self, name: str, folder: str) -> None:
        """Lets a module be imported from a folder, unless it is found elsewhere.

        Args:
            name: Name of the module; of a dotted one the first part counts.
            folder: Where it may be.
        """
        top = name.partition(".")[0]
        others = [other for other in self._folders.get(top, ()) if other != folder]
        self._folders[top] = [folder, *others]

    @property
    def sources(self) -> set[str]:
        """Folders that plug-ins were imported from."""
        return set(self._beside.values())

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns where a module is that nothing before this finder has found, as the import system asks.

        Args:
            fullname: Name of the module.
            path: Where its package lies; None for a module that is in no package.
            target: What the import system is to reload, if it is.
        """
        if path is not None:  # a package that was found has its own folder
            return None
        beside = self._beside.get(_importer())
        for folder in [*self._folders.get(fullname, ()), *([] if beside is None else [beside])]:
            if spec := PathFinder.find_spec(fullname, [folder], target):
                self._beside[fullname] = folder
                return spec
        return None


_FINDER = NamedFinder()


def admit(module: str) -> None:
    """Lets a module that was named be imported from the working folder or the program's, if not installed.

    Args:
        module: Its name, `package.module`.
    """
    _listen()
    if _FINDER.program is not None:
        _FINDER.admit(module, _FINDER.program)
    _FINDER.admit(module, os.getcwd())


class OwnFinder:
    """Finds the program's own packages in its own folder, before any that are installed under their names.

    Args:
        folder: Where the program lies.
        names: Its modules and packages.
    """

    def __init__(self, folder: str, names: Sequence[str]) -> None:
        self._folder = folder
        self._names = frozenset(names)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns where one of the program's packages is, as the import system asks, or None.

        Args:
            fullname: Name of the module.
            path: Where its package lies; None for a module that is in no package.
            target: What the import system is to reload, if it is.
        """
        if path is not None or fullname not in self._names:
            return None
        return PathFinder.find_spec(fullname, [self._folder], target)


class AliasFinder:
    """Finds the packages of priors and tasks under the program's own name too, and their modules.

    `neuroevo.tasks.images` is `tasks.images`, the same module, imported once, from beside this package; so a
    user whose own module has the name of one of them can import ours.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns how a module is had that is an alias, as the import system asks, or None.

        Args:
            fullname: Name of the module.
            path: Where its package lies.
            target: What the import system is to reload, if it is.
        """
        root, _, real = fullname.partition(".")
        if root != _PACKAGE or real.partition(".")[0] not in ALIASES:
            return None
        return spec_from_loader(fullname, cast("Loader", _AliasLoader(real)))


class _AliasLoader:
    """Gives the module of another name in place of a new one."""

    def __init__(self, real: str) -> None:
        self._real = real
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Returns the module that the alias stands for; raises ImportError if the user's own has its name."""
        top = self._real.partition(".")[0]
        if top not in sys.modules and (own_spec := PathFinder.find_spec(top, [PROGRAM])) and own_spec.loader:
            sys.modules[top] = module_from_spec(own_spec)
            try:
                own_spec.loader.exec_module(sys.modules[top])
            except BaseException:
                del sys.modules[top]
                raise
        if said := clash(top, PROGRAM):
            raise ImportError(f"{said}; rename that one, or import {spec.name} before it.")
        module = import_module(self._real)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Leaves the module as it is: it was run under its own name, which it goes on to bear."""
        module.__spec__ = self._spec


def alias() -> None:
    """Lets the packages of priors and tasks be imported as parts of this one too, see `AliasFinder`."""
    if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, AliasFinder())


def claim(folder: str, names: Sequence[str]) -> None:
    """Lets the program's own packages be imported from its own folder, whatever is installed.

    Args:
        folder: Where the program lies.
        names: Its modules and packages.
    """
    _FINDER.program = folder
    sys.meta_path.insert(0, OwnFinder(folder, names))


def isolate(folder: str) -> None:
    """Takes a folder off the path of modules.

    Args:
        folder: The folder.
    """
    _listen()
    _FINDER.is_isolated = True
    here = os.path.realpath(folder)
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != here]


def folders_for_workers() -> list[str] | None:
    """Returns the folders that workers have to search for modules, beside what is installed.

    Returns:
        The folder of the program where it is not installed or has a plug-in in it, or nothing; None if
        `isolate` was not called, as in a script of the user's, whose own folders they search as it does.
    """
    if not _FINDER.is_isolated:
        return None
    if _FINDER.program is None:
        return []
    here = os.path.realpath(os.path.dirname(__file__))
    if _FINDER.program in _FINDER.sources:
        return [_FINDER.program]
    for finder in (finder for finder in sys.meta_path if not isinstance(finder, NamedFinder | OwnFinder)):
        find = getattr(finder, "find_spec", None)
        spec = None if find is None else find("neuroevo", None)
        if spec is not None and spec.origin is not None:
            is_same = os.path.realpath(os.path.dirname(spec.origin)) == here
            return [] if is_same else [os.path.dirname(here)]
    return [os.path.dirname(here)]


def clash(module: str, folder: str) -> str:
    """Returns that a module would not be the one in a folder, with both places, as a clause; "" if it would.

    Nothing is imported.

    Args:
        module: Its name; of a dotted one the first part counts.
        folder: Where it is wanted from.
    """
    top = module.partition(".")[0]
    wanted = PathFinder.find_spec(top, [folder])
    there = os.path.realpath(wanted.origin) if wanted is not None and wanted.origin else ""
    met = origin(top)
    return f"Module {top!r} is {met}, where {there} is wanted" if met and there and met != there else ""


def origin(module: str) -> str:
    """Returns the file that would be run if a module were imported, without importing anything; or "".

    Args:
        module: Its name; of a dotted one the first part counts, for finding more would run that.
    """
    top = module.partition(".")[0]
    try:
        spec = find_spec(top) or PathFinder.find_spec(top, [os.getcwd(), *filter(None, [_FINDER.program])])
    except (ValueError, ImportError):  # such as __main__, which has none
        spec = None
    if spec is None:
        return ""
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    return places[0] if places[:1] == ["built-in"] else os.path.realpath(places[0]) if places else ""


def _listen() -> None:
    """Puts the finder behind all others."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)


def _importer() -> str:
    """Returns the first part of the name of the module that an import under way stands in."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name != __name__ and name.partition(".")[0] not in _IMPORTERS:
            return name.partition(".")[0]
        frame = frame.f_back
    return ""
