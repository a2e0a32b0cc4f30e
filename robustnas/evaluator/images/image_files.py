"""Opening images, by name or by path."""

from __future__ import annotations

from pathlib import Path

from robustnas.errors import DataNotFoundError, unknown_name
from robustnas.evaluator.images.image_layouts import read_images
from robustnas.evaluator.images.image_sources import IMAGE_SOURCES
from robustnas.evaluator.images.images import ImageData


def open_images(name_or_path: str | Path) -> ImageData:
    """Open images to train on and measure with.

    Args:
        name_or_path: A name of `IMAGE_SOURCES`; or a folder with the files of MNIST (IDX), CIFAR-10, CIFAR-100 (python
            or binary version) or ImageNet16; or a tar archive of one; or an .npz file
            (`image_archive`). A text that is a name is never taken for a path; write ``./mnist``.

    Returns:
        The images, called ``cifar10``, ``cifar100`` or ``ImageNet16-120`` where they are laid out as these, and by the
        name of their folder or file otherwise. They are read again with each call: keep them.

    Raises:
        DataNotFoundError: There is no such name, folder or file; lists every place that was searched.
        DataError: A file is damaged or incomplete; names it and what was expected.

    >>> open_images("digits").shape
    (1, 8, 8)
    """
    if isinstance(name_or_path, str) and name_or_path in IMAGE_SOURCES:
        return IMAGE_SOURCES[name_or_path].load()
    path = Path(name_or_path).expanduser()
    if not path.exists():
        nothing = f"{path}: no such file or folder"
        is_name = isinstance(name_or_path, str) and path.name == name_or_path
        raise DataNotFoundError(
            f"{unknown_name('images', name_or_path, IMAGE_SOURCES)}; {nothing}" if is_name else nothing
        )
    return read_images(path)
