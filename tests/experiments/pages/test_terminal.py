"""Tables and text in a terminal of any width; elsewhere they are what scripts read."""

from __future__ import annotations

import io
import sys

import click
import pytest
from rich.cells import cell_len

from experiments.pages.table import Entry, ReportTable, Row, markdown
from experiments.pages.terminal import filled, fitted, plain, tabulated, written
from tests.experiments.test_progress import Terminal

HEADS = ("searcher", "n = 50", "n = 100", "n = 150", "n = 200", "n = 300", "seeds")
NAMES = ("random", "regularized evolution, population 50", "搜索")


def table(n_groups: int = 2) -> ReportTable:
    rows = [
        Row(
            f"objective {group} (%, best of the table 94.60)",
            (Entry(name), *(Entry(f"{number}.00", "0.10", best=number == 54) for number in range(50, 55)), Entry("20")),
        )
        for group in range(n_groups)
        for name in NAMES
    ]
    return ReportTable(
        "Best so far", HEADS, tuple(rows), "Mean ± standard deviation over seeds, of which there are 20."
    )


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_a_table_fits_any_width_and_loses_no_number(width: int) -> None:
    lines = click.unstyle(plain(table(), width)).splitlines()
    assert max(map(cell_len, lines)) <= width
    text = " ".join(lines)
    for number in range(50, 55):
        assert text.count(f"{number}.00 ± 0.10") == 6
    assert all(head in text for head in HEADS)
    assert "objective 1 (%, best of the table 94.60)" in " ".join(text.split())


def test_columns_are_aligned_whatever_the_script() -> None:
    lines = click.unstyle(plain(table(1), 120)).splitlines()
    assert len({cell_len(line) for line in lines[:6] if not line.startswith("objective")}) == 1
    assert [cell_len(line.partition("50.00")[0]) for line in lines if "50.00" in line] == [38, 38, 38]


def test_the_best_stands_out() -> None:
    assert plain(table(1), 120).count(click.style("54.00 ± 0.10", bold=True)) == 3


def test_a_long_name_goes_on_below() -> None:
    lines = click.unstyle(plain(table(1), 40)).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("regular"))
    assert lines[start].endswith("50.00 ± 0.10")
    assert (lines[start][:26] + lines[start + 1]).strip() == NAMES[1]


def test_a_pipe_gets_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setenv("COLUMNS", "40")
    assert written(table()) + "\n" == markdown(table())
    assert fitted("word " * 40) == "word " * 40


def test_a_terminal_gets_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "50")
    assert written(table()) == plain(table(), 50)
    assert max(map(len, fitted("word " * 40).splitlines())) <= 50
    monkeypatch.setenv("COLUMNS", "5")  # some terminals say so
    assert fitted("no break") == "no break"


def test_an_architecture_stays_whole() -> None:
    arch = "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_3x3~1|+|nor_conv_1x1~0|nor_conv_3x3~1|nor_conv_1x1~2|"
    assert filled(f"  {arch}  93.60 %, 45.60 %", 60).splitlines() == [f"  {arch}", "    93.60 %, 45.60 %"]


def test_scores_stand_below_each_other() -> None:
    cells = [f"@{eps} {score}" for eps, score in (("0.5", "62.0"), ("1", "33.6"), ("2", "6.2"), ("8", "0.0"))]
    assert tabulated("pgd   ", cells, 30) == ["pgd   @0.5 62.0   @1 33.6", "      @2 6.2      @8 0.0"]
    assert tabulated("clean ", ["89.3"], 30) == ["clean 89.3"]
