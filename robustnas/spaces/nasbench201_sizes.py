"""NAS-Bench-201 with size: its cells, in networks of several widths and depths."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.spaces.choice_architecture import ChoiceArchitecture
from robustnas.spaces.choice_space import ChoiceSpace
from robustnas.spaces.nasbench201.cost import CIFAR10, Skeleton, cost_column
from robustnas.spaces.nasbench201.nasbench201 import NASBENCH201
from robustnas.spaces.product_space import ProductSpace

if TYPE_CHECKING:
    from torch import nn


class Sizes(ChoiceSpace):
    """The channels of the first stage, and how many cells each stage has; NAS-Bench-201 has 16 and 5."""

    choices = {"channels": (8, 16, 32), "cells": (1, 3, 5)}  # noqa: RUF012  a constant of the class


class NASBench201Sizes(ProductSpace):
    """The cells of NAS-Bench-201 in networks of nine sizes.

    >>> from robustnas.spaces import open_space
    >>> space = open_space("nasbench201-sizes")
    >>> space
    <nasbench201-sizes: 140,625 architectures, 58,194 networks>
    """

    name = "nasbench201-sizes"
    normalised = True

    def __init__(self) -> None:
        super().__init__(NASBENCH201, Sizes())

    def build(self, architecture: ChoiceArchitecture, n_classes: int, in_channels: int) -> nn.Module:
        """Return the network, untrained."""
        channels, n_cells = int(architecture["channels"]), int(architecture["cells"])
        return NASBENCH201.build(self.part(architecture, 0), n_classes, in_channels, channels=channels, n_cells=n_cells)

    def skeleton_on(self, image_size: int, n_classes: int, in_channels: int) -> Skeleton:
        """Return the images and classes; channels and cells are choices here."""
        return NASBENCH201.skeleton_on(image_size, n_classes, in_channels)

    def skeleton(self, dataset: str) -> Skeleton:
        """Return the images and classes of a dataset; channels and cells are choices here."""
        return NASBENCH201.skeleton(dataset)

    def cost_column(self, name: str, skeleton: Any = None) -> FloatArray:
        """Return ``params`` or ``flops`` of every network, shape (140625,), exactly."""
        sizes = self.parts[1]
        columns = []
        for index in range(sizes.size):
            size = sizes.architecture(index)
            columns.append(cost_column(name, replace(skeleton or CIFAR10, channels=size.channels, n_cells=size.cells)))
        return np.stack(columns, axis=1).ravel()

    def skeleton_of(self, architecture: Any, skeleton: Skeleton = CIFAR10) -> Skeleton:
        """Return the skeleton around the cell of an architecture."""
        return replace(skeleton, channels=architecture.channels, n_cells=architecture.cells)
