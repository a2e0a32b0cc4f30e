from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from robustnas.errors import DataError
from robustnas.tables.datasets import open_table
from robustnas.tables.sheets.conversion import REFUSED, conversion
from tests.robustnas.tables.sheets.sheet_files import EXPECTED, FRAME, numbers_of


@pytest.mark.parametrize("suffix", REFUSED)
def test_it_is_refused_with_the_command_that_converts_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"anything")
    with pytest.raises(DataError, match=rf"{suffix} is not read; convert it with: python -c .*a.csv"):
        numbers_of(path)
    with pytest.raises(DataError, match="convert it with"):
        open_table(str(path))


@pytest.mark.parametrize("name", ["a.pkl", "it's.pkl", "a b.pkl"])
def test_the_command_is_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    FRAME.to_pickle(path)
    command = shlex.split(conversion(path).partition("with: ")[2])
    assert command[:2] == ["python", "-c"]
    subprocess.run([sys.executable, *command[1:]], check=True, timeout=60)
    assert numbers_of(path.with_suffix(".csv")) == EXPECTED
