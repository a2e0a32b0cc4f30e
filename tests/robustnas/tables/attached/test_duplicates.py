from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robustnas import Cell
from robustnas.errors import DataError
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables.attached.attaching import attach
from robustnas.tables.attached.duplicates import Repeats, find_repeats
from robustnas.tables.sheets.sheet import Sheet

pytestmark = pytest.mark.usefixtures("own_cache")

SEEDS = "arch,seed,acc,lat\n#7,777,90,1\n#8,777,80,5\n#7,888,93,\n#9,777,70,6\n#7,999,,3\n#8,888,82,7\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "seeds.csv").write_text(SEEDS)
    return tmp_path / "seeds.csv"


def values(path: Path, how: str, column: str) -> list[float]:
    found = attach(path, "cifar10", "s", duplicates=how).cell_columns()[f"s.{column}"]
    return [float(found[Cell.parse(cell).index]) for cell in ("#7", "#8", "#9")]


def test_means_and_first_numbers(path: Path) -> None:
    assert values(path, "mean", "acc") == [91.5, 81, 70]
    assert values(path, "mean", "lat") == [2, 6, 6]
    assert values(path, "first", "acc") == [90, 80, 70]
    assert values(path, "first", "lat") == [1, 5, 6]


def test_what_was_done_is_said(path: Path) -> None:
    table = attach(path, "cifar10", "s", duplicates="mean")
    assert table.notes[1:] == (
        "2 cells occur in up to 3 rows, such as line 4: their numbers are means",
        "left out, as rows are taken together: seed",
    )
    assert list(table.known) == ["acc", "lat"]
    first = attach(path, "cifar10", "s", duplicates="first").notes[1]
    assert first == "2 cells occur in up to 3 rows, such as line 4: the first number counts, 3 rows do not"


def test_they_are_refused_by_default(path: Path) -> None:
    with pytest.raises(
        DataError, match=r"line 4: .* occurs twice, first in line 2; so do 2 of 3 cells: .*--duplicates"
    ):
        attach(path, "cifar10", "s")


def test_a_file_without_repeats_is_the_same_whatever_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("arch,seed,acc\n#7,1,0.1\n#8,2,0.3\n")
    digests = {attach(tmp_path / "a.csv", "cifar10", "a", duplicates=how).digest for how in ("error", "mean", "first")}
    assert len(digests) == 1


def test_the_noise_of_means_is_less(path: Path) -> None:
    rows = np.array([0, 1, 0, 2, 0, 1])
    found = np.array([90.0, 80, 93, 70, 96, 82])
    each = {how: Repeats(how, rows, np.array([7, 8, 9]), np.array([3, 2, 1])).noise(found) for how in ("first", "mean")}
    pooled = np.sqrt((9 + 9 + 1 + 1) / 3)  # squares within 7 and 8, over 2 + 1 degrees of freedom
    assert each["first"] == pytest.approx(pooled)
    assert each["mean"] == pytest.approx(pooled * np.sqrt((1 / 3 + 1 / 2) / 2))


def test_nothing_is_known_of_the_noise_without_repeats() -> None:
    sheet = Sheet("a.csv", {}, ["line 2", "line 3"])
    assert find_repeats(sheet, np.array([7, 8]), "error", NASBENCH201).noise(np.array([1.0, 2.0])) is None
