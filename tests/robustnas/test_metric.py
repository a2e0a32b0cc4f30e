from __future__ import annotations

import pytest

from robustnas.errors import InvalidInputError
from robustnas.metric import ATTACKS, PAPER_ATTACKS, Attack, Metric, check_measurable, measurable_attacks
from robustnas.objectives.objective import Objective


@pytest.mark.parametrize("objective", ["worst@1", "adversarial@1"])
def test_another_attack_leaves_the_objectives_of_the_paper_alone(
    objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Objective(objective).metrics
    monkeypatch.setitem(ATTACKS, "fifth", Attack("Fifth", "no.such:Attacker", passes_per_step=1))
    assert Objective(objective).metrics == before
    assert [str(metric) for metric in before] == [f"{name}@1" for name in PAPER_ATTACKS]


def test_a_registered_attack_is_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ATTACKS, "fifth", Attack("Fifth", "no.such:Attacker", passes_per_step=1))
    metric = Metric.parse("fifth@0.5")
    assert (metric, str(metric), metric.title, metric.passes) == (
        Metric("fifth", 0.5),
        "fifth@0.5",
        "Fifth, eps 0.5/255",
        2,
    )
    assert Objective("clean + fifth@0.5").metrics == (Metric("clean"), metric)


def test_attacks_without_a_class_and_the_mean_corruption_are_known_from_tables_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    autoattack, corruption = Metric.parse("autoattack@8"), Metric.parse("corruption")
    assert (autoattack.title, corruption.title) == ("AutoAttack, eps 8/255", "mean corruption")
    assert corruption.passes == 75
    assert "autoattack" in measurable_attacks()
    monkeypatch.setitem(ATTACKS, "published", Attack("Published", attacker="", passes_per_step=1))
    assert "published" not in measurable_attacks()
    for metric in (Metric.parse("published@8"), corruption):
        with pytest.raises(InvalidInputError, match=f"{metric} .*known from tables only"):
            check_measurable(metric)
    assert check_measurable(Metric("pgd", 8.0)) == Metric("pgd", 8.0)
