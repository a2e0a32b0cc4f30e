"""Parquet files with a column of images, as Hugging Face's datasets publishes them.

::

    [<config>/]train-00000-of-00002.parquet, test-00000-of-00001.parquet      or train/*.parquet, test/*.parquet

An image is a structure of ``bytes`` (a PNG or the like) and ``path``, or bytes alone. Labels are integers, or texts,
which are numbered in the order of their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.arrays import IntArray
from robustnas.errors import DataError, excerpt
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.images.pictures import Picture, read_pictures
from robustnas.evaluator.images.splits import Splits, checked_labels, counted_classes

_SPLITS: dict[str, tuple[str, ...]] = {"train": ("train", "training"), "test": ("test", "validation", "valid", "val")}
_IMAGE_COLUMNS = ("image", "img", "images", "pixels")
_LABEL_COLUMNS = ("label", "labels", "fine_label", "target", "class", "y")
_LARGEST_LABEL = 2**31


def has_parquet(path: Path) -> bool:
    """Return whether a path is a Parquet file, or a folder with some below."""
    if path.is_file():
        return path.suffix.lower() == ".parquet"
    return path.is_dir() and next(_files(path), None) is not None


def read_parquet_images(path: Path) -> Splits:
    """Read training and test images.

    Raises:
        DataError: A split is missing, there are several sets of files, or a file or image is faulty; says what to do.
    """
    if path.is_file():
        raise DataError(f"{path}: is one split; expected the folder with train-*.parquet and test-*.parquet")
    train, test = (_shards(path, split) for split in ("train", "test"))
    rows = [list(_rows(file, path)) for file in (*train, *test)]
    n_train = sum(map(len, rows[: len(train)]))
    everything = [row for file_rows in rows for row in file_rows]
    if n_train in (0, len(everything)):
        raise DataError(f"{path}: its {'training' if not n_train else 'test'} files hold no rows")
    pixels = read_pictures([picture for picture, _ in everything])
    values = [label for _, label in everything]
    first, second = _labels(values[:n_train], values[n_train:], path)
    n_classes = counted_classes(first, second, path)
    return Splits(LabelledImages(pixels[:n_train], first), LabelledImages(pixels[n_train:], second), n_classes)


def _files(path: Path) -> Iterator[Path]:
    return (found for found in path.rglob("*.parquet") if not found.name.startswith("."))


def _shards(path: Path, split: str) -> list[Path]:
    """Return the files of a split, in their order; of the names of the test split the first that is there."""
    for name in _SPLITS[split]:
        found = sorted(file for file in _files(path) if _split_name(file, path) == name)
        homes = {_home(file, path) for file in found}
        if len(homes) > 1:
            names = ", ".join(sorted(str(home.relative_to(path)) or "." for home in homes))
            raise DataError(f"{path}: holds several sets of images, in {names}; give the folder of one of them")
        if found:
            return found
    advice = "; split the training rows in two" if split == "test" else ""
    names = f"{split}-*.parquet" if split == "train" else "test-*.parquet or validation-*.parquet"
    raise DataError(f"{path}: has no {names}, but {_named(list(_files(path)), path)}{advice}")


def _split_name(file: Path, root: Path) -> str:
    """Return which split a file says it is of, by the beginning of its name or by its folder."""
    known = [name for names in _SPLITS.values() for name in names]
    start = re.split(r"[-_.]", file.stem.lower())[0]
    folder = file.parent.name.lower() if file.parent != root else ""
    return start if start in known else folder if folder in known else ""


def _home(file: Path, root: Path) -> Path:
    """Return the folder of the set that a file belongs to."""
    start = re.split(r"[-_.]", file.stem.lower())[0]
    by_name = any(start in names for names in _SPLITS.values())
    return file.parent if by_name or file.parent == root else file.parent.parent


def _named(files: Sequence[Path], root: Path) -> str:
    shown = ", ".join(str(file.relative_to(root)) for file in sorted(files)[:3])
    return f"{shown} and {len(files) - 3:,} more" if len(files) > 3 else shown


def _rows(file: Path, root: Path) -> Iterator[tuple[Picture, Any]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(file)
        columns = table.schema_arrow
        image, label = (
            _column(columns, _IMAGE_COLUMNS, file, "images"),
            _column(columns, _LABEL_COLUMNS, file, "labels"),
        )
        number = 0
        for batch in table.iter_batches(1024, columns=[image, label]):
            for value, name in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
                where = f"{file}, row {number}"
                yield Picture(where, _source(value, where, root)), name
                number += 1
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{file}: truncated, or no Parquet file: {excerpt(str(error).splitlines()[0])}") from None


def _column(schema: Any, known: Sequence[str], file: Path, what: str) -> str:
    for name in known:
        if name in schema.names:
            return name
    raise DataError(f"{file}: has the columns {', '.join(schema.names[:8])}; expected {what} in {' or '.join(known)}")


def _source(value: Any, where: str, root: Path) -> Path | bytes:
    content, name = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
    if isinstance(content, bytes) and content:
        return content
    if isinstance(name, str) and name and (root / name).is_file():
        return root / name
    if isinstance(name, str) and name:
        raise DataError(f"{where}: names the file {excerpt(name)}, which is not below {root}; expected its bytes")
    raise DataError(f"{where}: holds no image but {excerpt(value)}; expected the bytes of a PNG or the like")


def _labels(train: list[Any], test: list[Any], path: Path) -> tuple[IntArray, IntArray]:
    """Return labels from 0; texts are numbered by their order."""
    if any(value is None or value == -1 for value in (*train, *test)):
        which = "training" if any(value is None or value == -1 for value in train) else "test"
        raise DataError(f"{path}: {which} images have no labels (-1 or null), so that nothing can be counted on them")
    if all(isinstance(value, str) for value in (*train, *test)):
        numbers = {name: number for number, name in enumerate(sorted(set(train)))}
        unknown = sorted({name for name in test if name not in numbers})
        if unknown:
            raise DataError(f"{path}: test labels {excerpt(unknown)} are not among the training labels")
        train, test = ([numbers[name] for name in values] for values in (train, test))
    return (
        checked_labels(train, len(train), _LARGEST_LABEL, f"{path}, training"),
        checked_labels(np.asarray(test), len(test), _LARGEST_LABEL, f"{path}, test"),
    )
