"""Which files of a folder belong to its analysis, so that one with fewer results leaves no stale files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from experiments.pages.page import FIGURE_FORMATS, TABLE_FORMATS, write_file
from experiments.paper.section import Section

LIST = "files.json"
_FOLDERS = ("data", "tables", "figures")


def stem(section: Section, name: str) -> str:
    """Return the name of a file of a section: sections share folders, and must not share names."""
    return name if name.startswith(section.name) else f"{section.name}_{name}"


def files_of(sections: Sequence[Section]) -> set[str]:
    """Return the files of sections, as paths within the folder."""
    found = set()
    for section in sections:
        found |= {f"data/{stem(section, name)}.csv" for name in section.frames}
        found |= {f"tables/{stem(section, name)}.{kind}" for name in section.tables for kind in TABLE_FORMATS}
        found |= {f"figures/{name}.{kind}" for name in section.figures for kind in FIGURE_FORMATS}
    return found


def keep_list(folder: Path, sections: Sequence[Section], *, whole: bool) -> None:
    """List what an analysis wrote in ``files.json``, and remove what an earlier one wrote and this one did not.

    Other files stay; without a readable list, nothing is removed.

    Args:
        folder: The analysis's.
        sections: What it wrote.
        whole: Whether that is all; one that was interrupted removes nothing.
    """
    mine, before = files_of(sections), _listed(folder / LIST)
    for path in sorted(before - mine) if whole else ():
        (folder / path).unlink(missing_ok=True)
    write_file(folder / LIST, json.dumps(sorted(mine if whole else mine | before), indent=1) + "\n")


def _listed(path: Path) -> set[str]:
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {name for name in names if isinstance(name, str) and _is_own(name)} if isinstance(names, list) else set()


def _is_own(name: str) -> bool:
    parts = Path(name).parts
    return len(parts) == 2 and parts[0] in _FOLDERS and parts[1] != ".."
