"""Checks for authors of plug-ins: one clear error for the first rule that a prior or task breaks.

    from neuroevo.checks import check_prior, check_task

    def test_my_plugins_keep_the_rules():
        check_prior(my_prior)
        check_task(MyTask)

The rules are those that the engine and the statistics rely on. A prior that passes can be sampled,
hashed, run and told apart; a task that passes gives equal results however its genomes are spread over
workers.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import random
import typing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.errors import (
    FOREIGN,
    MAX_LINE,
    ConnectomeError,
    NeuroevoError,
    OptionError,
    TaskError,
    described,
)
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.plugins import Plugin, Scalar
from neuroevo.search import methods
from neuroevo.seeds import derive, generator
from neuroevo.task import NEEDED, Chooses, Task, fault_of, fault_of_class
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.sampling import Prior

NUM_SEEDS = 6  # samples of a prior that are compared
ONE_POINT = "seed: Not used"  # what the docstring of a prior with one point says of its seed

Fail = Callable[[str], NeuroevoError]  # from what is wrong to the error that says so
Method = Literal["evaluate", "evaluate_on", "score"]

NUM_GENOMES = 4  # on which a task is run
SMALLEST = (1, 2, 3, 4)  # tried in turn for every whole-number option
ABSURD = -(10**9)  # what every whole-number option must refuse
TOLERANCE = 1e-5  # another place in a batch may round differently


def check_prior(prior: Prior | Plugin, connectome: Connectome | None = None) -> None:
    """Raises an error that names the first rule of `Prior` that a prior breaks; returns if it keeps them all.

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
        connectome: What to sample from; None stands for `small()`, and then `bare()`.

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
    hashes = _check_seeds(plugin, source, fail)
    if documented and len(hashes) > 1:
        raise fail(f"says of its seed that it is not used, and {NUM_SEEDS} seeds gave {len(hashes)} wirings")
    if connectome is None and not documented and len(hashes) == 1:  # another connectome may allow but one
        raise fail(f'gave one wiring for {NUM_SEEDS} seeds; wanted several, or "{ONE_POINT}" in the text')
    for options in _choices(plugin):
        _check_architecture(_sample(plugin, source, 0, options, fail), fail)
    if connectome is None:
        try:
            sampled = plugin.target(bare(), seed=0)
        except NeuroevoError:
            return
        except FOREIGN as error:
            raise fail(
                f"failed on neurons alone with {described(error, MAX_LINE)}; wanted ConnectomeError"
            ) from error
        _check_architecture(_required_architecture(sampled, "", fail), fail)


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
    whole = small()
    n = whole.num_neurons
    nothing = Edges(*np.zeros((3, 0)))
    return Connectome(
        name="bare",
        cells=whole.cells[:n],
        role=("interneuron",) * n,
        cell_class=whole.cells[:n],
        transmitter=("",) * n,
        sign=np.ones(n),
        position=np.full((n, 3), np.nan),
        chemical=whole.chemical,
        neuromuscular=nothing,
        electrical=nothing,
        inputs=np.arange(n),
        outputs=np.arange(n),
    )


def _drawn(matrix: np.ndarray, rng: np.random.Generator) -> Edges:
    """Returns the edges marked in a matrix, with whole weights."""
    pre, post = np.nonzero(matrix)
    return Edges(pre, post, rng.integers(1, 10, len(pre)))


def name_of(target: Callable[..., object]) -> str:
    """Returns what a message calls a function or class.

    Args:
        target: The function or class.
    """
    return str(getattr(target, "__qualname__", target)).rpartition(".")[2]


def check_options(plugin: Plugin, fail: Fail) -> None:
    """Checks that options have types: written as text, a default reads back.

    That they have defaults `Plugin.check` sees to.

    Args:
        plugin: The prior or task.
        fail: Makes the error.

    Raises:
        NeuroevoError: If an option cannot be listed, or its default cannot be read.
    """
    for parameter in inspect.signature(plugin.target).parameters.values():
        is_open = parameter.kind is parameter.VAR_KEYWORD and plugin.open_options
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) and not is_open:
            raise fail(
                f"takes {parameter}; wanted every option by name, so that it can be listed and checked"
            )
    for option, default in plugin.defaults.items():
        try:
            value = plugin.bind({option: default})[option]
            read = value if default is None else plugin.bind({option: str(default)})[option]
        except NeuroevoError as error:
            raise fail(f"the default of option {option!r} cannot be read: {error}") from error
        if read != value or type(read) is not type(value):
            raise fail(
                f"option {option!r} is {value!r} by default and reads as {read!r}; wanted an annotation of "
                "bool, int, float, str or Literal that suits its default"
            )


def _choices(plugin: Plugin) -> Iterator[dict[str, Scalar]]:
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
    plugin: Plugin, source: Connectome, seed: int, options: dict[str, Scalar], fail: Fail
) -> Architecture:
    """Returns one sample."""
    by = f" with {options}" if options else ""
    with no_global_randomness(fail):
        try:
            sampled = plugin.target(source, seed=seed, **options)
        except FOREIGN as error:
            raise fail(
                f"failed on {source.name!r}{by} with {described(error, MAX_LINE)}; wanted an Architecture"
            ) from error
    return _required_architecture(sampled, by, fail)


def _required_architecture(sampled: object, by: str, fail: Fail) -> Architecture:
    """Returns what a prior gave with the options that `by` names; raises if it is no architecture."""
    if not isinstance(sampled, Architecture):
        raise fail(f"returned a {type(sampled).__name__}{by}; wanted an Architecture")
    return sampled


@contextmanager
def no_global_randomness(fail: Fail) -> Iterator[None]:
    """Checks that nothing draws from a global generator meanwhile: such numbers depend on what ran before.

    Args:
        fail: Makes the error.

    Yields:
        Once, with the generators' states noted.

    Raises:
        NeuroevoError: If something drew from one.
    """

    def states() -> list[bytes]:
        numpy = np.random.get_state(legacy=False)  # noqa: NPY002
        shown = (random.getstate(), repr(numpy["state"]["pos"]), numpy["state"]["key"].tobytes())
        return [repr(part).encode() for part in shown] + [torch.random.get_rng_state().numpy().tobytes()]

    before = states()
    yield
    if states() != before:
        raise fail("drew from a global random generator; wanted one made from the seed, see neuroevo.seeds")


def _check_architecture(architecture: Architecture, fail: Fail) -> None:
    """Raises unless an architecture is one that the engine can run."""
    n = architecture.num_cells
    if (
        n == 0
        or len(set(architecture.cells)) < n
        or not all(isinstance(cell, str) for cell in architecture.cells)
    ):
        raise fail(f"gave {n} cells of {len(set(architecture.cells))} names; wanted cells of distinct names")
    for field, dtype, length in (("sign", np.int8, n), ("is_muscle", np.bool_, n)):
        array = getattr(architecture, field)
        if array.dtype != dtype or array.shape != (length,):
            raise fail(
                f"gave {field} as {array.dtype} {list(array.shape)}; wanted {dtype.__name__} [{length}]"
            )
    wrong = architecture.sign[~np.isin(architecture.sign, (1, -1))]
    if len(wrong):
        raise fail(f"gave the sign {wrong[0]}; wanted +1 or -1 for every cell")
    for port in ("inputs", "outputs"):
        cells = getattr(architecture, port)
        if not len(cells):
            raise fail(f"gave no {port}; wanted at least one cell")
        if len(np.unique(cells)) < len(cells) or cells.min() < 0 or cells.max() >= n:
            raise fail(f"gave {port} {cells.tolist()}; wanted distinct cells of 0 to {n - 1}")
    _check_edges("synapse", architecture.synapses, n, fail)
    _check_edges("gap junction", architecture.gap_junctions, n, fail)
    if (architecture.gap_junctions.pre > architecture.gap_junctions.post).any():
        raise fail("gave a gap junction with pre > post; wanted each pair once, pre < post")
    try:
        architecture.without_dead_ends()
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


def check_task(task: type | Plugin) -> None:
    """Raises an error that names the first rule which a task breaks; returns if it keeps them all.

    The task is made with the smallest options it accepts and run on a few untrained genomes of `small()`.

    - Its docstring has a summary; its options have defaults and types that the command line can read;
      whole numbers out of range raise OptionError.
    - It is a `Task` with a unit, a budget (generations at least 1; population even, at least 2), whole
      numbers of sensors and actuators, and options of search methods that these have.
    - `evaluate` returns a float tensor [G, B], `score` one [G, B'], both finite for untrained genomes.
    - Equal genomes with equal seeds have equal fitness and equal scores: in another place of the batch, at
      another time, and in another instance. No global generator is drawn from. The same holds of
      `evaluate_on` where the task chooses.
    - Held-out episodes are not those of training.

    Args:
        task: The class, or what a registry holds.

    Raises:
        TaskError: If a rule is broken.
        DataError: If the task needs data that cannot be had.
        RegistryError: If it cannot be made as a task is.
    """
    plugin = task if isinstance(task, Plugin) else Plugin("task", name_of(task), task)
    plugin.check()

    def fail(message: str) -> NeuroevoError:
        return TaskError(f"Task {plugin.name!r}: {message}.")

    if not plugin.summary.strip().endswith((".", ":", ";")):
        raise fail("has no summary; wanted a docstring whose first line is one sentence")
    if fault := fault_of_class(plugin.target):
        raise fail(fault)
    check_options(plugin, fail)
    _check_members(_make(plugin, {}, fail), fail)
    _check_bad_options(plugin, fail)
    options = _smallest(plugin, fail)
    first, other = (_ready(plugin, options, fail) for _ in range(2))
    _check_members(first, fail)
    _check_values("evaluate", first, other, fail)
    _check_values("score", first, other, fail)
    if isinstance(first, Chooses) and first.chooses:
        _check_values("evaluate_on", first, other, fail)
    _check_held_out(first, fail)


def _make(plugin: Plugin, options: dict[str, Scalar], fail: Fail) -> Task:
    """Returns the task; it may refuse its options with an error of neuroevo's, and in no other way."""
    try:
        task = plugin.target(**options)
    except NeuroevoError:
        raise
    except FOREIGN as error:
        which = f"options {options}" if options else "its default options"
        raise fail(
            f"failed on {which} with {described(error, MAX_LINE)}; wanted OptionError for options it refuses"
        ) from error
    if fault := fault_of(task):
        raise fail(fault)
    assert isinstance(task, Task)  # or it would have a fault
    return task


def _ready(plugin: Plugin, options: dict[str, Scalar], fail: Fail) -> Task:
    """Returns the task with its data."""
    task = _make(plugin, options, fail)
    task.prepare()
    return task


def _check_members(task: Task, fail: Fail) -> None:
    """Raises unless a task's attributes are ones that every search and every adapter can do with."""
    if not isinstance(task.unit, str) or not task.unit.strip():
        raise fail(f"has the unit {task.unit!r}; wanted a name, such as m/s")
    generations, population = (task.defaults[key] for key in NEEDED)
    if type(generations) is not int or generations < 1:
        raise fail(f"has {generations!r} generations by default; wanted a whole number of at least 1")
    if type(population) is not int or population < 2 or population % 2:
        raise fail(
            f"has a population of {population!r} by default; wanted an even number, for mirrored pairs"
        )
    if task.image_shape is not None and math.prod(task.image_shape) != task.num_sensors:
        raise fail(
            f"has images of {task.image_shape} and {task.num_sensors} sensors; wanted a sensor for each pixel"
        )
    try:
        methods.parse("pgpe", task.search)
    except TaskError as error:
        raise fail(f"has a search that cannot be: {error.__cause__}".removesuffix(".")) from error


def _whole_options(plugin: Plugin) -> list[str]:
    """Returns the options whose default is a whole number."""
    return [option for option, default in plugin.defaults.items() if type(default) is int]


def _check_bad_options(plugin: Plugin, fail: Fail) -> None:
    """Raises unless whole numbers out of range are refused when the task is made."""
    for option in _whole_options(plugin):
        try:
            _make(plugin, {option: ABSURD}, fail)
        except OptionError:
            continue
        raise fail(f"accepts {option}={ABSURD}; wanted OptionError, see errors.require_range")


def _smallest(plugin: Plugin, fail: Fail) -> dict[str, Scalar]:
    """Returns the smallest whole-number options that a task accepts, one by one and together."""
    options: dict[str, Scalar] = {}
    for option in _whole_options(plugin):
        for value in SMALLEST:
            with contextlib.suppress(NeuroevoError):
                _make(plugin, {**options, option: value}, fail)
                options[option] = value
                break
    return options


def _genomes(task: Task) -> tuple[Blueprint, Tensor]:
    """Returns a small wiring fitted to a task and untrained genomes, the last equal to the first."""
    blueprint = Blueprint(Architecture.of(small()), task.num_sensors, task.num_actuators)
    parameters = blueprint.draw(NUM_GENOMES, generator(0, "check genomes"))
    parameters[-1] = parameters[0]
    return blueprint, parameters


def _run(task: Task, method: Method, parameters: Tensor, seeds: Sequence[int], fail: Fail) -> Tensor:
    """Returns fitness or scores of genomes, checked for their form."""
    blueprint, _ = _genomes(task)
    phenotype = Phenotype([blueprint], [len(parameters)])
    phenotype.load([parameters])
    runs: dict[Method, Callable[..., Tensor]] = {
        "evaluate": task.evaluate,
        "evaluate_on": partial(_evaluate_on, task, fail),
        "score": task.score,
    }
    with no_global_randomness(fail), torch.inference_mode():
        try:
            values = runs[method](phenotype, seeds=list(seeds))
        except NeuroevoError:
            raise
        except FOREIGN as error:
            raise fail(
                f"{method} failed with {described(error, MAX_LINE)}; wanted a tensor [G, B]"
            ) from error
    wanted = f"wanted a float tensor [{len(parameters)}, B], a row for each genome"
    if not isinstance(values, Tensor):
        raise fail(f"{method} returned a {type(values).__name__}; {wanted}")
    if values.ndim != 2 or len(values) != len(parameters) or not values.shape[1]:
        raise fail(f"{method} returned a tensor {list(values.shape)}; {wanted}")
    if not values.is_floating_point():
        raise fail(f"{method} returned a tensor of {values.dtype}; {wanted}")
    if not values.isfinite().all():
        raise fail(
            f"{method} gave {int((~values.isfinite()).sum())} values that are not finite; wanted numbers"
        )
    return values.to(torch.float64)


def _evaluate_on(task: Task, fail: Fail, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
    """Returns the fitness of genomes on what a task chooses for each of them."""
    assert isinstance(task, Chooses)
    choices = task.choose(phenotype, seeds=seeds)
    if len(choices) != len(seeds):
        raise fail(f"chose {len(choices)} times for {len(seeds)} genomes; wanted a choice for each")
    return task.evaluate_on(phenotype, seeds=seeds, choices=choices)


def _check_values(method: Method, first: Task, other: Task, fail: Fail) -> None:
    """Raises unless values follow from genome and seed alone."""
    _, parameters = _genomes(first)
    a, b = derive(0, "check", "a"), derive(0, "check", "b")
    seeds = [a, b, b, a]
    values = _run(first, method, parameters, seeds, fail)
    if method == "score" and first.maximum is not None and float(values.max()) > first.maximum + TOLERANCE:
        raise fail(f"scores {float(values.max()):g}, and its maximum is {first.maximum:g}; wanted none above")
    _require_equal(values[0], values[-1], f"{method} of equal genomes with equal seeds differ", fail)
    again = _run(first, method, parameters, seeds, fail)
    _require_equal(values, again, f"{method} differs when it is called again", fail)
    elsewhere = _run(other, method, parameters, seeds, fail)
    _require_equal(values, elsewhere, f"{method} differs in another instance of the task", fail)
    order = np.array([2, 0, 3, 1])
    moved = _run(first, method, parameters[order], [seeds[i] for i in order], fail)
    _require_equal(values[order], moved, f"{method} depends on the order of the genomes", fail)


def _require_equal(values: Tensor, others: Tensor, what: str, fail: Fail) -> None:
    """Raises unless two results agree but for rounding."""
    if values.shape != others.shape or not torch.allclose(
        values, others, rtol=TOLERANCE, atol=TOLERANCE / 10
    ):
        raise fail(f"{what}; wanted it to follow from genome and seed alone")


def _check_held_out(task: Task, fail: Fail) -> None:
    """Raises if scores are the fitness itself for several seeds, unless neither tells genomes apart."""
    _, parameters = _genomes(task)
    for k in range(3):
        seeds = [derive(0, "check", "held out", k)] * NUM_GENOMES
        fitness = _run(task, "evaluate", parameters, seeds, fail)
        score = _run(task, "score", parameters, seeds, fail)
        width = min(fitness.shape[1], score.shape[1])
        if not torch.equal(fitness[:, :width], score[:, :width]) or (fitness == fitness[0]).all():
            return
    raise fail(
        "score equals evaluate for equal seeds; wanted held-out episodes, from another branch of the seed"
    )
