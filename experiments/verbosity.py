"""How much a command says beside its results: the options -v and -q of every command, and what they decide.

Results go to standard output and never depend on it. Notes and progress go to standard error.
"""

from __future__ import annotations

import click

_KEY = "robustnas.verbosity"


def is_quiet() -> bool:
    """Return whether the command was asked to say nothing but its results and errors."""
    return _level() < 0


def is_verbose() -> bool:
    """Return whether the command was asked to say more: progress without a terminal, the traceback of an error."""
    return _level() > 0


def say(line: str) -> None:
    """Print a line beside the results, to standard error, unless the command was asked to be quiet."""
    if not is_quiet():
        click.echo(line, err=True)


def with_verbosity(command: click.Command) -> click.Command:
    """Give a command, and all commands of a group, the options -v and -q; what has them already keeps its own."""
    for option in (
        _option("-v", "--verbose", 1, "Say more: progress in log files, where an error comes from."),
        _option("-q", "--quiet", -1, "Say nothing but results and errors."),
    ):
        if option.name not in {known.name for known in command.params}:
            command.params.append(option)
    if isinstance(command, click.Group):
        for part in command.commands.values():
            with_verbosity(part)
    return command


def _option(short: str, long: str, level: int, help_text: str) -> click.Option:
    def set_level(ctx: click.Context, _: click.Parameter, chosen: bool) -> None:
        if not chosen:
            return  # not set back: the group may have been asked already
        if ctx.meta.setdefault(_KEY, level) != level:
            raise click.UsageError("-v says more and -q says less; choose one of them", ctx)

    return click.Option([short, long], is_flag=True, expose_value=False, callback=set_level, help=help_text)


def _level() -> int:
    context = click.get_current_context(silent=True)
    return 0 if context is None else int(context.meta.get(_KEY, 0))
