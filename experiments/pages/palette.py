"""Two palettes, light and dark, that pages and figures share: colours by name, which pages set as CSS variables.

A figure is drawn in the light one, which is that of paper; on a page its colours become variables, so that it follows
the reader's scheme. Text has a contrast of at least 4.5 with its background, lines of 3 (WCAG 2.2, 1.4.3 and 1.4.11).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

N_SERIES = 8
"""Colours of searchers, surrogates and other series, which stay apart for colour-blind readers."""

LIGHT: Mapping[str, str] = {
    "page": "#ffffff",
    "soft": "#f5f6f8",
    "ink": "#1f2329",
    "quiet": "#5c6470",
    "grey": "#868c95",
    "line": "#d9dde3",
    "accent": "#0072b2",
    "warn": "#fff3d6",
    "warn-ink": "#5b4300",
    "series-1": "#0072b2",
    "series-2": "#cf5600",
    "series-3": "#00875f",
    "series-4": "#b8528f",
    "series-5": "#a87400",
    "series-6": "#2b8cc4",
    "series-7": "#7a5195",
    "series-8": "#7d5f22",
}
"""Colours by name: ``ink`` and ``quiet`` are of text, ``grey`` of lines to compare data with; ``line`` only divides."""

DARK: Mapping[str, str] = {
    "page": "#15181c",
    "soft": "#1e2329",
    "ink": "#e4e7eb",
    "quiet": "#a2aab5",
    "grey": "#77808b",
    "line": "#3a414b",
    "accent": "#66b3e3",
    "warn": "#44360f",
    "warn-ink": "#ffe6a8",
    "series-1": "#4ba3dc",
    "series-2": "#f0803c",
    "series-3": "#2fbf93",
    "series-4": "#e08bc0",
    "series-5": "#e5ab2e",
    "series-6": "#7cc4ee",
    "series-7": "#b592d6",
    "series-8": "#c2a36b",
}
"""The same names on a dark page."""

TEXT = ("ink", "quiet", "accent")
"""Names of colours that text may have."""

LINES = ("grey", *(f"series-{i + 1}" for i in range(N_SERIES)))
"""Names of colours that lines of a figure may have."""

_IN_FIGURES = ("ink", "quiet", *LINES)
_SRGB_KNEE = 0.04045


def css_variables(palette: Mapping[str, str]) -> str:
    """Return the declarations of a palette's variables, such as ``--ink: #1f2329;``."""
    return " ".join(f"--{name}: {colour};" for name, colour in palette.items())


def with_variables(svg: str) -> str:
    """Return an SVG drawn in the light palette with its colours as variables, those of the palette behind them.

    >>> with_variables('<path style="stroke: #0072b2"/>')
    '<path style="stroke: var(--series-1, #0072b2)"/>'
    """
    names = {LIGHT[name]: name for name in _IN_FIGURES}
    pattern = "|".join(names)
    return re.sub(pattern, lambda found: f"var(--{names[found[0]]}, {found[0]})", svg)


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2).

    >>> contrast("#ffffff", "#000000")
    21.0
    """
    dark, light = sorted((relative_luminance(first), relative_luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def relative_luminance(colour: str) -> float:
    """Return the relative luminance of a colour such as ``#1f2329``, 0 to 1."""
    red, green, blue = (_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= _SRGB_KNEE else float(((channel + 0.055) / 1.055) ** 2.4)
