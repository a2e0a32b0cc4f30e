from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustnas.errors import InvalidInputError
from robustnas.evaluator.images.images import ImageData, LabelledImages
from robustnas.evaluator.images.normalisation import LEAST_STD, NORMALISATION, normalisation


def sample(n: int = 6, channels: int = 3, side: int = 8, seed: int = 0) -> LabelledImages:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, channels, side, side), dtype=np.uint8)
    return LabelledImages(images, np.arange(n) % 3)


def data_of(train: LabelledImages, test: LabelledImages | None = None, n_classes: int = 3) -> ImageData:
    channels = train.shape[0]
    return ImageData("sample", train, test or train, n_classes, (0.5,) * channels, (0.25,) * channels)


class TestLabelledImages:
    def test_bytes_mean_255ths(self) -> None:
        images = sample()
        pixels = images.pixels()
        assert pixels.dtype == np.float32
        np.testing.assert_array_equal(pixels, images.images.astype(np.float32) / np.float32(255))
        pixels[:] = 0  # a copy
        assert images.images.max() > 0

    def test_floats_are_kept_and_copied(self) -> None:
        values = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 1, 8, 8)
        images = LabelledImages(values, np.array([0]))
        pixels = images.pixels()
        np.testing.assert_array_equal(pixels, values)
        pixels[:] = 0
        assert images.images.max() == 1

    def test_they_are_read_only_and_the_callers_array_is_not(self) -> None:
        values = np.zeros((2, 1, 8, 8), np.uint8)
        images = LabelledImages(values, np.array([0, 1]))
        with pytest.raises(ValueError, match="read-only"):
            images.images[0] = 1
        values[0] = 1

    def test_they_become_contiguous(self) -> None:
        values = np.zeros((2, 8, 8, 3), np.uint8).transpose(0, 3, 1, 2)
        assert LabelledImages(values, np.array([0, 1])).images.flags.c_contiguous

    @given(st.lists(st.integers(0, 5), min_size=1, max_size=9))
    def test_subset(self, indices: list[int]) -> None:
        images = sample()
        chosen = images.subset(indices)
        np.testing.assert_array_equal(chosen.images, images.images[indices])
        np.testing.assert_array_equal(chosen.labels, images.labels[indices])

    def test_head(self) -> None:
        images = sample()
        assert images.head(2).labels.tolist() == [0, 1]
        assert len(images.head(100)) == 6
        with pytest.raises(InvalidInputError, match="n is 0; expected an integer of at least 1"):
            images.head(0)

    @pytest.mark.parametrize(
        ("indices", "message"),
        [
            ([6], "index 6 is none of the 6 images"),
            ([0, -1], "index -1 is none"),
            ([], r"shape \(0,\)"),
            ([0.5], "float64"),
            ([[1]], r"shape \(1, 1\)"),
            ([True, False], "bool"),
        ],
    )
    def test_a_bad_subset(self, indices: object, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            sample().subset(indices)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("images", "message"),
        [
            ([[1]], "images are list"),
            (np.zeros((1, 1, 8, 8)), "images are float64; expected an array of uint8"),
            (np.zeros((1, 8, 8), np.uint8), r"shape \(1, 8, 8\)"),
            (np.zeros((0, 1, 8, 8), np.uint8), "not empty"),
            (np.zeros((1, 0, 8, 8), np.uint8), "not empty"),
            (np.zeros((1, 1, 8, 12), np.uint8), "8 x 12 pixels"),
            (np.zeros((1, 1, 30, 30), np.uint8), "multiple of 4"),
            (np.full((1, 1, 4, 4), 1.5, np.float32), "image 0 has a pixel of 1.5"),
            (np.full((1, 1, 4, 4), -0.1, np.float32), "image 0 has a pixel of -0.1"),
            (np.full((1, 1, 4, 4), np.nan, np.float32), "pixel of nan"),
            (np.full((1, 1, 4, 4), np.inf, np.float32), "pixel of inf"),
        ],
    )
    def test_bad_images(self, images: np.ndarray, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            LabelledImages(images, np.zeros(len(images), np.int64))

    def test_one_nan_among_many_is_found(self) -> None:
        values = np.zeros((5, 1, 4, 4), np.float32)
        values[3, 0, 2, 1] = np.nan
        with pytest.raises(InvalidInputError, match="image 3 has a pixel of nan"):
            LabelledImages(values, np.zeros(5, np.int64))

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ([0, 1], "labels are list"),
            (np.array([0, 1], np.int32), r"labels are int32 of shape \(2,\); expected int64 of shape \(2,\)"),
            (np.array([0]), r"shape \(1,\)"),
            (np.array([[0], [1]]), r"shape \(2, 1\)"),
            (np.array([0, -3]), "image 1 has the label -3"),
        ],
    )
    def test_bad_labels(self, labels: np.ndarray, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            LabelledImages(np.zeros((2, 1, 8, 8), np.uint8), labels)


class TestImageData:
    def test_a_label_out_of_range_is_named(self) -> None:
        images = sample()
        with pytest.raises(InvalidInputError, match=r"training image 2 has the label 2; expected 0 to 1 \(2 such\)"):
            data_of(images, images.head(2), n_classes=2)
        with pytest.raises(InvalidInputError, match="test image 2 has the label 2"):
            data_of(images.head(2), images, n_classes=2)

    def test_shapes_must_agree(self) -> None:
        with pytest.raises(InvalidInputError, match=r"\(3, 8, 8\), test images \(1, 8, 8\)"):
            data_of(sample(), sample(channels=1))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"mean": (0.5,)}, r"mean is \(0.5,\); expected 3 finite numbers, one per channel"),
            ({"mean": (0.5, 0.5, np.nan)}, "mean is"),
            ({"std": (1.0, 1.0, 0.0)}, "expected 3 finite numbers above 0"),
            ({"std": (1.0, 1.0, np.inf)}, "std is"),
            ({"n_classes": 1}, "n_classes is 1"),
        ],
    )
    def test_bad_values(self, change: dict[str, object], message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            replace(data_of(sample()), **change)  # type: ignore[arg-type]

    def test_the_digest_is_of_the_content(self) -> None:
        data = data_of(sample(), sample(3))
        assert data.digest == replace(data, name="other", mean=(0.0,) * 3).digest
        copy = LabelledImages(np.asfortranarray(data.train.images), data.train.labels)
        assert replace(data, train=copy).digest == data.digest

    def test_the_digest_changes_with_the_content(self) -> None:
        data = data_of(sample(), sample(3))
        labels = np.array(data.test.labels)
        labels[0] = 1
        floats = LabelledImages(data.test.pixels(), data.test.labels)
        others = [
            replace(data, n_classes=4),
            replace(data, train=data.test, test=data.train),
            replace(data, test=LabelledImages(data.test.images, labels)),
            replace(data, test=data.test.head(2)),
            replace(data, test=floats),
        ]
        assert len({data.digest, *(other.digest for other in others)}) == 6


class TestNormalisation:
    def test_published_values(self) -> None:
        mean, std = normalisation("cifar10", sample())
        np.testing.assert_allclose(np.multiply(mean, 255), [125.3, 123.0, 113.9])
        np.testing.assert_allclose(np.multiply(std, 255), [63.0, 62.1, 66.7])
        assert set(NORMALISATION) == {"cifar10", "cifar100", "ImageNet16-120"}

    @pytest.mark.parametrize("as_floats", [False, True])
    def test_computed_values(self, as_floats: bool) -> None:
        images = sample(50)
        if as_floats:
            images = LabelledImages(images.pixels(), images.labels)
        mean, std = normalisation("other", images)
        pixels = images.pixels().astype(np.float64)
        np.testing.assert_allclose(mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-6)
        np.testing.assert_allclose(std, pixels.std(axis=(0, 2, 3)), rtol=1e-6)

    def test_a_constant_channel_can_be_divided_by(self) -> None:
        images = LabelledImages(np.zeros((2, 1, 8, 8), np.uint8), np.array([0, 1]))
        assert normalisation("black", images) == ((0.0,), (LEAST_STD,))

    def test_gray_images_have_values_of_their_own(self) -> None:
        assert len(normalisation("cifar10", sample(channels=1))[0]) == 1
