"""Fitness tasks: what a phenotype is scored on. One file a domain or data set."""

from neuroevo import plugins
from tasks import gymnasium_env, images, locomotion_bodies, swimmer, worm

ORDER = (  # images, our own bodies, Gymnasium's, anything else
    *("digits", "mnist", "fashion-mnist", "images", "swimmer", "worm"),
    *("swimmer-v5", "halfcheetah-v5", "hopper-v5", "walker2d-v5", "ant-v5", "gym"),
)
plugins.tasks.arrange(ORDER)

__all__ = ["ORDER", "gymnasium_env", "images", "locomotion_bodies", "swimmer", "worm"]
