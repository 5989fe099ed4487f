"""How report.html looks and behaves: its colours, style sheet and script, all inside the one file."""

from __future__ import annotations

import base64
import hashlib

LIGHT = {
    "ink": "#1d2329",
    "soft": "#5c6670",
    "line": "#dfe3e8",
    "paper": "#ffffff",
    "card": "#f4f6f8",
    "accent": "#005f99",
    "warn": "#8a4200",
    "better": "#d3e7f5",
    "worse": "#fbe1cf",
    "equivalent": "#e3e6ea",
}
DARK = {
    "ink": "#e6e9ec",
    "soft": "#a6afb8",
    "line": "#363d45",
    "paper": "#14171a",
    "card": "#1d2126",
    "accent": "#6cbcf0",
    "warn": "#f0a860",
    "better": "#123c58",
    "worse": "#55300f",
    "equivalent": "#30363d",
}
READ = (  # (text, what it lies on): every pair that the style sheet makes
    *((text, ground) for text in ("ink", "soft", "accent", "warn") for ground in ("paper", "card")),
    *((text, ground) for text in ("ink", "soft") for ground in ("better", "worse", "equivalent")),
    ("paper", "accent"),
)

_CSS = """
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; text-size-adjust: 100%; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1.6rem 1rem 5rem; max-width: 78rem; background: var(--paper);
  color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
@media (min-width: 48rem) { body { padding: 2.4rem 2rem 6rem; } }
a { color: var(--accent); text-underline-offset: .15em; text-decoration-thickness: .06em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
.soft { color: var(--soft); font-weight: 400; }
.bar { display: flex; flex-wrap: wrap; gap: .5rem 1.2rem; align-items: center; justify-content: space-between;
  color: var(--soft); font-size: .875rem; }
.bar p { margin: 0; }
button { font: inherit; color: inherit; }
#switch { padding: .3rem .8rem; border: 1px solid var(--soft); border-radius: 2rem; background: none;
  color: var(--ink); cursor: pointer; }
#switch[aria-pressed=true] { background: var(--accent); border-color: var(--accent); color: var(--paper); }
h1 { margin: .9rem 0 1.1rem; font-size: 1.8rem; line-height: 1.2; letter-spacing: -.01em;
  overflow-wrap: anywhere; }
h2 { margin: 3.4rem 0 .8rem; padding-top: 1.4rem; border-top: 1px solid var(--line); font-size: 1.45rem;
  line-height: 1.25; overflow-wrap: anywhere; }
h3 { margin: 2.2rem 0 .3rem; font-size: 1.05rem; }
p, li, dd { max-width: 46rem; overflow-wrap: anywhere; }
.verdict { margin: 0; padding: 1rem 1.3rem 1.1rem; border-left: 4px solid var(--accent);
  background: var(--card); border-radius: 0 .5rem .5rem 0; overflow-wrap: anywhere; }
.verdict p { margin: 0; max-width: none; font-size: 1.12rem; line-height: 1.5; }
header .verdict p { font-size: 1.25rem; line-height: 1.45; }
.verdict .tag, header .verdict .tag { margin-bottom: .2rem; color: var(--accent); font-size: .8rem;
  font-weight: 600; letter-spacing: .07em;
  text-transform: uppercase; }
.facts { margin: .9rem 0 0; color: var(--soft); font-size: .9rem; }
.contents { margin: 1.4rem 0 0; padding: 0; list-style: none; }
.contents li { margin: .35rem 0; }
.said { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr));
  gap: 0 2.4rem; }
.said h3 { margin-top: 1.4rem; } .said ul { margin: .2rem 0; padding-left: 1.1rem; }
.warn { margin: 1.3rem 0 0; padding: .1rem 0 .1rem 1.2rem; border-left: 4px solid var(--warn); }
.warn h3 { margin: 0; color: var(--warn); font-size: .95rem; }
.warn ul { margin: 0; padding: 0; list-style: none; } .warn li { margin: .25rem 0; }
.scroll { position: relative; overflow: auto; margin: .7rem 0; }
.data .scroll { max-height: 26rem; }
table { border-collapse: collapse; font-size: .915rem; font-variant-numeric: tabular-nums; }
.wide { width: 100%; }
caption { padding: 0 0 .4rem; color: var(--soft); font-size: .875rem; text-align: left; }
th, td { padding: .45rem .55rem; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top; white-space: nowrap; }
thead th { color: var(--soft); font-weight: 500; font-size: .825rem; line-height: 1.3; vertical-align: bottom;
  white-space: normal; }
tbody th, .text { text-align: left; }
tbody th { min-width: min(11rem, 38vw); max-width: 18rem; font-weight: 600; white-space: normal;
  overflow-wrap: anywhere; }
.text { min-width: 5.5rem; white-space: normal; overflow-wrap: break-word; }
.list { display: block; min-width: 22rem; }
th:first-child { padding-left: 0; text-align: left; }
@media (min-width: 48rem) { th:first-child { position: sticky; left: 0; background: var(--paper); } }
td small { display: block; color: var(--soft); font-size: .85em; }
thead button { margin: 0; padding: 0; border: 0; background: none; text-align: inherit; cursor: pointer; }
thead button::after { content: "\\2195"; margin-left: .25em; opacity: .75; }
[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; }
[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; }
.matrix th, .matrix td { padding: .4rem .55rem; text-align: center; vertical-align: middle; }
.matrix tbody th { padding-left: 0; text-align: left; }
.matrix td { border: 1px solid var(--paper); border-radius: .3rem; background: var(--card); }
.matrix td.better { background: var(--better); } .matrix td.worse { background: var(--worse); }
.matrix td.equivalent { background: var(--equivalent); } .matrix td.self { background: none; }
.glyph { margin-right: .3em; font-weight: 700; }
.word { white-space: nowrap; }
.key { color: var(--soft); font-size: .875rem; }
.swatch { flex: none; width: .8em; height: .8em; margin: .38em .5em 0 0; border-radius: 50%; }
.name { display: flex; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
.figures { columns: 2 27rem; column-gap: 2.6rem; margin-top: 1.6rem; }
figure { margin: 0; padding: .6rem 0 1rem; break-inside: avoid; }
figure svg, figure img { display: block; width: 100%; max-width: 36rem; height: auto; }
figure img { padding: .4rem; border-radius: .4rem; background: #fff; }
svg text { font-family: system-ui, sans-serif !important; }
figcaption { margin-top: .4rem; color: var(--soft); font-size: .875rem; }
figcaption h3 { display: none; } .words { display: none; }
summary { width: fit-content; color: var(--accent); font-size: .9rem; cursor: pointer; }
.tables figure svg, .tables figure img, html:not(.js) body:target figure :is(svg, img) { display: none; }
.tables figcaption h3, html:not(.js) body:target figcaption h3 { display: block; margin: 0;
  color: var(--ink); }
.motion summary { margin-bottom: .2rem; }
.tables .motion, html:not(.js) body:target .motion { display: none; }
.tables .words, html:not(.js) body:target .words { display: block; }
.tables .figures, html:not(.js) body:target .figures { columns: 1; }
pre { overflow-x: auto; padding: .8rem 1rem; background: var(--card); border-radius: .4rem;
  font: .85rem/1.5 ui-monospace, monospace; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
dl { columns: 2 24rem; column-gap: 2.6rem; } dl div { padding-bottom: .8rem; break-inside: avoid; }
dt { font-weight: 600; } dd { margin: 0; }
.origin th, .origin td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.origin tbody th { min-width: 6.5rem; padding-left: 0; font-weight: 500; color: var(--soft); }
@media print { body { max-width: none; padding: 0; } #switch, thead button::after { display: none; }
  .figures, tr { break-inside: avoid; } }
"""

SCRIPT = """
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const blank = (x) => x === null || x === "";
  const key = (row, column) => {
    const cell = row.cells[column], number = cell.dataset.v;
    if (number === undefined) return cell.textContent.trim();
    return number === "" ? null : Number(number);
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b
    : String(a).localeCompare(String(b), "en", {numeric: true});
  const sort = (table, heads, column) => {
    const up = heads[column].getAttribute("aria-sort") !== "ascending";
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, column), row]);
    rows.sort(([a], [b]) => blank(a) || blank(b) ? blank(a) - blank(b) : up ? compare(a, b) : compare(b, a));
    body.append(...rows.map(([, row]) => row));
  };
  document.querySelectorAll("table.sortable").forEach((table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, heads, column));
    });
  });
  const button = document.getElementById("switch");
  const show = (on) => {
    root.classList.toggle("tables", on);
    button.setAttribute("aria-pressed", on);
    document.querySelectorAll("details.data").forEach((data) => { data.open = on; });
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    const on = !root.classList.contains("tables");
    show(on);
    history.replaceState(null, "", location.href.split("#")[0] + (on ? "#tables" : ""));
  });
  const follow = () => { if (location.hash === "#tables") show(true); };
  addEventListener("hashchange", follow);
  follow();
})();
"""


def css() -> str:
    """Returns the style sheet."""

    def variables(colors: dict[str, str]) -> str:
        return " ".join(f"--{name}: {color};" for name, color in colors.items())

    light, dark = variables(LIGHT), variables(DARK)
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}{_CSS}"
    )


def policy() -> str:
    """Returns the page's Content-Security-Policy: nothing is fetched, and no script runs but the page's own.

    Figures and swatches carry style attributes, which no hash can name. `style-src` is for browsers that do
    not know the two directives after it. `img-src` allows pictures that lie inside the page.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(SCRIPT)}",
            "style-src 'unsafe-inline'",
            f"style-src-elem {_hash(css())}",
            "style-src-attr 'unsafe-inline'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    """Returns a text's SHA-256 as a policy writes it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
