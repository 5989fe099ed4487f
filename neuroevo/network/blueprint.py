"""Blueprints: an architecture fitted to a task, with neurons and adapters: what a parameter vector moves."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import NotRequired, TypedDict

import numpy as np
import torch
from torch import Tensor

from neuroevo.network import adapters, constants
from neuroevo.network.adapters import Adapter, Layer, Linear, Ports, Ridge, gains_of
from neuroevo.network.neurons import Neuron
from neuroevo.network.normalisation import Statistics, StatisticsJson
from neuroevo.wiring.architecture import Architecture, ArchitectureJson, Layout


@dataclass(frozen=True)
class Gains:
    """Scales of an architecture's connections before evolution, by kind; see `gains`.

    Attributes:
        input: Scale of the encoder's last layer.
        core: Scale of synapses onto neurons, and of gap junctions.
        neuromuscular: Scale of synapses onto muscles.
        output: Scale of the decoder's last layer.
    """

    input: float = 1.0
    core: float = 0.5
    neuromuscular: float = 3.0
    output: float = 1.0

    def to_dict(self) -> dict[str, float]:
        """Returns the gains by kind."""
        return asdict(self)


class BlueprintJson(TypedDict):
    """A blueprint as plain JSON types, under the names of the attributes of `Blueprint`.

    Attributes:
        architecture: What `Architecture.to_dict` returns.
        num_sensors: Number of sensors.
        num_actuators: Number of actuators.
        gains: The gains by kind.
        neuron: The neuron, as a request names it.
        adapter: The adapter, as a request names it.
        image_shape: Height and width of images, in colour also values of a pixel, a list once it has been
            JSON; null where there are none.
        table: Constants of the neurons, a row a constant; null where cells do not differ.
        native: The two matrices of native adapters; null for other adapters.
        observed: Statistics by which observations are normalised; left out where they are not.
    """

    architecture: ArchitectureJson
    num_sensors: int
    num_actuators: int
    gains: dict[str, float]
    neuron: str
    adapter: str
    image_shape: tuple[int, ...] | None
    table: list[list[float]] | None
    native: list[list[list[float]]] | None
    observed: NotRequired[StatisticsJson]


@dataclass(frozen=True, eq=False)
class Blueprint:
    """An architecture fitted to a task.

    Attributes:
        architecture: The wiring, N cells.
        num_sensors: Number of sensors, S.
        num_actuators: Number of actuators, A.
        gains: Scales by kind of connection.
        neuron: Neuron model and its options.
        adapter: Maps from sensors and to actuators.
        image_shape: (height, width) where the sensors are the pixels of an image, (height, width, values)
            where a pixel has several; else None.
        table: Constants of every cell before evolution, float32 [K, N]; None where all cells have the same.
        native: Weights of a body's own maps, which take the place of an adapter, float32 [S, I] and [O, A];
            None where there is an adapter; where a readout reads the cells, [O, 0].
        observed: Statistics by which observations are normalised once they stand still; None where they are
            not, and while a lineage evolves, whose state has them.
    """

    architecture: Architecture
    num_sensors: int
    num_actuators: int
    gains: Gains = Gains()
    neuron: Neuron = Neuron()  # noqa: RUF009 - frozen
    adapter: Adapter = Linear()  # noqa: RUF009 - frozen
    image_shape: tuple[int, ...] | None = None
    table: np.ndarray | None = None
    native: tuple[np.ndarray, np.ndarray] | None = field(default=None)
    observed: Statistics | None = None

    @cached_property
    def ports(self) -> Ports:
        """What the adapter connects."""
        a = self.architecture
        counts = self.num_sensors, len(a.inputs), len(a.outputs), self.num_actuators
        return Ports(*counts, self.image_shape)

    @cached_property
    def layers(self) -> tuple[list[Layer], list[Layer]]:
        """Layers of the encoder and of the decoder that have parameters; a clock has none."""
        return ([], []) if self.architecture.core == "clock" else self.adapter.layers(self.ports)

    @cached_property
    def layout(self) -> Layout:
        """Layout of the parameter vector."""
        num_groups = int(self.groups.max()) + 1 if len(self.groups) else 0
        encoder, decoder = (sum(layer.size for layer in chain) for chain in self.layers)
        core = self.architecture.core_layout
        if self.architecture.core == "frozen" and isinstance(self.adapter, Ridge) and self.adapter.bias:
            core = replace(core, biases=self.architecture.num_cells)  # drawn, and never moved
        return replace(
            core,
            constants=num_groups * len(self.neuron.model.evolving),
            encoder=encoder,
            decoder=decoder,
        )

    @cached_property
    def groups(self) -> np.ndarray:
        """Which cells share evolving constants, see `constants.groups`."""
        return constants.groups(self.neuron, self.architecture)

    def draw(self, num_genomes: int, rng: np.random.Generator) -> Tensor:
        """Returns untrained genomes, float32 [num_genomes, L].

        The wiring starts at its own strengths, at zero bias and with the constants of its neurons; the
        weights of adapters, and clocks, are drawn normal.

        Args:
            num_genomes: How many.
            rng: Source of the random numbers.
        """
        parameters = np.zeros((num_genomes, self.layout.length), np.float32)
        drawn = self._drawn
        parameters[:, drawn] = rng.standard_normal((num_genomes, len(drawn)), dtype=np.float32)
        if isinstance(self.adapter, Ridge) and self.adapter.bias:
            shape = num_genomes, self.architecture.num_cells  # after the adapters, which stay what they were
            biases = self.adapter.bias * rng.standard_normal(shape, dtype=np.float32)
            parameters[:, self.layout.parts["biases"]] = biases
        return torch.from_numpy(parameters)

    @cached_property
    def _drawn(self) -> np.ndarray:
        """Places of the parameters that are not zero before evolution."""
        places = [np.arange(self.layout.length)[self.layout.parts["clock"]]]
        for name, chain in zip(("encoder", "decoder"), self.layers, strict=True):
            start = self.layout.parts[name].start
            for layer in chain:
                places.append(start + np.arange(layer.num_rows * layer.fan_in))
                start += layer.size
        return np.concatenate(places)

    def weights(self, which: int, theta: Tensor) -> list[tuple[Tensor, Tensor | None]]:
        """Returns the weights [P, n, m] and biases [P, m] of the layers of a map.

        Args:
            which: 0 for the encoder, 1 for the decoder. Where a readout takes the decoder's place, the
                network itself puts out one zero.
            theta: Parameters of the map, float32 [P, n]; a body's own maps have none, [P, 0].
        """
        gain = (self.gains.input, self.gains.output)[which]
        if which == 1 and not self.adapter.decodes:
            return [(theta.new_zeros(1, len(self.architecture.outputs), 1).expand(len(theta), -1, -1), None)]
        if self.native is not None:
            weight = torch.from_numpy(self.native[which]).to(theta.device) * gain
            return [(weight.expand(len(theta), -1, -1), None)]
        chain = self.layers[which]
        parts = torch.split(theta, [layer.size for layer in chain], dim=1)
        return [
            (layer.weights(part, layer_gain), layer.bias(part) if layer.has_bias else None)
            for layer, part, layer_gain in zip(chain, parts, gains_of(chain, gain), strict=True)
        ]

    def constants(self, theta: Tensor) -> dict[str, Tensor]:
        """Returns the neurons' constants, [P, N] or, where all genomes have the same, [1, N].

        Args:
            theta: Parameters of the constants that evolve, a row of groups each, float32
                [P, evolving * groups].
        """
        model, base = self.neuron.model, self.neuron.base
        n = self.architecture.num_cells
        table = self.table if self.table is not None else np.array(list(base.values()), np.float32)[:, None]
        values = torch.from_numpy(table).to(theta.device).expand(-1, n)  # [K, N]
        by_name = {name: values[k][None] for k, name in enumerate(base)}
        if theta.shape[1]:
            groups = torch.from_numpy(self.groups).to(theta.device)
            moved = theta.reshape(len(theta), len(model.evolving), -1)[:, :, groups]
            for k, name in enumerate(model.evolving):
                by_name[name] = constants.decode(model.constants[name], by_name[name][0], moved[:, k])
        return by_name

    def describe(self) -> BlueprintJson:
        """Returns the blueprint as plain JSON types; `rebuild` reads it back."""
        native = None if self.native is None else [m.tolist() for m in self.native]
        description: BlueprintJson = {
            "architecture": self.architecture.to_dict(),
            "num_sensors": self.num_sensors,
            "num_actuators": self.num_actuators,
            "gains": self.gains.to_dict(),
            "neuron": str(self.neuron),
            "adapter": str(self.adapter),
            "image_shape": self.image_shape,
            "table": None if self.table is None else self.table.tolist(),
            "native": native,
        }
        return description if self.observed is None else {**description, "observed": self.observed.to_dict()}

    @classmethod
    def rebuild(cls, data: BlueprintJson) -> Blueprint:
        """Returns the blueprint that `describe` described.

        Args:
            data: Plain JSON types.
        """
        shape, table, native = data["image_shape"], data["table"], None
        if data["native"] is not None:
            encoder, decoder = (np.array(matrix, np.float32) for matrix in data["native"])
            native = encoder, decoder
        return cls(
            architecture=Architecture.from_dict(data["architecture"]),
            num_sensors=data["num_sensors"],
            num_actuators=data["num_actuators"],
            gains=Gains(**data["gains"]),
            neuron=Neuron.parse(data["neuron"]),
            adapter=adapters.parse(data["adapter"]),
            image_shape=None if shape is None else tuple(shape),
            table=None if table is None else np.array(table, np.float32),
            native=native,
            observed=Statistics.from_dict(data["observed"]) if "observed" in data else None,
        )
