from __future__ import annotations

import numpy as np
import pytest

from robustnas import Cell
from robustnas.errors import InvalidInputError
from robustnas.spaces import ChoiceSpace, open_space
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.spaces.nasbench201.cost import CIFAR100, Skeleton
from robustnas.spaces.product_space import ProductSpace
from tests.robustnas.spaces.test_choice_space import Small


class Size(ChoiceSpace):
    choices = {"channels": (8, 16), "cells": (1, 5, 3)}  # noqa: RUF012

    def valid(self, architecture) -> bool:
        return architecture.channels * architecture.cells < 80


def test_a_product_has_the_facts_of_its_parts() -> None:
    product = ProductSpace(Small(), Size())
    assert list(product.choices) == ["depth", "width", "norm", "channels", "cells"]
    assert (product.n_members, product.n_networks) == (20 * 5, 16 * 5)
    found = product.parse("depth=1,width=16,norm=none,channels=8,cells=5")
    assert str(product.part(found, 0)) == "depth=1,width=16,norm=none"
    assert product.canonical(found) == found.replaced(norm="batch")
    assert found.replaced(channels=16) not in product
    with pytest.raises(InvalidInputError, match="two parts of a product have a choice 'depth'"):
        ProductSpace(Small(), Small())


def test_nasbench201_with_size_has_exact_costs() -> None:
    space = open_space("nasbench201-sizes")
    cell = Cell.parse("#13433")
    found = space.from_choices({**NASBENCH201.choices_of(cell), "channels": 32, "cells": 3})
    assert space.part(found, 0) == cell
    skeleton = Skeleton(n_classes=100, channels=32, n_cells=3)
    assert space.skeleton_of(found, CIFAR100) == skeleton
    index = space.index(found)
    assert space.cost_column("params", CIFAR100)[index] == skeleton.parameters(cell)
    assert space.cost_column("flops", CIFAR100)[index] == skeleton.flops(cell)
    usual = space.from_choices({**NASBENCH201.choices_of(cell), "channels": 16, "cells": 5})
    assert space.cost_column("params")[space.index(usual)] == NASBENCH201.cost_column("params")[cell.index]
    same = np.flatnonzero(space.uids() == space.uid(found))
    assert len(same) == (NASBENCH201.uids() == NASBENCH201.uid(cell)).sum()
