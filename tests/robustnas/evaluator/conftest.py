"""A small trained network, once per process."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from robustnas.evaluator.images.image_files import open_images
from robustnas.evaluator.images.images import ImageData, LabelledImages
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.training.training import train
from robustnas.evaluator.training.training_config import RECIPES
from robustnas.spaces.nasbench201.network import build

ARCH = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|skip_connect~2|"


@pytest.fixture(scope="session")
def digits() -> ImageData:
    return open_images("digits")


@pytest.fixture(scope="session")
def model(digits: ImageData) -> Normalised:
    """Knows digits well enough to be worth attacking."""
    network = Normalised(build(ARCH, 10, channels=4, n_cells=1, in_channels=1), digits.mean, digits.std)
    train(network, digits.train, replace(RECIPES["digits"], epochs=6), seed=0, device=torch.device("cpu"))
    return network


@pytest.fixture(scope="session")
def images(digits: ImageData) -> LabelledImages:
    return digits.test.head(120)
