"""Checks of a measurement's fields: each returns the plain value, or raises an error that says what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from numbers import Real
from typing import TypeVar

import numpy as np

from robustnas.arrays import IntArray, read_only
from robustnas.errors import InvalidInputError, excerpt
from robustnas.metric import Metric
from robustnas.spaces import SPACES, open_space

Value = TypeVar("Value")

_DIGEST = re.compile(r"[0-9a-f]{8,128}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def text(name: str, value: object) -> str:
    """Return a text of one printable line."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise InvalidInputError(f"{name} is {excerpt(value)}; expected a text of one printable line")
    return str(value)


def digest(name: str, value: object) -> str:
    """Return a digest: 8 to 128 lower-case hexadecimal digits."""
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise InvalidInputError(
            f"{name} is {excerpt(value)}; expected a digest, 8 to 128 lower-case hexadecimal digits"
        )
    return str(value)


def sha256(name: str, value: object) -> str:
    """Return a SHA-256: 64 lower-case hexadecimal digits."""
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise InvalidInputError(f"{name} is {excerpt(value)}; expected a SHA-256, 64 lower-case hexadecimal digits")
    return str(value)


@lru_cache(maxsize=16_384)
def _canonical(arch: str, space: str) -> str:
    """Return the text of the canonical architecture; of a space that is not installed, the text as it is."""
    if space not in SPACES:
        return arch
    found = open_space(space)
    return str(found.canonical(found.parse(arch)))


def architecture(name: str, value: object, space: str) -> str:
    """Return the text of a canonical architecture; another one's would be the same network under a second key."""
    arch = text(name, value)
    expected = _canonical(arch, space)
    if arch != expected:
        raise InvalidInputError(
            f"{name} is {excerpt(arch)}; expected the arch string of its canonical cell, {excerpt(expected)}"
        )
    return arch


def metric_name(name: str, value: object) -> str:
    """Return the name of a metric as `robustnas.metric` writes it: ``pgd@1.50`` becomes ``pgd@1.5``."""
    return _metric_name(name, text(name, value))


@lru_cache(maxsize=4096)
def _metric_name(name: str, value: str) -> str:
    metric = Metric.parse(value)
    if Metric.parse(str(metric)) != metric:
        raise InvalidInputError(f"{name} is {excerpt(value)}; expected an eps of at most six significant digits")
    return str(metric)


def number(name: str, value: object, *, at_most: float = math.inf) -> float:
    """Return a finite number from 0 to `at_most`; numpy numbers count, booleans do not."""
    if isinstance(value, Real) and not isinstance(value, bool | np.bool_):
        plain = float(value)
        if math.isfinite(plain) and 0 <= plain <= at_most:
            return plain
    bounds = "of at least 0" if at_most == math.inf else f"from 0 to {at_most:g}"
    raise InvalidInputError(f"{name} is {excerpt(value)}; expected a number {bounds}")


def fraction(name: str, value: object) -> float:
    """Return a number from 0 to 1."""
    return number(name, value, at_most=1)


def mapping(name: str, value: object, check: Callable[[str, object], Value]) -> dict[str, Value]:
    """Return a mapping of texts to values that pass `check`, as a new dictionary."""
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{name} is {excerpt(value)}; expected a mapping of names to values")
    return {text(f"a key of {name}", key): check(f"{name}[{excerpt(key)}]", item) for key, item in value.items()}


def confusion_matrix(name: str, value: object) -> IntArray:
    """Return counts as a new read-only array, shape (n_classes, n_classes)."""
    try:
        counts = np.asarray(value)
    except ValueError:
        raise InvalidInputError(f"{name} is ragged; expected counts, one row per class") from None
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not np.issubdtype(counts.dtype, np.integer):
        what = f"{name} has shape {counts.shape} and type {counts.dtype}"
        raise InvalidInputError(f"{what}; expected whole numbers, shape (n_classes, n_classes)")
    if not counts.size or counts.min() < 0 or counts.max() > np.iinfo(np.int64).max or not counts.any():
        raise InvalidInputError(f"{name} counts no images, or holds a negative or too large count")
    return read_only(counts.astype(np.int64))


def utc(name: str, value: object) -> datetime:
    """Return an aware time, in UTC."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidInputError(f"{name} is {excerpt(value)}; expected an aware datetime, such as datetime.now(UTC)")
    return value.astimezone(UTC)
