"""Searching on numbers that are measured when they are asked for: the table that grows, and its progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.commands.evaluation_options import EvaluationOptions, torch_needed
from experiments.commands.options import open_dataset, published_datasets, warn
from experiments.comparison.run import steps
from experiments.comparison.spec import RunSpec
from experiments.comparison.trajectory import Trajectory
from experiments.pages.table import number, unit
from experiments.progress import Bar, Bars, progress_bars
from robustnas.duration import parse_duration
from robustnas.errors import InvalidInputError
from robustnas.metric import scale_notes
from robustnas.objectives import scale_of
from robustnas.objectives.objective import needed_metrics, parse_objectives
from robustnas.spaces import DEFAULT_SPACE, EnumerableSpace
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.database.database import find_folder, has_data
from robustnas.tables.growing_table import GrowingTable
from robustnas.tables.table import Table
from robustnas.workers import one_thread
from searchers.registry import searcher_class

if TYPE_CHECKING:
    from robustnas.evaluator.evaluator import Evaluator


def growing_table(
    spec: RunSpec,
    images: str,
    space: EnumerableSpace[Any] | None,
    dataset: str | None,
    data: Path | None,
    evaluation: EvaluationOptions,
    stack: ExitStack,
    progress: SearchProgress,
) -> GrowingTable:
    """Return the table that measures; its store is open until the stack ends."""
    searcher = searcher_class(spec.searcher)
    objectives = parse_objectives(spec.objective)
    for text in searcher.needed_objectives(spec.parameters):
        objectives += parse_objectives(text)
    evaluator = evaluation.evaluator(images, space=space, seed=spec.seed)
    base = _base_table(evaluator, dataset, data)
    with torch_needed():
        from robustnas.evaluator.measurer import StoreMeasurer
        from robustnas.evaluator.space_edits import check_unedited
    store = stack.enter_context(evaluation.open_store())
    for note in check_unedited(evaluator.space, store, as_new=evaluation.as_new):
        warn(note)
    measurer = StoreMeasurer(evaluator, store, progress.stage, since=evaluation.since)
    wanted = needed_metrics(objectives)
    for note in scale_notes(metric for metric in wanted if base is None or metric not in base.metrics):
        warn(note)
    return GrowingTable(measurer, wanted, base)


def table_of_seed(table: GrowingTable, seed: int) -> GrowingTable:
    """Return a table that measures networks of another training seed: all but attached columns, which have none."""
    with torch_needed():
        from robustnas.evaluator.measurer import StoreMeasurer
    assert isinstance(table.measurer, StoreMeasurer)
    attached = table.attached_columns()
    facts = {name: table.column_facts(name) for name in attached}
    base = ArrayTable(
        {}, table.dataset, table.source, attached=attached, facts=facts, skeleton=table.skeleton, space=table.space
    )
    return GrowingTable(table.measurer.with_seed(seed), table.metrics, base if attached else None)


def _base_table(evaluator: Evaluator, dataset: str | None, data: Path | None) -> Table | None:
    """Return the table to ask before measuring: the one named, or that of the images and the standard training."""
    if dataset is not None:
        table = open_dataset(dataset, data)
        if not table.space.shares_indices(evaluator.space):
            raise InvalidInputError(
                f"the dataset {table.dataset} is of {table.space.name}, not of the space {evaluator.space.name} whose "
                "networks --images measures; leave out --dataset to measure everything"
            )
        return table
    images = evaluator.images.name
    if (
        evaluator.space.name == DEFAULT_SPACE
        and not evaluator.regime
        and images in published_datasets()
        and has_data(find_folder(data)[0])
    ):
        return open_dataset(images, data)
    return None


class SearchProgress:
    """A bar over the queries or the simulated time of a search, and one over the stage of what is being measured.

    Attributes:
        scale: That of the objective, as `experiments.pages.table.number` takes it; "" before the table is known.
    """

    def __init__(self, bars: Bars, spec: RunSpec) -> None:
        self._bars, self._searcher = bars, spec.searcher
        self._several, self.scale = len(spec.objectives) > 1, ""
        self._timed = isinstance(spec.budget, str)
        total = parse_duration(spec.budget) if isinstance(spec.budget, str) else spec.budget
        self._queries = bars.add(f"{spec.searcher} on {spec.objective}", total)
        self._stage: Bar | None = None

    def query(self, best: float, seconds: float = 0.0) -> None:
        """Count a query, or the simulated seconds that it took."""
        scale = "hypervolume" if self._several else self.scale
        best_so_far = number(best, scale) + unit(scale)
        self._queries.show(f"{self._searcher}, best {best_so_far}", advance=seconds if self._timed else 1)

    def again(self, total: int) -> Bar:
        """Add a bar over the trainings of the best networks."""
        return self._bars.add("the best, trained again", total)

    def stage(self, name: str, share: float) -> None:
        """Show what is being measured, and the share of it that is done."""
        if self._stage is None:
            self._stage = self._bars.add(name)
        self._stage.show(name, share)


def followed(spec: RunSpec, table: Table, at_once: int, progress: SearchProgress) -> Iterator[Trajectory]:
    """Run a search as `experiments.comparison.run.steps` does, and show after every query how far it is."""
    with one_thread() if table.complete else nullcontext():  # measuring uses all processors
        for trajectory in steps(spec, table, at_once=at_once):
            progress.scale = progress.scale or scale_of(spec.objectives[0], table)
            progress.query(trajectory.best[-1], trajectory.outcomes[-1].seconds)
            yield trajectory


@contextmanager
def search_progress(spec: RunSpec, *, show: bool) -> Iterator[SearchProgress]:
    """Show the progress of a search, if asked to."""
    with progress_bars(show=show) as bars:
        yield SearchProgress(bars, spec)
