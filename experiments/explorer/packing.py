"""Numbers packed into a page: exact where decimals allow, small, and decoded by what a browser brings along.

A column of decimals, such as accuracies of three places, becomes 16-bit integers; so does one of few distinct values.
Neighbouring columns are alike (PGD at eps 1 and at eps 2), so each is stored as its difference to the one before, in
zigzag form, low bytes before high bytes. Other columns keep 32 bits, seven digits, or 64 where these do not suffice.
Everything is one gzip stream in base64, with the place of each section beside it.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import AnyArray, FloatArray

MISSING = 65_535
"""The 16-bit code of a number that is not known."""

_MOST_DIGITS = 9
_MOST_LEVELS = 2_048
_LEVEL = 7  # within a hundredth of the smallest, in a fifth of its time


@dataclass(frozen=True, slots=True)
class Packed:
    """Sections of bytes, and how columns are read from them.

    Attributes:
        text: All sections, one gzip stream in base64.
        sections: First byte and number of bytes of every section, by its name.
        codings: How each column is decoded, in the order of the columns.
    """

    text: str
    sections: dict[str, tuple[int, int]]
    codings: list[dict[str, Any]]


def pack(columns: Sequence[FloatArray], others: Mapping[str, bytes]) -> Packed:
    """Pack columns of one length, NaN where unknown, and other sections as they are.

    >>> found = pack([np.array([0.5, np.nan, 0.25])], {})
    >>> found.codings
    [{'kind': 'decimal', 'digits': 2, 'low': 25}]
    """
    codings: list[dict[str, Any]] = []
    small: list[AnyArray] = []
    wide: list[AnyArray] = []
    for column in columns:
        coding, codes = _coded(np.asarray(column, dtype=np.float64))
        codings.append(coding)
        (small if codes.dtype == np.uint16 else wide).append(codes)
    sections = {"small": _differences(small), "wide": b"".join(_planes(codes) for codes in wide), **others}
    content, places = b"", {}
    for name, part in sections.items():
        places[name] = (len(content), len(part))
        content += part
    return Packed(base64.b64encode(gzip.compress(content, _LEVEL, mtime=0)).decode(), places, codings)


def integers(values: Any) -> bytes:
    """Return integers as 32-bit ones, little-endian, byte plane by byte plane."""
    return _planes(np.asarray(values, dtype="<i4"))


def _coded(column: FloatArray) -> tuple[dict[str, Any], AnyArray]:
    """Return how a column is decoded, and its codes: 16-bit ones, or floats."""
    known = np.isfinite(column)
    values = column[known]
    for digits in range(_MOST_DIGITS + 1):
        if (scaled := _scaled(values, digits)) is not None:
            low = int(scaled.min()) if len(scaled) else 0
            return {"kind": "decimal", "digits": digits, "low": low}, _with_gaps(known, scaled - low)
    levels, codes = np.unique(values, return_inverse=True)
    if len(levels) <= _MOST_LEVELS:
        return {"kind": "levels", "values": levels.tolist()}, _with_gaps(known, codes)
    return _floats(column, values)


def _scaled(values: FloatArray, digits: int) -> FloatArray | None:
    """Return values as integers of a decimal place, if they are exactly that and of a range that 16 bits hold."""
    factor = 10.0**digits
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(values * factor)
    if not len(values):
        return scaled
    fits = bool(np.abs(scaled).max() < 2**53) and bool(scaled.max() - scaled.min() < MISSING)
    return scaled if fits and bool((scaled / factor == values).all()) else None


def _with_gaps(known: NDArray[np.bool_], codes: AnyArray) -> NDArray[np.uint16]:
    found = np.full(len(known), MISSING, dtype=np.uint16)
    found[known] = codes.astype(np.uint16)
    return found


def _floats(column: FloatArray, values: FloatArray) -> tuple[dict[str, Any], AnyArray]:
    size = np.abs(values[values != 0])
    limits = np.finfo(np.float32)
    fits = size.max() < float(limits.max) and size.min() > float(limits.tiny)
    kept = np.where(np.isfinite(column), column, np.nan).astype("<f4" if fits else "<f8")
    return {"kind": "float", "bytes": kept.itemsize}, kept


def _differences(columns: Sequence[NDArray[np.uint16]]) -> bytes:
    """Return each column's difference to the one before, modulo 2^16, zigzag, all low bytes before all high bytes."""
    if not columns:
        return b""
    codes = np.array(columns, dtype=np.uint16)
    steps = np.diff(codes, axis=0, prepend=np.zeros((1, codes.shape[1]), dtype=np.uint16)).astype(np.int16)
    zigzag = ((steps.astype(np.int32) << 1) ^ (steps.astype(np.int32) >> 15)).astype(np.uint16)
    return (zigzag & 0xFF).astype(np.uint8).tobytes() + (zigzag >> 8).astype(np.uint8).tobytes()


def _planes(codes: AnyArray) -> bytes:
    """Return the first bytes of all numbers, then the second ones, and so on."""
    return codes.view(np.uint8).reshape(len(codes), codes.itemsize).T.tobytes()
