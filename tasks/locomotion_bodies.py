"""Five bodies of Gymnasium's on batched worlds: swimmer, half cheetah, hopper, walker and ant.

Their numbers are the defaults of Gymnasium's environments; `locomotion` says how they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuroevo.physics.arrays import Array, namespace
from neuroevo.plugins import tasks
from tasks.locomotion import Locomotion

if TYPE_CHECKING:
    from neuroevo.physics.engine import Engine

FASTEST = 10.0  # m/s and rad/s, to which Gymnasium clips observed velocities of hopper and walker
TORSO = 1  # MuJoCo's body 0 is the world


class _Upright(Locomotion):
    """A body in the plane whose episode ends when it falls.

    Attributes:
        heights: Bounds between which the torso of a healthy body is, in metres.
        lean: Most that the torso of a healthy body leans, either way, in rad.
    """

    frame_skip, noise, control_cost, survival = 4, 5e-3, 1e-3, 1.0
    heights: tuple[float, float]
    lean: float

    def observe(self, worlds: Engine) -> Array:
        """Returns Gymnasium's observations, [W, S].

        Args:
            worlds: W bodies.
        """
        speed = worlds.qvel.clip(-FASTEST, FASTEST)
        return namespace(speed).concatenate([worlds.qpos[:, self.hidden :], speed], axis=1)

    def _healthy(self, worlds: Engine) -> Array:
        height, lean = worlds.qpos[:, 1], worlds.qpos[:, 2]
        return (height > self.heights[0]) & (height < self.heights[1]) & (abs(lean) < self.lean)


@tasks.register("swimmer-v5")
class SwimmerV5(Locomotion):
    """Gymnasium's Swimmer-v5: three links swim forward in viscous fluid; return of an episode.

    | observation | number | scale |
    |---|---|---|
    | angles of the front link and of two joints | 3 | rad |
    | velocity of the front link along x and y | 2 | 2 m/s |
    | angular velocities | 3 | 2 rad/s |

    Reward of a control step of 40 ms: velocity along x less 1e-4 times the squared control of two joints.

    Args:
        steps: Control steps of an episode, 1 to 10,000; Gymnasium's own episode has 1,000.
        episodes: Starts on which a genome is evaluated in a generation, 1 to 10,000.
        held_out: Fresh starts on which a lineage is scored, 1 to 10,000.
    """

    shows = {"linear": "no wiring from another, nor from none (650 evaluations)"}  # noqa: RUF012 - as in `Task`
    defaults = {"generations": 40, "population": 64}  # noqa: RUF012
    num_sensors, num_actuators = 8, 2
    environment, file, frame_skip = "Swimmer-v5", "swimmer.xml", 4
    noise, hidden, typical_speed, control_cost = 0.1, 2, 2.0, 1e-4
    is_chain = True


@tasks.register("halfcheetah-v5")
class HalfCheetahV5(Locomotion):
    """Gymnasium's HalfCheetah-v5: a body with two legs runs forward in the plane; return of an episode.

    | observation | number | scale |
    |---|---|---|
    | height and angle of the torso | 2 | m, rad |
    | angles of six joints, the rear leg's first | 6 | rad |
    | velocity of the torso along x and z | 2 | 3 m/s |
    | angular velocities of the torso and of the joints | 7 | 3 rad/s |

    Reward of a control step of 50 ms: velocity along x less 0.1 times the squared control of six joints.
    An episode does not end early, however the body lies.

    Args:
        steps: Control steps of an episode, 1 to 10,000; Gymnasium's own episode has 1,000.
        episodes: Starts on which a genome is evaluated in a generation, 1 to 10,000.
        held_out: Fresh starts on which a lineage is scored, 1 to 10,000.
    """

    shows = {"linear": "no wiring from another, nor from none (3,900 evaluations)"}  # noqa: RUF012 - as in `Task`
    defaults = {"generations": 50, "population": 64}  # noqa: RUF012
    num_sensors, num_actuators = 17, 6
    environment, file, frame_skip = "HalfCheetah-v5", "half_cheetah.xml", 5
    noise, typical_speed, control_cost = 0.1, 3.0, 0.1
    start_speeds = "normal"


@tasks.register("hopper-v5")
class HopperV5(_Upright):
    """Gymnasium's Hopper-v5: a body with one leg hops forward in the plane; return of an episode.

    | observation | number | scale |
    |---|---|---|
    | height and angle of the torso | 2 | m, rad |
    | angles of three joints | 3 | rad |
    | velocity of the torso along x and z | 2 | 2 m/s |
    | angular velocities of the torso and of the joints | 4 | 2 rad/s |

    Velocities are clipped to 10. Reward of a control step of 8 ms: velocity along x plus 1 while healthy,
    less 1e-3 times the squared control of three joints. The episode ends when the torso is lower than 0.7 m,
    leans by more than 0.2 rad, or when any angle or velocity is beyond 100.

    Args:
        steps: Control steps of an episode, 1 to 10,000; Gymnasium's own episode has 1,000.
        episodes: Starts on which a genome is evaluated in a generation, 1 to 10,000.
        held_out: Fresh starts on which a lineage is scored, 1 to 10,000.
    """

    shows = {"linear": "no wiring from another, nor from none (650 evaluations)"}  # noqa: RUF012 - as in `Task`
    defaults = {"generations": 100, "population": 64}  # noqa: RUF012
    num_sensors, num_actuators = 11, 3
    environment, file, typical_speed = "Hopper-v5", "hopper.xml", 2.0
    heights, lean = (0.7, np.inf), 0.2
    largest = 100.0  # rad, m/s and rad/s

    def _healthy(self, worlds: Engine) -> Array:
        state = namespace(worlds.qpos).concatenate([worlds.qpos[:, 2:], worlds.qvel], axis=1)
        return super()._healthy(worlds) & (abs(state) < self.largest).all(axis=1)


@tasks.register("walker2d-v5")
class Walker2dV5(_Upright):
    """Gymnasium's Walker2d-v5: a body with two legs walks forward in the plane; return of an episode.

    | observation | number | scale |
    |---|---|---|
    | height and angle of the torso | 2 | m, rad |
    | angles of six joints, the right leg's first | 6 | rad |
    | velocity of the torso along x and z | 2 | 5 m/s |
    | angular velocities of the torso and of the joints | 7 | 5 rad/s |

    Velocities are clipped to 10. Reward of a control step of 8 ms: velocity along x plus 1 while healthy,
    less 1e-3 times the squared control of six joints. The episode ends when the torso is not between 0.8 and
    2 m or leans by more than 1 rad.

    Args:
        steps: Control steps of an episode, 1 to 10,000; Gymnasium's own episode has 1,000.
        episodes: Starts on which a genome is evaluated in a generation, 1 to 10,000.
        held_out: Fresh starts on which a lineage is scored, 1 to 10,000.
    """

    shows = {"linear": "no wiring from another, nor from none (650 evaluations)"}  # noqa: RUF012 - as in `Task`
    defaults = {"generations": 50, "population": 64}  # noqa: RUF012
    num_sensors, num_actuators = 17, 6
    environment, file, typical_speed = "Walker2d-v5", "walker2d_v5.xml", 5.0
    heights, lean = (0.8, 2.0), 1.0


@tasks.register("ant-v5")
class AntV5(Locomotion):
    """Gymnasium's Ant-v5: a body with four legs walks forward in space; return of an episode.

    | observation | number | scale |
    |---|---|---|
    | height of the torso, its orientation as a quaternion | 5 | m, 1 |
    | angles of eight joints, hip and ankle of one leg after another | 8 | rad |
    | velocity of the torso along x, y and z | 3 | 3 m/s |
    | angular velocities of the torso and of the joints | 11 | 3 rad/s |
    | torque and force from outside on each of 13 parts, clipped to [-1, 1] | 78 | N m, N |

    Reward of a control step of 50 ms: velocity of the torso along x plus 1 while healthy, less 0.5 times the
    squared control of eight joints and 5e-4 times the squared forces as they are observed. The episode ends
    when the torso is not between 0.2 and 1 m.

    Args:
        steps: Control steps of an episode, 1 to 10,000; Gymnasium's own episode has 1,000.
        episodes: Starts on which a genome is evaluated in a generation, 1 to 10,000.
        held_out: Fresh starts on which a lineage is scored, 1 to 10,000.
    """

    shows = {"linear": "the circuit from none, not from its nulls (650 evaluations)"}  # noqa: RUF012 - as in `Task`
    defaults = {"generations": 40, "population": 64}  # noqa: RUF012
    num_sensors, num_actuators = 105, 8
    environment, file, frame_skip = "Ant-v5", "ant.xml", 5
    noise, hidden, typical_speed, control_cost = 0.1, 2, 3.0, 0.5
    start_speeds = "normal"
    survival, forces = 1.0, True
    heights, contact_cost = (0.2, 1.0), 5e-4

    def __init__(self, steps: int = 200, episodes: int = 1, held_out: int = 16) -> None:
        super().__init__(steps, episodes, held_out)

    def observe(self, worlds: Engine) -> Array:
        """Returns Gymnasium's observations, [W, S]; forces on the world itself are left out.

        Args:
            worlds: W bodies.
        """
        forces = worlds.cfrc_ext[:, TORSO:].reshape(worlds.num_worlds, -1).clip(-1, 1)
        return namespace(forces).concatenate([super().observe(worlds), forces], axis=1)

    def _place(self, worlds: Engine) -> Array:
        return worlds.xpos[:, TORSO, 0]

    def _healthy(self, worlds: Engine) -> Array:
        height = worlds.qpos[:, 2]
        return (height >= self.heights[0]) & (height <= self.heights[1])

    def _contact_cost(self, worlds: Engine) -> Array:
        return self.contact_cost * namespace(worlds.qpos).square(worlds.cfrc_ext.clip(-1, 1)).sum((1, 2))
