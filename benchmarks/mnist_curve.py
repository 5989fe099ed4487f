"""How runs on images learn, side by side: cross-entropy over the work done, and the accuracy where each ends.

    python -m benchmarks.mnist_curve OUT.png LABEL=RUN [LABEL=RUN ...]

Work is counted in genome-images: genomes evaluated times images of a minibatch, without the images of a pool.
The cross-entropy is that of the search's centre on training images, a mean over equal steps of the logarithm
of work; the number at a curve's end is the accuracy on the test split, which nothing looked at before.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from neuroevo.plugins import Spec
from neuroevo.report.figures.canvas import INK, SOFT, look, new_figure, png, write_title
from neuroevo.report.figures.colors import style
from neuroevo.run_folder import RunFolder
from neuroevo.text import compact
from tasks.images import Mnist

POINTS = 40


def curve(folder: RunFolder, genome: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns genome-images and the centres' mean cross-entropy, where a run's lineages of a genome are."""
    rows = [row for row in folder.metrics() if row["genome"] == genome and row["fitness_centre"] is not None]
    episodes = int(Spec.parse(rows[0]["task"]).options.get("episodes", Mnist().episodes))
    work = episodes * np.array([row["evaluations"] for row in rows])
    loss = -np.array([row["fitness_centre"] for row in rows])
    ends = np.geomspace(work.min(), work.max() * (1 + 1e-9), POINTS + 1)
    place = np.searchsorted(ends, work, side="right")
    filled = np.unique(place)
    return tuple(np.array([x[place == k].mean() for k in filled]) for x in (work, loss))  # type: ignore[return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, help="the picture")
    parser.add_argument("runs", nargs="+", metavar="LABEL=RUN", help="run folders of one image task")
    options = parser.parse_args()
    with look():
        figure = new_figure(3.2)
        axes = figure.add_subplot()
        for k, named in enumerate(options.runs):
            label, _, path = named.rpartition("=")
            folder, colour = RunFolder.open(path), style(k)[0]
            for row in folder.results():
                work, loss = curve(folder, row["genome"])
                axes.plot(work, loss, color=colour, label=label)
                axes.annotate(
                    f"{row['score']:.4f}",
                    (work[-1], loss[-1]),
                    (6, 0),
                    textcoords="offset points",
                    va="center",
                    color=INK,
                )
                print(f"{path}: {compact(row['evaluations'])} evaluations, {row['score']:.4f}")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_yticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
        axes.minorticks_off()
        axes.set_xlim(right=4 * axes.dataLim.x1)  # room for the numbers
        axes.legend(frameon=False, fontsize=9)
        axes.set_xlabel("genomes x images", color=SOFT)
        write_title(axes, "Cross-entropy on training images, nats", "numbers: accuracy on the test split")
        options.out.write_bytes(png(figure))


if __name__ == "__main__":
    main()
