"""Searching on numbers that are measured as they are asked for: the table that grows, and its progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.commands.evaluation_options import EvaluationOptions, torch_needed
from experiments.commands.options import open_dataset

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from experiments.comparison.run import RunSpec
    from robustnas.tables.growing_table import GrowingTable


def growing_table(
    spec: RunSpec,
    images: str,
    dataset: str | None,
    data: Path | None,
    evaluation: EvaluationOptions,
    stack: ExitStack,
    progress: SearchProgress,
) -> GrowingTable:
    """Return the table that measures; its store is open until the stack ends."""
    from robustnas.objectives.objective import needed_metrics, parse_objectives
    from robustnas.tables.growing_table import GrowingTable
    from searchers import create
    from searchers.base import GlancingSearcher

    objectives = parse_objectives(spec.objective)
    searcher = create(spec.searcher, spec.seed, n_objectives=len(objectives), **spec.parameters)
    if isinstance(searcher, GlancingSearcher):
        objectives += parse_objectives(searcher.cheap)
    evaluator = evaluation.evaluator(images, seed=spec.seed)
    base = _base_table(evaluator.images.name, dataset, data)
    with torch_needed():
        from robustnas.evaluator.measurer import StoreMeasurer
    store = stack.enter_context(evaluation.open_store())
    return GrowingTable(StoreMeasurer(evaluator, store, progress.stage), needed_metrics(objectives), base)


def _base_table(images: str, dataset: str | None, data: Path | None) -> Any:
    """Return the table to ask before measuring: the one named, or the one of the images where there is one."""
    from robustnas.spaces.nasbench201.cost import SKELETONS
    from robustnas.tables.database.database import find_folder, has_data

    if dataset is not None:
        return open_dataset(dataset, data)
    if images in SKELETONS and has_data(find_folder(data)[0]):
        return open_dataset(images, data)
    return None


class SearchProgress:
    """A bar over the queries of a search, and a line on what is being measured."""

    def __init__(self, bars: Progress, spec: RunSpec) -> None:
        self._bars, self._searcher = bars, spec.searcher
        self._queries = bars.add_task(f"{spec.searcher} on {spec.objective}", total=spec.budget)
        self._stage: TaskID | None = None

    def query(self, best: float) -> None:
        """Count a query."""
        self._bars.update(self._queries, advance=1, description=f"{self._searcher}, best {best:.4g}")

    def stage(self, name: str, share: float) -> None:
        """Show what is being measured, and the share of it that is done."""
        if self._stage is None:
            self._stage = self._bars.add_task(name, total=1.0)
        self._bars.update(self._stage, description=name, completed=share)


@contextmanager
def search_progress(spec: RunSpec, *, show: bool) -> Iterator[SearchProgress]:
    """Show the progress of a search, if asked to."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not show, transient=True) as bars:
        yield SearchProgress(bars, spec)
