"""Signs of cells: rules by name that tell from a transmitter whether a cell excites or inhibits.

| rule | inhibit | make no synapse | all others excite |
|---|---|---|---|
| `worm` | GABA | | |
| `shiu2024` | GABA, glutamate, histamine | | |
| `monoamine-zero` | GABA, glutamate, histamine | dopamine, octopamine, serotonin, tyramine | |

In the worm glutamate mostly excites; in a fly glutamate-gated chloride channels make it inhibit (Liu &
Wilson 2013), and photoreceptors inhibit by histamine. Monoamines act slowly, so that some leave their fast
synapses out. Shiu et al. have no histamine, which photoreceptors inhibit by: both rules of the fly count it
in. `column` takes the column `sign` alone; `free` draws the signs of half the cells as inhibiting and lets
evolution change any; `ratio=0.7` draws cells of which that share excites. Cells without a known transmitter
excite, and are told with their number.

References:
    Shiu et al. (2024), A Drosophila computational brain model reveals sensorimotor processing, Nature 634.
    Liu & Wilson (2013), Glutamate is an inhibitory neurotransmitter in the Drosophila olfactory system,
    PNAS 110, https://doi.org/10.1073/pnas.1220560110
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.connectome.reading import Reading
from neuroevo.errors import ConnectomeError, OptionError, unknown
from neuroevo.seeds import generator
from neuroevo.text import conjoined, count

_FAST = {"gaba": -1, "glutamate": -1, "histamine": -1}
_SLOW = dict.fromkeys(("dopamine", "octopamine", "serotonin", "tyramine"), 0)
RULES: Mapping[str, Mapping[str, int]] = {
    "worm": {"gaba": -1},
    "shiu2024": _FAST,
    "monoamine-zero": {**_FAST, **_SLOW},
}
COLUMN, FREE, RATIO = "column", "free", "ratio"
NAMES = (*RULES, COLUMN, FREE, f"{RATIO}=SHARE")
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "acetylcholine": ("ach", "cholinergic", "acetylcholine"),
    "gaba": ("gaba", "gabaergic"),
    "glutamate": ("glut", "glu", "glutamatergic", "glutamate"),
    "dopamine": ("da", "dop", "dopaminergic", "dopamine"),
    "serotonin": ("ser", "5-ht", "5ht", "serotonergic", "serotonin"),
    "octopamine": ("oct", "oa", "octopaminergic", "octopamine"),
    "histamine": ("his", "hist", "ha", "histaminergic", "histamine"),
    "tyramine": ("tyr", "ta", "tyraminergic", "tyramine"),
}
_KNOWN = {spelling: name for name, spellings in SPELLINGS.items() for spelling in spellings}
MOST_NAMED = 6


def transmitter_of(text: str) -> str:
    """Returns the name of a main transmitter, in small letters; what is not known stays as it is written.

    Args:
        text: Transmitters joined by "+", the main one first.
    """
    main = text.partition("+")[0].strip().lower()
    return _KNOWN.get(main, main)


def require(rule: str | None) -> None:
    """Makes sure that there is a rule of a name.

    Args:
        rule: Its name; None is no wish.

    Raises:
        OptionError: If there is none.
    """
    if rule is None or rule in (*RULES, COLUMN, FREE):
        return
    share = _share(rule)
    if share is None:
        raise OptionError(unknown("rule in 'signs'", rule, NAMES))
    if not 0 <= share <= 1:
        raise OptionError(f"Option 'signs' is {rule!r}; wanted a share of exciting cells, from 0 to 1.")


def of_cells(
    name: str, said: np.ndarray, transmitter: Sequence[str], makes: np.ndarray, reading: Reading
) -> tuple[np.ndarray, str]:
    """Returns signs of cells as a file gives them, by rules that agree where it has transmitters alone.

    Args:
        name: Name of the wiring.
        said: Signs that the file states, int8 [N]; 0 where it states none.
        transmitter: Transmitters of the N cells.
        makes: Cells that make synapses, bool [N].
        reading: A rule that the user names is applied later, by `with_signs`.

    Returns:
        int8 [N] of +1 and -1, and a sentence on where they come from.

    Raises:
        ConnectomeError: If signs are to be those of a column that the file has not, or rules differ on a
            transmitter and none is named.
    """
    require(reading.signs)
    open_ = makes & (said == 0)
    if reading.signs == COLUMN and open_.any():
        raise ConnectomeError(
            f"{name}: {count(int(open_.sum()), 'cell')} that make synapses have no sign, and signs are to be "
            "those of a column; add a column sign, to edges or to cells, or name another rule: --signs."
        )
    tables = [_by_rule(transmitter, rule) for rule in RULES]
    if reading.signs is None and open_.any():
        differs = open_ & np.any([table != tables[0] for table in tables], axis=0)
        if differs.any():
            raise ConnectomeError(
                f"{name}: rules differ on {_named(transmitter, differs)}, and nothing says which holds; name "
                f"one: --signs {' or '.join(RULES)}, or give a column sign."
            )
    sign = np.where(said != 0, said, np.where(tables[0] == 0, 1, tables[0])).astype(np.int8)
    has_some = any(transmitter[i] for i in np.flatnonzero(open_).tolist())
    if open_.any() and not has_some and not said[makes].any():
        return sign, (
            "Signs are not known: every synapse excites. Other choices: --signs free, --signs ratio=0.7."
        )
    parts = ["are stated"] if said[makes].any() else []
    parts += ["follow from transmitters, on which rules agree"] if has_some else []
    sentence = f"Signs {', or '.join(parts) or 'are stated'}: {_counts(sign, makes)}"
    return sign, f"{sentence}{_strange(transmitter, open_)}."


def with_signs(connectome: Connectome, rule: str | None, seed: int) -> Connectome:
    """Returns a wiring whose cells have their signs by a rule.

    Cells of sign 0 make no synapses: theirs are left out, with their number in the account.

    Args:
        connectome: The wiring.
        rule: Name of the rule; None and "column" leave signs as they are.
        seed: What signs are drawn with, where the rule draws them.

    Raises:
        OptionError: If there is no such rule.
        ConnectomeError: If the rule goes by transmitters, and none is known or no synapse would be left.
    """
    require(rule)
    if rule is None or rule == COLUMN:
        return connectome
    makes = np.zeros(connectome.num_cells, bool)
    for edges in (connectome.chemical, connectome.neuromuscular):
        makes[edges.pre] = True
    if rule not in RULES:
        return _drawn(connectome, rule, makes, seed)
    known = [transmitter_of(text) for text in connectome.transmitter]
    if not any(known):
        raise ConnectomeError(
            f"{connectome.name} has no transmitters, from which --signs {rule} tells signs; wanted a column "
            "of them, or --signs free or ratio=0.7."
        )
    sign = _by_rule(connectome.transmitter, rule)
    is_mute = makes & (sign == 0)
    wiring = connectome
    removed = 0
    if is_mute.any():
        chemical, neuromuscular = (_without(e, is_mute) for e in (wiring.chemical, wiring.neuromuscular))
        removed = len(wiring.chemical) + len(wiring.neuromuscular) - len(chemical) - len(neuromuscular)
        wiring = replace(wiring, chemical=chemical, neuromuscular=neuromuscular)
        if not (len(chemical) or len(neuromuscular)):
            raise ConnectomeError(
                f"{connectome.name}: --signs {rule} leaves no synapse; wanted another rule."
            )
    sentence = f"Signs are those of the rule {rule}: {_counts(sign, makes)}{_strange(known, makes)}"
    wiring = replace(wiring, sign=np.where(sign == 0, 1, sign))
    lost = {f"synapses of cells of sign 0 ({rule})": removed} if removed else {}
    return wiring.accounted(lost, f"{sentence}.")


def _drawn(connectome: Connectome, rule: str, makes: np.ndarray, seed: int) -> Connectome:
    """Returns a wiring whose cells have signs that are drawn."""
    share = 0.5 if rule == FREE else _share(rule)
    assert share is not None  # `require` has seen to it
    sign = np.where(generator(seed, "signs of cells").random(connectome.num_cells) < share, 1, -1)
    sentence = f"Signs are drawn by the run's seed, {share:.0%} of the cells exciting: {_counts(sign, makes)}"
    if rule == FREE:
        sentence += "; evolution may change the sign of any synapse"
    drawn = replace(connectome, sign=sign, has_free_signs=rule == FREE)
    return drawn.accounted(signs=f"{sentence}.")


def _by_rule(transmitter: Sequence[str], rule: str) -> np.ndarray:
    """Returns the sign that a rule gives each cell, int8 [N]."""
    table = RULES[rule]
    of_text = {text: table.get(transmitter_of(text), 1) for text in set(transmitter)}
    return np.array([of_text[text] for text in transmitter], np.int8)


def _share(rule: str) -> float | None:
    """Returns the share in "ratio=0.7"; None if it is no such rule."""
    match = re.fullmatch(rf"{RATIO}=([0-9.eE+-]+)", rule)
    try:
        return float(match[1]) if match else None
    except ValueError:
        return None


def _without(edges: Edges, is_mute: np.ndarray) -> Edges:
    """Returns the edges that mute cells do not make."""
    stays = ~is_mute[edges.pre]
    return Edges(edges.pre[stays], edges.post[stays], edges.weight[stays])


def _counts(sign: np.ndarray, makes: np.ndarray) -> str:
    """Returns how many cells that make synapses have which sign."""
    words = {1: "excite", -1: "inhibit", 0: "make no synapse"}
    numbers = Counter(sign[makes].tolist())
    return ", ".join(f"{numbers[k]:,} cells {words[k]}" for k in (1, -1, 0) if numbers[k])


def _strange(transmitter: Sequence[str], mask: np.ndarray) -> str:
    """Returns how many of some cells have no known transmitter, and excite for that; "" if none has."""
    strange = mask & np.array([transmitter_of(text) not in SPELLINGS for text in transmitter], bool)
    if not strange.any():
        return ""
    cells = count(int(strange.sum()), "cell")
    return f"; {cells} of no known transmitter excite ({_named(transmitter, strange)})"


def _named(transmitter: Sequence[str], mask: np.ndarray) -> str:
    """Returns the transmitters of some cells, with their number, the most frequent first."""
    numbers = Counter(
        transmitter[i].partition("+")[0].strip() or "none stated" for i in np.flatnonzero(mask).tolist()
    )
    texts = [f"{name} ({number:,})" for name, number in numbers.most_common(MOST_NAMED)]
    return conjoined([*texts, *([f"{len(numbers) - MOST_NAMED} more"] if len(numbers) > MOST_NAMED else [])])
