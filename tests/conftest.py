"""What holds for all tests: one thread a process.

The tensors of tests are small. Threads that share the work on one wait for each other in a loop, and take a
core from the processes that tests start.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
