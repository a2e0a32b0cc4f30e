from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robustnas import Cell
from robustnas.errors import DataError, InvalidInputError
from robustnas.spaces.nasbench201 import NASBENCH201, SKELETONS
from robustnas.tables.attached.attached import AttachedTable, attached_tables
from robustnas.tables.attached.attaching import attach
from tests.robustnas.spaces.test_search_space import GRID

pytestmark = pytest.mark.usefixtures("own_cache")

CELLS = [Cell.parse("#13433"), *map(Cell.from_index, (5, 777, 4242, 15000, 9999, 123, 8080))]
WRITTEN: dict[str, Callable[[Cell], Sequence[int]]] = {"naslib": lambda c: c.naslib, "nasbench201": lambda c: c.ops}
BOTH = pytest.mark.parametrize("convention", WRITTEN)


@pytest.fixture
def attached(tmp_path: Path) -> Callable[..., AttachedTable]:
    """Attach a file of `CELLS`, as six digits in a convention, and more columns."""

    def write(convention: str, notation: str | None = None, key: str = "net", **columns: object) -> AttachedTable:
        keys = [str(tuple(WRITTEN[convention](cell))) for cell in CELLS]
        frame = pd.DataFrame({key: keys, **columns, "lat": np.arange(8.0)})
        frame.to_csv(tmp_path / "a.csv", index=False)
        return attach(tmp_path / "a.csv", "cifar10", "a", notation=notation)

    return write


def check(table: AttachedTable, notation: str) -> None:
    assert table.notation == notation
    assert table.cell_columns()["a.lat"][[cell.index for cell in CELLS]].tolist() == list(range(8))
    assert attached_tables("cifar10")["a"] == table


class TestDecided:
    @BOTH
    def test_by_the_user(self, attached: Callable[..., AttachedTable], convention: str) -> None:
        check(attached(convention, convention), convention)

    @BOTH
    def test_by_the_name_of_the_column(self, attached: Callable[..., AttachedTable], convention: str) -> None:
        check(attached(convention, key=convention.upper()), convention)

    @BOTH
    @pytest.mark.parametrize("name", ["net_str", "anything"])
    def test_by_arch_strings_beside(self, attached: Callable[..., AttachedTable], convention: str, name: str) -> None:
        check(attached(convention, **{name: [cell.arch for cell in CELLS]}), convention)

    @BOTH
    def test_by_ids_beside(self, attached: Callable[..., AttachedTable], convention: str) -> None:
        check(attached(convention, uid=[NASBENCH201.uid(cell) for cell in CELLS]), convention)

    @BOTH
    @pytest.mark.parametrize("name", ["params", "Param", "FLOPs (M)", "n_params", "macs", "total_flops", "Params (MB)"])
    @pytest.mark.parametrize("skeleton", SKELETONS)
    @pytest.mark.parametrize("unit", [1, 1e-6])
    def test_by_costs_in_any_skeleton_and_unit(
        self, attached: Callable[..., AttachedTable], convention: str, name: str, skeleton: str, unit: float
    ) -> None:
        cost = "params" if "aram" in name else "flops"
        costs = NASBENCH201.cost_column(cost, SKELETONS[skeleton])[[cell.index for cell in CELLS]]
        check(attached(convention, **{name: costs * unit}), convention)

    def test_one_row_as_read_is_said(self, attached: Callable[..., AttachedTable]) -> None:
        note = attached("nasbench201", "nasbench201").notes[0]
        assert note == (f"line 2 as read: (4, 2, 1, 2, 2, 1) is {CELLS[0]}, in the notation nasbench201 (--notation)")

    def test_digits_that_both_read_alike_need_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text('net,lat\n"(4, 4, 4, 4, 4, 4)",1\n')
        assert attach(tmp_path / "a.csv", "cifar10", "a").cell_columns()["a.lat"][-1] == 1

    @BOTH
    def test_one_row_by_exact_parameters(self, tmp_path: Path, convention: str) -> None:
        cell = CELLS[0]  # its 1x1 convolutions are not as many as its 3x3 ones
        digits = tuple(WRITTEN[convention](cell))
        (tmp_path / "a.json").write_text(f'{{"{digits}": {{"params": 0.157306, "lat": 2}}}}')
        assert attach(tmp_path / "a.json", "cifar10", "a").cell_columns()["a.lat"][cell.index] == 2


class TestRefused:
    def test_zeros_first_of_what_is_no_digits(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("arch,x\n000041,1\n000081,2\n")
        with pytest.raises(DataError, match=r"line 3: '000081' is neither six operation indices nor an id"):
            attach(tmp_path / "a.csv", "cifar10", "a")

    @BOTH
    def test_nothing_decides(self, attached: Callable[..., AttachedTable], convention: str) -> None:
        with pytest.raises(
            DataError, match=r"line 2: .* may be .*\(naslib\), or .*; name the notation with --notation"
        ):
            attached(convention, acc=[90.5, 91, 90, 92, 91.5, 90.1, 90.2, 90.3])
        assert attached_tables("cifar10") == {}

    @pytest.mark.parametrize("digits", ["[4 3 3 0 3 0]", "433030", "033030", "[4, 3, 3, 0, 3, 0]"])
    def test_in_every_form_of_digits(self, tmp_path: Path, digits: str) -> None:
        for name, content in (("a.csv", f'arch,x\n"{digits}",1\n'), ("a.json", f'{{"{digits}": {{"x": 1}}}}')):
            (tmp_path / name).write_text(content)
            with pytest.raises(DataError, match="--notation naslib or nasbench201"):
                attach(tmp_path / name, "cifar10", "a")

    def test_the_user_is_contradicted(self, attached: Callable[..., AttachedTable]) -> None:
        arch = [cell.arch for cell in CELLS]
        with pytest.raises(DataError, match="--notation says naslib; column 'arch_str' says nasbench201"):
            attached("nasbench201", "naslib", arch_str=arch)

    def test_columns_contradict_each_other(self, attached: Callable[..., AttachedTable]) -> None:
        wrong = [Cell.readings(cell.ops)["naslib"] for cell in CELLS]
        params = NASBENCH201.cost_column("params")[[cell.index for cell in wrong]]
        with pytest.raises(
            DataError, match=r"is contradictory: column 'net_str' says nasb.*; column 'params' says nasl"
        ):
            attached("nasbench201", net_str=[cell.arch for cell in CELLS], params=params)

    def test_parameters_that_are_none_decide_nothing(self, attached: Callable[..., AttachedTable]) -> None:
        with pytest.raises(DataError, match="--notation"):
            attached("naslib", params=[3, 1, 2, 5, 4, 7, 8, 6])

    def test_leading_zeros_that_were_lost(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("arch,x\n433030,1\n4330,2\n")
        with pytest.raises(DataError, match="line 3: '4330' has lost its leading zeros"):
            attach(tmp_path / "a.csv", "cifar10", "a", notation="naslib")

    def test_a_space_without_notations(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text('place,x\n"10,10,10",1\n')
        with pytest.raises(InvalidInputError, match="grid has no notations"):
            attach(tmp_path / "a.csv", "cifar10", "a", key="place", notation="naslib", space=GRID)


def test_a_file_as_a_dataset_takes_the_same_path(tmp_path: Path) -> None:
    from robustnas.tables import open_table

    path = tmp_path / "own.csv"
    rows = pd.DataFrame({"net": [str(cell.ops) for cell in CELLS], "clean": np.linspace(0, 1, 8)})
    rows.to_csv(path, index=False)
    with pytest.raises(DataError, match="call the column naslib or nasbench201"):
        open_table(str(path))
    rows.rename(columns={"net": "nasbench201"}).to_csv(path, index=False)
    table = open_table(str(path))
    assert table.column(table.metrics[0])[CELLS[-1].index] == 1
