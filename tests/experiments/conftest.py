"""Synthetic records, written as an experiment writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustnas.spaces.nasbench201.cell import Cell

SEARCHERS = ("random", "local", "evolution")
OBJECTIVES: dict[str, dict[str, Any]] = {
    "clean": {"best": 0.946, "minimised": False, "noise_floor": 0.004, "n_within_noise": 9, "scale": "accuracy"},
    "pgd@1": {"best": 0.588, "minimised": False, "noise_floor": 0.018, "n_within_noise": 22, "scale": "accuracy"},
    "params": {"best": 70_000.0, "minimised": True, "noise_floor": 0.0, "n_within_noise": None, "scale": "count"},
    "clean, pgd@1": {"best": 1.0, "minimised": False, "noise_floor": None, "scale": "hypervolume"},
}
TITLES = {"clean": "clean", "pgd@1": "PGD, eps 1/255", "params": "parameters", "clean, pgd@1": "clean | PGD"}
CROSS = ("clean", "pgd@1")


@pytest.fixture(scope="session")
def write_records(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write records into a fresh directory and return it."""

    def write(
        objectives: Sequence[str] = ("clean", "pgd@1"),
        searchers: Sequence[str] = SEARCHERS,
        n_seeds: int = 8,
        budget: int = 60,
        *,
        constant: bool = False,
        **changes: Any,
    ) -> Path:
        folder = tmp_path_factory.mktemp("records")
        facts = {text: {**OBJECTIVES[text], "title": TITLES[text]} for text in objectives}
        manifest = {
            "dataset": "cifar10",
            "source": "table",
            "plan": 'dataset = "cifar10"\n',
            "database_digest": "0" * 64,
            "versions": {"robustnas": "0.1.0", "python": "3.12"},
            "budget": budget,
            "seeds": list(range(n_seeds)),
            "searchers": list(searchers),
            "objectives": facts,
            "cross_metrics": {key: {**OBJECTIVES[key], "title": TITLES[key]} for key in CROSS},
        } | changes
        (folder / "manifest.json").write_text(json.dumps(manifest))
        runs = [
            _run(text, searcher, skill, seed, budget, constant)
            for text in objectives
            for skill, searcher in enumerate(searchers)
            for seed in range(n_seeds)
        ]
        (folder / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
        return folder

    return write


def _run(objective: str, searcher: str, skill: int, seed: int, budget: int, constant: bool) -> dict[str, Any]:
    rng = np.random.default_rng([len(objective), skill, seed])
    facts = OBJECTIVES[objective]
    index = rng.choice(15625, size=budget, replace=False)
    regret = np.zeros(budget) if constant else rng.exponential(0.05 / (1 + 2 * skill), budget)
    multi = facts["scale"] == "hypervolume"
    score = np.round(facts["best"] * (1 + regret if facts["minimised"] else 1 - np.minimum(regret, 1)), 4)
    best = (np.minimum if facts["minimised"] else np.maximum).accumulate(score)
    cell = Cell.from_index(int(index[int(np.argmin(regret))]))
    front = [{"arch": cell.arch, "scores": [0.9, 0.5]}] if multi else None
    return {
        "objective": objective,
        "searcher": searcher,
        "seed": seed,
        "n_queries": budget,
        "seconds": 0.01 * (1 + skill),
        "best": None if multi else {"arch": cell.arch, "uid": 5, "score": float(best[-1])},
        "cross": None if multi else {"clean": 0.9 + 0.01 * rng.random(), "pgd@1": 0.4 + 0.1 * rng.random()},
        "queries": {
            "index": index.tolist(),
            "score": np.stack([score, score / 2], axis=1).tolist() if multi else score.tolist(),
            "best": best.tolist(),
            "cost": [1.0] * budget,
            "source": "table",
        },
        **({"front": front} if multi else {}),
    }
