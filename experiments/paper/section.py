"""A section of the analysis: one result as data, tables, figures and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from robustnas.executors import ExecutorSpec
from robustnas.tables.database.database import DatabaseTable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from experiments.pages.table import ReportTable


@dataclass(frozen=True, eq=False)
class Question:
    """What an analysis is asked about.

    Attributes:
        table: The dataset.
        others: Other datasets of the same database by name, for what needs several.
        against: The one of them that the dataset is compared with, where two are; None to choose one.
        n_seeds: Searches per strategy and objective, where strategies are compared.
        budget: Distinct networks per search.
        seed: Fixes everything that is drawn.
        jobs: Workers for long work; as many as the executor has by itself if None.
        executor: What runs it; processes of this machine if None.
        folder: A folder that all workers see; needed if they are on other machines.
        progress: Called with what is being done, and the share of it that is done.
    """

    table: DatabaseTable
    others: Mapping[str, DatabaseTable] = field(default_factory=dict)
    against: DatabaseTable | None = field(default=None, kw_only=True)
    n_seeds: int = 20
    budget: int = 300
    seed: int = 0
    jobs: int | None = None
    executor: str | ExecutorSpec | None = None
    folder: Path | None = None
    progress: Callable[[str, float], None] = field(default=lambda stage, share: None)  # noqa: ARG005


@dataclass(frozen=True, eq=False)
class Section:
    """One result.

    Attributes:
        name: The stem of its files and its anchor on the page, such as ``correlations``.
        title: Its heading.
        lead: What was found, in one plain sentence; the tables have the numbers.
        paragraphs: How it was computed, what it is in the paper, and what it does not say; plain text.
        frames: Everything as data, by name; written as CSV.
        tables: What the page shows as tables, by name.
        figures: Figures by name; written as PNG and PDF.
        captions: What each figure shows, by its name.
        missing: Whether the data does not allow it; the lead says why.
    """

    name: str
    title: str
    lead: str
    paragraphs: tuple[str, ...] = ()
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    tables: Mapping[str, ReportTable] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    missing: bool = False


Result = Callable[[Question], Section]
"""A result: from a question to a section. Raises `ObjectiveError` where the data lacks what it needs."""
