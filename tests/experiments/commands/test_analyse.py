"""The command as a script uses it: what it prints and writes, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.paper.analysis import chosen_results
from experiments.paper.registry import RESULTS

pytestmark = pytest.mark.timeout(180)
Run = Callable[..., Result]
QUICK = ("--results", "distributions,noise_floor")


@pytest.fixture
def run(published: Path, warm_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ROBUSTNAS_DATA", str(published))
    monkeypatch.setenv("ROBUSTNAS_ATTACHED", str(tmp_path / "attached"))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["analyse", "--out", str(tmp_path / "out"), *arguments], prog_name="robustnas")

    return invoke


def test_it_prints_leads_and_writes_the_page(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(*QUICK)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Accuracy distributions\n  The median network")
    assert result.stdout.endswith(f"page: {out / 'analysis.html'}\n")
    page = (out / "analysis.html").read_text()
    assert page.index('id="contents"') < page.index('id="findings"') < page.index('id="noise_floor"')
    assert "database digest" in page
    assert {path.name for path in (out / "data").iterdir()} >= {"noise_floor.csv", "noise_floor_noise_by_level.csv"}
    assert (out / "tables" / "noise_floor_differences.md").is_file()
    assert {path.suffix for path in (out / "figures").iterdir()} == {".png", ".pdf"}
    before = page
    assert run(*QUICK).exit_code == 0
    assert (out / "analysis.html").read_text() == before


def test_fewer_results_leave_no_files_of_the_others_and_touch_no_file_of_anybody_else(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(*QUICK).exit_code == 0
    (out / "data" / "mine.csv").write_text("a,b\n")
    before = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    assert run("--results", "noise_floor").exit_code == 0
    after = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    assert after < before
    assert all("distributions" in path.name or "noise" not in path.name for path in before - after)
    assert not [path for path in after if path.name.startswith("distributions")]
    assert {Path("data/mine.csv"), Path("analysis.html"), Path("files.json")} <= after
    listed = {Path(name) for name in json.loads((out / "files.json").read_text())}
    assert after - listed == {Path("data/mine.csv"), Path("analysis.html"), Path("files.json")}


@pytest.mark.parametrize("text", ["", "{", '"../x"', '["../../mine.csv", "data/../mine.csv", 5, "/etc/x"]'])
def test_a_list_of_files_that_was_tampered_with_takes_nothing_away(run: Run, tmp_path: Path, text: str) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("a,b\n")
    (tmp_path / "out" / "data").mkdir(parents=True)
    (tmp_path / "out" / "mine.csv").write_text("a,b\n")
    (tmp_path / "out" / "files.json").write_text(text)
    assert run("--results", "noise_floor").exit_code == 0
    assert mine.is_file()
    assert (tmp_path / "out" / "mine.csv").is_file()


def test_after_an_interruption_the_page_holds_what_was_finished(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(question: object) -> None:
        raise KeyboardInterrupt

    assert run(*QUICK).exit_code == 0
    files = set((tmp_path / "out").rglob("*"))
    monkeypatch.setitem(RESULTS, "noise_floor", interrupted)
    result = run(*QUICK)
    assert result.exit_code == 1
    assert set((tmp_path / "out").rglob("*")) == files
    page = tmp_path / "out" / "analysis.html"
    assert f"interrupted; 1 of 2 results are on {page}" in result.stderr
    assert 'id="findings"' in page.read_text()
    monkeypatch.setitem(RESULTS, "distributions", interrupted)
    assert "no result was finished" in run(*QUICK).stderr


def test_json_is_all_that_stdout_holds_and_a_missing_result_says_why(run: Run, tmp_path: Path) -> None:
    result = run("--dataset", "cifar100", "--results", "correlations,distributions", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert [(entry["name"], entry["missing"]) for entry in answer["sections"]] == [
        ("distributions", False),
        ("correlations", True),
    ]
    assert "holds 1 metric" in answer["sections"][1]["lead"]
    assert len(answer["database_digest"]) == 64
    page = (tmp_path / "out" / "analysis.html").read_text()
    assert "The data does not allow this result" in page


def test_names_come_in_the_order_of_the_paper() -> None:
    assert chosen_results("all") == tuple(RESULTS)
    order = ("distributions", "correlations", "training_free", "strategies", "design", "noise_floor")
    order += ("trade_offs", "transfer", "side_by_side", "explanations")
    assert list(RESULTS) == [name for name in order if name in RESULTS]
    assert chosen_results("noise_floor, correlations,correlations") == ("correlations", "noise_floor")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--results", "corelations"], 2, "did you mean 'correlations'"),
        (["--results", ","], 2, "expected all, or some of distributions"),
        (["--dataset", "cifar11"], 2, "did you mean 'cifar10'"),
        (["--dataset", "cifar10-surrogate"], 2, "robustnas data fetch cifar10"),
        (["--dataset", "cifar100-surrogate@1"], 2, "robustnas data fetch cifar100"),
        (["--against", "cifar11"], 2, "did you mean 'cifar10'"),
        (["--against", "cifar10"], 2, "is the dataset itself"),
        (["--seeds", "1"], 2, "seeds is 1"),
        (["--budget", "0"], 2, "budget is 0"),
        (["--jobs", "0"], 2, "jobs is 0"),
        (["--data", "/nowhere"], 1, "/nowhere"),
    ],
)
def test_exit_codes_and_messages(run: Run, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


def test_without_data_it_is_refused_with_advice(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROBUSTNAS_DATA")
    result = run()
    assert result.exit_code == 1
    assert "robustnas data fetch" in result.stderr


def test_help_has_an_example(run: Run) -> None:
    assert "Example:\n    robustnas analyse" in run("--help").stdout


def test_a_folder_with_clean_accuracy_alone_gives_every_section_or_says_why(run: Run) -> None:
    result = run("--dataset", "cifar100", "--seeds", "2", "--budget", "10", "--jobs", "1", "--json")
    assert result.exit_code == 0, result.output
    sections = json.loads(result.stdout)["sections"]
    assert [entry["name"] for entry in sections] == list(RESULTS)
    assert {entry["name"] for entry in sections if entry["missing"]} >= {"correlations", "design"}
    assert all(entry["lead"] for entry in sections)
