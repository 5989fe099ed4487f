"""How a circuit of the worm is wired to the swimmer's body: through its muscles and stretch receptors.

The swimmer has fewer joints than the worm has segments, so each joint has a share of the body of its own. Its
torque is what dorsal muscles of that share do minus what ventral ones do, left and right together. B-type
motor neurons feel the bends of the joints in their field, as they feel the worm's own segments, and how fast
these bend; see `worm_nerves`.

References:
    Schmidgall, Schuman & Parsa (2022), https://doi.org/10.48550/arXiv.2209.14406 (the swimmer)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks import worm_nerves
from tasks.worm_nerves import SEGMENTS, Stretch

if TYPE_CHECKING:
    from neuroevo.wiring.architecture import Architecture

NUM_FEATURES = 2  # sensors before the joint angles: sine and cosine of the heading


def native(
    architecture: Architecture, joints: int, num_sensors: int, stretch: Stretch, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the maps of the swimmer's body, the encoder, float32 [N, S], and the decoder, float32 [J, N].

    Args:
        architecture: The wiring, whose muscles and motor neurons are known by their names.
        joints: J.
        num_sensors: S; joint angles come after the heading, and joint velocities after these.
        stretch: Where and how B-type motor neurons feel the body bend.
        rate: How much they feel of a joint's velocity, beside its angle.

    Raises:
        TaskError: If the wiring lacks the muscles or the B-type motor neurons of a side.
    """
    felt, bent = worm_nerves.native(architecture, stretch)
    shares = share_of_joints(joints)
    encoder = np.zeros((architecture.num_cells, num_sensors), np.float32)
    angles = felt @ shares
    encoder[:, NUM_FEATURES : NUM_FEATURES + joints] = angles
    encoder[:, NUM_FEATURES + joints : NUM_FEATURES + 2 * joints] = rate * angles
    return encoder, (shares / shares.sum(0)).T.astype(np.float32) @ bent


def share_of_joints(joints: int) -> np.ndarray:
    """Returns which joint each segment of the body belongs to, float [24, J]: 1 for it, 0 for others.

    Args:
        joints: J.
    """
    owner = np.arange(SEGMENTS) * joints // SEGMENTS
    return np.eye(joints)[owner]
