"""What holds for all tests: one thread a process, and the whole suite on several processes.

The tensors of tests are small. Threads that share the work on one wait for each other in a loop, and take a
core from the processes that tests start. Tests of a file stay together, for they share what they set up; so
do those of Ray, which share its workers.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Ray's workers step back behind other programs; here these are other tests, and a test of Ray waits for them.
os.environ.setdefault("RAY_worker_niceness", "0")

HERE = Path(__file__).parent
MOST_PROCESSES = 4
ON_RAY = (  # the last ends Ray, for a cluster of its own
    "workers/test_ray_pool",
    "workers/test_supervision",
    "workers/test_nodes",
    "workers/test_scoring_faults",
    "test_safety",
    "workers/test_tokens",
)
# First, so that none is left over while another process has nothing to do:
SLOW = (
    *ON_RAY,
    "experiment/test_study",
    "test_finder",
    "test_readme",
    "experiment/test_extension",
    "experiment/test_torn_rows",
    "experiment/test_scoring",
    "experiment/test_resume",
    "referee/test_calibration",
    "populations/test_swap_priors",
    "test_api",
    "tasks/test_datasets",
    "test_benchmarks",
    "experiment/test_target",
    "tasks/test_class_folders",
    "test_links",
    "test_trust",
    "experiment/test_seal",
    "test_forms",
    "test_folders",
    "test_caches",
    "test_labels",
    "experiment/test_trackers",
    "cli/test_commands",
    "report/test_browser",
    "cli/test_errors",
    "report/test_figures",
    "report/test_replay",
    "experiment/test_mixed",
    "populations/test_priors",
    "test_conformance",
    "test_hostile",
)


@pytest.fixture(autouse=True, scope="session")
def settings_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps the key that folders are signed with out of the user's settings; here it is another one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("settings")))
        yield


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Returns the processes of `-n auto`: none for chosen files, for each process takes seconds to start."""
    is_whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return min(os.cpu_count() or 1, MOST_PROCESSES) if is_whole else 0


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Returns what deals tests to processes, in the order in which they stand."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):
    """Deals whole files to processes, and the files of Ray as one.

    The groups of xdist 3.8 would say the same by marks, but it writes them into the ids of tests, which
    pytest 9.2 no longer lets it change: each test would be dealt alone, and set up anew what its file shares.
    """

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    """Returns what a test is dealt with: its file, or all of Ray."""
    name = name_of(Path(nodeid.partition("::")[0]))
    return "ray" if name in ON_RAY else name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts slow files first."""
    names = [name_of(item.path.relative_to(HERE.parent)) for item in items]
    places = [SLOW.index(name) if name in SLOW else len(SLOW) for name in names]
    items[:] = [item for _, item in sorted(zip(places, items, strict=True), key=lambda pair: pair[0])]


def name_of(path: Path) -> str:
    """Returns the name of a file of tests, as in SLOW, from its path below the root of the repository."""
    return path.relative_to(HERE.name).with_suffix("").as_posix()
