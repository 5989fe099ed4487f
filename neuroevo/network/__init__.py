"""An architecture with parameters as a running network: whole populations as one sparse matrix.

    blueprint      an architecture fitted to a task; what a parameter vector sets
    phenotype      Phenotype: genomes decoded into one batch; settle on images, step with bodies
    policy         a genome as a policy: observations go in and actions come out
    matrix         the block-diagonal sparse matrix of a batch: here a weight finds its place
    products       sparse matrix times state: here a synapse's weight is multiplied
    kernels        the compiled loops: weights times the state, and the step of the leaky neuron; vectors
    reservoir      genomes that go through given sequences in compiled loops, reservoir_kernels
    cells          variables, currents and steps of all cells
    neurons        neuron models and their membrane steps; constants: their published values
    adapters       maps from sensors to input cells and from output cells to actuators; adapter_maps: at work
    ridge          readouts solved in closed form; solving: what that takes, known before anything is run
    normalisation  running mean and deviation of observations, a lineage's own
    gains          gains that put cells into their operating range before evolution
    policy         a genome that plays, one control step at a time
    weights        evolved weights as a table, and a genome in one file that others can read
    monitors       observers of activity; alignment: widths and memory that kernels agree on

Imports the root, `connectome` and `wiring`.
"""
