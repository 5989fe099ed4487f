"""report.html in a browser: fits phones and desktops, light and dark, asks for nothing, serves all."""

import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests import verdicts
from tests.verdicts import DIGITS, GENOMES, MNIST, SCRIPT, SWIMMER

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
PHONE, DESKTOP = (390, 844), (1280, 900)
CONTRAST = """
() => {
  const parse = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * x + .7152 * y + .0722 * z;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.getClientRects().length || element.closest("script, noscript")) continue;
    const style = getComputedStyle(element);
    const text = light(parse(element.closest("svg") ? style.fill : style.color));
    const behind = light(ground(element.closest("svg") || element));
    const ratio = (Math.max(text, behind) + .05) / (Math.min(text, behind) + .05);
    found.push([ratio, element.textContent.trim().slice(0, 40)]);
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium of the system, for all tests of the module."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail(
            "No browser found: install chromium (apt-get install chromium), or leave these tests out with "
            "-m 'not browser'.",
            pytrace=False,
        )
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*QUIET, *sandbox])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    return verdicts.write(tmp_path_factory.mktemp("page") / "run #1 50%")


class Visit:
    """A page that is open, with all that it did beside showing itself."""

    def __init__(self, browser: Browser, path: Path, fragment: str = "", size=DESKTOP, **options) -> None:
        width, height = size
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.requests: list[str] = []
        self.messages: list[str] = []
        self.context.route("**/*", self._ask)
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", self._dismiss)
        self.page.goto(path.as_uri() + fragment)
        self.asked = [url for url in self.requests if url != path.as_uri()]

    def _ask(self, route) -> None:
        self.requests.append(route.request.url.partition("#")[0])
        if urlsplit(route.request.url).scheme in ("file", "data"):
            route.continue_()
        else:
            route.abort()

    def _dismiss(self, dialog) -> None:
        self.messages.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_) -> None:
        self.context.close()

    def overflow(self) -> int:
        """Returns how many pixels the page is wider than the window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    def column(self, table, place: int) -> list[str]:
        """Returns the texts of a column, top to bottom, without what stands in small print."""
        return table.evaluate(
            "(table, place) => [...table.tBodies[0].rows].map((row) => {"
            "  const cell = row.cells[place].cloneNode(true);"
            "  cell.querySelectorAll('small').forEach((small) => small.remove());"
            "  return cell.textContent.trim(); })",
            place,
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_page_fits_the_window_and_asks_for_nothing(browser, report, size, scheme):
    with Visit(browser, report, size=size, color_scheme=scheme) as visit:
        ground = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}[scheme]
        assert visit.overflow() == 0
        visit.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert visit.overflow() == 0
        assert visit.asked == []
        assert visit.messages == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_what_it_lies_on(browser, report, scheme):
    with Visit(browser, report, "#tables", color_scheme=scheme) as visit:
        tables = visit.page.evaluate(CONTRAST)
        visit.page.click("#switch")
        figures = visit.page.evaluate(CONTRAST)
    assert len(tables) > 1000 and len(figures) > 500
    assert [entry for entry in tables + figures if entry[0] < 4.5] == []


def test_hostile_names_are_shown_as_text(browser, report):
    with Visit(browser, report) as visit:
        text = visit.page.inner_text("body")
        assert all(name in text for name in GENOMES)
        assert DIGITS in text
        assert visit.page.locator("body i").count() == 0  # the task's name holds a tag
        assert visit.page.locator("script").count() == 1
        assert "alert(1)" in "".join(visit.page.locator("svg text").all_text_contents())
        assert visit.messages == []


def test_scripts_that_are_not_the_page_s_own_do_not_run(browser, report):
    with Visit(browser, report) as visit:
        visit.page.evaluate(
            "() => { const script = document.createElement('script');"
            "script.textContent = 'window.ran = 1'; document.body.append(script);"
            "document.body.insertAdjacentHTML('beforeend', '<b id=bad onclick=\"window.ran = 1\">x</b>');"
            "document.getElementById('bad').click(); }"
        )
        assert visit.page.evaluate("window.ran") is None
        assert any("Content Security Policy" in message for message in visit.messages)


def test_every_link_leads_somewhere(browser, report):
    with Visit(browser, report) as visit:
        links = visit.page.locator("a[href]").evaluate_all(
            "all => all.map((a) => [a.getAttribute('href'), a.href])"
        )
        inside = [written[1:] for written, _ in links if written.startswith("#")]
        files = [unquote(urlsplit(full).path) for written, full in links if not written.startswith("#")]
        assert len(inside) >= 6 and len(files) >= 10
        for name in inside:
            assert visit.page.locator(f"[id='{name}']").count() == 1, name
        assert [name for name in files if not Path(name).is_file()] == []
        visit.page.click("a[href='#run']")
        assert visit.page.evaluate("document.getElementById('run').getBoundingClientRect().top < innerHeight")


def test_columns_sort_by_click_as_numbers_with_blanks_last(browser, report):
    with Visit(browser, report, "#tables") as visit:
        table = visit.page.get_by_role("region", name=f"Learning curves on {SWIMMER}").locator("table")
        head = table.get_by_role("columnheader", name="evaluations")
        head.get_by_role("button").click()
        shown = [int(text.replace(",", "")) for text in visit.column(table, 1)]
        assert shown == sorted(shown) and shown != sorted(shown, key=str)
        assert head.get_attribute("aria-sort") == "ascending"
        head.get_by_role("button").click()
        assert [int(text.replace(",", "")) for text in visit.column(table, 1)] == shown[::-1]
        ranking = visit.page.get_by_role("region", name=f"Genomes on {SWIMMER}:").locator("table")
        place = ranking.locator("thead th").all_inner_texts().index("tuned")
        for _ in range(2):
            ranking.get_by_role("columnheader", name="tuned").get_by_role("button").click()
            texts = visit.column(ranking, place)
            assert texts[0] != "–" and set(texts[1:]) == {"–"}


def test_columns_sort_from_the_keyboard_and_names_as_text(browser, report):
    with Visit(browser, report) as visit:
        table = visit.page.get_by_role("region", name=f"Genomes on {MNIST}:").locator("table")
        heads = table.locator("thead th")
        assert heads.nth(1).get_attribute("aria-sort") == "descending"  # as it was written
        heads.nth(0).get_by_role("button").focus()
        visit.page.keyboard.press("Enter")
        names = visit.column(table, 0)
        assert sorted(names) == sorted(GENOMES)
        assert names.index("adapter-only") < names.index("connectome") < names.index("stats-prior")
        assert heads.nth(0).get_attribute("aria-sort") == "ascending"
        assert heads.nth(1).get_attribute("aria-sort") is None
        visit.page.keyboard.press("Space")
        assert visit.column(table, 0) == names[::-1]
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.textContent") == "final share"


HINTS = """
() => [...document.querySelectorAll(".scroll")].filter((box) => box.getClientRects().length).map((box) =>
  [box.scrollWidth > box.clientWidth + 1, box.previousElementSibling.getClientRects().length > 0,
   box.previousElementSibling.className])
"""


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_tables_fit_or_say_that_they_scroll(browser, report, size):
    with Visit(browser, report, size=size) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        visit.page.wait_for_timeout(100)  # until they have told of it
        boxes = visit.page.evaluate(HINTS)
        assert len(boxes) > 15 and any(scrolls for scrolls, *_ in boxes)
        assert [box for box in boxes if box[0] != box[1] or box[2] != "hint"] == []
        assert visit.overflow() == 0


def test_hints_go_where_a_wider_window_has_room(browser, report):
    with Visit(browser, report, size=PHONE) as visit:
        before = sum(shown for _, shown, _ in visit.page.evaluate(HINTS))
        visit.page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
        shown = "[...document.querySelectorAll('.hint')].filter((x) => x.getClientRects().length).length"
        visit.page.wait_for_function(f"{shown} < {before}")


def test_a_button_copies_the_citation(browser, report):
    with Visit(browser, report, permissions=["clipboard-read", "clipboard-write"]) as visit:
        entry = visit.page.inner_text("#bibtex")
        assert entry.startswith("@misc{neuroevo-report,") and "trial of" in entry
        visit.page.click("#copy")
        visit.page.wait_for_function("document.getElementById('copy-said').textContent === 'Copied'")
        assert visit.page.evaluate("navigator.clipboard.readText()").strip() == entry.strip()
        assert visit.messages == []


def test_citation_is_there_without_a_script(browser, report):
    with Visit(browser, report, java_script_enabled=False) as visit:
        assert visit.page.locator("#bibtex").is_visible() and not visit.page.locator("#copy").is_visible()


def figures_shown(page: Page) -> int:
    return page.locator("figure svg:visible, figure img:visible").count()


def test_tables_take_the_place_of_figures(browser, report):
    with Visit(browser, report) as visit:
        page = visit.page
        num_figures = page.locator("figure").count()
        assert figures_shown(page) == num_figures == 10
        assert page.locator("figure table:visible").count() == 0
        page.click("#switch")
        assert page.get_attribute("#switch", "aria-pressed") == "true"
        assert page.url.endswith("#tables")
        assert figures_shown(page) == 0
        # The table of what explains the score stands above its figure, and that of behaviour has none.
        assert page.locator("figure table:visible").count() == num_figures - 2
        assert page.locator("figure .words:visible").count() == num_figures
        page.click("a[href='#t1']")  # the mode outlasts a jump
        assert figures_shown(page) == 0
        page.click("#switch")
        assert figures_shown(page) == num_figures
        assert "#tables" not in page.url


@pytest.mark.parametrize("with_script", [True, False])
def test_a_fragment_asks_for_tables_even_without_script(browser, report, with_script):
    with Visit(browser, report, "#tables", java_script_enabled=with_script) as visit:
        assert figures_shown(visit.page) == 0
        assert visit.page.get_by_role("region", name=f"Genomes on {SWIMMER}:").is_visible()
        assert visit.page.locator("figure details").count() == 8


def test_figures_are_named_and_described(browser, report):
    with Visit(browser, report) as visit:
        image = visit.page.get_by_role("img", name=f"Held-out scores on {SWIMMER}")
        assert image.count() == 1
        assert visit.page.get_by_role("img", name=f"Behaviour of {SCRIPT}").count() == 1
