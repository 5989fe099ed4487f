"""What holds for all tests: one thread a process, and the whole suite on several processes.

The tensors of tests are small. Threads that share the work on one wait for each other in a loop, and take a
core from the processes that tests start. Tests of a file stay together, for they share what they set up; so
do those of Ray, which share its workers.
"""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Ray's workers step back behind other programs; here these are other tests, and a test of Ray waits for them.
os.environ.setdefault("RAY_worker_niceness", "0")

HERE = Path(__file__).parent
MOST_PROCESSES = 4
ON_RAY = ("workers/test_ray_pool", "workers/test_supervision", "workers/test_nodes", "test_safety")
# First, so that none is left over while another process has nothing to do:
SLOW = (
    *ON_RAY,
    "experiment/test_study",
    "test_readme",
    "experiment/test_resume",
    "populations/test_swap_priors",
    "populations/test_priors",
    "experiment/test_trackers",
    "cli/test_commands",
    "test_hostile",
)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Returns the processes of `-n auto`: none for chosen files, for each process takes seconds to start."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return 0
    config.option.dist, config.option.loadscopereorder = "loadgroup", False
    return min(os.cpu_count() or 1, MOST_PROCESSES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts slow files first, and says which tests stay together."""
    names = {item: item.path.relative_to(HERE).with_suffix("").as_posix() for item in items}
    items.sort(key=lambda item: SLOW.index(names[item]) if names[item] in SLOW else len(SLOW))
    for item in items:
        item.add_marker(pytest.mark.xdist_group("ray" if names[item] in ON_RAY else names[item]))
