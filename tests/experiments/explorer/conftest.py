"""The explorer's page in one browser for all tests of this folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.explorer import write_explorer
from robustnas.tables import open_table
from robustnas.tables.table import Table
from tests.browser import Browser, find_chromium

FIRST = "x=clean&y=pgd@1&x2=pgd@1&y2=apgd@1&metric=pgd@1&eps=1&pair=pgd@1+apgd@1&a=6187"
READY = "document.documentElement?.dataset.ready === 'yes'"


class Page:
    """An explorer that is open in the browser: what it says, and what a user does on it."""

    def __init__(self, browser: Browser, path: Path) -> None:
        self.browser = browser
        self.path = path

    def open(self, fragment: str = "", width: int = 1280, height: int = 1000, *, dark: bool = False) -> None:
        """Open the page anew and wait until it rests."""
        self.browser.size(width, height, dark=dark)
        self.browser.open(f"file://{self.path}#{fragment}", READY)
        self.rest()

    def show(self, fragment: str = "") -> None:
        """Go to another state of the page, opening it if it is not open; faster than `open`."""
        if not self.browser.evaluate(f"location.pathname === {str(self.path)!r}"):
            self.open(fragment)
            return
        self.browser.size(1280, 1000)
        self.browser.evaluate(f"location.hash = '#' + {(fragment or FIRST)!r}")
        self.rest()

    def rest(self) -> None:
        """Wait until nothing is left to be drawn."""
        self.browser.evaluate("new Promise(done => requestAnimationFrame(done))")
        self.browser.wait("document.documentElement.dataset.rest === 'true'", 20)

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        found: str = self.browser.evaluate(f"document.querySelector({selector!r}).textContent")
        return found

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements that a selector finds."""
        found: list[str] = self.browser.evaluate(
            f"[...document.querySelectorAll({selector!r})].map(e => e.textContent)"
        )
        return found

    def click(self, selector: str, *, shift: bool = False) -> None:
        """Click on an element and wait."""
        self.browser.click(selector, shift=shift)
        self.rest()

    def enter(self, selector: str, text: str) -> None:
        """Replace what is in a field by a text, as a user types it, and press Enter."""
        self.browser.click(selector)
        self.browser.evaluate("document.activeElement.select()")
        self.browser.type(text)
        self.browser.key("Enter", 13)
        self.rest()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Brush the first scatter between two places, as shares of its width and height."""
        self.browser.middle("#view-front .area")
        left, top, width, height = self.browser.evaluate(
            "(() => { const b = document.querySelector('#view-front .area').getBoundingClientRect();"
            "return [b.left, b.top, b.width, b.height]; })()"
        )
        first, last = ((left + x * width, top + y * height) for x, y in (start, end))
        self.browser.drag(first, last)
        self.rest()

    def fragment(self) -> str:
        """Return the fragment of the page's address."""
        found: str = self.browser.evaluate("location.hash.slice(1)")
        return found


def downloaded(folder: Path, pattern: str) -> Path:
    """Return the file that the browser downloads into a folder, once it is there."""
    deadline = time.monotonic() + 10
    while not (found := list(folder.glob(pattern))) and time.monotonic() < deadline:
        time.sleep(0.02)
    (path,) = found
    return path


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium; skips the test where there is none."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium on this machine to open the page in")
    found = Browser(chromium, tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture(scope="session")
def table() -> Table:
    """The embedded benchmark with noise, which every machine has."""
    return open_table("cifar10-surrogate@1")


@pytest.fixture(scope="session")
def written(table: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The explorer of it."""
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    write_explorer(path, table)
    return path


@pytest.fixture
def page(browser: Browser, written: Path) -> Page:
    """The explorer, to be opened."""
    return Page(browser, written)
