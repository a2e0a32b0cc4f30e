from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robustnas import Cell
from robustnas.errors import DataError
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.attached.attached import AttachedTable
from robustnas.tables.attached.attaching import attach
from tests.robustnas.spaces.test_search_space import GRID

pytestmark = pytest.mark.usefixtures("own_cache")

CELLS = [Cell.from_index(index) for index in (3, 777, 13931)]


def names_of(cell: Cell) -> list[str]:
    return [str(NASBENCH201.choices_of(cell)[edge]) for edge in NASBENCH201.choices]


@pytest.fixture
def spread(tmp_path: Path) -> Callable[..., Path]:
    def write(names: list[str], values: list[list[str]] | None = None) -> Path:
        path = tmp_path / "a.csv"
        rows = values or [names_of(cell) for cell in CELLS]
        pd.DataFrame(rows, columns=names).assign(lat=[1.5, 2.5, 3.5]).to_csv(path, index=False)
        return path

    return write


def test_six_columns_of_operations_are_found(spread: Callable[..., Path]) -> None:
    table = attach(spread([f"hp_x{place}" for place in range(6)]), "cifar10", "a")
    assert table.key == "hp_x0,hp_x1,hp_x2,hp_x3,hp_x4,hp_x5"
    assert list(table.known) == ["lat"]
    assert table.cell_columns()["a.lat"][[cell.index for cell in CELLS]].tolist() == [1.5, 2.5, 3.5]


def test_named_columns_are_in_the_order_of_the_arch_string(spread: Callable[..., Path]) -> None:
    table = attach(spread(["f", "e", "d", "c", "b", "a"]), "cifar10", "a", key="f, e,d,c,b,a")
    assert table.cell_columns()["a.lat"][[cell.index for cell in CELLS]].tolist() == [1.5, 2.5, 3.5]


def test_counted_columns_are_found_in_their_own_order(tmp_path: Path) -> None:
    names = [f"edge_{place}" for place in range(6)]
    frame = pd.DataFrame([names_of(cell) for cell in CELLS], columns=names).assign(lat=[1.5, 2.5, 3.5])
    frame[["edge_3", "lat", "edge_0", "edge_5", "edge_1", "edge_4", "edge_2"]].to_csv(tmp_path / "a.csv", index=False)
    table = attach(tmp_path / "a.csv", "cifar10", "a")
    assert table.cell_columns()["a.lat"][[cell.index for cell in CELLS]].tolist() == [1.5, 2.5, 3.5]


class TestIndices:
    """Six columns of operation indices."""

    NAMES = (
        [f"edge_{place}" for place in range(6)],
        [f"op{place}" for place in range(1, 7)],
    )

    @pytest.mark.parametrize("names", NAMES)
    @pytest.mark.parametrize("convention", ["naslib", "nasbench201"])
    def test_counted(self, tmp_path: Path, names: list[str], convention: str) -> None:
        rows = [cell.naslib if convention == "naslib" else cell.ops for cell in CELLS]
        self.write(tmp_path, pd.DataFrame(rows, columns=names))
        with pytest.raises(DataError, match="name the notation with --notation"):
            attach(tmp_path / "a.csv", "cifar10", "a")
        self.check(attach(tmp_path / "a.csv", "cifar10", "a", notation=convention))

    @pytest.mark.parametrize("convention", ["naslib", "nasbench201"])
    @pytest.mark.parametrize("first", [0, 1])
    def test_called_by_edges_only_their_numbers_depend_on_the_notation(
        self, tmp_path: Path, convention: str, first: int
    ) -> None:
        edges = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
        names = [f"op_{source + first}_{target + first}" for source, target in edges]
        operations = [
            choices[f"{source}->{target}"] for choices in map(NASBENCH201.choices_of, CELLS) for source, target in edges
        ]
        codes = ["skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3"]
        if convention == "nasbench201":
            codes = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
        rows = np.array([codes.index(str(name)) for name in operations]).reshape(3, 6)
        self.write(tmp_path, pd.DataFrame(rows, columns=names))
        self.check(attach(tmp_path / "a.csv", "cifar10", "a", notation=convention))
        self.check(attach(tmp_path / "a.csv", "cifar10", "a", notation=convention, key=",".join(names)))

    def test_come_before_numbers_of_rows(self, tmp_path: Path) -> None:
        self.write(tmp_path, pd.DataFrame([c.naslib for c in CELLS], columns=self.NAMES[0]).assign(id=[0, 1, 2]))
        self.check(attach(tmp_path / "a.csv", "cifar10", "a", notation="naslib"))

    def test_beside_ids_that_decide(self, tmp_path: Path) -> None:
        ids = [cell.database_id for cell in CELLS]
        self.write(tmp_path, pd.DataFrame([c.ops for c in CELLS], columns=self.NAMES[0]).assign(id=ids))
        self.check(attach(tmp_path / "a.csv", "cifar10", "a"))

    @staticmethod
    def write(folder: Path, frame: pd.DataFrame) -> None:
        frame.assign(lat=[1.5, 2.5, 3.5]).to_csv(folder / "a.csv", index=False)

    @staticmethod
    def check(table: AttachedTable) -> None:
        assert list(table.known) == ["lat"]
        assert table.cell_columns()["a.lat"][[cell.index for cell in CELLS]].tolist() == [1.5, 2.5, 3.5]


def test_a_frame_has_them_too() -> None:
    frame = pd.DataFrame([names_of(cell) for cell in CELLS]).assign(clean=[0.5, 0.6, 0.7])
    table = ArrayTable.from_frame(frame)
    assert [table.value(cell, "clean") for cell in CELLS] == [0.5, 0.6, 0.7]


def test_choices_of_another_space(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y,z,lat\n10,10,10,1\n12,13,14,2\n")
    values = attach(tmp_path / "a.csv", "cifar10", "a", key="x,y,z", space=GRID).cell_columns()["a.lat"]
    assert (values[0], values[59]) == (1, 2)


@pytest.mark.parametrize(
    ("key", "message"),
    [("a,b", "--key names 2 columns; expected one, or the 6 of 0->1"), ("a,x", "unknown column 'x'")],
)
def test_faults(spread: Callable[..., Path], key: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        attach(spread(list("abcdef")), "cifar10", "a", key=key)


def test_an_unknown_operation_is_named_with_its_line(spread: Callable[..., Path]) -> None:
    rows = [names_of(cell) for cell in CELLS]
    rows[1][2] = "conv_9x9"
    with pytest.raises(DataError, match=r"line 3: .*conv_9x9"):
        attach(spread(list("abcdef"), rows), "cifar10", "a")


def test_arch_index_is_nas_bench_201s_own_number(tmp_path: Path) -> None:
    rows = "\n".join(f"{cell.database_id},{lat}" for cell, lat in zip(CELLS, (1.5, 2.5, 3.5), strict=True))
    (tmp_path / "a.csv").write_text(f"arch_index,lat\n{rows}\n")
    values = attach(tmp_path / "a.csv", "cifar10", "a").cell_columns()["a.lat"]
    assert values[[cell.index for cell in CELLS]].tolist() == [1.5, 2.5, 3.5]
