"""Checks for authors of plug-ins: one clear error for the first rule that a prior or task breaks.

    from neuroevo.checks import check_prior, check_task

    def test_my_plugins_keep_the_rules():
        check_prior(my_prior)
        check_task(MyTask)

The rules are those that the engine and the statistics rely on. A prior that passes can be sampled,
hashed, run and told apart; a task that passes gives equal results however its genomes are spread over
workers.
"""

from neuroevo.prior_checks import bare, check_prior, small
from neuroevo.task_checks import check_task

__all__ = ["bare", "check_prior", "check_task", "small"]
