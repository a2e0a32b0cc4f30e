"""The analysis: chosen results of the paper from one dataset, as files and one page.

A folder holds data/ (CSV), tables/ (Markdown, LaTeX, CSV), figures/ (PNG, PDF) and analysis.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from experiments.comparison.manifest import versions
from experiments.pages.page import page, write_figures, write_file, write_tables
from experiments.paper.files import keep_list, stem
from experiments.paper.registry import RESULTS
from experiments.paper.section import Question, Section
from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, ObjectiveError, unknown_name
from robustnas.executors import ExecutorSpec, chosen_executor
from robustnas.spaces.nasbench201.identity import N_NETWORKS
from robustnas.tables.database.database import Database
from robustnas.tables.datasets import is_surrogate
from robustnas.tables.embedded import open_surrogate

PAGE = "analysis.html"
_MOST_SEEDS = 10_000
DATASET = "cifar10"
"""What is analysed where no dataset is named."""


def chosen_results(text: str) -> tuple[str, ...]:
    """Read names of results separated by commas, or ``all``, and return them once each in the paper's order.

    Raises:
        InvalidInputError: No name, or an unknown one.

    >>> chosen_results("correlations, distributions")
    ('distributions', 'correlations')
    """
    names = {name.strip() for name in text.split(",") if name.strip()}
    if not names:
        raise InvalidInputError(f"results is {text!r}; expected all, or some of {', '.join(RESULTS)}")
    for name in sorted(names - {"all"}):
        if name not in RESULTS:
            raise InvalidInputError(unknown_name("result", name, [*RESULTS, "all"]))
    return tuple(name for name in RESULTS if name in names or "all" in names)


def open_question(
    dataset: str | None = None,
    data: str | Path | None = None,
    *,
    against: str | None = None,
    n_seeds: int = 20,
    budget: int = 300,
    jobs: int | None = None,
    executor: str | ExecutorSpec | None = None,
    folder: Path | None = None,
    progress: Callable[[str, float], None] = lambda stage, share: None,  # noqa: ARG005
) -> Question:
    """Open a dataset of the database for an analysis.

    Args:
        dataset: Its name; cifar10 if None.
        data: The database's folder; see `Database.open`.
        against: The dataset that it is compared with, where two are; None to choose one.
        n_seeds: Searches per strategy and objective, at least 2.
        budget: Distinct networks per search, 1 to 6466.
        jobs: Workers; as many as the executor has by itself if None.
        executor: What runs searches; processes of this machine if None.
        folder: A folder that all workers see; needed if they are on other machines.
        progress: Called with what is being done, and the share of it that is done.

    Raises:
        InvalidInputError: A surrogate benchmark, a dataset that is not there, or a number out of range.
        DataNotFoundError: There is no database; says where it was searched for.
    """
    if dataset is not None and is_surrogate(dataset):
        real = open_surrogate(dataset).model.dataset
        raise InvalidInputError(
            f"{dataset} is a model's predictions: an analysis of it would describe the model. Analyse the "
            f"measurements with --dataset {real}; to get them: robustnas data fetch {real}"
        )
    n_seeds = whole_number("seeds", n_seeds, at_least=2, at_most=_MOST_SEEDS)
    budget = whole_number("budget", budget, at_least=1, at_most=N_NETWORKS)
    chosen_executor(executor, workers=jobs)  # refuses what is wrong before anything else is done
    database = Database.open(data)
    table = database[dataset or DATASET].over_all_networks()
    others = {name: other.over_all_networks() for name, other in database.items() if name != table.dataset}
    if against == table.dataset:
        raise InvalidInputError(f"--against {against} is the dataset itself; expected another one")
    other = None if against is None else database[against].over_all_networks()
    return Question(
        table,
        others,
        n_seeds,
        budget,
        jobs=jobs,
        executor=executor,
        folder=folder,
        progress=progress,
        against=other,
    )


def analyse(question: Question, names: Sequence[str]) -> Iterator[Section]:
    """Yield the section of each result; one that the data does not allow says why."""
    for name in names:
        question.progress(name, 0.0)
        try:
            yield RESULTS[name](question)
        except ObjectiveError as error:
            heading = name.replace("_", " ").capitalize()
            yield Section(name, heading, f"The data does not allow this result: {error}.", missing=True)


def write_section(folder: Path, section: Section) -> dict[str, str]:
    """Write the data, tables and figures of a section and return its figures as SVG elements by name."""
    for name, frame in section.frames.items():
        write_file(
            folder / "data" / f"{stem(section, name)}.csv",
            frame.to_csv(index=False, na_rep="nan", lineterminator="\n"),
        )
    write_tables(folder / "tables", {stem(section, name): table for name, table in section.tables.items()})
    return write_figures(folder / "figures", section.figures)


def write_page(
    folder: Path, question: Question, sections: Sequence[Section], drawn: Mapping[str, str], *, whole: bool = True
) -> Path:
    """Write the page of some sections and return its path.

    Args:
        folder: Where.
        question: What was asked.
        sections: At least one.
        drawn: The figures of all of them as SVG elements, as `write_section` returns them.
        whole: Whether these are all that was asked for; stale files of an earlier analysis are then removed.
    """
    table = question.table
    text = page(
        "analysis.html.j2",
        drawn,
        manifest={"dataset": table.dataset, "source": table.source, "versions": versions()},
        sections=sections,
        provenance=_provenance(question, sections),
        n_runs=len(sections),
        n_planned=len(sections),
    )
    write_file(folder / PAGE, text)
    keep_list(folder, sections, whole=whole)
    return folder / PAGE


def _provenance(question: Question, sections: Sequence[Section]) -> dict[str, str]:
    table = question.table
    attached = ", ".join(f"{name} {digest[:16]}" for name, digest in table.attached_digests().items())
    others = ", ".join(f"{name} {other.digest[:16]}" for name, other in question.others.items())
    return {
        "dataset": table.dataset,
        "training of the networks": table.training or "not known",
        "database digest": table.digest,
        "metrics": str(len(table.metrics)),
        "attached tables": attached or "none",
        "other datasets": others or "none",
        "results": ", ".join(section.name for section in sections),
        "searches per strategy": f"{question.n_seeds}, of {question.budget} networks",
        "seed": str(question.seed),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
    }
