"""Batched MuJoCo worlds on a GPU: the interface of `worlds.Worlds`, moved by MuJoCo Warp.

States are torch tensors that share their memory with Warp's arrays, so a network reads them and writes its
control where the bodies are, and nothing passes through the host. Numbers are float32. On a CUDA device the
physics steps of a control step, with the checks around them, are captured once as a CUDA graph and launched
as one. On Warp's `cpu` device the same kernels run one after another, slowly: that is what tests use.

Agreement with the C engine is that of float32 with float64, and no more than a contact allows; the tests say
how close each body stays. Of a contact's force a GPU adds up the parts in no fixed order, so two runs there
need not agree to the bit.

Source: MuJoCo Warp, https://github.com/google-deepmind/mujoco_warp.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neuroevo.errors import TaskError
from neuroevo.physics.model import lean

if TYPE_CHECKING:
    import mujoco
    import warp
    from warp import Graph


SPARE = 8  # contacts of a world beside those with the ground
CONTACTS = {"plane-capsule": 2, "plane-box": 4}  # of a pair of shapes; others have one
ROWS = 4  # of the constraints of a contact with friction: the sides of its pyramid


LARGEST = 1e10  # MuJoCo's mjMAXVAL: a state beyond it is beyond use


class WarpWorlds:
    """W copies of one body that move at once, on one device.

    As in `worlds.Worlds` the solver's warm start is off, worlds that fail stay at rest until the next reset,
    and worlds that do not move take no time. A world has failed when its control, its state or its
    accelerations are not finite or beyond MuJoCo's bound of 1e10 after a physics step, or when there was no
    room for its contacts.

    Args:
        model: The compiled body and its options; not modified.
        num_worlds: W.
        device: "cpu", or "cuda:0" and the like.
        forces: Keep `xpos` and `cfrc_ext`.
        is_captured: Launch the steps as a graph; None does so on CUDA alone.

    Attributes:
        num_worlds: W.
        device: Device of the tensors.
        qpos: float32 [W, nq], the positions themselves: what is written there moves the bodies.
        qvel: float32 [W, nv], the velocities themselves.
        time: float32 [W], the clocks themselves, in seconds.
        failed: bool [W], worlds that have failed since the last reset.
        xpos: float32 [W, bodies, 3], with `forces` alone.
        cfrc_ext: float32 [W, bodies, 6], with `forces` alone.

    Raises:
        TaskError: If the body has actuators with a state of their own, or what MuJoCo Warp cannot move.
    """

    pause = 16

    def __init__(
        self,
        model: mujoco.MjModel,
        num_worlds: int,
        *,
        device: str = "cpu",
        forces: bool = False,
        is_captured: bool | None = None,
    ) -> None:
        import mujoco

        warp, mujoco_warp = _libraries()
        model = lean(model)
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_WARMSTART
        if model.na:
            raise TaskError(
                f"The body has {model.na} actuators with a state of their own; wanted none on a GPU. Use "
                "--device cpu."
            )
        self.num_worlds = num_worlds
        self.device = torch.device(device)
        self._warp_device = warp.get_device(device)
        self._is_captured = self._warp_device.is_cuda if is_captured is None else is_captured
        self._graphs: dict[int, Graph] = {}
        self._has_forces = forces
        with self._here():
            try:
                self._model = mujoco_warp.put_model(model)
            except NotImplementedError as error:
                raise TaskError(f"MuJoCo Warp cannot move the body: {error} Use --device cpu.") from error
            self._model.opt.warn_overflow = 0  # `failed` says the same
            self._data = mujoco_warp.make_data(model, nworld=num_worlds, **room(model))
        self._rest = warp.clone(self._data.qpos)
        self.qpos = _shared(self._data.qpos)
        self.qvel = _shared(self._data.qvel)
        self.time = _shared(self._data.time)
        self.failed = self._new(torch.bool)
        self._moving = self._new(torch.bool)
        self._going = self._new(torch.bool)
        self._control = self._new(torch.float32, model.nu)
        self._saved = [torch.empty_like(x) for x in (self.qpos, self.qvel, self.time)]
        if forces:
            rest = mujoco.MjData(model)
            mujoco.mj_kinematics(model, rest)
            self._place_of_rest = torch.from_numpy(rest.xpos.astype(np.float32)).to(self.device)
            self.xpos = self._new(torch.float32, model.nbody, 3)
            self.cfrc_ext = self._new(torch.float32, model.nbody, 6)
        self.reset()

    def reset(self, qpos: np.ndarray | Tensor | None = None, qvel: np.ndarray | Tensor | None = None) -> None:
        """Sets the clocks to zero and the state to the given one, where none is given to the body's rest.

        Args:
            qpos: Positions, float [W, nq].
            qvel: Velocities, float [W, nv].
        """
        rest = _shared(self._rest)
        self.time.zero_()
        self.qpos.copy_(rest if qpos is None else torch.as_tensor(qpos))
        self.qvel.zero_() if qvel is None else self.qvel.copy_(torch.as_tensor(qvel))
        state = torch.cat([self.qpos, self.qvel], 1)
        self.failed.copy_(~(state.abs() < LARGEST).all(1))  # no comparison holds for NaN
        self.qpos.copy_(torch.where(self.failed[:, None], rest, self.qpos))
        self.qvel.masked_fill_(self.failed[:, None], 0.0)
        if self._has_forces:
            self._place()

    def step(
        self, control: np.ndarray | Tensor, substeps: int, moving: np.ndarray | Tensor | None = None
    ) -> None:
        """Moves worlds by some physics steps under constant control.

        Args:
            control: float [W, nu].
            substeps: Physics steps, at least 1.
            moving: The worlds that move, bool [W]; None for all. Others stay as they are, whatever their
                control, and take no time.
        """
        import warp

        self._control.copy_(torch.as_tensor(control))
        self._moving.fill_(True) if moving is None else self._moving.copy_(torch.as_tensor(moving))
        with self._here():
            if substeps in self._graphs:
                stream = warp.get_stream() if self._warp_device.is_cuda else None
                warp.capture_launch(self._graphs[substeps], stream)
                return
            self._advance(substeps)  # compiles what is not compiled yet, which a capture must not meet
        if self._is_captured:
            # In a stream of Warp's own: torch's usual one is the device's default, which takes no capture.
            with warp.ScopedDevice(self._warp_device), warp.ScopedCapture(self._warp_device) as capture:
                self._advance(substeps)
            self._graphs[substeps] = capture.graph

    def _advance(self, substeps: int) -> None:
        """Launches a control step: checks, physics steps, and checks after each."""
        import mujoco_warp
        import warp

        from neuroevo.physics import warp_kernels

        data, shape = self._data, self.num_worlds
        state = [data.qpos, data.qvel, data.time]
        saved = [warp.from_torch(x) for x in self._saved]
        control, failed, moving, going = (
            warp.from_torch(x) for x in (self._control, self.failed, self._moving, self._going)
        )
        inputs = [control, moving, failed, going, *state]
        warp.launch(warp_kernels.begin, shape, inputs, [*saved, data.ctrl, data.overflow])
        for _ in range(substeps):
            mujoco_warp.step(self._model, data)
            inputs = [*saved, self._rest, data.qacc, data.overflow]
            warp.launch(warp_kernels.settle, shape, inputs, [*state, failed, going])
        if self._has_forces:
            mujoco_warp.rne_postconstraint(self._model, data)
            places = [warp.from_torch(self._place_of_rest, dtype=warp.vec3)]
            xpos = warp.from_torch(self.xpos, dtype=warp.vec3)
            forces = warp.from_torch(self.cfrc_ext, dtype=warp.spatial_vector)
            inputs = [going, failed, data.xpos, data.cfrc_ext, *places]
            warp.launch(warp_kernels.keep_forces, self.xpos.shape[:2], inputs, [xpos, forces])

    def _place(self) -> None:
        """Puts bodies where the positions say, and takes forces off."""
        import mujoco_warp

        with self._here():
            mujoco_warp.kinematics(self._model, self._data)
        self.xpos.copy_(_shared(self._data.xpos))
        self.cfrc_ext.zero_()

    def _new(self, dtype: torch.dtype, *shape: int) -> Tensor:
        """Returns zeros [W, ...] on the device."""
        return torch.zeros(self.num_worlds, *shape, dtype=dtype, device=self.device)

    @contextmanager
    def _here(self) -> Iterator[None]:
        """Makes Warp work on the device, on CUDA in the stream in which torch works."""
        import warp

        with warp.ScopedDevice(self._warp_device):
            if not self._warp_device.is_cuda:
                yield
                return
            with warp.ScopedStream(warp.stream_from_torch(self.device)):
                yield


def room(model: mujoco.MjModel) -> dict[str, int]:
    """Returns for how many contacts and constraints of a world there is to be room, as `make_data` asks.

    All shapes may touch the ground at once, and some each other. A world that wants more fails.

    Args:
        model: The compiled body.
    """
    import mujoco

    kinds = mujoco.mjtGeom
    types = np.array(model.geom_type)
    planes = int((types == kinds.mjGEOM_PLANE).sum())
    of_shape = {
        int(kinds.mjGEOM_CAPSULE): CONTACTS["plane-capsule"],
        int(kinds.mjGEOM_BOX): CONTACTS["plane-box"],
    }
    flags = mujoco.mjtDisableBit
    if model.opt.disableflags & (flags.mjDSBL_CONTACT | flags.mjDSBL_CONSTRAINT):
        return {"nconmax": 0, "njmax": int(model.njnt)}
    ground = planes * sum(of_shape.get(int(t), 1) for t in types if t != kinds.mjGEOM_PLANE)
    contacts = ground + SPARE
    return {"nconmax": contacts, "njmax": ROWS * contacts + int(model.njnt)}


def bytes_per_world(model: mujoco.MjModel) -> int:
    """Returns how much memory one more world of a body takes, in bytes, without any allocated on a GPU.

    Args:
        model: The compiled body.
    """
    warp, mujoco_warp = _libraries()
    model = lean(model)
    with warp.ScopedDevice("cpu"):
        one, two = (mujoco_warp.make_data(model, nworld=n, **room(model)) for n in (16, 32))
    return (_size(two) - _size(one)) // 16


def _libraries() -> tuple[ModuleType, ModuleType]:
    """Returns Warp and MuJoCo Warp, imported; what they do is not shown, what is wrong is."""
    import warp

    warp.config.log_level = max(warp.config.log_level, warp.LOG_WARNING)
    import mujoco_warp

    return warp, mujoco_warp


def _size(data: object) -> int:
    """Returns the bytes of all arrays of a structure and of those within it."""
    import warp

    total = 0
    for value in vars(data).values():
        if isinstance(value, warp.array):
            total += value.size * warp.types.type_size_in_bytes(value.dtype)
        elif hasattr(value, "__dataclass_fields__"):
            total += _size(value)
    return total


def _shared(array: warp.array) -> Tensor:
    """Returns a Warp array as a tensor on the same memory."""
    import warp

    return warp.to_torch(array, requires_grad=False)
