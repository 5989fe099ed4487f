"""An actor that says which GPUs its process sees; its process imports nothing else."""

import os


class Sighted:
    """Says which GPUs it sees."""

    def sees(self) -> str:
        return os.environ["CUDA_VISIBLE_DEVICES"]
