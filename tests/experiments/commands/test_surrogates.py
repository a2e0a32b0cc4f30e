"""The command as a script uses it: what it prints, where, and the exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from robustnas.tables.datasets import open_table
from surrogates import DEFAULT_ENCODING, DEFAULT_SURROGATE

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

Run = Callable[..., Result]
SMALL = ("--surrogates", "ridge", "--encodings", "cost", "--train-sizes", "20", "--trials", "2")
QUICK = ("--surrogates", "ridge,multitask", "--encodings", "one-hot,path+cost", "--train-sizes", "20,40")


@pytest.fixture
def run(published: Path, warm_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ROBUSTNAS_DATA", str(published))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["surrogates", *arguments], prog_name="robustnas")

    return invoke


def test_json_is_all_that_stdout_holds(run: Run) -> None:
    result = run("--objective", "pgd@1", *QUICK, "--trials", "2", "--seed", "3", "--jobs", "1", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert set(answer) == {"rows"}
    assert len(answer["rows"]) == 16
    fields = {"surrogate", "encoding", "train_size", "trial", "kendall_tau", "spearman", "r2"}
    assert fields | {"fit_seconds", "predict_seconds"} <= set(answer["rows"][0])
    combinations = {(r["surrogate"], r["encoding"], r["train_size"], r["trial"]) for r in answer["rows"]}
    assert combinations == {
        (s, e, n, t) for s in ("ridge", "multitask") for e in ("one-hot", "path+cost") for n in (20, 40) for t in (0, 1)
    }
    assert all(-1 <= r["kendall_tau"] <= 1 and r["r2"] <= 1 and r["fit_seconds"] > 0 for r in answer["rows"])


@pytest.mark.timeout(180)  # starts processes or draws: slow where processors are shared
def test_the_same_seed_gives_the_same_rows_in_another_process(run: Run, published: Path) -> None:
    arguments = ["--surrogates", "xgboost", *SMALL[2:], "--seed", "5", "--json", "--jobs"]
    command = [sys.executable, "-m", "experiments", "surrogates", *arguments, "2"]
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    elsewhere = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert essence(elsewhere) == essence(run(*arguments, "1").stdout)


def essence(output: str | bytes) -> list[dict]:
    """What a seed fixes: everything but seconds."""
    return [{k: v for k, v in row.items() if "seconds" not in k} for row in json.loads(output)["rows"]]


def test_default_is_the_shipped_pair(run: Run) -> None:
    result = run("--surrogates", "default", "--train-sizes", "30", "--trials", "1", "--jobs", "1", "--json")
    (row,) = json.loads(result.stdout)["rows"]
    assert (row["surrogate"], row["encoding"], row["objective"]) == (DEFAULT_SURROGATE, DEFAULT_ENCODING, "pgd@1")


def test_without_data_the_embedded_benchmark_is_used_and_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROBUSTNAS_DATA")
    result = run(*SMALL, "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert "not measurements" in result.stderr
    assert "Not measurements: cifar10-surrogate" in result.stdout


def test_the_table_is_opened_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def counted(*arguments: Any) -> Any:
        opened.append(arguments)
        return open_table(*arguments)

    for module in ("experiments.commands.surrogates", "experiments.surrogate_benchmark.runner"):
        monkeypatch.setattr(f"{module}.open_table", counted)
    assert run(*SMALL, "--jobs", "1").exit_code == 0
    assert opened == [("cifar10", None)]


def test_text_is_a_ranked_table(run: Run) -> None:
    result = run("--objective", "pgd@1", "--objective", "clean", *QUICK, "--trials", "1", "--jobs", "1")
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 2 * 4
    assert "ceiling" in lines[0]
    assert "PGD, eps 1/255" in lines[2]
    assert "report" not in result.stdout


def test_out_keeps_fits_and_writes_a_report(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "surrogates"
    result = run(*SMALL, "--jobs", "1", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert f"report: {out / 'report.html'}" in result.stdout
    again = run(*SMALL, "--jobs", "1", "--out", str(out), "--json")
    rows = json.loads(again.stdout)["rows"]
    assert len(rows) == 2
    kept = [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
    assert {row["fit_seconds"] for row in rows} == {record["fit_seconds"] for record in kept}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--surrogates", "xgbost"], 2, "did you mean 'xgboost'"),
        (["--surrogates", ","], 2, "no surrogate"),
        (["--encodings", "onehot"], 2, "did you mean 'one-hot'"),
        (["--encodings", "path+"], 2, "encoding"),
        (["--encodings", "hw.*"], 2, "unknown encoding 'hw.*'"),
        (["--train-sizes", "1"], 2, "train size is 1; expected an integer of at least 2"),
        (["--train-sizes", "6466"], 2, "6466"),
        (["--train-sizes", "many"], 2, "train size is 'many'"),
        (["--train-sizes", ""], 2, "no train size"),
        (["--trials", "0"], 2, "trials is 0"),
        (["--seed", "-1"], 2, "seed is -1"),
        (["--jobs", "0"], 2, "jobs is 0"),
        (["--objective", "pdg@1"], 2, "did you mean 'pgd@1'"),
        (["--objective", "fgsm@1"], 2, "fgsm@1"),
        (["--objective", "clean,pgd@1"], 2, "repeat --objective"),
        (["--dataset", "cifar11"], 2, "did you mean 'cifar10'"),
        (["--data", "/nowhere"], 1, "/nowhere"),
    ],
)
def test_exit_codes_and_messages(run: Run, arguments: list[str], code: int, message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_help_has_an_example(run: Run) -> None:
    assert "Example:\n    robustnas surrogates" in run("--help").stdout


@pytest.mark.timeout(180)  # starts processes or draws: slow where processors are shared
def test_ctrl_c_keeps_what_is_finished(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "experiments", "surrogates", "--surrogates", "ridge", "--trials", "2000"]
    process = subprocess.Popen([*command, "--train-sizes", "20", "--jobs", "1", "--out", str(out)],
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    deadline = time.monotonic() + 45
    while time.monotonic() < deadline and not ((out / "runs.jsonl").exists() and process.poll() is None):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "interrupted; finished fits are kept" in message
    assert "Traceback" not in message
    assert [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
