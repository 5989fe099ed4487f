"""One text for bodies on a CPU and on a GPU: arrays of numpy, or tensors of torch on a device.

The C engine keeps its states in numpy arrays, MuJoCo Warp in torch tensors. The two have most of their names
in common; what they do not is here. The package array-api-compat would take the place of `namespace` alone,
which is three lines, and takes 2 microseconds a call in place of 0.1 in the loop over control steps.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike
    from torch import Tensor

Array = Any  # np.ndarray or torch.Tensor: no type of the two libraries says what they have in common


def namespace(array: Array) -> ModuleType:
    """Returns the module whose functions take an array: numpy or torch.

    Args:
        array: Any array.
    """
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


def copied(array: Array) -> Array:
    """Returns a copy of an array.

    Args:
        array: Any array.
    """
    return array.copy() if isinstance(array, np.ndarray) else array.clone()


def zeros(like: Array, *shape: int) -> Array:
    """Returns zeros on the device of another array, of its kind of number.

    Args:
        like: The other array.
        *shape: Shape of the zeros.
    """
    return np.zeros(shape, like.dtype) if isinstance(like, np.ndarray) else like.new_zeros(shape)


def beside(tensor: Tensor, array: Array) -> Array:
    """Returns a tensor as what another array is, a tensor or numpy's, on the same memory.

    Args:
        tensor: The tensor, on the device of the array.
        array: The other array.
    """
    return tensor.numpy() if isinstance(array, np.ndarray) else tensor


class Constant:
    """Numbers that never change, kept on every device on which they were asked for.

    Args:
        values: The numbers, an array of any shape.
    """

    def __init__(self, values: ArrayLike) -> None:
        self._values = np.asarray(values)
        # By device, and by kind of number; None for the numbers' own.
        self._tensors: dict[tuple[torch.device, torch.dtype | None], Tensor] = {}

    def beside(self, array: Array, exact: bool = False) -> Array:
        """Returns the numbers as what an array is, a tensor or numpy's, on its device.

        Args:
            array: The array.
            exact: Keep the numbers' own precision in a tensor; by default they take the array's.
        """
        if isinstance(array, np.ndarray):
            return self._values
        import torch

        key = (array.device, None if exact else array.dtype)
        if key not in self._tensors:
            tensor = torch.from_numpy(self._values).to(array.device)
            self._tensors[key] = tensor if exact else tensor.to(array.dtype)
        return self._tensors[key]
