"""Signs by rule: what each rule makes of transmitters, and that none is applied in silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.connectome.readers import read
from neuroevo.connectome.reading import Reading
from neuroevo.connectome.signs import NAMES, RULES, require, transmitter_of, with_signs
from neuroevo.errors import ConnectomeError, OptionError
from neuroevo.experiment.config import Configuration
from neuroevo.plugins import priors
from neuroevo.wiring.sampling import sample

OF = ("ACH", "GABA", "GLUT", "DA", "OCT", "SER", "histamine", "Acetylcholine+GABA", "")


def ring(folder: Path, transmitters: tuple[str, ...] = OF, column: str = "transmitter") -> Path:
    """Writes a ring of cells with these transmitters, and returns its file."""
    number = len(transmitters)
    edges = "".join(f"c{i},c{(i + 1) % number}\n" for i in range(number))
    (folder / "ring.csv").write_text(f"pre,post\n{edges}")
    cells = "".join(f"c{i},{text}\n" for i, text in enumerate(transmitters))
    (folder / "ring_cells.csv").write_text(f"name,{column}\n{cells}")
    return folder / "ring.csv"


def signed(path: Path, rule: str, seed: int = 0) -> Connectome:
    return with_signs(read(path, Reading(signs=rule)), rule, seed)


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("worm", [1, -1, 1, 1, 1, 1, 1, 1, 1]),
        ("shiu2024", [1, -1, -1, 1, 1, 1, -1, 1, 1]),
    ],
)
def test_rule_gives_each_transmitter_its_sign(tmp_path: Path, rule: str, wanted: list[int]) -> None:
    wiring = signed(ring(tmp_path), rule)
    assert wiring.sign.tolist() == wanted and len(wiring.chemical) == len(OF)
    assert wiring.account is not None
    assert (
        f"rule {rule}: {wanted.count(1)} cells excite, {wanted.count(-1)} cells inhibit"
        in wiring.account.signs
    )
    assert "1 cell of no known transmitter excite (none stated (1))" in wiring.account.signs


def test_monoamines_make_no_synapse_where_they_are_zero(tmp_path: Path) -> None:
    wiring = signed(ring(tmp_path), "monoamine-zero")
    assert wiring.chemical.pre.tolist() == [0, 1, 2, 6, 7, 8] and wiring.num_cells == len(OF)
    assert wiring.account is not None
    assert wiring.account.removed == {"synapses of cells of sign 0 (monoamine-zero)": 3}
    with pytest.raises(ConnectomeError, match="leaves no synapse"):
        signed(ring(tmp_path, ("DA", "SER", "OCT")), "monoamine-zero")


def test_transmitters_on_which_rules_differ_are_refused_without_a_rule(tmp_path: Path) -> None:
    with pytest.raises(ConnectomeError, match=r"rules differ on .*GLUT \(1\).*--signs worm or shiu2024"):
        read(ring(tmp_path))
    agreed = read(ring(tmp_path, ("ACH", "GABA", "cholinergic", "peptide")))
    assert agreed.sign.tolist() == [1, -1, 1, 1]
    assert agreed.account is not None
    assert "1 cell of no known transmitter excite (peptide (1))" in agreed.account.signs


def test_a_column_of_signs_is_taken_before_transmitters_unless_a_rule_is_named(tmp_path: Path) -> None:
    path = ring(tmp_path, ("GLUT,1", "GLUT,-1", "GABA,1"), "transmitter,sign")
    assert read(path).sign.tolist() == [1, -1, 1]
    assert signed(path, "column").sign.tolist() == [1, -1, 1]
    assert signed(path, "shiu2024").sign.tolist() == [-1, -1, -1]
    with pytest.raises(ConnectomeError, match="3 cells that make synapses have no sign"):
        read(ring(tmp_path, ("GLUT", "ACH", "GABA")), Reading(signs="column"))


def test_rows_that_differ_give_a_cell_the_transmitter_of_most(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(
        "pre,post,nt_type\na,b,GABA\na,c,ACH\na,d,GABA\nb,a,ACH\nc,a,ACH\nd,a,ACH\n"
    )
    wiring = read(tmp_path / "w.csv")
    assert wiring.transmitter == ("GABA", "ACH", "ACH", "ACH") and wiring.sign.tolist() == [-1, 1, 1, 1]
    assert (
        wiring.account is not None and "1 cell has rows with several transmitters" in wiring.account.notes[0]
    )


def test_unsigned_wiring_says_that_all_excite_and_can_be_drawn_by_seed(tmp_path: Path) -> None:
    path = ring(tmp_path, ("",) * 400)
    plain = read(path)
    assert plain.account is not None and "every synapse excites" in plain.account.signs
    first, again, other = (signed(path, "ratio=0.7", seed) for seed in (1, 1, 2))
    assert np.array_equal(first.sign, again.sign) and not np.array_equal(first.sign, other.sign)
    assert abs((first.sign == 1).mean() - 0.7) < 0.1 and not first.has_free_signs
    assert set(signed(path, "ratio=0").sign.tolist()) == {-1}
    free = signed(path, "free")
    assert free.has_free_signs and abs((free.sign == 1).mean() - 0.5) < 0.12
    (drawn,) = sample(free, priors.calls(["random"])[0], 1, 0).samples
    assert not drawn.architecture.dale
    with pytest.raises(ConnectomeError, match=r"has no transmitters, from which --signs shiu2024"):
        signed(path, "shiu2024")


def test_rules_apply_to_bundled_wirings_and_requests() -> None:
    worm = load("celegans")
    assert with_signs(worm, None, 0) is worm
    fly = Configuration(connectome="celegans", signs="shiu2024").wiring()
    glutamate = [i for i, text in enumerate(worm.transmitter) if transmitter_of(text) == "glutamate"]
    assert glutamate and set(fly.sign[glutamate].tolist()) == {-1}
    assert fly.account is not None and "those of the rule shiu2024" in fly.account.lines()[0]
    drawn = [Configuration(connectome="celegans", signs="free", seed=s).wiring() for s in (3, 3, 4)]
    assert drawn[0].fingerprint() == drawn[1].fingerprint() != drawn[2].fingerprint()


@pytest.mark.parametrize("rule", ["shiu", "ratio", "ratio=x", "ratio=1.5", "ratio=-1", ""])
def test_rule_that_is_none_is_refused(rule: str) -> None:
    with pytest.raises(OptionError, match="signs"):
        require(rule)
    for known in (*RULES, "column", "free", "ratio=0.25"):
        require(known)
    assert len(NAMES) == len(RULES) + 3
