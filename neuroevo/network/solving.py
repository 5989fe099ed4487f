"""What it takes to solve readouts: memory and arithmetic, known before anything is run.

Sums of products of features grow with the square of their number, and each genome has its own. So it is they
that say how many genomes are solved at once, and not the networks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DOUBLE = 8  # bytes of a float64, in which sums are taken
HELD = 2  # sums of products of features that a genome has: of those that are fitted, and of the others
SOLVING = 6  # arrays of that size beside them while they are solved, measured by `benchmarks.memory_estimate`
COPIES = 24  # bytes of a feature of a sample on its way to a sum: as read, side by side, in double precision
SOLVES = 2  # readouts fitted for a score: to choose the penalty, and with it
MOST_BYTES = 2**30  # of all readouts that are solved at once, where more than one has room


@dataclass(frozen=True)
class Size:
    """The numbers of a readout that its cost grows with.

    Attributes:
        features: F, numbers that it reads.
        targets: K, numbers that it says.
        at_once: Samples whose features are there at the same time.
    """

    features: int
    targets: int
    at_once: int

    @property
    def bytes(self) -> int:
        """Memory of one genome while its readout is fitted and solved."""
        sums = self.features * (self.features + self.targets) * DOUBLE
        return (HELD + SOLVING) * sums + COPIES * self.at_once * self.features

    def operations(self, samples: int) -> float:
        """Returns the multiplications and additions of a score, in round numbers.

        Args:
            samples: Samples that the readout is fitted to.
        """
        squares = float(self.features) ** 2
        return 2 * samples * squares + SOLVES * (10 * self.features * squares)


def genomes_at_once(sizes: Iterable[Size]) -> int:
    """Returns how many genomes are solved at once, at least 1.

    Args:
        sizes: Sizes of the readouts of all wirings; the largest counts.
    """
    return max(1, MOST_BYTES // max(size.bytes for size in sizes))
