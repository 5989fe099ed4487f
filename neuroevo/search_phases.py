"""How a lineage searches: with which method, how many genomes, for how long, in one phase or two."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from neuroevo.search_options import Method, Pgpe


@dataclass(frozen=True)
class Phase:
    """Consecutive generations that one method searches.

    Attributes:
        method: `Pgpe`, `Es`, `Ga` or `Cem`.
        is_pretraining: Whether it is the first of two phases, see `coordinates`.
        first: Its first generation.
        end: The generation after its last.
        population: P.
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
        generations: Length of the search. The first is of untrained genomes.
        method: Search method and its options.
        pretraining: Generations of the first of two phases; 0: there is one phase.
    """

    population: int = 64
    generations: int = 50
    method: Method = field(default_factory=Pgpe)
    pretraining: int = 0

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
        """Returns the phase that a generation belongs to; beyond the end, the last."""
        return next((p for p in self.phases if generation < p.end), self.phases[-1])

    @property
    def populations(self) -> tuple[int, int]:
        """The largest and the smallest population of a phase."""
        sizes = [phase.population for phase in self.phases]
        return max(sizes), min(sizes)

    def evaluations(self, generations: int | None = None) -> int:
        """Returns what a lineage evaluates in its first generations; None: in all of them.

        A generation costs its population and the search's centre.
        """
        until = self.generations if generations is None else generations
        return sum((p.population + 1) * max(0, min(p.end, until) - p.first) for p in self.phases)
