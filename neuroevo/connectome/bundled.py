"""The bundled wirings: of *C. elegans* and the brain of a fly larva, read from data/, and a planted control.

data/SOURCES.md tells where the tables are from.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

import numpy as np

from neuroevo.connectome.model import Connectome, edges_by_kind
from neuroevo.connectome.planted import planted
from neuroevo.connectome.reading import Reading

CORD_MOTOR = "DA+DB+DD+VA+VB+VD+AS"  # the seven classes that drive the body wall from the cord
COMMAND = "AVA+AVB+AVD+AVE+PVC"
HEAD_MOTOR = "RMD+SMD+RIM"
TOUCH = "ALM+AVM+PLM+PVM"

SUMMARIES = {
    "celegans": "C. elegans hermaphrodite: 302 neurons, 95 body-wall muscles; sensory in, motor out",
    "celegans-motor": "its locomotor circuit: 97 neurons, 95 muscles; cord motor neurons in, muscles out",
    "celegans-perimotor": "six repeating units of its cord: 66 motor neurons in, 72 muscles out",
    "larva": "fruit fly larva, the whole brain: 2,952 neurons; sensory in, descending and ring gland out",
    "planted": "no animal: six parallel lines of 48 cells, right on the task `lines`, a control",
}


def names() -> list[str]:
    """Returns the names of the bundled connectomes, which need no download."""
    return list(SUMMARIES)


@cache
def load(name: str) -> Connectome:
    """Returns a bundled connectome, read once.

    Args:
        name: One of `names()`.
    """
    if name == "planted":
        return planted()
    if name == "larva":
        return _larva()
    if name == "celegans-perimotor":
        return _table(name, "perimotor").with_ports("motor", "muscle")
    if name == "celegans":
        return _table(name, "celegans").with_ports("sensory", "motor")
    selector = "+".join((CORD_MOTOR, COMMAND, HEAD_MOTOR, TOUCH, "muscle"))
    return load("celegans").circuit(name, selector).with_ports(CORD_MOTOR, "muscle")


def _larva() -> Connectome:
    """Returns the brain of the larva, whose table holds what was published: autapses are left out here."""
    from neuroevo.connectome import readers  # wirings of the worm need none of them

    with resources.as_file(resources.files("neuroevo.connectome.data")) as folder:
        return readers.read(folder / "larva.csv.gz", Reading(autapses="drop"))


def _table(name: str, stem: str) -> Connectome:
    """Returns the wiring in a bundled pair of tables, unchecked, for data/build.py made them."""
    folder = resources.files("neuroevo.connectome.data")
    cells = list(csv.DictReader((folder / f"{stem}_cells.csv").read_text("utf-8").splitlines()))
    edges = csv.reader((folder / f"{stem}_edges.csv").read_text("utf-8").splitlines()[1:])
    columns = {column: tuple(cell[column] for cell in cells) for column in cells[0]}
    return Connectome(
        name=name,
        cells=columns["name"],
        role=columns["role"],
        cell_class=columns["class"],
        transmitter=columns["transmitter"],
        sign=np.array([int(sign) for sign in columns["sign"]]),
        position=np.array([[float(cell[axis] or "nan") for axis in "xyz"] for cell in cells]),
        **edges_by_kind(columns["name"], [(pre, post, kind, float(w)) for pre, post, kind, w in edges]),
        inputs=np.array([]),
        outputs=np.array([]),
    )
