"""Makes alif_norse.json: norse's adaptive integrate-and-fire neuron under random input.

    pip install --no-deps --target DIR norse==1.1.0 nir==1.0.8 nirtorch==2.6
    PYTHONPATH=DIR python tests/golden/alif_norse.py

norse itself asks for a newer torch than this project admits, so it is no dependency; its equations are plain.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch

STEPS, CELLS = 200, 4
DECAY, THRESHOLD_DECAY, THRESHOLD, JUMP = math.exp(-1 / 20), math.exp(-1 / 10), 1.0, 0.5


def main() -> None:
    """Writes input, spikes and potentials."""
    from norse.torch.functional.lsnn import LSNNParameters, LSNNState, lsnn_step

    currents = np.random.default_rng(0).normal(1.2, 5.0, (STEPS, CELLS)).round(3)
    zeros, eye = torch.zeros(CELLS, dtype=torch.float64), torch.eye(CELLS, dtype=torch.float64)
    constant = {
        "tau_syn_inv": 1.0,  # with a step of 1 the current of one step is gone in the next
        "tau_mem_inv": 1 - DECAY,
        "tau_adapt_inv": 1 - THRESHOLD_DECAY,
        "v_leak": 0.0,
        "v_th": THRESHOLD,
        "v_reset": 0.0,
        "beta": JUMP,
    }
    parameters = LSNNParameters(**{k: torch.tensor(v, dtype=torch.float64) for k, v in constant.items()})
    state = LSNNState(zeros, zeros.clone(), zeros.clone(), zeros + THRESHOLD)
    spikes, potentials = [], []
    for current in torch.from_numpy(currents):
        z, state = lsnn_step(current, state, eye, 0 * eye, parameters, dt=1.0)
        spikes.append(z.to(int).tolist())
        potentials.append(state.v.tolist())
    found = {"currents": currents.tolist(), "spikes": spikes, "potentials": potentials}
    Path(__file__).with_suffix(".json").write_text(json.dumps({"constants": constant, **found}))


if __name__ == "__main__":
    main()
