from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest

from robustnas.errors import DataError
from robustnas.tables.sheets import compression
from robustnas.tables.sheets.reading import is_table_name, table_stem
from robustnas.tables.table_file import open_file
from tests.robustnas.tables.sheets.sheet_files import CELLS, EXPECTED, FRAME, numbers_of

CSV = FRAME.to_csv(index=False).encode()


PACKED: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst", ".zip"])
def test_what_pandas_compresses(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"my.csv{suffix}"
    if suffix == ".zst":
        with pyarrow.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(CSV)
    else:
        FRAME.to_csv(path, index=False)
    assert numbers_of(path) == EXPECTED
    assert is_table_name(path)
    assert table_stem(path) == "my"
    table = open_file(str(path))
    assert (table.dataset, table.value(CELLS[1], "lat")) == ("my", 2.5)


def test_other_forms_and_other_suffixes(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(FRAME.to_json(orient="records", lines=True).encode()))
    assert numbers_of(tmp_path / "a.jsonl.gz") == EXPECTED
    (tmp_path / "a.csv").write_bytes(gzip.compress(CSV))
    assert numbers_of(tmp_path / "a.csv") == EXPECTED
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("folder/t.csv", CSV)
        archive.writestr("__MACOSX/t.csv", b"")
    assert numbers_of(tmp_path / "a.zip") == EXPECTED


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        *[(f"a.csv{suffix}", pack(CSV)[:-10], "damaged or cut short") for suffix, pack in PACKED.items()],
        ("a.csv.gz", CSV, "is not compressed as its suffix .gz says"),
        ("a.csv.zip", CSV, "is not a zip archive"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("a.pdf.gz", gzip.compress(b"", mtime=0), "ends in '.pdf'"),
    ],
)
def test_faults_in_words(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        numbers_of(tmp_path / name)


def test_an_archive_of_two_files_and_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.writestr("b.csv", CSV)
    with pytest.raises(DataError, match=r"holds 2 files: a.csv, b.csv; expected one"):
        numbers_of(tmp_path / "a.csv.zip")
    monkeypatch.setattr(compression, "LARGEST", 10)
    FRAME.to_csv(tmp_path / "b.csv.gz")
    with pytest.raises(DataError, match="unpacks to more than"):
        numbers_of(tmp_path / "b.csv.gz")


@pytest.mark.parametrize("name", ["results.v2.zip", "my.csv.zip", "my.zip"])
def test_a_zip_archive_holds_what_its_member_says(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("latencies.csv", CSV)
    assert numbers_of(path) == EXPECTED
