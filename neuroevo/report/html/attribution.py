"""The passages of report.html on what each part of a wiring carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuroevo.report.formatting import share_text, shares_text
from neuroevo.report.html.tables import Passage
from neuroevo.report.model import TaskReport
from neuroevo.report.table import MISSING, Cell, Heading, Table
from neuroevo.text import p_text, typeset

if TYPE_CHECKING:
    from neuroevo.referee.attribution import PartShares, Share

HEADS = {"score": "What carries the score", "tuned": "The tuned score", "untrained": "The untrained score"}
WORDS = (
    "A knock-out is the exact wiring with one part random: its share is what is lost. A transplant is the "
    "null with one part exact: its share is what is there again. The p are corrected by Holm for all shares "
    "of the run; bold is what is told from none, by its p and its interval. A class of cells has the "
    "synapses that these cells send. Where the effects of exclusive parts add, shares of all of them "
    "add up to 1."
)


def passages(task: TaskReport) -> list[Passage]:
    """Returns what is said of a task, of its score first; nothing where nothing is attributed.

    Args:
        task: The task.
    """
    written = []
    for attribution in task.attribution:
        rows = [] if attribution.hindrance else [*attribution.parts, *attribution.sums]
        heads = ("part", "lost without it", "p", "there with it alone", "p")
        title = f"What each part of the wiring carries on {task.label}, {attribution.measure}"
        table = Table(title, heads, [(Heading(row.part), _cells(row)) for row in rows])
        is_verdict = task.verdict.sentence == attribution.sentences[0]  # and stands there
        text = " ".join([*(() if is_verdict else attribution.sentences), *([WORDS] if rows else [])])
        written.append(Passage(HEADS[attribution.measure], text, table))
    return written


def _cells(row: PartShares) -> list[Cell]:
    """Returns the cells of a part."""
    return [cell for share in (row.knockout, row.transplant) for cell in (_share(share), _p(share))]


def _share(share: Share | None) -> Cell:
    """Returns a share with its interval below; one that is told from none is bold."""
    if share is None or share.share is None:
        return Cell(MISSING)
    below = [] if share.ci95 is None else [typeset(shares_text(share.ci95))]
    return Cell(typeset(share_text(share.share)), share.share, below=tuple(below), is_bold=share.is_told)


def _p(share: Share | None) -> Cell:
    """Returns a p after correction."""
    p = None if share is None else share.p_holm
    return Cell(p_text(p, MISSING), p)
