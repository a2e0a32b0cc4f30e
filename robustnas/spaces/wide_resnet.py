"""A wide residual network in PyTorch, as `robustnas.spaces.wide_resnets` describes it: the module that needs torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from robustnas.spaces.wide_resnets import STEM


class WideResNet(nn.Module):
    """A residual network with pre-activation, wide (Zagoruyko and Komodakis, BMVC 2016).

    Args:
        depths: Blocks of each stage.
        widths: The factor on the 16, 32, 64 ... channels of each stage.
        n_classes: Classes.
        in_channels: Channels of the images.
    """

    def __init__(self, depths: Sequence[int], widths: Sequence[int], n_classes: int, in_channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, STEM, 3, padding=1, bias=False)
        blocks: list[nn.Module] = []
        channels = STEM
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            for block in range(depth):
                wider = STEM * width * 2**stage
                blocks.append(_Block(channels, wider, stride=2 if stage and not block else 1))
                channels = wider
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(channels)
        self.classifier = nn.Linear(channels, n_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, shape (n, n_classes), of images, shape (n, in_channels, height, width)."""
        features = F.relu(self.norm(self.blocks(self.stem(images))))
        logits: Tensor = self.classifier(features.mean(dim=(2, 3)))
        return logits


class _Block(nn.Module):
    def __init__(self, channels: int, wider: int, stride: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(wider)
        self.conv1 = nn.Conv2d(channels, wider, 3, stride=stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(wider, wider, 3, padding=1, bias=False)
        changes = stride > 1 or channels != wider
        self.shortcut = nn.Conv2d(channels, wider, 1, stride=stride, bias=False) if changes else None

    def forward(self, features: Tensor) -> Tensor:
        active = F.relu(self.norm1(features))
        added = features if self.shortcut is None else self.shortcut(active)
        result: Tensor = self.conv2(F.relu(self.norm2(self.conv1(active)))) + added
        return result
