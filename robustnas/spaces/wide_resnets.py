"""Wide residual networks with a depth and a width per stage: the macro space of adversarially robust networks.

Zagoruyko and Komodakis (BMVC 2016) gave all three stages one depth and one width; Huang et al. (Exploring architectural
ingredients of adversarially robust deep neural networks, NeurIPS 2021) let them differ. The options are those of NARes,
a data set of all 15,625 of these networks, adversarially trained: WRN-28-10 is depth 4 and width 10 in every stage,
WRN-34-10 depth 5, WRN-70-16 depth 11 and width 16.

A network has a 3x3 convolution to 16 channels; three stages of ``depth`` blocks with 16, 32 and 64 times ``width``
channels, the second and third at half the height of the one before; batch norm, ReLU, global average pooling and a
linear classifier. A block is batch norm, ReLU, 3x3 convolution, twice, and its input is added; where the channels or
the height change, that is a 1x1 convolution of what the first batch norm and ReLU give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from robustnas.arrays import FloatArray, IntArray, read_only
from robustnas.checks import whole_number
from robustnas.errors import ObjectiveError, excerpt
from robustnas.spaces.choice_architecture import ChoiceArchitecture
from robustnas.spaces.choice_space import ChoiceSpace

if TYPE_CHECKING:
    from torch import nn

DEPTHS, WIDTHS = (4, 5, 7, 9, 11), (8, 10, 12, 14, 16)
STEM = 16
"""Channels of the first convolution."""


@dataclass(frozen=True, slots=True)
class ImageSize:
    """What the size of a network depends on besides its architecture.

    Args:
        image_size: Height and width of the square images, in pixels.
        n_classes: Classes.
        in_channels: Channels of the images.
    """

    image_size: int = 32
    n_classes: int = 10
    in_channels: int = 3

    def __post_init__(self) -> None:
        for name in ("image_size", "n_classes", "in_channels"):
            whole_number(name, getattr(self, name), at_least=1)


class WideResNets(ChoiceSpace):
    """Wide residual networks with a depth and a width for each of three stages.

    >>> from robustnas.spaces import open_space
    >>> space = open_space("wide-resnets")
    >>> space
    <wide-resnets: 15,625 architectures, 15,625 networks>
    >>> wrn_28_10 = space.parse("depth1=4,width1=10,depth2=4,width2=10,depth3=4,width3=10")
    >>> int(space.cost_column("params")[space.index(wrn_28_10)])
    36479194
    """

    name = "wide-resnets"
    normalised = True
    choices = {  # noqa: RUF012  a constant of the class
        f"{kind}{stage}": options for stage in (1, 2, 3) for kind, options in (("depth", DEPTHS), ("width", WIDTHS))
    }

    def cost_column(self, name: str, skeleton: ImageSize | None = None) -> FloatArray:
        """Return ``params`` or ``flops`` of every network, shape (15625,).

        Parameters include scale and shift of batch norm. FLOPs are multiply-accumulates of convolutions and classifier.
        """
        return _costs(name, skeleton or ImageSize())

    def skeleton_on(self, image_size: int, n_classes: int, in_channels: int) -> ImageSize:
        """Return the size of images and classes."""
        return ImageSize(image_size, n_classes, in_channels)

    def skeleton(self, dataset: str) -> ImageSize:
        """Return the image size and the classes of a dataset; those of CIFAR-10 for others."""
        return ImageSize(n_classes=100) if dataset.partition("@")[0].startswith("cifar100") else ImageSize()

    def build(self, architecture: ChoiceArchitecture, n_classes: int, in_channels: int) -> nn.Module:
        """Return the network, untrained."""
        from robustnas.spaces.wide_resnet import WideResNet

        depths, widths = _of_stages(architecture, "depth"), _of_stages(architecture, "width")
        return WideResNet(depths, widths, n_classes, in_channels)


def parameters(depths: Sequence[Any], widths: Sequence[Any], size: ImageSize = ImageSize()) -> Any:
    """Return the number of trainable parameters.

    Args:
        depths: Blocks of each stage: numbers, or arrays for many networks at once.
        widths: The factor on the channels of each stage.
        size: The images and classes.

    >>> parameters((5, 5, 5), (10, 10, 10)), parameters((2, 2, 2), (4, 4, 4))
    (46160474, 2748890)
    """
    total = 9 * size.in_channels * STEM
    before: Any = STEM
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        channels = STEM * width * 2**stage
        convolutions = 9 * before * channels + 9 * channels**2 + 18 * (depth - 1) * channels**2
        shortcut = _shortcut(stage, before, channels)
        batch_norms = 2 * (before + channels) + 4 * (depth - 1) * channels
        total, before = total + convolutions + shortcut + batch_norms, channels
    total = total + 2 * before + before * size.n_classes + size.n_classes
    return int(total) if np.ndim(total) == 0 else total


def multiply_accumulates(depths: Sequence[Any], widths: Sequence[Any], size: ImageSize = ImageSize()) -> Any:
    """Return the multiply-accumulates of one forward pass of one image; arguments as in `parameters`."""
    side = size.image_size
    total = 9 * size.in_channels * STEM * side**2
    before: Any = STEM
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        side = (side + 1) // 2 if stage else side  # of a 3x3 convolution with stride 2 and padding 1
        channels = STEM * width * 2**stage
        weights = 9 * before * channels + 9 * channels**2 + 18 * (depth - 1) * channels**2
        total = total + (weights + _shortcut(stage, before, channels)) * side**2
        before = channels
    total = total + before * size.n_classes
    return int(total) if np.ndim(total) == 0 else total


def _shortcut(stage: int, before: Any, channels: Any) -> Any:
    """Return the weights of the 1x1 convolution beside a stage's first block, which changes size or channels."""
    return before * channels if stage else np.where(before == channels, 0, before * channels)


@cache
def _costs(name: str, size: ImageSize) -> FloatArray:
    counts = {"params": parameters, "flops": multiply_accumulates}
    if name not in counts:
        raise ObjectiveError(f"the space {WideResNets.name} has no {excerpt(name)}; it has {', '.join(counts)}")
    options = np.array([(DEPTHS, WIDTHS)] * 3, dtype=np.int64).reshape(6, -1)
    columns: list[IntArray] = [choice.ravel() for choice in np.meshgrid(*options, indexing="ij")]
    return read_only(np.asarray(counts[name](columns[::2], columns[1::2], size), dtype=np.float64))


def _of_stages(architecture: ChoiceArchitecture, kind: str) -> tuple[int, int, int]:
    one, two, three = (int(architecture[f"{kind}{stage}"]) for stage in (1, 2, 3))
    return one, two, three
