"""A table as a page shows it: cells with figures in words, which know what they sort by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neuroevo.report.figures.colors import style
from neuroevo.text import number, typeset

MISSING = "–"  # in a cell without a figure


@dataclass(frozen=True)
class Cell:
    """A cell of a table. All texts are plain.

    Attributes:
        text: What it shows.
        value: What it sorts by; None sorts last in either direction.
        is_text: True if it sorts by its text.
        below: Lines in small print below the text.
        glyph: A sign before the text, which says the same as the text; may be empty.
        is_bold: True for the figure that matters most in its row.
        is_list: True for a text of many figures, which takes several lines.
    """

    text: str
    value: float | None = None
    is_text: bool = False
    below: tuple[str, ...] = ()
    glyph: str = ""
    is_bold: bool = False
    is_list: bool = False

    @staticmethod
    def words(text: str, glyph: str = "", below: Sequence[str] = ()) -> Cell:
        """Returns a cell of plain text.

        Args:
            text: What it shows.
            glyph: A sign before it.
            below: Lines in small print below it.
        """
        return Cell(text, is_text=True, glyph=glyph, below=tuple(below))

    @staticmethod
    def figure(
        value: float | None, places: int | None = None, below: Sequence[str] = (), is_bold: bool = False
    ) -> Cell:
        """Returns a cell of a number.

        Args:
            value: The number; None where there is none.
            places: Number of decimals; None writes three digits.
            below: Lines in small print below it.
            is_bold: True for the figure that matters most in its row.
        """
        text = typeset(number(value, places, MISSING))
        return Cell(text, value, below=tuple(below), is_bold=is_bold)

    @staticmethod
    def count(value: float | None, below: Sequence[str] = ()) -> Cell:
        """Returns a cell of a count.

        Args:
            value: The count; None where it is not known.
            below: Lines in small print below it.
        """
        return Cell(whole(value), value, below=tuple(below))


@dataclass(frozen=True)
class Heading:
    """The heading of a row.

    Attributes:
        text: What it says, mostly the label of a genome.
        color: Colour of a spot beside it, as CSS writes it; None for no spot.
    """

    text: str
    color: str | None = None

    @staticmethod
    def of(genome: str, styles: Mapping[str, int]) -> Heading:
        """Returns the label of a genome beside its colour.

        Args:
            genome: Label of the genome.
            styles: Which colour a genome has in all figures of a report; one without has no colour.
        """
        return Heading(genome, style(styles[genome])[0] if genome in styles else "none")


@dataclass(frozen=True)
class Table:
    """A table whose rows have a heading each. All texts are plain.

    Attributes:
        label: What it is, for those who cannot see it.
        heads: Heads of the columns; the first stands over the headings of the rows.
        rows: Heading and cells of each row.
        sorted_by: Column that the rows are sorted by already, and the direction, as ARIA names it.
    """

    label: str
    heads: Sequence[str]
    rows: Sequence[tuple[Heading, Sequence[Cell]]]
    sorted_by: tuple[int, str] | None = None

    def is_text(self, column: int) -> bool:
        """Says whether a column holds text, as far as its first cell tells.

        Args:
            column: Number of the column; 0 are the headings of the rows.
        """
        return bool(column and self.rows and self.rows[0][1][column - 1].is_text)


def whole(value: float | None) -> str:
    """Returns a count with its thousands apart.

    Args:
        value: The count; None where it is not known.
    """
    return number(value, 0, MISSING)
