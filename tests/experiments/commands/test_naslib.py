from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.comparison.manifest import versions
from robustnas.naslib import loading, stand_ins

PLAN = """
dataset = "cifar10-surrogate"
objectives = ["clean"]
budget = 10
seeds = 1
[[searchers]]
name = "{name}"
{rest}
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def _naslib(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if NASLib were there, and of its packages only ngboost were not."""
    monkeypatch.setattr(loading, "location", lambda: Path("/somewhere/naslib"))
    monkeypatch.setattr(loading, "source_digest", lambda: "0123456789abcdef" * 4)
    monkeypatch.setattr(loading, "stood_in", lambda: ("torchvision", "ngboost"))
    monkeypatch.setattr(stand_ins, "is_missing", lambda package: package == "ngboost")


@pytest.fixture
def _no_naslib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "location", lambda: None)


@pytest.mark.usefixtures("_naslib")
def test_tells_what_can_be_used_and_what_not() -> None:
    result = run("naslib")
    assert result.exit_code == 0
    assert "NASLib: /somewhere/naslib, source sha256:0123456789abcdef\n" in result.output
    assert "naslib:re" in result.output
    assert "naslib:xgb" in result.output
    assert "not naslib:ngb: it needs ngboost" in result.output
    assert "loaded without torchvision, ngboost" in result.output


@pytest.mark.usefixtures("_naslib")
def test_as_json() -> None:
    told = json.loads(run("naslib", "--json").output)
    assert told["lacking"] == {"ngb": "ngboost"}
    assert told["stand_ins"] == ["torchvision", "ngboost"]
    assert "naslib:gcn" in told["surrogates"]
    assert "naslib:ngb" not in told["surrogates"]
    assert told["searchers"] == ["naslib:rs", "naslib:re", "naslib:ls", "naslib:bananas", "naslib:npenas"]


def test_records_say_which_source_they_are_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.comparison.manifest.source_digest", lambda: "0123456789abcdef" * 4)
    assert versions(["evolution", "naslib:re"])["naslib"] == "sha256:0123456789abcdef"
    assert "torch" in versions(["naslib:xgb"])
    assert not {"naslib", "torch"} & set(versions(["evolution"]))


@pytest.mark.usefixtures("_no_naslib")
@pytest.mark.parametrize(
    "arguments",
    [
        ("naslib",),
        ("search", "--dataset", "cifar10-surrogate", "--searcher", "naslib:re", "--budget", "5"),
        ("search", "--dataset", "cifar10-surrogate", "--searcher", "xgboost", "--set", "surrogate=naslib:rf"),
        ("surrogates", "--dataset", "cifar10-surrogate", "--surrogates", "naslib:xgb"),
    ],
)
def test_without_naslib_commands_say_how_to_install_it(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: NASLib is not installed")
    assert "install it: git clone" in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("_no_naslib")
@pytest.mark.parametrize(
    ("name", "rest"), [("naslib:re", "population_size = 5"), ("xgboost", 'surrogate = "naslib:xgb"')]
)
def test_a_plan_that_names_it_is_refused_before_any_run(tmp_path: Path, name: str, rest: str) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.format(name=name, rest=rest))
    result = run("compare", plan, "--out", tmp_path / "results")
    assert result.exit_code == 1
    assert "NASLib is not installed" in result.stderr
    assert not (tmp_path / "results").exists()
