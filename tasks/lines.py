"""Parallel lines: the task of the planted circuit, for which the right wiring is known."""

from __future__ import annotations

import numpy as np

from neuroevo.errors import OptionError, TaskError, require_range
from neuroevo.plugins import tasks
from neuroevo.wiring.architecture import Architecture
from tasks.sequences import SequenceTask, lagged

CHANNELS = 6
MEMORY = 0.9  # of the inputs, from one step to the next


@tasks.register("lines")
class Lines(SequenceTask):
    """Say on each of six lines what was heard on it some steps ago: a control whose right answer is known.

    Each input is noise that remembers: u[t+1] = 0.9 u[t] + sqrt(1 - 0.81) times a standard normal. The
    connectome `planted` is six lines in parallel; wired to the task by `--adapter none`, through cells named
    in1 to in6 and out1 to out6, it is right, and rewired it is not. No muscles are in between: what wins is
    the circuit. The score is the share of the variance that is explained.

    Args:
        lag: Steps ago.
        length: Steps of a training sequence.
        test_length: Steps of a held-out sequence.
        washout: Steps at the beginning that are not judged.
        episodes: Sequences that run side by side.
    """

    shows = {  # noqa: RUF012 - as in `Task`, nobody writes to it
        "linear": "not the planted circuit from its nulls (2,640 evaluations)",
        "none": "the planted circuit from its nulls (165 evaluations)",
    }
    num_sensors = CHANNELS
    num_actuators = CHANNELS

    def __init__(
        self, lag: int = 6, length: int = 150, test_length: int = 300, washout: int = 20, episodes: int = 4
    ) -> None:
        super().__init__(length, test_length, washout, episodes)
        require_range("lag", lag, 0, 1_000)
        if lag > washout:
            raise OptionError(
                f"Option 'lag' is {lag}, and the washout {washout} steps; wanted no more than that."
            )
        self.lag = lag

    def draw(self, rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns inputs and what they were `lag` steps before, [T, B, 6] each.

        Args:
            rng: Source of the noise.
            length: T.
        """
        from scipy.signal import lfilter

        noise = rng.standard_normal((length, self.episodes, CHANNELS))
        noise[1:] *= np.sqrt(1 - MEMORY**2)  # the first is drawn as all later ones are distributed
        inputs = lfilter([1.0], [1.0, -MEMORY], noise, axis=0)
        return inputs, lagged(inputs, self.lag)

    def native(self, architecture: Architecture) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lines' own maps, from each sensor to a cell and from each cell to an actuator.

        Args:
            architecture: The wiring, with cells in1 to in6 and out1 to out6.

        Returns:
            The encoder, float32 [N, 6], and the decoder, float32 [6, N].

        Raises:
            TaskError: If one of these cells is missing.
        """
        place = {cell: i for i, cell in enumerate(architecture.cells)}
        encoder = np.zeros((architecture.num_cells, CHANNELS), np.float32)
        decoder = np.zeros((CHANNELS, architecture.num_cells), np.float32)
        for k in range(CHANNELS):
            for name in (f"in{k + 1}", f"out{k + 1}"):
                if name not in place:
                    raise TaskError(
                        f"Task 'lines' with native maps is wired to cells in1 to in{CHANNELS} and out1 to "
                        f"out{CHANNELS}, and the wiring has no {name}; wanted --connectome planted."
                    )
            encoder[place[f"in{k + 1}"], k] = 1.0
            decoder[k, place[f"out{k + 1}"]] = 1.0
        return encoder, decoder
