"""What a network predicts: logits and accuracy, in evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError
from robustnas.evaluator.device import DeviceMemoryError, deterministic_convolutions, device_name
from robustnas.evaluator.training.augmentation import pixels

if TYPE_CHECKING:
    from robustnas.evaluator.images.images import LabelledImages


def predict(
    network: nn.Module, images: LabelledImages, *, device: torch.device, batch_size: int = 512
) -> NDArray[np.float32]:
    """Return the logits of images, shape (n, n_classes), computed in float32 and evaluation mode.

    The network is moved to `device`; its modules' modes are left as they were. If memory runs out, batches are halved.

    Raises:
        InvalidInputError: Images or batch size that do not fit.
        DeviceMemoryError: Memory is too small for one image.
    """
    size = whole_number("batch_size", batch_size, at_least=1)
    check_images(network, images, at_least=1)
    raw, parts, start = torch.tensor(images.images), [], 0
    network.to(device)
    with _evaluating(network), torch.no_grad(), deterministic_convolutions():
        while start < len(raw):
            logits = _logits(network, raw[start : start + size].to(device))
            if logits is not None:
                parts.append(logits)
                start += size
            elif size == 1:
                raise DeviceMemoryError(f"out of memory on {device_name(device)} with a single image")
            else:
                size = (size + 1) // 2
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


def _logits(network: nn.Module, images: Tensor) -> NDArray[np.float32] | None:
    """Return the logits of one batch; None if memory ran out."""
    try:
        logits: Tensor = network(pixels(images).contiguous(memory_format=torch.channels_last))
    except torch.OutOfMemoryError:
        return None
    return logits.float().cpu().numpy()


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode; every module's mode comes back afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
