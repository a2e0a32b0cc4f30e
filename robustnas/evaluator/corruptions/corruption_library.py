"""Corruptions generated with the library imagecorruptions, at the constants of ImageNet-C.

The library draws from numpy's global generator. That is seeded for each image, and the caller's state is restored, so
that a corrupted image depends on nothing but seed, corruption, severity and its place. (While images are generated, no
other thread should draw from the global generator.)

Images of less than 32 pixels: corruptions that act on each pixel alone or scale with the image (brightness, contrast,
the three noises, elastic_transform, fog, jpeg_compression, pixelate) are generated at the image's own size. Those whose
constants are lengths in pixels (`IN_PIXELS`) would outgrow it: they are generated on the image enlarged by the least
whole factor to 32 pixels or more, and averaged back over the same blocks.

Gray images are generated with three equal channels, which are averaged back; of the noises, which differ from channel
to channel, the first channel is taken, as an average would be a third of the variance.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustnas.errors import EvaluationError, InvalidInputError
from robustnas.evaluator.images.images import LabelledImages

IN_PIXELS: frozenset[str] = frozenset({"defocus_blur", "frost", "glass_blur", "motion_blur", "snow", "zoom_blur"})
"""Corruptions whose constants are lengths in pixels."""

NOISES: frozenset[str] = frozenset({"gaussian_noise", "impulse_noise", "shot_noise"})
"""Corruptions that draw separately for each channel."""

LEAST_SIDE = 32
"""The least side of an image that the library supports."""

_SEEDED = ("glass_blur", "impulse_noise")  # they take a seed; the others draw from numpy's global generator


def generate(
    clean: LabelledImages, name: str, severity: int, seed: int, tick: Callable[[int], None] = lambda _: None
) -> NDArray[np.uint8]:
    """Return corrupted images: uint8, in the shape of the clean ones.

    Args:
        clean: Images of one or three channels.
        name: The corruption.
        severity: 1 to 5.
        seed: Of all randomness. Image i is the same whatever images are beside it.
        tick: Called with numbers of images just done.

    Raises:
        EvaluationError: The library is not installed.
        InvalidInputError: The images have neither one nor three channels.
    """
    channels, side, _ = clean.shape
    if channels not in (1, 3):
        raise InvalidInputError(f"images have {channels} channels; corruptions are generated for 1 or 3")
    corrupt = _library()[name]
    factor = -(-LEAST_SIDE // side) if name in IN_PIXELS else 1
    corrupted = np.empty(clean.images.shape, np.uint8)
    with _global_state_kept():
        for i, image in enumerate(clean.images):
            large = _enlarged(_color(image), factor)
            found = _corrupt(corrupt, large, name, severity, _image_seed(seed, name, severity, i))
            kept = found[:, :, :1] if channels == 1 and name in NOISES else found
            corrupted[i] = _averaged(kept, factor, channels)
            tick(1)
    return corrupted


@cache
def _library() -> dict[str, Callable[..., Any]]:
    """Return the corruptions by name; the library's own door refuses images of less than 32 pixels."""
    import importlib

    try:
        corruptions: dict[str, Callable[..., Any]] = importlib.import_module("imagecorruptions").corruption_dict
    except ImportError as error:
        raise EvaluationError(
            f"generating corruptions needs the library imagecorruptions ({error}): "
            f'pip install "robustnas[corruptions]", or name a folder with the files of CIFAR-10-C'
        ) from None
    return corruptions


def _corrupt(
    corrupt: Callable[..., Any], image: NDArray[np.uint8], name: str, severity: int, seed: int
) -> NDArray[np.uint8]:
    from PIL import Image

    np.random.seed(seed)  # noqa: NPY002 (the library draws from it)
    own = {"seed": seed} if name in _SEEDED else {}
    found: NDArray[Any] = np.array(corrupt(Image.fromarray(image), severity, **own))
    return found.astype(np.uint8)  # cut off, as the library does


def _image_seed(seed: int, name: str, severity: int, i: int) -> int:
    sequence = np.random.SeedSequence([seed, zlib.crc32(name.encode()), severity, i])
    return int(sequence.generate_state(1)[0])


def _color(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an image of shape (side, side, 3) from one of shape (channels, side, side), uint8 or in [0, 1]."""
    pixels = image if image.dtype == np.uint8 else np.rint(image * 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels, (3, *image.shape[1:])).transpose(1, 2, 0))


def _enlarged(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    return image if factor == 1 else image.repeat(factor, axis=0).repeat(factor, axis=1)


def _averaged(image: NDArray[np.uint8], factor: int, channels: int) -> NDArray[np.uint8]:
    """Return an image of shape (channels, side, side), averaged over blocks and over channels where it is gray."""
    if factor == 1 and channels == image.shape[2]:
        return image.transpose(2, 0, 1)
    side = image.shape[0] // factor
    blocks = image.reshape(side, factor, side, factor, -1).mean(axis=(1, 3))
    means = blocks if channels == 3 else blocks.mean(axis=2, keepdims=True)
    rounded: NDArray[np.uint8] = np.rint(means).astype(np.uint8)
    return rounded.transpose(2, 0, 1)


@contextmanager
def _global_state_kept() -> Iterator[None]:
    state = np.random.get_state()  # noqa: NPY002 (restored below)
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
