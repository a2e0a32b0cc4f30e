"""Reading the published robustness database: each JSON file becomes one checked array.

The layout is that of Jung, Lukasik and Keuper, "Neural Architecture Design and Robustness: A Dataset" (ICLR 2023)::

    meta.json                                   the 15,625 cells, the uid of each, the eps of each attack
    <dataset>/<key>_<measure>.json              {"<dataset>": {"<key>": {"<measure>": {"<uid>": value}}}}

A value is one number for ``clean``, else a list over the attack's eps or the severities 1 to 5. For the measure ``cm``,
each number is replaced by a confusion matrix of counts; for ``confidence``, by an array of any shape that is the same
for every network. A dataset of one's own has the name of its folder. Every fault is a `DataError` that names the file
and the cause.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from robustnas.arrays import AnyArray
from robustnas.errors import DataError, DataNotFoundError, excerpt, listing
from robustnas.metric import ATTACKS, CORRUPTIONS, PAPER_ATTACKS, SEVERITIES, Metric
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import SKELETONS
from robustnas.spaces.nasbench201.identity import N_NETWORKS, networks, uids
from robustnas.spaces.nasbench201.numbering import N_CELLS, index_of_id
from robustnas.tables.database.column_names import robbench_names

Levels: TypeAlias = tuple[float | None, ...]

KEYS: tuple[str, ...] = ("clean", *(ATTACKS[name].key for name in PAPER_ATTACKS), *CORRUPTIONS)
"""Keys of the published files, in the order in which metrics are listed."""

MEASURES: tuple[str, ...] = ("accuracy", "confidence", "cm")

META = "meta.json"

EPSILONS: dict[str, tuple[float, ...]] = {
    key: (0.1, 0.5, 1.0, 2.0, 3.0, 4.0, *((5.0, 6.0, 7.0, 8.0, 255.0) if key == "fgsm@Linf" else (8.0,)))
    for key in sorted(ATTACKS[name].key for name in PAPER_ATTACKS)
}
"""The eps of each attack key as published, in units of 1/255."""

_SOURCE = "get it from http://robustness.vision/ or with `robustnas data fetch`"
_WORD = re.compile(rb"\b(true|false|null)\b")


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """The name of one published file: a measure of one key on one dataset.

    >>> PublishedFile.parse("cifar10", "pgd@Linf_accuracy.json")
    PublishedFile(dataset='cifar10', key='pgd@Linf', measure='accuracy')
    >>> PublishedFile("cifar10", "fog", "cm").path
    'cifar10/fog_cm.json'
    """

    dataset: str
    key: str
    measure: str

    @classmethod
    def parse(cls, dataset: str, name: str) -> PublishedFile | None:
        """Parse a file name in a dataset's folder; None if it is not the name of a published file."""
        key, _, measure = name.removesuffix(".json").rpartition("_")
        known = name.endswith(".json") and key in KEYS and measure in MEASURES
        return cls(dataset, key, measure) if known else None

    @property
    def path(self) -> str:
        """The path below the database's folder, with forward slashes."""
        return f"{self.dataset}/{self.key}_{self.measure}.json"


def dataset_order(dataset: str) -> tuple[int, str]:
    """Return what to sort datasets by: the published ones first, in order, then NAS-RobBench-201's, others by name."""
    known = [*SKELETONS, *robbench_names()]
    return (known.index(dataset) if dataset in known else len(known)), dataset


@dataclass(frozen=True, slots=True)
class Meta:
    """The content of meta.json, once its cells are checked against ours.

    Attributes:
        epsilons: The eps of each attack key, in units of 1/255, ascending.
    """

    epsilons: Mapping[str, tuple[float, ...]]

    def levels(self, key: str) -> Levels:
        """Return the levels of a key: its eps, the severities, or None alone for clean.

        Raises:
            DataError: meta.json has no eps for this attack.
        """
        if key == "clean":
            return (None,)
        if key in CORRUPTIONS:
            return tuple(float(level) for level in SEVERITIES)
        if key not in self.epsilons:
            raise DataError(
                f"{META}: no 'epsilons' for {excerpt(key)}; it has {listing(sorted(self.epsilons)) or 'none'}"
            )
        return self.epsilons[key]

    def metrics(self, key: str) -> tuple[Metric, ...]:
        """Return the metrics of a key, one per level."""
        return tuple(Metric.from_key(key, level) for level in self.levels(key))


def read_meta(path: Path) -> Meta:
    """Read meta.json and check that its ids, arch strings and classes are those that RobustNAS computes.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: Naming the file and what is wrong in it.
    """
    if not path.is_file():
        raise DataNotFoundError(f"{path}: no such file; it is part of the published database, {_SOURCE}")
    content = _load(path.read_bytes(), path)
    ids, epsilons = (_member(content, name, path) for name in ("ids", "epsilons"))
    _check_ids(ids, path)
    return Meta({key: _epsilons(values, key, path) for key, values in epsilons.items()})


def published_meta() -> bytes:
    """Return the content of meta.json, computed here: byte for byte what was published.

    >>> import hashlib
    >>> hashlib.sha256(published_meta()).hexdigest()[:8]
    '54b6d2c2'
    """
    ids = {
        str(number): {"nb201-string": Cell.from_index(index).arch, "isomorph": str(uids()[index])}
        for number, index in enumerate(index_of_id().tolist())
    }
    return json.dumps({"ids": ids, "epsilons": EPSILONS}).encode()


def read_array(content: bytes, file: PublishedFile, levels: Levels, path: Path) -> AnyArray:
    """Read the content of one published file.

    Args:
        content: The bytes of the file.
        file: The file's name, parsed.
        levels: The levels according to meta.json (`Meta.levels`).
        path: The file's path, for messages.

    Returns:
        Shape (n_levels, 6466) for accuracy, (n_levels, 6466, n_classes, n_classes) for cm, (n_levels, 6466, ...) for
        confidence; networks in the order of `robustnas.spaces.nasbench201.identity.networks`. float64, or int32 for cm.

    Raises:
        DataError: Naming the file and what is wrong in it.
    """
    values = _load(content, path)
    if isinstance(values, dict) and file.dataset not in values and file.dataset not in SKELETONS:
        found = _some(values)
        advice = f"rename the folder, or move it out of {path.parent.parent}"
        raise DataError(f"{path}: its folder makes it a file of {file.dataset!r}, but it holds {found}; {advice}")
    for name in (file.dataset, file.key, file.measure):
        values = _member(values, name, path)
    _check_uids(values, path)
    if word := _WORD.search(content):
        raise DataError(f"{path}: holds {word[1].decode()!r} where a number was expected")
    rows = [values[str(uid)] for uid in networks()]
    array = _to_array(rows, file, levels, path)
    return np.ascontiguousarray(array[None] if file.key == "clean" else np.moveaxis(array, 1, 0))


def _load(content: bytes, path: Path) -> Any:
    if not content.strip():
        raise DataError(f"{path}: the file is empty")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = f"truncated, or not JSON: {error} ({len(content)} bytes)"
        raise DataError(f"{path}: {reason}") from None


def _member(content: Any, name: str, path: Path) -> dict[str, Any]:
    member = content.get(name) if isinstance(content, dict) else None
    if isinstance(member, dict):
        return member
    found = f"the keys {_some(content) or '(none)'}" if isinstance(content, dict) else type(content).__name__
    raise DataError(f"{path}: foreign content; expected an object with the member {excerpt(name)}, found {found}")


def _check_ids(ids: dict[str, Any], path: Path) -> None:
    if len(ids) != N_CELLS:
        raise DataError(f"{path}: {len(ids)} ids; expected {N_CELLS}, the whole of NAS-Bench-201")
    for number, index in enumerate(index_of_id().tolist()):
        expected = {"nb201-string": Cell.from_index(index).arch, "isomorph": str(uids()[index])}
        if ids.get(str(number)) != expected:
            raise DataError(f"{path}: id {number} is {excerpt(ids.get(str(number)))}; expected {expected!r}")


def _epsilons(values: Any, key: str, path: Path) -> tuple[float, ...]:
    numbers = isinstance(values, list) and all(type(value) in (int, float) and 0 < value <= 255 for value in values)
    if not numbers or not values or sorted(set(values)) != values:
        raise DataError(
            f"{path}: epsilons of {excerpt(key)} are {excerpt(values)}; expected ascending numbers above 0, at most 255"
        )
    return tuple(float(value) for value in values)


def _check_uids(values: dict[str, Any], path: Path) -> None:
    expected = {str(uid) for uid in networks()}
    if missing := expected - values.keys():
        raise DataError(f"{path}: {len(missing)} of {N_NETWORKS} networks are missing, such as uid {_first(missing)}")
    if foreign := values.keys() - expected:
        raise DataError(
            f"{path}: {len(foreign)} keys are not uids of evaluated networks, such as {excerpt(_first(foreign))}"
        )


def _some(names: Iterable[str]) -> str:
    return ", ".join(excerpt(name) for name in list(names)[:5])


def _first(names: set[str]) -> str:
    return min(names, key=lambda name: (len(name), name))


def _to_array(rows: list[Any], file: PublishedFile, levels: Levels, path: Path) -> AnyArray:
    try:
        array = np.array(rows)
    except ValueError:  # ragged
        array = np.array(None)
    expected = _expected_shape(rows, file, levels)
    fits = array.dtype.kind in "iuf" and array.shape[1 : 1 + len(expected)] == expected
    if not fits or (file.measure != "confidence" and array.ndim != 1 + len(expected)):
        raise DataError(f"{path}: {_odd_row(rows, expected, exact=file.measure != 'confidence')}")
    return _checked_counts(array, path) if file.measure == "cm" else _checked_share(array, file, path)


def _expected_shape(rows: list[Any], file: PublishedFile, levels: Levels) -> tuple[int, ...]:
    by_level = () if file.key == "clean" else (len(levels),)
    if file.measure != "cm":
        return by_level
    known = SKELETONS.get(file.dataset)
    n_classes = known.n_classes if known else (0, *(_shape(rows[0]) or ()))[-1]  # else as in the first network
    return (*by_level, n_classes, n_classes)


def _odd_row(rows: list[Any], expected: tuple[int, ...], exact: bool) -> str:
    """Return a sentence on the first network whose value does not have the expected shape."""
    wanted = f"an array of numbers of shape {expected}" if expected else "a number"
    first_shape = _shape(rows[0])
    for uid, row in zip(networks().tolist(), rows, strict=True):
        shape = _shape(row)
        if shape is None or (shape != expected if exact else shape[: len(expected)] != expected):
            return f"the value of uid {uid} is {_excerpt(row)} (shape {shape}); expected {wanted}"
        if shape != first_shape:
            return f"the value of uid {uid} has shape {shape}; the networks before it have {first_shape}"
    return f"the values are not numbers; expected {wanted} for each network"


def _shape(row: Any) -> tuple[int, ...] | None:
    try:
        array = np.array(row)
    except ValueError:
        return None
    return array.shape if array.dtype.kind in "iuf" else None


def _excerpt(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _checked_share(array: AnyArray, file: PublishedFile, path: Path) -> AnyArray:
    """Check values in [0, 1]; a confidence may be NaN, where it averages over no image."""
    array = array.astype(np.float64)
    wrong = ~((array >= 0) & (array <= 1))
    if file.measure == "confidence":
        wrong &= ~np.isnan(array)
    _refuse(wrong, array, f"expected {file.measure} in [0, 1]", path)
    return array


def _checked_counts(array: AnyArray, path: Path) -> AnyArray:
    with np.errstate(invalid="ignore"):
        wrong = ~((array >= 0) & (array < 2**31) & (array == np.floor(array)))
    _refuse(wrong, array, "expected a count, an integer of 0 or more", path)
    return array.astype(np.int32)


def _refuse(wrong: AnyArray, array: AnyArray, expected: str, path: Path) -> None:
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        uid = networks()[place[0]]
        raise DataError(f"{path}: uid {uid} has the value {array[place].item()!r}; {expected} ({wrong.sum()} such)")
