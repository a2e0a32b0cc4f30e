"""What a user says of a file's columns when attaching it, and what their numbers look like."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, excerpt, unknown_name
from robustnas.tables.attached.columns import SheetColumns
from robustnas.tables.column_facts import ColumnFacts

_ACCURACY = re.compile(
    r"(?:^|.*_)(acc|accs|accuracy|accuracies|top_?[15]|clean|robust|robustness|fgsm|pgd|apgd|square|autoattack|err|error)"
    r"(?:_.*|[0-9]*$)",
    re.IGNORECASE,
)
_PERCENT = 100.0
_USUAL_CHANCE, _USUAL_BEST = 10.0, 50.0
_ABOVE_SHARES = 1.5  # the largest share is 1; what is above is none


@dataclass(frozen=True)
class Declared:
    """What a user says of the columns of a file, by their names there or as they are made fit.

    Attributes:
        minimise: Those of which smaller is better.
        maximise: Those of which larger is better.
        percent: Those that are in percent, and are divided by 100.
    """

    minimise: tuple[str, ...] = ()
    maximise: tuple[str, ...] = ()
    percent: tuple[str, ...] = ()

    @classmethod
    def of(cls, minimise: Iterable[str] = (), maximise: Iterable[str] = (), percent: Iterable[str] = ()) -> Declared:
        """Return the columns as tuples, one given as text included."""
        said = ((entry,) if isinstance(entry, str) else tuple(entry) for entry in (minimise, maximise, percent))
        return cls(*said)


def declare(found: SheetColumns, said: Declared) -> SheetColumns:
    """Return the columns with what a user says of them.

    Raises:
        InvalidInputError: There is no column of a name, one is to be minimised and maximised, or one in percent is not.
    """
    columns, known = dict(found.columns), dict(found.known)
    minimise, maximise, percent = (
        {_column(found, name, option) for name in getattr(said, option)}
        for option in ("minimise", "maximise", "percent")
    )
    if both := sorted(minimise & maximise):
        raise InvalidInputError(f"column {both[0]!r} is given to --minimise and to --maximise; expected one of them")
    for name in (*minimise, *maximise):
        known[name] = replace(known[name], facts=replace(known[name].facts, minimised=name in minimise))
    for name in percent:
        if not known[name].facts.share:
            columns[name] = _shares(name, columns[name])
            known[name] = replace(known[name], facts=_as_share(known[name].facts))
    return replace(found, columns=columns, known=known)


def looks_like_percent(name: str, values: FloatArray, *, minimised: bool = False) -> bool:
    """Return whether a column's numbers may be in percent.

    They are from 0 to 100 and some above 1; and the column is called like an accuracy or an error, or most of them are
    above 10 and the largest above 50, and it is not one to minimise.

    >>> looks_like_percent("val_acc", np.array([10.0, 91.5, np.nan])), looks_like_percent("val_acc", np.array([0.915]))
    (True, False)
    """
    known = values[np.isfinite(values)]
    if not len(known) or known.min() < 0 or not _ABOVE_SHARES < known.max() <= _PERCENT:
        return False
    if _ACCURACY.fullmatch(name):
        return True
    return not minimised and known.max() > _USUAL_BEST and float(np.median(known)) > _USUAL_CHANCE


def _column(found: SheetColumns, name: str, option: str) -> str:
    """Return the column of a name: as in the sheet, or as it was made fit."""
    origins = {one.origin: column for column, one in found.known.items()}
    if name in origins:
        return origins[name]
    if name in found.columns:
        return name
    if name in found.ignored:
        raise InvalidInputError(f"--{option} {excerpt(name)}: the column holds no numbers")
    raise InvalidInputError(f"--{option}: {unknown_name('column', name, origins)}")


def _shares(name: str, values: FloatArray) -> FloatArray:
    if (largest := float(np.nanmax(np.abs(values)))) > _PERCENT:
        raise InvalidInputError(f"--percent {name}: it holds {largest:g}; expected numbers up to 100")
    return values / _PERCENT


def _as_share(facts: ColumnFacts) -> ColumnFacts:
    return replace(facts, share=True, noise=None if facts.noise is None else facts.noise / _PERCENT)
