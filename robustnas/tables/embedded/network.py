"""A small neural network that is shaped like the cell it predicts for.

A state vector runs through the cell as an image would: node 0 has a learned state, ``none`` passes nothing, a skip
passes its source's state, and each of the three real operations is a little network with one hidden layer, the same on
every edge; a node sums what comes in, and pooling of nothing is nothing. A second network reads the accuracies off node
3's state and the numbers of 1x1 and 3x3 convolutions that reach it. Functional twins get equal predictions by
construction, and the model needs no encoding.

This is the message passing of graph networks for cells (as in the GIN of Siems et al., "NAS-Bench-301", 2020), with
operations that act on the state instead of embeddings that are added to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from robustnas.arrays import AnyArray, FloatArray, IntArray
from robustnas.spaces.nasbench201.operations import EDGES, Operation

REAL_OPERATIONS = (Operation.CONV_1X1, Operation.CONV_3X3, Operation.AVG_POOL_3X3)
"""The operations that have weights here, in the order of the weights' first axis."""

COUNT_SCALE = 3.0
"""The numbers of convolutions are divided by it."""


class StateNetwork(NamedTuple):
    """The weights of one network: k states, h hidden units per operation, H in the head, r factors, m metrics.

    Attributes:
        start: Node 0's state, (k,).
        enter, enter_bias: States to hidden units, per real operation, (3, k, h) and (3, 1, h).
        leave, leave_bias: Hidden units to states, (3, h, k) and (3, 1, k).
        gain: What an operation passes on of each state, (3, 1, k).
        head1, bias1: Node 3's state and two counts to hidden units, (k + 2, H) and (H,).
        head2, bias2: Hidden to hidden units, (H, H) and (H,).
        factors, factors_bias: Hidden units to factors, (H, r) and (r,).
        metrics, metrics_bias: Factors to metrics, (r, m) and (m,).
    """

    start: FloatArray
    enter: FloatArray
    enter_bias: FloatArray
    leave: FloatArray
    leave_bias: FloatArray
    gain: FloatArray
    head1: FloatArray
    bias1: FloatArray
    head2: FloatArray
    bias2: FloatArray
    factors: FloatArray
    factors_bias: FloatArray
    metrics: FloatArray
    metrics_bias: FloatArray

    def predict(self, ops: AnyArray) -> FloatArray:
        """Return the standardised predictions of cells.

        Args:
            ops: Operation codes, shape (n, 6), in the order of `EDGES`.

        Returns:
            Shape (n, m).
        """
        inputs = np.concatenate([self._output_state(ops), useful_convolutions(ops) / COUNT_SCALE], axis=1)
        hidden = _silu(_silu(inputs @ self.head1 + self.bias1) @ self.head2 + self.bias2)
        predictions: FloatArray = (hidden @ self.factors + self.factors_bias) @ self.metrics + self.metrics_bias
        return predictions

    def _output_state(self, ops: AnyArray) -> FloatArray:
        """Return node 3's state, shape (n, k)."""
        cells = np.arange(len(ops))
        held = carries_signal(ops)
        states = [np.broadcast_to(self.start, (len(ops), len(self.start)))]
        for node in (1, 2, 3):
            edges = [(edge, source) for edge, (source, target) in enumerate(EDGES) if target == node]
            incoming = [self._applied(states[source], held[source])[ops[:, edge], cells] for edge, source in edges]
            states.append(np.sum(incoming, axis=0))
        return states[3]

    def _applied(self, state: FloatArray, held: AnyArray) -> FloatArray:
        """Return what each of the five operations makes of a state, shape (5, n, k)."""
        hidden = _silu(state @ self.enter + self.enter_bias)
        applied = hidden @ self.leave + self.leave_bias + self.gain * state
        return np.concatenate([np.zeros((1, *state.shape)), state[None], applied[:2], applied[2:] * held[:, None]])


def carries_signal(ops: AnyArray) -> list[AnyArray]:
    """Return for each of the four nodes which cells have anything there, shape (n,).

    A convolution makes something of nothing (its batch norm has a bias), pooling and skips do not.
    """
    held: list[AnyArray] = [np.ones(len(ops), dtype=np.bool_)]
    for node in (1, 2, 3):
        some = np.zeros(len(ops), dtype=np.bool_)
        for edge, (source, target) in enumerate(EDGES):
            if target == node:
                convolved = (ops[:, edge] == Operation.CONV_1X1) | (ops[:, edge] == Operation.CONV_3X3)
                some |= convolved | (held[source] & (ops[:, edge] != Operation.NONE))
        held.append(some)
    return held


def depends_on_input(ops: AnyArray) -> AnyArray:
    """Return which cells pass on anything of the image, shape (n,); the others' networks are constant.

    >>> depends_on_input(np.array([[0, 3, 0, 0, 3, 0], [0, 3, 0, 0, 3, 1]]))
    array([False,  True])
    """
    seen: list[AnyArray] = [np.ones(len(ops), dtype=np.bool_)]
    for node in (1, 2, 3):
        edges = [(edge, source) for edge, (source, target) in enumerate(EDGES) if target == node]
        seen.append(np.any([seen[source] & (ops[:, edge] != Operation.NONE) for edge, source in edges], axis=0))
    return seen[3]


def useful_convolutions(ops: AnyArray) -> IntArray:
    """Return the numbers of 1x1 and 3x3 convolutions whose result reaches the output, shape (n, 2).

    >>> useful_convolutions(np.array([[2, 3, 0, 0, 0, 1]]))  # the 1x1 leads nowhere
    array([[0, 1]])
    """
    reaches2 = ops[:, 5] != Operation.NONE
    reaches1 = (ops[:, 4] != Operation.NONE) | ((ops[:, 2] != Operation.NONE) & reaches2)
    useful = np.stack([reaches1, reaches2, reaches2, *[np.ones_like(reaches1)] * 3], axis=1)
    kinds = (Operation.CONV_1X1, Operation.CONV_3X3)
    return np.stack([((ops == kind) & useful).sum(axis=1) for kind in kinds], axis=1)


def _silu(values: FloatArray) -> FloatArray:
    return np.asarray(values / (1 + np.exp(-np.clip(values, -60, 60))))
