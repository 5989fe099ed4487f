"""An architecture: one sampled wiring with its signs and ports, and the layout of its parameters."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass, fields, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Literal, TypedDict, Unpack

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.errors import ConnectomeError

Core = Literal["evolves", "frozen", "clock"]
CLOCK = 3  # parameters of a clock: amplitude, frequency, phase lag


class EdgeLists(TypedDict):
    """Edges as plain JSON types.

    Attributes:
        pre: Number of the presynaptic cell of each edge.
        post: Number of its postsynaptic cell.
        weight: Its weight.
    """

    pre: list[int]
    post: list[int]
    weight: list[float]


class ArchitectureJson(TypedDict):
    """An architecture as plain JSON types, under the names of the attributes of `Architecture`."""

    cells: list[str]
    dale: bool
    core: Core
    classes: list[str]
    notes: list[str]
    is_muscle: list[bool]
    sign: list[int]
    inputs: list[int]
    outputs: list[int]
    synapses: EdgeLists
    gap_junctions: EdgeLists


class ArchitectureChanges(TypedDict, total=False):
    """Those attributes of `Architecture` that shall differ from another one's; any may be missing."""

    cells: tuple[str, ...]
    is_muscle: np.ndarray
    sign: np.ndarray
    synapses: Edges
    gap_junctions: Edges
    inputs: np.ndarray
    outputs: np.ndarray
    dale: bool
    core: Core
    classes: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Architecture:
    """One wiring that a genome's parameters animate.

    Attributes:
        cells: Names of the N cells.
        is_muscle: bool [N].
        sign: int8 [N], +1 or -1, of every synapse a cell makes (Dale's principle).
        synapses: E chemical synapses, pre -> post; those onto muscles are neuromuscular. The weight is
            the strength before evolution, relative to the other synapses of the same target.
        gap_junctions: Symmetric electrical couplings, each pair once, pre < post.
        inputs: int32 [I], cells that take input.
        outputs: int32 [O], cells that give output.
        dale: True: each synapse keeps its sign and evolution acts on the logarithm of its weight.
            False: the weight itself evolves and may change sign.
        core: What of the wiring a search moves: "evolves", its synapses, gap junctions and biases; "frozen",
            nothing, only the adapters evolve; "clock", a travelling sine in place of cells and adapters.
        classes: Published class of every cell, as in a connectome; empty where cells have none.
        notes: What a reader of results must know of how this wiring came about, a sentence each, to be read
            after the prior's name; a prior that could not do all it promises says so here. Not part of the
            wiring, nor of its hash.
    """

    cells: tuple[str, ...]
    is_muscle: np.ndarray
    sign: np.ndarray
    synapses: Edges
    gap_junctions: Edges
    inputs: np.ndarray
    outputs: np.ndarray
    dale: bool = True
    core: Core = "evolves"
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, connectome: Connectome, **changes: Unpack[ArchitectureChanges]) -> Architecture:
        """Returns the exact wiring of a connectome.

        Args:
            connectome: Source wiring.
            changes: Values of fields that shall differ from the connectome's.
        """
        exact = cls(
            cells=connectome.cells,
            is_muscle=connectome.is_muscle,
            sign=connectome.sign,
            synapses=join(connectome.chemical, connectome.neuromuscular),
            gap_junctions=connectome.electrical,
            inputs=connectome.inputs,
            outputs=connectome.outputs,
            classes=connectome.cell_class,
        )
        return replace(exact, **changes)

    def as_connectome(self, name: str, source: Connectome) -> Connectome:
        """Returns the wiring as if it had been measured, so that it can be written and read as one.

        Args:
            name: What it is called.
            source: The connectome that it was sampled from, which knows more of the cells of the same names.
        """
        place = {cell: i for i, cell in enumerate(source.cells)}
        origin = [place.get(cell, -1) for cell in self.cells]
        muscle = self.is_muscle.tolist()

        def known(texts: tuple[str, ...], other: str) -> tuple[str, ...]:
            return tuple(texts[i] if i >= 0 else other for i in origin)

        role = tuple(
            "muscle" if m else source.role[i] if i >= 0 and source.role[i] != "muscle" else "interneuron"
            for i, m in zip(origin, muscle, strict=True)
        )
        position = np.full((self.num_cells, 3), np.nan, np.float32)
        has_place = np.array(origin) >= 0
        position[has_place] = source.position[np.array(origin)[has_place]]
        return Connectome(
            name=name,
            cells=self.cells,
            role=role,
            cell_class=self.cell_class,
            transmitter=known(source.transmitter, ""),
            sign=self.sign,
            position=position,
            chemical=self.chemical,
            neuromuscular=self.neuromuscular,
            electrical=self.gap_junctions,
            inputs=self.inputs,
            outputs=self.outputs,
            annotations={column: known(texts, "") for column, texts in source.annotations.items()},
            has_free_signs=source.has_free_signs,
        )

    @property
    def num_cells(self) -> int:
        """The number of cells, N."""
        return len(self.cells)

    @cached_property
    def cell_class(self) -> tuple[str, ...]:
        """Class of every cell; where none are known, "muscle" and "neuron"."""
        return self.classes or tuple("muscle" if muscle else "neuron" for muscle in self.is_muscle)

    @cached_property
    def chemical(self) -> Edges:
        """Synapses onto neurons."""
        return take(self.synapses, ~self.is_muscle[self.synapses.post])

    @cached_property
    def neuromuscular(self) -> Edges:
        """Synapses onto muscles."""
        return take(self.synapses, self.is_muscle[self.synapses.post])

    @property
    def electrical(self) -> Edges:
        """Gap junctions, under the connectome's name for them."""
        return self.gap_junctions

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of everything the network depends on: equal hashes are equal wirings."""
        digest = hashlib.sha256(repr((self.cells, self.dale, self.core)).encode())
        for edges in (self.synapses, self.gap_junctions):
            for array in (edges.pre, edges.post, edges.weight):
                digest.update(f"{len(array)}:".encode() + np.ascontiguousarray(array).tobytes())
        for array in (self.is_muscle, self.sign, self.inputs, self.outputs):
            digest.update(f"{len(array)}:".encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def without_dead_ends(self) -> Architecture:
        """Returns the part of the wiring that an output can depend on.

        A cell with no path to an output cell cannot change what the network does, nor can its
        parameters, so leaving it out keeps the function exactly and spares the search idle dimensions.

        Raises:
            ConnectomeError: If no input cell has a path to an output cell.
        """
        live = self._live()
        if not live[self.inputs].any():
            raise ConnectomeError(
                f"None of the {len(self.inputs)} input cells reaches one of the {len(self.outputs)} output "
                "cells; choose other ports with --inputs and --outputs."
            )
        return self if live.all() else self.keep(live)

    def is_crossed(self) -> bool:
        """Says whether an input cell has a path to an output cell."""
        return bool(self._live()[self.inputs].any())

    def constant(self) -> Architecture:
        """Returns input and output cells alone, which nothing joins: whatever is sensed, it answers the same.

        It takes the place of a wiring that no path crosses, and has as many inputs and outputs.
        """
        ports = np.zeros(self.num_cells, bool)
        ports[self.inputs] = ports[self.outputs] = True
        alone = self.keep(ports)
        edges = alone.synapses, alone.gap_junctions
        synapses, gap_junctions = (take(e, np.zeros(len(e), bool)) for e in edges)
        return replace(alone, synapses=synapses, gap_junctions=gap_junctions)

    def _live(self) -> np.ndarray:
        """Returns which cells have a path to an output cell, or are one, bool [N]."""
        rows = np.concatenate([self.synapses.pre, self.gap_junctions.pre, self.gap_junctions.post])
        cols = np.concatenate([self.synapses.post, self.gap_junctions.post, self.gap_junctions.pre])
        live = np.zeros(self.num_cells, bool)
        live[self.outputs] = True
        while True:
            grown = live.copy()
            grown[rows[live[cols]]] = True
            if (grown == live).all():
                return live
            live = grown

    def keep(self, live: np.ndarray) -> Architecture:
        """Returns the wiring among some of the cells, with those of their ports that remain.

        Args:
            live: bool [N], marks the cells that stay.
        """
        new = np.cumsum(live, dtype=np.int32) - 1

        def within(edges: Edges) -> Edges:
            among = take(edges, live[edges.pre] & live[edges.post])
            return Edges(new[among.pre], new[among.post], among.weight)

        return replace(
            self,
            cells=tuple(np.array(self.cells, object)[live]),
            is_muscle=self.is_muscle[live],
            sign=self.sign[live],
            synapses=within(self.synapses),
            gap_junctions=within(self.gap_junctions),
            inputs=new[self.inputs[live[self.inputs]]],
            outputs=new[self.outputs[live[self.outputs]]],
            classes=tuple(np.array(self.classes, object)[live]) if self.classes else (),
        )

    @cached_property
    def core_layout(self) -> Layout:
        """Parameters of the wiring itself; a blueprint adds those of adapters and of neurons' constants."""
        if self.core == "clock":
            return Layout(clock=CLOCK)
        if self.core == "frozen":
            return Layout()
        return Layout(
            synapses=len(self.synapses), gap_junctions=len(self.gap_junctions), biases=self.num_cells
        )

    def to_dict(self) -> ArchitectureJson:
        """Returns the architecture as plain JSON types; `from_dict` reads it back."""

        def edges(e: Edges) -> EdgeLists:
            return {"pre": e.pre.tolist(), "post": e.post.tolist(), "weight": e.weight.tolist()}

        return {
            "cells": list(self.cells),
            "dale": self.dale,
            "core": self.core,
            "classes": list(self.classes),
            "notes": list(self.notes),
            "is_muscle": self.is_muscle.tolist(),
            "sign": self.sign.tolist(),
            "inputs": self.inputs.tolist(),
            "outputs": self.outputs.tolist(),
            "synapses": edges(self.synapses),
            "gap_junctions": edges(self.gap_junctions),
        }

    @classmethod
    def from_dict(cls, data: ArchitectureJson) -> Architecture:
        """Returns the architecture that `to_dict` wrote.

        Args:
            data: What `to_dict` returned, or the same read from JSON.
        """

        def edges(e: EdgeLists) -> Edges:
            return Edges(
                np.array(e["pre"], np.int32), np.array(e["post"], np.int32), np.array(e["weight"], np.float32)
            )

        return cls(
            cells=tuple(data["cells"]),
            is_muscle=np.array(data["is_muscle"], bool),
            sign=np.array(data["sign"], np.int8),
            synapses=edges(data["synapses"]),
            gap_junctions=edges(data["gap_junctions"]),
            inputs=np.array(data["inputs"], np.int32),
            outputs=np.array(data["outputs"], np.int32),
            dale=bool(data["dale"]),
            core=data["core"],
            classes=tuple(data["classes"]),
            notes=tuple(data["notes"]),
        )


@dataclass(frozen=True)
class Layout:
    """Sizes of the consecutive parts of a parameter vector, in order.

    Attributes:
        synapses: Strengths of synapses, one each.
        gap_junctions: Strengths of gap junctions, one each.
        biases: Biases of cells, one each.
        constants: Constants of the neuron model, where they evolve.
        clock: Parameters of a clock in place of cells.
        encoder: Parameters of the map from sensors to input cells.
        decoder: Parameters of the map from output cells to actuators, the last of them a bias for each
            actuator.
    """

    synapses: int = 0
    gap_junctions: int = 0
    biases: int = 0
    constants: int = 0
    clock: int = 0
    encoder: int = 0
    decoder: int = 0

    @property
    def core(self) -> int:
        """The number of parameters of the wiring itself."""
        return self.length - self.adapters

    @property
    def adapters(self) -> int:
        """The number of parameters of the maps from sensors to cells and from cells to actuators."""
        return self.encoder + self.decoder

    @property
    def length(self) -> int:
        """The length of the parameter vector, L."""
        return sum(self.sizes)

    @property
    def sizes(self) -> list[int]:
        """The sizes in order, for `torch.split`."""
        return list(astuple(self))

    @property
    def parts(self) -> dict[str, slice]:
        """Where each part lies in a parameter vector, by name, in order."""
        ends = list(accumulate(self.sizes, initial=0))
        return {f.name: slice(*bounds) for f, bounds in zip(fields(self), pairwise(ends), strict=True)}


def take(edges: Edges, mask: np.ndarray) -> Edges:
    """Returns some of the edges, in their order.

    Args:
        edges: E edges.
        mask: bool [E], marks those that are returned.
    """
    return Edges(edges.pre[mask], edges.post[mask], edges.weight[mask])


def join(*parts: Edges) -> Edges:
    """Returns several lists of edges as one, sorted by (pre, post).

    Args:
        parts: Lists that have no edge in common.
    """
    pre = np.concatenate([e.pre for e in parts])
    post = np.concatenate([e.post for e in parts])
    weight = np.concatenate([e.weight for e in parts])
    order = np.lexsort((post, pre))
    return Edges(pre[order], post[order], weight[order])
