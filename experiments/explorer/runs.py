"""Runs of searches on a page: which networks each queried, in order, and when its best improved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.comparison.recorded_space import recorded_space
from experiments.comparison.records import finished_runs
from experiments.comparison.schema import read_comparison
from experiments.explorer.networks import Networks
from robustnas.errors import InvalidInputError

MOST_QUERIES = 400_000
"""Of more queries, a page holds the first seeds of every searcher."""


def recorded_dataset(folder: Path) -> str:
    """Return the dataset that the runs in a folder were on."""
    return str(read_comparison(folder)["dataset"])


def runs_of(folder: Path, networks: Networks, dataset: str) -> tuple[dict[str, Any], list[int]]:
    """Return what a page says of the runs in a folder, and the queries of all of them, one run after the other.

    A query is twice the network's place on the page, plus 1 if it improved the best so far; -1 if it is not shown.

    Raises:
        DataError: They are missing, corrupt, or of another experiment.
        InvalidInputError: They are on another search space than the page.
    """
    manifest = read_comparison(folder)
    space = recorded_space(manifest)
    if space is None or not space.shares_indices(networks.space):
        found = manifest.get("space") or "another one"
        raise InvalidInputError(
            f"the runs in {folder} are on the search space {found}, {dataset} is over {networks.space.name}: expected "
            "one space; name the runs' dataset with --dataset"
        )
    runs = sorted(finished_runs(folder, manifest), key=lambda run: _order(run, manifest))
    shown = _within(runs)
    queries = [_queries(run, networks) for run in shown]
    said = {
        "dataset": manifest["dataset"],
        "folder": folder.name,
        "objectives": list(manifest["objectives"]),
        "several": [name for name, facts in manifest["objectives"].items() if facts.get("scale") == "hypervolume"],
        "searchers": list(manifest["searchers"]),
        "n_runs": len(runs),
        "runs": [
            [run["objective"], run["searcher"], run["seed"], len(found)]
            for run, found in zip(shown, queries, strict=True)
        ],
    }
    return said, [query for found in queries for query in found]


def _order(run: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[int, int, int]:
    objectives, searchers = list(manifest["objectives"]), list(manifest["searchers"])
    return objectives.index(run["objective"]), searchers.index(run["searcher"]), int(run["seed"])


def _within(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the runs of as many seeds as `MOST_QUERIES` allow, at least one."""
    for seed in sorted({run["seed"] for run in runs}, reverse=True):
        if sum(run["n_queries"] for run in runs) <= MOST_QUERIES:
            break
        runs = [run for run in runs if run["seed"] < seed] or runs
    return runs


def _queries(run: Mapping[str, Any], networks: Networks) -> list[int]:
    places = networks.of_indices(np.asarray(run["queries"]["index"], dtype=np.int64))
    best = np.array([np.nan if value is None else value for value in run["queries"]["best"]], dtype=np.float64)
    before = np.concatenate([[np.nan], best[:-1]])
    improved = np.isfinite(best) & ~(best == before)
    found: list[int] = np.where(places >= 0, 2 * places + improved, -1).tolist()
    return found
