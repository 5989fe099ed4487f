"""Coordinates: which parameters of a genome a search moves, and which of them move as one.

| | pretraining | after it, or without it |
|---|---|---|
| synapses | all excitatory ones by one factor, all inhibitory ones by another | each |
| constants of neurons, clock | each | each |
| gap junctions, biases | stay | each |
| biases of a core that does not evolve | stay | stay |
| adapters that evolve | each | each |
| adapters that are pretrained | each | stay |
| adapters that are fixed | stay | stay |

A part in which nothing would move has what the other one has: a control without a core goes on with its
adapters, for it has nothing else. A factor is searched by its logarithm. Neuromuscular synapses are synapses;
a cell's sign before evolution says whether its synapses excite. Where Dale's principle holds, a weight is
`sign * w0 * exp(theta)`, and a factor `exp(z)` is theta + z. Where it does not, a weight is
`w0 * (sign + theta)`, and the same factor is theta + (sign + theta) (exp(z) - 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neuroevo.errors import OptionError
from neuroevo.network.adapters import Ridge
from neuroevo.network.blueprint import Blueprint
from neuroevo.search.methods import ADAPTERS

SIGNS = (1, -1)  # of the synapses that share a factor, in the order of coordinates
PRETRAINED = ("constants", "clock", "encoder", "decoder")  # parts that pretraining moves one by one


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Where a point of a search lies among all genomes; n coordinates stand for L parameters.

    Attributes:
        base: The genome at which parameters stay that have no coordinate to themselves, float32 [L].
        single: Parameters with a coordinate to themselves, int64; these are the last coordinates.
        signs: Signs of the synapses that share a factor; their logarithms are the first coordinates.
    """

    base: Tensor
    single: Tensor
    signs: tuple[int, ...]

    def encode(self, genomes: Tensor) -> Tensor:
        """Returns the points of genomes, float32 [P, n], with factors of 1 beside the base's.

        Args:
            genomes: float32 [P, L].
        """
        return torch.cat([torch.zeros(len(genomes), len(self.signs)), genomes[:, self.single]], 1)

    def decode(self, points: Tensor, blueprint: Blueprint) -> Tensor:
        """Returns the genomes that points stand for, float32 [P, L].

        Args:
            points: float32 [P, n].
            blueprint: The blueprint whose genomes they are.
        """
        genomes = self.base.repeat(len(points), 1)
        genomes[:, self.single] = points[:, len(self.signs) :]
        if self.signs:
            scale(blueprint, genomes, self.signs, shifts(blueprint, points[:, : len(self.signs)]))
        return genomes


def make(blueprint: Blueprint, base: Tensor, is_pretraining: bool) -> Coordinates | None:
    """Returns the coordinates of a phase, or None where every parameter is one.

    Args:
        blueprint: What evolves.
        base: The genome at which parameters stay that the phase does not move, float32 [L].
        is_pretraining: Whether the phase is the first of two.
    """
    single, signs = _moving(blueprint, is_pretraining)
    if len(single) == blueprint.layout.length and not signs:
        return None
    return Coordinates(base, torch.from_numpy(single), signs)


def identity(length: int) -> Coordinates:
    """Returns coordinates that are the parameters themselves.

    Args:
        length: L, the number of parameters.
    """
    return Coordinates(torch.zeros(length), torch.arange(length), ())


def check(blueprint: Blueprint, name: str) -> None:
    """Checks that some parameter of a blueprint can evolve.

    Args:
        blueprint: The blueprint.
        name: What the error says of whose it is.

    Raises:
        OptionError: If none can.
    """
    single, signs = _moving(blueprint, False)
    if not len(single) and not signs:
        raise OptionError(
            f"{name} has nothing to evolve: its core does not, and its adapters are fixed or none; leave it "
            "out, or use adapters with train=evolved."
        )


def count(blueprint: Blueprint) -> dict[str, int]:
    """Returns how many parameters evolve, of the core and of adapters, and how many of adapters do not.

    Args:
        blueprint: The blueprint whose parameters are counted.

    Returns:
        Numbers by "core", "adapters" and, where there are such, "fixed_adapters", "fixed_biases" of a core
        that does not evolve, and "features" and "solved" of a readout: what it reads, and its weights.
    """
    layout, still = blueprint.layout, _still(blueprint)
    fixed = {"fixed_biases": layout.biases if "biases" in still else 0}
    numbers = {"core": layout.core - fixed["fixed_biases"], "adapters": layout.adapters}
    if "encoder" in still and layout.adapters:
        numbers["adapters"], fixed["fixed_adapters"] = 0, layout.adapters
    if isinstance(blueprint.adapter, Ridge) and blueprint.architecture.core != "clock":
        features = blueprint.adapter.num_features(blueprint.ports)
        fixed |= {"features": features, "solved": (features + 1) * blueprint.num_actuators}
    return numbers | {name: number for name, number in fixed.items() if number}


def still(blueprint: Blueprint) -> np.ndarray:
    """Returns the places of those parameters in a genome that stay as they are drawn, int64.

    Args:
        blueprint: The blueprint of the genome.
    """
    places = np.arange(blueprint.layout.length)
    return np.concatenate([places[:0], *(places[blueprint.layout.parts[x]] for x in _still(blueprint))])


def parts(blueprint: Blueprint, coordinates: Coordinates | None) -> np.ndarray:
    """Returns the part of a genome that each coordinate belongs to, str [n]; shared factors are synapses'.

    Args:
        blueprint: The blueprint of the genome.
        coordinates: The coordinates; None where they are the parameters themselves.
    """
    names = np.repeat(list(blueprint.layout.parts), blueprint.layout.sizes)
    if coordinates is None:
        return names
    return np.concatenate([np.repeat("synapses", len(coordinates.signs)), names[coordinates.single.numpy()]])


def signs_of(blueprint: Blueprint) -> np.ndarray:
    """Returns the sign of each evolving synapse before evolution, int64 [E].

    Args:
        blueprint: The blueprint; without synapses that evolve E is 0.
    """
    a = blueprint.architecture
    return a.sign[a.synapses.pre].astype(np.int64)[: blueprint.layout.synapses]


def kinds(blueprint: Blueprint) -> tuple[int, ...]:
    """Returns the signs that evolving synapses have, of `SIGNS`.

    Args:
        blueprint: The blueprint that has the synapses.
    """
    signs = signs_of(blueprint)
    return tuple(sign for sign in SIGNS if (signs == sign).any())


def shifts(blueprint: Blueprint, logarithms: Tensor) -> Tensor:
    """Returns what factors do to parameters, as `scale` takes it.

    Args:
        blueprint: The blueprint whose genomes are scaled.
        logarithms: Logarithms of the factors, float32 [P, signs].
    """
    if blueprint.architecture.dale:
        return logarithms
    return torch.cat([torch.expm1(logarithms[:, k : k + 1]) for k in range(logarithms.shape[1])], 1)


def scale(blueprint: Blueprint, genomes: Tensor, signs: tuple[int, ...], by: Tensor) -> None:
    """Multiplies all synapses of a sign by one factor, in place.

    Args:
        blueprint: The blueprint whose genomes they are.
        genomes: The genomes, float32 [P, L]; they are changed.
        signs: The signs that have a factor, at least one.
        by: What `shifts` returned for the factors, float32 [P, signs].
    """
    sign_of_synapse = signs_of(blueprint)
    synapses = genomes[:, blueprint.layout.parts["synapses"]]
    for k, sign in enumerate(signs):
        places = torch.from_numpy(np.flatnonzero(sign_of_synapse == sign))
        change = by[:, k : k + 1].expand(-1, len(places))
        if not blueprint.architecture.dale:
            change = (synapses[:, places] + sign) * change
        synapses.index_add_(1, places, change)


def inherited(
    child: Coordinates, parent: Coordinates, source: np.ndarray, fresh: Tensor
) -> tuple[Coordinates, np.ndarray]:
    """Returns a child's coordinates with what its parent's base has, and where its coordinates come from.

    Args:
        child: The child's coordinates, in the same phase as its parent.
        parent: The parent's coordinates.
        source: Which of the parent's parameters each of the child's was, int64 [L]; -1 for none.
        fresh: An untrained genome, the base of what is new, float32 [L].

    Returns:
        Coordinates, and int64 [n]: which of the parent's coordinates each was; -1 for none.
    """
    place = np.full(len(parent.base), -1)
    place[parent.single.numpy()] = len(parent.signs) + np.arange(len(parent.single))
    single = source[child.single.numpy()]
    shared = [parent.signs.index(sign) if sign in parent.signs else -1 for sign in child.signs]
    base, known = fresh.clone(), torch.from_numpy(source >= 0)
    base[known] = parent.base[torch.from_numpy(source[source >= 0])]
    origin = np.concatenate([np.array(shared, np.int64), np.where(single >= 0, place[single], -1)])
    return Coordinates(base, child.single, child.signs), origin


def _moving(blueprint: Blueprint, is_pretraining: bool) -> tuple[np.ndarray, tuple[int, ...]]:
    """Returns the parameters with coordinates to themselves, and the signs of those that share one."""
    phases = [_planned(blueprint, early) for early in (is_pretraining, not is_pretraining)]
    return next(((single, signs) for single, signs in phases if len(single) or signs), phases[0])


def _planned(blueprint: Blueprint, is_pretraining: bool) -> tuple[np.ndarray, tuple[int, ...]]:
    """Returns what the table above says of a phase, as `_moving` does."""
    layout = blueprint.layout
    stay = _still(blueprint)
    if blueprint.adapter.train == "pretrained" and not is_pretraining:
        stay = *stay, *ADAPTERS
    parts = PRETRAINED if is_pretraining else tuple(layout.parts)
    moves = np.zeros(layout.length, bool)
    for name in parts:
        moves[layout.parts[name]] = name not in stay
    return np.flatnonzero(moves), kinds(blueprint) if is_pretraining else ()


def _still(blueprint: Blueprint) -> tuple[str, ...]:
    """Returns the parts of a genome that stay as they are drawn, whatever the phase."""
    adapters = ADAPTERS if blueprint.adapter.train == "fixed" else ()
    return adapters if blueprint.architecture.core == "evolves" else (*adapters, "biases")
