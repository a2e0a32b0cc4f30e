"""Writing and changing files in the published layout, with invented numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.spaces.nasbench201.identity import networks

EPSILONS = {"pgd@Linf": [0.1, 1.0, 8.0], "fgsm@Linf": [0.1, 1.0, 8.0, 255.0]}

Edit = Callable[[Any], Any]


def write_published(folder: Path, dataset: str, key: str, measure: str, values: Any) -> Path:
    """Write one published file; `values` has one row per network, ascending uid."""
    path = folder / dataset / f"{key}_{measure}.json"
    path.parent.mkdir(exist_ok=True, parents=True)
    by_uid = dict(zip(map(str, networks().tolist()), np.asarray(values).tolist(), strict=True))
    path.write_text(json.dumps({dataset: {key: {measure: by_uid}}}))
    return path


def edit_values(path: Path, edit: Edit) -> None:
    """Let `edit` change the object {uid: value} of a published file."""
    content = json.loads(path.read_text())
    dataset = path.parent.name
    key, _, measure = path.stem.rpartition("_")
    values = content[dataset][key][measure]
    edited = edit(values)
    content[dataset][key][measure] = values if edited is None else edited
    path.write_text(json.dumps(content))
