"""The style that all figures share, and their rendering to bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from experiments.pages.fonts import FAMILY, fit_fonts, quiet_glyphs

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c6d31")
"""Colours that stay apart for colour-blind readers and on white as on dark pages (after Okabe and Ito)."""

INK = "#1f2329"
"""The colour of text and axes; a page may replace it in an SVG by the colour of its own text."""

QUIET = "#8b919a"
FORMATS = ("png", "pdf", "svg")

COLUMN_WIDTH, TEXT_WIDTH = 3.35, 6.9  # inches, of a two-column paper
STYLE: Any = {
    "font.family": FAMILY,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.4,
    "pdf.fonttype": 42,
    "svg.hashsalt": "robustnas",
    "text.parse_math": False,  # labels are words, dollars and all
}
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
}


def render(figure: Figure, file_format: str) -> bytes:
    """Return a figure as ``png`` (200 dots per inch), ``pdf`` (fonts embedded) or ``svg``, the same bytes each time."""
    content = io.BytesIO()
    fit_fonts(figure)
    with mpl.rc_context(STYLE), quiet_glyphs():
        figure.savefig(
            content, format=file_format, dpi=200, metadata=_METADATA[file_format], transparent=file_format == "svg"
        )
    return content.getvalue()


def colours_of(searchers: Sequence[str]) -> dict[str, str]:
    """Return the colour of every searcher, by its place in the plan."""
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(searchers)}


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, width and height in inches."""
    figure = Figure(figsize=(width, height), layout=None)
    FigureCanvasAgg(figure)
    return figure
