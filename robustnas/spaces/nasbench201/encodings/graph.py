"""Graph features in the spirit of GRAF (Kadlecova et al., ICML 2024, "Surprisingly strong performance prediction with
neural graph features"), extended by what robustness suggests.
"""  # noqa: D205

from __future__ import annotations

from itertools import combinations

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.spaces.encoding import Encoding
from robustnas.spaces.nasbench201.encodings.path_statistics import receptive_field, robustness_columns
from robustnas.spaces.nasbench201.encodings.structure import (
    SHORT_NAMES,
    WORKING_OPERATIONS,
    functional_mean,
    live_operations,
    live_paths,
    path_counts,
    path_depths,
)
from robustnas.spaces.nasbench201.operations import EDGES, Operation

Columns = dict[str, FloatArray]

_UNREACHABLE = 4  # one more than the longest path
_PASSING = (Operation.SKIP_CONNECT, *WORKING_OPERATIONS)
_SUBSETS = [subset for size in range(1, len(_PASSING) + 1) for subset in combinations(_PASSING, size)]


def graph() -> Encoding:
    """Return graph features averaged over functional twins, which therefore have equal rows.

    For each of the 15 subsets of the four operations that pass a signal: the lengths of the shortest and the longest
    path made of these alone, in working operations (4 and -1 if there is none); and how many of their live edges leave
    the input, enter the output, and touch the inner nodes. Then the count of each operation on live edges, the number
    of paths, paths by depth, the smallest and largest receptive field, and the fewest convolutions on a shortest path.
    """
    columns: Columns = {}
    for subset in _SUBSETS:
        columns |= _path_lengths(subset) | _degrees(subset)
    for op in _PASSING:
        columns[f"count_{SHORT_NAMES[op]}"] = (live_operations() == op).sum(axis=1)
    columns |= robustness_columns() | _extent()
    values = functional_mean(np.stack(list(columns.values()), axis=1).astype(float))
    return Encoding("graph", values, tuple(f"graph:{name}" for name in columns), (len(columns),))


def _path_lengths(subset: tuple[Operation, ...]) -> Columns:
    counts, depths = path_counts(), path_depths()
    inside = live_paths() & (counts[..., list(subset)].sum(axis=-1) == counts.sum(axis=-1))
    return {
        f"shortest_{_label(subset)}": np.where(inside, depths, _UNREACHABLE).min(axis=1),
        f"longest_{_label(subset)}": np.where(inside, depths, -1).max(axis=1),
    }


def _degrees(subset: tuple[Operation, ...]) -> Columns:
    chosen = np.isin(live_operations(), subset)
    leaves_input = np.array([source == 0 for source, _ in EDGES])
    enters_output = np.array([target == 3 for _, target in EDGES])
    return {
        f"out_degree_input_{_label(subset)}": chosen[:, leaves_input].sum(axis=1),
        f"in_degree_output_{_label(subset)}": chosen[:, enters_output].sum(axis=1),
        f"edges_at_inner_{_label(subset)}": chosen[:, ~(leaves_input & enters_output)].sum(axis=1),
    }


def _extent() -> Columns:
    live, field = live_paths(), receptive_field()
    alive = live.any(axis=1)
    return {
        "paths": live.sum(axis=1),
        "min_field": np.where(alive, np.where(live, field, field.max()).min(axis=1), 0),
        "max_field": np.where(live, field, 0).max(axis=1),
    }


def _label(subset: tuple[Operation, ...]) -> str:
    return "+".join(SHORT_NAMES[op] for op in subset)
