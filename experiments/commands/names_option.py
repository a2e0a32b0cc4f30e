"""An option that takes registered names: its help lists them, and shells complete them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from copy import copy
from typing import Any

import click
from click.shell_completion import CompletionItem

from robustnas.errors import RobustNASError


class NamesOption(click.Option):
    """An option whose value is a name in a registry, or several names.

    What an installed package registers is listed and completed too.

    Args:
        declarations: As in `click.Option`.
        names: Returns the registered names. It is called only to show help and to complete.
        separators: Characters that separate several names in the value.
        attributes: As in `click.Option`.
    """

    def __init__(
        self, *declarations: Any, names: Callable[[], Iterable[str]], separators: str = "", **attributes: Any
    ) -> None:
        super().__init__(*declarations, **attributes)
        self.names, self.separators = names, separators

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option and its help, the names at the end."""
        shown = copy(self)
        with suppress(RobustNASError):  # a package is missing that the names come from: help works without them
            shown.help = f"{self.help}  Known: {', '.join(self.names())}."
        return click.Option.get_help_record(shown, ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - the signature is click's
        """Return the names that continue what was typed, after the last separator."""
        start = max((incomplete.rfind(character) for character in self.separators), default=-1) + 1
        head, part = incomplete[:start], incomplete[start:]
        return [CompletionItem(head + name) for name in self.names() if name.startswith(part)]


def names_option(
    *declarations: str, names: Callable[[], Iterable[str]], show_default: bool | str = True, **attributes: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator that adds a `NamesOption` to a command, its default shown."""
    return click.option(*declarations, cls=NamesOption, names=names, show_default=show_default, **attributes)
