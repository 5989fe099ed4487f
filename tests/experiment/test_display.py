"""The display of a run: it shows where genomes stand now, fits its terminal and costs next to nothing."""

from __future__ import annotations

import io
import itertools
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from neuroevo.experiment import display, standings
from neuroevo.experiment.display import Display, duration
from neuroevo.experiment.standings import ASCII, Board, Glyphs, Standing, cut, fold, lines, rank, strips

LONG = "stats-prior:gap=random,dale=true,reciprocity=exact"


@dataclass
class Progress:
    """What a run tells its display."""

    rows: list[dict[str, Any]]
    done: int = 1
    total: int = 1_000


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now


def row(genome: str, fitness: float | None = 0.5, *, seed: int = 0, **more: Any) -> dict[str, Any]:
    """A row of metrics."""
    found = {"task": "t", "genome": genome, "graph": 0, "seed": seed, "generation": 0, "evaluations": 5}
    return found | {"fitness_centre": fitness} | more


def screen(width: int = 80, height: int = 25) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)


def pipe() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=80)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def drawn(display: Display, console: Console) -> list[str]:
    """The lines of a terminal."""
    with console.capture() as captured:
        console.print(display._draw())
    return captured.get().splitlines()


def board(task: str = "t", num_genomes: int = 3, **more: Any) -> Board:
    """Standings of genomes with long labels."""
    found = [
        Standing(f"{LONG}-{k}", 10, 0.09 - 0.004 * k, (0.07 - 0.004 * k, 0.11 - 0.004 * k), 19_240, 148)
        for k in range(num_genomes)
    ]
    return Board(task, found, **more)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Puts a clock that stands still in place of the display's."""
    found = Clock()
    monkeypatch.setattr(display, "time", found)
    yield found


# --- standings ----------------------------------------------------------------------------------------


def test_standings_order_by_the_interquartile_mean_of_present_fitness() -> None:
    rows = [row("steady", 0.5, seed=s) for s in range(10)]
    scores = (0.0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.5, 0.6, 9.0, 9.0)  # their mean is higher
    rows += [row("lucky", x, seed=s) for s, x in enumerate(scores)]
    steady, lucky = rank(rows, ["lucky", "steady"])
    assert (steady.genome, steady.fitness) == ("steady", 0.5)
    assert (lucky.genome, lucky.fitness) == ("lucky", pytest.approx(0.4))
    assert lucky.interval is not None and lucky.interval[0] < 0.4 < lucky.interval[1]


def test_standings_count_what_every_lineage_has_had() -> None:
    rows = [row("g", seed=0, generation=6, evaluations=35), row("g", seed=1, generation=4, evaluations=25)]
    (found,) = rank(rows, ["g"])
    assert (found.num_lineages, found.generation, found.evaluations) == (2, 5, 25)


def test_standings_of_failed_lineages_come_after_all_others_and_dropped_ones_last() -> None:
    rows = [row("dropped", 9.0), row("failed", None), row("low", -3.0), row("high", -1.0)]
    found = rank(rows, ["dropped", "failed", "low", "high", "gone"], out=["dropped"])
    assert [s.genome for s in found] == ["high", "low", "failed", "dropped", "gone"]
    assert [s.is_out for s in found] == [False, False, False, True, True]
    assert found[2].fitness is None and found[2].interval is None


def test_one_seed_has_no_interval() -> None:
    assert rank([row("g")], ["g"])[0].interval is None


# --- lineages that come and go ------------------------------------------------------------------------


def test_display_shows_the_last_generation_of_every_lineage() -> None:
    display = Display(screen())
    display.update(Progress([row("a", 0.25), row("b", 0.125)]))
    display.update(Progress([row("b", 0.5, generation=1, evaluations=10), row("c", 0.375, seed=7)]))
    (found,) = display._standings()
    assert [(s.genome, s.fitness, s.generation) for s in found.standings] == [
        ("b", 0.5, 2),
        ("c", 0.375, 1),
        ("a", 0.25, 1),
    ]


def test_a_member_of_a_mixed_population_has_one_genome_at_a_time() -> None:
    display = Display(screen())
    display.update(Progress([row("a", 0.25, graph=k, epoch=0) for k in (0, 1)]))
    display.update(Progress([row("b", 0.5, graph=2, epoch=0)]))
    display.update(Progress([row("b", 0.5, graph=0, epoch=1)]))
    (found,) = display._standings()
    assert [(s.genome, s.num_lineages, s.is_out) for s in found.standings] == [
        ("b", 2, False),
        ("a", 1, False),
    ]
    display.update(Progress([row("b", 0.5, graph=1, epoch=2)]))
    (found,) = display._standings()
    assert [(s.genome, s.num_lineages, s.is_out) for s in found.standings] == [
        ("b", 3, False),
        ("a", 0, True),
    ]
    assert any(re.match(r"out a +- +- +- +-", line) for line in drawn(display, display._console))


def test_a_dropped_genome_is_shown_as_out_below_the_others() -> None:
    console = screen()
    display = Display(console)
    display.update(Progress([row("random", 0.9), row("connectome", 0.1)]))
    display.event("race: dropped random at generation 20 (p = 0.001)", out=("t", "random"))
    found = drawn(display, console)
    assert found[1].startswith("  1 connectome") and found[2].startswith("out random")
    assert "race: dropped random at generation 20 (p = 0.001)" in text_of(console)


def test_a_stage_begins_with_empty_standings_of_its_tasks_alone() -> None:
    console = screen()
    display = Display(console)
    display.update(Progress([row("a", 0.9), row("b", 0.8), row("a", 0.7, task="other")]))
    display.event("race: dropped b", out=("t", "b"))
    display.plan([row("a", seed=5), row("b", seed=5)], "confirmation")
    assert [b.task for b in display._standings()] == ["other"]
    display.update(Progress([row("b", 0.25, seed=5)]))
    found = {b.task: b for b in display._standings()}
    assert [(s.genome, s.is_out) for s in found["t"].standings] == [("b", False)]
    assert found["t"].stage == "confirmation" and found["other"].stage == ""
    assert drawn(display, console)[0].startswith("t, confirmation, 1 lineage ")


def test_speed_does_not_fall_when_lineages_start_again(clock: Clock) -> None:
    display = Display(screen())
    display.update(Progress([row("a")]))
    clock.now = 10.0
    display.update(Progress([row("a", evaluations=105)], done=2))
    display.plan([row("a", seed=1)], "confirmation")
    display.update(Progress([row("a", seed=1, evaluations=50)], done=3))
    assert display._speed() == "15 evaluations/s"


# --- the terminal -------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 100, 120, 200])
@pytest.mark.parametrize(("num_tasks", "num_genomes"), [(1, 2), (1, 20), (2, 20), (3, 7), (6, 20)])
def test_tables_fit_the_terminal_and_count_what_they_leave_out(
    width: int, num_tasks: int, num_genomes: int
) -> None:
    boards = [board(f"task-{k}", num_genomes, unit="m/s", generations=300) for k in range(num_tasks)]
    for height in (8, 15, 22, 47, 200):
        found = [line.plain for line in lines(boards, width, height)]
        assert len(found) <= height and max(map(cell_len, found)) <= width
        titles = [k for k, line in enumerate(found) if line.startswith("task-")]
        assert titles and titles[0] == 0
        for start, end in itertools.pairwise([*titles, len(found)]):
            shown = sum(bool(re.match(r" *\d+ stats", line)) for line in found[start:end])
            more = [
                int(line.split()[1]) for line in found[start:end] if re.match(r" +and \d+ more, fit", line)
            ]
            assert shown + sum(more) == num_genomes and more != [1]
        others = [line for line in found if re.match(r"and \d+ more tasks: ", line)]
        assert len(titles) + sum(int(line.split()[1]) for line in others) == num_tasks


def test_lines_that_are_left_go_to_tasks_that_can_use_them() -> None:
    assert fold([3, 20], 20) == [3, 12]  # 2 heads, 2 empty lines, 3 + 12 genomes, "and 8 more"
    assert fold([20, 20], 20) == [7, 7]
    assert fold([5], 7) == [5] and fold([5], 6) == [3]
    assert fold([1, 1, 1], 9) == [1, 1] and fold([1, 1, 1], 12) == [1, 1, 1]
    assert fold([4], 0) == [1]


def test_terminal_of_80_columns_shows_every_figure() -> None:
    found = [line.plain.rstrip() for line in lines([board(unit="m/s", generations=300)], 80, 20)]
    head, first = found[:2]
    assert head.split() == ["t,", "m/s,", "10", "lineages", "fitness", "95", "%", "interval", "evals", "gen"]
    assert first.split()[0] == "1" and first.endswith("0.0900  [0.0700, 0.1100]  19,240  148/300")
    assert first.split()[1].startswith("stats-prior:") and "…" in first and "=exact-0 " in first


def test_numbers_of_lineages_are_a_column_where_they_differ() -> None:
    few = Board("t", [Standing("a", 10, 0.5), Standing("b", 8, 0.4)])
    assert "lineages" not in lines([board()], 80, 20)[0].plain.replace("10 lineages", "")
    head, a, b, _ = (line.plain.split() for line in lines([few], 80, 20))
    assert head[:3] == ["t", "lineages", "fitness"] and (a[2], b[2]) == ("10", "8")


def test_wide_terminal_draws_intervals_on_a_common_axis() -> None:
    found = [Standing("a", 4, 3.0, (2.0, 4.0)), Standing("b", 4, 1.0, (0.0, 2.0)), Standing("c", 4, 2.0)]
    assert strips(found, 9, Glyphs()) == [
        "0.00 4.00",
        "    ──●──",
        "──●──    ",
        "    ●    ",
    ]
    assert strips(found[2:], 9, ASCII)[1] == "o        "  # one value has no axis
    assert "●" in lines([board()], 120, 20)[1].plain and "●" not in lines([board()], 100, 20)[1].plain


def test_bar_and_time_left_are_below_the_standings(clock: Clock) -> None:
    console = screen()
    display = Display(console)
    display.update(Progress([row("a")], done=1, total=101))
    clock.now = 100.0
    display.update(Progress([row("a", evaluations=105)], done=51, total=101))
    *_, bar, status = drawn(display, console)
    assert bar.split() == [bar.split()[0], "50", "%", "1", "min", "40", "s,", "1", "min", "40", "s", "left"]
    assert status == "1 evaluations/s"


def test_a_fitness_that_went_wild_spoils_no_other_figure() -> None:
    fitness = {"a": 0.0625, "b": 0.03125, "wild": -1.5e30, "failed": None}
    found = [Standing(label, 4, value) for label, value in fitness.items()]
    shown = [line.plain.split() for line in lines([Board("t", found)], 80, 20)[1:5]]
    assert [line[1:3] for line in shown] == [
        ["a", "0.0625"],
        ["b", "0.0312"],
        ["wild", "-1.50e+30"],
        ["failed", "failed"],
    ]


def test_a_label_is_shown_as_it_is_written() -> None:
    console = screen()
    display = Display(console)
    display.update(Progress([row("[red]a[/red]")]))
    display.event("dropped [bold]x")
    assert "[red]a[/red]" in drawn(display, console)[1] and "dropped [bold]x" in text_of(console)


def test_terminal_without_unicode_is_drawn_in_ascii() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    console = Console(file=file, force_terminal=True, width=120, height=30, legacy_windows=False)
    display = Display(console)
    display.update(Progress([row(LONG * 2, k / 10, seed=k) for k in range(10)]))
    console.print(display._draw())
    file.flush()
    shown = raw.getvalue().decode("ascii")
    assert ".." in shown and "--o--" in shown


def test_display_clears_its_table_and_leaves_events() -> None:
    console = screen()
    with Display(console) as display:
        display.update(Progress([row("a", 0.25)]))
        display.event("race: dropped b")
        display.say("scoring")
    written = text_of(console)
    assert "0.250" in written and "race: dropped b\n" in written and "scoring" in written
    assert written.rstrip().endswith("\x1b[2K")  # erases a line


@pytest.mark.parametrize("width", range(1, 14))
def test_cut_keeps_both_ends_of_a_label(width: int) -> None:
    found = cut("near=0.1:far", width)
    assert cell_len(found) == min(width, 12)
    assert width >= 12 or "near=0.1:far".startswith(found.split("…")[0])
    assert width >= 12 or "near=0.1:far".endswith(found.split("…")[1])


def test_duration_names_its_two_largest_units() -> None:
    found = [duration(seconds) for seconds in (0.4, 40, 59.6, 760, 3_599.4, 7_500, 360_000)]
    assert found == ["0 s", "40 s", "1 min 0 s", "12 min 40 s", "59 min 59 s", "2 h 5 min", "100 h 0 min"]


# --- what it costs ------------------------------------------------------------------------------------


@dataclass
class Counted:
    """Counts what goes through standings.rank."""

    tasks: list[str] = field(default_factory=list)

    def __call__(self, rows: list[dict[str, Any]], *more: Any) -> list[Standing]:
        self.tasks.append(rows[0]["task"])
        return rank(rows, *more)


def test_update_computes_no_standings_and_a_drawing_only_those_that_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Counted()
    monkeypatch.setattr(standings, "rank", counted)
    display = Display(screen())
    for generation in range(1_000):
        display.update(Progress([row("a", task=task, generation=generation) for task in "tu"]))
    assert counted.tasks == []
    display._draw()
    assert sorted(counted.tasks) == ["t", "u"]
    display._draw()
    assert len(counted.tasks) == 2
    display.update(Progress([row("a", task="u")]))
    display._draw()
    assert sorted(counted.tasks) == ["t", "u", "u"]


def test_rows_may_come_while_the_terminal_is_drawn() -> None:
    display = Display(screen())
    ended, failed = threading.Event(), []

    def draw() -> None:
        try:
            while not ended.is_set():
                display._draw()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=draw)
    thread.start()
    for k in range(300):
        display.update(Progress([row(f"g{k}", seed=s) for s in range(3)]))
    ended.set()
    thread.join()
    assert failed == []
    (found,) = display._standings()
    assert len(found.standings) == 300 and found.num_lineages == 3


# --- lines in place of a terminal ---------------------------------------------------------------------


def test_plain_lines_are_complete_and_fit(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    console = pipe()
    display = Display(console)
    rows = [row(f"{LONG}-{k}", k / 20, task=task, seed=s) for task in "tu" for k in range(20) for s in (0, 1)]
    display.update(Progress(rows, done=80, total=800))
    assert text_of(console) == ""
    clock.now = 60.0
    display.update(Progress([r | {"generation": 1} for r in rows], done=160, total=800))
    found = text_of(console).splitlines()
    assert len(found) == 2 and max(map(len, found)) <= 100
    for task, line in zip("tu", found, strict=True):
        pattern = (
            rf" 20 %  {task} generation 2: stats-prior:ga…\S+-19 0.950.* and \d+ more \(8 min 0 s left\)"
        )
        assert re.fullmatch(pattern, line)


def test_plain_lines_name_only_tasks_that_went_on(clock: Clock) -> None:
    console = pipe()
    display = Display(console)
    for seconds, task in ((60.0, "t"), (120.0, "u")):
        clock.now = seconds
        display.update(Progress([row("a", task=task)], done=round(seconds), total=200))
    assert [line.split()[2] for line in text_of(console).splitlines()] == ["t", "u"]


@pytest.mark.parametrize(("hours", "low", "high"), [(0.01, 1, 5), (1, 20, 40), (24, 100, 320)])
def test_plain_lines_are_few(hours: float, low: int, high: int, clock: Clock) -> None:
    console = pipe()
    display = Display(console)
    for k in range(10_000):
        clock.now = hours * 3600 * k / 10_000
        display.update(Progress([row("a", generation=k)], done=k + 1, total=10_000))
    found = text_of(console).splitlines()
    assert low <= len(found) <= high
    assert found[-2].startswith("100 %  t generation 10000: a 0.500 (") and found[-1].startswith("scoring on")


def test_events_and_steps_of_a_run_are_lines() -> None:
    console = pipe()
    with Display(console) as display:
        display.say("setting the gains")
        display.event("race: dropped b")
    assert text_of(console) == "setting the gains\nrace: dropped b\n"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_quiet_shows_warnings_alone(is_terminal: bool, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=80, quiet=True)
    with Display(console, quiet=True) as display:
        display.say("starting")
        display.update(Progress([row("a")], done=1, total=1))
        display.event("race: dropped b", out=("t", "b"))
        display.warn("Tracker 'wandb' failed")
    assert text_of(console) == "" and capsys.readouterr() == ("", "Tracker 'wandb' failed\n")


def test_warning_stays_above_a_live_table(capsys: pytest.CaptureFixture[str]) -> None:
    console = screen()
    with Display(console) as display:
        display.warn("Tracker 'wandb' failed")
    assert "Tracker 'wandb' failed\n" in text_of(console) and capsys.readouterr().err == ""
