"""Statistics of priors beside their connectome, and their samples as edge tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import run as cli
from benchmarks import ladder_table
from neuroevo import plugins
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.errors import ConnectomeError, EvaluationError, OptionError, RunError
from neuroevo.plugins import Plugin
from neuroevo.report.figures.wiring import write_pictures
from neuroevo.seeds import derive
from neuroevo.wiring import statistics
from neuroevo.wiring.comparison import Comparison, compare
from neuroevo.wiring.sampling import draw, write_samples
from neuroevo.wiring.statistics import is_comparable, neurons_of
from neuroevo.wiring.triads import CONNECTED, triad_census, z_scores
from tests.odd_priors import HERE, ODD, entrants, other_cells, unwilling, without_core
from tests.small import CIRCUIT


@pytest.fixture(scope="module")
def wiring() -> Connectome:
    return load(CIRCUIT)


@pytest.fixture(scope="module")
def comparison(wiring: Connectome) -> Comparison:
    # Five priors, three of them odd, four samples each, with a null model.
    return compare(wiring, entrants("connectome", "random", *ODD), 4, 7, entrants("null=random:gap=drop")[0])


# --- samples ------------------------------------------------------------------------------------------


def test_draw_names_a_prior_that_fails_in_a_way_of_its_own(wiring: Connectome) -> None:
    with pytest.raises(EvaluationError, match=rf"bad on {CIRCUIT} failed with ZeroDivisionError: no cells"):
        next(draw(wiring, entrants(f"bad={HERE}:broken")[0], 1, 0))


def test_draw_leaves_errors_made_on_purpose_as_they_are(wiring: Connectome) -> None:
    with pytest.raises(ConnectomeError, match=r"^The wiring is too small; bring a larger one\.$"):
        next(draw(wiring, entrants(f"{HERE}:unwilling")[0], 1, 0))


def test_draw_wants_an_architecture(wiring: Connectome) -> None:
    with pytest.raises(EvaluationError, match="returned a NoneType; wanted an Architecture"):
        next(draw(wiring, entrants(f"{HERE}:forgetful")[0], 1, 0))


# --- figures ------------------------------------------------------------------------------------------


def test_comparison_has_its_schema(comparison: Comparison) -> None:
    figures = comparison.figures
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert list(figures) == [
        *(
            "connectome",
            "undirected",
            "read",
            "samples",
            "seed",
            "null",
            "source",
            "genomes",
            "curves",
            "distinct",
            "notes",
        )
    ]
    assert (figures["connectome"], figures["samples"], figures["seed"]) == (CIRCUIT, 4, 7)
    relative = {
        "degree_error",
        "strength_error",
        "triad_error",
        "overlap",
        "overlap_between",
        "rich_club_ratio",
    }
    relative |= {"shortcut_ratio", "route_length", "unreached"}
    names = statistics.describe(comparison.connectome).keys() | relative | {f"z_{x}" for x in CONNECTED}
    assert figures["source"].keys() == names
    labels = ["connectome", "random", "without", "other", "empty"]
    assert list(figures["genomes"]) == list(figures["curves"]["genomes"]) == labels
    for genome in figures["genomes"].values():
        assert genome.keys() == names
        assert all(figure.keys() == {"mean", "std", "count"} for figure in genome.values())
    for curves in (figures["curves"]["source"], *figures["curves"]["genomes"].values()):
        assert curves.keys() == {"in_degree", "out_degree", "rich_club"}


def test_comparison_of_the_connectome_with_itself_finds_no_difference(comparison: Comparison) -> None:
    source, genome = comparison.figures["source"], comparison.figures["genomes"]["connectome"]
    assert source["overlap"] == 1.0 and source["degree_error"] == source["triad_error"] == 0.0
    assert source["strength_error"] == 0.0
    for name, value in source.items():
        if name != "overlap_between":
            assert genome[name]["mean"] == value
            assert genome[name]["std"] == (None if value is None else 0.0)
    assert genome["overlap_between"]["mean"] == 1.0
    distinct = {"connectome": 1, "random": 4, "without": 1, "other": 4, "empty": 1}
    assert comparison.figures["distinct"] == distinct
    assert comparison.figures["curves"]["genomes"]["connectome"] == comparison.figures["curves"]["source"]


def test_figures_are_means_and_deviations_over_samples(comparison: Comparison, wiring: Connectome) -> None:
    genome = comparison.figures["genomes"]["random"]
    samples = list(draw(wiring, entrants("random")[0], 4, 7))
    for name in ("density", "reciprocity", "clustering", "path_length", "triads_030T", "chemical"):
        values = [statistics.describe(sample)[name] for sample in samples]
        assert genome[name]["mean"] == pytest.approx(np.mean(values))
        assert genome[name]["std"] == pytest.approx(np.std(values, ddof=1), abs=1e-12)
    matrices = [neurons_of(sample) for sample in samples]
    errors = [statistics.degree_error(m, neurons_of(wiring)) for m in matrices]
    assert genome["degree_error"]["mean"] == pytest.approx(np.mean(errors)) and min(errors) > 0
    between = [statistics.overlap(a, b) for a in matrices for b in matrices if a is not b]
    assert genome["overlap_between"]["mean"] == pytest.approx(np.mean(between)) and max(between) > 0


def test_z_scores_refer_to_samples_of_the_null_model(comparison: Comparison, wiring: Connectome) -> None:
    null = entrants("random:gap=drop")[0]
    censuses = [triad_census(neurons_of(sample)) for sample in draw(wiring, null, 4, derive(7, "null"))]
    expected = z_scores(triad_census(neurons_of(wiring)), censuses)
    figures = comparison.figures
    assert {x: figures["source"][f"z_{x}"] for x in CONNECTED} == expected
    assert figures["null"]["genome"] == "null" and figures["null"]["samples"] == 4
    mean_count = np.mean([census["021D"] for census in censuses])
    assert figures["null"]["triads_021D"]["mean"] == pytest.approx(mean_count)


def test_null_model_has_samples_of_its_own(wiring: Connectome) -> None:
    random = entrants("random")[0]
    figures = compare(wiring, [random], 3, 0, random).figures
    assert figures["null"]["triads_021C"]["mean"] != figures["genomes"]["random"]["triads_021C"]["mean"]


def test_without_a_null_model_there_are_no_z_scores(wiring: Connectome) -> None:
    figures = compare(wiring, [], 3, 0).figures
    assert figures["null"] is None
    assert not [name for name in figures["source"] if name.startswith("z_") or name == "rich_club_ratio"]


def test_rich_club_ratio_is_over_the_null_at_the_same_degree() -> None:
    worm = load("celegans")
    dense = compare(worm, [], 1, 0, entrants("dense")[0]).figures["source"]
    assert dense["rich_club_ratio"] == pytest.approx(dense["rich_club"]) and dense["rich_club"] > 0.2
    exact = compare(worm, [], 1, 0, entrants("connectome")[0]).figures["source"]
    assert exact["rich_club_ratio"] == pytest.approx(1)
    random = compare(worm, [], 1, 0, entrants("random")[0]).figures["source"]
    assert random["rich_club_ratio"] is None  # no two of its cells have as many partners


@pytest.mark.parametrize("name", plugins.priors.names())
def test_every_registered_prior_can_be_compared(name: str) -> None:
    motor = load("celegans-motor")  # it has positions, which some priors need
    comparison = compare(motor, entrants(name), 1, 0)
    figures = comparison.figures["genomes"][name]
    assert (figures["overlap"]["mean"] is not None) is is_comparable(motor, comparison.examples[name])
    assert figures["cells"]["mean"] is not None and 0 <= figures["density"]["mean"] <= 1


def test_wirings_of_other_cells_have_no_overlap(comparison: Comparison, wiring: Connectome) -> None:
    relative = ["overlap", "overlap_between", "degree_error", "triad_error", "wiring_length", "z_030T"]
    for label in ("other", "empty"):
        assert not is_comparable(wiring, comparison.examples[label])
        assert {comparison.figures["genomes"][label][name]["mean"] for name in relative} == {None}
    without = comparison.figures["genomes"]["without"]
    assert without["overlap"]["mean"] == 0.0
    assert without["degree_error"]["mean"] == pytest.approx(comparison.figures["source"]["mean_degree"])
    assert comparison.figures["genomes"]["other"]["density"]["mean"] > 0


def test_curves_count_every_neuron(comparison: Comparison) -> None:
    source = comparison.figures["curves"]["source"]
    assert sum(source["in_degree"]) == sum(source["out_degree"]) == 66
    edges = sum(k * cells for k, cells in enumerate(source["in_degree"]))
    assert edges == sum(k * cells for k, cells in enumerate(source["out_degree"])) == 188
    genome = comparison.figures["curves"]["genomes"]["random"]
    assert sum(genome["in_degree"]) == pytest.approx(66)


def test_notes_are_told_once(comparison: Comparison) -> None:
    assert comparison.figures["notes"] == {
        "without": [
            "It has no core.",
            "drawn 20 times, and none of its inputs reached an output: it answers alike whatever it senses, "
            "and scores as a constant.",
        ],
        "other": ["It has cells of its own.", "Their number is drawn."],
    }


def test_comparison_follows_from_its_seed(comparison: Comparison, wiring: Connectome) -> None:
    null = entrants("null=random:gap=drop")[0]
    again = compare(wiring, entrants("random"), 4, 7, null).figures
    # Nor does it follow from the other priors.
    assert again["genomes"]["random"] == comparison.figures["genomes"]["random"]
    other = compare(wiring, entrants("random"), 4, 8, null).figures
    assert other["genomes"]["random"] != again["genomes"]["random"]


# --- folders ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "file", "broken link"])
def test_nothing_is_written_over_what_exists(
    comparison: Comparison, wiring: Connectome, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "out"
    if kind == "folder":
        path.mkdir()
        (path / "notes.txt").write_text("mine")
    elif kind == "file":
        path.write_text("mine")
    else:
        path.symlink_to(tmp_path / "nowhere")
    for write in (
        lambda: write_samples(wiring, entrants("random"), 1, 0, path),
        lambda: write_pictures(comparison, path),
    ):
        with pytest.raises(RunError, match="out exists; wanted a new folder"):
            write()
    assert {p.name for p in tmp_path.rglob("*")} == {"out", *(["notes.txt"] if kind == "folder" else [])}


def test_a_failure_leaves_no_samples_behind(wiring: Connectome, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError):
        write_samples(wiring, entrants("random", f"bad={HERE}:broken"), 2, 0, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_labels_that_differ_by_case_give_no_two_files(wiring: Connectome, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="Labels A, a give files of one name"):
        write_samples(wiring, entrants("A=random", "a=random"), 1, 0, tmp_path / "out")


# --- the ladder ---------------------------------------------------------------------------------------


def test_ladder_has_a_row_or_a_reason_for_every_prior(
    wiring: Connectome, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions = {"other": other_cells, "without": without_core, "unwilling": unwilling}
    odd = {name: Plugin("prior", name, function) for name, function in functions.items()}
    registered = {name: plugins.priors.get(name) for name in ("connectome", "random")}
    monkeypatch.setattr(plugins.priors, "_plugins", registered | odd)
    rows, left_out = ladder_table.ladder(wiring, 2, 0)
    assert [row[0] for row in rows] == [f"*{CIRCUIT}*", "`connectome`", "`random`"]
    assert rows[0][1:] == rows[1][1:] != rows[2][1:]
    assert rows[0][4] == "0.191"  # reciprocity
    assert left_out == {
        "other": "other cells",
        "without": "no synapses among neurons",
        "unwilling": "The wiring is too small; bring a larger one.",
    }
    table = ladder_table.markdown(rows).splitlines()
    assert len(table) == 5 and len({len(line) for line in table}) == 1
    assert all(line.count("|") == 13 for line in table)


# --- the command line ---------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


SMALL = ["--connectome", CIRCUIT, "--samples", "2"]


@pytest.mark.usefixtures("elsewhere")
def test_stats_writes_pictures_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["stats", *SMALL, "--genome", "random", ODD[0], "--out", "pictures"]
    assert cli.main([*arguments, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "pictures" / "stats.json").read_text("utf-8")) == figures
    assert (tmp_path / "pictures" / "random.svg").exists() and (
        tmp_path / "pictures" / "without.png"
    ).exists()
    assert cli.main(arguments) == 2
    assert "pictures exists; wanted a new folder" in capsys.readouterr().err


@pytest.mark.usefixtures("elsewhere")
def test_stats_prints_notes_and_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stats", *SMALL, "--genome", *ODD, "--out", "pictures"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("other: Their number is drawn.") == 1
    assert out.splitlines()[-1] == "pictures/empty.svg"


@pytest.mark.usefixtures("elsewhere")
def test_sample_prints_notes_once_apart_from_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sample", *SMALL, "--genome", ODD[1], "--out", "tables"]) == 0
    out, err = capsys.readouterr()
    assert out.split() == ["tables/other-0.csv", "tables/other-1.csv"]
    assert err.splitlines() == ["other: It has cells of its own.", "other: Their number is drawn."]
    assert load("tables/other-0.csv").num_cells > 1


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("command", ["stats", "sample"])
def test_commands_name_a_prior_that_fails(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, *SMALL, "--genome", f"bad={HERE}:broken", "--out", "x"]) == 1
    assert f"error: bad on {CIRCUIT} failed with ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.usefixtures("elsewhere")
def test_stats_scores_triads_against_the_degree_prior(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = plugins.priors._plugins
    null = Plugin("prior", "degree", known["random"].target)
    for present in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr(plugins.priors, "_plugins", {**known, "degree": null})
            if not present:
                patch.delitem(plugins.priors._plugins, "degree")
            assert cli.main(["stats", *SMALL, "--json"]) == 0
        figures = json.loads(capsys.readouterr().out)
        assert ("z_030T" in figures["source"]) is present
        assert (figures["null"] or {"genome": None})["genome"] == ("degree" if present else None)


@pytest.mark.usefixtures("elsewhere")
def test_stats_reads_the_smallest_wirings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for row in ("a,b,chemical,1,1", "a,b,electrical,1,0", "a,b,neuromuscular,2,-1"):
        (tmp_path / "tiny.csv").write_text(f"pre,post,kind,weight,sign\n{row}\n")
        assert (
            cli.main(["stats", "--connectome", "tiny.csv", "--samples", "2", "--genome", "connectome"]) == 0
        )
        assert "path length" in capsys.readouterr().out
