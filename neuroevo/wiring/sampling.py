"""Samples of priors: architectures drawn by seed, told apart by content, and written as edge tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from neuroevo.connectome import writing
from neuroevo.connectome.model import Connectome
from neuroevo.errors import FOREIGN, EvaluationError, NeuroevoError, OptionError, failure
from neuroevo.folders import file_names, new_folder
from neuroevo.plugins import PluginCall
from neuroevo.progress import Say, counted, nothing
from neuroevo.seeds import derive
from neuroevo.text import count
from neuroevo.wiring.architecture import Architecture

MOST_SAMPLES = 100_000  # of all priors together, that are compared or written as tables: hours

# Options that priors got after graphs of theirs had been published. At their default they leave the seed of a
# graph as it was, so that a request gives the graphs that it gave before.
YOUNGER_OPTIONS = frozenset({"chemical", "neuromuscular"})

LARGE = 500_000  # edges of a wiring of which no second sample is drawn to see whether it differs
MOST_DRAWINGS = 20  # of one wiring, of which no input reaches an output

Crossed = Callable[[Architecture], bool]  # says whether an input of a wiring reaches an output


class Prior(Protocol):
    """The contract of a prior: a function that samples one wiring from a connectome.

    Further keyword arguments, all with defaults, are its options. Its docstring has a summary, and says what
    of the connectome it "Keeps exactly" and what it "Destroys"; that of a prior which gives one wiring
    whatever the seed says "seed: Not used". Everything random comes from the seed, so that equal seeds give
    equal wirings, and the connectome stays as it is. The wiring may have other cells and ports. All of this
    is what `checks.check_prior` checks.

    Example:
        def uneven(connectome: Connectome, *, seed: int, dale: bool = True) -> Architecture:
            '''The measured wiring with synapses of random strengths.

            Keeps exactly: who connects to whom, signs, gap junctions. Destroys: strengths.
            '''
            exact = Architecture.of(connectome, dale=dale)
            synapses = exact.synapses
            drawn = generator(seed, "weights").uniform(1, 2, len(synapses))
            return replace(exact, synapses=Edges(synapses.pre, synapses.post, drawn))
    """

    def __call__(self, connectome: Connectome, /, *, seed: int) -> Architecture:
        """Returns a sample.

        Args:
            connectome: The measured wiring.
            seed: Any whole number; equal seeds give equal samples.

        Raises:
            ConnectomeError: If the connectome lacks what the prior needs, such as positions or muscles.
        """


def draw(
    connectome: Connectome,
    entrant: PluginCall,
    num_samples: int,
    seed: int,
    say: Say = nothing,
    is_crossed: Crossed = Architecture.is_crossed,
    twin: int = 0,
) -> Iterator[Architecture]:
    """Yields samples of a prior; sample k depends on the seed, the prior, its options, k and the twin.

    Args:
        connectome: Source wiring.
        entrant: The prior and its options; its label names it in errors and matters for nothing else.
        num_samples: The number of samples.
        seed: The run's seed.
        say: Is told how many there are, where they take long.
        is_crossed: See `draw_one`.
        twin: See `draw_one`.

    Raises:
        NeuroevoError: If the prior cannot be sampled on this connectome.
        EvaluationError: If the prior fails in a way of its own, or does not return an architecture.
    """
    for k in counted(range(num_samples), f"drawing wirings of {entrant.label}:", num_samples, say):
        yield draw_one(connectome, entrant, k, seed, is_crossed, twin)


def draw_one(
    connectome: Connectome,
    entrant: PluginCall,
    k: int,
    seed: int,
    is_crossed: Crossed = Architecture.is_crossed,
    twin: int = 0,
) -> Architecture:
    """Returns sample k of a prior.

    A wiring of which no input reaches an output, where the connectome's do, is drawn again and says how
    often. If none of the drawings is crossed it is the first of them, and says that. A wiring without inputs
    or outputs is not drawn again: it is no network.

    Args:
        connectome: Source wiring.
        entrant: The prior and its options; its label names it in errors and does not matter else.
        k: Number of the sample, at least 0.
        seed: The run's seed.
        is_crossed: Says whether an input of a wiring reaches an output. The usual answer is about the ports
            of the wiring itself; tasks may have others.
        twin: How many labels before this one name the same prior with the same options, see `twins`: each has
            graphs of its own.

    Raises:
        NeuroevoError: If the prior cannot be sampled on this connectome.
        EvaluationError: If the prior fails in a way of its own, or does not return an architecture.
    """
    path = "graph", entrant.plugin.path, _seed_text(entrant), k
    graph_seed = derive(seed, *path, *(("twin", twin) if twin else ()))
    first = _drawn(connectome, entrant, graph_seed)
    has_ports = len(first.inputs) > 0 and len(first.outputs) > 0
    if not has_ports or is_crossed(first) or not is_crossed(Architecture.of(connectome)):
        return first
    for attempt in range(1, MOST_DRAWINGS):
        again = _drawn(connectome, entrant, derive(graph_seed, "attempt", attempt))
        if is_crossed(again):
            note = f"drawn {count(attempt + 1, 'time')}, until one of its inputs reached an output."
            return replace(again, notes=(*again.notes, note))
    note = (
        f"drawn {count(MOST_DRAWINGS, 'time')}, and none of its inputs reached an output: it answers alike "
        "whatever it senses, and scores as a constant."
    )
    return replace(first, notes=(*first.notes, note))


def twins(entrants: Iterable[PluginCall]) -> dict[str, int]:
    """Returns by label how many of the priors before each are the same, with the same options.

    Two labels of one prior are two samples of it, such as a comparison of a prior with itself needs.

    Args:
        entrants: The priors of a request, in its order.
    """
    numbers: dict[str, int] = {}
    before: Counter[tuple[str, str]] = Counter()
    for entrant in entrants:
        same = entrant.plugin.path, _seed_text(entrant)
        numbers[entrant.label] = before[same]
        before[same] += 1
    return numbers


def _drawn(connectome: Connectome, entrant: PluginCall, graph_seed: int) -> Architecture:
    """Returns what a prior gives for a seed of its own."""
    about = f"{entrant.label} on {connectome.name}"
    try:
        sample = entrant.plugin.target(connectome, seed=graph_seed, **entrant.options)
    except NeuroevoError:
        raise
    except FOREIGN as error:
        raise EvaluationError(failure(about, error)) from error
    if not isinstance(sample, Architecture):
        raise EvaluationError(f"{about} returned a {type(sample).__name__}; wanted an Architecture.")
    if connectome.has_free_signs and sample.dale and sample.core == "evolves":
        return replace(sample, dale=False)  # no sign is known that a synapse could keep
    return sample


def require_count(num_samples: int, genomes: Sequence[PluginCall]) -> None:
    """Checks that samples are not more than can be drawn in a lifetime of a program.

    Args:
        num_samples: The number of samples of each prior.
        genomes: The priors.

    Raises:
        OptionError: If they are.
    """
    total = num_samples * max(1, len(genomes))
    if total > MOST_SAMPLES:
        raise OptionError(
            f"--samples {num_samples} makes {total:,} wirings; wanted at most {MOST_SAMPLES:,} in all, which "
            f"--samples {MOST_SAMPLES // max(1, len(genomes))} are."
        )


def _seed_text(entrant: PluginCall) -> str:
    """Returns the options that the seeds of a prior's graphs depend on: no younger one at its default."""
    defaults = entrant.plugin.defaults
    options = [
        (name, value)
        for name, value in sorted(entrant.options.items())
        if not (name in YOUNGER_OPTIONS and value == defaults.get(name))
    ]
    return repr(options)


@dataclass(frozen=True)
class Sample:
    """One architecture of a prior.

    Attributes:
        genome: Label of the prior.
        graph: Number of the first draw that gave this architecture.
        architecture: The architecture.
        graph_hash: Its content hash.
    """

    genome: str
    graph: int
    architecture: Architecture
    graph_hash: str


@dataclass(frozen=True)
class Draws:
    """Samples of one prior.

    Attributes:
        samples: Distinct architectures, in the order in which they were first drawn.
        index: For each draw, which of the samples it gave.
        one_point: True if all draws gave one wiring, of which there were at least two.
    """

    samples: list[Sample]
    index: list[int]
    one_point: bool


def sample(
    connectome: Connectome,
    entrant: PluginCall,
    num_draws: int,
    run_seed: int,
    say: Say = nothing,
    is_crossed: Crossed = Architecture.is_crossed,
    twin: int = 0,
) -> Draws:
    """Returns distinct architectures of a prior; of equal ones the first.

    Two draws tell whether a prior has one point, so where one draw is asked for a second is made; but for a
    wiring of more than `LARGE` edges, where a draw takes long, it has one if it is the connectome's own.

    Args:
        connectome: Source wiring.
        entrant: The prior and its options.
        num_draws: The number of draws.
        run_seed: The run's seed.
        say: Is told how many there are, where they take long.
        is_crossed: See `draw_one`.
        twin: See `draw_one`.

    Raises:
        NeuroevoError: If the prior cannot be sampled on this connectome.
        EvaluationError: If the prior fails in a way of its own.
    """
    samples: list[Sample] = []
    place: dict[str, int] = {}
    index: list[int] = []
    exact = Architecture.of(connectome)
    is_large = len(exact.synapses) > LARGE
    drawings = draw(
        connectome, entrant, num_draws if is_large else max(2, num_draws), run_seed, say, is_crossed, twin
    )
    for k, architecture in enumerate(drawings):
        name = architecture.content_hash
        if k < num_draws and name not in place:
            samples.append(Sample(entrant.label, k, architecture, name))
        index.append(place.setdefault(name, len(place)))
    has_one = len(place) == 1
    if num_draws == 1 and is_large:
        has_one = samples[0].architecture.synapses.is_equal(exact.synapses)
    return Draws(samples, index[:num_draws], has_one)


def write_samples(
    connectome: Connectome,
    genomes: Sequence[PluginCall],
    num_samples: int,
    seed: int,
    folder: Path,
    say: Say = nothing,
    form: str = "csv",
) -> tuple[list[Path], dict[str, list[str]]]:
    """Writes samples of priors as `<genome>-<k>.csv`, each with its cells beside it, into a new folder.

    Args:
        connectome: Source wiring.
        genomes: The priors and their options, by distinct labels.
        num_samples: The number of samples of each.
        seed: The run's seed.
        folder: The new folder.
        say: Is told how many there are, where they take long.
        form: One of `writing.FORMATS`.

    Returns:
        The files to be read, and the notes of each prior's samples by label, every sentence once.

    Raises:
        OptionError: If there are too many samples, two labels give one file name, or there is no such format.
        RunError: If the folder exists or cannot be written.
    """
    require_count(num_samples, genomes)
    writing.files_of("", form)
    names, twin = file_names(entrant.label for entrant in genomes), twins(genomes)
    written, notes = [], {}
    with new_folder(folder) as new:
        for entrant in genomes:
            sentences: dict[str, None] = {}
            drawings = draw(connectome, entrant, num_samples, seed, say, twin=twin[entrant.label])
            for k, sample in enumerate(drawings):
                stem = f"{names[entrant.label]}-{k}"
                paths = writing.write(sample.as_connectome(stem, connectome), new, stem, form)
                written.append(folder / paths[0].name)
                sentences |= dict.fromkeys(sample.notes)
            if sentences:
                notes[entrant.label] = list(sentences)
    return written, notes
