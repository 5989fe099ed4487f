"""How a lineage searches: with which method, how many genomes, for how long, in one phase or two.

`Settings` is what a search is given; `resolve` works it out from what a request and a task ask for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from neuroevo.errors import OptionError, require_range, unknown
from neuroevo.search.methods import Method, Pgpe
from neuroevo.task import NEEDED

KEYS = (*NEEDED, "pretraining")  # of a table [budgets.TASK]


@dataclass(frozen=True)
class Phase:
    """Consecutive generations that one method searches.

    Attributes:
        method: `Pgpe`, `Es`, `Ga` or `Cem`.
        is_pretraining: Whether it is the first of two phases, see `coordinates`.
        first: Its first generation, counted from zero.
        end: The generation after its last.
        population: P, genomes of a generation.
    """

    method: Method
    is_pretraining: bool
    first: int
    end: int
    population: int


@dataclass(frozen=True)
class Settings:
    """How a lineage searches.

    Attributes:
        population: P, genomes of a generation.
        generations: Length of the search. The first is of untrained genomes; 0: nothing evolves.
        method: Search method and its options.
        pretraining: Generations of the first of two phases; 0: there is one phase.
        target: Fitness of its centre with which a lineage ends; None: it has all its generations.
    """

    population: int = 64
    generations: int = 50
    method: Method = field(default_factory=Pgpe)
    pretraining: int = 0
    target: float | None = None

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """One phase or two, in order."""
        first, second = self.method.phases
        early = self.method.pretraining_population_of(self.population)
        parts = (
            Phase(first, True, 0, self.pretraining, early),
            Phase(second, False, self.pretraining, self.generations, self.population),
        )
        return parts if self.pretraining else parts[1:]

    def phase(self, generation: int) -> Phase:
        """Returns the phase that a generation belongs to; beyond the end, the last.

        Args:
            generation: Counted from zero.
        """
        return next((p for p in self.phases if generation < p.end), self.phases[-1])

    @property
    def populations(self) -> tuple[int, int]:
        """The largest and the smallest population of a phase."""
        sizes = [phase.population for phase in self.phases]
        return max(sizes), min(sizes)

    def evaluations(self, generations: int | None = None) -> int:
        """Returns how many genomes a lineage evaluates: a generation costs its population and its centre.

        Args:
            generations: How many generations, from the first on, are counted; None counts all.
        """
        until = self.generations if generations is None else generations
        return sum((p.population + 1) * max(0, min(p.end, until) - p.first) for p in self.phases)


@dataclass(frozen=True)
class Wish:
    """What a request says of the budget; a number that it does not give is None.

    Attributes:
        generations: Generations of a lineage.
        population: Genomes of a generation.
        evaluations: Evaluations of a lineage, in place of generations.
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
        label: The task's label, for errors.
        wish: What is given.
        filed: The file's table of this task.
        usual: The task's own generations and population.
        method: How the task is searched.
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
    require_range(f"{label}: generations", generations, 0)
    budget = {"generations": generations, "population": population}
    if not has_pretraining:
        return budget
    require_range(f"{label}: generations of two phases", generations, 2)
    pretraining = max(1, min(generations - 1, round(method.share * generations)))
    if wish.keeps_pretraining and "pretraining" in filed:
        pretraining = filed["pretraining"]
        require_range(f"{label}: pretraining", pretraining, 1, generations - 1)
    return {**budget, "pretraining": pretraining}


def _afford(
    label: str, evaluations: int, population: int, method: Method, has_pretraining: bool
) -> dict[str, int]:
    """Returns the budget of as many whole generations as fit; each costs its population and its centre."""
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
    budget = {"generations": first + second, "population": population}
    return {**budget, "pretraining": first} if has_pretraining else budget
