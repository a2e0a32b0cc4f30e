"""Rich display in notebooks: small HTML that takes its colours from the page around it, and restyles nothing there.

Every rule of the style is for what is within an element of ours; ink is that of the notebook, light or dark, also in
drawings, which have neither ids nor rules for what is around them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

ACCURACY, COUNT = "accuracy", "count"

_QUIET = "color-mix(in srgb, currentColor 68%, transparent)"
_LINE = "color-mix(in srgb, currentColor 24%, transparent)"
_STYLE = f"""<style>
.robustnas {{ font: 13px/1.45 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; color: inherit; max-width: 60rem; }}
.robustnas .rn-title {{ font-weight: 600; margin: 0 0 .3rem; overflow-wrap: anywhere; }}
.robustnas .rn-note {{ color: {_QUIET}; margin: .3rem 0; overflow-wrap: anywhere; }}
.robustnas .rn-scroll {{ overflow-x: auto; }}
.robustnas table {{ border-collapse: collapse; margin: .3rem 0; font: inherit; font-variant-numeric: tabular-nums; border: 0; }}
.robustnas :is(th, td) {{ padding: .15rem .6rem; text-align: right; white-space: nowrap; border: 0; max-width: none; vertical-align: middle; }}
.robustnas th {{ font-weight: 600; }}
.robustnas :is(th, td):first-child {{ text-align: left; padding-left: .1rem; }}
.robustnas thead th {{ border-bottom: 1px solid {_LINE}; }}
.robustnas table.rn-facts td {{ text-align: left; white-space: normal; overflow-wrap: anywhere; }}
.robustnas table.rn-facts th {{ font-weight: 400; color: {_QUIET}; vertical-align: top; }}
.robustnas .rn-drawing {{ max-width: 100%; }}
.robustnas .rn-drawing svg {{ width: 100%; height: auto; display: block; }}
.robustnas .rn-grid {{ display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: flex-start; }}
.robustnas .rn-grid > * {{ min-width: 0; }}
.robustnas summary {{ cursor: pointer; }}
</style>"""  # noqa: E501  one rule, one line


def card(title: str, *parts: str, note: str = "") -> str:
    """Return an element with a title.

    Args:
        title: Text.
        parts: HTML.
        note: Text below.
    """
    below = f'<p class="rn-note">{escape(note)}</p>' if note else ""
    heading = f'<p class="rn-title">{escape(title)}</p>'
    return f'<div class="robustnas">{_STYLE}{heading}{"".join(parts)}{below}</div>'


def html_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the first column is what rows are called, the others are numbers. Entries are HTML."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{entry}</td>' for entry in row)}</tr>" for row in rows)
    return f'<div class="rn-scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def facts_table(facts: Mapping[str, object]) -> str:
    """Return a table of what is known, by name; what is empty or None is left out."""
    known = {name: str(value) for name, value in facts.items() if value is not None and str(value) != ""}
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in known.items())
    return f'<table class="rn-facts"><tbody>{rows}</tbody></table>'


def side_by_side(*parts: str) -> str:
    """Return HTML next to each other, or below each other where there is no room."""
    return f'<div class="rn-grid">{"".join(f"<div>{part}</div>" for part in parts if part)}</div>'


def drawing(architecture: Any, width: str = "24rem") -> str:
    """Return an architecture as its space draws it, in the ink of the page; its text where it is not drawn."""
    svg = architecture._repr_svg_() if hasattr(architecture, "_repr_svg_") else ""
    if not svg:
        return f"<code>{escape(str(architecture))}</code>"
    return f'<div class="rn-drawing" style="width: {width}">{svg.strip()}</div>'


def score_text(value: float, scale: str = ACCURACY) -> str:
    """Return a score for people: accuracies in percent, other numbers as they are.

    >>> score_text(0.9459), score_text(344346.0, "count"), score_text(float("nan"))
    ('94.59 %', '344,346', '–')
    """
    if math.isnan(value):
        return "–"
    if scale == ACCURACY:
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e12 else f"{value:,.4g}"


def shortened(text: str, longest: int = 60) -> str:
    """Return a text without its middle, if it is long.

    >>> shortened("abcdefghij", 7)
    'abc…hij'
    """
    half = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"
