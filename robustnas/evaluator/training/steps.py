"""Steps of several trainings at once: plain calls, or CUDA graphs of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Protocol

from robustnas.errors import described
from robustnas.evaluator.memory import fits
from robustnas.evaluator.training.step_graphs import StepGraphs, Work

WARM_UP = 3
"""Plain steps of each batch size before it is captured; they are steps of the training."""


class Stepping(Protocol):
    """A training, as far as its steps are concerned.

    Attributes:
        place: Steps of the epoch that are done.
    """

    place: int

    @property
    def is_over(self) -> bool:
        """Whether it takes no more steps: it is complete, or failed."""

    def step(self, size: int) -> None:
        """Take a step of `size` images; it may be captured."""

    def safe_step(self, size: int) -> None:
        """Take a step in smaller parts if memory is short; an error that is its own ends the training alone."""

    def note(self, text: str) -> None:
        """Note what a reader of the results should know."""


class Steps:
    """Takes the steps of some trainings, all of the same number of images.

    On a GPU, the first few steps of each batch size are plain calls. Then steps are captured, each training as one
    branch of a graph; where memory is short, in several graphs. What cannot be captured is called plainly, with a note.

    Args:
        runs: The trainings.
        graphs: What captures; None for plain calls.

    Attributes:
        runs: Those that go on.
    """

    def __init__(self, runs: Sequence[Stepping], graphs: StepGraphs | None) -> None:
        self.runs, self._graphs = list(runs), graphs
        self._n_branches = len(self.runs)
        self._n_plain: Counter[int] = Counter()
        self._captured: dict[int, list[Work]] = {}

    def take(self, size: int) -> None:
        """Take the next step of all trainings that are not over, of `size` images."""
        self._leave_out()
        if self._graphs is not None and size not in self._captured and self._n_plain[size] >= WARM_UP:
            self._capture(size, self._graphs)
        if size in self._captured:
            for launch in self._captured[size]:
                launch()
        else:
            self._take_plainly(size)
        for run in self.runs:
            run.place += 1
        if self._graphs is not None:
            self._graphs.pace()

    def _take_plainly(self, size: int) -> None:
        for number, run in enumerate(self.runs):
            with self._graphs.lane(number % self._n_branches) if self._graphs is not None else nullcontext():
                run.safe_step(size)
        self._n_plain[size] += 1

    def _leave_out(self) -> None:
        """Forget the trainings that are over, and the graphs that they are branches of."""
        left = [run for run in self.runs if not run.is_over]
        if len(left) < len(self.runs):
            self.runs = left
            self._forget()

    def _capture(self, size: int, graphs: StepGraphs) -> None:
        launches: list[Work] = []

        def capture() -> None:
            for start in range(0, len(self.runs), self._n_branches):
                runs = self.runs[start : start + self._n_branches]
                launches.append(graphs.capture([partial(run.step, size) for run in runs]))

        try:
            while not fits(capture):
                launches.clear()
                self._forget()
                if self._n_branches == 1:
                    return self._give_up("out of memory")
                self._n_branches = (self._n_branches + 1) // 2
        except RuntimeError as error:  # whatever PyTorch, cuDNN or a loss of one's own does not capture
            return self._give_up(described(error))
        self._captured[size] = launches
        return None

    def _give_up(self, reason: str) -> None:
        self._forget()
        self._graphs = None
        for run in self.runs:
            run.note(f"trained without CUDA graphs, which is slower: {reason}")

    def _forget(self) -> None:
        """Drop all graphs, none of which may be at work then."""
        if self._graphs is not None:
            self._graphs.wait()
        self._captured.clear()
