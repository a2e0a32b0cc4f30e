"""``robustnas analyse``: the results of the robustness paper, from the database alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.commands.options import data_option, fail, json_option, print_json

if TYPE_CHECKING:
    from experiments.paper.section import Section


@click.command()
@click.option("--dataset", help="Dataset of the database.  [default: cifar10]")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Directory for the page and its files.")
@data_option
@click.option("--results", default="all", show_default=True, metavar="NAMES", help="Results, separated by commas.")
@click.option("--seeds", default=20, show_default=True, help="Searches per strategy and objective.")
@click.option("--budget", default=300, show_default=True, help="Distinct networks per search.")
@click.option("--jobs", type=int, help="Processes.  [default: as many as processors]")
@json_option
def analyse(
    dataset: str | None,
    out: Path,
    data: Path | None,
    results: str,
    seeds: int,
    budget: int,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Rebuild the results of the robustness paper from the database, with what it left open.

    Writes data/, tables/, figures/ and analysis.html. A result that the data does not allow says why. After Ctrl-C, the
    page holds what was finished.

    \b
    Example:
      robustnas analyse --out analysis
      robustnas analyse --dataset cifar100 --results distributions,noise_floor --out analysis
    """
    from experiments.paper.analysis import analyse as sections_of
    from experiments.paper.analysis import chosen_results, open_question, write_page, write_section

    names = chosen_results(results)
    sections: list[Section] = []
    drawn: dict[str, str] = {}
    with _progress() as show:
        question = open_question(dataset, data, n_seeds=seeds, budget=budget, jobs=jobs, progress=show)
        try:
            for section in sections_of(question, names):
                drawn |= write_section(out, section)
                sections.append(section)
        except KeyboardInterrupt:
            interrupted = True
        else:
            interrupted = False
    path = write_page(out, question, sections, drawn, whole=not interrupted) if sections else None
    if interrupted or path is None:
        done = f"{len(sections)} of {len(names)} results are on {path}" if path else "no result was finished"
        fail(f"interrupted; {done}: run the same command again for all", code=1)
    if as_json:
        found = [{"name": s.name, "title": s.title, "lead": s.lead, "missing": s.missing} for s in sections]
        facts = {"dataset": question.table.dataset, "database_digest": question.table.digest}
        print_json({**facts, "sections": found, "page": str(path)})
        return
    for section in sections:
        click.echo(f"{section.title}\n  {section.lead}\n")
    click.echo(f"page: {path}")


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """Show what is being done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("opening the database", total=1.0)

        def show(stage: str, share: float) -> None:
            bars.update(task, description=stage, completed=share)

        yield show
