from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from robustnas import Objective, Oracle
from robustnas.errors import DataError, DataNotFoundError, InvalidInputError, ObjectiveError
from robustnas.metric import Metric, corruption_metrics
from robustnas.spaces.nasbench201 import SKELETONS, space
from robustnas.spaces.nasbench201.cost import all_parameters
from robustnas.spaces.nasbench201.twins import network_twin_labels, twin_labels
from robustnas.tables.database.database import Database
from robustnas.tables.datasets import is_surrogate, open_table
from robustnas.tables.embedded import MODELS, SurrogateTable, open_surrogate
from robustnas.tables.embedded.model import OFFSET, accuracy, logit, read_model
from robustnas.tables.embedded.network import depends_on_input
from robustnas.tables.noise import noise_floor

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

DATASETS = ("cifar10", "cifar100")
MODEL = MODELS["cifar10-surrogate"]
TABLE_NUMBERS = 6466 * 108
CLASSES = {"cifar10": 10, "cifar100": 100}
TWIN_NOISE = {
    "cifar10": {"clean": 0.37, "fgsm@1": 1.2, "pgd@1": 1.8, "apgd@1": 1.7, "square@1": 1.4, "corruption": 1.1},
    "cifar100": {"clean": 0.48, "fgsm@1": 0.70, "pgd@1": 0.96, "apgd@1": 0.75, "square@1": 1.02, "corruption": 0.58},
}
"""Standard deviation between the database's twins, in points."""
LEAST_TAU = {
    "cifar10": {"clean": 0.88, "fgsm@1": 0.85, "pgd@1": 0.78, "apgd@1": 0.78, "square@1": 0.72, "corruption": 0.72},
    "cifar100": {"clean": 0.88, "fgsm@1": 0.80, "pgd@1": 0.76, "apgd@1": 0.75, "square@1": 0.69, "corruption": 0.84},
}
SHOWN = ("clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption")


@pytest.fixture(scope="module", params=DATASETS)
def real(request: pytest.FixtureRequest) -> str:
    """The dataset that a model stands for."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def table(real: str) -> SurrogateTable:
    return open_surrogate(f"{real}-surrogate")


@pytest.fixture(scope="module")
def noisy(real: str) -> SurrogateTable:
    return open_surrogate(f"{real}-surrogate@0")


def everything(table: SurrogateTable) -> np.ndarray:
    return np.stack([table.column(metric) for metric in table.metrics])


def scores(table: SurrogateTable, objective: str) -> np.ndarray:
    return Objective(objective).evaluate(table)[space.network_indices()]


def test_it_holds_every_metric_for_every_cell(table: SurrogateTable) -> None:
    assert len(table.metrics) == 108
    assert set(corruption_metrics()) <= set(table.metrics)
    columns = everything(table)
    assert columns.shape == (108, space.N_CELLS)
    assert columns.min() >= 0
    assert columns.max() <= 1
    assert np.array_equal(columns, columns.round(3))
    assert not table.column("clean").flags.writeable


def test_it_is_marked_as_a_surrogate(real: str, table: SurrogateTable, noisy: SurrogateTable) -> None:
    assert table.dataset == f"{real}-surrogate"
    assert noisy.dataset == f"{real}-surrogate@0"
    oracle = Oracle("pgd@1", table, budget=1)
    assert oracle.query(space.parse("#13433")).source == "surrogate"


def test_accuracies_are_plausible(table: SurrogateTable) -> None:
    levels = [table.network_column(f"pgd@{eps}").mean() for eps in ("0.1", "0.5", "1", "2", "3")]
    assert levels == sorted(levels, reverse=True)
    median, best = {"cifar10": (0.914, 0.945), "cifar100": (0.667, 0.730)}[table.model.dataset]
    assert np.median(table.network_column("clean")) == pytest.approx(median, abs=0.01)
    assert table.column("clean").max() == pytest.approx(best, abs=0.006)


def test_functional_twins_are_equal(table: SurrogateTable) -> None:
    columns, labels = everything(table)[:, space.network_indices()], network_twin_labels()
    first = np.unique(labels, return_index=True)[1]
    twin_of = dict(zip(labels[first].tolist(), first.tolist(), strict=True))
    assert np.array_equal(columns, columns[:, [twin_of[label] for label in labels.tolist()]])


def test_cells_of_one_network_are_equal(table: SurrogateTable, noisy: SurrogateTable) -> None:
    for columns in (everything(table), everything(noisy)):
        assert np.array_equal(columns, columns[:, space.canonical_indices()])


def test_the_network_itself_cannot_tell_twins_apart() -> None:
    labels = twin_labels()
    first = np.unique(labels, return_index=True)[1]
    for network in (network for path in MODELS.values() for network in read_model(path).networks):
        predictions = network.predict(space.all_operations())
        assert np.abs(predictions - predictions[first][labels]).max() < 1e-9


def test_costs_are_those_of_the_real_dataset(real: str, table: SurrogateTable, noisy: SurrogateTable) -> None:
    expected = all_parameters(SKELETONS[real])
    for opened in (table, noisy):
        np.testing.assert_array_equal(Objective("params").evaluate(opened), expected)


def test_a_network_that_sees_no_image_scores_chance(real: str, table: SurrogateTable, noisy: SurrogateTable) -> None:
    blind = ~depends_on_input(space.all_operations()[space.canonical_indices()])
    assert len(np.unique(space.uids()[blind])) == 5
    assert np.all(everything(table)[:, blind] == 1 / CLASSES[real])
    assert np.all(everything(noisy)[:, blind] == 1 / CLASSES[real])


def test_another_process_computes_the_same_table(table: SurrogateTable, noisy: SurrogateTable) -> None:
    code = (
        "import hashlib, numpy as np; from robustnas.tables.embedded import open_surrogate\n"
        f"for t in map(open_surrogate, {[table.dataset, noisy.dataset]}):\n"
        "    c = np.stack([t.column(m) for m in t.metrics]); print(t.digest, hashlib.sha256(c.tobytes()).hexdigest())"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    here = [f"{t.digest} {hashlib.sha256(everything(t).tobytes()).hexdigest()}" for t in (table, noisy)]
    assert out.split("\n")[:2] == here


def test_noise_is_one_draw_per_seed_and_network(noisy: SurrogateTable) -> None:
    path = MODELS[f"{noisy.model.dataset}-surrogate"]
    again, other = SurrogateTable(0, model=path), SurrogateTable(1, model=path)
    assert np.array_equal(everything(noisy), everything(again))
    assert not np.array_equal(noisy.column("clean"), other.column("clean"))
    assert len({SurrogateTable(model=path).digest, noisy.digest, other.digest}) == 3


@pytest.mark.parametrize("objective", SHOWN)
def test_twins_differ_by_the_noise_of_the_database(real: str, noisy: SurrogateTable, objective: str) -> None:
    points = TWIN_NOISE[real][objective]
    assert 100 * noise_floor(scores(noisy, objective)).std == pytest.approx(points, rel=0.12)


def test_the_noise_of_metrics_is_correlated_as_modelled(table: SurrogateTable, noisy: SurrogateTable) -> None:
    names = ["clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption:fog@3"]
    metrics = [Metric.parse(name) for name in names]
    seeing = depends_on_input(space.all_operations()[space.network_indices()])
    noise = [(logit(noisy.network_column(m)) - logit(table.network_column(m)))[seeing] for m in metrics]
    rows = [table.metrics.index(metric) for metric in metrics]
    modelled = table.model.noise.correlation()[np.ix_(rows, rows)]
    assert np.corrcoef(noise) == pytest.approx(modelled, abs=0.06)
    assert modelled[names.index("pgd@1"), names.index("apgd@1")] > 0.7


def test_it_is_far_smaller_than_the_table(real: str, table: SurrogateTable) -> None:
    assert table.model.n_numbers < 40_000
    assert TABLE_NUMBERS / table.model.n_numbers > 17
    assert MODELS[f"{real}-surrogate"].stat().st_size < 200_000
    assert max(array.size for array in table.model.arrays().values()) < 12_000  # nothing per network in it


def test_the_model_is_package_data_without_pickle(real: str) -> None:
    file = resources.files("robustnas.tables.embedded") / f"{real}.npz"
    assert file.is_file()
    with np.load(MODELS[f"{real}-surrogate"], allow_pickle=False) as content:
        assert all(content[name].dtype.kind in "fUi" for name in content.files)


def test_the_table_has_the_ways_of_a_database_table(table: SurrogateTable) -> None:
    index = space.parse("#13433").index
    assert table.value("#13433", "pgd@1") == table.column(Metric("pgd", 1.0))[index]
    assert table.values(["#13433", "#0"], "clean")[0] == table.value("#13433", "clean")
    assert table.values(np.array([[index]]), "clean").shape == (1, 1)
    assert table.scores("#13433")["corruption:fog@3"] == table.value("#13433", "corruption:fog@3")
    frame = table.frame()
    assert frame.shape == (space.N_NETWORKS, 109)
    assert frame.loc[13433, "pgd@1"] == table.value("#13433", "pgd@1")
    assert table.dataset in repr(table)


def test_it_travels_to_other_processes(noisy: SurrogateTable) -> None:
    copy = pickle.loads(pickle.dumps(noisy))
    assert (copy.dataset, copy.digest) == (noisy.dataset, noisy.digest)


def test_what_is_wrong_is_refused(table: SurrogateTable) -> None:
    with pytest.raises(InvalidInputError, match="noise_seed is -1"):
        SurrogateTable(-1)
    with pytest.raises(ObjectiveError, match=r"cifar100?-surrogate holds no pgd@5; it has pgd@0.1"):
        table.column("pgd@5")
    with pytest.raises(InvalidInputError, match="15625 is not a space index"):
        table.values(np.array([15625]), "clean")


def test_a_foreign_or_damaged_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="fit_embedded"):
        SurrogateTable(model=tmp_path / "none.npz")
    foreign, damaged, pickled, partial = (tmp_path / f"{name}.npz" for name in ("a", "b", "c", "d"))
    np.savez(foreign, x=np.zeros(3))
    damaged.write_bytes(MODEL.read_bytes()[:5000])
    np.savez(pickled, format=np.array([{}], dtype=object))
    with np.load(MODEL) as content:
        np.savez(partial, **{name: content[name] for name in content.files if name != "noise.slope"})
    for path in (foreign, damaged, pickled, partial):
        with pytest.raises(DataError, match="surrogate benchmark"):
            SurrogateTable(model=path)


def test_a_model_file_can_be_written_and_read(table: SurrogateTable, tmp_path: Path) -> None:
    table.model.write(tmp_path / "copy.npz")
    assert (tmp_path / "copy.npz").read_bytes() == MODELS[table.dataset].read_bytes()
    assert np.array_equal(everything(SurrogateTable(model=tmp_path / "copy.npz")), everything(table))


def test_the_logit_is_inverted() -> None:
    values = np.linspace(0, 1, 101)
    assert accuracy(logit(values)) == pytest.approx(values, abs=1e-12)
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()
    assert 0.001 <= OFFSET <= 0.01


def test_datasets_are_opened_by_name(published: Path, own_cache: Path) -> None:
    assert open_table("cifar10", published).source == "table"
    assert open_table("cifar10-surrogate").dataset == "cifar10-surrogate"
    assert open_table("cifar100-surrogate@3").dataset == "cifar100-surrogate@3"
    with pytest.raises(InvalidInputError, match="Known: cifar10, cifar10-surrogate, cifar100"):
        open_table("cifar11", published)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "ImageNet16-120"])
def test_without_the_database_the_error_names_the_surrogate(own_cache: Path, name: str) -> None:
    with pytest.raises(DataNotFoundError, match="robustnas data fetch") as refusal:
        open_table(name)
    assert (f"try {name}-surrogate: a model's predictions" in str(refusal.value)) == (name in DATASETS)


@pytest.mark.parametrize("name", ["cifar10-surrogate@", "cifar10-surrogate@-1", "cifar100-surrogate@1.5"])
def test_a_wrong_noise_seed_is_refused(name: str) -> None:
    assert is_surrogate(name)
    with pytest.raises(InvalidInputError, match=f"did you mean '{name.partition('@')[0]}'"):
        open_surrogate(name)


@pytest.mark.real_data
@pytest.mark.parametrize("objective", SHOWN)
def test_it_ranks_networks_as_the_database_does(
    real_data_dir: Path, real: str, table: SurrogateTable, objective: str
) -> None:
    measured = Objective(objective).evaluate(Database.open(real_data_dir)[real])[space.network_indices()]
    assert kendalltau(measured, scores(table, objective)).statistic > LEAST_TAU[real][objective]


@pytest.mark.real_data
@pytest.mark.parametrize("objective", SHOWN)
def test_noise_spreads_scores_as_far_as_the_database(
    real_data_dir: Path, real: str, noisy: SurrogateTable, objective: str
) -> None:
    measured = Objective(objective).evaluate(Database.open(real_data_dir)[real])[space.network_indices()]
    assert scores(noisy, objective).std() == pytest.approx(measured.std(), rel=0.05)
    assert scores(noisy, objective).max() == pytest.approx(measured.max(), abs=0.05)


@pytest.mark.real_data
def test_no_network_of_the_database_can_be_read_off(real_data_dir: Path, real: str, table: SurrogateTable) -> None:
    """Its error is the size of the training noise or larger: it smooths, it does not remember."""
    database = Database.open(real_data_dir)[real]
    labels = network_twin_labels()
    for objective in SHOWN:
        measured = Objective(objective).evaluate(database)[space.network_indices()]
        error = np.sqrt(np.mean((measured - scores(table, objective)) ** 2))
        assert error > 0.9 * noise_floor(measured).std
    assert len(labels) == space.N_NETWORKS
