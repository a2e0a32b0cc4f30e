"""Class folders: images in files, those of a class in a folder of its name, as torchvision's ImageFolder has them.

::

    train/<class>/*.png     training images
    test/<class>/*.png      test images; or val/, valid/, validation/

Classes are numbered in the order of their names. The images of a split alternate between the classes: the first ones
are then a sample of all.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from robustnas.errors import DataError
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.images.pictures import Picture, read_pictures
from robustnas.evaluator.images.splits import Splits

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp"))
"""How names of images end."""

TESTS: tuple[str, ...] = ("test", "val", "valid", "validation")
"""Names of the test split, the first that is there is taken."""


def has_class_folders(path: Path) -> bool:
    """Return whether a folder has a training split of class folders."""
    return path.is_dir() and any(_is_class(entry) for entry in _folders(path / "train"))


def read_class_folders(path: Path) -> Splits:
    """Read the images of a folder.

    Raises:
        DataError: There are no test images, a class is empty or unknown in training, or an image is faulty; names it.
    """
    test = next((path / name for name in TESTS if (path / name).is_dir()), None)
    if test is None:
        raise DataError(
            f"{path}: has training images in train, but no folder {' or '.join(TESTS)}; move some images of every "
            f"class to {path.name}/test/<class>/"
        )
    classes = [folder.name for folder in _folders(path / "train")]
    if len(classes) < 2:
        raise DataError(f"{path}/train: has one class, {classes[0]!r}; expected two or more folders, one per class")
    unknown = [folder.name for folder in _folders(test) if folder.name not in classes]
    if unknown:
        raise DataError(
            f"{test}: has the classes {', '.join(map(repr, unknown[:3]))}, which {path}/train has not "
            f"({len(unknown)} such); it has {', '.join(map(repr, classes[:5]))}{', ...' if len(classes) > 5 else ''}"
        )
    train, tested = _split(path / "train", classes, every=True), _split(test, classes, every=False)
    pixels = read_pictures([picture for picture, _ in (*train, *tested)])  # together: gray in one, coloured in another
    labels = np.array([label for _, label in (*train, *tested)], dtype=np.int64)
    n = len(train)
    return Splits(LabelledImages(pixels[:n], labels[:n]), LabelledImages(pixels[n:], labels[n:]), len(classes))


def _split(folder: Path, classes: list[str], *, every: bool) -> list[tuple[Picture, int]]:
    """Return pictures and labels, the first of every class before the second of any."""
    ranked = []
    for label, name in enumerate(classes):
        files = _images(folder / name)
        if not files and every:
            raise DataError(f"{folder / name}: holds no images; expected files ending in {', '.join(sorted(SUFFIXES))}")
        ranked += [(rank, label, file) for rank, file in enumerate(files)]
    if not ranked:
        raise DataError(f"{folder}: holds no images; expected {folder.name}/<class>/*.png")
    return [(Picture(str(file), file), label) for _, label, file in sorted(ranked)]


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return sorted(path for path in found if path.is_file())


def _folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _is_class(folder: Path) -> bool:
    return next(iter(_images(folder)), None) is not None
