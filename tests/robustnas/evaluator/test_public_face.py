from __future__ import annotations

import subprocess
import sys

import pytest

import robustnas.evaluator


@pytest.mark.parametrize("name", robustnas.evaluator.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(robustnas.evaluator, name).__module__.startswith("robustnas.evaluator.")


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Evaluators'"):
        robustnas.evaluator.Evaluators  # noqa: B018


def test_settings_load_no_torch() -> None:
    code = (
        "import sys; from robustnas.evaluator import AttackSettings, EvaluationSettings, TrainingConfig; "
        "assert not {'torch', 'sqlalchemy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
