"""The parts that report.html is built of: tables, cells and figures; text is escaped here."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from neuroevo.report.figures.picture import PNG, Cell, Picture, Table
from neuroevo.text import interval, number, p_text

MISSING = "–"
GLYPHS = {"better": "▲", "worse": "▼", "equivalent": "=", "inconclusive": "?"}


def render_table(table: Table) -> str:
    """Returns a sortable table that scrolls inside its own region."""
    heads = []
    for column, head in enumerate(table.heads):
        state = (
            f' aria-sort="{table.sorted_by[1]}"' if table.sorted_by and table.sorted_by[0] == column else ""
        )
        is_text = column and table.rows and table.rows[0][1][column - 1].is_text
        heads.append(f'<th scope="col"{" class=text" * bool(is_text)}{state}>{escape(head)}</th>')
    body = "".join(
        f'<tr><th scope="row">{heading}</th>{"".join(map(_cell, cells))}</tr>\n'
        for heading, cells in table.rows
    )
    return region(
        f'<table class="sortable wide"><thead><tr>{"".join(heads)}</tr></thead><tbody>{body}</tbody></table>',
        table.label,
    )


def region(html: str, label: str) -> str:
    """Returns a part of the page that scrolls by itself, also from the keyboard."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">{html}</div>'


def figure(picture: Picture, prefix: str, links: Sequence[str] = ()) -> str:
    """Returns a figure with its caption and, folded away, its figures as a table.

    Args:
        picture: The figure.
        prefix: Makes its ids differ from those of the others on the page.
        links: Its files, as paths relative to the page.
    """
    from neuroevo.report.figures.canvas import inline_svg

    words = escape(f"{picture.title}. {picture.description}")
    if picture.motion:
        image = _moving(picture, words)
    elif picture.image.startswith(PNG):
        image = f'<img src="{_data("png", picture.image)}" alt="{words}">'
    else:
        image = inline_svg(picture.image, picture.title, picture.description, prefix)
    files = " ".join(f'<a href="{quote(link)}">{link.rsplit(".", 1)[-1].upper()}</a>' for link in links)
    caption = " ".join(
        filter(None, (escape(picture.caption), f'<span class="word">{files}</span>' * bool(links)))
    )
    data = ""
    if picture.table:
        data = folded("Data as a table", render_table(picture.table))
    return (
        f"<figure>{image}<figcaption><h3>{escape(picture.title)}</h3>"
        f'<p class="words">{escape(picture.description)}</p>{caption}</figcaption>{data}</figure>\n'
    )


def _moving(picture: Picture, words: str) -> str:
    """Returns a film that can be closed; in print, and where less motion is asked for, its still."""
    still = "(prefers-reduced-motion: reduce), print"
    return (
        '<details class="motion" open><summary>Film; close it to stop</summary><picture>'
        f'<source media="{still}" srcset="{_data("png", picture.image)}">'
        f'<img src="{_data("gif", picture.motion)}" alt="{words}"></picture></details>'
    )


def _data(kind: str, image: bytes) -> str:
    """Returns an image as an address that holds all of it."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def folded(summary: str, html: str) -> str:
    """Returns a part of the page that is folded away until it is asked for, or figures are hidden."""
    return f'<details class="data"><summary>{escape(summary)}</summary>{html}</details>'


def named(genome: str, styles: Mapping[str, int], before: str = "") -> str:
    """Returns a label beside its colour; `before` is HTML that stands between them."""
    from neuroevo.report.figures.canvas import style

    color = style(styles[genome])[0] if genome in styles else "none"
    return (
        f'<span class="name"><span class="swatch" style="background:{color}" aria-hidden="true"></span>'
        f"<span>{before}{breakable(genome)}</span></span>"
    )


def breakable(label: str) -> str:
    """Returns a label as HTML that may break before a colon or comma, and after an equals sign or underscore.

    Args:
        label: Of a genome or task, not escaped.
    """
    return "<wbr>".join(map(escape, re.split("(?=[:,])|(?<=[=_])", label)))


def text_cell(text: str | None) -> Cell:
    """Returns a cell of plain text."""
    return Cell(escape(text or ""), is_text=True)


def number_cell(value: float | None, places: int | None = None) -> Cell:
    """Returns a cell of a number with so many decimals, by default to three digits."""
    return Cell(typeset(number(value, places, MISSING)), value)


def count_cell(value: int | None) -> Cell:
    """Returns a cell of a count."""
    return Cell(whole(value), value)


def measure_cell(summary: Mapping[str, Any] | None, places: int | None = None, bold: bool = False) -> Cell:
    """Returns a cell of an interquartile mean with its interval below."""
    summary = summary or {}
    mean = typeset(number(summary.get("iqm"), places, MISSING))
    return Cell((f"<b>{mean}</b>" if bold else mean) + below(summary.get("ci95"), places), summary.get("iqm"))


def p_cell(p: float | None) -> Cell:
    """Returns a cell of a p-value."""
    return Cell(escape(p_text(p, MISSING)), p)


def below(bounds: Sequence[float] | None, places: int | None) -> str:
    """Returns an interval in small print below its mean; nothing without one."""
    return "" if bounds is None else f"<small>{typeset(interval(bounds, places))}</small>"


def whole(value: float | None) -> str:
    """Returns a count with its thousands apart.

    Args:
        value: The count; None where it is not known.
    """
    return number(value, 0, MISSING)


def typeset(text: str) -> str:
    """Returns a figure with a real minus sign."""
    return text.replace("-", "−")


def _cell(cell: Cell) -> str:
    if cell.is_text:
        return f'<td class="text">{cell.html}</td>'
    return f'<td data-v="{"" if cell.value is None else repr(float(cell.value))}">{cell.html}</td>'
