"""Priors in plans and searches: opened by name, recorded with their digests, refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.comparison.plan import Plan
from experiments.comparison.records import load
from experiments.comparison.runner import compare
from robustnas.errors import DataError, InvalidInputError, PlanError
from robustnas.tables.embedded import open_surrogate

pytestmark = pytest.mark.timeout(120)  # slow where processors are shared

SEARCHED = "cifar100-surrogate@1"


def plan(prior: Any, name: str = "gp", objectives: tuple[str, ...] = ("pgd@1",)) -> Plan:
    return Plan(SEARCHED, objectives, 12, 2, [{"name": name, "prior": prior, "label": "informed"}, name])


def run(prior: Any, out: Path, notes: list[str] | None = None, **options: Any) -> list[dict[str, Any]]:
    list(compare(plan(prior, **options), out, note=(notes if notes is not None else []).append))
    lines = (out / "runs.jsonl").read_text().splitlines()
    return [found for found in map(json.loads, lines) if found["searcher"] == "informed"]


def test_a_plan_names_a_dataset_and_its_records_say_which(tmp_path: Path) -> None:
    runs = run("cifar10-surrogate", tmp_path / "out")
    digest = open_surrogate("cifar10-surrogate").digest
    assert [found["prior_digests"] for found in runs] == [{"cifar10-surrogate": digest}] * 2
    assert [found["parameters"] for found in runs] == [{"prior": "cifar10-surrogate"}] * 2
    best = open_surrogate("cifar10-surrogate").space.parse(runs[0]["best"]["arch"])
    assert best in open_surrogate(SEARCHED).space
    assert load(tmp_path / "out").searchers == ("informed", "gp")
    before = (tmp_path / "out" / "runs.jsonl").read_bytes()
    run("cifar10-surrogate", tmp_path / "out")
    assert (tmp_path / "out" / "runs.jsonl").read_bytes() == before


def test_worker_processes_open_it_too(tmp_path: Path) -> None:
    for jobs, out in ((1, tmp_path / "one"), (2, tmp_path / "two")):
        list(compare(plan("cifar10-surrogate"), out, jobs=jobs))
    one, two = (
        sorted((found["searcher"], found["seed"], found["queries"]["index"]) for found in map(json.loads, lines))
        for lines in ((tmp_path / name / "runs.jsonl").read_text().splitlines() for name in ("one", "two"))
    )
    assert one == two


def test_other_numbers_of_the_prior_are_another_experiment(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    list(compare(plan("cifar10"), out, data=published))
    file = published / "cifar10" / "clean_accuracy.json"
    file.write_text(file.read_text().replace("0.5", "0.6"))
    with pytest.raises(DataError, match="prior_digests"):
        list(compare(plan("cifar10"), out, data=published))


def test_a_file_is_a_dataset_though_its_name_looks_like_a_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = open_surrogate("cifar10-surrogate")
    lines = [f"{table.space.architecture(index)},{0.001 * index:.4f}" for index in range(900)]
    Path("mine.csv").write_text("\n".join(["arch,clean", *lines]) + "\n")
    runs = run("mine.csv", tmp_path / "out", objectives=("clean",))
    assert [list(found["prior_digests"]) for found in runs] == [["mine.csv"]] * 2
    assert "attached_digests" not in runs[0]


def test_an_edited_function_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    belief = "def belief(cell):\n    return str(cell).count('nor_conv_3x3')\n"
    Path("mine.py").write_text(belief)
    first = run("mine.py:belief", tmp_path / "out", name="forest")
    assert (list(first[0]["sources"]), "prior_digests" in first[0]) == (["mine.py:belief"], True)
    notes: list[str] = []
    Path("mine.py").write_text(belief + "# edited\n")
    assert len(run("mine.py:belief", tmp_path / "out", notes, name="forest")) == 4
    assert any("mine.py:belief was edited after 2 of the runs" in note for note in notes)


def test_several_objectives_and_several_priors(tmp_path: Path) -> None:
    runs = run(["cifar10-surrogate", "cifar10-surrogate@3"], tmp_path / "out", objectives=("clean, params",))
    assert sorted(runs[0]["prior_digests"]) == ["cifar10-surrogate", "cifar10-surrogate@3"]
    assert len(runs[0]["front"]) >= 1


@pytest.mark.parametrize("bad", ["", 3, [], ["a", 3], "a, a"])
def test_what_is_no_name_is_refused_by_the_plan(bad: Any) -> None:
    with pytest.raises(PlanError, match="prior is"):
        plan(bad)


def test_priors_are_opened_before_any_run(tmp_path: Path) -> None:
    for bad, complaint in (("cifar11-surrogate", "prior 'cifar11-surrogate'"), (SEARCHED, "that is searched")):
        with pytest.raises(InvalidInputError, match=complaint):
            list(compare(plan(bad), tmp_path / "out"))
        assert not (tmp_path / "out" / "runs.jsonl").exists()


def test_a_model_of_the_searched_numbers_is_said(published: Path, warm_cache: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    searched = Plan("cifar10", ["clean"], 12, 1, [{"name": "gp", "prior": "cifar10-surrogate"}])
    list(compare(searched, tmp_path / "out", data=published, note=notes.append))
    assert any("is a model of the very numbers of cifar10" in note for note in notes)


def test_search_takes_a_prior(published: Path, warm_cache: Path) -> None:
    command = ["search", "--dataset", "cifar100", "--objective", "clean", "--searcher", "gp", "--budget", "12"]
    result = CliRunner().invoke(main, [*command, "--set", "prior=cifar10", "--data", str(published)])
    assert result.exit_code == 0, result.output
    assert "gp on clean, cifar100: 12 networks" in result.output
    refused = CliRunner().invoke(main, [*command, "--set", "prior=cifar100", "--data", str(published)])
    assert refused.exit_code != 0
    assert "is the dataset that is searched" in f"{refused.output}{refused.exception}"
