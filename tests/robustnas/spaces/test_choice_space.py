from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustnas import Oracle
from robustnas.errors import InvalidInputError, NotationError, ObjectiveError, UserCodeError
from robustnas.spaces import ChoiceArchitecture, ChoiceSpace, Subspace, encoding, find_space, open_space
from robustnas.tables import ArrayTable
from searchers import SEARCHERS, create, search


class Small(ChoiceSpace):
    """Small networks of three choices.

    The rest of the docstring is no title.
    """

    choices = {"depth": (1, 2, 4), "width": (8, 16, 32, 64), "norm": ("batch", "none")}  # noqa: RUF012

    def valid(self, architecture: ChoiceArchitecture) -> bool:
        return not (architecture.depth == 4 and architecture.norm == "none")

    def canonical(self, architecture: ChoiceArchitecture) -> ChoiceArchitecture:
        return architecture.replaced(norm="batch") if architecture.depth == 1 else architecture

    def cost(self, architecture: ChoiceArchitecture) -> dict[str, float]:
        return {"params": architecture.depth * architecture.width**2, "flops": 100.0 * architecture.width}

    def encode(self, architecture: ChoiceArchitecture) -> list[float]:
        return [architecture.depth * architecture.width, float(architecture.norm == "batch")]


SMALL = Small()
TABLE = ArrayTable(
    {name: np.random.default_rng(i).random(24)[SMALL.canonical_list()] for i, name in enumerate(("clean", "pgd@1"))},
    space=SMALL,
)


def space_of(choices: Any, **methods: Any) -> ChoiceSpace:
    return type("Mine", (ChoiceSpace,), {"choices": choices, **methods})()


def test_an_architecture_is_a_value() -> None:
    found = SMALL.parse("depth=2,width=16,norm=none")
    assert (found.depth, found["width"], found.norm) == (2, 16, "none")
    assert dict(found) == {"depth": 2, "width": 16, "norm": "none"}
    assert str(found) == "depth=2,width=16,norm=none"
    assert found == SMALL.parse(str(found)) != found.replaced(depth=4)
    assert len({found, SMALL.parse(found)}) == 1
    assert pickle.loads(pickle.dumps(found)) == found
    assert np.array([found, found]).shape == (2,)
    for name in ("dept", "__len__"):
        with pytest.raises(AttributeError, match="unknown choice"):
            getattr(found, name)
    with pytest.raises(KeyError, match="did you mean 'depth'"):
        found["dept"]
    with pytest.raises(AttributeError):
        found.depth = 3
    with pytest.raises(InvalidInputError, match="did you mean 'depth'"):
        found.replaced(dept=1)


@pytest.mark.parametrize(
    "text",
    [
        "width=16, depth = 2 ,norm=none",
        "depth=2.0,width=1.6e1,norm=none",
        '{"depth": 2, "norm": "none", "width": 16.0}',
        {"depth": np.int64(2), "width": "16", "norm": "none"},
        "index:11",
        "#11",
    ],
)
def test_every_notation_is_read(text: object) -> None:
    assert str(SMALL.parse(text)) == "depth=2,width=16,norm=none"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("depth=2,width=16", r"has no norm; expected an option of every choice, as in depth=1,width=8,norm=batch"),
        ("depth=3,width=16,norm=none", r"unknown option of depth: '3'. Known: 1, 2, 4; in 'depth=3"),
        ("depth=2,width=16,norm=None", r"did you mean 'none'"),
        ("depth=2,width=16,nrm=none", r"unknown choice 'nrm'; did you mean 'norm'"),
        ("depth=2,depth=4,width=16,norm=none", r"gives depth twice, 2 and 4"),
        ("depth=2,16,norm=none", r"'16' names no option"),
        ("", "names no option"),
        ("17", "'17' names no option"),
        ('{"depth": 2', "is not JSON"),
        ('{"depth": [2], "width": 16, "norm": "none"}', r"depth is \[2\]; expected one of 1, 2, 4"),
        ('{"depth": true, "width": 16, "norm": "none"}', r"depth is True"),
        (None, "cannot read None as an architecture"),
        (2, "cannot read 2"),
        ("index:24", "24 is not an index of Small; expected 0 to 23"),
        ("depth=4,width=8,norm=none", r"depth=4,width=8,norm=none is not in the space Small: its valid\(\) says so"),
        ("x" * 200_000, "too long"),
        ("\ud800=1", "unknown choice"),
    ],
)
def test_what_is_none_is_refused_in_words(text: object, message: str) -> None:
    with pytest.raises(NotationError, match=message):
        SMALL.parse(text)


def test_nothing_may_be_an_option() -> None:
    space = space_of({"drop": (None, 0.5), "bias": (True, False), "norm": ("none", "batch")})
    for nothing in (None, "", "None", "null", float("nan")):
        assert space.parse({"drop": nothing, "bias": "true", "norm": "none"}) == space.architecture(0)
    assert space.parse("drop=,bias=False,norm=none") == space.architecture(2)
    assert space.parse(str(space.architecture(0))) == space.architecture(0)
    with pytest.raises(NotationError, match="unknown option of bias: '1'"):
        space.parse("drop=None,bias=1,norm=none")


def test_facts_follow_from_the_choices_and_methods() -> None:
    assert SMALL.title == "Small networks of three choices."
    assert (SMALL.size, SMALL.n_members, SMALL.n_networks) == (24, 20, 16)
    assert [SMALL.index(SMALL.architecture(i)) for i in range(24)] == list(range(24))
    codes = SMALL.codes()
    assert codes.dtype == np.int8
    np.testing.assert_array_equal(codes[11], [1, 1, 1])
    one, other = SMALL.parse("depth=1,width=8,norm=batch"), SMALL.parse("depth=1,width=8,norm=none")
    assert SMALL.uid(one) == SMALL.uid(other) == SMALL.index(one)
    assert SMALL.network_of_index()[SMALL.index(other)] == 0
    outside = one.replaced(depth=4, norm="none")
    assert outside not in SMALL
    assert SMALL.network_of_index()[SMALL.index(outside)] == -1
    assert outside not in SMALL.neighbours(outside.replaced(norm="batch"))
    assert SMALL.cost_column("params")[SMALL.index(one)] == 64
    assert np.isnan(SMALL.cost_column("flops")[SMALL.index(outside)])


def test_encodings_follow_from_the_choices() -> None:
    row = SMALL.index(SMALL.parse("depth=2,width=64,norm=none"))
    one_hot, ordinal = encoding("one-hot", space=SMALL), encoding("ordinal", space=SMALL)
    assert one_hot.names[:4] == ("one-hot:depth=1", "one-hot:depth=2", "one-hot:depth=4", "one-hot:width=8")
    assert one_hot.values[row].tolist() == [0, 1, 0, 0, 0, 0, 1, 0, 1]
    assert ordinal.values[row].tolist() == pytest.approx([1 / 3, 1, 1])
    both = encoding("choices", space=SMALL)
    assert both.values[row].tolist() == pytest.approx([0, 1, 0, 0, 0, 0, 1, 0, 1, 1 / 3, 1])
    assert encoding("own", space=SMALL).values[row].tolist() == [128, 0]
    fixed = space_of({"one": ("only",), "two": (1, 2)})
    assert encoding("choices", space=fixed).names == ("one-hot:two=1", "one-hot:two=2", "ordinal:two")
    alone = encoding("ordinal", space=space_of({"one": ("only",)}))
    assert alone.values.tolist() == [[0.0]]


@pytest.mark.parametrize("name", [name for name in SEARCHERS if name != "optuna-gp"])  # it loads torch
def test_every_searcher_runs_on_it(name: str) -> None:
    parameters = {"cheap": "pgd@1"} if name == "multi-fidelity" else {}
    several = "clean, pgd@1 where params <= 4096" if name in ("nsga2", "optuna-nsga2", "gp") else "clean"
    oracle = Oracle(several, TABLE, budget=9)
    searcher = create(name, 0, space=oracle.space, n_objectives=1 + several.count(","), **parameters)
    asked = [outcome.cell for outcome in search(searcher, oracle)]
    assert len({SMALL.uid(cell) for cell in asked}) == 9
    assert all(cell in SMALL for cell in asked)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({}, "choices is empty"),
        ([("depth", (1,))], "choices is .* expected options by name"),
        ({"depth": ()}, r"choice 'depth' has the options \(\); expected a tuple"),
        ({"depth": 4}, "has the options 4"),
        ({"depth": "abc"}, "has the options 'abc'"),
        ({"depth": {1, 2}}, "has the options {1, 2}"),
        ({"depth": (1, 2, 1)}, "choice 'depth' has the option 1 twice"),
        ({"depth": (1, "1")}, "choice 'depth' has the option '1' twice"),
        ({"depth": (1, True)}, "choice 'depth' has the option True beside 1, which is equal"),
        ({"depth": ([1], [2])}, r"an option of 'depth' is \[1\], a list; expected a number or a name"),
        ({"depth": (float("nan"),)}, "an option of 'depth' is nan"),
        ({"act": (min, max)}, "a builtin_function_or_method"),
        ({"a=b": (1,)}, r"choice is called 'a=b'; has '=', which the text form"),
        ({"a": ("x,y",)}, r"an option of 'a' is called 'x,y'; has ','"),
        ({"": (1,)}, "choice is called ''"),
        ({" a": (1,)}, "choice is called ' a'"),
        ({3: (1,)}, "choice is called 3; expected a text"),
        ({"depth": range(2**21)}, "choice 'depth' has more than 1,048,576 options; expected fewer"),
    ],
)
def test_choices_that_are_none_are_refused(choices: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        space_of(choices)


TWO = {"a": (1, 2), "b": (1, 2)}


@pytest.mark.parametrize(
    ("method", "function", "ask", "message"),
    [
        ("valid", lambda self, a: False, ChoiceSpace.members, r"the space Mine is empty: its valid\(\) refuses"),
        ("valid", lambda self, a: None, ChoiceSpace.members, r"valid\(a=1,b=1\) of the space Mine returned None"),
        ("valid", lambda self, a: a.c, ChoiceSpace.members, r"valid\(\) of the space Mine: AttributeError: unknown"),
        ("canonical", lambda self, a: dict(a), ChoiceSpace.uids, "expected an architecture"),
        ("canonical", lambda self, a: a.replaced(a=3 - a.a), ChoiceSpace.uids, "takes a=1,b=1 to a=2,b=1, and that to"),
        ("canonical", lambda self, a: a.replaced(a=7), ChoiceSpace.uids, "7 is no option of the space Mine"),
        ("cost", lambda self, a: 3, lambda s: s.cost_column("params"), "returned 3; expected numbers by name"),
        ("cost", lambda self, a: {"params": 3}, lambda s: s.cost_column("flops"), "returns no 'flops'"),
        ("encode", lambda self, a: [1.0] * a.a, lambda s: s.encodings["own"](), "as many finite numbers"),
        ("encode", lambda self, a: [np.nan], lambda s: s.encodings["own"](), "as many finite numbers"),
    ],
)
def test_methods_that_return_something_else_are_named(method: str, function: Any, ask: Any, message: str) -> None:
    with pytest.raises((InvalidInputError, UserCodeError), match=message):
        ask(space_of(TWO, **{method: function}))


def test_what_is_not_defined_is_said() -> None:
    plain = space_of(TWO)
    with pytest.raises(ObjectiveError, match="the space Mine has no costs; define cost"):
        plain.cost_column("params")
    with pytest.raises(InvalidInputError, match="the space Mine builds no networks; define build"):
        plain.build(plain.architecture(0), 10, 3)


def test_a_choice_may_have_many_options() -> None:
    many = space_of({"width": range(300), "depth": (1, 2)})
    assert many.codes().max() == 299
    assert str(many.architecture(599)) == "width=299,depth=2"
    most = space_of({"width": range(100_000)})
    assert encoding("ordinal", space=most).values[-1] == 1
    with pytest.raises(InvalidInputError, match="would have 100,001 columns for each of 100,000 architectures, 75 GiB"):
        encoding("choices", space=most)


def test_a_large_space_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("searchers.model_based._MOST_CANDIDATES", 100)
    large = space_of({f"c{i}": range(7) for i in range(6)})  # 117,649 architectures
    scores = large.codes().sum(axis=1) / 36
    oracle = Oracle("clean", ArrayTable({"clean": scores}, space=large), budget=15)
    found = list(search(create("gp", 0, space=large, n_initial=5), oracle))
    assert len(found) == 15
    assert all(outcome.score == scores[large.index(outcome.cell)] for outcome in found)
    assert large.neighbour_lists()[0][:2] == [7**5, 2 * 7**5]


def test_a_lonely_architecture_mutates_into_any() -> None:
    apart = space_of(TWO, valid=lambda self, a: a.a == a.b)
    alone = apart.parse("a=1,b=1")
    assert apart.neighbours(alone) == []
    assert apart.mutate(alone, np.random.default_rng(0)) in apart
    half = Subspace(apart, apart.codes()[:, 0] == 1)
    assert [str(half.architecture(i)) for i in half.members()] == ["a=2,b=2"]


SOURCE = """
from robustnas.spaces import ChoiceSpace

class Mine(ChoiceSpace):
    choices = {"depth": (1, 2), "width": (8, 16)}

def made():
    return Mine()

made_before = Mine()
nothing = 3
"""


def test_a_space_by_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("my_spaces.py")
    file.write_text(SOURCE)
    space = open_space("my_spaces.py:Mine")
    assert space is open_space(f"{tmp_path}/my_spaces.py:Mine") is find_space("my_spaces.py:Mine")
    assert space.name == "Mine"
    assert open_space("my_spaces.py:made") is open_space("my_spaces.py:made") is not space
    assert open_space("my_spaces.py:made_before").size == 4
    monkeypatch.chdir("/")
    again = pickle.loads(pickle.dumps(Subspace(space, np.array([True, True, True, False]))))
    assert again.whole is space
    assert again.n_networks == 3
    monkeypatch.chdir(tmp_path)
    before = dict(space.digests)
    file.write_text(SOURCE.replace("(8, 16)", "(8, 16, 32)"))
    after = open_space("my_spaces.py:Mine")
    assert after.size == 6
    assert {name for name in before if before[name] != after.digests[name]} == {"choices", "my_spaces.py"}
    for name, message in [
        ("my_spaces.py:nothing", "is 3; expected a class of spaces, a space, or a function that returns one"),
        ("my_spaces.py:Min", "did you mean 'Mine'"),
        ("other.py:Mine", "cannot read .*other.py"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            open_space(name)
        assert find_space(name) is None


def test_a_space_of_a_script_is_sent_whole() -> None:
    SMALL.members()
    again = pickle.loads(pickle.dumps(SMALL))
    assert again.choices == SMALL.choices
    assert "_members" not in vars(again)
    assert again.n_networks == 16
    assert json.loads(json.dumps(dict(again.digests))) == SMALL.digests
