"""What is the circuit's, and what its map onto the body's: verdicts where muscles of the wiring drive a body.

Which muscle a neuron drives is a part of the wiring that a null model rewires like all others. A wiring that
is ahead of nulls without its map is not shown to be ahead for what lies behind the map.
"""

from __future__ import annotations

from collections.abc import Sequence

from neuroevo.referee.entry import Entry
from neuroevo.referee.outcome import Comparison
from neuroevo.text import conjoined

REMEDY = "neuromuscular=keep"
CAUTION = "all that it beats have the map onto the body rewired, so that the win may be the map's"


def is_perhaps_map(label: str | None, scored: Sequence[Entry]) -> bool:
    """Says whether what puts a genome ahead may be its map onto the body alone, since no other one has it.

    Args:
        label: Label of the genome; None for no genome.
        scored: Genomes that have scores, it among them.
    """
    best = next((entry for entry in scored if entry.label == label), None)
    rivals = _rivals(best, scored) if best else []
    return bool(best and best.keeps_map and rivals) and not any(entry.keeps_map for entry in rivals)


def reasons(
    best: Entry | None, scored: Sequence[Entry], comparisons: Sequence[Comparison], wins: bool = False
) -> list[str]:
    """Returns what the maps of the others say of the genome that is ahead; nothing where they say nothing.

    Args:
        best: The leading genome that is no control; None if there is none.
        scored: Genomes that have scores.
        comparisons: Those of all pairs of them.
        wins: Whether it wins the task, and thereby beats every other one.
    """
    rivals = _rivals(best, scored) if best else []
    rewired = [entry.label for entry in rivals if not entry.keeps_map]
    if best is None or not best.keeps_map or not rewired:
        return []
    keeping = [entry.label for entry in rivals if entry.keeps_map]
    if not keeping:
        return [
            f"The map onto the body is rewired in {conjoined(rewired)}, and {best.label} has it: whether "
            f"circuit or map puts it ahead cannot be told. Add nulls with {REMEDY}."
        ]
    rows = [row for row in comparisons if row.concerns(best.label)]
    beaten = {row.facing(best.label).b for row in rows if wins or row.finds_better(best.label)}
    losing = [label for label in keeping if label in beaten]
    if len(losing) == len(keeping):
        return [
            f"{best.label} beats those that have its map onto the body too ({conjoined(keeping)}): more than "
            "the map is shown."
        ]
    lesser = [label for label in rewired if label in beaten]
    if lesser and not losing:
        return [
            f"{best.label} beats wirings whose map onto the body is rewired ({conjoined(lesser)}), and none "
            f"that has the map ({conjoined(keeping)}): what is shown is the map, not the circuit behind it."
        ]
    if losing:
        rest = [label for label in keeping if label not in beaten]
        return [
            f"Of those that have its map onto the body, {best.label} beats {conjoined(losing)}, and not "
            f"{conjoined(rest)}."
        ]
    return []


def _rivals(best: Entry, scored: Sequence[Entry]) -> list[Entry]:
    """Returns the other genomes whose wiring evolves and of whose map something is known."""
    others = [entry for entry in scored if entry.label != best.label and not entry.is_control]
    return [entry for entry in others if entry.keeps_map is not None]
