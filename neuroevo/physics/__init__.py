"""MuJoCo worlds: one body, many copies, moved at once.

    engine         the interface that a task sees; worlds(...) chooses the engine
    worlds         worlds on a CPU, stepped in C by `mujoco.rollout`
    warp           worlds on a GPU, stepped by MuJoCo Warp; warp_kernels: the kernels around its steps
    model          compiled bodies, rid of what only costs time
    arrays         one text for NumPy arrays and torch tensors
    clock          MuJoCo's stopwatch, stopped
    recording      what a task tells of one episode

Imports only the modules of the root.
"""
