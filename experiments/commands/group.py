"""How commands are grouped: imported when they are run, their errors in a sentence, what they say as much as asked."""

from __future__ import annotations

import importlib
import shutil
import sys
import traceback
import warnings
from typing import Any, NoReturn

import click

from experiments.commands.error_text import laid_out, shortened
from experiments.verbosity import is_verbose, say, with_verbosity

OWN_PACKAGES = frozenset(("experiments", "searchers", "surrogates", "robustnas"))

_SENTENCES = frozenset(("CacheWarning", "LogWarning", "NetworkDriveWarning", "RegistryWarning"))  # --help imports none
_MOST_CHARACTERS = 400
_python_shows = warnings.showwarning


class Group(click.Group):
    """A group of commands with the options -v and -q, which its commands have too.

    RobustNAS's errors are reported in a sentence, details below it: exit code 2 for bad input, 1 for a failure.
    """

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        with_verbosity(self)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, translating its errors."""
        warnings.showwarning = _show_warning
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            message = error.format_message()
            if len(message) <= _MOST_CHARACTERS or isinstance(error, click.exceptions.NoArgsIsHelpError):
                raise
            raise click.UsageError(shortened(message, _MOST_CHARACTERS), error.ctx) from None
        except BrokenPipeError:
            raise SystemExit(0) from None
        except OSError as error:
            fail(f"{error.filename or 'the operating system'}: {error.strerror or error}", code=1)
        except Exception as error:
            from robustnas.errors import InvalidInputError, RobustNASError  # here: --help needs no numpy

            if not isinstance(error, RobustNASError):
                raise
            if is_verbose():
                click.echo(traceback.format_exc(), err=True)
            fail(str(error), code=2 if isinstance(error, InvalidInputError) else 1)


def _show_warning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    """Print a warning that is meant for users as one sentence, any other as Python does."""
    if category.__name__ in _SENTENCES:
        say(f"Note: {message}")
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
        return with_verbosity(command)

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> click.Context:
        """Return the context of the command itself."""
        return self.load().make_context(info_name, args, *rest, **extra)


def fail(message: str, *, code: int) -> NoReturn:
    """Print an error to standard error, as `error_text.laid_out` says, and exit with its code."""
    width = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
    click.echo(laid_out(f"Error: {message}", width), err=True)
    raise SystemExit(code)
