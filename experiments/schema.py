"""What the files of an experiment may hold: fields, types, lengths and ranges, checked in one place when they are read.

A schema is a pydantic model. Fields that it does not name are left alone, so that files of later versions open.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from robustnas.checks import has_control_characters
from robustnas.errors import DataError, excerpt

_LARGEST = 2**63 - 1  # what the columns of records hold
_WORDS = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "an object",
    "string_type": "a text",
    "string_unicode": "a text in valid Unicode",
    "too_short": "at least one entry",
    "string_too_short": "a text",
}
"""Faults in our words, by pydantic's name."""


class Schema(BaseModel):
    """The fields of an object. They are read strictly: 1.0 is no whole number, and "1" no number at all."""

    model_config = ConfigDict(strict=True, extra="ignore")


def checked(schema: type[Schema], content: Any, where: str, kind: str) -> dict[str, Any]:
    """Return an object that fits a schema, as it is.

    Args:
        schema: The schema.
        content: What was read.
        where: The place for error messages: the file, and the line.
        kind: What the object is, with its article, such as ``a run``.

    Raises:
        DataError: It does not fit; names the place, the field and its value, and says what was expected.
    """
    if not isinstance(content, dict):
        raise DataError(f"{where} holds a {type(content).__name__}; expected a JSON object, {kind}")
    try:
        schema.model_validate(content)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        missing = [str(fault["loc"][0]) for fault in faults if fault["type"] == "missing" and len(fault["loc"]) == 1]
        if missing:
            raise DataError(f"{where} is not {kind}: it lacks {', '.join(missing)}") from None
        raise DataError(f"{where}: {_sentence(faults[0])}") from None
    return content


def read_json(text: str | bytes, where: str) -> Any:
    """Return what JSON holds.

    Raises:
        DataError: It is not JSON, or nothing that Python reads: integers of thousands of digits, lists within thousands
            of lists.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise DataError(f"{where} is nested thousands of levels deep; expected a few levels") from None
    except ValueError as error:
        raise DataError(f"{where} is not JSON: {error}") from None


def expected(what: str) -> PydanticCustomError:
    """Return the fault of a value that is not what was expected, for validators of one's own."""
    return PydanticCustomError("expected", "{what}", {"what": what})


def _printable(text: str) -> str:
    if has_control_characters(text):
        raise expected("a text without control characters")
    return text


def _different(values: list[Hashable]) -> list[Hashable]:
    if len(set(values)) < len(values):
        twice = next(value for i, value in enumerate(values) if value in values[:i])
        raise expected(f"different entries; {excerpt(twice)} is there twice")
    return values


def _not_infinite(values: list[float | None]) -> list[float | None]:
    for i, value in enumerate(values):
        if value is not None and math.isinf(value):
            raise expected(f"finite numbers; that at [{i}] is infinite")
    return values


def _perhaps_unknown(value: float) -> float:
    if math.isinf(value):
        raise expected("a finite number, or NaN where it is unknown")
    return value


def _scores(values: Any) -> Any:
    """Check the scores of queries: one number each, or a list of as many numbers each."""
    if not isinstance(values, list):
        raise expected("a list")
    widths = {len(value) if isinstance(value, list) else 0 for value in values}
    if len(widths) > 1:
        raise expected("one number for each query, or as many numbers for every query")
    if [] in values or not all(_is_score(value) for value in values):
        raise expected("finite numbers, NaN where one is unknown")
    return values


def _score(value: Any) -> Any:
    if not _is_score(value):
        raise expected("a finite number, NaN where it is unknown")
    return value


def _is_score(value: Any) -> bool:
    """Return whether a value is a number that may be unknown, or a list of such numbers."""
    if isinstance(value, list):
        return not any(isinstance(part, list) or not _is_score(part) for part in value)
    if type(value) is int:
        return abs(value) <= _LARGEST
    return value is None or (type(value) is float and not math.isinf(value))


def _one_or_each(kind: type, words: str, value: Any) -> Any:
    entries = value if isinstance(value, list) else [value]
    if not all(type(entry) in ((int, float) if kind is float else (kind,)) for entry in entries):
        raise expected(f"{words}, or a list of them")
    if kind is float and not all(type(entry) is int or math.isfinite(entry) for entry in entries):
        raise expected("finite numbers")
    if kind is float and not all(abs(entry) <= _LARGEST for entry in entries if type(entry) is int):
        raise expected("numbers")
    for text in dict.fromkeys(entries) if kind is str else ():
        _printable(text)
    return value


Entry = TypeVar("Entry")
Text = Annotated[str, Field(min_length=1), AfterValidator(_printable)]
"""A text that can be shown on one line."""

Whole = Annotated[int, Field(ge=0, le=_LARGEST)]
Count = Annotated[int, Field(ge=1, le=_LARGEST)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Known = Annotated[float, AfterValidator(_perhaps_unknown)] | None
"""A number that may be unknown: NaN, or null."""

Numbers = Annotated[list[float | None], AfterValidator(_not_infinite)]
Scores = Annotated[Any, PlainValidator(_scores)]
Score = Annotated[Any, PlainValidator(_score)]
CostOfEach = Annotated[Any, PlainValidator(lambda value: _one_or_each(float, "a number", value))]
SourceOfEach = Annotated[Any, PlainValidator(lambda value: _one_or_each(str, "a text", value))]
Different = Annotated[list[Entry], Field(min_length=1), AfterValidator(_different)]
Texts = dict[Text, Text] | None
"""Texts by name, such as versions by package."""


def _sentence(fault: Mapping[str, Any]) -> str:
    """Return a fault in words: field, value, and what was expected."""
    field = ""
    for part in fault["loc"]:
        if part == "[key]":
            continue
        field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else str(part)
    if fault["type"] == "missing":
        return f"{field} is missing"
    what = fault["ctx"]["what"] if fault["type"] == "expected" else _WORDS.get(fault["type"])
    what = what or fault["msg"].removeprefix("Input should be ").replace("valid integer", "whole number")
    return f"{field} is {excerpt(fault['input'])}; expected {what}"
