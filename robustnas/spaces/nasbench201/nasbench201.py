"""NAS-Bench-201 as a search space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import InvalidInputError
from robustnas.spaces.encoding import Encoding
from robustnas.spaces.enumerable_space import EnumerableSpace
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import CIFAR10, SKELETONS, Skeleton, cost_column
from robustnas.spaces.nasbench201.digits import CONVENTIONS
from robustnas.spaces.nasbench201.encodings import NASBENCH201_ENCODINGS
from robustnas.spaces.nasbench201.numbering import N_CELLS, all_operations
from robustnas.spaces.nasbench201.operations import EDGES, OPERATION_LABELS
from robustnas.spaces.nasbench201.twins import network_twin_labels

if TYPE_CHECKING:
    from robustnas.spaces.nasbench201.network import CellNetwork

EDGE_NAMES: tuple[str, ...] = tuple(f"{source}->{target}" for source, target in EDGES)
"""The choices: one per edge, named by source and target node."""


class NASBench201(EnumerableSpace[Cell]):
    """Cells of six edges with one of five operations each (Dong and Yang, ICLR 2020).

    There are 15,625 cells; the robustness database distinguishes 6,466 networks, which compute 5,136 functions.

    >>> NASBENCH201
    <nasbench201: 15,625 architectures, 6,466 networks>
    >>> NASBENCH201.choices["0->1"]
    ('none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3')
    """

    name = "nasbench201"
    size = N_CELLS
    n_networks = space.N_NETWORKS
    default_encoding = "path+cost+path-statistics"
    sizes = ("channels", "n_cells")
    normalised = True

    canonical_list = staticmethod(space.canonical_list)
    network_indices = staticmethod(space.network_indices)
    network_of_index = staticmethod(space.network_of_index)
    neighbour_lists = staticmethod(space.neighbour_lists)
    twin_labels = staticmethod(network_twin_labels)
    uids = staticmethod(space.uids)

    @property
    def choices(self) -> Mapping[str, tuple[str, ...]]:
        """The five operations of every edge."""
        return dict.fromkeys(EDGE_NAMES, OPERATION_LABELS)

    @property
    def encodings(self) -> Mapping[str, Callable[[], Encoding]]:
        """The encodings of cells, by name."""
        return NASBENCH201_ENCODINGS

    def from_choices(self, options: Mapping[str, Any]) -> Cell:
        """Return the cell with the given operation name for each edge."""
        if set(options) != set(EDGE_NAMES):
            raise InvalidInputError(f"choices {sorted(options)}; expected one operation each for {list(EDGE_NAMES)}")
        return Cell.from_names(options[name] for name in EDGE_NAMES)

    def choices_of(self, architecture: Cell) -> dict[str, str]:
        """Return the operation name on every edge."""
        return {name: OPERATION_LABELS[op] for name, op in zip(EDGE_NAMES, architecture.ops, strict=True)}

    def parse(self, text: Any) -> Cell:
        """Read a cell in any notation; see `Cell.parse`."""
        return Cell.parse(text)

    @property
    def notations(self) -> tuple[str, ...]:
        """The conventions of six operation indices: NASLib's, and NAS-Bench-201's own."""
        return tuple(CONVENTIONS)

    def readings(self, text: Any) -> dict[str, Cell]:
        """Return the cells that six operation indices are, by convention; see `Cell.readings`."""
        return Cell.readings(text)

    def index(self, architecture: Cell) -> int:
        """Return the space index."""
        return architecture.index

    def architecture(self, index: int) -> Cell:
        """Return the cell of a space index."""
        return Cell.from_index(index)

    def neighbours(self, architecture: Cell) -> list[Cell]:
        """Return the 24 cells that differ in exactly one operation."""
        return space.neighbours(architecture)

    def members(self) -> IntArray:
        """Return all space indices."""
        return np.arange(N_CELLS)

    def sample(self, rng: np.random.Generator) -> Cell:
        """Draw a cell uniformly."""
        return Cell.from_index(int(rng.integers(N_CELLS)))

    def indices(self, architectures: Iterable[Any]) -> IntArray:
        """Return the space indices of cells in any notation, shape (n,)."""
        return space.indices(architectures)

    def codes(self) -> NDArray[np.int8]:
        """Return the operation codes of every cell, shape (15625, 6)."""
        return all_operations()

    def cost_column(self, name: str, skeleton: Any = None) -> FloatArray:
        """Return ``params`` or ``flops`` of every cell in a `Skeleton`, shape (15625,)."""
        return cost_column(name, CIFAR10 if skeleton is None else skeleton)

    def build(
        self, architecture: Cell, n_classes: int, in_channels: int, *, channels: int = 16, n_cells: int = 5
    ) -> CellNetwork:
        """Return the network of a cell, untrained; sizes as in `robustnas.spaces.nasbench201.network.build`."""
        from robustnas.spaces.nasbench201.network import CellNetwork

        return CellNetwork(architecture, n_classes, channels, n_cells, in_channels)

    def skeleton_on(
        self, image_size: int, n_classes: int, in_channels: int, *, channels: int = 16, n_cells: int = 5
    ) -> Skeleton:
        """Return the skeleton on some images."""
        return Skeleton(image_size, n_classes, channels, n_cells, in_channels)

    def skeleton(self, dataset: str) -> Skeleton:
        """Return NAS-Bench-201's skeleton for a dataset; for other datasets, that of CIFAR-10."""
        return SKELETONS.get(dataset, CIFAR10)

    def __reduce__(self) -> tuple[Any, ...]:
        return _nasbench201, ()


NASBENCH201 = NASBench201()
"""The only instance of the space."""


def _nasbench201() -> NASBench201:
    return NASBENCH201
