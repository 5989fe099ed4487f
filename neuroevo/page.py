"""report.html: one file that needs no network, reads well on a phone and in the dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from neuroevo.report_table import decimals, interval, number

_CSS = """
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5c6670; --line: #dfe3e8; --paper: #fff;
  --card: #f6f7f9; --accent: #0072b2; --warn: #9a4a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #a2abb4; --line: #343b43;
  --paper: #14171a; --card: #1d2126; --accent: #56b4e9; --warn: #f0a860; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 64rem; background: var(--paper);
  color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
header p:first-child, .soft { color: var(--soft); }
header p:first-child { margin: 0; font-size: .875rem; }
h1 { margin: .2rem 0 1.2rem; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 3rem 0 .3rem; padding-top: 1.2rem; border-top: 1px solid var(--line); font-size: 1.3rem;
  overflow-wrap: anywhere; }
h3 { margin: 2rem 0 .4rem; font-size: 1rem; }
.verdict { margin: 0; padding: 1rem 1.2rem; border-left: 4px solid var(--accent); background: var(--card);
  border-radius: 0 .4rem .4rem 0; font-size: 1.1rem; }
.warn { margin: 1rem 0; padding: .2rem 0 .2rem 1.2rem; border-left: 4px solid var(--warn); }
.warn ul { margin: 0; padding: 0; list-style: none; } .warn li { margin: .3rem 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .925rem; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top;
  white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-weight: 500; font-size: .825rem; vertical-align: bottom; }
tbody th { font-weight: 600; white-space: normal; overflow-wrap: anywhere; min-width: 8.5rem; }
td small { display: block; color: var(--soft); font-size: .8rem; }
.swatch { display: inline-block; width: .7em; height: .7em; margin-right: .5em; border-radius: 50%; }
figure { margin: 1.2rem 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr));
  gap: 1rem 2rem; align-items: start; }
svg { display: block; width: 100%; height: auto; }
svg text { font-family: system-ui, sans-serif !important; }
pre { overflow-x: auto; padding: .8rem 1rem; background: var(--card); border-radius: .4rem;
  font: .85rem/1.5 ui-monospace, monospace; }
dt { font-weight: 600; } dd { margin: 0 0 .6rem; } summary { cursor: pointer; }
.versions td, .versions th { text-align: left; }
@media print { body { max-width: none; } .figures { break-inside: avoid; } }
"""

_GLOSSARY = {
    "Lineage": "One search, of one genome on one task with one graph and one seed: the unit of all figures.",
    "Score": "What the last search centre reaches on held-out data, in the task's own unit.",
    "Interquartile mean": "Mean over lineages without the lowest and the highest quarter.",
    "95 % interval": "Percentile bootstrap over graphs, then over seeds within graphs. With one graph it "
    "speaks of that wiring alone, with few graphs it is too narrow, with one seed it is left blank.",
    "Untrained": "Held-out score of genomes as drawn, before any search.",
    "Learning area": "Mean fitness over generations: high when learning is fast as well as far.",
    "Chance of improvement": "Probability that a lineage of the first genome scores above one of the second; "
    "ties count half.",
    "p": "Paired by seed, two-sided, by flipping signs; corrected by Holm for all comparisons of the run.",
}


def render(
    report: Mapping[str, Any], images: Mapping[str, Mapping[str, bytes]], styles: Mapping[str, int]
) -> str:
    """Returns the page.

    Args:
        report: What report.json holds.
        images: SVG files by kind by task.
        styles: Which colour a genome has in all figures.
    """
    run = report["run"]
    sections = "".join(
        _task(task, section, images.get(task, {}), styles, f"t{i}")
        for i, (task, section) in enumerate(report["tasks"].items())
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(run["name"])} - neuroevo report</title>
<style>{_CSS}</style>
</head>
<body>
<header>
<p>neuroevo report</p>
<h1>{escape(run["name"])}</h1>
<p class="verdict">{escape(run["sentence"])}</p>
{_warning([*run["missing"], *run["notes"]])}
</header>
<main>
{sections}
{_about(run)}
</main>
</body>
</html>
"""


def _task(
    task: str, section: Mapping[str, Any], images: Mapping[str, bytes], styles: Mapping[str, int], prefix: str
) -> str:
    """Returns the part of the page about one task."""
    unit = f' <span class="soft">({escape(section["unit"])})</span>' if section["unit"] else ""
    pictures = "".join(
        f"<figure>{_picture(kind, task, section, image, f'{prefix}-{kind}')}</figure>"
        for kind, image in sorted(images.items(), reverse=True)  # scores, then learning
    )
    return f"""<section>
<h2>{escape(task)}{unit}</h2>
{_genomes(section, styles)}
{_warning(section["notes"])}
<div class="figures">{pictures}</div>
{_comparisons(section)}
</section>
"""


def _picture(kind: str, task: str, section: Mapping[str, Any], image: bytes, prefix: str) -> str:
    """Returns a figure for the page, with its figures in words as alternative text."""
    from neuroevo.figures import inline_svg

    measure = {"scores": "Held-out score", "learning": "Learning curves"}[kind]
    said = "; ".join(
        f"{entry['genome']} {number((entry if kind == 'scores' else entry['auc'])['iqm'], missing='none')}"
        for entry in section["genomes"]
    )
    which = "interquartile mean" if kind == "scores" else "mean fitness over generations"
    return inline_svg(image, escape(f"{measure} on {task}. {which.capitalize()}: {said}."), prefix)


def _genomes(section: Mapping[str, Any], styles: Mapping[str, int]) -> str:
    """Returns a task's table of genomes."""
    heads = (
        "score",
        "untrained",
        "learning area",
        "graphs × seeds",
        "core + adapters",
        "evaluations",
        "failures",
    )
    rows, places = [], decimals(section)
    for e in section["genomes"]:
        cells = (
            _measure(e, places, bold=True),
            _measure(e["untrained"], places),
            _measure(e["auc"]),
            f"{e['num_graphs']} × {e['num_seeds']}",
            _parameters(e["parameters"]),
            _count(e["evaluations"]),
            _count(e["failures"]),
        )
        rows.append((_swatch(e["genome"], styles) + _label(e["genome"]), cells))
    return _table("genome", heads, rows, "Genomes: interquartile mean and 95 % interval over lineages")


def _comparisons(section: Mapping[str, Any]) -> str:
    """Returns a task's table of comparisons; nothing if there is none."""
    if not section["comparisons"]:
        return ""
    heads = ("difference", "chance of improvement", "p", "p, corrected", "verdict")
    rows, places = [], decimals(section)
    for c in section["comparisons"]:
        cells = (
            f"<b>{_typeset(number(c['difference'], places))}</b>{_small(c['ci95'], places)}",
            number(c["probability_of_improvement"]),
            number(c["p"], missing="–"),
            number(c["p_holm"], missing="–"),
            escape(c["verdict"]),
        )
        rows.append((f"{_label(c['a'])} <span class='soft'>against</span> {_label(c['b'])}", cells))
    return "<h3>Comparisons</h3>" + _table("pair", heads, rows, "Comparisons of genomes, pair by pair")


def _table(first: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], label: str) -> str:
    """Returns a table that scrolls sideways on a narrow screen; cells are HTML."""
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in (first, *heads))
    body = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>\n'
        for name, cells in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _about(run: Mapping[str, Any]) -> str:
    """Returns the part of the page about the run: counts, command, configuration, versions, words."""
    import tomli_w

    counts = run["lineages"]
    facts = {
        "Lineages": f"{counts['planned']} planned, {counts['done']} done, {counts['failed']} failed, "
        f"{counts['missing']} without a result",
        "Connectome": _named_hash(run["connectome"]),
        "Device": run["device"],
        "Platform": run["platform"],
        "Wall time": None if run["wall_seconds"] is None else f"{run['wall_seconds']:,.0f} s",
        "Commit": run["commit"],
        **(run["versions"] or {}),
    }
    rows = "".join(
        f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(str(value))}</td></tr>'
        for name, value in facts.items()
        if value is not None
    )
    words = "".join(f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>" for word, text in _GLOSSARY.items())
    command = f"<pre>{escape(run['command'])}</pre>" if run["command"] else ""
    return f"""<section>
<h2>How to read this</h2>
<dl>{words}</dl>
</section>
<section>
<h2>This run</h2>
{command}
<div class="scroll versions"><table><tbody>{rows}</tbody></table></div>
<details><summary>config.toml</summary><pre>{escape(tomli_w.dumps(run["config"]))}</pre></details>
</section>
"""


def _named_hash(connectome: Mapping[str, Any] | None) -> str | None:
    """Returns the connectome's name and the start of its SHA-256."""
    if not connectome:
        return None
    return f"{connectome.get('name')}, SHA-256 {str(connectome.get('sha256'))[:12]}…"


def _warning(notes: list[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<div class="warn"><ul>{items}</ul></div>' if notes else ""


def _swatch(genome: str, styles: Mapping[str, int]) -> str:
    from neuroevo.figures import style

    return f'<span class="swatch" style="background:{style(styles[genome])[0]}"></span>'


def _label(genome: str) -> str:
    """Returns a label, escaped, that may break before a colon or comma."""
    return escape(genome).replace(":", "<wbr>:").replace(",", "<wbr>,")


def _parameters(parameters: Mapping[str, Any]) -> str:
    """Returns the numbers of parameters, with their ranges below where graphs differ in size."""
    parts = ("core", "adapters")
    ranges = [parameters[f"{p}_range"] for p in parts if f"{p}_range" in parameters]
    small = "".join(f"<small>{low:,} – {high:,}</small>" for low, high in ranges)
    return " + ".join(_count(parameters[part]) for part in parts) + small


def _measure(summary: Mapping[str, Any], places: int | None = None, bold: bool = False) -> str:
    """Returns an interquartile mean with its interval below."""
    mean = _typeset(number(summary["iqm"], places, "–"))
    return (f"<b>{mean}</b>" if bold else mean) + _small(summary["ci95"], places)


def _small(bounds: list[float] | None, places: int | None) -> str:
    return "" if bounds is None else f"<small>{_typeset(interval(bounds, places))}</small>"


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _typeset(text: str) -> str:
    """Returns a figure with a real minus sign."""
    return text.replace("-", "−")
