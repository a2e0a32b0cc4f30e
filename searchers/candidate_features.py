"""Features of candidates that change from query to query, on a scale that does not."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, unknown_name
from robustnas.spaces import ENCODINGS, ListedSpace, encoding_names, join
from robustnas.spaces.encoding import Encoding
from surrogates.matern import Standardisation


class CandidateFeatures:
    """The features of the networks of a list of architectures.

    Args:
        encodings: Encodings joined by ``+``; a comma separates groups with a length scale each.
        space: The list.
        reference: Features of other architectures, whose statistics make the scale; its own if None.

    Attributes:
        encoding: The features of all architectures of the list, by index.
    """

    def __init__(self, encodings: str, space: ListedSpace, reference: CandidateFeatures | None = None) -> None:
        parts = [_encoded(part, space) for part in encodings.split(",")]
        self._rows, self.encoding = space.network_indices(), join(parts)
        self._parts = [part.values[self._rows] for part in parts]
        self._scales: list[Standardisation] = (
            [Standardisation(part) for part in self._parts] if reference is None else reference._scales
        )

    @property
    def values(self) -> FloatArray:
        """All features as they are encoded, shape (n_networks, n_features)."""
        return np.asarray(self.encoding.values[self._rows])

    @cached_property
    def groups(self) -> list[FloatArray]:
        """The groups on the common scale, each of shape (n_networks, n_features)."""
        return [scale(part) for scale, part in zip(self._scales, self._parts, strict=True)]


def _encoded(name: str, space: ListedSpace) -> Encoding:
    """Return encodings joined by ``+`` without keeping them, as `robustnas.spaces.encoding` would: lists are many."""
    parts = []
    for part in map(str.strip, name.split("+")):
        if part not in space.encodings and part not in ENCODINGS:
            raise InvalidInputError(unknown_name("encoding", part, encoding_names(space)))
        parts.append(space.encodings[part]() if part in space.encodings else ENCODINGS[part](space))
    return join(parts)
