"""What commands share: options, opening datasets, interruptions, and how results are printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import click

from experiments.commands.names_option import names_option
from experiments.output_folder import checked_output
from experiments.pages.terminal import tabulated, terminal_width
from experiments.verbosity import say
from robustnas.errors import excerpt
from robustnas.spaces import DEFAULT_SPACE, SPACES
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import SKELETONS
from robustnas.spaces.nasbench201.digits import NASBENCH201_ORDER, NASLIB
from robustnas.tables.database.column_names import robbench_names
from robustnas.tables.datasets import DATASETS, NO_DATA_NOTICE, choose_dataset, is_surrogate, open_table
from robustnas.tables.kept_table import kept_names
from robustnas.tables.table import Table

Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH = click.Path(path_type=Path)  # whether a path is there is for the library to say, with advice
SEVERAL = ", "
"""What separates names in a value."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
jobs_option = click.option("--jobs", type=int, show_default="one per processor", help="Workers.")
budget_option = click.option("--budget", default=300, show_default=True, help="Distinct networks per search.")


def published_datasets() -> list[str]:
    """Return the names of the database's datasets."""
    return list(SKELETONS)


def analysed_datasets() -> list[str]:
    """Return the names of datasets of measurements that a database's folder may hold."""
    return [*SKELETONS, *robbench_names()]


def all_datasets() -> list[str]:
    """Return the names of all registered datasets."""
    return [*DATASETS, *kept_names()]


def dataset_option(
    help_text: str = "Dataset, or a table of your own: my.csv, my.parquet.",
    *,
    default: str | None = None,
    show_default: str | bool = "cifar10, else what the database holds; cifar10-surrogate without one",
    names: Callable[[], Iterable[str]] = all_datasets,
) -> Option:
    """Return the option ``--dataset``; of the published datasets only, if `names` says so."""
    return names_option("--dataset", names=names, default=default, show_default=show_default, help=help_text)


def space_option(help_text: str, *, show_default: bool | str = DEFAULT_SPACE) -> Option:
    """Return the option ``--space``: a name or a reference."""
    return names_option(
        "--space",
        names=lambda: SPACES,
        metavar="NAME",
        show_default=show_default,
        help=f"{help_text} A name, or one of your own: my_spaces.py:MySpace.",
    )


def data_option(
    help_text: str = "Folder of the database, in the published layout.",
    show_default: str = "ROBUSTNAS_DATA, else the user's data directory",
) -> Option:
    """Return the option ``--data``."""
    return click.option("--data", type=PATH, metavar="DIR", show_default=show_default, help=help_text)


def seed_option(fixes: str) -> Option:
    """Return the option ``--seed``, which fixes something."""
    return click.option("--seed", default=0, show_default=True, help=f"Random seed; fixes {fixes}.")


def out_option(help_text: str = "Directory for records and report.", **attributes: Any) -> Option:
    """Return the option ``--out``, which names no Python package."""
    return click.option("--out", type=PATH, callback=_checked_out, help=help_text, **attributes)


def _checked_out(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:  # noqa: ARG001
    return None if path is None else checked_output(path)


def listed(text: str) -> list[str]:
    """Return the parts of a value that are separated by commas.

    >>> listed("clean, pgd@1,")
    ['clean', 'pgd@1']
    """
    return [part.strip() for part in text.split(",") if part.strip()]


def warn(message: str) -> None:
    """Print a sentence for the user to standard error, unless -q was asked for."""
    say(f"Note: {message}")


def note_reading(*archs: object) -> None:
    """Say how six digits were read, where the other convention reads another cell; once, on the first of them."""
    for arch in archs:
        found = Cell.readings(arch)
        if found and found[NASLIB] != found[NASBENCH201_ORDER]:
            other = f"the {NASBENCH201_ORDER} order would be {found[NASBENCH201_ORDER]}"
            warn(f"{excerpt(arch)} is read in NASLib's order: {found[NASLIB]}; {other}")
            return


def chosen_dataset(dataset: str | None, data: Path | None) -> str:
    """Return the name of the dataset that a command works on; say so where it is not cifar10 by default."""
    chosen = choose_dataset(dataset, data)
    if dataset is None and is_surrogate(chosen):
        say(NO_DATA_NOTICE)
    elif dataset is None and chosen != "cifar10":
        say(f"No cifar10 in the database here: using {chosen}; name another one with --dataset.")
    return chosen


def open_dataset(dataset: str | None, data: Path | None) -> Table:
    """Open the dataset that a command works on, as `chosen_dataset` names it."""
    table = open_table(chosen_dataset(dataset, data), data)
    for note in getattr(table, "notes", ()):
        warn(note)
    return table


def print_json(value: object) -> None:
    """Print a value as JSON; unknown numbers (NaN) as null."""
    click.echo(json.dumps(_json_ready(value), indent=2))


def score_lines(scores: Mapping[str, float]) -> list[str]:
    """Return accuracies as lines in percent, one for each attack or corruption; as many as it takes in a terminal.

    >>> score_lines({"clean": 0.9, "pgd@1": 0.5, "pgd@2": 0.25})
    ['clean  90.0', 'pgd    @1 50.0   @2 25.0']
    """
    rows: dict[str, list[str]] = {}
    for name, score in scores.items():
        kind, at, level = name.partition("@")
        rows.setdefault(kind, []).append(f"{at}{level} {100 * score:.1f}".lstrip())
    width = max(map(len, rows), default=0)
    terminal = terminal_width()
    return [line for kind, texts in rows.items() for line in tabulated(f"{kind:<{width}}  ", texts, terminal)]


def note_lines(notes: Sequence[str], most: int | None = None) -> list[str]:
    """Return notes as lines; of many the first ones, and how many more there are."""
    shown = list(notes)[:most]
    more = [f"and {len(notes) - len(shown)} more: --json has all"] if len(notes) > len(shown) else []
    return [f"note: {note}" for note in shown] + more


def _json_ready(value: object) -> object:
    if isinstance(value, dict):
        return {key: _json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_ready(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value
