"""Champions: the lineages of a run that are worth a second look, read back, and the tasks they evolved on."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import cast

import numpy as np
import safetensors.numpy
import torch
from torch import Tensor

from neuroevo import readout
from neuroevo.errors import FOREIGN, EvaluationError, NeuroevoError, OptionError, RunError, described, failure
from neuroevo.files import parse, read
from neuroevo.forms import Form
from neuroevo.network import adapters
from neuroevo.network.blueprint import Blueprint, BlueprintJson
from neuroevo.network.normalisation import Statistics
from neuroevo.network.policy import Policy
from neuroevo.plugins import Spec, tasks
from neuroevo.referee.estimators import interquartile_mean
from neuroevo.report.body_map import EXACT
from neuroevo.rows import SCORED, ResultRow
from neuroevo.run_folder import CONFIG, Key, RunFolder, key_of
from neuroevo.task import Playable, Task, TaskRequest


def choose(folder: RunFolder, wanted: Sequence[str] = ()) -> tuple[list[tuple[ResultRow, str]], list[str]]:
    """Chooses the lineages that are shown.

    Args:
        folder: Folder of the run.
        wanted: Lineages as TASK/GENOME/GRAPH/SEED, or the beginning of that, which names the best of those
            that begin so; none chooses the best of every task.

    Returns:
        Result of each lineage, with the reason why it was chosen, which may be empty; and sentences on tasks
        of which no lineage is worth showing.

    Raises:
        RunError: If no lineage of the run has a champion worth showing.
        OptionError: If a lineage is unknown, or has none.
    """
    rows = folder.results()
    if not rows:
        raise RunError(f"{folder.path} holds no results; wanted a run that was carried through to its end.")
    choices, notes = [], []
    for text in wanted or dict.fromkeys(row["task"] for row in rows):
        rivals = [row for row in rows if text in names_of(row)]
        if not rivals:
            raise OptionError(_unknown_lineage(text, rows))
        scored = [(s, row) for row in rivals if row["status"] in SCORED and (s := row["score"]) is not None]
        if scored:
            reason = f"the best of {len(rivals)} lineages" if len(rivals) > 1 else ""
            choices.append((max(scored, key=lambda pair: pair[0])[1], reason))
            continue
        how = ", ".join(f"{count} {status}" for status, count in Counter(map(_status, rivals)).items())
        notes.append(f"{text}: no lineage ended with a score ({how}), so that there is none worth showing.")
    if wanted and notes:
        raise OptionError(" ".join(notes))
    if not choices:
        raise RunError(" ".join(notes))
    return list({key_of(row): (row, reason) for row, reason in choices}.values()), notes


def rivals(folder: RunFolder, task: str) -> tuple[ResultRow, ResultRow] | None:
    """Returns the results of two lineages of a task that are worth seeing beside each other.

    The first is of the connectome, or where that was not run of the leading genome; the second of the best
    null: the best other genome that is no control, or of the connectome's where all others are controls. Of
    each it is the best lineage; of the second the best of the first's seed, which meets the same held-out
    starts, if there is one.

    Args:
        folder: Folder of the run.
        task: Label of the task.

    Returns:
        None where fewer than two genomes have a score.
    """
    priors = folder.manifest().get("priors") or {}
    of_genomes: dict[str, list[tuple[float, ResultRow]]] = {}
    for row in folder.results():
        if row["task"] == task and row["status"] in SCORED and (score := row["score"]) is not None:
            of_genomes.setdefault(row["genome"], []).append((score, row))
    if len(of_genomes) < 2:
        return None

    def order(genome: str) -> tuple[bool, float]:
        is_control = (priors.get(genome) or {}).get("core") in ("none", "clock", "frozen")
        return not is_control, interquartile_mean([score for score, _ in of_genomes[genome]]) or 0.0

    ranked = sorted(of_genomes, key=order, reverse=True)
    exact = [genome for genome in ranked if (priors.get(genome) or {}).get("name") == EXACT]
    one = (exact or ranked)[0]
    other = next(genome for genome in ranked if genome != one)
    first = max(_kept(folder, of_genomes[one]), key=lambda pair: pair[0])[1]
    others = _kept(folder, of_genomes[other])
    same_seed = [pair for pair in others if pair[1]["seed"] == first["seed"]]
    return first, max(same_seed or others, key=lambda pair: pair[0])[1]


def _kept(folder: RunFolder, pairs: list[tuple[float, ResultRow]]) -> list[tuple[float, ResultRow]]:
    """Returns the lineages that have a champion; where none evolves only the best of a genome has."""
    return [pair for pair in pairs if folder.champion_path(key_of(pair[1])).is_dir()] or pairs


CHAMPION_FORM = Form((BlueprintJson,))


def read_champion(folder: RunFolder, key: Key) -> tuple[Blueprint, Tensor]:
    """Returns a lineage's network and its parameters, float32 [L].

    Args:
        folder: Folder of the run.
        key: Task, genome, graph and seed of the lineage.

    Raises:
        RunError: If they are missing or damaged.
    """
    path = folder.champion_path(key)
    for name in ("architecture.json", "parameters.safetensors"):
        if not (path / name).is_file():
            raise RunError(
                f"{path} holds no {name}; wanted a champion, which a run writes at its end; "
                "of lineages that do not evolve only the best of each genome has one."
            )
    place = path / "architecture.json"
    description = parse(read(place), place, form=CHAMPION_FORM)
    try:
        with np.errstate(over="raise", invalid="raise"):
            blueprint = Blueprint.rebuild(cast(BlueprintJson, description))
        _check_cells(blueprint)
        parameters = safetensors.numpy.load(read(path / "parameters.safetensors"))["parameters"]
        wanted = (blueprint.layout.length,)
        if parameters.shape != wanted or parameters.dtype != np.float32:
            raise ValueError(f"{parameters.dtype} {list(parameters.shape)} parameters for {list(wanted)}")
        if not np.isfinite(parameters).all():
            raise ValueError("parameters that are not finite")
    except RunError:
        raise
    except Exception as error:  # what is damaged may fail in any way
        raise RunError(
            f"The champion in {path} is damaged or of another version ({described(error)}); "
            f" restore its files or run again."
        ) from error
    return blueprint, torch.from_numpy(parameters)


def policy(folder: RunFolder, row: ResultRow, trust: Sequence[str] = ()) -> Policy:
    """Returns a lineage's champion as a policy.

    Where the task says how (`task.Playable`), the policy takes a Gymnasium environment's observations and
    returns its actions; else it takes the task's sensors and returns its actuators.

    Args:
        folder: Folder of the run.
        row: Result of the lineage.
        trust: Modules that the folder may have run, if it was not made by this user on this machine.

    Raises:
        NeuroevoError: If the champion is missing or damaged, or its task cannot be made or is not trusted.
    """
    blueprint, parameters = read_champion(folder, key_of(row))
    player, manifest = make_task(folder, row["task"], trust), folder.manifest()
    about = {
        "task": row["task"],
        "genome": row["genome"],
        "graph": row["graph"],
        "seed": row["seed"],
        "score": row["score"],
        "unit": player.unit,
        "ports": player.ports,
        "request": folder.config(),
        "connectome": manifest.get("connectome"),
        "versions": manifest.get("versions"),
        "commit": manifest.get("commit"),
    }
    if isinstance(player, Playable):
        return Policy(blueprint, parameters, sense=player.sense, act=player.act, about=about)
    return Policy(blueprint, parameters, about=about)


def make_task(folder: RunFolder, label: str, trust: Sequence[str] = ()) -> Task:
    """Returns a task of a run with the options that it had, ready to evaluate.

    Args:
        folder: Folder of the run.
        label: Label of the task.
        trust: Modules that the folder may have run, if it was not made by this user on this machine.

    Raises:
        NeuroevoError: If it cannot be loaded or made, or names code that is not trusted.
    """
    texts = {Spec.parse(text).label: text for text in folder.config().get("task", ())}
    if label not in texts:
        raise RunError(f"{folder.path}: config.toml names no task {label!r}, which results.jsonl has.")
    folder.trust(trust).require({"task": [texts[label]]}, str(folder.path / CONFIG))
    try:
        spec = tasks.parse(texts[label])
        plugin = tasks.get(spec.name)
        options = plugin.bind({**plugin.defaults, **spec.options})
        adapter = adapters.parse(folder.config().get("adapter", "linear"))
        return readout.on(TaskRequest(label, plugin.path, options).make(), adapter)
    except NeuroevoError as error:
        raise type(error)(f"Task {label!r} of {folder.path}: {error}") from error
    except FOREIGN as error:
        raise EvaluationError(failure(f"Preparing {label}", error)) from error


def names_of(row: ResultRow) -> list[str]:
    """Returns the names of a lineage, from its task alone to TASK/GENOME/GRAPH/SEED.

    Args:
        row: Result of the lineage.
    """
    parts = list(map(str, key_of(row)))
    return ["/".join(parts[:k]) for k in range(1, len(parts) + 1)]


def _check_cells(blueprint: Blueprint) -> None:
    """Raises ValueError if a wiring names cells that it lacks, or statistics are not of its sensors."""
    wiring = blueprint.architecture
    lengths = {len(column) for column in (wiring.cells, wiring.is_muscle, wiring.sign, wiring.cell_class)}
    if len(lengths) > 1:
        raise ValueError(f"columns of {' and '.join(map(str, sorted(lengths)))} cells")
    if blueprint.observed is not None:
        _check_statistics(blueprint.observed, blueprint.num_sensors)
    edges = (wiring.synapses, wiring.gap_junctions)
    for of_kind in edges:
        lengths = {len(column) for column in (of_kind.pre, of_kind.post, of_kind.weight)}
        if len(lengths) > 1:
            raise ValueError(f"columns of {' and '.join(map(str, sorted(lengths)))} edges")
    for cells in (wiring.inputs, wiring.outputs, *(x for e in edges for x in (e.pre, e.post))):
        if len(cells) and not (cells.min() >= 0 and cells.max() < wiring.num_cells):
            raise ValueError(f"cells {cells.min()} to {cells.max()} of {wiring.num_cells}")


def _unknown_lineage(text: str, rows: Sequence[ResultRow]) -> str:
    """Returns the message about an unknown lineage, without the thousands that a run may have."""
    known = [name for row in rows for name in names_of(row)]
    near = difflib.get_close_matches(text, list(dict.fromkeys(known)), n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return (
        f"Unknown lineage {text!r}.{hint} Wanted TASK/GENOME/GRAPH/SEED or the beginning of it, such as "
        f"{names_of(rows[0])[-1]!r}."
    )


def _status(row: ResultRow) -> str:
    """Returns how a lineage ended."""
    return "without a score" if row["status"] == "done" else row["status"]


def _check_statistics(observed: Statistics, num_sensors: int) -> None:
    """Raises ValueError if statistics are not of a network's observations."""
    numbers = np.array([observed.mean, observed.squares])  # of unequal length they are no array
    if numbers.shape[1:] != (num_sensors,) or not np.isfinite(numbers).all():
        raise ValueError(f"statistics of {list(numbers.shape[1:])} for {num_sensors} sensors")
    if not (observed.count > 0 and (observed.squares >= 0).all()):
        raise ValueError("statistics of no observations")
