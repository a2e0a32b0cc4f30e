"""The text of a file: UTF-8, or UTF-16 and UTF-32 by their byte-order marks."""

from __future__ import annotations

import codecs
from pathlib import Path

from robustnas.errors import DataError

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins like UTF-16's mark, so it is tried first
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

_FOREIGN = {
    b"PAR1": "is Parquet: give it the suffix .parquet",
    b"ARROW1": "is an Arrow file: give it the suffix .feather",
    b"PK\x03\x04": "is a zip archive or a spreadsheet: give it the suffix that says which, .zip, .xlsx or .npz",
    b"\x93NUMPY": "is a numpy array: give it the suffix .npy",
    b"\x89HDF": "is HDF5: give it the suffix .h5",
    b"SQLite format 3": "is an SQLite database: export the table as CSV",
    b"version https://git-lfs": "is a pointer of Git LFS and not the file itself: fetch it with git lfs pull",
    b"<!DOCTYPE": "is a web page: download the file itself",
    b"<html": "is a web page: download the file itself",
}


def decoded(path: Path, content: bytes) -> str:
    """Return a file's text.

    Raises:
        DataError: It is not text, or in another encoding; says what it looks like.
    """
    encoding = next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), None)
    if encoding is None:
        for start, what in _FOREIGN.items():
            if content[:400].lstrip()[: len(start)].lower() == start.lower():
                raise DataError(f"{path}: {what}")
        encoding = _unmarked(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        what = f"is not {encoding.upper().removesuffix('-SIG')} text: {error.reason} at byte {error.start}"
        raise DataError(f"{path}: {what}; save it as UTF-8") from None
    if "\0" in text:
        raise DataError(f"{path}: is not text: it has a zero byte; expected UTF-8")
    return text


def _unmarked(content: bytes) -> str:
    """Return the encoding of text without a mark: UTF-16 if every other of its first bytes is zero."""
    start = content[:200]
    if len(start) >= 4 and not any(start[1::2]) and all(start[0::2]):
        return "utf-16-le"
    if len(start) >= 4 and not any(start[0::2]) and all(start[1::2]):
        return "utf-16-be"
    return "utf-8"
