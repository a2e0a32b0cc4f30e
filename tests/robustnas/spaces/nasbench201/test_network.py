from __future__ import annotations

from contextlib import nullcontext
from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustnas import Cell, Operation
from robustnas.errors import InvalidInputError
from robustnas.evaluator.inference import live_edges
from robustnas.evaluator.normalised import Normalised
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cost import Skeleton
from robustnas.spaces.nasbench201.identity import network_indices
from robustnas.spaces.nasbench201.network import CellModule, CellNetwork, build, sharing_relus
from robustnas.spaces.nasbench201.twins import twin_groups, twin_labels

SKELETONS = (Skeleton(), Skeleton(16, 120), Skeleton(8, 10, channels=4, n_cells=2, in_channels=1))
CELLS = [*(Cell((op,) * 6) for op in Operation), *space.sample(np.random.default_rng(0), 6)]  # type: ignore[misc]


def network_of(cell: Cell, skeleton: Skeleton) -> CellNetwork:
    return build(cell, skeleton.n_classes, skeleton.channels, skeleton.n_cells, skeleton.in_channels)


def counted_flops(network: CellNetwork, skeleton: Skeleton) -> int:
    """Count multiply-accumulates as they happen: of convolutions and the classifier."""
    total = 0

    def hook(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        fan_in = layer.weight[0].numel()  # type: ignore[union-attr, index, operator]
        total += fan_in * output.numel()  # type: ignore[operator]

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(hook)  # type: ignore[arg-type]
    network.eval()(torch.zeros(1, skeleton.in_channels, skeleton.image_size, skeleton.image_size))
    return total


@pytest.mark.parametrize("skeleton", SKELETONS, ids=str)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_parameters_and_operations_are_those_of_cost(cell: Cell, skeleton: Skeleton) -> None:
    network = network_of(cell, skeleton)
    assert sum(parameter.numel() for parameter in network.parameters()) == skeleton.parameters(cell)
    assert counted_flops(network, skeleton) == skeleton.flops(cell)


def published_shapes(cell: Cell, channels: int, n_cells: int, n_classes: int) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of a published state dict, written down from the benchmark's description."""
    shapes: dict[str, tuple[int, ...]] = {}

    def norm(prefix: str, width: int) -> None:
        shapes.update({f"{prefix}.{name}": (width,) for name in ("weight", "bias", "running_mean", "running_var")})
        shapes[f"{prefix}.num_batches_tracked"] = ()

    def relu_conv_bn(prefix: str, narrow: int, wide: int, size: int) -> None:
        shapes[f"{prefix}.op.1.weight"] = (wide, narrow, size, size)
        norm(f"{prefix}.op.2", wide)

    shapes["stem.0.weight"] = (channels, 3, 3, 3)
    norm("stem.1", channels)
    position, width = 0, channels
    for stage in range(3):
        if stage:
            relu_conv_bn(f"cells.{position}.conv_a", width, 2 * width, 3)
            relu_conv_bn(f"cells.{position}.conv_b", 2 * width, 2 * width, 3)
            shapes[f"cells.{position}.downsample.1.weight"] = (2 * width, width, 1, 1)
            position, width = position + 1, 2 * width
        for _ in range(n_cells):
            for edge, op in enumerate(cell.ops):
                if op in (Operation.CONV_1X1, Operation.CONV_3X3):
                    relu_conv_bn(f"cells.{position}.layers.{edge}", width, width, 1 if op == Operation.CONV_1X1 else 3)
            position += 1
    norm("lastact.0", width)
    shapes |= {"classifier.weight": (n_classes, width), "classifier.bias": (n_classes,)}
    return shapes


def test_published_weights_load() -> None:
    cell = Cell.parse("#13433")
    shapes = published_shapes(cell, 16, 5, 100)
    rng = torch.Generator().manual_seed(0)
    state = {name: torch.rand(shape, generator=rng) if shape else torch.tensor(7) for name, shape in shapes.items()}
    network = build(cell, 100)
    network.load_state_dict(state, strict=True)
    assert torch.equal(network.cells[3].layers[3].op[1].weight, state["cells.3.layers.3.op.1.weight"])  # type: ignore[union-attr, index]
    assert network.eval()(torch.rand(2, 3, 32, 32)).shape == (2, 100)


def randomised(cell: Cell) -> CellNetwork:
    """Return a small network with batch norms that do something."""
    network = build(cell, 3, channels=2, n_cells=1, in_channels=1).eval()
    rng = torch.Generator().manual_seed(1)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=rng) + (0.5 if "var" in name else -0.5))
    return network


def copy_edge(source: CellNetwork, edge: int, target: CellNetwork, to: int) -> None:
    for old, new in zip(source.cells, target.cells, strict=True):
        if hasattr(old, "layers"):
            new.layers[to].load_state_dict(old.layers[edge].state_dict())  # type: ignore[union-attr, index]


def copy_skeleton(source: CellNetwork, target: CellNetwork) -> None:
    state = {name: tensor for name, tensor in source.state_dict().items() if ".layers." not in name}
    target.load_state_dict(state, strict=False)


def are_equal_under_some_mapping(first: Cell, second: Cell) -> bool:
    """Return whether the convolutions that matter can be matched so that both networks give the same logits."""
    x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    convolutions = [
        [edge for edge in range(6) if live_edges(cell)[edge] and cell.ops[edge] in (2, 3)] for cell in (first, second)
    ]
    kinds = [
        sorted(cell.ops[edge] for edge in edges) for cell, edges in zip((first, second), convolutions, strict=True)
    ]
    if kinds[0] != kinds[1]:
        return False
    source, target = randomised(first), randomised(second)
    copy_skeleton(source, target)
    with torch.no_grad():
        wanted = source(x)
        for order in permutations(convolutions[0]):
            pairs = list(zip(order, convolutions[1], strict=True))
            if all(first.ops[a] == second.ops[b] for a, b in pairs):
                for a, b in pairs:
                    copy_edge(source, a, target, b)
                if torch.allclose(wanted, target(x), atol=1e-5):
                    return True
    return False


def test_functional_twins_compute_the_same() -> None:
    rng = np.random.default_rng(3)
    groups = [twin_groups()[i] for i in rng.choice(len(twin_groups()), 40, replace=False)]
    for group in groups:
        first, second = (Cell.from_index(int(network_indices()[row])) for row in group[:2])
        assert are_equal_under_some_mapping(first, second), (first, second)


def test_cells_of_one_label_compute_the_same() -> None:
    rng = np.random.default_rng(4)
    for index in rng.choice(space.N_CELLS, 30, replace=False):
        alike = np.flatnonzero(twin_labels() == twin_labels()[index])
        other = int(rng.choice(alike))
        assert are_equal_under_some_mapping(Cell.from_index(int(index)), Cell.from_index(other))


def test_neighbours_that_are_no_twins_compute_something_else() -> None:
    rng = np.random.default_rng(5)
    n_compared = 0
    for cell in space.sample(rng, 40):  # type: ignore[union-attr]
        other = space.neighbours(cell)[int(rng.integers(24))]
        if twin_labels()[cell.index] != twin_labels()[other.index]:
            assert not are_equal_under_some_mapping(cell, other), (cell, other)
            n_compared += 1
    assert n_compared > 20


def test_a_seed_fixes_the_weights_and_leaves_the_global_generator() -> None:
    before = torch.get_rng_state()
    first, again, other = (build("#13433", 10, 4, 1, seed=seed).stem[0].weight for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again)  # type: ignore[arg-type]
    assert not torch.equal(first, other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_classes": 1}, "n_classes is 1"),
        ({"n_classes": 10, "channels": 0}, "channels is 0"),
        ({"n_classes": 10, "n_cells": 1.5}, "n_cells is 1.5"),
        ({"n_classes": 10, "seed": -1}, "seed is -1"),
    ],
)
def test_bad_sizes_are_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        build("#0", **arguments)


def test_a_normalised_network_takes_pixels() -> None:
    network = build("#13433", 10, 4, 1).eval()
    model = Normalised(network, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)).eval()
    pixels = torch.rand(2, 3, 8, 8)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)))
    assert torch.allclose(model(pixels), network((pixels - mean) / std))
    with pytest.raises(InvalidInputError, match="std above 0"):
        Normalised(network, (0.5,), (0.0,))


def gradients(cell: Cell, *, share: bool) -> list[Tensor]:
    """Return what a cell gives in training mode, the gradient of its input, and all it holds afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module, norm, x = CellModule(cell, 2), nn.BatchNorm2d(2), torch.randn(4, 2, 4, 4, requires_grad=True)
        weights = torch.randn(4, 2, 4, 4)
    with sharing_relus(module) if share else nullcontext():
        y = module(norm(x))
        if y.requires_grad:
            (y * weights).sum().backward()
    assert not module.shares_relus
    found = [y.detach(), *(leaf.grad for leaf in (x, *module.parameters()) if leaf.grad is not None)]
    return [*found, *module.state_dict().values()]


SHARING = [
    Cell((3,) * 6),
    Cell((1, 1, 3, 3, 3, 1)),
    Cell((1, 2, 3, 3, 3, 3)),
    Cell((3, 3, 2, 1, 3, 2)),
    Cell((4, 3, 3, 2, 3, 0)),
]


@pytest.mark.parametrize("cell", [*SHARING, *space.sample(np.random.default_rng(3), 20)], ids=str)  # type: ignore[misc]
def test_shared_relus_change_no_bit(cell: Cell) -> None:
    for one, other in zip(gradients(cell, share=False), gradients(cell, share=True), strict=True):
        assert torch.equal(one, other)


def test_a_node_has_one_relu_where_its_convolutions_share_it() -> None:
    network, n = build(Cell((3,) * 6), 10, 2, 1, 1), 0

    def count(*_: object) -> None:
        nonlocal n
        n += 1

    for cell in network.cells:
        if isinstance(cell, CellModule):
            for layer in cell.layers:
                layer.op[0].register_forward_hook(count)  # type: ignore[union-attr, index]
    network(torch.rand(2, 1, 8, 8))
    assert n == 18
    with sharing_relus(network):
        network(torch.rand(2, 1, 8, 8))
    assert n == 18 + 9
