"""What was read of a wiring, and what was not: so that nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Account:
    """What was read of a wiring, for its manifest, its report and the terminal.

    Attributes:
        source: Name of the file, or where else it is from.
        sha256: SHA-256 of each file that was read, by name.
        columns: Header of the column that was taken for each meaning.
        ignored: Headers of columns of edges that say nothing here.
        annotations: Headers of columns of cells that can be selected by.
        rows: Edges that the file lists.
        cells: Cells of the wiring, those without edges too.
        kinds: Edges of the wiring, by kind.
        weight: The sum of their weights.
        removed: What was left out or put together, each a number by what it is, such as "autapses".
        signs: Where signs come from, and how many cells have which, a sentence.
        inputs: Where input cells come from, a few words.
        outputs: Where output cells come from, a few words.
        notes: What else a reader of results must know, a sentence each.
    """

    source: str
    sha256: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    rows: int = 0
    cells: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    weight: float = 0.0
    removed: Mapping[str, int] = field(default_factory=dict)
    signs: str = ""
    inputs: str = ""
    outputs: str = ""
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Returns what there is to say, in sentences; but for the sums of files."""
        lines = []
        if self.rows:
            edges = ", ".join(f"{number:,} {kind}" for kind, number in self.kinds.items() if number)
            lines.append(
                f"Read from {self.source}: {self.rows:,} rows; {self.cells:,} cells, edges {edges}, total "
                f"weight {self.weight:,.10g}."
            )
        renamed = [
            f"{meaning} from {header}" for meaning, header in self.columns.items() if header != meaning
        ]
        if renamed:
            lines.append(f"Columns: {', '.join(renamed)}.")
        if self.ignored:
            lines.append(f"Ignored: {', '.join(self.ignored)}.")
        if self.annotations:
            lines.append(f"Cells can be selected by {', '.join(self.annotations)}.")
        if self.removed:
            lines.append(
                f"Left out: {', '.join(f'{number:,} {what}' for what, number in self.removed.items())}."
            )
        ports = [
            f"{name} {text}" for name, text in (("inputs", self.inputs), ("outputs", self.outputs)) if text
        ]
        if ports:
            lines.append(f"Ports: {'; '.join(ports)}.")
        return [*lines, *([self.signs] if self.signs else []), *self.notes]
