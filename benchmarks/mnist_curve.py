"""How runs on images learn, side by side: the fitness of the centre over the work done, and where each ends.

    python -m benchmarks.mnist_curve OUT.png RUN [RUN ...]

Work is counted in genome-images: genomes evaluated times images of a minibatch, without the images of a pool.
Fitness is the log-likelihood of training images, a mean over a fiftieth of the run; the number at a curve's
end is the accuracy on the test split, which nothing looked at before.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from neuroevo.figures import INK, SOFT, compact, look, new_figure, png, style, write_title
from neuroevo.plugins import Spec
from neuroevo.records import RunFolder
from tasks.images import Mnist

POINTS = 50


def curve(folder: RunFolder, genome: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns genome-images and the mean fitness of the centres, where a run's lineages of a genome are."""
    rows = [row for row in folder.metrics() if row["genome"] == genome and row["fitness_centre"] is not None]
    episodes = int(Spec.parse(rows[0]["task"]).options.get("episodes", Mnist().episodes))
    parts = np.array_split(np.array(sorted((r["evaluations"], r["fitness_centre"]) for r in rows)), POINTS)
    work, fitness = np.array([part.mean(0) for part in parts if len(part)]).T
    return episodes * work, fitness


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, help="the picture")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run folders of one image task")
    options = parser.parse_args()
    with look():
        figure = new_figure(3.2)
        axes = figure.add_subplot()
        for k, path in enumerate(options.runs):
            folder, colour = RunFolder.open(path), style(k)[0]
            for row in folder.results():
                work, fitness = curve(folder, row["genome"])
                axes.plot(work, fitness, color=colour)
                axes.annotate(
                    f"{row['score']:.3f}",
                    (work[-1], fitness[-1]),
                    (4, 2),
                    textcoords="offset points",
                    color=INK,
                )
                print(f"{path}: {row['genome']} {compact(work[-1])} genome-images, {row['score']:.4f}")
        axes.set_xscale("log")
        axes.set_xlabel("genomes x images", color=SOFT)
        write_title(axes, "Log-likelihood of training images", "numbers: accuracy on the test split")
        options.out.write_bytes(png(figure))


if __name__ == "__main__":
    main()
