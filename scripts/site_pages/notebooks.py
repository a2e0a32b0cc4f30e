"""Pages of the notebooks, with what is stored in them: text, code, tables, drawings."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

PREFIX = "notebook-"
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)")


def notebook_pages(root: Path) -> dict[str, str]:
    """Return the page of every notebook, by the name of its file.

    Args:
        root: The repository.
    """
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    return {f"{PREFIX}{path.stem}.md": _page(json.loads(path.read_text(encoding="utf-8"))) for path in paths}


def notebook_address(link: str) -> str:
    """Return the page of a link to a notebook; any other link as it is.

    >>> notebook_address("../notebooks/fill_a_gap.ipynb"), notebook_address("noise.md")
    ('notebook-fill_a_gap.md', 'noise.md')
    """
    path = Path(link)
    return f"{PREFIX}{path.stem}.md" if path.suffix == ".ipynb" else link


def _page(notebook: dict[str, Any]) -> str:
    return "\n\n".join(part for cell in notebook["cells"] for part in _parts(cell)) + "\n"


def _parts(cell: dict[str, Any]) -> list[str]:
    source = _text(cell["source"])
    if cell["cell_type"] == "markdown":
        return [_LINK.sub(lambda link: notebook_address(link[1]), source)]
    language = "toml" if source.startswith("%%writefile") else "python"
    return [f"```{language}\n{source}\n```", *(_shown(output) for output in cell["outputs"])]


def _shown(output: dict[str, Any]) -> str:
    """Return an output as Markdown: the richest form that a page shows."""
    data = output.get("data", {})
    if "text/html" in data:
        lines = (line.strip() for line in _text(data["text/html"]).splitlines())
        return f"<div>{''.join(line for line in lines if line)}</div>"  # without empty lines, which end HTML
    if "image/png" in data:
        return _image("png", _text(data["image/png"]).replace("\n", ""))
    if "image/svg+xml" in data:
        return _image("svg+xml", b64encode(_text(data["image/svg+xml"]).encode()).decode())
    return f"```text\n{_text(data.get('text/plain', output.get('text', ''))).rstrip()}\n```"


def _image(kind: str, content: str) -> str:
    return f'<p><img src="data:image/{kind};base64,{content}" alt="What the cell above shows" width="440"></p>'


def _text(lines: str | list[str]) -> str:
    return lines if isinstance(lines, str) else "".join(lines)
