"""Tokens of Ray: local runs have their own; a cluster is asked whether it wants one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neuroevo.errors import OptionError
from neuroevo.workers import ray_cluster, ray_tokens
from neuroevo.workers.ray_cluster import Workers
from neuroevo.workers.ray_tokens import MODE, PATH, TOKEN
from tests import ROOT

SECRET = "5ec" * 20


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder, and an environment that says nothing about tokens."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (MODE, TOKEN, PATH):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path
    ray_tokens.forget()


JOIN = "import sys; from neuroevo.workers import ray_tokens; ray_tokens.join(sys.argv[1])"


def test_run_on_this_machine_has_a_token_of_its_own(started: object, tmp_path: Path) -> None:
    """Another user, who has neither its environment nor its home, is not heard."""
    import ray

    assert os.environ[MODE] == "token" and len(os.environ[TOKEN]) == 64
    address = ray.get_runtime_context().gcs_address
    stranger = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, "-c", JOIN, address]
    refused = subprocess.run(
        command,
        env={**stranger, "HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1 and "takes a token, and none is here" in refused.stderr
    assert subprocess.run(command, env=os.environ, cwd=ROOT, check=False).returncode == 0


@pytest.fixture(scope="module")
def guarded() -> Iterator[Any]:
    """A real cluster on this machine that takes a token."""
    from ray.cluster_utils import Cluster

    ray_cluster.stop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODE, "token")
        patch.setenv(TOKEN, SECRET)
        ray_tokens._refresh()
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    ray_tokens._refresh()
    yield cluster
    ray_cluster.stop()
    os.environ |= {MODE: "token", TOKEN: SECRET}
    ray_tokens._refresh()
    cluster.shutdown()
    for name in (MODE, TOKEN):
        del os.environ[name]
    ray_tokens._refresh()


def write_token(home: Path, token: str) -> None:
    (home / ".ray").mkdir()
    (home / ".ray/auth_token").write_text(token)


def test_cluster_is_joined_with_the_token_that_lies_at_home(guarded: Any, home: Path) -> None:
    """Though nothing says that there is one to be shown, as after `ray start --head`."""
    import ray

    write_token(home, SECRET)
    ray_cluster.start(Workers(1, guarded.address))
    try:
        assert ray.cluster_resources()["CPU"] == 1
    finally:
        ray_cluster.stop()
    assert MODE not in os.environ


@pytest.mark.parametrize(
    ("variables", "at_home", "wanted"),
    [
        ({}, "", f"takes a token, and none is here; set {TOKEN} to it"),
        ({}, "0" * 64, f"takes a token, and not that of ~/.ray/auth_token here; set {TOKEN} to its own"),
        ({TOKEN: "0" * 64}, SECRET, f"takes a token, and not that of {TOKEN} here; set {TOKEN} to its own"),
        ({MODE: "disabled"}, SECRET, f"takes a token, and {MODE} is 'disabled' here; set it to token"),
    ],
)
def test_cluster_that_takes_another_token_is_refused_by_the_variable_that_mends_it(
    guarded: Any,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    variables: dict[str, str],
    at_home: str,
    wanted: str,
) -> None:
    """At once, and without a word of Ray's."""
    if at_home:
        write_token(home, at_home)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OptionError) as caught:
        ray_cluster.start(Workers(1, guarded.address))
    assert wanted in str(caught.value) and guarded.address in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert {name: os.environ[name] for name in (MODE, TOKEN, PATH) if name in os.environ} == variables


def test_what_the_environment_says_of_tokens_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_tokens, "_refresh", lambda: None)  # Ray of other tests may run
    ray_tokens.begin()
    first = os.environ[TOKEN]
    ray_tokens.begin()
    assert os.environ[MODE] == "token" and os.environ[TOKEN] != first
    ray_tokens.forget()
    assert not {MODE, TOKEN} & set(os.environ)
    monkeypatch.setenv(TOKEN, SECRET)
    ray_tokens.begin()
    assert (os.environ[MODE], os.environ[TOKEN]) == ("token", SECRET)
    ray_tokens.forget()
    monkeypatch.setenv(MODE, "disabled")
    ray_tokens.begin()
    assert (os.environ[MODE], os.environ[TOKEN]) == ("disabled", SECRET)
