"""Budgets: how many generations of how many genomes a lineage gets, and how phases share them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from neuroevo.errors import OptionError, require_range, unknown
from neuroevo.search_options import Method

NEEDED = ("generations", "population")
KEYS = (*NEEDED, "pretraining")  # of a table [budgets.TASK]


@dataclass(frozen=True)
class Wish:
    """What a request says of the budget; None: nothing.

    Attributes:
        generations: Generations.
        population: Genomes of a generation.
        evaluations: Of a lineage, in place of generations.
        keeps_pretraining: Whether pretraining is as in the file: nothing that it depends on was given anew.
    """

    generations: int | None
    population: int | None
    evaluations: int | None
    keeps_pretraining: bool


def resolve(
    label: str,
    wish: Wish,
    filed: Mapping[str, int],
    usual: Mapping[str, int],
    method: Method,
    has_pretraining: bool,
) -> dict[str, int]:
    """Returns a task's budget: as given, else as in the file, else the task's own.

    Args:
        label: Of the task.
        wish: What is given.
        filed: The file's table of this task.
        usual: The task's own generations and population.
        method: How it is searched.
        has_pretraining: Whether there is a first phase.

    Returns:
        `generations`, `population` and, where there is a first phase, `pretraining`, its generations.

    Raises:
        OptionError: If a number is out of range, or what is given is too little for two generations.
    """
    for key in filed:
        if key not in KEYS:
            raise OptionError(unknown(f"key in [budgets.{label}]", key, KEYS))
    plain = {key: filed.get(key, usual[key]) for key in NEEDED}
    population = plain["population"] if wish.population is None else wish.population
    name = "population" if wish.population is not None else f"{label}: population"
    method.check_population(name, population)
    if wish.evaluations is not None:
        return _afford(label, wish.evaluations, population, method, has_pretraining)
    generations = plain["generations"] if wish.generations is None else wish.generations
    require_range(f"{label}: generations", generations, 1)
    found = {"generations": generations, "population": population}
    if not has_pretraining:
        return found
    require_range(f"{label}: generations of two phases", generations, 2)
    pretraining = max(1, min(generations - 1, round(method.share * generations)))
    if wish.keeps_pretraining and "pretraining" in filed:
        pretraining = filed["pretraining"]
        require_range(f"{label}: pretraining", pretraining, 1, generations - 1)
    return {**found, "pretraining": pretraining}


def _afford(
    label: str, evaluations: int, population: int, method: Method, has_pretraining: bool
) -> dict[str, int]:
    """Returns as many whole generations as fit; each costs its population and the search's centre."""
    cost, first_cost, first = population + 1, method.pretraining_population_of(population) + 1, 0
    if has_pretraining:
        first = math.floor(method.share * evaluations / first_cost)
    second = (evaluations - first * first_cost) // cost
    if has_pretraining and (first < 1 or second < 1):
        least = max(math.ceil(first_cost / method.share), math.ceil(cost / (1 - method.share)))
        raise OptionError(
            f"Option 'evaluations' is {evaluations}; {label} wants at least {least}, for a generation of each"
            f" phase: of {first_cost} evaluations in a share of {method.share:g}, then of {cost}."
        )
    if first + second < 2:
        raise OptionError(
            f"Option 'evaluations' is {evaluations}; {label} wants at least {2 * cost}, for two generations "
            f"of {cost} evaluations: a population of {population} and the search's centre."
        )
    found = {"generations": first + second, "population": population}
    return {**found, "pretraining": first} if has_pretraining else found
