"""Runs the notebooks in notebooks/ from top to bottom and keeps what they show: ``make notebooks``.

Every notebook runs in a kernel of its own, in a folder of its own that is thrown away: what it writes is no part of it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
_SECONDS = 300  # that a cell may take


def executed(path: Path, folder: Path) -> Any:
    """Return a notebook after a run in a folder; what differs from run to run and is not shown is left out.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell raised an error.
    """
    notebook = nbformat.read(path, as_version=4)
    commands = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": os.pathsep.join([commands, os.environ.get("PATH", "")])}
    client = NotebookClient(notebook, timeout=_SECONDS, kernel_name="python3", resources={"metadata": {"path": folder}})
    client.execute(env=environment)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_empty(output)]
            for output in cell.outputs:
                if "image/svg+xml" in output.get("data", {}):
                    output.data.pop("text/html", None)  # GitHub leaves drawings out of HTML, and shows images
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def _is_empty(output: Any) -> bool:
    """Return whether an output shows nothing: a bar that vanished."""
    return output.output_type == "display_data" and not any(output.data.values())


def main() -> None:
    """Run all, or those named, and write them back."""
    for path in [Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb")):
        folder = Path(tempfile.mkdtemp(prefix="notebook-"))
        try:
            notebook = executed(path, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
