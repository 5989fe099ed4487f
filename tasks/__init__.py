"""Fitness tasks: what a phenotype is scored on. One file a domain or data set."""

from tasks import images, swimmer

__all__ = ["images", "swimmer"]
