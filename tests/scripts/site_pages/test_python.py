"""The reference has every public name, and says of it what the code says."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

from tests import ROOT

pytest.importorskip("griffe", reason="what reads docstrings is not installed: the extra 'docs'")
from scripts.site_pages.python import PACKAGES, reference_pages

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return reference_pages(ROOT)


def test_every_public_name_is_there(pages: dict[str, str]) -> None:
    text = "\n".join(pages.values())
    anchors = set(re.findall(r"\{ #([\w.]+)", text))
    packages = [
        found.name
        for package in PACKAGES
        for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
        if found.ispkg and "._" not in found.name
    ]
    names = {
        f"{package}.{name}"
        for package in (*PACKAGES, *packages)
        for name in getattr(importlib.import_module(package), "__all__", ())
    }
    assert len(names) > 150
    where = anchors | {"robustnas.space"}  # a module: a link to its own names
    assert names - where == set()
    assert "[`robustnas.spaces.nasbench201.space`](" in pages["robustnas"]


def test_every_name_that_the_documentation_imports_is_there(pages: dict[str, str]) -> None:
    text = "\n".join(pages.values())
    lines = "\n".join(page.read_text() for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))
    pattern = rf"^(?:>>> )?from ((?:{'|'.join(PACKAGES)})[\w.]*) import ([\w, ]+)"
    imported = {(module, name) for module, names in re.findall(pattern, lines, re.M) for name in names.split(", ")}
    assert len(imported) > 25
    lacking = {(module, name) for module, name in imported if not re.search(rf"\b{re.escape(name.strip())}\b", text)}
    assert lacking == set()


def test_a_class_and_its_methods(pages: dict[str, str]) -> None:
    page = pages["searchers"]
    assert "### Searcher { #searchers.Searcher }" in page
    assert "#### ask { #searchers.Searcher.ask data-toc-label='Searcher.ask' }" in page
    assert "@abstractmethod\ndef ask(self) -> Any" in page
    assert "- [`SearchStalled`](python-robustnas.errors.md#robustnas.errors.SearchStalled): There is nothing" in page
    assert "```pycon\n>>> import numpy as np\n" in page
    assert "\n>>> " not in re.sub(r"```pycon\n.*?```", "", page, flags=re.DOTALL)


def test_brackets_and_products_are_as_they_were_written(pages: dict[str, str]) -> None:
    outside = re.sub(r"```.*?```|`[^`\n]*`|\]\([^)]*\)|^#.*$", "", "\n".join(pages.values()), flags=re.DOTALL | re.M)
    assert not re.search(r"(?<![\\\]])\[(?!\])[^\]`]*'[^\]]*(?<!\\)\]", outside)
    assert not re.search(r"\w(?<!\\)\*\w[^\n]*\w\*\w", outside)
