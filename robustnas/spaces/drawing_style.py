"""What drawings of architectures share: an SVG without a background, legible on light and on dark pages."""

from __future__ import annotations

from xml.sax.saxutils import escape

_FONT = "Helvetica, Arial, sans-serif"
_INK, _INK_ON_DARK = "#1f2329", "#e4e7eb"
_OWN_COLOUR = (  # of a file by itself, as an image too; within a page, text has the colour of the page's
    f"svg.architecture:root {{ color: {_INK}; }} "
    f"@media (prefers-color-scheme: dark) {{ svg.architecture:root {{ color: {_INK_ON_DARK}; }} }}"
)


def svg_document(width: float, height: float, title: str, drawn: str) -> str:
    """Return a stand-alone SVG document.

    Args:
        width: In user units.
        height: In user units.
        title: What it shows, for screen readers and tool tips.
        drawn: Its elements; text and lines are to have the colour ``currentColor``, or one of a contrast of 3 on white
            and on black.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="architecture" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" font-family="{_FONT}" fill="currentColor">'
        f"<title>{escape(title)}</title><style>{_OWN_COLOUR}</style>{drawn}</svg>\n"
    )


def text(x: float, y: float, content: str, size: float, more: str = "") -> str:
    """Return a line of text in the colour of the page, centred at x, its baseline at y."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="middle" font-size="{size:g}"{more}>{escape(content)}</text>'
