"""Whole nervous systems of flies, by name: what was published where, under which licence, and how it is read.

`run.py fetch NAME` brings one (`fetching`), distils it to two tables that are read like any other, and shows
its licence. Sizes, sums and columns are those that the sources and their readers state; none of these files
was downloaded while this was written. data/SOURCES.md tells more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from neuroevo import files
from neuroevo.connectome.model import Connectome
from neuroevo.connectome.reading import Reading
from neuroevo.downloads import cache_folder
from neuroevo.errors import DataError, RunError
from neuroevo.transfers import Pinned, digest_of, megabytes

PROVENANCE = "provenance.json"
_GOOGLE = "https://storage.googleapis.com"
_LEE = f"{_GOOGLE}/lee-lab_brain-and-nerve-cord-fly-connectome/compiled_data"
_MALE = f"{_GOOGLE}/flyem-male-cns/v1.0/connectome-data/flat-connectome"
_CODEX = f"{_GOOGLE}/flywire-data/codex/data/fafb/783"


@dataclass(frozen=True)
class Published:
    """A published file, and which of its columns say what.

    Attributes:
        pinned: The file.
        columns: Our headers, each with those that the source may use for it, the likeliest first. A table of
            edges has `pre`, `post` and `weight`; one of cells has `name`.
        member: How the name of the table ends, in a packed folder; "" of a file that is the table.
        needs: A column of cells without which a row is no cell; "" takes all.
    """

    pinned: Pinned
    columns: Mapping[str, tuple[str, ...]]
    member: str = ""
    needs: str = ""


@dataclass(frozen=True)
class Dataset:
    """A nervous system as it was published.

    Attributes:
        summary: A line about it.
        licence: Its licence, and what else is asked of whoever uses it.
        paper: What to cite.
        edges: The table of edges.
        cells: Tables of cells: the first has every cell, others say more of them.
        notes: What a reader of results must know.
    """

    summary: str
    licence: str
    paper: str
    edges: Published
    cells: tuple[Published, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def files(self) -> tuple[Pinned, ...]:
        """The files that are fetched, each once."""
        return tuple(dict.fromkeys(table.pinned for table in (self.edges, *self.cells)))

    @property
    def size(self) -> int:
        """Bytes to fetch."""
        return sum(file.size for file in self.files)


def _same(*headers: str) -> dict[str, tuple[str, ...]]:
    """Returns columns that are called here as in the source."""
    return {header: (header,) for header in headers}


_CODEX_CELLS = (
    Published(
        Pinned(
            "neurons.csv.gz",
            f"{_CODEX}/neurons.csv.gz",
            1_679_884,
            "sha256:6a6b3759e635f0f35a677d169052362131ec61d95f55919298b55c43fce4e719",
        ),
        {"name": ("root_id",), "transmitter": ("nt_type",), "confidence": ("nt_type_score",)}
        | _same("group"),
    ),
    Published(
        Pinned(
            "classification.csv.gz",
            f"{_CODEX}/classification.csv.gz",
            934_402,
            "sha256:e946b552f4056dfc977707be0674609832c3f64332a22d69dc0d9615e7aae663",
        ),
        {"name": ("root_id",), "class": ("class",)}
        | _same("flow", "super_class", "sub_class", "hemilineage", "side", "nerve"),
    ),
)
_FLYWIRE_PAPER = (
    "Dorkenwald et al. (2024), Neuronal wiring diagram of an adult brain, Nature 634, and Schlegel et al. "
    "(2024), Whole-brain annotation and multi-connectome cell typing of Drosophila, Nature 634"
)
_FLYWIRE_LICENCE = "CC BY 4.0 at Zenodo; pages of FlyWire state CC BY-NC: ask them before commercial use"
_FLYWIRE_NOTE = "A class is that of FlyWire's classification, coarse, and empty for many cells."

_HEMIBRAIN = Pinned(
    "exported-traced-adjacencies-v1.2.tar.gz",
    f"{_GOOGLE}/hemibrain/v1.2/exported-traced-adjacencies-v1.2.tar.gz",
    45_872_577,
    "sha256:07d8946eb0c4e3a5cb23d5769c9817847494f9fcadbc0ca239eed7bbd5555cf7",
)

DATASETS: Mapping[str, Dataset] = {
    "manc": Dataset(
        "male adult nerve cord of the fruit fly, MANC 1.2.1: 23,650 neurons, 5.3 million edges",
        "CC BY 4.0",
        "Takemura et al. (2024), A connectome of the male Drosophila ventral nerve cord, eLife 13, RP97769",
        Published(
            Pinned(
                "manc_121_simple_edgelist.feather",
                f"{_LEE}/manc_121/manc_121_simple_edgelist.feather",
                87_386_906,
                "sha256:c3f9ca6dc9d100e72299b41136d373ffcd60b328624cbfd6ac145f071e0b28ac",
            ),
            {"pre": ("pre",), "post": ("post",), "weight": ("count",)},
        ),
        (
            Published(
                Pinned(
                    "manc_121_meta.feather",
                    f"{_LEE}/manc_121/manc_121_meta.feather",
                    1_446_722,
                    "sha256:067c88e687ade67bd1e69b88765b4b21596280618cefde0fa43117d4af4a9439",
                ),
                {
                    "name": (
                        "manc_121_id",
                        "manc_v1_2_1_id",
                        "manc_id",
                        "bodyid",
                        "body_id",
                        "root_id",
                        "id",
                    ),
                    "class": ("cell_type", "type"),
                    "transmitter": ("neurotransmitter_predicted", "top_nt", "predicted_nt"),
                    "confidence": ("neurotransmitter_score", "predicted_nt_confidence"),
                }
                | _same("super_class", "flow", "cell_class", "hemilineage", "side", "nerve"),
            ),
        ),
    ),
    "hemibrain": Dataset(
        "half of a fruit fly's central brain, hemibrain 1.2: 21,739 neurons, 3.6 million edges",
        "CC BY 4.0",
        "Scheffer et al. (2020), A connectome and analysis of the adult Drosophila central brain, eLife 9, "
        "e57443",
        Published(
            _HEMIBRAIN,
            {"pre": ("bodyId_pre",), "post": ("bodyId_post",), "weight": ("weight",)},
            member="traced-total-connections.csv",
        ),
        (
            Published(
                _HEMIBRAIN,
                {"name": ("bodyId",), "class": ("type",)} | _same("instance"),
                member="traced-neurons.csv",
            ),
        ),
        ("These files say neither what a cell senses or moves nor what it releases.",),
    ),
    "flywire": Dataset(
        "brain of an adult female fruit fly, FlyWire 783, pairs of 5 synapses or more: 2.7 million edges",
        _FLYWIRE_LICENCE,
        _FLYWIRE_PAPER,
        Published(
            Pinned(
                "connections.csv.gz",
                f"{_CODEX}/connections.csv.gz",
                50_289_304,
                "sha256:d49dd692e59e153aa3c83f5257bfc0eff51247b86d7bb183386c6d1622c70fc9",
            ),
            {"pre": ("pre_root_id",), "post": ("post_root_id",), "weight": ("syn_count",)},
        ),
        _CODEX_CELLS,
        (_FLYWIRE_NOTE,),
    ),
    "flywire-all": Dataset(
        "the same brain with every synapse of its proofread neurons: 139,255 neurons, 15 million edges",
        _FLYWIRE_LICENCE,
        _FLYWIRE_PAPER,
        Published(
            Pinned(
                "proofread_connections_783.feather",
                "https://zenodo.org/records/10676866/files/proofread_connections_783.feather?download=1",
                852_022_274,
                "md5:f48f972d262323a102aed49af1396b8a",
            ),
            {"pre": ("pre_pt_root_id",), "post": ("post_pt_root_id",), "weight": ("syn_count",)},
        ),
        _CODEX_CELLS,
        (_FLYWIRE_NOTE,),
    ),
    "banc": Dataset(
        "brain and nerve cord of an adult female fruit fly, BANC 888: 155,858 neurons, 11.8 million edges",
        "CC BY 4.0",
        "Bates et al. (2025), Distributed control circuits across a brain-and-cord connectome, bioRxiv",
        Published(
            Pinned(
                "banc_888_edgelist_simple_v2.feather",
                f"{_LEE}/banc_888/banc_888_edgelist_simple_v2.feather",
                305_250_378,
                "sha256:363fdef3813b72a5e45a42f17034cd5a544b654c838929cecf6e1ce5f60625cb",
            ),
            {"pre": ("pre",), "post": ("post",), "weight": ("count",)},
        ),
        (
            Published(
                Pinned(
                    "banc_888_meta.feather",
                    f"{_LEE}/banc_888/banc_888_meta.feather",
                    57_503_026,
                    "sha256:86ccf5df0c67419f8c5f43e93a7ed38d23a080e9f7fde26737290252f3780098",
                ),
                {
                    "name": ("banc_888_id",),
                    "class": ("cell_type",),
                    "transmitter": ("neurotransmitter_predicted",),
                    "confidence": ("neurotransmitter_score",),
                }
                | _same("proofread", "super_class", "flow", "cell_class", "hemilineage", "side", "nerve"),
            ),
        ),
    ),
    "malecns": Dataset(
        "nervous system of an adult male fruit fly, MaleCNS 1.0: 166,700 neurons, 25 million edges",
        "CC BY 4.0",
        "Berg et al. (2025), Sexual dimorphism in the complete connectome of the Drosophila male central "
        "nervous system, bioRxiv; release 1.0 of June 2026",
        Published(
            Pinned(
                "connectome-weights-male-cns-v1.0-minconf-0.5.feather",
                f"{_MALE}/connectome-weights-male-cns-v1.0-minconf-0.5.feather",
                1_051_241_946,
                "sha256:e35da783d1c686b2b58b3b87cd6a403ae43bfcfba8bff28e08ef752c1a56afc1",
            ),
            {"pre": ("body_pre",), "post": ("body_post",), "weight": ("weight",)},
        ),
        (
            Published(
                Pinned(
                    "body-annotations-male-cns-v1.0-minconf-0.5.feather",
                    f"{_MALE}/body-annotations-male-cns-v1.0-minconf-0.5.feather",
                    14_483_314,
                    "sha256:2177e246113e4cfbf1e7772ec37c6da1955ff22e8063d0b1f833101f99a9a3b2",
                ),
                {"name": ("bodyId",), "class": ("type",), "cell_class": ("class",), "side": ("somaSide",)}
                | _same("superclass", "subclass", "status", "flywireType", "mancType"),
                needs="superclass",
            ),
            Published(
                Pinned(
                    "body-neurotransmitters-male-cns-v1.0.feather",
                    f"{_MALE}/body-neurotransmitters-male-cns-v1.0.feather",
                    43_282_834,
                    "sha256:95c9289220663abeb3409f3ad9e5a7f8a53f8093f5139d15502cd08da8879621",
                ),
                {
                    "name": ("body",),
                    "transmitter": ("consensus_nt", "predicted_nt"),
                    "confidence": ("predicted_nt_confidence",),
                },
            ),
        ),
        ("Cells are the bodies with a superclass; edges of all others are left out.",),
    ),
}


def names() -> list[str]:
    """Returns the names of the data sets."""
    return list(DATASETS)


def summaries() -> dict[str, str]:
    """Returns a line about each of them by name, with what is to be fetched."""
    return {
        name: f"{data.summary} ({megabytes(data.size)}: run.py fetch {name})"
        for name, data in DATASETS.items()
    }


def folder_of(name: str) -> Path:
    """Returns where the tables of a data set are kept; the folder may be missing.

    Args:
        name: One of `names()`.
    """
    return cache_folder() / "datasets" / name


def is_here(name: str) -> bool:
    """Says whether a data set was fetched, of the files that are pinned now.

    Args:
        name: One of `names()`.
    """
    return _provenance(name) is not None


def load(name: str, reading: Reading) -> Connectome:
    """Returns the wiring of a data set that was fetched.

    Args:
        name: One of `names()`.
        reading: What becomes of its cells and edges.

    Raises:
        DataError: If it was not fetched, or its tables are not as they were made.
        ConnectomeError: If nothing is left of it, or its signs need a rule.
    """
    from neuroevo.connectome import readers  # with them pyarrow; whoever lists names needs neither

    data, known = DATASETS[name], _provenance(name)
    if known is None:
        raise DataError(
            f"{name!r} is not on this machine; fetch it once: run.py fetch {name} ({megabytes(data.size)}, "
            f"licence {data.licence})."
        )
    folder = folder_of(name)
    for table, digest in known["tables"].items():
        path = folder / table
        if not path.exists() or digest_of(path, "sha256") != digest:
            raise DataError(f"{path} is not as it was made; fetch it again: run.py fetch {name} --again.")
    wiring = readers.read(folder / f"{name}.parquet", reading)
    left_out = {what: number for what, number in known["left_out"].items() if number}
    notes = (f"Data set {name}: {data.paper}. Licence: {data.licence}.", *data.notes)
    return wiring.accounted(left_out, notes=notes)


def _provenance(name: str) -> dict | None:
    """Returns what was written when a data set was distilled; None if it was not, or of other files."""
    path = folder_of(name) / PROVENANCE
    try:
        known = files.parse(files.read(path, missing=b"{}"), path)
    except RunError:  # what cannot be read is fetched again
        return None
    return dict(known) if known.get("files") == {f.name: f.digest for f in DATASETS[name].files} else None
