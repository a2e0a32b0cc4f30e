"""Forms that are not read, each with the command that converts a file of it."""

from __future__ import annotations

import shlex
from pathlib import Path

_PANDAS = "import pandas; pandas.{read}({source!r}).to_csv({target!r}{index})"
_READERS = {
    ".xlsx": "read_excel",
    ".xls": "read_excel",
    ".ods": "read_excel",
    ".h5": "read_hdf",
    ".hdf5": "read_hdf",
    ".hdf": "read_hdf",
    ".orc": "read_orc",
    ".dta": "read_stata",
    ".sav": "read_spss",
    ".xml": "read_xml",
    ".pkl": "read_pickle",
    ".pickle": "read_pickle",
}
_NUMPY = "import numpy, pandas; pandas.DataFrame(numpy.load({source!r}, allow_pickle=True)).to_csv({target!r})"
_TORCH = "import pandas, torch; pandas.DataFrame(torch.load({source!r}, weights_only=False)).to_csv({target!r})"
_NEEDS_INDEX = ("read_hdf", "read_pickle")

REFUSED: tuple[str, ...] = tuple(suffix for suffix, reader in _READERS.items() if reader != "read_pickle")
"""The suffixes of tables that are refused with `conversion`."""


def conversion(path: Path) -> str:
    """Return what to do with a file that is not read: the command that converts it to CSV.

    >>> conversion(Path("t.xlsx"))
    'convert it with: python -c "import pandas; pandas.read_excel(\\'t.xlsx\\').to_csv(\\'t.csv\\', index=False)"'
    """
    suffix, source, target = path.suffix.lower(), str(path), str(path.with_suffix(".csv"))
    if reader := _READERS.get(suffix):
        index = "" if reader in _NEEDS_INDEX else ", index=False"
        code = _PANDAS.format(read=reader, source=source, target=target, index=index)
    else:
        code = (_TORCH if suffix in (".pt", ".pth") else _NUMPY).format(source=source, target=target)
    quoted = f'"{code}"' if not set('"$`\\!') & set(code) else shlex.quote(code)
    runs = suffix in (".pkl", ".pickle", ".pt", ".pth", ".npy", ".npz")
    return f"{'if you trust it, ' if runs else ''}convert it with: python -c {quoted}"
