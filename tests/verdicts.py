"""A made-up report: four tasks, eight genomes, hostile names, None wherever None is allowed.

The figures come from fixed seeds and hang together: the scores are those that the interquartile means
summarise, and a comparison is the difference of two means.
"""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neuroevo.files import to_json
from neuroevo.referee.entry import Entry
from neuroevo.referee.learning_curves import Curve, TimeToThreshold
from neuroevo.referee.outcome import AreaContrast, Comparison, Decision, Power, Rank, Relation, Verdict
from neuroevo.referee.sphinx import Sphinx, explain
from neuroevo.referee.spread import Fixation
from neuroevo.report import exports
from neuroevo.report.figures import canvas, colors
from neuroevo.report.figures.captions import pictures
from neuroevo.report.figures.picture import Picture
from neuroevo.report.html import page
from neuroevo.report.model import (
    Confirmation,
    Dose,
    DosePoint,
    GenomeReport,
    GraphStatistics,
    LineageCounts,
    Measure,
    MixedPopulations,
    Parameters,
    Race,
    Report,
    Rung,
    RunReport,
    Spread,
    TaskReport,
)

SCRIPT, AMPERSAND, FORMULA = "<script>alert(1)</script>", 'a&b"c', '=HYPERLINK("x";"y")'
LONG = "stats-prior:rewired=0.25,clustering=true,seed_of_the_chain=12345"
GENOMES = ["connectome", "stats-prior", LONG, "random", SCRIPT, AMPERSAND, FORMULA, "adapter-only"]
SWIMMER, DIGITS, MNIST, EMPTY = "swimmer", "digits:<i>size</i>=8", "mnist", "walker_2d"
FIGURES = (
    *("cells", "synapses", "density", "reciprocity", "clustering", "path_length", "triad_error", "rich_club"),
    *("assortativity", "modularity", "wiring_length", "excitatory", "overlap"),
)


def styles() -> dict[str, int]:
    return colors.places(dict.fromkeys(GENOMES))


def scores(task: str, genomes: list[str] | None = None) -> dict[str, list[float]]:
    """Returns made-up scores of 5 graphs x 4 seeds by genome; the first genome's are highest."""
    labels = GENOMES if genomes is None else genomes
    if task == EMPTY:
        return {label: [] for label in labels}
    rng = np.random.default_rng(len(task))
    top, step, spread = {SWIMMER: (0.152, 0.004, 0.007), DIGITS: (0.93, 0.002, 0.02)}.get(task, (81, 1.5, 4))
    drawn = {label: (top - step * i + rng.normal(0, spread, 20)).tolist() for i, label in enumerate(labels)}
    return {label: [] if label == "adapter-only" and task == MNIST else x for label, x in drawn.items()}


def curves(task: str, genomes: list[str] | None = None, num_points: int = 60) -> dict[str, Curve]:
    """Returns made-up learning curves that end near the scores."""
    of_genomes = {}
    for i, (label, values) in enumerate(scores(task, genomes).items()):
        if values:
            grow = 1 - np.exp(-np.arange(1, num_points + 1) / (8 + 2 * i) * 60 / num_points)
            wave = 1 + 0.02 * np.sin(np.arange(num_points) * (0.7 + 0.1 * i))
            mean, reach = np.mean(values) * grow * wave, (max(values) - min(values)) / 2
            of_genomes[label] = Curve(
                evaluations=65.0 * np.arange(1, num_points + 1),
                mean=mean,
                low=mean - reach,
                high=mean + reach,
                num_lineages=len(values),
            )
    return of_genomes


def drawn() -> dict[str, list[Picture]]:
    """Returns all figures of the report by task, and one of behaviour, as PNG."""
    shown: dict[str, list[Picture]] = {}
    for label, task in report().tasks.items():
        for picture, figure in pictures(task, curves(label), scores(label), styles()):
            shown.setdefault(label, []).append(replace(picture, image=canvas.svg(figure)))
            png = canvas.png(figure)
    words = f"What the champion of {SCRIPT} does."
    shown[SWIMMER].append(Picture("behaviour", f"Behaviour of {SCRIPT}", words, png))
    return shown


def write(folder: Path) -> Path:
    """Writes the page with all that it links to, and returns its path."""
    shown, whole = drawn(), report()
    files = {
        "report.json": to_json(whole.to_json()),
        "report.csv": exports.genomes_csv(whole),
        "comparisons.csv": exports.comparisons_csv(whole),
        "sphinx.csv": exports.sphinx_csv(whole),
        "report.tex": exports.tex(whole),
    }
    data = {name: text.encode() for name, text in files.items()}
    for task, of_task in shown.items():
        for picture in of_task:
            ending = "png" if picture.kind == "behaviour" else "svg"
            data[page.figure_path(task, picture.kind, ending)] = picture.image
    data["report.html"] = page.render(whole, shown, styles(), list(data)).encode()
    (folder / page.FIGURES).mkdir(parents=True)
    for name, content in data.items():
        (folder / name).write_bytes(content)
    return folder / "report.html"


def report() -> Report:
    """Returns a report with all that one may hold."""
    tasks = (
        task_report(SWIMMER, "m/s", "m/s", "winner", "connectome", margin=0.01, doses=_doses()),
        task_report(DIGITS, "accuracy", "log-likelihood", "no winner", None, "ceiling", selection=_race()),
        task_report(MNIST, "% correct", "", "exploratory", None, selection=_mixed()),
        task_report(EMPTY, "", "", "nothing", None),
    )
    return Report(_run(), {task.label: task for task in tasks})


def least() -> Report:
    """Returns a report with as little as one may hold: a task of one genome without a score."""
    run = RunReport(
        name="r",
        names=("r",),
        verdict="nothing",
        sentence="Nothing.",
        alpha=0.05,
        selection="tournament",
        command=None,
        lineages=LineageCounts(planned=1),
        missing=(),
        notes=(),
        commit=None,
        device=None,
        platform=None,
        workers=None,
        wall_seconds=None,
        connectome=None,
        data=None,
        versions=None,
        config={},
    )
    return Report(run, {"t": _least_task()})


def _least_task() -> TaskReport:
    nothing = Measure(None, None)
    genome = GenomeReport(
        label="a",
        score=nothing,
        num_graphs=1,
        num_seeds=1,
        num_lineages=0,
        one_point=None,
        is_control=False,
        parameters=Parameters(),
        evaluations=None,
        untrained=nothing,
        tuned=None,
        auc=nothing,
        to_threshold=None,
        status="incomplete",
        failures=0,
        saturated=0,
        silent=0,
    )
    return TaskReport(
        label="t",
        unit="",
        fitness_unit="",
        learning_from="fitness_centre",
        margin=None,
        verdict=Verdict("nothing", None, "Nothing."),
        notes=(),
        genomes=(genome,),
        comparisons=(),
        doses=(),
        graphs=(),
        selection=None,
    )


def _run() -> RunReport:
    return RunReport(
        name=f"trial of {AMPERSAND}",
        names=("first", SCRIPT),
        verdict="winner",
        sentence="connectome wins on swimmer; no prior wins on digits:<i>size</i>=8; exploratory: mnist.",
        command=f"python run.py --genome connectome stats-prior '{SCRIPT}' --task swimmer digits mnist",
        lineages=LineageCounts(planned=640, done=600, failed=12, censored=8, missing=20),
        missing=(f"{SWIMMER}: 20 of 160 lineages have no result ({SCRIPT} 20).",),
        notes=(f"{SCRIPT}, graph 3: the chain stopped <early>",),
        selection="tournament",
        alpha=0.05,
        commit="aceffac0f6d1a2b3c4d5e6f708192a3b4c5d6e7f",
        device="cpu",
        platform="Linux-6.1-x86_64",
        workers=2,
        wall_seconds=12345.67,
        connectome={"name": "celegans-motor", "sha256": "ab" * 32},
        data={"mnist": {"sha256": "cd" * 32}, "digits": None},
        versions={"python": "3.11.7", "torch": "2.13.0", "mujoco": None},
        config={"genome": GENOMES, "task": [SWIMMER, "digits"], "seed": 0, "budgets": {"a": {"b": 1}}},
    )


def task_report(
    task: str,
    unit: str,
    fitness_unit: str,
    decision: Decision,
    winner: str | None,
    ends_alike: Any = None,
    **more: Any,
) -> TaskReport:
    """Returns a made-up report of a task."""
    of_task, rng = scores(task), np.random.default_rng(1)
    scored = [label for label, values in of_task.items() if values]
    pairs = enumerate(itertools.combinations(scored, 2))
    graphs = [
        GraphStatistics(
            label, 5, {name: Spread(float(rng.uniform()), float(rng.uniform() / 9)) for name in FIGURES}
        )
        for label in GENOMES[:-1]
    ]
    odd = {"overlap": None, "rich_club": Spread(None, None), "synapses": Spread(2194.0, 0.0)}
    graphs[0] = replace(graphs[0], statistics={**graphs[0].statistics, **odd})
    parts: dict[str, Any] = {
        "margin": None,
        "notes": (f"Saturated lineages: {SCRIPT} 3 of 20.",),
        "genomes": tuple(_genome(task, label, values) for label, values in of_task.items()),
        "comparisons": tuple(_pair(rank, a, b, of_task[a], of_task[b]) for rank, (a, b) in pairs),
        "doses": (),
        "sphinx": _sphinx(of_task) if task == SWIMMER else None,
        "graphs": () if task == EMPTY else tuple(graphs),
        "selection": None,
        **more,
    }
    none = f"No genome can be told from all others on {task}."
    verdict = Verdict(
        decision,
        winner,
        f"{winner} wins on {task}." if winner else none,
        (f"stats-prior keeps its degrees and triads, and {SCRIPT} keeps none of the wiring.",),
        ("12 more seeds would tell connectome from stats-prior with a power of 0.8.",),
        ends_alike,
    )
    return TaskReport(
        label=task,
        unit=unit,
        fitness_unit=fitness_unit,
        learning_from="fitness_centre",
        verdict=verdict,
        **parts,
    )


def _sphinx(of_task: dict[str, list[float]]) -> Sphinx | None:
    entries = [
        Entry(
            label,
            {(k // 4, k % 4): score for k, score in enumerate(values)},
            core="none" if label == "adapter-only" else "evolves",
        )
        for label, values in of_task.items()
    ]
    return explain(entries, (0.0, "staying <where> it is"), {(0, k): 0.1 for k in range(4)}, "m/s")


def _genome(task: str, label: str, values: list[float]) -> GenomeReport:
    mean = float(np.mean(np.sort(values)[5:15])) if values else None
    one_point = label in ("connectome", "adapter-only")

    def near(factor: float) -> Measure:
        if mean is None:
            return Measure(None, None)
        return Measure(mean * factor, (mean * factor * 0.97, mean * factor * 1.02))

    parameters = Parameters(core=2194, adapters=1212) if values else Parameters()
    if label == "stats-prior" and values:
        parameters = replace(parameters, core_range=(2101, 2194), adapters_range=(1200, 1230))
    is_timed = task == SWIMMER and label != "random"
    return GenomeReport(
        label=label,
        score=near(1.0),
        num_graphs=1 if one_point else 5,
        num_seeds=20 if one_point else 4,
        num_lineages=len(values),
        one_point=None if label == FORMULA else one_point,
        is_control=label == "adapter-only",
        parameters=parameters,
        evaluations=3250 if values else None,
        untrained=near(0.02),
        tuned=near(1.01) if label == "connectome" and task == SWIMMER else None,
        auc=near(0.8),
        to_threshold=TimeToThreshold(0.12, 1300.0, 18, 20) if is_timed else None,
        status="failed" if label == SCRIPT else "censored" if label == FORMULA else "done",
        failures=3 if label == SCRIPT else 0,
        saturated=3 if label == SCRIPT else 0,
        silent=0,
    )


def _pair(rank: int, a: str, b: str, x: list[float], y: list[float]) -> Comparison:
    difference = float(np.mean(x) - np.mean(y))
    better: Relation = "better" if difference > 0 else "worse"
    relations: tuple[Relation, ...] = (better, "inconclusive", "equivalent", better, "inconclusive")
    known, is_odd = rank % 7 != 3, rank % 2 == 1
    half = abs(difference) / 2
    return Comparison(
        a=a,
        b=b,
        kind=("graphs", "one wiring", "seeds")[rank % 3],
        difference=difference,
        ci95=(difference - half, difference + half) if known else None,
        df=7.3 if known else None,
        p=0.0004 * (rank + 1) if known else None,
        p_solved=0.0 if known else None,
        p_permutation=0.002 if is_odd else None,
        p_equivalence=0.3 if is_odd else None,
        probability_of_improvement=0.83,
        rank=Rank(a, 3, 21, 0.14) if rank % 3 == 1 else None,
        auc=AreaContrast(0.01, (-0.01, 0.03), 0.01, 0.2) if is_odd else None,
        p_holm=min(1.0, 0.0112 * (rank + 1)) if known else None,
        p_equivalence_holm=0.9 if is_odd else None,
        verdict=relations[rank % 5],
        power=Power(12, None) if is_odd else None,
    )


def _doses() -> tuple[Dose, ...]:
    """Two priors with a dose each, one of them with a point that has no interval."""
    points = (
        (0.0, "connectome", 0.152),
        (0.25, LONG, 0.147),
        (0.5, SCRIPT, 0.141),
        (1.0, "stats-prior", 0.139),
    )
    first = [DosePoint(label, iqm, (iqm - 0.004, iqm + 0.005), dose) for dose, label, iqm in points]
    second = (
        DosePoint("random", 0.149, None, 0.1),
        DosePoint(AMPERSAND, None, None, 1.0),
        DosePoint(FORMULA, 0.131, (0.128, 0.134), 0.9),
    )
    return Dose("stats-prior", tuple(first)), Dose("degree", second)


def _race() -> Race:
    rungs = []
    for number in range(3):
        alive = GENOMES[: 8 - 2 * number]
        for place, label in enumerate(alive):
            leads = place == 0
            rung = Rung(
                task=DIGITS,
                rung=number,
                generation=10 * (number + 1),
                genome=label,
                lineages=20,
                fitness=None if label == SCRIPT else -0.5 - 0.1 * place + 0.2 * number,
                against=None if leads else "connectome",
                difference=None if leads else -0.1 * place,
                p=None if leads else 0.2 / (place + 1),
                level=0.0167,
                dropped=place >= len(alive) - 2,
            )
            rungs.append(rung)
    confirmation = Confirmation(
        task=DIGITS,
        event="confirmation",
        genomes=("connectome", "stats-prior"),
        seeds=(20, 39),
        evaluations_saved=123456,
    )
    return Race("race", tuple(rungs), confirmation)


def _mixed() -> MixedPopulations:
    rng, epochs, labels = np.random.default_rng(5), tuple(range(0, 21, 2)), GENOMES[:7]
    shares: dict[str, list[tuple[float, ...]]] = {label: [] for label in labels}
    for _ in range(6):
        growth = rng.normal(0, 0.25, len(labels)) - 0.08 * np.arange(len(labels))
        weight = np.exp(np.outer(np.arange(len(epochs)), growth))
        weight /= weight.sum(1, keepdims=True)
        for label, column in zip(labels, weight.T, strict=True):
            shares[label].append(tuple(column.tolist()))
    fixation = {
        label: Fixation(
            start_share=1 / len(labels),
            mean_final_share=float(np.mean([track[-1] for track in shares[label]])),
            fixed=4 if label == "connectome" else 0,
            of=6,
            p=None if label == SCRIPT else 0.01 * (rank + 1),
            p_drift=None if label == SCRIPT else 0.01 * (rank + 1),
            p_founders=None if label == SCRIPT else 0.005 * (rank + 1),
            p_holm=None if label == SCRIPT else 0.07 * (rank + 1),
        )
        for rank, label in enumerate(labels)
    }
    return MixedPopulations(
        kind="mixed",
        populations=6,
        epochs=epochs,
        shares={label: tuple(tracks) for label, tracks in shares.items()},
        fixation=fixation,
        winner="connectome",
    )
