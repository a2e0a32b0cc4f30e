"""JSON, and JSON lines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from robustnas.errors import DataError, excerpt
from robustnas.tables.json_object import unique_object
from robustnas.tables.sheets.objects import EXPECTED, ObjectReader
from robustnas.tables.sheets.sheet import Sheet
from robustnas.tables.sheets.text import decoded

_ASSIGNMENT = re.compile(r"\s*(?:(?:var|let|const)\s+)?[A-Za-z_$][\w$.]*\s*=\s*[\[{]")


def read_json(path: Path, content: bytes, reader: ObjectReader) -> Sheet:
    """Read JSON; a text that holds JSON itself and JSON lines are read too.

    Raises:
        DataError: It is not JSON, or of another form.
    """
    text = decoded(path, content)
    if _ASSIGNMENT.match(text):
        raise DataError(
            f"{path}: is a JavaScript assignment, as the web pages of databases have it; "
            f"robustnas data import {path} reads those that it knows"
        )
    try:
        value = _loaded(text, str(path))
        value = _loaded(value, str(path)) if isinstance(value, str) else value
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and error.lineno > 1:
            return read_json_lines(path, content, reader)
        raise DataError(f"{path}: is not JSON, or cut short: {error}") from None
    return reader.sheet(value)


def read_json_lines(path: Path, content: bytes, reader: ObjectReader) -> Sheet:
    """Read JSON lines: an object or a list in each line.

    Raises:
        DataError: A line is not JSON; names it.
    """
    rows, numbers = [], []
    for number, line in enumerate(decoded(path, content).split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append(_loaded(line, f"{path}, line {number}"))
        except json.JSONDecodeError as error:
            what = f"is not JSON, or cut short: {error.msg} at character {error.pos + 1}: {excerpt(line.strip())}"
            raise DataError(f"{path}, line {number}: {what}") from None
        numbers.append(number)
    return reader.sheet(rows, numbers)


def _loaded(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: unique_object(pairs, where))
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:  # Python reads no integers of more than 4,300 digits
        what = "is nested too deep" if isinstance(error, RecursionError) else f"cannot be read: {error}"
        raise DataError(f"{where}: {what}; {EXPECTED}") from None
