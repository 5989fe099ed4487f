"""An attribution in the terminal: what it says, and a table of shares, both ways."""

from __future__ import annotations

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from neuroevo.referee.attribution import Attribution, Share
from neuroevo.report.formatting import share_text, shares_text
from neuroevo.report.model import TaskReport
from neuroevo.text import p_text

BELOW = (
    "Shares of what the exact wiring has above its null, p after Holm for all shares of the run. Where the "
    "effects of exclusive parts add, shares of all of them add up to 1."
)


def attribution_parts(task: TaskReport) -> list[RenderableType]:
    """Returns what is said of a task, and its tables; nothing where nothing is attributed.

    Args:
        task: The task.
    """
    parts: list[RenderableType] = []
    for k, attribution in enumerate(task.attribution):
        first, *more = attribution.sentences
        parts.append(Text(first, style="" if k else "bold"))
        if not attribution.hindrance:
            parts += [Text(), _table(task.label, attribution)]
            more.append(BELOW)
        parts += [Padding(Text(text), (0, 0, 0, 1), expand=False) for text in more]
        parts.append(Text())
    return parts


def _table(label: str, attribution: Attribution) -> Table:
    """Returns the shares of each part, and those of all parts of a group added up."""
    measure = "" if attribution.measure == "score" else f" ({attribution.measure} score)"
    table = Table(
        title=Text(f"{label}{measure}: what each part carries", style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
        show_edge=False,
    )
    table.add_column("part", overflow="fold")
    for way in ("lost\nwithout", "there\nalone"):
        for head in (way, "95 %\ninterval", "p"):
            table.add_column(head, justify="right", no_wrap=True)
    rows = [*attribution.parts, *attribution.sums]
    for k, row in enumerate(rows):
        table.add_row(
            Text(row.part),
            *_cells(row.knockout),
            *_cells(row.transplant),
            end_section=k == len(attribution.parts) - 1,
        )
    return table


def _cells(share: Share | None) -> list[Text]:
    """Returns a share, its interval and its p; those of one that is told stand out."""
    if share is None:
        return [Text("-")] * 3
    style = "bold" if share.is_told else ""
    words = (share_text(share.share), shares_text(share.ci95), p_text(share.p_holm))
    return [Text(text, style=style) for text in words]
