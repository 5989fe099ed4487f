"""Searches by a normal distribution: PGPE, OpenAI's evolution strategy and the cross-entropy method.

The only file that imports EvoTorch, for its functional algorithms and optimizers. A state is named tensors:
`centre` and `stdev`, both [n], and what the optimizer remembers; a batch of searches has a leading dimension.
"""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from neuroevo.search.methods import ADAPTERS, Cem, Es, Pgpe
from neuroevo.search.settings import Phase

State = dict[str, Tensor]

MOMENTUM = 0.9  # of ClipUp
RATE = 0.5  # step along a unit gradient, in units of the greatest speed: ClipUp's own rule
REMEMBERED = {"clipup": ("velocity",), "sgd": ("velocity",), "adam": ("m", "v", "t")}  # by optimizers

# Libraries that EvoTorch imports where they are installed, for loggers and searches that are not used here:
# two of the four seconds in which a worker starts.
UNUSED = ("cma", "mlflow", "neptune", "pandas", "sacred", "wandb")


@contextlib.contextmanager
def _without(names: Sequence[str]) -> Iterator[None]:
    """Makes libraries that have not been imported yet look as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _without(UNUSED), warnings.catch_warnings():
    # EvoTorch compiles helpers that are not used here with torch.jit.script, which PyTorch deprecates.
    warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=DeprecationWarning)
    from evotorch.algorithms import functional
    from evotorch.algorithms.functional.funccem import CEMState
    from evotorch.algorithms.functional.funcpgpe import PGPEState

logging.getLogger("evotorch").setLevel(logging.WARNING)  # it logs every optimizer it makes


def start(method: Pgpe | Es | Cem, points: Tensor, fitness: Tensor, parts: np.ndarray) -> State:
    """Returns a search that starts at the best of some points.

    Args:
        method: Options.
        points: Where the search may start, float32 [K, n].
        fitness: Fitness of the points, float [K], finite.
        parts: The part of a genome that each coordinate belongs to, str [n].
    """
    centre = points[int(fitness.argmax())].clone()
    stdev = torch.from_numpy(spreads(method, parts)).to(centre.dtype)
    state = {"centre": centre, "stdev": stdev}
    if isinstance(method, Cem):
        return state
    for name in REMEMBERED[method.optimizer]:
        state[name] = torch.zeros(()) if name == "t" else torch.zeros_like(centre)
    return state


def spreads(method: Pgpe | Es | Cem, parts: np.ndarray) -> np.ndarray:
    """Returns the spread of each coordinate at the start, float64 [n].

    Args:
        method: Options.
        parts: The part of a genome that each coordinate belongs to, str [n].
    """
    of_adapters = np.where(parts == "decoder", method.decoder, 1.0)
    is_adapter = np.isin(parts, ADAPTERS)
    of_core = np.where(parts == "biases", method.bias, 1.0) * (method.core if is_adapter.any() else 1.0)
    return method.stdev * np.where(is_adapter, of_adapters, of_core)


def ask_mirrored(method: Pgpe | Es, state: State, rows: range, seed: int) -> Tensor:
    """Returns mirrored pairs, float32 [rows, n]: each sample is followed by its mirror image.

    They are what EvoTorch's `pgpe_ask` returns, to the bit, and drawing them is a good part of a generation.

    Args:
        method: Options; not used.
        state: State of the search.
        rows: Which rows of the population are drawn, an even number of them.
        seed: Seed of these rows.
    """
    centre, rng = state["centre"], torch.Generator().manual_seed(seed)
    away = torch.randn(len(rows) // 2, len(centre), generator=rng).mul_(state["stdev"])
    pairs = torch.empty(len(away), 2, len(centre))
    torch.add(centre, away, out=pairs[:, 0])
    torch.sub(centre, away, out=pairs[:, 1])
    return pairs.flatten(0, 1)


def ask_cem(method: Cem, state: State, rows: range, seed: int) -> Tensor:
    """Returns independent samples, float32 [rows, n].

    Args:
        method: Options.
        state: State of the search.
        rows: Which rows of the population are drawn.
        seed: Seed of these rows.
    """
    with torch.random.fork_rng(devices=[]):  # EvoTorch samples from torch's global generator
        torch.default_generator.manual_seed(seed)  # `torch.manual_seed` also looks for GPUs, at some cost
        return functional.cem_ask(_cem(method, state), popsize=len(rows)).as_subclass(Tensor)


def tell_pgpe(
    method: Pgpe, state: State, points: Tensor, fitness: Tensor, phase: Phase, generation: int
) -> State:
    """Returns a batch of R searches after a generation.

    Args:
        method: Options.
        state: State of the R searches: tensors by name, each [R, ...].
        points: What was evaluated, float32 [R, P, n].
        fitness: Fitness of the points, float32 [R, P], finite.
        phase: The phase of the search, over which the speed decays.
        generation: The generation, counted from the start of the lineage.
    """
    share = (generation - phase.first) / max(1, phase.end - phase.first - 1)
    decay = method.final_speed + (1 - method.final_speed) * 0.5 * (1 + math.cos(math.pi * share))
    after = functional.pgpe_tell(_pgpe(method, state, method.speed * decay), points, fitness)
    optimizer = after.optimizer_state
    moved = {name: getattr(optimizer, name) for name in REMEMBERED[method.optimizer]}
    return {"centre": optimizer.center, "stdev": after.stdev, **moved}


def tell_cem(
    method: Cem, state: State, points: Tensor, fitness: Tensor, phase: Phase, generation: int
) -> State:
    """Returns a batch of R searches after a generation.

    Args:
        method: Options.
        state: State of the R searches: tensors by name, each [R, ...].
        points: What was evaluated, float32 [R, P, n].
        fitness: Fitness of the points, float32 [R, P], finite.
        phase: Not used.
        generation: Not used.
    """
    after = functional.cem_tell(_cem(method, state), points, fitness)
    return {"centre": after.center, "stdev": after.stdev}


def tell_es(
    method: Es, state: State, points: Tensor, fitness: Tensor, phase: Phase, generation: int
) -> State:
    """Returns a batch of R searches after a generation.

    The first generation of a lineage has no search yet, so decays are counted from the second.

    Args:
        method: Options.
        state: State of the R searches: tensors by name, each [R, ...].
        points: What was evaluated, float32 [R, P, n].
        fitness: Fitness of the points, float32 [R, P], finite.
        phase: The phase of the search, from whose start the learning rate decays.
        generation: The generation, counted from the start of the lineage.
    """
    rate = method.learning_rate * method.decay ** (generation - max(1, phase.first))
    centre, gradient = state["centre"], es_gradient(state, points, fitness)
    if method.optimizer == "sgd":
        sgd = functional.sgd(center_init=centre, center_learning_rate=rate, momentum=method.momentum)
        step = functional.sgd_tell(sgd._replace(velocity=state["velocity"]), follow_grad=gradient)
    else:
        adam = functional.adam(center_init=centre, center_learning_rate=rate)
        remembered = {name: state[name] for name in REMEMBERED["adam"]}
        step = functional.adam_tell(adam._replace(**remembered), follow_grad=gradient)
    moved = {name: getattr(step, name) for name in REMEMBERED[method.optimizer]}
    return {"centre": step.center, "stdev": state["stdev"] * method.decay, **moved}


def es_gradient(state: State, points: Tensor, fitness: Tensor) -> Tensor:
    """Returns `1 / (P stdev) * sum_i F_i noise_i`, float32 [R, n]; F are ranks, even in [-1/2, 1/2].

    Genomes of equal fitness share the mean of their ranks.

    Args:
        state: State of the R searches: tensors by name, each [R, ...].
        points: What was evaluated, float32 [R, P, n].
        fitness: Fitness of the points, float32 [R, P], finite.
    """
    from scipy.stats import rankdata  # half a second, of which a worker of another search has no need

    ranks = torch.from_numpy(rankdata(fitness.cpu().numpy(), axis=1)).to(fitness.device, torch.float32)
    utilities = (ranks - 1) / (points.shape[1] - 1) - 0.5
    noise = (points - state["centre"][:, None]) / state["stdev"][:, None]
    return torch.einsum("rp,rpn->rn", utilities, noise) / (points.shape[1] * state["stdev"])


def together(tell: Callable[..., State]) -> Callable[..., list[State]]:
    """Returns a function of a list of searches, which batches those with equally many parameters.

    Args:
        tell: A function of one batch, such as `tell_pgpe`.
    """

    def tell_all(
        method: object,
        states: Sequence[State],
        points: Sequence[Tensor],
        fitness: Sequence[Tensor],
        phase: Phase,
        generation: int,
    ) -> list[State]:
        after: list[State | None] = [None] * len(states)
        lengths = [p.shape[1] for p in points]
        for length in sorted(set(lengths)):
            members = [r for r, n in enumerate(lengths) if n == length]
            batch = {name: _stacked([states[r][name] for r in members]) for name in states[members[0]]}
            stacked = (_stacked([x[r].to(torch.float32) for r in members]) for x in (points, fitness))
            new = tell(method, batch, *stacked, phase, generation)
            for k, r in enumerate(members):
                after[r] = {name: tensor[k].clone() for name, tensor in new.items()}
        return [state for state in after if state is not None]

    return tell_all


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    """Returns tensors with a leading dimension; one alone, which may be a large population, is not copied."""
    return tensors[0][None] if len(tensors) == 1 else torch.stack(list(tensors))


def _pgpe(method: Pgpe, state: State, speed: float) -> PGPEState:
    """Returns EvoTorch's state of PGPE; the speed is that of a parameter."""
    rate, config = speed, {}
    if method.optimizer == "clipup":
        fastest = speed * math.sqrt(state["centre"].shape[-1])  # Euclidean, as the rate is
        rate, config = RATE * fastest, {"momentum": MOMENTUM, "max_speed": fastest}
    search = functional.pgpe(
        center_init=state["centre"],
        center_learning_rate=rate,
        stdev_learning_rate=method.stdev_learning_rate,
        stdev_init=state["stdev"],
        objective_sense="max",
        ranking_method="centered",
        optimizer=method.optimizer,
        optimizer_config=config,
    )
    remembered = {name: state[name] for name in REMEMBERED[method.optimizer]}
    return search._replace(optimizer_state=search.optimizer_state._replace(**remembered))


def _cem(method: Cem, state: State) -> CEMState:
    """Returns EvoTorch's state of the cross-entropy method."""
    return functional.cem(
        center_init=state["centre"],
        parenthood_ratio=method.parents,
        objective_sense="max",
        stdev_init=state["stdev"],
        stdev_min=method.min_stdev,
        stdev_max=method.max_stdev,
        stdev_max_change=method.max_change,
    )
