"""The command ``robustnas``: names of all commands; each is imported when it is run."""

from __future__ import annotations

import os

import click

from experiments.commands.group import Group, LazyCommand

os.environ["MPLBACKEND"] = "agg"  # commands draw to files; a notebook sets a backend that only its own process has

COMMANDS: dict[str, str] = {
    "analyse": "Reproduce and extend the results of the robustness paper from the database.",
    "compare": "Run the comparison of search strategies that PLAN describes, and report on it.",
    "data": "Find, fetch, import and verify the robustness database.",
    "doctor": "Print what is installed and found, on one screen for a bug report.",
    "draw": "Draw the architecture ARCH as an SVG.",
    "evaluate": "Train the network ARCH and measure its accuracy and robustness on images.",
    "explore": "Write a page on which a dataset is explored in a browser: fronts, noise, networks, searches.",
    "export": "Write the records in DIRECTORY for other tools: Optuna and its dashboard, data frames, spreadsheets.",
    "fill": "Measure what is missing for the networks and metrics that PLAN names.",
    "measurements": "List and forget what was measured.",
    "naslib": "Show where NASLib is installed and which of its methods can be used.",
    "objectives": "List the objectives that the data allows.",
    "plan": "Print the built-in plan, to copy and edit.",
    "proxies": "Compute training-free measures of networks.",
    "query": "Print every score of the network ARCH, and what attached tables say of it; or networks by their scores.",
    "report": "Rebuild the report in DIRECTORY from its records alone.",
    "search": "Search for the best network and print it.",
    "surrogates": "Benchmark surrogates: fit on some networks, rank all the others.",
}
"""Each command and the first sentence of its own help; `experiments.commands.<name>` defines it."""


@click.group(
    cls=Group,
    commands=[LazyCommand(name, f"experiments.commands.{name}", short_help) for name, short_help in COMMANDS.items()],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="robustnas")
def main() -> None:
    """RobustNAS: neural architecture search on robust objectives.

    \b
    Example:
      robustnas data fetch cifar10
      robustnas search --objective pgd@1 --searcher evolution
      robustnas compare
    """
