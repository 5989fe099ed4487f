"""Machines that are network namespaces of this one: each has its own address, and a cable that can be pulled.

For Ray nodes that meet over a network, as on a cluster. Needs Linux, root and the `ip` command.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

NETWORK = "10.77.0"  # of three bytes; nothing beyond the namespaces sees it
PORT = 6379
RAY = str(Path(sys.executable).with_name("ray"))


class Machines:
    """Some machines and the switch between them, while a context lasts.

    Args:
        number: Number of machines; the first is the head of the cluster, without workers.
        cores: Number of cores of each of the others.
    """

    def __init__(self, number: int = 3, cores: int = 1) -> None:
        self._stem = f"ne{secrets.token_hex(3)}"
        self.cores = cores
        self._hub = f"{self._stem}h"
        self.names = [f"{self._stem}{k}" for k in range(number)]
        self.environment = {
            **os.environ,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(16),
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        }

    @property
    def address(self) -> str:
        """Address of the head of the cluster."""
        return f"{NETWORK}.1:{PORT}"

    def __enter__(self) -> Machines:
        _ip("netns", "add", self._hub)
        _ip("-n", self._hub, "link", "add", "switch", "type", "bridge")
        _ip("-n", self._hub, "link", "set", "switch", "up")
        for k, name in enumerate(self.names):
            _ip("netns", "add", name)
            _ip("link", "add", f"{name}c", "type", "veth", "peer", "name", f"{name}s")
            _ip("link", "set", f"{name}c", "netns", name)
            _ip("link", "set", f"{name}s", "netns", self._hub)
            _ip("-n", self._hub, "link", "set", f"{name}s", "master", "switch")
            _ip("-n", self._hub, "link", "set", f"{name}s", "up")
            _ip("-n", name, "addr", "add", f"{NETWORK}.{k + 1}/24", "dev", f"{name}c")
            _ip("-n", name, "link", "set", f"{name}c", "up")
            _ip("-n", name, "link", "set", "lo", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in self.names:
            self.kill(name)
        for name in (*self.names, self._hub):
            subprocess.run(["ip", "netns", "del", name], check=False)

    def command(self, name: str, *command: str) -> list[str]:
        """Returns a command that runs on a machine."""
        return ["ip", "netns", "exec", name, *command]

    def start(self, name: str) -> None:
        """Starts Ray on a machine; the head first."""
        address = f"{NETWORK}.{self.names.index(name) + 1}"
        is_head = name == self.names[0]
        where = ["--head", f"--port={PORT}", "--num-cpus=0", "--include-dashboard=false"]
        node = where if is_head else [f"--address={self.address}", f"--num-cpus={self.cores}"]
        command = self.command(
            name, RAY, "start", *node, f"--node-ip-address={address}", "--disable-usage-stats"
        )
        subprocess.run(command, check=True, env=self.environment, stdout=subprocess.DEVNULL)

    def cut(self, name: str) -> None:
        """Pulls a machine's cable."""
        _ip("-n", self._hub, "link", "set", f"{name}s", "down")

    def mend(self, name: str) -> None:
        """Puts the cable back."""
        _ip("-n", self._hub, "link", "set", f"{name}s", "up")

    def kill(self, name: str) -> None:
        """Ends all processes of a machine at once, as a loss of power does."""
        for _ in range(3):  # what they started meanwhile, too
            processes = subprocess.run(
                ["ip", "netns", "pids", name], capture_output=True, text=True, check=False
            )
            if not processes.stdout.split():
                return
            subprocess.run(["kill", "-9", *processes.stdout.split()], check=False, stderr=subprocess.DEVNULL)
            time.sleep(0.2)


def _ip(*arguments: str) -> None:
    """Calls `ip`."""
    _checked(["ip", *arguments])


def _checked(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
