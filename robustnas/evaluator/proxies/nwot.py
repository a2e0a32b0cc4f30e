"""Activation patterns: how differently a network's ReLUs split the images of a batch."""

from __future__ import annotations

import torch

from robustnas.evaluator.proxies.subject import Subject


def nwot(subject: Subject) -> float:
    """Return ln det K, K_ij the number of ReLU units on which images i and j agree (Mellor et al., ICML 2021).

    The pass is in training mode; a unit is on if what it is given is above 0. NaN where K is singular: no ReLU tells
    the images apart, as in a network without a path.
    """
    n = len(subject.images)
    kernel = torch.zeros(n, n, dtype=torch.float64)
    for values in subject.forward.relu_inputs:
        signs = (values.flatten(1) > 0).float() * 2 - 1
        kernel += (values[0].numel() + (signs @ signs.T)).double().cpu() / 2  # agreements less disagreements
    sign, log_determinant = torch.linalg.slogdet(kernel)
    return float(log_determinant) if sign > 0 else float("nan")
