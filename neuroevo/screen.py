"""The terminal: what is printed, with characters that a terminal would obey made visible."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from neuroevo.text import visible


class Screen(Console):
    """A console of rich's that prints the commands of a terminal only if they are its own.

    A label or the name of a file may come from anybody, and hold any character.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields the parts of what is printed; texts in them are made visible.

        Args:
            renderable: What is printed.
            options: How, as rich has it; None as the console does.
        """
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)
