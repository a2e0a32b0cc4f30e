"""How scores of objectives are written."""

from __future__ import annotations

import pytest

from robustnas.objectives import Objective, scale_of


@pytest.mark.parametrize("text", ["clean", "pgd@1", "0.5*clean + 0.5*pgd@1", "corruption"])
def test_accuracies_are_percent(text: str) -> None:
    assert scale_of(Objective(text)) == "accuracy"


@pytest.mark.parametrize("text", ["-params", "my_table.latency", "-my_table.latency"])
def test_costs_and_attached_columns_are_counts_whichever_way_they_go(text: str) -> None:
    assert scale_of(Objective(text)) == "count"
