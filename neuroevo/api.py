"""What a notebook or a script uses: connectomes, samples of priors, runs and what they leave behind.

Every function takes the words of the command line, and the command line is a thin layer over the same parts.
Where a prior or a task is wanted, its specification `[label=]name[:option=value,...]` can be given, or the
function or class itself; a class that stands in a notebook runs in this process (`workers=0`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from neuroevo.connectome import catalog
from neuroevo.connectome.model import Connectome
from neuroevo.connectome.reading import Reading
from neuroevo.errors import EvaluationError, OptionError, RunError, require_range, unknown
from neuroevo.experiment.config import Configuration
from neuroevo.plugins import PluginCall, Registry, priors, tasks
from neuroevo.report.model import plain
from neuroevo.rows import SCORED
from neuroevo.run_folder import RunFolder
from neuroevo.wiring import comparison, statistics
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.sampling import draw_one

if TYPE_CHECKING:
    import pandas as pd

    from neuroevo.experiment.execute import Outcome
    from neuroevo.experiment.request import Experiment
    from neuroevo.experiment.watcher import Progress, Watcher
    from neuroevo.network.policy import Policy
    from neuroevo.report.model import Report

RESUMABLE = ("workers", "address", "deadline")  # of a request: results do not depend on them
MORE = ("generations", "evaluations", "seeds", "graphs")  # of a request: what can be asked for later

Column = Literal["task", "genome", "graph", "seed"]  # of a row that names a lineage
Named = str | Callable[..., object]  # a specification, or the prior or task itself


def load_connectome(
    source: str | Path,
    *,
    inputs: str | None = None,
    outputs: str | None = None,
    columns: str | None = None,
    duplicates: str | None = None,
    autapses: str | None = None,
    min_weight: str | float | None = None,
    select: str | None = None,
    signs: str | None = None,
    seed: int = 0,
) -> Connectome:
    """Returns a connectome by name or from a file.

    Args:
        source: One of `connectomes()`, or a path; `connectome.catalog` lists the kinds of files.
        inputs: Cells that take input: roles, classes or names joined by `+`. By default the connectome's own.
        outputs: Cells that give output, in the same form. By default the connectome's own.
        columns: Columns of a file's tables, "pre=pre_root_id,weight=syn_count". By default told by headers.
        duplicates: "refuse", "sum" or "max", for edges that stand several times in a file.
        autapses: "refuse" or "drop", for edges from a cell to itself in a file.
        min_weight: Edges of a lower weight are left out.
        select: Cells by any column of the table of cells, "superclass=motor+descending,side=left".
        signs: Rule that gives cells their signs, of `connectome.signs`.
        seed: What signs are drawn with, where the rule draws them.

    Raises:
        OptionError: If one of these is not of its form.
        RegistryError: If there is no connectome of that name.
        ConnectomeError: If the file cannot be read or holds no wiring, or a cell is unknown.
        DataError: If the connectome has to be downloaded and cannot be.
    """
    least = None if min_weight is None else str(min_weight)
    reading = Reading.of(columns, duplicates, autapses, least, select, signs)
    return catalog.prepared(str(source), reading, inputs, outputs, seed)


def connectomes() -> dict[str, str]:
    """Returns a line about each connectome that has a name: bundled ones, then those fetched on first use."""
    return catalog.summaries()


def sample(prior: Named, connectome: Connectome | str, *, seed: int = 0, graph: int = 0) -> Architecture:
    """Returns one architecture of a prior.

    It is the wiring that a run with the same seed, and `run.py sample`, have as this graph of the prior. One
    of which no input reaches an output, where the connectome's do, is drawn again, and its notes say so; in a
    run that goes by the cells which its tasks feed and read.

    Args:
        prior: The prior.
        connectome: Source wiring, or its name.
        seed: Root of the seed tree, at least 0.
        graph: Number of the sample, at least 0.

    Raises:
        NeuroevoError: If the prior is unknown, or cannot be sampled on this connectome.
        EvaluationError: If the prior fails in a way of its own.
    """
    require_range("seed", seed, 0)
    require_range("graph", graph, 0)
    (call,) = _priors(prior)
    return draw_one(_connectome(connectome), call, graph, seed)


def write_samples(
    prior: Named | Sequence[Named],
    connectome: Connectome | str,
    out: str | Path,
    *,
    samples: int = 1,
    seed: int = 0,
) -> list[Path]:
    """Writes samples of priors as edge tables, which `load_connectome` reads.

    Args:
        prior: One prior or several.
        connectome: Source wiring, or its name.
        out: A folder that does not exist yet, for the tables `<genome>-<k>.csv`.
        samples: Samples of each prior, at least 1.
        seed: Root of the seed tree, at least 0.

    Returns:
        Paths of the tables.

    Raises:
        NeuroevoError: If a prior is unknown or cannot be sampled, or the folder exists or cannot be written.
    """
    from neuroevo.wiring import sampling

    require_range("samples", samples, 1)
    require_range("seed", seed, 0)
    calls = _priors(prior)
    return sampling.write_samples(_connectome(connectome), calls, samples, seed, Path(out))[0]


def graph_statistics(
    wiring: Connectome | Architecture, *, seed: int = 0, exact: bool = False
) -> dict[str, float | int | None]:
    """Returns the figures by which wirings are compared, by name; None where one is undefined.

    Args:
        wiring: A connectome or an architecture. All but the counts concerns the chemical synapses among its
            neurons.
        seed: Seed of the search for modules, and of cells that paths begin at.
        exact: Whether paths begin at every cell and modules are searched, whatever it takes; else of a large
            wiring the one is sampled, with its error, and the other left out.
    """
    position = wiring.position if isinstance(wiring, Connectome) else None
    return statistics.describe(wiring, position, seed=seed, exact=exact)


def compare(
    prior: Named | Sequence[Named],
    connectome: Connectome | str,
    *,
    samples: int = 20,
    seed: int = 0,
    exact: bool = False,
) -> pd.DataFrame:
    """Returns statistics of a connectome beside those of samples of priors.

    Args:
        prior: One prior or several.
        connectome: Source wiring, or its name.
        samples: Samples of each prior, at least 1.
        seed: Root of the seed tree, at least 0.
        exact: See `graph_statistics`.

    Returns:
        A row a figure. The columns are the connectome's value, and of every prior the mean, the standard
        deviation and the number of samples in which the figure is defined: ("source", "value"), (label,
        "mean"), (label, "std"), (label, "count").

    Raises:
        NeuroevoError: If a prior is unknown, or cannot be sampled on this connectome.
    """
    import pandas as pd

    require_range("samples", samples, 1)
    require_range("seed", seed, 0)
    calls = _priors(prior)
    figures = comparison.compare(_connectome(connectome), calls, samples, seed, exact=exact).figures
    columns: dict[tuple[str, str], Mapping[str, float | None]] = {("source", "value"): figures["source"]}
    for label, summary in figures["genomes"].items():
        for part in ("mean", "std", "count"):
            columns[label, part] = {name: value[part] for name, value in summary.items()}
    return pd.DataFrame(columns).apply(pd.to_numeric)


def run(
    *,
    genome: Named | Sequence[Named],
    task: Named | Sequence[Named],
    out: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    **options: object,
) -> Run:
    """Evolves every prior on every task, writes the run folder and its report, and returns the run.

    Args:
        genome: Priors.
        task: Tasks.
        out: The folder, which must not exist; by default runs/TASK-GENOME-N with the first N that is free.
        progress: Called after every generation of a shard; by default a notebook shows a bar in the cell, and
            a script shows nothing.
        options: Any other field of `experiment.config.Configuration`, which are the words of the command
            line: seeds, graphs, generations, population, connectome, neuron, adapter, search, workers (0
            computes in this process), seed, selection and so on.

    Returns:
        The run, at its end.

    Raises:
        NeuroevoError: If the request cannot be carried out; then nothing is written.
        EvaluationError: If the run failed, or a lineage could not be scored; its folder says why.
        KeyboardInterrupt: If it was interrupted; `resume` goes on with it.
    """
    from neuroevo.experiment import execute
    from neuroevo.experiment.request import resolve

    words = {"genome": _specs(genome, priors), "task": _specs(task, tasks), **options}
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in words.items() if v is not None}
    experiment = resolve(Configuration.of(plain, "the request"))
    if experiment.workers.number != 0:
        _require_importable(experiment)
    outcome = execute.run(experiment, out, watcher=_watcher(progress))
    _require_scored(outcome)
    return Run(outcome.folder.path)


def resume(
    path: str | Path,
    *,
    progress: Callable[[Progress], None] | None = None,
    trust: Sequence[str] = (),
    **changes: object,
) -> Run:
    """Goes on with a run that ended early, to the results that it would have had, and returns it.

    Args:
        path: Its folder. If the run is at its end, and no more is asked for, nothing is done.
        progress: Called after every generation of a shard; by default as in `run`.
        trust: Modules that the folder may have run, if it was not made by you on this machine.
        changes: Of the request, of what results do not depend on: `workers`, `address`, `deadline`; and of
            how much was asked for, `generations` or `evaluations`, `seeds`, `graphs`. With more of these the
            run, at its end or not, becomes what it would have been had they been asked for from the start.

    Returns:
        The run, at its end.

    Raises:
        RunError: If there is no such run, it is damaged, or another process is at it.
        OptionError: If anything else is to be changed, the run cannot be extended, or the folder names code
            that is not trusted; it says why.
        EvaluationError: If the run failed again.
        KeyboardInterrupt: If it was interrupted again.
    """
    from neuroevo.experiment import execute

    for name in changes:
        if name not in (*RESUMABLE, *MORE):
            raise OptionError(unknown("change of a run that is resumed", name, (*RESUMABLE, *MORE)))
    Configuration.of(changes, "the request")  # for their types
    _require_scored(execute.resume(path, changes, _watcher(progress), trust))
    return Run(path, trust)


def score(
    path: str | Path,
    *,
    progress: Callable[[Progress], None] | None = None,
    trust: Sequence[str] = (),
    **changes: object,
) -> Run:
    """Scores what of a run has no score, and returns the run.

    That is what could not be scored or was put off, and the lineages of a tournament that was stopped, as
    they are; `resume` can still go on with these.

    Args:
        path: Its folder. If all lineages have their results nothing is done.
        progress: Told of nothing but the beginning; by default as in `run`.
        trust: Modules that the folder may have run, if it was not made by you on this machine.
        changes: Of the request, of what results do not depend on: `workers`, `address`, `deadline`.

    Returns:
        The run, with its report.

    Raises:
        RunError: If there is no such run, it is damaged, or nothing of it can be scored yet.
        OptionError: If anything else is to be changed, or the folder names code that is not trusted.
        EvaluationError: If a lineage could not be scored.
        KeyboardInterrupt: If it was interrupted.
    """
    from neuroevo.experiment import execute

    for name in changes:
        if name not in RESUMABLE:
            raise OptionError(unknown("change of a run that is scored", name, RESUMABLE))
    _require_scored(execute.score(path, changes, _watcher(progress), trust))
    return Run(path, trust)


class Run:
    """A run folder, read as tables, a report and policies.

    Args:
        path: The folder that `run` or the command line wrote.
        trust: Modules that the folder may have run by `replay` and `champion`, if it was not made by you on
            this machine.

    Raises:
        RunError: If the folder is missing or is not a run folder.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: str | Path, trust: Sequence[str] = ()) -> None:
        self._folder = RunFolder.open(path)
        self._trust = tuple(trust)
        self.path = self._folder.path

    @property
    def status(self) -> str:
        """How the run ended: "done", "unscored", "failed" or "interrupted"; "running" until then."""
        return str(self._folder.manifest().get("status", "running"))

    def config(self) -> dict[str, object]:
        """Returns the resolved request, as config.toml holds it.

        Raises:
            RunError: If the file is damaged.
        """
        return dict(self._folder.config())

    def results(self) -> pd.DataFrame:
        """Returns a row a lineage, with its held-out score; nested columns are joined, `parameters.core`.

        Raises:
            RunError: If a complete line of results.jsonl is damaged.
        """
        return _table(self._folder.results())

    def metrics(self) -> pd.DataFrame:
        """Returns a row a lineage a generation: fitness, evaluations, seconds, failures.

        Raises:
            RunError: If a complete line of metrics.jsonl is damaged.
        """
        return _table(self._folder.metrics())

    def comparisons(self) -> pd.DataFrame:
        """Returns a row a pair of priors a task, with difference, interval, p values and verdict.

        Raises:
            RunError: If a record of the run is damaged.
        """
        tasks = self.report().tasks
        return _table(
            [{"task": task, **plain(pair)} for task, section in tasks.items() for pair in section.comparisons]
        )

    def report(self) -> Report:
        """Returns the verdict and all that report.json holds, made from the folder's records as they are now.

        `print` shows its sentences, and `to_json` gives it as plain types.

        Raises:
            RunError: If a record of the run is damaged.
        """
        from neuroevo.report.build import judge
        from neuroevo.report.evidence import gather

        return judge(gather([self._folder]))

    def replay(
        self,
        lineages: Sequence[str] = (),
        *,
        episode: int | None = None,
        seed: int | None = None,
        steps: int | None = None,
        out: str | Path | None = None,
    ) -> list[str]:
        """Shows what champions do, in pictures and films.

        Args:
            lineages: Names TASK/GENOME/GRAPH/SEED or beginnings of names, each for the best of those; by
                default the best of every task.
            episode: Held-out episode; by default a typical one.
            seed: Draws other starts from this seed; by default those of the score.
            steps: Control steps that are shown; by default all.
            out: A folder that does not exist yet; by default `replay` in the run's folder, which is replaced.

        Returns:
            What there is to say of them, in lines.

        Raises:
            NeuroevoError: If there is nothing to show, or it cannot be shown or written.
        """
        from neuroevo.report.replay.replay import replay
        from neuroevo.report.replay.rerun import Excerpt

        target = None if out is None else Path(out)
        return replay(self._folder, lineages, Excerpt(episode, seed, steps), target, self._trust)

    def champion(
        self,
        task: str | None = None,
        genome: str | None = None,
        *,
        graph: int | None = None,
        seed: int | None = None,
    ) -> Policy:
        """Returns the genome that answers for the best of some lineages, as a policy.

        Where the task says how (`task.Playable`), the policy takes a Gymnasium environment's observations
        and returns its actions; else it takes the task's sensors and returns its actuators.

        Args:
            task: Label of the task; by default all tasks, of which the run must then have one.
            genome: Label of the prior; by default the best of all.
            graph: Sample of the prior; by default the best of all.
            seed: Replicate; by default the best of all.

        Raises:
            RunError: If no lineage of these has a score, or its champion is damaged.
            OptionError: If the run has no such task, genome, graph or seed.
        """
        from neuroevo.report.replay.champions import policy

        rows = self._folder.results()
        asked: dict[Column, str | int | None] = {"task": task, "genome": genome, "graph": graph, "seed": seed}
        for column, wanted in asked.items():
            known = list(dict.fromkeys(str(row[column]) for row in rows))
            if wanted is not None and str(wanted) not in known:
                raise OptionError(unknown(f"{column} in {self.path}", str(wanted), known))
            rows = [row for row in rows if wanted is None or row[column] == wanted]
        labels = list(dict.fromkeys(row["task"] for row in rows))
        if len(labels) > 1:
            raise OptionError(f"{self.path} has the tasks {', '.join(labels)}; name one of them.")
        scored = [(s, row) for row in rows if row["status"] in SCORED and (s := row["score"]) is not None]
        if not scored:
            raise RunError(f"{self.path}: no lineage of these ended with a score; wanted one that did.")
        best = max(scored, key=lambda pair: pair[0])[1]
        return policy(self._folder, best, self._trust)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.status})"


def open_run(path: str | Path, *, trust: Sequence[str] = ()) -> Run:
    """Returns the run of a folder.

    Args:
        path: The folder.
        trust: Modules that the folder may have run by `Run.replay` and `Run.champion`, if it was not made by
            you on this machine.

    Raises:
        RunError: If the folder is missing or is not a run folder.
    """
    return Run(path, trust)


def join(runs: Sequence[Run | str | Path], out: str | Path) -> Report:
    """Reports several runs that answer one request as one.

    Args:
        runs: The runs, or their folders: of one request but for its genomes, graphs and seeds.
        out: A folder that does not exist yet, for report.html and all that lies beside it.

    Returns:
        The report.

    Raises:
        RunError: If a record is damaged, the runs do not belong together, or the folder cannot be written.
    """
    from neuroevo.report.write import write_report

    opened = [run if isinstance(run, Run) else Run(run) for run in runs]
    return write_report([RunFolder.open(run.path) for run in opened], Path(out))


def judge(
    scores: str | Path | pd.DataFrame,
    out: str | Path,
    *,
    margin: Sequence[str] = (),
    unit: Sequence[str] = (),
    controls: Sequence[str] = (),
    one_wiring: Sequence[str] = (),
    lower_is_better: Sequence[str] | None = None,
    author: str = "",
) -> Report:
    """Judges scores of any program by the referee's tests.

    Args:
        scores: A table with a row a lineage, in columns task, genome, graph, seed and score, or a file of it:
            CSV, TSV or JSON lines. A lineage that failed has no score.
        out: A folder that does not exist yet, for report.html and all that lies beside it.
        margin: Smallest differences that matter, each `X` for all tasks or `TASK=X`.
        unit: Units of the scores, each `X` for all tasks or `TASK=X`.
        controls: Genomes that are controls: no draws of a prior, and no winners.
        one_wiring: Genomes with one graph that are wirings, where every genome has one graph.
        lower_is_better: Tasks whose lowest score is the best; an empty sequence for all, None for no task.
        author: Who makes the report; may be empty.

    Returns:
        The report.

    Raises:
        OptionError: If what is asked for is wrong.
        RunError: If the scores are not as they should be, or the folder exists or cannot be written.
    """
    from tempfile import TemporaryDirectory

    from neuroevo.experiment import judging

    words = judging.Words(margin, unit, controls, one_wiring, lower_is_better)
    if isinstance(scores, str | Path):
        return judging.judge(scores, words, Path(out), f"neuroevo.judge({str(scores)!r})", author)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scores.csv"
        scores.to_csv(path, index=False)
        return judging.judge(path, words, Path(out), "neuroevo.judge(a table)", author)


def _require_scored(outcome: Outcome | None) -> None:
    """Raises EvaluationError if a lineage of a run that came to its end could not be scored."""
    if outcome is not None and outcome.problem:
        raise EvaluationError(outcome.problem)


def _watcher(progress: Callable[[Progress], None] | None) -> Watcher | None:
    """Returns who watches a run; None: nobody does."""
    from neuroevo.experiment.notebook import CellWatcher, FunctionWatcher, in_notebook

    if progress is not None:
        return FunctionWatcher(progress)
    return CellWatcher() if in_notebook() else None


def _require_importable(experiment: Experiment) -> None:
    """Raises OptionError if a worker in another process could not make a task."""
    for label, call in experiment.task_calls.items():
        if call.plugin.path.startswith("__main__:"):
            raise OptionError(
                f"Task {label!r} stands in a notebook or a script, where other processes cannot import it; "
                "use workers=0, or put it into a module."
            )


def _connectome(source: Connectome | str) -> Connectome:
    """Returns a connectome that may have been given by name."""
    return source if isinstance(source, Connectome) else catalog.load(source)


def _priors(given: Named | Sequence[Named]) -> list[PluginCall]:
    """Returns priors with all their options."""
    return list(priors.calls(_specs(given, priors)))


def _specs(given: Named | Sequence[Named], registry: Registry) -> list[str]:
    """Returns the specifications of one or several priors or tasks, which may have been given themselves."""
    several = [given] if isinstance(given, str) or callable(given) else list(given)
    return [_spec(one, registry) for one in several]


def _spec(one: Named, registry: Registry) -> str:
    """Returns the specification of a prior or task."""
    if isinstance(one, str):
        return one
    registered = (name for name in registry.names() if registry.get(name).target is one)
    return next(registered, f"{one.__module__}:{one.__qualname__}")


def _table(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Returns rows as a table; nested columns are joined by a dot."""
    import pandas as pd

    return pd.json_normalize([dict(row) for row in rows])
