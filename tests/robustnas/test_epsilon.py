from __future__ import annotations

import re

import numpy as np
import pytest

from robustnas import Metric
from robustnas.epsilon import epsilon, scale_advice
from robustnas.errors import ObjectiveError
from robustnas.metric import scale_notes
from robustnas.objectives import Objective, parse_objectives
from robustnas.tables import ArrayTable


@pytest.mark.parametrize(
    ("text", "value"),
    [("8/255", 8), (" 0.5 / 255 ", 0.5), ("2.55e1/255", 25.5), ("8/255.0", 8), ("8", 8), ("1e-1", 0.1)],
)
def test_eps_is_in_units_of_one_255th(text: str, value: float) -> None:
    assert epsilon(text, text) == value


@pytest.mark.parametrize(
    "text", ["", "8/256", "8/", "/255", "0/255", "256/255", "-8/255", "1.2.3/255", "nan", "8/255/255"]
)
def test_other_eps_are_refused(text: str) -> None:
    with pytest.raises(ObjectiveError, match=r"expected a number above 0 and up to 255, .* as in pgd@1 or pgd@8/255"):
        epsilon(text, f"pgd@{text}")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("pgd@8/255", "pgd@8"),
        ("0.5*clean+0.5*pgd@0.5/255", "0.5*clean+0.5*pgd@0.5"),
        ("worst@8 / 255 where adversarial@1/255>=0.2", "worst@8 where adversarial@1 >= 0.2"),
        ("pgd@1.23456789/255", "pgd@1.23456789"),
        ("clean - pgd@8/255", "clean - pgd@8"),
        ("t.a8 where fgsm@2e0/255 > 1e-1", "t.a8 where fgsm@2 > 1e-1"),
    ],
)
def test_an_objective_has_one_text(text: str, canonical: str) -> None:
    assert str(Objective(text)) == canonical
    assert Objective(text) == Objective(canonical)


def test_one_objective_in_two_ways_is_one() -> None:
    with pytest.raises(ObjectiveError, match="different objectives"):
        parse_objectives("pgd@8/255, pgd@8")
    assert Metric.parse("pgd@8/255") == Metric("pgd", 8.0)


@pytest.mark.parametrize("text", ["corruption:fog@3/255", "corruption@3/255"])
def test_severities_are_no_fractions(text: str) -> None:
    with pytest.raises(ObjectiveError, match="severity '3/255'"):
        Objective(text)


@pytest.mark.parametrize(
    "text",
    [
        "pgd-l2@1",
        "pgd_L2@1",
        "pgdl2@1",
        "pgd@L2",
        "pgd@L2@1",
        "pgd@1@l2",
        "l2@1",
        "clean + 0.1*apgd-l2@0.5",
        "worst-l2@1",
    ],
)
def test_another_norm_is_refused_by_name(text: str) -> None:
    with pytest.raises(ObjectiveError, match="L2 does not exist here; expected such as pgd@8, eps 8/255 in L-inf"):
        Objective(text)


def test_the_only_norm_is_left_out() -> None:
    for text in ("pgd@Linf", "pgd-linf@8", "pgd_L-inf@8"):
        with pytest.raises(ObjectiveError, match="the norm is left out; write pgd@8 for eps 8/255"):
            Metric.parse(text)


def test_a_column_may_be_called_like_a_norm() -> None:
    table = ArrayTable({"l2": np.arange(15625.0), "val_l2": np.ones(15625)})
    assert Objective("l2").evaluate(table)[-1] == 15624
    assert Objective("val_l2").evaluate(table)[0] == 1
    with pytest.raises(ObjectiveError, match=r"made-up: 'l2': .* L2 does not exist here"):
        Objective("l2").evaluate(ArrayTable({"clean": np.ones(15625)}, dataset="made-up"))


@pytest.mark.parametrize(
    ("eps", "meant"),
    [
        (0.03, "pgd@8 (= 8/255 = 0.0314)"),
        (0.031, "pgd@8 (= 8/255 = 0.0314)"),
        (8 / 255, "pgd@8 (= 8/255 = 0.0314)"),
        (0.0157, "pgd@4 (= 4/255 = 0.0157)"),
        (0.004, "pgd@1 (= 1/255 = 0.00392)"),
        (0.001, "pgd@0.255 (= 0.255/255 = 0.001)"),
        (0.3, "pgd@76.5 (= 76.5/255 = 0.3)"),
    ],
)
def test_a_share_of_the_range_is_recognised(eps: float, meant: str) -> None:
    assert scale_advice("pgd", eps) == f"did you mean {meant}?"
    table = ArrayTable({"pgd@1": np.ones(15625)}, dataset="made-up")
    with pytest.raises(ObjectiveError, match=rf"holds no pgd@\S+; did you mean {re.escape(meant)}\? It has pgd@1"):
        Objective(f"pgd@{eps!r}").evaluate(table)


def test_usual_eps_need_no_note() -> None:
    assert (
        scale_notes([Metric("clean"), Metric("corruption"), *(Metric("pgd", eps) for eps in (0.1, 0.25, 0.5, 1, 8))])
        == []
    )
    assert len(scale_notes([Metric("pgd", 0.03), Metric("fgsm", 0.03), Metric("fgsm", 1)])) == 2
