"""Ray: started on this machine or joined elsewhere, and whether it is still there."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from neuroevo import finder
from neuroevo.errors import EvaluationError, OptionError, reason
from neuroevo.workers import ray_folder, ray_tokens

if TYPE_CHECKING:
    from ray.job_config import JobConfig

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 5.0  # in which a node that lives says so


SHARES = {"cpus": 0.01, "gpus": 0.0, "memory": 0.0}  # the least of each


@dataclass(frozen=True)
class Workers:
    """The workers that are wanted.

    Attributes:
        number: How many there are. With 0 this process computes; None stands for one for each share of the
            machine or, with an address, of the cluster, whatever joins it later.
        address: The Ray cluster to join, or None to start Ray on this machine.
        deadline: Seconds in which a request has to be completed, or None for 20 times the longest of a kind.
        packages: Folders of packages, and files of modules, that are sent to the nodes of a cluster.
        cpus: Cores that each reserves; it computes in one thread all the same.
        gpus: GPUs that each reserves.
        memory: GiB that each reserves; 0 reserves none in particular.
    """

    number: int | None = None
    address: str | None = None
    deadline: float | None = None
    packages: tuple[str, ...] = ()
    cpus: float = 1.0
    gpus: float = 0.0
    memory: float = 0.0

    @staticmethod
    def shares(text: str) -> dict[str, float]:
        """Returns what each worker reserves, by name.

        Args:
            text: Such as `cpus=1,gpus=0,memory=4`.

        Raises:
            OptionError: If the text has another form, or a number is out of range.
        """
        shares = {}
        for part in text.split(","):
            name, _, number = part.partition("=")
            try:
                value = float(number)
            except ValueError:
                value = math.nan
            if name not in SHARES or name in shares or not SHARES[name] <= value < math.inf:
                raise OptionError(
                    f"Cannot read {part!r} in what each worker reserves; wanted cpus=1,gpus=0,memory=4: "
                    "cores (0.01 or more), GPUs, GiB, each once at most."
                )
            shares[name] = value
        return shares

    @property
    def options(self) -> dict[str, float]:
        """What Ray is told to reserve for each."""
        memory = {"memory": self.memory * 2**30} if self.memory else {}
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, **memory}


def default_workers() -> int:
    """Returns the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start(workers: Workers) -> None:
    """Starts or joins Ray, quietly, bound to this machine unless an address is given.

    Args:
        workers: The workers that are wanted.

    Raises:
        OptionError: If the cluster cannot be reached.
        EvaluationError: If Ray cannot be started here.
    """
    address = workers.address
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address is None:  # for Ray's processes; the name tells what else it does elsewhere
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray
    from ray._private import ray_constants

    if address is None and os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0":
        # Ray reads it when it is imported, as EvoTorch may have done; this process would listen anywhere.
        ray_constants.ENABLE_RAY_CLUSTER = False

    # Ray would print guesses of its own when a worker dies, such as want of memory.
    ray._private.worker.print_to_stdstream = _log
    begin = partial(ray.init, logging_level=logging.ERROR, log_to_driver=False, configure_logging=True)
    if (job := _job()) is not None:
        begin = partial(begin, job_config=job)
    if address is None:
        _start_here(workers, begin)
    else:
        _join(address, workers.packages, begin)


def stop() -> None:
    """Leaves Ray; where it was started here, ends it, and takes its token back."""
    import ray

    ray.shutdown()
    ray_tokens.forget()


def _start_here(workers: Workers, begin: Callable[..., object]) -> None:
    """Starts Ray on this machine, with a token of its own."""
    number = workers.number or default_workers()
    gpus = math.ceil(number * workers.gpus) if workers.gpus else None
    folder = ray_folder.choose()
    if folder is not None:
        begin = partial(begin, _temp_dir=folder)
    try:
        ray_tokens.begin()
        # "local": a cluster that happens to run here is not joined unless it is named.
        cores = math.ceil(number * workers.cpus)
        begin("local", num_cpus=cores, num_gpus=gpus, include_dashboard=False)
        logger.info("Ray has started here, with %d cores", cores)
    except Exception as error:
        raise EvaluationError(
            f"Ray does not start here ({reason(error)}); {ray_folder.advice(error)}."
        ) from error


def _join(address: str, packages: Sequence[str], begin: Callable[..., object]) -> None:
    """Joins a cluster, to whose nodes packages are sent."""
    import ray

    try:
        _require_listener(address)
        ray_tokens.join(address)
        sent = {"py_modules": list(packages), "excludes": ["__pycache__"]}
        begin(address=address, runtime_env=sent if packages else None)
        logger.info("Ray's cluster at %s has %d nodes", address, len(ray.nodes()))
    except OptionError:
        raise
    except Exception as error:
        raise OptionError(
            f"No Ray cluster answers at {address!r} ({reason(error)}); start one with `ray start --head`, or "
            "leave out --address."
        ) from error


def _job() -> JobConfig | None:
    """Returns what has workers search no folders for modules that this program does not; None as Ray does.

    Ray would put the working folder before all others, where a file of a library's name may lie. A plug-in
    that was named is found there nevertheless, see `finder`.
    """
    from ray.job_config import JobConfig

    folders = finder.folders_for_workers()
    if folders is None:
        return None

    class Job(JobConfig):
        """Says that workers have their working folder, so that Ray leaves their path alone."""

        def _runtime_env_has_working_dir(self) -> bool:
            return True

    return Job(_py_driver_sys_path=folders)


def _log(data: Mapping[str, Sequence[str]], ignore_prefix: bool) -> None:
    """Puts into the log what Ray's processes say, in place of standard output."""
    logger.info("Ray says: %s", " ".join(data["lines"]))


def is_alive() -> bool:
    """Says whether the node through which this process takes part in Ray still does."""
    import ray

    try:
        here = ray.get_runtime_context().get_node_id()
        return any(node["Alive"] for node in ray.nodes() if node["NodeID"] == here)
    except Exception:  # whatever a cluster that is gone raises
        return False


def room(workers: Workers) -> int:
    """Returns for how many workers the cluster as it is now has room, or 0 if it does not say.

    Args:
        workers: The workers, with what each reserves.
    """
    import ray

    try:
        resources = ray.cluster_resources()
        shares = {"CPU": workers.cpus, "GPU": workers.gpus, "memory": workers.memory * 2**30}
        return int(min(resources.get(name, 0.0) / share for name, share in shares.items() if share > 0))
    except Exception:  # whatever a cluster that is gone raises
        return 0


def restart(workers: Workers, seconds: float) -> None:
    """Starts Ray anew, or joins its cluster again.

    Args:
        workers: The workers that are wanted.
        seconds: How long that may take.

    Raises:
        EvaluationError: If it does not come back.
    """
    end = time.monotonic() + seconds
    while True:
        stop()
        try:
            return start(workers)
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
