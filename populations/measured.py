"""Priors on the wiring as it might have been measured: another animal's counts, signs that are wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np

from neuroevo.connectome.model import Connectome, Edges, both_ways, once
from neuroevo.errors import OptionError, require_range, unknown
from neuroevo.plugins import Range, priors
from neuroevo.seeds import generator
from neuroevo.wiring.architecture import Architecture, join, take
from neuroevo.wiring.mutation import SHARE, Mutant
from populations.parts import OPTIONS, part_of, require_parts

JitterPart = Literal["jitter", "keep", "drop"]

DISPERSION = 2.2  # of the two adults of Witvliet et al. (2021), see `count_jitter`
ALL, UNKNOWN = "all", "unknown"
TRIES = 100  # of an exchange of a sign that is wrong for one that is right


def exchange_errors(
    connectome: Connectome, architecture: Architecture, *, seed: int, **options: object
) -> Mutant:
    """Returns a mutant in which a few neurons with a wrong sign are right, and as many others wrong.

    An exchange is accepted as often as the odds of the two errors ask for, so that errors are spread over
    neurons as in the prior's own samples with this number of errors.

    Args:
        connectome: Source wiring, whose signs are right.
        architecture: Not modified.
        seed: Equal seeds give equal mutants.
        options: The prior's options.
    """
    chance = error_chances(connectome, float(str(options["rate"])), str(options["transmitter"]))
    rng, sign = generator(seed, "signs"), architecture.sign.copy()
    for _ in range(max(1, round(SHARE * connectome.num_neurons / 2))):
        for _ in range(TRIES):
            is_wrong = sign != connectome.sign
            wrong, right = np.flatnonzero(is_wrong), np.flatnonzero(~is_wrong & (chance > 0))
            if not (len(wrong) and len(right)):
                return Mutant.same(architecture, sign=sign)
            i, j = rng.choice(wrong), rng.choice(right)
            if rng.random() * chance[i] * (1 - chance[j]) < chance[j] * (1 - chance[i]):
                sign[[i, j]] *= -1
                break
    return Mutant.same(architecture, sign=sign)


@priors.register("sign-errors", mutate=exchange_errors)
def sign_errors(
    connectome: Connectome,
    *,
    seed: int,
    rate: Annotated[float, Range(0, 1)] = 0.1,
    transmitter: str = ALL,
    dale: bool = True,
) -> Architecture:
    """The same wiring with the sign of each neuron wrong at a stated rate.

    Signs follow from transmitters, of which some are not known and some excite one cell and inhibit another.
    This is what a result stands on if some of them are mistaken: each neuron that excites inhibits with the
    probability `rate`, and the other way round, whatever becomes of the others.

    Keeps exactly: who connects to whom; section counts; gap junctions; Dale's principle, one sign a cell;
    ports; signs of muscles, which make no synapses. Approximately: a share 1 - `rate` of the neurons' signs,
    with a binomial spread. Destroys: the signs of the others, and so the numbers of neurons and of synapses
    that excite. A rate of 0 is the connectome, a rate of 1 the connectome with every sign turned round.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        rate: Probability, in [0, 1], that the sign of a neuron is wrong.
        transmitter: Only neurons with this main transmitter may be wrong, such as `glutamate`; `unknown`
            are those without one, and `all` are all neurons.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        A sample of this prior.

    Raises:
        OptionError: If the rate is out of range, or no neuron has this transmitter.
    """
    chance = error_chances(connectome, rate, transmitter)
    is_wrong = generator(seed, "errors").random(connectome.num_cells) < chance
    return Architecture.of(connectome, sign=np.where(is_wrong, -connectome.sign, connectome.sign), dale=dale)


def error_chances(connectome: Connectome, rate: float, transmitter: str = ALL) -> np.ndarray:
    """Returns how probable it is of each cell that its sign is wrong, float64 [N]; 0 for muscles.

    Args:
        connectome: Source wiring.
        rate: The probability of the neurons that may be wrong, in [0, 1].
        transmitter: Their main transmitter in any spelling, `unknown` or `all`.

    Raises:
        OptionError: If the rate is out of range, or no neuron has this transmitter.
    """
    require_range("rate", rate, 0.0, 1.0)
    mains = [text.partition("+")[0].lower() or UNKNOWN for text in connectome.transmitter]
    wanted = transmitter.strip().lower()
    chosen = ~connectome.is_muscle
    if wanted != ALL:
        chosen &= np.array(mains) == wanted
    if not chosen.any():
        names = sorted({m for m, is_muscle in zip(mains, connectome.is_muscle, strict=True) if not is_muscle})
        raise OptionError(unknown(f"transmitter in {connectome.name!r}", transmitter, [ALL, *names]))
    return np.where(chosen, rate, 0.0)


def redraw_few(connectome: Connectome, architecture: Architecture, *, seed: int, **options: object) -> Mutant:
    """Returns a mutant of which a few section counts are drawn once more, round those that were measured.

    Synapses stay where they are and so do their parameters, which are relative to the section count.

    Args:
        connectome: Source wiring, whose section counts are the measured ones.
        architecture: Not modified.
        seed: Equal seeds give equal mutants.
        options: The prior's options.
    """
    if float(str(options["rewired"])) < 1:
        return Mutant.same(architecture)
    dispersion = float(str(options["dispersion"]))
    rng = generator(seed, "counts")
    kinds = {
        "chemical": ~architecture.is_muscle[architecture.synapses.post],
        "neuromuscular": architecture.is_muscle[architecture.synapses.post],
        "electrical": np.ones(len(architecture.gap_junctions), bool),
    }
    weights = {
        "synapses": architecture.synapses.weight.copy(),
        "gap_junctions": architecture.gap_junctions.weight.copy(),
    }
    for kind, mask in kinds.items():
        name = "gap_junctions" if kind == "electrical" else "synapses"
        source: Edges = getattr(connectome, kind)
        both = connectome.is_undirected and kind == "chemical"
        edges, places = take(getattr(architecture, name), mask), np.flatnonzero(mask)
        edges = once(edges) if both else edges
        if options[OPTIONS[kind]] == "jitter" and len(edges):
            measured, weight = source.weight[_places_of(edges, source)], edges.weight.copy()
            free = np.flatnonzero(measured > _least(source))  # the others have no other count to have
            few = rng.permutation(free)[: max(1, round(SHARE * len(edges)))]
            weight[few] = redrawn(measured[few], source, dispersion, rng)
            edges = replace(edges, weight=weight)
            weights[name][places] = (both_ways(edges) if both else edges).weight
    return Mutant.same(
        architecture,
        synapses=replace(architecture.synapses, weight=weights["synapses"]),
        gap_junctions=replace(architecture.gap_junctions, weight=weights["gap_junctions"]),
    )


@priors.register("count-jitter", mutate=redraw_few)
def count_jitter(
    connectome: Connectome,
    *,
    seed: int,
    dispersion: Annotated[float, Range(1, 1_000)] = DISPERSION,
    lost: Annotated[float, Range(0, 1, without=1)] = 0.0,
    rewired: Annotated[float, Range(0, 1)] = 1.0,
    chemical: JitterPart = "jitter",
    gap: JitterPart = "jitter",
    neuromuscular: JitterPart = "jitter",
    dale: bool = True,
) -> Architecture:
    """The same wiring with section counts as another animal's might be.

    A count c is drawn anew as 1 plus a negative binomial number of mean c - 1 and variance `dispersion` times
    (c - 1): its mean is what was measured, and it is 1 or more. Counts that are not whole are drawn from the
    gamma distribution of the same mean and variance above 1, or above the smallest where that is less than 1.

    The default is how two adults differ: over the 1,279 chemical synapses between neurons that both adults of
    Witvliet et al. (2021) have, the squared difference of the two counts adds up to 2.2 times their mean less
    one (neuromuscular synapses 2.6, gap junctions 1.4; without dispersion of its own, 1, each animal's count
    would be 1 plus a Poisson number round a mean in common, and the sum 2). These are counts of synapses.
    Sections of one synapse come together, so that counts of sections spread more: 12 between the
    hermaphrodite and the male of Cook et al. (2019), who differ by sex and by reconstruction too.

    Keeps exactly: who connects to whom, unless `lost` is set; signs; ports; counts of 1; equal weights both
    ways in an undirected connectome. Approximately: every count, and the total of sections, which are kept in
    expectation. Destroys: what is exact in the counts.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        dispersion: Variance of a redrawn count over c - 1, at least 1, which is Poisson.
        lost: Probability, in [0, 1), that a connection of one section is not there; one of c sections is not
            with `lost` to the power of c, as if each section were lost alone. Of the chemical synapses of one
            adult of Witvliet et al. the other lacks 58 % of those that count 1, 34 % of 2, 12 % of 3 or 4 and
            1 % of 5 to 8. None is added in their place.
        rewired: Share of the connections, in [0, 1], whose counts are redrawn; 0 is the connectome.
        chemical: Chemical synapses between neurons: `jitter` redraws their counts, `keep` leaves them as
            measured, `drop` has none.
        gap: Gap junctions: `jitter` redraws their counts, `keep` leaves them as measured, `drop` has none.
        neuromuscular: Synapses on muscles, the map onto the body: `jitter` redraws their counts, `keep`
            leaves them as measured, `drop` has none.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        A sample of this prior.

    Raises:
        OptionError: If an option is out of range.
        ConnectomeError: If a part is to be kept or dropped that the connectome does not have.

    References:
        Witvliet et al. (2021), https://doi.org/10.1038/s41586-021-03778-8;
        Cook et al. (2019), https://doi.org/10.1038/s41586-019-1352-7
    """
    require_range("dispersion", dispersion, 1.0)
    require_range("lost", lost, 0.0, 1.0)
    require_range("rewired", rewired, 0.0, 1.0)
    choices = {"chemical": chemical, "gap": gap, "neuromuscular": neuromuscular}
    require_parts(connectome, choices, dict.fromkeys(choices, "jitter"))
    parts = {}
    for kind, option in OPTIONS.items():
        measured: Edges = getattr(connectome, kind)
        both = connectome.is_undirected and kind == "chemical"
        measured, rng = once(measured) if both else measured, generator(seed, kind)
        chosen = rng.permutation(len(measured))[: round(rewired * len(measured))]
        weight = redrawn(measured.weight, measured, dispersion, rng)
        is_lost = rng.random(len(measured)) < lost ** (measured.weight / _least(measured)) if lost else None
        new = measured.weight.copy()
        new[chosen] = weight[chosen]
        edges = replace(measured, weight=new)
        if is_lost is not None:
            edges = take(edges, ~(is_lost & np.isin(np.arange(len(measured)), chosen)))
        edges = part_of(measured, edges, choices[option])
        parts[kind] = both_ways(edges) if both else edges
    source, notes = connectome.chemical, []
    if len(parts["chemical"]) and not lost and (source.weight <= _least(source)).all():
        notes.append("redraws no chemical synapse: all counts are 1, and a count of 1 stays.")
    return Architecture.of(
        connectome,
        synapses=join(parts["chemical"], parts["neuromuscular"]),
        gap_junctions=parts["electrical"],
        dale=dale,
        notes=tuple(notes),
    )


def redrawn(counts: np.ndarray, source: Edges, dispersion: float, rng: np.random.Generator) -> np.ndarray:
    """Returns counts drawn anew round those that are given, float64 [n].

    Args:
        counts: Counts to draw round, [n].
        source: All edges of their kind as measured: whether these counts are whole, and the smallest, say
            which distribution is drawn from.
        dispersion: Variance of a count over what it has above the smallest, in units of that, at least 1.
        rng: Source of the counts.
    """
    least = _least(source)
    above = counts.astype(float) / least - 1
    free = above > 0
    drawn = np.zeros(len(counts))
    if least < 1 or (source.weight != np.round(source.weight)).any():
        drawn[free] = rng.gamma(above[free] / dispersion, dispersion)
    elif dispersion == 1:
        drawn[free] = rng.poisson(above[free])
    else:
        drawn[free] = rng.negative_binomial(above[free] / (dispersion - 1), 1 / dispersion)
    return least * (1 + drawn)


def _least(source: Edges) -> float:
    """Returns the count that no redrawn one goes below: 1, or the smallest where that is less."""
    return float(min(1.0, source.weight.min(initial=1.0)))


def _places_of(edges: Edges, source: Edges) -> np.ndarray:
    """Returns where each edge is among those of the source, int [E], of which all are."""
    size = 1 + int(max(source.pre.max(initial=0), source.post.max(initial=0)))
    keys = [e.pre.astype(np.int64) * size + e.post for e in (edges, source)]
    return np.searchsorted(keys[1], keys[0])
