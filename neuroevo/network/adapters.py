"""Adapters: the maps from sensors to input cells (encoder) and from output cells to actuators (decoder).

    --adapter NAME[:option=value,...]

An adapter is a chain of linear layers; between two of them lies tanh. The parameters of a layer from n to m
are its weights [m, n], row by row, and then, but for the last of the encoder, m biases; cells have biases of
their own. Weights are decoded as `gain / sqrt(n) * theta`, where the gain is 1 but in a chain's last layer,
whose gain is set before evolution (see `gains`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from neuroevo.errors import OptionError, RegistryError, TaskError, require_range, unknown
from neuroevo.plugins import Plugin, Scalar, Spec

if TYPE_CHECKING:
    from torch import Tensor

    from neuroevo.wiring.architecture import Architecture


Train = Literal["evolved", "fixed", "pretrained"]
TrainRidge = Literal["evolved", "fixed", "native"]
Read = Literal["outputs", "all", "not-inputs"]
MAX_HIDDEN, MAX_PATCH = 4_096, 256
MAX_FILTERS, MAX_ANSWERS = 256, 100_000
MAX_TIMES, MAX_PENALTY, MAX_GAIN, MAX_BIAS = 64, 1e12, 50.0, 10.0
NUM_GAINS = 8  # of a sweep


@dataclass(frozen=True)
class Ports:
    """What an adapter connects.

    Attributes:
        num_sensors: Number of sensors, S.
        num_inputs: Number of input cells, I.
        num_outputs: Number of output cells, O.
        num_actuators: Number of actuators, A.
        image_shape: (height, width) where the sensors are the pixels of an image, row by row; (height, width,
            values) where those of a pixel, such as its colours, follow one another; else None.
    """

    num_sensors: int
    num_inputs: int
    num_outputs: int
    num_actuators: int
    image_shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Adapter:
    """An adapter as the request names it; the kinds below are its subclasses.

    Attributes:
        train: "evolved": adapters evolve with the core. "fixed": they stay as they are drawn. "pretrained":
            they evolve first, with one shared factor for excitation and one for inhibition, and then no more.
    """

    train: Train = "evolved"
    name: ClassVar[str] = ""
    decodes: ClassVar[bool] = True  # whether the network itself maps its output cells to actuators

    @property
    def is_native(self) -> bool:
        """Whether sensors reach cells, and cells actuators, by a body's or a task's own maps."""
        return False

    def outputs(self, architecture: Architecture) -> np.ndarray:
        """Returns the cells that are read, int32 [O].

        Args:
            architecture: The wiring.
        """
        return architecture.outputs

    def encoder(self, ports: Ports) -> list[int]:
        """Returns the widths of the encoder's layers: S, any hidden ones, I; none if it has no parameters.

        Args:
            ports: What the adapter connects.

        Raises:
            NotImplementedError: Unless a subclass says it.
        """
        raise NotImplementedError

    def decoder(self, ports: Ports) -> list[int]:
        """Returns the widths of the decoder's layers: O, any hidden ones, A; none if it has no parameters.

        Args:
            ports: What the adapter connects.

        Raises:
            NotImplementedError: Unless a subclass says it.
        """
        raise NotImplementedError

    def sees(self, ports: Ports) -> np.ndarray | None:
        """Returns the sensors that each input cell sees, int64 [I, fan-in]; None where it sees all.

        Args:
            ports: What the adapter connects.
        """
        return None

    def grid(self, ports: Ports) -> np.ndarray | None:
        """Returns the sensors at each place of a grid on which the encoder's first layer has shared filters.

        Args:
            ports: What the adapter connects.

        Returns:
            int64 [places, fan-in]; None where no weights are shared.
        """
        return None

    def check(self, ports: Ports) -> None:
        """Checks that the adapter fits a task and an architecture.

        Args:
            ports: What the adapter connects.

        Raises:
            TaskError: If it does not.
        """

    def sizes(self, ports: Ports) -> tuple[int, int]:
        """Returns the numbers of parameters of encoder and decoder.

        Args:
            ports: What the adapter connects.
        """
        encoder, decoder = self.layers(ports)
        return sum(layer.size for layer in encoder), sum(layer.size for layer in decoder)

    def layers(self, ports: Ports) -> tuple[list[Layer], list[Layer]]:
        """Returns the layers of the encoder and of the decoder.

        Args:
            ports: What the adapter connects.
        """
        inward, outward = self.encoder(ports), self.decoder(ports)
        fields_of_view = self.sees(ports)
        encoder = [
            Layer(n, m, has_bias=k < len(inward) - 2, sees=fields_of_view if k == len(inward) - 2 else None)
            for k, (n, m) in enumerate(pairwise(inward))
        ]
        return encoder, [Layer(n, m, has_bias=True) for n, m in pairwise(outward)]

    def __str__(self) -> str:
        return Spec("", self.name, {k: str(getattr(self, k)) for k in defaults(type(self))}).plain


@dataclass(frozen=True)
class Layer:
    """A linear layer.

    Attributes:
        num_in: Width before it.
        num_out: Width behind it.
        has_bias: Whether it adds a bias.
        sees: What of its input each output sees, int64 [num_out, fan-in]; None where each sees all.
    """

    num_in: int
    num_out: int
    has_bias: bool
    sees: np.ndarray | None = None

    @property
    def num_rows(self) -> int:
        """Number of sums that have weights of their own."""
        return self.num_out

    @property
    def fan_in(self) -> int:
        """Number of terms that an output is the sum of."""
        return self.num_in if self.sees is None else self.sees.shape[1]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.num_rows * (self.fan_in + self.has_bias)

    def weights(self, theta: Tensor, gain: float) -> Tensor:
        """Returns weights, float32 [P, num_in, num_out].

        Args:
            theta: Parameters of the layer, float32 [P, size].
            gain: Scale of the weights.
        """
        theta = theta[:, : self.num_out * self.fan_in].reshape(len(theta), self.num_out, self.fan_in)
        theta = theta * (gain * self.fan_in**-0.5)
        if self.sees is None:
            return theta.transpose(1, 2)
        import torch

        spread = theta.new_zeros(len(theta), self.num_out, self.num_in)
        sees = torch.from_numpy(self.sees).to(theta.device)
        spread.scatter_(2, sees.expand(len(theta), -1, -1), theta)
        return spread.transpose(1, 2)

    def bias(self, theta: Tensor) -> Tensor:
        """Returns biases, float32 [P, num_out].

        Args:
            theta: Parameters of the layer, float32 [P, size].
        """
        return theta[:, self.num_rows * self.fan_in :]


@dataclass(frozen=True)
class SharedLayer(Layer):
    """A layer of filters: each has one answer at every place of a grid, filter by filter.

    Attributes:
        filters: Number of filters, F; `num_out` is F times the places.
    """

    filters: int = 1

    @property
    def num_rows(self) -> int:
        """Number of filters."""
        return self.filters

    def weights(self, theta: Tensor, gain: float) -> Tensor:
        """Returns the filters, float32 [P, fan-in, F].

        Args:
            theta: Parameters of the layer, float32 [P, size].
            gain: Scale of the weights.
        """
        theta = theta[:, : self.filters * self.fan_in].reshape(len(theta), self.filters, self.fan_in)
        return (theta * (gain * self.fan_in**-0.5)).transpose(1, 2)


@dataclass(frozen=True)
class Linear(Adapter):
    """One linear map each way."""

    name: ClassVar[str] = "linear"

    def encoder(self, ports: Ports) -> list[int]:
        """Returns S and I.

        Args:
            ports: What the adapter connects.
        """
        return [ports.num_sensors, ports.num_inputs]

    def decoder(self, ports: Ports) -> list[int]:
        """Returns O and A.

        Args:
            ports: What the adapter connects.
        """
        return [ports.num_outputs, ports.num_actuators]


@dataclass(frozen=True)
class Mlp(Adapter):
    """A hidden layer of tanh units each way: the nonlinear encoder and decoder of Schmidgall et al. (2022).

    Attributes:
        hidden: Units of either hidden layer.
    """

    hidden: int = 32
    name: ClassVar[str] = "mlp"

    def __post_init__(self) -> None:
        require_range("hidden", self.hidden, 1, MAX_HIDDEN)

    def encoder(self, ports: Ports) -> list[int]:
        """Returns S, the hidden units and I.

        Args:
            ports: What the adapter connects.
        """
        return [ports.num_sensors, self.hidden, ports.num_inputs]

    def decoder(self, ports: Ports) -> list[int]:
        """Returns O, the hidden units and A.

        Args:
            ports: What the adapter connects.
        """
        return [ports.num_outputs, self.hidden, ports.num_actuators]


@dataclass(frozen=True)
class Retina(Linear):
    """Each input cell sees a square patch of the image; patches tile it evenly, so parameters stay few.

    Attributes:
        patch: Side of a patch in pixels.
    """

    patch: int = 7
    name: ClassVar[str] = "retina"

    def __post_init__(self) -> None:
        require_range("patch", self.patch, 1, MAX_PATCH)

    def check(self, ports: Ports) -> None:
        """Checks that sensors are pixels, and a patch no larger than the image.

        Args:
            ports: What the adapter connects.

        Raises:
            TaskError: If it does not fit.
        """
        _check_image(self.name, "patches", self.patch, ports)

    def sees(self, ports: Ports) -> np.ndarray:
        """Returns each cell's patch, int64 [I, patch^2], or patch^2 times the values of a pixel.

        Cells are dealt, in order, to a grid of places that is as square as the image; where there are more
        places than cells the last places stay empty.

        Args:
            ports: What the adapter connects.
        """
        return _patches(ports, self.patch, ports.num_inputs)


@dataclass(frozen=True)
class Conv(Linear):
    """A convolution: a few filters on a grid of the image, tanh, then a linear map from answers to cells.

    Filters are the same at every place and for every input cell; their number does not depend on the wiring.

    Attributes:
        filters: Number of filters.
        size: Side of a filter in pixels.
        stride: Pixels from one place of the grid to the next; the grid lies in the middle of the image.
    """

    filters: int = 8
    size: int = 5
    stride: int = 4
    name: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        require_range("filters", self.filters, 1, MAX_FILTERS)
        require_range("size", self.size, 1, MAX_PATCH)
        require_range("stride", self.stride, 1, MAX_PATCH)

    def check(self, ports: Ports) -> None:
        """Checks that sensors are pixels, a filter is no larger than the image, and answers are not too many.

        Args:
            ports: What the adapter connects.

        Raises:
            TaskError: If it does not fit.
        """
        _check_image(self.name, "filters", self.size, ports)
        answers = self.filters * len(self.grid(ports))
        if answers > MAX_ANSWERS:
            raise TaskError(
                f"Adapter 'conv' has {answers} answers, {self.filters} filters at {answers // self.filters} "
                f"places; wanted at most {MAX_ANSWERS}. Take a larger stride or fewer filters."
            )

    def grid(self, ports: Ports) -> np.ndarray:
        """Returns the sensors at each place of the grid, int64 [places, fan-in].

        Args:
            ports: What the adapter connects.
        """
        height, width = (ports.image_shape or (0, 0))[:2]
        tops, lefts = (
            np.arange((side - self.size) % self.stride // 2, side - self.size + 1, self.stride)
            for side in (height, width)
        )
        return _squares(ports, self.size, (tops[:, None] * width + lefts).ravel())

    def encoder(self, ports: Ports) -> list[int]:
        """Returns S, the answers of all filters at all places, and I.

        Args:
            ports: What the adapter connects.
        """
        places = len(self.grid(ports)) if ports.image_shape else 1
        return [ports.num_sensors, self.filters * places, ports.num_inputs]

    def layers(self, ports: Ports) -> tuple[list[Layer], list[Layer]]:
        """Returns the layers of the encoder and of the decoder.

        Args:
            ports: What the adapter connects.
        """
        encoder, decoder = super().layers(ports)
        sensors, answers, _ = self.encoder(ports)
        return [SharedLayer(sensors, answers, True, self.grid(ports), self.filters), *encoder[1:]], decoder


@dataclass(frozen=True)
class Ridge(Linear):
    """A linear map to the cells, and a readout that is solved by ridge regression in place of evolved.

    The readout is fitted to targets anew for every genome, in closed form, so that what is compared is what
    the cells hold and not what a search makes of a decoder. It has a weight for every cell that it reads, at
    every time, and every target, and one more a target; these are solved, and counted apart from the
    parameters that evolve. Fitness is what readouts of one half of a minibatch explain of the other half; the
    score is that of a readout of the training split on held-out data. Every pair of shared factors would take
    readouts of its own, so nothing is tuned: there is no tuned score.

    Take it to compare wirings, on images and tasks of sequences; take `none` where the map onto a body is the
    question, and `linear` where the decoder is to be learned as all else. Of read=all with several times the
    readout itself does much of the work: hold a result against `adapter-only` with the same options.

    Attributes:
        train: Of the map to the cells: "evolved"; "fixed", as it is drawn by seed, the same for all wirings
            of as many input cells; or "native", the task's own map in place of one, as of `none`.
        read: Cells that the readout reads: "outputs", the connectome's output cells, or those of the native
            maps; "all"; or "not-inputs", all but its input cells.
        times: How many states are read side by side. Of a constant input, those at so many evenly spaced
            network steps, the last among them; of a sequence, the latest.
        penalty: Ridge penalty, added to the summed squares of the cells' activities; 0 chooses the one that
            errs least on a fifth of the training data that is held back for it.
        gain: Gain of the synapses between neurons; 0 for the one that the operating range gives.
        gains: A sweep of that gain where nothing evolves, such as `0.3..2`: eight gains of two digits,
            evenly spaced in their logarithms. Every lineage is scored at each, and its score is that at the
            gain at which its readout errs least on the part of the training data that is held back. Empty:
            no sweep.
        drive: Root mean square of what input cells receive from sensors before evolution; 0 for that of the
            operating range. With little of it cells are nearly linear.
        bias: Spread of the cells' biases before evolution, drawn by seed, the same for all wirings of as many
            cells. Without any, cells of tanh are odd functions of their input.
    """

    train: TrainRidge = "evolved"  # type: ignore[assignment]
    read: Read = "outputs"
    times: int = 1
    penalty: float = 0.0
    gain: float = 0.0
    gains: str = ""
    drive: float = 0.0
    bias: float = 0.0
    name: ClassVar[str] = "ridge"
    decodes: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_range("times", self.times, 1, MAX_TIMES)
        require_range("penalty", self.penalty, 0.0, MAX_PENALTY)
        require_range("gain", self.gain, 0.0, MAX_GAIN)
        require_range("drive", self.drive, 0.0, MAX_GAIN)
        require_range("bias", self.bias, 0.0, MAX_BIAS)
        if self.gains and self.gain:
            raise OptionError(
                f"Options 'gain' is {self.gain:g} and 'gains' {self.gains!r}; wanted one of the two."
            )
        if self.gains and not self.sweep:
            raise OptionError(
                f"Option 'gains' is {self.gains!r}; wanted two gains above 0 and at most {MAX_GAIN:g}, the "
                "lesser first, such as 0.3..2."
            )

    @property
    def sweep(self) -> tuple[float, ...]:
        """The gains of a sweep, to two digits; none where `gains` names none."""
        try:
            low, high = map(float, self.gains.split(".."))
        except ValueError:
            return ()
        if not 0 < low < high <= MAX_GAIN:
            return ()
        gains = [float(f"{gain:.2g}") for gain in np.geomspace(low, high, NUM_GAINS)]
        return tuple(dict.fromkeys(gains))  # of ends that lie close some are the same

    @property
    def is_native(self) -> bool:
        """Whether sensors reach cells by the task's own map."""
        return self.train == "native"

    def encoder(self, ports: Ports) -> list[int]:
        """Returns S and I, or no layers where the map is native.

        Args:
            ports: What the adapter connects.
        """
        return [] if self.is_native else super().encoder(ports)

    def decoder(self, ports: Ports) -> list[int]:
        """Returns no layers: nothing of the readout evolves.

        Args:
            ports: What the adapter connects.
        """
        return []

    def outputs(self, architecture: Architecture) -> np.ndarray:
        """Returns the cells that the readout reads, int32 [O].

        Args:
            architecture: The wiring.
        """
        if self.read == "outputs":
            return architecture.outputs
        cells = np.arange(architecture.num_cells, dtype=np.int32)
        return cells if self.read == "all" else np.setdiff1d(cells, architecture.inputs).astype(np.int32)

    def num_features(self, ports: Ports) -> int:
        """Returns how many numbers the readout reads, F.

        Args:
            ports: What the adapter connects.
        """
        return self.times * ports.num_outputs


@dataclass(frozen=True)
class Native(Adapter):
    """No adapter: the body's own map, from its senses to cells that feel them and from muscles to motion."""

    name: ClassVar[str] = "none"

    def __post_init__(self) -> None:
        if self.train != "evolved":
            raise OptionError(
                f"Adapter 'none' with train={self.train}; it has nothing to train, leave the option out."
            )

    @property
    def is_native(self) -> bool:
        """Whether sensors reach cells, and cells actuators, by a body's or a task's own maps."""
        return True

    def encoder(self, ports: Ports) -> list[int]:
        """Returns no layers.

        Args:
            ports: What the adapter connects.
        """
        return []

    def decoder(self, ports: Ports) -> list[int]:
        """Returns no layers.

        Args:
            ports: What the adapter connects.
        """
        return []


ADAPTERS: dict[str, type[Adapter]] = {kind.name: kind for kind in (Linear, Mlp, Retina, Conv, Ridge, Native)}


def parse(text: str) -> Adapter:
    """Returns the adapter that `name[:option=value,...]` asks for.

    Args:
        text: The request.

    Raises:
        RegistryError: If there is no such adapter, with the nearest name.
        OptionError: If an option is unknown or out of range.
    """
    spec = Spec.parse(text)
    if spec.name not in ADAPTERS:
        raise RegistryError(unknown("adapter", spec.name, ADAPTERS))
    options: dict[str, Any] = Plugin("adapter", spec.name, ADAPTERS[spec.name]).bind(spec.options)
    return ADAPTERS[spec.name](**options)


def defaults(kind: type[Adapter]) -> dict[str, Scalar]:
    """Returns the options of a kind of adapter with their defaults.

    Args:
        kind: The adapter's class.
    """
    return {} if kind is Native else Plugin("adapter", kind.name, kind).defaults


def _check_image(name: str, what: str, size: int, ports: Ports) -> None:
    """Raises TaskError unless sensors are the pixels of an image that holds squares of a size."""
    if ports.image_shape is None:
        raise TaskError(
            f"Adapter {name!r} was asked for where sensors are not the pixels of an image; wanted an image "
            "task with components=0, an environment that shows pixels, or --adapter linear."
        )
    height, width = ports.image_shape[:2]
    if size > min(height, width):
        raise TaskError(
            f"Adapter {name!r} has {what} of {size} x {size} pixels; wanted at most the image, {height} x "
            f"{width}."
        )


def _patches(ports: Ports, size: int, num_places: int) -> np.ndarray:
    """Returns the sensors in squares that are spread evenly over the image, int64 [places, fan-in]."""
    height, width = (ports.image_shape or (0, 0))[:2]
    per_row = max(1, round((num_places * width / height) ** 0.5))
    num_rows = -(-num_places // per_row)
    tops = np.linspace(0, height - size, num_rows).round().astype(int)
    lefts = np.linspace(0, width - size, per_row).round().astype(int)
    return _squares(ports, size, (tops[:, None] * width + lefts).ravel()[:num_places])


def _squares(ports: Ports, size: int, corners: np.ndarray) -> np.ndarray:
    """Returns the sensors in squares of an image whose first pixels are given, int64 [n, fan-in]."""
    _, width, values = (*(ports.image_shape or (0, 0)), 1)[:3]
    offsets = np.arange(size)[:, None] * width + np.arange(size)
    pixels = corners[:, None] + offsets.ravel()
    return (pixels[:, :, None] * values + np.arange(values)).reshape(len(corners), -1).astype(np.int64)


def gains_of(layers: Sequence[Layer], gain: float) -> list[float]:
    """Returns the gain of every layer of a chain: that of the chain for the last, and 1 for those before.

    Args:
        layers: The chain.
        gain: Gain of the chain.
    """
    return [1.0] * (len(layers) - 1) + [gain]
