from __future__ import annotations

import pytest

from robustnas.spaces.choice_names import order_of_choices
from robustnas.spaces.nasbench201 import NASBENCH201

EDGES = list(NASBENCH201.choices)  # 0->1, 0->2, 1->2, 0->3, 1->3, 2->3


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (EDGES, [0, 1, 2, 3, 4, 5]),
        (EDGES[::-1], [5, 4, 3, 2, 1, 0]),
        (["1<-0", "2<-0", "3<-0", "2<-1", "3<-1", "3<-2"], [0, 1, 3, 2, 4, 5]),
        (["edge_1_2", "edge_1_3", "edge_1_4", "edge_2_3", "edge_2_4", "edge_3_4"], [0, 1, 3, 2, 4, 5]),
        ([(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)], [0, 1, 2, 3, 4, 5]),
        ([f"hp_x{place}" for place in range(6)], None),
        (EDGES[:5], None),
        ([*EDGES[:5], "0->1"], None),
    ],
)
def test_edges_by_their_nodes(names: list[object], order: list[int] | None) -> None:
    assert order_of_choices(names, EDGES) == order


def test_choices_by_their_names() -> None:
    assert order_of_choices(["width", "depth"], ["depth", "width"]) == [1, 0]
    assert order_of_choices(["a", "b"], ["depth", "width"]) is None
    assert order_of_choices(["stage 2", "stage 1"], ["s1", "s2"]) == [1, 0]
