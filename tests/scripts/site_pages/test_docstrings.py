"""Docstrings as Markdown."""

from __future__ import annotations

import pytest

pytest.importorskip("griffe", reason="what reads docstrings is not installed: the extra 'docs'")
from scripts.site_pages.docstrings import text_lines


def lines(text: str) -> list[str]:
    return list(text_lines(text, {"Cell": "python-robustnas.md#robustnas.Cell"}.get))


def test_what_looks_like_markup_is_text() -> None:
    assert lines("Names such as ['clean', 'pgd@1'], a<b, 0.5*clean + 0.5*pgd@1.") == [
        "Names such as \\['clean', 'pgd@1'\\], a&lt;b, 0.5\\*clean + 0.5\\*pgd@1.",
        "",
    ]
    assert lines("An *emphasis*, ``a[0] * b<c>``.") == ["An *emphasis*, ``a[0] * b<c>``.", ""]


def test_public_names_are_links() -> None:
    assert lines("A `Cell`, a `cell`, ``Cell``.") == [
        "A [`Cell`](python-robustnas.md#robustnas.Cell), a `cell`, ``Cell``.",
        "",
    ]


def test_doctests_without_a_heading_are_code() -> None:
    assert lines("One.\n\n>>> 1 + 1\n2\n\n>>> 3\n3") == [
        *("One.", ""),
        *("```pycon", ">>> 1 + 1", "2", "```", ""),
        *("```pycon", ">>> 3", "3", "```", ""),
    ]


def test_a_literal_block_is_code_with_its_blank_lines() -> None:
    assert lines("So::\n\n    [[a]]\n    b\n\n    c\n\nEnd.") == [
        *("So:", ""),
        *("```text", "[[a]]", "b", "", "c", "```", ""),
        *("End.", ""),
    ]
