"""Tests see nothing of the user who runs them, and nothing of each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from robustnas.measurements.location import Location
from robustnas.tables.attached.attached import attached_folder
from robustnas.tables.database.cache import cache_directory

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


@pytest.mark.parametrize("turn", [1, 2])
def test_a_home_is_empty_however_often_it_was_written_to(turn: int) -> None:
    assert not any(Path.home().iterdir())
    attached_folder().mkdir(parents=True)
    (Path.home() / "left").touch()


def test_data_tables_and_store_are_below_it() -> None:
    home = Path.home()
    assert attached_folder().is_relative_to(home)
    assert platformdirs.user_data_path("robustnas").is_relative_to(home)
    assert str(Location.parse()).startswith(str(home))
    assert not cache_directory().is_relative_to(home)


def test_processes_that_a_test_starts_are_there_too() -> None:
    code = "from robustnas.tables.attached.attached import attached_folder; print(attached_folder())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert Path(found.strip()).is_relative_to(Path.home())
