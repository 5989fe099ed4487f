"""Image tasks: published data sets, and a user's own files; `classification` has what they share."""

from __future__ import annotations

import math

from neuroevo.errors import OptionError, listed, require_range
from neuroevo.plugins import tasks
from neuroevo.text import count
from tasks import class_folders, datasets, image_files
from tasks.classification import Classification, Fitness

LARGEST_SIDE = 1_024  # of pictures that are brought to a size
LARGEST_SEED = 2**31 - 1
DIGITS = [str(digit) for digit in range(10)]


@tasks.register("digits")
class Digits(Classification):
    """Name handwritten digits of 8 x 8 pixels; they come with scikit-learn.

    Sensors: pixels, less their training mean, over one number that makes them of order one.

    Args:
        episodes: Images of a minibatch.
        steps: Network steps for which an image is shown.
        components: Principal components of the training split shown in place of pixels; 0 for pixels.
        fitness: `cross-entropy`, the log-likelihood of the true class; or `accuracy`, 1 or 0 an image.
        pool: Images among which those of a minibatch are drawn by how wrong the lineage is on each; 0: they
            are drawn evenly.
    """

    shows = {  # noqa: RUF012 - as in `Task`, nobody writes to it
        "linear": "no wiring from another, nor from none (1,950 evaluations)",
        "ridge": "the circuit from none, not from random wirings (untrained)",
    }
    defaults = {"generations": 200, "population": 64}  # noqa: RUF012
    shape, num_training, rank, class_names = (8, 8), 1_442, 61, DIGITS

    def images(self) -> datasets.Images:
        """Returns the 8 x 8 digits."""
        return datasets.digits()


class _Downloaded(Classification):
    """What MNIST and the data set made in its image share."""

    defaults = {"generations": 1600, "population": 192}  # noqa: RUF012
    shape, num_training = (28, 28), 60_000

    def __init__(
        self,
        episodes: int = 256,
        steps: int = 4,
        components: int = 40,
        fitness: Fitness = "cross-entropy",
        folder: str = "",
        pool: int = 0,
    ) -> None:
        super().__init__(episodes, steps, components, fitness, pool)
        self.folder = folder


@tasks.register("mnist")
class Mnist(_Downloaded):
    """Name the handwritten digits of MNIST, 28 x 28 pixels; downloaded once, 20 MB, and checked.

    Sensors: leading principal components of the training split, strongest first, over one number that makes
    them of order one. They are fitted without labels.

    Args:
        episodes: Images of a minibatch.
        steps: Network steps for which an image is shown.
        components: Principal components; 0 for pixels.
        fitness: `cross-entropy`, the log-likelihood of the true class; or `accuracy`, 1 or 0 an image.
        folder: Folder of the four IDX files, in place of a download.
        pool: Images among which those of a minibatch are drawn by how wrong the lineage is on each; 0: they
            are drawn evenly.
    """

    shows = {"linear": "no wiring from another, nor from none (3,900 evaluations)"}  # noqa: RUF012 - as in `Task`
    rank, class_names = 712, DIGITS

    def images(self) -> datasets.Images:
        """Returns MNIST."""
        return datasets.mnist(self.folder)


@tasks.register("fashion-mnist")
class FashionMnist(_Downloaded):
    """Name the clothes of Fashion-MNIST, 28 x 28 pixels; downloaded once, 31 MB, and checked.

    Sensors and options are those of `mnist`. The download is a package of Debian, which apt fetches and does
    not install; where there is no apt, OpenML.

    Args:
        episodes: Images of a minibatch.
        steps: Network steps for which an image is shown.
        components: Principal components; 0 for pixels.
        fitness: `cross-entropy`, the log-likelihood of the true class; or `accuracy`, 1 or 0 an image.
        folder: Folder of the four IDX files, in place of a download.
        pool: Images among which those of a minibatch are drawn by how wrong the lineage is on each; 0: they
            are drawn evenly.
    """

    shows = {"linear": "no wiring from another, nor from none (1,950 evaluations)"}  # noqa: RUF012 - as in `Task`
    rank = 784
    class_names = [  # noqa: RUF012
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]

    def images(self) -> datasets.Images:
        """Returns Fashion-MNIST."""
        return datasets.fashion_mnist(self.folder)


@tasks.register("images")
class ImageFiles(Classification):
    """Name the images in files of your own: `images:PATH`, folders of pictures, IDX files or npz files.

    | files | names |
    |---|---|
    | PNG and JPEG, a folder a class | `CLASS/x.png`; or `train/CLASS/x.png` and `test/CLASS/x.png` |
    | IDX of unsigned bytes, plain or `.gz` | as MNIST's: `train-images-idx3-ubyte` and so on, at their end |
    | arrays of an npz file | `train_images`, `train_labels`, `test_images`, `test_labels` |
    | the same, as Keras writes them | `x_train`, `y_train`, `x_test`, `y_test` |
    | where no test images are told | `images-idx3-ubyte`, `labels-idx1-ubyte`; `images`, `labels` |

    Several npz files in a folder are parts of one data set. Images are grey [n, height, width] or in colour
    [n, height, width, 3]: whole numbers in 0..255, or floats in [0, 1], which are rounded to 1/255. Labels
    are whole numbers from 0; each that occurs is a class. Where no test images are told, a fifth of each
    class is held out (at least one image), drawn by the seed `split`. Nothing is ever unpickled.

    Folders of PNG and JPEG files give classes their names. Pictures are taken as they are stored, of one size
    or brought to `size`; one in colour makes all of them so, and none may be transparent.

    Sensors: as those of `mnist`; in colour, a pixel's three values follow one another.

    Args:
        path: The folder or file; may stand first without its name, `images:PATH`.
        episodes: Images of a minibatch, at most those of the training split.
        steps: Network steps for which an image is shown.
        components: Principal components, for images of at most 4,096 values; 0 for pixels.
        fitness: `cross-entropy`, the log-likelihood of the true class; or `accuracy`, 1 or 0 an image.
        pool: Images among which those of a minibatch are drawn by how wrong the lineage is on each; 0: they
            are drawn evenly.
        size: Side in pixels that pictures in folders are brought to, 1 to 1,024; 0 leaves them.
        split: Seed of the draw of test images where the files do not tell them.
    """

    bare_option = "path"
    defaults = {"generations": 400, "population": 128}  # noqa: RUF012

    def __init__(
        self,
        path: str = "",
        episodes: int = 256,
        steps: int = 4,
        components: int = 40,
        fitness: Fitness = "cross-entropy",
        pool: int = 0,
        size: int = 0,
        split: int = 0,
    ) -> None:
        require_range("size", size, 0, LARGEST_SIDE)
        require_range("split", split, 0, LARGEST_SEED)
        if not path:
            raise OptionError("Option 'path' is not given; wanted a folder or an .npz file, images:PATH.")
        self.path = path
        self.size = size
        self.split = split
        self._are_folders = class_folders.are_at(path)
        if size and not self._are_folders:
            raise OptionError(
                f"Option 'size' is {size}; wanted 0 for {path}, which is no folder a class of pictures."
            )
        known = (
            class_folders.facts(path, size, split) if self._are_folders else image_files.facts(path, split)
        )
        self.shape = known.shape
        self.num_training = len(known.train_labels)
        self.rank = min(math.prod(known.shape), self.num_training - 1)
        self.class_names = known.class_names
        super().__init__(episodes, steps, components, fitness, pool)
        self.ports = _sentence(self, known)

    def images(self) -> datasets.Images:
        """Returns the images at the path."""
        if self._are_folders:
            return class_folders.load(self.path, self.size, self.split)
        return image_files.load(self.path, self.split)


def _sentence(task: ImageFiles, known: image_files.Facts) -> str:
    """Returns what a task's sensors and classes are, and how its images are split."""
    shape, names = " x ".join(map(str, known.shape)), listed(task.class_names)
    sensors = (
        f"{task.components} principal components" if task.components else count(task.num_sensors, "sensor")
    )
    split = (
        "as the files tell"
        if known.held_out is None
        else f"drawn by split={task.split}, a fifth of each class"
    )
    return (
        f"Images of {shape} pixels as {sensors}; {len(task.class_names)} classes: {names}; "
        f"{count(len(known.train_labels), 'image')} for training, {len(known.test_labels)} for the score, "
        f"{split}."
    )
