"""What every command shares: how data is named, how errors are told, how JSON is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import click

from robustnas.errors import InvalidInputError, RobustNASError

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder in the published layout (meta.json and one folder per dataset). Default: the environment variable "
    "ROBUSTNAS_DATA, then the user's data directory.",
)
dataset_option = click.option(
    "--dataset",
    help="Dataset: cifar10, ... of the database, or the embedded cifar10-surrogate.  [default: cifar10, where there is "
    "a database]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


class Group(click.Group):
    """A group of commands that tells RobustNAS's errors in one line: exit code 2 for bad input, 1 for a failure."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, translating its errors."""
        try:
            return super().invoke(ctx)
        except InvalidInputError as error:
            fail(str(error), code=2)
        except RobustNASError as error:
            fail(str(error), code=1)
        except BrokenPipeError:
            raise SystemExit(0) from None
        except OSError as error:
            fail(f"{error.filename or 'the operating system'}: {error.strerror or error}", code=1)


def open_dataset(dataset: str | None, data: Path | None) -> Any:
    """Open the dataset that a command works on; say so where it falls back on the embedded one."""
    from robustnas.tables.datasets import NO_DATA_NOTICE, choose_dataset, is_surrogate, open_table

    chosen = choose_dataset(dataset, data)
    if dataset is None and is_surrogate(chosen):
        click.echo(NO_DATA_NOTICE, err=True)
    return open_table(chosen, data)


def fail(message: str, *, code: int) -> NoReturn:
    """Print an error to standard error and leave with its code."""
    click.echo(f"Error: {message}", err=True)
    raise SystemExit(code)


def print_json(value: object) -> None:
    """Print a value as JSON; unknown numbers (NaN) as null."""
    click.echo(json.dumps(_json_ready(value), indent=2))


def _json_ready(value: object) -> object:
    if isinstance(value, dict):
        return {key: _json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_ready(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value
