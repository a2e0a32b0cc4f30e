"""Reading the file behind a web page: NAS-RobBench-201's, or the robustness database's at eps 1/255.

An assignment of JSON, ``acc={"": [names], id: [values], id: uid, ...}``, with names such as ``cifar10#val_pgd_8_acc``
and ``cifar10#aa_apgd-ce`` (`column_names`): a list for the id of every evaluated network, and that network's id for all
others. The numbers of NAS-RobBench-201 are means of three training seeds.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from robustnas.arrays import AnyArray, FloatArray
from robustnas.errors import DataError, excerpt
from robustnas.metric import Metric
from robustnas.spaces.nasbench201.identity import N_NETWORKS, networks
from robustnas.tables.database.column_names import ROBBENCH, page_column
from robustnas.tables.database.network_values import (
    NetworkValues,
    ReadValues,
    checked_shares,
    database_row,
    load_json,
    number,
)
from robustnas.tables.table import STANDARD_TRAINING

_ASSIGNMENT = re.compile(r"\s*(?:(?:var|let|const)\s+)?[A-Za-z_$][\w$.]*\s*=\s*(?=\{)")
_TRAINING = "adversarial training, mean of 3 seeds"


def read_page(content: str, where: str) -> ReadValues:
    """Read the text of a web page's file.

    Args:
        content: The text, an assignment or the JSON alone.
        where: What messages call the file.

    Raises:
        DataError: Naming the file and what is wrong in it.
    """
    match = _ASSIGNMENT.match(content)
    entries = load_json(content[match.end() if match else 0 :].rstrip().removesuffix(";"), where)
    if not isinstance(entries, dict):
        raise DataError(f"{where}: holds a {type(entries).__name__}; expected an object of values by database id")
    names = entries.pop("", None)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        expected = 'expected a list of names such as "cifar10#val_pgd_8_acc"'
        raise DataError(f'{where}: the entry "" is {excerpt(names)}; {expected}')
    values = _values(entries, names, where)
    columns: dict[str, dict[Metric, FloatArray]] = {}
    unknown = []
    for place, name in enumerate(names):
        found = page_column(name)
        if found is None:
            unknown.append(name)
            continue
        dataset, metric = found
        if metric in columns.setdefault(dataset, {}):
            raise DataError(f"{where}: two columns hold {metric} of {dataset}, the second one {name!r}; expected one")
        columns[dataset][metric] = checked_shares(values[:, place].copy(), name, where)
    return ReadValues(tuple(_of_dataset(name, found) for name, found in columns.items()), tuple(unknown))


def _of_dataset(dataset: str, columns: dict[Metric, FloatArray]) -> NetworkValues:
    known = {metric: column for metric, column in columns.items() if np.isfinite(column).any()}
    if dataset.startswith(ROBBENCH):
        return NetworkValues(dataset, _TRAINING, known, seeds={3: sum(_n_known(column) for column in known.values())})
    return NetworkValues(dataset, STANDARD_TRAINING, known)


def _n_known(column: FloatArray) -> int:
    return int(np.isfinite(column).sum())


def _values(entries: dict[str, Any], names: list[str], where: str) -> AnyArray:
    """Return the values by network and name, shape (6466, n_names), NaN where missing."""
    values = np.full((N_NETWORKS, len(names)), np.nan)
    given: dict[int, str] = {}
    for name, entry in entries.items():
        row = database_row(name, where)
        if not isinstance(entry, list):
            _check_network(name, entry, row, where)
            continue
        if len(entry) != len(names):
            raise DataError(f"{where}: id {name} has {len(entry)} values; expected {len(names)}, one for each name")
        numbers = np.array([number(value, where, f"{names[i]} of id {name}") for i, value in enumerate(entry)])
        if row in given and not np.array_equal(values[row], numbers, equal_nan=True):
            raise DataError(f"{where}: ids {given[row]} and {name} are one network but differ; expected equal values")
        values[row], given[row] = numbers, name
    return values


def _check_network(name: str, entry: Any, row: int, where: str) -> None:
    """Check what an id without values of its own points to."""
    uid = int(networks()[row])
    if isinstance(entry, bool) or not isinstance(entry, int | str) or str(entry) != str(uid):
        raise DataError(
            f"{where}: id {name} is {excerpt(entry)}; expected a list of values, or its network's id, {uid}"
        )
