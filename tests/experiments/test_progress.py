from __future__ import annotations

import io
import sys

import click
import pytest

from experiments.progress import progress_bars
from experiments.verbosity import with_verbosity


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


def test_the_clock_goes_on_after_a_stage_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training is done, then come the attacks on the same bar: rich would stop its clock at the first stage."""
    terminal(monkeypatch)
    now = 0.0
    monkeypatch.setattr("rich.console.monotonic", lambda: now)
    with progress_bars() as bars:
        bar = bars.add("training")
        for now, stage, share in ((0.0, "training", 0.5), (60.0, "training", 1.0), (200.0, "pgd@8", 0.3)):  # noqa: B007
            bar.show(stage, share)
        assert bars.progress is not None
        (task,) = bars.progress.tasks
        clock = bars.progress.columns[3]
        assert not isinstance(clock, str)
        assert str(clock.render(task)) == "0:03:20"


def test_asked_for_more_a_log_has_a_line_from_time_to_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1000.0
    monkeypatch.setattr("experiments.progress.time.monotonic", lambda: now)
    command = with_verbosity(click.Command("runs"))
    with command.make_context("runs", ["-v"]), progress_bars() as bars:
        bar = bars.add("all runs", 20)
        for now in (1001.0, 1010.0, 1012.0, 1030.0):  # noqa: B007
            bar.show(advance=1, note="best 0.5")
        bars.add("attack").show(completed=0.25)
    assert capsys.readouterr().err == "all runs, 2 of 20, best 0.5\nall runs, 4 of 20, best 0.5\n"


def test_a_log_that_was_not_asked_to_say_more_has_a_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1000.0
    monkeypatch.setattr("experiments.progress.time.monotonic", lambda: now)
    with progress_bars() as bars:
        bar = bars.add("optuna-gp on clean", 300)
        for now in (1030.0, 1061.0, 1070.0):  # noqa: B007
            bar.show(advance=100)
    assert capsys.readouterr().err == "optuna-gp on clean, 200 of 300\n"


def test_quiet_shows_no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    with with_verbosity(click.Command("runs")).make_context("runs", ["-q"]), progress_bars() as bars:
        bars.add("runs").show(completed=0.5)
        bars.line("3 of 20 runs are already there")
    assert stream.getvalue() == ""


def test_no_bars_where_none_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    with progress_bars(show=False) as bars:
        bars.add("runs").show(completed=0.5)
    assert stream.getvalue() == ""
