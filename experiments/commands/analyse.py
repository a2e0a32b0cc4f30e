"""``robustnas analyse``: the results of the robustness paper, from the database alone."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.commands.executor_option import executor_option
from experiments.commands.interruptions import interruptible
from experiments.commands.names_option import names_option
from experiments.commands.options import (
    SEVERAL,
    analysed_datasets,
    budget_option,
    data_option,
    dataset_option,
    jobs_option,
    json_option,
    out_option,
    print_json,
)
from experiments.pages.terminal import fitted
from experiments.paper.analysis import analyse as sections_of
from experiments.paper.analysis import chosen_results, open_question, write_page, write_section
from experiments.paper.registry import RESULTS
from experiments.paper.section import Section
from experiments.progress import progress_bars
from robustnas.executors import ExecutorSpec

_LONG = ("strategies", "explanations")
"""Results that search, or fit models."""


@click.command()
@dataset_option("Dataset of the database.", show_default="cifar10", names=analysed_datasets)
@out_option("Directory for the page and its files.", required=True)
@data_option()
@names_option(
    "--results",
    names=lambda: RESULTS,
    separators=SEVERAL,
    default="all",
    metavar="NAMES",
    help="Results, separated by commas, or all.",
)
@names_option(
    "--against",
    names=analysed_datasets,
    show_default="its other training regime, else another dataset",
    help="Dataset to compare with in side_by_side.",
)
@click.option("--seeds", default=20, show_default=True, help="Searches per strategy and objective.")
@budget_option
@jobs_option
@executor_option
@json_option
def analyse(
    dataset: str | None,
    out: Path,
    data: Path | None,
    results: str,
    against: str | None,
    seeds: int,
    budget: int,
    jobs: int | None,
    executor: str | ExecutorSpec | None,
    as_json: bool,
) -> None:
    """Reproduce and extend the results of the robustness paper from the database.

    Writes data/, tables/, figures/ and analysis.html. A result that the data does not allow says why. After an
    interruption, the page holds the results that were finished.

    \b
    Example:
      robustnas analyse --out analysis
      robustnas analyse --dataset cifar100 --results distributions,noise_floor --out analysis
      robustnas analyse --against robbench-cifar10 --results side_by_side --out analysis
    """
    names = chosen_results(results)
    sections: list[Section] = []
    drawn: dict[str, str] = {}
    with progress_bars() as bars:
        if long := [name for name in _LONG if name in names]:
            bars.line(f"Note: {' and '.join(long)} may take minutes; --results names others")
        show = bars.add("opening the database").show
        question = open_question(
            dataset,
            data,
            against=against,
            n_seeds=seeds,
            budget=budget,
            jobs=jobs,
            executor=executor,
            folder=out,
            progress=show,
        )

        def finished() -> str:
            done = "no result was finished"
            if sections:
                path = write_page(out, question, sections, drawn, whole=False)
                done = f"{len(sections)} of {len(names)} results are on {path}"
            return f"{done}: run the same command again for all"

        with interruptible(finished):
            for section in sections_of(question, names):
                drawn |= write_section(out, section)
                sections.append(section)
    page = write_page(out, question, sections, drawn)
    if as_json:
        found = [{"name": s.name, "title": s.title, "lead": s.lead, "missing": s.missing} for s in sections]
        facts = {"dataset": question.table.dataset, "database_digest": question.table.digest}
        print_json({**facts, "sections": found, "page": str(page)})
        return
    for section in sections:
        click.echo(fitted(f"{section.title}\n  {section.lead}\n", 0))
    click.echo(f"page: {page}")
