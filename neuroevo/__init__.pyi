from . import errors
from .api import (
    Run,
    compare,
    connectomes,
    graph_statistics,
    join,
    judge,
    load_connectome,
    open_run,
    resume,
    run,
    sample,
    write_samples,
)
from .checks import check_prior, check_task
from .connectome.graphs import from_networkx, to_networkx
from .connectome.model import Connectome, Edges
from .network.blueprint import Blueprint
from .network.phenotype import Phenotype
from .network.policy import Policy
from .physics.recording import Recording
from .plugins import Spec, priors, tasks
from .task import Task
from .wiring.architecture import Architecture

__version__: str
__all__ = [
    "Architecture",
    "Blueprint",
    "Connectome",
    "Edges",
    "Phenotype",
    "Policy",
    "Recording",
    "Run",
    "Spec",
    "Task",
    "check_prior",
    "check_task",
    "compare",
    "connectomes",
    "errors",
    "from_networkx",
    "graph_statistics",
    "join",
    "judge",
    "load_connectome",
    "open_run",
    "priors",
    "resume",
    "run",
    "sample",
    "tasks",
    "to_networkx",
    "write_samples",
]
