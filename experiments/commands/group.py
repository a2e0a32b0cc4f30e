"""How commands are grouped: imported when they are run, their errors in one line."""

from __future__ import annotations

import importlib
import warnings
from typing import Any, NoReturn

import click

OWN_PACKAGES = frozenset(("experiments", "searchers", "surrogates", "robustnas"))


_SENTENCES = frozenset(("RegistryWarning", "NetworkDriveWarning"))  # names: --help imports none of them
_MOST_CHARACTERS, _LONGEST_LINE = 400, 1500
_python_shows = warnings.showwarning


class Group(click.Group):
    """A group of commands that reports RobustNAS's errors in one line: exit code 2 for bad input, 1 for a failure."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, translating its errors."""
        warnings.showwarning = _show_warning
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            message = error.format_message()
            if len(message) <= _MOST_CHARACTERS or isinstance(error, click.exceptions.NoArgsIsHelpError):
                raise
            raise click.UsageError(_shortened(message), error.ctx) from None
        except BrokenPipeError:
            raise SystemExit(0) from None
        except OSError as error:
            fail(f"{error.filename or 'the operating system'}: {error.strerror or error}", code=1)
        except Exception as error:
            from robustnas.errors import InvalidInputError, RobustNASError  # here: --help needs no numpy

            if not isinstance(error, RobustNASError):
                raise
            fail(str(error), code=2 if isinstance(error, InvalidInputError) else 1)


def _shortened(message: str) -> str:
    """Return a message without its middle, which is a long value."""
    half = _MOST_CHARACTERS // 2
    return f"{message[:half]}... ({len(message) - 2 * half:,} characters) ...{message[-half:]}"


def _show_warning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    """Print a warning that is meant for users as one sentence, any other as Python does."""
    if category.__name__ in _SENTENCES:
        click.echo(f"Note: {message}", err=True)
    else:
        _python_shows(message, category, *place, **more)


class LazyCommand(click.Command):
    """Stands for a command until it is run or asked for its help, and only then imports it.

    Args:
        name: The command's name, and that of the function that it is.
        module: The module that defines it.
        short_help: The first sentence of the command's help, for the list of commands.
    """

    def __init__(self, name: str, module: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self._module, self._function = module, name

    def load(self) -> click.Command:
        """Import the command; a package that is not installed is an error in one line."""
        try:
            command: click.Command = getattr(importlib.import_module(self._module), self._function)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if not package or package in OWN_PACKAGES:
                raise
            fail(f"robustnas {self.name} needs the package {package}, which is not installed", code=1)
        return command

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> click.Context:
        """Return the context of the command itself."""
        return self.load().make_context(info_name, args, *rest, **extra)


def fail(message: str, *, code: int) -> NoReturn:
    """Print an error to standard error and exit with its code."""
    lines = [line if len(line) <= _LONGEST_LINE else _shortened(line) for line in message.split("\n")]
    click.echo("Error: " + "\n".join(lines), err=True)
    raise SystemExit(code)
