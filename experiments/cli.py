"""The command ``robustnas``: the base commands and those of experiments, in one group."""

from __future__ import annotations

import click

from experiments.commands.analyse import analyse
from experiments.commands.compare import compare, plan, report
from experiments.commands.naslib import naslib
from experiments.commands.search import search
from experiments.commands.surrogates import surrogates
from robustnas import __version__
from robustnas.cli import Group
from robustnas.commands.data import data
from robustnas.commands.draw import draw
from robustnas.commands.evaluate import evaluate
from robustnas.commands.fill import fill
from robustnas.commands.objectives import objectives
from robustnas.commands.proxies import proxies
from robustnas.commands.query import query


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, package_name="robustnas")
def main() -> None:
    """RobustNAS: neural architecture search on robust objectives.

    \b
    Example:
      robustnas data fetch cifar10
      robustnas search --objective pgd@1 --searcher evolution
      robustnas compare
    """


for command in (
    search,
    compare,
    surrogates,
    analyse,
    report,
    plan,
    evaluate,
    fill,
    proxies,
    query,
    objectives,
    draw,
    data,
    naslib,
):
    main.add_command(command)
