"""Stands in for CUDA graphs on a CPU: what was captured is called when it is launched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

Work = Callable[[], None]


class StandInGraphs:
    """A `robustnas.evaluator.training.step_graphs.StepGraphs` without a GPU.

    Args:
        most: Branches for which there is memory.
        refusal: What capturing says, if it is not possible.

    Attributes:
        captured: The branches of every graph.
        n_launched: How often graphs were launched.
    """

    def __init__(self, most: int = 100, refusal: str = "") -> None:
        self.most, self.refusal = most, refusal
        self.captured: list[int] = []
        self.n_launched = 0

    @contextmanager
    def lane(self, number: int) -> Iterator[None]:
        assert number >= 0
        yield

    def capture(self, branches: Sequence[Work]) -> Work:
        if self.refusal:
            raise RuntimeError(self.refusal)
        if len(branches) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.captured.append(len(branches))

        def launch() -> None:
            self.n_launched += 1
            for branch in branches:
                branch()

        return launch

    def pace(self) -> None:
        pass

    def wait(self) -> None:
        pass
