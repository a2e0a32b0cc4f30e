from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from robustnas import Cell
from robustnas.errors import NotationError
from robustnas.spaces.nasbench201.operations import EDGES
from tests.robustnas.spaces.nasbench201.test_cell import cells


def genotype_of(cell: Cell) -> list[tuple[tuple[str, int], ...]]:
    found: dict[int, list[tuple[str, int]]] = {1: [], 2: [], 3: []}
    for (source, target), op in zip(EDGES, cell.operations, strict=True):
        found[target].append((op.label, source))
    return [tuple(pairs) for pairs in found.values()]


@given(cells)
def test_every_writing_is_read_back(cell: Cell) -> None:
    names = [op.label for op in cell.operations]
    by_edge = dict(zip(EDGES, names, strict=True))
    for written in (
        names,
        tuple(names),
        np.array(names),
        by_edge,
        {f"{target}<-{source}": name for (source, target), name in reversed(by_edge.items())},
        {(source + 1, target + 1): name for (source, target), name in by_edge.items()},
        genotype_of(cell),
    ):
        assert Cell.parse(written) == cell  # type: ignore[arg-type]
        if not isinstance(written, np.ndarray):
            assert Cell.parse(str(written)) == cell
    assert Cell.parse(f"[{', '.join(names)}]") == Cell.parse(" ".join(names)) == cell
    assert Cell.parse(f"Structure(4 nodes with {cell.arch})") == cell
    assert Cell.parse(cell.database_id) == Cell.parse(np.int64(cell.database_id)) == cell  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "written",
    [
        ["none"] * 5,
        {"0->1": "none"},
        {(0, 1): 1, (0, 2): 1, (1, 2): 1, (0, 3): 1, (1, 3): 1, (2, 3): 1},
        [[("none", 0)], [("none", 0), ("none", 0)], [("none", 0), ("none", 1), ("none", 2)]],
        [[("none", 0)], [("none", 0), ("none", 2)], [("none", 0), ("none", 1), ("none", 2)]],
        "[('none', 0)",
        "[" * 500,
        "Structure(4 nodes)",
        -1,
    ],
)
def test_what_is_no_cell_is_refused(written: object) -> None:
    with pytest.raises(NotationError):
        Cell.parse(written)  # type: ignore[arg-type]


def test_a_wrong_name_is_told() -> None:
    with pytest.raises(NotationError, match="did you mean 'nor_conv_3x3'"):
        Cell.parse(["none"] * 5 + ["conv_3x3"])
