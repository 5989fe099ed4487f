"""Registries, specifications and typed options."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from neuroevo.errors import OptionError, RegistryError
from neuroevo.plugins import Registry, Spec, _options, priors, tasks


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


class Maze:
    """Find the way out."""

    bare_option = "plan"

    def __init__(self, plan: str = "small", steps: int = 8) -> None:
        self.plan, self.steps = plan, steps


@pytest.fixture
def mazes() -> Registry:
    registry = Registry("task")
    registry.register("maze")(Maze)
    return registry


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


# --- a first value without its option's name ----------------------------------------------------------

MAZE = f"{__name__}:Maze"


@pytest.mark.parametrize(
    ("text", "label", "name", "options"),
    [
        ("maze", "maze", "maze", {}),
        ("maze:large", "maze:large", "maze", {"plan": "large"}),  # not `large` in a module `maze`
        ("maze:plan=large", "maze:plan=large", "maze", {"plan": "large"}),
        ("maze:steps=2", "maze:steps=2", "maze", {"steps": "2"}),
        ("maze:/data/my plan.v1", "maze:/data/my plan.v1", "maze", {"plan": "/data/my plan.v1"}),
        ("x=maze:../plans,steps=2", "x", "maze", {"plan": "../plans", "steps": "2"}),
        ("maze:ALE/Pong-v5", "maze:ALE/Pong-v5", "maze", {"plan": "ALE/Pong-v5"}),
        (
            "maze:module:Env-v0,steps=2",
            "maze:module:Env-v0,steps=2",
            "maze",
            {"plan": "module:Env-v0", "steps": "2"},
        ),
        ("maze:C:\\plans", "maze:C:\\plans", "maze", {"plan": "C:\\plans"}),
        ('maze:"a=b,c",steps=2', 'maze:"a=b,c",steps=2', "maze", {"plan": "a=b,c", "steps": "2"}),
        ('"l:1"=maze:"a \\"b\\""', "l:1", "maze", {"plan": 'a "b"'}),
        ('maze:plan="a:b"', 'maze:plan="a:b"', "maze", {"plan": "a:b"}),
        (f"{MAZE}:large,steps=2", f"{MAZE}:large,steps=2", MAZE, {"plan": "large", "steps": "2"}),
        (f"x={MAZE}:a/b:c", "x", MAZE, {"plan": "a/b:c"}),
    ],
)
def test_first_value_may_stand_without_the_name_of_its_option(
    mazes: Registry, text: str, label: str, name: str, options: dict[str, str]
) -> None:
    spec = mazes.parse(text)
    assert (spec.label, spec.name, spec.options) == (label, name, options)
    assert mazes.parse(str(spec)) == spec
    assert mazes.parse(spec.plain).options == options
    assert mazes.get(spec.name).bind(spec.options).get("plan") == options.get("plan")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maze:steps=2,large", r"Cannot read option 'large' in .*; wanted option=value\."),
        ("maze:large,small", r"Cannot read option 'small' in .*; wanted option=value\."),
        ("maze:large,plan=small", "Option 'plan' is given twice"),
        ("maze:large,", "Cannot read option 'large,'"),
        ("maze:,steps=2", "Cannot read option ',steps=2'"),
        ("maze:", "Cannot read 'maze:'"),
        ('maze:"large', "Cannot read option"),
        ("maez:/data/large", r"Unknown task 'maez'\. Did you mean 'maze'"),
        ("maze.large:x", "Cannot load 'maze.large:x'"),
    ],
)
def test_first_value_that_cannot_be_read_is_refused(mazes: Registry, text: str, message: str) -> None:
    with pytest.raises((OptionError, RegistryError), match=message) as raised:
        mazes.parse(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("value", ["rewired", "0.5", "/data/x", "a-b", "a:b-c"])
def test_plugin_without_a_bare_option_takes_no_value_without_a_name(registry: Registry, value: str) -> None:
    message = r"Cannot read .*; wanted option=value, for 'example' takes no value without a name\."
    with pytest.raises(OptionError, match=message):
        registry.parse(f"example:{value}")


def test_value_without_a_name_goes_with_its_option(mazes: Registry) -> None:
    spec = mazes.parse("maze:large:v2,steps=2")
    assert str(spec.without("steps")) == "maze:large:v2"
    assert str(spec.without("plan")) == "maze:steps=2"
    assert str(mazes.parse("x=maze:a/b,steps=2").without("steps")) == "x=maze:a/b"


def test_bare_option_may_be_an_attribute_of_a_function(registry: Registry) -> None:
    def mix(connectome: object, *, seed: int, share: float = 0.5) -> None:
        """Mixes."""

    mix.bare_option = "share"  # type: ignore[attr-defined]
    registry.register("mix")(mix)
    assert registry.get("mix").bind(registry.parse("mix:0.25").options) == {"share": 0.25}


def test_bare_option_that_is_no_option_is_refused(mazes: Registry) -> None:
    class Wrong(Maze):
        bare_option = "paln"

    mazes.register("wrong")(Wrong)
    with pytest.raises(
        RegistryError, match=r"Unknown bare_option of task 'wrong' 'paln'\. Did you mean 'plan'"
    ):
        mazes.parse("wrong:large")


def test_bare_option_of_an_entry_point_wins_over_an_import_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "labyrinths.py").write_text(
        "from tests.toy import Echo\n"
        "class Hedge(Echo):\n    bare_option = 'size'\n    def __init__(self, size: int = 2): pass\n"
    )
    installed = tmp_path / "labyrinths-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: labyrinths\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[neuroevo.tasks]\nhedge = labyrinths:Hedge\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = tasks.parse("hedge:five")
    assert (spec.name, spec.options) == ("hedge", {"size": "five"})
    assert tasks.parse("labyrinths:Hedge:3").options == {"size": "3"}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("example:size=5:scale=2", "example:size=5,scale=2"),
        ("example:size=5,scale=2:name=x", "example:size=5,scale=2,name=x"),
        ('"a:b=c"=example:size=5:scale=2', '"a:b=c"=example:size=5,scale=2'),
        ("maze:large:size=5", "maze:large,size=5"),
        ("maze:module:large-v0:size=5", "maze:module:large-v0,size=5"),
    ],
)
def test_option_behind_a_colon_is_told_where_the_comma_belongs(text: str, meant: str) -> None:
    for bare in ("", "size") if text.startswith("maze") else ("",):
        with pytest.raises(OptionError, match="a comma parts options") as caught:
            _options(text, "example", text.rpartition("example:" if "example" in text else "maze:")[2], bare)
        assert f"; wanted {meant} or, if " in str(caught.value)


@pytest.mark.parametrize("tail", ['size="a:b=c"', "size=a:b", "size=http://x.y/z", 'size="a:b=c",other=d:e'])
def test_value_may_hold_a_colon(tail: str) -> None:
    assert _options(f"example:{tail}", "example", tail, "")[0]["size"] in tail


def test_what_was_wanted_is_told_in_one_line_whatever_stands_in_it() -> None:
    with pytest.raises(OptionError) as refused:
        Spec.parse("gym:X\x0b\x85Y:steps=2")
    assert len(str(refused.value).splitlines()) == 1
