"""One text for bodies on a CPU and on a GPU: arrays of numpy, or tensors of torch on a device.

The C engine keeps its states in numpy arrays, MuJoCo Warp in torch tensors. The two have most of their names
in common; what they have not is here.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # np.ndarray or torch.Tensor


def namespace(array: Array) -> ModuleType:
    """Returns the module whose functions take such arrays: numpy or torch."""
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


def copied(array: Array) -> Array:
    """Returns a copy."""
    return array.copy() if isinstance(array, np.ndarray) else array.clone()


def zeros(like: Array, *shape: int) -> Array:
    """Returns zeros where an array is, of its kind of number."""
    return np.zeros(shape, like.dtype) if isinstance(like, np.ndarray) else like.new_zeros(shape)


def beside(tensor: Any, array: Array) -> Array:
    """Returns a tensor as what `array` is, on the same memory."""
    return tensor.numpy() if isinstance(array, np.ndarray) else tensor


class Constant:
    """Numbers that never change, kept on every device on which they were asked for.

    Args:
        values: Of any shape.
    """

    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values)
        self._kept: dict[Any, Any] = {}

    def beside(self, array: Array, exact: bool = False) -> Array:
        """Returns the numbers as what an array is, in its precision; `exact`: in their own."""
        if isinstance(array, np.ndarray):
            return self._values
        import torch

        key = (array.device, None if exact else array.dtype)
        if key not in self._kept:
            made = torch.from_numpy(self._values).to(array.device)
            self._kept[key] = made if exact else made.to(array.dtype)
        return self._kept[key]
