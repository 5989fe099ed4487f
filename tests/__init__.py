"""Tests: a folder for each package; what several of them share stands beside this file."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
