"""The site: built strictly, as `make site` does, without a request in any page; every page in the navigation."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from scripts.site_pages.__main__ import page_of, write_pages
from tests import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the configuration, the pages and the site."""
    pytest.importorskip("zensical", reason="what builds the site is not installed: the extra 'docs'")
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "zensical.toml", folder)
    explorer = folder / "explorer.html"
    explorer.write_text("<!doctype html><title>The explorer</title>")
    write_pages(folder / "build" / "site-pages", explorer)
    build = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
    told = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)
    assert done.returncode == 0, told
    assert "No issues found" in told
    return folder


def test_links_lead_to_pages_of_the_site() -> None:
    text = "[rules](../CONTRIBUTING.md#house-rules), [noise](docs/noise.md), [elsewhere](https://a.org/docs/b.md)"
    assert (
        page_of(text) == "[rules](contributing.md#house-rules), [noise](noise.md), [elsewhere](https://a.org/docs/b.md)"
    )


def named(nav: object) -> Iterator[str]:
    """Yield the pages that a navigation names."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for value in nav.values():
            yield from named(value)
    elif isinstance(nav, list):
        for value in nav:
            yield from named(value)


def test_every_page_is_in_the_navigation_once(site: Path) -> None:
    nav = list(named(tomllib.loads((site / "zensical.toml").read_text())["project"]["nav"]))
    pages = {path.name for path in (site / "build" / "site-pages").glob("*.md")}
    assert set(nav) == pages
    assert len(nav) == len(pages) >= 40
    assert {path.stem for path in (site / "site").glob("*.html")} >= {name.removesuffix(".md") for name in pages}


class Requests(HTMLParser):
    """Collects what a page would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            loads = name in ("src", "srcset") or (tag == "link" and name == "href")
            if loads and value and re.match(r"(https?:)?//", value):
                self.found.append(f"{tag} {value}")


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for page in (site / "site").glob("*.html"):
        requests = Requests()
        text = page.read_text(encoding="utf-8")
        requests.feed(text)
        assert requests.found == [], page.name
        assert 'class="mermaid"' not in text, f"{page.name}: the theme would fetch mermaid to draw it"
    assert not any("@import" in path.read_text() for path in (ROOT / "docs/assets").glob("*.css"))


def test_the_explorer_is_carried(site: Path) -> None:
    assert '<a href="assets/explorer.html">Open it</a>' in (site / "site" / "explorer.html").read_text(encoding="utf-8")
    assert (site / "site" / "assets" / "explorer.html").read_text() == (site / "explorer.html").read_text()


def test_doctests_and_commands_are_shown_as_code(site: Path) -> None:
    searchers = (site / "site" / "python-searchers.html").read_text(encoding="utf-8")
    assert '<span class="gp">&gt;&gt;&gt; </span>' in searchers
    assert "<p>&gt;&gt;&gt;" not in searchers
    identity = (site / "site" / "identity.html").read_text(encoding="utf-8")
    assert '<span class="gp">&gt;&gt;&gt; </span>' in identity
