from __future__ import annotations

import collections
import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from robustnas.errors import MissingPackageError
from robustnas.naslib import loading
from robustnas.naslib.loading import check_installed, load, location, source_digest, stood_in
from robustnas.naslib.predictor_types import PREDICTOR_TYPES, require
from robustnas.naslib.repairs import parameters_in_millions

needs_naslib = pytest.mark.skipif(location() is None, reason="NASLib is not installed: see docs/naslib.md")


@pytest.fixture
def _no_naslib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "location", lambda: None)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A package named naslib that imports what nobody has."""
    package = tmp_path / "naslib"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "utils.py").write_text("import a_package_that_nobody_has\n")
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "naslib"}
    for name in before:
        del sys.modules[name]
    monkeypatch.syspath_prepend(str(tmp_path))
    loading._prepare.cache_clear()
    yield package
    for name in [name for name in sys.modules if name.split(".")[0] == "naslib"]:
        del sys.modules[name]
    sys.modules.update(before)
    loading._prepare.cache_clear()
    source_digest.cache_clear()


@pytest.mark.parametrize("name", ["naslib.py", "naslib/other.py"])
def test_what_happens_to_have_the_name_is_not_naslib(broken: Path, tmp_path: Path, name: str) -> None:
    (broken / "utils.py").unlink()
    (broken / "__init__.py").unlink()
    (tmp_path / "elsewhere" / name).parent.mkdir(parents=True)
    (tmp_path / "elsewhere" / name).write_text("")
    sys.path.insert(0, str(tmp_path / "elsewhere"))
    try:
        importlib.invalidate_caches()
        assert location() != tmp_path / "elsewhere"
        if location() is None:
            with pytest.raises(MissingPackageError, match="is not installed"):
                check_installed()
    finally:
        sys.path.remove(str(tmp_path / "elsewhere"))


@pytest.mark.usefixtures("_no_naslib")
@pytest.mark.parametrize("ask", [check_installed, lambda: load("optimizers"), stood_in, lambda: require("xgb")])
def test_without_naslib_the_error_says_how_to_install_it(ask: object) -> None:
    with pytest.raises(
        MissingPackageError, match=r"NASLib is not installed.*git clone .*automl/NASLib.*docs/naslib.md"
    ):
        ask()  # type: ignore[operator]


def test_without_torch_the_error_says_so(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for ask in (check_installed, lambda: load("optimizers"), lambda: require("xgb")):
        with pytest.raises(MissingPackageError, match="needs torch; install it: git clone"):
            ask()


def test_a_package_that_naslib_cannot_do_without_is_named(broken: Path) -> None:
    assert location() == broken
    with pytest.raises(MissingPackageError, match="No module named 'a_package_that_nobody_has'; install it"):
        load("optimizers")


def test_the_digest_is_of_the_python_files(broken: Path) -> None:
    def digest() -> str:
        source_digest.cache_clear()
        return source_digest()

    first = digest()
    (broken / "data.pickle").write_bytes(b"1")
    assert digest() == first
    (broken / "utils.py").write_text("x = 1\n")
    second = digest()
    (broken / "utils.py").rename(broken / "other.py")
    assert len({first, second, digest()}) == 3


def test_a_failed_import_leaves_nothing_behind(broken: Path) -> None:
    before = set(sys.modules)
    with pytest.raises(MissingPackageError):
        load("optimizers")
    assert not hasattr(collections, "Iterable")
    assert {name for name in set(sys.modules) - before if "torchvision" in name or "pybnn" in name} == set()


def test_parameters_are_counted_without_auxiliary_heads() -> None:
    model = torch.nn.Module()
    model.body = torch.nn.Linear(10, 100)
    model.auxiliary_head = torch.nn.Linear(1000, 1000)
    assert parameters_in_millions(model) == pytest.approx(0.0011)


@needs_naslib
def test_loading_changes_nothing_outside_naslib() -> None:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load("optimizers")
    assert not hasattr(collections, "Iterable")
    assert (root.level, root.handlers) == (level, handlers)
    for package in stood_in():
        assert package not in sys.modules


@needs_naslib
def test_every_predictor_is_one_of_naslib() -> None:
    ensemble = load("predictors.ensemble").Ensemble
    for name in PREDICTOR_TYPES:
        assert len(ensemble(num_ensemble=1, ss_type="nasbench201", predictor_type=name).get_ensemble()) == 1


@needs_naslib
def test_model_size_is_counted() -> None:
    optimizers, config = load("optimizers"), loading.load("utils").AttrDict
    search = config(sample_size=2, population_size=2, epochs=1)
    strategy = optimizers.RegularizedEvolution(config(dataset="cifar10", search=search))
    strategy.history.append(torch.nn.Linear(10, 100))
    assert strategy.get_model_size() == pytest.approx(0.0011)
