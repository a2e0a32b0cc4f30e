"""The front of all that some runs found, for a look at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.comparison.recorded_space import recorded_space
from experiments.comparison.records import Records
from robustnas.errors import InvalidInputError, excerpt, unknown_name
from robustnas.objectives import parse_objectives
from robustnas.pareto import non_dominated
from robustnas.spaces import EnumerableSpace
from robustnas.tables.network import Network, Networks


def found_front(records: Records, objectives: str | None = None, searcher: str | None = None) -> Networks:
    """Return the non-dominated networks among the fronts of runs; see `Records.front`."""
    name = _asked(records, objectives)
    if searcher is not None and searcher not in records.searchers:
        raise InvalidInputError(unknown_name("searcher", searcher, records.searchers))
    runs = records.runs[records.runs["objective"] == name]
    if searcher is not None:
        runs = runs[runs["searcher"] == searcher]
    members = {member["arch"]: member["scores"] for front in runs["front"] for member in front or ()}
    target = records.targets[name]
    signs = np.array([-1.0 if minimised else 1.0 for minimised in target.directions])
    utilities = np.array(list(members.values()), dtype=np.float64).reshape(-1, len(signs)) * signs
    kept = np.flatnonzero(non_dominated(utilities))
    kept = kept[np.argsort(-utilities[kept, 0], kind="stable")]
    names = tuple(objective.expression for objective in parse_objectives(name))
    scales = dict(zip(names, target.scales, strict=True))
    space, archs = recorded_space(records.manifest), list(members)
    networks = tuple(
        _network(archs[i], dict(zip(names, members[archs[i]], strict=True)), scales, records, space)
        for i in kept.tolist()
    )
    found_by = searcher or "all searchers"
    distinct = {network.uid if network.uid is not None else str(network.architecture): network for network in networks}
    return Networks(tuple(distinct.values()), f"front found by {found_by} on {records.manifest['dataset']}", names)


def _asked(records: Records, objectives: str | None) -> str:
    several = [name for name, target in records.targets.items() if target.is_multi]
    if objectives is None and len(several) == 1:
        return several[0]
    if not several:
        searched = excerpt(list(records.targets))
        raise InvalidInputError(
            f"the records are of {searched}, single objectives; expected several, as 'clean, pgd@1'"
        )
    if objectives is None:
        raise InvalidInputError(f"the records have several fronts; expected one of {excerpt(several)}")
    if objectives not in several:
        raise InvalidInputError(unknown_name("search for several objectives", objectives, several))
    return objectives


def _network(
    arch: str,
    scores: Mapping[str, float],
    scales: Mapping[str, str],
    records: Records,
    space: EnumerableSpace[Any] | None,
) -> Network:
    dataset = str(records.manifest["dataset"])
    if space is None:
        return Network(arch, None, scores, scales, dataset)
    architecture = space.parse(arch)
    return Network(architecture, space.uid(architecture), scores, scales, dataset)
