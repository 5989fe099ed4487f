"""A figure as a page shows it: an image with its caption, its words, and its numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PNG = b"\x89PNG"


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        html: What it shows.
        value: What it sorts by; None sorts last in either direction.
        is_text: True if it sorts by its text.
    """

    html: str
    value: float | None = None
    is_text: bool = False


@dataclass(frozen=True)
class Table:
    """A table whose rows have a heading each.

    Attributes:
        label: What it is, for those who cannot see it.
        heads: Heads of the columns; the first stands over the headings of the rows. Plain text.
        rows: Heading, as HTML, and cells of each row.
        sorted_by: Column that the rows are sorted by already, and the direction, as ARIA names it.
    """

    label: str
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    sorted_by: tuple[int, str] | None = None


@dataclass(frozen=True)
class Picture:
    """A figure of the page.

    Attributes:
        kind: One word, part of its file's name: "scores", "learning", "doses", "shares", "behaviour".
        title: What it is.
        description: Its figures in words, for those who cannot see it.
        image: An SVG or PNG file.
        caption: What a reader must know beside it; may be empty.
        table: What it draws, as figures; None if that stands elsewhere on the page.
        motion: A GIF that takes the place of the image, a PNG then, where motion is welcome; may be empty.
    """

    kind: str
    title: str
    description: str
    image: bytes
    caption: str = ""
    table: Table | None = None
    motion: bytes = b""
