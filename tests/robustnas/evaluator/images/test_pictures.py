"""Images in files of their own, in Parquet files, and in roots of torchvision."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from robustnas.errors import DataError
from robustnas.evaluator.images import pictures
from robustnas.evaluator.images.image_files import open_images
from robustnas.evaluator.memory_size import DeviceMemoryError

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

CLASSES = ("cat", "dog")


def picture(value: int, mode: str = "RGB", size: tuple[int, int] = (8, 8)) -> Image.Image:
    colour: Any = {"RGB": (value, 0, 255 - value), "RGBA": (value, 0, 255 - value, 255), "LA": (value, 255)}
    return Image.new(mode, size, colour.get(mode, value))


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two classes of three training and two test images; an image's red is 100 * class + 10 * number, + 1 in test."""
    root = tmp_path / "pets"
    for split, n in (("train", 3), ("test", 2)):
        for label, name in enumerate(CLASSES):
            (root / split / name).mkdir(parents=True)
            for i in range(n):
                picture(100 * label + 10 * i + (split == "test")).save(root / split / name / f"{i}.png")
    (root / "train" / ".DS_Store").touch()
    (root / "train" / "cat" / "._0.png").touch()
    return root


class TestClassFolders:
    def test_classes_alternate(self, tree: Path) -> None:
        data = open_images(tree)
        assert (data.name, data.shape, data.n_classes) == ("pets", (3, 8, 8), 2)
        assert data.train.labels.tolist() == [0, 1, 0, 1, 0, 1]
        assert data.train.images[:, 0, 0, 0].tolist() == [0, 100, 10, 110, 20, 120]
        assert data.test.images[:, 0, 0, 0].tolist() == [1, 101, 11, 111]
        assert data.test.images[:, 2, 0, 0].tolist() == [254, 154, 244, 144]

    @pytest.mark.parametrize("name", ["val", "valid", "validation"])
    def test_other_names_of_the_test_split(self, name: str, tree: Path) -> None:
        expected = open_images(tree).digest
        (tree / "test").rename(tree / name)
        assert open_images(tree).digest == expected

    def test_no_test_split(self, tree: Path) -> None:
        (tree / "test").rename(tree / "held-out")
        with pytest.raises(DataError, match=r"no folder test or val .*; move some images of every class to pets/t"):
            open_images(tree)

    def test_gray(self, tree: Path) -> None:
        for file in tree.rglob("[0-9].png"):
            picture(7, "L").save(file)
        assert open_images(tree).shape == (1, 8, 8)
        picture(9, "LA").save(tree / "train/cat/0.png")
        assert open_images(tree).shape == (1, 8, 8)
        picture(9).save(tree / "test/cat/0.png")
        data = open_images(tree)
        assert data.shape == (3, 8, 8)
        assert data.train.images[1, :, 0, 0].tolist() == [7, 7, 7]

    def test_palettes_and_opaque_alpha(self, tree: Path) -> None:
        expected = open_images(tree).digest
        picture(0, "RGBA").save(tree / "train/cat/0.png")
        picture(100).quantize(4).save(tree / "train/dog/0.png")
        assert open_images(tree).digest == expected

    @pytest.mark.parametrize(
        ("image", "message"),
        [
            (picture(0, size=(12, 12)), r"1\.png: is of 12 x 12 pixels, the first image of 8 x 8; expected one size"),
            (Image.new("RGBA", (8, 8), (0, 0, 0, 9)), r"1\.png: has transparent pixels; expected none"),
            (Image.new("I;16", (8, 8)), r"1\.png: its pixels are of the kind 'I;16'; expected 8 bits per channel"),
        ],
    )
    def test_faulty_images(self, image: Image.Image, message: str, tree: Path) -> None:
        image.save(tree / "train/dog/1.png")
        with pytest.raises(DataError, match=message):
            open_images(tree)

    @pytest.mark.parametrize("content", [b"", b"<html>", png(picture(3))[:45]])
    def test_damaged_images(self, content: bytes, tree: Path) -> None:
        (tree / "test/dog/1.png").write_bytes(content)
        with pytest.raises(DataError, match=r"test/dog/1\.png: "):
            open_images(tree)

    def test_sides_that_do_not_suit(self, tree: Path) -> None:
        for file in tree.rglob("[0-9].png"):
            picture(7, size=(10, 10)).save(file)
        with pytest.raises(DataError, match="10 x 10 pixels; expected a square with a side that is a multiple of 4"):
            open_images(tree)

    def test_classes_that_differ(self, tree: Path) -> None:
        (tree / "test/dog").rename(tree / "test/dogs")
        with pytest.raises(DataError, match=r"has the classes 'dogs', which .*/train has not \(1 such\); it has 'cat'"):
            open_images(tree)

    def test_an_empty_class(self, tree: Path) -> None:
        (tree / "train/bird").mkdir()
        with pytest.raises(DataError, match="train/bird: holds no images; expected files ending in"):
            open_images(tree)

    def test_more_than_memory_holds(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def small(n_bytes: int, what: str) -> None:
            raise DeviceMemoryError(f"{what} need {n_bytes}")

        monkeypatch.setattr(pictures, "check_size", small)
        with pytest.raises(DeviceMemoryError, match="10 images of 8 x 8 pixels need 1920"):
            open_images(tree)


def rows(labels: list[Any], first: int = 0, column: str = "image", name: str = "label") -> pd.DataFrame:
    images = [{"bytes": png(picture(first + i)), "path": None} for i in range(len(labels))]
    return pd.DataFrame({column: images, name: labels})


class TestParquet:
    @pytest.mark.parametrize(
        ("train", "test"),
        [
            (["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"], "test-00000-of-00001.parquet"),
            (["plain_text/train-0.parquet", "plain_text/train-1.parquet"], "plain_text/validation-0.parquet"),
            (["default/train/0000.parquet", "default/train/0001.parquet"], "default/test/0000.parquet"),
        ],
    )
    def test_shards(self, train: list[str], test: str, tmp_path: Path) -> None:
        for file, frame in zip(
            (*train, test), (rows([0, 1]), rows([1, 0], 50), rows([1], 90, column="image")), strict=True
        ):
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            frame.to_parquet(tmp_path / file)
        data = open_images(tmp_path)
        assert data.train.labels.tolist() == [0, 1, 1, 0]
        assert data.train.images[:, 0, 0, 0].tolist() == [0, 1, 50, 51]
        assert data.test.images[:, 0, 0, 0].tolist() == [90]

    def test_other_columns(self, tmp_path: Path) -> None:
        frame = rows([3, 1, 2, 0], column="img", name="fine_label").assign(coarse_label=0)
        for split in ("train", "test"):
            frame.to_parquet(tmp_path / f"{split}.parquet")
        assert open_images(tmp_path).train.labels.tolist() == [3, 1, 2, 0]

    def test_labels_by_name_and_images_by_path(self, tmp_path: Path) -> None:
        (tmp_path / "files").mkdir()
        picture(77).save(tmp_path / "files/a.png")
        frame = rows(["dog", "cat"])
        frame.to_parquet(tmp_path / "train.parquet")
        frame["image"] = [{"bytes": None, "path": "files/a.png"}] * 2
        frame.to_parquet(tmp_path / "test.parquet")
        data = open_images(tmp_path)
        assert data.train.labels.tolist() == data.test.labels.tolist() == [1, 0]
        assert data.test.images[0, 0, 0, 0] == 77

    @pytest.mark.parametrize(
        ("train", "test", "message"),
        [
            (rows([0, 1]), None, r"no test-\*.parquet or validation-\*.parquet, but train.parquet; split the training"),
            (rows([0, 1]), rows([-1, -1]), "test images have no labels"),
            (rows(["cat", "dog"]), rows(["bird"]), r"test labels \['bird'\] are not among the training labels"),
            (rows([0, 2]), rows([0]), "class 1 has no training image"),
            (rows([0, 1], column="photo"), rows([0]), r"has the columns photo, label; expected images in image or img"),
            (rows([0, 1]).drop(columns="label"), rows([0]), "expected labels in label or"),
            (rows([0, 1]), pd.DataFrame({"image": [b"no image"], "label": [0]}), "row 0: is no image, or damaged"),
            (
                rows([0, 1]),
                pd.DataFrame({"image": [5], "label": [0]}),
                "row 0: holds no image but 5; expected",
            ),
            (
                rows([0, 1]),
                pd.DataFrame({"image": [{"bytes": None, "path": "/nowhere.png"}], "label": [0]}),
                "names the file '/nowhere.png', which is not below",
            ),
        ],
    )
    def test_faults(self, train: pd.DataFrame, test: pd.DataFrame | None, message: str, tmp_path: Path) -> None:
        train.to_parquet(tmp_path / "train.parquet")
        if test is not None:
            test.to_parquet(tmp_path / "test.parquet")
        with pytest.raises(DataError, match=message):
            open_images(tmp_path)

    def test_one_file_and_several_sets(self, tmp_path: Path) -> None:
        for folder in ("fine", "coarse"):
            (tmp_path / folder).mkdir()
            rows([0, 1]).to_parquet(tmp_path / folder / "train.parquet")
        with pytest.raises(DataError, match="holds several sets of images, in coarse, fine; give the folder of one"):
            open_images(tmp_path)
        with pytest.raises(DataError, match="is one split; expected the folder with"):
            open_images(tmp_path / "fine/train.parquet")
        (tmp_path / "fine/train.parquet").write_bytes(b"PAR1")
        (tmp_path / "fine/test.parquet").write_bytes(b"PAR1")
        with pytest.raises(DataError, match=r"truncated, or no Parquet file"):
            open_images(tmp_path / "fine")


class TestRoots:
    def write_cifar10(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        batch = {"data": np.zeros((10, 3072), np.uint8), "labels": list(range(10))}
        for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
            (folder / name).write_bytes(pickle.dumps(batch))

    def test_a_root_of_torchvision(self, tmp_path: Path) -> None:
        self.write_cifar10(tmp_path / "cifar-10-batches-py")
        (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"")
        data = open_images(tmp_path)
        assert (data.name, len(data.train), len(data.test)) == ("cifar10", 50, 10)
        assert data.digest == open_images(tmp_path / "cifar-10-batches-py").digest

    def test_several_sets(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            self.write_cifar10(tmp_path / name)
        with pytest.raises(DataError, match="holds several sets of images, in a, b; give the folder of one of them"):
            open_images(tmp_path)

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no images in a known layout; expected an \.npz file, train/<class>"):
            open_images(tmp_path)
