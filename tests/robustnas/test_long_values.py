"""Values of tens of thousands of characters, wherever one is taken: errors show an excerpt."""

from __future__ import annotations

import json

import pytest

from experiments.comparison.plan import Plan
from experiments.surrogate_benchmark.plan import BenchmarkPlan
from robustnas.errors import RobustNASError
from robustnas.evaluator.filling.plan import FillPlan
from robustnas.oracle import Oracle
from robustnas.registry import Registry
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.datasets import open_table
from searchers.registry import create

pytestmark = pytest.mark.timeout(60)

_MOST = 2500  # an excerpt, and up to 60 names that are known
LONG = "x" * 33_000
VALUES = {
    "word": LONG,
    "arch": "|nor_conv_3x3~0|" * 2000,
    "column": f"t.{LONG}",
    "file": f"{LONG}.py:X",
    "module": f"{LONG}:X",
    "sheet": f"{LONG}.csv",
    "lines": "a\n" * 16_000,
    "integers": list(range(20_000)),
    "words": [LONG] * 50,
    "table": {LONG: LONG},
}


def refused(call, *arguments, **options):
    with pytest.raises(RobustNASError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def said(call, *arguments, **options):
    """Return what is wrong with values, some of which are fine until there is a table; nothing for these."""
    try:
        call(*arguments, **options)
    except RobustNASError as error:
        return str(error)
    return ""


@pytest.fixture(params=VALUES.values(), ids=VALUES.keys())
def value(request):
    return request.param


@pytest.mark.parametrize("key", ["objectives", "searchers", "seeds", "budget", "time", "report"])
def test_plans(key, value):
    content = {"objectives": ["clean"], "searchers": ["random"], "seeds": 1, "budget": 10, key: value}
    assert len(said(Plan, **content)) < _MOST


@pytest.mark.parametrize("key", ["name", "label", "population_size", LONG])
def test_searchers_of_plans(key, value):
    content = {"objectives": ["clean"], "searchers": [{"name": "evolution", key: value}]}
    assert len(refused(Plan, **content)) < _MOST


@pytest.mark.parametrize(
    "text", [f"{LONG} = 1", f"{LONG} = 1\n{LONG} = 2", f"[{LONG}]\n[{LONG}]", LONG, f'objectives = ["{LONG}"]']
)
@pytest.mark.parametrize("parse", [Plan.parse, FillPlan.parse])
def test_plan_files(parse, text):
    assert len(refused(parse, text)) < _MOST


@pytest.mark.parametrize("load", [Plan.load, FillPlan.load])
def test_paths_of_plans(load):
    assert len(refused(load, LONG)) < _MOST


@pytest.mark.parametrize("key", ["dataset", "objectives", "surrogates", "encodings", "train_sizes", "n_trials"])
def test_plans_of_surrogates(key, value):
    assert len(said(BenchmarkPlan, **{key: (value, value) if key.endswith("s") else value})) < _MOST


@pytest.mark.parametrize("key", ["images", "metrics", "cells", "seeds", "training", "attacks", "n_images", "protocol"])
def test_plans_of_fillings(key, value):
    written = f"{{{LONG} = 1}}" if isinstance(value, dict) else json.dumps(value)
    lines = {"images": '"digits"', "metrics": '["clean"]', key: written}
    text = "\n".join(f"{name} = {line}" for name, line in lines.items())
    assert len(said(FillPlan.parse, text)) < _MOST


@pytest.mark.parametrize("parameter", ["cheap_cost", "share", "surrogate"])
def test_parameters(parameter, value):
    assert len(said(create, "multi-fidelity", 0, **{parameter: value})) < _MOST


def test_datasets_and_queries(value):
    assert len(refused(open_table, value)) < _MOST
    table = open_table("cifar10-surrogate")
    assert len(refused(Oracle("clean", table, budget=5).query, value)) < _MOST
    assert len(refused(Oracle, "clean", table, budget="1 h", time=value)) < _MOST


def test_names_of_attached_columns():
    table = open_table("cifar10-surrogate")
    assert len(refused(Oracle, f"t.{LONG}", table, budget=5)) < _MOST
    own = {"clean": [0.5] * table.space.size}
    assert len(refused(ArrayTable, own, attached={LONG: [0.0]})) < _MOST


def test_registries(value):
    assert len(refused(Registry("colour", {"red": 1}).find, value)) < _MOST
