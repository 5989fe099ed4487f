"""Adapters: linear, mlp, retina and a body's own maps, each against its definition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from neuroevo.errors import NeuroevoError, TaskError
from neuroevo.experiment.plan import fitted
from neuroevo.network.adapters import ADAPTERS, Adapter, Conv, Linear, Mlp, Ports, Retina, parse
from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.network.phenotype import Phenotype
from neuroevo.search.inheritance import sources
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.mutation import Mutant
from tests.reference import random_architecture
from tests.small import plan
from tests.toy import Echo

S, A, T = 20, 3, 6
SHAPE = (4, 5)


def built(adapter: Adapter, **changes: object) -> Blueprint:
    """A small wiring with some adapter; its gains differ from 1."""
    gains = Gains(0.7, 0.9, 2.0, 1.3)
    return Blueprint(random_architecture(0), S, A, gains, adapter=adapter, image_shape=SHAPE, **changes)  # type: ignore[arg-type]


def convolved(adapter: Conv, encoder: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """What a convolution of PyTorch's answers, filter by filter."""
    image = torch.from_numpy(pixels.astype(float).reshape(*SHAPE, -1)).permute(2, 0, 1)[None]
    fan_in = adapter.size**2 * image.shape[1]
    filters, biases = np.split(encoder[: adapter.filters * (fan_in + 1)], [adapter.filters * fan_in])
    kernels = (
        filters.reshape(adapter.filters, adapter.size, adapter.size, -1).transpose(0, 3, 1, 2) / fan_in**0.5
    )
    top, left = ((side - adapter.size) % adapter.stride // 2 for side in SHAPE)
    answers = torch.nn.functional.conv2d(
        image[:, :, top:, left:], torch.from_numpy(kernels), torch.from_numpy(biases), adapter.stride
    )
    return np.tanh(answers.numpy().ravel())


def by_hand(blueprint: Blueprint, row: np.ndarray, observations: np.ndarray) -> np.ndarray:
    """Runs one genome; the core is the phenotype's own, given currents and read by hand."""
    a, adapter, parts = blueprint.architecture, blueprint.adapter, blueprint.layout.parts
    i, o, theta = len(a.inputs), len(a.outputs), row.astype(float)
    encoder, decoder = theta[parts["encoder"]], theta[parts["decoder"]]
    if isinstance(adapter, Mlp):
        h = adapter.hidden
        w1, b1, w2 = np.split(encoder, [h * S, h * S + h])
        hidden = np.tanh(observations @ w1.reshape(h, S).T / S**0.5 + b1)
        drive = 0.7 * hidden @ w2.reshape(i, h).T / h**0.5
    elif isinstance(adapter, Conv):
        answers = np.stack([convolved(adapter, encoder, x) for x in observations])
        drive = 0.7 * answers @ encoder[-i * answers.shape[1] :].reshape(i, -1).T / answers.shape[1] ** 0.5
    elif isinstance(adapter, Retina):
        weight = np.zeros((i, S))
        for cell, (patch, values) in enumerate(
            zip(adapter.sees(blueprint.ports), encoder.reshape(i, -1), strict=True)
        ):
            weight[cell, patch] = values / adapter.patch
        drive = 0.7 * observations @ weight.T
    else:
        drive = 0.7 * observations @ encoder.reshape(i, S).T / S**0.5
    core = Blueprint(a, i, o, replace(blueprint.gains, input=i**0.5, output=o**0.5))
    reader = torch.zeros(1, core.layout.length)
    reader[0, : parts["encoder"].start] = torch.from_numpy(row[: parts["encoder"].start])
    reader[0, core.layout.parts["encoder"]] = torch.eye(i).ravel()
    reader[0, core.layout.parts["decoder"]] = torch.cat([torch.eye(o).ravel(), torch.zeros(o)])
    phenotype = Phenotype([core], [1])
    phenotype.load([reader])
    phenotype.reset(1)
    given = torch.from_numpy(drive.astype(np.float32))[:, None, None]
    activity = np.stack([phenotype.step(d).numpy()[0, 0] for d in given])
    if isinstance(adapter, Mlp):
        w1, b1, w2, b2 = np.split(decoder, np.cumsum([h * o, h, A * h]))
        hidden = np.tanh(activity @ w1.reshape(h, o).T / o**0.5 + b1)
        return 1.3 * hidden @ w2.reshape(A, h).T / h**0.5 + b2
    return 1.3 * activity @ decoder[:-A].reshape(A, o).T / o**0.5 + decoder[-A:]


ALL = [Linear(), Mlp(hidden=5), Mlp(hidden=16), Retina(patch=3), Retina(patch=1)]
ALL += [
    Conv(filters=3, size=3, stride=1),
    Conv(filters=8, size=2, stride=2),
    Conv(filters=9, size=1, stride=3),
]


@pytest.mark.parametrize("adapter", ALL, ids=str)
@pytest.mark.parametrize("num_episodes", [1, 3])
def test_adapter_equals_its_definition(adapter: Adapter, num_episodes: int) -> None:
    blueprint = built(adapter)
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 0.5, (2, blueprint.layout.length)).astype(np.float32)
    observations = rng.normal(0, 1, (T, 2, num_episodes, S)).astype(np.float32)
    phenotype = Phenotype([blueprint, blueprint], [1, 1])
    phenotype.load([torch.from_numpy(rows[:1]), torch.from_numpy(rows[1:])])
    phenotype.reset(num_episodes)
    fast = np.stack([phenotype.step(torch.from_numpy(o)).numpy() for o in observations])
    for genome in range(2):
        expected = by_hand(blueprint, rows[genome], observations[:, genome, -1])
        np.testing.assert_allclose(fast[:, genome, -1], expected, atol=2e-5)


@pytest.mark.parametrize("adapter", ALL, ids=str)
def test_settle_shows_what_steps_show(adapter: Adapter) -> None:
    blueprint = built(adapter)
    phenotype = Phenotype([blueprint], [3])
    phenotype.load([blueprint.draw(3, np.random.default_rng(0))])
    images = torch.randn(2, 6, S, generator=torch.Generator().manual_seed(0))
    which = torch.tensor([0, 1, 1])
    settled = phenotype.settle(images, which, steps=3)
    phenotype.reset(6)
    for _ in range(3):
        stepped = phenotype.step(images[which])
    torch.testing.assert_close(settled, stepped)


@pytest.mark.parametrize("adapter", ALL, ids=str)
def test_draw_leaves_biases_at_zero_and_nothing_else_of_an_adapter(adapter: Adapter) -> None:
    blueprint = built(adapter)
    drawn = blueprint.draw(4, np.random.default_rng(0))
    parts = blueprint.layout.parts
    assert not drawn[:, : parts["encoder"].start].any()
    hidden, filters = (getattr(adapter, name, 0) for name in ("hidden", "filters"))
    zeros = [int((drawn[0, parts[name]] == 0).sum()) for name in ("encoder", "decoder")]
    assert zeros == [hidden + filters, hidden + A]
    spread = drawn[:, parts["encoder"]]
    assert 0.8 < float(spread[spread != 0].std()) < 1.2


def test_numbers_of_parameters_are_those_of_the_maps() -> None:
    i, o = len(built(Linear()).architecture.inputs), len(built(Linear()).architecture.outputs)
    sizes = {str(a): (built(a).layout.encoder, built(a).layout.decoder) for a in ALL}
    assert sizes == {
        str(Linear()): (i * S, o * A + A),
        str(Mlp(hidden=5)): (5 * S + 5 + 5 * i, 5 * o + 5 + 5 * A + A),
        str(Mlp(hidden=16)): (16 * S + 16 + 16 * i, 16 * o + 16 + 16 * A + A),
        str(Retina(patch=3)): (i * 9, o * A + A),
        str(Retina(patch=1)): (i, o * A + A),
        str(Conv(filters=3, size=3, stride=1)): (3 * (9 + 1) + i * 3 * 6, o * A + A),
        str(Conv(filters=8, size=2, stride=2)): (8 * (4 + 1) + i * 8 * 4, o * A + A),
        str(Conv(filters=9, size=1, stride=3)): (9 * (1 + 1) + i * 9 * 4, o * A + A),
    }


@pytest.mark.parametrize("adapter", [Conv(filters=3, size=3, stride=1), Retina(patch=2)], ids=str)
@pytest.mark.parametrize("num_episodes", [1, 40])
def test_genome_computes_the_same_to_the_bit_in_any_batch(adapter: Adapter, num_episodes: int) -> None:
    blueprint = built(adapter)
    rows = blueprint.draw(19, np.random.default_rng(0))
    observations = torch.randn(T, 19, num_episodes, S, generator=torch.Generator().manual_seed(0))

    def outputs(which: slice) -> torch.Tensor:
        phenotype = Phenotype([blueprint], [len(rows[which])])
        phenotype.load([rows[which]])
        phenotype.reset(num_episodes)
        return torch.stack([phenotype.step(o[which].contiguous()) for o in observations])

    whole = outputs(slice(None))
    assert torch.equal(outputs(slice(7, 8)), whole[:, 7:8])
    assert torch.equal(outputs(slice(3, 14)), whole[:, 3:14])


@pytest.mark.parametrize("adapter", [Retina(patch=2), Conv(filters=2, size=3, stride=2)], ids=str)
def test_pixels_in_colour_have_three_values_side_by_side(adapter: Adapter) -> None:
    """A square of a picture in colour has those of all its pixels: as of three pictures in grey."""
    grey, colour = (Ports(20 * c, 6, 1, 1, (4, 5, c) if c > 1 else (4, 5)) for c in (1, 3))
    seen, wanted = (x if (x := adapter.sees(p)) is not None else adapter.grid(p) for p in (colour, grey))
    assert seen is not None and wanted is not None and seen.shape[1] == 3 * wanted.shape[1]
    assert np.array_equal(seen.reshape(len(wanted), -1, 3), wanted[:, :, None] * 3 + np.arange(3))


@pytest.mark.parametrize("adapter", ALL, ids=str)
def test_child_of_the_same_wiring_inherits_every_parameter(adapter: Adapter) -> None:
    blueprint = built(adapter)
    wiring = blueprint.architecture
    edges = (np.arange(len(wiring.synapses)), np.arange(len(wiring.gap_junctions)))
    source = sources(wiring, blueprint, Mutant(wiring, *edges), blueprint)
    assert np.array_equal(source, np.arange(blueprint.layout.length))


@pytest.mark.parametrize(("cells", "patch"), [(1, 28), (4, 14), (37, 7), (97, 5), (1000, 3)])
def test_retina_tiles_the_image(cells: int, patch: int) -> None:
    pixels = Retina(patch=patch).sees(Ports(784, cells, 1, 10, (28, 28)))
    assert pixels.shape == (cells, patch**2) and pixels.min() >= 0 and pixels.max() <= 783
    rows, cols = np.divmod(pixels, 28)
    assert (np.ptp(rows, axis=1) == patch - 1).all() and (np.ptp(cols, axis=1) == patch - 1).all()
    assert all(len(set(patch_)) == patch**2 for patch_ in pixels.tolist())
    if cells * patch**2 >= 2 * 784:  # enough cells that every pixel can be seen
        assert len(np.unique(pixels)) > 0.9 * 784


@pytest.mark.parametrize("kind", ADAPTERS.values())
def test_request_round_trips(kind: type[Adapter]) -> None:
    assert parse(str(kind())) == kind()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("liner", "Unknown adapter 'liner'. Did you mean 'linear'?"),
        ("mlp:hiden=3", "Did you mean 'hidden'?"),
        ("mlp:hidden=0", "hidden"),
        ("linear:train=never", "wanted one of evolved, fixed, pretrained"),
        ("none:train=fixed", "it has nothing to train"),
        ("retina:patch=0", "patch"),
        ("conv:filters=0", "Option 'filters' is 0; wanted a number in [1, 256]"),
        ("conv:stride=0", "stride"),
        ("conv:filter=3", "Did you mean 'filters'?"),
    ],
)
def test_request_that_cannot_be_is_one_line(text: str, line: str) -> None:
    with pytest.raises(NeuroevoError) as error:
        parse(text)
    assert line in str(error.value) and "\n" not in str(error.value)


def test_retina_wants_pixels_and_patches_within_the_image() -> None:
    with pytest.raises(TaskError, match="connectome, graph 0, on echo: Adapter 'retina' was asked for where"):
        plan(adapter="retina")
    with pytest.raises(TaskError, match="patches of 9 x 9 pixels; wanted at most the image, 4 x 5"):
        Retina(patch=9).check(Ports(20, 1, 1, 10, (4, 5)))
    with pytest.raises(TaskError, match="connectome, graph 0, on echo: Adapter 'conv' was asked for where"):
        plan(adapter="conv")
    with pytest.raises(TaskError, match="filters of 9 x 9 pixels; wanted at most the image, 4 x 5"):
        Conv(size=9).check(Ports(20, 1, 1, 10, (4, 5)))
    with pytest.raises(TaskError, match="135200 answers, 200 filters at 676 places; wanted at most 100000"):
        Conv(filters=200, size=3, stride=1).check(Ports(784, 1, 1, 10, (28, 28)))


def test_no_adapter_wants_a_task_with_maps_of_its_own() -> None:
    with pytest.raises(TaskError, match="Adapter 'none' was asked for on a task without maps of its own"):
        plan(adapter="none")


class Bodied(Echo):
    """A task whose sensors are felt by the first two cells, and whose actuators are the last two."""

    def native(self, architecture: Architecture) -> tuple[np.ndarray, np.ndarray]:
        n = architecture.num_cells
        encoder, decoder = np.zeros((n, 2), np.float32), np.zeros((2, n), np.float32)
        encoder[:2] = [[1, -0.5], [0, 2]]
        decoder[:, -2:] = [[1, 0], [-1, 3]]
        return encoder, decoder


def natively(samples: Sequence[object]) -> list[Blueprint]:
    return fitted(samples, {"body": Bodied()}, built(Linear()).neuron, parse("none"))["body"]  # type: ignore[arg-type]


def test_body_of_its_own_is_driven_without_parameters() -> None:
    (blueprint, *_) = natively(plan().samples)
    a = blueprint.architecture
    assert blueprint.layout.adapters == 0 and blueprint.layout.core > 0
    given = plan().samples[0].architecture
    assert [a.cells[i] for i in a.inputs] == list(given.cells[:2])
    assert [a.cells[o] for o in a.outputs] == list(given.cells[-2:])
    blueprint = replace(blueprint, gains=Gains(0.5, 0.9, 2.0, 3.0))
    core = Blueprint(
        a, 2, 2, Gains(2**0.5, 0.9, 2.0, 2**0.5)
    )  # its input weights are currents, its outputs cells
    row = torch.randn(1, blueprint.layout.length, generator=torch.Generator().manual_seed(0)) * 0.3
    encoder = torch.tensor([[1, -0.5], [0, 2]]) * 0.5
    adapters = torch.cat([encoder.ravel(), torch.eye(2).ravel(), torch.zeros(2)])[None]
    observations, outputs = torch.randn(T, 1, 2, 2, generator=torch.Generator().manual_seed(1)), []
    for built_, parameters in ((blueprint, row), (core, torch.cat([row, adapters], 1))):
        phenotype = Phenotype([built_], [1])
        phenotype.load([parameters])
        phenotype.reset(2)
        outputs.append(torch.stack([phenotype.step(o) for o in observations]))
    expected = 3 * outputs[1] @ torch.tensor([[1.0, 0], [-1, 3]]).T
    torch.testing.assert_close(outputs[0], expected, rtol=1e-4, atol=1e-5)


def test_cells_that_feel_nothing_and_drive_nothing_are_no_ports() -> None:
    for blueprint in natively(plan().samples):
        assert len(blueprint.architecture.inputs) <= 2 and len(blueprint.architecture.outputs) == 2
