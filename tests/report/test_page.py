"""The page of a report: everything is there, whatever is missing; names are escaped; all text can be read."""

import base64
import hashlib
import html.parser
import itertools
import re

import pytest

from neuroevo.report.figures.picture import Picture
from neuroevo.report.html import page
from neuroevo.report.html.parts import GLYPHS, breakable, figure, named
from neuroevo.report.html.style import DARK, LIGHT, READ, SCRIPT, css, policy
from neuroevo.report.html.tables import matrix, ranking
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
def report() -> dict:
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
    run = report["run"]
    wanted = [run["sentence"], run["command"], run["commit"], run["platform"], *run["missing"], *run["notes"]]
    wanted += [run["connectome"]["sha256"], run["data"]["mnist"]["sha256"], "torch", "2.13.0"]
    for task, section in report["tasks"].items():
        wanted += [task, section["sentence"], *section["reasons"], *section["power"], *section["notes"]]
    assert [sentence for sentence in wanted if sentence not in said] == []
    assert said.index(run["sentence"]) < min(said.index(s["sentence"]) for s in report["tasks"].values())


def test_page_shows_each_kind_of_selection_where_it_was_used(report, text):
    sections = re.split(r'<section id="', text)[1:]
    has = {task: part for task, part in zip([*report["tasks"], "words", "run"], sections, strict=True)}
    assert [task for task, part in has.items() if "The race" in part] == [DIGITS]
    assert [task for task, part in has.items() if "Spread in mixed populations" in part] == [MNIST]
    assert "Confirmed on fresh seeds, 20 to 39: connectome, stats-prior." in has[DIGITS]
    assert "The race saved 123,456 evaluations." in has[DIGITS]
    assert [task for task, part in has.items() if "Dose-response" in part] == [SWIMMER]


def test_ranking_has_parameters_and_evaluations_beside_every_score(report):
    head, *rows = table(ranking(SWIMMER, report["tasks"][SWIMMER], verdicts.styles()))
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
    head = table(ranking(EMPTY, report["tasks"][EMPTY], verdicts.styles()))[0]
    assert head == ["genome", "score", "graphs × seeds", "core + adapters", "evaluations", "state"]


def test_matrix_is_antisymmetric_and_says_verdicts_without_colour(report):
    section = report["tasks"][SWIMMER]
    rows = table(matrix(SWIMMER, section, verdicts.styles()))[1:]
    cells = [row[1:] for row in rows]
    turned = {"better": "worse", "worse": "better"}
    seen = set()
    for i, j in itertools.combinations(range(len(cells)), 2):
        word = next(word for word in GLYPHS if word in cells[i][j])
        seen.add(word)
        assert cells[i][j].startswith(GLYPHS[word])
        assert cells[j][i].startswith(GLYPHS[turned.get(word, word)])
        there, back = (cells[x][y].split(" ")[-1].strip() for x, y in ((i, j), (j, i)))
        assert {there, back} == {there.strip("−"), f"−{there.strip('−')}"}
    assert seen >= {"better", "equivalent", "inconclusive"}
    assert [cells[i][i].strip() for i in range(len(cells))] == [""] * 8


def test_matrix_tells_the_corrected_p_of_each_pair(report):
    section = report["tasks"][SWIMMER]
    titles = [t for t in Reader(matrix(SWIMMER, section, verdicts.styles())).titles if " against " in t]
    assert len(titles) == 56
    pair = section["comparisons"][0]
    (title,) = [t for t in titles if t.startswith("connectome against stats-prior: better;")]
    assert "p <0.001, corrected 0.011" in title and pair["p_holm"] == 0.0112
    assert any("corrected none" in t for t in titles)  # not tested


def test_page_of_an_old_report_is_whole():
    old = verdicts.old_report()
    said = Reader(page.render(old, {}, verdicts.styles())).text
    assert old["run"]["sentence"] in said and "640 lineages planned, 600 done" in said


def test_page_copes_with_least(report):
    least = {"genome": "a", "iqm": None, "ci95": None, "num_graphs": 1, "num_seeds": 1}
    run = {"name": "r", "sentence": "Nothing.", "lineages": {"planned": 1}}
    bare = {"run": run, "tasks": {"t": {"genomes": [least]}}}
    assert "Nothing." in Reader(page.render(bare, {}, {"a": 0})).text


@pytest.mark.parametrize("name", ["reasons", "power", "notes", "doses", "graphs", "selection", "margin"])
@pytest.mark.parametrize("is_there", [True, False])
def test_page_copes_with_null_and_with_a_missing_key(name, is_there):
    report = verdicts.report()
    for section in report["tasks"].values():
        section.pop(name)
        if is_there:
            section[name] = None
    assert report["run"]["sentence"] in Reader(page.render(report, {}, verdicts.styles())).text


def test_links_are_to_files_that_are_there(report, shown, text):
    def links(made: str) -> set[str]:
        return {link for link in re.findall(r'href="([^"]*)"', made) if not link.startswith(("#", "data:"))}

    assert links(text) == set(page.FILES)
    assert links(page.render(report, shown, verdicts.styles())) == set()
    stem = "figures/scores_digits%3A%3Ci%3Esize%3C%2Fi%3E=8.svg"  # the name on disk
    made = page.render(report, shown, verdicts.styles(), [stem])
    assert links(made) == {stem.replace("%", "%25").replace("=", "%3D")}


def test_further_pictures_are_shown_and_described():
    svg = Picture(
        "activity", "Activity & more", "Cells <fire>.", b'<svg width="3pt" id="x"><g/></svg>', "Seen."
    )
    made = figure(svg, "t0-activity")
    assert 'role="img" aria-labelledby="t0-activity-title t0-activity-desc"' in made
    assert "Activity &amp; more" in made and "Cells &lt;fire&gt;." in made and 'id="t0-activity-x"' in made
    png = Picture("behaviour", 'A "walk"', "On & on.", b"\x89PNG...")
    data = base64.b64encode(b"\x89PNG...").decode()
    wanted = f'<img src="data:image/png;base64,{data}" alt="A &quot;walk&quot;. On &amp; on.">'
    assert wanted in figure(png, "t0-behaviour")


def test_every_figure_of_the_page_has_its_data_as_a_table(text):
    figures = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    assert len(figures) == 9
    assert [("<table" in f) for f in figures] == ["Behaviour" not in f for f in figures]
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
    assert breakable(AMPERSAND) == "a&amp;b&quot;c"
    assert "&quot;x&quot;" in named(FORMULA, verdicts.styles())
    assert all(name in said for name in GENOMES)


def test_policy_admits_the_page_s_own_script_and_style_alone(text):
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert (script, style) == (SCRIPT, css())
    found = dict(part.split(" ", 1) for part in policy().split("; "))
    for part, directive in ((script, "script-src"), (style, "style-src-elem")):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert found[directive] == f"'sha256-{digest}'"
    assert found["default-src"] == "'none'"
    assert f'content="{policy()}"' in text
    assert not re.search(r"\son\w+=", re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL))


def luminance(color: str) -> float:
    """Returns the relative luminance of WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
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
    assert LIGHT.keys() == DARK.keys()
    used = set(re.findall(r"var\(--(\w+)\)", css()))
    assert used <= LIGHT.keys()
