from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from robustnas import Cell, Operation
from robustnas.errors import InvalidInputError
from robustnas.objectives.objective import Objective
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cost import IMAGENET16_120, SKELETONS, Skeleton, all_flops, all_parameters
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.table import skeleton_of

BATCH_NORM_AND_RELU, POOLING = 3, 9
SHARED_SKELETON = 40_512


@pytest.fixture(scope="module")
def proxies(real_data_dir: Path) -> list[dict[str, str]]:
    path = real_data_dir.parent / "tables" / "nb201_imagenet16_120_zero_cost_proxies.csv"
    if not path.exists():
        pytest.skip(f"no {path.name} beside the database")
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.real_data
def test_parameters_equal_the_published_ones_everywhere(proxies: list[dict[str, str]]) -> None:
    indices = space.indices(row["net"] for row in proxies)
    published = np.array([float(row["params"]) for row in proxies])
    assert len(published) == 9445
    np.testing.assert_array_equal(all_parameters(IMAGENET16_120)[indices] / 1e6, published)


@pytest.mark.real_data
def test_published_flops_also_count_batch_norm_relu_and_pooling(proxies: list[dict[str, str]]) -> None:
    indices = space.indices(row["net"] for row in proxies)
    published = np.array([float(row["flops"]) for row in proxies]) * 1e6
    ops = space.all_operations()[indices]
    elements = 5 * sum(channels * size**2 for channels, size in IMAGENET16_120.stages)
    convolutions = np.isin(ops, (Operation.CONV_1X1, Operation.CONV_3X3)).sum(axis=1)
    pools = (ops == Operation.AVG_POOL_3X3).sum(axis=1)
    extra = elements * (BATCH_NORM_AND_RELU * convolutions + POOLING * pools) + SHARED_SKELETON
    np.testing.assert_allclose(all_flops(IMAGENET16_120)[indices] + extra, published, rtol=1e-9)


def test_known_parameters_of_the_smallest_and_the_largest_network() -> None:
    """Tables of NAS-Bench-201 say 0.073306 and 1.531546 million for CIFAR-10."""
    assert Skeleton().parameters(Cell((0,) * 6)) == 73_306
    assert Skeleton().parameters(Cell((3,) * 6)) == 1_531_546


def test_costs_by_hand_for_a_tiny_skeleton() -> None:
    skeleton = Skeleton(image_size=4, n_classes=2, channels=1, n_cells=1, in_channels=1)
    one_3x3 = Cell((3, 0, 0, 0, 0, 0))
    stem, first_block, second_block = 9 + 2, 18 + 4 + 36 + 4 + 2, 72 + 8 + 144 + 8 + 8
    cells = (9 + 2) + (36 + 4) + (144 + 8)
    assert skeleton.parameters(one_3x3) == stem + first_block + second_block + cells + 8 + 4 * 2 + 2
    macs = 9 * 16 + (18 + 36 + 2) * 4 + (72 + 144 + 8) * 1 + 4 * 2 + (9 * 16 + 36 * 4 + 144 * 1)
    assert skeleton.flops(one_3x3) == macs


def test_costs_are_equal_within_a_canonical_class_only_by_convention() -> None:
    """A convolution that reaches no output is counted, as the published tables count it."""
    dead = Cell((3, 0, 0, 1, 0, 0))
    assert Skeleton().parameters(dead) > Skeleton().parameters(Cell((0, 0, 0, 1, 0, 0)))


@pytest.mark.parametrize("bad", [{"image_size": 30}, {"n_classes": 0}, {"channels": -1}, {"n_cells": 1.5}])
def test_impossible_skeletons_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(bad))):
        Skeleton(**bad)


def test_cost_columns_follow_the_dataset() -> None:
    for dataset, skeleton in SKELETONS.items():
        table = ArrayTable({"clean": np.zeros(15625)}, dataset)
        assert skeleton_of(table) == skeleton
        assert Objective("params").evaluate(table)[7] == skeleton.parameters(Cell.from_index(7))
        assert Objective("flops").evaluate(table)[7] == skeleton.flops(Cell.from_index(7))


def test_a_table_may_say_its_own_skeleton() -> None:
    small = Skeleton(image_size=8, n_classes=10, channels=8, n_cells=1, in_channels=1)
    table = ArrayTable({"clean": np.zeros(15625)}, "digits", skeleton=small)
    assert Objective("params").evaluate(table)[7] == small.parameters(Cell.from_index(7))
