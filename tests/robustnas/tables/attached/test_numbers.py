from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from robustnas.errors import DataError
from robustnas.tables.attached.numbers import column_numbers
from robustnas.tables.sheets.sheet import Sheet


def sheet(values: list[object]) -> Sheet:
    return Sheet("a.csv", {"acc": values}, [f"line {row}" for row in range(2, len(values) + 2)])


@pytest.mark.parametrize(
    ("values", "expected", "share", "note"),
    [
        (["91.5", "", "nan", 92], [91.5, None, None, 92], False, None),
        (
            ["91.5%", "92 %", "", "1e1%"],
            [0.915, 0.92, None, 0.1],
            True,
            "acc: 3 values with a percent sign are read as shares of 1 (line 2: '91.5%' is 0.915)",
        ),
        (
            ["91,5%", "", "92%"],
            [0.915, None, 0.92],
            True,
            "acc: 2 values with a percent sign are read as shares of 1 (line 2: '91,5%' is 0.915)",
        ),
        (
            ["92", "91,5", "1,250"],
            [92, 91.5, 1.25],
            False,
            "acc: 2 values with a comma are read as decimal (line 3: '91,5' is 91.5)",
        ),
        (["1", "-inf", "2"], [1, None, 2], False, "acc: 1 infinite value is left out (line 3: '-inf')"),
        (
            [1.0, float("inf"), float("-inf")],
            [1, None, None],
            False,
            "acc: 2 infinite values are left out (line 3: inf)",
        ),
    ],
)
def test_numbers(values: list[object], expected: list[float | None], share: bool, note: str | None) -> None:
    found = column_numbers(sheet(values), "acc")
    assert found is not None
    wanted = np.array([np.nan if value is None else value for value in expected])
    np.testing.assert_allclose(found.values, wanted, rtol=1e-15)
    assert (found.share, found.notes) == (share, () if note is None else (note,))


@pytest.mark.parametrize("values", [["a", "b", "1"], ["", "nan"], [True, False], [[1], [2]], [Decimal("NaN"), None]])
def test_columns_without_numbers(values: list[object]) -> None:
    assert column_numbers(sheet(values), "acc") is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "2", "fast"], "a.csv, line 4: 'fast' in column 'acc'; expected a number, or nothing"),
        (["1", "2", "1_0"], "a.csv, line 4: '1_0' in column 'acc'; expected a number, or nothing"),
        (["91.5%", "92"], "line 3: '92' in column 'acc'; expected a percent sign here too, as in '91.5%' in line 2"),
        (["1,234", "2,500"], "line 2: '1,234' in column 'acc'; a comma of decimals or one of thousands"),
        (["1,234%", "2,500%"], "line 2: '1,234%' in column 'acc'; a comma of decimals or one of thousands"),
        (["91,5", "92.5"], "line 3: '92.5' in column 'acc'; has a decimal point, while '91,5' in line 2 has a comma"),
        (["1.2.3%", "2%"], "line 2: '1.2.3%' in column 'acc'; expected a number before the percent sign"),
        (["1", "2", "9" * 5000 + "x"], r"characters\) in column 'acc'"),
    ],
)
def test_faults(values: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        column_numbers(sheet(values), "acc")
    assert len(str(error.value)) < 300
