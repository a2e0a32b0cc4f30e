"""The "dataset API" through which NASLib's search spaces read a benchmark, answered one query at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.space import N_CELLS


class Answers(Mapping[str, Any]):
    """Mimics NASLib's table of NAS-Bench-201, keyed by arch string, and queries every number when it is looked up.

    NASLib reads the same number as validation and as test accuracy.

    Args:
        accuracy: Returns the accuracy of a cell, in percent, as NASLib expects.

    >>> Answers(lambda cell: 94.0)[Cell.parse("#0").arch]["cifar10-valid"]["eval_acc1es"][-1]
    94.0
    """

    def __init__(self, accuracy: Callable[[Cell], float]) -> None:
        self._accuracy = accuracy

    def __getitem__(self, arch: str) -> dict[str, Any]:
        value = self._accuracy(Cell.parse(arch))
        curves = {"train_acc1es": [value], "eval_acc1es": [value], "train_losses": [0.0], "eval_losses": [0.0]}
        return {"cifar10-valid": {**curves, "cost_info": {"train_time": 0.0}}}

    def __iter__(self) -> Iterator[str]:
        return (Cell.from_index(index).arch for index in range(N_CELLS))

    def __len__(self) -> int:
        return N_CELLS


def dataset_api(accuracy: Callable[[Cell], float]) -> dict[str, Answers]:
    """Return the argument ``dataset_api`` of NASLib's optimizers."""
    return {"nb201_data": Answers(accuracy)}
