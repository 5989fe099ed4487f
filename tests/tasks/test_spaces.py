"""Spaces of Gymnasium's as sensors and actuators, against Gymnasium's own flattening and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from neuroevo.errors import TaskError
from tasks.spaces import actuators, first, image_shape, sensors, stacked


def test_choice_falls_on_the_largest_output() -> None:
    outputs = np.array([[0.1, 0.2, 0.3], [9, 1, 1], [-3, -2, -np.inf]])
    assert actuators(spaces.Discrete(3, start=-1), "X").of(outputs).tolist() == [1, -1, 0]  # type: ignore[attr-defined]


def test_each_component_has_outputs_of_its_own() -> None:
    several = actuators(spaces.MultiDiscrete([2, 3], start=[0, 5]), "X")
    assert several.width == 5
    assert np.array_equal(several.of(np.array([[0, 1, 9, 1, 1], [1, 0, 0, 0, 1]])), [[1, 5], [0, 7]])
    bits = actuators(spaces.MultiBinary(3), "X")
    assert np.array_equal(bits.of(np.array([[-1, 0, 0.1], [np.nan, 1, 1]])), [[0, 0, 1], [0, 1, 1]])


def test_outputs_fill_the_range_between_the_bounds() -> None:
    actions = actuators(spaces.Box(*np.array([[0, -0.4], [10, 0.4]], np.float32)), "X")
    outputs = np.array([[-1, -1], [0, 0.5], [1, 1], [7, -np.inf], [np.nan, 0]], np.float32)
    wanted = np.array([[0, -0.4], [5, 0.2], [10, 0.4], [10, -0.4], [5, 0]], np.float32)
    assert np.array_equal(actions.of(outputs), wanted)


def test_whole_numbers_are_rounded() -> None:
    actions = actuators(spaces.Box(0, 10, (1,), np.int64), "X").of(np.array([[-1], [0.05], [0.11], [5]]))
    assert np.array_equal(actions, [[0], [5], [6], [10]])


@pytest.mark.parametrize(
    ("shape", "seen"),
    [
        ((6, 5), (6, 5)),
        ((6, 5, 3), (6, 5, 3)),
        ((6, 5, 1), (6, 5)),
        ((4, 6, 5), (6, 5, 4)),  # frames before rows: they become values of a pixel
        ((12,), None),
    ],
)
def test_pixels_are_shares_of_the_brightest(shape: tuple[int, ...], seen: tuple[int, ...] | None) -> None:
    space = spaces.Box(0, 255, shape, np.uint8)
    space.seed(0)
    image, port = space.sample(), sensors(space, "X")
    assert image_shape(space) == seen
    sensed = port.of(stacked(image))
    assert port.width == image.size and sensed.shape == (1, image.size)
    wanted = np.moveaxis(image, 0, -1) if len(shape) == 3 and shape[0] == 4 else image
    scale = 1 if seen is None else 255
    np.testing.assert_allclose(sensed[0] * scale, wanted.ravel(), rtol=1e-6)


def test_bytes_with_other_bounds_are_no_pixels() -> None:
    space = spaces.Box(0, 7, (4, 4), np.uint8)
    assert image_shape(space) is None
    assert sensors(space, "X").of(np.full((1, 4, 4), 7, np.uint8)).max() == 7


def test_value_outside_its_space_is_named() -> None:
    port = sensors(spaces.Dict(a=spaces.Discrete(3, start=1)), "X")
    assert port.of(stacked({"a": 3})).tolist() == [[0, 0, 1]]
    with pytest.raises(TaskError, match="observed 4, which is outside its space, Discrete 3; wanted 1 to 3"):
        port.of(stacked({"a": 4}))


def test_first_of_a_batch_is_one_action() -> None:
    batch = {"a": np.array([1, 2]), "b": (np.array([[1.0], [2.0]]),)}
    assert first(batch) == {"a": 1, "b": (1.0,)}
