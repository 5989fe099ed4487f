"""Where evaluations are computed: in this process, or on the actors of a Ray cluster.

    pool           Pool: requests in, results out; LocalPool computes in this process
    requests       what a worker can be asked for: Evaluate, Advance, Assess, SetGains, Room
    worker         Worker: the tasks and networks that it keeps, and ShardKey, which names them
    runner         a shard's genomes, evaluated as one network
    causes         what left the finite numbers first where a genome failed
    assessment     held-out scores of a lineage: untrained, tuned, trained
    endings        what ends a worker's process, told for what it is
    ray_pool       a pool of Ray actors, and its supervision
    ray_actor      a worker as Ray has it, and what it was sent; ray_cluster: Ray started or joined
    ray_tokens     what Ray's processes must show to be heard
    ray_folder     where Ray keeps its sockets and logs
    devices        whether a run can use a GPU; network_memory: what genomes take, on it or a core

Imports the root, `connectome`, `wiring`, `network`, `task`, `physics` and `search`.
"""
