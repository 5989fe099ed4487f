"""From a connectome to a sampled architecture: null models, mutations, statistics.

    architecture      Architecture: edges, signs, ports, layout of parameters
    null_models       random wirings that keep exactly what `Keep` names; the dose of randomness
    swap_chain        the Markov chains behind them, compiled
    edge_table        where a chain looks edges up, compiled; curveball: trades, for large wirings, compiled
    connected_chain   the chain among wirings that hang together, compiled
    triad_annealing   the chain that matches the triad census, compiled
    strength_annealing  the chain that matches the sums of cells' weights, compiled
    mutation          a wiring changed a little, within what its prior promises
    statistics        degrees, reciprocity, clustering, paths, rich club, modules
    graph             Graph: edges in the space that edges take, on which statistics are computed
    louvain           modules, compiled; breadth_first: shortest paths from many cells at once, compiled
    routes            the way from inputs to outputs: shortcuts, distances, cells that nothing reaches
    triads            the triad census, and how it compares with a null model
    triangles         triangles and common edges, compiled; bits: of machine words
    body_map          what a wiring kept of the connectome's map onto the body
    sampling          Prior: what a prior is; its architectures, drawn by seed and told apart
    comparison        samples of priors beside their connectome, in figures

Imports the root and `connectome`.
"""
