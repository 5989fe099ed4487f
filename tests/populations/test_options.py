"""Options that priors share are offered, typed and explained as if each prior had written them itself."""

from __future__ import annotations

import inspect
from typing import Literal

import pytest

import populations
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from populations.mutations import KeepByKind
from populations.options import join_options
from populations.swapped import SHARED, SwapOptions
from tests.populations.test_swap_priors import RUNGS

assert populations  # registers the priors


def rule(connectome: Connectome, *, bins: Literal[2, 4] = 2) -> KeepByKind:
    """A null model.

    Keeps exactly: nothing.

    Args:
        connectome: Source of cells.
        bins: How many
            there are.
        dale: Signs are free unless asked for.

    Returns:
        Nothing to keep.

    Raises:
        OptionError: If it must.
    """
    return {}


def joined() -> object:
    def prior(connectome: Connectome, *, seed: int, **options: object) -> Architecture:
        return Architecture.of(connectome)

    join_options(prior, rule, SwapOptions(gap="drop"), fixed=("ports", "weights", "rewired", "chemical"))
    return prior


def test_a_joined_prior_has_the_options_of_both_and_not_the_fixed_ones() -> None:
    signature = inspect.signature(joined())
    assert str(signature) == (
        "(connectome: neuroevo.connectome.model.Connectome, *, seed: int, bins: Literal[2, 4] = 2, "
        "signs: Literal['keep', 'shuffle'] = 'keep', gap: Literal['rewire', 'keep', 'drop'] = 'drop', "
        "neuromuscular: Literal['rewire', 'keep', 'drop'] = 'rewire', dale: bool = True) "
        "-> neuroevo.wiring.architecture.Architecture"
    )


def test_the_help_of_a_joined_prior_explains_each_option_once_in_the_order_of_the_signature() -> None:
    gap, _, rest = (
        (inspect.getdoc(SwapOptions) or "").partition("    gap: ")[2].partition("\n    neuromuscular: ")
    )
    on_muscles = rest.partition("\n    ports:")[0]
    assert joined().__doc__ == (
        "A null model.\n\nKeeps exactly: nothing.\n\n"
        "Args:\n"
        "    connectome: Source of cells.\n"
        "    seed: Equal seeds give equal wirings.\n"
        "    bins: How many\n"
        "        there are.\n"
        "    signs: `shuffle` permutes the signs of a share `rewired` of the neurons.\n"
        f"    gap: {gap}\n"
        f"    neuromuscular: {on_muscles}\n"
        "    dale: Signs are free unless asked for.\n"
        "\nRaises:\n    OptionError: If it must.\n"
    )


@pytest.mark.parametrize("name", RUNGS)
def test_every_swap_prior_offers_and_explains_the_shared_options(name: str) -> None:
    plugin = priors.get(name)
    fixed = {"weights-shuffled": {"weights"}, "strength": {"weights"}, "signs-shuffled": {"signs"}}
    assert SHARED - plugin.defaults.keys() == fixed.get(name, set())
    text = inspect.getdoc(plugin.target) or ""
    assert all(text.count(f"\n    {option}: ") == 1 for option in ("connectome", "seed", *plugin.defaults))


@pytest.mark.parametrize("option", ["weights", "colour"])
def test_an_option_that_a_prior_does_not_offer_is_refused(option: str) -> None:
    with pytest.raises(TypeError, match=option):
        priors.get("weights-shuffled").target(load("celegans-motor"), seed=0, **{option: "keep"})
