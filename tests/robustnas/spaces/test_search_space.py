"""The seam of search spaces: what a small space of another kind needs, and that searches run on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from robustnas import Cell, Oracle
from robustnas.arrays import IntArray
from robustnas.errors import InvalidInputError, NotationError, ObjectiveError
from robustnas.spaces import SPACES, Encoding, EnumerableSpace, encoding, open_space
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables import ArrayTable, noise_floor
from searchers import SEARCHERS, create, search

SIZES = (3, 4, 5)


class Grid(EnumerableSpace[tuple[int, int, int]]):
    """Three numbers; every architecture is a network of its own. No cells, no edges, no costs, no twins."""

    name, default_encoding = "grid", "numbers"
    size = n_networks = int(np.prod(SIZES))

    @property
    def choices(self) -> Mapping[str, tuple[int, ...]]:
        return {f"size{i}": tuple(range(10, 10 + n)) for i, n in enumerate(SIZES)}

    @property
    def encodings(self) -> Mapping[str, Callable[[], Encoding]]:
        return {"numbers": lambda: Encoding("numbers", self.codes().astype(float), ("n:0", "n:1", "n:2"), (3,))}

    def from_choices(self, options: Mapping[str, Any]) -> tuple[int, int, int]:
        return options["size0"], options["size1"], options["size2"]

    def choices_of(self, architecture: tuple[int, int, int]) -> dict[str, Any]:
        return dict(zip(self.choices, architecture, strict=True))

    def parse(self, text: Any) -> tuple[int, int, int]:
        if isinstance(text, tuple):
            return text
        numbers = [int(part) for part in str(text).strip("()").split(",")]
        if len(numbers) != 3:
            raise NotationError(f"{text!r} has {len(numbers)} numbers; expected 3")
        return numbers[0], numbers[1], numbers[2]

    def index(self, architecture: tuple[int, int, int]) -> int:
        return int(np.ravel_multi_index(tuple(number - 10 for number in architecture), SIZES))

    def architecture(self, index: int) -> tuple[int, int, int]:
        a, b, c = (int(place) + 10 for place in np.unravel_index(index, SIZES))
        return a, b, c

    def members(self) -> IntArray:
        return np.arange(self.size)

    def canonical_list(self) -> list[int]:
        return list(range(self.size))

    def network_indices(self) -> IntArray:
        return np.arange(self.size)

    def network_of_index(self) -> IntArray:
        return np.arange(self.size)

    def uids(self) -> IntArray:
        return np.arange(self.size)

    def neighbour_lists(self) -> list[list[int]]:
        return [[self.index(near) for near in self.neighbours(self.architecture(i))] for i in range(self.size)]


GRID = Grid()
TABLE = ArrayTable({"clean": np.linspace(0, 1, 60), "pgd@1": np.linspace(1, 0, 60) ** 2}, space=GRID)


@pytest.mark.parametrize("name", [name for name in SEARCHERS if name != "optuna-gp"])
def test_every_searcher_runs_on_another_space(name: str) -> None:
    parameters = {"cheap": "pgd@1"} if name == "multi-fidelity" else {}
    objectives = "clean, pgd@1" if name in ("nsga2", "optuna-nsga2") else "clean"
    searcher = create(name, 0, space=GRID, n_objectives=1 + objectives.count(","), **parameters)
    asked = [outcome.cell for outcome in search(searcher, Oracle(objectives, TABLE, budget=16))]
    assert len(set(asked)) == 16
    assert all(GRID.architecture(GRID.index(found)) == found for found in asked)


def test_the_defaults_follow_from_the_choices() -> None:
    rng = np.random.default_rng(0)
    found = GRID.sample(rng)
    assert len(GRID.neighbours(found)) == sum(SIZES) - 3
    assert sum(a != b for a, b in zip(GRID.mutate(found, rng), found, strict=True)) == 1
    assert GRID.canonical(found) == found
    assert found in GRID
    assert GRID.indices(["10,10,10", (12, 13, 14)]).tolist() == [0, 59]
    assert repr(GRID) == "<grid: 60 architectures, 60 networks>"


def test_without_twins_there_is_no_noise_floor_and_without_costs_no_cost() -> None:
    assert np.isnan(noise_floor(np.zeros(60), GRID).std)
    with pytest.raises(ObjectiveError, match="the space grid has no costs"):
        Oracle("params", TABLE)


def test_encodings_tables_and_budgets_are_those_of_the_space() -> None:
    assert encoding("numbers", TABLE).values.shape == (60, 3)
    with pytest.raises(InvalidInputError, match="unknown encoding 'path'"):
        encoding("path", TABLE)
    with pytest.raises(InvalidInputError, match=r"expected \(60,\)"):
        ArrayTable({"clean": np.zeros(15625)}, space=GRID)
    with pytest.raises(InvalidInputError, match="from 1 to 60"):
        Oracle("clean", TABLE, budget=61)
    assert TABLE.value("11,10,10", "clean") == TABLE.frame()["clean"].iloc[20]


def test_spaces_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_space() is open_space("nasbench201") is NASBENCH201
    monkeypatch.setitem(SPACES, "grid", lambda: GRID)
    assert open_space("grid") is GRID
    with pytest.raises(InvalidInputError, match="unknown search space 'nasbench'; did you mean 'nasbench201'"):
        open_space("nasbench")


def test_choices_of_a_cell_are_its_operations_by_edge() -> None:
    cell = Cell.parse("#13433")
    assert NASBENCH201.choices_of(cell)["0->1"] == "avg_pool_3x3"
    assert NASBENCH201.from_choices(NASBENCH201.choices_of(cell)) == cell
    with pytest.raises(InvalidInputError, match="expected one operation each"):
        NASBENCH201.from_choices({"0->1": "none"})
    np.testing.assert_array_equal(NASBENCH201.codes()[cell.index], cell.ops)
