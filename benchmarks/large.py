"""How long statistics and samples of large wirings take, and how much memory, beside networkit and SciPy.

    python -m benchmarks.brains OUT && python -m benchmarks.large OUT/g20k.csv --work degree structure

Each piece of work is a process of its own, on one core, which loads the table first: CPU seconds are those of
the work, after code has been compiled on a small wiring, and the memory is the most that the process had.
`networkit` is its global Curveball of as many rounds as ours has, on the same edges, `scipy` one product of
the adjacency with a vector; a line of each that is installed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

WORK = (
    *("degree", "weights-shuffled", "random", "counts", "sbm", "degree-mutual", "boundary", "stats-prior"),
    *("structure", "networkit", "scipy"),
)
SETUP = """
import resource, sys, time
import populations
from neuroevo.connectome import catalog
from neuroevo.connectome.reading import Reading
from neuroevo.plugins import priors
from neuroevo.wiring import curveball, null_models, statistics
work, path = sys.argv[1:]
wirings = [catalog.load("celegans-motor"), catalog.load(path, Reading(signs="worm"))]
loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6

def do(wiring):
    if work == "structure":
        statistics.structure(statistics.neurons_of(wiring))
    elif work == "scipy":
        import numpy, scipy.sparse
        graph = statistics.neurons_of(wiring)
        size = graph.num_cells
        ones = numpy.ones(graph.num_edges, numpy.float32)
        matrix = scipy.sparse.csr_array((ones, graph.post, graph.first), (size, size))
        matrix @ numpy.ones(size, numpy.float32)
    elif work == "networkit":
        import networkit
        graph = networkit.Graph(wiring.num_cells, directed=True)
        for a, b in zip(wiring.chemical.pre.tolist(), wiring.chemical.post.tolist()):
            graph.addEdge(a, b)
        global started
        started = time.process_time()
        networkit.randomization.GlobalCurveball(graph, null_models.ROUNDS, False, True).run()
    else:
        priors.get(work).target(wiring, seed=1)

many, null_models.MANY = null_models.MANY, 0
started = time.process_time()
do(wirings[0])
null_models.MANY = many
started = time.process_time()
do(wirings[1])
seconds = time.process_time() - started
print(seconds, loaded, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


def main() -> None:
    """Prints a row for each table and piece of work."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--work", nargs="+", choices=WORK, default=WORK)
    options = parser.parse_args()
    print(f"{'table':<14}{'work':<18}{'CPU s':>9}{'GB':>8}{'GB loaded':>11}")
    for table in options.tables:
        for work in options.work:
            done = subprocess.run([sys.executable, "-c", SETUP, work, table], capture_output=True, text=True)
            name = table.rpartition("/")[2]
            if done.returncode:
                print(f"{name:<14}{work:<18}  {(done.stderr.strip().splitlines() or ['?'])[-1][:60]}")
                continue
            seconds, loaded, most = map(float, done.stdout.split())
            print(f"{name:<14}{work:<18}{seconds:>9.2f}{most:>8.2f}{loaded:>11.2f}", flush=True)


if __name__ == "__main__":
    main()
