"""Bodies and recurrent networks in JAX: Brax alone, and through EvoJAX. Brax has physics of its own.

Its swimmer and half cheetah go by the same names and have as many joints; a control step is as long, but
what is computed in it is not MuJoCo's. So a rate says what such a library does on this machine, and not that
one computes the same faster than the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.closed_loop_rivals import BRAX


def recurrent(sensors: int, units: int, actuators: int) -> tuple[int, Callable[..., Any]]:
    """Returns the size of a recurrent net's genome, and `(theta, state, observed) -> state, action`."""
    import jax.numpy as jnp

    sizes = units * sensors, units * units, units, actuators * units

    def step(theta: Any, state: Any, observed: Any) -> tuple[Any, Any]:
        parts = jnp.split(theta, [sum(sizes[:k]) for k in range(1, len(sizes))])
        entering, between, out = (
            parts[0].reshape(units, sensors),
            parts[1].reshape(units, units),
            parts[3].reshape(actuators, units),
        )
        state = jnp.tanh(between @ state + entering @ observed + parts[2])
        return state, jnp.clip(out @ state, -1.0, 1.0)

    return sum(sizes), step


def brax(task: str, networks: int, steps: int, seed: int, units: int, backend: str) -> Callable[[], float]:
    """Returns turns of Brax's environment, all steps compiled into one program."""
    import jax
    import jax.numpy as jnp
    from brax import envs

    body = envs.get_environment(BRAX[task], backend=backend)
    length, policy = recurrent(body.observation_size, units, body.action_size)
    key = jax.random.PRNGKey(seed)
    theta = 0.1 * jax.random.normal(key, (networks, length))

    def episode(start: Any, theta: Any) -> Any:
        def step(carry: Any, _: Any) -> tuple[Any, Any]:
            world, cells = carry
            cells, action = policy(theta, cells, world.obs)
            world = body.step(world, action)
            return (world, cells), world.reward

        (_, _), rewards = jax.lax.scan(step, (body.reset(start), jnp.zeros(units)), None, length=steps)
        return rewards.sum()

    run, keys = jax.jit(jax.vmap(episode)), jax.random.split(key, networks)

    def turn() -> float:
        run(keys, theta).block_until_ready()
        return float(networks * steps)

    return turn


def evojax(task: str, networks: int, steps: int, seed: int, units: int) -> Callable[[], float]:
    """Returns turns of EvoJAX's simulation manager with its task of Brax."""
    import jax
    import jax.numpy as jnp
    from evojax.policy.base import PolicyNetwork, PolicyState
    from evojax.sim_mgr import SimManager
    from evojax.task.brax_task import BraxTask
    from flax.struct import dataclass

    train, test = (BraxTask(BRAX[task], max_steps=steps, test=x) for x in (False, True))
    length, step = recurrent(train.obs_shape[0], units, train.act_shape[0])
    batched = jax.vmap(step)

    @dataclass
    class Cells(PolicyState):
        state: jnp.ndarray

    class Policy(PolicyNetwork):
        num_params = length

        def reset(self, states: Any) -> Any:
            number = states.obs.shape[0]
            return Cells(
                keys=jax.random.split(jax.random.PRNGKey(0), number), state=jnp.zeros((number, units))
            )

        def get_actions(self, t_states: Any, params: Any, p_states: Any) -> tuple[Any, Any]:
            state, actions = batched(params, p_states.state, t_states.obs)
            return actions, p_states.replace(state=state)

    manager = SimManager(
        n_repeats=1,
        test_n_repeats=1,
        pop_size=networks,
        n_evaluations=1,
        policy_net=Policy(),
        train_vec_task=train,
        valid_vec_task=test,
        seed=seed,
    )
    theta = 0.1 * jax.random.normal(jax.random.PRNGKey(seed), (networks, length))

    def turn() -> float:
        scores, _ = manager.eval_params(params=theta, test=False)
        jax.block_until_ready(scores)
        return float(networks * steps)

    return turn
