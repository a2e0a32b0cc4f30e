"""The networks of NAS-Bench-201: a cell in the benchmark's macro-skeleton, of any size.

Modules and parameters are named as in the benchmark's own ``TinyNetwork``, so that its published weights load (Dong and
Yang 2020). The skeleton is that of `Skeleton`, which counts parameters and operations exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from robustnas.checks import whole_number
from robustnas.spaces.nasbench201.cell import Architecture, Cell
from robustnas.spaces.nasbench201.operations import EDGES, Operation

KERNEL_SIZES: dict[int, int] = {Operation.CONV_1X1: 1, Operation.CONV_3X3: 3}
"""Kernel sizes of the operations that are convolutions."""


class ReLUConvBN(nn.Module):
    """ReLU, convolution without bias, batch norm; shape (n, in, h, w) to (n, out, h / stride, w / stride)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(inplace=False),
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    @property
    def convolution(self) -> nn.Conv2d:
        """The convolution."""
        assert isinstance(self.op[1], nn.Conv2d)
        return self.op[1]

    @property
    def norm(self) -> nn.BatchNorm2d:
        """The batch norm."""
        assert isinstance(self.op[2], nn.BatchNorm2d)
        return self.op[2]

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        y: Tensor = self.op(x)
        return y

    def rectified(self, x: Tensor) -> Tensor:
        """Apply the ReLU alone."""
        y: Tensor = self.op[0](x)
        return y

    def convolved(self, x: Tensor) -> Tensor:
        """Apply convolution and batch norm."""
        y: Tensor = self.op[2](self.op[1](x))
        return y


class Zero(nn.Module):
    """The operation none: zeros of the input's shape."""

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros."""
        return torch.zeros_like(x)


class CellModule(nn.Module):
    """A cell at one width; shape (n, channels, h, w) in and out.

    Args:
        cell: The operations.
        channels: Width.

    Attributes:
        shares_relus: Whether convolutions of one node may share a ReLU: see `sharing_relus`.
    """

    shares_relus = False

    def __init__(self, cell: Cell, channels: int) -> None:
        super().__init__()
        self.cell = cell
        self.layers = nn.ModuleList(_operation(Operation(op), channels) for op in cell.ops)
        self._sharing = sharing_edges(cell)

    def forward(self, x: Tensor) -> Tensor:
        """Return the last node: every node sums its incoming edges."""
        nodes: list[Tensor | None] = [x, None, None, None]
        own = [False] * len(nodes)  # nobody else needs the value of a node: sums may be in place
        rectified: dict[int, Tensor] = {}
        for edge, (source, target) in enumerate(EDGES):
            layer, value = self.layers[edge], nodes[source]
            assert value is not None  # edges are sorted by target
            if self.shares_relus and isinstance(layer, ReLUConvBN) and (shared := self._sharing[edge]) is not None:
                if shared not in rectified:
                    rectified[shared] = layer.rectified(value)
                summand = layer.convolved(rectified[shared])
            else:
                summand = layer(value)
            is_own = isinstance(layer, ReLUConvBN)
            nodes[target] = _sum(nodes[target], summand, own[target], is_own)
            own[target] |= is_own
        output = nodes[-1]
        assert output is not None
        return output


class ResidualBlock(nn.Module):
    """The block of stride 2 between stages; shape (n, in, h, w) to (n, out, h / 2, w / 2)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv_a = ReLUConvBN(in_channels, out_channels, 3, stride=2)
        self.conv_b = ReLUConvBN(out_channels, out_channels, 3)
        self.downsample = nn.Sequential(
            nn.AvgPool2d(kernel_size=2, stride=2), nn.Conv2d(in_channels, out_channels, 1, bias=False)
        )

    @property
    def shortcut(self) -> nn.Conv2d:
        """The convolution of the shortcut."""
        assert isinstance(self.downsample[1], nn.Conv2d)
        return self.downsample[1]

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        shortcut: Tensor = self.downsample(x)
        y: Tensor = self.conv_b(self.conv_a(x))
        return y.add_(shortcut)


class CellNetwork(nn.Module):
    """A cell in the macro-skeleton; use `build`. Takes normalised images (n, in_channels, h, w), returns logits.

    Attributes:
        cell: The cell.
        channels: Width of the first stage; the others are twice and four times as wide.
        n_cells: Cells per stage.
    """

    def __init__(self, cell: Cell, n_classes: int, channels: int, n_cells: int, in_channels: int) -> None:
        super().__init__()
        self.cell, self.channels, self.n_cells = cell, channels, n_cells
        self.n_classes, self.in_channels = n_classes, in_channels
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        blocks: list[nn.Module] = []
        for stage in range(3):
            width = channels << stage
            if stage:
                blocks.append(ResidualBlock(width // 2, width))
            blocks.extend(CellModule(cell, width) for _ in range(n_cells))
        self.cells = nn.ModuleList(blocks)
        self.lastact = nn.Sequential(nn.BatchNorm2d(4 * channels), nn.ReLU(inplace=False))
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(4 * channels, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, shape (n, n_classes)."""
        x = self.stem(x)
        for block in self.cells:
            x = block(x)
        logits: Tensor = self.classifier(self.global_pooling(self.lastact(x)).flatten(1))
        return logits


def build(
    cell: Architecture, n_classes: int, channels: int = 16, n_cells: int = 5, in_channels: int = 3, *, seed: int = 0
) -> CellNetwork:
    """Build the network of a cell, with PyTorch's default initialisation.

    Args:
        cell: The cell, in any notation.
        n_classes: Classes of the classifier, at least 2.
        channels: Width of the first stage; 16 in the benchmark.
        n_cells: Cells per stage; 5 in the benchmark.
        in_channels: Channels of the images.
        seed: Fixes the weights; the global generator is left as it was.

    Raises:
        InvalidInputError: A size that is not a positive integer.

    >>> network = build("#13433", n_classes=10)
    >>> sum(p.numel() for p in network.parameters())
    157306
    """
    whole_number("n_classes", n_classes, at_least=2)
    for name, value in (("channels", channels), ("n_cells", n_cells), ("in_channels", in_channels)):
        whole_number(name, value, at_least=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(whole_number("seed", seed, at_least=0))
        return CellNetwork(Cell.parse(cell), n_classes, channels, n_cells, in_channels)


def sharing_edges(cell: Cell) -> tuple[int | None, ...]:
    """Return by edge the node whose ReLU its convolution can share without changing a bit of any gradient, or None.

    A node adds up the gradients of its outgoing edges from the last to the first. Convolutions that share a ReLU add up
    theirs before; the sum is the same where they are the last of the node's edges, but for those of none, which have no
    gradient. A node that skips from another is the same node here.

    >>> sharing_edges(Cell((3, 3, 2, 3, 3, 3)))
    (0, 0, 1, 0, 1, None)
    >>> sharing_edges(Cell((3, 3, 2, 1, 3, 3)))
    (None, None, 1, None, 1, None)
    """
    shared: list[int | None] = [None] * len(EDGES)
    same = {0: 0, 1: 0 if cell.ops[0] == Operation.SKIP_CONNECT else 1, 2: 2}
    for node in set(same.values()):
        last: list[int] = []
        edges = [edge for edge, (source, _) in enumerate(EDGES) if same[source] == node]
        edges.sort(key=lambda edge: (EDGES[edge][1], cell.ops[edge] == Operation.SKIP_CONNECT))  # a skip is its sum's
        for edge in reversed(edges):
            if cell.ops[edge] in KERNEL_SIZES:
                last.append(edge)
            elif cell.ops[edge] != Operation.NONE:
                break
        for edge in last if len(last) > 1 else ():
            shared[edge] = node
    return tuple(shared)


@contextmanager
def sharing_relus(*networks: nn.Module) -> Iterator[None]:
    """Have the cells of networks compute a ReLU once per node where that changes no bit: passes take less memory.

    Hooks on the ReLUs then see fewer of them, which is why this is for trainings only.
    """
    cells = [module for network in networks for module in network.modules() if isinstance(module, CellModule)]
    for cell in cells:
        cell.shares_relus = True
    try:
        yield
    finally:
        for cell in cells:
            cell.shares_relus = False


def _sum(total: Tensor | None, summand: Tensor, total_is_own: bool, summand_is_own: bool) -> Tensor:
    """Return the sum of two values, in place where one of them is needed by nobody else."""
    if total is None:
        return summand
    if total_is_own:
        return total.add_(summand)
    return summand.add_(total) if summand_is_own else total + summand


def _operation(op: Operation, channels: int) -> nn.Module:
    if op in KERNEL_SIZES:
        return ReLUConvBN(channels, channels, KERNEL_SIZES[op])
    if op is Operation.AVG_POOL_3X3:
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return nn.Identity() if op is Operation.SKIP_CONNECT else Zero()
