"""Memory of networks, known in advance: what a genome takes, how many fit a GPU or do for a core."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from neuroevo.network.alignment import ROW, round_up
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.matrix import GenomeBlock
from neuroevo.physics.warp import bytes_per_world
from neuroevo.search.lineage import Shard
from neuroevo.task import HasBody, Task

NUMBER = 4  # bytes of a float32 and of an index
USED = 0.8  # share of the free memory that is planned with; the rest is for what libraries take
AT_ONCE = 2**30  # bytes of networks and states that a core evaluates at once
DECODING = 3  # numbers a parameter takes on its way to a weight, at most; on a CPU few genomes are on it
MOVING = 2  # numbers a cell takes while a neuron model moves it, beside its variables and currents


def network_bytes(blueprint: Blueprint, is_on_device: bool = False) -> int:
    """Returns what a genome's parameters, weights and adapters take, in bytes, for as long as it is kept.

    On a CPU the genomes of a wiring share the places of its entries; on a device each has its own.

    Args:
        blueprint: The genome's.
        is_on_device: Whether the network is on a device.
    """
    block = GenomeBlock(blueprint)
    entries, rows = sum(map(len, block.row_groups)), len(block.row_groups) * block.num_cells
    matrix = 2 * (entries + rows) if is_on_device else entries + rows
    maps = sum(a * b + b for chain in _widths(blueprint) for a, b in pairwise(chain))
    grid = blueprint.adapter.grid(blueprint.ports)
    if grid is not None:  # its filters are held once, and not at every place
        sensors, answers, *_ = _widths(blueprint)[0]
        maps += grid.shape[1] * round_up(answers // len(grid), ROW) - sensors * answers
    return NUMBER * (matrix + maps + (DECODING if is_on_device else 1) * blueprint.layout.length)


def genomes_on_core(blueprint: Blueprint, episodes: int | None) -> int:
    """Returns how many genomes a core evaluates at once, at most, for the memory that they take.

    Args:
        blueprint: The largest.
        episodes: Episodes or images of an evaluation; None of a task that has none.
    """
    return max(1, AT_ONCE // (network_bytes(blueprint) + (episodes or 1) * state_bytes(blueprint)))


def state_bytes(blueprint: Blueprint) -> int:
    """Returns what the state of a genome's cells takes for one episode or image, in bytes, while it runs.

    Args:
        blueprint: The genome's.
    """
    block, neuron = GenomeBlock(blueprint), blueprint.neuron
    in_source = block.num_column_groups - (neuron.delay > 1)  # variables that the product reads in place
    beside = len(neuron.model.variables) - in_source + neuron.delay - 1
    cells = block.num_column_groups + len(block.row_groups) + beside + MOVING
    ports = block.num_ports + sum(w for chain in _widths(blueprint) for w in chain)
    grid = blueprint.adapter.grid(blueprint.ports)
    ports += 0 if grid is None else grid.size  # what filters see, side by side
    return NUMBER * (cells * block.num_cells + ports)


def world_bytes(task: Task) -> int:
    """Returns what one body of a task takes, in bytes, or 0 where it has none.

    Args:
        task: The task.
    """
    if not isinstance(task, HasBody):
        return 0
    return bytes_per_world(task.body())


def genome_bytes(blueprint: Blueprint, task: Task) -> int:
    """Returns what a genome takes while it is evaluated on a task on a GPU, in bytes.

    Args:
        blueprint: The genome's.
        task: The task.
    """
    columns = 1 if task.episodes is None else task.episodes
    return network_bytes(blueprint, is_on_device=True) + columns * (
        state_bytes(blueprint) + world_bytes(task)
    )


def room(blueprints: Sequence[Blueprint], task: Task, free: int) -> int:
    """Returns how many genomes of the largest of some blueprints fit on a GPU, at least 1.

    Args:
        blueprints: The blueprints.
        task: The task that they are evaluated on.
        free: Bytes that are free there.
    """
    return max(1, int(USED * free) // max(genome_bytes(b, task) for b in blueprints))


def shard_bytes(shard: Shard, task: Task) -> int:
    """Returns what the largest generation of a shard takes while it is evaluated on a GPU, in bytes.

    Args:
        shard: The shard, or a part of it.
        task: Its task.
    """
    part = -(-(max(phase.population for phase in shard.settings.phases) + 1) // shard.part[1])
    return part * sum(genome_bytes(lineage.blueprint, task) for lineage in shard.lineages)


def _widths(blueprint: Blueprint) -> list[list[int]]:
    """Returns the widths of the layers of the encoder and of the decoder, filled up as in `adapter_maps`."""
    ports = blueprint.ports
    encoder, decoder = blueprint.adapter.encoder(ports), blueprint.adapter.decoder(ports)
    chains = (
        encoder or [ports.num_sensors, ports.num_inputs],
        decoder or [ports.num_outputs, ports.num_actuators],
    )
    return [[chain[0], *(round_up(width, ROW) for width in chain[1:])] for chain in chains]
