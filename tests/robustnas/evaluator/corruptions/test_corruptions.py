from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from robustnas.errors import DataError, DataNotFoundError, EvaluationError, InvalidInputError, RobustNASError
from robustnas.evaluator.corruptions import corruption_library
from robustnas.evaluator.corruptions.corruptions import GENERATED_SCALE, CorruptedImages, corrupted
from robustnas.evaluator.images.images import ImageData, LabelledImages
from robustnas.metric import CORRUPTIONS, SEVERITIES
from tests import ROOT

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

N = 12


def data_of(channels: int = 3, side: int = 32, n: int = N, name: str = "sample") -> ImageData:
    """Smooth images in the middle of the range, so that every corruption changes them."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(60, 190, side)
    images = rng.normal(0, 8, (n, channels, side, side)) + ramp + 30 * rng.normal(size=(n, channels, 1, 1))
    part = LabelledImages(images.clip(0, 255).astype(np.uint8), np.arange(n) % 10)
    return ImageData(name, part, part, 10, (0.5,) * channels, (0.25,) * channels)


def digest(found: CorruptedImages) -> str:
    return hashlib.sha256(found.images.images.tobytes()).hexdigest()


@pytest.fixture(autouse=True)
def no_files(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No image folder of the machine is seen."""
    monkeypatch.delenv("ROBUSTNAS_IMAGES", raising=False)


@pytest.fixture
def library() -> None:
    pytest.importorskip("imagecorruptions", reason="the extra corruptions is not installed")


@pytest.mark.usefixtures("library")
class TestGenerated:
    @pytest.mark.parametrize("name", CORRUPTIONS)
    @pytest.mark.parametrize(("channels", "side"), [(3, 32), (3, 16), (1, 28), (1, 8)])
    def test_every_corruption_at_every_size(self, name: str, channels: int, side: int) -> None:
        data = data_of(channels, side, n=4)
        for severity in (1, 5):
            found = corrupted(data, name, severity)
            assert found.scale == GENERATED_SCALE == "ImageNet-C constants"
            assert found.images.images.dtype == np.uint8
            assert found.images.images.shape == data.test.images.shape
            np.testing.assert_array_equal(found.images.labels, data.test.labels)
            change = np.abs(found.images.pixels() - data.test.pixels()).mean()
            assert 0.003 < change < 0.6

    @pytest.mark.parametrize("name", CORRUPTIONS)
    def test_a_higher_severity_changes_more(self, name: str) -> None:
        data = data_of()
        mild, harsh = (corrupted(data, name, severity).images.pixels() for severity in (1, 5))
        clean = data.test.pixels()
        assert np.abs(harsh - clean).mean() > np.abs(mild - clean).mean()

    def test_the_library_is_given_what_it_documents(self) -> None:
        """At 32 x 32 x 3 the images are those of the library's own door, for the same state of numpy."""
        from imagecorruptions import corrupt

        image = data_of(n=1).test.images[0].transpose(1, 2, 0)
        for name in set(CORRUPTIONS) - {"glass_blur", "impulse_noise"}:
            np.random.seed(corruption_library._image_seed(5, name, 3, 0))  # noqa: NPY002
            expected = corrupt(image, severity=3, corruption_name=name)
            found = corrupted(data_of(n=1), name, 3, seed=5).images.images[0]
            np.testing.assert_array_equal(found.transpose(1, 2, 0), expected, err_msg=name)

    def test_an_image_does_not_depend_on_those_beside_it(self) -> None:
        few, many = data_of(n=N), data_of(n=N)
        few = ImageData("few", few.train, few.test.head(3), 10, few.mean, few.std)
        for name in ("frost", "glass_blur", "impulse_noise", "shot_noise"):
            expected = corrupted(many, name, 2).images.head(3)
            np.testing.assert_array_equal(corrupted(few, name, 2).images.images, expected.images)

    @pytest.mark.parametrize("name", ["gaussian_noise", "impulse_noise", "glass_blur", "fog", "snow"])
    def test_seeds_severities_and_images_differ(self, name: str) -> None:
        data = data_of()
        same = LabelledImages(np.repeat(data.test.images[:1], 2, axis=0), data.test.labels[:2])
        twins = ImageData("twins", same, same, 10, data.mean, data.std)
        pair = corrupted(twins, name, 1).images.images
        assert (pair[0] != pair[1]).any()
        assert digest(corrupted(data, name, 1)) != digest(corrupted(data, name, 1, seed=1))

    def test_the_global_state_is_kept(self) -> None:
        data = data_of(n=2)
        np.random.seed(3)  # noqa: NPY002
        expected = np.random.random(4)  # noqa: NPY002
        np.random.seed(3)  # noqa: NPY002
        for name in CORRUPTIONS:
            corrupted(data, name, 1)
        np.testing.assert_array_equal(np.random.random(4), expected)  # noqa: NPY002

    def test_the_state_is_kept_when_generating_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(image: object, severity: int) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(corruption_library, "_library", lambda: {"fog": fail})
        before = np.random.get_state()[1].copy()  # type: ignore[union-attr,index] # noqa: NPY002
        with pytest.raises(KeyboardInterrupt):
            corrupted(data_of(), "fog", 1)
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # type: ignore[index] # noqa: NPY002

    @pytest.mark.slow
    def test_another_process_in_another_order_generates_the_same(self) -> None:
        program = (
            "from tests.robustnas.evaluator.corruptions.test_corruptions import *\n"
            "np.random.seed(99)\n"
            "for name in reversed(CORRUPTIONS):\n"
            "    for channels, side in ((1, 8), (3, 32)):\n"
            "        print(name, channels, digest(corrupted(data_of(channels, side, n=3), name, 4, seed=7)))\n"
        )
        here = sorted(
            f"{name} {channels} {digest(corrupted(data_of(channels, side, n=3), name, 4, seed=7))}"
            for name in CORRUPTIONS
            for channels, side in ((3, 32), (1, 8))
        )
        environment = os.environ | {"PYTHONHASHSEED": "4242", "PYTHONPATH": str(ROOT)}
        output = subprocess.run(
            [sys.executable, "-W", "error", "-c", program], env=environment, capture_output=True, text=True, check=False
        )
        assert sorted(output.stdout.splitlines()) == here, output.stderr

    def test_gray_stays_gray(self) -> None:
        gray = data_of(channels=1, side=32)
        color = ImageData(
            "color",
            *(LabelledImages(np.repeat(gray.test.images, 3, axis=1), gray.test.labels) for _ in range(2)),
            10,
            (0.5,) * 3,
            (0.25,) * 3,
        )
        for name in ("contrast", "frost", "jpeg_compression"):
            means = np.rint(corrupted(color, name, 2).images.images.mean(axis=1, keepdims=True))
            np.testing.assert_array_equal(corrupted(gray, name, 2).images.images, means)
        noisy = corrupted(color, "gaussian_noise", 2).images.images[:, :1]
        np.testing.assert_array_equal(corrupted(gray, "gaussian_noise", 2).images.images, noisy)

    def test_floats_are_rounded_to_bytes(self) -> None:
        data = data_of(side=8)
        part = LabelledImages(data.test.pixels(), data.test.labels)
        floats = ImageData("floats", part, part, 10, data.mean, data.std)
        assert digest(corrupted(floats, "contrast", 1)) == digest(corrupted(data, "contrast", 1))

    def test_two_channels_are_refused(self) -> None:
        with pytest.raises(InvalidInputError, match="2 channels; corruptions are generated for 1 or 3"):
            corrupted(data_of(channels=2), "fog", 1)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecorruptions", None)
    corruption_library._library.cache_clear()
    with pytest.raises(EvaluationError, match=r'pip install "robustnas\[corruptions\]"') as caught:
        corrupted(data_of(), "fog", 1)
    assert isinstance(caught.value, RobustNASError)
    corruption_library._library.cache_clear()


@pytest.mark.parametrize(
    ("name", "severity", "seed", "message"),
    [
        ("fogg", 1, 0, "unknown corruption 'fogg'; did you mean 'fog'"),
        ("speckle_noise", 1, 0, "unknown corruption"),
        ("fog", 0, 0, "severity is 0; expected an integer from 1 to 5"),
        ("fog", 6, 0, "severity is 6"),
        ("fog", 1.0, 0, "severity is 1.0"),
        ("fog", 1, -1, "seed is -1; expected an integer of at least 0"),
    ],
)
def test_bad_values(name: str, severity: int, seed: int, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        corrupted(data_of(), name, severity, seed=seed)


class TestFiles:
    def write(self, folder: Path, data: ImageData, names: tuple[str, ...] = ("fog",)) -> Path:
        """Write files in which a pixel is the severity."""
        folder.mkdir(parents=True)
        n, (channels, height, width) = len(data.test), data.shape
        for name in names:
            blocks = [np.full((n, height, width, channels), severity, np.uint8) for severity in SEVERITIES]
            images = np.concatenate(blocks)
            images[:, 0, 1, 2] = 100  # row 0, column 1, channel 2
            np.save(folder / f"{name}.npy", images)
        np.save(folder / "labels.npy", np.tile(data.test.labels, 5).astype(np.uint8))
        return folder

    @pytest.mark.parametrize("severity", SEVERITIES)
    def test_a_severity_is_a_block(self, tmp_path: Path, severity: int) -> None:
        data = data_of(name="cifar10")
        found = corrupted(data, "fog", severity, folder=self.write(tmp_path / "c", data), seed=severity)
        assert found.scale == "CIFAR-10-C files"
        assert set(np.unique(found.images.images).tolist()) == {severity, 100}
        assert (found.images.images[:, 2, 0, 1] == 100).all()
        np.testing.assert_array_equal(found.images.labels, data.test.labels)

    @pytest.mark.parametrize(("dataset", "published"), [("cifar10", "CIFAR-10-C"), ("cifar100", "CIFAR-100-C")])
    def test_they_are_found_by_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str, published: str
    ) -> None:
        monkeypatch.setenv("ROBUSTNAS_IMAGES", str(tmp_path))
        data = data_of(name=dataset)
        self.write(tmp_path / published, data)
        assert corrupted(data, "fog", 3).scale == f"{published} files"

    def test_they_are_not_taken_for_other_images(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ROBUSTNAS_IMAGES", str(tmp_path))
        self.write(tmp_path / "CIFAR-10-C", data_of(name="cifar10"))
        pytest.importorskip("imagecorruptions", reason="the extra corruptions is not installed")
        assert corrupted(data_of(), "fog", 3).scale == GENERATED_SCALE
        with pytest.raises(InvalidInputError, match="published files of cifar10 and cifar100 only"):
            corrupted(data_of(), "fog", 3, folder=tmp_path / "CIFAR-10-C")

    def test_the_first_test_images_will_do(self, tmp_path: Path) -> None:
        data = data_of(name="cifar10")
        folder = self.write(tmp_path / "c", data)
        head = ImageData("cifar10", data.train, data.test.head(5), 10, data.mean, data.std)
        found = corrupted(head, "fog", 2, folder=folder)
        assert len(found.images) == 5
        assert found.images.images.min() == 2

    def test_other_labels_are_refused(self, tmp_path: Path) -> None:
        data = data_of(name="cifar10")
        folder = self.write(tmp_path / "c", data)
        other = ImageData("cifar10", data.train, data.test.subset([0, 1, 3]), 10, data.mean, data.std)
        with pytest.raises(DataError, match=r"labels.npy: label 2 is 2, that of test image 2 is 3; .* \(1 differ\)"):
            corrupted(other, "fog", 2, folder=folder)
        more = data_of(n=N + 1, name="cifar10")
        with pytest.raises(DataError, match="12 images per severity; there are 13 test images"):
            corrupted(more, "fog", 2, folder=folder)

    def test_a_missing_file_does_not_change_the_scale(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ROBUSTNAS_IMAGES", str(tmp_path))
        data = data_of(name="cifar10")
        folder = self.write(tmp_path / "CIFAR-10-C", data)
        with pytest.raises(DataNotFoundError, match=r"snow.npy: no such file"):
            corrupted(data, "snow", 1)
        with pytest.raises(DataNotFoundError, match="no such folder; expected that of CIFAR-10-C"):
            corrupted(data, "fog", 1, folder=tmp_path / "nowhere")
        (folder / "labels.npy").unlink()
        with pytest.raises(DataNotFoundError, match=r"labels.npy"):
            corrupted(data, "fog", 1)

    def test_damaged_files(self, tmp_path: Path) -> None:
        data = data_of(name="cifar10")
        folder = self.write(tmp_path / "c", data)
        content = (folder / "fog.npy").read_bytes()
        for damaged in (b"", b"other", content[:1000], content[:-1]):
            (folder / "fog.npy").write_bytes(damaged)
            with pytest.raises(DataError, match=r"fog.npy: truncated, or no .npy file"):
                corrupted(data, "fog", 1, folder=folder)
        np.save(folder / "fog.npy", np.zeros((60, 3, 32, 32), np.uint8))
        with pytest.raises(DataError, match=r"\(60, 3, 32, 32\); expected uint8 of shape \(60, 32, 32, 3\)"):
            corrupted(data, "fog", 1, folder=folder)
        np.save(folder / "labels.npy", np.zeros(59, np.uint8))
        with pytest.raises(DataError, match=r"labels.npy: is uint8 of shape \(59,\)"):
            corrupted(data, "fog", 1, folder=folder)

    def test_a_pickled_array_is_not_loaded(self, tmp_path: Path) -> None:
        data = data_of(name="cifar10")
        folder = self.write(tmp_path / "c", data)
        np.save(folder / "fog.npy", np.array([{}]), allow_pickle=True)
        with pytest.raises(DataError, match=r"fog.npy: truncated, or no .npy file"):
            corrupted(data, "fog", 1, folder=folder)
