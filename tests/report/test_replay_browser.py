"""Pictures of behaviour in a browser: a report that holds them fits, asks for nothing and can stand still."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuroevo.report.replay.replay import replay
from neuroevo.report.replay.rerun import Excerpt
from neuroevo.report.write import write_report
from tests import small
from tests.report import test_browser
from tests.report.test_browser import DESKTOP, PHONE, Visit

pytestmark = pytest.mark.browser
browser = test_browser.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small run whose champions were replayed."""
    folder = small.run(
        tmp_path_factory.mktemp("page") / "run",
        genome=("connectome",),
        task=("swimmer=swimmer:steps=40,held_out=2", "digits=digits:steps=2,episodes=8"),
        generations=2,
        population=4,
    )
    replay(folder, [], Excerpt())
    write_report(folder)
    return folder.path / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_report_with_pictures_of_behaviour_asks_for_nothing(browser, page, size, scheme):
    with Visit(browser, page, size=size, color_scheme=scheme) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert visit.overflow() == 0
        assert visit.messages == [] and visit.asked == []
        film = visit.page.get_by_role("img", name="Behaviour of connectome on swimmer.")
        assert film.evaluate("(image) => image.complete && image.naturalWidth") == 720
        assert film.evaluate("(image) => image.currentSrc.slice(0, 15)") == "data:image/gif;"
        names = ("Body curvature of connectome", "Activity of connectome", "Answers of connectome")
        for name in names:
            assert visit.page.get_by_role("img", name=name).first.is_visible()


def test_film_stands_still_where_less_motion_is_asked_for_and_can_be_closed(browser, page):
    with Visit(browser, page, reduced_motion="reduce") as visit:
        film = visit.page.get_by_role("img", name="Behaviour of connectome on swimmer.")
        assert film.evaluate("(image) => image.currentSrc.slice(0, 15)") == "data:image/png;"
        visit.page.click(".motion summary")
        assert not film.is_visible()
        assert visit.messages == []


def test_tables_take_the_place_of_pictures_of_behaviour(browser, page):
    with Visit(browser, page, "#tables") as visit:
        assert test_browser.figures_shown(visit.page) == 0
        assert visit.page.locator(".motion:visible").count() == 0
        table = visit.page.get_by_role("region", name="Body curvature of connectome on swimmer")
        assert table.is_visible() and table.locator("tbody tr").count() == 5
