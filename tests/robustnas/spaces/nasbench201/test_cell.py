from __future__ import annotations

import pickle
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustnas import Cell
from robustnas.errors import InvalidInputError, NotationError
from robustnas.spaces.nasbench201.drawing import STYLES, cell_svg
from robustnas.spaces.nasbench201.numbering import N_CELLS

cells = st.integers(0, N_CELLS - 1).map(Cell.from_index)

ARCH = "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|"


@given(cells)
def test_every_notation_round_trips(cell: Cell) -> None:
    for notation in (
        cell,
        cell.arch,
        f"  {cell.arch}\n",
        cell.naslib,
        list(cell.naslib),
        str(cell.naslib),
        f"#{cell.database_id}",
        str(cell.database_id),
        f"index:{cell.index}",
    ):
        assert Cell.parse(notation) == cell
    assert Cell.from_names(op.label for op in cell.operations) == cell
    assert eval(repr(cell)) == cell
    assert pickle.loads(pickle.dumps(cell)) == cell


def test_arch_string_and_naslib_indices_of_a_published_pair() -> None:
    assert Cell.parse("(4, 0, 3, 1, 4, 3)").arch == ARCH
    assert Cell.parse(ARCH).naslib == (4, 0, 3, 1, 4, 3)


def test_six_digits_have_two_readings() -> None:
    # from published scripts: NAS-Bench-201's own convention numbers none 0 and follows the arch string
    assert Cell.readings("(4, 1, 0, 2, 4, 2)") == {"nasbench201": Cell.parse(ARCH), "naslib": Cell((4, 0, 3, 1, 4, 3))}
    for same in ((4, 0, 3, 1, 4, 3), [4, 0, 3, 1, 4, 3], "[4 0 3 1 4 3]", "403143"):
        assert Cell.readings(same)["naslib"] == Cell.parse(ARCH)
    for certain in (ARCH, Cell.parse(ARCH), "#13433", "13433", "index:5", "(4, 0, 3)", 7, None):
        assert Cell.readings(certain) == {}


@given(cells)
def test_both_readings_are_inverted(cell: Cell) -> None:
    assert Cell.readings(cell.naslib)["naslib"] == cell
    assert Cell.readings(cell.ops)["nasbench201"] == cell


@pytest.mark.parametrize("text", ["004330", "0012", "#0012", "00"])
def test_digits_with_leading_zeros_are_never_ids(text: str) -> None:
    with pytest.raises(NotationError, match="no leading zeros"):
        Cell.parse(text)


def test_database_ids_of_published_cells() -> None:
    assert Cell.parse("#0").arch == (
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    assert Cell.parse("#3").arch == "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|skip_connect~2|"


@pytest.mark.parametrize(
    ("text", "token", "expected"),
    [
        (ARCH.replace("none~1", "zero~1"), "'zero~1'", "unknown operation 'zero'"),
        (ARCH.replace("none~1", "nor_conv3x3~1"), "'nor_conv3x3~1'", "did you mean 'nor_conv_3x3'"),
        (ARCH.replace("none~1", "none~0"), "'none~0'", "expected <operation>~1"),
        (ARCH.replace("none~1", "none"), "'none'", "expected <operation>~1"),
        ("|none~0|+|none~0|", "|none~0|+|none~0|", "expected 1 [+] 2 [+] 3"),
        (ARCH[:-1], ARCH[:-1], "misplaced bars"),
        (ARCH + "+|none~3|", "1 + 2 + 3 + 1", "expected 1 [+] 2 [+] 3"),
        ("(4, 0, 3, 1, 4)", "(4, 0, 3, 1, 4)", "expected 6"),
        ("(4, 0, 3, 1, 4, 5)", "'5'", "0 skip_connect, 1 none"),
        ("(4, 0, 3, 1, 4, x)", "'x'", "NASLib operation index"),
        ("#15625", "15625", "expected 0 to 15624"),
        ("index:99999", "99999", "expected 0 to 15624"),
        ("#", "'#'", "arch string"),
        ("", "''", "database id"),
        ("resnet18", "'resnet18'", "expected an arch string"),
        ("#-1", "'#-1'", "database id"),
        ("#١٢", "١٢", "database id"),
    ],
)
def test_a_bad_string_is_refused_with_the_token_and_what_was_expected(text: str, token: str, expected: str) -> None:
    with pytest.raises(NotationError, match=expected) as error:
        Cell.parse(text)
    assert token in str(error.value)


@pytest.mark.parametrize("arch", [15_625, True, None, 1.5, (4, 0, 3, 1, 4, 3.5), [4, 0, 3], ("a",) * 6, {}])
def test_other_objects_are_refused(arch: object) -> None:
    with pytest.raises(NotationError):
        Cell.parse(arch)  # type: ignore[arg-type]


@pytest.mark.parametrize("ops", [(), (0, 1, 2), (0, 0, 0, 0, 0, 5), (0, 0, 0, 0, 0, -1), ("none",) * 6])
def test_a_cell_is_six_operation_codes(ops: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError):
        Cell(ops)


def test_cells_are_values() -> None:
    cell = Cell([0, 1, 2, 3, 4, 0])  # type: ignore[arg-type]
    assert cell == Cell((0, 1, 2, 3, 4, 0))
    assert len({cell, Cell((0, 1, 2, 3, 4, 0))}) == 1
    with pytest.raises(AttributeError):
        cell.ops = (0,) * 6  # type: ignore[misc]


@given(cells)
def test_a_cell_draws_itself_as_svg(cell: Cell) -> None:
    root = ElementTree.fromstring(cell._repr_svg_())
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"in", "1", "2", "out"} <= set(texts)
    arrows = root.findall("{http://www.w3.org/2000/svg}polygon")
    assert len(arrows) == sum(op != 0 for op in cell.ops)


def test_titles_are_escaped() -> None:
    root = ElementTree.fromstring(cell_svg(Cell((0,) * 6), title="<a & b>"))
    assert any(element.text == "<a & b>" for element in root.iter())


def test_a_drawing_is_legible_on_any_page() -> None:
    """No background; text has the page's colour; 1x1 and 3x3 differ in width, not in colour alone."""
    cell = Cell((2, 3, 0, 1, 4, 3))
    svg = cell.svg()
    root = ElementTree.fromstring(svg)
    assert root.get("fill") == "currentColor"
    assert not root.findall("{http://www.w3.org/2000/svg}rect")
    assert "prefers-color-scheme: dark" in svg
    widths = {style.label: style.width for style in STYLES.values()}
    assert widths["conv 3×3"] >= 2 * widths["conv 1×1"]
    lines = [path.get("stroke-width") for path in root.iter("{http://www.w3.org/2000/svg}path")]
    assert lines.count(f"{widths['conv 3×3']:g}") == 2


def test_the_arch_string_is_written_once_in_lines_that_fit() -> None:
    cell = Cell((2, 3, 0, 1, 4, 3))
    roots = (ElementTree.fromstring(cell.svg(title)) for title in (None, ""))
    written, bare = ([element.text or "" for element in root.iter() if element.tag.endswith("text")] for root in roots)
    assert "".join(text for text in written if "|" in text) == cell.arch
    assert max(map(len, written)) < 60
    assert not any("|" in text for text in bare)
