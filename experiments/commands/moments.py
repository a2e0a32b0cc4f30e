"""Moments in time, as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from robustnas.errors import InvalidInputError, excerpt

_AGE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(min|h|d|w)")
_UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, option: str) -> datetime:
    """Return the moment that a text names: a date, a UTC time, or an age before now.

    Args:
        text: ``2026-11-27``, ``2026-11-27T10:00:00``, with another zone if it has one; or ``30 d``, ``12h``.
        option: The option, for messages.

    Raises:
        InvalidInputError: It is none of these.

    >>> moment("2026-11-27T12:00+02:00", "--before").isoformat()
    '2026-11-27T10:00:00+00:00'
    """
    if age := _AGE.fullmatch(text.strip()):
        length = timedelta(**{_UNITS[age[2]]: float(age[1])})
        try:
            return datetime.now(UTC) - length
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(
            f"{option} is {excerpt(text)}; expected a date or UTC time such as 2026-11-27 or 2026-11-27T10:00:00, or "
            f"an age such as 30d or 12h"
        ) from None
