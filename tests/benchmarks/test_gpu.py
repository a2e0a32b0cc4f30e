"""The script for whoever has a card runs whole without one: every part, on toys."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import gpu
from benchmarks.gpu import PARTS, Row, Subject, main

pytestmark = pytest.mark.timeout(120)  # torch is loaded, twice

TOYS = ["--device", "cpu", "--small"]


def report(path: Path) -> dict[str, dict[str, object]]:
    return {part["part"]: part for part in json.loads(path.read_text())["parts"]}


@pytest.mark.slow
def test_every_part_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts, path = [name for name in PARTS if name != "tests"], tmp_path / "found.json"
    assert main([*TOYS, "--in-process", "--only", ",".join(parts), "--json", str(path)]) == 0
    found = report(path)
    assert list(found) == parts
    assert all(not part["failure"] and part["rows"] for part in found.values())
    printed = capsys.readouterr().out
    assert "toys: these figures mean nothing" in printed
    assert "input gradient, bfloat16, batch 16" in printed
    assert "all parts are complete" in printed
    equal = next(row for row in found["training"]["rows"] if "difference" in row["what"])  # type: ignore[union-attr, attr-defined]
    assert equal["value"] == 0


@pytest.mark.slow
def test_a_part_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    assert main([*TOYS, "--only", "gradients", "--json", str(path), "--quiet"]) == 0
    assert len(report(path)["gradients"]["rows"]) == 6  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "output", "passed", "failure"),
    [
        (0, "..\n18 passed, 3 skipped, 700 deselected in 61.20s", 18, ""),
        (
            1,
            "FAILED tests/a.py::test_b - E\n1 failed, 17 passed in 9s",
            17,
            "1 failed, 17 passed in 9s: tests/a.py::test_b",
        ),
        (4, "", 0, "No module named pytest"),
    ],
)
def test_what_pytest_says_is_told(
    code: int, output: str, passed: int, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.CompletedProcess([], code, stdout=output, stderr="No module named pytest")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    found = gpu.run_here("tests", Subject("cpu", small=True), lambda _: None)
    assert found.rows[0].value == passed
    assert failure in found.failure
    assert bool(failure) == bool(found.failure)


def broken(_: Subject) -> Iterator[Row]:
    yield Row("the first", 1.0)
    raise ZeroDivisionError("no luck")


def test_a_part_that_fails_is_told_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PARTS, "broken", replace(PARTS["training"], run=broken))
    monkeypatch.setitem(PARTS, "fine", replace(PARTS["training"], run=lambda _: iter([Row("the second", 2.0)])))
    path = tmp_path / "found.json"
    assert main([*TOYS, "--in-process", "--only", "broken,fine", "--json", str(path)]) == 1
    found = report(path)
    assert found["broken"]["failure"] == "ZeroDivisionError: no luck"
    assert [len(found[name]["rows"]) for name in ("broken", "fine")] == [1, 1]  # type: ignore[arg-type]
    assert "1 of 2 parts failed: broken" in capsys.readouterr().out


def test_a_part_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    start = time.monotonic()
    found = gpu.run_apart("gradients", Subject("cpu", small=True), 0.2)
    assert found.failure == "took more than 0 s"
    assert time.monotonic() - start < 20
    path = tmp_path / "found.json"
    assert main([*TOYS, "--only", "gradients", "--minutes", "0", "--json", str(path), "--quiet"]) == 1
    assert "no time was left" in str(report(path)["gradients"]["failure"])


def test_parts_and_devices_by_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--list"]) == 0
    assert "accuracy" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*TOYS, "--only", "nonsense"])
    assert "no part is named 'nonsense'; there are tests, training" in capsys.readouterr().err
    assert main(["--device", "cuda:77", "--small"]) == 2
    assert "--device cpu --small runs every path" in capsys.readouterr().err
