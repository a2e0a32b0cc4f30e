"""The networks of a search space on some images, untrained: built by the space, and checked where users wrote that."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from robustnas.arrays import FloatArray
from robustnas.errors import BuildError, InvalidInputError, RobustNASError, described
from robustnas.evaluator.memory import is_out_of_memory
from robustnas.evaluator.memory_size import DeviceMemoryError, check_size
from robustnas.evaluator.memory_size import check_network as check_cells
from robustnas.evaluator.network_checks import check_built_again, check_network, not_a_module
from robustnas.evaluator.network_costs import counted_flops, counted_params
from robustnas.evaluator.normalised import Normalised
from robustnas.spaces import ChoiceSpace, EnumerableSpace, ListedSpace, SearchSpace, recorded_name
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.tables.table import says_cost


class ImagesLike(Protocol):
    """What networks are built for."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""

    @property
    def n_classes(self) -> int:
        """The number of classes."""

    @property
    def mean(self) -> tuple[float, ...]:
        """What is subtracted from each channel."""

    @property
    def std(self) -> tuple[float, ...]:
        """What each channel is divided by after that."""


_COPIES = 3  # of the weights that a training holds: themselves, gradients, momentum
_BYTES = 4


class SpaceNetworks:
    """Builds the networks of a space for some images.

    Args:
        space: The search space.
        images: What networks are given: image data, or a batch of it.
        sizes: The values of the space's `sizes`, by name.
        memory: Bytes of memory of the device.

    Attributes:
        skeleton: The size of the networks in the space's own terms.

    Raises:
        InvalidInputError: The space builds no networks.
        DeviceMemoryError: Even the smallest network does not fit.
    """

    def __init__(
        self, space: EnumerableSpace[Any], images: ImagesLike, sizes: Mapping[str, int], memory: int | None = None
    ) -> None:
        check_builds(space)
        self.space, self.images, self.sizes, self.memory = space, images, dict(sizes), memory
        in_channels, side, _ = images.shape
        self.skeleton = space.skeleton_on(side, images.n_classes, in_channels, **self.sizes)
        self._counted: dict[tuple[str, Any], float] = {}
        if space.sizes:
            self._check_fits(Cell.from_index(0))

    def bare(self, architecture: Any, seed: int) -> nn.Module:
        """Build the network of an architecture as the space does: see its `normalised`; the rest as `build`."""
        return self.build(architecture, seed).network

    def build(self, architecture: Any, seed: int) -> Normalised:
        """Build the network of an architecture; it takes pixels in [0, 1].

        Args:
            architecture: An architecture of the space.
            seed: Fixes the initial weights; the global generator is left as it was.

        Raises:
            BuildError: The space's `build` failed, or returned no network that can be trained; says of which
                architecture.
            DeviceMemoryError: The network does not fit into memory.
        """
        self._check_fits(architecture)
        with torch.random.fork_rng(devices=[]), self._named(architecture):
            torch.manual_seed(seed)
            model = self._in_pixel_space(self._built(architecture))
            n_weights = sum(parameter.numel() for parameter in model.parameters())
            check_size(_COPIES * _BYTES * n_weights, f"its {n_weights:,} weights", self.memory)
            if self._is_of_users:
                check_network(model, self.images.shape, self.images.n_classes)
                torch.manual_seed(seed)
                check_built_again(model, self._in_pixel_space(self._built(architecture)))
        return model

    @contextmanager
    def _named(self, architecture: Any) -> Iterator[None]:
        """Have errors say of which architecture and space they are."""
        what = f"build({architecture}) of {recorded_name(self.space)}"
        try:
            yield
        except RobustNASError as error:
            raise type(error)(f"{what}: {error}") from error
        except (Exception, SystemExit) as error:  # whatever the user's code raises
            if is_out_of_memory(error):
                raise DeviceMemoryError(f"{what}: out of memory") from None
            raise BuildError(f"{what} raised {described(error)}{_place(error)}") from error

    def costs(self, name: str, architectures: Sequence[Any]) -> FloatArray:
        """Return a cost of `robustnas.spaces.COSTS` of some architectures, shape (n,).

        It is what the space says, else counted on the networks.

        Raises:
            BuildError: A network cannot be built, or not be given an image.
        """
        if not self.says(name):
            return np.array([self.counted(name, architecture) for architecture in architectures])
        space = self._listed(architectures)
        return space.cost_column(name, self.skeleton)[[space.index(architecture) for architecture in architectures]]

    def says(self, name: str) -> bool:
        """Return whether the space itself says a cost."""
        space = self.space
        some = [] if space.is_enumerated else [space.sample(np.random.default_rng(0))]
        return says_cost(self._listed(some), name, self.skeleton)

    def _listed(self, architectures: Sequence[Any]) -> EnumerableSpace[Any]:
        """Return a space with a column of costs: of one that is not enumerated, that of some architectures."""
        space = self.space
        return space if space.is_enumerated or not isinstance(space, ChoiceSpace) else ListedSpace(space, architectures)

    def counted(self, name: str, architecture: Any) -> float:
        """Return a cost of an architecture, counted on its network; errors as `costs`."""
        if (name, architecture) not in self._counted:
            with torch.random.fork_rng(devices=[]), self._named(architecture):
                self._counted[name, architecture] = self._count(name, architecture)
        return self._counted[name, architecture]

    def _count(self, name: str, architecture: Any) -> float:
        def build() -> nn.Module:
            return self._built(architecture)

        return counted_params(build) if name == "params" else counted_flops(build, self.images.shape)

    def _built(self, architecture: Any) -> nn.Module:
        in_channels = self.images.shape[0]
        network: object = self.space.build(architecture, self.images.n_classes, in_channels, **self.sizes)
        if not isinstance(network, nn.Module):
            raise not_a_module(network)
        return network

    def _in_pixel_space(self, network: nn.Module) -> Normalised:
        images = self.images
        if self.space.normalised:
            model = Normalised(network, images.mean, images.std)
        else:
            model = Normalised(network, [0.0] * images.shape[0], [1.0] * images.shape[0])
        if any(map(is_lazy, model.parameters())):  # their shapes are known, and weights drawn, after a first pass
            with torch.no_grad():
                model.eval()(torch.zeros((1, *images.shape)))
            model.train()
        return model

    def _check_fits(self, architecture: Any) -> None:
        """Refuse cells in a skeleton of any size, before they are built."""
        if isinstance(architecture, Cell):
            check_cells(architecture, self.skeleton, self.memory)

    @property
    def _is_of_users(self) -> bool:
        """Whether somebody else wrote the space: what comes with RobustNAS is tested."""
        return not type(self.space).__module__.startswith("robustnas.")


def check_builds(space: EnumerableSpace[Any]) -> None:
    """Refuse a space that builds no networks.

    Raises:
        InvalidInputError: It does not define `build`.
    """
    if type(space).build is SearchSpace.build:
        raise InvalidInputError(
            f"the space {recorded_name(space)} builds no networks to train; define "
            "build(self, architecture, n_classes, in_channels), which returns a torch.nn.Module"
        )


def _place(error: BaseException) -> str:
    """Return where an error was raised, as the last place that is not of a library."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename and frame.filename != __file__]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
