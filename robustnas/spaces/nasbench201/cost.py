"""Exact parameters and multiply-accumulates of the NAS-Bench-201 macro-skeleton, for any size.

The skeleton: a 3x3 convolution stem with batch norm; three stages of ``n_cells`` cells at ``channels``, twice and four
times as many channels, joined by residual blocks of stride 2 (two 3x3 convolutions with batch norm; average pooling and
a 1x1 convolution on the shortcut); batch norm, ReLU, global average pooling and a linear classifier.

Convention: every convolution of the cell counts, even one whose result does not reach the output, as in NAS-Bench-201.
Parameters include batch norm's scale and shift. FLOPs are multiply-accumulates of convolutions and the classifier only,
without its bias; batch norm, ReLU, pooling and sums are not counted. Tables that count those too
(NAS-Bench-Suite-Zero's ``flops``, in millions) exceed ours by 3 operations per output element of a convolution in a
cell, 9 per output element of a pooling, and a constant for the skeleton (40,512 at 16x16 pixels and 120 classes).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from robustnas.arrays import FloatArray, IntArray, read_only
from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.numbering import all_operations
from robustnas.spaces.nasbench201.operations import Operation


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The macro-architecture around the cells, which determines the size of a network.

    Args:
        image_size: Height and width of the square input, in pixels; a multiple of 4.
        n_classes: Classes of the classifier.
        channels: Channels of the first stage.
        n_cells: Cells per stage.
        in_channels: Channels of the input image.

    Raises:
        InvalidInputError: A size is not positive, or the image size is not a multiple of 4.

    >>> Skeleton().parameters(Cell.parse("#13433"))
    157306
    """

    image_size: int = 32
    n_classes: int = 10
    channels: int = 16
    n_cells: int = 5
    in_channels: int = 3

    def __post_init__(self) -> None:
        for name in ("image_size", "n_classes", "channels", "n_cells", "in_channels"):
            whole_number(name, getattr(self, name), at_least=1)
        if self.image_size % 4:
            raise InvalidInputError(f"image_size is {self.image_size}; expected a multiple of 4 (two stages halve it)")

    def parameters(self, cell: Cell) -> int:
        """Return the number of trainable parameters."""
        return int(all_parameters(self)[cell.index])

    def flops(self, cell: Cell) -> int:
        """Return the multiply-accumulates of one forward pass of one image."""
        return int(all_flops(self)[cell.index])

    @property
    def stages(self) -> tuple[tuple[int, int], ...]:
        """Channels and feature-map height of the three stages."""
        return tuple((self.channels << stage, self.image_size >> stage) for stage in range(3))


CIFAR10 = Skeleton()
CIFAR100 = Skeleton(n_classes=100)
IMAGENET16_120 = Skeleton(image_size=16, n_classes=120)

SKELETONS: dict[str, Skeleton] = {"cifar10": CIFAR10, "cifar100": CIFAR100, "ImageNet16-120": IMAGENET16_120}
"""NAS-Bench-201's skeleton for each dataset."""


@cache
def all_parameters(skeleton: Skeleton = CIFAR10) -> IntArray:
    """Return the number of trainable parameters of every cell by space index, shape (15625,), read-only."""
    n_1x1, n_3x3 = _convolutions()
    width, n_classes = 4 * skeleton.channels, skeleton.n_classes
    total = 9 * skeleton.in_channels * skeleton.channels + 2 * skeleton.channels
    for (narrow, _), (wide, _) in zip(skeleton.stages, skeleton.stages[1:], strict=False):
        total += 9 * narrow * wide + 9 * wide * wide + narrow * wide + 4 * wide
    total += 2 * width + width * n_classes + n_classes
    per_1x1 = skeleton.n_cells * sum(c * c + 2 * c for c, _ in skeleton.stages)
    per_3x3 = skeleton.n_cells * sum(9 * c * c + 2 * c for c, _ in skeleton.stages)
    return read_only(total + per_1x1 * n_1x1 + per_3x3 * n_3x3)


@cache
def all_flops(skeleton: Skeleton = CIFAR10) -> IntArray:
    """Return the multiply-accumulates of every cell by space index, shape (15625,), read-only."""
    n_1x1, n_3x3 = _convolutions()
    total = 9 * skeleton.in_channels * skeleton.channels * skeleton.image_size**2
    for (narrow, _), (wide, size) in zip(skeleton.stages, skeleton.stages[1:], strict=False):
        total += (9 * narrow * wide + 9 * wide * wide + narrow * wide) * size**2
    total += 4 * skeleton.channels * skeleton.n_classes
    per_1x1 = skeleton.n_cells * sum(c * c * size**2 for c, size in skeleton.stages)
    return read_only(total + per_1x1 * (n_1x1 + 9 * n_3x3))


def cost_column(name: str, skeleton: Skeleton = CIFAR10) -> FloatArray:
    """Return a cost of `robustnas.spaces.COSTS` for every cell, shape (15625,)."""
    count = all_parameters(skeleton) if name == "params" else all_flops(skeleton)
    return count.astype(float)


@cache
def _convolutions() -> tuple[IntArray, IntArray]:
    ops = all_operations()
    n_1x1 = (ops == Operation.CONV_1X1).sum(axis=1)
    n_3x3 = (ops == Operation.CONV_3X3).sum(axis=1)
    return n_1x1, n_3x3
