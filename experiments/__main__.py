"""Run the command line as ``python -m experiments``."""

from experiments.cli import main

main(prog_name="robustnas")
