"""Figures of a comparison, fit for a paper: one style, one colour per searcher, text of 7 points and more.

Every function returns a matplotlib `Figure` of its own; nothing touches pyplot's global state.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from experiments import analysis
from experiments.records import Records, Target
from experiments.significance import Significance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c6d31")
"""Colours that stay apart for colour-blind readers and on white as on dark pages (after Okabe and Ito)."""

INK = "#1f2329"
"""The colour of text and axes; a page may replace it in an SVG by the colour of its own text."""

QUIET = "#8b919a"
FORMATS = ("png", "pdf", "svg")

_LINES = ("-", "--", "-.", ":")
_COLUMN_WIDTH, _TEXT_WIDTH = 3.35, 6.9  # inches, of a two-column paper
_LINE_HEIGHT, _INCH_PER_CHARACTER = 0.185, 0.068  # of the labels of the critical-difference diagram
_STYLE: Any = {
    "font.family": "DejaVu Sans",
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
}
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
}


def regret_figure(records: Records) -> Figure | None:
    """Draw regret against queries, one panel per objective: mean over seeds and its 95 % interval.

    The noise floor is a dashed line: below it, two networks can't be told apart. Multi-objective entries are left out
    (`hypervolume_figure`). None if nothing is left.
    """
    curves = analysis.regret_curves(records)
    targets = _present(records, curves, multi=False)
    if not targets:
        return None
    with mpl.rc_context(_STYLE):
        figure, panels = _panels(len(targets))
        for axes, target in zip(panels, targets, strict=True):
            _draw_regret(axes, curves[curves["objective"] == target.name], target, records)
        _finish(figure, panels, records)
    return figure


def hypervolume_figure(records: Records) -> Figure | None:
    """Draw the normalised hypervolume of the front so far, one panel per multi-objective entry; None without any."""
    curves = analysis.regret_curves(records)
    targets = _present(records, curves, multi=True)
    if not targets:
        return None
    with mpl.rc_context(_STYLE):
        figure, panels = _panels(len(targets))
        for axes, target in zip(panels, targets, strict=True):
            group = curves[curves["objective"] == target.name].copy()
            best = analysis.reference(records, target.name)
            for name in ("mean", "ci_low", "ci_high"):
                group[name] = best - group[name]
            _draw_curves(axes, group, 1.0, records)
            axes.set_title(target.title)
            axes.set_ylabel("normalised hypervolume")
        _finish(figure, panels, records)
    return figure


def critical_difference_figure(result: Significance, searchers: Sequence[str]) -> Figure | None:
    """Draw the critical-difference diagram of the overall test (Demsar 2006).

    Searchers stand at their average ranks; a bar joins those that do not differ significantly.

    Args:
        result: The tests.
        searchers: All searchers in plan order, for their colours.

    Returns:
        None where there was not enough to test.
    """
    name = result.overall
    test = result.tests[result.tests["objective"] == name]
    if name is None or len(test) != 1 or str(test["verdict"].iloc[0]).startswith(("not enough", "nothing")):
        return None
    rows = result.ranks[result.ranks["objective"] == name].sort_values("rank", kind="stable")
    ranks = dict(zip(rows["searcher"], rows["rank"], strict=True))
    bars = _joined(ranks, result.pairs[result.pairs["objective"] == name])
    with mpl.rc_context(_STYLE):
        margin = 0.3 + _INCH_PER_CHARACTER * (6 + max(len(label) for label in ranks))
        width = max(_COLUMN_WIDTH, 2 * margin + 1.4)
        n_lines = 2.8 + 0.75 * len(bars) + math.ceil(len(ranks) / 2)
        figure = _figure(width, _LINE_HEIGHT * n_lines)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        n, unit = len(ranks), (len(ranks) - 1) / (width - 2 * margin)  # ranks per inch
        axes.set_xlim(1 - margin * unit, n + margin * unit)
        axes.set_ylim(1.7 - n_lines, 1.7)
        _draw_ranks(axes, ranks, bars, _colours(searchers), unit)
    return figure


def cross_evaluation_figure(records: Records) -> Figure | None:
    """Draw the cross-evaluation as a heat table: mean accuracy in percent, shaded by the distance to the best.

    None where no run has a single best network.
    """
    table = analysis.cross_evaluation(records)
    if table.empty:
        return None
    means = pd.DataFrame(table.xs("mean", axis=1, level="moment"))
    best = [records.metrics.get(str(name), Target("", "")).best for name in means.columns]
    best = [float(means.iloc[:, i].max()) if math.isnan(value) else value for i, value in enumerate(best)]
    with mpl.rc_context(_STYLE):
        figure = _figure(_TEXT_WIDTH, 0.75 + 0.2 * len(means))
        _draw_heat(figure.add_subplot(), means, 100 * (np.array(best) - means.to_numpy()), records)
    return figure


def render(figure: Figure, file_format: str) -> bytes:
    """Return a figure as ``png`` (200 dots per inch), ``pdf`` (fonts embedded) or ``svg``, the same bytes each time."""
    content = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(
            content, format=file_format, dpi=200, metadata=_METADATA[file_format], transparent=file_format == "svg"
        )
    return content.getvalue()


def _colours(searchers: Sequence[str]) -> dict[str, str]:
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(searchers)}


def _present(records: Records, curves: pd.DataFrame, *, multi: bool) -> list[Target]:
    finished = set(curves["objective"])
    return [target for name, target in records.targets.items() if name in finished and target.is_multi == multi]


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout=None)
    FigureCanvasAgg(figure)
    return figure


def _panels(n: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with n panels, at most three in a row, and its axes."""
    n_columns = n if n <= 3 else (2 if n == 4 else 3)
    n_rows = math.ceil(n / n_columns)
    width = _COLUMN_WIDTH if n_columns == 1 else _TEXT_WIDTH
    figure = _figure(width, 0.35 + (2.15 if n_columns == 1 else 2.0) * n_rows)
    figure.set_layout_engine("constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    panels = list(grid.flat)
    for axes in panels[n:]:
        axes.remove()
    return figure, panels[:n]


def _draw_regret(axes: Axes, group: pd.DataFrame, target: Target, records: Records) -> None:
    percent = target.scale == "accuracy"
    factor = 100.0 if percent else 1.0
    axes.set_title(target.title)
    axes.set_ylabel("regret (points)" if percent else "regret")
    means = factor * group["mean"].to_numpy()
    positive = means[means > 0]
    floor = factor * target.noise_floor
    if len(positive) and (math.isnan(floor) or positive.min() < 2 * floor) and positive.max() > 8 * positive.min():
        lowest = max(positive.min(), positive.max() / 1e4)
        axes.set_yscale("log")
        axes.set_ylim(0.6 * lowest if math.isnan(floor) else min(0.6 * lowest, 0.6 * floor), 1.5 * positive.max())
        _plain_log_ticks(axes)
        bottom = axes.get_ylim()[0]
    else:
        bottom = 0.0
    _draw_curves(axes, group, factor, records, bottom)
    if bottom == 0.0:
        axes.set_ylim(bottom=0.0)
    if not math.isnan(floor) and floor < axes.get_ylim()[1]:
        _draw_floor(axes, floor)


def _draw_floor(axes: Axes, floor: float) -> None:
    axes.axhline(floor, color=QUIET, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
    where: Any = {"xytext": (1, 2), "textcoords": "offset points", "va": "bottom", "ha": "left"}
    axes.annotate("noise floor", (0.0, floor), xycoords=("axes fraction", "data"), color=QUIET, fontsize=7, **where)


def _draw_curves(axes: Axes, group: pd.DataFrame, factor: float, records: Records, bottom: float | None = None) -> None:
    """Draw mean and band of every searcher of one objective; values below `bottom` are drawn on it."""
    colours = _colours(records.searchers)
    for i, searcher in enumerate(records.searchers):
        lines = group[group["searcher"] == searcher]
        x = lines["n_queries"].to_numpy()
        low, mean, high = (factor * lines[name].to_numpy() for name in ("ci_low", "mean", "ci_high"))
        if bottom is not None:
            low, mean, high = (np.maximum(values, bottom) for values in (low, mean, high))
        style: Any = {"color": colours[searcher], "linestyle": _LINES[i // len(PALETTE) % len(_LINES)]}
        if len(x):
            axes.plot(x, mean, label=searcher, marker="o" if len(x) == 1 else None, markersize=3, zorder=3, **style)
            axes.fill_between(x, low, high, color=colours[searcher], alpha=0.2, linewidth=0, zorder=2)
    if records.budget >= 20:
        axes.set_xscale("log")
        axes.set_xlim(1, records.budget)
        _plain_log_ticks(axes, x_only=True, last=records.budget)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color=QUIET, alpha=0.25, linewidth=0.5)


def _plain_log_ticks(axes: Axes, *, x_only: bool = False, last: int | None = None) -> None:
    axis = axes.xaxis if x_only else axes.yaxis
    if last is None:
        low, high = axes.get_ylim()
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 60 * low else (1,)))
    else:
        decades = [float(10**k) for k in range(int(math.log10(last)) + 1)]
        axis.set_ticks([*(tick for tick in decades if tick < last / 1.6), float(last)])
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}" if value < 1e6 else f"{value:.0e}"))


def _finish(figure: Figure, panels: Sequence[Axes], records: Records) -> None:
    figure.supxlabel("distinct networks queried", fontsize=8)
    handles: Mapping[str, Any] = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    shown = [name for name in records.searchers if name in handles]
    n_columns = min(len(shown), 3 if figure.get_figwidth() < 4 else 6)
    legend: Any = {"loc": "outside upper center", "ncols": n_columns, "frameon": False, "handlelength": 1.6}
    figure.legend([handles[name] for name in shown], shown, **legend)
    _freeze(figure)


def _freeze(figure: Figure) -> None:
    """Lay the figure out now and for good, instead of once for every format."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def _joined(ranks: Mapping[str, float], pairs: pd.DataFrame) -> list[tuple[float, float]]:
    """Return the longest runs of neighbours in rank of which no two differ significantly, as (best, worst) ranks."""
    apart = {
        frozenset((first, second))
        for first, second, significant in zip(pairs["first"], pairs["second"], pairs["significant"], strict=True)
        if significant
    }
    names, last = list(ranks), -1
    bars: list[tuple[float, float]] = []
    for i in range(len(names)):
        j = i
        while j + 1 < len(names) and not any(frozenset((names[k], names[j + 1])) in apart for k in range(i, j + 1)):
            j += 1
        if j > i and j > last:
            bars.append((ranks[names[i]], ranks[names[j]]))
            last = j
    return bars


def _draw_ranks(
    axes: Axes,
    ranks: Mapping[str, float],
    bars: Sequence[tuple[float, float]],
    colours: Mapping[str, str],
    inch: float,
) -> None:
    """Draw the axis of ranks on top, bars below it, then elbows to the names; the vertical unit is a line of text."""
    n, middle = len(ranks), (len(ranks) + 1) // 2
    axes.plot([1, n], [0, 0], color=INK, linewidth=0.8)
    for tick in range(1, n + 1):
        axes.plot([tick, tick], [0, 0.22], color=INK, linewidth=0.8)
        axes.text(tick, 0.3, str(tick), ha="center", va="bottom", fontsize=7)
    axes.text((1 + n) / 2, 1.6, "average rank (1 is best)", ha="center", va="top", fontsize=7, color=QUIET)
    for level, (best, worst) in enumerate(bars):
        y = -0.55 - 0.75 * level
        ends = [best - 0.06 * inch, worst + 0.06 * inch]
        axes.plot(ends, [y, y], color=INK, linewidth=2.6, solid_capstyle="butt")
    top = -0.3 - 0.75 * len(bars)
    for i, (name, rank) in enumerate(ranks.items()):
        left = i < middle
        y = top - 0.5 - (i if left else n - 1 - i)
        x = 1 - 0.15 * inch if left else n + 0.15 * inch
        axes.plot([rank, rank, x], [0, y, y], color=colours[name], linewidth=1.1)
        axes.plot([rank], [0], marker="o", markersize=4, color=colours[name], zorder=4)
        _write_rank(axes, (x, y), name, rank, inch if left else -inch)


def _write_rank(axes: Axes, elbow: tuple[float, float], name: str, rank: float, inch: float) -> None:
    """Write name and rank beyond an elbow; to its left if `inch` is positive, else to its right."""
    text, side = (f"{name}  {rank:.2f}", "right") if inch > 0 else (f"{rank:.2f}  {name}", "left")
    axes.text(elbow[0] - 0.06 * inch, elbow[1], text, ha=side, va="center", fontsize=7.5)


def _draw_heat(axes: Axes, means: pd.DataFrame, distance: np.ndarray[Any, Any], records: Records) -> None:
    """Draw means in percent over a shade for the distance to the best of the table in points."""
    most = max(float(np.nanmax(distance)), 0.01)
    values = means.to_numpy(dtype=float)
    shades = PowerNorm(0.5, vmin=0.0, vmax=3 * most)  # light enough for black text, fine steps near the best
    image = axes.imshow(np.maximum(distance, 0.0), cmap="Blues", norm=shades, aspect="auto")
    for i, j in np.ndindex(*distance.shape):
        value = values[i, j]
        if not math.isnan(value):
            axes.text(j, i, f"{100 * value:.2f}", ha="center", va="center", fontsize=7, color="#000000")
    titles = [records.metrics.get(str(name), Target("", str(name))).title for name in means.columns]
    axes.set_xticks(range(len(titles)), [title.replace(", ", "\n", 1) for title in titles])
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(means)), [_row_name(key, records) for key in means.index])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    changes = [i for i in range(1, len(means)) if means.index[i][0] != means.index[i - 1][0]]
    for i in changes:
        axes.axhline(i - 0.5, color="#ffffff", linewidth=2.5)
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    figure.set_layout_engine("constrained")
    bar = figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03)
    bar.set_label("points below the best")
    bar.ax.set_ylim(0.0, most)
    _freeze(figure)


def _row_name(key: Any, records: Records) -> str:
    objective, searcher = key
    return f"{records.targets[objective].title}: {searcher}"
