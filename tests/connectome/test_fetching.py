"""Data sets by name: from a server on this machine, with small files in the published columns."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import feather

import run
from neuroevo import transfers
from neuroevo.connectome import catalog, datasets, fetching
from neuroevo.connectome.data import build
from neuroevo.connectome.reading import Reading
from neuroevo.errors import ConnectomeError, DataError

SOURCES = (Path(build.__file__).parent / "SOURCES.md").read_text("utf-8")
IDS = [720575940600000000 + k for k in (1, 2, 3, 4)]  # of 18 digits, as FlyWire has them
QUIET = lambda text: None  # noqa: E731


class Server:
    """Files on the loopback interface, whose behaviour tests change.

    Attributes:
        files: Content by path.
        ranges: What was asked for, by request, "" for a whole file.
        cut: Bytes after which a connection ends, for as many requests as it holds.
        knows_ranges: Whether a part can be asked for.
        status: What every request gets in place of the file, if it is no 0.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.ranges: list[str] = []
        self.cut: list[int] = []
        self.knows_ranges, self.status = True, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range", "")
                outer.ranges.append(asked)
                content = outer.files.get(self.path)
                if outer.status or content is None:
                    self.send_error(outer.status or 404)
                    return
                start = int(asked[6:-1]) if asked and outer.knows_ranges else 0
                self.send_response(206 if asked and outer.knows_ranges else 200)
                if asked and outer.knows_ranges:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                self.wfile.write(content[start:][: outer.cut.pop(0) if outer.cut else None])

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def pin(self, name: str, content: bytes, algorithm: str = "sha256") -> transfers.Pinned:
        """Returns the pin of a file that is served from now on."""
        self.files[f"/{name}"] = content
        digest = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
        return transfers.Pinned(name, f"{self.url}/{name}", len(content), digest)


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROEVO_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    yield server
    server.server.shutdown()
    server.server.server_close()


def _feather(**columns: object) -> bytes:
    """Returns a feather file as the sources write theirs."""
    content = io.BytesIO()
    feather.write_feather(pd.DataFrame(columns), content, compression="lz4")
    return content.getvalue()


def _packed(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def _folder(**members: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in members.items():
            entry = tarfile.TarInfo(f"exported-traced-adjacencies-v1.2/{name.replace('_', '-')}.csv")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()


# Four cells: one senses, one acts; 0 -> 1 -> 2 -> 3 and 0 -> 2. Each file has its source's columns.
_CODEX_CELLS = {
    "neurons.csv.gz": _packed(
        "root_id,group,nt_type,nt_type_score,da_avg,ser_avg,gaba_avg,glut_avg,ach_avg,oct_avg\n"
        + "".join(
            f"{i},g,{nt},0.9,0,0,0,0,1,0\n" for i, nt in zip(IDS, ("ACH", "GLUT", "GABA", ""), strict=True)
        )
    ),
    "classification.csv.gz": _packed(
        "root_id,flow,super_class,class,sub_class,hemilineage,side,nerve\n"
        + f"{IDS[0]},afferent,sensory,olfactory,,,left,AN\n{IDS[1]},intrinsic,central,,,,left,\n"
        + f"{IDS[2]},intrinsic,central,Kenyon_Cell,,,right,\n{IDS[3]},efferent,descending,,,,right,CV\n"
    ),
}
FILES = {
    "manc": {
        "manc_121_simple_edgelist.feather": _feather(
            pre=[11, 11, 12, 13, 13],
            post=[12, 13, 13, 14, 99],
            count=[5, 2, 7, 1, 3],
            norm=[0.1] * 5,
            total_input=[9] * 5,
        ),
        "manc_121_meta.feather": _feather(
            manc_121_id=["11", "12", "13", "14"],
            super_class=["sensory", "intrinsic", "intrinsic", "motor"],
            cell_type=["SN1", "IN1", "IN2", "MN1"],
            side=["left", "left", "right", None],
            neurotransmitter_predicted=["acetylcholine", "glutamate", "gaba", None],
        ),
    },
    "hemibrain": {
        "exported-traced-adjacencies-v1.2.tar.gz": _folder(
            traced_neurons="bodyId,type,instance\n11,A,A_R\n12,,\n13,B,B_L\n14,C,C_R\n",
            traced_total_connections="bodyId_pre,bodyId_post,weight\n11,12,5\n11,13,2\n12,13,7\n13,14,1\n",
        )
    },
    "flywire": {
        "connections.csv.gz": _packed(
            "pre_root_id,post_root_id,neuropil,syn_count,nt_type\n"
            + f"{IDS[0]},{IDS[1]},AL_L,3,ACH\n{IDS[0]},{IDS[1]},LH_L,2,ACH\n{IDS[0]},{IDS[2]},AL_L,2,ACH\n"
            + f"{IDS[1]},{IDS[2]},AL_L,7,GLUT\n{IDS[2]},{IDS[3]},AL_L,1,GABA\n{IDS[2]},{IDS[2]},AL_L,4,GABA\n"
        ),
        **_CODEX_CELLS,
    },
    "flywire-all": {
        "proofread_connections_783.feather": _feather(
            pre_pt_root_id=[IDS[k] for k in (0, 0, 0, 1, 2)],
            post_pt_root_id=[IDS[k] for k in (1, 1, 2, 2, 3)],
            neuropil=["AL_L", "LH_L", "AL_L", "AL_L", "AL_L"],
            syn_count=[3, 2, 2, 7, 1],
            gaba_avg=[0.1] * 5,
        ),
        **_CODEX_CELLS,
    },
    "banc": {
        "banc_888_edgelist_simple_v2.feather": _feather(
            pre=[str(IDS[k]) for k in (0, 0, 1, 2)],
            post=[str(IDS[k]) for k in (1, 2, 2, 3)],
            count=[5, 2, 7, 1],
            norm=[0.1] * 4,
            pre_count=[1] * 4,
            post_count=[1] * 4,
        ),
        "banc_888_meta.feather": _feather(
            banc_888_id=[*map(str, IDS), str(IDS[3]), None],
            proofread=[True] * 6,
            super_class=[
                "sensory",
                "central_brain_intrinsic",
                "central_brain_intrinsic",
                "motor",
                "motor",
                "",
            ],
            cell_type=["ORN", "PN", "", "MN", "MN", ""],
            side=["left", "left", "right", "right", "right", ""],
            neurotransmitter_predicted=["acetylcholine", "glutamate", "gaba", "", "", ""],
        ),
    },
    "malecns": {
        "connectome-weights-male-cns-v1.0-minconf-0.5.feather": _feather(
            body_pre=[11, 11, 12, 13, 77, 13], body_post=[12, 13, 13, 14, 11, 78], weight=[5, 2, 7, 1, 9, 9]
        ),
        "body-annotations-male-cns-v1.0-minconf-0.5.feather": _feather(
            bodyId=[11, 12, 13, 14, 77],
            status=["Traced"] * 4 + ["Orphan"],
            superclass=["ol_sensory", "cb_intrinsic", "cb_intrinsic", "vnc_motor", None],
            type=["R1", "M1", "M2", "MN", None],
            somaSide=["L", "L", "R", "R", None],
        ),
        "body-neurotransmitters-male-cns-v1.0.feather": _feather(
            body=[14, 13, 12, 11],
            predicted_nt=["unclear", "gaba", "glutamate", "histamine"],
            predicted_nt_confidence=[0.4, 0.9, 0.8, 0.9],
            consensus_nt=[None, "gaba", "glutamate", "histamine"],
        ),
    },
}


@pytest.fixture
def here(server, monkeypatch):
    """The data sets, of small files that the server has."""

    def small(name: str, table: datasets.Published) -> datasets.Published:
        algorithm = table.pinned.algorithm
        return replace(table, pinned=server.pin(table.pinned.name, FILES[name][table.pinned.name], algorithm))

    sets = {
        name: replace(data, edges=small(name, data.edges), cells=tuple(small(name, c) for c in data.cells))
        for name, data in datasets.DATASETS.items()
    }
    for module in (datasets, fetching):
        monkeypatch.setattr(module, "DATASETS", sets)
    return sets


@pytest.mark.parametrize("name", FILES)
def test_data_set_is_fetched_and_read_right(here, name):
    lines = fetching.fetch(name, [], QUIET)
    assert f"Licence: {datasets.DATASETS[name].licence}." in lines
    wiring = catalog.load(name, Reading(signs="shiu2024"))
    edges = wiring.chemical
    assert edges.pre.tolist() == [0, 0, 1, 2] and edges.post.tolist() == [1, 2, 2, 3]
    assert edges.weight.tolist() == [5, 2, 7, 1]
    assert wiring.cells[0] in ("11", str(IDS[0])) and wiring.num_cells == 4
    assert lines[-1].endswith(name if name == "hemibrain" else "--signs shiu2024")
    if name == "hemibrain":
        assert wiring.cell_class == ("A", "12", "B", "C") and len(wiring.inputs) == 4
        return
    assert wiring.inputs.tolist() == [0] and wiring.outputs.tolist() == [3]
    signed = catalog.prepared(name, Reading(signs="shiu2024"))
    assert signed.sign.tolist() == [-1 if name == "malecns" else 1, -1, -1, 1]
    assert any(name in note and "Licence" in note for note in wiring.account.notes)


@pytest.mark.parametrize("name", FILES)
def test_everything_is_there_offline_once_it_was_fetched(here, server, name):
    fetching.fetch(name, [], QUIET)
    server.status = 500
    assert "already" in fetching.fetch(name, [], QUIET)[0]
    assert catalog.load(name, Reading(signs="shiu2024")).num_cells == 4
    assert {p.name for p in datasets.folder_of(name).iterdir()} == {
        f"{name}.parquet",
        f"{name}_cells.parquet",
        "provenance.json",
    }


def told_of(name: str, again: bool = False) -> str:
    return " ".join(fetching.fetch(name, [], QUIET, again))


def test_what_was_left_out_is_told(here):
    assert "1 rows with an end that is no cell" in " ".join(fetching.fetch("manc", [], QUIET))
    told = " ".join(fetching.fetch("flywire", [], QUIET))
    assert "1 autapses" in told and "1 repeated edges (sum of their weights)" in told
    assert "2 rows with an end that is no cell" in " ".join(fetching.fetch("malecns", [], QUIET))
    assert "1 rows of cells without a superclass" in told_of("malecns", again=True)
    banc = told_of("banc")
    assert "1 rows of cells that stand again" in banc and "1 rows of cells without a name" in banc
    assert "Ignored: norm, pre_count, post_count." in banc
    removed = catalog.load("flywire", Reading(signs="worm")).account.removed
    assert removed == {"autapses": 1, "repeated edges (sum of their weights)": 1}


def test_signs_need_a_rule_where_rules_differ(here):
    fetching.fetch("flywire", [], QUIET)
    with pytest.raises(ConnectomeError, match=r"rules differ on GLUT"):
        catalog.load("flywire")


def test_cells_and_edges_can_be_selected(here):
    fetching.fetch("flywire", [], QUIET)
    reading = Reading.of(select="side=left+right,super_class=sensory+central", min_weight="3", signs="worm")
    wiring = catalog.load("flywire", reading)
    assert wiring.cells == tuple(map(str, IDS[:3])) and wiring.chemical.weight.tolist() == [5, 7]


def test_own_files_are_told_by_their_sums_whatever_they_are_called(here, server, tmp_path):
    server.status = 500
    own = []
    for k, content in enumerate(FILES["flywire"].values()):
        own.append(tmp_path / f"file{k}")
        own[-1].write_bytes(content)
    fetching.fetch("flywire", own, QUIET)
    assert catalog.load("flywire", Reading(signs="worm")).chemical.weight.sum() == 15
    assert all(path.exists() for path in own)


def test_another_release_is_refused(here, tmp_path):
    other = tmp_path / "connections.csv.gz"
    other.write_bytes(_packed("pre_root_id,post_root_id,syn_count\n1,2,3\n"))
    with pytest.raises(DataError, match=r"none of the pinned files.*--connectome FILE"):
        fetching.fetch("flywire", [other], QUIET)
    assert not datasets.folder_of("flywire").exists()


def test_what_is_no_file_is_refused(here, tmp_path):
    with pytest.raises(DataError, match=r"Cannot read .*No such file"):
        fetching.fetch("flywire", [tmp_path / "none"], QUIET)
    with pytest.raises(DataError, match=r"Cannot read .*a folder|Cannot read .*directory"):
        fetching.fetch("flywire", [tmp_path], QUIET)
    os.mkfifo(tmp_path / "pipe")
    for endless in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(DataError, match=r"Cannot read .*(pipe|device)"):
            fetching.fetch("flywire", [endless], QUIET)


# --- downloads ------------------------------------------------------------------------------------------

CONTENT = np.random.default_rng(1).bytes(300_000)


def test_download_goes_on_where_connections_end(server, tmp_path):
    server.cut = [100_000, 50_000]
    path = transfers.download(server.pin("a", CONTENT), tmp_path, QUIET)
    assert path.read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=100000-", "bytes=150000-"]


def test_download_goes_on_after_a_process_has_ended(server, tmp_path):
    (tmp_path / "a.part").write_bytes(CONTENT[:1234])
    assert transfers.download(server.pin("a", CONTENT), tmp_path, QUIET).read_bytes() == CONTENT
    assert server.ranges == ["bytes=1234-"]
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a"]


def test_download_starts_anew_where_a_server_knows_no_ranges(server, tmp_path):
    server.knows_ranges = False
    (tmp_path / "a.part").write_bytes(b"x" * 1234)
    assert transfers.download(server.pin("a", CONTENT), tmp_path, QUIET).read_bytes() == CONTENT


def test_a_connection_that_brings_nothing_ends_after_some_tries_and_keeps_what_came(server, tmp_path):
    server.cut = [2_000_000, *[0] * 10]
    pinned = server.pin("a", CONTENT * 10)
    with pytest.raises(DataError, match=r"2 MB are there, and the same command goes on"):
        transfers.download(pinned, tmp_path, QUIET)
    assert (tmp_path / "a.part").read_bytes() == (CONTENT * 10)[:2_000_000]
    assert len(server.ranges) == 1 + transfers.TRIES


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x"], ids=["shorter", "longer"])
def test_a_file_of_another_size_is_refused_before_it_comes(server, tmp_path, content):
    pinned = server.pin("a", CONTENT)
    server.files["/a"] = content
    with pytest.raises(
        DataError, match=rf"not the pinned one: it has {len(content):,} bytes, wanted 300,000"
    ):
        transfers.download(pinned, tmp_path, QUIET)
    assert not any(p.is_file() for p in tmp_path.iterdir())


def test_a_file_with_another_sum_is_refused_and_not_kept(server, tmp_path):
    pinned = server.pin("a", CONTENT)
    server.files["/a"] = CONTENT[::-1]
    with pytest.raises(DataError, match=r"its sum is sha256:.* Sources replace files in place"):
        transfers.download(pinned, tmp_path, QUIET)
    assert not any(p.is_file() for p in tmp_path.iterdir())


def test_a_part_of_another_file_is_found_out(server, tmp_path):
    (tmp_path / "a.part").write_bytes(b"x" * 1234)
    with pytest.raises(DataError, match=r"its sum is"):
        transfers.download(server.pin("a", CONTENT), tmp_path, QUIET)
    assert transfers.download(server.pin("a", CONTENT), tmp_path, QUIET).read_bytes() == CONTENT


def test_no_network_is_one_line(tmp_path):
    pinned = transfers.Pinned("a", "http://127.0.0.1:9/a", 10, "sha256:0")
    with pytest.raises(DataError, match=r"Cannot download http://127.0.0.1:9/a: .*refused.* --from FILE"):
        transfers.download(pinned, tmp_path, QUIET)


def test_a_file_that_is_gone_is_one_line(server, tmp_path):
    pinned = server.pin("a", CONTENT)
    server.files.clear()
    with pytest.raises(DataError, match=r"status 404, Not Found"):
        transfers.download(pinned, tmp_path, QUIET)


def test_a_disk_without_room_is_told_before_anything_comes(server, tmp_path, monkeypatch):
    monkeypatch.setattr(transfers.shutil, "disk_usage", lambda folder: type("U", (), {"free": 1000})())
    with pytest.raises(DataError, match=r"needs 300 kB more in .*, where 1 kB are free"):
        transfers.download(server.pin("a", CONTENT), tmp_path, QUIET)
    assert server.ranges == []


def test_a_disk_that_fills_keeps_what_came(server, tmp_path, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, a device on which no byte finds room")
    (tmp_path / "a.part").symlink_to("/dev/full")
    monkeypatch.setattr(transfers, "_length", lambda part: 0)
    with pytest.raises(DataError, match=r"No space is left in .*the same command goes on from there"):
        transfers.download(server.pin("a", CONTENT), tmp_path, QUIET)


def test_tables_that_were_changed_are_refused(here):
    fetching.fetch("manc", [], QUIET)
    table = datasets.folder_of("manc") / "manc_cells.parquet"
    table.write_bytes(table.read_bytes() + b" ")
    with pytest.raises(DataError, match=r"not as it was made; fetch it again: run.py fetch manc --again"):
        catalog.load("manc")
    fetching.fetch("manc", [], QUIET, again=True)
    assert catalog.load("manc", Reading(signs="worm")).num_cells == 4


def test_tables_of_another_pin_are_not_taken_for_those_of_this_one(here, server, monkeypatch):
    fetching.fetch("manc", [], QUIET)
    data = here["manc"]
    newer = replace(
        data, edges=replace(data.edges, pinned=server.pin("manc_121_simple_edgelist.feather", b"x"))
    )
    for module in (datasets, fetching):
        monkeypatch.setattr(module, "DATASETS", {"manc": newer})
    assert not datasets.is_here("manc")
    with pytest.raises(DataError, match=r"fetch it once: run.py fetch manc"):
        catalog.load("manc")


def test_a_crash_while_tables_are_written_leaves_none(here, monkeypatch):
    move = os.replace

    def full(source: Path, target: Path) -> None:
        if str(target).endswith("provenance.json"):
            raise OSError(errno.ENOSPC, "No space left on device")
        move(source, target)

    monkeypatch.setattr(fetching.os, "replace", full)
    with pytest.raises(DataError, match=r"Cannot keep manc in .*No space left"):
        fetching.fetch("manc", [], QUIET)
    assert not datasets.is_here("manc")


def test_columns_that_are_not_there_are_told_or_refused(here, server, monkeypatch):
    told = " ".join(fetching.fetch("manc", [], QUIET))
    assert "Not in these files: neurotransmitter_score, flow, cell_class, hemilineage, nerve." in told
    bad = _feather(pre=[1], post=[2], synapses=[3])
    data = here["manc"]
    pinned = server.pin("manc_121_simple_edgelist.feather", bad)
    changed = {"manc": replace(data, edges=replace(data.edges, pinned=pinned))}
    for module in (datasets, fetching):
        monkeypatch.setattr(module, "DATASETS", changed)
    with pytest.raises(DataError, match=r"has no column count, it has pre, post, synapses"):
        fetching.fetch("manc", [], QUIET)


# --- the command ----------------------------------------------------------------------------------------


def test_command_fetches_and_shows_the_licence(here, capsys):
    assert run.main(["fetch", "manc"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("manc: 4 cells, 4 edges, 15 synapses, in ")
    assert "Licence: CC BY 4.0." in out and out[-1].startswith("Next: python run.py stats --connectome manc")
    assert run.main(["fetch"]) == 0
    listed = capsys.readouterr().out
    assert all(len(line) <= 80 for line in listed.splitlines())
    assert "on this machine" in listed and all(name in listed for name in datasets.names())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fetch", "flywir"], "Unknown data set 'flywir'. Did you mean 'flywire'?"),
        (["fetch", "--again"], "No data set is named"),
        (
            ["stats", "--connectome", "banc"],
            "'banc' is not on this machine; fetch it once: run.py fetch banc",
        ),
        (["list", "flywires"], "Did you mean 'flywire'?"),
    ],
)
def test_bad_requests_are_one_line(server, capsys, arguments, said):
    assert run.main(arguments) in (1, 2)
    err = capsys.readouterr().err
    assert said in err and len(err.strip().splitlines()) == 1


def test_list_has_a_page_for_each(server, capsys):
    for name, data in datasets.DATASETS.items():
        assert run.main(["list", name]) == 0
        page = capsys.readouterr().out
        assert data.licence in page and all(file.digest in page for file in data.files)


@pytest.mark.parametrize("name", datasets.names())
def test_sources_tell_of_every_file(name):
    assert f"`{name}`" in SOURCES
    assert all(
        file.digest in SOURCES and f"{file.size:,}" in SOURCES for file in datasets.DATASETS[name].files
    )


def test_provenance_says_where_tables_are_from(here):
    fetching.fetch("banc", [], QUIET)
    known = json.loads((datasets.folder_of("banc") / "provenance.json").read_text())
    assert known["files"] == {f.name: f.digest for f in here["banc"].files}
    assert (known["cells"], known["edges"], known["synapses"]) == (4, 4, 15)


def test_commands_of_the_readme(here, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, content in FILES["flywire"].items():
        Path(name).write_bytes(content)
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    commands = re.findall(r"^python run.py ([^#\n]*flywire[^#\n]*)", readme, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["fetch", "fetch", "stats"]
    for command in commands:
        assert run.main(command.split()) == 0
    assert "flywire" in capsys.readouterr().out
