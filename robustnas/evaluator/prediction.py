"""What a network predicts: logits and accuracy, in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError
from robustnas.evaluator.device import exact_arithmetic
from robustnas.evaluator.memory import in_batches
from robustnas.evaluator.training.augmentation import pixels

if TYPE_CHECKING:
    from robustnas.evaluator.images.images import LabelledImages


def predict(
    network: nn.Module,
    images: LabelledImages,
    *,
    device: torch.device,
    batch_size: int = 512,
    tick: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float32]:
    """Return the logits of images, shape (n, n_classes), computed in float32 and evaluation mode.

    The network is moved to `device`; its modules' modes are left as they were. If memory runs out, batches are halved.

    Args:
        network: The network.
        images: The images.
        device: Where to compute.
        batch_size: Images at a time.
        tick: Called with numbers of images just done.

    Raises:
        InvalidInputError: Images that the network cannot take, or a bad batch size.
        DeviceMemoryError: Too little memory for one image.
    """
    size = whole_number("batch_size", batch_size, at_least=1)
    check_images(network, images, at_least=1)
    raw, parts = torch.tensor(images.images), list[NDArray[np.float32]]()
    network.to(device)

    def run(start: int, stop: int) -> None:
        batch = pixels(raw[start:stop].to(device)).contiguous(memory_format=torch.channels_last)
        logits: Tensor = network(batch)
        parts.append(logits.float().cpu().numpy())
        tick(stop - start)

    with _evaluating(network), torch.no_grad(), exact_arithmetic():
        in_batches(len(raw), size, run)
    return np.concatenate(parts)


def accuracy(network: nn.Module, images: LabelledImages, *, device: torch.device, batch_size: int = 512) -> float:
    """Return the share of images classified correctly, in [0, 1]; see `predict`."""
    logits = predict(network, images, device=device, batch_size=batch_size)
    return float((logits.argmax(1) == images.labels).mean())


def check_images(network: nn.Module, images: LabelledImages, *, at_least: int) -> None:
    """Refuse images that a network cannot take.

    Raises:
        InvalidInputError: Fewer than `at_least`, or of another number of channels.
    """
    if len(images) < at_least:
        raise InvalidInputError(f"there are {len(images)} images; expected {at_least} or more")
    expected = getattr(getattr(network, "network", network), "in_channels", images.images.shape[1])
    if images.images.shape[1] != expected:
        raise InvalidInputError(f"images have {images.images.shape[1]} channels; the network takes {expected}")


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode; every module's mode is restored afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
