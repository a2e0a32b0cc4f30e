"""Titles of graph features, as figures and tables name them."""

from __future__ import annotations

_KINDS = {
    "shortest_": "shortest path of {}",
    "longest_": "longest path of {}",
    "out_degree_input_": "edges from input: {}",
    "in_degree_output_": "edges to output: {}",
    "edges_at_inner_": "edges at inner nodes: {}",
    "count_": "edges in all: {}",
}
OPERATIONS_NOTE = "1×1 and 3×3: convolutions; pool: average pooling, 3×3."
"""What the titles call operations."""

_OPERATIONS = {"skip": "skip", "conv_1x1": "1×1", "conv_3x3": "3×3", "avg_pool_3x3": "pool"}
_OTHERS = {
    "paths": "paths",
    "min_field": "smallest receptive field",
    "max_field": "largest receptive field",
    "convs_on_shortest_path": "convolutions on a shortest path",
}


def feature_title(name: str) -> str:
    """Return the title of a feature of the encoding ``graph``; its name if it is of another.

    >>> feature_title("edges_at_inner_conv_1x1+conv_3x3"), feature_title("longest_skip+avg_pool_3x3")
    ('edges at inner nodes: 1×1, 3×3', 'longest path of skip, pool')
    >>> feature_title("paths_of_depth_2"), feature_title("min_field"), feature_title("synflow")
    ('paths of depth 2', 'smallest receptive field', 'synflow')
    """
    if name in _OTHERS:
        return _OTHERS[name]
    for start, title in _KINDS.items():
        operations = name.removeprefix(start).split("+")
        if name.startswith(start) and set(operations) <= set(_OPERATIONS):
            return title.format(", ".join(_OPERATIONS[operation] for operation in operations))
    return name.replace("_", " ")
