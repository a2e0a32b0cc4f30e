"""The text of a file, in any encoding that its first bytes tell."""

from __future__ import annotations

from pathlib import Path

from robustnas.errors import DataError
from robustnas.text_encoding import text_encoding

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
    encoding = text_encoding(content)
    for start, what in _FOREIGN.items():
        if content[:400].lstrip()[: len(start)].lower() == start.lower():
            raise DataError(f"{path}: {what}")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        what = f"is not {encoding.upper().removesuffix('-SIG')} text: {error.reason} at byte {error.start}"
        raise DataError(f"{path}: {what}; save it as UTF-8") from None
    if "\0" in text:
        raise DataError(f"{path}: is not text: it has a zero byte; expected UTF-8")
    return text
