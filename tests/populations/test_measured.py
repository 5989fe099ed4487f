"""Wirings as they might have been measured: signs are wrong at the rate, counts spread as SciPy says."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from scipy import stats

from neuroevo.connectome import published
from neuroevo.connectome.catalog import load
from neuroevo.connectome.graphs import from_networkx
from neuroevo.connectome.model import KINDS, Connectome, Edges, is_symmetric
from neuroevo.errors import ConnectomeError, DataError, OptionError
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from populations.measured import DISPERSION
from tests.wirings import WORMS

ENDS = ("pre", "post")


def sample(name: str, worm: Connectome, seed: int = 0, **options: object) -> Architecture:
    return priors.get(name).target(worm, seed=seed, **options)


def assert_same(new: Architecture, worm: Connectome, kinds: tuple[str, ...], fields: tuple[str, ...]) -> None:
    for kind in kinds:
        for field in fields:
            np.testing.assert_array_equal(
                getattr(getattr(new, kind), field), getattr(getattr(worm, kind), field)
            )


def neurons(worm: Connectome) -> np.ndarray:
    return ~worm.is_muscle


# --- signs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.5])
def test_signs_are_wrong_as_often_as_a_binomial_number(rate: float) -> None:
    worm = load("celegans")
    wrong = np.array([(sample("sign-errors", worm, s, rate=rate).sign != worm.sign) for s in range(200)])
    assert not wrong[:, worm.is_muscle].any()
    trials = 200 * worm.num_neurons
    assert stats.binomtest(int(wrong.sum()), trials, rate).pvalue > 1e-4
    numbers = wrong.sum(1)  # spread as if neurons were independent: a variance of n p (1 - p)
    ratio = numbers.var(ddof=1) / (worm.num_neurons * rate * (1 - rate))
    assert stats.chi2(199).ppf(1e-4) < 199 * ratio < stats.chi2(199).ppf(1 - 1e-4)
    by_neuron = wrong[:, ~worm.is_muscle].sum(0)
    assert stats.binom(200, rate).ppf(1e-6) <= by_neuron.min()
    assert by_neuron.max() <= stats.binom(200, rate).ppf(1 - 1e-6)


@pytest.mark.parametrize("name", WORMS)
def test_sign_errors_leave_all_else_as_it_is(name: str) -> None:
    worm = load(name)
    new = sample("sign-errors", worm, rate=0.3)
    assert_same(new, worm, KINDS, (*ENDS, "weight"))
    exact = Architecture.of(worm)
    assert replace(new, sign=exact.sign).content_hash == exact.content_hash != new.content_hash
    assert sample("sign-errors", worm, rate=0.3, dale=False).dale is False


@pytest.mark.parametrize("name", WORMS)
def test_a_rate_of_nothing_is_the_connectome_and_of_one_its_mirror(name: str) -> None:
    worm = load(name)
    assert sample("sign-errors", worm, rate=0.0).content_hash == Architecture.of(worm).content_hash
    mirror = sample("sign-errors", worm, rate=1.0).sign
    np.testing.assert_array_equal(mirror[neurons(worm)], -worm.sign[neurons(worm)])
    np.testing.assert_array_equal(mirror[worm.is_muscle], worm.sign[worm.is_muscle])


def test_only_neurons_of_the_named_transmitter_are_wrong() -> None:
    worm = load("celegans")
    mains = np.array([text.partition("+")[0] for text in worm.transmitter])
    for written, meant in (("glutamate", "Glutamate"), ("GABA", "GABA"), ("unknown", "")):
        wrong = sample("sign-errors", worm, rate=1.0, transmitter=written).sign != worm.sign
        np.testing.assert_array_equal(wrong, (mains == meant) & neurons(worm))
        assert wrong.any()
    with pytest.raises(
        OptionError, match=r"Unknown transmitter in 'celegans' 'glutamat'. Did you mean 'glut.*all"
    ):
        sample("sign-errors", worm, transmitter="glutamat")
    for rate in (-0.1, 1.1, float("nan")):
        with pytest.raises(OptionError, match="rate"):
            sample("sign-errors", worm, rate=rate)


def test_an_exchange_of_errors_keeps_their_number_and_visits_every_neuron() -> None:
    worm = load("celegans-motor")
    plugin = priors.get("sign-errors")
    assert plugin.mutate is not None
    parent, visited = sample("sign-errors", worm, 3), np.zeros(worm.num_cells, int)
    number = (parent.sign != worm.sign).sum()
    for seed in range(1_500):
        parent = plugin.mutate(worm, parent, seed=seed, **plugin.defaults).architecture
        assert (parent.sign != worm.sign).sum() == number > 1
        visited += parent.sign != worm.sign
    share = visited[neurons(worm)] / visited.sum()
    assert 0.1 < share.min() * worm.num_neurons and share.max() * worm.num_neurons < 2.5
    for rate in (0.0, 1.0):
        edge = sample("sign-errors", worm, rate=rate)
        same = plugin.mutate(worm, edge, seed=0, **{**plugin.defaults, "rate": rate}).architecture
        np.testing.assert_array_equal(same.sign, edge.sign)


# --- section counts -----------------------------------------------------------------------------------


def counted(counts: list[float]) -> Connectome:
    """Returns a wiring of two layers with these counts, a hundred synapses each."""
    side = int(np.ceil(np.sqrt(100 * len(counts))))
    pre, post = (x.ravel()[: 100 * len(counts)] for x in np.indices((side, side)))
    none = Edges(*np.zeros((3, 0)))
    n = 2 * side
    return Connectome(
        name="counted",
        cells=tuple(f"c{k}" for k in range(n)),
        role=("interneuron",) * n,
        cell_class=("",) * n,
        transmitter=("",) * n,
        sign=np.ones(n),
        position=np.full((n, 3), np.nan),
        chemical=Edges(pre, side + post, np.tile(counts, 100)),
        neuromuscular=none,
        electrical=none,
        inputs=np.arange(side),
        outputs=np.arange(side, n),
    )


@pytest.mark.parametrize("dispersion", [1.0, DISPERSION, 6.0])
def test_whole_counts_are_one_and_a_negative_binomial_number(dispersion: float) -> None:
    source = counted([1.0, 2.0, 5.0, 30.0])
    drawn = [sample("count-jitter", source, s, dispersion=dispersion).chemical.weight for s in range(20)]
    for count in (1.0, 2.0, 5.0, 30.0):
        values = np.concatenate([weight[source.chemical.weight == count] for weight in drawn])
        above = count - 1
        if not above:
            assert (values == 1).all()
            continue
        wanted = (
            stats.poisson(above)
            if dispersion == 1
            else stats.nbinom(above / (dispersion - 1), 1 / dispersion)
        )
        assert wanted.mean() == pytest.approx(above) and wanted.var() == pytest.approx(dispersion * above)
        bins = np.unique(wanted.ppf(np.linspace(0, 1, 12)[1:-1]))
        expected = np.diff(np.concatenate([[0.0], wanted.cdf(bins), [1.0]]))
        found = np.bincount(np.searchsorted(bins, values - 1), minlength=len(bins) + 1)
        assert stats.chisquare(found, expected * len(values)).pvalue > 1e-4


def test_counts_that_are_not_whole_are_of_the_gamma_distribution() -> None:
    for counts, least in (([1.5, 4.25], 1.0), ([0.2, 0.5, 3.0], 0.2)):
        source = counted(counts)
        drawn = [sample("count-jitter", source, s).chemical.weight for s in range(20)]
        for count in counts:
            values = np.concatenate([weight[source.chemical.weight == np.float32(count)] for weight in drawn])
            assert (values >= np.float32(least)).all()
            if count > least:
                wanted = stats.gamma((count / least - 1) / DISPERSION, scale=DISPERSION)
                below = values > np.float32(least)  # in float32 the smallest are rounded to nothing
                assert below.mean() > 0.9
                assert stats.kstest(values / least - 1, wanted.cdf).pvalue > 1e-4 or count / least < 2
                assert values.mean() == pytest.approx(count, rel=0.15)


@pytest.mark.parametrize("name", WORMS)
def test_jitter_keeps_who_connects_to_whom_and_nearly_the_total(name: str) -> None:
    worm = load(name)
    rows = [sample("count-jitter", worm, seed) for seed in range(20)]
    for new in rows:
        assert_same(new, worm, KINDS, ENDS)
        np.testing.assert_array_equal(new.sign, worm.sign)
    for kind in KINDS:
        totals = [float(getattr(new, kind).weight.sum()) for new in rows]
        measured = getattr(worm, kind).weight
        sd = np.sqrt(DISPERSION * (measured - 1).clip(0).sum() / len(rows))
        assert abs(np.mean(totals) - measured.sum()) < 4 * sd + 1e-3
        assert (getattr(rows[0], kind).weight != measured).any() == (measured > 1).any()


def test_a_dose_redraws_that_share_of_the_counts_and_a_greater_one_more() -> None:
    worm = load("celegans")
    exact = Architecture.of(worm)
    assert sample("count-jitter", worm, rewired=0.0).content_hash == exact.content_hash
    full, half = (sample("count-jitter", worm, rewired=dose).chemical.weight for dose in (1.0, 0.5))
    measured = worm.chemical.weight
    assert ((half == measured) | (half == full)).all()
    moved = (half != measured).sum() / (full != measured).sum()
    assert moved == pytest.approx(0.5, abs=0.05)


def test_lost_connections_go_as_if_each_section_were_lost_alone() -> None:
    source = counted([1.0, 2.0, 5.0])
    lost = np.zeros(3)
    for seed in range(20):
        new = sample("count-jitter", source, seed, lost=0.6).chemical
        left = set(zip(new.pre.tolist(), new.post.tolist(), strict=True))
        for pre, post, weight in zip(*vars(source.chemical).values(), strict=True):
            lost[[1.0, 2.0, 5.0].index(weight)] += (pre, post) not in left
    for number, chance in zip(lost, (0.6, 0.36, 0.6**5), strict=True):
        assert stats.binomtest(int(number), 2_000, chance).pvalue > 1e-4
    worm = load("celegans-motor")
    new = sample("count-jitter", worm, lost=0.5, neuromuscular="keep", gap="drop")
    assert_same(new, worm, ("neuromuscular",), (*ENDS, "weight"))
    assert not len(new.electrical) and 0 < len(new.chemical) < len(worm.chemical)


def test_parts_are_kept_or_dropped_alone() -> None:
    worm = load("celegans-motor")
    usual = sample("count-jitter", worm)
    for option, kind in (("chemical", "chemical"), ("gap", "electrical"), ("neuromuscular", "neuromuscular")):
        kept, dropped = (sample("count-jitter", worm, **{option: choice}) for choice in ("keep", "drop"))
        assert_same(kept, worm, (kind,), (*ENDS, "weight"))
        assert not len(getattr(dropped, kind))
        for other in set(KINDS) - {kind}:
            for new in (kept, dropped):
                np.testing.assert_array_equal(getattr(new, other).weight, getattr(usual, other).weight)
    with pytest.raises(ConnectomeError, match="'gap' is 'drop', but 'counted' has no gap junctions"):
        sample("count-jitter", counted([2.0]), gap="drop")


def test_counts_of_an_undirected_connectome_are_redrawn_and_lost_in_pairs() -> None:
    source = nx.barabasi_albert_graph(40, 3, seed=1)
    nx.set_edge_attributes(source, {edge: 1 + k % 7 for k, edge in enumerate(source.edges)}, "weight")
    brain, plugin = from_networkx(source, "brain"), priors.get("count-jitter")
    assert brain.is_undirected and plugin.mutate is not None
    for lost in (0.0, 0.6):
        parent = sample("count-jitter", brain, lost=lost)
        assert is_symmetric(parent.synapses)
        assert (len(parent.synapses) < len(brain.chemical)) == (lost > 0)
        for seed in range(4):
            child = plugin.mutate(brain, parent, seed=seed, **{**plugin.defaults, "lost": lost}).architecture
            assert is_symmetric(child.synapses) and len(child.synapses) == len(parent.synapses)
            parent = child
        assert child.content_hash != sample("count-jitter", brain, lost=lost).content_hash


@pytest.mark.parametrize(
    "options", [{"dispersion": 0.5}, {"lost": -0.1}, {"lost": 1.5}, {"rewired": 2.0}], ids=str
)
def test_jitter_refuses_what_is_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        sample("count-jitter", load("celegans-motor"), **options)


def test_all_can_be_lost_by_no_request() -> None:
    with pytest.raises(OptionError, match="count-jitter:lost"):
        priors.calls(["count-jitter:lost=1"])


def test_jitter_says_where_there_is_nothing_to_redraw() -> None:
    planted = load("planted")
    new = sample("count-jitter", planted)
    assert new.notes == ("redraws no chemical synapse: all counts are 1, and a count of 1 stays.",)
    assert new.content_hash == Architecture.of(planted).content_hash
    assert sample("count-jitter", load("celegans")).notes == ()


@pytest.mark.network
def test_the_default_is_how_the_two_adults_differ() -> None:
    try:
        adults = [published.load(f"celegans-witvliet-{k}") for k in (7, 8)]
    except DataError as error:
        pytest.skip(str(error))
    figures = {}
    for kind in KINDS:
        tables = []
        for adult in adults:
            edges = getattr(adult, kind)
            names = np.array(adult.cells)[np.stack([edges.pre, edges.post])].T
            pairs = [tuple(sorted(p)) if kind == "electrical" else tuple(p) for p in names.tolist()]
            tables.append(dict(zip(pairs, edges.weight.tolist(), strict=True)))
        both = np.array([(tables[0][p], tables[1][p]) for p in tables[0].keys() & tables[1].keys()])
        figures[kind] = len(both), float(((both[:, 0] - both[:, 1]) ** 2).sum() / (both.mean(1) - 1).sum())
    assert figures["chemical"][0] == 1_279
    assert figures["chemical"][1] == pytest.approx(DISPERSION, abs=0.05)
    assert figures["neuromuscular"][1] == pytest.approx(2.6, abs=0.05)
    assert figures["electrical"][1] == pytest.approx(1.4, abs=0.05)
