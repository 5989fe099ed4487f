"""Films at the end of a run: where they cost little, or as asked for; one that fails costs no result."""

from __future__ import annotations

import pytest

from neuroevo.errors import OptionError, RunError
from neuroevo.experiment import filming
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.watcher import Relay, Watcher
from neuroevo.run_folder import RunFolder
from tests import small

SWIMMER = "swimmer=swimmer:steps=5,held_out=2,episodes=3"


@pytest.mark.parametrize(
    ("generations", "changes", "is_wanted"),
    [
        (20, {}, False),  # 2 lineages, 16 genomes, 3 episodes: 1,920 in the searches, 4 in the film
        (21, {}, True),  # 2,016, of which 4 are less than a 500th
        (1, {"film": "on"}, True),
        (100, {"film": "off"}, False),
        (100, {"task": (small.ECHO,)}, False),
        (100, {"task": (small.ECHO,), "film": "on"}, False),
    ],
)
def test_films_are_drawn_where_they_cost_little_or_are_asked_for(generations, changes, is_wanted):
    request = {"task": (SWIMMER,), "generations": generations, "population": 16, **changes}
    assert filming.is_wanted(small.plan(**request)) == is_wanted


class Told(Watcher):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_a_film_that_fails_is_told_and_costs_no_result(tmp_path, monkeypatch):
    def fail(_: RunFolder) -> list[str]:
        raise RunError("the champion is damaged.")

    monkeypatch.setattr(filming.replay, "film", fail)
    folder, told = RunFolder.create(tmp_path / "run", {}, {"lineages": []}), Told()
    filming.film(small.plan(task=(SWIMMER,), film="on"), folder, Relay(told))
    assert told.warnings == ["No film was drawn: the champion is damaged."]


def test_unknown_wishes_are_refused_in_one_line():
    request = Configuration(genome=("connectome",), task=("swimmer",), film="perhaps")
    with pytest.raises(OptionError, match=r"^Unknown film 'perhaps'\. Known: auto, off, on\.$"):
        request.check()
