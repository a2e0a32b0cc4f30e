"""The reference of commands is what the commands themselves say, though it imports none."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from experiments.cli import main
from experiments.commands.group import LazyCommand
from tests import ROOT

pytest.importorskip("griffe", reason="what reads docstrings is not installed: the extra 'docs'")
from scripts.site_pages.commands import commands_page, read_commands

EVERYWHERE = {"-v", "--verbose", "-q", "--quiet"}


def real(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        found = command.load() if isinstance(command, LazyCommand) else command
        yield f"{prefix}{name}", found
        if isinstance(found, click.Group):
            yield from real(found, f"{prefix}{name} ")


@pytest.mark.timeout(60)
def test_commands_and_their_options_are_those_that_run() -> None:
    assert isinstance(main, click.Group)
    read = {command.name: command for command in read_commands(ROOT)}
    ran = dict(real(main))
    assert set(read) == set(ran)
    for name, command in ran.items():
        options = [part for part in command.params if isinstance(part, click.Option)]
        expected = {word for option in options for word in (*option.opts, *option.secondary_opts)} - EVERYWHERE
        found = [option for option in read[name].options if not option.is_argument]
        assert {word for option in found for word in option.names} == expected, name
        texts = {option.opts[0]: option.help or "" for option in options}
        for option in found:
            assert option.text.startswith(" ".join(texts[option.names[0]].split())[:20]), (name, option)


def test_no_text_is_left_open() -> None:
    page = commands_page(ROOT)
    assert "…" not in page
    assert "\b" not in page
    assert "## robustnas data fetch\n" in page
    assert "```bash\nrobustnas data fetch cifar10\nrobustnas data fetch robbench\n```" in page
    assert "| `--budget` `N\\|TIME` | Distinct networks; or simulated time" in page
