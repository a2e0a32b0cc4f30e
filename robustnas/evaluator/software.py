"""Software: the versions that are recorded with every number, and those that a number depends on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robustnas.measurements import Measurement

_RECORDED = (
    "robustnas",
    "torch",
    "numpy",
    "pyautoattack",
    "imagecorruptions-imaug",
)
_COMPUTES = ("torch", "pyautoattack", "imagecorruptions-imaug")
_FIRST = {"pyautoattack": "0.2.0", "imagecorruptions-imaug": "1.1.5"}


def versions() -> dict[str, str]:
    """Return the versions of the packages that take part in a measurement, by name; those that are not installed lack.

    >>> "numpy" in versions()
    True
    """
    found = {name: installed(name) for name in _RECORDED}
    return {name: text for name, text in found.items() if text}


@cache
def installed(package: str) -> str:
    """Return the version of a package, an empty text if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def defining(package: str) -> dict[str, str]:
    """Return what the key of a number says of a package that *defines* it: an attack's algorithm, corrupted images.

    Another release of such a package may give other numbers, so that it belongs to the key. (A release of torch or
    numpy, and a device, compute the same thing with other rounding: they are recorded, and no part of the key.) Nothing
    is said of the first release that was supported, whose numbers were kept before this was part of the key; nor of a
    package that is not installed, which measures nothing.

    >>> defining("pyautoattack") in ({}, {"pyautoattack": installed("pyautoattack")})
    True
    """
    found = installed(package)
    return {} if found in ("", _FIRST[package]) else {package: found}


def differing_note(stored: Sequence[Measurement], device: str) -> list[str]:
    """Return a note on numbers of a store that other versions or another device measured; nothing if there are none.

    Args:
        stored: The numbers.
        device: The device here, as `robustnas.evaluator.device.device_name` calls it.
    """
    here = {name: installed(name) for name in _COMPUTES} | {"device": device}
    others: dict[str, int] = {}
    for value in stored:
        there = {**value.versions, "device": value.device}
        texts = [f"{name} {there[name]}" for name in here if there.get(name, here[name]) != here[name]]
        if texts:
            others[", ".join(texts)] = others.get(", ".join(texts), 0) + 1
    return [
        f"1 number from the store was measured with {text}; --remeasure measures it again"
        if n == 1
        else f"{n:,} numbers from the store were measured with {text}; --remeasure measures them again"
        for text, n in others.items()
    ]
