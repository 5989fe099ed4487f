"""The card of a report: its size, its bytes, and that all of it has room whatever it says."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PIL import Image

from neuroevo.report.figures import canvas
from neuroevo.report.figures.canvas import PAPER
from neuroevo.report.figures.card import BAR, EDGE, SIZE, card
from tests import verdicts

RUN = replace(
    verdicts.report().run, question="Does the wiring of C. elegans help on swimmer?", date="2026-12-01"
)


@cache
def figure(height: float = 3.0) -> bytes:
    drawn = canvas.new_figure(height)
    drawn.subplots().plot([0, 1])
    return canvas.png(drawn)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_card_has_the_size_that_pages_are_shared_with():
    image = Image.open(io.BytesIO(card(RUN, figure())))
    assert image.size == SIZE == (1200, 630) and image.format == "PNG"


def test_equal_reports_have_equal_cards():
    assert card(RUN, figure()) == card(RUN, figure())
    assert card(RUN, figure()) != card(replace(RUN, question="Another?"), figure())


@pytest.mark.parametrize(
    "run",
    [
        replace(RUN, question="word " * 300, sentence="sentence " * 300),
        replace(RUN, question="x" * 500, sentence="y" * 3000, author="Author " * 60),
        replace(RUN, question="", sentence="", name="r"),
        replace(RUN, author="Ünïcode Näme", seals=("ab" * 32,)),
    ],
    ids=["many words", "long words", "nothing", "signed"],
)
@pytest.mark.parametrize("height", [None, 14.0])
def test_all_that_is_written_has_room(run, height):
    """Nothing touches the last half of the edge, but for the mark at the left."""
    drawn = pixels(card(run, None if height is None else figure(height)))[:, BAR + 1 :]
    paper = [int(PAPER[i : i + 2], 16) for i in (1, 3, 5)]
    half = EDGE // 2
    margins = drawn[: half - 4], drawn[4 - half :], drawn[:, 4 - half :]
    assert all((abs(margin.astype(int) - paper) <= 4).all() for margin in margins)


def test_card_without_a_figure_has_the_words_alone():
    with_figure, without = pixels(card(RUN, figure())), pixels(card(RUN, None))
    assert with_figure.shape == without.shape and (with_figure != without).any()
