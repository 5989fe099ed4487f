"""A made-up report of schema 2: four tasks, eight genomes, hostile names, null wherever null is allowed.

The figures come from fixed seeds and hang together: the scores are those that the interquartile means
summarise, and a comparison is the difference of two means.
"""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neuroevo.files import to_json
from neuroevo.referee.learning_curves import Curve
from neuroevo.report import exports
from neuroevo.report.figures import canvas
from neuroevo.report.figures.captions import pictures
from neuroevo.report.figures.picture import Picture
from neuroevo.report.html import page
from neuroevo.run_folder import safe_name

SCRIPT, AMPERSAND, FORMULA = "<script>alert(1)</script>", 'a&b"c', '=HYPERLINK("x";"y")'
LONG = "stats-prior:rewired=0.25,clustering=true,seed_of_the_chain=12345"
GENOMES = ["connectome", "stats-prior", LONG, "random", SCRIPT, AMPERSAND, FORMULA, "adapter-only"]
SWIMMER, DIGITS, MNIST, EMPTY = "swimmer", "digits:<i>size</i>=8", "mnist", "walker_2d"
FIGURES = (
    *("cells", "synapses", "density", "reciprocity", "clustering", "path_length", "triad_error", "rich_club"),
    *("assortativity", "modularity", "wiring_length", "excitatory", "overlap"),
)


def styles() -> dict[str, int]:
    return {label: i for i, label in enumerate(GENOMES)}


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
    found = {}
    for i, (label, values) in enumerate(scores(task, genomes).items()):
        if values:
            grow = 1 - np.exp(-np.arange(1, num_points + 1) / (8 + 2 * i) * 60 / num_points)
            wave = 1 + 0.02 * np.sin(np.arange(num_points) * (0.7 + 0.1 * i))
            mean, reach = np.mean(values) * grow * wave, (max(values) - min(values)) / 2
            found[label] = Curve(
                evaluations=65.0 * np.arange(1, num_points + 1),
                mean=mean,
                low=mean - reach,
                high=mean + reach,
                num_lineages=len(values),
            )
    return found


def drawn() -> dict[str, list[Picture]]:
    """Returns all figures of the report by task, and one of behaviour, as PNG."""
    found: dict[str, list[Picture]] = {}
    for task, section in report()["tasks"].items():
        for picture, figure in pictures(task, section, curves(task), scores(task), styles()):
            found.setdefault(task, []).append(replace(picture, image=canvas.svg(figure)))
            png = canvas.png(figure)
    words = f"What the champion of {SCRIPT} does."
    found[SWIMMER].append(Picture("behaviour", f"Behaviour of {SCRIPT}", words, png))
    return found


def write(folder: Path) -> Path:
    """Writes the page with all that it links to, and returns its path."""
    shown, made = drawn(), report()
    files = {
        "report.json": to_json(made),
        "report.csv": exports.genomes_csv(made),
        "comparisons.csv": exports.comparisons_csv(made),
        "report.tex": exports.tex(made),
    }
    data = {name: text.encode() for name, text in files.items()}
    for task, found in shown.items():
        for picture in found:
            ending = "png" if picture.kind == "behaviour" else "svg"
            data[f"{page.FIGURES}/{picture.kind}_{safe_name(task)}.{ending}"] = picture.image
    data["report.html"] = page.render(made, shown, styles(), list(data)).encode()
    (folder / page.FIGURES).mkdir(parents=True)
    for name, content in data.items():
        (folder / name).write_bytes(content)
    return folder / "report.html"


def report() -> dict[str, Any]:
    """Returns what report.json may hold."""
    tasks = {
        SWIMMER: _section(SWIMMER, "m/s", "m/s", "winner", "connectome", margin=0.01, doses=_doses()),
        DIGITS: _section(DIGITS, "accuracy", "log-likelihood", "no winner", None, selection=_race()),
        MNIST: _section(MNIST, "% correct", "", "exploratory", None, selection=_mixed()),
        EMPTY: _section(EMPTY, "", "", "nothing", None),
    }
    tasks[SWIMMER]["ends_alike"] = None
    tasks[DIGITS]["ends_alike"] = "ceiling"
    return {"schema": 2, "run": _run(), "tasks": tasks}


def old_report() -> dict[str, Any]:
    """Returns a report of schema 1, with the keys that it had."""
    entry = ("genome", "iqm", "ci95", "num_graphs", "num_seeds", "num_lineages", "parameters", "evaluations")
    entry += ("untrained", "auc", "status", "failures", "saturated", "silent")
    pair = ("a", "b", "difference", "ci95", "probability_of_improvement", "p", "p_holm", "verdict")
    run = ("name", "verdict", "sentence", "command", "missing", "notes", "commit", "device", "platform")
    run += ("workers", "wall_seconds", "connectome", "data", "versions", "config")
    new = report()
    tasks = {}
    for task, section in new["tasks"].items():
        tasks[task] = {
            key: section[key] for key in ("unit", "fitness_unit", "learning_from", "winner", "notes")
        }
        tasks[task]["genomes"] = [{key: row[key] for key in entry} for row in section["genomes"]]
        tasks[task]["comparisons"] = [{key: row[key] for key in pair} for row in section["comparisons"]]
    counts = {"planned": 640, "done": 600, "failed": 20, "missing": 20}
    head = {key: new["run"][key] for key in run}
    return {"schema": 1, "run": {**head, "lineages": counts}, "tasks": tasks}


def _run() -> dict[str, Any]:
    return {
        "name": f"trial of {AMPERSAND}",
        "names": ["first", SCRIPT],
        "verdict": "winner",
        "sentence": "connectome wins on swimmer; no prior wins on digits:<i>size</i>=8; exploratory: mnist.",
        "command": f"python run.py --genome connectome stats-prior '{SCRIPT}' --task swimmer digits mnist",
        "lineages": {"planned": 640, "done": 600, "failed": 12, "censored": 8, "missing": 20},
        "missing": [f"{SWIMMER}: 20 of 160 lineages have no result ({SCRIPT} 20)."],
        "notes": [f"{SCRIPT}, graph 3: the chain stopped <early>"],
        "selection": "tournament",
        "alpha": 0.05,
        "commit": "aceffac0f6d1a2b3c4d5e6f708192a3b4c5d6e7f",
        "device": "cpu",
        "platform": "Linux-6.1-x86_64",
        "workers": 2,
        "wall_seconds": 12345.67,
        "connectome": {"name": "celegans-motor", "sha256": "ab" * 32},
        "data": {"mnist": {"sha256": "cd" * 32}, "digits": None},
        "versions": {"python": "3.11.7", "torch": "2.13.0", "mujoco": None},
        "config": {"genome": GENOMES, "task": [SWIMMER, "digits"], "seed": 0, "budgets": {"a": {"b": 1}}},
    }


def _section(task: str, unit: str, fitness_unit: str, verdict: str, winner: str | None, **more: Any) -> Any:
    drawn, rng = scores(task), np.random.default_rng(1)
    genomes = [_genome(task, label, values) for label, values in drawn.items()]
    scored = [label for label, values in drawn.items() if values]
    pairs = [
        _pair(rank, a, b, drawn[a], drawn[b]) for rank, (a, b) in enumerate(itertools.combinations(scored, 2))
    ]
    graphs = [
        {
            "genome": label,
            "num_graphs": 5,
            **{figure: {"mean": float(rng.uniform()), "std": float(rng.uniform() / 9)} for figure in FIGURES},
        }
        for label in GENOMES[:-1]
    ]
    graphs[0].update(
        overlap=None, rich_club={"mean": None, "std": None}, synapses={"mean": 2194.0, "std": 0.0}
    )
    reason = f"stats-prior keeps its degrees and triads, and {SCRIPT} keeps none of the wiring."
    return {
        "unit": unit,
        "fitness_unit": fitness_unit,
        "learning_from": "fitness_centre",
        "margin": None,
        "verdict": verdict,
        "winner": winner,
        "sentence": f"{winner} wins on {task}."
        if winner
        else f"No genome can be told from all others on {task}.",
        "reasons": [reason],
        "power": ["12 more seeds would tell connectome from stats-prior with a power of 0.8."],
        "notes": [f"Saturated lineages: {SCRIPT} 3 of 20."],
        "ends_alike": None,
        "genomes": genomes,
        "comparisons": pairs,
        "doses": [],
        "graphs": [] if task == EMPTY else graphs,
        "selection": None,
        **more,
    }


def _genome(task: str, label: str, values: list[float]) -> dict[str, Any]:
    mean = float(np.mean(np.sort(values)[5:15])) if values else None
    one_point = label in ("connectome", "adapter-only")

    def near(factor: float, known: bool = True) -> dict[str, Any]:
        known = known and mean is not None
        low, high = (mean * factor * 0.97, mean * factor * 1.02) if mean and known else (None, None)
        return {"iqm": mean * factor if mean and known else None, "ci95": [low, high] if known else None}

    parameters = {"core": 2194, "adapters": 1212}
    if label == "stats-prior":
        parameters |= {"core_range": [2101, 2194], "adapters_range": [1200, 1230]}
    return {
        "genome": label,
        **near(1.0),
        "num_graphs": 1 if one_point else 5,
        "num_seeds": 20 if one_point else 4,
        "num_lineages": len(values),
        "one_point": None if label == FORMULA else one_point,
        "parameters": parameters if values else {"core": None, "adapters": None},
        "evaluations": 3250 if values else None,
        "untrained": near(0.02),
        "tuned": near(1.01) if label == "connectome" and task == SWIMMER else None,
        "auc": near(0.8),
        "to_threshold": {"threshold": 0.12, "median": 1300.0, "reached": 18, "of": 20}
        if task == SWIMMER and label != "random"
        else None,
        "status": "failed" if label == SCRIPT else "censored" if label == FORMULA else "done",
        "failures": 3 if label == SCRIPT else 0,
        "saturated": 3 if label == SCRIPT else 0,
        "silent": 0,
    }


def _pair(rank: int, a: str, b: str, x: list[float], y: list[float]) -> dict[str, Any]:
    difference = float(np.mean(x) - np.mean(y))
    told = "better" if difference > 0 else "worse"
    verdict = (told, "inconclusive", "equivalent", told, "inconclusive")[rank % 5]
    known = rank % 7 != 3
    return {
        "a": a,
        "b": b,
        "difference": difference,
        "ci95": [difference - abs(difference) / 2, difference + abs(difference) / 2] if known else None,
        "df": 7.3 if known else None,
        "kind": ("graphs", "one wiring", "seeds")[rank % 3],
        "p": 0.0004 * (rank + 1) if known else None,
        "p_holm": min(1.0, 0.0112 * (rank + 1)) if known else None,
        "p_permutation": 0.002 if rank % 2 else None,
        "p_equivalence": 0.3 if rank % 2 else None,
        "p_equivalence_holm": 0.9 if rank % 2 else None,
        "probability_of_improvement": 0.83,
        "rank": {"rank": 3, "of": 21, "p": 0.14} if rank % 3 == 1 else None,
        "auc": {"difference": 0.01, "ci95": None, "p": 0.01, "p_holm": 0.2} if rank % 2 else None,
        "power": {"more_seeds": 12, "more_graphs": None} if rank % 2 else None,
        "verdict": verdict,
    }


def _doses() -> list[dict[str, Any]]:
    """Two priors with a dose each, one of them with a point that has no interval."""
    points = [
        (0.0, "connectome", 0.152),
        (0.25, LONG, 0.147),
        (0.5, SCRIPT, 0.141),
        (1.0, "stats-prior", 0.139),
    ]
    first = [
        {"genome": label, "rewired": dose, "iqm": iqm, "ci95": [iqm - 0.004, iqm + 0.005]}
        for dose, label, iqm in points
    ]
    second = [
        {"genome": "random", "rewired": 0.1, "iqm": 0.149, "ci95": None},
        {"genome": AMPERSAND, "rewired": 1.0, "iqm": None, "ci95": None},
        {"genome": FORMULA, "rewired": 0.9, "iqm": 0.131, "ci95": [0.128, 0.134]},
    ]
    return [{"prior": "stats-prior", "points": first}, {"prior": "degree", "points": second}]


def _race() -> dict[str, Any]:
    rows = []
    for rung in range(3):
        alive = GENOMES[: 8 - 2 * rung]
        for place, label in enumerate(alive):
            leads, gone = place == 0, place >= len(alive) - 2
            rows.append(
                {
                    "task": DIGITS,
                    "rung": rung,
                    "generation": 10 * (rung + 1),
                    "genome": label,
                    "lineages": 20,
                    "fitness": None if label == SCRIPT else -0.5 - 0.1 * place + 0.2 * rung,
                    "against": None if leads else "connectome",
                    "difference": None if leads else -0.1 * place,
                    "p": None if leads else 0.2 / (place + 1),
                    "level": 0.0167,
                    "dropped": gone,
                }
            )
    confirmation = {
        "task": DIGITS,
        "event": "confirmation",
        "genomes": ["connectome", "stats-prior"],
        "seeds": [20, 39],
        "evaluations_saved": 123456,
    }
    return {"kind": "race", "rungs": rows, "confirmation": confirmation}


def _mixed() -> dict[str, Any]:
    rng, epochs, labels = np.random.default_rng(5), list(range(0, 21, 2)), GENOMES[:7]
    shares: dict[str, list[list[float]]] = {label: [] for label in labels}
    for _ in range(6):
        growth = rng.normal(0, 0.25, len(labels)) - 0.08 * np.arange(len(labels))
        weight = np.exp(np.outer(np.arange(len(epochs)), growth))
        weight /= weight.sum(1, keepdims=True)
        for label, column in zip(labels, weight.T, strict=True):
            shares[label].append(column.tolist())
    fixation = {
        label: {
            "start_share": 1 / len(labels),
            "mean_final_share": float(np.mean([track[-1] for track in shares[label]])),
            "fixed": 4 if label == "connectome" else 0,
            "of": 6,
            "p": None if label == SCRIPT else 0.01 * (rank + 1),
            "p_holm": None if label == SCRIPT else 0.07 * (rank + 1),
        }
        for rank, label in enumerate(labels)
    }
    return {
        "kind": "mixed",
        "populations": 6,
        "epochs": epochs,
        "shares": shares,
        "fixation": fixation,
        "winner": "connectome",
    }
