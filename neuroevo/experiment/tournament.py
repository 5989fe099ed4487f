"""A tournament: priors x tasks x graphs x seeds, every lineage with the same evaluations."""

from __future__ import annotations

from neuroevo.experiment.evolution import Evolution
from neuroevo.experiment.shards import ShardRun
from neuroevo.run_folder import key_of


def run(evolution: Evolution) -> None:
    """Sets gains, evolves every lineage, and scores it on held-out data.

    In the end metrics are in the order of generations, and rows of a generation, like results, in that of the
    plan, however workers came to complete them, and whether the run was resumed or extended.

    Args:
        evolution: The run.
    """
    plan = evolution.plan
    shards: list[ShardRun] = []
    for request in plan.requests:
        pairs = evolution.begin(request, evolution.set_gains(request), range(plan.config.seeds))
        shards += evolution.shards(request, pairs)
    evolution.expect(sum(x.shard.settings.generations * len(x.states) for x in shards))
    evolution.expect(sum(state.generation for x in shards for _, state in x.ended))
    for _ in evolution.evolve(shards):
        pass
    evolution.writer.order_metrics([key_of(row) for row in plan.lineages()])
    evolution.checkpoint(shards)
    evolution.assess(shards)


def score(evolution: Evolution) -> None:
    """Scores every lineage that has begun, as far as it is, and goes on with no search.

    Args:
        evolution: The run, which was stopped.
    """
    plan = evolution.plan
    shards: list[ShardRun] = []
    for request in plan.requests:
        if request.label in evolution.past.gains:
            pairs = evolution.begin(request, evolution.set_gains(request), range(plan.config.seeds))
            evolves = plan.settings[request.label].generations > 0
            shards += evolution.shards(request, [x for x in pairs if x[1].generation or not evolves])
    evolution.assess(shards)
