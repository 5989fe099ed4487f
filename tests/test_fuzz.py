"""Outside data of every kind, changed at random: a value or one line. `benchmarks.fuzz` goes deeper."""

from __future__ import annotations

import io
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import attempt, valid
from benchmarks.fuzz_targets import SEPARATOR, TARGETS, members, saved
from neuroevo.connectome.readers import SUFFIXES
from neuroevo.errors import OptionError
from neuroevo.experiment.config import Configuration
from neuroevo.run_folder import RunFolder

KINDS = ("cut", "flipped", "repeated", "spliced", "noise")
cached = cache(lambda name: valid(TARGETS[name]))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@st.composite
def changed(draw: st.DrawFn, name: str) -> bytes:
    """A valid input after some changes."""
    samples = st.sampled_from(cached(name))
    data = draw(samples)
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3)):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        number, other = draw(st.integers(1, 2_000)), draw(samples)
        pieces = {
            "flipped": bytes(byte ^ 1 << number % 8 for byte in data[start : start + 1]),
            "repeated": data[start : start + 1 + number % 4] * number,
            "spliced": other[start:end],
            "noise": draw(st.binary(max_size=8)),
        }
        end = {"flipped": start + 1, "repeated": start}.get(kind, end)
        data = data[:start] + pieces.get(kind, b"") + data[end:]
    return data


def test_every_wiring_that_can_be_read_is_a_target() -> None:
    assert {f"wiring{suffix}" for suffix in SUFFIXES} <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_valid_data_are_read(name: str, root: Path) -> None:
    num_read = [attempt(TARGETS[name], data, root) for data in cached(name)]
    is_choice = name in ("constants", "options")  # of which one reader at least is the right one
    assert min(num_read) >= (1 if is_choice else len(TARGETS[name].readers))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_changed_data_give_a_value_or_one_line(name: str, root: Path, data: st.DataObject) -> None:
    attempt(TARGETS[name], data.draw(changed(name)), root)


def sparse(kind: str, shape: list[int], **index: list[int]) -> list[bytes]:
    """Returns a matrix as SciPy writes it, as parts."""
    held: dict[str, Any] = {"format": np.array(kind), "shape": np.array(shape), "data": np.ones(3)}
    held |= {name: np.array(places, np.int32) for name, places in index.items()}
    return members(saved(lambda file: np.savez(file, **held)))


def rows(indices: list[int], starts: list[int]) -> list[bytes]:
    """Returns a matrix in compressed rows."""
    return sparse("csr", [3, 3], indices=indices, indptr=starts)


MARKET = b"%%MatrixMarket matrix coordinate real general\n"
ARRAY = cached("wiring.npy")[0]
DEEP = b"[" * 100_000
TABLE = b'{"lineages": [{"task": "a", "folder": "best", "pictures": ['
TABLE += b'{"kind": "behaviour", "title": "", "description": "", "caption": "", "heads": [], '
TABLE += b'"files": ["png"], "rows": [[]]}]}]}'
# What was neither a value nor one line once: target, parts of the input, and part of the line that it is now.
BROKEN: list[tuple[str, list[bytes], str]] = [
    ("wiring.csv", [b'pre,post\n"a\nb",c\n"a\nb",c\n'], "a quote that is not closed on its line"),
    ("wiring.npz", [b"chemical.npy", b"no array"], "'chemical' in it is no array"),
    ("wiring.npz", [b"a\nb.npy", ARRAY, b"c.npy", ARRAY], r"holds 'a\\nb', c; wanted one matrix"),
    ("wiring.npz", rows([1, 2, 1 << 29], [0, 1, 2, 3]), "cannot be read as a matrix: indices"),
    ("wiring.npz", rows([1, 2, 0], [0, 1 << 29, -1, 3]), "its rows begin where none can"),
    ("wiring.npz", rows([1, 2, 0], [0, 1 << 29, 1 << 29, 0]), "its rows begin where none can"),
    ("wiring.npz", sparse("dia", [1 << 28] * 2, offsets=[-2]), "has 268435456 rows, each a cell"),
    ("wiring.npz", sparse("dia", [1 << 28, 3], offsets=[-2]), "has the shape 268435456 x 3"),
    ("wiring.mtx", [MARKET + b"3 3 1\nnan 2 1\n"], "an entry stands in no row or column of its 3 x 3"),
    ("wiring.mtx", [MARKET + b"3 3 1\n1.5 2 1\n"], "an entry stands in no row or column of its 3 x 3"),
    (
        "wiring.mtx",
        [MARKET + b"999999999 999999999 1\n1 2 1\n"],
        "999999999 rows, each a cell; wanted at most",
    ),
    (
        "wiring.mtx",
        [MARKET.replace(b"general", b"symmetric") + b"1 9 0\n"],
        "it is symmetric and has 1 rows and 9",
    ),
    ("constants", [b'class,leak\n"' + b"a" * 140_000 + b'",0.5\n'], "is no CSV text: field larger than"),
    ("options", [b"\xff=random"], r"A part of '\\udcff=random' is '\\udcff'; wanted text"),
    ("options", [b'"\\ud800"=random'], r"is '\\ud800'; wanted text that can be written as UTF-8"),
    ("options", [b'"\n"=random'], r"Cannot read '\"\\n\"': Invalid control character"),
    ("config", [b"a = " + DEEP], "nested too deeply"),
    ("study", [b"a = " + DEEP, b'{"scale": "smoke"}'], "nested too deeply"),
    ("study", [b'[scales."a\\nb"]\n[runs.a]\n', b"{}"], r"'None'\. Known: 'a\\nb'\."),
    (
        "study",
        [b"[scales.a]\n[runs.b]\nscales = 3\n", b'{"scale": "a"}'],
        "run 'b' has scales that are no tables",
    ),
    (
        "study",
        [b"[scales.a]\n[runs.b]\nscales.a = 3\n", b'{"scale": "a"}'],
        "run 'b' has scales that are no tables",
    ),
    (
        "study",
        [b"[scales.a]\n[runs.report]\n", b'{"scale": "a"}'],
        "a run 'report', which cannot be its folder",
    ),
    (
        "study",
        [b'[scales.a]\n[runs."../b"]\n', b'{"scale": "a"}'],
        "a run '../b', which cannot be its folder",
    ),
    ("run", [b"a = " + DEEP, b"{}"], "config.toml is damaged: it has values that are nested too deeply"),
    ("run", [b"", b'{"a": ' + DEEP], r"manifest.json is damaged \(maximum recursion depth"),
    ("run", [b"", b'{"seconds": ' + b"9" * 400 + b"}"], r"damaged \(a number of 400 digits is too large\)"),
    ("replay", [b'{"lineages": ' + DEEP], r"replay.json is damaged \(maximum recursion depth"),
    ("replay", [TABLE, b"P"], r"replay is damaged \(IndexError"),
    (
        "replay",
        [TABLE.replace(b"[[]]", b'[["a", 1e999]]'), b"P"],
        r"damaged \(the number 1e999 is too large\)",
    ),
    ("replay", [TABLE.replace(b"best", b"be\\nst"), b"P"], r"\(ValueError: a folder 'be\\nst'\)"),
    ("replay", [TABLE.replace(b"best", b"../best"), b"P"], r"\(ValueError: a folder '../best'\)"),
    ("npz", [b"a\nb.npy", b""], r"holds the arrays 'a\\nb'; wanted"),
]


@pytest.mark.parametrize(("name", "parts", "said"), BROKEN)
def test_what_was_broken_once_gives_one_line(name: str, parts: list[bytes], said: str, root: Path) -> None:
    lines: list[str] = []
    attempt(TARGETS[name], SEPARATOR.join(parts), root, lines)
    assert any(re.search(said, line) for line in lines), lines


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (rb'"neuromuscular": ', rb'"a\\nb": ', "unexpected keyword argument 'a b'"),
        (rb'"weight": \[[^,]*', rb'"weight": [1e300', "expected `float` <= 1e+100"),
    ],
)
def test_damaged_champion_gives_one_line(old: bytes, new: bytes, said: str, root: Path) -> None:
    lines: list[str] = []
    attempt(TARGETS["champion"], re.sub(old, new, cached("champion")[0], count=1), root, lines)
    assert len(lines) == 1 and said in lines[0]


def test_labels_may_be_half_floats(root: Path) -> None:
    parts = cached("npz")[0].split(SEPARATOR)
    for place in (3, 7):
        parts[place] = saved(np.save, np.load(io.BytesIO(parts[place])).astype(np.float16))
    assert attempt(TARGETS["npz"], SEPARATOR.join(parts), root) == 2


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("wiring.npy", b"(3, 3), } ", b"(3L, 3), }"),  # as NumPy of Python 2 wrote it
        ("wiring.graphml", b'attr.type="double"', b""),
        ("npz", b"(6,), } ", b"(6L,), }"),
    ],
)
def test_old_files_are_read_without_a_warning(name: str, old: bytes, new: bytes, root: Path) -> None:
    data = next(data for data in cached(name) if old in data)
    assert attempt(TARGETS[name], data.replace(old, new), root) == len(TARGETS[name].readers)


def test_text_that_is_no_utf8_is_kept_in_json(root: Path) -> None:
    run = RunFolder.create(root / "run", {}, {"command": ["--out", "/tmp/\udcff"]})
    assert run.manifest()["command"] == ["--out", "/tmp/\udcff"]
    for name in ("connectome", "inputs", "outputs"):
        with pytest.raises(OptionError, match=f"Option '{name}' is .* wanted text that can be written"):
            Configuration(("random",), ("swimmer",)).override({name: "\udcff"}).check()
