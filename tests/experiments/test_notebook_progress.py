"""Bars in a notebook: shown once something takes a while, gone at the end, and nothing but text in them."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from experiments import notebook_progress
from experiments.progress import progress_bars


class Page:
    """A front end that keeps what it is shown."""

    def __init__(self) -> None:
        self.shown = list[str]()

    def display(self, content: dict[str, str], *, raw: bool, display_id: bool) -> Page:
        assert raw
        assert display_id
        self.shown.append(content["text/html"])
        return self

    def update(self, content: dict[str, str], *, raw: bool) -> None:
        self.shown.append(content["text/html"])


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page()
    shell = SimpleNamespace(kernel=object())
    ipython: Any = SimpleNamespace(get_ipython=lambda: shell, display=SimpleNamespace(display=page.display))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return page


def test_what_is_done_at_once_shows_no_bar(page: Page) -> None:
    with progress_bars() as bars:
        assert bars.shown
        bars.add("search", 10).show(advance=10)
    assert page.shown == []


def test_a_bar_is_shown_and_vanishes(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_progress, "_FIRST", 0.0)
    monkeypatch.setattr(notebook_progress, "_NEXT", 0.0)
    with progress_bars(counted=True) as bars:
        bars.line("2 runs")
        bar = bars.add("<b>random</b>", 2)
        bar.show(advance=1, note="best 5 %")
        bar.show(completed=2)
    assert "1 of 2" in page.shown[0]
    assert "best 5 %" in page.shown[0]
    assert "2 runs" in page.shown[0]
    assert "<b>" not in page.shown[0]
    assert "2 of 2" in page.shown[1]
    assert page.shown[-1] == ""


def test_a_bar_vanishes_when_it_is_interrupted(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_progress, "_FIRST", 0.0)

    def interrupted() -> None:
        with progress_bars() as bars:
            bars.add("search", 10).show(advance=1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert page.shown[-1] == ""


def test_in_a_terminal_of_ipython_there_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace()))
    assert not notebook_progress.in_notebook()
