"""Costs as features: the cost of the live part of a cell."""

from __future__ import annotations

import numpy as np

from robustnas.spaces.encoding import Encoding
from robustnas.spaces.nasbench201.cost import CIFAR10, all_flops, all_parameters
from robustnas.spaces.nasbench201.encodings.structure import (
    SHORT_NAMES,
    WORKING_OPERATIONS,
    functional_mean,
    live_operations,
)
from robustnas.spaces.nasbench201.numbering import N_EDGES, N_OPERATIONS
from robustnas.spaces.nasbench201.operations import Operation


def cost() -> Encoding:
    """Return operation counts and logarithms of parameters and FLOPs, without dead edges; twins have equal rows.

    Columns: counts of 1x1 convolutions, 3x3 convolutions, poolings (averaged over twins: one pooling used twice may
    appear as two) and all convolutions; log10 of parameters and of multiply-accumulates with CIFAR-10's skeleton.
    """
    live = live_operations()
    counts = {op: (live == op).sum(axis=1) for op in WORKING_OPERATIONS}
    pruned = live @ N_OPERATIONS ** np.arange(N_EDGES - 1, -1, -1)  # the space index without the dead edges
    columns = {
        **{f"count_{SHORT_NAMES[op]}": count for op, count in counts.items()},
        "count_conv": counts[Operation.CONV_1X1] + counts[Operation.CONV_3X3],
        "log10_params": np.log10(all_parameters(CIFAR10)[pruned]),
        "log10_flops": np.log10(all_flops(CIFAR10)[pruned]),
    }
    values = functional_mean(np.stack(list(columns.values()), axis=1).astype(float))
    return Encoding("cost", values, tuple(f"cost:{name}" for name in columns), (len(columns),))
