"""Plan files: TOML, validated as a whole, with errors that name the file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from robustnas.errors import InvalidInputError, PlanError, abridged, excerpt
from robustnas.text_encoding import text_encoding

Plan = TypeVar("Plan")


def parse_plan(text: str, origin: str, build: Callable[[dict[str, Any]], Plan]) -> Plan:
    """Return the plan that `build` makes from the content of a plan file.

    Args:
        text: The TOML.
        origin: Name used in error messages, such as the file's name.
        build: Makes a plan from the content, or raises an error that says what is wrong with it.

    Raises:
        PlanError: The text is not TOML, or `build` refused it; the message begins with `origin`.
    """
    try:
        content = read_toml(text)
    except PlanError as error:
        raise PlanError(f"{origin} is not TOML: {error}") from None
    try:
        return build(content)
    except InvalidInputError as error:
        raise PlanError(f"{origin}: {error}") from None


def read_toml(text: str) -> dict[str, Any]:
    """Return the content of TOML; a byte-order mark before it is none of it.

    Raises:
        PlanError: It is not TOML, or holds what Python cannot read: integers of thousands of digits, tables within
            hundreds of tables.

    >>> read_toml("\ufeffbudget = 300")
    {'budget': 300}
    """
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise PlanError(abridged(error)) from None
    except ValueError:
        raise PlanError("an integer has thousands of digits; expected one of at most 64 bits") from None
    except RecursionError:
        raise PlanError("values are nested hundreds of levels deep; expected a few levels") from None


def read_plan(path: str | Path, example: str) -> str:
    """Return the text of a plan file: UTF-8, or what its byte-order mark says; lines end as on Unix.

    Args:
        path: The file.
        example: The command that prints an example, for the error message.

    Raises:
        PlanError: The file cannot be read.
    """
    try:
        content = Path(path).read_bytes()
        return content.decode(text_encoding(content)).replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or abridged(error)
        raise PlanError(f"cannot read the plan {excerpt(str(path))}: {reason}; `{example}` prints one") from None
