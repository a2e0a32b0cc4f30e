"""The networks of a page: which ones, their options choice by choice, their names in every notation, their twins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from robustnas.arrays import AnyArray, FloatArray, IntArray
from robustnas.spaces import EnumerableSpace
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.operations import EDGES

MOST_NETWORKS = 50_000
"""Of more networks, a page holds the best by each column and a random sample of the others."""

_N_BEST = 20
_MOST_COMBINATIONS = 2**18
_MOST_OPTIONS = 64


@dataclass(frozen=True, eq=False)
class Networks:
    """The networks that a page shows, by row.

    Attributes:
        space: Their search space.
        rows: Their rows among the networks of the space, ascending, shape (n,).
        n_known: Networks of the space that have a number, shown or not.
    """

    space: EnumerableSpace[Any]
    rows: IntArray
    n_known: int

    @cached_property
    def indices(self) -> IntArray:
        """The indices of the networks' representatives, shape (n,)."""
        return self.space.network_indices()[self.rows]

    @cached_property
    def codes(self) -> AnyArray:
        """The place of the option of each choice among `options`, shape (n, n_choices)."""
        codes = self.space.codes()[self.indices]
        return np.stack([np.searchsorted(kept, codes[:, c]) for c, kept in enumerate(self._kept)], axis=1)

    @cached_property
    def options(self) -> list[list[Any]]:
        """The options of each choice: all of them; of a choice of very many, those of the networks shown."""
        return [
            [options[place] for place in kept.tolist()]
            for options, kept in zip(self.space.choices.values(), self._kept, strict=True)
        ]

    @cached_property
    def _kept(self) -> list[IntArray]:
        """The places of `options` among those of the space, ascending."""
        codes = self.space.codes()[self.indices]
        sizes = [len(options) for options in self.space.choices.values()]
        return [
            np.arange(size) if size <= _MOST_OPTIONS else np.unique(codes[:, c]).astype(np.int64)
            for c, size in enumerate(sizes)
        ]

    @property
    def is_cells(self) -> bool:
        """Whether they are cells of NAS-Bench-201, which have notations and a picture of their own."""
        return isinstance(self.space.architecture(int(self.indices[0])), Cell)

    def choices(self) -> list[dict[str, Any]]:
        """Return every choice with its name and the texts of its options."""
        names = [f"{'in' if a == 0 else a} → {'out' if b == 3 else b}" for a, b in EDGES] if self.is_cells else []
        return [
            {"name": names[place] if names else str(name), "options": [_option(option) for option in options]}
            for place, (name, options) in enumerate(zip(self.space.choices, self.options, strict=True))
        ]

    def names(self) -> dict[str, list[str]]:
        """Return the texts of every network by notation; the first one is that of the space."""
        architectures = [self.space.architecture(index) for index in self.indices.tolist()]
        places = [f"index:{index}" for index in self.indices.tolist()]
        texts = [str(architecture) for architecture in architectures]
        if self.is_cells:
            naslib = [str(cell.naslib) for cell in architectures]
            return {"arch string": texts, "NASLib": naslib, "database id": self.labels(), "space index": places}
        options = [json.dumps(self.space.choices_of(architecture)) for architecture in architectures]
        return {"text": texts, "JSON": options, "space index": places}

    def labels(self) -> list[str]:
        """Return a short name of every network, by which links and the page call it."""
        return [f"#{uid}" for uid in self.space.uids()[self.indices].tolist()]

    def twins(self) -> list[list[int]]:
        """Return the groups of networks that compute the same function, those of two and more, by place on the page."""
        labels = self.space.twin_labels()
        if labels is None:
            return []
        labels = labels[self.rows]
        order = np.argsort(labels, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
        return [group.tolist() for group in groups if len(group) > 1]

    def combinations(self) -> IntArray | None:
        """Return the place on the page for every combination of options, the last choice fastest, -1 for none.

        None if there are too many combinations.
        """
        sizes = [len(options) for options in self.space.choices.values()]
        n_combinations = prod(sizes)
        if n_combinations > _MOST_COMBINATIONS or max(sizes) > _MOST_OPTIONS:
            return None
        found = np.full(n_combinations, -1, dtype=np.int64)
        members = self.space.members()
        keys = np.ravel_multi_index(tuple(self.space.codes()[members].T.astype(np.int64)), sizes)
        found[keys] = self.places()[self.space.network_of_index()[members]]
        return found

    def places(self) -> IntArray:
        """Return the place on the page of every network of the space, -1 where it is not shown."""
        found = np.full(self.space.n_networks, -1, dtype=np.int64)
        found[self.rows] = np.arange(len(self.rows))
        return found

    def of_indices(self, indices: IntArray) -> IntArray:
        """Return the places on the page of architectures by index, -1 where one is not shown."""
        rows = self.space.network_of_index()[indices]
        return np.where(rows >= 0, self.places()[rows], -1)


def choose_networks(space: EnumerableSpace[Any], columns: Sequence[FloatArray], most: int = MOST_NETWORKS) -> Networks:
    """Return the networks to show: all that have a number; of too many the best by each column and a random sample.

    Args:
        space: The search space.
        columns: Values by index, the better the larger.
        most: How many networks to show.
    """
    values = np.array([column[space.network_indices()] for column in columns])
    known = np.flatnonzero(np.isfinite(values).any(axis=0))
    if len(known) <= most:
        return Networks(space, known, len(known))
    ranked = np.where(np.isfinite(values), values, -np.inf)[:, known]
    best = np.unique(np.argsort(-ranked, axis=1, kind="stable")[:, :_N_BEST])[:most]
    others = np.setdiff1d(np.arange(len(known)), best)
    drawn = np.random.default_rng(0).choice(others, size=most - len(best), replace=False)
    return Networks(space, known[np.sort(np.concatenate([best, drawn]))], len(known))


def _option(option: Any) -> str:
    """Return the text of an option; operations of cells as drawings write them."""
    short = {
        "skip_connect": "skip",
        "nor_conv_1x1": "conv 1×1",
        "nor_conv_3x3": "conv 3×3",
        "avg_pool_3x3": "avg pool 3×3",
    }
    return short.get(str(option), str(option))
