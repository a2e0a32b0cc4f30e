from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from robustnas.append_only import AppendOnlyFile, sole_writer
from robustnas.errors import DataError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.jsonl"


def test_lines_come_back_with_their_numbers(path: Path) -> None:
    file = AppendOnlyFile(path, "runs")
    assert (file.empty, list(file.lines())) == (True, [])
    file.append("first")
    file.append("zweite, größer")
    assert list(file.lines()) == [(1, b"first"), (2, "zweite, größer".encode())]
    assert not file.empty


@pytest.mark.parametrize("torn", [b"th", b"\xff"])
def test_a_torn_line_is_cut_off(path: Path, torn: bytes) -> None:
    path.write_bytes(b"first\nsecond\n" + torn)
    file = AppendOnlyFile(path, "runs")
    file.append("third")
    assert path.read_bytes() == b"first\nsecond\nthird\n"


def test_a_file_that_cannot_be_written_keeps_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot write .*; finished runs are kept; run the same command to resume"):
        AppendOnlyFile(tmp_path / "missing" / "runs.jsonl", "runs").append("first")


def test_there_is_one_writer_at_a_time(path: Path) -> None:
    lock = path.with_name(".lock")
    with FileLock(lock), pytest.raises(DataError, match=f"another process is writing '{path}'"):
        sole_writer(lock, path).__enter__()
    for _ in range(2):
        with sole_writer(lock, path):
            pass


def test_a_folder_that_cannot_be_made_is_named(path: Path) -> None:
    path.write_text("")
    with pytest.raises(DataError, match="cannot make the directory"), sole_writer(path / "new" / ".lock", path):
        pass


@pytest.mark.parametrize("n_torn", [0, 1, 7, 8, 9, 40])
@pytest.mark.parametrize("whole", [b"", b"first\n", b"first\nsecond, longer than a block\n"])
def test_a_torn_line_of_any_length_is_cut_off(
    path: Path, monkeypatch: pytest.MonkeyPatch, whole: bytes, n_torn: int
) -> None:
    monkeypatch.setattr("robustnas.append_only._BLOCK", 8)
    path.write_bytes(whole + n_torn * b"x")
    AppendOnlyFile(path, "runs")
    assert path.read_bytes() == whole
