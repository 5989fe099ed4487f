"""A worm that crawls on agar, driven by its muscles.

With `--adapter none` the circuit of the worm is all there is between its stretch receptors and its muscles,
see `worm_nerves`; nothing but the wiring itself evolves. With other adapters any wiring can learn to crawl.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from neuroevo.errors import require_range
from neuroevo.physics import arrays, engine
from neuroevo.physics.arrays import Array
from neuroevo.plugins import tasks
from neuroevo.seeds import generator
from tasks import worm_body, worm_nerves
from tasks.embodied import Embodied
from tasks.worm_body import CONTROL_STEP, JOINTS
from tasks.worm_nerves import Stretch

if TYPE_CHECKING:
    import mujoco

    from neuroevo.network.phenotype import Phenotype
    from neuroevo.physics.engine import Engine
    from neuroevo.physics.recording import Film
    from neuroevo.wiring.architecture import Architecture

Along = Literal["body", "start"]
START_BEND = 0.2  # rad; at the start every joint is bent by up to this, either way
TYPICAL_BEND = 0.1  # rad, while crawling; observations are divided by it
FULL_OUTPUT = 0.125  # of a network, at which a joint is bent with full strength


@tasks.register("worm")
class Worm(Embodied):
    """Crawl forward: mean velocity of the centre of mass along the body, in mm/s, of a worm of 1 mm.

    | observation | number | scale |
    |---|---|---|
    | joint angles, dorsal bends positive | 24 | 0.1 rad |

    An action is a torque for each joint, dorsal positive: muscles bend with full strength from an output of
    0.125 on. An episode starts at rest, bent at random. Among the observations is no clock, and nothing that
    tells where the body points.

    With `--adapter none` the muscles of a segment are its torque and the B-type motor neurons feel the bends.
    Then the map from neurons onto muscles, which most nulls rewire with all else, decides more than the
    circuit behind it. Reports say what each null kept of it; run nulls both ways, as they are and with
    `neuromuscular=keep`, to tell the circuit from its map: `--genome connectome degree
    map-degree=degree:neuromuscular=keep`.

    Args:
        steps: Control steps of 50 ms an episode, 1 to 10,000.
        episodes: Starts on which a genome is evaluated in a generation, 1 to 10,000.
        held_out: Fresh starts on which a lineage is scored, 1 to 10,000.
        stretch: Where and how B-type motor neurons feel the body bend: `posterior`, their own side stretched,
            up to half a body length behind them; `anterior`, their own side bent, up to 0.2 mm ahead of them.
        along: Whether the velocity is that along the `body`, wherever it points, or along the direction in
            which the body lay at the `start`, by which a worm that crawls in a circle gets nowhere.
        drag: How many times as hard it is to move across the body as along it, 1 to 200; agar has 40.
        strength: Angle in rad to which full torque bends a joint that its elasticity alone resists, 0.05 to
            0.6; 0.4 is a curvature of 10 / mm.
    """

    unit = "mm/s"
    shows = {  # noqa: RUF012 - as in `Task`, nobody writes to it
        "linear": "no wiring from another (650 evaluations)",
        "none": "the map onto the muscles, not the circuit behind it (untrained; 650 evaluations)",
    }
    defaults = {"generations": 80, "population": 64}  # noqa: RUF012
    search = {"pgpe": {"stdev": 0.05, "speed": 0.015}}  # noqa: RUF012
    num_sensors = JOINTS
    num_actuators = JOINTS

    def __init__(
        self,
        steps: int = 200,
        episodes: int = 1,
        held_out: int = 16,
        stretch: Stretch = "posterior",
        along: Along = "body",
        drag: float = 40.0,
        strength: float = 0.4,
    ) -> None:
        super().__init__(steps, episodes, held_out)
        require_range("drag", drag, 1, 200)
        require_range("strength", strength, 0.05, 0.6)
        self.stretch = stretch
        self.along = along
        self.drag = drag
        self.strength = strength

    def native(self, architecture: Architecture) -> tuple[np.ndarray, np.ndarray]:
        """Returns the body's own maps: the encoder, float32 [N, 24], and the decoder, float32 [24, N].

        Args:
            architecture: The wiring, whose muscles and motor neurons are known by their names.

        Raises:
            TaskError: If the wiring lacks the muscles or the B-type motor neurons of a side.
        """
        return worm_nerves.native(architecture, self.stretch)

    @cached_property
    def floor(self) -> tuple[float, str]:
        """Nothing: the speed of a body that stays where it is."""
        return 0.0, "staying where it is"

    def starts(self, seed: int, purpose: str, num_episodes: int) -> tuple[np.ndarray, ...]:
        """Returns where episodes start, at rest and pointing along +x on the whole.

        Args:
            seed: Equal seeds give equal starts.
            purpose: "training" or "held-out", branches of the seed tree that have no number in common.
            num_episodes: B.

        Returns:
            Positions alone, float64 [B, 27].
        """
        rng = generator(seed, "worm", purpose)
        return (worm_body.bent(rng.uniform(-START_BEND, START_BEND, (num_episodes, JOINTS))),)

    def body(self) -> mujoco.MjModel:
        """Returns the compiled body."""
        return worm_body.model(self.strength, self.drag)

    def picture(self) -> mujoco.MjModel:
        """Returns the body as it is drawn."""
        return worm_body.picture()

    def seconds(self) -> float:
        """Returns how long a control step is."""
        return CONTROL_STEP

    def run(
        self, phenotype: Phenotype, worlds: Engine, starts: Sequence[np.ndarray], film: Film | None
    ) -> Array:
        """Returns mean forward velocities, mm/s, [W]; NaN where a world failed.

        Args:
            phenotype: G genomes.
            worlds: W bodies, B of each genome in turn.
            starts: Positions alone, float64 [W, 27].
            film: Keeps where one of the bodies is, step by step; None: nothing is filmed.
        """
        worlds.reset(*starts)
        return crawl(phenotype, worlds, self.steps, self.along, film)


def crawl(
    phenotype: Phenotype,
    worlds: Engine,
    steps: int,
    along: Along = "body",
    film: Film | None = None,
    advance: Callable[[Engine, Array], None] = worm_body.advance,
) -> Array:
    """Returns the mean forward velocity in each world, in mm/s.

    Args:
        phenotype: G genomes.
        worlds: W bodies where they start, B of each genome in turn: world g * B + b is episode b of genome g.
        steps: Control steps of the episode.
        along: Whether velocity counts along the body or along where it pointed at the start, as in `Worm`.
        film: Takes the positions of its world at the start and after every step; None: nothing is filmed.
        advance: Moves the worlds by a control step.

    Returns:
        float64 [W], or float32 on a device; NaN where the network gave NaN or the simulation failed.
    """
    # The arrays of the loop exist once: the network reads `sensed` in place, the bodies read `control`.
    sizes = JOINTS, worm_body.NUM_CONTROLS
    (observations, sensed), (controls, control) = engine.between(worlds, *sizes, phenotype.num_genomes)
    torques = controls[:, :, :JOINTS]
    phenotype.reset(observations.shape[1])
    pointing = worm_body.directions(worlds.qpos)
    here = worm_body.centre(worlds.qpos, pointing)
    forward = arrays.zeros(worlds.qpos, worlds.num_worlds)
    ones = arrays.namespace(forward).ones_like(forward)
    for _ in range(steps):
        _take(film, worlds)
        sensed[:] = worm_body.bends(worlds.qpos) * (1 / TYPICAL_BEND)
        torques.copy_(phenotype.step(observations)).mul_(1 / FULL_OUTPUT).clamp_(-1, 1)
        advance(worlds, control)
        before, behind = pointing, here
        pointing = worm_body.directions(worlds.qpos)
        here = worm_body.centre(worlds.qpos, pointing)
        ahead = (before + pointing).sum(1) if along == "body" else ones
        forward += ((here - behind) * ahead.conj()).real / abs(ahead).clip(1e-9)
    _take(film, worlds)
    velocity = forward / (steps * CONTROL_STEP)
    velocity[worlds.failed] = np.nan
    return velocity


def _take(film: Film | None, worlds: Engine) -> None:
    """Notes where the bodies are, if they are filmed."""
    if film is not None:
        film.take(worm_body.nose_first(worlds.qpos))
