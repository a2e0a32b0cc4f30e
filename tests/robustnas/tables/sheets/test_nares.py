from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from robustnas.spaces import open_space
from robustnas.tables.datasets import open_table
from robustnas.tables.kept_table import keep_table
from robustnas.tables.sheets.nares import nares_rows

OPTIONS = {"D1": 4, "W1": 8, "D2": 5, "W2": 10, "D3": 7, "W3": 16}
TEXT = "depth1=4,width1=8,depth2=5,width2=10,depth3=7,width3=16"


def line(scale: float = 100, **changes: Any) -> dict[str, Any]:
    """A made-up line with NARes' names of fields."""
    test = {
        "test_clean_acc": 0.87 * scale,
        "test_loss": 0.5,
        "Linf_fgsm_acc": 0.61 * scale,
        "Linf_pgd_acc": 0.56 * scale,
        "Linf_cw_acc": 0.55 * scale,
        "Linf_aa_acc": 0.52 * scale,
        "corruptions": {
            "fog": {str(level): {"acc": (0.8 - level / 100) * scale, "loss": 1.0} for level in range(1, 6)},
            "spatter": {"1": {"acc": 0.7 * scale, "loss": 1.0}},
        },
    }
    train = {
        "seed": 0,
        "best_epoch": 1,
        "val_acc": [0.1 * scale, 0.77 * scale, 0.2 * scale],
        "pgd": [0.1 * scale, 0.38 * scale, 0.2 * scale],
        "cw": [0.1 * scale, 0.37 * scale, 0.2 * scale],
    }
    return {"arch_id": 3, "arch": OPTIONS, "MACs": 9.0, "Params": 9.0, "train": [train], "test_best": [test | changes]}


@pytest.mark.parametrize("scale", [1, 100])
def test_lines_become_a_dataset_over_wide_resnets(tmp_path: Path, scale: float) -> None:
    file = tmp_path / "cifar10.jsonl"
    other = line(scale, Linf_aa_acc=None) | {"arch": OPTIONS | {"D1": 11}}
    file.write_text("".join(json.dumps(found) + "\n" for found in (line(scale), other)))
    _, table = keep_table(file, "wide-resnets", "nares")
    assert table.space.n_networks == 2
    scores = table.scores(TEXT)
    assert scores["clean"] == pytest.approx(0.87)
    assert scores["fgsm@8"] == pytest.approx(0.61)
    assert scores["pgd@8"] == pytest.approx(0.56)
    assert scores["autoattack@8"] == pytest.approx(0.52)
    assert scores["cw_8"] == pytest.approx(0.55)
    assert scores["corruption:fog@3"] == pytest.approx(0.77)
    assert (scores["val_clean"], scores["val_pgd"], scores["val_cw"]) == pytest.approx((0.77, 0.38, 0.37))
    assert not any("spatter" in name for name in scores)
    lacking = table.scores(TEXT.replace("depth1=4", "depth1=11"))
    assert lacking["autoattack@8"] != lacking["autoattack@8"]
    assert any("read as NARes" in note for note in table.notes)
    assert open_table("nares").notes == ()
    assert table.space.cost_column("params") is open_space("wide-resnets").cost_column("params")


def test_several_trainings_are_means_and_odd_values_are_missing() -> None:
    row = line()
    row["test_best"] = [*row["test_best"], {"test_clean_acc": 89.0, "corruptions": None}, None]
    row["train"] = [{**row["train"][0], "best_epoch": 7}]
    (found,) = nares_rows([row])
    assert found["clean"] == pytest.approx(0.88)
    assert "val_pgd" not in found
