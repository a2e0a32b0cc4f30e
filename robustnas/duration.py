"""Durations as text: what a budget of simulated time is written as."""

from __future__ import annotations

import math
import re

from robustnas.errors import InvalidInputError, excerpt

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_WORDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
}
_DURATION = re.compile(r"\s*(\d{1,15}(?:\.\d{0,25})?|\.\d{1,25})\s*([a-z]+)\s*", re.ASCII | re.IGNORECASE)


def parse_duration(text: object, name: str = "duration", expected: str = "a duration") -> float:
    """Return the seconds of a duration such as ``20 h``, ``90 min``, ``3600 s`` or ``2 d``.

    Args:
        text: The duration: a positive number and a unit.
        name: What messages call it.
        expected: What messages say was expected, before the example.

    Raises:
        InvalidInputError: It is not a duration; the message has an example.

    >>> parse_duration("20 h"), parse_duration("1.5min")
    (72000.0, 90.0)
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    unit = _WORDS.get(match[2].lower()) if match else None
    seconds = float(match[1]) * _SECONDS[unit] if match and unit else 0.0
    if not seconds > 0:
        raise InvalidInputError(f"{name} is {excerpt(text)}; expected {expected} such as '20 h' (units: s, min, h, d)")
    return seconds


def duration_text(seconds: float) -> str:
    """Return a duration in the largest unit that gives a whole number: one text for every way to write it.

    >>> duration_text(72000.0), duration_text(5400.0), duration_text(172800.0), duration_text(0.5)
    ('20 h', '90 min', '2 d', '0.5 s')
    """
    unit = next((unit for unit in ("d", "h", "min") if seconds % _SECONDS[unit] == 0), "s")
    value = seconds / _SECONDS[unit]
    return f"{value:.0f} {unit}" if value == math.floor(value) else f"{value!r} {unit}"


def spoken(seconds: float) -> str:
    """Return a duration to read, rounded to three digits.

    >>> spoken(3723.0), spoken(431.9), spoken(12.0)
    ('1.03 h', '7.2 min', '12 s')
    """
    unit = "h" if seconds >= _SECONDS["h"] else "min" if seconds >= _SECONDS["min"] else "s"
    value = seconds / _SECONDS[unit]
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.3g} {unit}"
