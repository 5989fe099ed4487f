"""A tournament: priors x tasks x graphs x seeds, every lineage with the same evaluations."""

from __future__ import annotations

from neuroevo.experiment.evolution import Evolution
from neuroevo.experiment.shards import Group


def run(evolution: Evolution) -> None:
    """Sets gains, evolves every lineage, and scores it on held-out data."""
    plan = evolution.plan
    groups: list[Group] = []
    for request in plan.requests:
        pairs = evolution.begin(request, evolution.set_gains(request), range(plan.config.seeds))
        groups += evolution.groups(request, pairs)
    evolution.total = sum(g.shard.settings.generations * len(g.states) for g in groups)
    for _ in evolution.evolve(groups):
        pass
    evolution.checkpoint(groups)
    evolution.assess(groups)
