"""``robustnas plan``: the built-in plan of a comparison."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.commands.options import chosen_dataset, data_option
from experiments.comparison.plan import builtin_text


@click.command()
@data_option()
def plan(data: Path | None) -> None:
    """Print the built-in plan, to copy and edit.

    Its dataset is one that is there: without a database, the embedded cifar10-surrogate.

    \b
    Example:
      robustnas plan > my.toml
    """
    click.echo(builtin_text(chosen_dataset(None, data)), nl=False)
