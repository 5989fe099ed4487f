"""Facts: what the referee is told of a task, beside the scores of its genomes."""

from __future__ import annotations

from dataclasses import dataclass

from neuroevo.referee.entry import CONTROLS, Entry

BLIND = ("clock",)  # cores that sense nothing


@dataclass(frozen=True)
class TaskFacts:
    """What is known of a task.

    Attributes:
        unit: Unit of the score; may be empty.
        margin: Smallest difference of scores that matters; None where the request names none.
        maximum: The highest score that there can be; None where there is none, or it is not known.
        num_tasks: Tasks of the run, each of which may have a winner.
        has_targets: Whether right answers follow from what is sensed, as in a task of images. What senses
            nothing then answers all alike, so that beating it says nothing of a wiring.
        is_raced: Whether scores are those of fresh seeds, which confirm the survivors of a race.
    """

    unit: str = ""
    margin: float | None = None
    maximum: float | None = None
    num_tasks: int = 1
    has_targets: bool = False
    is_raced: bool = False

    def controls(self) -> list[str]:
        """Returns which controls say something on the task, in words, those of adapters first."""
        return ["no wiring", "frozen wiring", *([] if self.has_targets else ["a clock"])]

    def is_telling(self, entry: Entry) -> bool:
        """Says whether a genome is a control that says something on the task.

        Args:
            entry: The genome.
        """
        return entry.is_control and not (self.has_targets and entry.core in BLIND)

    def described(self, control: Entry) -> str:
        """Returns what a control is, for a sentence.

        Args:
            control: A genome that is one.
        """
        if self.is_telling(control):
            return CONTROLS[str(control.core)]
        return "which senses nothing and so answers all alike"
