"""The tables, the factory and the scripts of docs/executors.md work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from robustnas.executors import EXECUTORS, ExecutorSpec
from robustnas.plan_file import read_toml
from tests import ROOT

PAGE = (ROOT / "docs/executors.md").read_text()
TABLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FACTORY, COMPARISON, WORK = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_every_table_is_understood() -> None:
    specs = [ExecutorSpec.read(read_toml(text)["executor"]) for text in TABLES]
    assert [spec.engine for spec in specs] == ["slurm", "dask"]
    assert specs[0].options["folder"] == "/shared/jobs"


def test_every_engine_is_on_the_page() -> None:
    named = re.findall(r"^\| `([a-z]+)`", PAGE, re.MULTILINE)
    assert {name for name in EXECUTORS if name in named} == set(EXECUTORS)


def test_the_factory_is_python() -> None:
    names: dict[str, Any] = {}
    exec(FACTORY, names)
    assert callable(names["make"])


@pytest.mark.timeout(60)
def test_the_scripts_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(COMPARISON, names)
    assert names["n_finished"] == 2
    exec(WORK, names)
    assert capsys.readouterr().out == "[0, 3, 6, 9]\n"
