"""Labels hold any characters; what shows them shows none that a terminal obeys or that nobody sees."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import run as cli
from neuroevo.text import visible
from tests.small import CIRCUIT, few_draws

HOSTILE = "a\x1b[31m\x07\x9b2J\u202ex\u2066y\u200b\u2028z\x7f"
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff]")
SHORT = "\x1b[1m\u202e\x9b"
SHOWN = r"a\x1b[31m\x07\x9b2J\u202ex\u2066y\u200b\u2028z\x7f"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ü and 日本, 👩‍👩‍👧\n\tend", "plain, ü and 日本, 👩‍👩‍👧\n\tend"),
        (HOSTILE, SHOWN),
        ("\ud800\udcff\ufffe", r"\ud800\udcff\ufffe"),
        ("\r\x00\U000e0041", r"\x0d\x00\U000e0041"),
    ],
)
def test_hidden_characters_are_written_as_codes(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


def written(folder: Path) -> dict[str, str]:
    """Texts that a folder shows, by name of the file."""
    kinds = (".svg", ".html", ".csv", ".tex", ".log")
    return {path.name: path.read_text() for path in folder.rglob("*") if path.suffix in kinds}


def test_labels_reach_no_way_out_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run"
    genomes = [f"a{SHORT}=random", f"b{SHORT}=connectome"]
    command = ["--genome", *genomes, "--task", f"t{SHORT}=tests.toy:Echo"]
    command += ["--connectome", CIRCUIT, "--workers", "0", "--out", str(path), "--verbose"]
    with few_draws():
        assert cli.main(command) == 0
        assert cli.main(["replay", str(path)]) == 0
    assert cli.main(["report", str(path)]) == 0
    said = capsys.readouterr()
    assert not HIDDEN.search(said.out + said.err), HIDDEN.search(said.out + said.err)
    assert r"a\x1b[1m\u202e" in said.out.replace("\n", "")
    texts = written(path)
    assert {name.rpartition(".")[2] for name in texts} == {"svg", "html", "csv", "tex", "log"}
    for name, text in texts.items():
        assert not HIDDEN.search(text), (name, HIDDEN.search(text))
        if name.endswith(".svg"):
            ElementTree.fromstring(text)


def test_cells_and_files_reach_no_way_out_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"n{k}{HOSTILE.replace(chr(0x2028), '')}" for k in range(6)]
    rows = "".join(f"{a},{b},1\n" for a, b in zip(names, names[1:] + names[:1], strict=True))
    table = tmp_path / "wi\u202ering\x1b.csv"
    table.write_text(f"pre,post,weight\n{rows}", "utf-8")
    out = tmp_path / "out"
    assert cli.main(["stats", "--connectome", str(table), "--out", str(out)]) == 0
    assert cli.main(["stats", "--connectome", str(table), "--inputs", f"q{HOSTILE}"]) == 2
    assert cli.main(["stats", "--connectome", str(tmp_path / f"no{HOSTILE}.csv")]) == 2
    said = capsys.readouterr()
    assert not HIDDEN.search(said.out + said.err), HIDDEN.search(said.out + said.err)
    assert said.err.count("\n") == 2
    for name, text in written(out).items():
        assert not HIDDEN.search(text), name
        ElementTree.fromstring(text)
