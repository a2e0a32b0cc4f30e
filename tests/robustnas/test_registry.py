from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from robustnas import registry
from robustnas.errors import InvalidInputError
from robustnas.registry import Registry


class Points(list[EntryPoint]):
    def select(self, group: str) -> list[EntryPoint]:
        return [point for point in self if point.group == group]


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Points:
    """Entry points as installed packages offer them."""
    points = Points()
    monkeypatch.setattr(registry, "_entry_points", lambda: points)
    return points


def made() -> Registry[Any]:
    return Registry("searcher", {"random": 1}, "robustnas.searchers")


def test_what_a_package_offers_is_there_by_name(offered: Points) -> None:
    offered.append(EntryPoint("ordered", "collections:OrderedDict", "robustnas.searchers"))
    offered.append(EntryPoint("other", "collections:Counter", "robustnas.surrogates"))
    found = made()
    assert list(found) == ["random", "ordered"]
    assert found["ordered"].__name__ == "OrderedDict"
    assert found.find("ordered") is found["ordered"]
    assert "other" not in found
    assert (found | {"more": 2}).keys() == {"random", "ordered", "more"}


def test_one_that_cannot_be_loaded_is_named_and_harms_nobody(offered: Points) -> None:
    offered.append(EntryPoint("broken", "no_such_package:Thing", "robustnas.searchers"))
    offered.append(EntryPoint("ordered", "collections:OrderedDict", "robustnas.searchers"))
    found = made()
    with pytest.warns(UserWarning, match=r"the searcher 'broken' of .* cannot be loaded and is left out \(ModuleNot"):
        assert list(found) == ["random", "ordered"]
    assert len(found) == 2  # and it is said once


def test_a_name_that_is_taken_stays_with_its_owner(offered: Points) -> None:
    offered.append(EntryPoint("random", "collections:OrderedDict", "robustnas.searchers"))
    found = made()
    with pytest.warns(UserWarning, match="registers the searcher 'random', a name that is taken"):
        assert found["random"] == 1


@pytest.mark.parametrize("name", ["randm", 3, None, []])
def test_unknown_names_are_refused(offered: Points, name: object) -> None:
    with pytest.raises(InvalidInputError, match=f"unknown searcher {name!r}".replace("[", r"\[")):
        made().find(name)


def test_entries_can_be_added_and_removed(offered: Points) -> None:
    found = made()
    found["mine"] = 2
    assert dict(found) == {"random": 1, "mine": 2}
    del found["mine"]
    assert "mine" not in found
    assert repr(found) == "<searcher: random>"
