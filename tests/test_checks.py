"""The examples of plug-ins keep the rules; the checker of priors names the first rule that one breaks."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

import run as cli
from neuroevo.checks import bare, check_prior, check_task, small
from neuroevo.connectome.catalog import load
from neuroevo.connectome.graphs import from_networkx, to_networkx
from neuroevo.connectome.model import Connectome, Edges
from neuroevo.errors import ConnectomeError, RegistryError, require_range
from neuroevo.network.phenotype import Phenotype
from neuroevo.plugins import Plugin
from neuroevo.run_folder import RunFolder
from neuroevo.seeds import generator
from neuroevo.task import Task
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.sampling import Prior

# --- examples, as authors of plug-ins write them ------------------------------------------------------


def shuffled_strengths(connectome: Connectome, *, seed: int, dale: bool = True) -> Architecture:
    """The measured wiring with its synaptic strengths dealt out anew.

    Keeps exactly: who connects to whom, signs, gap junctions, the set of strengths.
    Destroys: which synapse is strong.
    """
    exact = Architecture.of(connectome, dale=dale)
    synapses = exact.synapses
    weight = generator(seed, "strengths").permutation(synapses.weight)
    return replace(exact, synapses=Edges(synapses.pre, synapses.post, weight))


class Recall(Task):
    """Output what was sensed some steps ago: fitness is minus the squared error.

    Args:
        delay: Network steps, 1 to 100.
        episodes: Signals a generation, 1 to 1,000.
        steps: Network steps an episode, more than the delay.
    """

    unit = "error"
    defaults = {"generations": 100, "population": 32}  # noqa: RUF012
    num_sensors = num_actuators = 1

    def __init__(self, delay: int = 3, episodes: int = 8, steps: int = 50) -> None:
        require_range("delay", delay, 1, 100)
        require_range("episodes", episodes, 1, 1_000)
        require_range("steps", steps, delay + 1, 10_000)
        self.delay = delay
        self.episodes = episodes
        self.steps = steps

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        return self._run(phenotype, seeds, "training")

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        return self._run(phenotype, seeds, "held-out")

    def _run(self, phenotype: Phenotype, seeds: Sequence[int], purpose: str) -> torch.Tensor:
        shape = (self.episodes, self.steps, 1)
        signals = {s: generator(s, purpose).standard_normal(shape, np.float32) for s in set(seeds)}
        sensed = torch.from_numpy(np.stack([signals[s] for s in seeds]))  # [G, B, T, 1]
        phenotype.reset(self.episodes)
        outputs = torch.stack([phenotype.step(sensed[:, :, t]) for t in range(self.steps)], 2)
        late = outputs[:, :, self.delay :] - sensed[:, :, : self.steps - self.delay]
        return -late.square().mean((2, 3))


def test_example_plugins_keep_the_rules() -> None:
    check_prior(shuffled_strengths)
    check_task(Recall)


def test_example_of_the_contract_keeps_the_rules() -> None:
    names: dict[str, Any] = {"Connectome": Connectome, "Edges": Edges, "Architecture": Architecture}
    names |= {"replace": replace, "generator": generator}
    exec(textwrap.dedent((Prior.__doc__ or "").partition("Example:\n")[2]), names)
    check_prior(names["uneven"])


EXAMPLE_TABLES = {
    "mine.csv": "pre,post,weight\nASH,AVA,12\nASH,AVB,2\nAVA,VA1,7\nAVB,DB1,5\nVA1,mv1,9\nDB1,md1,4\n",
    "mine_cells.csv": "name,role,class,sign\nASH,sensory,,1\nAVA,interneuron,,1\nAVB,interneuron,,-1\n"
    "VA1,motor,VA,1\nDB1,motor,DB,1\nmv1,muscle,,\nmd1,muscle,,\n",
}


def test_examples_run_from_the_command_line(tmp_path: Path) -> None:
    for name, text in EXAMPLE_TABLES.items():
        (tmp_path / name).write_text(text)
    request = ["--connectome", str(tmp_path / "mine.csv"), "--inputs", "ASH", "--outputs", "VA+DB"]
    request += ["--genome", "connectome", "mine=tests.test_checks:shuffled_strengths"]
    request += ["--task", "recall=tests.test_checks:Recall:delay=1,steps=6", "--seed", "1"]
    small_run = ["--generations", "2", "--population", "4", "--workers", "0", "--quiet"]
    assert cli.main([*request, *small_run, "--out", str(tmp_path / "run")]) == 0
    results = RunFolder.open(tmp_path / "run").results()
    assert [(row["genome"], row["status"]) for row in results] == [("connectome", "done"), ("mine", "done")]


def test_example_wiring_becomes_a_graph_and_comes_back(tmp_path: Path) -> None:
    for name, text in EXAMPLE_TABLES.items():
        (tmp_path / name).write_text(text)
    wiring = load(str(tmp_path / "mine.csv"))
    graph = to_networkx(wiring)
    assert graph.edges["VA1", "mv1", "neuromuscular"]["weight"] == 9
    assert from_networkx(graph).fingerprint() == wiring.fingerprint()


def test_checks_take_plugins_as_registries_hold_them() -> None:
    check_prior(Plugin("prior", "example", shuffled_strengths))
    check_task(Plugin("task", "example", Recall))


@pytest.mark.parametrize("wiring", [small(), bare()], ids=lambda wiring: wiring.name)
def test_made_up_wirings_are_wirings(wiring: Connectome) -> None:
    assert from_networkx(to_networkx(wiring)).fingerprint() == wiring.fingerprint()
    assert len(Architecture.of(wiring).without_dead_ends().inputs) > 0


def test_small_wiring_has_all_that_a_connectome_can_have() -> None:
    wiring = small()
    assert min(len(wiring.chemical), len(wiring.neuromuscular), len(wiring.electrical)) > 5
    assert set(wiring.role) == {"sensory", "interneuron", "motor", "muscle"}
    assert set(wiring.sign.tolist()) == {1, -1}
    assert np.isfinite(wiring.position).all()


# --- priors that break a rule -------------------------------------------------------------------------

TEXT = """Breaks one rule.

Keeps exactly: everything. Destroys: nothing. 
Args:
    connectome: Source wiring.
    seed: Not used: there is one such wiring.
"""
COUNTER = {"calls": 0}


def broken(change: Callable[[Architecture, int], Any], text: str = TEXT) -> Callable[..., Any]:
    """Returns the exact wiring's prior, with what it returns changed."""

    def prior(connectome: Connectome, *, seed: int) -> Any:
        return change(Architecture.of(connectome), seed)

    prior.__doc__ = text
    return prior


def with_edges(name: str, change: Callable[[Edges], tuple[Any, Any, Any]]) -> Callable[..., Any]:
    return broken(lambda a, _: replace(a, **{name: Edges(*change(getattr(a, name)))}))


def counts(architecture: Architecture, seed: int) -> Architecture:
    COUNTER["calls"] += 1
    weight = architecture.synapses.weight + COUNTER["calls"]
    return replace(
        architecture, synapses=Edges(architecture.synapses.pre, architecture.synapses.post, weight)
    )


def draws_numpy(architecture: Architecture, seed: int) -> Architecture:
    np.random.rand()  # noqa: NPY002
    return architecture


def draws_python(architecture: Architecture, seed: int) -> Architecture:
    random.random()
    return architecture


def draws_torch(architecture: Architecture, seed: int) -> Architecture:
    torch.rand(1)
    return architecture


def raises(architecture: Architecture, seed: int) -> Architecture:
    raise KeyError("no such cell")


def varies(architecture: Architecture, seed: int) -> Architecture:
    return replace(architecture, dale=bool(seed % 2))


def needs_muscles(architecture: Architecture, seed: int) -> Architecture:
    architecture.is_muscle.tolist().index(True)
    return architecture


def cut(architecture: Architecture, seed: int) -> Architecture:
    ports = {"inputs": np.array([architecture.num_cells - 1]), "outputs": np.array([0])}
    return replace(architecture, gap_junctions=Edges([], [], []), synapses=Edges([0], [1], [1]), **ports)


def free(connectome: Connectome, *, seed: int, **options: Any) -> Architecture:
    return Architecture.of(connectome)


def untyped(connectome: Connectome, *, seed: int, share: Any = (1, 2)) -> Architecture:
    return Architecture.of(connectome)


def mistyped(connectome: Connectome, *, seed: int, share: int = 0.5) -> Architecture:
    return Architecture.of(connectome)


def choosy(connectome: Connectome, *, seed: int, gap: Literal["keep", "drop"] = "keep") -> Architecture:
    if gap == "drop":
        raise NotImplementedError("later")
    return Architecture.of(connectome)


def seedless(connectome: Connectome, *, number: int) -> Architecture:
    return Architecture.of(connectome)


for _function in (free, untyped, mistyped, choosy, seedless):
    _function.__doc__ = TEXT

BROKEN_PRIORS = [
    (broken(lambda a, _: a, ""), "has no summary"),
    (broken(lambda a, _: a, "No full stop"), "has no summary"),
    (broken(lambda a, _: a, "Fine. Destroys: nothing."), 'wanted "Keeps exactly" in its docstring'),
    (broken(lambda a, _: a, "Keeps exactly: all."), 'wanted "Destroys" in its docstring'),
    (
        broken(lambda a, _: a, TEXT.replace("Not used", "Used")),
        "gave one wiring for 6 seeds",
    ),
    (broken(varies), "says of its seed that it is not used, and 6 seeds gave 2 wirings"),
    (free, r"takes \*\*options"),
    (untyped, "option 'share' is .* by default and reads as '.*'; wanted an annotation"),
    (mistyped, "the default of option 'share' cannot be read: .*wanted a whole number"),
    (choosy, "failed on 'small' with {'gap': 'drop'} with NotImplementedError: later; wanted an Arch"),
    (broken(lambda a, _: a.synapses), "returned a Edges; wanted an Architecture"),
    (broken(raises), "failed on 'small' with KeyError: 'no such cell'; wanted an Architecture"),
    (broken(needs_muscles), "failed on neurons alone with ValueError: .*; wanted ConnectomeError"),
    (broken(counts), "equal seeds gave different wirings"),
    (broken(draws_numpy), "drew from a global random generator"),
    (broken(draws_python), "drew from a global random generator"),
    (broken(draws_torch), "drew from a global random generator"),
    (broken(lambda a, _: replace(a, cells=("x",) * a.num_cells)), "gave 26 cells of 1 names"),
    (broken(lambda a, _: replace(a, sign=a.sign[:-1])), r"gave sign as int8 \[25\]; wanted int8 \[26\]"),
    (broken(lambda a, _: replace(a, sign=a.sign * 0)), "gave the sign 0; wanted"),
    (broken(lambda a, _: replace(a, is_muscle=a.sign)), "gave is_muscle as int8"),
    (broken(lambda a, _: replace(a, inputs=a.inputs[:0])), "gave no inputs"),
    (broken(lambda a, _: replace(a, outputs=a.outputs[:0])), "gave no outputs"),
    (
        broken(lambda a, _: replace(a, inputs=np.array([0, 0]))),
        r"gave inputs \[0, 0\]; wanted dist",
    ),
    (broken(lambda a, _: replace(a, outputs=np.array([26]))), r"gave outputs \[26\]; wanted .* 0 to 25"),
    (broken(cut), "None of the 1 input cells reaches one of the 1 output cells"),
    (
        with_edges("synapses", lambda e: (e.pre, e.post, e.weight[1:])),
        "values for each synapse; wanted",
    ),
    (
        with_edges("synapses", lambda e: (e.pre, e.post + 26, e.weight)),
        "gave a synapse of cells 0 to",
    ),
    (with_edges("synapses", lambda e: (e.pre, e.pre, e.weight)), "gave a synapse of cell 0 with itself"),
    (with_edges("synapses", lambda e: ([0, 0], [1, 1], [1, 1])), "gave a synapse twice"),
    (with_edges("synapses", lambda e: (e.pre[::-1], e.post[::-1], e.weight)), "gave synapses out of ord"),
    (with_edges("synapses", lambda e: (e.pre, e.post, -e.weight)), "gave a synapse of weight -"),
    (with_edges("synapses", lambda e: (e.pre, e.post, e.weight * np.nan)), "gave a synapse of weight nan"),
    (with_edges("gap_junctions", lambda e: ([3], [1], [1])), "gave a gap junction with pre > post"),
    (with_edges("gap_junctions", lambda e: ([1], [1], [1])), "gave a gap junction of cell 1 with itself"),
]


@pytest.mark.parametrize(("prior", "message"), BROKEN_PRIORS, ids=[m[:40] for _, m in BROKEN_PRIORS])
def test_prior_that_breaks_a_rule_is_named_in_one_line(prior: Callable[..., Any], message: str) -> None:
    with pytest.raises(ConnectomeError, match=message) as caught:
        check_prior(prior)
    assert str(caught.value).startswith("Prior '") and "\n" not in str(caught.value)


def test_prior_with_one_point_passes_if_it_says_so() -> None:
    check_prior(broken(lambda a, _: a))


def test_prior_may_have_one_point_on_a_connectome_that_allows_no_more() -> None:
    def shuffled_signs(connectome: Connectome, *, seed: int) -> Architecture:
        return Architecture.of(connectome, sign=generator(seed, "signs").permutation(connectome.sign))

    shuffled_signs.__doc__ = TEXT.replace("Not used", "Used")
    check_prior(shuffled_signs)
    check_prior(shuffled_signs, bare())  # where all cells excite


def test_prior_that_cannot_be_called_as_one_is_refused() -> None:
    with pytest.raises(RegistryError, match="'seedless' is no prior"):
        check_prior(seedless)


def test_prior_that_changes_the_connectome_is_refused() -> None:
    def meddles(connectome: Connectome, *, seed: int) -> Architecture:
        connectome.sign.setflags(write=True)
        connectome.sign[:] = 1
        return Architecture.of(connectome, sign=np.ones(connectome.num_cells, np.int8))

    meddles.__doc__ = TEXT
    with pytest.raises(ConnectomeError, match="changed the connectome"):
        check_prior(meddles)


def test_prior_may_refuse_neurons_alone_with_a_clear_error() -> None:
    def picky(connectome: Connectome, *, seed: int) -> Architecture:
        if np.isnan(connectome.position).any():
            raise ConnectomeError("No positions; wanted x, y and z of every cell.")
        return Architecture.of(connectome)

    picky.__doc__ = TEXT
    check_prior(picky)
    with pytest.raises(ConnectomeError, match="failed on 'bare' with ConnectomeError: No positions"):
        check_prior(picky, bare())
