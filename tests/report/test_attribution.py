"""Runs whose genomes are knock-outs and transplants are reported as such, by their priors alone."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

import populations
from neuroevo.connectome.catalog import load
from neuroevo.experiment.attribution import Parts, genomes, parts_of
from neuroevo.files import to_json
from neuroevo.plugins import priors
from neuroevo.report import attribution
from neuroevo.report.attribution_terminal import attribution_parts
from neuroevo.report.evidence import GenomeEvidence, PriorFacts, TaskEvidence
from neuroevo.report.exports import attribution_csv
from neuroevo.report.figures import canvas
from neuroevo.report.figures.captions import pictures
from neuroevo.report.html import page
from neuroevo.report.model import Report
from neuroevo.screen import Screen
from tests import verdicts

assert populations  # registers the priors

ALL = ("chemical", "gap", "neuromuscular", "signs", "weights")
CLASSES = {"sensory": "sensory", "motor": "motor"}


def task(
    specs: list[str], means: dict[str, float] | None = None, columns: tuple[str, ...] = ()
) -> TaskEvidence:
    """What a run of some genomes holds of the worm, whose scores are 1 or as given, and 0 of the null."""
    rng, of_task = np.random.default_rng(0), []
    for call in priors.calls(specs):
        name, mean = call.plugin.name, (means or {}).get(call.label, 1.0)
        keys = [("worm", call.label, g, s) for g in range(1 if name == "connectome" else 8) for s in range(5)]
        results = {
            key: {"status": "done", "score": mean + rng.normal(0, 0.02), **dict.fromkeys(columns, mean / 2)}
            for key in keys
        }
        facts = PriorFacts(name, call.options, name == "connectome", "evolves")
        of_task.append(GenomeEvidence(call.label, tuple(keys), results, {}, facts, ()))
    return TaskEvidence("worm", "mm/s", "", None, "fitness_centre", tuple(of_task), (), {}, None)


def told(evidence: TaskEvidence) -> tuple[attribution.Attribution, ...]:
    scores = {"worm": {genome.label: genome.done() for genome in evidence.genomes}}
    return attribution.build({"worm": evidence}, scores).get("worm", ())


def test_each_genome_is_known_by_what_its_prior_keeps() -> None:
    parts = Parts(ALL, CLASSES, "role", {})
    (made,) = told(task(genomes(parts, parts.names), {"null": 0.0}))
    assert (made.exact, made.null) == ("connectome", "null")
    assert [row.part for row in made.parts] == [
        *("chemical synapses", "gap junctions", "neuromuscular synapses", "signs", "weights"),
        *("sensory cells", "motor cells"),
    ]
    for name, row in zip(parts.names, made.parts, strict=True):
        assert row.knockout is not None and row.knockout.genome == f"no-{name}"
        assert row.transplant is not None and row.transplant.genome == f"only-{name}"
    assert [row.part for row in made.sums] == [attribution.ALL_KINDS, attribution.ALL_CELLS]
    knockouts = [row.knockout.genome for row in made.sums if row.knockout]
    assert knockouts[1] == "no-gap + no-sensory + no-motor" and knockouts[0].count("+") == 4


def test_of_two_parts_one_genome_is_the_knock_out_of_one_and_the_transplant_of_the_other() -> None:
    parts = Parts(("chemical", "weights"), {}, "none", {})
    specs = genomes(parts, parts.names)
    assert [spec.partition("=")[0] for spec in specs] == ["connectome", "null", "no-chemical", "no-weights"]
    (made,) = told(task(specs, {"null": 0.0, "no-chemical": 0.1}))
    chemical, weights = made.parts
    assert chemical.knockout and chemical.transplant and weights.knockout and weights.transplant
    assert chemical.knockout.genome == weights.transplant.genome == "no-chemical"
    assert weights.knockout.genome == chemical.transplant.genome == "no-weights"
    assert chemical.knockout.share == pytest.approx(0.9, abs=0.05)
    assert weights.transplant.share == pytest.approx(0.1, abs=0.05)


def test_parts_that_were_not_asked_for_are_random_in_transplants_alone() -> None:
    parts = Parts(ALL, CLASSES, "role", {})
    (made,) = told(task(genomes(parts, ["gap", "motor"]), {"null": 0.0}))
    assert [row.part for row in made.parts] == ["gap junctions", "motor cells"]
    assert all(row.knockout and row.transplant for row in made.parts)


def test_parts_of_the_planted_circuit_are_known_though_chemical_synapses_are_all_its_kinds() -> None:
    parts = parts_of(load("planted"), "class", 0)
    assert (parts.kinds, [*parts.classes]) == ((), ["in", "early", "late"])
    (made,) = told(task(genomes(parts, parts.names), {"null": 0.0}))
    assert [row.part for row in made.parts] == ["in cells", "early cells", "late cells"]
    assert all(row.knockout and row.transplant for row in made.parts)


@pytest.mark.parametrize(
    "specs",
    [
        ["connectome", "degree", "random"],
        ["partial", "partial:chemical=keep"],
        ["connectome", "partial"],
        ["connectome", "partial:gap=keep", "partial:chemical=keep"],
        ["connectome", "a=partial:by=role", "b=partial:chemical=keep"],
        ["connectome", "partial", "partial:chemical=drop"],
        ["connectome", "partial", "partial:chemical=keep,gap=keep"],
    ],
)
def test_other_genomes_ask_nothing(specs: list[str]) -> None:
    assert told(task(specs, {"partial": 0.0})) == ()


def test_what_was_before_the_score_is_attributed_apart() -> None:
    parts = Parts(("chemical", "gap"), {}, "none", {})
    specs, means = genomes(parts, parts.names), {"null": 0.0}
    evidence = task(specs, means, ("untrained_score", "tuned_score"))
    assert [made.measure for made in told(evidence)] == ["score", "tuned", "untrained"]
    assert told(evidence)[1].exact_mean == pytest.approx(0.5)
    assert told(evidence)[1].sentences[0].startswith("worm, tuned: ")
    assert [made.measure for made in told(task(specs, means))] == ["score"]


@pytest.fixture(scope="module")
def report() -> Report:
    parts = Parts(ALL, CLASSES, "role", {})
    means = {"null": 0.0, "no-neuromuscular": 0.0, "no-motor": 0.0, "only-motor": 0.6}
    means |= {f"only-{name}": 0.0 for name in parts.names if name not in ("motor", "neuromuscular")}
    made = told(task(genomes(parts, parts.names), means))
    of_task = verdicts.task_report("swimmer", "mm/s", "mm/s", "no winner", None, attribution=made)
    return Report(verdicts.report().run, {"swimmer": of_task})


def test_json_and_csv_have_every_share(report: Report) -> None:
    written = json.loads(to_json(report.to_json()))["tasks"]["swimmer"]["attribution"]
    rows = list(csv.DictReader(io.StringIO(attribution_csv(report))))
    (entry,) = written
    assert len(rows) == len(entry["parts"]) + len(entry["sums"]) == 9
    for row, part in zip(rows, [*entry["parts"], *entry["sums"]], strict=True):
        assert row["part"] == part["part"] and float(row["difference"]) == entry["difference"]
        for way in ("knockout", "transplant"):
            assert float(row[f"{way}_share"]) == part[way]["share"]
            assert float(row[f"{way}_ci95_low"]) == part[way]["ci95"][0]
            assert row[f"{way}_p_holm"] == ("" if part[way]["p_holm"] is None else repr(part[way]["p_holm"]))
    assert "attribution" not in json.loads(to_json(verdicts.report().to_json()))["tasks"][verdicts.SWIMMER]


def test_terminal_shows_shares_in_80_columns(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    console = Screen(width=80, highlight=False)
    for part in attribution_parts(report.tasks["swimmer"]):
        console.print(part)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    row = next(line for line in out.splitlines() if line.startswith("motor cells"))
    assert row.split()[2] in ("0.99", "1.00", "1.01") and "0.6" in row.split()[6] and row.endswith("<0.001")
    assert "It rests on neuromuscular synapses" in " ".join(out.split()) or "It rests on motor cells" in out
    assert "-0.00" not in out


def test_page_and_figure_show_the_same(report: Report) -> None:
    of_task = report.tasks["swimmer"]
    assert attribution.verdict(of_task.attribution[0]).sentence == of_task.attribution[0].sentences[0]
    (picture, figure), *_ = pictures(of_task, {}, {}, {})
    assert picture.kind == "attribution" and "neuromuscular synapses: lost without" in picture.description
    image = canvas.svg(figure)
    assert image == canvas.svg(pictures(of_task, {}, {}, {})[0][1])
    texts = [text for text in ("motor cells", "lost without it (knock-out)") if text not in image.decode()]
    assert texts == []
    text = page.render(report, {}, verdicts.styles(), ["attribution.csv"])
    assert "<h3>What carries the score</h3>" in text and 'href="attribution.csv"' in text
    assert "It rests on" in text and '<th scope="row">motor cells</th>' in text.replace("\n", "")
