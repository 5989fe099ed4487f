"""Fitness tasks: what a phenotype is scored on. One file a domain or data set.

A task is a class derived from `neuroevo.task.Task`, with the decorator `@tasks.register(name)`.

    images             digits, MNIST, Fashion-MNIST and images of the user's; classification: what they share
    pixels             what sensors see of an image
    datasets           published images, found, checked and cached; sources: where they are downloaded from
    image_files        images in the user's files; stored: as arrays; idx: the format of MNIST
    class_folders      images in the user's files, a folder a class
    sequences          what sequence tasks share; memory: what is held of the past; prediction: what comes
                       next; decisions: at the end of a trial; lines: a control
    swimmer            a chain of links that swims; swimmer_nerves: how a circuit is wired to it;
                       embodied: what tasks with a body share
    worm               a worm that crawls; worm_body: its body; worm_nerves: how a circuit is wired to it
    locomotion_bodies  five bodies of Gymnasium's; locomotion: how they are moved
    gymnasium_env      any environment of Gymnasium's; spaces: its spaces as sensors and actuators
    finite             what an environment gives that is no number, told as its own
"""

from neuroevo import plugins
from tasks import (
    decisions,
    gymnasium_env,
    images,
    lines,
    locomotion_bodies,
    memory,
    prediction,
    swimmer,
    worm,
)

ORDER = (  # sequences, images, our own bodies, Gymnasium's, anything else
    *("memory", "capacity", "narma", "mackey-glass", "lorenz", "decision", "match", "lines"),
    *("digits", "mnist", "fashion-mnist", "images", "swimmer", "worm"),
    *("swimmer-v5", "halfcheetah-v5", "hopper-v5", "walker2d-v5", "ant-v5", "gym"),
)
plugins.tasks.arrange(ORDER)

__all__ = [
    "ORDER",
    "decisions",
    "gymnasium_env",
    "images",
    "lines",
    "locomotion_bodies",
    "memory",
    "prediction",
    "swimmer",
    "worm",
]
