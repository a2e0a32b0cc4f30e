"""What the manifest and the fits of a benchmark of surrogates may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from experiments.journal import MANIFEST
from experiments.schema import Count, Different, Finite, Known, Schema, Text, Texts, Whole, checked
from experiments.surrogate_benchmark.fit import MEASURES
from robustnas.errors import DataError, excerpt, listing

KIND = "surrogates"
"""What a manifest calls a benchmark of surrogates."""

OF_THE_RECORD = (
    "importances",
    "n_test",
    "seed",
    "database_digest",
    "training",
    "means",
    "attached_digests",
    "sources",
    "space",
    "space_digests",
)
"""The fields of a record that are no column of the table of fits."""


class _Facts(Schema):
    title: Text
    ceiling: Known
    ceiling_error: Known = None
    ceiling_r2: Known = None
    no_ceiling: str | None = None
    best: Known = None


class ManifestSchema(Schema):
    """The manifest of a benchmark of surrogates."""

    format: Literal[1] = 1
    kind: Literal["surrogates"]
    dataset: Text
    source: Text
    database_digest: Text
    surrogates: Different[Text]
    encodings: Different[Text]
    train_sizes: Different[Count]
    n_trials: Count
    seed: Whole
    objectives: Annotated[dict[Text, _Facts], Field(min_length=1)]
    versions: dict[Text, Text]
    sources: Texts = None
    space: Text | None = None
    space_digests: Texts = None


class FitSchema(Schema):
    """A fit: one line of ``runs.jsonl``; its measures aside."""

    dataset: Text
    objective: Text
    surrogate: Text
    encoding: Text
    train_size: Count
    trial: Whole
    importances: dict[Text, Annotated[Finite, Field(ge=0)]] | None = None
    n_test: Whole | None = None
    seed: Whole | None = None
    sources: Texts = None


_TEXTS = ("dataset", "objective", "surrogate", "encoding")


def check_fit(content: Any, where: str) -> dict[str, Any]:
    """Return a fit if it fits its schema: all its measures are there, and numbers, NaN or null where undefined.

    Raises:
        DataError: It does not; names the place and the field.
    """
    fit = checked(FitSchema, content, where, "a fit of a surrogate")
    if missing := [name for name in MEASURES if name not in fit]:
        raise DataError(f"{where} is not a fit of a surrogate: it lacks {', '.join(missing)}")
    for name, value in fit.items():
        if name not in (*_TEXTS, *OF_THE_RECORD) and not _is_measure(value):
            raise DataError(f"{where}: {name} is {excerpt(value)}; expected a finite number, NaN where it is undefined")
    return fit


def check_benchmark(content: Any, where: str) -> dict[str, Any]:
    """Return the manifest of a benchmark of surrogates if it fits its schema.

    Raises:
        DataError: It does not; names the field.
    """
    return checked(ManifestSchema, content, where, "the manifest of a benchmark of surrogates")


def check_objective(fit: Mapping[str, Any], manifest: Mapping[str, Any], where: str) -> None:
    """Refuse a fit of what the manifest does not have."""
    known = {"objective": "objectives", "surrogate": "surrogates", "encoding": "encodings"}
    for key, field in known.items():
        if fit[key] not in manifest[field]:
            names = listing(manifest[field])
            raise DataError(f"{where}: {key} {excerpt(fit[key])} is not in {MANIFEST}, which has {names}")


def _is_measure(value: Any) -> bool:
    return value is None or type(value) is int or (type(value) is float and not math.isinf(value))
