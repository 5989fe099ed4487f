"""Readers of published wirings: from an opened wheel to a Connectome.

Each reads data files, and lists of cell names in source files, as text. What the sources do not say is
decided in neuroevo/data/SOURCES.md.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zipfile import ZipFile

import numpy as np

from neuroevo import connectome
from neuroevo.connectome import Connectome, Edges

UNSPECIFIED_MUSCLE = "BWM"  # older data sets have one cell for the whole body wall
MALE_ROLES = {
    "MALE_HEAD_SENSORY_NEURONS": "sensory",
    "MALE_NON_HEAD_SENSORY_NEURONS": "sensory",
    "MALE_HEAD_INTERNEURONS": "interneuron",
    "MALE_NON_HEAD_INTERNEURONS": "interneuron",
}
MUSHROOM_BODY = {"P": "PN", "K": "KC", "I": "MBIN", "O": "MBON"}  # labels of the source, and usual names


@dataclass(frozen=True)
class _Cell:
    """What is known of a cell; muscles have the class muscle."""

    role: str
    cell_class: str
    transmitter: str = ""
    sign: int = 1
    position: Sequence[float] = (np.nan, np.nan, np.nan)


def worm(
    name: str, wheel: ZipFile, *, reader: str, is_male: bool = False, is_adult: bool = False
) -> Connectome:
    """Returns neurons and body-wall muscles of one C. elegans data set; sensory cells in, motor cells out.

    Roles, classes, transmitters and signs are those of the bundled animal; what only males have is looked
    up in the wheel. Autapses and other cells are left out.

    Args:
        name: What it is called.
        wheel: The wheel of cect.
        reader: Name of the data set's reader there, after which its cached arrays are named.
        is_male: Whether cells that only males have are neurons too.
        is_adult: Whether soma positions, which are an adult hermaphrodite's, are given.
    """
    data = json.loads(wheel.read(f"cect/cache/{reader}.json"))
    known = _hermaphrodite(is_adult)
    if is_male:
        known.update(_male(wheel))
    present = sorted(set(data["nodes"]) & set(known), key=lambda c: (known[c].role == "muscle", c))
    place = np.ix_(*[[data["nodes"].index(cell) for cell in present]] * 2)
    chemical, electrical = (np.array(data["connections"][k])[place] for k in ("Generic_CS", "Generic_GJ"))
    found = _connectome(name, {cell: known[cell] for cell in present}, chemical, electrical)
    return found.with_ports("sensory", "motor")


def optic_lobe(name: str, wheel: ZipFile) -> Connectome:
    """Returns the cell types of the fly's visual system; photoreceptors in, the source's output types out.

    A weight is the number of synapses that one cell receives from all cells of a type. Connections within a
    type are left out, and so are those whose sign is not that of most synapses of their type.

    Args:
        name: What it is called.
        wheel: The wheel of flyvis.
    """
    data = json.loads(wheel.read("flyvis/connectome/fib25-fib19_v2.2.json"))
    types = [node["name"] for node in data["nodes"]]
    place = {cell: i for i, cell in enumerate(types)}
    signed = np.zeros((len(types), len(types)))
    for edge in data["edges"]:
        number = sum(synapses for _, synapses in edge["offsets"])
        signed[place[edge["src"]], place[edge["tar"]]] = edge["alpha"] * number
    np.fill_diagonal(signed, 0)
    sign = np.where(signed.sum(1) < 0, -1, 1)
    sensory = set(data["input_units"])
    cells = {
        c: _Cell("sensory" if c in sensory else "interneuron", c, sign=int(s))
        for c, s in zip(types, sign, strict=True)
    }
    weight = np.maximum(signed * sign[:, None], 0)
    found = _connectome(name, cells, weight, np.zeros_like(weight))
    return found.with_ports("sensory", "+".join(data["output_units"]))


def mushroom_body(name: str, wheel: ZipFile, *, side: str) -> Connectome:
    """Returns a mushroom body of the fly larva; projection neurons in, mushroom body output neurons out.

    Cells are numbered within their class, in the order of the source; all are interneurons and excite, for
    the source gives no signs.

    Args:
        name: What it is called.
        wheel: The wheel of graspologic.
        side: "left" or "right".
    """
    folder = "graspologic/datasets/drosophila"
    labels = wheel.read(f"{folder}/{side}_cell_labels.csv").decode().split()
    weight = np.loadtxt(wheel.read(f"{folder}/{side}_adjacency.csv").decode().splitlines())
    cells: dict[str, _Cell] = {}
    for i, label in enumerate(labels):
        number = labels[: i + 1].count(label)
        cells[f"{MUSHROOM_BODY[label]}{number}"] = _Cell("interneuron", MUSHROOM_BODY[label])
    return _connectome(name, cells, weight, np.zeros_like(weight)).with_ports("PN", "MBON")


def _connectome(
    name: str, cells: Mapping[str, _Cell], chemical: np.ndarray, electrical: np.ndarray
) -> Connectome:
    """Returns a wiring without ports from matrices [N, N], presynaptic cells in rows."""
    muscle = np.array([cell.role == "muscle" for cell in cells.values()])
    chemical = chemical * ~np.eye(len(cells), dtype=bool)
    return Connectome(
        name=name,
        cells=tuple(cells),
        role=tuple(cell.role for cell in cells.values()),
        cell_class=tuple(cell.cell_class for cell in cells.values()),
        transmitter=tuple(cell.transmitter for cell in cells.values()),
        sign=np.array([cell.sign for cell in cells.values()]),
        position=np.array([cell.position for cell in cells.values()]),
        chemical=_edges(chemical * ~muscle),
        neuromuscular=_edges(chemical * muscle),
        electrical=_edges(np.triu(electrical, 1)),
        inputs=np.array([]),
        outputs=np.array([]),
    )


def _edges(matrix: np.ndarray) -> Edges:
    """Returns the entries of a matrix as edges, sorted."""
    pre, post = np.nonzero(matrix)
    return Edges(pre, post, matrix[pre, post])


def _hermaphrodite(has_positions: bool) -> dict[str, _Cell]:
    """Returns the cells of the bundled animal, and the muscle cell that older data sets have."""
    whole = connectome.load("celegans")
    unknown = np.full(whole.position.shape, np.nan)
    columns = (
        whole.role,
        whole.cell_class,
        whole.transmitter,
        whole.sign.tolist(),
        (whole.position if has_positions else unknown).tolist(),
    )
    cells = {c: _Cell(*row) for c, *row in zip(whole.cells, *columns, strict=True)}
    return cells | {UNSPECIFIED_MUSCLE: _Cell("muscle", "muscle")}


def _male(wheel: ZipFile) -> dict[str, _Cell]:
    """Returns the cells that only males have; those that release GABA alone inhibit."""
    lists = {}
    for node in ast.parse(wheel.read("cect/Cells.py")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id in MALE_ROLES:
                lists[node.targets[0].id] = ast.literal_eval(node.value)
    atlas = json.loads(wheel.read("cect/cache/Wang2024MaleReader.json"))
    place = {cell: i for i, cell in enumerate(atlas["nodes"])}
    cells = {}
    for group, role in MALE_ROLES.items():
        for cell in lists[group]:
            # A cell releases what its synapses are labelled with; acetylcholine comes first in the atlas.
            rows = (
                {t: matrix[place[cell]] for t, matrix in atlas["connections"].items()}
                if cell in place
                else {}
            )
            released = [transmitter for transmitter, row in rows.items() if any(row)]
            sign = -1 if released == ["GABA"] else 1
            cells[cell] = _Cell(role, _male_class(cell), "+".join(released), sign)
    return cells


def _male_class(name: str) -> str:
    """Returns the class of a cell that only males have: CA01 -> CA, CEMDL -> CEM, R1AL -> R1A, PVX -> PVX."""
    if numbered := re.fullmatch(r"(CA|CP|DX|EF)\d+", name):
        return numbered[1]
    stem = name.removesuffix("L").removesuffix("R")
    return stem[:-1] if len(stem) == 4 and stem[-1] in "DV" else stem
