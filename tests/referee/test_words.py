"""All that the referee says of made-up outcomes is what somebody has read, and found true.

The sentences of each outcome of `outcomes` are a file in `golden/`. A change of words or of decisions shows
here as a difference. To accept it, write the files anew and read what changed, sentence for sentence:

    NEUROEVO_GOLDEN=renew python -m pytest tests/referee/test_words.py
    git diff tests/referee/golden
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.referee.outcomes import OUTCOMES, said

GOLDEN = Path(__file__).with_name("golden")
IS_RENEWED = os.environ.get("NEUROEVO_GOLDEN") == "renew"


@pytest.mark.parametrize("name", OUTCOMES)
def test_sentences_of_an_outcome_are_those_that_were_read(name: str) -> None:
    with np.errstate(all="raise"), warnings.catch_warnings(action="error"):
        text = said(OUTCOMES[name])
    path = GOLDEN / f"{name}.txt"
    if IS_RENEWED:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_every_file_has_its_outcome() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == sorted(OUTCOMES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_sentences_have_no_number_that_is_none_and_end_in_a_full_stop(name: str) -> None:
    for verdict in OUTCOMES[name].verdicts().values():
        for sentence in (verdict.sentence, *verdict.reasons, *verdict.power):
            assert sentence.endswith(".") and not {"nan", "inf", "None"} & set(
                sentence.replace(",", " ").split()
            )
            assert "not told from" not in sentence and "is not told" not in sentence
