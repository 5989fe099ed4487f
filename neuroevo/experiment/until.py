"""Until it is decided: a run that grows from look to look, as it was planned before its first evaluation.

The looks follow from the request and its budget alone (`referee.looks`). Each is an extension of the one
before, so that a run which ends at a look has the results of a request of that size. Whether another look is
taken depends on the scores of whole looks, and of a budget of time on the clock: nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from neuroevo.connectome.model import Connectome
from neuroevo.errors import OptionError
from neuroevo.experiment.config import UNTIL, Configuration
from neuroevo.plugins import PluginCall
from neuroevo.referee import looks as referee
from neuroevo.referee.entry import MIN_SEEDS
from neuroevo.referee.looks import Contest, Look
from neuroevo.text import count
from neuroevo.wiring import sampling

if TYPE_CHECKING:
    from neuroevo.experiment.request import Experiment

MOST_LINEAGES = 1_000_000  # of a budget: what a run can have at most
MOST_HOURS = 8_760.0  # of a budget: a year
FLAG = f"--until {UNTIL}"


@dataclass(frozen=True)
class Budget:
    """What a run until decided may take: lineages, or hours.

    Attributes:
        lineages: Lineages of its last look at most; None for a budget of time.
        hours: Time after which no look is begun, in h; None for a budget of lineages.
    """

    lineages: int | None
    hours: float | None

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Returns what a budget's text says.

        Args:
            text: A whole number of lineages, or hours such as "2h".

        Raises:
            OptionError: If it is neither, or out of range.
        """
        wanted = (
            f"wanted lineages, from 1 to {MOST_LINEAGES:,}, or hours such as 2h, up to {MOST_HOURS:,.0f}h."
        )
        match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(h?)", text.strip())
        if match is None:
            raise OptionError(f"Option 'budget' is {text!r}; {wanted}")
        value, is_time = float(match[1]), bool(match[2])
        is_good = 0 < value <= MOST_HOURS if is_time else 1 <= value <= MOST_LINEAGES and "." not in match[1]
        if not is_good:
            raise OptionError(f"Option 'budget' is {text!r}; {wanted}")
        return cls(None, value) if is_time else cls(int(value), None)


def check(config: Configuration, genomes: Sequence[PluginCall], margins: Mapping[str, float | None]) -> None:
    """Checks what a request asks for beside the sizes of its looks.

    Args:
        config: The request.
        genomes: Its priors.
        margins: Smallest difference that matters, by task.

    Raises:
        OptionError: If it asks for a budget alone, or for what cannot be decided look by look.
    """
    if config.until is None:
        if config.budget is not None:
            raise OptionError(
                f"Option 'budget' is {config.budget!r} without {FLAG}, whose limit it is; give both or none."
            )
        return
    if config.budget is None:
        raise OptionError(f"{FLAG} was given without a budget; give --budget, lineages or hours such as 2h.")
    Budget.parse(config.budget)
    if config.selection != "tournament":
        raise OptionError(
            f"{FLAG} was asked for with selection {config.selection!r}, which decides in its own way; use "
            "--selection tournament, or leave it out."
        )
    if config.scoring != "now":
        raise OptionError(f"{FLAG} was given with scoring 'later', and decides by scores; use --scoring now.")
    if len(genomes) < 2:
        raise OptionError(
            f"{FLAG} was given with one prior, {genomes[0].label}, which is compared with none; name two or "
            "more (--genome)."
        )
    bare = [label for label, margin in margins.items() if margin is None]
    if bare:
        raise OptionError(
            f"{FLAG} was given without a margin on {', '.join(bare)}, so that equal priors would never be "
            f"called so; give the smallest difference that matters, in the unit of the score: --margin "
            f"{bare[0]}=X."
        )
    if 1 < config.seeds < MIN_SEEDS:
        raise OptionError(
            f"Option 'seeds' is {config.seeds} with {FLAG}; a verdict takes {MIN_SEEDS}, and "
            f"{referee.FIRST_SEEDS}, then {referee.SEEDS} is the default."
        )


def planned(
    config: Configuration, connectome: Connectome, genomes: Sequence[PluginCall], num_tasks: int
) -> tuple[Look, ...]:
    """Returns the looks of a run; none unless it is to go on until it is decided.

    Args:
        config: The request; looks that it has been resolved to before are those of now.
        connectome: Source wiring, with its ports.
        genomes: Priors.
        num_tasks: Number of tasks.

    Raises:
        OptionError: If the budget or the graphs do not suffice for the first look, or what a file has for
            looks is no plan.
        NeuroevoError: If a prior cannot be sampled.
    """
    if config.until is None:
        return ()
    if config.looks is not None:
        return _read(config)
    contest, rivals = _contest(config, connectome, genomes, num_tasks)
    least = referee.least_graphs(rivals) if contest.families else 1
    graphs = least if config.graphs == 1 else config.graphs
    if graphs < least:
        raise OptionError(
            f"Option 'graphs' is {graphs} with {FLAG}, and the first look decides with {least} or more; "
            "leave it out, or give as many."
        )
    seeds = referee.SEEDS if config.seeds == 1 else config.seeds
    first = (referee.FIRST_SEEDS if config.seeds == 1 else seeds, graphs if contest.families else 1)
    budget = Budget.parse(str(config.budget))
    looks = referee.plan(contest, first, seeds, budget.lineages)
    if not looks:
        needs = contest.lineages(*first)
        raise OptionError(
            f"Option 'budget' is {config.budget} lineages, and the first look takes {needs:,} "
            f"({count(first[0], 'seed')}, {count(first[1], 'graph')} of a prior that has several, "
            f"{count(len(genomes), 'prior')}, {count(num_tasks, 'task')}); give that or more."
        )
    return looks


def at(config: Configuration, look: Look) -> Configuration:
    """Returns a request at one of its looks.

    Args:
        config: The resolved request.
        look: The look.
    """
    return replace(config, seeds=look.seeds, graphs=look.graphs)


def at_look(experiment: Experiment, look: Look) -> Experiment:
    """Returns an experiment at one of its looks.

    Args:
        experiment: The experiment.
        look: The look.
    """
    return replace(experiment, config=at(experiment.config, look))


def tables(looks: Sequence[Look]) -> tuple[Mapping[str, int | float], ...] | None:
    """Returns looks as config.toml holds them; None where there are none.

    Args:
        looks: The looks.
    """
    return tuple(asdict(look) for look in looks) or None


def _read(config: Configuration) -> tuple[Look, ...]:
    """Returns the looks of a request that was resolved before; raises OptionError if they are none."""
    try:
        looks = tuple(Look(**table) for table in config.looks or ())  # type: ignore[arg-type]
        sizes = [(look.seeds, look.graphs, look.lineages) for look in looks]
        is_good = (
            bool(looks)
            and all(type(x) is int and x > 0 for size in sizes for x in size)
            and referee.are_spent(looks)
        )
    except TypeError:
        is_good = False
    if not is_good:
        raise OptionError(
            "Key 'looks' is no plan of looks (each with seeds, graphs, lineages and level, which together "
            "spend what there is); leave it out to have it made anew."
        )
    return looks


def _contest(
    config: Configuration, connectome: Connectome, genomes: Sequence[PluginCall], num_tasks: int
) -> tuple[Contest, int]:
    """Returns what lineages are counted by, and how many families one wiring may be held against."""
    draws = [sampling.sample(connectome, call, 2, config.seed) for call in genomes]
    families = [drawn for drawn in draws if not drawn.one_point]
    rivals = len(families) if any(drawn.one_point for drawn in draws) else 0
    return Contest(len(draws) - len(families), len(families), num_tasks), rivals
