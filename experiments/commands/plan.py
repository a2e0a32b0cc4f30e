"""``robustnas plan``: the built-in plan of a comparison."""

from __future__ import annotations

import click

from experiments.comparison.plan import builtin_text


@click.command()
def plan() -> None:
    """Print the built-in plan, to copy and edit.

    \b
    Example:
      robustnas plan > my.toml
    """
    click.echo(builtin_text(), nl=False)
