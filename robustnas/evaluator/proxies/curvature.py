"""Curvature of the loss as a function of the image."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from robustnas.evaluator.proxies.subject import Subject, gradients_of

STEP = 1.5
"""Length h of the step of `hessian` in the space of normalised images, that of AdvRush."""


def hessian(subject: Subject, step: float = STEP) -> float:
    """Return the mean over images of |g(x + h z) - g(x)| / h: the curvature of the loss along its gradient's signs.

    g is the gradient of the image's cross-entropy by the image, z = sign(g(x)) / |sign(g(x))|, h = 1.5 and norms are
    Euclidean: a finite difference of the input Hessian's product with z, at most its largest absolute eigenvalue where
    the Hessian is constant between the two points. AdvRush (Mok et al., ICCV 2021) takes it for that eigenvalue, and
    has it from CURE (Moosavi-Dezfooli et al., CVPR 2019). Batch norms keep the statistics of the batch, so that images
    do not interact.

    Args:
        subject: What to measure.
        step: The length h, in units of the normalised images.
    """
    gradient = _input_gradient(subject, *subject.frozen_pass)
    signs = gradient.sign().flatten(1)
    directions = signs / signs.norm(dim=1, keepdim=True).clamp_min(1)  # without a gradient there is no direction
    images = subject.images + step * directions.reshape(subject.images.shape)
    moved = _input_gradient(subject, images.requires_grad_(), subject.frozen(images))
    return float((moved - gradient).flatten(1).norm(dim=1).double().mean()) / step


def _input_gradient(subject: Subject, inputs: Tensor, logits: Tensor) -> Tensor:
    """Return the gradient of each image's loss, in the shape of the images."""
    (gradient,) = gradients_of(F.cross_entropy(logits, subject.labels, reduction="sum"), [inputs])
    return gradient.contiguous()
