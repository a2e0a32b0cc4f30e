"""Titles of the features of NAS-Bench-201's encodings, as figures and tables name them."""

from __future__ import annotations

import re

_KINDS = {
    "shortest_": "shortest path of",
    "longest_": "longest path of",
    "out_degree_input_": "edges from input",
    "in_degree_output_": "edges to output",
    "edges_at_inner_": "edges at inner nodes",
    "count_": "edges in all",
}
OPERATIONS_NOTE = "1×1 and 3×3: convolutions; pool: average pooling, 3×3."
"""What the titles call operations."""

OTHER = "other"
"""The group of features that belong to no other."""

_OPERATIONS = {"none": "none", "skip": "skip", "conv_1x1": "1×1", "conv_3x3": "3×3", "avg_pool_3x3": "pool"}
_NODES = ("in", "1", "2", "out")
_OTHERS = {
    "paths": "paths",
    "min_field": "smallest receptive field",
    "max_field": "largest receptive field",
    "convs_on_shortest_path": "convolutions on a shortest path",
}


def operation_title(name: str) -> str:
    """Return the title of an operation.

    >>> operation_title("conv_3x3"), operation_title("avg_pool_3x3")
    ('3×3', 'pool')
    """
    return _OPERATIONS.get(name, name)


def feature_group(name: str) -> tuple[str, str]:
    """Return what kind of feature a name is, and which of its kind, in words; with or without its encoding.

    >>> feature_group("graph:edges_at_inner_conv_1x1+conv_3x3"), feature_group("one-hot:0>3=avg_pool_3x3")
    (('edges at inner nodes', '1×1, 3×3'), ('operation on in–out', 'pool'))
    >>> feature_group("path:conv_3x3>skip"), feature_group("cost:flops")
    (('path from input to output', '3×3, skip'), ('other', 'flops'))
    """
    encoding, _, own = name.rpartition(":")
    if encoding == "path":
        return "path from input to output", ", ".join(_OPERATIONS.get(word, word) for word in own.split(">"))
    if edge := re.fullmatch(r"([0-2])>([1-3])=(\w+)", own):
        source, target = (_NODES[int(node)] for node in edge.groups()[:2])
        return f"operation on {source}–{target}", _OPERATIONS.get(edge[3], edge[3])
    for start, title in _KINDS.items():
        operations = own.removeprefix(start).split("+")
        if own.startswith(start) and set(operations) <= set(_OPERATIONS):
            return title, ", ".join(_OPERATIONS[operation] for operation in operations)
    return OTHER, _OTHERS.get(own, own.replace("_", " "))


def feature_title(name: str) -> str:
    """Return the title of a feature by itself.

    >>> feature_title("edges_at_inner_conv_1x1+conv_3x3"), feature_title("longest_skip+avg_pool_3x3")
    ('edges at inner nodes: 1×1, 3×3', 'longest path of skip, pool')
    >>> feature_title("paths_of_depth_2"), feature_title("min_field"), feature_title("synflow")
    ('paths of depth 2', 'smallest receptive field', 'synflow')
    """
    group, which = feature_group(name)
    if group == OTHER:
        return which
    return f"{group} {which}" if group.endswith(" of") else f"{group}: {which}"
