from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustnas import Metric, Objective
from robustnas.errors import ObjectiveError
from robustnas.metric import ATTACKS, CORRUPTIONS, corruption_metrics
from robustnas.objectives.objective import parse_objectives
from robustnas.tables.array_table import ArrayTable

ALL = [Metric("clean"), *(Metric(attack, eps) for attack in ATTACKS for eps in (0.5, 1.0)), *corruption_metrics()]
VALUES = dict(zip(ALL, np.random.default_rng(0).random((len(ALL), 15_625)), strict=True))
TABLE = ArrayTable({str(metric): values for metric, values in VALUES.items()}, "cifar10")


def evaluate(text: str) -> np.ndarray:
    return Objective(text).evaluate(TABLE)


def test_single_metrics() -> None:
    np.testing.assert_array_equal(evaluate("clean"), VALUES[Metric("clean")])
    np.testing.assert_array_equal(evaluate("pgd@0.5"), VALUES[Metric("pgd", 0.5)])
    np.testing.assert_array_equal(evaluate("pgd@1.0"), VALUES[Metric("pgd", 1)])
    np.testing.assert_array_equal(evaluate("corruption:fog@3"), VALUES[Metric("fog", 3.0)])


def test_means_and_minima() -> None:
    attacks = np.array([VALUES[Metric(attack, 1.0)] for attack in ATTACKS])
    np.testing.assert_allclose(evaluate("adversarial@1"), attacks.mean(axis=0))
    np.testing.assert_array_equal(evaluate("worst@1"), attacks.min(axis=0))
    corruptions = np.array([[VALUES[Metric(name, float(s))] for s in range(1, 6)] for name in CORRUPTIONS])
    assert corruptions.shape == (15, 5, 15_625)
    np.testing.assert_allclose(evaluate("corruption"), corruptions.mean(axis=(0, 1)))
    np.testing.assert_allclose(evaluate("corruption:fog"), corruptions[CORRUPTIONS.index("fog")].mean(axis=0))
    np.testing.assert_allclose(evaluate("corruption@2"), corruptions[:, 1].mean(axis=0))


def test_weighted_sums() -> None:
    clean, pgd = VALUES[Metric("clean")], VALUES[Metric("pgd", 1.0)]
    np.testing.assert_allclose(evaluate("0.5*clean + 0.5*pgd@1"), 0.5 * clean + 0.5 * pgd)
    np.testing.assert_allclose(evaluate("clean-2e-1 * pgd@1"), clean - 0.2 * pgd)
    np.testing.assert_allclose(evaluate("-pgd@1+clean"), clean - pgd)


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_any_positive_weights(first: float, second: float) -> None:
    clean, pgd = VALUES[Metric("clean")], VALUES[Metric("pgd", 1.0)]
    np.testing.assert_allclose(evaluate(f"{first!r}*clean + {second!r}*pgd@1"), first * clean + second * pgd)


def test_costs_are_minimised_accuracies_maximised() -> None:
    assert Objective("flops").minimised
    assert Objective("2*params").sign == -1.0
    assert not Objective("clean").minimised
    assert Objective("params").evaluate(TABLE).shape == (15_625,)


def test_tuples_are_several_objectives() -> None:
    assert [str(objective) for objective in parse_objectives("clean,  pgd@1,flops")] == ["clean", "pgd@1", "flops"]
    assert parse_objectives(Objective("clean")) == (Objective("clean"),)
    assert parse_objectives(["clean", Objective("pgd@1")]) == (Objective("clean"), Objective("pgd@1"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not one objective"),
        ("   ", "not one objective"),
        ("claen", "did you mean 'clean'"),
        ("pdg@1", "did you mean 'pgd@1'"),
        ("pgd", "eps '' in 'pgd'"),
        ("pgd@", "eps '' in 'pgd@'"),
        ("pgd@0", "eps '0'"),
        ("pgd@-1", "cannot read|eps ''"),
        ("pgd@one", "eps 'one'.*units of 1/255"),
        ("pgd@nan", "eps 'nan'"),
        ("pgd@256", "eps '256'"),
        ("clean@1", "unknown objective 'clean@1'"),
        ("corruption:frogs", "did you mean 'frost'|did you mean 'fog'"),
        ("corruption:smog", "unknown corruption 'smog'. Known: brightness"),
        ("corruption:fog@6", "severity '6'.*1 to 5"),
        ("corruption:fog@1.5", "severity '1.5'"),
        ("x*clean", "weight 'x'"),
        ("inf*clean", "weight 'inf'"),
        ("1e308*clean + 1e308*pgd@1", "weight '1e308'.*of at most 1e.100"),
        ("clean pgd@1", "cannot read 'pgd@1'"),
        ("clean +", "cannot read"),
        ("clean ++ pgd@1", "cannot read"),
        ("0.5*0.5*clean", "cannot read|unknown objective"),
        ("clean + params", "accuracy and a cost"),
        ("worst", "eps ''"),
        ("params - clean", "params is minimised, clean is maximised"),
        ("min(params)", "take one attached column"),
        ("clean where params", "where-clause"),
    ],
)
def test_a_bad_objective_is_refused_with_the_part_and_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(ObjectiveError, match=message):
        Objective(text)


@pytest.mark.parametrize("text", ["clean,", ",", "clean, clean", []])
def test_bad_tuples_are_refused(text: str | list[str]) -> None:
    with pytest.raises(ObjectiveError):
        parse_objectives(text)


def test_metrics_round_trip_and_have_paper_names() -> None:
    for metric in ALL:
        assert Metric.parse(str(metric)) == metric
        assert Metric.from_key(metric.key, metric.level) == metric
    assert Metric.parse("apgd@1").title == "APGD-CE, eps 1/255"
    assert Metric.parse("apgd@1").key == "aa_apgd-ce@Linf"
    assert Metric.parse("corruption:defocus_blur@2").title == "defocus blur, severity 2"


def test_the_price_of_a_measurement_counts_forward_and_backward_passes() -> None:
    assert Objective("clean").passes == 1
    assert Objective("fgsm@1").passes == 3
    assert Objective("clean + pgd@1").passes == 1 + 81
    assert Objective("corruption").passes == 75


def test_numbers_that_overflow_in_a_sum_are_refused_by_name() -> None:
    table = ArrayTable({"clean": np.full(15_625, 0.5), "mine": np.full(15_625, 1e90)}, "cifar10")
    assert Objective("1e-90*mine").evaluate(table)[0] == 1.0
    with pytest.raises(ObjectiveError, match=r"'1e\+20\*mine' reaches 1e\+110; expected numbers up to 1e\+100"):
        Objective("1e20*mine + clean").evaluate(table)
