"""Measured wirings, and every file that they come in.

    model       Connectome: cells, edges by kind, signs, positions, ports; Edges
    bundled     the wirings of *C. elegans* that come with the program; data/ holds their tables
    planted     a circuit that is the right answer to a task, a control
    published   wirings that are fetched once, each pinned by its hash
    catalog     load(name or path): finds the reader for each; readers: which reads what
    tables      edges and cells as CSV or TSV
    matrices    NumPy, SciPy and MatrixMarket matrices
    graphs      networkx graphs, both ways, and the files that networkx reads
    assemble    rows of edges and cells become a Connectome: the rules that every wiring keeps

Imports only the modules of the root.
"""
