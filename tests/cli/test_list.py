"""The command line: what there is to run, and that saying so is quick."""

from __future__ import annotations

import json
import subprocess
import sys
from unittest import mock

import pytest

import populations
import run as cli
from neuroevo.experiment import listing
from tasks.swimmer import Swimmer
from tests import ROOT
from tests.small import CIRCUIT

KINDS = {
    "genomes": "prior",
    "tasks": "task",
    "connectomes": "connectome",
    "neurons": "neuron",
    "adapters": "adapter",
    "searches": "search",
    "selections": "selection",
}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def test_list_tells_all_about_a_prior_or_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "stats-prior", "swimmer"]) == 0
    out = capsys.readouterr().out
    assert "Keeps exactly" in out and "degree_bins:" in out and "held_out:" in out
    assert max(map(len, out.splitlines())) <= 110
    assert cli.main(["list", "paper"]) == 0
    assert "es_learning_rate:" in capsys.readouterr().out
    assert cli.main(["list", "stats-priro"]) == 2
    assert "Did you mean 'stats-prior'?" in capsys.readouterr().err


def test_list_tells_all_about_a_plug_in_at_an_import_path(capsys: pytest.CaptureFixture[str]) -> None:
    paths = ["tasks.swimmer:Swimmer", "populations.controls:clock"]
    assert cli.main(["list", *paths]) == 0
    out = capsys.readouterr().out
    assert f"task {paths[0]}" in out and f"prior {paths[1]}" in out and "held_out:" in out
    assert cli.main(["list", "tasks.swimmer:Swimer"]) == 2
    assert "Cannot load 'tasks.swimmer:Swimer'" in capsys.readouterr().err
    assert cli.main(["list", "swimmer:links=3"]) == 2
    assert "Did you mean 'swimmer'?" in capsys.readouterr().err


def test_everything_that_is_listed_has_a_page_with_all_its_options() -> None:
    for title, entries in listing.sections().items():
        for name, entry in entries.items():
            page = listing.describe(name)
            assert f"{KINDS[title]} {name}" in page.splitlines(), (title, name)
            for option in entry.get("options", {}):
                assert f"{option}:" in page or f" {option}=" in page or f",{option}=" in page, (name, option)


def test_pages_tell_what_readouts_neurons_and_connectomes_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "ridge", "linear", "izhikevich", "celegans", "celegans-male", "mlp"]) == 0
    out = capsys.readouterr().out
    assert "nothing is tuned" in " ".join(out.split()) and "penalty:" in out and "drive=0" in out
    assert out.count("train:") == 3  # of ridge its own, of linear and mlp that of all
    assert "doi.org" in out and "c: -58. Potential after a spike, mV." in out
    assert "Connections: 3,671 chemical, 956 neuromuscular, 1,192 electrical." in out
    assert "Ports: 85 input cells, 126 output cells." in out and "wheel cect==0.3.5, SHA-256 ea47f7a6" in out
    assert "prior mlp" in out and "adapter mlp" in out  # two things of one name
    assert cli.main(["list", "rigde"]) == 2
    assert "Did you mean 'ridge'?" in capsys.readouterr().err


def test_list_says_what_an_environment_senses_and_how_it_acts(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "gym:Blackjack-v1"]) == 0
    assert capsys.readouterr().out.splitlines()[-2] == (
        "gym:Blackjack-v1: Observations: Tuple(Discrete 32, Discrete 11, Discrete 2) as 45 sensors; "
        "actions: Discrete 2 (the largest) as 2 actuators."
    )
    assert cli.main(["list", "gym:Pendulum-v1,env.grav=3"]) == 2
    assert "'grav'. Known: g, render_mode." in capsys.readouterr().err


def test_list_names_everything_and_says_how_to_give_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--json"]) == 0
    sections = json.loads(capsys.readouterr().out)
    assert " ".join(sections) == "genomes tasks connectomes neurons adapters searches selections"
    assert sections["genomes"]["stats-prior"]["options"].items() >= {"gap": "rewire", "dale": True}.items()
    assert list(sections["genomes"]) == list(populations.LADDER)
    assert {"celegans", CIRCUIT} <= sections["connectomes"].keys()
    assert list(sections["searches"]) == ["pgpe", "es", "ga", "cem", "paper"]
    assert sections["tasks"]["swimmer"]["budget"] == Swimmer.defaults
    assert "budget" not in sections["genomes"]["random"]
    assert sections["searches"]["paper"]["options"].items() >= {"share": 0.5, "es_stdev": 0.1}.items()
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    for entries in sections.values():
        for name, entry in entries.items():
            assert name in out and entry["summary"] and entry["summary"][:40] in out
    assert ":gap=random,dale=true" in out and "neuromuscular=rewire" in out
    assert "--genome kept=stats-prior:gap=keep" in out and "--task package.module:Name" in out
    assert max(map(len, out.splitlines())) <= 80


def test_list_says_what_a_task_was_measured_to_tell_apart(capsys: pytest.CaptureFixture[str]) -> None:
    shows = {"linear": "no prior from another", "none": "all of them"}
    with mock.patch.object(Swimmer, "shows", shows):
        assert cli.main(["list", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)["tasks"]
        assert cli.main(["list"]) == 0
        listed = capsys.readouterr().out
        assert cli.main(["list", "swimmer"]) == 0
        page = capsys.readouterr().out
    assert found["swimmer"]["shows"] == shows and "shows" not in found["images"]
    for adapter, told_apart in shows.items():
        assert f"{adapter}: {told_apart}" in listed and f"{adapter}: {told_apart}" in page


def test_list_says_what_defaults_a_search_has_without_adapters(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--json"]) == 0
    searches = json.loads(capsys.readouterr().out)["searches"]
    assert cli.main(["list", "pgpe"]) == 0
    page = capsys.readouterr().out
    assert searches["pgpe"]["without_adapters"] == {"stdev": 0.3, "speed": 0.1, "bias": 0.02}
    assert "`--adapter none`: :stdev=0.3,speed=0.1,bias=0.02" in page
    assert "without_adapters" not in searches["paper"]


def test_list_shows_a_broken_plug_in_beside_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    entry = mock.Mock(value="no.such.module:Prior")
    entry.name = "broken"
    with mock.patch("importlib.metadata.entry_points", lambda group, name="broken": [entry]):
        assert cli.main(["list"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "broken Cannot load 'no.such.module:Prior'" in out and "stats-prior Random wiring" in out


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--help"], ["run", "-h"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert not ended.value.code
        out = capsys.readouterr().out
        assert "--genome" in out and "--config" in out and "run.py sample" in out


@pytest.mark.parametrize("command", ["['list']", "['list', '--json']", "['--genom', 'x']"])
def test_short_commands_import_nothing_heavy(command: str) -> None:
    heavy = ["torch", "ray", "mujoco", "numba", "sklearn", "matplotlib", "evotorch", "scipy", "networkx"]
    code = f"import sys, run; run.main({command}); print('found', [m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "found []"
