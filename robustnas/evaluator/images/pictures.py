"""Pictures: encoded images, such as PNG and JPEG, read into arrays of one shape."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from robustnas.errors import DataError
from robustnas.evaluator.images.images import SIDE_MULTIPLE
from robustnas.evaluator.memory_size import check_size

Result = TypeVar("Result")

_GRAY, _COLOUR = ("1", "L"), ("RGB", "P", "CMYK", "YCbCr", "HSV", "LAB")
_WITH_ALPHA = {"RGBA": "RGB", "LA": "L", "PA": "RGB", "La": "L", "RGBa": "RGB"}


class Picture(NamedTuple):
    """An encoded image: where it is from, for messages, and its file or its bytes."""

    where: str
    source: Path | bytes


def read_pictures(pictures: Sequence[Picture]) -> NDArray[np.uint8]:
    """Return pictures as arrays, shape (n, channels, side, side): one channel if all are gray, else three.

    Raises:
        DataError: One is damaged, of another size than the first, not square, of 16 bits, or transparent; names it.
    """
    side, colour = _form(pictures)
    channels = 3 if colour else 1
    check_size(len(pictures) * channels * side * side, f"{len(pictures):,} images of {side} x {side} pixels")
    found = np.empty((len(pictures), channels, side, side), np.uint8)
    for i, picture in enumerate(pictures):
        found[i] = (
            _opened(picture, lambda image: np.asarray(_plain(image, colour), np.uint8))
            .reshape(side, side, channels)
            .transpose(2, 0, 1)
        )
    return found


def _form(pictures: Sequence[Picture]) -> tuple[int, bool]:
    """Return side and whether any has colours, from the heads of the files alone."""
    first, colour = (0, 0), False
    for picture in pictures:
        size, mode = _opened(picture, lambda image: (image.size, image.mode))
        first = first if first != (0, 0) else size
        if size != first:
            raise DataError(
                f"{picture.where}: is of {size[0]} x {size[1]} pixels, the first image of {first[0]} x {first[1]}; "
                f"expected one size: resize them"
            )
        if size[0] != size[1] or size[0] % SIDE_MULTIPLE:
            raise DataError(
                f"{picture.where}: is of {size[0]} x {size[1]} pixels; expected a square with a side that is a "
                f"multiple of {SIDE_MULTIPLE}: crop or resize the images"
            )
        if mode not in (*_GRAY, *_COLOUR, *_WITH_ALPHA):
            raise DataError(f"{picture.where}: its pixels are of the kind {mode!r}; expected 8 bits per channel")
        colour |= mode not in _GRAY and _WITH_ALPHA.get(mode) != "L"
    return first[0], colour


def _plain(image: Image.Image, colour: bool) -> Image.Image:
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        alpha = image.convert("RGBA").getchannel("A").getextrema()
        if alpha != (255, 255):
            raise ValueError("has transparent pixels; expected none: save it without an alpha channel")
        image = image.convert("RGBA")
        return image.convert("RGB" if colour else "L")
    return image.convert("RGB" if colour else "L")


def _opened(picture: Picture, use: Callable[[Image.Image], Result]) -> Result:
    source = picture.source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # sizes are checked before pixels are read
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
                return use(image)
    except UnidentifiedImageError:
        raise DataError(f"{picture.where}: is no image, or damaged; expected PNG, JPEG or the like") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{picture.where}: {reason}") from None
