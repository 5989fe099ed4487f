"""Figures of answers: which classes a network takes for which, and images that it got wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.report.figures.canvas import PAPER, SOFT, look, new_figure, write_title
from neuroevo.report.replay.behaviour import rising
from neuroevo.text import wrap

if TYPE_CHECKING:
    from matplotlib.figure import Figure


NO_ANSWER = "no answer"
COLUMNS, MAX_EXAMPLES = 6, 24  # of the sheet of mistakes
FIELD = 0.86  # sides of an image, in columns of the sheet
LINES = (1.09, 1.26)  # heights of a line of the sheet, in columns: with one line of words, and with two
MAX_NUMBERED = 20  # classes up to which the fields of a matrix bear numbers
DARK, LIGHT = "#10151a", "#ffffff"  # of numbers on coloured fields, whatever the page's colours


def confusion(truth: np.ndarray, answers: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns how often each class was taken for which, int64 [K, K + 1]; the last column counts no answer.

    Args:
        truth: int64 [n], true class of each image, in [0, K).
        answers: int64 [n], class that the network named, in [-1, K); -1 is no answer.
        num_classes: Number of classes, K.
    """
    columns = np.where(answers < 0, num_classes, answers)
    places = truth * (num_classes + 1) + columns
    return np.bincount(places, minlength=num_classes * (num_classes + 1)).reshape(num_classes, -1)


def mistakes(truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Returns the places of up to MAX_EXAMPLES images got wrong, int64, by true class and then by answer.

    They are evenly spaced among all that were got wrong.

    Args:
        truth: int64 [n], true class of each image.
        answers: int64 [n], class that the network named; -1 is no answer.
    """
    wrong = np.flatnonzero(truth != answers)
    if len(wrong) > MAX_EXAMPLES:
        wrong = wrong[np.arange(MAX_EXAMPLES) * len(wrong) // MAX_EXAMPLES]
    return wrong[np.lexsort((wrong, answers[wrong], truth[wrong]))]


def confusion_figure(counts: np.ndarray, names: Sequence[str], detail: str) -> Figure:
    """Returns a confusion matrix, shaded by the share of each row.

    Args:
        counts: int64 [K, K + 1], as `confusion` returns it.
        names: Names of the K classes.
        detail: Line below the title: whose answers they are.
    """
    columns = [*names, NO_ANSWER] if counts[:, -1].any() else list(names)
    shown = counts[:, : len(columns)]
    shares = shown / np.maximum(1, counts.sum(1, keepdims=True))
    with look():
        figure = new_figure(min(5.3, 2.2 + 0.31 * len(names)))
        axes = figure.add_subplot()
        image = axes.imshow(
            100 * shares, cmap=rising(), vmin=0, vmax=100, aspect="auto", interpolation="nearest"
        )
        for line in np.arange(len(columns) - 1) + 0.5:
            axes.axvline(line, color=PAPER, lw=1.2)
        for line in np.arange(len(names) - 1) + 0.5:
            axes.axhline(line, color=PAPER, lw=1.2)
        if len(names) <= MAX_NUMBERED:
            for (row, column), count in np.ndenumerate(shown):
                if count:
                    color = LIGHT if shares[row, column] > 0.45 else DARK
                    axes.text(column, row, f"{count:,}", ha="center", va="center", color=color, fontsize=8)
        axes.set_xticks(range(len(columns)), [wrap(c, 14) for c in columns], parse_math=False)
        axes.set_yticks(range(len(names)), [wrap(n, 18) for n in names], parse_math=False)
        is_long = max(map(len, columns)) > 3
        axes.tick_params(axis="x", length=0, rotation=60 if is_long else 0)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set_xlabel("answer")
        axes.set_ylabel("truth")
        bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=30)
        bar.set_label("share of the images of a class (%)")
        bar.outline.set_visible(False)
        write_title(axes, "Confusion matrix", detail)
    return figure


def mistakes_figure(
    images: np.ndarray, truth: Sequence[str], answers: Sequence[str], brightest: int, detail: str
) -> Figure:
    """Returns a sheet of images got wrong, each with its truth and, below, the answer.

    Args:
        images: uint8 [m, height, width] or [m, height, width, 3].
        truth: Names of the m right classes.
        answers: Names of the m answers.
        brightest: Value of a grey pixel that is drawn black.
        detail: Line below the title: whose answers they are.
    """
    lines, words = -(-len(images) // COLUMNS), list(map(_words, truth, answers))
    line = LINES[any("\n" in text for text in words)]
    with look():
        figure = new_figure(0.62 + 0.92 * line * lines)
        axes = figure.add_subplot()
        for k, image in enumerate(images):
            row, column = divmod(k, COLUMNS)
            high, wide = np.array(image.shape[:2]) / max(image.shape[:2]) * FIELD / 2
            left, right = column + 0.5 - wide, column + 0.5 + wide
            top, bottom = row * line, row * line + 2 * high
            axes.imshow(
                image,
                cmap="gray_r",
                vmin=0,
                vmax=max(1, brightest),
                interpolation="nearest",
                extent=(left, right, bottom, top),
            )
            axes.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color=SOFT, lw=0.6)
            axes.text(
                column + 0.5, bottom + 0.05, words[k], va="top", ha="center", fontsize=8, parse_math=False
            )
        axes.set(xlim=(0, COLUMNS), ylim=(lines * line, 0), aspect="equal")
        axes.set_axis_off()
        write_title(axes, "Images got wrong: truth → answer", detail)
    return figure


def _words(truth: str, answer: str) -> str:
    """Returns what stands below an image, in one line if that is short."""
    if len(truth) + len(answer) < 10:
        return f"{truth} → {answer}"
    return "\n".join([wrap(truth, 15).split("\n")[0], f"→ {wrap(answer, 13)}".split("\n")[0]])
