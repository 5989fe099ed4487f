"""A table of one genome against each of the others, by task: scores, differences, intervals, effects and p.

    python -m benchmarks.against RUN [RUN ...] [--genome connectome]

Scores are interquartile means with their 95 % intervals. Of every other genome it prints the mean difference
(the genome less it) with its 95 % interval, Hedges' g over lineages, and p after Holm's correction for all
comparisons of the run, as they stand in its report.json; Markdown, a line a genome.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.discrimination import effect
from neuroevo.run_folder import RunFolder

HEAD = "| | score | {genome} - it | g | p |\n|---|--:|--:|--:|--:|"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, nargs="+")
    parser.add_argument("--genome", default="connectome")
    options = parser.parse_args()
    for path in options.run:
        report = json.loads((path / "report.json").read_text())
        scores = _scores(path)
        for task, section in report["tasks"].items():
            print(f"\n**{task}**, {section['unit']}\n\n{HEAD.format(genome=options.genome)}")
            for line in _lines(section, options.genome, scores[task]):
                print(line)


def _scores(path: Path) -> dict[str, dict[str, list[float]]]:
    """Returns the scores of lineages, by task and genome; those that failed are left out."""
    scores: dict[str, dict[str, list[float]]] = {}
    for row in RunFolder.open(path).results():
        if row["score"] is not None:
            scores.setdefault(row["task"], {}).setdefault(row["genome"], []).append(row["score"])
    return scores


def _lines(section: dict, genome: str, scores: dict[str, list[float]]) -> list[str]:
    """Returns the lines of a task's table, genomes in the order of their scores."""
    compared = {}
    for c in section["comparisons"]:
        if genome in (c["a"], c["b"]) and c["difference"] is not None:
            sign = 1 if c["a"] == genome else -1
            low, high = sorted(sign * x for x in c["ci95"])
            compared[c["b"] if sign == 1 else c["a"]] = sign * c["difference"], low, high, c["p_holm"]
    lines = []
    for row in section["genomes"]:
        name, ci = row["genome"], row["ci95"]
        interval = f" [{ci[0]:.4g}, {ci[1]:.4g}]" if ci else ""
        cells = [f"`{name}`", f"{row['iqm']:.4g}{interval}"]
        if name in compared:
            difference, low, high, p = compared[name]
            g = effect(scores[genome], scores[name])
            cells += [f"{difference:+.4g} [{low:+.4g}, {high:+.4g}]", f"{g:+.1f}", _p(p)]
        else:
            cells += [""] * 3
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _p(p: float | None) -> str:
    """Returns a p-value as a table shows it."""
    return "-" if p is None else "< 0.0001" if p < 1e-4 else f"{p:.2g}"


if __name__ == "__main__":
    main()
