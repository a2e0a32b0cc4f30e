"""The inference form of a network: the same function, in fewer and faster steps, for attacks.

Batch norms are folded into the convolutions before them, a node's ReLU is computed once for all its convolutions, and
edges that reach no output, or come from nothing, are left out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustnas.evaluator.normalised import Normalised
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.network import KERNEL_SIZES, CellModule, CellNetwork, ReLUConvBN, ResidualBlock
from robustnas.spaces.nasbench201.operations import EDGES, Operation


class InferenceNetwork(nn.Module):
    """The inference form of a trained network; use `inference_form`. Takes pixels in [0, 1], returns logits.

    It has buffers only, no parameters: its gradients are those of its input.

    Attributes:
        dtype: What it computes in. The first layer is float32 in any case: a bfloat16 near 1 is a grey level away from
            the next, as coarse as what attacks change. So are the logits, whose differences decide.
    """

    mean: Tensor
    scale: Tensor
    shift: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, model: Normalised, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype
        network = model.network
        assert isinstance(network, CellNetwork)
        self.register_buffer("mean", model.mean.detach().clone())
        stem, stem_norm = network.stem
        assert isinstance(stem, nn.Conv2d)
        assert isinstance(stem_norm, nn.BatchNorm2d)
        self.stem = _Convolution(stem, stem_norm, input_scale=1 / model.std.flatten())
        self.blocks = nn.ModuleList(_block(block) for block in network.cells).to(dtype)
        last_norm = network.lastact[0]
        assert isinstance(last_norm, nn.BatchNorm2d)
        scale, shift = _affine(last_norm)
        self.register_buffer("scale", scale.view(1, -1, 1, 1))
        self.register_buffer("shift", shift.view(1, -1, 1, 1))
        self.register_buffer("weight", network.classifier.weight.detach().clone())
        self.register_buffer("bias", network.classifier.bias.detach().clone())

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits, shape (n, n_classes)."""
        x = self.stem(pixels - self.mean)  # the convolution's padding is the mean pixel: the mean cannot be folded
        x = x.to(self.dtype)
        for block in self.blocks:
            x = block(x)
        x = torch.addcmul(self.shift, x.float(), self.scale)
        return F.linear(F.relu(x).mean((2, 3)), self.weight, self.bias)


def inference_form(model: Normalised, dtype: torch.dtype = torch.float32) -> InferenceNetwork:
    """Return the inference form of a network in evaluation mode; the network itself is unchanged.

    Its logits are equal up to rounding. Changes of the network's weights afterwards do not reach it.

    Args:
        model: The network.
        dtype: What to compute in; see `InferenceNetwork`.
    """
    form = InferenceNetwork(model, dtype).eval()
    form.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return form


def live_edges(cell: Cell) -> tuple[bool, ...]:
    """Return which edges of a cell matter: their result reaches the output, and is not the zeros of none.

    An edge that passes on or pools nothing does not matter; a convolution of nothing does, it is a learned constant.

    >>> live_edges(Cell((3, 0, 0, 1, 0, 3)))
    (False, False, False, True, False, True)
    """
    something = [True, False, False, False]
    gives = []
    for (source, target), op in zip(EDGES, cell.ops, strict=True):
        gives.append(op in KERNEL_SIZES or (op != Operation.NONE and something[source]))
        something[target] |= gives[-1]
    needed, live = [False, False, False, True], [False] * len(EDGES)
    for edge in reversed(range(len(EDGES))):
        source, target = EDGES[edge]
        live[edge] = gives[edge] and needed[target]
        needed[source] |= live[edge]
    return tuple(live)


class _Convolution(nn.Module):
    """A convolution with its batch norm folded in."""

    weight: Tensor
    bias: Tensor

    def __init__(
        self, convolution: nn.Conv2d, norm: nn.BatchNorm2d | None, *, input_scale: Tensor | None = None
    ) -> None:
        super().__init__()
        weight, bias = convolution.weight.detach().clone(), None
        if norm is not None:
            scale, bias = _affine(norm)
            weight *= scale.view(-1, 1, 1, 1)
        if input_scale is not None:
            weight *= input_scale.view(1, -1, 1, 1)
        self.stride, self.padding = convolution.stride[0], convolution.kernel_size[0] // 2
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)


class _Residual(nn.Module):
    def __init__(self, block: ResidualBlock) -> None:
        super().__init__()
        self.a, self.b = _folded(block.conv_a), _folded(block.conv_b)
        self.shortcut = _Convolution(block.shortcut, None)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.b(F.relu(self.a(F.relu(x))))
        return residual + self.shortcut(F.avg_pool2d(x, 2))  # type: ignore[no-any-return]


class _Cell(nn.Module):
    def __init__(self, module: CellModule) -> None:
        super().__init__()
        live = live_edges(module.cell)
        self.steps = [(edge, *EDGES[edge], module.cell.ops[edge]) for edge in range(len(EDGES)) if live[edge]]
        self.convolutions = nn.ModuleDict(
            {str(edge): _folded(layer) for edge, layer in enumerate(module.layers) if isinstance(layer, ReLUConvBN)}
        )

    def forward(self, x: Tensor) -> Tensor:
        nodes: dict[int, Tensor] = {0: x}
        rectified: dict[int, Tensor] = {}
        for edge, source, target, op in self.steps:
            if op in KERNEL_SIZES:
                if source not in rectified:
                    rectified[source] = F.relu(nodes[source]) if source in nodes else torch.zeros_like(x)
                y = self.convolutions[str(edge)](rectified[source])
            elif op == Operation.AVG_POOL_3X3:
                y = F.avg_pool2d(nodes[source], 3, 1, 1, count_include_pad=False)
            else:
                y = nodes[source]
            nodes[target] = nodes[target] + y if target in nodes else y
        return nodes[3] if 3 in nodes else torch.zeros_like(x)


def _block(block: nn.Module) -> nn.Module:
    if isinstance(block, ResidualBlock):
        return _Residual(block)
    assert isinstance(block, CellModule)
    return _Cell(block)


def _folded(layer: ReLUConvBN) -> _Convolution:
    return _Convolution(layer.convolution, layer.norm)


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return the scale and shift that a batch norm applies in evaluation mode, shape (channels,) each."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias.detach() - norm.running_mean * scale
