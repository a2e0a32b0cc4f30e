"""Docstrings as Markdown: sections as lists, doctests as code, and nothing that only looks like markup taken for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from griffe import Docstring, DocstringSectionKind

Link = Callable[[str], str | None]
"""Returns the address of a public name, such as ``Searcher`` or ``robustnas.spaces.Encoding``; None if it is none."""

_TITLES = {
    DocstringSectionKind.parameters: "Parameters",
    DocstringSectionKind.attributes: "Attributes",
    DocstringSectionKind.raises: "Raises",
    DocstringSectionKind.returns: "Returns",
    DocstringSectionKind.yields: "Yields",
}
_CODE = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)
_NAME = re.compile(r"`([A-Za-z_]\w*(?:\.\w+)*)`")


def docstring_lines(docstring: Docstring | None, link: Link) -> Iterator[str]:
    """Yield the lines of a docstring in the Google style as Markdown."""
    for section in docstring.parse("google", warnings=False) if docstring else ():
        value: Any = section.value
        if section.kind is DocstringSectionKind.text:
            yield from text_lines(value, link)
        elif section.kind is DocstringSectionKind.examples:
            yield from text_lines("\n\n".join(text for _, text in value), link)
        elif section.kind is DocstringSectionKind.admonition:
            yield from (f"**{section.title}**", "", *text_lines(value.description, link))
        elif title := _TITLES.get(section.kind):
            yield from (f"**{title}**", "", *(_item(entry, link) for entry in value), "")


def text_lines(text: str, link: Link) -> Iterator[str]:
    """Yield the lines of a text, doctests and literal blocks as fenced code.

    Args:
        text: Paragraphs as docstrings have them.
        link: Where public names are described.
    """
    literal = False
    for block in _blocks(text):
        if block.startswith(">>> "):
            yield from ("```pycon", *block.splitlines(), "```", "")
        elif literal and block.startswith("    "):
            yield from (_fence(block), *(line[4:] for line in block.splitlines()), "```", "")
        else:
            yield from (*_prose(re.sub(r"\s*::$", ":", block), link).splitlines(), "")
        literal = block.endswith("::") or block.rstrip() == "::"


def _blocks(text: str) -> list[str]:
    """Return the paragraphs of a text; what is indented is one, blank lines within it included."""
    found: list[str] = []
    for block in re.split(r"\n[ \t]*\n", text.strip("\n")):
        if found and block.startswith("    ") and found[-1].startswith("    "):
            found[-1] += f"\n\n{block}"
        elif block.strip():
            found.append(block)
    return found


def _fence(block: str) -> str:
    return "```python" if re.search(r"^\s+(from|import|class|def) |\w\(", block, re.MULTILINE) else "```text"


def _item(entry: Any, link: Link) -> str:
    """Return what is said of one parameter, attribute, error or value, as an item of a list."""
    kind = str(entry.annotation) if entry.annotation is not None else ""
    name = getattr(entry, "name", "")
    lead = f"`{name}`: " if name else (_linked(f"`{kind}`", link) + ": " if "Raise" in type(entry).__name__ else "")
    return f"- {lead}{' '.join(_prose(entry.description, link).split())}"


def _prose(text: str, link: Link) -> str:
    """Return a paragraph with names linked, and brackets, angles and products as they were written."""
    parts = _CODE.split(text)
    for index, part in enumerate(parts):
        if part.startswith("``"):
            continue
        parts[index] = _linked(part, link) if part.startswith("`") else _escaped(part)
    return "".join(parts)


def _escaped(text: str) -> str:
    return re.sub(r"(?<=\w)\*(?=\w)|[\[\]]", r"\\\g<0>", text.replace("&", "&amp;").replace("<", "&lt;"))


def _linked(code: str, link: Link) -> str:
    found = _NAME.fullmatch(code)
    address = link(found[1]) if found else None
    return f"[{code}]({address})" if address else code
