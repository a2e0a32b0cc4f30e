"""Files are written byte for byte as the published ones are, by a small writer of Python 2's pickles."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from robustnas.errors import DataError, DataNotFoundError
from robustnas.evaluator.images.bundle import Bundle
from robustnas.evaluator.images.cifar_batches import CIFAR10_BINARY, CIFAR10_PYTHON
from robustnas.evaluator.images.downsampled_imagenet import IMAGENET16
from robustnas.evaluator.images.image_files import open_images
from robustnas.safe_pickle import load_dictionary

N = 20


def text(value: bytes) -> bytes:
    """A str of Python 2: SHORT_BINSTRING or BINSTRING."""
    return (b"U" + bytes([len(value)]) if len(value) < 256 else b"T" + struct.pack("<i", len(value))) + value


def number(value: int) -> bytes:
    if 0 <= value < 256:
        return b"K" + bytes([value])
    return b"M" + struct.pack("<H", value) if 0 <= value < 65536 else b"J" + struct.pack("<i", value)


def array(values: np.ndarray) -> bytes:
    """An array of bytes as numpy 1 pickled it under Python 2."""
    rows, columns = values.shape
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\t(K\x01"
        + number(rows)
        + number(columns)
        + b"\x86cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b"
        + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + text(values.tobytes())
        + b"tb"
    )


def python_batch(pixels: np.ndarray, labels: list[int], key: bytes = b"labels", title: bytes = b"a batch") -> bytes:
    listed = b"]q\x05(" + b"".join(map(number, labels)) + b"e"
    members = text(b"batch_label") + text(title) + text(key) + listed + text(b"data") + array(pixels)
    return b"\x80\x02}q\x01(" + members + text(b"filenames") + b"]q\x0c(" + text(b"a.png") + b"eu."


def arrays(n_files: int, n_classes: int, size: int = 3072) -> list[tuple[np.ndarray, list[int]]]:
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, n_classes, N).tolist() for _ in range(n_files)]
    return [(rng.integers(0, 256, (N, size), dtype=np.uint8), own) for own in labels]


def write(folder: Path, contents: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def tar(path: Path, contents: dict[str, bytes], folder: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def cifar10_python() -> dict[str, bytes]:
    batches = zip(CIFAR10_PYTHON, arrays(6, 10), strict=True)
    return {name: python_batch(pixels, labels) for name, (pixels, labels) in batches} | {"readme.html": b"<html>"}


def cifar10_binary() -> dict[str, bytes]:
    batches = zip(CIFAR10_BINARY, arrays(6, 10), strict=True)
    return {name: np.c_[np.array(labels, np.uint8), pixels].tobytes() for name, (pixels, labels) in batches}


def cifar100_python() -> dict[str, bytes]:
    batches = zip(("train", "test"), arrays(2, 100), strict=True)
    return {name: python_batch(pixels, labels, b"fine_labels") for name, (pixels, labels) in batches} | {"meta": b"."}


def cifar100_binary() -> dict[str, bytes]:
    batches = zip(("train.bin", "test.bin"), arrays(2, 100), strict=True)
    coarse = np.full(N, 7, np.uint8)
    return {name: np.c_[coarse, np.array(labels, np.uint8), pixels].tobytes() for name, (pixels, labels) in batches}


def imagenet16() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    contents = {}
    for name in IMAGENET16:
        pixels = rng.integers(0, 256, (N, 768), dtype=np.uint8)
        contents[name] = python_batch(pixels, [*range(111, 111 + N // 2), *range(1, 1 + N // 2)])
    return contents


class TestCifar:
    def test_the_writer_writes_what_python_2_did(self) -> None:
        pixels, labels = arrays(1, 10)[0]
        found = pickle.loads(python_batch(pixels, labels), encoding="latin1")
        np.testing.assert_array_equal(found["data"], pixels)
        assert found["labels"] == labels
        assert found["filenames"] == ["a.png"]

    def test_cifar10_python(self, tmp_path: Path) -> None:
        data = open_images(write(tmp_path / "cifar-10-batches-py", cifar10_python()))
        expected = arrays(6, 10)
        assert (data.name, data.n_classes, data.shape) == ("cifar10", 10, (3, 32, 32))
        assert (len(data.train), len(data.test)) == (5 * N, N)
        np.testing.assert_array_equal(data.train.images[N : 2 * N], expected[1][0].reshape(-1, 3, 32, 32))
        assert data.train.labels.tolist() == [label for _, labels in expected[:5] for label in labels]
        assert data.test.labels.tolist() == expected[5][1]
        np.testing.assert_allclose(np.multiply(data.mean, 255), [125.3, 123.0, 113.9])

    def test_every_form_has_the_same_digest(self, tmp_path: Path) -> None:
        python, binary = cifar10_python(), cifar10_binary()
        forms = [
            write(tmp_path / "a", python),
            write(tmp_path / "b", binary),
            write(tmp_path / "c", {f"{name}.gz": gzip.compress(content) for name, content in binary.items()}),
            tar(tmp_path / "cifar-10-python.tar.gz", python, "cifar-10-batches-py"),
            tar(tmp_path / "cifar-10-binary.tar.gz", dict(reversed(binary.items())), "cifar-10-batches-bin"),
        ]
        found = [open_images(form) for form in forms]
        assert {data.name for data in found} == {"cifar10"}
        assert len({data.digest for data in found}) == 1

    def test_cifar100(self, tmp_path: Path) -> None:
        forms = [
            write(tmp_path / "cifar-100-python", cifar100_python()),
            write(tmp_path / "cifar-100-binary", cifar100_binary()),
            tar(tmp_path / "cifar-100-python.tar.gz", cifar100_python(), "cifar-100-python"),
        ]
        found = [open_images(form) for form in forms]
        assert len({data.digest for data in found}) == 1
        assert (found[0].name, found[0].n_classes) == ("cifar100", 100)
        assert found[0].train.labels.tolist() == arrays(2, 100)[0][1]

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("data_batch_3", b"", r"data_batch_3: truncated, or no pickle"),
            ("data_batch_3", cifar10_python()["data_batch_3"][:-5000], "data_batch_3: truncated"),
            ("data_batch_3", b"\x80\x02K\x01.", "holds a pickled int; expected a dictionary"),
            ("data_batch_3", b"\x80\x02}.", "has no array 'data' but nothing"),
            (
                "data_batch_3",
                python_batch(np.zeros((2, 768), np.uint8), [0, 1]),
                r"\(2, 768\); expected uint8 of shape",
            ),
            ("data_batch_3", python_batch(np.zeros((2, 3072), np.uint8), [0]), "has 1 labels for 2 images"),
            ("data_batch_3", python_batch(np.zeros((2, 3072), np.uint8), [0, 10]), "label 1 is 10; expected 0 to 9"),
            (
                "data_batch_3",
                python_batch(np.zeros((2, 3072), np.uint8), [0, 1], b"l"),
                "has no 'labels' but 'batch_la",
            ),
        ],
    )
    def test_faulty_pickles(self, tmp_path: Path, name: str, content: bytes, message: str) -> None:
        folder = write(tmp_path / "cifar", cifar10_python() | {name: content})
        with pytest.raises(DataError, match=message):
            open_images(folder)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", r"data_batch_2.bin: has 0 bytes; expected a multiple of 3073"),
            (bytes(3073 * 2 - 1), "has 6145 bytes"),
            (bytes([10]) + bytes(3072), "label 0 is 10; expected 0 to 9"),
        ],
    )
    def test_faulty_records(self, tmp_path: Path, content: bytes, message: str) -> None:
        folder = write(tmp_path / "cifar", cifar10_binary() | {"data_batch_2.bin": content})
        with pytest.raises(DataError, match=message):
            open_images(folder)

    def test_missing_files_are_named(self, tmp_path: Path) -> None:
        contents = cifar10_python()
        del contents["data_batch_2"], contents["test_batch"]
        with pytest.raises(DataError, match=r"CIFAR-10, python version, but lacks data_batch_2, test_batch"):
            open_images(write(tmp_path / "cifar", contents))
        with pytest.raises(DataNotFoundError, match="no such file or folder"):
            open_images(tmp_path / "nowhere")
        with pytest.raises(DataError, match="holds no images in a known layout"):
            open_images(write(tmp_path / "other", {"a.txt": b""}))

    def test_a_damaged_archive(self, tmp_path: Path) -> None:
        path = tar(tmp_path / "cifar-10-python.tar.gz", cifar10_python(), "cifar-10-batches-py")
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(DataError, match=r"cifar-10-python.tar.gz: truncated, damaged"):
            open_images(path)
        path.write_bytes(b"no archive")
        with pytest.raises(DataError, match=r"cifar-10-python.tar.gz"):
            open_images(path)

    def test_a_fault_in_an_archive_names_the_member(self, tmp_path: Path) -> None:
        contents = cifar10_python() | {"data_batch_3": b"\x80\x02}."}
        path = tar(tmp_path / "c.tar.gz", contents, "cifar-10-batches-py")
        with pytest.raises(DataError, match=r"c.tar.gz, member cifar-10-batches-py/data_batch_3: has no array"):
            open_images(path)


class TestImageNet16:
    def test_the_first_120_classes_are_kept(self, tmp_path: Path) -> None:
        data = open_images(write(tmp_path / "ImageNet16", imagenet16()))
        assert (data.name, data.n_classes, data.shape) == ("ImageNet16-120", 120, (3, 16, 16))
        assert data.test.labels.tolist() == [*range(110, 120), *range(10)]
        assert (len(data.train), data.train.labels.max(), data.train.labels.min()) == (10 * N, 119, 0)
        np.testing.assert_allclose(np.multiply(data.std, 255), [63.22, 61.26, 65.09])

    def test_other_classes_are_left_out(self, tmp_path: Path) -> None:
        pixels = np.arange(4 * 768, dtype=np.uint16).astype(np.uint8).reshape(4, 768)
        nothing = python_batch(pixels, [121, 500, 999, 1000])
        contents = imagenet16() | {"train_data_batch_1": nothing, "val_data": python_batch(pixels, [120, 121, 1, 2])}
        data = open_images(write(tmp_path / "ImageNet16", contents))
        assert len(data.train) == 9 * N
        assert data.test.labels.tolist() == [119, 0, 1]
        np.testing.assert_array_equal(data.test.images[1].ravel(), pixels[2])

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ([0, 1], "label 0 is 0; expected 1 to 1000"),
            ([1], "1 labels for 2"),
            ([300, 301], "no image of the classes"),
        ],
    )
    def test_faults(self, tmp_path: Path, labels: list[int], message: str) -> None:
        contents = imagenet16() | {"val_data": python_batch(np.zeros((2, 768), np.uint8), labels)}
        with pytest.raises(DataError, match=message):
            open_images(write(tmp_path / "ImageNet16", contents))

    def test_the_larger_variants_are_refused(self, tmp_path: Path) -> None:
        contents = imagenet16() | {"val_data": python_batch(np.zeros((2, 3072), np.uint8), [1, 2])}
        with pytest.raises(DataError, match=r"\(2, 3072\); expected uint8 of shape \(n, 768\)"):
            open_images(write(tmp_path / "ImageNet32", contents))


class Touch:
    """Pickles as a call that leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


class TestSafePickle:
    @pytest.mark.parametrize("protocol", range(2, 6))
    @pytest.mark.parametrize("dtype", ["u1", "<i8", ">i4", "<f4", "?"])
    def test_arrays_of_today(self, protocol: int, dtype: str) -> None:
        values = np.arange(12).reshape(3, 4).astype(dtype)
        content = pickle.dumps({"c": values, "f": np.asfortranarray(values), "n": [values[0, 1]]}, protocol=protocol)
        found = load_dictionary(content, "batch")
        np.testing.assert_array_equal(found["c"], values)
        np.testing.assert_array_equal(found["f"], values)
        assert found["c"].dtype == values.dtype
        assert found["n"] == [values[0, 1]]

    @pytest.mark.parametrize("protocol", range(6))
    def test_a_call_is_refused_and_not_made(self, tmp_path: Path, protocol: int) -> None:
        mark = tmp_path / "mark"
        content = pickle.dumps({"data": Touch(mark)}, protocol=protocol)
        with pytest.raises(DataError, match=r"data_batch_1: refused: the pickle asks for .*(Path|getattr|touch)"):
            load_dictionary(content, "data_batch_1")
        assert not mark.exists()
        pickle.loads(content)
        assert mark.exists()  # the pickle would have

    @pytest.mark.parametrize(
        ("content", "named"),
        [
            (b"cos\nsystem\n(S'touch {mark}'\ntR.", "os.system"),
            (b"cposix\nsystem\n(S'touch {mark}'\ntR.", "posix.system"),
            (b'c__builtin__\neval\n(S\'open("{mark}", "w")\'\ntR.', "__builtin__.eval"),
            (b"\x80\x02}U\x04data(S'touch {mark}'\nios\nsystem\ns.", "os.system"),
            (b"\x80\x02}(U\x01a(cos\nsystem\nS'touch {mark}'\nou.", "os.system"),
            (b"\x80\x04\x8c\x05numpy\x8c\x0bf2py.os.abc\x93.", r"numpy.f2py.os.abc"),
            (b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.", "numpy.core.multiarray._reconstruct.__globals__"),
            (b"ccopy_reg\n_reconstructor\n.", "copy_reg._reconstructor"),
            (b"Pmark\n.", "the persistent object 'mark'"),
        ],
    )
    def test_pickles_by_hand(self, tmp_path: Path, content: bytes, named: str) -> None:
        mark = tmp_path / "mark"
        with pytest.raises(DataError, match=f"refused: the pickle asks for {named}"):
            load_dictionary(content.replace(b"{mark}", str(mark).encode()), "batch")
        assert not mark.exists()

    @pytest.mark.parametrize(
        "values", [np.array([{}], dtype=object), np.array(["a"]), np.array([1j]), np.zeros(2, "i4,f4")]
    )
    def test_arrays_of_other_things_are_refused(self, values: np.ndarray) -> None:
        with pytest.raises(DataError, match=r"batch: (truncated|refused)"):
            load_dictionary(pickle.dumps({"data": values}, protocol=2), "batch")

    def test_an_array_of_another_size_is_refused(self) -> None:
        content = python_batch(np.zeros((2, 3072), np.uint8), [0, 1]).replace(b"K\x02M\x00\x0c", b"K\x03M\x00\x0c")
        with pytest.raises(DataError, match=r"an array of shape \(3, 3072\)"):
            load_dictionary(content, "batch")

    def test_a_pickle_cannot_change_the_next(self) -> None:
        dtype = b"cnumpy\ndtype\n"
        hostile = b"\x80\x02" + dtype + b"N}U\x0c__defaults__)s\x86b0}."
        assert load_dictionary(hostile, "batch") == {}
        pixels, labels = arrays(1, 10)[0]
        assert load_dictionary(python_batch(pixels, labels), "batch")["labels"] == labels

    def test_any_damage_is_a_data_error(self) -> None:
        rng = np.random.default_rng(0)
        whole = bytearray(python_batch(np.zeros((1, 12), np.uint8), [3]))
        for _ in range(2000):
            content = bytearray(whole)
            for place in rng.integers(0, len(content), 3):
                content[place] = rng.integers(0, 256)
            try:
                load_dictionary(bytes(content), "batch")
            except DataError:
                continue


def test_a_bundle_prefers_what_is_not_compressed(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", {"x": b"plain", "x.gz": gzip.compress(b"other"), "y.gz": b"no gzip"})
    bundle = Bundle.open(folder)
    assert list(bundle.read(["x"])) == [("x", b"plain")]
    with pytest.raises(DataError, match=r"y.gz: truncated, damaged"):
        list(bundle.read(["y"]))
