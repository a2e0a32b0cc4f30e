"""The style that all figures share, and their rendering to bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from experiments.pages.fonts import FAMILY, fit_fonts, quiet_glyphs
from experiments.pages.palette import LIGHT, N_SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = tuple(LIGHT[f"series-{i + 1}"] for i in range(N_SERIES))
"""Colours of series; see `experiments.pages.palette`, which has their counterparts on a dark page."""

INK, QUIET, GREY = LIGHT["ink"], LIGHT["quiet"], LIGHT["grey"]
"""The colours of text and axes, of text that stands back, and of lines that data is compared with."""

_HOMES = ("random", "local", "evolution", "gp", "xgboost", "forest", "bananas", "nsga2")

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
    "svg.fonttype": "none",  # text stays text: it can be searched, copied, read aloud, and has the font of the page
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


def places_of(names: Sequence[str]) -> dict[str, int]:
    """Return the place of every series among colours and dashes: one for each name, the same in every figure.

    Names in `_HOMES` have theirs in every report; others take what is left, in the order of the plan.

    >>> places_of(["my own", "gp", "random"])
    {'my own': 1, 'gp': 3, 'random': 0}
    """
    taken = {name: _HOMES.index(name) for name in names if name in _HOMES}
    free = (place for place in count() if place not in taken.values())
    return {name: taken[name] if name in taken else next(free) for name in names}


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """Return the colour of every series of a plan."""
    return {name: PALETTE[place % len(PALETTE)] for name, place in places_of(names).items()}


class PanelFigure(Figure):
    """A figure that knows its panels, so that a narrow page can have them one below the other.

    Attributes:
        grid: The axes of its panels, row by row.
        n_columns: Panels in a row.
        row: The height of a row of panels, in inches.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.grid: list[Axes] = []
        self.n_columns = 1
        self.row = 0.0


def new_figure(width: float, height: float) -> PanelFigure:
    """Return an empty figure, width and height in inches."""
    figure = PanelFigure(figsize=(width, height), layout=None)
    FigureCanvasAgg(figure)
    return figure
