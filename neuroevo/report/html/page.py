"""report.html: one file that needs no network, reads well on a phone and in the dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from neuroevo.files import to_json
from neuroevo.report.figures.picture import Picture
from neuroevo.report.formatting import sentence
from neuroevo.report.html import tables
from neuroevo.report.html.parts import breakable, figure
from neuroevo.report.html.style import SCRIPT, css, policy
from neuroevo.run_folder import safe_name
from neuroevo.text import count

FILES = ("report.json", "report.csv", "comparisons.csv", "report.tex")
FIGURES = "figures"
ALIKE = {
    "ceiling": "Scores end alike, at a ceiling: learning curves decide what is said.",
    "floor": "Scores end alike, at a floor: learning curves decide what is said.",
    "equal": "Scores end alike: learning curves decide what is said.",
}
QUOTED = (
    "In CSV, a name that a spreadsheet would take for a formula has an apostrophe put before it, and numbers "
    "have all their digits."
)
GLOSSARY = {
    "Lineage": "One search, of one genome on one task with one graph and one seed: the unit of all figures.",
    "Score": "What the last search centre reaches on held-out data, in the task's unit; higher is better.",
    "Interquartile mean (IQM)": "Mean over lineages without the lowest and the highest quarter. It ranks.",
    "Mean difference": "What a comparison tests: the mean score of one genome minus that of another. It need "
    "not be the difference of two interquartile means.",
    "95 % interval": "A range made so as to hold the true figure in 95 of 100 such runs. Left blank where "
    "there is too little to tell.",
    "p, corrected": "How often a difference this large would come about if there were none, after Holm's "
    "correction for the number of comparisons.",
    "Verdicts": "better and worse: a difference was found. equivalent: the difference is smaller than the "
    "margin. inconclusive: neither is shown, which is no sign that two genomes are equal.",
    "Chance of improvement": "Probability that a lineage of the first genome scores above one of the second; "
    "ties count half.",
    "Untrained, tuned": "Held-out score of genomes as drawn, before any search; and with two numbers chosen "
    "for them, a factor for all excitatory synapses and one for all inhibitory ones.",
    "Learning area": "Mean fitness over generations: high when learning is fast as well as far.",
    "Core and adapters": "Parameters of the wiring, and of the linear maps from sensors and to actuators.",
}


def render(
    report: Mapping[str, Any],
    pictures: Mapping[str, Sequence[Picture]],
    styles: Mapping[str, int],
    files: Sequence[str] = (),
) -> str:
    """Returns the page.

    Args:
        report: What report.json holds.
        pictures: Figures by task, in the order of the page.
        styles: Which colour a genome has in all figures.
        files: Which of `FILES` and of the figures' files lie beside the page, and are linked to.
    """
    run = report["run"]
    sections = "".join(
        _task(task, section, pictures.get(task, ()), styles, f"t{i}", files, run["sentence"])
        for i, (task, section) in enumerate(report["tasks"].items())
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="{policy()}">
<title>{escape(run["name"])} - neuroevo report</title>
<link rel="icon" href="data:,">
<style>{css()}</style>
</head>
<body id="tables">
<header>
<div class="bar"><p>neuroevo report</p>
<button type="button" id="switch" aria-pressed="false" hidden>Tables only</button>
<noscript><a href="#tables">Tables only</a></noscript></div>
<h1>{breakable(run["name"])}</h1>
{_verdict(run["sentence"], run.get("verdict"))}
<p class="facts">{escape(" · ".join(_facts(report)))}</p>
{_warning("Missing or failed", run.get("missing") or ())}
{_contents(report["tasks"])}
</header>
<main>
{sections}
{_about(run, files)}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _verdict(text: str, verdict: str | None) -> str:
    """Returns a verdict: the word and the sentence."""
    tag = f'<p class="tag">{escape(verdict)}</p>' if verdict else ""
    return f'<div class="verdict">{tag}<p>{escape(text)}</p></div>'


def _facts(report: Mapping[str, Any]) -> list[str]:
    """Returns the run in a few facts."""
    run, tasks = report["run"], report["tasks"]
    genomes = {entry["genome"] for section in tasks.values() for entry in section["genomes"]}
    counts = (("genome", len(genomes)), ("task", len(tasks)))
    facts = [count(n, what) for what, n in counts]
    facts.append(_lineages(run["lineages"]))
    if run.get("selection"):
        facts.append(f"selection: {run['selection']}")
    names = run.get("names") or ()
    return [*facts, *([f"runs: {', '.join(names)}"] if len(names) > 1 else [])]


def _lineages(counts: Mapping[str, Any]) -> str:
    kinds = {
        "done": "done",
        "failed": "failed",
        "censored": "dropped by a race",
        "missing": "without a result",
    }
    said = [f"{counts[kind]:,} {words}" for kind, words in kinds.items() if counts.get(kind)]
    return ", ".join([f"{counts['planned']:,} lineages planned", *said])


def _contents(tasks: Mapping[str, Any]) -> str:
    """Returns links to the parts of the page, each task with its sentence."""
    items = [
        f'<li><a href="#t{i}">{breakable(task)}</a> '
        f'<span class="soft">{escape(section.get("verdict") or "")}</span></li>'
        for i, (task, section) in enumerate(tasks.items())
    ]
    items += ['<li><a href="#words">How to read this</a></li>', '<li><a href="#run">This run</a></li>']
    return f'<nav aria-label="Contents"><ul class="contents">{"".join(items)}</ul></nav>'


def _task(
    task: str,
    section: Mapping[str, Any],
    pictures: Sequence[Picture],
    styles: Mapping[str, int],
    prefix: str,
    files: Sequence[str],
    above: str,
) -> str:
    """Returns the part of the page about one task; a verdict that stands `above` already is not repeated."""
    unit = f' <span class="soft">({escape(section["unit"])})</span>' if section.get("unit") else ""
    said = section.get("sentence") if section.get("sentence") != above else None
    margin = section.get("margin")
    facts = [ALIKE[section["ends_alike"]]] if section.get("ends_alike") in ALIKE else []
    if margin is not None:
        facts.append(
            f"The smallest difference that matters is {margin:g} {section.get('unit') or ''}".rstrip() + "."
        )
    figures = "".join(
        figure(
            picture,
            f"{prefix}-{picture.kind}",
            [name for name in _names(task, picture.kind) if name in files],
        )
        for picture in pictures
    )
    return f"""<section id="{prefix}" aria-labelledby="{prefix}-head">
<h2 id="{prefix}-head">{breakable(task)}{unit}</h2>
{_verdict(said, section.get("verdict")) if said else ""}
{f'<p class="facts">{escape(" ".join(facts))}</p>' if facts else ""}
<div class="said">{_list("Why", section.get("reasons"))}{_list("More data", section.get("power"))}</div>
<h3>Ranking</h3>
{tables.ranking(task, section, styles)}
{_warning("Notes", section.get("notes") or ())}
<div class="figures">{figures}</div>
{tables.matrix(task, section, styles)}
{tables.selection(task, section, styles)}
{tables.graphs(task, section, styles)}
<h3>In one sentence</h3>
<p>{escape(sentence(task, section))}</p>
</section>
"""


def _names(task: str, kind: str) -> list[str]:
    """Returns what the files of a figure are called, relative to the page."""
    return [f"{FIGURES}/{kind}_{safe_name(task)}.{ending}" for ending in ("svg", "png", "gif")]


def _list(head: str, texts: Sequence[str] | None) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts or ())
    return f"<div><h3>{head}</h3><ul>{items}</ul></div>" if texts else ""


def _warning(head: str, notes: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<div class="warn"><h3>{head}</h3><ul>{items}</ul></div>' if notes else ""


def _about(run: Mapping[str, Any], files: Sequence[str]) -> str:
    """Returns the part of the page about the run: words, command, origin, notes, files, configuration."""
    command = run.get("command") or ()
    lines = [command] if isinstance(command, str) else command
    facts = {
        "Lineages": _lineages(run["lineages"]),
        "Connectome": run.get("connectome"),
        "Data": run.get("data"),
        **{name.capitalize(): run.get(name) for name in ("commit", "device", "platform", "workers")},
        "Wall time": None if run.get("wall_seconds") is None else f"{run['wall_seconds']:,.0f} s",
        **(run.get("versions") or {}),
    }
    rows = "".join(
        f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(_fact(value))}</td></tr>'
        for name, value in facts.items()
        if value is not None
    )
    words = "".join(
        f"<div><dt>{escape(word)}</dt><dd>{escape(text)}</dd></div>" for word, text in GLOSSARY.items()
    )
    links = ", ".join(f'<a href="{name}">{name}</a>' for name in FILES if name in files)
    return f"""<section id="words">
<h2>How to read this</h2>
<dl>{words}</dl>
</section>
<section id="run">
<h2>This run</h2>
{"".join(f'<pre class="wrap">{escape(line)}</pre>' for line in lines)}
{_warning("Notes", run.get("notes") or ())}
<div class="origin"><table><tbody>{rows}</tbody></table></div>
{f"<p>The same figures as files: {links}. {QUOTED}</p>" if links else ""}
<details><summary>Configuration</summary><pre>{escape(_toml(run.get("config") or {}))}</pre></details>
</section>
"""


def _fact(value: Any) -> str:
    """Returns a value, or the entries of a mapping, as text."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_fact(item)}" for name, item in value.items() if item is not None)
    return str(value)


def _toml(config: Any) -> str:
    """Returns a request as TOML; as JSON if TOML has no word for it."""
    import tomli_w

    try:
        return tomli_w.dumps(config)
    except (TypeError, AttributeError):
        return to_json(config, indent=2)
