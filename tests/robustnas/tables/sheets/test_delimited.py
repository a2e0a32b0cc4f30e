from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from robustnas.errors import DataError
from tests.robustnas.tables.sheets.sheet_files import CELLS, EXPECTED, FRAME, notes_of, numbers_of

ROWS = [f"{cell.arch},{lat},{lat + 90}" for cell, lat in zip(CELLS, EXPECTED["lat"], strict=True)]
TEXT = "\n".join(["arch,lat,acc", *ROWS]) + "\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes, str], Path]:
    def write(content: str | bytes, name: str = "a.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


Write = Callable[..., Path]


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        TEXT.rstrip("\n"),
        TEXT.replace("\n", "\n\n"),
        TEXT + ",,\n  \n",
        TEXT.replace(",", ";"),
        TEXT.replace(",", "\t"),
        "sep=;\n" + TEXT.replace(",", ";"),
        "# made by a script, on a 1080ti\n#\n" + TEXT,
        "\n# it's \"quoted\n\n" + TEXT,
        TEXT + "# the end, it's done\n",
        TEXT.replace("\n", ",\n"),
        TEXT.replace("arch,lat,acc", "'arch','lat','acc'"),
        "# arch,lat,acc\n" + "\n".join(ROWS),
        "lat,acc\n" + "\n".join(ROWS),
    ],
)
def test_text_as_people_and_programs_write_it(write: Write, text: str) -> None:
    assert numbers_of(write(text)) == EXPECTED


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(write: Write, encoding: str) -> None:
    assert numbers_of(write(TEXT.encode(encoding))) == EXPECTED
    assert numbers_of(write(codecs.BOM_UTF8 + TEXT.encode())) == EXPECTED


def test_what_pandas_writes(tmp_path: Path) -> None:
    for index, frame in enumerate((FRAME, FRAME.set_index("arch"), FRAME.set_index("arch").rename_axis(None))):
        frame.to_csv(tmp_path / f"{index}.csv")
        assert numbers_of(tmp_path / f"{index}.csv") == EXPECTED
        (tmp_path / f"{index}.txt").write_text(frame.to_string() + "\n")
        if frame.index.name is None:
            assert numbers_of(tmp_path / f"{index}.txt") == EXPECTED
    again = FRAME.set_index("arch").rename_axis(None)
    again.to_csv(tmp_path / "once.csv")
    assert numbers_of(tmp_path / "once.csv", key="Unnamed: 0") == EXPECTED
    FRAME.reset_index(names="Unnamed: 0").to_csv(tmp_path / "twice.csv")
    with pytest.raises(DataError, match=r"line 1: column 'Unnamed: 0' occurs twice"):
        numbers_of(tmp_path / "twice.csv")


def test_an_unnamed_index_is_never_a_number(tmp_path: Path) -> None:
    FRAME.set_axis([13, 7, 99, 5]).to_csv(tmp_path / "a.csv")
    assert numbers_of(tmp_path / "a.csv") == EXPECTED


class TestWithoutHeader:
    def test_the_first_row_is_kept_and_it_is_said(self, write: Write) -> None:
        path = write("\n".join(ROWS))
        assert numbers_of(path) == {"column_2": EXPECTED["lat"], "column_3": EXPECTED["acc"]}
        assert notes_of(path) == ("the file has no header line: its columns are called column_1 to column_3",)
        assert notes_of(write(TEXT)) == ()

    @pytest.mark.parametrize("notation", ["#{}", "{}"])
    def test_ids(self, write: Write, notation: str) -> None:
        rows = [f"{notation.format(cell.database_id)},{lat}" for cell, lat in zip(CELLS, EXPECTED["lat"], strict=True)]
        path = write("\n".join(rows))
        assert numbers_of(path, key="column_1") == {"column_2": EXPECTED["lat"]}

    def test_operations_in_six_columns(self, write: Write) -> None:
        rows = [",".join([*(op.label for op in cell.operations), "1.5"]) for cell in CELLS]
        assert numbers_of(write("\n".join(rows))) == {"column_7": [1.5] * 4}

    def test_numbers_as_names_are_names_only_as_pandas_gives_them(self, write: Write) -> None:
        rows = "\n".join(ROWS)
        assert numbers_of(write(f"0,1,2\n{rows}")) == {"1": EXPECTED["lat"], "2": EXPECTED["acc"]}
        with pytest.raises(DataError, match=r"line 1: column 'column_1': .*99999"):
            numbers_of(write(f"99999,1,2\n{rows}"), key="column_1")


class TestWhiteSpace:
    def test_lists(self, write: Write) -> None:
        rows = "\n".join(f"{cell.arch}   {lat}\t {lat + 90}" for cell, lat in zip(CELLS, EXPECTED["lat"], strict=True))
        assert numbers_of(write(f"arch lat acc\n{rows}\n", "a.txt")) == EXPECTED
        assert numbers_of(write(f"# arch lat acc\n{rows}\n", "a.txt")) == EXPECTED
        assert numbers_of(write(rows, "a.txt")) == {"column_2": EXPECTED["lat"], "column_3": EXPECTED["acc"]}

    def test_names_of_operations_in_brackets_stay_together(self, write: Write) -> None:
        rows = "\n".join(f"[{', '.join(op.label for op in cell.operations)}] 1.5" for cell in CELLS)
        assert numbers_of(write(f"arch lat\n{rows}", "a.txt")) == {"lat": [1.5] * 4}

    def test_numpy_writes_a_header_behind_a_number_sign(self, tmp_path: Path) -> None:
        values = np.array([[cell.database_id, 1.5] for cell in CELLS])
        np.savetxt(tmp_path / "a.txt", values, fmt="%.1f", header="id lat")
        assert numbers_of(tmp_path / "a.txt") == {"lat": [1.5] * 4}


def test_brackets_that_nobody_quoted(write: Write) -> None:
    rows = [f"[{', '.join(op.label for op in cell.operations)}],1.5" for cell in CELLS]
    assert numbers_of(write("\n".join(["arch,lat", *rows]))) == {"lat": [1.5] * 4}
    rows = [f"'({', '.join(op.label for op in cell.operations)})',1.5" for cell in CELLS]
    assert numbers_of(write("\n".join(["arch,lat", *rows]))) == {"lat": [1.5] * 4}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT + ROWS[0][:30], "line 6: has 1 field; expected 3, as in the header"),
        (TEXT.encode("utf-16")[:-1], "is not UTF-16 text"),
        ("arch,größe\n".encode("latin-1"), "is not UTF-8 text.*save it as UTF-8"),
        (b"arch,lat\n\x00\x01\n", "it has a zero byte"),
        (b"PAR1" + bytes(100), "is Parquet: give it the suffix .parquet"),
        (b"PK\x03\x04" + bytes(100), "is a zip archive or a spreadsheet"),
        ("<!DOCTYPE html><html>404</html>", "is a web page"),
        ("version https://git-lfs.github.com/spec/v1\noid", "is a pointer of Git LFS"),
        ("# nothing but a comment\n", "is empty"),
        ("arch,lat,lat\nx,mean,std\n", "line 1: column 'lat' occurs twice"),
        ("arch,lat\n" + f'"{"x" * 200_000}",1\n', "is not CSV: field larger"),
        ("arch,lat\n" + "x" * 33_000 + ",1,2\n", r"has 3 fields; .*\(33,004 characters\)$"),
        ('arch,lat\n"never closed,1\n', "line 2: is not CSV"),
    ],
)
def test_faults_in_words(write: Write, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        numbers_of(write(content))
    assert len(str(error.value)) < 500


def test_a_second_header_line_is_called_that(write: Write) -> None:
    with pytest.raises(DataError, match="line 2: looks like a second header line"):
        numbers_of(write(TEXT.replace("acc\n", "acc\ncell,ms,percent\n", 1)))
    with pytest.raises(DataError, match="line 2: looks like a second header line"):
        numbers_of(write(TEXT.replace("arch,lat,acc\n", ",lat,lat\n,mean,std\narch,,\n", 1)))
