"""What a task sees of a batch of worlds, and what moves them: MuJoCo in C, or MuJoCo Warp on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from neuroevo.physics.arrays import Array, beside
from neuroevo.physics.worlds import Worlds

if TYPE_CHECKING:
    import mujoco
    import torch
    from torch import Tensor


class Engine(Protocol):
    """What a task sees of a batch of W worlds; arrays are numpy's, or torch's on a device.

    `worlds.Worlds` says what each attribute means. `pause` is how many control steps to take before looking
    whether all episodes have ended, for which a device would have to wait.
    """

    num_worlds: int
    pause: int
    qpos: Array
    qvel: Array
    time: Array
    failed: Array
    xpos: Array
    cfrc_ext: Array

    def reset(self, qpos: Array | None = None, qvel: Array | None = None) -> None:
        """Sets clocks to zero and states to the given ones.

        Args:
            qpos: Positions, float [W, nq]; None for the body's rest.
            qvel: Velocities, float [W, nv]; None for none.
        """

    def step(self, control: Array, substeps: int, moving: Array | None = None) -> None:
        """Moves worlds by some physics steps under constant control.

        Args:
            control: float [W, nu].
            substeps: Physics steps, at least 1.
            moving: The worlds that move, bool [W]; None for all.
        """


def worlds(
    model: mujoco.MjModel,
    num_worlds: int,
    device: object = "cpu",
    forces: bool = False,
    *,
    before: Engine | None = None,
) -> Engine:
    """Returns worlds of a body: in C on a CPU, on MuJoCo Warp on a GPU.

    Args:
        model: The compiled body.
        num_worlds: W.
        device: "cpu", or "cuda:0" and the like.
        forces: Keep `xpos` and `cfrc_ext`.
        before: Worlds of the same body, which are returned if they are as many, on the same device; None
            where there are none.
    """
    if before is not None and before.num_worlds == num_worlds and _device(before) == str(device):
        return before
    if str(device) == "cpu":
        return Worlds(model, num_worlds, forces=forces)
    from neuroevo.physics.warp import WarpWorlds

    return WarpWorlds(model, num_worlds, device=str(device), forces=forces)


def _device(engine: Engine) -> str:
    """Returns where worlds are."""
    return str(getattr(engine.qpos, "device", "cpu"))


def place(phenotype: object) -> torch.device | str:
    """Returns the device of a network, or the CPU for what stands in for one, such as a sine.

    Args:
        phenotype: The network.
    """
    return getattr(phenotype, "device", "cpu")


def between(
    engine: Engine, num_sensed: int, num_controls: int, num_genomes: int
) -> tuple[tuple[Tensor, Array], tuple[Tensor, Array]]:
    """Returns what a network reads and what it writes: each as its tensor and, on the same memory, its array.

    Args:
        engine: W worlds, B of each genome in turn.
        num_sensed: Numbers that a network reads, S.
        num_controls: Numbers that it writes, A.
        num_genomes: Number of genomes, G.

    Returns:
        Observations, float32 [G, B, S] and [W, S]; control, in the precision of the states, [G, B, A] and
        [W, A].
    """
    import torch

    state = torch.as_tensor(engine.qpos)
    sensed = state.new_zeros(engine.num_worlds, num_sensed, dtype=torch.float32)
    control = state.new_zeros(engine.num_worlds, num_controls)
    shared = beside(sensed, engine.qpos), beside(control, engine.qpos)
    views = (x.view(num_genomes, -1, x.shape[1]) for x in (sensed, control))
    return (next(views), shared[0]), (next(views), shared[1])
