"""The command ``robustnas``: the base commands and those of experiments, in one group."""

from __future__ import annotations

import click

from experiments.commands.analyse import analyse
from experiments.commands.compare import compare, plan, report
from experiments.commands.data import data
from experiments.commands.draw import draw
from experiments.commands.evaluate import evaluate
from experiments.commands.fill import fill
from experiments.commands.naslib import naslib
from experiments.commands.objectives import objectives
from experiments.commands.options import Group
from experiments.commands.proxies import proxies
from experiments.commands.query import query
from experiments.commands.search import search
from experiments.commands.surrogates import surrogates
from robustnas import __version__


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
