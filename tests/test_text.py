"""Numbers, words and other people's errors, as messages and reports write them."""

from __future__ import annotations

import pytest

from neuroevo.errors import described, failure, last_line, reason
from neuroevo.text import conjoined, count, one_line, option_text, p_statement, p_text


def test_counts_have_their_noun() -> None:
    assert [count(n, "more seed") for n in (0, 1, 2)] == ["0 more seeds", "1 more seed", "2 more seeds"]


@pytest.mark.parametrize(
    ("p", "cell", "statement"),
    [(None, "-", "no test"), (0.0009, "<0.001", "p < 0.001"), (0.0341, "0.034", "p = 0.034")],
)
def test_p_values_are_written_for_tables_and_for_sentences(
    p: float | None, cell: str, statement: str
) -> None:
    assert (p_text(p), p_statement(p)) == (cell, statement)


def test_options_are_written_as_the_command_line_writes_them() -> None:
    assert [option_text(value) for value in (True, 0.5, "drop", "")] == ["true", "0.5", "drop", ""]


def test_names_are_joined_to_a_phrase() -> None:
    assert [conjoined("abc"[:k]) for k in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


def test_text_in_one_line_shows_where_it_is_cut() -> None:
    assert one_line(" a\n\tb ") == "a b" and one_line("abcd", 3) == "abc..." and one_line("abc", 3) == "abc"


def test_errors_of_others_are_quoted_in_one_line() -> None:
    assert described(KeyError("size")) == "KeyError: 'size'"
    assert described(ValueError()) == reason(ValueError()) == "ValueError"
    assert reason(OSError("no\nsuch file.")) == "no such file"
    assert reason("x" * 9, 3) == "xxx..."  # the dots stay
    assert failure("Preparing mnist", ValueError("no data.")).splitlines()[0] == (
        "Preparing mnist failed with ValueError: no data."
    )


def test_last_line_of_a_program_prefers_its_errors() -> None:
    assert last_line("ERROR: no network.\nWARNING: old pip\n") == "no network"
    assert last_line("one\ntwo.\n\n") == "two" and last_line(ValueError()) == "ValueError"
