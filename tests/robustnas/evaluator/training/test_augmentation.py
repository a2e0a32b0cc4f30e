"""Flips and padded crops: what they do to an image, and what fixes their draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from robustnas.evaluator.training.augmentation import Draws, augment, batch_sizes, n_batches, pixels
from robustnas.evaluator.training.training_config import TrainingConfig

BOTH = TrainingConfig(flip=True, crop_padding=2)


def draws(flips: list[bool], shifts: list[list[int]]) -> Draws:
    return Draws(torch.arange(len(flips)), torch.tensor(flips), torch.tensor(shifts), torch.zeros(len(flips)))


def reference(image: np.ndarray, flip: bool, shift: tuple[int, int], padding: int) -> np.ndarray:
    """Mirror, pad with black, cut: one image at a time, shape (channels, h, w)."""
    _, height, width = image.shape
    mirrored = image[:, :, ::-1] if flip else image
    padded = np.pad(mirrored, ((0, 0), (padding, padding), (padding, padding)))
    return padded[:, shift[0] : shift[0] + height, shift[1] : shift[1] + width]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(("flip", "padding"), [(True, 0), (False, 2), (True, 2)])
def test_each_image_is_mirrored_padded_with_black_and_cut(flip: bool, padding: int, dtype: type) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(1, 255, (40, 3, 4, 4)).astype(dtype)
    config = TrainingConfig(flip=flip, crop_padding=padding)
    drawn = Draws.of_epoch(40, config, seed=3, epoch=1)
    result = augment(torch.from_numpy(images), drawn, config)
    expected = [
        reference(image, bool(mirror), (int(shift[0]), int(shift[1])), padding)
        for image, mirror, shift in zip(images, drawn.flips, drawn.shifts, strict=True)
    ]
    np.testing.assert_array_equal(result.numpy(), np.stack(expected))
    assert result.numpy().dtype == dtype


def test_the_middle_crop_unflipped_is_the_image_itself() -> None:
    images = torch.rand((2, 1, 4, 4), generator=torch.Generator().manual_seed(0))
    result = augment(images, draws([False, True], [[2, 2], [2, 2]]), BOTH)
    assert torch.equal(result[0], images[0])
    assert torch.equal(result[1], images[1].flip(2))


def test_without_flip_and_padding_nothing_is_done() -> None:
    images = torch.zeros((2, 1, 4, 4))
    plain = TrainingConfig(flip=False, crop_padding=0)
    drawn = Draws.of_epoch(2, plain, seed=0, epoch=0)
    assert augment(images, drawn, plain) is images
    assert not drawn.flips.any()
    assert not drawn.shifts.any()


def test_draws_cover_their_range_and_depend_on_seed_and_epoch_alone() -> None:
    first, again = (Draws.of_epoch(2000, BOTH, seed=5, epoch=7) for _ in range(2))
    assert torch.equal(first.order, again.order)
    assert torch.equal(first.flips, again.flips)
    assert torch.equal(first.shifts, again.shifts)
    assert first.order.sort().values.tolist() == list(range(2000))
    assert first.shifts.unique().tolist() == [0, 1, 2, 3, 4]
    assert 0.45 < first.flips.float().mean() < 0.55
    for seed, epoch in ((5, 8), (6, 7), (7, 5)):
        assert not torch.equal(first.order, Draws.of_epoch(2000, BOTH, seed=seed, epoch=epoch).order)


@pytest.mark.parametrize(("n", "sizes"), [(8, [4, 4]), (9, [4, 4]), (10, [4, 4, 2]), (3, [3]), (5, [4]), (2, [2])])
def test_what_is_left_over_is_a_batch_unless_it_is_one_image(n: int, sizes: list[int]) -> None:
    assert batch_sizes(n, 4) == sizes
    assert len(sizes) == n_batches(n, 4)


def test_pixels_of_bytes_are_those_of_numpy() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    np.testing.assert_array_equal(pixels(torch.from_numpy(values)).numpy(), values.astype(np.float32) / 255)
