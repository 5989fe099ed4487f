"""Evolution by ask and tell; a lineage is a value.

    methods        PGPE, ES, CEM, GA and the paper's two phases, as a request names them
    settings       which method, how many genomes, for how long, in one phase or two
    ask_tell       ask and tell for many lineages at once, whatever the method
    gaussian       searches by a normal distribution; the only importer of EvoTorch
    genetic        the genetic algorithm of Schmidgall et al. (2022)
    coordinates    which parameters a search moves, and which of them move as one
    lineage        Lineage and State; advancing is a pure function of them and of seeds
    inheritance    what a child with a mutated wiring takes over from its parent

Imports the root, `connectome`, `wiring`, `network` and `task`.
"""
