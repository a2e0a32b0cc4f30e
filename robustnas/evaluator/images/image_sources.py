"""Image sources: the images that are known by name, and where each is looked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from robustnas.errors import DataError, DataNotFoundError, excerpt
from robustnas.evaluator.images.digits import load_digits
from robustnas.evaluator.images.image_folders import IMAGES_VARIABLE, first_existing, places
from robustnas.evaluator.images.image_layouts import read_images
from robustnas.evaluator.images.images import ImageData


@dataclass(frozen=True)
class ImageSource:
    """Images that are known by name.

    Attributes:
        description: One line on what they are.
        load: Reads them. Raises DataNotFoundError where they are nowhere, DataError where they are damaged.

    >>> IMAGE_SOURCES["digits"].load().name
    'digits'
    """

    description: str
    load: Callable[[], ImageData]


@dataclass(frozen=True)
class KnownFiles:
    """Reads images from the first known place that has them.

    Attributes:
        name: What the images are called.
        names: Names of the folder, archive or file that may hold them, in an image folder.
        advice: Where to get them.
        system: Further places.
    """

    name: str
    names: tuple[str, ...]
    advice: str
    system: tuple[Path, ...] = ()

    def __call__(self) -> ImageData:
        """Read the images.

        Raises:
            DataNotFoundError: No place has them; names every place.
            DataError: The files are damaged, or those of other images.
        """
        path = first_existing(self.names, self.system)
        if path is None:
            looked = ", ".join(map(str, places(self.names, self.system)))
            raise DataNotFoundError(
                f"no images {excerpt(self.name)}; looked for {looked}. {self.advice} and put it there, or in the "
                f"folder that {IMAGES_VARIABLE} names, or give the path of the folder instead of the name"
            )
        data = read_images(path)
        if data.name != self.name:
            raise DataError(f"{path}: holds {data.name}; expected {self.name}")
        return data


_CIFAR = "Get it from https://www.cs.toronto.edu/~kriz/cifar.html (python or binary version)"

IMAGE_SOURCES: dict[str, ImageSource] = {
    "digits": ImageSource("1,797 gray digits of 8 x 8 pixels, comes with scikit-learn", load_digits),
    "mnist": ImageSource(
        "70,000 gray digits of 28 x 28 pixels",
        KnownFiles("mnist", ("mnist", "mnist.npz"), "Get the four IDX files"),
    ),
    "fashion-mnist": ImageSource(
        "70,000 gray articles of clothing of 28 x 28 pixels",
        KnownFiles(
            "fashion-mnist",
            ("fashion-mnist", "fashion-mnist.npz"),
            "Install Debian's dataset-fashion-mnist, or get the four IDX files "
            "from https://github.com/zalandoresearch/fashion-mnist",
            (Path("/usr/share/datasets/fashion-mnist"),),
        ),
    ),
    "cifar10": ImageSource(
        "60,000 color images of 32 x 32 pixels in 10 classes",
        KnownFiles(
            "cifar10",
            (
                "cifar10",
                "cifar-10-batches-py",
                "cifar-10-batches-bin",
                "cifar-10-python.tar.gz",
                "cifar-10-binary.tar.gz",
            ),
            _CIFAR,
        ),
    ),
    "cifar100": ImageSource(
        "60,000 color images of 32 x 32 pixels in 100 classes",
        KnownFiles(
            "cifar100",
            ("cifar100", "cifar-100-python", "cifar-100-binary", "cifar-100-python.tar.gz", "cifar-100-binary.tar.gz"),
            _CIFAR,
        ),
    ),
    "ImageNet16-120": ImageSource(
        "157,700 color images of 16 x 16 pixels in 120 classes",
        KnownFiles(
            "ImageNet16-120",
            ("ImageNet16-120", "ImageNet16"),
            "Get ImageNet16 as https://github.com/D-X-Y/NAS-Bench-201 says",
        ),
    ),
}
"""The images that are known by name."""
