"""The best networks of a search, trained again: in words, and as plain data for JSON."""

from __future__ import annotations

import math
from typing import Any

from experiments.comparison.finalists import Finalist, Finalists
from experiments.pages.table import difference, number, unit
from robustnas.objectives import constraints_of, scale_of
from robustnas.tables.table import Table

_MANY = 1_000


def finalists_lines(found: Finalists, table: Table) -> list[str]:
    """Return mean and deviation of every network, the noise, and how many trainings tell the first two apart."""
    scales = [scale_of(objective, table) for objective in found.objectives]
    seeds, n = ", ".join(map(str, found.seeds)), len(found.seeds)
    lines = [f"trained with {n} seeds ({seeds}): mean ± deviation (and what the search saw)"]
    lines += [f"  {_scores(network, scales)}{_feasible(found, network)}  {network.cell}" for network in found.networks]
    lines += [f"  failed: {failure}" for failure in found.failures]
    for objective, scale, noise in zip(found.objectives, scales, found.noise, strict=True):
        if noise.std > 0:
            of = f" of {objective.expression}" if len(scales) > 1 else ""
            trainings = f"{noise.degrees_of_freedom} degrees of freedom"
            lines.append(f"noise of one training{of}: {difference(noise.std, scale)} ({trainings})")
    if len(scales) == 1:
        lines += _apart(found, scales[0])
    return lines


def _scores(network: Finalist, scales: list[str]) -> str:
    parts = []
    for mean, deviation, searched, scale in zip(network.mean, network.deviation, network.searched, scales, strict=True):
        spread = f" ± {number(deviation, scale)}" if deviation > 0 else ""
        seen = f" ({number(searched, scale)})" if spread or mean != searched else ""
        parts.append(f"{number(float(mean), scale)}{spread}{unit(scale)}{seen}")
    return ", ".join(parts)


def _feasible(found: Finalists, network: Finalist) -> str:
    n = len(found.seeds)
    if not constraints_of(found.objectives) or network.n_feasible == n:
        return ""
    return f", feasible in {network.n_feasible} of {n} trainings"


def _apart(found: Finalists, scale: str) -> list[str]:
    needed, n = found.seeds_to_tell_apart, len(found.seeds)
    if math.isnan(needed):
        return []
    differ = f"the first two differ by {difference(found.gap, scale)}"
    if math.isinf(needed):
        return ["the first two have the same mean"]
    if needed <= n:
        return [f"{differ}, which {n} trainings of each can tell"]
    often = f"more than {_MANY:,}" if needed > _MANY else f"about {needed:.0f}"
    return [f"{differ}: to tell them apart takes {often} trainings of each"]


def finalists_result(found: Finalists) -> dict[str, Any]:
    """Return all of it as plain data, None where something is unknown; scores by seed and objective."""
    gap = {"gap": found.gap, "seeds_to_tell_apart": found.seeds_to_tell_apart} if len(found.objectives) == 1 else {}
    return {
        "seeds": list(found.seeds),
        "networks": [
            {
                "arch": str(network.cell),
                "searched": _plain(network.searched),
                "mean": _plain(network.mean),
                "deviation": _plain(network.deviation),
                "scores": [_plain(row) for row in network.scores],
                "n_feasible": network.n_feasible,
            }
            for network in found.networks
        ],
        "failures": list(found.failures),
        "noise": [
            {
                "objective": objective.expression,
                "std": _known(noise.std),
                "degrees_of_freedom": noise.degrees_of_freedom,
            }
            for objective, noise in zip(found.objectives, found.noise, strict=True)
        ],
        **{name: _known(value) for name, value in gap.items()},
    }


def _plain(values: Any) -> list[float | None]:
    return [_known(float(value)) for value in values]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
