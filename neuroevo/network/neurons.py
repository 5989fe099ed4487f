"""Neuron models: what a cell does with its current, one membrane step of each, and the request for one.

    --neuron NAME[:option=value,...]

Options of every model: `constants=fixed|shared|class|cell` says whether the model's constants evolve, and
whether all cells, the cells of a class or each cell has its own; `substeps` are membrane steps in a network
step, during which input is held; `delay` is the time a chemical synapse takes, in membrane steps; `table` is
a CSV file of constants by cell or class, see `constants`. Every constant is an option too, by its name:
`izhikevich:b=0.2,c=-65,d=8,constants=class`.

A step moves the flat state of a whole batch of networks in place, since that of a large population is most of
the memory that a step touches; currents may be used up. Variables and currents are float32 [cells, B]; a
constant is a float, or a tensor [cells, 1] where cells differ. `MODELS` says what the names mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from neuroevo.errors import OptionError, RegistryError, require_range, unknown
from neuroevo.plugins import Spec, parse_option

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


Named = dict[str, "Tensor"]
Constants = dict[str, "Tensor | float"]

SPIKE = 30.0  # mV, the top of Izhikevich's spike
REST = -65.0  # mV, where his neuron starts

Sharing = Literal["fixed", "shared", "class", "cell"]
SHARINGS = ("fixed", "shared", "class", "cell")
MAX_SUBSTEPS = 1_000
MAX_DELAY = 1_000


@dataclass(frozen=True)
class Constant:
    """A number of a neuron model, and how a search moves it.

    Attributes:
        default: Its value where none is given.
        meaning: What it is, with its unit.
        scale: How a parameter theta acts: "log", `default * exp(theta)`, greater than 0; "logit", in (0, 1),
            its logarithmic odds plus theta; "linear", `default + spread * theta`.
        spread: Step of the linear scale for a parameter of 1.
        evolves: Whether it is among those that may evolve.
    """

    default: float
    meaning: str
    scale: Literal["log", "logit", "linear"] = "log"
    spread: float = 1.0
    evolves: bool = True

    def check(self, name: str, value: float) -> None:
        """Checks that a value is in the constant's range.

        Args:
            name: What an error calls the constant.
            value: The value.

        Raises:
            OptionError: If it is not.
        """
        fits = {"log": value > 0, "logit": 0 < value < 1, "linear": True}[self.scale]
        if not (fits and math.isfinite(value)):
            wanted = {"log": "a number greater than 0", "logit": "a number between 0 and 1, both excluded"}
            raise OptionError(
                f"Constant {name!r} is {value:g}; wanted {wanted.get(self.scale, 'a finite number')}."
            )


@dataclass(frozen=True)
class Model:
    """A neuron model.

    Attributes:
        name: What the command line calls it.
        summary: One line about it.
        constants: Constants by name.
        variables: Names of a cell's variables. The first is what its chemical synapses transmit.
        coupled: The variable that gap junctions couple.
        read: The variable that output cells are read by: the cell's activity.
        step: Moves the variables, `(variables, currents, constants) -> None`, all by name and in place;
            currents are scratch afterwards. A constant is a float, or a tensor [cells, 1]. Where synapses
            open conductances there is one more, "coupling": that of all gap junctions of the cell.
        start: Sets the variables, which are zero, to the cell's rest: `(variables, constants) -> None`; None
            where zero is its rest.
        step_rows: Moves some cells at least as `step` does, `(variables, currents, constants, rows)`; None
            where that would not be less work.
        conductances: Synapses open conductances in place of passing currents: the step gets currents
            "rest" (gap junctions, bias, input), "excitation" and "inhibition"; else "rest" is all.
        gap_scale: Current through a gap junction for a unit difference of the coupled variable.
        substeps: Membrane steps in a network step, where none are asked for.
        targets: Root mean square that each kind of current is brought to before evolution; see `gains`.
        core_limit: Greatest core gain before evolution.
        saturated: Absolute activity beyond which a cell counts as saturated; infinite where it has no
            ceiling.
        silent: Mean absolute activity below which a network counts as silent.
    """

    name: str
    summary: str
    constants: Mapping[str, Constant]
    variables: tuple[str, ...]
    coupled: str
    read: str
    step: Callable[[Named, Named, Constants], None]
    start: Callable[[Named, Constants], None] | None = None
    step_rows: Callable[[Named, Named, Constants, np.ndarray], None] | None = None
    conductances: bool = False
    gap_scale: float = 1.0
    substeps: int = 1
    targets: Mapping[str, float] = field(
        default_factory=lambda: {"input": 0.6, "core": 0.15, "neuromuscular": 0.5, "output": 0.5}
    )
    core_limit: float = 0.9
    saturated: float = 0.95
    silent: float = 0.01

    @property
    def evolving(self) -> list[str]:
        """Names of the constants that may evolve."""
        return [name for name, constant in self.constants.items() if constant.evolves]

    @property
    def row_groups(self) -> tuple[str, ...]:
        """Names of the currents, each a group of rows of the network's matrix."""
        return ("rest", "excitation", "inhibition") if self.conductances else ("rest",)


@dataclass(frozen=True)
class Neuron:
    """A neuron model with its options, as the request names it.

    Attributes:
        name: Name of the model.
        constants: Which cells share constants that evolve; "fixed" where none evolve.
        substeps: Membrane steps in a network step; 0 for the model's own number.
        delay: Delay of chemical synapses in membrane steps, at least 1.
        table: File of constants; "" for none.
        values: Constants that are not at their default, sorted by name.
    """

    name: str = "leaky"
    constants: Sharing = "fixed"
    substeps: int = 0
    delay: int = 1
    table: str = ""
    values: tuple[tuple[str, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Neuron:
        """Returns the neuron that `name[:option=value,...]` asks for.

        Args:
            text: The request.

        Raises:
            RegistryError: If there is no such model, with the nearest name.
            OptionError: If an option is unknown or out of range.
        """
        spec = Spec.parse(text)
        if spec.name not in MODELS:
            raise RegistryError(unknown("neuron model", spec.name, MODELS))
        model = MODELS[spec.name]
        kinds: dict[str, object] = {"constants": Sharing, "substeps": int, "delay": int, "table": str}
        kinds |= dict.fromkeys(model.constants, float)
        given: dict[str, Any] = {}
        for option, value in spec.options.items():
            key = option.replace("-", "_")
            if key not in kinds:
                raise OptionError(unknown(f"option of neuron {spec.name!r}", option, kinds))
            given[key] = parse_option(f"{spec.name}:{option}", value, kinds[key])
        values = {k: given.pop(k) for k in sorted(model.constants) if k in given}
        for name, value in values.items():
            model.constants[name].check(f"{spec.name}:{name}", value)
        neuron = cls(spec.name, **given, values=tuple(values.items()))
        require_range("substeps", neuron.substeps, 0, MAX_SUBSTEPS)
        require_range("delay", neuron.delay, 1, MAX_DELAY)
        return neuron

    def __str__(self) -> str:
        return Spec("", self.name, {k: str(v) for k, v in self.options.items() if v != ""}).plain

    @property
    def options(self) -> dict[str, str | int | float]:
        """All options with their values."""
        return {
            "constants": self.constants,
            "substeps": self.steps,
            "delay": self.delay,
            "table": self.table,
            **self.base,
        }

    @property
    def model(self) -> Model:
        """The model."""
        return MODELS[self.name]

    @property
    def is_coupled_apart(self) -> bool:
        """Whether gap junctions couple another variable than synapses bring, or a newer value of it."""
        return self.model.coupled != self.model.variables[0] or self.delay > 1

    @property
    def steps(self) -> int:
        """Membrane steps in a network step."""
        return self.substeps or self.model.substeps

    @property
    def base(self) -> dict[str, float]:
        """Constants before evolution, by name."""
        return {k: c.default for k, c in self.model.constants.items()} | dict(self.values)


def _leaky(x: Named, current: Named, k: Constants) -> None:
    """Leaky rate neuron: `h <- h + (dt / tau) (tanh(I) - h)`, h in [-1, 1].

    References:
        Jaeger et al. (2007), leaky-integrator neurons, https://doi.org/10.1016/j.neunet.2007.04.016
    """
    h, rest, leak = x["activity"], current["rest"], k["leak"]
    if isinstance(leak, float) and _is_compiled(h) and _is_compiled(rest):
        from neuroevo.network import kernels

        kernels.leaky(h.view(-1).numpy(), rest.view(-1).numpy(), leak)
        return
    # tanh(I) = 2 sigmoid(2 I) - 1, and PyTorch's sigmoid is several times as fast as its tanh on a CPU.
    target = rest.mul_(2).sigmoid_()
    if isinstance(leak, float):
        h.mul_(1 - leak).add_(target, alpha=2 * leak).sub_(leak)
    else:
        h.mul_(1 - leak).addcmul_(target, leak, value=2).sub_(leak)


def _leaky_rows(x: Named, current: Named, k: Constants, rows: np.ndarray) -> None:
    """Moves some cells at least by the step of `_leaky`, and all of them where there is no compiled loop."""
    h, rest, leak = x["activity"], current["rest"], k["leak"]
    if isinstance(leak, float) and _is_compiled(h) and _is_compiled(rest):
        from neuroevo.network import kernels

        kernels.leaky_rows(h.numpy(), rest.numpy(), leak, rows)
        return
    _leaky(x, current, k)


def _is_compiled(tensor: Tensor) -> bool:
    """Says whether the compiled loops of the leaky neuron take a tensor."""
    return tensor.device.type == "cpu" and tensor.element_size() == 4 and tensor.is_contiguous()


def _relu(x: Named, current: Named, k: Constants) -> None:
    """Artificial neuron: `h <- slope * max(0, I)`."""
    x["activity"].copy_(current["rest"].clamp_(min=0).mul_(k["slope"]))


def _graded(x: Named, current: Named, k: Constants) -> None:
    """Graded potential V, from rest, in units of the way from rest to the reversal potential of excitation.

    `tau dV/dt = I + sum_j g_j (V_j - V) + g_e (E_e - V) + g_i (E_i - V) - g_l V`, where I is bias and input,
    g_j are gap junctions, and synapses open the conductances g_e and g_i in proportion to the transmitter
    that the cells before them release, `s = 1 / (1 + exp(-slope (V - threshold)))`. Within a step
    conductances, I and the V_j are held and V goes its exponential way (exponential Euler), so that no
    conductance, however large, carries it beyond where it is drawn to.

    References:
        Wicks, Roehrig and Rankin (1996), https://doi.org/10.1523/JNEUROSCI.16-12-04017.1996
        Kunert, Shlizerman and Kutz (2014), https://doi.org/10.1103/PhysRevE.89.052805
    """
    excitation, inhibition, v = current["excitation"], current["inhibition"], x["potential"]
    drawn = current["rest"].add_(v * k["coupling"])  # through gap junctions: less what leaves
    drawn.add_(excitation * k["excitatory"]).add_(inhibition * k["inhibitory"])
    conductance = excitation.add_(inhibition).add_(k["leak"]).add_(k["coupling"])
    drawn.div_(conductance).sub_(v)  # how far V is from where it is drawn to
    share = conductance.mul_(k["rate"]).neg_().expm1_().neg_()
    v.addcmul_(drawn, share)
    _release(x, k)


def _start_graded(x: Named, k: Constants) -> None:
    """Starts the graded neuron at rest, where V is zero and some transmitter is released."""
    _release(x, k)


def _release(x: Named, k: Constants) -> None:
    """Writes the transmitter that each cell releases, in (0, 1)."""
    x["release"].copy_(x["potential"]).sub_(k["threshold"]).mul_(k["slope"]).sigmoid_()


def _alif(x: Named, current: Named, k: Constants) -> None:
    """Adaptive leaky integrate-and-fire neuron: V decays, adds I, and spikes beyond a threshold.

    A spike sets V to 0 and raises the threshold by `adaptation`, a rise that decays. With an adaptation near
    0 it is the plain leaky integrate-and-fire neuron.

    References:
        Bellec et al. (2018), https://doi.org/10.48550/arXiv.1803.09574
    """
    v, raised = x["potential"], x["raised"]
    v.mul_(k["decay"]).add_(current["rest"])
    spiked = v > raised + k["threshold"]
    v.masked_fill_(spiked, 0.0)
    x["spike"].copy_(spiked)
    raised.mul_(k["threshold_decay"]).add_(x["spike"] * k["adaptation"])
    _follow(x, k)


def _izhikevich(x: Named, current: Named, k: Constants) -> None:
    """Izhikevich's neuron: potential v in mV, recovery u, a membrane step of one millisecond.

    `dv/dt = 0.04 v^2 + 5 v + 140 - u + I` in two half steps, then `du/dt = a (b v - u)`, as in the published
    program; a spike, at 30 mV, sets v to c and adds d to u.

    References:
        Izhikevich (2003), https://doi.org/10.1109/TNN.2003.820440
    """
    v, u = x["potential"], x["recovery"]
    drive = current["rest"].mul_(k["current"]).add_(140.0).sub_(u)
    half = 0.5 * k["step"]
    for _ in range(2):
        v.add_((v * 0.04).add_(5.0).mul_(v).add_(drive).mul_(half))
    u.add_((v * k["b"]).sub_(u).mul_(k["a"]).mul_(k["step"]))
    spiked = v >= SPIKE
    x["spike"].copy_(spiked)
    v.mul_(~spiked).add_(x["spike"] * k["c"])
    u.add_(x["spike"] * k["d"])
    _follow(x, k)


def _start_izhikevich(x: Named, k: Constants) -> None:
    """Starts Izhikevich's neuron at -65 mV, with the recovery of that potential, as the published program."""
    x["potential"].fill_(REST)
    x["recovery"].fill_(REST).mul_(k["b"])


def _follow(x: Named, k: Constants) -> None:
    """Moves the running mean of a cell's spikes, in [0, 1]."""
    x["rate"].lerp_(x["spike"], 1 - k["trace"]) if isinstance(k["trace"], float) else x["rate"].add_(
        (x["spike"] - x["rate"]).mul_(1 - k["trace"])
    )


_SPIKING = {"input": 0.4, "core": 0.1, "neuromuscular": 0.4, "output": 0.5}  # targets of currents

_MODELS = (
    Model(
        "leaky",
        "Leaky rate neuron: h moves towards tanh(I) by a share of the way",
        {"leak": Constant(0.5, "step over time constant, dt / tau", "logit")},
        ("activity",),
        "activity",
        "activity",
        _leaky,
        step_rows=_leaky_rows,
    ),
    Model(
        "relu",
        "Artificial neuron: h = max(0, I), without memory of its own",
        {"slope": Constant(1.0, "activity per current above zero")},
        ("activity",),
        "activity",
        "activity",
        _relu,
        core_limit=0.5,
        saturated=math.inf,
    ),
    Model(
        "graded",
        "Graded potentials: reversal potentials by transmitter, gap junctions between potentials",
        {
            "rate": Constant(0.5, "membrane step over time constant, dt / tau"),
            "leak": Constant(1.0, "leak conductance"),
            "excitatory": Constant(1.0, "reversal potential of excitation, from rest", "linear", 0.5),
            "inhibitory": Constant(-1.0, "reversal potential of inhibition, from rest", "linear", 0.5),
            "threshold": Constant(
                0.2, "potential at which half of the transmitter is released", "linear", 0.5
            ),
            "slope": Constant(6.0, "steepness of release over potential"),
        },
        ("release", "potential"),
        "potential",
        "potential",
        _graded,
        _start_graded,
        conductances=True,
        core_limit=4.0,
    ),
    Model(
        "alif",
        "Adaptive integrate-and-fire: spikes at a threshold that every spike raises",
        {
            "decay": Constant(0.951229, "of the potential, a membrane step", "logit"),
            "threshold": Constant(1.0, "potential of a spike without adaptation"),
            "adaptation": Constant(0.5, "rise of the threshold by a spike"),
            "threshold_decay": Constant(0.904837, "of that rise, a membrane step", "logit"),
            "trace": Constant(0.951229, "decay of the rate that is read, a membrane step", "logit"),
        },
        ("spike", "potential", "raised", "rate"),
        "potential",
        "rate",
        _alif,
        gap_scale=0.05,  # of the leak in a membrane step, 1 - decay
        substeps=4,
        targets=_SPIKING,
        core_limit=20.0,
        silent=0.001,
    ),
    Model(
        "izhikevich",
        "Izhikevich's spiking neuron",
        {
            "a": Constant(0.02, "rate of recovery, 1 / ms"),
            "b": Constant(0.25, "recovery per mV"),
            "c": Constant(-58.0, "potential after a spike, mV", "linear", 5.0),
            "d": Constant(0.0, "recovery gained by a spike", "linear", 2.0),
            "current": Constant(20.0, "mV / ms that a current of 1 adds"),
            "step": Constant(1.0, "membrane step, ms", evolves=False),
            "trace": Constant(0.951229, "decay of the rate that is read, a membrane step", "logit"),
        },
        ("spike", "potential", "recovery", "rate"),
        "potential",
        "rate",
        _izhikevich,
        _start_izhikevich,
        gap_scale=0.01,
        substeps=8,
        targets=_SPIKING,
        core_limit=20.0,
        silent=0.001,
    ),
)
MODELS: dict[str, Model] = {model.name: model for model in _MODELS}
