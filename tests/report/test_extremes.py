"""Scores of infinity, of 1e300 and of the largest that are computed with give no warning and no nan."""

from __future__ import annotations

import io
import itertools
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from neuroevo.files import Row
from neuroevo.report.terminal import print_report
from neuroevo.report.write import write_report
from neuroevo.run_folder import RunFolder
from neuroevo.text import visible

NO_NUMBER = re.compile(r"(?<![\w#.])[-+]?(nan|inf|infinity)(?![\w.])", re.IGNORECASE)
GENOMES = {"connectome": 1, "degree": 7, "random": 7, "adapter-only": 1}


def folder(path: Path, values: list[float | None], is_rising: bool = True) -> RunFolder:
    """Writes a run whose scores and fitness are some values in turn; None is a lineage that failed."""
    keys = [(g, k, s) for g, n in GENOMES.items() for k in range(n) for s in range(5)]
    lineages: list[Row] = [{"task": "t", "genome": g, "graph": k, "seed": s} for g, k, s in keys]
    known = {
        "status": "done",
        "tasks": {"t": {"unit": "m/s", "margin": 1.0, "maximum": 1.0}},
        "priors": {
            g: {"name": g, "options": {}, "one_point": n == 1, "core": "none" if "only" in g else "evolves"}
            for g, n in GENOMES.items()
        },
        "lineages": lineages,
    }
    config = {"genome": list(GENOMES), "task": ["t"], "selection": "tournament", "seed": 0, "seeds": 5}
    run = RunFolder.create(path, config, known)  # type: ignore[arg-type]
    scores = itertools.cycle(values)
    results = []
    for row in lineages:
        score = next(scores)
        finite = None if score is None or not np.isfinite(score) else score
        status = "done" if finite is not None else "failed"
        results.append({**row, "score": finite, "untrained_score": finite, "status": status, "error": None})
        steps = range(1, 21) if is_rising else [20] * 20
        run.append_metrics(
            {
                **row,
                "generation": n,
                "evaluations": 9 * (n + 1),
                "fitness_centre": None if finite is None else finite * k / 20,
                "fitness_mean": finite,
            }
            for n, k in enumerate(steps)
        )
    run.append_results(results)
    return run


@pytest.mark.parametrize(
    "values",
    [
        [1e300, 2e300, -1e300],
        [1.0, 1e300, None, 2.0],
        [float("inf"), 1.0, 2.0],
        [float("inf"), float("-inf")],
        [1e100, -1e100, 3e99, None],
        [1e80, 2e80, 5e80],
        [1e-90, 2e-90, 5e-90],
        [1e300, 1e-300, 0.0],
        [0.0],
    ],
    ids=str,
)
def test_extreme_scores_give_neither_warnings_nor_nan(tmp_path: Path, values: list[float | None]) -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"), warnings.catch_warnings(action="error"):
        run = folder(tmp_path / "run", values)
        report = write_report(run)
        screen = io.StringIO()
        print_report(report, Console(width=80, file=screen))
    texts = {name: (run.path / name).read_text() for name in ("report.csv", "comparisons.csv", "report.tex")}
    texts["terminal"] = screen.getvalue()
    page = (run.path / "report.html").read_text()
    body = re.sub(r"<(style|script|svg).*?</\1>", "", page[page.index("<body") :], flags=re.DOTALL)
    texts["page"] = re.sub(r"<[^>]*>", " ", body)
    assert visible(texts["page"]).count("connectome") >= 3
    for name, text in texts.items():
        assert not NO_NUMBER.search(text), (name, NO_NUMBER.search(text))
    json.loads((run.path / "report.json").read_text(), parse_constant=pytest.fail)
