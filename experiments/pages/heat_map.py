"""A heat map: a matrix as shaded fields with numbers in them, readable in print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.ticker import FuncFormatter

from robustnas.arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from matplotlib.text import Text

DIVERGING, RISING = "PuOr_r", "Blues"
"""Colour maps that stay apart for colour-blind readers: around zero, and from nothing to much."""

_NUMBER = "number of a field"
_FILLED, _SMALLEST = 0.92, 5.0  # a share of a field; points
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
    hidden: np.ndarray[Any, np.dtype[np.bool_]] | None = None,
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
        hidden: Fields that stay empty, of the same shape, such as the half of a symmetric matrix that says the same;
            names of columns are then below.

    Returns:
        The image, for a colour bar.
    """
    colours = mpl.colormaps[cmap].with_extremes(bad=_NOTHING)
    there = np.ones(values.shape) if hidden is None else np.where(hidden, 0.0, 1.0)
    image = axes.imshow(np.ma.masked_invalid(values), cmap=colours, norm=norm, aspect="auto", alpha=there)
    axes.set_xticks(range(len(columns)), list(columns))
    if hidden is None:
        axes.xaxis.tick_top()
    axes.set_yticks(range(len(rows)), list(rows))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    numbers = values if written is None else written
    for i, j in np.ndindex(*values.shape):
        if write is not None and there[i, j] and np.isfinite(numbers[i, j]):
            ink = "#ffffff" if _luminance(colours(norm(values[i, j]))) < _DARK else "#000000"
            place: Any = {"ha": "center", "va": "center", "label": _NUMBER}
            axes.text(j, i, write(float(numbers[i, j])), fontsize=font_size, color=ink, **place)
    return image


def fit_numbers(figure: Figure) -> None:
    """Make the numbers of heat maps small enough for their fields, or leave them out; after a figure's layout."""
    for axes in figure.axes:
        numbers = [text for text in axes.texts if text.get_label() == _NUMBER]
        if numbers:
            n_rows, n_columns = np.asarray(axes.images[0].get_array()).shape
            _fit(numbers, _FILLED * axes.bbox.width / n_columns, _FILLED * axes.bbox.height / n_rows)


def _fit(numbers: Sequence[Text], width: float, height: float) -> None:
    """Shrink texts until the largest of them fits a box in pixels; remove them if none of a readable size does."""
    distinct = {text.get_text(): text for text in numbers}.values()
    size = float(numbers[0].get_fontsize())
    while any(box.width > width or box.height > height for box in (text.get_window_extent() for text in distinct)):
        size -= 0.25  # step by step, for glyphs have widths of whole pixels
        if size < _SMALLEST:
            break
        for text in distinct:
            text.set_fontsize(size)
    for text in numbers:
        text.set_fontsize(size) if size >= _SMALLEST else text.remove()


def colour_bar(figure: Figure, axes: Axes, image: AxesImage, label: str, factor: float = 1.0) -> None:
    """Draw the bar of a heat map's colours below it, where it takes no width from the fields.

    Args:
        figure: Laid out as `experiments.pages.panels` does.
        axes: Those of the heat map.
        image: The heat map.
        label: What the shades mean.
        factor: From values to the numbers on the bar.
    """
    bar = figure.colorbar(image, ax=axes, location="bottom", pad=0.015, fraction=0.03, aspect=45, shrink=0.6)
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{factor * value:g}".replace("-", "−")))
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
    bar.set_label(label)


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
