from __future__ import annotations

import io
import sys

import pytest

from experiments.progress import progress_bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Replace standard error; in the test itself, for pytest replaces it between a fixture and its test."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


@pytest.mark.parametrize("counted", [False, True])
def test_bars_on_a_terminal(counted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    with progress_bars(counted=counted) as bars:
        assert bars.shown
        bar = bars.add("all [runs]", 20)
        bar.show(completed=4)
        bar.show("most runs", advance=1, note="best [0.5]")
        bars.found(3, 20, "runs")
    text = stream.getvalue()
    assert "most runs" in text
    assert "best [0.5]" in text
    assert "3 of 20 runs are already there" in text
    assert ("5/20" if counted else "25%") in text


@pytest.mark.parametrize("show", [False, True])
def test_no_bars_elsewhere_but_what_was_found_is_said(show: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars(show=show) as bars:
        assert not bars.shown
        bars.add("runs", 20).show("most runs", 5, note="best 0.5")
        bars.found(0, 20, "runs")
        bars.found(3, 20, "runs")
    assert capsys.readouterr() == ("", "3 of 20 runs are already there\n")


def test_no_bars_where_none_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    with progress_bars(show=False) as bars:
        bars.add("runs").show(completed=0.5)
    assert stream.getvalue() == ""
