"""The page of a report: everything is there, whatever is missing; names are escaped; all text can be read."""

import base64
import hashlib
import html.parser
import itertools
import re
from dataclasses import replace

import pytest

from neuroevo.report.figures.picture import Picture
from neuroevo.report.html import page
from neuroevo.report.html.page import framed, part, policy
from neuroevo.report.html.tables import GLYPHS, matrix, ranking
from neuroevo.report.model import Report
from neuroevo.report.table import Cell, Heading, Table
from tests import verdicts
from tests.verdicts import AMPERSAND, DIGITS, EMPTY, FORMULA, GENOMES, MNIST, SWIMMER

VOID = {"meta", "link", "wbr", "br", "img"}


class Reader(html.parser.HTMLParser):
    """Collects text and the rows of tables, and holds that every element is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.tables: list[list[list[str]]] = []
        self.titles: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.titles.append(dict(attrs).get("title") or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "table" in self.open and self.tables and self.tables[-1]:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def report() -> Report:
    return verdicts.report()


@pytest.fixture(scope="module")
def shown() -> dict[str, list[Picture]]:
    return verdicts.drawn()


@pytest.fixture(scope="module")
def text(report, shown) -> str:
    return page.render(report, shown, verdicts.styles(), page.FILES)


def table(html_text: str, first: int = 0) -> list[list[str]]:
    return Reader(html_text).tables[first]


def test_page_says_all_that_the_report_says(report, text):
    said = Reader(text).text
    run = report.run
    wanted = [run.sentence, run.command, run.commit, run.platform, *run.missing, *run.notes]
    wanted += [run.connectome["sha256"], run.data["mnist"]["sha256"], "torch", "2.13.0"]
    for label, task in report.tasks.items():
        verdict = task.verdict
        wanted += [label, verdict.sentence, *verdict.reasons, *verdict.power, *task.notes]
    assert [sentence for sentence in wanted if sentence not in said] == []
    sentences = [task.verdict.sentence for task in report.tasks.values()]
    assert said.index(run.sentence) < min(map(said.index, sentences))


def test_the_question_is_the_title_and_the_card_is_named(report, shown):
    run = replace(
        report.run, question="Does it <help>?", author="A & B", date="2026-12-01", seals=("ab" * 32,)
    )
    signed = replace(report, run=run)
    markup = page.render(signed, shown, verdicts.styles(), [*page.FILES, page.CARD])
    assert "<h1>Does it &lt;help&gt;?" in markup and "<title>Does it &lt;help&gt;? - trial of" in markup
    assert '<meta property="og:image" content="card.png">' in markup
    assert '<meta name="author" content="A &amp; B">' in markup
    assert "A &amp; B · 2026-12-01 · sealed request abababababab" in markup
    assert f"SHA-256 {'ab' * 32}" in Reader(markup).text
    plain = page.render(report, shown, verdicts.styles())
    assert "og:image" not in plain and 'name="author"' not in plain and "sealed request" not in plain


def test_page_shows_each_kind_of_selection_where_it_was_used(report, text):
    sections = re.split(r'<section id="', text)[1:]
    has = dict(zip([*report.tasks, "words", "run", "cite"], sections, strict=True))
    assert [task for task, text in has.items() if "The race" in text] == [DIGITS]
    assert [task for task, text in has.items() if "Spread in mixed populations" in text] == [MNIST]
    assert "Confirmed on fresh seeds, 20 to 39: connectome, stats-prior." in has[DIGITS]
    assert "The race saved 123,456 evaluations." in has[DIGITS]
    assert [task for task, text in has.items() if "Dose-response" in text] == [SWIMMER]


def test_ranking_has_parameters_and_evaluations_beside_every_score(report):
    head, *rows = table(part("table", ranking(report.tasks[SWIMMER], verdicts.styles())))
    assert head[:6] == [
        "genome",
        "score",
        "against the first",
        "graphs × seeds",
        "core + adapters",
        "evaluations",
    ]
    scores = [float(row[1].split("[")[0]) for row in rows]
    assert len(rows) == 8 and scores == sorted(scores, reverse=True)
    assert all(row[4].startswith("2,194 + 1,212") and row[5] == "3,250" for row in rows)
    assert rows[0][2] == "winner"
    prior = next(row for row in rows if row[0] == "stats-prior")
    assert "2,101 – 2,194" in prior[4] and "1,200 – 1,230" in prior[4]


def test_ranking_leaves_out_columns_that_nobody_fills(report):
    heads = ranking(report.tasks[EMPTY], verdicts.styles()).heads
    assert list(heads) == ["genome", "score", "graphs × seeds", "state"]


def test_matrix_is_antisymmetric_and_says_verdicts_without_colour(report):
    rows = table(part("matrix", matrix(report.tasks[SWIMMER], verdicts.styles())))[1:]
    cells = [row[1:] for row in rows]
    turned = {"better": "worse", "worse": "better"}
    words = set()
    for i, j in itertools.combinations(range(len(cells)), 2):
        word = next(word for word in GLYPHS if word in cells[i][j])
        words.add(word)
        assert cells[i][j].startswith(GLYPHS[word])
        assert cells[j][i].startswith(GLYPHS[turned.get(word, word)])
        there, back = (cells[x][y].split(" ")[-1].strip() for x, y in ((i, j), (j, i)))
        assert {there, back} == {there.strip("−"), f"−{there.strip('−')}"}
    assert words >= {"better", "equivalent", "inconclusive"}
    assert [cells[i][i].strip() for i in range(len(cells))] == [""] * 8


def test_matrix_tells_the_corrected_p_of_each_pair(report):
    task = report.tasks[SWIMMER]
    titles = Reader(part("matrix", matrix(task, verdicts.styles()))).titles
    titles = [title for title in titles if " against " in title]
    assert len(titles) == 56
    pair = task.comparisons[0]
    (title,) = [t for t in titles if t.startswith("connectome against stats-prior: better;")]
    assert "p <0.001, corrected 0.011" in title and pair.p_holm == 0.0112
    assert any("corrected none" in t for t in titles)  # not tested


def test_page_copes_with_least():
    said = Reader(page.render(verdicts.least(), {}, {"a": 0})).text
    assert "Nothing." in said and "1 lineages planned" in said


@pytest.mark.parametrize("name", ["notes", "comparisons", "doses", "graphs", "selection", "margin"])
def test_page_copes_with_what_a_task_has_not(report, name):
    empty = None if name in ("selection", "margin") else ()
    tasks = {label: replace(task, **{name: empty}) for label, task in report.tasks.items()}
    markup = page.render(replace(report, tasks=tasks), {}, verdicts.styles())
    assert report.run.sentence in Reader(markup).text


def test_page_copes_with_verdicts_without_reasons(report):
    tasks = {
        label: replace(task, verdict=replace(task.verdict, reasons=(), power=()))
        for label, task in report.tasks.items()
    }
    assert "Why" not in Reader(page.render(replace(report, tasks=tasks), {}, verdicts.styles())).text


def test_links_are_to_files_that_are_there(report, shown, text):
    def links(markup: str) -> set[str]:
        return {link for link in re.findall(r'href="([^"]*)"', markup) if not link.startswith(("#", "data:"))}

    assert links(text) == set(page.FILES)
    assert links(page.render(report, shown, verdicts.styles())) == set()
    stem = "figures/scores_digits%3A%3Ci%3Esize%3C%2Fi%3E=8.svg"  # the name on disk
    markup = page.render(report, shown, verdicts.styles(), [stem])
    assert links(markup) == {stem.replace("%", "%25").replace("=", "%3D")}


def test_further_pictures_are_shown_and_described():
    svg = Picture(
        "activity", "Activity & more", "Cells <fire>.", b'<svg width="3pt" id="x"><g/></svg>', "Seen."
    )
    markup = part("figure", framed(svg, "t0-activity"))
    assert 'role="img" aria-labelledby="t0-activity-title t0-activity-desc"' in markup
    assert "Activity &amp; more" in markup and "Cells &lt;fire&gt;." in markup
    assert 'id="t0-activity-x"' in markup
    png = Picture("behaviour", 'A "walk"', "On & on.", b"\x89PNG...")
    data = base64.b64encode(b"\x89PNG...").decode()
    wanted = f'<img src="data:image/png;base64,{data}" alt="A &#34;walk&#34;. On &amp; on.">'
    assert wanted in part("figure", framed(png, "t0-behaviour"))


def test_film_has_a_still_for_those_who_want_no_motion():
    film = Picture("behaviour", "A walk", "On and on.", b"\x89PNG...", motion=b"GIF89a...")
    markup = part("figure", framed(film, "t0-behaviour"))
    still, moving = (base64.b64encode(image).decode() for image in (film.image, film.motion))
    assert f'media="(prefers-reduced-motion: reduce), print" srcset="data:image/png;base64,{still}"' in markup
    assert f'<img src="data:image/gif;base64,{moving}" alt="A walk. On and on.">' in markup


def test_every_figure_of_the_page_has_its_data_as_a_table(text):
    figures = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    assert len(figures) == 10
    without = "Behaviour", "What explains the score"  # whose table stands above it
    assert [("<table" in f) for f in figures] == [not any(x in f for x in without) for f in figures]
    (learning,) = [f for f in figures if f"Learning curves on {MNIST}" in f]
    rows = table(learning)[1:]
    curves = verdicts.curves(MNIST)
    assert len(rows) == sum(len(curve.mean) for curve in curves.values())
    assert [row[1] for row in rows[:2]] == ["65", "130"]


def test_page_is_the_same_when_made_again(report, text):
    assert page.render(report, verdicts.drawn(), verdicts.styles(), page.FILES) == text


def test_names_are_escaped_everywhere(text):
    said = Reader(text).text
    assert "<script>alert" not in text and "<i>size" not in text
    assert str(part("label", AMPERSAND)) == "a&amp;b&#34;c"
    assert part("label", "a:b=c,d_e") == "a<wbr>:b=<wbr>c<wbr>,d_<wbr>e"
    assert "&#34;x&#34;" in part("name", Heading.of(FORMULA, verdicts.styles()))
    hostile = Table("<b>", ("<i>", "x"), [(Heading("<u>"), [Cell("<s>", 1.0, below=("<q>",))])], (1, "<"))
    assert not set(re.findall(r"<([a-z]+)", part("table", hostile))) & {"b", "i", "u", "s", "q"}
    assert all(name in said for name in GENOMES)


def test_policy_admits_the_page_s_own_script_and_style_alone(text):
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert (script, style) == (page.asset("report.js"), page.asset("report.css"))
    directives = dict(directive.split(" ", 1) for directive in policy().split("; "))
    for content, directive in ((script, "script-src"), (style, "style-src-elem")):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert directives[directive] == f"'sha256-{digest}'"
    assert directives["default-src"] == "'none'"
    assert f'content="{policy()}"' in text.replace("&#39;", "'")
    assert not re.search(r"\son\w+=", re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL))


READ = (  # (text, what it lies on): every pair that the style sheet makes
    *((text, ground) for text in ("ink", "soft", "accent", "warn") for ground in ("paper", "card")),
    *((text, ground) for text in ("ink", "soft") for ground in ("better", "worse", "equivalent")),
    ("paper", "accent"),
)


def palettes() -> list[dict[str, str]]:
    """Returns the colours of the style sheet by name, in light and in dark."""
    blocks = re.findall(r":root \{(.*?)\}", page.asset("report.css"), re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in blocks]


def luminance(color: str) -> float:
    """Returns the relative luminance of WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
def test_palette_has_contrast_wherever_text_lies(palette):
    ratios = {}
    for text, ground in READ:
        light, dark = sorted((luminance(palette[text]), luminance(palette[ground])), reverse=True)
        ratios[text, ground] = (light + 0.05) / (dark + 0.05)
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}


def test_contrast_is_that_of_the_standard():
    assert (luminance("#ffffff") + 0.05) / (luminance("#000000") + 0.05) == pytest.approx(21)
    assert 1.05 / (luminance("#767676") + 0.05) == pytest.approx(4.54, abs=0.01)


def test_both_palettes_colour_the_same_things():
    light, dark = palettes()
    assert light.keys() == dark.keys() and len(light) == 11
    used = set(re.findall(r"var\(--(\w+)\)", page.asset("report.css")))
    assert used <= light.keys()
