"""NAS-Bench-201 as NASLib's optimizers see it, without the networks.

NASLib's own `NasBench201SearchSpace` holds a torch network of 15 cells, which every proposal copies. Its optimizers
only need six operations of an architecture; with these, and the same order of random draws, they propose the same
architectures, hundreds of times faster (docs/naslib.md).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from torch import nn

from robustnas.arrays import IntArray
from robustnas.naslib.loading import load
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.numbering import N_EDGES, N_OPERATIONS
from robustnas.spaces.nasbench201.operations import EDGES

NASLIB_EDGES = tuple(sorted((source + 1, target + 1) for source, target in EDGES))
"""NASLib's edges, by source node; nodes count from 1."""

_PRIMITIVES = ("Identity", "Zero", "ReLUConvBN3x3", "ReLUConvBN1x1", "AvgPool1x1")  # by NASLib's operation index
_NONE = 1
_GRAPHS = 17  # in each of NASLib's spaces; every graph draws a random number as its identity when it is created
_OUT_OF_INPUT = tuple(i for i, (source, _) in enumerate(NASLIB_EDGES) if source == 1)
_INTO_OUTPUT = tuple(i for i, (_, target) in enumerate(NASLIB_EDGES) if target == 4)
_FIELDS = {"TRAIN_ACCURACY": "train_acc1es", "VAL_ACCURACY": "eval_acc1es", "TEST_ACCURACY": "eval_acc1es"}
_FIELDS |= {"TRAIN_LOSS": "train_losses", "VAL_LOSS": "eval_losses", "TEST_LOSS": "eval_losses"}


class LightSpace(nn.Module):
    """An architecture of NAS-Bench-201 in NASLib's terms: six operation indices, in NASLib's order of edges.

    It is a `torch.nn.Module` because NASLib's predictors distinguish architectures from encodings by this type. Like
    NASLib, it draws from the global states of `random` and `numpy`, in the same order.

    Args:
        op_indices: The operations, 0 to 4 each; None until an architecture is sampled or set.

    >>> space = LightSpace.of(Cell.parse("#13433"))
    >>> space.get_hash()
    (4, 3, 3, 0, 3, 0)
    >>> len(space.get_nbhd()), space.cell == Cell.parse("#13433")
    (24, True)
    """

    QUERYABLE: ClassVar[bool] = True
    OPTIMIZER_SCOPE: ClassVar[tuple[str, ...]] = ("stage_1", "stage_2", "stage_3")
    space_name: ClassVar[str] = "nasbench201"
    instantiate_model: ClassVar[bool] = False
    """NASLib parses a sampled architecture into a network only if this is set."""

    def __init__(self, op_indices: Sequence[int] | None = None) -> None:
        super().__init__()
        self.op_indices = None if op_indices is None else [int(op) for op in op_indices]

    @classmethod
    def of(cls, cell: Cell) -> LightSpace:
        """Return a cell in NASLib's terms."""
        return cls(cell.naslib)

    @property
    def cell(self) -> Cell:
        """The architecture in our terms."""
        return Cell.parse(self.get_hash())

    @property
    def edges(self) -> dict[tuple[int, int], SimpleNamespace]:
        """The part of the graph that NASLib's conversion to an arch string reads: the operations of the first cell."""
        operations = zip(NASLIB_EDGES, self.get_op_indices(), strict=True)
        cell = {edge: {"op": SimpleNamespace(get_op_name=_PRIMITIVES[op])} for edge, op in operations}
        return {(2, 3): SimpleNamespace(op=SimpleNamespace(edges=cell))}

    def get_type(self) -> str:
        """Return the name by which NASLib chooses encodings."""
        return self.space_name

    def clone(self) -> LightSpace:
        """Return a mutable copy."""
        return LightSpace(self.op_indices)

    def get_op_indices(self) -> list[int]:
        """Return the operations, which must be set."""
        assert self.op_indices is not None, "no architecture was sampled or set"
        return self.op_indices

    def get_hash(self) -> tuple[int, ...]:
        """Return the operations as a key."""
        return tuple(self.get_op_indices())

    def set_op_indices(self, op_indices: Sequence[int]) -> None:
        """Become an architecture."""
        self.op_indices = [int(op) for op in op_indices]

    def set_spec(self, op_indices: Sequence[int], dataset_api: object = None) -> None:
        """Become an architecture; NASLib's other name for it."""
        self.set_op_indices(op_indices)

    def get_arch_iterator(self, dataset_api: object = None) -> Iterator[tuple[int, ...]]:
        """Yield every architecture's operations."""
        return itertools.product(range(N_OPERATIONS), repeat=N_EDGES)

    def sample_random_architecture(self, dataset_api: object = None, load_labeled: bool = False) -> None:
        """Become a random architecture in which an edge leaves the input and an edge enters the output."""
        op_indices = np.random.randint(N_OPERATIONS, size=N_EDGES)  # noqa: NPY002
        while _is_cut(op_indices):
            op_indices = np.random.randint(N_OPERATIONS, size=N_EDGES)  # noqa: NPY002
        self.op_indices = op_indices.tolist()

    def mutate(self, parent: LightSpace, dataset_api: object = None) -> None:
        """Become the parent with another operation on one edge."""
        op_indices = list(parent.get_op_indices())
        edge = int(np.random.choice(N_EDGES))  # noqa: NPY002
        op_indices[edge] = int(np.random.choice(_others(op_indices[edge])))  # noqa: NPY002
        self.op_indices = op_indices

    def get_nbhd(self, dataset_api: object = None) -> list[nn.Module]:
        """Return all 24 neighbours in random order, each as the attribute ``arch`` of a module."""
        here = self.get_op_indices()
        neighbours = []
        for edge in range(N_EDGES):
            for op in _others(here[edge]):
                model = nn.Module()
                model.arch = LightSpace([*here[:edge], op, *here[edge + 1 :]])
                neighbours.append(model)
                for _ in range(_GRAPHS):
                    random.random()
        random.shuffle(neighbours)
        return neighbours

    def encode(self, encoding_type: Any = None) -> Any:
        """Return NASLib's own encoding of the architecture, one-hot by default."""
        kinds, encode = _encodings()
        kind = kinds.ADJACENCY_ONE_HOT if encoding_type is None else encoding_type
        encoded = encode(self, encoding_type=kind)
        if kind == kinds.SEMINAS:  # tokens of a sequence: torch no longer accepts floats as indices
            encoded["adjacency"] = encoded["adjacency"].astype(int)
        return encoded

    def query(
        self,
        metric: Any,
        dataset: str = "cifar10",
        path: str | None = None,
        epoch: int = -1,
        full_lc: bool = False,
        dataset_api: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return a metric of the architecture, as stored in the dataset API for CIFAR-10.

        Args:
            metric: NASLib's `Metric`.
            dataset: Not read: the API holds one objective.
            path: Not read.
            epoch: Which of the values.
            full_lc: Whether to return all values.
            dataset_api: See `robustnas.naslib.dataset_api`.
        """
        assert dataset_api is not None, "there is nothing to ask: dataset_api is None"
        known = dataset_api["nb201_data"][self.cell.arch]
        if metric.name == "RAW":
            return known
        if metric.name == "TRAIN_TIME":
            return known["cifar10-valid"]["cost_info"]["train_time"]
        values = known["cifar10-valid"][_FIELDS[metric.name]]
        return values if full_lc else values[epoch]


@cache
def _encodings() -> tuple[Any, Any]:
    """Return NASLib's kinds of encodings and its encoding function; cached, for thousands of architectures."""
    return load("utils.encodings").EncodingType, load("search_spaces.nasbench201.encodings").encode_201


def _others(op: int) -> list[int]:
    return [other for other in range(N_OPERATIONS) if other != op]


def _is_cut(op_indices: IntArray) -> bool:
    """Return whether no edge leaves the input or none enters the output; NASLib does not sample such architectures."""
    return any(all(op_indices[edge] == _NONE for edge in edges) for edges in (_OUT_OF_INPUT, _INTO_OUTPUT))
