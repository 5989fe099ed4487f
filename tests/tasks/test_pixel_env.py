"""Environments that show pixels: seen through patches and through filters, and played by champions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import neuroevo as ne
from neuroevo.errors import TaskError
from tests.small import CIRCUIT

SIDE = 12


class Sides(gymnasium.Env):
    """Shows bright red on one side, and pays 1 a step for naming the side."""

    observation_space = spaces.Box(0, 255, (SIDE, SIDE, 3), np.uint8)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.age = 0
        return self.look(), {}

    def look(self) -> np.ndarray:
        self.side = int(self.np_random.integers(2))
        image = self.np_random.integers(0, 80, (SIDE, SIDE, 3)).astype(np.uint8)
        left = self.side * SIDE // 2
        image[:, left : left + SIDE // 2, 0] = 255
        return image

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        earned = float(action == self.side)
        self.age += 1
        return self.look(), earned, self.age == 8, False, {}


gymnasium.register("neuroevo/Sides-v0", entry_point=Sides)
TASK = "sides=gym:tests.tasks.test_pixel_env:neuroevo/Sides-v0,steps=8,episodes=4,held_out=8"
REQUEST: dict[str, Any] = {
    "genome": ["connectome", "adapter-only"],
    "task": [TASK],
    "connectome": CIRCUIT,
    "workers": 0,
}


@pytest.mark.parametrize("adapter", ["retina:patch=4", "conv:filters=4,size=3,stride=3"])
def test_pixels_are_learnt_from_and_played(adapter: str, tmp_path: Path) -> None:
    run = ne.run(**REQUEST, adapter=adapter, generations=15, population=32, out=tmp_path / "run")
    assert "pixels 12 x 12 x 3 as 432 sensors" in run.report().tasks["sides"].ports
    scores = run.results().set_index("genome")["score"]
    assert scores["adapter-only"] > 6  # of 8; guessing earns 4
    policy = run.champion(genome="adapter-only")
    policy.save(tmp_path / "file")
    assert policy.blueprint.image_shape == (SIDE, SIDE, 3)
    environment = gymnasium.make("neuroevo/Sides-v0")
    observation, _ = environment.reset(seed=0)
    earned, over = 0.0, False
    while not over:
        observation, reward, over, _, _ = environment.step(policy.step(observation))
        earned += float(reward)
    assert earned > 4


def test_filters_want_pixels(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="'conv' was asked for where sensors are not the pixels of an image"):
        ne.run(**{**REQUEST, "task": ["gym:CartPole-v1"]}, adapter="conv", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
