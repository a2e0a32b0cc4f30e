"""Rows of delimited text: CSV and its relatives, and lists split at white space.

What people and programs write is read where it has one meaning: comment lines, a file without a header, an unnamed
index, tuples that nobody quoted.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from robustnas.errors import DataError, excerpt
from robustnas.spaces import EnumerableSpace
from robustnas.tables.sheets.header import Header, is_headline, is_second_headline, named
from robustnas.tables.sheets.recognition import is_architecture
from robustnas.tables.sheets.sheet import Sheet
from robustnas.tables.sheets.text import decoded

Row: TypeAlias = tuple[int, list[str]]
"""The number of a row's last line, and its fields."""

_DELIMITERS = (",", "\t", ";")
_ENCLOSED = re.compile(r'"[^"]*"|\([^()]*\)|\[[^\[\]]*\]')
_ID = re.compile(r"#\d+")
_KEY_LIKE = re.compile(r"arch|net|cell|\b[iu]+d\b", re.IGNORECASE)
_OPEN, _CLOSE = re.compile(r"[(\[{]"), re.compile(r"[)\]}]")


def read_delimited(path: Path, content: bytes, space: EnumerableSpace[Any]) -> Sheet:
    """Read delimited text; the delimiter is found in the first line that is not a comment.

    Raises:
        DataError: It is not delimited text; names the line.
    """
    source = _Source(path, decoded(path, content), space)
    rows = list(source.rows())
    if not rows:
        raise DataError(f"{path}: is empty; expected a header line and rows")
    notes = []
    if is_headline([fields for _, fields in rows[:4]], space):
        line, names = rows.pop(0)
    else:
        line, names = _last_comment(source, len(rows[0][1]), space)
        if not names:
            names = [f"column_{place}" for place in range(1, len(rows[0][1]) + 1)]
            notes.append(f"the file has no header line: its columns are called {names[0]} to {names[-1]}")
    if is_second_headline([fields for _, fields in rows], space):
        what = f"looks like a second header line: {excerpt(','.join(rows[0][1]))}"
        raise DataError(f"{path}, line {rows[0][0]}: {what}; expected one line of names, then rows of numbers")
    header = named(str(path), line, names)
    fields = list(_aligned(path, header, rows, space))
    columns: dict[str, Sequence[object]] = dict(zip(header.names, map(list, zip(*fields, strict=True)), strict=False))
    places = [f"line {line}" for line, _ in rows]
    return header.sheet(str(path), columns, places, tuple(notes))


@dataclass
class _Source:
    """The lines of a file.

    Attributes:
        path: The file, for messages.
        text: Its text.
        space: The search space, to tell comments from ids such as ``#13433``.
        comments: The comment lines before the first row.
    """

    path: Path
    text: str
    space: EnumerableSpace[Any]
    comments: list[Row] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        """Yield the rows that are neither empty nor comments."""
        stream = io.StringIO(self.text, newline="")
        skipped, first, delimiter = self._head(stream)
        if not first:
            return
        if delimiter is None and not (delimiter := _delimiter(first, self.path)):
            yield from ((number, row) for number, row in self._split(first, stream, skipped) if self._counts(row))
            return
        reader = csv.reader(_chain(first, stream), delimiter=delimiter, strict=True)
        try:
            for row in reader:
                if self._counts(row):
                    yield skipped + reader.line_num, row
        except csv.Error as error:
            raise DataError(f"{self.path}, line {skipped + reader.line_num}: is not CSV: {error}") from None

    def _head(self, stream: io.StringIO) -> tuple[int, str, str | None]:
        """Return how many lines precede the first row, that row's line, and the delimiter if a line names it."""
        delimiter = None
        for number, line in enumerate(stream):
            text = line.strip()
            if number == 0 and (declared := re.fullmatch(r"sep=(.)", line.strip("\r\n"))):
                delimiter = declared[1]
            elif text and not self._is_comment(_first_field(text)):
                return number, line, delimiter
            elif text:
                self.comments.append((number + 1, [text.lstrip("# \t")]))
        return 0, "", delimiter

    def _split(self, first: str, stream: io.StringIO, skipped: int) -> Iterator[Row]:
        """Yield the fields of lines split at white space, outside brackets and quotes."""
        for number, line in enumerate(_chain(first, stream), skipped + 1):
            yield number, [text.strip("\"'") for text in joined_brackets(line.split(), " ")]

    def _counts(self, row: Sequence[str]) -> bool:
        return any(text.strip() for text in row) and not self._is_comment(row[0].strip())

    def _is_comment(self, text: str) -> bool:
        return text.startswith("#") and not _ID.fullmatch(text) and not is_architecture(text, self.space)


def _first_field(text: str) -> str:
    return re.split(r"[,;\t ]", text, maxsplit=1)[0]


def _chain(first: str, rest: io.StringIO) -> Iterator[str]:
    yield first
    yield from rest


def _delimiter(line: str, path: Path) -> str | None:
    """Return what separates the fields of a line, outside brackets and quotes; None for white space."""
    plain = _ENCLOSED.sub("", line)
    if path.suffix.lower() in (".txt", ".dat") and re.search(r"  |\t | \t", plain) and not set(",;") & set(plain):
        return None
    best = max(_DELIMITERS, key=plain.count)
    return best if best in plain or len(line.split()) < 2 else None


def _last_comment(source: _Source, n_fields: int, space: EnumerableSpace[Any]) -> tuple[int, list[str]]:
    """Return the names that the last comment before the rows gives to their fields, as numpy writes them."""
    if not source.comments:
        return 1, []
    line, (text,) = source.comments[-1]
    delimiter = _delimiter(text, source.path)
    names = [name.strip() for name in text.split(delimiter)]
    fits = len(names) == n_fields and not any(is_architecture(name, space) for name in names)
    return line, names if fits and is_headline([names], space) else []


def joined_brackets(fields: Sequence[str], delimiter: str) -> list[str]:
    """Return fields with those put together that stand between one pair of brackets.

    >>> joined_brackets(["(4", " 0)", "1.5"], ",")
    ['(4, 0)', '1.5']
    """
    found: list[str] = []
    depth = 0
    for text in fields:
        if depth > 0:
            found[-1] += delimiter + text
        else:
            found.append(text)
        depth = max(0, depth + len(_OPEN.findall(text)) - len(_CLOSE.findall(text)))
    return found


def _aligned(path: Path, header: Header, rows: Sequence[Row], space: EnumerableSpace[Any]) -> Iterator[list[str]]:
    """Yield the fields of every row, as many as the header has names.

    Where every row has one more, the first is an index without a name: row numbers, or architectures that no name lays
    claim to.
    """
    expected = len(header.names)
    if rows and all(len(fields) == expected + 1 for _, fields in rows):
        firsts = [fields[0].strip() for _, fields in rows]
        unclaimed = is_architecture(firsts[0], space) and not any(map(_KEY_LIKE.search, header.names))
        if unclaimed or firsts == [str(row) for row in range(len(rows))]:
            header.add_index()
            expected += 1
    for line, row in rows:
        fields = row
        if len(fields) != expected:
            fields = [text.strip("\"' ") for text in joined_brackets(row, ",")]
        while len(fields) > expected and not fields[-1].strip():
            fields = fields[:-1]
        if len(fields) != expected:
            what = f"has {len(row)} field{'s' * (len(row) != 1)}; expected {expected}, as in the header"
            raise DataError(f"{path}, line {line}: {what}: {excerpt(','.join(row))}")
        yield fields
