"""Devices: what is asked of a machine, and that a network's tensors are all where it is made."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from neuroevo.errors import OptionError
from neuroevo.experiment import shards
from neuroevo.network import adapter_maps, adapters, cells, matrix
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.neurons import MODELS, Neuron
from neuroevo.network.phenotype import Phenotype
from neuroevo.search import ask_tell
from neuroevo.search.lineage import Shard
from neuroevo.search.methods import Cem, Es, Ga, Method, Pgpe
from neuroevo.search.settings import Settings
from neuroevo.task import TaskRequest
from neuroevo.workers import devices, network_memory
from tasks.swimmer import Swimmer
from tests import ROOT
from tests.reference import random_architecture
from tests.small import run, without_seconds
from tests.toy import Echo

S, A = 3, 2
ELSEWHERE = "meta"  # torch's device without memory
HAS_EXTRA = all(importlib.util.find_spec(name) for name in devices.EXTRA)
HAS_GPU = torch.cuda.is_available()


def blueprints(**changes: object) -> list[Blueprint]:
    """Two architectures of different sizes."""
    return [
        Blueprint(random_architecture(seed, size, 5, True), S, A, **changes)  # type: ignore[arg-type]
        for seed, size in ((0, 12), (1, 20))
    ]


def genomes(phenotype: Phenotype) -> list[torch.Tensor]:
    """Parameters of all lineages."""
    rng = np.random.default_rng(2)
    return [
        torch.from_numpy(rng.normal(0, 0.5, (count, b.layout.length)).astype(np.float32))
        for b, count in zip(phenotype.blueprints, phenotype.counts, strict=True)
    ]


def test_cpu_is_never_refused() -> None:
    assert devices.resolve("cpu", {"echo": Echo()}) == "cpu"
    assert devices.resolve("auto", {"echo": Echo()}) == "cpu"  # it does not say that it can run elsewhere


@pytest.mark.skipif(HAS_GPU, reason="this machine has a GPU")
def test_auto_is_the_cpu_where_there_is_no_gpu() -> None:
    assert devices.resolve("auto", {"swimmer": Swimmer()}) == "cpu"


@pytest.mark.skipif(HAS_GPU, reason="this machine has a GPU")
def test_cuda_says_what_is_missing() -> None:
    with pytest.raises(OptionError, match=r"^Device 'cuda' was asked for; .*\. Use --device cpu or auto\.$"):
        devices.resolve("cuda", {"swimmer": Swimmer()})


def test_lacking_names_the_extra_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "EXTRA", ("no_such_module",))
    wanted = "bodies on a GPU need no_such_module, the extra 'gpu' (pip install 'neuroevo[gpu]')"
    assert devices.lacking(has_bodies=True) == wanted
    assert devices.lacking(has_bodies=False) != wanted


@pytest.mark.skipif(HAS_GPU, reason="this machine has a GPU")
def test_lacking_tells_a_cpu_build_of_torch_from_a_machine_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "is built without CUDA" in devices.lacking(has_bodies=False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert devices.lacking(has_bodies=False) == "no CUDA device is to be found here"


def test_cuda_refuses_tasks_that_run_on_a_cpu_alone() -> None:
    with pytest.raises(OptionError, match=r"task 'echo' runs on a CPU alone\. Use --device cpu or auto\."):
        devices.resolve("cuda", {"swimmer": Swimmer(), "echo": Echo()}, address="10.0.0.1:6379")
    assert devices.resolve("cuda", {"swimmer": Swimmer()}, address="10.0.0.1:6379") == "cuda"  # asked there


@pytest.mark.skipif(HAS_GPU, reason="this machine has a GPU")
def test_run_on_cuda_ends_with_one_line(tmp_path: Path) -> None:
    command = ["run.py", "--genome", "connectome", "--task", "swimmer", "--device", "cuda"]
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, *command, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, out.exists()) == (2, "", False)
    assert done.stderr.count("\n") == 1 and "Device 'cuda' was asked for; " in done.stderr


@pytest.mark.skipif(HAS_GPU, reason="this machine has a GPU")
def test_workers_want_a_gpu_each() -> None:
    devices.check_workers("cpu", 64, None, 0.0)
    devices.check_workers("cuda", 64, "10.0.0.1:6379", 1.0)  # the cluster's business
    with pytest.raises(OptionError, match="'workers' is 2, each with a GPU share of 1, and this machine has"):
        devices.check_workers("cuda", 2, None, 1.0)
    with pytest.raises(OptionError, match="wanted gpus=1"):
        devices.check_workers("cuda", 1, None, 0.0)
    with pytest.raises(OptionError, match="A worker is to use a GPU; "):
        devices.place("cuda")


@dataclass
class Compressed:
    """In place of a sparse matrix, of which torch has no fake ones."""

    crow: torch.Tensor
    col: torch.Tensor
    entries: torch.Tensor
    shape: tuple[int, int]

    def values(self) -> torch.Tensor:
        return self.entries

    @property
    def device(self) -> torch.device:
        (device,) = {x.device for x in (self.crow, self.col, self.entries)}
        return device


class Product:
    """In place of the product with one: a sum in which all tensors take part."""

    def __init__(
        self,
        matrix: Compressed,
        source: torch.Tensor,
        bias: torch.Tensor,
        out: torch.Tensor,
        rows: slice,
    ) -> None:
        self._matrix = matrix
        self._source = source
        self._bias = bias[rows]
        self._out = out[rows]

    def __call__(self) -> None:
        self._out.copy_(self._bias + self._matrix.entries.sum() + self._source.sum())


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("adapter", ["linear", "mlp", "conv:filters=2,size=1,stride=1"])
def test_all_tensors_of_a_network_are_on_its_device(
    name: str, adapter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch's fake tensors have no numbers, but a device, and refuse what mixes two."""
    monkeypatch.setattr(matrix, "csr_matrix", Compressed)
    monkeypatch.setattr(cells, "DeviceProduct", Product)
    monkeypatch.setattr(
        adapter_maps, "_multiply_shared", lambda weight, images, which, *, out: out.add_(weight.sum())
    )
    neuron = Neuron.parse(f"{name}:constants=class,delay=2")
    fitted = blueprints(neuron=neuron, adapter=adapters.parse(adapter), image_shape=(1, S))
    fitted.append(replace(fitted[0], architecture=replace(fitted[0].architecture, core="clock")))
    with FakeTensorMode():
        phenotype = Phenotype(fitted, [3, 2, 1], ELSEWHERE)
        phenotype.load(genomes(phenotype))  # they are moved there
        phenotype.reset(4)
        outputs = phenotype.step(torch.zeros(6, 4, S, device=ELSEWHERE))
        which = torch.zeros(6, dtype=torch.int64, device=ELSEWHERE)
        settled = phenotype.settle(torch.zeros(1, 4, S, device=ELSEWHERE), which, 3)
        assert {str(x.device) for x in (outputs, settled, phenotype.has_blown_up())} == {ELSEWHERE}
        with pytest.raises(RuntimeError):
            phenotype.step(torch.zeros(6, 4, S))


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="this machine has no GPU")
@pytest.mark.parametrize("method", [Pgpe(), Es(), Es(optimizer="sgd"), Cem(), Ga()])
def test_searches_on_a_gpu_are_those_on_a_cpu_to_rounding(method: Method) -> None:
    settings, rng = Settings(generations=3, population=8, method=method), torch.Generator().manual_seed(0)
    state = ask_tell.start(torch.randn(8, 5, generator=rng), settings=settings)
    points, fitness = ask_tell.ask(state, settings, 1, 3), torch.randn(8, generator=rng)
    (here,) = ask_tell.tell([state], [points], [fitness], settings, 1)
    (there,) = ask_tell.tell([state], [points.cuda()], [fitness], settings, 1)
    for name, tensor in here.items():
        assert there[name].device.type == "cpu"
        torch.testing.assert_close(there[name], tensor, rtol=1e-5, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="this machine has no GPU")
@pytest.mark.parametrize("columns", [1, 5, 64])
@pytest.mark.parametrize("name", sorted(MODELS))
def test_networks_on_a_gpu_are_those_on_a_cpu_to_rounding(name: str, columns: int) -> None:
    fitted = blueprints(neuron=Neuron.parse(name))
    phenotypes = [Phenotype(fitted, [3, 2], device) for device in ("cpu", "cuda:0")]
    sensed = torch.randn(6, 5, columns, S, generator=torch.Generator().manual_seed(0))
    outputs = []
    for phenotype in phenotypes:
        phenotype.load(genomes(phenotype))
        phenotype.reset(columns)
        outputs.append([phenotype.step(x.to(phenotype.device)).cpu() for x in sensed])
    torch.testing.assert_close(*map(torch.stack, outputs), rtol=1e-3, atol=1e-4)


def network_tensors(phenotype: Phenotype) -> int:
    """Bytes of a network's weights, biases and adapters."""
    values = [x for lineage in phenotype._matrix.lineages for x in lineage.values]
    tensors = [*values, phenotype.cells.bias]
    for adapter in phenotype._adapters:
        for chain in (adapter.encoder, adapter.decoder):
            tensors += [*chain._weights, *chain._biases]
    return sum(x.numel() * x.element_size() for x in tensors)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_memory_asked_for_is_what_a_network_takes(name: str) -> None:
    count, columns = 64, 32
    for size in (100, 200):
        blueprint = Blueprint(random_architecture(0, size, 5, True), S, A, neuron=Neuron.parse(name))
        phenotype = Phenotype([blueprint], [count])
        parameters = 4 * blueprint.layout.length
        planned_alone = network_memory.network_bytes(blueprint) - parameters
        phenotype.reset(columns)
        assert network_tensors(phenotype) == pytest.approx(count * planned_alone, rel=0.1)
        cells = phenotype.cells
        held = {
            x.untyped_storage().data_ptr(): x.untyped_storage().nbytes()
            for x in (cells._source, cells._current, *cells.variables.values(), *cells._transmitted)
        }
        moving = 4 * network_memory.MOVING * blueprint.architecture.num_cells
        planned = count * columns * (network_memory.state_bytes(blueprint) - moving)
        assert 0.9 * planned < sum(held.values()) <= planned


def test_room_is_what_fits() -> None:
    fitted = blueprints()
    each = max(network_memory.genome_bytes(b, Echo(episodes=2)) for b in fitted)
    assert network_memory.room(fitted, Echo(episodes=2), 1_000 * each) == 800
    assert network_memory.room(fitted, Echo(episodes=2), 0) == 1
    assert network_memory.room(fitted, Echo(episodes=200), 1_000 * each) < 80


def test_shards_fill_a_gpu() -> None:
    assert shards.shard_size(350, 64, room=8_192) == (126, 1)  # 126 * 65 genomes
    assert shards.shard_size(3, 10_000, room=8_192) == (1, 2)
    assert shards.shard_size(1, 64, room=8_192) == (126, 1)
    assert shards.shard_size(1, 8, room=1) == (1, 8)


def test_shards_bytes_are_those_of_their_largest_generation() -> None:
    from neuroevo.search.lineage import Lineage

    members = tuple(Lineage("echo", "g", 0, seed, 0, b) for seed, b in enumerate(blueprints()))
    shard = Shard(TaskRequest("echo", "tests.toy:Echo", {}), members, Settings(generations=2, population=9))
    each = [network_memory.genome_bytes(b, Echo()) for b in blueprints()]
    assert network_memory.shard_bytes(shard, Echo()) == 10 * sum(each)
    assert network_memory.shard_bytes(replace(shard, part=(0, 2)), Echo()) == 5 * sum(each)


class Portable(Echo):
    """Says that it runs on a device."""

    on_device = True


PORTABLE = ("echo=tests.workers.test_devices:Portable",)


@pytest.mark.parametrize("free", [10**12, 150_000])  # all lineages in one shard; populations in parts
@pytest.mark.parametrize("changes", [{"seeds": 2}, {"selection": "mixed", "graphs": 2, "generations": 4}])
def test_run_planned_for_a_gpu_gives_the_same(
    free: int, changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards are cut by the memory that is free; here they are then computed on a CPU all the same."""
    plain = run(tmp_path / "plain", task=PORTABLE, device="cpu", **changes)
    asked = []
    monkeypatch.setattr(devices, "count", lambda: 1)
    monkeypatch.setattr(devices, "lacking", lambda has_bodies: "")
    monkeypatch.setattr(devices, "place", lambda device: "cpu")
    monkeypatch.setattr(devices, "free_memory", lambda device: asked.append(device) or free)
    planned = run(tmp_path / "gpu", task=PORTABLE, device="cuda", **changes)
    assert asked and planned.config()["device"] == "cuda"
    assert without_seconds(planned.metrics()) == without_seconds(plain.metrics())
    assert planned.results() == plain.results()


@pytest.mark.skipif(not HAS_EXTRA, reason="needs the extra gpu")
@pytest.mark.warp
def test_worlds_take_more_memory_the_longer_the_body() -> None:
    sizes = [network_memory.world_bytes(Swimmer(links=n)) for n in (3, 6, 12)]
    assert sizes == sorted(sizes) and sizes[0] > 1_000
    assert network_memory.world_bytes(Echo()) == 0
