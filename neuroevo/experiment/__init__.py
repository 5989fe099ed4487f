"""A request carried out: from a configuration to a run folder with its report.

    config        Configuration: the request as it is given; request: resolved, as objects
    attribution   the request that tells which part of a wiring carries a score
    plan          which wirings meet which tasks
    packages      the code that the nodes of a cluster are sent
    by_task       what of a request is given by task: margins, targets
    estimate      what a request takes, before anything is begun
    execute       run and resume; watcher: who is told of what goes on
    selection     tournament, race or mixed: how evaluations are dealt to priors
    evolution     what the three have in common
    shards        lineages that are evaluated together, on their way through the pool
    writer        the only one that changes a run folder while a run goes on: here a checkpoint is written
    row_record    what a checkpoint vouches for of the rows, and the order in which they end
    filming       films of bodies, drawn at the end of a run
    muscles       which bodies a wiring's own muscles drive, and what its samples have of the map onto them
    manifest      what a run says of its origin; resume: what a run that ended early left behind
    until         the looks of a run that goes on until it is decided; growth: which of them comes next
    extension     more of what was asked for: how a run becomes what it would have been
    judging       scores of any program judged
    study         several runs that answer one question
    display       the live standings; standings: their text; notebook: progress in a cell
    trackers      TensorBoard, W&B, MLflow; curves: the points that they draw
    listing       what `run.py list` shows; pages: its help about adapters, neuron models and connectomes

Imports everything else of the package.
"""
