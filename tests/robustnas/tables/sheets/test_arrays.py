from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from robustnas.errors import DataError
from tests.robustnas.tables.sheets.sheet_files import CELLS, EXPECTED, FRAME, notes_of, numbers_of

ARCHS = np.array([cell.arch for cell in CELLS])
LAT = np.array(EXPECTED["lat"])


def test_arrays_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, arch=ARCHS, lat=LAT[:, None], acc=np.array(EXPECTED["acc"], dtype=np.float32))
    assert numbers_of(path) == EXPECTED
    np.savez(path, arch=ARCHS.astype("S"), lat=LAT, extra=np.arange(3), seed=np.array(1))
    assert numbers_of(path) == {"lat": EXPECTED["lat"]}
    assert notes_of(path) == ("left out, of another length than the 4 rows: extra, seed",)
    np.savez(path, arch=np.array(FRAME["arch"], dtype=object), lat=LAT)
    assert numbers_of(path) == {"lat": EXPECTED["lat"]}


def test_one_array(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    records = np.array(list(zip(ARCHS, LAT, strict=True)), dtype=[("arch", ARCHS.dtype), ("lat", "f8")])
    np.save(path, records)
    assert numbers_of(path) == {"lat": EXPECTED["lat"]}
    np.save(path, FRAME.to_numpy(dtype=object))
    assert numbers_of(path) == {"column_2": EXPECTED["lat"], "column_3": EXPECTED["acc"]}
    np.save(path, np.array(FRAME.to_dict(orient="list"), dtype=object))
    assert numbers_of(path) == EXPECTED
    np.save(path, np.array([[cell.database_id, 1.5] for cell in CELLS]))
    assert numbers_of(path, key="column_1") == {"column_2": [1.5] * 4}


def test_dates_are_no_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", arch=ARCHS, when=np.array(["2020-01-01"] * 4, dtype="M8[ns]"), lat=LAT)
    assert numbers_of(tmp_path / "a.npz") == {"lat": EXPECTED["lat"]}


def saved(array: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)  # type: ignore[arg-type]
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (saved(LAT)[:-3], "a.npy", "or damaged: an array of shape"),
        (saved(LAT).replace(b"(4,)", b"(9**9,)"), "a.npy", "is no numpy array, or damaged"),
        (saved(LAT).replace(b"(4,), ", b"(4000000000000,), "), "a.npy", "is no numpy array, or damaged"),
        (b"", "a.npy", "is no numpy array, or damaged"),
        (saved(LAT), "a.npy", "holds a list of float"),
        (
            saved(np.array(print, dtype=object)),
            "a.npy",
            "asks for builtins.print.*if you trust it, convert it",
        ),
        (b"PK", "a.npz", "is no archive of numpy arrays, or damaged"),
    ],
)
def test_faults_in_words(tmp_path: Path, content: bytes, name: str, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        numbers_of(tmp_path / name)


def test_an_archive_without_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", seed=np.array(3))
    with pytest.raises(DataError, match="expected arrays of equal lengths, not seed"):
        numbers_of(tmp_path / "a.npz")


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(saved(np.array([(b"\xe9", 1.0)], dtype=[("arch", "S9"), ("acc", "f8")])))
    with pytest.raises(DataError, match="row 1: column 'arch': cannot read"):
        numbers_of(path)
