"""The encoding of a text file: UTF-8, or UTF-16 and UTF-32 by their byte-order marks.

Editors on Windows write a mark before UTF-8, and its shells redirect output to UTF-16.
"""

from __future__ import annotations

import codecs

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # begins like UTF-16's mark, so it is tried first
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def text_encoding(content: bytes) -> str:
    """Return the encoding of a text by its first bytes; one that leaves the mark out.

    >>> text_encoding(b"budget = 300"), text_encoding(codecs.BOM_UTF8 + b"budget = 300")
    ('utf-8', 'utf-8-sig')
    >>> text_encoding("budget".encode("utf-16")), text_encoding("budget".encode("utf-16-le"))
    ('utf-16', 'utf-16-le')
    """
    marked = next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), None)
    return marked or _unmarked(content)


def _unmarked(content: bytes) -> str:
    """Return the encoding of text without a mark: UTF-16 if every other of its first bytes is zero."""
    start = content[:200]
    if len(start) >= 4 and not any(start[1::2]) and all(start[0::2]):
        return "utf-16-le"
    if len(start) >= 4 and not any(start[0::2]) and all(start[1::2]):
        return "utf-16-be"
    return "utf-8"
