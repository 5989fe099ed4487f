"""Ray: started on this machine or joined elsewhere, and whether it is still there."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

from neuroevo.errors import EvaluationError, OptionError
from neuroevo.worker import one_line

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 5.0  # in which a node that lives says so


def default_workers() -> int:
    """Returns the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start(num_cpus: int, address: str | None, packages: Sequence[str] = ()) -> None:
    """Starts or joins Ray, quietly, bound to this machine unless an address is given.

    Args:
        num_cpus: Of a Ray that is started.
        address: A cluster to join; None starts Ray here.
        packages: Folders of packages, and files of modules, that are sent to the nodes of a cluster.

    Raises:
        OptionError: If the cluster cannot be reached.
        EvaluationError: If Ray cannot be started here.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address is None:  # Ray reads this when it is imported; its name tells what else it does elsewhere
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import logging

    import ray

    common: dict[str, Any] = {
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "configure_logging": True,
    }
    if address is None:
        try:
            # "local": a cluster that happens to run here is not joined unless it is named.
            ray.init("local", num_cpus=num_cpus, include_dashboard=False, **common)
        except Exception as error:
            reason = one_line(error)
            raise EvaluationError(f"Ray does not start here ({reason}); try --workers 0.") from error
        return
    try:
        _require_listener(address)
        sent = {"py_modules": list(packages), "excludes": ["__pycache__"]}
        ray.init(address=address, runtime_env=sent if packages else None, **common)
    except Exception as error:
        raise OptionError(
            f"No Ray cluster answers at {address!r} ({one_line(error)}); start one with `ray start --head`, "
            "or leave out --address."
        ) from error


def is_alive() -> bool:
    """Says whether the node through which this process takes part in Ray still does."""
    import ray

    try:
        own = ray.get_runtime_context().get_node_id()
        return any(node["Alive"] for node in ray.nodes() if node["NodeID"] == own)
    except Exception:  # whatever a cluster that is gone raises
        return False


def num_cpus() -> int:
    """Returns the cores of the cluster as it is now; 0 if it does not say."""
    import ray

    try:
        return int(ray.cluster_resources().get("CPU", 0))
    except Exception:
        return 0


def restart(cpus: int, address: str | None, packages: Sequence[str], seconds: float) -> None:
    """Starts Ray anew, or joins its cluster again, for so long as that may take.

    Raises:
        EvaluationError: If it does not come back.
    """
    import ray

    end = time.monotonic() + seconds
    while True:
        ray.shutdown()
        try:
            return start(cpus, address, packages)
        except (EvaluationError, OptionError) as error:
            if time.monotonic() > end:
                raise EvaluationError(f"Ray is gone and does not come back: {error}") from error
            time.sleep(1.0)


def _require_listener(address: str) -> None:
    """Raises OSError unless something listens at HOST:PORT: Ray would try for minutes."""
    import socket

    if address != "auto":
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
