from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from robustnas.errors import DataError, DataNotFoundError
from robustnas.evaluator.images.digits import load_digits
from robustnas.evaluator.images.image_files import open_images
from robustnas.evaluator.images.image_sources import IMAGE_SOURCES

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")

RNG = np.random.default_rng(0)
IMAGES = {"train": RNG.integers(0, 256, (20, 28, 28), np.uint8), "t10k": RNG.integers(0, 256, (10, 28, 28), np.uint8)}
LABELS = {"train": np.arange(20, dtype=np.uint8) % 10, "t10k": np.arange(10, dtype=np.uint8)}


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


def idx_files() -> dict[str, bytes]:
    files = {f"{split}-images-idx3-ubyte": idx(values) for split, values in IMAGES.items()}
    return files | {f"{split}-labels-idx1-ubyte": idx(values) for split, values in LABELS.items()}


def write(folder: Path, contents: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def images_folder(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that ROBUSTNAS_IMAGES names; no image folder of the machine is seen."""
    folder = tmp_path / "images"
    folder.mkdir()
    monkeypatch.setenv("ROBUSTNAS_IMAGES", str(folder))
    return folder


class TestIdx:
    def test_they_are_read(self, tmp_path: Path) -> None:
        data = open_images(write(tmp_path / "letters", idx_files()))
        assert (data.name, data.n_classes, data.shape) == ("letters", 10, (1, 28, 28))
        np.testing.assert_array_equal(data.train.images[:, 0], IMAGES["train"])
        np.testing.assert_array_equal(data.test.labels, LABELS["t10k"])
        np.testing.assert_allclose(data.mean[0], IMAGES["train"].mean() / 255)

    def test_names_and_compression_do_not_matter(self, tmp_path: Path) -> None:
        dotted = {name.replace("-idx", ".idx"): content for name, content in idx_files().items()}
        zipped = {f"{name}.gz": gzip.compress(content) for name, content in idx_files().items()}
        forms = [write(tmp_path / str(i), files) for i, files in enumerate((idx_files(), dotted, zipped))]
        assert len({open_images(form).digest for form in forms}) == 1

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("train-images-idx3-ubyte", b"", "begins with nothing; expected 00000803"),
            ("train-images-idx3-ubyte", idx(LABELS["train"]), "begins with 00000801; expected 00000803"),
            ("train-images-idx3-ubyte", b"\0\0\x08\x03\0\0", "truncated in its header, after 6 bytes; expected 16"),
            ("train-images-idx3-ubyte", idx(IMAGES["train"])[:-1], "15679 bytes after the header; expected 15680"),
            ("t10k-labels-idx1-ubyte", idx(LABELS["t10k"]) + b"\0", "11 bytes after the header; expected 10"),
            ("t10k-labels-idx1-ubyte", idx(LABELS["t10k"][:9]), "t10k-labels-idx1-ubyte: has 9 labels for 10 images"),
            ("train-labels-idx1-ubyte", idx(LABELS["train"] + 1), "class 0 has no training image"),
            ("train-labels-idx1-ubyte", idx(LABELS["train"] * 2), "class 1 has no training image"),
            ("train-images-idx3-ubyte", idx(np.zeros((20, 27, 27), np.uint8)), "27 x 27 pixels"),
            ("train-images-idx3-ubyte", idx(np.zeros((20, 32, 32), np.uint8)), r"training images have shape \(1, 32"),
        ],
    )
    def test_faults(self, tmp_path: Path, name: str, content: bytes, message: str) -> None:
        folder = write(tmp_path / "mnist", idx_files() | {name: content})
        with pytest.raises(DataError, match=message) as caught:
            open_images(folder)
        assert str(folder) in str(caught.value)

    def test_a_damaged_gzip_file(self, tmp_path: Path) -> None:
        files = {f"{name}.gz": gzip.compress(content) for name, content in idx_files().items()}
        name = "train-images-idx3-ubyte.gz"
        for damaged in (files[name][:-100], b"\x1f\x8b" + files[name][5:], b"other"):
            with pytest.raises(DataError, match=f"{name}: truncated, damaged"):
                open_images(write(tmp_path / "mnist", files | {name: damaged}))

    def test_a_missing_file(self, tmp_path: Path) -> None:
        files = idx_files()
        del files["t10k-labels-idx1-ubyte"]
        with pytest.raises(DataError, match="looks like IDX, as MNIST, but lacks t10k-labels-idx1-ubyte"):
            open_images(write(tmp_path / "mnist", files))


class TestNames:
    def test_every_source_says_what_it_is(self) -> None:
        assert {"digits", "mnist", "fashion-mnist", "cifar10", "cifar100", "ImageNet16-120"} == set(IMAGE_SOURCES)
        assert all(source.description for source in IMAGE_SOURCES.values())

    def test_digits(self) -> None:
        data = open_images("digits")
        assert (data.name, data.shape, len(data.train) + len(data.test)) == ("digits", (1, 8, 8), 1797)
        assert np.bincount(data.test.labels).min() >= 43
        np.testing.assert_array_equal(data.test.images * 16, np.rint(data.test.images * 16))
        assert load_digits().digest == data.digest

    def test_the_folder_of_the_variable_comes_first(self, images_folder: Path, tmp_path: Path) -> None:
        own = write(tmp_path / "home/robustnas/images/mnist", idx_files())
        assert open_images("mnist").digest == open_images(own).digest
        changed = idx_files() | {"t10k-images-idx3-ubyte": idx(np.zeros((10, 28, 28), np.uint8))}
        write(images_folder / "mnist", changed)
        data = open_images("mnist")
        assert data.test.images.max() == 0
        assert data.name == "mnist"

    @pytest.mark.parametrize("name", sorted(set(IMAGE_SOURCES) - {"digits", "fashion-mnist"}))
    def test_what_is_nowhere(self, images_folder: Path, tmp_path: Path, name: str) -> None:
        with pytest.raises(DataNotFoundError, match=f"no images '{name}'; looked for .*ROBUSTNAS_IMAGES") as caught:
            open_images(name)
        message = str(caught.value)
        assert str(images_folder / name) in message
        assert str(tmp_path / "home/robustnas/images" / name) in message

    def test_other_images_under_a_name(self, images_folder: Path) -> None:
        write(images_folder / "cifar-10-batches-py", idx_files())
        with pytest.raises(DataError, match="holds cifar-10-batches-py; expected cifar10"):
            open_images("cifar10")

    def test_a_folder_of_gray_images_is_not_cifar10(self, images_folder: Path) -> None:
        write(images_folder / "cifar10", idx_files())
        with pytest.raises(DataError, match=r"cifar10: is called cifar10 .* \(1, 28, 28\)"):
            open_images("cifar10")

    def test_an_unknown_name(self) -> None:
        with pytest.raises(DataNotFoundError, match="unknown images 'cifar-10'; did you mean 'cifar10'"):
            open_images("cifar-10")
        with pytest.raises(DataNotFoundError, match="no such file or folder"):
            open_images(Path("digits"))


class TestArchive:
    def save(self, path: Path, **arrays: object) -> Path:
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
        return path

    def arrays(self, images: np.ndarray, keys: str = "train_images train_labels test_images test_labels") -> dict:
        labels = np.arange(len(images)) % 2
        return dict(zip(keys.split(), (images, labels, images[:3], labels[:3]), strict=True))

    @pytest.mark.parametrize(
        "keys", ["train_images train_labels test_images test_labels", "x_train y_train x_test y_test"]
    )
    @pytest.mark.parametrize("layout", ["gray", "first", "last", "one"])
    def test_layouts(self, tmp_path: Path, layout: str, keys: str) -> None:
        images = np.random.default_rng(0).integers(0, 256, (4, 3, 8, 8), dtype=np.uint8)
        shaped = {"gray": images[:, 0], "first": images, "last": images.transpose(0, 2, 3, 1), "one": images[:, :1]}
        data = open_images(self.save(tmp_path / "mine.npz", **self.arrays(shaped[layout], keys)))
        assert (data.name, data.n_classes) == ("mine", 2)
        expected = images if layout in ("first", "last") else images[:, :1]
        np.testing.assert_array_equal(data.train.images, expected)

    def test_floats_and_columns_of_labels(self, tmp_path: Path) -> None:
        arrays = self.arrays(np.linspace(0, 1, 4 * 64).reshape(4, 8, 8))
        arrays["train_labels"] = arrays["train_labels"][:, None].astype(np.uint8)
        data = open_images(self.save(tmp_path / "a.npz", **arrays, extra=np.zeros(3)))
        assert data.train.images.dtype == np.float32

    def test_stored_and_compressed_have_one_digest(self, tmp_path: Path) -> None:
        arrays = self.arrays(np.zeros((4, 8, 8), np.uint8))
        np.savez(tmp_path / "a.npz", **arrays)
        assert open_images(tmp_path / "a.npz").digest == open_images(self.save(tmp_path / "b.npz", **arrays)).digest

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"train_images": np.zeros((4, 8, 8, 8), np.uint8)}, "train_images: axes of shape .* are ambiguous"),
            ({"train_images": np.zeros((4, 8, 9, 3), np.uint8)}, "are no square images"),
            ({"train_images": np.zeros((4, 64), np.uint8)}, "are no square images"),
            ({"train_images": np.zeros((4, 8, 12), np.uint8)}, "8 x 12 pixels"),
            ({"train_images": np.zeros((4, 8, 8), np.int64)}, "is int64; expected uint8"),
            ({"train_images": np.full((4, 8, 8), 255.0)}, "is from 255 to 255; expected floating point"),
            ({"train_images": np.full((4, 8, 8), np.nan)}, "is from nan to nan"),
            ({"train_images": np.zeros((0, 8, 8))}, "is empty"),
            ({"train_images": np.zeros((0, 8, 8), np.uint8), "train_labels": np.zeros(0, int)}, "not empty"),
            ({"train_labels": np.array([0, 1, 0])}, "train_labels: has 3 labels for 4 images"),
            ({"train_labels": np.array([0, 1, 0, -1])}, "label 3 is -1"),
            ({"train_labels": np.array([0, 1, 0, 10**9])}, "class 2 has no training image"),
            ({"train_labels": np.zeros(4)}, "no list of integers"),
            ({"train_labels": np.zeros(4, int)}, "class 1 has no training image"),
            ({"y": 0, "train_labels": np.zeros(4, int), "test_labels": np.zeros(3, int)}, "n_classes is 1"),
            ({"test_labels": np.array([0, 1, 2])}, "class 2 has no training image"),
            ({"x_train": 1, "y_train": 1, "x_test": 1, "y_test": 1}, "expected either train_images"),
            ({"train_labels": np.array([{}] * 4)}, "no archive of numeric arrays"),
        ],
    )
    def test_faults(self, tmp_path: Path, change: dict[str, object], message: str) -> None:
        arrays = self.arrays(np.zeros((4, 8, 8), np.uint8)) | change
        with pytest.raises(DataError, match=message) as caught:
            open_images(self.save(tmp_path / "a.npz", **arrays))
        assert str(tmp_path / "a.npz") in str(caught.value)

    def test_no_archive(self, tmp_path: Path) -> None:
        path = self.save(tmp_path / "a.npz", **self.arrays(np.zeros((4, 8, 8), np.uint8)))
        content = path.read_bytes()
        for damaged in (b"", b"other", content[:-40], content[:100] + b"\xff" * 40 + content[140:]):
            path.write_bytes(damaged)
            with pytest.raises(DataError, match=r"a.npz: (truncated|has the arrays)"):
                open_images(path)
        self.save(path, other=np.zeros(1))
        with pytest.raises(DataError, match="has the arrays none; expected either train_images"):
            open_images(path)

    def test_a_single_array_is_no_archive(self, tmp_path: Path) -> None:
        with (tmp_path / "a.npz").open("wb") as file:
            np.save(file, np.zeros(3))
        with pytest.raises(DataError, match=r"a.npz: truncated, or no archive"):
            open_images(tmp_path / "a.npz")


@pytest.mark.skipif(not FASHION_MNIST.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
class TestFashionMnist:
    @pytest.mark.slow
    def test_the_real_files(self, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ROBUSTNAS_IMAGES", raising=False)
        data = open_images("fashion-mnist")
        assert (data.name, data.n_classes, data.shape) == ("fashion-mnist", 10, (1, 28, 28))
        assert (len(data.train), len(data.test)) == (60_000, 10_000)
        assert np.bincount(data.train.labels).tolist() == [6000] * 10
        assert np.bincount(data.test.labels).tolist() == [1000] * 10
        assert data.test.labels[:8].tolist() == [9, 2, 1, 1, 6, 1, 4, 6]
        np.testing.assert_allclose((data.mean[0], data.std[0]), (0.2860, 0.3530), atol=5e-5)  # as published
        assert data.digest == open_images(FASHION_MNIST).digest
