"""Evidence made of a file of scores alone, for the referee to judge results of other programs.

What no row says is not known: there are no learning curves, no parameters and no wirings. A genome with one
graph is one wiring where others have several; where all have one, nothing in the file tells a wiring from
one draw of a prior, and whoever asks has to say it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neuroevo.errors import OptionError, unknown
from neuroevo.files import Row
from neuroevo.report.evidence import Evidence, GenomeEvidence, PriorFacts, TaskEvidence, compared
from neuroevo.report.scores_file import NAMED, Lineage, Name, ScoresFile
from neuroevo.rows import Manifest
from neuroevo.run_folder import Key
from neuroevo.text import conjoined, count

SCORES = ("score", "untrained_score", "tuned_score")  # columns whose sign is turned where lower is better
MAX_NAMED = 4  # things named in a note; the rest are counted
DIGITS = 12  # of a SHA-256 in a note


@dataclass(frozen=True)
class Question:
    """What is asked of a file of scores, beside what it says itself.

    Attributes:
        margins: Smallest differences that matter, by task.
        units: Units of scores, by task.
        controls: Labels of genomes that are controls.
        one_wiring: Labels of genomes that are one wiring, and no draw of a prior.
        lower_is_better: Labels of tasks whose lowest score is the best.
    """

    margins: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    controls: Sequence[str] = ()
    one_wiring: Sequence[str] = ()
    lower_is_better: Sequence[str] = ()


def evidence_of(file: ScoresFile, question: Question, command: str = "") -> Evidence:
    """Returns the evidence that a file of scores holds.

    Args:
        file: The file.
        question: What is asked of it.
        command: The command line, for the report; may be empty.

    Raises:
        OptionError: If the question names a genome that the file does not have, or one with several graphs
            as one wiring.
    """
    controls = dict(file.controls)
    _require_known("--controls", question.controls, file.genomes)
    controls |= {label: controls.get(label, NAMED) for label in question.controls}
    one_wiring = _one_wiring(file, question.one_wiring, controls)
    keys = file.keys()
    results = {keys[lineage]: row for lineage, row in file.rows.items()}
    for key, row in results.items():
        if key[0] in question.lower_is_better:
            row.update({name: -row[name] for name in SCORES if row.get(name) is not None})
    margins, units = {**file.margins, **question.margins}, {**file.units, **question.units}
    turned = {task: -1.0 if task in question.lower_is_better else 1.0 for task in file.tasks}
    floors, maxima = ({k: turned[k] * x for k, x in values.items()} for values in (file.floors, file.maxima))
    facts = {
        label: PriorFacts(
            name=label,
            options={},
            one_point=label in one_wiring,
            core=controls.get(label),
        )
        for label in file.genomes
    }
    genomes = _genomes(results, facts)
    tasks = {
        task: TaskEvidence(
            label=task,
            unit=units.get(task, ""),
            fitness_unit="",
            margin=margins.get(task),
            learning_from="fitness_centre",
            genomes=genomes[task],
            events=(),
            fixations={},
            favoured=None,
            floor=None if task not in floors else (floors[task], "as the file has it"),
            maximum=maxima.get(task),
        )
        for task in file.tasks
    }
    return Evidence(
        names=(file.name,),
        manifest=_manifest(file),
        config=_config(file, margins, controls, one_wiring, question.lower_is_better),
        commands=(command,) if command else (),
        tasks=tasks,
        planned=tuple(results),
        results=results,
        ended=(),
        notes=tuple(_notes(file, controls, one_wiring, question.lower_is_better)),
    )


def _genomes(
    results: Mapping[Key, Row], facts: Mapping[str, PriorFacts]
) -> dict[str, tuple[GenomeEvidence, ...]]:
    """Returns what there is of each genome, by task."""
    lineages: dict[str, dict[str, list[Key]]] = {}
    for key in results:
        lineages.setdefault(key[0], {}).setdefault(key[1], []).append(key)
    return {
        task: tuple(
            GenomeEvidence(
                label=label,
                lineages=(of_verdict := compared(of_task[label], results)),
                results={key: results[key] for key in of_verdict},
                tracks={},
                prior=prior,
                graphs=(),
            )
            for label, prior in facts.items()
            if label in of_task
        )
        for task, of_task in lineages.items()
    }


def _one_wiring(file: ScoresFile, named: Sequence[str], controls: Mapping[str, str]) -> set[str]:
    """Returns the genomes that are one wiring: those named, else those with one graph where that tells."""
    graphs: dict[str, set[Name]] = {}
    for _, genome, graph, _ in file.rows:
        graphs.setdefault(genome, set()).add(graph)
    single = {label for label, numbers in graphs.items() if len(numbers) == 1}
    _require_known("--one-wiring", named, file.genomes)
    if several := [label for label in named if label not in single]:
        number = len(graphs[several[0]])
        raise OptionError(
            f"--one-wiring names {several[0]}, which has {number:,} graphs in {file.name}; wanted "
            "genomes with one, or one name of a graph throughout."
        )
    if named:
        return {*named, *(single & controls.keys())}
    is_told = any(label not in single for label in graphs if label not in controls)
    return single if is_told else single & controls.keys()


def _require_known(option: str, labels: Sequence[str], genomes: Sequence[str]) -> None:
    """Raises OptionError for a label that the file does not have."""
    for label in labels:
        if label not in genomes:
            raise OptionError(unknown(f"genome in {option}", label, genomes))


def _manifest(file: ScoresFile) -> Manifest:
    """Returns the little that a file says of where its scores come from."""
    return {"data": {file.name: {"sha256": file.sha256}}}


def _config(
    file: ScoresFile,
    margins: Mapping[str, float],
    controls: Mapping[str, str],
    one_wiring: set[str],
    lower_is_better: Sequence[str],
) -> Row:
    """Returns the request that the report answers."""
    return {
        "scores": file.name,
        "sha256": file.sha256,
        "selection": "unknown",
        "seed": 0,
        "margin": [f"{task}={margin!r}" for task, margin in margins.items()],
        "controls": [label for label in file.genomes if label in controls],
        "one_wiring": [label for label in file.genomes if label in one_wiring],
        "lower_is_better": [task for task in file.tasks if task in lower_is_better],
    }


def _notes(
    file: ScoresFile, controls: Mapping[str, str], one_wiring: set[str], lower_is_better: Sequence[str]
) -> list[str]:
    """Returns what a reader of a judged file must know."""
    notes = [
        f"Scores are those of {file.name} (SHA-256 {file.sha256[:DIGITS]}), which another program wrote: how "
        "they came about, and whether the data were held out, is not known here."
    ]
    if turned := [task for task in file.tasks if task in lower_is_better]:
        notes.append(
            f"On {conjoined(turned)} the lowest score is the best: scores have their sign turned here, so "
            "that the highest is the best."
        )
    if wirings := [label for label in file.genomes if label in one_wiring and label not in controls]:
        notes.append(f"Taken for one wiring, with one graph in the file: {_some(wirings)}.")
    grids = _Grids.of(file)
    if not one_wiring - controls.keys() and (single := grids.single(controls)):
        notes.append(
            f"Of {conjoined(single)} there is one graph each, and the file does not say whether these are "
            "wirings to be told apart or draws of priors: of a prior draw more graphs; if all are single "
            f"wirings, say so: --one-wiring {' '.join(single)}."
        )
    notes += grids.gaps()
    if file.unread:
        notes.append(f"Columns that were not read: {_some(file.unread)}.")
    return notes


@dataclass(frozen=True)
class _Grids:
    """Which graphs and seeds there are, by task and genome."""

    lineages: Mapping[str, Mapping[str, Sequence[Lineage]]]

    @staticmethod
    def of(file: ScoresFile) -> _Grids:
        """Takes a file's lineages apart."""
        lineages: dict[str, dict[str, list[Lineage]]] = {}
        for lineage in file.rows:
            lineages.setdefault(lineage[0], {}).setdefault(lineage[1], []).append(lineage)
        return _Grids(lineages)

    def single(self, controls: Mapping[str, str]) -> list[str]:
        """Returns the genomes, but for controls, if all have one graph."""
        graphs: dict[str, set[Name]] = {}
        for of_task in self.lineages.values():
            for genome, lineages in of_task.items():
                if genome not in controls:
                    graphs.setdefault(genome, set()).update(graph for _, _, graph, _ in lineages)
        return list(graphs) if graphs and all(len(x) == 1 for x in graphs.values()) else []

    def gaps(self) -> list[str]:
        """Returns sentences on seeds that not all genomes of a task have, and on graphs that lack seeds."""
        sentences = []
        for task, genomes in self.lineages.items():
            seeds = {label: {key[3] for key in lineages} for label, lineages in genomes.items()}
            everywhere = set.intersection(*seeds.values())
            if any(own_seeds != everywhere for own_seeds in seeds.values()):
                numbers = [f"{label} {len(x):,}" for label, x in seeds.items()]
                sentences.append(
                    f"Seeds on {task}: {_some(numbers)}; {count(len(everywhere), 'seed')} in all genomes. "
                    "Two genomes are compared on the seeds that both have."
                )
            holes = {
                label: len({key[2] for key in lineages}) * len(seeds[label]) - len(lineages)
                for label, lineages in genomes.items()
            }
            if lacking := [
                f"{label} {number:,} of {number + len(genomes[label]):,}"
                for label, number in holes.items()
                if number
            ]:
                sentences.append(
                    f"Lineages on {task} that are not in the file, of all graphs by all seeds of the genome: "
                    f"{_some(lacking)}. A graph's mean is over the seeds that it has."
                )
        return sentences


def _some(items: Sequence[str]) -> str:
    """Returns the first few items, and how many more there are."""
    more = len(items) - MAX_NAMED
    return ", ".join(items[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
