"""The list of commands, which imports none of them, and options that list registered names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

import robustnas
from experiments.cli import COMMANDS, main
from experiments.commands.error_text import laid_out, parts
from experiments.commands.group import Group, LazyCommand
from experiments.commands.names_option import NamesOption
from robustnas.errors import MissingPackageError
from searchers.random_search import RandomSearch
from searchers.registry import SEARCHERS


def load(name: str) -> click.Command:
    command = main.commands[name]
    assert isinstance(command, LazyCommand)
    return command.load()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_shows_the_first_sentence_of_each_command(name: str) -> None:
    command = load(name)
    assert command.name == name
    assert f"{COMMANDS[name]}\n" in f"{command.help}\n".split("\n\n")[0] + "\n"


def test_the_list_of_commands_imports_none() -> None:
    code = (
        "import sys; from experiments.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "loaded = {'numpy', 'robustnas', 'searchers', 'rich'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert all(name in done.stdout for name in COMMANDS)


def test_a_missing_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needing.py").write_text("import no_such_package.part\n")
    (tmp_path / "broken.py").write_text("import experiments.no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    group = Group(commands=[LazyCommand(name, name, "Needs a package.") for name in ("needing", "broken")])
    result = CliRunner().invoke(group, ["needing"])
    assert result.exit_code == 1
    assert result.stderr == "Error: robustnas needing needs the package no_such_package, which is not installed\n"
    assert isinstance(CliRunner().invoke(group, ["broken"]).exception, ModuleNotFoundError)


def test_without_torch_proxies_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustnas, "evaluator", sys.modules.get("robustnas.evaluator"), raising=False)  # is put back
    for name in [name for name in sys.modules if name.startswith("robustnas.evaluator")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    result = CliRunner().invoke(main, ["proxies", "#1"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert 'measuring needs torch: pip install "robustnas[evaluate]"' in result.stderr
    assert CliRunner().invoke(main, ["proxies", "--help"]).exit_code == 0


def test_help_lists_what_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SEARCHERS, "thirdparty", RandomSearch)
    text = " ".join(CliRunner().invoke(main, ["search", "--help"]).stdout.split()).replace("- ", "-")  # broken names
    assert "optuna-nsga2, thirdparty, naslib:rs" in text
    assert "Known: default, xgboost, forest" in " ".join(
        CliRunner().invoke(main, ["surrogates", "--help"]).stdout.split()
    )


@pytest.mark.parametrize(
    ("arguments", "incomplete", "expected"),
    [
        (["search", "--searcher"], "optuna-t", ["optuna-tpe"]),
        (["search", "--searcher"], "optuna:Cm", ["optuna:CmaEsSampler"]),
        (["search", "--objective"], "clean,pg", ["clean,pgd@EPS"]),
        (["surrogates", "--encodings"], "path+co", ["path+cost"]),
        (["query", "--dataset"], "cifar10", ["cifar10", "cifar100", "cifar10-surrogate", "cifar100-surrogate"]),
        ([], "sur", ["surrogates"]),
        (["data"], "att", ["attach", "attached"]),
    ],
)
def test_shells_complete_names(arguments: list[str], incomplete: str, expected: list[str]) -> None:
    completion = ShellComplete(main, {}, "robustnas", "_ROBUSTNAS_COMPLETE")
    assert [item.value for item in completion.get_completions(arguments, incomplete)] == expected


def test_names_that_cannot_be_listed_leave_help_as_it_is() -> None:
    def names() -> list[str]:
        raise MissingPackageError("not there")

    option = NamesOption(["--kind"], names=names, help="A kind.")
    assert option.get_help_record(click.Context(click.Command("x"))) == ("--kind TEXT", "A kind.")


@pytest.mark.parametrize("arguments", [["search", "--seed", "9" * 5000], ["search", "--" + "x" * 5000], ["y" * 5000]])
def test_values_of_thousands_of_characters_are_not_repeated(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert len(result.stderr) < 700


def test_an_error_leads_with_one_sentence(own_cache: Path) -> None:
    result = CliRunner().invoke(main, ["query", "#1", "--data", "/nowhere"])
    first, *details = result.stderr.splitlines()
    assert (result.exit_code, first) == (
        1,
        "Error: no robustness database in the folder given: /nowhere is not a folder",
    )
    assert all(line.startswith("  ") for line in details)
    assert "To download it: robustnas data fetch" in result.stderr
    unknown = CliRunner().invoke(main, ["search", "--dataset", "cifar10-surrogate", "--searcher", "evolutoin"])
    assert unknown.stderr.splitlines()[0] == "Error: unknown searcher 'evolutoin'; did you mean 'evolution'?"
    assert unknown.stderr.splitlines()[1].startswith("  Known: bananas, evolution")


def test_an_error_in_a_terminal_fits_it() -> None:
    message = "unknown searcher 'evolutoin'; did you mean 'evolution'? Known: " + ", ".join(
        f"name-{i}" for i in range(60)
    )
    lines = laid_out(message, 50).splitlines()
    assert lines[:2] == ["unknown searcher 'evolutoin'; did you mean", "  'evolution'?"]
    assert max(map(len, lines)) <= 50


def test_what_is_quoted_is_never_split() -> None:
    value = "x; y. Z " * 20
    assert parts(f"searcher {value!r} is unknown; expected one")[0] == f"searcher {value!r} is unknown"


def leaves(command: click.Command, *path: str) -> list[tuple[str, ...]]:
    command = command.load() if isinstance(command, LazyCommand) else command
    below = command.commands.items() if isinstance(command, click.Group) else ()
    return [path, *(leaf for name, part in below for leaf in leaves(part, *path, name))]


@pytest.mark.parametrize("path", leaves(main), ids=" ".join)
def test_every_command_says_more_or_less(path: tuple[str, ...]) -> None:
    text = CliRunner().invoke(main, [*path, "--help"]).stdout
    assert "-v, --verbose" in text
    assert "-q, --quiet" in text


@pytest.mark.parametrize("arguments", [["-q", "search"], ["search", "-q"], ["search", "--quiet"]])
def test_quiet_says_nothing_but_the_result(arguments: list[str], own_cache: Path) -> None:
    arguments = [*arguments, "--searcher", "random", "--budget", "3"]
    loud = CliRunner().invoke(main, [argument for argument in arguments if argument not in ("-q", "--quiet")])
    quiet = CliRunner().invoke(main, arguments)
    assert "using cifar10-surrogate" in loud.stderr
    assert quiet.stderr == ""
    assert quiet.stdout.splitlines()[1:] == loud.stdout.splitlines()[1:]  # the first line says how long it took


def test_verbose_shows_where_an_error_comes_from(own_cache: Path) -> None:
    for arguments in (["-v", "query", "resnet18"], ["query", "resnet18", "-v"]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2
        assert "Traceback (most recent call last)" in result.stderr
        assert "\nError: cannot read 'resnet18'" in result.stderr
    assert "Traceback" not in CliRunner().invoke(main, ["query", "resnet18"]).stderr


def test_verbose_and_quiet_at_once_are_refused() -> None:
    result = CliRunner().invoke(main, ["-v", "objectives", "-q"])
    assert result.exit_code == 2
    assert "choose one of them" in result.stderr


@pytest.mark.parametrize("command", ["compare", "surrogates", "analyse"])
def test_processes_are_limited(command: str, tmp_path: Path) -> None:
    arguments = [command, "--jobs", str(10**6), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "jobs is 1000000; expected an integer from 1 to 1024" in result.stderr
