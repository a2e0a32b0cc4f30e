from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from robustnas.errors import MissingPackageError
from robustnas.naslib import stand_ins
from robustnas.naslib.stand_ins import is_missing


@pytest.fixture
def _packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Three packages: one that is there, one that is not, one that fails when it is imported."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "__init__.py").write_text("VALUE = 5\n")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").write_text("from broken import part\nraise RuntimeError('wrong torch')\n")
    (tmp_path / "broken" / "part.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    packages = {"there": ("there",), "Not-There": ("notthere", "notthere.sub"), "broken": ("broken",)}
    monkeypatch.setattr(stand_ins, "PACKAGES", packages)
    monkeypatch.delitem(sys.modules, "there", raising=False)


@pytest.mark.usefixtures("_packages")
def test_only_what_cannot_be_imported_is_stood_in_for() -> None:
    with stand_ins.stand_ins() as missing:
        assert missing == ("Not-There", "broken")
        assert importlib.import_module("there").VALUE == 5
        module = importlib.import_module("notthere")
        assert importlib.import_module("notthere.sub") is module.sub


@pytest.mark.usefixtures("_packages")
def test_nobody_else_sees_a_stand_in_or_half_a_package() -> None:
    with stand_ins.stand_ins():
        pass
    assert not {"notthere", "notthere.sub", "broken", "broken.part"} & set(sys.modules)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("notthere")


@pytest.mark.usefixtures("_packages")
def test_stand_ins_go_when_an_import_fails() -> None:
    with pytest.raises(ZeroDivisionError), stand_ins.stand_ins():
        _ = 1 / 0
    assert "notthere" not in sys.modules


@pytest.mark.usefixtures("_packages")
def test_a_stand_in_passes_imports_and_class_definitions_and_refuses_calls() -> None:
    namespace: dict[str, object] = {}
    code = """
        import notthere.sub as nt
        from notthere import models
        class Derived(nt.Base): ...
        kernel = nt.kernels.RBF
    """
    with stand_ins.stand_ins():
        exec("\n".join(line[8:] for line in code.splitlines()), namespace)
    for name in ("models", "Derived", "kernel"):
        with pytest.raises(MissingPackageError, match=r"package Not-There, .* pip install Not-There"):
            namespace[name](3)  # type: ignore[operator]


@pytest.mark.usefixtures("_packages")
def test_is_missing() -> None:
    assert [is_missing(name) for name in ("there", "Not-There", "broken")] == [False, True, True]


@pytest.mark.usefixtures("_packages")
def test_a_stand_in_has_no_dunder_that_it_was_not_given() -> None:
    with stand_ins.stand_ins():
        module = importlib.import_module("notthere")
        assert not hasattr(module, "__version__")
        assert not hasattr(module.thing, "__wrapped__")
