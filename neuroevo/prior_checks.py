"""The part of `checks` that samples priors, and what it shares with the part that runs tasks."""

from __future__ import annotations

import inspect
import random
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from neuroevo.architecture import Architecture
from neuroevo.connectome import Connectome, Edges
from neuroevo.errors import ConnectomeError, NeuroevoError
from neuroevo.plugins import Plugin
from neuroevo.seeds import derive, generator

NUM_SEEDS = 6
ONE_POINT = "seed: Not used"  # what the docstring of a prior with one point says of its seed

Fail = Callable[[str], NeuroevoError]


def check_prior(prior: Callable[..., Architecture] | Plugin, connectome: Connectome | None = None) -> None:
    """Raises an error that names the first rule which a prior breaks; returns if it keeps them all.

    - Its docstring has a summary, and says what it "Keeps exactly" and what it "Destroys". A prior that gives
      one wiring whatever the seed says there "seed: Not used"; one that says so gives no more.
    - Its options have defaults and types that the command line can read; every choice works.
    - It returns an Architecture: N distinct cells, one sign each; synapses and gap junctions in order,
      without autapses and double edges, of positive finite weight; input and output cells, and a path
      from an input to an output.
    - Equal seeds give equal wirings, whatever was drawn before; no global generator is drawn from.
    - The connectome is not changed.

    It need not keep the connectome's cells, nor its ports. On a connectome without muscles, gap junctions and
    positions it may also refuse, with an error of neuroevo's.

    Args:
        prior: The function, or what a registry holds.
        connectome: What to sample from; None: `small()`, and then `bare()`.

    Raises:
        ConnectomeError: If a rule is broken.
        RegistryError: If it cannot be called as a prior is.
    """
    plugin = prior if isinstance(prior, Plugin) else Plugin("prior", name_of(prior), prior)
    plugin.check()

    def fail(message: str) -> NeuroevoError:
        return ConnectomeError(f"Prior {plugin.name!r}: {message}.")

    check_options(plugin, fail)
    documented = _check_prior_docstring(plugin, fail)
    source = small() if connectome is None else connectome
    found = _check_seeds(plugin, source, fail)
    if documented and len(found) > 1:
        raise fail(f"says of its seed that it is not used, and {NUM_SEEDS} seeds gave {len(found)} wirings")
    if connectome is None and not documented and len(found) == 1:  # another connectome may allow but one
        raise fail(f'gave one wiring for {NUM_SEEDS} seeds; wanted several, or "{ONE_POINT}" in the text')
    for options in _choices(plugin):
        _check_architecture(_sample(plugin, source, 0, options, fail), fail)
    if connectome is None:
        try:
            found_bare = plugin.target(bare(), seed=0)
        except NeuroevoError:
            return
        except Exception as error:
            raise fail(f"failed on neurons alone with {one_line(error)}; wanted ConnectomeError") from error
        _check_architecture(found_bare, fail)


def small() -> Connectome:
    """Returns a made-up wiring of 20 neurons and 6 muscles that has all that a connectome can have."""
    names = [
        f"{kind}{i}{side}" for kind, n in (("S", 3), ("I", 4), ("M", 3)) for i in range(n) for side in "LR"
    ]
    roles = {"S": "sensory", "I": "interneuron", "M": "motor"}
    muscles = [f"m{i}" for i in range(6)]
    rng = generator(0, "small connectome")
    num_neurons, num_cells = len(names), len(names) + len(muscles)
    chemical = rng.random((num_cells, num_cells)) < 0.25
    chemical[:, num_neurons:] = chemical[num_neurons:] = False
    neuromuscular = np.zeros_like(chemical)
    neuromuscular[num_neurons - 6 : num_neurons, num_neurons:] = rng.random((6, 6)) < 0.5
    gaps = np.triu(rng.random(chemical.shape) < 0.1, 1)
    np.fill_diagonal(chemical, False)
    inhibits = np.isin([name[:2] for name in names], ["I1", "M2"])
    return Connectome(
        name="small",
        cells=(*names, *muscles),
        role=(*(roles[name[0]] for name in names), *("muscle",) * 6),
        cell_class=(*(name[:-1] for name in names), *("muscle",) * 6),
        transmitter=(*np.where(inhibits, "GABA", "Acetylcholine").tolist(), *("",) * 6),
        sign=np.append(np.where(inhibits, -1, 1), [1] * 6),
        position=rng.normal(0, 100, (num_cells, 3)),
        chemical=_drawn(chemical, rng),
        neuromuscular=_drawn(neuromuscular, rng),
        electrical=_drawn(gaps, rng),
        inputs=np.arange(6),
        outputs=np.arange(num_neurons, num_cells),
    )


def bare() -> Connectome:
    """Returns the neurons of `small()` with what a bare edge table gives: no more than synapses."""
    found = small()
    n = found.num_neurons
    nothing = Edges(*np.zeros((3, 0)))
    return Connectome(
        name="bare",
        cells=found.cells[:n],
        role=("interneuron",) * n,
        cell_class=found.cells[:n],
        transmitter=("",) * n,
        sign=np.ones(n),
        position=np.full((n, 3), np.nan),
        chemical=found.chemical,
        neuromuscular=nothing,
        electrical=nothing,
        inputs=np.arange(n),
        outputs=np.arange(n),
    )


def _drawn(matrix: np.ndarray, rng: np.random.Generator) -> Edges:
    """Returns the edges marked in a matrix, with whole weights."""
    pre, post = np.nonzero(matrix)
    return Edges(pre, post, rng.integers(1, 10, len(pre)))


def name_of(target: Callable[..., Any]) -> str:
    """Returns what a message calls a function or class."""
    return str(getattr(target, "__qualname__", target)).rpartition(".")[2]


def one_line(error: Exception) -> str:
    """Returns an exception as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"


def check_options(plugin: Plugin, fail: Fail) -> None:
    """Options have defaults, which `Plugin.check` sees to, and types: as text a default reads back."""
    for parameter in inspect.signature(plugin.target).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise fail(
                f"takes {parameter}; wanted every option by name, so that it can be listed and checked"
            )
    for option, default in plugin.defaults.items():
        try:
            kept = plugin.bind({option: default})[option]
            read = kept if default is None else plugin.bind({option: str(default)})[option]
        except NeuroevoError as error:
            raise fail(f"the default of option {option!r} cannot be read: {error}") from error
        if read != kept or type(read) is not type(kept):
            raise fail(
                f"option {option!r} is {kept!r} by default and reads as {read!r}; wanted an annotation of "
                "bool, int, float, str or Literal that suits its default"
            )


def _choices(plugin: Plugin) -> Iterator[dict[str, Any]]:
    """Yields options: the defaults, and each value of each option that has a few."""
    yield {}
    for option, hint in plugin._hints().items():
        values = typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()
        for value in (True, False) if hint is bool else values:
            yield {option: value}


def _check_prior_docstring(plugin: Plugin, fail: Fail) -> bool:
    """Returns whether the docstring claims one wiring; raises if it does not say what it must."""
    text = " ".join((plugin.target.__doc__ or "").split())
    if not plugin.summary.strip().endswith("."):
        raise fail("has no summary; wanted a docstring whose first line is one sentence")
    for phrase in ("Keeps exactly", "Destroys"):
        if phrase not in text:
            raise fail(f'does not say what it does to the connectome; wanted "{phrase}" in its docstring')
    return ONE_POINT in text


def _check_seeds(plugin: Plugin, source: Connectome, fail: Fail) -> set[str]:
    """Returns the hashes of some samples; raises if one is malformed or not a function of its seed."""
    before = source.fingerprint()
    seeds = [derive(0, "check", k) for k in range(NUM_SEEDS)]
    first = [_sample(plugin, source, seed, {}, fail) for seed in seeds]
    for architecture in first:
        _check_architecture(architecture, fail)
    again = [_sample(plugin, source, seed, {}, fail) for seed in reversed(seeds)][::-1]
    if [x.content_hash for x in first] != [x.content_hash for x in again]:
        raise fail("equal seeds gave different wirings; wanted every random number derived from `seed`")
    if source.fingerprint() != before:
        raise fail("changed the connectome; wanted a new wiring and the source as it was")
    return {architecture.content_hash for architecture in first}


def _sample(
    plugin: Plugin, source: Connectome, seed: int, options: dict[str, Any], fail: Fail
) -> Architecture:
    """Returns one sample."""
    told = f" with {options}" if options else ""
    with no_global_randomness(fail):
        try:
            found = plugin.target(source, seed=seed, **options)
        except Exception as error:
            raise fail(
                f"failed on {source.name!r}{told} with {one_line(error)}; wanted an Architecture"
            ) from error
    if not isinstance(found, Architecture):
        raise fail(f"returned a {type(found).__name__}{told}; wanted an Architecture")
    return found


@contextmanager
def no_global_randomness(fail: Fail) -> Iterator[None]:
    """Raises if anything draws from a global generator meanwhile: such numbers depend on what ran before."""
    import torch

    def states() -> list[bytes]:
        numpy = np.random.get_state(legacy=False)  # noqa: NPY002
        shown = (random.getstate(), repr(numpy["state"]["pos"]), numpy["state"]["key"].tobytes())
        return [repr(part).encode() for part in shown] + [torch.random.get_rng_state().numpy().tobytes()]

    before = states()
    yield
    if states() != before:
        raise fail("drew from a global random generator; wanted one made from the seed, see neuroevo.seeds")


def _check_architecture(found: Architecture, fail: Fail) -> None:
    """Raises unless an architecture is one that the engine can run."""
    n = found.num_cells
    if n == 0 or len(set(found.cells)) < n or not all(isinstance(cell, str) for cell in found.cells):
        raise fail(f"gave {n} cells of {len(set(found.cells))} names; wanted cells of distinct names")
    for field, dtype, length in (("sign", np.int8, n), ("is_muscle", np.bool_, n)):
        array = getattr(found, field)
        if array.dtype != dtype or array.shape != (length,):
            raise fail(
                f"gave {field} as {array.dtype} {list(array.shape)}; wanted {dtype.__name__} [{length}]"
            )
    if not np.isin(found.sign, (1, -1)).all():
        raise fail(
            f"gave the sign {found.sign[~np.isin(found.sign, (1, -1))][0]}; wanted +1 or -1 for every cell"
        )
    for port in ("inputs", "outputs"):
        cells = getattr(found, port)
        if not len(cells):
            raise fail(f"gave no {port}; wanted at least one cell")
        if len(np.unique(cells)) < len(cells) or cells.min() < 0 or cells.max() >= n:
            raise fail(f"gave {port} {cells.tolist()}; wanted distinct cells of 0 to {n - 1}")
    _check_edges("synapse", found.synapses, n, fail)
    _check_edges("gap junction", found.gap_junctions, n, fail)
    if (found.gap_junctions.pre > found.gap_junctions.post).any():
        raise fail("gave a gap junction with pre > post; wanted each pair once, pre < post")
    try:
        found.without_dead_ends()
    except ConnectomeError as error:
        raise fail(str(error).removesuffix(".")) from error


def _check_edges(kind: str, edges: Edges, num_cells: int, fail: Fail) -> None:
    """Raises unless edges are sorted, distinct, without autapses, in range and of positive finite weight."""
    pre, post, weight = edges.pre, edges.post, edges.weight
    if not len(pre) == len(post) == len(weight):
        raise fail(
            f"gave {len(pre)}, {len(post)} and {len(weight)} values for each {kind}; wanted equal numbers"
        )
    if not len(pre):
        return
    ends = np.concatenate([pre, post])
    if ends.min() < 0 or ends.max() >= num_cells:
        raise fail(f"gave a {kind} of cells {ends.min()} to {ends.max()}; wanted 0 to {num_cells - 1}")
    if (pre == post).any():
        raise fail(f"gave a {kind} of cell {pre[pre == post][0]} with itself; wanted none")
    order = pre.astype(np.int64) * num_cells + post
    if len(np.unique(order)) < len(order):
        raise fail(f"gave a {kind} twice; wanted each once")
    if (np.diff(order) < 0).any():
        raise fail(f"gave {kind}s out of order; wanted them sorted by (pre, post), see architecture.join")
    if not (np.isfinite(weight) & (weight > 0)).all():
        wrong = weight[~(np.isfinite(weight) & (weight > 0))][0]
        raise fail(f"gave a {kind} of weight {wrong:g}; wanted finite numbers greater than 0")
