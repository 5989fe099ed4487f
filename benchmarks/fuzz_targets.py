"""What is fuzzed: each kind of outside data, with files that are valid, and what reads them.

An input is a file, or several joined by SEPARATOR. Sums and compression would hide what is behind them, so an
archive is packed of its members, and a checkpoint signed, after they were changed; a lone part is the file as
it stands.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import openpyxl
import scipy.io
import scipy.sparse
from pyarrow import feather, parquet

import populations
import tasks as _tasks
from neuroevo import checkpoint, plugins
from neuroevo.connectome import catalog, readers, writing
from neuroevo.connectome.frames import DELIMITERS
from neuroevo.connectome.graphs import to_networkx
from neuroevo.connectome.model import Connectome
from neuroevo.errors import RegistryError, unknown
from neuroevo.experiment.by_task import margins
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.study import Study
from neuroevo.network import adapters
from neuroevo.network.constants import Table
from neuroevo.network.neurons import MODELS, Neuron
from neuroevo.report.build import judge
from neuroevo.report.replay import champions, replay_folder
from neuroevo.report.replay.replay_folder import Drawing
from neuroevo.report.scores_evidence import Question, evidence_of
from neuroevo.report.scores_file import ScoresFile
from neuroevo.run_folder import RunFolder
from neuroevo.search import methods
from neuroevo.trust import Trust
from neuroevo.workers.ray_cluster import Workers
from tasks import idx, image_files
from tasks.sources import FILES as IDX_FILES

REGISTERED = (populations, _tasks)  # importing them registers what they hold
RING = np.array([[0, 2, 0], [0, 0, 0.5], [-1, 0, 0]])  # three cells, one of which inhibits
MOST_LETTERS = 1000  # of the name of a member of an archive
SEPARATOR = b"\n~~~~\n"
KEYS = ("train_images", "train_labels", "test_images", "test_labels")
RUN_FILES = ("config.toml", "manifest.json", "metrics.jsonl", "results.jsonl", "selection.jsonl")
REPLAY_FILES = ("replay/replay.json", "replay/best/behaviour.png", "replay/best/behaviour.svg")
CHAMPION = ("swimmer", "connectome", 0, 0)
CHAMPION_PARTS = ("architecture.json", "parameters.safetensors")
CHAMPION_FILES = tuple(str(RunFolder(Path()).champion_path(CHAMPION) / name) for name in CHAMPION_PARTS)

Parts = list[bytes]
Files = dict[str, bytes]
Reader = Callable[[Path], object]


@dataclass(frozen=True)
class Target:
    """A kind of outside data.

    Attributes:
        corpus: Writes valid data into an empty folder, and returns them as lists of parts.
        pack: Makes files, by their path, of parts.
        readers: What reads the folder of these files; each by itself.
    """

    corpus: Callable[[Path], Iterator[Parts]]
    pack: Callable[[Parts], Files]
    readers: Sequence[Reader]


# --- parts and files ----------------------------------------------------------------------------------


def named(*names: str) -> Callable[[Parts], Files]:
    """Returns what gives parts, which may be fewer, these names."""
    return lambda parts: dict(zip(names, parts, strict=False))


def archived(name: str) -> Callable[[Parts], Files]:
    """Returns what packs an archive of parts, a name and an array by turns."""

    def pack(parts: Parts) -> Files:
        if len(parts) == 1:
            return {name: parts[0]}
        letters = [part.decode("latin-1")[:MOST_LETTERS] for part in parts[::2]]
        names = [zipfile.ZipInfo(name).filename or "x" for name in letters]
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for member, content in dict(zip(names, parts[1::2], strict=False)).items():
                archive.writestr(zipfile.ZipInfo(member), content)
        return {name: file.getvalue()}

    return pack


def compressed(parts: Parts) -> Files:
    """Returns IDX files; a part that begins with "gz:" is compressed."""
    pairs = zip(IDX_FILES, parts, strict=False)
    return dict(
        (f"{name}.gz", gzip.compress(part[3:], 1, mtime=0)) if part[:3] == b"gz:" else (name, part)
        for name, part in pairs
    )


def signed(parts: Parts) -> Files:
    """Returns a checkpoint of a header of tensors, a state and data, with the sum that belongs to them."""
    import safetensors.numpy

    if len(parts) < 3:
        return {checkpoint.NEWEST: parts[0]}
    header, state, data = parts[:3]
    try:
        arrays = safetensors.numpy.load(len(header).to_bytes(8, "little") + header + data)
        metadata = {"state": state.decode(), "sha256": checkpoint._digest(arrays, state.decode())}
        header = json.dumps({**json.loads(header), "__metadata__": metadata}).encode()
    except Exception:  # as it stands then
        pass
    return {checkpoint.NEWEST: len(header).to_bytes(8, "little") + header + data}


# --- valid data ---------------------------------------------------------------------------------------


def tiny() -> Connectome:
    """Returns six cells of the worm with all kinds of edges."""
    return catalog.load("celegans").circuit("tiny", "AVA+DD1+VA1+MDL08+MDL09").with_ports("AVA", "muscle")


def saved(write: Callable[..., object], *contents: Any) -> bytes:
    """Returns what a function writes to a file."""
    file = io.BytesIO()
    write(file, *contents)
    return file.getvalue()


def tables(suffix: str) -> Callable[[Path], Iterator[Parts]]:
    def corpus(folder: Path) -> Iterator[Parts]:
        wiring = tiny()
        writing.write(wiring, folder, "a")
        cells = "name,role,class,transmitter,sign,x,y,z,input,output\nAVA,sensory,AV,GABA,-1,1,2.5,,1,0\n"
        cells += "VA1,motor,VA,Acetylcholine+GABA,+1,,,,0,\nm1,muscle,,,,,,,,yes\n"
        edges = "pre,post\nAVA,VA1\nVA1,m1\n"
        whole = [(folder / name).read_text() for name in writing.files_of("a", "csv")]
        grid = ",AVA,VA1\nAVA,0,2\nVA1,1.5,0\n"
        published = "body_pre,body_post,weight,type\n1,2,3,EJ\n2,1,3,EJ\n1,3,4,nmj\n"
        for table, *others in ([whole[0]], whole, [edges], [edges, cells], [grid], [published]):
            table = table.replace(",", DELIMITERS[suffix])
            yield [text.encode() for text in (table, *others)]

    return corpus


def stored(folder: Path) -> Iterator[Parts]:
    """Yields tables of edges in a format with types; that of cells is text."""
    writing.write(tiny(), folder, "a", "parquet")
    edges = parquet.read_table(folder / "a.parquet")
    for table in (edges, edges.select(["pre", "post", "kind"])):
        yield [saved(lambda file, table=table: parquet.write_table(table, file))]
        yield [
            saved(lambda file, table=table: feather.write_feather(table, file, compression="uncompressed"))
        ]


def workbooks(folder: Path) -> Iterator[Parts]:
    for rows in ([[None, "a", "b"], ["a", 0, 2], ["b", 1.5, None]], [["pre", "post"], ["a", "b"]]):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        yield [saved(lambda file, book=book: book.save(file))]


def arrays_npy(folder: Path) -> Iterator[Parts]:
    for array in (RING, RING.astype(np.float32).T, np.abs(RING).astype(np.uint8)):
        yield [saved(np.save, array)]


def arrays_npz(folder: Path) -> Iterator[Parts]:
    gaps = np.abs(RING + RING.T)
    several = saved(lambda file: np.savez(file, chemical=RING, electrical=gaps))
    kinds = (getattr(scipy.sparse, f"{kind}_array") for kind in ("csr", "csc", "bsr", "dia", "coo"))
    sparse = [saved(scipy.sparse.save_npz, kind(RING), False) for kind in kinds]
    for content in (several, *sparse, saved(np.savez_compressed, RING)):
        yield [content]
        yield members(content)


def members(content: bytes) -> Parts:
    """Returns names and contents of the members of an archive by turns."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [part for name in archive.namelist() for part in (name.encode(), archive.read(name))]


def matrix_market(folder: Path) -> Iterator[Parts]:
    mirrored = np.abs(RING + RING.T)
    cells = b"name,role\na,sensory\nb,motor\nc,muscle\n"
    for content in (RING, scipy.sparse.coo_array(RING), mirrored, scipy.sparse.coo_array(mirrored)):
        yield [saved(scipy.io.mmwrite, content)]
    pattern = b"%%MatrixMarket matrix coordinate pattern general\n% of three\n3 3 2\n1 2\n2 3\n"
    yield from ([pattern], [pattern, cells])


def graphs(suffix: str) -> Callable[[Path], Iterator[Parts]]:
    def corpus(folder: Path) -> Iterator[Parts]:
        graph, plain = to_networkx(tiny()), nx.DiGraph([("1", "2"), ("2", "3")])
        if suffix == ".json":
            yield from ([json.dumps(nx.node_link_data(g, edges="edges")).encode()] for g in (graph, plain))
        elif suffix == ".net":
            yield [b'*vertices 3\n1 "A"\n2 "B" 0.1 0.2 box\n3 "C"\n*arcs\n1 2 2.5\n2 3 1\n']
        else:
            write = getattr(nx, f"write_{suffix[1:]}")
            yield from ([saved(lambda file, g=g: write(g, file))] for g in (graph, plain))

    return corpus


def constant_tables(folder: Path) -> Iterator[Parts]:
    yield [b"class,a,b,c,d\nVB,0.02,0.2,-65,8\n*,0.02,0.25,-58,0\n"]
    yield [b"cell,leak\nAVAL,0.5\n*,0.25\n"]
    yield [b"cell,decay,threshold\nAVAL,0.5,1\n*,0.25,2\n"]


def specifications(folder: Path) -> Iterator[Parts]:
    for text in (
        *("random", 'near="x"=stats-prior:gap=drop,dale=false', '"a:b=c"=swimmer:steps=60,held-out=4'),
        *("tests.toy:Echo:steps=2", "images:/data/mine,episodes=8", 'mnist:folder="x,y",components=0'),
        *(str(Neuron.parse(name)) for name in MODELS),
        *(str(adapters.parse(name)) for name in adapters.ADAPTERS),
        *(
            f"{name}:" + ",".join(f"{k}={v}" for k, v in methods.plugin(name).defaults.items())
            for name in methods.METHODS
        ),
        *("cpus=1,gpus=0,memory=4", "0.5", "swimmer=0.25"),
    ):
        yield [text.encode()]


REQUEST = Configuration(
    genome=("connectome", "near=stats-prior:gap=drop"),
    task=("swimmer:steps=60",),
    neuron="alif:constants=shared",
    search="ga:elite=2",
    margin=("swimmer=0.25",),
    budgets={"swimmer": {"generations": 3, "population": 8}},
    searches={"swimmer": "pgpe"},
)


def requests(folder: Path) -> Iterator[Parts]:
    import tomli_w

    other = replace(REQUEST, budgets={}, inputs="AVA", per_worker="cpus=1,memory=2", address="auto")
    for config in (REQUEST, replace(other, workers=2, track=("wandb",), evaluations=80, population=8)):
        yield [tomli_w.dumps(config.to_dict()).encode()]


def studies(folder: Path) -> Iterator[Parts]:
    text = 'title = "Which?"\ntask = ["swimmer"]\n[scales.smoke]\ngenerations = 3\n[scales.a]\nseeds = 9\n'
    text += '[runs.alif]\ngenome = ["alif=connectome"]\nneuron = "alif"\nscales.smoke.seeds = 2\n'
    yield [text.encode(), b'{"title": "Which?", "scale": "smoke"}\n']


def checkpoints(folder: Path) -> Iterator[Parts]:
    state = {"gains": {}, "members": {}, "lineages": [{"lineage": CHAMPION, "generation": 2}]}
    several: dict[str, np.ndarray] = {"0/centre": np.arange(3.0), "0/rank": np.ones((2, 1), np.int64)}
    for arrays in (several, {}):
        checkpoint.save(folder, arrays, state)
        content = (folder / checkpoint.NEWEST).read_bytes()
        end = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:end])
        metadata = header.pop("__metadata__")
        yield [json.dumps(header).encode(), metadata["state"].encode(), content[end:]]
        yield [content]


def run_folders(folder: Path) -> Iterator[Parts]:
    lineage = dict(zip(("task", "genome", "graph", "seed"), CHAMPION, strict=True))
    run = RunFolder.create(folder / "run", REQUEST.to_dict(), {"status": "running", "lineages": [lineage]})
    fitness = {"fitness_mean": 0.5, "fitness_best": None, "evaluations": 8, "seconds": 0.1, "failures": 0}
    run.append_metrics({**lineage, "generation": k, **fitness} for k in range(2))
    shares = {"epoch": 0, "population": 0, "generation": 0, "shares": {"random": 1.0}}
    run.append_selection([{"task": "swimmer", "event": "confirmation"}, {"task": "swimmer", **shares}])
    numbers = {"activity": {"silent": False}, "parameters": {"core": 3}, "episode_scores": [0.5, None]}
    run.append_results([{**lineage, "score": 0.5, "status": "done", **numbers}])
    yield [(run.path / name).read_bytes() for name in RUN_FILES]


def champion(folder: Path) -> Iterator[Parts]:
    from neuroevo.network.blueprint import Blueprint
    from neuroevo.wiring.architecture import Architecture

    for neuron in ("leaky", "alif:constants=class"):
        blueprint = Blueprint(Architecture.of(tiny()), 2, 2, neuron=Neuron.parse(neuron))
        parameters = {"parameters": np.zeros(blueprint.layout.length, np.float32)}
        path = RunFolder(folder).write_champion(CHAMPION, blueprint.describe(), parameters)
        yield [(path / name).read_bytes() for name in CHAMPION_PARTS]


def replays(folder: Path) -> Iterator[Parts]:
    rows = [["a", 1, None], ["b", 0.5, "none"]]
    files = {"svg": b"<svg/>", "png": b"P"}
    drawing = Drawing("behaviour", "T", "D", files, "C", ["x", "y"], rows)
    shown = [drawing, replace(drawing, files={"png": b"P"})]
    replay_folder.write_replay(folder / "replay", [({"task": "swimmer"}, "best", shown)])
    yield [(folder / "replay" / replay_folder.INDEX).read_bytes(), b"P", b"<svg/>"]


def images(num_images: int) -> list[np.ndarray]:
    """Returns images, of two classes, and labels."""
    pixels = np.arange(num_images * 6, dtype=np.uint8).reshape(num_images, 2, 3)
    return [pixels, np.arange(num_images, dtype=np.uint8) % 2]


def idx_images(folder: Path) -> Iterator[Parts]:
    plain = [idx.pack(array) for array in (*images(6), *images(4))]
    yield from (plain, [b"gz:" + part for part in plain], [plain[0], b"gz:" + plain[1], *plain[2:]])


def npz_images(folder: Path) -> Iterator[Parts]:
    values = [*images(6), *images(4)]
    floats = [array / 255 if array.ndim > 1 else array * 1.0 for array in values]
    colour = [np.repeat(values[0][..., None], 3, 3), values[1].astype(np.int64)]
    for keys, arrays in ((KEYS, values), (KEYS, floats), (("images", "labels"), colour)):
        content = saved(lambda file, held: np.savez(file, **held), dict(zip(keys, arrays, strict=True)))
        yield from (members(content), [content])


# --- readers ------------------------------------------------------------------------------------------


class Registered(plugins.Registry):
    """Plug-ins by name alone: what lies at an import path is not loaded, since it might do anything."""

    def get(self, name: str) -> plugins.Plugin:
        """Returns a plug-in that is registered here."""
        if name not in self._plugins:
            raise RegistryError(unknown(self.kind, name, self._plugins))
        return self._plugins[name]

    def takes_value(self, name: str) -> bool:
        """Says whether a first value may stand without the name of its option."""
        return name in self._plugins and bool(self._plugins[name].bare_option)

    def bound(self, text: str) -> object:
        """Returns the options that a text gives."""
        spec = self.parse(text)
        return self.get(spec.name).bind(spec.options)


def option(parse: Callable[[str], object]) -> Reader:
    """Returns what reads the text of an option, as it comes from a command line."""
    return lambda folder: parse(os.fsdecode((folder / "option").read_bytes()))


def run_reader(read: Callable[[RunFolder], object]) -> Reader:
    return lambda folder: read(RunFolder.open(folder))


def constants_of(model: str) -> Reader:
    return lambda folder: Table.read(Neuron(model, table=str(folder / "constants.csv")))


def request(folder: Path) -> None:
    config = Configuration.read(folder / "config.toml", Trust(is_signed=True))
    config.check()
    config.override({"episodes": 3}).to_dict()


OPTIONS: tuple[Callable[[str], object], ...] = (
    *(Registered(kind.kind, _plugins=kind._plugins).bound for kind in (plugins.priors, plugins.tasks)),
    *(plugins.Spec.parse, Neuron.parse, adapters.parse, methods.parse, Workers.shares),
    lambda text: margins((text,), ["swimmer"]),
)
RUN: tuple[Callable[[RunFolder], object], ...] = (
    *(RunFolder.config, RunFolder.manifest, RunFolder.metrics, RunFolder.results, RunFolder.selection),
    *(RunFolder.unfinished, lambda run: list(run.stream_metrics(is_lenient=True))),
)


def wiring(suffix: str, corpus: Callable[[Path], Iterator[Parts]]) -> Target:
    """Returns the target of one kind of wiring."""
    pack = archived("wiring.npz") if suffix == ".npz" else named(f"wiring{suffix}", "wiring_cells.csv")
    return Target(corpus, pack, [lambda folder: catalog.load(str(folder / f"wiring{suffix}"))])


def scores_tables(folder: Path) -> Iterator[Parts]:
    head = "task,genome,graph,seed,score,untrained,evaluations,control,unit,margin\n"
    rows = "t,a,0,0,1.5,0.1,10,,s,0.5\nt,a,0,1,,,10,,s,\nt,b,x,0,-2e-3,nan,,clock,s,\n"
    yield [(head + rows).encode()]
    yield [(head + rows).replace(",", ";").replace("t;b", 't;"b;""c"""').encode("utf-8-sig")]


def scores_lines(folder: Path) -> Iterator[Parts]:
    row = {"task": "t", "genome": "a", "graph": 0, "seed": 0, "score": 0.5, "status": "early", "x": [1]}
    later = [{**row, "status": "done"}, {**row, "genome": "b", "graph": "g", "score": None, "kind": True}]
    yield ["".join(f"{json.dumps(x)}\n" for x in (row, *later)).encode()]
    yield [json.dumps({**row, "score": float("nan")}).encode() + b"\n" + json.dumps(later[1]).encode()]


def scores(name: str) -> Reader:
    """Returns what judges a file of scores."""
    return lambda folder: judge(evidence_of(ScoresFile.read(folder / name), Question()))


def in_folder(read: Callable[[str], object]) -> Reader:
    return lambda folder: read(str(folder))


IMAGES = [in_folder(image_files.facts), in_folder(image_files.load)]
TARGETS = {
    **{f"wiring{suffix}": wiring(suffix, tables(suffix)) for suffix in DELIMITERS},
    "wiring.parquet": wiring(".parquet", lambda folder: list(stored(folder))[::2]),
    "wiring.feather": wiring(".feather", lambda folder: list(stored(folder))[1::2]),
    "wiring.xlsx": wiring(".xlsx", workbooks),
    "wiring.npy": wiring(".npy", arrays_npy),
    "wiring.npz": wiring(".npz", arrays_npz),
    "wiring.mtx": wiring(".mtx", matrix_market),
    **{f"wiring{suffix}": wiring(suffix, graphs(suffix)) for suffix in readers.GRAPHS},
    "constants": Target(constant_tables, named("constants.csv"), [constants_of(name) for name in MODELS]),
    "options": Target(specifications, named("option"), [option(parse) for parse in OPTIONS]),
    "config": Target(requests, named("config.toml"), [request]),
    "study": Target(studies, named("study.toml", "study.json"), [Study.reopen]),
    "checkpoint": Target(checkpoints, signed, [checkpoint.load]),
    "run": Target(run_folders, named(*RUN_FILES), [run_reader(read) for read in RUN]),
    "scores.csv": Target(scores_tables, named("scores.csv"), [scores("scores.csv")]),
    "scores.jsonl": Target(scores_lines, named("scores.jsonl"), [scores("scores.jsonl")]),
    "champion": Target(
        champion,
        named(*CHAMPION_FILES),
        [lambda folder: champions.read_champion(RunFolder(folder), CHAMPION)],
    ),
    "replay": Target(replays, named(*REPLAY_FILES), [lambda run: replay_folder.replayed([RunFolder(run)])]),
    "idx": Target(idx_images, compressed, IMAGES),
    "npz": Target(npz_images, archived("images.npz"), IMAGES),
}
