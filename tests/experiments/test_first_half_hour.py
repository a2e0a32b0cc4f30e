"""README's own order of events, as a new user goes through it: without data, after a failed fetch, with data."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from robustnas.tables.database.database import user_folder

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

Run = Callable[..., Result]
SMALL = (
    'objectives = ["clean"]\nbudget = 12\nseeds = 2\n[[searchers]]\nname = "random"\n[[searchers]]\nname = "local"\n'
)


@pytest.fixture
def run(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in an empty folder, without any data."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="robustnas")

    return invoke


def with_data(published: Path) -> None:
    user_folder().parent.mkdir(parents=True, exist_ok=True)
    published.rename(user_folder())


def plan_text(dataset: str | None) -> str:
    return SMALL if dataset is None else f'dataset = "{dataset}"\n{SMALL}'


def test_a_failed_fetch_changes_nothing(run: Run) -> None:
    failed = run("data", "fetch", "cifar10", "--url", "http://127.0.0.1:9/nothing")
    assert failed.exit_code == 1
    assert (user_folder() / ".fetch.lock").exists()
    for command in (("query", "#13433"), ("search", "--budget", "5", "--searcher", "random"), ("objectives",)):
        result = run(*command)
        assert result.exit_code == 0, result.output
        assert "No database here: using cifar10-surrogate" in result.stderr


def test_the_plan_that_is_printed_can_be_run_without_data(run: Run) -> None:
    printed = run("plan")
    assert "using cifar10-surrogate" in printed.stderr
    assert tomllib.loads(printed.stdout)["dataset"] == "cifar10-surrogate@0"
    assert "# A model's predictions, which need no data" in printed.stdout
    assert "# run `robustnas data fetch cifar10` and" in printed.stdout
    small = tomllib.loads(printed.stdout) | {"budget": 12, "seeds": 1}
    lines = [f"{key} = {json.dumps(small[key])}" for key in ("dataset", "objectives", "budget", "seeds")]
    Path("my.toml").write_text("\n".join([*lines, '[[searchers]]\nname = "random"\n']))
    result = run("compare", "my.toml", "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert "report: robustnas-results/cifar10-surrogate@0/report.html" in result.stdout.replace("\\", "/")


def test_with_data_the_plan_is_about_measurements(run: Run, published: Path) -> None:
    with_data(published)
    printed = run("plan")
    assert (printed.stderr, tomllib.loads(printed.stdout)["dataset"]) == ("", "cifar10")
    assert "predictions" not in printed.stdout


def test_a_plan_whose_data_is_missing_is_refused_before_anything_is_counted(run: Run) -> None:
    Path("my.toml").write_text(plan_text("cifar10"))
    result = run("compare", "my.toml")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no robustness database in")
    assert "try cifar10-surrogate" in result.stderr
    assert "2 runs" not in result.stderr
    assert not Path("robustnas-results").exists()


def test_a_comparison_without_data_does_not_stand_in_the_way_of_one_with_it(run: Run, published: Path) -> None:
    for dataset in ("cifar10-surrogate", "cifar10"):
        Path("my.toml").write_text(plan_text(dataset))
        if dataset == "cifar10":
            with_data(published)
        result = run("compare", "my.toml", "--jobs", "1")
        assert result.exit_code == 0, result.output
    assert sorted(path.name for path in Path("robustnas-results").iterdir()) == ["cifar10", "cifar10-surrogate"]
    again = run("compare", "my.toml", "--jobs", "1")
    assert "4 of 4 runs are already there" in again.stderr


def test_a_comparison_in_the_former_default_folder_is_not_forgotten(run: Run) -> None:
    Path("my.toml").write_text(plan_text("cifar10-surrogate"))
    assert run("compare", "my.toml", "--jobs", "1", "--out", "robustnas-results").exit_code == 0
    result = run("compare", "my.toml", "--jobs", "1")
    assert result.exit_code == 0
    assert "to go on with it, run the same command with --out robustnas-results\n" in result.stderr
    assert Path("robustnas-results/cifar10-surrogate/report.html").exists()


def test_where_only_another_dataset_was_fetched_it_is_used(run: Run, published: Path) -> None:
    for file in (published / "cifar10").iterdir():
        file.unlink()
    (published / "cifar10").rmdir()
    with_data(published)
    result = run("query", "#13433", "--json")
    assert json.loads(result.stdout)["dataset"] == "cifar100"
    assert "No cifar10 in the database here: using cifar100" in result.stderr
    assert tomllib.loads(run("plan").stdout)["dataset"] == "cifar100"


@pytest.mark.parametrize("command", [("compare",), ("surrogates",), ("analyse",), ("proxies", "#1")])
def test_no_command_writes_into_a_package(run: Run, command: tuple[str, ...]) -> None:
    Path("surrogates").mkdir()
    Path("surrogates/__init__.py").touch()
    result = run(*command, "--out", "surrogates")
    assert result.exit_code == 2
    assert "surrogates is a Python package" in result.stderr
    assert "expected a folder for results" in result.stderr
    assert [path.name for path in Path("surrogates").iterdir()] == ["__init__.py"]
