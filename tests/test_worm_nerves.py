"""The worm's own maps: which muscle bends which segment, and what its stretch receptors feel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuroevo.architecture import Architecture
from neuroevo.connectome import load
from neuroevo.errors import TaskError
from neuroevo.plugins import tasks
from tasks import worm_nerves

MOTOR = Architecture.of(load("celegans-motor"))


def test_every_muscle_bends_its_own_segment_to_its_own_side() -> None:
    _, decoder = tasks.get("worm").target().native(MOTOR)
    assert decoder.shape == (24, MOTOR.num_cells)
    for cell, name in enumerate(MOTOR.cells):
        column = decoder[:, cell]
        if not MOTOR.is_muscle[cell]:
            assert not column.any()
            continue
        assert np.flatnonzero(column).tolist() == [int(name[3:]) - 1]
        assert np.sign(column.sum()) == (1 if name[1] == "D" else -1)
    assert np.count_nonzero(decoder) == 95  # MVL24 does not exist


@pytest.mark.parametrize(("stretch", "sign"), [("anterior", 1), ("posterior", -1)])
def test_motor_neurons_of_type_b_alone_feel_and_their_sides_feel_opposite_bends(
    stretch: worm_nerves.Stretch, sign: int
) -> None:
    encoder, _ = tasks.get("worm").target(stretch=stretch).native(MOTOR)
    assert encoder.shape == (MOTOR.num_cells, 24)
    felt = {name: encoder[i] for i, name in enumerate(MOTOR.cells) if encoder[i].any()}
    assert {name[:2] for name in felt} == {"DB", "VB"} and len(felt) == 7 + 11
    for name, row in felt.items():
        side = sign if name[0] == "D" else -sign
        assert (row * side >= 0).all()
        np.testing.assert_allclose(row.sum(), side, rtol=1e-6)  # the mean over what it feels
    middles = [np.average(np.arange(24), weights=np.abs(felt[f"VB{k}"])) for k in range(1, 12)]
    assert middles == sorted(middles)


@pytest.mark.parametrize(("kept", "line"), [("muscle", "type B"), ("neuron", "body-wall muscles")])
def test_circuit_without_the_cells_it_needs_is_named(kept: str, line: str) -> None:
    part = MOTOR.keep(MOTOR.is_muscle == (kept == "muscle"))
    with pytest.raises(TaskError, match=line) as error:
        tasks.get("worm").target().native(part)
    assert "\n" not in str(error.value)


def test_one_side_is_not_enough() -> None:
    dorsal = MOTOR.keep(
        np.array([not (m and c[1] == "V") for m, c in zip(MOTOR.is_muscle, MOTOR.cells, strict=True)])
    )
    with pytest.raises(TaskError, match="no ventral body-wall muscles"):
        tasks.get("worm").target().native(replace(dorsal))
