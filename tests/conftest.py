"""What holds for all tests: one thread a process, and the whole suite on several processes.

The tensors of tests are small. Threads that share the work on one wait for each other in a loop, and take a
core from the processes that tests start. Tests of a file stay together, for they share what they set up; so
do those that disturb Ray's workers, for they want the cores to themselves.
"""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Ray's workers step back behind other programs; here these are other tests, and a test of Ray waits for them.
os.environ.setdefault("RAY_worker_niceness", "0")

MOST_PROCESSES = 4
ON_RAY = ("test_supervision", "test_ray_pool", "test_safety", "test_errors", "test_nodes")
# First, so that none is left over:
SLOW = (
    *ON_RAY,
    "test_readme",
    "test_study",
    "test_resume",
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
    items.sort(key=lambda item: SLOW.index(item.path.stem) if item.path.stem in SLOW else len(SLOW))
    for item in items:
        name = item.path.stem
        item.add_marker(pytest.mark.xdist_group("ray" if name in ON_RAY else name))
