"""What a run folder says of its origin: versions, commit, device, hashes of data and graphs."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from neuroevo import seal
from neuroevo.errors import FOREIGN, EvaluationError, NeuroevoError, RunError, failure
from neuroevo.experiment import muscles
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.plan import Plan
from neuroevo.progress import Say, nothing
from neuroevo.readout import SolvedTask
from neuroevo.rows import GraphEntry, Manifest, Origin, RequestEntry, SensorsEntry, TaskEntry
from neuroevo.run_folder import RunFolder
from neuroevo.seeds import derive
from neuroevo.task import HasImages, HasTargets, floor_of
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.comparison import graph_statistics

PACKAGES = (
    "neuroevo",
    "torch",
    "evotorch",
    "numpy",
    "networkx",
    "ray",
    "mujoco",
    "numba",
    "scipy",
    "scikit-learn",
)


def manifest(plan: Plan, command: Sequence[str], say: Say = nothing) -> Manifest:
    """Returns what is known of a run before it starts.

    Args:
        plan: What is to be run.
        command: Arguments of the command line; empty where the run was asked for in Python.
        say: Is told how many wirings have been measured, where they take long.
    """
    wiring, here = plan.connectome, origin(plan.config)
    looks = seal.plan_entry(plan.config.to_dict())
    return {
        "schema": 1,
        "status": "running",
        "command": ["python", "run.py", *command] if command else [],
        **here,
        "requests": [request_entry(plan.config, here)],
        **({"plan": looks} if looks else {}),
        "workers": plan.experiment.workers.number,  # results do not depend on them; None: all of a cluster
        "connectome": {
            "name": wiring.name,
            "sha256": wiring.fingerprint(),
            **({"edges": "undirected"} if wiring.is_undirected else {}),
            **({"read": wiring.account.lines()} if wiring.account else {}),
            **({"files": dict(wiring.account.sha256)} if wiring.account and wiring.account.sha256 else {}),
        },
        "graphs": _graphs(plan, say),
        "priors": {
            label: {
                "name": plan.priors[label].plugin.name,
                "options": plan.priors[label].options,
                "one_point": drawn.one_point,
                "core": core_of(drawn.samples[0].architecture),
            }
            for label, drawn in plan.draws.items()
        },
        "data": {label: hashes for label, task in plan.tasks.items() if (hashes := task.data_hashes())},
        "tasks": {label: _entry(plan, label) for label in plan.tasks},
        "lineages": plan.lineages(),
    }


def request_entry(config: Configuration, here: Origin) -> RequestEntry:
    """Returns what the manifest says of a request: its seal, and which program it was asked of, and when.

    Args:
        config: The resolved request.
        here: What `origin` returned.
    """
    return {
        **seal.entry(config.to_dict()),
        "versions": here["versions"],
        "commit": here["commit"],
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def require_same_material(folder: RunFolder, before: Manifest, plan: Plan) -> None:
    """Makes sure that a run that is resumed meets the wirings and the data that it was begun with.

    Args:
        folder: Its folder.
        before: What its manifest says; more wirings may have been drawn since.
        plan: What is to be done.

    Raises:
        RunError: If it does not.
    """
    drawn = {(s.genome, s.graph): s.graph_hash for s in plan.samples}
    for graph in before.get("graphs", ()):
        if drawn.get((graph.get("genome", ""), graph.get("graph", 0))) != graph.get("sha256"):
            raise RunError(
                f"The wirings of {folder.path} are not those that its request gives now; wanted the "
                "connectome and the version of the program that it was begun with."
            )
    data = before.get("data") or {}
    for label, task in plan.tasks.items():
        if label in data and task.data_hashes() != data[label]:
            raise RunError(
                f"The data of {label} are not those that {folder.path} was begun with: their SHA-256 differ. "
                "Put them back, or begin a new run."
            )


def drift(before: Origin, now: Origin) -> str:
    """Returns in which versions a program differs from that which a run was begun with; "" if in none.

    Args:
        before: What the manifest says, which may lack any of it.
        now: What `origin` returned.
    """
    old, new = before.get("versions") or {}, now["versions"]
    pairs = [(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new]) if old]
    pairs += [("commit", before["commit"], now["commit"])] if "commit" in before else []
    return ", ".join(f"{name} {was or 'none'}, now {is_ or 'none'}" for name, was, is_ in pairs if was != is_)


def origin(config: Configuration) -> Origin:
    """Returns the part of a manifest that says which program runs on what: versions, commit, device.

    Args:
        config: The resolved request.
    """
    return {
        "versions": {"python": platform.python_version(), **_versions(config.device)},
        "commit": _commit(),
        "platform": platform.platform(),
        **_device(config.device, config.address),
    }


def _graphs(plan: Plan, say: Say) -> list[GraphEntry]:
    """Returns what a manifest says of each sample."""
    figures = graph_statistics(plan.connectome, [s.architecture for s in plan.samples], plan.config.seed, say)
    entries: list[GraphEntry] = [
        {
            "genome": s.genome,
            "graph": s.graph,
            "sha256": s.graph_hash,
            "notes": s.architecture.notes,
            "statistics": statistics,
        }
        for s, statistics in zip(plan.samples, figures, strict=True)
    ]
    for entry, body_map in zip(entries, muscles.maps(plan), strict=True):
        if body_map is not None:
            entry["body_map"] = body_map
    return entries


def _entry(plan: Plan, label: str) -> TaskEntry:
    """Returns what a manifest says of a task."""
    task = plan.tasks[label]
    margin = plan.experiment.margins[label]
    entry: TaskEntry = {"unit": task.unit, "fitness_unit": task.fitness_unit, "margin": margin}
    if task.ports:
        entry["ports"] = task.ports
    if label in muscles.driven(plan):
        entry["muscles"] = True
    if floor := floor_of(label, task):
        entry["floor"] = {"score": floor[0], "what": floor[1]}
    if isinstance(task, SolvedTask) and plan.config.selection != "mixed" and task.can_read_sensors:
        entry["sensors"] = _sensors(plan, label, task)
    if task.maximum is not None:
        entry["maximum"] = float(task.maximum)
    if isinstance(task, HasTargets | HasImages):
        entry["targets"] = True
    return entry


def _sensors(plan: Plan, label: str, task: SolvedTask) -> list[SensorsEntry]:
    """Returns what readouts of a task's sensors score on the held-out data of each seed."""
    seeds = sorted({row["seed"] for row in plan.lineages() if row["task"] == label})
    try:
        scores = task.sensor_scores([derive(plan.config.seed, "held-out", label, seed) for seed in seeds])
    except NeuroevoError:
        raise
    except FOREIGN as error:
        raise EvaluationError(failure(f"Scoring a readout of the sensors of {label}", error)) from error
    return [{"seed": seed, "score": score} for seed, score in zip(seeds, scores, strict=True)]


def core_of(architecture: Architecture) -> str:
    """Returns what of a wiring evolves; "none" where there is no wiring that could.

    Args:
        architecture: The wiring.
    """
    is_bare = not (len(architecture.synapses) or len(architecture.gap_junctions))
    return "none" if is_bare and architecture.core == "frozen" else architecture.core


def _device(device: str, address: str | None) -> Origin:
    """Returns the device, how far results on it can be had again, and the name of a GPU of this machine."""
    if device == "cpu":
        return {"device": device, "reproducible": "to the bit"}
    facts: Origin = {"device": device, "reproducible": "to rounding, and of bodies as far as contacts allow"}
    if address is None:
        import torch

        if torch.cuda.is_available():
            facts["device_name"] = torch.cuda.get_device_name(0)
    return facts


def _versions(device: str) -> dict[str, str]:
    """Returns the versions of those packages that results depend on and that are installed."""
    versions = {}
    for name in PACKAGES if device == "cpu" else (*PACKAGES, "mujoco-warp", "warp-lang"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # run from a checkout that is not installed
            continue
    return versions


def _commit() -> str | None:
    """Returns the commit of the checkout, with `+` if files were changed since, or None outside git."""
    here = Path(__file__).parents[2]
    if not (here / ".git").exists():
        return None
    try:
        git = ["git", "-C", str(here)]
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if changes.stdout.strip() else "")
