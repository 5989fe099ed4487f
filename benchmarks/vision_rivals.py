"""What evaluates networks on images, one maker a rival; see `crew` for what a maker is.

All of them show every genome the same minibatch for `steps` network steps and find how likely the true
classes are; each returns how many genome-images that was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def task_of(name: str, images: int, steps: int) -> Any:
    """Returns our task, with its data loaded."""
    from tasks import images as image_tasks

    task = {"digits": image_tasks.Digits, "mnist": image_tasks.Mnist}[name](episodes=images, steps=steps)
    task.prepare()
    return task


class Ours:
    """Our evaluation, as one worker runs it: its share of the networks in batches, one after another.

    Attributes:
        fitness: float32 [G, images], fitness of the last turn.
    """

    def __init__(
        self, task: str, networks: int, images: int, steps: int, seed: int, share: tuple[int, int] = (0, 1)
    ) -> None:
        import torch

        from benchmarks.networks import batches

        torch.set_num_threads(1)
        self._task = task_of(task, images, steps)
        self._seed = seed
        ports = self._task.num_sensors, self._task.num_actuators
        self._batches = batches(networks, ports, seed, (share[0], share[1]))
        self.fitness = torch.zeros(0)

    def __call__(self) -> float:
        """Evaluates all networks."""
        import torch

        fitness = []
        for phenotype, parameters in self._batches:
            phenotype.load(parameters)
            fitness.append(self._task.evaluate(phenotype, seeds=[self._seed] * phenotype.num_genomes))
        self.fitness = torch.cat(fitness)
        return float(self.fitness.numel())


class Dense:
    """The same networks as dense matrices, in PyTorch.

    Args:
        is_mapped: Whether one network's program is mapped over all by `torch.vmap`, as EvoTorch does with
            functional modules; else `torch.bmm` does the work, in batches of as many genomes as ours.

    Attributes:
        fitness: float32 [G, images], fitness of the last turn.
    """

    def __init__(
        self,
        task: str,
        networks: int,
        images: int,
        steps: int,
        seed: int,
        share: tuple[int, int] = (0, 1),
        is_mapped: bool = False,
        threads: int = 1,
    ) -> None:
        import torch

        from benchmarks.networks import Dense as Networks
        from benchmarks.networks import batches

        torch.set_num_threads(threads)
        self._task = task_of(task, images, steps)
        self._steps = steps
        self._seed = seed
        ports = self._task.num_sensors, self._task.num_actuators
        self._networks = [Networks(b) for b in batches(networks, ports, seed, (share[0], share[1]))]
        self._settle = self._mapped if is_mapped else self._batched
        self.fitness = torch.zeros(0)

    def __call__(self) -> float:
        """Evaluates all networks."""
        import torch

        data = self._task._data()
        rows = torch.from_numpy(self._task.minibatch(self._seed))
        images, labels = data.train[rows], data.train_labels[rows]
        fitness = []
        for networks in self._networks:
            logits = self._settle(networks, images)
            where = labels.expand(len(logits), -1)[:, :, None]
            fitness.append(torch.log_softmax(logits, 2).gather(2, where)[:, :, 0])
        self.fitness = torch.cat(fitness)
        return float(self.fitness.numel())

    def _batched(self, networks: Any, images: Any) -> Any:
        return networks.settle(images, self._steps)

    def _mapped(self, networks: Any, images: Any) -> Any:
        import torch

        def settle(weights: Any, bias: Any, encoder: Any, decoder: Any, offset: Any) -> Any:
            drive = encoder @ images.t() + bias
            state = torch.zeros_like(drive)
            for _ in range(self._steps):
                state = state + networks.leak * (torch.tanh(weights @ state + drive) - state)
            return (decoder @ state + offset).t()

        return torch.vmap(settle)(
            networks.weights, networks.bias, networks.encoder, networks.decoder, networks.offset
        )


def network(sensors: int, units: int, classes: int, steps: int) -> Any:
    """Returns a dense network of the same form as ours, a PyTorch module: leaky units, images held.

    Its parameters are of order one, as ours are: weights are divided by the root of how many enter a unit.
    """
    import torch
    from torch import nn

    def weights(out: int, into: int) -> nn.Parameter:
        return nn.Parameter(torch.randn(out, into))

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = weights(units, sensors)
            self.between = weights(units, units)
            self.decoder = weights(classes, units)
            self.bias = nn.Parameter(torch.zeros(units))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            drive = images @ self.encoder.t() / sensors**0.5 + self.bias
            state, between = torch.zeros_like(drive), self.between.t() / units**0.5
            for _ in range(steps):
                state = state + 0.5 * (torch.tanh(state @ between + drive) - state)
            return state @ self.decoder.t() / units**0.5

    return Recurrent()


def evotorch(
    task: str, networks: int, images: int, steps: int, seed: int, units: int, actors: int
) -> Callable[[], float]:
    """Returns turns of EvoTorch's SupervisedNE, one network after another, dense, with as many units.

    Args:
        task: Name of the task.
        networks: Number of networks.
        images: Number of images that each is shown.
        steps: Network steps an image.
        seed: Of everything random.
        units: Number of units of the network.
        actors: Number of Ray actors; with 1 there is none and this process computes.
    """
    import torch
    from evotorch.neuroevolution import SupervisedNE
    from torch.utils.data import TensorDataset

    ours = task_of(task, images, steps)
    data = ours._data()
    torch.manual_seed(seed)
    problem = SupervisedNE(
        TensorDataset(data.train, data.train_labels),
        network(ours.num_sensors, units, ours.num_actuators, steps),
        torch.nn.functional.cross_entropy,
        minibatch_size=images,
        num_actors=None if actors == 1 else actors,
    )
    batch = problem.generate_batch(networks)
    batch.set_values(0.1 * torch.randn_like(batch.values))

    def turn() -> float:
        batch.forget_evals()
        problem.evaluate(batch)
        return float(networks * images)

    return turn


def evosax(
    arrays: str, networks: int, images: int, steps: int, seed: int, units: int, classes: int
) -> Callable[[], float]:
    """Returns turns of evosax's TorchVisionProblem, compiled, with a dense network and with our images.

    Args:
        arrays: An npz file of `train` and `train_labels`: the problem would download MNIST itself.
        networks: Number of networks.
        images: Number of images that each is shown.
        steps: Network steps an image.
        seed: Of everything random.
        units: Number of units of a network.
        classes: Number of classes of images.
    """
    import jax
    import jax.numpy as jnp
    from evosax.problems.vision.torchvision import TorchVisionProblem
    from flax import linen

    class Recurrent(linen.Module):
        @linen.compact
        def __call__(self, images_shown: Any, key: Any = None) -> Any:
            drive, state = linen.Dense(units)(images_shown), jnp.zeros((*images_shown.shape[:-1], units))
            between = linen.Dense(units, use_bias=False)
            for _ in range(steps):
                state = state + 0.5 * (jnp.tanh(between(state) + drive) - state)
            return linen.Dense(classes, use_bias=False)(state)

    class Problem(TorchVisionProblem):
        def __init__(self) -> None:
            self.network = Recurrent()
            self.batch_size = images
            with np.load(arrays) as data:
                self.image_train = jnp.asarray(data["train"])
                self.target_train = jnp.asarray(data["train_labels"])

    problem, key = Problem(), jax.random.PRNGKey(seed)
    state = problem.init(key)
    solutions = jax.vmap(problem.sample)(jax.random.split(key, networks))

    def turn() -> float:
        jax.block_until_ready(problem.eval(key, solutions, state)[0])
        return float(networks * images)

    return turn


def evojax(
    arrays: str, networks: int, images: int, steps: int, seed: int, units: int, classes: int
) -> Callable[[], float]:
    """Returns turns of EvoJAX's simulation manager on a task like its MNIST, with a dense network.

    Args:
        arrays: An npz file of `train` and `train_labels`.
        networks: Number of networks.
        images: Number of images that each is shown.
        steps: Network steps an image.
        seed: Of everything random.
        units: Number of units of a network.
        classes: Number of classes of images.
    """
    import jax
    import jax.numpy as jnp
    from evojax.policy.base import PolicyNetwork
    from evojax.sim_mgr import SimManager
    from evojax.task.base import TaskState, VectorizedTask
    from evojax.task.mnist import loss, sample_batch
    from flax.struct import dataclass

    with np.load(arrays) as data:
        train, labels = (jnp.asarray(data[k]) for k in ("train", "train_labels"))
    sensors = train.shape[1]
    sizes = sensors * units, units, units * units, units * classes

    @dataclass
    class State(TaskState):
        obs: jnp.ndarray
        labels: jnp.ndarray

    class Task(VectorizedTask):
        max_steps, test = 1, False
        obs_shape, act_shape = (sensors,), (classes,)

        def reset(self, key: Any) -> Any:
            return jax.vmap(lambda k: State(*sample_batch(k, train, labels, images)))(key)

        def step(self, state: Any, action: Any) -> Any:
            return state, -jax.vmap(loss)(action, state.labels), jnp.ones(len(action))

    class Policy(PolicyNetwork):
        num_params = sum(sizes)

        def get_actions(self, t_states: Any, params: Any, p_states: Any) -> Any:
            return jax.vmap(name)(params, t_states.obs), p_states

    def name(theta: Any, images_shown: Any) -> Any:
        parts = jnp.split(theta, [sum(sizes[:k]) for k in range(1, len(sizes))])
        drive = images_shown @ parts[0].reshape(sensors, units) + parts[1]
        between, state = parts[2].reshape(units, units), jnp.zeros((len(images_shown), units))
        for _ in range(steps):
            state = state + 0.5 * (jnp.tanh(state @ between + drive) - state)
        return jax.nn.log_softmax(state @ parts[3].reshape(units, classes))

    manager = SimManager(1, 1, networks, 1, Policy(), Task(), Task(), seed)
    theta = 0.1 * jax.random.normal(jax.random.PRNGKey(seed), (networks, sum(sizes)))

    def turn() -> float:
        jax.block_until_ready(manager.eval_params(params=theta, test=False)[0])
        return float(networks * images)

    return turn
