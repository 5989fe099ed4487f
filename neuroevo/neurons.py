"""Neuron models: pure steps on the flat state of a whole batch of networks.

A model takes the state and the input current of every cell and moves the state by one network step,
in place, since the state of a large population is most of the memory that a step touches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from neuroevo.errors import RegistryError, unknown

if TYPE_CHECKING:
    from torch import Tensor

LEAK = 0.5  # step over time constant, dt / tau: a cell forgets half of its state in a network step

NeuronStep = Callable[["Tensor", "Tensor"], None]


def leaky(state: Tensor, current: Tensor) -> None:
    """Leaky rate neuron: `h <- h + (dt / tau) (tanh(I) - h)`, both arguments overwritten.

    Args:
        state: Activity h, float32 [cells, B], in [-1, 1]; holds the new activity afterwards.
        current: Input current I, float32 [cells, B]; scratch afterwards.

    References:
        Jaeger et al. (2007), leaky-integrator neurons, https://doi.org/10.1016/j.neunet.2007.04.016
    """
    # tanh(I) = 2 sigmoid(2 I) - 1, and PyTorch's sigmoid is several times as fast as its tanh on a CPU.
    current.mul_(2).sigmoid_()
    state.mul_(1 - LEAK).add_(current, alpha=2 * LEAK).sub_(LEAK)


MODELS: dict[str, NeuronStep] = {"leaky": leaky}


def get(name: str) -> NeuronStep:
    """Returns a neuron model by name; raises RegistryError with the nearest name."""
    if name not in MODELS:
        raise RegistryError(unknown("neuron model", name, MODELS))
    return MODELS[name]
