"""A heat map: a matrix as shaded fields with numbers in them, readable in print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize, TwoSlopeNorm

from robustnas.arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

DIVERGING, RISING = "PuOr_r", "Blues"
"""Colour maps that stay apart for colour-blind readers: around zero, and from nothing to much."""

_DARK = 0.45  # relative luminance below which text is white
_NOTHING = "#e4e6ea"  # where a number is missing


def draw_heat_map(
    axes: Axes,
    values: FloatArray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    norm: Normalize,
    cmap: str = RISING,
    write: Callable[[float], str] | None = None,
    written: FloatArray | None = None,
    font_size: float = 7.0,
) -> AxesImage:
    """Draw a matrix.

    Args:
        axes: Where.
        values: Shape (n_rows, n_columns); NaN is drawn grey and without a number.
        rows: Names of the rows; none are written if empty.
        columns: Names of the columns, written above.
        norm: From values to shades.
        cmap: The colour map.
        write: From a value to the number written in its field; None for no numbers.
        written: The values to write, of the same shape, if not those that are shaded.
        font_size: Of these numbers, in points.

    Returns:
        The image, for a colour bar.
    """
    colours = mpl.colormaps[cmap].with_extremes(bad=_NOTHING)
    image = axes.imshow(np.ma.masked_invalid(values), cmap=colours, norm=norm, aspect="auto")
    axes.set_xticks(range(len(columns)), list(columns))
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    numbers = values if written is None else written
    for i, j in np.ndindex(*values.shape):
        if write is not None and np.isfinite(numbers[i, j]):
            ink = "#ffffff" if _luminance(colours(norm(values[i, j]))) < _DARK else "#000000"
            axes.text(j, i, write(float(numbers[i, j])), ha="center", va="center", fontsize=font_size, color=ink)
    return image


def around_zero(values: FloatArray) -> TwoSlopeNorm:
    """Return a norm with zero in the middle, symmetric, that holds all values.

    >>> norm = around_zero(np.array([-1.0, 3.0]))
    >>> norm.vmin, norm.vmax
    (-3.0, 3.0)
    """
    finite = np.abs(values[np.isfinite(values)])
    most = max(float(finite.max()) if finite.size else 1.0, 1e-9)
    return TwoSlopeNorm(0.0, -most, most)


def _luminance(colour: Any) -> float:
    red, green, blue, _ = colour
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)
