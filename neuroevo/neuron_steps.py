"""One membrane step of each neuron model, in place, on the flat state of a whole batch of networks.

Variables and currents are float32 [cells, B]; a constant is a float, or a tensor [cells, 1] where cells
differ. State is moved in place, since that of a large population is most of the memory that a step touches,
and currents may be used up. `neurons.MODELS` says what the names mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Named = dict[str, "Tensor"]
Constants = dict[str, Any]

SPIKE = 30.0  # mV, the top of Izhikevich's spike
REST = -65.0  # mV, where his neuron starts


def leaky(x: Named, current: Named, k: Constants) -> None:
    """Leaky rate neuron: `h <- h + (dt / tau) (tanh(I) - h)`, h in [-1, 1].

    References:
        Jaeger et al. (2007), leaky-integrator neurons, https://doi.org/10.1016/j.neunet.2007.04.016
    """
    # tanh(I) = 2 sigmoid(2 I) - 1, and PyTorch's sigmoid is several times as fast as its tanh on a CPU.
    h, leak = x["activity"], k["leak"]
    if _is_compiled(x, current, k):
        from neuroevo import neuron_loops

        neuron_loops.leaky(h.view(-1).numpy(), current["rest"].view(-1).numpy(), leak)
        return
    target = current["rest"].mul_(2).sigmoid_()
    if isinstance(leak, float):
        h.mul_(1 - leak).add_(target, alpha=2 * leak).sub_(leak)
    else:
        h.mul_(1 - leak).addcmul_(target, leak, value=2).sub_(leak)


def leaky_rows(x: Named, current: Named, k: Constants, rows: np.ndarray) -> None:
    """Does the same to some rows at least: to all, where there is no compiled loop."""
    if not _is_compiled(x, current, k):
        leaky(x, current, k)
        return
    from neuroevo import neuron_loops

    neuron_loops.leaky_rows(x["activity"].numpy(), current["rest"].numpy(), k["leak"], rows)


def _is_compiled(x: Named, current: Named, k: Constants) -> bool:
    """Says whether the leaky neuron's compiled loops take what they are given."""
    return isinstance(k["leak"], float) and _is_plain(x["activity"]) and _is_plain(current["rest"])


def _is_plain(tensor: Tensor) -> bool:
    """Says whether compiled loops take a tensor."""
    return tensor.device.type == "cpu" and tensor.element_size() == 4 and tensor.is_contiguous()


def relu(x: Named, current: Named, k: Constants) -> None:
    """Artificial neuron: `h <- slope * max(0, I)`."""
    x["activity"].copy_(current["rest"].clamp_(min=0).mul_(k["slope"]))


def graded(x: Named, current: Named, k: Constants) -> None:
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


def start_graded(x: Named, k: Constants) -> None:
    """At rest, V is zero, and some transmitter is released."""
    _release(x, k)


def _release(x: Named, k: Constants) -> None:
    """Writes the transmitter that each cell releases, in (0, 1)."""
    x["release"].copy_(x["potential"]).sub_(k["threshold"]).mul_(k["slope"]).sigmoid_()


def alif(x: Named, current: Named, k: Constants) -> None:
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


def izhikevich(x: Named, current: Named, k: Constants) -> None:
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


def start_izhikevich(x: Named, k: Constants) -> None:
    """At -65 mV, with the recovery that belongs to it, as the published program starts."""
    x["potential"].fill_(REST)
    x["recovery"].fill_(REST).mul_(k["b"])


def _follow(x: Named, k: Constants) -> None:
    """Moves the running mean of a cell's spikes, in [0, 1]."""
    x["rate"].lerp_(x["spike"], 1 - k["trace"]) if isinstance(k["trace"], float) else x["rate"].add_(
        (x["spike"] - x["rate"]).mul_(1 - k["trace"])
    )
