"""A chain of links that swims in the plane, driven by torques at its joints.

The body: `links` flat fins of 10 cm in water-like fluid, joined by elastic hinges. A fin is easily drawn
along its length and hard to push sideways, so a wave that travels from head to tail moves the body forward.
Contacts and limits are off; nothing in the body needs a constraint solver, which keeps a step cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.errors import require_range
from neuroevo.physics import arrays, engine
from neuroevo.physics.arrays import Array, Constant
from neuroevo.plugins import tasks
from neuroevo.seeds import generator
from tasks import swimmer_nerves
from tasks.embodied import Embodied
from tasks.worm_nerves import Stretch

if TYPE_CHECKING:
    import mujoco

    from neuroevo.network.phenotype import Phenotype
    from neuroevo.physics.engine import Engine
    from neuroevo.physics.recording import Film
    from neuroevo.wiring.architecture import Architecture

LINK_LENGTH = 0.1  # metres
LINK_MASS = 0.01  # kilograms
FLUID_DENSITY = 1000.0  # kg / m^3, water
FLUID_VISCOSITY = 0.01  # Pa s, ten times water's
STIFFNESS = 1e-3  # N m / rad, of every joint
ARMATURE = 1e-5  # kg m^2, inertia of every joint, as large as a fin's own about its middle
TORQUE = 1e-3  # N m, at full control
# `python -m benchmarks.swimmer_step` compares integrators and steps with a fine one.
INTEGRATOR = "RK4"
PHYSICS_STEP = 0.03  # seconds
SUBSTEPS = 1  # physics steps a control step
CONTROL_STEP = PHYSICS_STEP * SUBSTEPS  # seconds

# Starts are drawn evenly within these bounds, either way.
START_HEADING = 0.2  # rad
START_ANGLE = 0.3  # rad, of every joint
START_SPEED = 0.2  # rad / s, of every joint

# Typical sizes while swimming; observations are divided by them.
JOINT_SPEED = 5.0  # rad / s
SPEED = 0.2  # m / s


@tasks.register("swimmer")
class Swimmer(Embodied):
    """Swim forward: mean velocity of the centre of mass along +x, in m/s.

    | observation | number | scale |
    |---|---|---|
    | sine and cosine of the head's heading | 2 | 1 |
    | joint angles | links - 1 | rad |
    | joint velocities | links - 1 | 5 rad/s |
    | velocity of the nose, along and across the head | 2 | 0.2 m/s |
    | angular velocity of the head | 1 | 5 rad/s |

    An action is a torque for each joint, clipped to [-1, 1] times 1 mN m. An episode starts with the nose at
    rest and the body turned, bent and bending a little at random. There is no clock among the observations:
    rhythm must come from the network and body.

    With `--adapter none` a circuit of the worm moves the body with its own muscles and feels it with its own
    stretch receptors, see `swimmer_nerves`: nothing is learned between circuit and body. As with the worm,
    the map onto the muscles then decides more than the circuit behind it; nulls with `neuromuscular=keep`
    have it.

    Args:
        links: Links of the body, 3 to 12.
        steps: Control steps of 30 ms an episode, 1 to 10,000.
        episodes: Starts on which a genome is evaluated in a generation, 1 to 10,000.
        held_out: Fresh starts on which a lineage is scored, 1 to 10,000.
        stretch: Where and how B-type motor neurons feel the body bend, with `--adapter none`: `posterior`,
            their own side stretched, behind them; or `anterior`, their own side bent, ahead of them.
        rate: How much these feel of a joint's velocity, in 5 rad/s, beside its angle in rad.
    """

    unit = "m/s"
    shows = {  # noqa: RUF012 - as in `Task`, nobody writes to it
        "linear": "not the circuit from its nulls (2,600 evaluations)",
        "none": "the map onto the muscles, not the circuit behind it (650 evaluations)",
    }
    defaults = {"generations": 80, "population": 64}  # noqa: RUF012

    def __init__(
        self,
        links: int = 6,
        steps: int = 500,
        episodes: int = 1,
        held_out: int = 16,
        stretch: Stretch = "posterior",
        rate: float = 1.0,
    ) -> None:
        require_range("links", links, 3, 12)
        require_range("rate", rate, 0.0, 100.0)
        super().__init__(steps, episodes, held_out)
        self.links = links
        self.stretch = stretch
        self.rate = rate
        self.num_actuators = links - 1
        self.num_sensors = 2 * (links - 1) + 5

    @cached_property
    def floor(self) -> tuple[float, str]:
        """Nothing: the speed of a body that stays where it is."""
        return 0.0, "staying where it is"

    def starts(self, seed: int, purpose: str, num_episodes: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns where episodes start.

        Args:
            seed: Equal seeds give equal starts.
            purpose: "training" or "held-out", branches of the seed tree that have no number in common.
            num_episodes: B.

        Returns:
            Positions (x and y in metres, heading and joint angles in rad) and their velocities, both
            float64 [B, 3 + joints].
        """
        rng = generator(seed, "swimmer", purpose)
        qpos, qvel = np.zeros((2, num_episodes, 3 + self.num_actuators))
        qpos[:, 2] = rng.uniform(-START_HEADING, START_HEADING, num_episodes)
        qpos[:, 3:] = rng.uniform(-START_ANGLE, START_ANGLE, (num_episodes, self.num_actuators))
        qvel[:, 3:] = rng.uniform(-START_SPEED, START_SPEED, (num_episodes, self.num_actuators))
        return qpos, qvel

    def native(self, architecture: Architecture) -> tuple[np.ndarray, np.ndarray]:
        """Returns the body's own maps, from joints to cells that feel them and from muscles to joints.

        Args:
            architecture: The wiring, whose cells are known by their names.

        Returns:
            The encoder, float32 [N, S], and the decoder, float32 [joints, N].

        Raises:
            TaskError: If the wiring lacks the muscles or the B-type motor neurons of a side.
        """
        joints = self.num_actuators
        return swimmer_nerves.native(architecture, joints, self.num_sensors, self.stretch, self.rate)

    def body(self) -> mujoco.MjModel:
        """Returns the compiled body."""
        return model(self.links)

    def seconds(self) -> float:
        """Returns how long a control step is."""
        return CONTROL_STEP

    def run(
        self, phenotype: Phenotype, worlds: Engine, starts: Sequence[np.ndarray], film: Film | None
    ) -> Array:
        """Returns mean forward velocities, m/s, [W]; NaN where a world failed.

        Args:
            phenotype: G genomes.
            worlds: W bodies, B of each genome in turn.
            starts: Positions and velocities, float64 [W, 3 + joints] each.
            film: Keeps where one of the bodies is, step by step; None: nothing is filmed.
        """
        qpos, qvel = starts
        return swim(phenotype, worlds, qpos, qvel, self.steps, film=film)


def swim(
    phenotype: Phenotype,
    worlds: Engine,
    qpos: np.ndarray,
    qvel: np.ndarray,
    steps: int,
    substeps: int = SUBSTEPS,
    film: Film | None = None,
) -> Array:
    """Returns the mean velocity of the centre of mass along +x in each world, in m/s.

    Args:
        phenotype: G genomes.
        worlds: W bodies, B of each genome in turn: world g * B + b is episode b of genome g.
        qpos: Positions at the start, float64 [W, 3 + joints].
        qvel: Velocities at the start, of the same shape.
        steps: Control steps of the episode.
        substeps: Physics steps a control step; the worlds' own step is `CONTROL_STEP / substeps`.
        film: Keeps where one of the bodies is, step by step; None: nothing is filmed.

    Returns:
        float64 [W], or float32 on a device; NaN where the network gave NaN or the simulation failed.
    """
    genomes, joints = phenotype.num_genomes, qpos.shape[1] - 3
    # The arrays of the loop exist once: the network reads `sensed` in place, the bodies read `control`.
    (observations, sensed), (torques, control) = engine.between(worlds, 2 * joints + 5, joints, genomes)
    phenotype.reset(observations.shape[1])
    worlds.reset(qpos, qvel)
    begin = centre_of_mass(worlds.qpos)
    if film is not None:
        film.take(worlds.qpos)
    for _ in range(steps):
        observe(worlds.qpos, worlds.qvel, out=sensed)
        torques.copy_(phenotype.step(observations)).clamp_(-1, 1)
        worlds.step(control, substeps)
        if film is not None:
            film.take(worlds.qpos)
    velocity = (centre_of_mass(worlds.qpos) - begin) / (steps * CONTROL_STEP)
    velocity[worlds.failed] = np.nan
    return velocity


def observe(qpos: Array, qvel: Array, out: Array) -> None:
    """Writes what the network observes.

    Args:
        qpos: Positions, [W, 3 + joints].
        qvel: Velocities, of the same shape.
        out: Where the observations are written, [W, S].
    """
    joints, xp = qpos.shape[1] - 3, arrays.namespace(qpos)
    sine, cosine = xp.sin(qpos[:, 2]), xp.cos(qpos[:, 2])
    out[:, 0], out[:, 1] = sine, cosine
    out[:, 2 : 2 + joints] = qpos[:, 3:]
    out[:, 2 + joints : 2 + 2 * joints] = qvel[:, 3:] * (1 / JOINT_SPEED)
    out[:, -3] = (cosine * qvel[:, 0] + sine * qvel[:, 1]) / SPEED
    out[:, -2] = (cosine * qvel[:, 1] - sine * qvel[:, 0]) / SPEED
    out[:, -1] = qvel[:, 2] / JOINT_SPEED


def centre_of_mass(qpos: Array) -> Array:
    """Returns x of the centre of mass, metres [W].

    Args:
        qpos: Positions, [W, 3 + joints].
    """
    xp = arrays.namespace(qpos)
    along = xp.cos(xp.cumsum(qpos[:, 2:], axis=1))  # [W, links], each link points from its tail to its front
    links = along.shape[1]
    # Link i moves half of itself and all links behind it.
    behind = Constant(links - np.arange(links) - 0.5).beside(qpos)
    return qpos[:, 0] - LINK_LENGTH * (along * behind).sum(1) / links


@cache
def model(links: int = 6, integrator: str = INTEGRATOR, physics_step: float = PHYSICS_STEP) -> mujoco.MjModel:
    """Returns the compiled body.

    Args:
        links: Number of links.
        integrator: MuJoCo's name of the integrator.
        physics_step: Seconds of a physics step.
    """
    import mujoco

    return mujoco.MjModel.from_xml_string(mjcf(links, integrator, physics_step))


def mjcf(links: int, integrator: str = INTEGRATOR, physics_step: float = PHYSICS_STEP) -> str:
    """Returns the body as MJCF: the nose at the origin, the tail along -x.

    Args:
        links: Number of links.
        integrator: MuJoCo's name of the integrator.
        physics_step: Seconds of a physics step.
    """
    half = LINK_LENGTH / 2
    fin = f'<geom type="box" pos="{-half} 0 0" size="{half} .001 .01" mass="{LINK_MASS}"/>'
    slides = '<joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 1 0"/>'
    chain = f'<body name="head">{slides}<joint type="hinge" axis="0 0 1"/>{fin}'
    elastic = f'type="hinge" axis="0 0 1" stiffness="{STIFFNESS}" armature="{ARMATURE}"'
    motors = ""
    for i in range(1, links):
        hinge = f'<joint name="joint{i}" {elastic}/>'
        chain += f'<body name="link{i}" pos="{-LINK_LENGTH} 0 0">{hinge}{fin}'
        motors += f'<motor joint="joint{i}" gear="{TORQUE}" ctrlrange="-1 1" ctrllimited="true"/>'
    return f"""<mujoco model="swimmer">
      <option timestep="{physics_step}" integrator="{integrator}" gravity="0 0 0"
              density="{FLUID_DENSITY}" viscosity="{FLUID_VISCOSITY}">
        <flag warmstart="disable" contact="disable" constraint="disable"/>
      </option>
      <worldbody>{chain}{"</body>" * links}</worldbody>
      <actuator>{motors}</actuator>
    </mujoco>"""
