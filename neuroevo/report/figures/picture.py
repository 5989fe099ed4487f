"""A figure as a page shows it: an image with its caption, its words, and its numbers as a table."""

from __future__ import annotations

from dataclasses import dataclass

from neuroevo.report.table import Table

PNG = b"\x89PNG"


@dataclass(frozen=True)
class Picture:
    """A figure of the page. All texts are plain.

    Attributes:
        kind: One word, part of its file's name: "scores", "learning", "doses", "shares", "attribution",
            "behaviour".
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

    @property
    def is_png(self) -> bool:
        """True if the image is a PNG file, false if it is an SVG file."""
        return self.image.startswith(PNG)
