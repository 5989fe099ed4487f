"""Measured wirings, and every file that they come in.

    model       Connectome: cells, edges by kind, signs, positions, ports; Edges
    bundled     the wirings of *C. elegans* that come with the program; data/ holds their tables
    planted     a circuit that is the right answer to a task, a control
    published   wirings that are fetched once, each pinned by its hash
    datasets    whole flies by name, each file pinned; fetching: brings one; distilling: its files to tables
    flyconn_store   wirings that flyconn keeps on this machine
    catalog     load(name or path): finds the reader for each; readers: which reads what
    reading     how a wiring is read: its columns, double edges, autapses, weights; account: what was read
    frames      columns of tables in text, Parquet and Feather; headers: what their headers mean
    streams     text files unpacked, hashed and watched while they are read
    tables      edges and cells, checked; grids: matrices with names on both sides, workbooks
    matrices    NumPy, SciPy and MatrixMarket matrices
    graphs      networkx graphs, both ways, and the files that networkx reads
    assemble    tables of edges and cells become a Connectome: the rules that every wiring keeps
    signs       rules for the signs of cells; ports: which cells sense and act; selection: part of a wiring
    writing     a whole wiring as files that are read back as the same one

Imports only the modules of the root.
"""
