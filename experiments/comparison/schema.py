"""What the manifest and the runs of a comparison may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, PlainValidator

from experiments.comparison.recorded_space import name_of_space, recorded_space
from experiments.journal import MANIFEST, read_manifest
from experiments.schema import (
    CostOfEach,
    Count,
    Different,
    Finite,
    Known,
    Numbers,
    Schema,
    Score,
    Scores,
    SourceOfEach,
    Text,
    Texts,
    Whole,
    checked,
    expected,
)
from robustnas.checks import whole_number
from robustnas.duration import parse_duration
from robustnas.errors import DataError, InvalidInputError, excerpt, listing
from robustnas.objectives import parse_objectives
from robustnas.spaces import EnumerableSpace

KIND = "comparison"
"""What a manifest calls a comparison of searchers."""

RUN_KEY = ("objective", "searcher", "seed")
"""The fields of a record that tell its run apart, as in `RunSpec.key`."""

RunKey: TypeAlias = tuple[str, str, int]
"""Objective, searcher and seed of a run."""

SCALES = ("accuracy", "count", "hypervolume")
"""The scales that scores may have."""

_MOST_NETWORKS = 1_000_000  # of a space that is not there any more


def _budget(value: Any) -> Any:
    try:
        if isinstance(value, str):
            parse_duration(value)
        else:
            whole_number("budget", value, at_least=1)
    except InvalidInputError:
        raise expected("a positive whole number, or a duration such as '20 h'") from None
    return value


class _Facts(Schema):
    title: Text | None = None
    best: Known = None
    minimised: bool | None = None
    noise_floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    n_within_noise: Whole | None = None
    scale: Text | None = None


class _SeveralFacts(_Facts):
    each: list[_Facts] | None = None


class ManifestSchema(Schema):
    """The manifest of a comparison."""

    format: Literal[1] = 1
    dataset: Text
    source: Text
    budget: Annotated[Any, PlainValidator(_budget)]
    seeds: Different[Whole]
    searchers: Different[Text]
    objectives: Annotated[dict[Text, _SeveralFacts], Field(min_length=1)]
    cross_metrics: dict[Text, _Facts] | None = None
    space: Text | None = None
    space_digests: Texts = None
    plan: str | None = None
    time: Text | None = None
    experiment: Text | None = None
    database_digest: Text | None = None
    attached_digests: Texts = None
    versions: Texts = None
    sources: Texts = None


class _Best(Schema):
    arch: Text | None = None
    uid: Whole | None = None
    score: Score = None


class _Member(Schema):
    arch: Text
    scores: Numbers


class _Queries(Schema):
    index: list[Whole]
    score: Scores
    best: Numbers
    cost: CostOfEach = 0.0
    source: SourceOfEach = ""
    seconds: list[Finite] | None = None


class RunSchema(Schema):
    """A run of a comparison: one line of ``runs.jsonl``."""

    objective: Text
    searcher: Text
    seed: Whole
    n_queries: Count
    queries: _Queries
    seconds: Finite | None = None
    best: _Best | None = None
    cross: dict[Text, Known] | None = None
    front: list[_Member] | None = None
    parameters: dict[str, Any] | None = None
    known: list[Text] | None = None
    sources: Texts = None
    space: Text | None = None
    space_digests: Texts = None


def read_comparison(folder: Path) -> dict[str, Any]:
    """Read the manifest of a comparison.

    Raises:
        DataError: There is none, it is of another kind of experiment, or it is damaged; the message names the field.
    """
    return check_manifest(read_manifest(folder, KIND), str(folder / MANIFEST))


def check_run(content: Any, where: str, space: EnumerableSpace[Any] | None) -> dict[str, Any]:
    """Return a run if it fits its schema, and its parts fit together.

    Args:
        content: What was read.
        where: The file and line, for error messages.
        space: The search space that it is in; None if that is not there.

    Raises:
        DataError: It does not; names the place and the field.
    """
    run = checked(RunSchema, content, where, "a run")
    queries, n_queries = run["queries"], run["n_queries"]
    lengths = {key: len(values) for key, values in queries.items() if isinstance(values, list)}
    if set(lengths.values()) != {n_queries}:
        raise DataError(f"{where}: {lengths} queries; expected n_queries = {excerpt(n_queries)} of each")
    n_objectives = _n_objectives(run["objective"], f"{where}: objective")
    scores = [queries["score"][0], *(member["scores"] for member in run.get("front") or ())]
    for score in scores:
        if (len(score) if isinstance(score, list) else 1) != n_objectives or isinstance(score, list) > (
            n_objectives > 1
        ):
            raise DataError(f"{where}: a score is {excerpt(score)}; expected {n_objectives}, one per objective")
    _check_best(run, where, n_objectives)
    if space is not None:
        _check_architectures(run, where, space)
    return run


def check_manifest(content: Any, where: str) -> dict[str, Any]:
    """Return the manifest of a comparison if it fits its schema, and its parts fit together.

    Args:
        content: What was read.
        where: The file, for error messages.

    Raises:
        DataError: It does not; names the field.
    """
    manifest = checked(ManifestSchema, content, where, "the manifest of an experiment")
    for field in ("objectives", "cross_metrics"):
        for name, facts in (manifest.get(field) or {}).items():
            scale, place = facts.get("scale") or SCALES[0], f"{where}: {field}.{listing([name])}"
            if scale not in SCALES:
                raise DataError(f"{place}.scale is {excerpt(scale)}; expected one of {', '.join(SCALES)}")
            if (scale == "hypervolume") != (_n_objectives(name, f"{where}: {field}") > 1):
                raise DataError(
                    f"{place}.scale is {scale!r}; expected hypervolume for several objectives, and only then"
                )
    budget, space = manifest["budget"], recorded_space(manifest)
    most = space.n_networks if space else _MOST_NETWORKS
    if isinstance(budget, int) and budget > most:
        expected_most = f"expected at most {most:,}, the networks of {name_of_space(manifest)}"
        raise DataError(f"{where}: budget is {excerpt(budget)}; {expected_most}")
    return manifest


def check_labels(run: Mapping[str, Any], manifest: Mapping[str, Any], where: str) -> None:
    """Refuse a run whose objective or searcher the manifest does not have."""
    for key, known in (("objective", manifest["objectives"]), ("searcher", manifest["searchers"])):
        if run[key] not in known:
            raise DataError(f"{where}: {key} {excerpt(run[key])} is not in {MANIFEST}, which has {listing(known)}")


def _n_objectives(text: str, place: str) -> int:
    try:
        return len(parse_objectives(text))
    except InvalidInputError as error:
        raise DataError(f"{place} is {excerpt(text)}: {error}") from None


def _check_best(run: Mapping[str, Any], where: str, n_objectives: int) -> None:
    """Refuse a best so far that is unknown after it was known, or that no score explains: a number was lost."""
    best, scores = run["queries"]["best"], run["queries"]["score"]
    for i in range(1, len(best)):
        before, now = best[i - 1], best[i]
        if _is_unknown(now) and not _is_unknown(before):
            raise DataError(f"{where}: queries.best[{i}] is {excerpt(now)} after {before}; expected the best so far")
        changed = not _is_unknown(now) and now != before
        if changed and n_objectives == 1 and _is_unknown(scores[i]):
            found = f"queries.score[{i}] is {excerpt(scores[i])}"
            raise DataError(f"{where}: {found}, and the best becomes {now} by it; expected the score")
    for i, (score, now) in enumerate(zip(scores, best, strict=True)):
        free = n_objectives == 1 and " where " not in run["objective"]
        if free and _is_unknown(now) and not _is_unknown(score):
            raise DataError(
                f"{where}: queries.best[{i}] is {excerpt(now)}, the score {score}; expected the best so far"
            )
    reached = run.get("best") or {}
    if "score" in reached and _is_unknown(reached["score"]) != _is_unknown(best[-1]):
        last = f"the last of queries.best is {excerpt(best[-1])}"
        raise DataError(f"{where}: best.score is {excerpt(reached['score'])}, and {last}; expected the same")


def _is_unknown(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _check_architectures(run: Mapping[str, Any], where: str, space: EnumerableSpace[Any]) -> None:
    """Refuse indices and architectures that are not of a space."""
    for i, index in enumerate(run["queries"]["index"]):
        if index >= space.size:
            raise DataError(f"{where}: queries.index[{i}] is {index}; expected one of {space.name}, below {space.size}")
    arch = (run.get("best") or {}).get("arch")
    try:
        if arch is not None:
            space.parse(arch)
    except InvalidInputError as error:
        raise DataError(f"{where}: best.arch is {excerpt(arch)}: {error}") from None
