from pathlib import Path

import numpy as np
import pytest

from experiments.paper.design import design
from experiments.paper.design.cell_effects import cell_effects
from experiments.paper.design.equal_size import equal_size_networks
from experiments.paper.design.top_overlap import membership
from experiments.paper.section import Question
from robustnas.errors import ObjectiveError
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.numbering import all_operations
from robustnas.tables.database.database import Database

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


@pytest.mark.real_data
def test_the_papers_405_networks_of_equal_size(real_data_dir: Path) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    frame = equal_size_networks(table)
    assert len(frame) == 405
    assert frame["adversarial"].min() == pytest.approx(0.211, abs=5e-4)
    assert frame["adversarial"].max() == pytest.approx(0.399, abs=5e-4)
    best = Cell.parse(frame["arch"].iloc[0])
    attacks = [m for m in table.metrics if m.kind in ("fgsm", "pgd", "apgd", "square")]
    assert len(attacks) == 32
    by_hand = np.mean([table.value(best, metric) for metric in attacks])
    assert frame["adversarial"].iloc[0] == pytest.approx(by_hand)
    assert all(arch.count("nor_conv_3x3") == 2 and "nor_conv_1x1" not in arch for arch in frame["arch"])


@pytest.mark.real_data
def test_the_section_on_the_real_data(real_data_dir: Path) -> None:
    section = design(Question(Database.open(real_data_dir)["cifar10"]))
    assert "405 networks" in section.lead
    assert "21.1 to 39.9 %" in section.lead
    assert set(section.captions) == set(section.figures)


def test_an_additive_score_is_explained_exactly() -> None:
    rng = np.random.default_rng(0)
    effects = rng.normal(size=(6, 5))
    effects -= effects.mean(axis=1, keepdims=True)
    scores = 0.5 + effects[np.arange(6), all_operations()].sum(axis=1)
    model = cell_effects(scores)
    np.testing.assert_allclose(model.matrix, effects, atol=1e-9)
    assert model.r2 == pytest.approx(1.0)


def test_membership_leaves_out_the_unknown() -> None:
    assert membership(np.array([np.nan, 1.0, 1.0]), 1).tolist() == [0.0, 0.5, 0.5]


def test_a_partial_folder_shrinks_the_section_or_is_refused(published: Path) -> None:
    section = design(Question(Database.open(published)["cifar10"]))
    assert {"clean"} <= set(section.frames["size_correlations"]["objective"]) < {"clean", "pgd@1", "corruption"}
    (published / "cifar10" / "pgd@Linf_accuracy.json").unlink()
    with pytest.raises(ObjectiveError, match="no accuracy under attack"):
        design(Question(Database.open(published)["cifar10"]))
