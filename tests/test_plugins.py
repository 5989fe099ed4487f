"""Registries, specifications and typed options."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from neuroevo.errors import OptionError, RegistryError
from neuroevo.plugins import Registry, Spec, priors, tasks


def example(
    connectome: object,
    *,
    seed: int,
    fraction: float = 0.5,
    gap: Literal["keep", "drop"] = "keep",
    dale: bool = True,
) -> str:
    """First line.

    More.
    """
    return f"{fraction} {gap} {dale}"


@pytest.fixture
def registry() -> Registry:
    registry = Registry("prior")
    registry.register("example")(example)
    return registry


@pytest.mark.parametrize(
    ("text", "label", "name", "options"),
    [
        ("stats-prior", "stats-prior", "stats-prior", {}),
        (
            "stats-prior:gap=keep,dale=false",
            "stats-prior:gap=keep,dale=false",
            "stats-prior",
            {"gap": "keep", "dale": "false"},
        ),
        ("near=stats-prior:gap=keep", "near", "stats-prior", {"gap": "keep"}),
        ("a=b", "a", "b", {}),
        ("package.module:Name", "package.module:Name", "package.module:Name", {}),
        ("mine=package.module:Name:x=1", "mine", "package.module:Name", {"x": "1"}),
    ],
)
def test_spec_parses(text: str, label: str, name: str, options: dict[str, str]) -> None:
    spec = Spec.parse(text)
    assert (spec.label, spec.name, spec.options) == (label, name, options)
    assert Spec.parse(str(spec)) == spec


@pytest.mark.parametrize("text", ["", "=a", "a=", "a:", "a:b=", "a:b-c", "a:=b", "a:b=1,", "a:b=1,b=2"])
def test_spec_refuses_other_forms(text: str) -> None:
    with pytest.raises(OptionError):
        Spec.parse(text)


def test_a_colon_begins_an_import_path_or_an_option(registry: Registry) -> None:
    assert Spec.parse("mine:prior") == Spec("mine:prior", "mine:prior")
    assert Spec.parse("x=mine:prior:a=1") == Spec("x", "mine:prior", {"a": "1"})
    name = next(iter(registry.names()))
    with pytest.raises(OptionError, match=r"'rewired'.*option=value"):
        registry.get(f"{name}:rewired")


def test_registry_names_the_nearest(registry: Registry) -> None:
    with pytest.raises(RegistryError, match=r"Unknown prior 'exampel'\. Did you mean 'example'"):
        registry.get("exampel")


def test_registry_refuses_a_taken_name(registry: Registry) -> None:
    def other() -> None: ...

    with pytest.raises(RegistryError, match="already registered"):
        registry.register("example")(other)


def test_registry_loads_an_import_path(registry: Registry) -> None:
    assert registry.get(f"{__name__}:example").target is example
    with pytest.raises(RegistryError, match="Cannot load"):
        registry.get("tests.test_plugins:absent")
    with pytest.raises(RegistryError, match="Cannot load"):
        registry.get("no.such.module:Name")


def test_plugin_binds_typed_options(registry: Registry) -> None:
    plugin = registry.get("example")
    assert plugin.summary == "First line."
    assert plugin.defaults == {"fraction": 0.5, "gap": "keep", "dale": True}
    assert plugin.bind({"fraction": "0.25", "gap": "drop", "dale": "no"}) == {
        "fraction": 0.25,
        "gap": "drop",
        "dale": False,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fractoin": "1"}, "Did you mean 'fraction'"),
        ({"fraction": "half"}, "wanted a number"),
        ({"gap": "kept"}, "wanted one of keep, drop"),
        ({"dale": "maybe"}, "wanted true or false"),
    ],
)
def test_plugin_refuses_wrong_options(registry: Registry, options: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        registry.get("example").bind(options)


def test_another_package_offers_plugins_as_entry_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wirings.py").write_text(
        "def ring(connectome, *, seed, width: int = 2):\n    '''A ring.'''\n    raise NotImplementedError\n"
    )
    installed = tmp_path / "wirings-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: wirings\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[neuroevo.priors]\nring = wirings:ring\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugin = priors.get("ring")
    assert (plugin.name, plugin.path, plugin.defaults) == ("ring", "wirings:ring", {"width": 2})
    assert "ring" in priors.names() and "ring" not in tasks.names()
