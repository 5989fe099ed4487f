"""Every registered prior and task keeps the rules for plug-ins."""

from __future__ import annotations

import pytest

import populations
import tasks
from neuroevo import plugins
from neuroevo.checks import check_prior, check_task
from neuroevo.errors import DataError
from neuroevo.task import Task

assert populations and tasks  # importing them registers what they hold


@pytest.mark.parametrize("name", plugins.priors.names())
def test_registered_prior_keeps_the_rules(name: str) -> None:
    check_prior(plugins.priors.get(name))


def task_cases() -> list[object]:
    """Returns the names of tasks; those that fetch something are marked so.

    A task that cannot be without a value, such as a path, is checked with one in tests of its own.
    """
    chosen = [p for p in plugins.tasks if not p.bare_option or p.defaults[p.bare_option]]
    fetching = {plugin.name: plugin.target.prepare is not Task.prepare for plugin in chosen}
    return [
        pytest.param(n, marks=[pytest.mark.network] if fetches else []) for n, fetches in fetching.items()
    ]


@pytest.mark.parametrize("name", task_cases())
def test_registered_task_keeps_the_rules(name: str) -> None:
    try:
        check_task(plugins.tasks.get(name))
    except DataError as error:
        if "cannot be downloaded" not in str(error):
            raise
        pytest.skip(str(error))
