"""Each measure against a closed form, a slow loop or a finite difference."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from robustnas.errors import InvalidInputError
from robustnas.evaluator.proxies import PROXIES
from robustnas.evaluator.proxies.curvature import hessian
from robustnas.evaluator.proxies.subject import Subject
from robustnas.evaluator.proxies.zen import STEP
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import Skeleton
from robustnas.spaces.nasbench201.network import build

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

N, SIDE, N_CLASSES = 5, 4, 3
CELL = "#81"  # six edges with convolutions and a skip


class OneLayer(nn.Module):
    """Logits W x, in double precision."""

    def __init__(self, n_classes: int = N_CLASSES) -> None:
        super().__init__()
        self.layer = nn.Linear(SIDE * SIDE, n_classes, bias=False).double()
        weights = np.random.default_rng(1).normal(size=(n_classes, SIDE * SIDE))
        self.layer.weight = nn.Parameter(torch.tensor(weights))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layer(x.flatten(1))
        return logits


@pytest.fixture
def images() -> torch.Tensor:
    return torch.tensor(np.random.default_rng(0).normal(size=(N, 1, SIDE, SIDE)))


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.tensor([0, 1, 2, 0, 1])


@pytest.fixture
def linear(images: torch.Tensor, labels: torch.Tensor) -> Subject:
    return Subject(OneLayer(), images, labels, second_order=True)


@pytest.fixture
def cells() -> Subject:
    rng = np.random.default_rng(2)
    images = torch.tensor(rng.normal(size=(6, 3, 8, 8)), dtype=torch.float32)
    network = build(CELL, 4, channels=4, n_cells=1)
    return Subject(network, images, torch.tensor([0, 1, 2, 3, 0, 1]), second_order=True)


def weights_of(subject: Subject) -> np.ndarray:
    return np.asarray(subject.layers[0].weight.detach())


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def weight_gradient(weights: np.ndarray, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    errors = softmax(x @ weights.T) - np.eye(len(weights))[labels]
    return np.asarray(errors.T @ x / len(x))


def score(name: str, subject: Subject) -> float:
    return PROXIES[name].function(subject)


class TestOneLayer:
    def test_saliencies_of_a_linear_network(self, linear: Subject) -> None:
        weights, x = weights_of(linear), linear.images.flatten(1).numpy()
        gradient = weight_gradient(weights, x, linear.labels.numpy())
        assert score("snip", linear) == pytest.approx(np.abs(weights * gradient).sum())
        assert score("plain", linear) == pytest.approx((weights * gradient).sum())
        assert score("grad_norm", linear) == pytest.approx(np.linalg.norm(gradient))
        assert score("l2_norm", linear) == pytest.approx(np.linalg.norm(weights))
        assert score("params", linear) == weights.size

    def test_fisher_of_a_linear_network(self, linear: Subject) -> None:
        logits = linear.images.flatten(1).numpy() @ weights_of(linear).T
        errors = (softmax(logits) - np.eye(N_CLASSES)[linear.labels.numpy()]) / N
        expected = ((logits * errors) ** 2).mean(axis=0).sum() / 2 * SIDE * SIDE
        assert score("fisher", linear) == pytest.approx(expected)

    def test_grasp_is_a_finite_difference_of_gradients(self, linear: Subject) -> None:
        weights, x, labels = weights_of(linear), linear.images.flatten(1).numpy(), linear.labels.numpy()
        gradient, step = weight_gradient(weights, x, labels), 1e-5
        forth, back = (weight_gradient(weights + sign * step * gradient, x, labels) for sign in (1, -1))
        expected = -(weights * (forth - back) / (2 * step)).sum()
        assert score("grasp", linear) == pytest.approx(expected, rel=1e-6)

    def test_synflow_is_the_flow_of_ones(self, linear: Subject) -> None:
        assert score("synflow", linear) == pytest.approx(math.log1p(np.abs(weights_of(linear)).sum()))

    def test_jacobian_norm_is_exact_for_few_classes(self, linear: Subject) -> None:
        assert score("jacobian_norm", linear) == pytest.approx(np.linalg.norm(weights_of(linear)))

    def test_jacobian_norm_is_unbiased_for_many_classes(self) -> None:
        network, images = OneLayer(40), torch.zeros(400, 1, SIDE, SIDE, dtype=torch.float64)
        found = score("jacobian_norm", Subject(network, images, torch.zeros(400, dtype=torch.int64)))
        exact = float(network.layer.weight.detach().norm())
        assert found != exact
        assert found == pytest.approx(exact, rel=0.02)

    def test_jacov_of_equal_gradients(self, linear: Subject) -> None:
        k = 1e-5  # every image has the same gradient: eigenvalues N, 0, 0, ...
        expected = -(math.log(N + k) + 1 / (N + k) + (N - 1) * (math.log(k) + 1 / k))
        assert score("jacov", linear) == pytest.approx(expected, rel=1e-6)

    def test_hessian_is_the_difference_of_input_gradients(self, linear: Subject) -> None:
        weights, x = weights_of(linear), linear.images.flatten(1).numpy()
        targets = np.eye(N_CLASSES)[linear.labels.numpy()]
        gradient = (softmax(x @ weights.T) - targets) @ weights
        moved = x + 1.5 * np.sign(gradient) / SIDE
        difference = (softmax(moved @ weights.T) - targets) @ weights - gradient
        assert score("hessian", linear) == pytest.approx(np.linalg.norm(difference, axis=1).mean() / 1.5)

    def test_a_small_step_gives_the_product_with_the_hessian(self, linear: Subject) -> None:
        weights, x = weights_of(linear), linear.images.flatten(1).numpy()
        chances = softmax(x @ weights.T)
        directions = np.sign((chances - np.eye(N_CLASSES)[linear.labels.numpy()]) @ weights) / SIDE
        products, largest = [], []
        for p, z in zip(chances, directions, strict=True):
            matrix = weights.T @ (np.diag(p) - np.outer(p, p)) @ weights
            products.append(np.linalg.norm(matrix @ z))
            largest.append(np.linalg.eigvalsh(matrix)[-1])
        found = hessian(linear, step=1e-4)
        assert found == pytest.approx(np.mean(products), rel=1e-3)
        assert found <= np.mean(largest)


class TestCellNetworks:
    def test_nwot_counts_agreements(self, cells: Subject) -> None:
        n = len(cells.images)
        kernel = np.zeros((n, n))
        for values in cells.forward.relu_inputs:
            on = (values.reshape(n, -1) > 0).numpy()
            for i, j in itertools.product(range(n), repeat=2):
                kernel[i, j] += (on[i] == on[j]).sum()
        assert len(cells.forward.relu_inputs) == 3 * 5 + 2 * 2 + 1  # cells, residual blocks, the last
        assert score("nwot", cells) == pytest.approx(math.log(np.linalg.det(kernel)))

    def test_jacov_from_the_definition(self, cells: Subject) -> None:
        images = cells.images.clone().requires_grad_()
        copy.deepcopy(cells.network).train()(images).sum().backward()
        assert images.grad is not None
        values = np.linalg.eigvalsh(np.corrcoef(images.grad.flatten(1).double())) + 1e-5
        assert score("jacov", cells) == pytest.approx(-(np.log(values) + 1 / values).sum(), rel=1e-4)

    def test_jacobian_norm_agrees_with_the_whole_jacobian(self, cells: Subject) -> None:
        cells.network = cells.network.double()
        cells.images = cells.images.double()
        jacobian = torch.func.vmap(torch.func.jacrev(lambda x: cells.frozen(x[None])[0]))(cells.images)
        exact = float((jacobian**2).sum() / len(cells.images)) ** 0.5
        assert score("jacobian_norm", cells) == pytest.approx(exact, rel=0.35)  # 3 of 4 directions, 6 images

    def test_frozen_norms_give_what_training_mode_gives(self, cells: Subject) -> None:
        images = torch.randn(128, 3, 8, 8, generator=cells.generator())
        subject = Subject(cells.network, images, torch.zeros(128, dtype=torch.int64))
        together = subject.frozen(subject.images)
        torch.testing.assert_close(together, subject.forward.logits, rtol=0.01, atol=0.01)
        torch.testing.assert_close(subject.frozen(subject.images[:1]), together[:1])

    def test_zen_reads_neither_weights_nor_images(self, cells: Subject) -> None:
        other = Subject(build(CELL, 4, 4, 1, seed=7), torch.zeros_like(cells.images), cells.labels)
        assert score("zen", other) == score("zen", cells)
        assert score("zen", Subject(cells.network, cells.images, cells.labels, seed=1)) != score("zen", cells)

    def test_zen_from_the_definition(self, cells: Subject) -> None:
        network, generator = build(CELL, 4, 4, 1).train(), torch.Generator().manual_seed(0)
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.weight.data = torch.randn(module.weight.shape, generator=generator)
        x, change = torch.randn(2, *cells.images.shape, generator=generator)
        network.global_pooling = network.classifier = nn.Identity()  # what is left returns the features, flat
        distance = (network(x) - network(x + 0.01 * change)).detach().abs().sum(1).mean()
        variances = [value.mean() for name, value in network.named_buffers() if name.endswith("running_var")]
        expected = distance.log() + sum(variance.log() / 2 for variance in variances)
        assert score("zen", cells) == pytest.approx(float(expected), rel=1e-4)

    def test_synflow_leaves_batch_norms_out(self, cells: Subject) -> None:
        before = score("synflow", cells)
        for module in cells.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.data.fill_(3.0)
        assert score("synflow", cells) == before

    def test_sizes_are_those_of_the_skeleton(self, cells: Subject) -> None:
        skeleton = Skeleton(image_size=8, n_classes=4, channels=4, n_cells=1)
        assert score("params", cells) == skeleton.parameters(Cell.parse(CELL))
        assert score("flops", cells) == skeleton.flops(Cell.parse(CELL))

    @pytest.mark.parametrize("name", PROXIES)
    def test_the_network_is_left_as_it_was(self, name: str) -> None:
        network = build(CELL, 3, 4, 1).eval()
        before = {key: value.clone() for key, value in network.state_dict().items()}
        images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        score(name, Subject(network, images, torch.tensor([0, 1, 2, 0]), second_order=True))
        assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
        assert all(parameter.grad is None for parameter in network.parameters())
        assert not any(module.training or module._forward_hooks for module in network.modules())


def test_measures_of_networks_that_are_not_of_cells(linear: Subject) -> None:
    """Of one linear layer: its multiply-accumulates; features are the image itself, in zen."""
    assert score("flops", linear) == N_CLASSES * SIDE * SIDE
    generator = linear.generator()
    torch.randn(N_CLASSES, SIDE * SIDE, generator=generator)  # the weights are drawn first
    _, change = torch.randn(2, N, SIDE * SIDE, generator=generator)
    assert score("zen", linear) == pytest.approx(math.log(STEP * float(change.abs().sum(1).mean())), abs=1e-4)
    without = Subject(nn.Sequential(nn.Conv2d(1, N_CLASSES, SIDE), nn.Flatten()), linear.images, linear.labels)
    with pytest.raises(InvalidInputError, match="zen needs a network that ends in a linear layer; got Sequential"):
        score("zen", without)
