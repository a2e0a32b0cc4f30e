"""Image files by path: what a folder or file holds is recognised by the names in it, not by its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustnas.errors import DataError, InvalidInputError
from robustnas.evaluator.images.bundle import Bundle
from robustnas.evaluator.images.cifar_batches import (
    CIFAR10_BINARY,
    CIFAR10_PYTHON,
    CIFAR100_BINARY,
    CIFAR100_PYTHON,
    read_cifar10,
    read_cifar100,
)
from robustnas.evaluator.images.class_folders import has_class_folders, read_class_folders
from robustnas.evaluator.images.downsampled_imagenet import IMAGENET16, read_imagenet16_120
from robustnas.evaluator.images.idx import IDX, read_idx
from robustnas.evaluator.images.image_archive import read_image_archive
from robustnas.evaluator.images.images import ImageData, LabelledImages
from robustnas.evaluator.images.normalisation import normalisation
from robustnas.evaluator.images.parquet_images import has_parquet, read_parquet_images
from robustnas.evaluator.images.splits import Splits
from robustnas.spaces.nasbench201.cost import SKELETONS

_SHAPES = {"cifar10": (3, 32, 32), "cifar100": (3, 32, 32), "ImageNet16-120": (3, 16, 16)}


@dataclass(frozen=True)
class ImageLayout:
    """A published way of laying out images.

    Attributes:
        title: What it is called.
        files: The plain names of all its files (`robustnas.evaluator.images.bundle.plain_name`).
        read: Its reader.
        dataset: What the images are then called; None for the name of the folder.
    """

    title: str
    files: tuple[str, ...]
    read: Callable[[Bundle], Splits]
    dataset: str | None = None


LAYOUTS: tuple[ImageLayout, ...] = (
    ImageLayout("CIFAR-10, binary version", CIFAR10_BINARY, read_cifar10, "cifar10"),
    ImageLayout("CIFAR-10, python version", CIFAR10_PYTHON, read_cifar10, "cifar10"),
    ImageLayout("CIFAR-100, binary version", CIFAR100_BINARY, read_cifar100, "cifar100"),
    ImageLayout("CIFAR-100, python version", CIFAR100_PYTHON, read_cifar100, "cifar100"),
    ImageLayout("ImageNet16", IMAGENET16, read_imagenet16_120, "ImageNet16-120"),
    ImageLayout("IDX, as MNIST", IDX, read_idx),
)
"""The layouts, in the order in which they are tried."""


def read_images(path: Path) -> ImageData:
    """Read the images of a folder, of a tar archive of one, or of an .npz file.

    Raises:
        DataNotFoundError: There is nothing of that name.
        DataError: What it holds is unknown, incomplete or damaged; names the file and what was expected.
    """
    path = path.expanduser()
    if path.suffix.lower() == ".npz" and path.is_file():
        return _image_data(path, path.stem, read_image_archive, path)
    if not path.is_dir() or not _complete(Bundle.open(path)):
        if has_class_folders(path):
            return _image_data(path, _name(path), read_class_folders, path)
        if has_parquet(path):
            return _image_data(path, _name(path), read_parquet_images, path)
        path = _below(path) or path
    bundle = Bundle.open(path)
    layout = _layout(bundle)
    return _image_data(path, layout.dataset or _name(path), layout.read, bundle)


def _complete(bundle: Bundle) -> list[ImageLayout]:
    return [layout for layout in LAYOUTS if not bundle.missing(layout.files)]


def _below(path: Path) -> Path | None:
    """Return the folder below one, such as the root of torchvision's datasets, that holds images; None if none does.

    Raises:
        DataError: Several do.
    """
    if not path.is_dir():
        return None
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir())
    nested = [folder / "raw" for folder in folders if (folder / "raw").is_dir()]  # torchvision's MNIST
    found = [folder for folder in (*folders, *nested) if _complete(Bundle.open(folder))]
    if len(found) > 1:
        names = ", ".join(str(folder.relative_to(path)) for folder in found)
        raise DataError(f"{path}: holds several sets of images, in {names}; give the folder of one of them")
    return found[0] if found else None


def _layout(bundle: Bundle) -> ImageLayout:
    complete = _complete(bundle)
    if complete:
        return complete[0]
    nearest = max(LAYOUTS, key=lambda layout: len(layout.files) - len(bundle.missing(layout.files)))
    missing = bundle.missing(nearest.files)
    if len(missing) < len(nearest.files):
        raise DataError(f"{bundle.path}: looks like {nearest.title}, but lacks {', '.join(missing)}")
    known = "; ".join(f"{layout.title} ({layout.files[0]}, ...)" for layout in LAYOUTS)
    raise DataError(
        f"{bundle.path}: holds no images in a known layout; expected an .npz file, train/<class>/*.png and "
        f"test/<class>/*.png, train-*.parquet and test-*.parquet, or the files of {known}"
    )


def _image_data(path: Path, name: str, read: Callable[[Any], Splits], source: Path | Bundle) -> ImageData:
    try:
        train, test, n_classes = read(source)
        _check_name(name, train, n_classes, path)
        mean, std = normalisation(name, train)
        return ImageData(name, train, test, n_classes, mean, std)
    except InvalidInputError as error:
        raise DataError(f"{path}: {error}") from error


def _check_name(name: str, images: LabelledImages, n_classes: int, path: Path) -> None:
    """Refuse other images under the name of a dataset of the database, whose results they would be taken for."""
    if name in SKELETONS:
        expected = (_SHAPES[name], SKELETONS[name].n_classes)
        if (images.shape, n_classes) != expected:
            found = f"has images of shape {images.shape} in {n_classes} classes"
            raise DataError(f"{path}: is called {name} and {found}; expected shape {expected[0]} in {expected[1]}")


def _name(path: Path) -> str:
    name = path.absolute().name
    if name == "raw" and path.is_dir():
        name = path.absolute().parent.name
    return name.partition(".")[0] if path.is_file() else name
