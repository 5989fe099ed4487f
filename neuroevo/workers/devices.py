"""Devices: whether there is a GPU that a run can use, and how much memory it has to give.

On a GPU networks and searches are torch's, and bodies MuJoCo Warp's (`physics.warp`). Results there agree
with those of a CPU to rounding, as far as a body's contacts allow, and from run to run no further: sparse
products and contact forces are added up in no fixed order.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from neuroevo.errors import OptionError
from neuroevo.task import HasBody, Task

EXTRA = ("mujoco_warp", "warp")  # modules of the extra `gpu`


def resolve(name: str, tasks: Mapping[str, Task], address: str | None = None) -> str:
    """Returns the device of a run, "cpu" or "cuda".

    Args:
        name: What was asked for; "auto" is a GPU of this machine where all tasks can run on it.
        tasks: Tasks by label.
        address: Address of a cluster, whose nodes have the devices and say themselves what they lack; None
            means this machine.

    Raises:
        OptionError: If "cuda" was asked for and cannot be had.
    """
    if name == "cpu":
        return "cpu"
    if name == "auto":
        return "cpu" if address or _refusing(tasks) or lacking(_have_bodies(tasks)) else "cuda"
    reason = "" if address else lacking(_have_bodies(tasks))
    label = _refusing(tasks)
    if not reason and label:
        reason = f"task {label!r} runs on a CPU alone"
    if reason:
        raise OptionError(f"Device 'cuda' was asked for; {reason}. Use --device cpu or auto.")
    return "cuda"


def lacking(has_bodies: bool) -> str:
    """Returns what this process lacks for a GPU, as part of a sentence; "" if nothing.

    Args:
        has_bodies: Whether a body has to be moved there.
    """
    missing = [module for module in EXTRA if has_bodies and importlib.util.find_spec(module) is None]
    if missing:
        return f"bodies on a GPU need {' and '.join(missing)}, the extra 'gpu' (pip install 'neuroevo[gpu]')"
    import torch

    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA; wanted a build for it, from pytorch.org"
    return "" if torch.cuda.is_available() else "no CUDA device is to be found here"


def count() -> int:
    """Returns how many GPUs this process sees."""
    import torch

    return torch.cuda.device_count()


def workers(share: float) -> int:
    """Returns how many workers the GPUs of this machine have room for, at least 1.

    Args:
        share: Share of a GPU that each worker has; 0 counts as one worker.
    """
    return max(1, int(count() / share)) if share > 0 else 1


def check_workers(device: str, number: int | None, address: str | None, share: float) -> None:
    """Makes sure that every worker of this machine has its share of a GPU, if it is to use one.

    Args:
        device: Device of the run, "cpu" or "cuda".
        number: How many workers are wanted; None stands for as many as there is room for.
        address: Address of a cluster, which says itself what it lacks; None means this machine.
        share: Share of a GPU that each worker reserves.

    Raises:
        OptionError: If there are too few GPUs, or workers reserve none.
    """
    if device == "cpu":
        return
    if share <= 0:
        raise OptionError("Workers that reserve no GPU were asked for on device 'cuda'; wanted gpus=1.")
    if address is None and number and number * share > count():
        raise OptionError(
            f"Option 'workers' is {number}, each with a GPU share of {share:g}, and this machine has "
            f"{count()}; use --workers {workers(share)}, or a smaller share by --per-worker."
        )


def place(device: str) -> str:
    """Returns the torch device that a worker computes on: the first of those that it sees.

    Args:
        device: Device of the run, "cpu" or "cuda".

    Raises:
        OptionError: If it sees none.
    """
    if device != "cuda":
        return device
    reason = lacking(has_bodies=False)
    if reason:
        raise OptionError(f"A worker is to use a GPU; {reason}. Use --device cpu, or nodes with GPUs.")
    return "cuda:0"


def free_memory(device: str) -> int:
    """Returns how many bytes a GPU has to give, those included that torch keeps and does not use.

    Args:
        device: A torch device, such as "cuda:0".
    """
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def _refusing(tasks: Mapping[str, Task]) -> str:
    """Returns the label of the first task that does not say that it can run on a device; "" if all do."""
    return next((label for label, task in tasks.items() if not task.on_device), "")


def _have_bodies(tasks: Mapping[str, Task]) -> bool:
    """Says whether a task moves bodies."""
    return any(isinstance(task, HasBody) for task in tasks.values())
