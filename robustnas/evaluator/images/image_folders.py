"""Image folders: where images are looked for by name."""

from __future__ import annotations

import os
from pathlib import Path

IMAGES_VARIABLE = "ROBUSTNAS_IMAGES"
"""The environment variable that names the folder of image folders."""


def image_folders() -> tuple[Path, ...]:
    """Return the folders to look in: the one that ROBUSTNAS_IMAGES names, ``images`` in the user's data directory."""
    import platformdirs

    named = os.environ.get(IMAGES_VARIABLE)
    own = platformdirs.user_data_path("robustnas") / "images"
    return (Path(named).expanduser(), own) if named else (own,)


def first_existing(names: tuple[str, ...], further: tuple[Path, ...] = ()) -> Path | None:
    """Return the first of some folders or files that exists, in the order of `places`; None if none does."""
    return next((place for place in places(names, further) if place.exists()), None)


def places(names: tuple[str, ...], further: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """Return every place to search: the folder of ROBUSTNAS_IMAGES, what is further, the user's data directory.

    Args:
        names: What to look for in an image folder.
        further: Full paths.
    """
    *named, own = image_folders()
    return (*(folder / name for folder in named for name in names), *further, *(own / name for name in names))
