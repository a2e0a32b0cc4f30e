"""Saliencies: how much single weights or channels matter to the loss of one batch, summed over the network.

All of them come from one forward and one backward pass in training mode; grasp adds a second backward pass. They sum
over the weights of convolutions and linear layers, as Abdelfattah et al. (ICLR 2021) do.
"""

from __future__ import annotations

import torch

from robustnas.evaluator.proxies.subject import Subject, gradients_of


def snip(subject: Subject) -> float:
    """Return sum |w * dL/dw|: the sensitivity of the loss to connections (Lee et al., ICLR 2019)."""
    return sum(float(product.abs().sum()) for product in _products(subject))


def plain(subject: Subject) -> float:
    """Return sum w * dL/dw: to first order, what the loss falls by without the weights (Mozer and Smolensky 1988)."""
    return sum(float(product.sum()) for product in _products(subject))


def grad_norm(subject: Subject) -> float:
    """Return the sum over layers of the Euclidean norm of dL/dw (Abdelfattah et al., ICLR 2021)."""
    return sum(float(gradient.detach().norm()) for gradient in subject.gradients.weights)


def fisher(subject: Subject) -> float:
    """Return the sum over channels of their Fisher information, each counted once per weight of the channel.

    Of a channel with output a and gradient g of the mean loss: 1/2 mean over images of (sum over pixels of a * g)^2
    (Turner et al., ICLR 2020; the counting is that of Abdelfattah et al., ICLR 2021).
    """
    total = 0.0
    found = subject.forward
    for layer, output, gradient in zip(found.layers, found.outputs, subject.gradients.outputs, strict=True):
        product = (output * gradient).detach()
        per_image = product.flatten(2).sum(2) if product.dim() > 2 else product  # shape (n, channels)
        total += float((per_image**2).mean(0).sum() / 2) * layer.weight[0].numel()
    return total


def grasp(subject: Subject) -> float:
    """Return -sum w * (H g), H the Hessian of the loss and g its gradient by weights (Wang et al., ICLR 2020).

    The sign is that of Abdelfattah et al. (ICLR 2021).
    """
    assert subject.second_order
    gradients = subject.gradients.weights
    weights = [layer.weight for layer in subject.forward.layers]
    product = sum((gradient.detach() * gradient).sum() for gradient in gradients)
    assert isinstance(product, torch.Tensor)
    hessian_gradients = gradients_of(product, weights)
    return -sum(float((w.detach() * hg).sum()) for w, hg in zip(weights, hessian_gradients, strict=True))


def _products(subject: Subject) -> list[torch.Tensor]:
    layers = subject.forward.layers
    gradients = subject.gradients.weights
    return [layer.weight.detach() * gradient.detach() for layer, gradient in zip(layers, gradients, strict=True)]
