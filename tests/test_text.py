"""Numbers, words and other people's errors, as messages and reports write them."""

from __future__ import annotations

import pytest

from neuroevo.errors import described, failure, last_line, reason
from neuroevo.text import (
    conjoined,
    count,
    figures,
    interval,
    number,
    one_line,
    option_text,
    p_statement,
    p_text,
    percentages,
    signed,
)


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


@pytest.mark.parametrize("p", [0.0499, 0.0501, 0.049999, 0.0500001])
def test_p_beside_the_level_is_not_written_as_the_level(p: float) -> None:
    assert float(p_text(p)) == pytest.approx(p, abs=1e-6) and (float(p_text(p)) < 0.05) is (p < 0.05)
    assert p_text(0.05) == "0.05" and p_statement(p).endswith(p_text(p))


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ((199.6, 200.3), "[199.6, 200.3]"),  # where three digits would say 200 twice
        ((0.99911, 0.99914), "[0.99911, 0.99914]"),
        ((12345.1, 12345.4), "[12,345.1, 12,345.4]"),
        ((0.15, 0.25), "[0.150, 0.250]"),
        ((1e-12, 2e-12), "[1.00e-12, 2.00e-12]"),
        ((1.0, 1.0), "[1.00, 1.00]"),
        ((1.0, 1.0 + 1e-13), "[1.00, 1.00]"),  # rounding
        ((-1e300, 1e300), "[-1e+300, 1e+300]"),
        ((1e300, 1.0001e300), "[1.0000e+300, 1.0001e+300]"),
        (None, "-"),
    ],
)
def test_ends_of_an_interval_are_written_apart(bounds: tuple[float, float] | None, text: str) -> None:
    assert interval(bounds) == text


def test_figures_that_differ_are_written_apart_also_with_decimals_given() -> None:
    assert figures([0.5, 0.504], 2) == ["0.500", "0.504"] and figures([0.5, 0.6], 2) == ["0.50", "0.60"]
    assert interval((0.501, 0.502), 2) == "[0.501, 0.502]"
    assert figures([]) == [] and figures([float("inf"), 1.0]) == ["inf", "1.00"]
    assert percentages([0.5, 0.999, 1.0]) == ["50.0%", "99.9%", "100.0%"]
    assert percentages([0.0, 0.001]) == ["0.0%", "0.1%"] and percentages([0.25]) == ["25%"]


@pytest.mark.parametrize(
    ("value", "text"), [(999.7, "1,000"), (-0.0, "0.00"), (1e300, "1e+300"), (0.0, "0.00"), (-0.5, "-0.500")]
)
def test_figures_are_short_and_zero_has_no_sign(value: float, text: str) -> None:
    assert number(value) == text
    assert number(-0.0001, 2) == "0.00"
    assert [signed(number(x)) for x in (0.5, -0.5, 0.0)] == ["+0.500", "-0.500", "0.00"]


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
