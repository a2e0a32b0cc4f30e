from __future__ import annotations

import numpy as np
import pytest
import torch

from robustnas import Cell
from robustnas.evaluator.inference import inference_form, live_edges
from robustnas.evaluator.normalised import Normalised
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.network import build

SPECIAL = [
    Cell((0,) * 6),
    Cell((3, 0, 0, 0, 0, 0)),  # its convolution reaches nothing
    Cell((0, 0, 0, 0, 2, 0)),  # a convolution of nothing: a learned constant
    Cell((0, 0, 3, 0, 0, 3)),  # convolutions of constants
    Cell((0, 0, 2, 1, 0, 4)),  # a constant, pooled
    Cell((1, 1, 1, 1, 1, 1)),
]


def trained_a_little(cell: Cell) -> Normalised:
    """Return a network whose batch norms have seen something, and whose affine parameters are not the initial ones."""
    rng = torch.Generator().manual_seed(0)
    model = Normalised(build(cell, 10, 4, 2), (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)).train()
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            parameter.data += 0.3 * torch.randn(parameter.shape, generator=rng) + (0.1 if "bias" in name else 0)
    for _ in range(3):
        model(torch.rand(16, 3, 16, 16, generator=rng))
    return model.eval()


@pytest.mark.parametrize("cell", [*SPECIAL, *space.sample(np.random.default_rng(0), 25)], ids=str)  # type: ignore[misc]
def test_it_computes_the_same(cell: Cell) -> None:
    model = trained_a_little(cell)
    form = inference_form(model)
    pixels = torch.rand(9, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    gradients = []
    for network in (model, form):
        x = pixels.clone().requires_grad_()
        logits = network(x)
        loss = logits.logsumexp(1).sum() + 0 * x.sum()  # some cells do not depend on their input
        gradients.append((logits, torch.autograd.grad(loss, x)[0]))
    (expected, slope), (logits, form_slope) = gradients
    assert torch.allclose(logits, expected, rtol=1e-4, atol=1e-5)
    assert torch.allclose(form_slope, slope, rtol=1e-3, atol=1e-6)


def test_it_has_no_parameters_and_leaves_the_model_alone() -> None:
    model = trained_a_little(Cell.parse("#13433")).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    form = inference_form(model)
    assert not list(form.parameters())
    assert not form.training
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_edges_that_do_not_matter_can_be_removed() -> None:
    """Whatever operation an edge that does not matter is given, functional twins remain twins."""
    from robustnas.spaces.nasbench201.twins import functional_form

    for cell in space.sample(np.random.default_rng(1), 300):  # type: ignore[union-attr]
        alive = live_edges(cell)
        pruned = Cell(tuple(op if kept else 0 for op, kept in zip(cell.ops, alive, strict=True)))
        assert functional_form(pruned) == functional_form(cell), cell
