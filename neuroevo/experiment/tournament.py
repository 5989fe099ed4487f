"""A tournament: priors x tasks x graphs x seeds, every lineage with the same evaluations."""

from __future__ import annotations

from neuroevo.experiment.evolution import Evolution
from neuroevo.experiment.manifest import core_of
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.shards import ShardRun
from neuroevo.referee.entry import Entry
from neuroevo.referee.wording import too_little
from neuroevo.run_folder import key_of


def notes(plan: Plan) -> list[str]:
    """Returns what a reader should know before the run: that it can have no verdict, and what one takes.

    Args:
        plan: What is to be done.
    """
    seeds = range(plan.config.seeds)
    planned = [
        Entry(
            label,
            {(graph, seed): 0.0 for graph in range(len(drawn.samples)) for seed in seeds},
            one_point=drawn.one_point,
            core=core_of(drawn.samples[0].architecture),
        )
        for label, drawn in plan.draws.items()
    ]
    few = too_little(planned) if len(planned) > 1 else ""
    return [f"No winner can come of this run, only a first look: {few}"] if few else []


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
