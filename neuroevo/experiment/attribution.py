"""The request behind `run.py attribute`: the exact wiring, its null, and both with each part the other way.

Parts are kinds of connections, signs, weights, and classes of cells. A part that this wiring has not, or in
which a null model finds nothing to move, is left out with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from neuroevo.connectome.model import Connectome
from neuroevo.errors import ConnectomeError, OptionError, unknown
from neuroevo.experiment.config import UNTRAINED, Configuration
from neuroevo.plugins import PluginCall, Spec, priors
from neuroevo.referee.coincidence import fewest_graphs
from neuroevo.referee.entry import MIN_SEEDS
from neuroevo.report.attribution import EXACT, KINDS, PARTIAL, named
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.sampling import draw_one

SEEDS, GRAPHS = 5, 10  # where something evolves, unless others are given
COLUMNS = ("role", "class", "transmitter", "none")  # of cells, by which they have classes
NULL = "null"  # label of the wiring of which all parts are random
EDGES = {"chemical": "chemical", "gap": "electrical", "neuromuscular": "neuromuscular"}  # attributes
TRIES = 3  # drawings of a part that are all as measured: there is nothing to move


@dataclass(frozen=True)
class Parts:
    """The parts of a wiring.

    Attributes:
        kinds: Those that are an option of the prior each.
        classes: Classes of cells, by the name of the part.
        by: What the classes are, a value of the option `by` of the prior.
        left_out: Why other parts cannot be attributed to, by name: a clause each.
    """

    kinds: tuple[str, ...]
    classes: Mapping[str, str]
    by: str
    left_out: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """All parts that can be attributed to."""
        return (*self.kinds, *self.classes)


def request(
    config: Configuration, given: Mapping[str, object], names: Sequence[str] = (), by: str = COLUMNS[0]
) -> tuple[Configuration, dict[str, str]]:
    """Returns the request of a run that tells which parts of a wiring carry a score.

    Args:
        config: What was asked for, without genomes.
        given: The fields that were given; seeds, graphs and tuning have their own defaults here.
        names: The parts; none are all.
        by: What classes of cells are: their role, published class or transmitter; `none` has no classes.

    Returns:
        The request with its genomes, and why parts of the wiring are left out, by part.

    Raises:
        OptionError: If there are too few seeds or graphs, or a part is unknown.
        ConnectomeError: If a part that is asked for is not there, or there is nothing to attribute to.
    """
    config = _with_usual(config, given)
    for name, least in (("seeds", MIN_SEEDS), ("graphs", fewest_graphs())):
        value = getattr(config, name)
        if value < least:
            raise OptionError(
                f"Option {name!r} is {value}; wanted {least} or more, for with fewer the exact wiring cannot "
                "be told from its null."
            )
    if by not in COLUMNS:
        raise OptionError(unknown("column of cells", by, COLUMNS))
    wiring = config.wiring()
    parts = parts_of(wiring, by, config.seed)
    for name in names:
        if name in parts.left_out:
            raise ConnectomeError(f"Part {name!r} cannot be attributed to: {parts.left_out[name]}.")
        if name not in parts.names:
            raise OptionError(unknown(f"part of {wiring.name!r}", name, parts.names))
    chosen = [name for name in parts.names if not names or name in names]
    return replace(config, genome=tuple(genomes(parts, chosen))), dict(parts.left_out)


def _with_usual(config: Configuration, given: Mapping[str, object]) -> Configuration:
    """Returns a request with what attribution takes where nothing else was given."""
    usual: dict[str, Any] = {"seeds": SEEDS, "graphs": GRAPHS, "tuning": "off"}
    if given.get("generations") == 0:
        usual |= UNTRAINED
    return replace(config, **{name: value for name, value in usual.items() if name not in given})


def parts_of(wiring: Connectome, by: str, seed: int) -> Parts:
    """Returns the parts of a wiring that can be attributed to, and why others cannot.

    Args:
        wiring: The wiring, with its ports.
        by: What classes of cells are.
        seed: The run's seed: what a null model moves is tried out.

    Raises:
        ConnectomeError: If there are fewer than two parts, or the null keeps everything.
    """
    left_out: dict[str, str] = {}
    by, classes = _classes(wiring, by, left_out)
    if not _moves(wiring, _options((), by), seed):
        raise ConnectomeError(
            f"The null of {wiring.name!r} keeps everything: no other wiring has its degrees, and its signs "
            "and section counts are alike. Choose another connectome."
        )
    present = [kind for kind in KINDS if kind not in EDGES or len(getattr(wiring, EDGES[kind]))]
    kinds = []
    for kind, words in KINDS.items():
        if kind not in present:
            left_out[kind] = f"{wiring.name!r} has no {words}"
        elif _moves(wiring, _options([x for x in present if x != kind], by), seed):
            kinds.append(kind)
        else:
            left_out[kind] = f"{words} of {wiring.name!r} leave a null model nothing to change"
    gap = [kind for kind in kinds if kind == "gap"]
    for name, group in classes.items():
        if not _moves(wiring, _options(gap, by, cells=group), seed):
            left_out[name] = f"{named(by, group)} of {wiring.name!r} leave a null model nothing to change"
    classes = {name: group for name, group in classes.items() if name not in left_out}
    if len(classes) == 1 and not gap:
        left_out |= dict.fromkeys(classes, "these cells send all that the null changes")
        classes = {}
    if len(kinds) == 1:
        left_out[kinds[0]] = f"{KINDS[kinds[0]]} are all that the null changes"
        kinds = []
    if len(kinds) + len(classes) < 2:
        reasons = "; ".join(dict.fromkeys(left_out.values()))
        raise ConnectomeError(
            f"There is nothing to attribute in {wiring.name!r}: {reasons}. Wanted a wiring of two parts or "
            "more."
        )
    return Parts(tuple(kinds), classes, by, left_out)


def genomes(parts: Parts, chosen: Sequence[str]) -> list[str]:
    """Returns the genomes of a run: both ends, then knock-outs, then transplants.

    Of two parts the knock-out of one is the transplant of the other, and is there once.

    Args:
        parts: The parts of the wiring.
        chosen: Those that are asked for.
    """
    kinds, gap = parts.kinds, [kind for kind in parts.kinds if kind == "gap"]
    knockouts, transplants = {}, {}
    for name in chosen:
        if name in parts.classes:
            knockouts[f"no-{name}"] = _options(gap, parts.by, cells=parts.classes[name])
            transplants[f"only-{name}"] = _options((), parts.by, exact=parts.classes[name])
        else:
            knockouts[f"no-{name}"] = _options([kind for kind in kinds if kind != name], parts.by)
            transplants[f"only-{name}"] = _options([name], parts.by)
    specs: dict[tuple[tuple[str, str], ...], str] = {}
    for label, options in ({NULL: _options((), parts.by)} | knockouts | transplants).items():
        specs.setdefault(tuple(sorted(options.items())), str(Spec(label, PARTIAL, options)))
    return [EXACT, *specs.values()]


def _options(kinds: Sequence[str], by: str, **cells: str) -> dict[str, str]:
    """Returns options of the prior: kinds that are exact, what classes of cells are, and which are meant."""
    return dict.fromkeys(kinds, "keep") | ({} if by == "none" else {"by": by}) | cells


def _classes(wiring: Connectome, by: str, left_out: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Returns what classes of cells are, and those that send synapses, by the name of the part.

    What is left out is entered, with the reason.
    """
    if by == "none":
        return by, {}
    if wiring.is_undirected:
        left_out["cells"] = f"{wiring.name!r} is undirected: its connections are of no cell"
        return "none", {}
    columns = {"role": wiring.role, "class": wiring.cell_class, "transmitter": wiring.transmitter}
    sending = np.unique(np.concatenate([wiring.chemical.pre, wiring.neuromuscular.pre]))
    of_cells = [columns[by][cell] for cell in sending]
    if by == "transmitter":
        of_cells = [text.partition("+")[0].strip() or "unknown" for text in of_cells]
    groups = sorted(set(of_cells), key=of_cells.index)
    if len(groups) < 2:
        left_out["cells"] = f"all cells of {wiring.name!r} that send synapses are of one {by}"
        return "none", {}
    return by, {f"{by}-{group}" if group in KINDS else group: group for group in groups}


def _moves(wiring: Connectome, options: Mapping[str, str], seed: int) -> bool:
    """Says whether the prior with these options gives a wiring that is not the measured one."""
    (call,) = priors.calls([str(Spec(PARTIAL, PARTIAL, dict(options)))])
    exact = Architecture.of(wiring).content_hash
    return any(draw_one(wiring, call, k, seed).content_hash != exact for k in range(TRIES))


def stem(tasks: Mapping[str, PluginCall]) -> Path:
    """Returns the beginning of the run folder's name, runs/attribute-TASK, where none was given.

    Args:
        tasks: The tasks, by label.
    """
    names = "-".join(call.plugin.name for call in tasks.values())
    return Path("runs") / f"attribute-{''.join(c if c.isalnum() else '-' for c in names)}"[:60]
