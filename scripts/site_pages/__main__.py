"""Writes the pages that `zensical build` makes the site of: ``python -m scripts.site_pages [FOLDER]``.

They are those of `docs/`, the notebooks, the project's own (contributing, changelog, security) and the reference. Links
between them work in the repository as they stand; here they lead to the same pages of the site.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from scripts.site_pages.commands import commands_page
from scripts.site_pages.notebooks import notebook_address, notebook_pages
from scripts.site_pages.python import reference_pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "build" / "site-pages"
EXPLORER = ROOT / "build" / "explorer.html"
"""What `make explorer` writes: the explorer's page on the embedded benchmark, for the site to carry if it is there."""

OWN = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md"}
"""Pages of the project that lie outside `docs/`, and what they are called on the site."""

_CARRIED = """\
[Open it](assets/explorer.html): all networks of the [embedded benchmark](embedded-benchmark.md), whose numbers are
predictions of a model and not measurements.
"""
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)")
_DOCTEST = re.compile(r"^```python\n(?=>>> )(.*?)\n*^```$", re.DOTALL | re.MULTILINE)


def write_pages(folder: Path = PAGES, explorer: Path = EXPLORER) -> None:
    """Write all pages anew.

    Args:
        folder: Where to; what is there is removed.
        explorer: The explorer's page, if there is one; the page on it then begins with a link.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder)
    for page in folder.glob("*.md"):
        page.write_text(page_of(page.read_text(encoding="utf-8")), encoding="utf-8")
    for name, target in OWN.items():
        (folder / target).write_text(page_of((ROOT / name).read_text(encoding="utf-8")), encoding="utf-8")
    (folder / "commands.md").write_text(commands_page(ROOT), encoding="utf-8")
    if explorer.exists():
        shutil.copy(explorer, folder / "assets" / "explorer.html")
        page = folder / "explorer.md"
        title, _, rest = page.read_text(encoding="utf-8").partition("\n")
        page.write_text(f"{title}\n\n{_CARRIED}\n{rest}", encoding="utf-8")
    for name, text in notebook_pages(ROOT).items():
        (folder / name).write_text(page_of(text), encoding="utf-8")
    for name, text in reference_pages(ROOT).items():
        (folder / f"python-{name}.md").write_text(text, encoding="utf-8")


def page_of(text: str) -> str:
    """Return a page with its links as they are on the site, and doctests marked as such."""
    return _DOCTEST.sub(r"```pycon\n\1\n```", _LINK.sub(lambda link: _address(link[1]), text))


def _address(link: str) -> str:
    name = notebook_address(link).removeprefix("../").removeprefix("docs/")
    return OWN.get(name, {"README.md": "index.md"}.get(name, name))


if __name__ == "__main__":
    write_pages(*map(Path, sys.argv[1:2]))
